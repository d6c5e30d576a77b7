//! Drivers that fail: each trial says why, and nothing is left behind. They stand in front of librdkafka's own driver, which
//! by itself shows what its client says. The cluster is librdkafka's mock.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};
use tribunal_model::trial::Part;
use tribunal_stats::Latencies;
use tribunal_testkit::wait;

use crate::support::{Agent, Bench, Coordinator, Finished, LOOSE, PATIENCE, Process, alone, scrape};

const REAL: &str = env!("CARGO_BIN_EXE_tribunal");

fn plan(name: &str) -> String {
    format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"mock\"\n[topic]\npartitions = 3\n[workload]\nrate = \"500/s\"\n\
         record = {{ size = \"100B\" }}\n[window]\nwarm_up = \"1s\"\nmeasure = \"3s\"\nburn_in = \"0s\"\n\
         [design]\ncanary = false\n{LOOSE}[baseline]\nclient = \"driver:{name}\"\n"
    )
}

/// A driver that is a script; it leaves its process id in a file.
struct Script {
    bench: Bench,
    name: &'static str,
}

impl Script {
    fn new(name: &'static str, body: &str) -> Self {
        let bench = Bench::new();
        let folder = bench.path().join("cache/tribunal/drivers");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        let ids = bench.path().join("ids");
        let text = format!("#!/bin/sh\necho $$ >> {}\n{body}\n", ids.display());
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        Self { bench, name }
    }

    /// librdkafka's own driver behind an edit of what it says, line by line.
    fn edited(name: &'static str, edit: &str) -> Self {
        Self::new(name, &format!("{REAL} driver | sed -u '{edit}'"))
    }

    /// A coordinator, an agent and the run of the plan, once the driver's records are delivered, with its process.
    fn loaded(&self) -> (Coordinator, Agent, Process, Pid) {
        let bench = &self.bench;
        let coordinator = Coordinator::start(bench, 0);
        let agent = Agent::start(bench, &coordinator.url, "a");
        let run = bench.run_on(&coordinator, &plan(self.name));
        agent.until_delivering();
        let id = *self.ids().first().expect("the driver was started");
        (coordinator, agent, run, Pid::from_raw(id as i32).unwrap())
    }

    fn run(&self) -> Process {
        self.bench.run_local(&plan(self.name), 1)
    }

