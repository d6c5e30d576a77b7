//! Stored forms: what is written is read back, whichever build wrote it.

use std::sync::Arc;

use proptest::prelude::*;
use tribunal_report::analysed::Analysed;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::json::{self, Error};
use tribunal_report::objective::Standing;
use tribunal_report::result::{StoredDistribution, TrialResult};
use tribunal_stats::Distribution;

use crate::fixture;

const VERSION_1: &str = include_str!("schema-1.json");
const VERSION_2: &str = include_str!("schema-2.json");

#[test]
fn a_result_of_schema_version_1_is_refused_by_its_version() {
    let error = json::read_trial(VERSION_1).unwrap_err();
    assert!(matches!(error, Error::Older { found: 1, oldest: 2 }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the stored result has schema_version 1; this build of Tribunal reads from 2 on: run the experiment again, or \
         read it with the build that wrote it"
    );
}

#[test]
fn a_result_of_schema_version_2_is_read() {
    let result: TrialResult = json::read_trial(VERSION_2).unwrap();
    assert_eq!(result.trial.to_string(), "t003");
    assert_eq!(result.rates.sustained, Some(false));
    let measured = result.measured().unwrap();
    assert_eq!((measured.fates.scheduled, measured.fates.unsent), (300_000, 30_000));
    assert!(measured.fates.balanced());
    assert_eq!(measured.response.distribution().unwrap().count(), 260_000);
    assert_eq!(result.verdict.caveats.len(), 5);
    assert!(result.verdict.valid() && result.checks.iter().all(|check| check.severity().is_none()));
    assert_eq!(result.objective.unwrap().standing, Standing::Fail);
}

#[test]
fn a_result_is_written_as_the_file_of_its_version() {
    let result = json::read_trial(VERSION_2).unwrap();
    assert_eq!(json::read_trial(&json::write_trial(&result)).unwrap(), result);
    let before: serde_json::Value = serde_json::from_str(VERSION_2).unwrap();
    let after: serde_json::Value = serde_json::from_str(&json::write_trial(&result)).unwrap();
    assert_eq!(
        before, after,
        "a field was renamed, lost or added without a new file for it"
    );
}

#[test]
fn a_report_is_read_back_as_it_was() {
    for report in fixture::all() {
        let back: ExperimentReport = json::read_report(&json::write_report(&Analysed::of(&report))).unwrap();
        assert_eq!(back, report);
    }
}

#[test]
fn a_file_of_a_newer_build_is_refused_by_its_version() {
    let newer = r#"{ "schema_version": 3, "new_field": [] }"#;
    let error = json::read_trial(newer).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 3, known: 2 }), "{error:?}");
    assert!(error.to_string().contains("schema_version 3"), "{error}");
    assert!(matches!(json::read_report(newer), Err(Error::Newer { .. })));
    let within = json::write_report(&Analysed::of(&fixture::on_a_mock()))
        .replace("\"schema_version\": 2", "\"schema_version\": 9");
    let within = within.replacen("\"schema_version\": 9", "\"schema_version\": 2", 1);
    assert!(matches!(json::read_report(&within), Err(Error::Newer { found: 9, .. })));
}

#[test]
fn damaged_files_are_told_by_what_is_wrong() {
    assert!(matches!(json::read_trial("{}"), Err(Error::Syntax(_))));
    assert!(matches!(
        json::read_trial(r#"{ "schema_version": 0 }"#),
        Err(Error::Unknown { found: 0 })
    ));
    let mut result = fixture::on_a_mock().results.remove(0);
    result.parts[0].service.hdr.replace_range(8..12, "AAAA");
    let error = json::read_trial(&json::write_trial(&result)).unwrap_err();
    assert_eq!(error.to_string(), "t001: a distribution of window cannot be read");
}

#[test]
fn a_mean_keeps_its_last_digit() {
    // Without serde_json's float_roundtrip this came back as …1109998.
    let stored = StoredDistribution {
        mean_us: Some(1_859_534_279.111),
        ..StoredDistribution::default()
    };
    let back: StoredDistribution = serde_json::from_str(&serde_json::to_string(&stored).unwrap()).unwrap();
    assert_eq!(back, stored);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_stored_distribution_is_the_distribution_itself(
        latencies in prop::collection::vec(0i64..4_000_000_000_000, 0..200),
        censored in 0u64..50,
    ) {
        let mut distribution = Distribution::new();
        for latency in &latencies {
            distribution.record_ns(*latency);
        }
        let stored = StoredDistribution::new(&distribution, censored);
        let text = serde_json::to_string(&stored).unwrap();
        let back: StoredDistribution = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&back, &stored);
        prop_assert_eq!(back.distribution().unwrap(), distribution);
        prop_assert_eq!((back.count, back.censored), (latencies.len() as u64, censored));
    }
}

#[test]
fn what_configurations_have_in_common_is_kept_once() {
    let report = json::read_report(&json::write_report(&Analysed::of(&fixture::on_a_cluster()))).unwrap();
    let producers = report.results[0].agents.iter().flat_map(|agent| &agent.producers);
    let [one, other]: [_; 2] = producers.collect::<Vec<_>>().try_into().unwrap();
    let mut shared = 0;
    for (own, theirs) in one.configuration.iter().zip(&other.configuration) {
        assert_eq!(Arc::ptr_eq(&own.1, &theirs.1), own.1 == theirs.1, "{own:?} {theirs:?}");
        shared += usize::from(own.1 == theirs.1);
    }
    assert_eq!(shared, one.configuration.len() - 1, "all but the client's own name");
}
