//! An agent is killed in the middle of a trial.

use crate::support::{Agent, Bench, Coordinator, LOOSE, alone, kafka, topics_left};

fn plan(bootstrap: &str, wait: &str) -> String {
    format!(
        "[agents]\ncount = 2\nwait = \"{wait}\"\n[cluster]\nbootstrap = \"{bootstrap}\"\n[topic]\npartitions = 6\n\
         replication = 3\n[workload]\nrate = \"500/s\"\nproducers = 2\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"5s\"\n{LOOSE}"
    )
}

#[test]
fn a_trial_whose_agent_was_killed_is_void_and_run_again_when_the_agent_is_back() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let _a = Agent::start(&bench, &coordinator.url, "a");
    let mut b = Agent::start(&bench, &coordinator.url, "b");
    let run = bench.run_on(&coordinator, &plan(kafka.bootstrap(), "60s"));
    b.until_delivering();
    b.process.kill();
    run.until("agent b was lost");
    let _b = Agent::start(&bench, &coordinator.url, "b");
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    assert_eq!((report.results.len(), report.void_attempts.len()), (1, 1));
    assert_eq!(report.results[0].attempt.0, 2);
    assert!(report.void_attempts[0].reason.contains("agent b was lost"));
    assert!(
        bench.out().join("void").join("t001-1.json").exists(),
        "the void attempt is kept"
    );
    assert_eq!(topics_left(kafka), Vec::<String>::new());
}

#[test]
fn an_agent_that_does_not_come_back_ends_the_experiment() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let a = Agent::start(&bench, &coordinator.url, "a");
    let mut b = Agent::start(&bench, &coordinator.url, "b");
    let run = bench.run_on(&coordinator, &plan(kafka.bootstrap(), "2s"));
    a.until_delivering();
    b.process.kill();
    let run = run.finish();
    assert_eq!(run.code, Some(4), "{:#?}", run.err);
    assert!(run.error().contains("connected: a"), "{}", run.error());
    assert_eq!(topics_left(kafka), Vec::<String>::new());
}

#[test]
fn an_agent_may_come_late() {
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let _a = Agent::start(&bench, &coordinator.url, "a");
    let run = bench.run_on(&coordinator, &plan("mock", "60s").replace("replication = 3\n", ""));
    run.until("waiting for 2 agents; connected:");
    let _b = Agent::start(&bench, &coordinator.url, "b");
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    assert_eq!(bench.report().results[0].agents.len(), 2);
}
