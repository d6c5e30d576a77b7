//! Percentile text for plotters.

use tribunal_report::caveat::Caveat;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::hgrm::{File, files};
use tribunal_report::result::TrialResult;

use crate::fixture;

fn of(result: &TrialResult) -> Vec<File> {
    files(result).expect("readable")
}

/// The points that the plotter draws: it takes lines of four fields that do not begin with `#`, and of those the first
/// and the last where both are numbers.
fn drawn(text: &str) -> Vec<(f64, f64)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let fields = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields
        .filter(|fields| fields.len() == 4)
        .filter_map(|fields| Some((fields[3].parse().ok()?, fields[0].parse().ok()?)))
        .collect()
}

#[test]
fn a_trial_is_told_like_this() {
    let report = fixture::on_a_cluster();
    let told = of(&report.results[0]);
    let names: Vec<&str> = told.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["t001-response.hgrm", "t001-service.hgrm"]);
    insta::assert_snapshot!("t001-response.hgrm", told[0].text);
    insta::assert_snapshot!("t003-response.hgrm", of(&report.results[2])[0].text);
}

#[test]
fn all_files_have_the_same_rows_as_far_as_they_go() {
    let mut reports: Vec<ExperimentReport> = fixture::all().to_vec();
    reports.push(fixture::of_clients());
    let files: Vec<File> = reports
        .iter()
        .flat_map(|report| report.results.iter().flat_map(of))
        .collect();
    let longest = files
        .iter()
        .map(|file| drawn(&file.text))
        .max_by_key(Vec::len)
        .expect("files");
    for file in &files {
        let points = drawn(&file.text);
        assert!(points.len() > 5, "{}", file.text);
        for (point, same) in points.iter().zip(&longest) {
            assert!((point.0 - same.0).abs() < 1e-9, "{}", file.name);
        }
        assert!(points.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{}", file.text);
    }
}

#[test]
fn the_tail_that_nobody_knows_is_not_drawn() {
    let report = fixture::on_a_cluster();
    // 260,000 of 300,000 had a final word in time, 4,000 failed: 36,000 of 296,000 are above all others.
    let overloaded = of(&report.results[2]);
    let last = drawn(&overloaded[0].text).last().copied().expect("rows");
    assert!(last.0 <= 296_000.0 / 36_000.0, "{last:?}");
    assert!(
        overloaded[0].text.contains("# 36000 records without a final word"),
        "{}",
        overloaded[0].text
    );
    assert!(overloaded[0].text.contains("# the rate was not sustained"));
}

#[test]
fn what_may_not_be_compared_has_no_file() {
    let report = fixture::on_a_cluster();
    assert_eq!(of(&report.results[1]), [], "invalid");
    let mut closed = report.results[0].clone();
    closed.workload.rate = None;
    assert_eq!(of(&closed), [], "queue ÷ rate");
    let mut spoilt = report.results[0].clone();
    spoilt.verdict.caveats.push(Caveat::AuditLost { lost: 1 });
    assert_eq!(of(&spoilt), []);
    let mut damaged = report.results[0].clone();
    damaged.parts[0].response.hdr.replace_range(8..12, "AAAA");
    assert!(files(&damaged).is_err());
}
