//! Certificates between agents, coordinator and command line, on a mock cluster.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::{Bench, Coordinator, Finished, LOOSE, Process, alone};

/// The flags for the certificate of `name` in the folder `dir`.
fn tls(dir: &str, name: &str) -> Vec<String> {
    let flag = |flag: &str, file: String| [flag.to_owned(), format!("{dir}/{file}")];
    [
        flag("--tls-ca", "ca.pem".to_owned()),
        flag("--tls-certificate", format!("{name}.pem")),
        flag("--tls-key", format!("{name}.key")),
    ]
    .concat()
}

fn with(bench: &Bench, words: &[&str], flags: &[String]) -> Command {
    let mut command = bench.command(words);
    command.args(flags);
    command
}

#[track_caller]
fn done(bench: &Bench, words: &[&str]) -> Finished {
    let finished = bench.start(words).finish();
    assert_eq!(finished.code, Some(0), "{words:?}: {:#?}", finished.err);
    finished
}

/// A CA in the folder `dir`, and certificates of these names for 127.0.0.1.
fn certify(bench: &Bench, dir: &str, names: &[&str]) {
    done(bench, &["certs", "init", "--dir", dir]);
    for name in names {
        done(bench, &["certs", "issue", name, "--host", "127.0.0.1", "--dir", dir]);
    }
}

fn agent(bench: &Bench, url: &str, name: &str, flags: &[String]) -> Process {
    let words = ["agent", "--coordinator", url, "--name", name, "--metrics", "off"];
    Process::start(with(bench, &words, flags))
}

fn agents(bench: &Bench, url: &str, flags: &[String]) -> Finished {
    Process::start(with(bench, &["agents", "--coordinator", url], flags)).finish()
}

#[track_caller]
fn refused(finished: &Finished, code: i32, said: &str) {
    assert_eq!(finished.code, Some(code), "{:#?}", finished.err);
    assert!(
        finished.error().contains(said),
        "{}\nshould hold {said}",
        finished.error()
    );
}

#[test]
fn a_trial_runs_between_holders_of_certificates_and_others_are_kept_out() {
    let _turn = alone();
    let bench = Bench::new();
    certify(&bench, "certs", &["coordinator", "a", "b", "kim"]);
    certify(&bench, "others", &["kim"]);
    let coordinator = Coordinator::start_with(&bench, 0, &tls("certs", "coordinator"));
    let url = format!("https://{}", coordinator.place);
    let _a = agent(&bench, &url, "a", &tls("certs", "a"));

    // With the certificate of another agent.
    let posing = agent(&bench, &url, "b", &tls("certs", "a")).finish();
    refused(&posing, 6, "agent b came with the certificate of a");
    let _b = agent(&bench, &url, "b", &tls("certs", "b"));

    let plan = bench.plan(&format!(
        "[agents]\ncount = 2\n[cluster]\nbootstrap = \"mock\"\n[workload]\nrate = \"500/s\"\n\
         record = {{ size = \"100B\" }}\n[window]\nwarm_up = \"1s\"\nmeasure = \"2s\"\n{LOOSE}"
    ));
    let (plan, out) = (plan.to_str().unwrap(), bench.out());
    let words = ["run", plan, "--coordinator", &url, "--out", out.to_str().unwrap()];
    let run = Process::start(with(&bench, &words, &tls("certs", "kim"))).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    assert_eq!(bench.report().results.len(), 1);

    // Another CA at both ends, and another certificate under the right CA.
    refused(
        &agents(&bench, &url, &tls("others", "kim")),
        6,
        "is not signed by the CA in others/ca.pem",
    );
    std::fs::copy(bench.path().join("certs/ca.pem"), bench.path().join("others/ca.pem")).unwrap();
    let foreign = agents(&bench, &url, &tls("others", "kim"));
    refused(
        &foreign,
        2,
        "the certificate in others/kim.pem is not signed by the CA in others/ca.pem",
    );

    // A name that the coordinator's certificate is not for.
    let named = url.replace("127.0.0.1", "localhost");
    refused(&agents(&bench, &named, &tls("certs", "kim")), 6, "is not for localhost");

    // Without TLS.
    refused(&agents(&bench, &coordinator.url, &[]), 6, "https://");
    refused(&agents(&bench, &url, &[]), 2, "needs certificates");
    coordinator.process.until("it spoke without TLS");
}

