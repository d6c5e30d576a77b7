//! From empty hosts to valid trials, as docs/lab.md says, and the play again.

use std::collections::BTreeMap;

use tribunal_model::trial::Part;
use tribunal_report::experiment::ExperimentState;
use tribunal_report::{audit::Level, result::TrialResult};
use tribunal_testkit::process::Finished;
use tribunal_testkit::script::repository;

use crate::site::{site, until};
use crate::truth::starts;

/// What Ansible's recap counts, by host: `changed`, `failed`, `unreachable`, …
fn recap(played: &Finished) -> BTreeMap<String, BTreeMap<String, u32>> {
    let rows = played
        .out
        .iter()
        .skip_while(|line| !line.starts_with("PLAY RECAP"))
        .skip(1);
    rows.filter_map(|line| line.split_once(" : "))
        .map(|(host, counts)| {
            let counts = counts.split_whitespace().filter_map(|count| count.split_once('='));
            let counts = counts.map(|(what, count)| (what.to_owned(), count.parse().unwrap()));
            (host.trim().to_owned(), counts.collect())
        })
        .collect()
}

/// How many things a play changed, over all hosts.
pub(crate) fn changes(played: &Finished) -> u32 {
    recap(played).values().map(|counts| counts["changed"]).sum()
}

#[test]
fn a_matrix_on_installed_hosts_is_valid_and_loses_nothing() {
    let Some(site) = site() else { return };
    let of = |what: &str| {
        &site
            .walked
            .iter()
            .find(|(line, _)| line.contains(what))
            .expect("a command of the walk")
            .1
    };
    let installed = recap(of("ansible-playbook"));
    assert_eq!(installed.len(), 3, "{installed:?}");
    assert!(
        installed
            .values()
            .all(|counts| counts["changed"] > 0 && counts["failed"] == 0)
    );

    // The walk's own run.
    let text = std::fs::read_to_string(site.lab.state().join("result/report.json")).unwrap();
    let report = tribunal_report::json::read_report(&text).unwrap();
    assert_eq!(
        (report.facts.state, report.results.len()),
        (ExperimentState::Complete, 8)
    );
    let mut cells: Vec<String> = report.results.iter().map(TrialResult::cell_text).collect();
    cells.sort();
    cells.dedup();
    assert_eq!(cells.len(), 8, "each cell once");
    for result in &report.results {
        let cell = result.cell_text();
        assert!(result.verdict.valid(), "{cell}: {:?}", result.verdict);
        assert_eq!(result.audit.level, Level::Offsets, "{cell}");
        assert_eq!((result.audit.lost(), result.audit.surplus()), (0, 0), "{cell}");
        let window = result.part(Part::Window).unwrap();
        assert_eq!(
            (window.fates.scheduled, window.fates.acknowledged),
            (3000, 3000),
            "{cell}"
        );
        assert_eq!(starts(result, 1).len(), 2);
        let hosts: Vec<&str> = result.agents.iter().map(|agent| agent.host.hostname.as_str()).collect();
        assert_eq!(hosts, ["h2", "h3"], "the facts of both hosts");
        for agent in &result.agents {
            assert!(
                agent.host.os.contains("Debian") && agent.host.cores > 0,
                "{:?}",
                agent.host
            );
            assert!(
                !agent.host.kernel.is_empty() && agent.host.memory_bytes > 0,
                "{:?}",
                agent.host
            );
        }
    }
}

#[test]
fn the_play_changes_nothing_the_second_time_and_refuses_while_an_experiment_runs() {
    let Some(site) = site() else { return };
    let inventory = site.inventory();
    let again = site.play(&inventory, &[]);
    assert_eq!(
        (again.code, changes(&again)),
        (Some(0), 0),
        "{:#?} {:#?}",
        again.out,
        again.err
    );
    let checked = site.play(&inventory, &["--check", "--diff"]);
    assert_eq!((checked.code, changes(&checked)), (Some(0), 0), "{:#?}", checked.out);

    let plan = crate::site::plan(2, "rate = \"100/s\"", "measure = \"180s\"", crate::site::ANY_CLOCK);
    let running = site.run("running", &plan);
    site.until_delivering("h2");
    let refused = site.play(&inventory, &[]);
    assert_eq!((refused.code, changes(&refused)), (Some(2), 0), "{:#?}", refused.out);
    let said: Vec<&String> = refused.out.iter().chain(&refused.err).collect();
    let why = "an experiment runs or waits: ";
    assert!(said.iter().any(|line| line.contains(why)), "{said:#?}");
    let forced = site.play(&inventory, &["-e", "tribunal_force_upgrade=true"]);
    assert_eq!((forced.code, changes(&forced)), (Some(0), 0), "{:#?}", forced.out);
    running.interrupt();
    assert_eq!(running.finish().code, Some(130));
}

