//! Fifty scripted agents on one coordinator: facts of the barrier and of the merge, not how fast they were.
//!
//! They speak the real protocol and send nothing to the mock cluster, so the audit finds no record of theirs and calls
//! the trial invalid. What they say they measured is merged all the same.

use tokio_util::sync::CancellationToken;
use tribunal_model::trial::Part;
use tribunal_report::caveat::Caveat;
use tribunal_testkit::fleet;

use crate::support::{Agent, Bench, Coordinator, LOOSE, alone};

const AGENTS: u32 = 50;
const RECORDS: u64 = 100;

/// The agents, on a thread of their own; they part when this is dropped.
struct Fleet {
    shutdown: CancellationToken,
    thread: Option<std::thread::JoinHandle<Result<(), fleet::Error>>>,
}

impl Fleet {
    fn start(url: &str, agents: u32) -> Self {
        let shutdown = CancellationToken::new();
        let options = fleet::Options {
            coordinator: url.to_owned(),
            agents,
            records: RECORDS,
        };
        let work = fleet::run(options, shutdown.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(work)
        });
        let thread = Some(thread);
        Self { shutdown, thread }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.shutdown.cancel();
        let ended = self.thread.take().map(std::thread::JoinHandle::join);
        assert!(
            matches!(ended, Some(Ok(Ok(())))) || std::thread::panicking(),
            "{ended:?}"
        );
    }
}

#[test]
fn fifty_agents_start_together_and_each_report_is_merged_once() {
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let _fleet = Fleet::start(&coordinator.url, AGENTS);
    let plan = format!(
        "[agents]\ncount = {AGENTS}\n[cluster]\nbootstrap = \"mock\"\n[topic]\npartitions = 3\n\
         [workload]\nrate = \"{}/s\"\nproducers = {}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"2s\"\ndrain = \"5s\"\n{LOOSE}",
        RECORDS * u64::from(AGENTS),
        2 * AGENTS,
    );
    let run = bench.run_on(&coordinator, &plan).finish();
    let report = bench.report();
    assert_eq!(report.results.len(), 1, "{:#?}", run.err);
    let result = &report.results[0];

    let names: Vec<_> = result.agents.iter().map(|agent| agent.name.clone()).collect();
    let expected: Vec<_> = (1..=AGENTS).map(fleet::name).collect();
    assert_eq!(names, expected);
    assert!(result.agents.iter().all(|agent| agent.producers.len() == 2));

    let all = RECORDS * u64::from(AGENTS);
    let part = |part| result.parts.iter().find(|found| found.part == part).unwrap();
    for (of, seconds) in [(Part::WarmUp, 1), (Part::Window, 2)] {
        let part = part(of);
        assert!(part.fates.balanced(), "{part:?}");
        let counts = [&part.response, &part.service, &part.send_lag, &part.schedule_delay].map(|d| d.count);
        assert_eq!(counts, [seconds * all; 4], "{of:?}");
        assert_eq!(part.fates.acknowledged, seconds * all, "{of:?}");
    }
    assert_eq!(result.window.acknowledged, 2 * all);
    // What cannot be in the logs is missed there, in all parts, and nothing else is wrong with the numbers.
    let merged: u64 = result.parts.iter().map(|part| part.fates.acknowledged).sum();
    let lost = result.verdict.caveats.iter().find_map(|caveat| match caveat {
        Caveat::AuditLost { lost } => Some(*lost),
        _ => None,
    });
    assert_eq!(lost, Some(merged));
    assert!(!result.verdict.valid());
    // Whole seconds hold all agents, and the series holds what the totals do.
    let whole = result.samples.iter().filter(|sample| sample.part != Part::CoolDown);
    assert!(whole.clone().count() == 3 && whole.clone().all(|sample| sample.agents == AGENTS));
    let series: u64 = result.samples.iter().map(|sample| sample.response.count).sum();
    assert_eq!(series, merged);
}

#[test]
fn agents_of_different_builds_are_not_mixed() {
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let _fleet = Fleet::start(&coordinator.url, 1);
    let _real = Agent::start(&bench, &coordinator.url, "real");
    let plan = bench.plan("[agents]\ncount = 2\n[cluster]\nbootstrap = \"mock\"\n[workload]\nrate = \"100/s\"\n");
    let words = ["run", plan.to_str().unwrap(), "--coordinator", &coordinator.url];
    let run = bench.start(&words).finish();
    assert_eq!(run.code, Some(6), "{:#?}", run.err);
    let said = "agents real and scripted-0001 are of different builds (tribunal ";
    assert!(run.error().contains(said), "{}", run.error());
}
