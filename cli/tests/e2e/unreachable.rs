//! A broker that does not exist.

use std::time::Duration;

use crate::support::{Bench, alone};

#[test]
fn a_broker_that_does_not_exist_is_one_clear_line_within_half_a_minute() {
    let _turn = alone();
    let bench = Bench::new();
    let port = tribunal_testkit::ports::free(1).unwrap();
    let plan = format!("[cluster]\nbootstrap = \"127.0.0.1:{port}\"\n[workload]\nrate = \"100/s\"\n");
    let run = bench.run_local(&plan, 1);
    let run = run.finish();
    assert_eq!(run.code, Some(5), "{:#?}", run.err);
    assert!(run.error().contains(&format!("127.0.0.1:{port}")), "{}", run.error());
    let waited = run
        .error()
        .split(" within ")
        .nth(1)
        .and_then(|rest| rest.split("s:").next())
        .unwrap();
    assert!(
        Duration::from_secs(waited.parse().unwrap()) < Duration::from_secs(30),
        "{}",
        run.error()
    );
}

#[test]
fn a_coordinator_that_does_not_exist_is_one_clear_line() {
    let bench = Bench::new();
    let port = tribunal_testkit::ports::free(1).unwrap();
    let plan = bench.plan("[cluster]\nbootstrap = \"mock\"\n[workload]\nrate = \"100/s\"\n");
    let url = format!("http://127.0.0.1:{port}");
    let run = bench
        .start(&["run", plan.to_str().unwrap(), "--coordinator", &url])
        .finish();
    assert_eq!(run.code, Some(4), "{:#?}", run.err);
    assert!(run.error().contains(&url), "{}", run.error());
}
