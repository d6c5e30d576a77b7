//! Ctrl-C in the middle of an experiment.

use tribunal_report::experiment::ExperimentState;

use crate::support::{Bench, LOOSE, alone, kafka, topics_left};

#[test]
fn ctrl_c_keeps_finished_trials_and_leaves_no_topic() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    let plan = format!(
        "[agents]\ncount = 2\n[cluster]\nbootstrap = \"{}\"\n[topic]\npartitions = 3\nreplication = 3\n\
         [workload]\nrate = \"500/s\"\nproducers = 2\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"3s\"\n{LOOSE}[factors]\n\"linger.ms\" = [10, 11, 12, 13, 14, 15]\n",
        kafka.bootstrap()
    );
    let run = bench.run_local(&plan, 2);
    run.until("trial 2 of 6: ");
    run.interrupt();
    let run = run.finish();
    assert_eq!(run.code, Some(130), "{:#?}", run.err);
    let report = bench.report();
    assert_eq!(report.facts.state, ExperimentState::Cancelled);
    assert!(
        !report.results.is_empty() && report.results.len() < 6,
        "{}",
        report.results.len()
    );
    assert!(report.results.iter().all(|result| result.verdict.valid()));
    let told = std::fs::read_to_string(bench.out().join("report.md")).unwrap();
    assert!(told.contains("1 repetition of each cell; cancelled.\n"), "{told}");
    assert_eq!(topics_left(kafka), Vec::<String>::new());
}
