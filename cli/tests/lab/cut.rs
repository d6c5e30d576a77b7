//! The control path is cut, the path to the brokers is not.

use std::time::Duration;

use tribunal_testkit::wait;

use crate::capture::{Capture, now_ns, wall_ahead_ns};
use crate::site::{ANY_CLOCK, figure, plan, site};

const SECOND: i64 = 1_000_000_000;
/// For how long an agent may go on without a word of the coordinator, and how much longer requests may pass.
const LEASE_NS: i64 = 3 * SECOND;
const ALLOWANCE_NS: i64 = SECOND / 2;

#[test]
fn load_ends_with_its_lease_when_only_the_coordinator_is_out_of_reach() {
    let Some(site) = site() else { return };
    let window = "warm_up = \"1s\"\nmeasure = \"8s\"\ndrain = \"5s\"";
    let plan = plan(2, "rate = \"200/s\"\nproducers = 2", window, ANY_CLOCK);
    let capture = Capture::start(&site.lab, "h2", site.path("cut.pcap"));
    let run = site.run("cut", &plan);
    site.until_delivering("h2");
    let wall_ahead_ns = wall_ahead_ns();
    // The path is cut at some instant between these two.
    let before_ns = now_ns() + wall_ahead_ns;
    site.lab.run(&["partition", "h2", "--from", "h1"]).unwrap();
    let cut_ns = now_ns() + wall_ahead_ns;
    wait::spell(Duration::from_secs(5));
    let healing_ns = now_ns() + wall_ahead_ns;
    site.lab.run(&["heal", "h2"]).unwrap();
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let requests = capture.finish();

    let report = site.report("cut");
    assert_eq!(
        (report.results.len(), report.void_attempts.len()),
        (1, 1),
        "{:#?}",
        run.err
    );
    let result = &report.results[0];
    assert_eq!((result.audit.lost(), result.audit.surplus()), (0, 0));
    assert!(result.verdict.valid(), "{:?}", result.verdict);
    assert!(
        report.void_attempts[0].reason.contains("h2"),
        "{}",
        report.void_attempts[0].reason
    );

    // The last request that left the host before the cut was healed.
    let before: Vec<i64> = requests
        .iter()
        .map(|request| request.at_ns)
        .filter(|at| *at < healing_ns)
        .collect();
    let last = *before.last().expect("requests before the cut");
    assert!(
        before.iter().any(|at| *at < before_ns),
        "load was on when the path was cut"
    );
    assert!(
        last <= before_ns + LEASE_NS + ALLOWANCE_NS,
        "a request passed {} ms after the cut",
        (last - before_ns) / 1_000_000
    );
    figure(&format!(
        "last request after the cut of the control path: {} ms",
        (last - cut_ns) / 1_000_000
    ));
    assert!(last > cut_ns, "the path to the brokers was not cut");
}
