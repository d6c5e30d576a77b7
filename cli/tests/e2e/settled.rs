//! A plan waits until its load is steady, on librdkafka's mock broker.

use std::time::Duration;

use tribunal_report::caveat::Caveat;

use crate::support::{Bench, LOOSE, alone};

#[test]
fn the_window_opens_when_the_load_is_steady_or_at_the_latest_and_says_which() {
    let _turn = alone();
    let bench = Bench::new();
    let plan = format!(
        "[agents]\ncount = 2\n[cluster]\nbootstrap = \"mock\"\nmock_round_trip = \"10ms\"\n[topic]\npartitions = 3\n\
         [workload]\nrate = \"1000/s\"\nproducers = 2\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nsettle = \"35s\"\nmeasure = \"2s\"\n{LOOSE}"
    );
    let run = bench.run_local(&plan, 2).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let result = &bench.report().results[0];
    let never = result
        .verdict
        .caveats
        .iter()
        .any(|c| matches!(c, Caveat::NeverSettled { .. }));
    // No rule says anything of fewer than twenty seconds.
    assert!(
        result.windows.warm_up >= Duration::from_secs(20),
        "{:?}",
        result.windows
    );
    assert_eq!(
        result.windows.warm_up == Duration::from_secs(36),
        never,
        "{:?}",
        result.windows
    );
    let window = result.measured().unwrap();
    assert_eq!(
        window.fates.scheduled, 2000,
        "the window is as long as it was asked for"
    );
    assert!(result.parts.iter().all(|part| part.fates.balanced()));
}
