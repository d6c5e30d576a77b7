//! Ten agents on ten hosts, a millisecond away from the coordinator.

use tribunal_testkit::lab::Lab;
use tribunal_testkit::process::Process;

use crate::site::{ANY_CLOCK, LOOSE, done, figure, site};
use crate::truth::starts;

const AGENTS: u16 = 10;

#[test]
fn every_bound_of_ten_agents_holds_the_truth() {
    // One story at a time. The hosts are a lab of their own, without certificates: nobody else is on its network.
    let Some(site) = site() else { return };
    let lab = Lab::start("ten", AGENTS).unwrap();
    let kafka = lab.run(&["kafka", "up", "--brokers", "1"]).unwrap();
    let kafka = String::from_utf8(kafka.stdout).unwrap();
    let bootstrap = kafka.trim().strip_prefix("bootstrap=").unwrap();
    let binary = site.binary.to_str().unwrap();
    let store = site.path("ten-store");
    let mut coordinator = lab.command(&[
        "hub",
        binary,
        "coordinator",
        "--listen",
        "0.0.0.0:7651",
        "--http",
        "off",
    ]);
    coordinator.arg("--allow-plaintext-network").arg("--store").arg(store);
    let coordinator = Process::start(coordinator);
    coordinator.until("coordinator listens");
    for i in 1..=AGENTS {
        let host = format!("h{i}");
        lab.run(&["delay", &host, "1"]).unwrap();
        let copy = "cat >/usr/local/bin/tribunal && chmod +x /usr/local/bin/tribunal";
        done(
            lab.command(&["sh", &host, "sh", "-c", copy])
                .stdin(std::fs::File::open(binary).unwrap()),
        );
        let agent = "systemd-run --quiet --unit=agent /usr/local/bin/tribunal agent --coordinator http://hub:7651 \
                     --allow-plaintext-network --metrics off";
        lab.run(&["sh", &host, "sh", "-c", agent]).unwrap();
    }
    let plan = format!(
        "[agents]\ncount = {AGENTS}\n[cluster]\nbootstrap = \"{bootstrap}\"\n[topic]\npartitions = 4\n\
         [workload]\nrate = \"500/s\"\nproducers = {AGENTS}\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"2s\"\ndrain = \"10s\"\n{LOOSE}{ANY_CLOCK}\
         [factors]\n\"linger.ms\" = [5, 6, 7]\n"
    );
    let path = site.path("ten-agents.toml");
    std::fs::write(&path, plan).unwrap();
    let out = site.path("ten-agents");
    let mut run = lab.command(&[
        "hub",
        binary,
        "run",
        path.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    run.args(["--coordinator", "http://hub:7651", "--allow-plaintext-network"]);
    let run = Process::start(run).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);

    let report = site.report("ten-agents");
    assert_eq!(report.results.len(), 3);
    let mut bounds = Vec::new();
    for result in &report.results {
        let starts = starts(result, 0);
        assert_eq!(starts.len(), usize::from(AGENTS));
        bounds.extend(starts.iter().map(|start| start.bound_ns));
    }
    bounds.sort_unstable();
    // Half of a millisecond's round trip at least.
    assert!(bounds[0] >= 500_000, "{bounds:?}");
    assert_eq!(
        (report.results[0].audit.lost(), report.results[0].audit.surplus()),
        (0, 0)
    );

    coordinator.terminate();
    let told = coordinator.finish();
    figure(&format!(
        "bounds of {} starts: {} to {} ns",
        bounds.len(),
        bounds[0],
        bounds[bounds.len() - 1]
    ));
    for line in told.err.iter().filter(|line| line.contains("all agents are")) {
        figure(line);
    }
}