#[test]
fn secrets_stay_where_they_belong_and_units_are_the_services_users() {
    let Some(site) = site() else { return };
    for host in ["h1", "h2", "h3"] {
        let keys = site.sh(
            host,
            &["find", "/etc/tribunal", "-name", "*.key", "-printf", "%p %m %u\n"],
        );
        assert_eq!(keys, "/etc/tribunal/tls/host.key 600 tribunal\n", "{host}");
        let issued = std::fs::read_to_string(site.certificates().join(format!("{host}.key"))).unwrap();
        assert_eq!(
            site.sh(host, &["cat", "/etc/tribunal/tls/host.key"]),
            issued,
            "{host} has its own"
        );
        let unit = if host == "h1" {
            "tribunal-coordinator"
        } else {
            "tribunal-agent"
        };
        let shown = site.sh(
            host,
            &[
                "systemctl",
                "show",
                unit,
                "-p",
                "User",
                "-p",
                "ActiveState",
                "-p",
                "NotifyAccess",
                "-p",
                "WatchdogUSec",
            ],
        );
        for said in [
            "User=tribunal",
            "ActiveState=active",
            "NotifyAccess=main",
            "WatchdogUSec=30s",
        ] {
            assert!(shown.lines().any(|line| line == said), "{host}: {shown}");
        }
    }
}

/// The word that ends a program: to the first process of a container without an init, and to a unit.
#[test]
fn programs_end_in_time_when_they_are_told_to() {
    let Some(site) = site() else { return };
    for program in [
        "agent --config /etc/tribunal/agent.toml --metrics off --coordinator https://127.0.0.1:1",
        "coordinator --config /etc/tribunal/agent.toml --listen 127.0.0.1:7998 --http off --store /run/store",
    ] {
        let command = format!("/usr/local/bin/tribunal {program}");
        let unit = format!("alone-{}", &program[..5]);
        let start = format!("systemd-run --quiet --unit={unit} unshare --pid --fork --mount-proc {command}");
        site.sh("h3", &["sh", "-c", &start]);
        let inside = || {
            let found = site.lab.run(&["sh", "h3", "pgrep", "-f", &format!("^{command}")]);
            let found = found.map_or_else(|_| Vec::new(), |output| output.stdout);
            String::from_utf8_lossy(&found).lines().next().map(str::to_owned)
        };
        until("the program to run", || inside().is_some());
        let status = format!("/proc/{}/status", inside().unwrap());
        let numbers = site.sh("h3", &["grep", "NSpid", &status]);
        assert!(
            numbers.trim().ends_with("\t1"),
            "the first process of its namespace: {numbers}"
        );
        let log = || site.sh("h3", &["journalctl", "--unit", &unit]);
        until("the program to be up", || log().contains(" is up"));
        site.sh("h3", &["kill", "-TERM", &inside().unwrap()]);
        until("the program to end", || inside().is_none());
        until("the unit to end well", || {
            log().contains(&format!("{unit}.service: Deactivated successfully"))
        });
        assert!(log().contains("told to end by a signal"), "{}", log());
    }

    site.sh("h2", &["systemctl", "restart", "tribunal-agent"]);
    let result = site.sh("h2", &["journalctl", "-u", "tribunal-agent", "-n", "30"]);
    assert!(result.contains("Deactivated successfully"), "{result}");
    site.until_joined();
}

#[test]
fn what_the_readme_says_of_several_hosts_is_what_was_done() {
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let section = readme.split("\n## On several hosts\n").nth(1).expect("the section");
    let listing = section
        .split("```sh\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let commands: Vec<&str> = listing.lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(commands.len(), 4, "{commands:#?}");
    for (command, begins) in commands.iter().zip([
        "cargo build",
        "cp ",
        "ansible-playbook ",
        "target/release/tribunal run ",
    ]) {
        assert!(command.starts_with(begins), "{command}");
    }
}
