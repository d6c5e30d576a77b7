//! Capacity searches and objectives, on librdkafka's mock broker.

use tribunal_model::design::Purpose;
use tribunal_stats::search::Answer;

use crate::support::{Bench, LOOSE, alone};

fn plan(objective: &str, search: &str) -> String {
    format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"mock\"\nmock_round_trip = \"20ms\"\n[topic]\npartitions = 1\n\
         [workload]\nrate = \"100/s\"\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"1s\"\ndrain = \"1s\"\n{LOOSE}[baseline]\n\"linger.ms\" = 0\n\
         \"max.in.flight\" = 1\n\"batch.num.messages\" = 10\n\"queue.buffering.max.messages\" = 100\n\
         [objective]\n{objective}\n{search}"
    )
}

#[test]
fn a_search_probes_doubles_confirms_and_answers_with_rates_that_were_probed() {
    let _turn = alone();
    let bench = Bench::new();
    let search =
        "[search]\nfirst = \"200/s\"\nhighest = \"1600/s\"\nprecision = \"40%\"\nconfirmations = 1\nmost_probes = 20\n";
    let run = bench.run_local(&plan("failed = \"== 0\"", search), 1).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    let probes: Vec<f64> = report
        .results
        .iter()
        .map(|result| result.workload.rate.unwrap())
        .collect();
    assert!(
        report
            .results
            .iter()
            .all(|result| matches!(result.purpose, Purpose::Probe(_)))
    );
    assert_eq!(report.searches.len(), 1);
    assert!(report.searches[0].page_cache_only);
    let Some(Answer::Capacity {
        confirmed_pass, failed, ..
    }) = &report.searches[0].answer
    else {
        panic!("{:?}", report.searches);
    };
    // Ten records in 20 ms: some 500/s at best.
    assert!((100.0..=500.0 * 1.3).contains(confirmed_pass), "{confirmed_pass}");
    let was_probed = |rate: f64| probes.iter().any(|probe| (probe / rate - 1.0).abs() < 1e-9);
    assert!(
        was_probed(*confirmed_pass) && failed.is_some_and(was_probed),
        "never an unprobed rate: {report:?}"
    );
    let markdown = std::fs::read_to_string(bench.out().join("report.md")).unwrap();
    assert!(markdown.contains("page cache only") || markdown.contains("Page cache only"));
}

#[test]
fn an_objective_that_nothing_meets_ends_with_one() {
    let _turn = alone();
    let bench = Bench::new();
    let run = bench.run_local(&plan("service_p50 = \"<= 1ms\"", ""), 1).finish();
    assert_eq!(run.code, Some(1), "{:#?}", run.err);
    std::fs::remove_dir_all(bench.out()).unwrap();
    let run = bench.run_local(&plan("service_p50 = \"<= 10s\"", ""), 1).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
}