    fn ids(&self) -> Vec<u32> {
        let text = std::fs::read_to_string(self.bench.path().join("ids")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// No process of the driver is there any more, not even as a zombie, and no file of it.
    #[track_caller]
    fn nothing_left(&self) {
        assert!(!self.ids().is_empty(), "the driver was never started");
        for id in self.ids() {
            let folder = PathBuf::from(format!("/proc/{id}"));
            let gone = || (!folder.exists()).then_some(());
            wait::until(PATIENCE, "the driver to be gone", gone).unwrap();
        }
    }

    /// The trial was run again after the fault, and that attempt is valid; the reason of the void one.
    #[track_caller]
    fn run_again(&self, run: &Finished) -> String {
        assert_eq!(run.code, Some(0), "{:#?}", run.err);
        let report = self.bench.report();
        assert_eq!(
            (report.results.len(), report.void_attempts.len()),
            (1, 1),
            "{:#?}",
            report.void_attempts
        );
        let result = &report.results[0];
        assert!(result.verdict.valid(), "{:?}", result.verdict);
        let window = result.part(Part::Window).unwrap();
        assert_eq!((window.fates.scheduled, window.fates.acknowledged), (1500, 1500));
        self.nothing_left();
        report.void_attempts[0].reason.clone()
    }

    /// Every attempt failed, and the command ends with the reason.
    #[track_caller]
    fn never(&self, run: &Finished) -> String {
        assert_eq!(run.code, Some(4), "{:#?}", run.err);
        self.nothing_left();
        run.error().to_owned()
    }
}

#[test]
fn local_agents_look_for_drivers_where_the_settings_say() {
    let _turn = alone();
    let script = Script::new("elsewhere", &format!("exec {REAL} driver"));
    let folder = script.bench.path().join("drivers");
    std::fs::rename(script.bench.path().join("cache/tribunal/drivers"), &folder).unwrap();
    let mut command = script.bench.local(&plan(script.name), 1);
    command.env("TRIBUNAL_AGENT__DRIVERS", &folder);
    let run = Process::start(command).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    assert_eq!(script.bench.report().results[0].workload.client, "driver:elsewhere");
    script.nothing_left();
}

#[test]
fn a_driver_that_is_killed_voids_its_attempt() {
    let _turn = alone();
    let script = Script::new("killed", &format!("exec {REAL} driver"));
    let (_coordinator, _agent, run, driver) = script.loaded();
    kill_process(driver, Signal::KILL).unwrap();
    let reason = script.run_again(&run.finish());
    assert!(
        reason.contains("driver driver:killed was killed by signal 9"),
        "{reason}"
    );
}

#[test]
fn a_driver_that_hangs_voids_its_attempt() {
    let _turn = alone();
    let script = Script::new("stopped", &format!("exec {REAL} driver"));
    let (_coordinator, _agent, run, driver) = script.loaded();
    kill_process(driver, Signal::STOP).unwrap();
    let reason = script.run_again(&run.finish());
    assert!(
        reason.contains("driver driver:stopped did not say a sample within 5 s"),
        "{reason}"
    );
}

#[test]
fn a_driver_that_says_nonsense_is_told_so() {
    let _turn = alone();
    let script = Script::edited("rubbish", "4s/.*/Exception in thread main/");
    let reason = script.never(&script.run().finish());
    assert!(
        reason.contains("driver driver:rubbish said nonsense: \"Exception in thread main\""),
        "{reason}"
    );
}

#[test]
fn a_driver_that_ends_before_it_is_ready_shows_its_last_words() {
    let _turn = alone();
    let script = Script::new(
        "early",
        "echo 'warning: deprecated' >&2\necho 'no such option' >&2\nexit 1",
    );
    let reason = script.never(&script.run().finish());
    assert!(
        reason.contains(
            "driver driver:early ended with exit code 1; its last lines: warning: deprecated / no such option"
        ),
        "{reason}"
    );
}

#[test]
fn a_driver_whose_report_does_not_add_up_is_not_believed() {
    let _turn = alone();
    let script = Script::edited("miscounts", "4s/\"scheduled\":[0-9]*/\"scheduled\":7/");
    let reason = script.never(&script.run().finish());
    assert!(
        reason.contains("a driver counted what does not add up:") && reason.contains("fates for"),
        "{reason}"
    );
}

#[test]
fn a_driver_that_is_not_there_ends_the_experiment_before_a_trial() {
    let _turn = alone();
    let bench = Bench::new();
    let run = bench.run_local(&plan("x").replace("driver:x", "java"), 1).finish();
    assert_eq!(run.code, Some(2), "{:#?}", run.err);
    assert!(
        run.error()
            .contains("the driver of java is not installed on this host; run `tribunal drivers install java`"),
        "{}",
        run.error()
    );
    let path = bench.plan(&plan("x").replace("driver:x", "java"));
    let check = bench.start(&["plan", "check", path.to_str().unwrap()]).finish();
    assert_eq!(check.code, Some(0), "{:#?}", check.err);
    assert!(
        check
            .err
            .iter()
            .any(|line| line.contains("the driver of java is not installed")),
        "{:#?}",
        check.err
    );
}

/// The sum of a metric's series in what an agent shows; none where it has no series.
fn shown(text: &str, metric: &str) -> Option<f64> {
    let series = text.lines().filter(|line| line.split('{').next() == Some(metric));
    let values = series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.reduce(|sum, value| sum + value)
}

/// The mean of a summary, once it has counted something.
fn mean(text: &str, metric: &str) -> Option<f64> {
    let count = shown(text, &format!("{metric}_count"))?;
    let sum = shown(text, &format!("{metric}_sum"))?;
    (count > 0.0).then(|| sum / count)
}

#[test]
fn a_child_shows_what_its_client_says_and_the_result_has_it_of_the_window() {
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let agent = Agent::start(&bench, &coordinator.url, "a");
    let plan = plan("x").replace("driver:x", "librdkafka-child") + "linger.ms = 50\n";
    let run = bench.run_on(&coordinator, &plan);
    // Priming is in some of the counts and not in others; a second's records outweigh it.
    let text = wait::until(PATIENCE, "the client's own figures", || {
        let text = scrape(agent.metrics);
        let records = shown(&text, "tribunal_client_batch_records_total");
        records.is_some_and(|records| records > 500.0).then_some(text)
    })
    .unwrap();
    let [queue, outbound, round_trip] = ["queue", "outbound", "round_trip"].map(|step| {
        let metric = format!("tribunal_client_broker_{step}_seconds");
        mean(&text, &metric).unwrap_or_else(|| panic!("no {metric} in\n{text}"))
    });
    // In seconds: a record waits for a good part of the linger, and nothing takes a whole one on the loopback.
    assert!((0.001..1.0).contains(&queue), "{queue}");
    assert!((0.0..1.0).contains(&outbound), "{outbound}");
    assert!((1e-6..1.0).contains(&round_trip), "{round_trip}");
    let count = |name: &str| {
        let metric = format!("tribunal_client_{name}_total");
        shown(&text, &metric).unwrap_or_else(|| panic!("no {metric} in\n{text}"))
    };
    let (batches, records, bytes) = (count("batches"), count("batch_records"), count("record_bytes"));
    assert!(batches > 0.0 && records > batches, "{records} in {batches}");
    assert!((90.0..120.0).contains(&(bytes / records)), "{bytes} of {records}");
    assert!(count("requests") > 0.0 && count("wire_bytes") > 0.0, "{text}");
    for name in ["retries", "timeouts", "transmit_errors", "disconnects"] {
        assert!(count(name) >= 0.0, "{name}");
    }
    assert_eq!(shown(&text, "tribunal_client_broker_throttle_seconds_sum"), Some(0.0));

    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    let statistics = &report.results[0].statistics;
    let mut queue = Latencies::default();
    statistics.brokers.values().for_each(|broker| queue.add(broker.queue));
    // The window's 1,500 records and those of up to a second more on either side; twice would be more.
    assert!((1_300..2_900).contains(&queue.count), "{statistics:?}");
    assert!(
        queue.mean_us().is_some_and(|us| (1e3..1e6).contains(&us)),
        "{statistics:?}"
    );
    assert!(statistics.requests > 0 && statistics.batches > 0, "{statistics:?}");
}
