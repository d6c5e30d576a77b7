//! More is offered than a broker's quota lets through.

use tribunal_model::trial::Part;
use tribunal_report::caveat::{BoundBy, Caveat};

use crate::support::{Bench, LOOSE, alone, kafka};

const QUOTA: f64 = 1_000_000.0;

#[test]
fn a_throttled_trial_is_valid_not_sustained_and_bound_by_throttle() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    kafka.limit_producer("local-1-0", QUOTA as u64).unwrap();
    let plan = format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"{}\"\n[topic]\npartitions = 1\nreplication = 1\n\
         [workload]\nrate = \"3MB/s\"\nproducers = 1\nrecord = {{ size = \"1000B\" }}\n\
         [window]\nwarm_up = \"10s\"\nmeasure = \"10s\"\ndrain = \"5s\"\n{LOOSE}\
         [baseline]\n\"compression.type\" = \"none\"\n",
        kafka.bootstrap()
    );
    let run = bench.run_local(&plan, 1).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    let result = &report.results[0];
    assert!(result.verdict.valid(), "{:?}", result.verdict);
    assert_eq!(
        result.rates.sustained,
        Some(false),
        "{:?} {:?}",
        result.rates,
        result.backlog
    );
    assert_eq!(result.verdict.bound_by, BoundBy::Throttle, "{:?}", result.verdict);
    assert!(
        result
            .verdict
            .caveats
            .iter()
            .any(|caveat| matches!(caveat, Caveat::Throttled { .. }))
    );
    let share = result.rates.delivered_bytes.unwrap() / QUOTA;
    assert!((0.7..1.3).contains(&share), "{share} of the quota");
    let window = result.part(Part::Window).unwrap();
    assert_eq!(window.fates.scheduled, 30_000);
    for part in &result.parts {
        let fates = part.fates;
        assert_eq!(
            fates.scheduled,
            fates.sent() + fates.shed + fates.unsent,
            "{:?}",
            part.part
        );
        assert_eq!(part.censored.count, fates.unresolved + fates.unsent, "{:?}", part.part);
    }
    assert!(
        window.response.p99_us.is_none(),
        "a percentile above the censored mass is not told"
    );
    assert_eq!((result.audit.lost(), result.audit.surplus()), (0, 0));
}