#[test]
fn a_coordinator_without_tls_is_not_taken_for_one_with() {
    let bench = Bench::new();
    certify(&bench, "certs", &["kim"]);
    let coordinator = Coordinator::start(&bench, 0);
    let url = format!("https://{}", coordinator.place);
    let answered = agents(&bench, &url, &tls("certs", "kim"));
    refused(&answered, 6, "answers without TLS");
    assert_eq!(answered.err.len(), 1, "{:#?}", answered.err);

    // What is no reason to refuse is told.
    done(&bench, &["certs", "issue", "kim", "--renew", "--days", "20"]);
    let everybody = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(bench.path().join("certs/kim.key"), everybody).unwrap();
    let warned = agents(&bench, &url, &tls("certs", "kim")).err.join("\n");
    assert!(
        warned.contains("the certificate ends on") && warned.contains("chmod 600 certs/kim.key"),
        "{warned}"
    );
}

#[test]
fn plaintext_stays_on_this_host() {
    let bench = Bench::new();
    for words in [
        &[
            "coordinator",
            "--listen",
            "0.0.0.0:0",
            "--http",
            "off",
            "--store",
            "store",
        ][..],
        &[
            "coordinator",
            "--listen",
            "127.0.0.1:0",
            "--http",
            "0.0.0.0:0",
            "--store",
            "store",
        ],
        &["agent", "--metrics", "0.0.0.0:0"],
        &["agent", "--coordinator", "http://192.0.2.1:7651", "--metrics", "off"],
        &["agents", "--coordinator", "http://192.0.2.1:7651"],
    ] {
        refused(&bench.start(words).finish(), 6, "is not loopback");
    }
    assert!(!bench.path().join("store").exists(), "nothing was started");
}

#[test]
fn certificates_that_cannot_be_used_are_told_before_anything_starts() {
    let bench = Bench::new();
    certify(&bench, "certs", &["a", "b"]);
    let some = &tls("certs", "a")[..4];
    let words = ["coordinator", "--listen", "127.0.0.1:0", "--store", "store"];
    let partial = Process::start(with(&bench, &words, some)).finish();
    refused(&partial, 2, "flag --tls-ca: tls.ca needs tls.key as well");
    let mut mixed = tls("certs", "a");
    mixed[5] = "certs/b.key".to_owned();
    let mixed = Process::start(with(&bench, &words, &mixed)).finish();
    refused(
        &mixed,
        2,
        "the key in certs/b.key does not belong to the certificate in certs/a.pem",
    );
    assert!(!bench.path().join("store").exists(), "nothing was started");
}

#[test]
fn certificates_are_made_for_their_owner_only_and_never_replaced_unasked() {
    let bench = Bench::new();
    done(&bench, &["certs", "init"]);
    done(
        &bench,
        &["certs", "issue", "a", "--host", "10.0.0.5", "--host", "lab.example"],
    );
    let mode = |path: &str| std::fs::metadata(bench.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        [mode("certs"), mode("certs/ca.key"), mode("certs/a.key")],
        [0o700, 0o600, 0o600]
    );
    let shown = done(&bench, &["certs", "show", "certs/a.pem"]).out.join("\n");
    for said in [
        "CN=a",
        "signed by  CN=tribunal CA ",
        "agent      a",
        "hosts      a, 10.0.0.5, lab.example",
        " days left",
    ] {
        assert!(shown.contains(said), "{shown}");
    }
    let read = || std::fs::read_to_string(bench.path().join("certs/a.pem")).unwrap();
    let first = read();
    refused(&bench.start(&["certs", "init"]).finish(), 2, "a CA is not overwritten");
    refused(&bench.start(&["certs", "issue", "a"]).finish(), 2, "--renew");
    refused(
        &bench.start(&["certs", "issue", "ca", "--renew"]).finish(),
        2,
        "the CA's own files",
    );
    refused(
        &bench.start(&["certs", "issue", "b", "--host", "a:1"]).finish(),
        2,
        "--host a:1",
    );
    refused(
        &bench.start(&["certs", "issue", "b", "--dir", "none"]).finish(),
        2,
        "no CA is in none",
    );
    assert_eq!(read(), first);
    done(&bench, &["certs", "issue", "a", "--renew"]);
    assert_ne!(read(), first);
    std::fs::copy(bench.path().join("certs/a.key"), bench.path().join("certs/ca.key")).unwrap();
    refused(
        &bench.start(&["certs", "issue", "b"]).finish(),
        2,
        "does not belong to the CA",
    );
}
