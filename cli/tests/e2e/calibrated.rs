//! Agents are calibrated, and a plan that asks for more than they manage is refused.

use crate::support::{Bench, LOOSE, alone};

fn plan(rate: &str, limit: &str) -> String {
    format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"mock\"\n[topic]\npartitions = 3\n[workload]\nrate = \"{rate}\"\n\
         record = {{ size = \"100B\" }}\n[window]\nwarm_up = \"1s\"\nmeasure = \"1s\"\n{LOOSE}{limit}"
    )
}

#[test]
fn what_an_agent_managed_is_kept_told_and_held_against_later_plans() {
    let _turn = alone();
    let bench = Bench::new();
    let path = bench.plan(&plan("1k/s", ""));
    let store = bench.store();
    let arguments = [
        path.to_str().unwrap(),
        "--local",
        "1",
        "--store",
        store.to_str().unwrap(),
    ];
    let calibrated = bench
        .start(&[&["calibrate", "--format", "json"], &arguments[..]].concat())
        .finish();
    assert_eq!(calibrated.code, Some(0), "{:#?}", calibrated.err);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&calibrated.out.join("\n")).unwrap();
    assert_eq!(rows.len(), 1, "one signature on one agent");
    let ceiling = rows[0]["ceiling"].as_f64().unwrap();
    assert!(ceiling > 1000.0, "{rows:?}");
    assert!((rows[0]["paced"].as_f64().unwrap() / ceiling - 0.7).abs() < 1e-9);

    // Well below the ceiling: the trial says so.
    let run = bench.run_local(&plan("100/s", ""), 1).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    let kept = report.results[0].agents[0].calibration.as_ref().unwrap();
    assert!((kept.ceiling - ceiling).abs() < 1e-6);
    let caveats = format!("{:?}", report.results[0].verdict.caveats);
    assert!(
        !caveats.contains("NotCalibrated") && !caveats.contains("Calibration"),
        "{caveats}"
    );

    // Above it: flagged before it runs, and refused where the plan says so.
    let beyond = format!("{:.0}/s", ceiling * 1.5);
    std::fs::remove_dir_all(bench.out()).unwrap();
    let refused = bench.run_local(&plan(&beyond, "calibration = \"70%\"\n"), 1).finish();
    assert_eq!(refused.code, Some(6), "{:#?}", refused.err);
    assert!(
        refused.error().contains("limits.calibration refuses 1 trial"),
        "{}",
        refused.error()
    );
}
