//! `tribunal compare` on experiments that are known to the digit, and on one that a run has stored.

use std::path::PathBuf;

use tribunal_model::design::{DesignKind, Mode};
use tribunal_model::ids::{ExperimentId, TrialId};
use tribunal_report::analysed::Analysed;
use tribunal_report::experiment::{ExperimentFacts, ExperimentReport, ExperimentState};
use tribunal_report::json;
use tribunal_report::result::{StoredDistribution, TrialResult};
use tribunal_stats::Distribution;

use crate::support::{Bench, LOOSE, alone};

const TRIAL: &str = include_str!("../../../crates/report/tests/golden/schema-2.json");

/// A trial that kept up, whose response times are all about `us`.
fn trial(id: ExperimentId, block: u32, us: i64) -> TrialResult {
    let mut result = json::read_trial(TRIAL).unwrap();
    result.experiment = id;
    (result.trial, result.block) = (TrialId(block + 1), block);
    result.verdict.caveats.clear();
    result.rates.delivered = Some(10_000.0 + f64::from(block));
    result.rates.sustained = Some(true);
    let mut response = Distribution::new();
    response.record_many_ns((us + i64::from(block)) * 1000, 300_000);
    let part = result.parts.first_mut().unwrap();
    part.response = StoredDistribution::new(&response, 0);
    part.censored = StoredDistribution::default();
    result
}

/// The report of six repetitions of one cell in a folder of the bench.
fn stored(bench: &Bench, name: &str, id: &str, us: i64) -> PathBuf {
    write(bench, name, &report(id, us))
}

fn report(id: &str, us: i64) -> ExperimentReport {
    let id: ExperimentId = id.parse().unwrap();
    ExperimentReport {
        facts: ExperimentFacts {
            id,
            name: "before and after".into(),
            mock: false,
            trials: 6,
            repetitions: 6,
            seed: 42,
            began: "2026-11-20T08:59:41Z".into(),
            state: ExperimentState::Complete,
            reason: String::new(),
            version: "0.1.0".into(),
            librdkafka: "2.12.1".into(),
            loosened: Vec::new(),
            notes: Vec::new(),
            overrides: Vec::new(),
            left_out: None,
            design: DesignKind::Full,
            mode: Mode::Direct,
            objective: None,
            dropped: Vec::new(),
            plan: None,
        },
        results: (0..6).map(|block| trial(id, block, us)).collect(),
        void_attempts: Vec::new(),
        given_up: Vec::new(),
        searches: Vec::new(),
    }
}

fn write(bench: &Bench, name: &str, report: &ExperimentReport) -> PathBuf {
    let folder = bench.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    let written = json::write_report(&Analysed::of(report));
    std::fs::write(folder.join("report.json"), written).unwrap();
    folder
}

const BEFORE: &str = "0193e2a4-1111-7abc-8def-000000000001";
const AFTER: &str = "0193e2a4-1111-7abc-8def-000000000002";

#[test]
fn a_build_fails_on_what_became_worse_and_on_nothing_else() {
    let bench = Bench::new();
    let before = stored(&bench, "before", BEFORE, 2_000);
    let before = before.to_str().unwrap();
    for (name, us, threshold, code, told) in [
        ("slower", 2_300, "5%", 1, "Regression: response p50"),
        ("slower-and-allowed", 2_300, "20%", 0, "No regression"),
        ("equal", 2_000, "5%", 0, "No regression"),
        ("faster", 1_500, "5%", 0, "BETTER"),
    ] {
        let after = stored(&bench, name, AFTER, us);
        let ran = bench
            .start(&["compare", before, after.to_str().unwrap(), "--threshold", threshold])
            .finish();
        assert_eq!(ran.code, Some(code), "{name}: {:#?} {:#?}", ran.out, ran.err);
        assert!(ran.out.iter().any(|line| line.contains(told)), "{name}: {:#?}", ran.out);
    }
    let file = bench.path().join("slower").join("report.json");
    let ran = bench
        .start(&["compare", before, file.to_str().unwrap(), "--format", "json"])
        .finish();
    let read: serde_json::Value = serde_json::from_str(&ran.out.join("\n")).unwrap();
    let p50 = &read["pairs"][0]["rows"][1]["judged"];
    assert!((p50["ratio"].as_f64().unwrap() - 1.15).abs() < 0.01, "{p50}");
    assert_eq!((ran.code, read["answer"].as_str()), (Some(1), Some("regression")));
}

#[test]
fn what_was_measured_elsewhere_is_refused_and_what_is_too_little_is_not_known() {
    let bench = Bench::new();
    let before = stored(&bench, "before", BEFORE, 2_000);
    let before = before.to_str().unwrap();
    let mut elsewhere = report(AFTER, 2_000);
    for result in &mut elsewhere.results {
        result.agents[0].host.kernel = "6.99".into();
    }
    let after = write(&bench, "elsewhere", &elsewhere);
    let after = after.to_str().unwrap();
    let refused = bench.start(&["compare", before, after]).finish();
    assert_eq!(refused.code, Some(2));
    for told in ["kernel 6.99", "--despite-differences"] {
        assert!(refused.error().contains(told), "{}", refused.error());
    }
    let allowed = bench
        .start(&["compare", before, after, "--despite-differences"])
        .finish();
    assert_eq!(allowed.code, Some(0), "{:#?}", allowed.err);
    assert!(
        allowed.out.iter().any(|line| line.starts_with("Differs: ")),
        "{:#?}",
        allowed.out
    );

    let mut short = report(AFTER, 2_300);
    short.results.truncate(1);
    let short = write(&bench, "short", &short);
    let ran = bench.start(&["compare", before, short.to_str().unwrap()]).finish();
    assert_eq!(ran.code, Some(3), "{:#?}", ran.err);
    assert!(
        ran.out.iter().any(|line| line.contains("(no interval)")),
        "{:#?}",
        ran.out
    );
    assert_eq!(bench.start(&["compare", before, before]).finish().code, Some(2));
}

#[test]
fn a_stored_experiment_is_found_by_its_id_and_a_mock_is_not_compared() {
    let _turn = alone();
    let bench = Bench::new();
    let plan = format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"mock\"\n[topic]\npartitions = 3\n\
         [workload]\nrate = \"1000/s\"\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"2s\"\n{LOOSE}[factors]\n\"linger.ms\" = [5, 50]\n"
    );
    let run = bench.run_local(&plan, 1).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let plotted = bench.out().join("hgrm").join("t001-response.hgrm");
    let plotted = std::fs::read_to_string(plotted).unwrap();
    assert!(plotted.trim_start().starts_with("Value"), "{plotted}");
    let id = bench.report().facts.id.to_string();
    let store = bench.store();
    let (one, other) = (format!("{id}:1"), format!("{id}:linger.ms=50"));
    let ran = bench
        .start(&["compare", &one, &other, "--store", store.to_str().unwrap()])
        .finish();
    assert_eq!(ran.code, Some(3), "{:#?}", ran.err);
    assert!(
        ran.out.iter().any(|line| line.contains("a mock broker was measured")),
        "{:#?}",
        ran.out
    );
}
