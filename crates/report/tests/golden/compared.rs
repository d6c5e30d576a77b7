//! Two experiments, and two cells of one, held against each other.

use tribunal_model::design::Purpose;
use tribunal_model::ids::CellId;
use tribunal_report::caveat::Caveat;
use tribunal_report::compare::{Answer, Compared, Error, Kind, Regression, Row, Side, Terms, compare};
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::result::{StoredDistribution, TrialResult};
use tribunal_report::{html, json, markdown, table};
use tribunal_stats::Distribution;
use tribunal_stats::comparison::{Metric, Verdict};

use crate::fixture;

/// The experiment in blocks, run again under another id, with every time but the canary's `factor` times as long.
fn again(factor: f64) -> ExperimentReport {
    let mut report = fixture::in_blocks();
    report.facts.id = "0193e2a4-2222-7abc-8def-0123456789cd".parse().expect("an id");
    report.facts.began = "2026-11-27T08:59:41Z".into();
    for result in &mut report.results {
        result.experiment = report.facts.id;
        if result.purpose != Purpose::Canary {
            slow_down(result, factor);
        }
    }
    report
}

fn slow_down(result: &mut TrialResult, factor: f64) {
    let slower = |stored: &mut StoredDistribution| {
        let mut slow = Distribution::new();
        for (us, count) in stored.distribution().expect("readable").buckets() {
            slow.record_many_ns((us as f64 * factor * 1e3) as i64, count);
        }
        *stored = StoredDistribution::new(&slow, stored.censored);
    };
    for part in &mut result.parts {
        slower(&mut part.response);
        slower(&mut part.service);
    }
    result
        .samples
        .iter_mut()
        .for_each(|sample| slower(&mut sample.response));
}

fn whole(report: &ExperimentReport) -> Side<'_> {
    Side::whole(report)
}

fn cell(report: &ExperimentReport, cell: u32) -> Side<'_> {
    Side::cell(report, &cell.to_string()).expect("a cell")
}

fn told(candidate: &ExperimentReport) -> Compared {
    compare(whole(&fixture::in_blocks()), whole(candidate), Terms::default()).expect("a comparison")
}

fn row(compared: &Compared, pair: usize, metric: Metric) -> &Row {
    let mut rows = compared.pairs[pair].rows.iter();
    rows.find(|row| row.metric == metric).expect("the metric")
}

/// An experiment against itself at twice the time, with another seed and a larger batch.
pub(super) fn regressed() -> Compared {
    let mut candidate = again(2.0);
    candidate.facts.seed = 43;
    for result in &mut candidate.results {
        result.workload.properties.push(("batch.size".into(), "131072".into()));
    }
    told(&candidate)
}

/// Comparisons of every kind: of experiments and of cells, with and without canaries, likes and verdicts.
pub(super) fn every_kind() -> Vec<Compared> {
    let base = fixture::in_blocks();
    let mut unlike = again(1.0);
    unlike.results.iter_mut().for_each(|r| r.cluster.cluster_id = None);
    for result in unlike.results.iter_mut().filter(|r| r.cell == CellId(4)) {
        result.levels[0].value = "50".into();
        result.workload.rate = None;
    }
    let anyway = Terms {
        threshold: Some(0.01),
        despite_differences: true,
    };
    vec![
        regressed(),
        told(&again(1.0)),
        compare(cell(&base, 1), cell(&base, 2), Terms::default()).expect("a comparison"),
        compare(whole(&base), whole(&unlike), anyway).expect("a comparison"),
        of_mocks(),
    ]
}

#[test]
fn two_experiments_are_told_like_this() {
    let compared = regressed();
    assert_eq!(compared.answer, Answer::Regression);
    insta::assert_snapshot!("compared.md", markdown::render_compared(&compared));
    insta::assert_snapshot!("compared-utf8", table::render_compared(&compared, true, None));
    insta::assert_snapshot!(
        "compared-ascii-100",
        table::render_compared(&compared, false, Some(100))
    );
    insta::assert_snapshot!("compared.json", json::write_compared(&compared));
}

#[test]
fn two_cells_of_one_experiment_are_compared_within_its_blocks() {
    let report = fixture::in_blocks();
    let compared = compare(cell(&report, 1), cell(&report, 3), Terms::default()).expect("a comparison");
    assert!(compared.paired && compared.canary.is_empty() && compared.unmatched.is_empty());
    assert_eq!(
        row(&compared, 0, Metric::ResponseP50)
            .judged
            .as_ref()
            .map(|j| j.verdict),
        Some(Verdict::Worse)
    );
    assert_eq!(compared.answer, Answer::Regression);
    insta::assert_snapshot!("compared-cells-utf8", table::render_compared(&compared, true, None));
    let turned = compare(cell(&report, 3), cell(&report, 1), Terms::default()).expect("a comparison");
    assert_eq!(
        row(&turned, 0, Metric::ResponseP50).judged.as_ref().map(|j| j.verdict),
        Some(Verdict::Better)
    );
    assert_eq!(turned.answer, Answer::NoRegression);
}

#[test]
fn the_same_values_in_two_experiments_are_no_proof_that_nothing_changed() {
    let compared = told(&again(1.0));
    for pair in 0..compared.pairs.len() {
        let p50 = row(&compared, pair, Metric::ResponseP50)
            .judged
            .as_ref()
            .expect("judged");
        assert!(p50.ratio.is_some_and(|ratio| (ratio - 1.0).abs() < 0.01), "{p50:?}");
        assert_eq!(p50.verdict, Verdict::Inconclusive, "blocks differ by a fifth");
        let rate = row(&compared, pair, Metric::DeliveredRate)
            .judged
            .as_ref()
            .expect("judged");
        assert_eq!(rate.verdict, Verdict::Equivalent);
    }
    assert_eq!(compared.answer, Answer::Unknown);
    let text = markdown::render_compared(&compared);
    assert!(
        text.contains("no difference detectable") && text.contains("**Not known: "),
        "{text}"
    );
}

#[test]
fn what_is_clearly_better_is_no_regression() {
    let compared = told(&again(0.3));
    assert_eq!(compared.answer, Answer::NoRegression);
}

#[test]
fn where_the_canary_moved_no_latency_is_a_regression_or_none() {
    for factor in [0.3, 2.0] {
        let mut candidate = again(factor);
        candidate
            .results
            .iter_mut()
            .filter(|r| r.purpose == Purpose::Canary)
            .for_each(|r| slow_down(r, factor));
        let compared = told(&candidate);
        assert!(compared.platform_moved());
        assert_eq!(compared.answer, Answer::Unknown);
        assert_eq!(
            row(&compared, 0, Metric::DeliveredRate).regression,
            Regression::Excluded
        );
        let text = table::render_compared(&compared, true, None);
        assert!(text.contains("Not known: the platform moved, by the canary"), "{text}");
        // Canaries of other settings tell of those as well, and so of nothing.
        for result in &mut candidate.results {
            result.workload.properties.push(("batch.size".into(), "131072".into()));
        }
        assert!(told(&candidate).canary.is_empty());
    }
}

#[test]
fn the_threshold_is_the_margin() {
    let compared = |threshold| {
        let terms = Terms {
            threshold: Some(threshold),
            ..Terms::default()
        };
        compare(whole(&fixture::in_blocks()), whole(&again(2.0)), terms).expect("a comparison")
    };
    assert_eq!(compared(0.05).answer, Answer::Regression);
    let forgiving = compared(9.0);
    assert_eq!(forgiving.answer, Answer::NoRegression, "ten times as slow is allowed");
    assert!(
        forgiving
            .pairs
            .iter()
            .flat_map(|p| &p.rows)
            .all(|row| row.regression == Regression::Excluded)
    );
}

#[test]
fn what_was_not_measured_alike_is_refused_by_what_differs() {
    let refused = |change: fn(&mut TrialResult), expected: &str| {
        let mut candidate = again(1.0);
        candidate.results.iter_mut().for_each(change);
        let base = fixture::in_blocks();
        let error = compare(whole(&base), whole(&candidate), Terms::default()).expect_err("they differ");
        let Error::Unlike(differences) = &error else {
            panic!("{error:?}");
        };
        assert!(
            differences
                .iter()
                .all(|difference| difference.kind == Kind::Environment)
        );
        assert!(error.to_string().contains(expected), "{error}");
        let allowed = Terms {
            despite_differences: true,
            ..Terms::default()
        };
        let compared = compare(whole(&base), whole(&candidate), allowed).expect("allowed");
        assert!(!compared.differences.is_empty());
        assert!(table::render_compared(&compared, true, None).contains("which may have made a ratio"));
    };
    refused(
        |r| r.cluster.cluster_id = Some("other".into()),
        "the cluster's id (MkU3OEVBNTcwNTJENDM2Qg against other)",
    );
    refused(
        |r| r.cluster.brokers.truncate(1),
        "the brokers (1 b1:9093 2 b2:9093 3 b3:9093 against 1 b1:9093)",
    );
    refused(|r| r.agents[0].host.kernel = "6.13".into(), "kernel 6.13");
    refused(|r| r.agents[0].build.librdkafka = "2.15.1".into(), "librdkafka 2.15.1");
    refused(|r| r.topic.partitions = 6, "partitions (12 against 6)");
    refused(
        |r| r.topic.settings[0].1 = "1".into(),
        "the topic's min.insync.replicas (2 against 1)",
    );
    refused(
        |r| r.workload.record = "100 B".into(),
        "the record (1024 B, compressibility 0.5 against 100 B)",
    );
    refused(|r| r.windows.measure *= 2, "the window (30.0 s against 60.0 s)");
    refused(|r| r.limits = fixture_limits(), "the limit start_skew");
    refused(|r| r.cluster.mock = true, "the cluster (Kafka against a mock)");
}

fn fixture_limits() -> tribunal_model::limits::Limits {
    fixture::on_a_cluster().results[0].limits
}

fn of_mocks() -> Compared {
    let mut base = fixture::in_blocks();
    let mut candidate = again(2.0);
    for report in [&mut base, &mut candidate] {
        report.facts.mock = true;
        report.results.iter_mut().for_each(|r| r.cluster.mock = true);
    }
    compare(whole(&base), whole(&candidate), Terms::default()).expect("a comparison")
}

#[test]
fn of_a_mock_figures_are_told_and_nothing_is_compared() {
    let compared = of_mocks();
    assert_eq!((compared.answer, compared.comparisons), (Answer::Unknown, 0));
    let rows = || compared.pairs.iter().flat_map(|pair| &pair.rows);
    assert!(rows().all(|row| row.judged.is_none()) && rows().any(|row| row.baseline.is_some()));
    assert!(table::render_compared(&compared, true, None).contains("Nothing is compared: a mock broker"));
}

#[test]
fn an_invalid_trial_enters_nothing() {
    let mut candidate = again(1.0);
    let before = told(&candidate);
    let spoilt = candidate
        .results
        .iter_mut()
        .find(|r| r.cell == CellId(1) && r.purpose.compared());
    let spoilt = spoilt.expect("a trial");
    spoilt.rates.delivered = Some(1.0);
    spoilt.verdict.caveats.push(Caveat::AuditLost { lost: 1 });
    let after = told(&candidate);
    let observations = |compared: &Compared| {
        let judged = row(compared, 0, Metric::DeliveredRate).judged.clone().expect("judged");
        (judged.observations, judged.verdict)
    };
    assert_eq!(observations(&before), ((6, 6), Verdict::Equivalent));
    assert_eq!(observations(&after), ((6, 5), Verdict::Equivalent));
}

#[test]
fn one_repetition_has_a_ratio_and_no_verdict_that_could_fail_a_build() {
    let mut candidate = again(2.0);
    candidate.results.retain(|r| r.block == 0);
    let compared = told(&candidate);
    assert_eq!(compared.answer, Answer::Unknown);
    let p99 = row(&compared, 0, Metric::ResponseP99).judged.as_ref().expect("judged");
    assert!(p99.ratio.is_some() && p99.interval.is_none() && p99.few);
    let text = table::render_compared(&compared, true, None);
    assert!(
        text.contains("(no interval)") && text.contains("too few repetitions for an interval"),
        "{text}"
    );
}

#[test]
fn a_candidate_that_did_not_keep_up_has_no_latency_and_is_not_let_off() {
    let mut candidate = again(1.0);
    candidate
        .results
        .iter_mut()
        .for_each(|r| r.rates.sustained = Some(false));
    let compared = told(&candidate);
    let p99 = row(&compared, 0, Metric::ResponseP99);
    assert_eq!((p99.regression, p99.judged.is_none()), (Regression::Unknown, true));
    assert!(
        p99.untold
            .as_ref()
            .is_some_and(|why| why.contains("candidate: ") && why.contains("did not sustain"))
    );
    assert_eq!(
        row(&compared, 0, Metric::DeliveredRate).regression,
        Regression::Excluded
    );
    assert_eq!(compared.answer, Answer::Unknown);
}

#[test]
fn a_closed_loop_is_compared_by_its_rate_alone() {
    let closed = |mut report: ExperimentReport| {
        for result in report.results.iter_mut().filter(|r| r.purpose.compared()) {
            result.workload.rate = None;
            result.rates.offered = None;
            result.rates.sustained = None;
        }
        report
    };
    let (base, candidate) = (closed(fixture::in_blocks()), closed(again(9.0)));
    let compared = compare(whole(&base), whole(&candidate), Terms::default()).expect("a comparison");
    assert!(compared.pairs.iter().all(|pair| pair.rows.len() == 1));
    assert_eq!(compared.answer, Answer::NoRegression);
}

#[test]
fn cells_without_their_like_are_listed() {
    let mut candidate = again(1.0);
    for result in candidate.results.iter_mut().filter(|r| r.cell == CellId(4)) {
        result.levels[0].value = "50".into();
    }
    let compared = told(&candidate);
    assert_eq!((compared.pairs.len(), compared.unmatched.len()), (3, 2));
    let text = table::render_compared(&compared, true, None);
    assert!(
        text.contains("No like: linger.ms=5 compression.type=zstd (10,000/s offered) is of the baseline only."),
        "{text}"
    );
    let mut other = again(1.0);
    other.results.iter_mut().for_each(|r| r.workload.rate = Some(20_000.0));
    let compared = told(&other);
    assert!(compared.pairs.is_empty() && compared.answer == Answer::Unknown);
    assert!(table::render_compared(&compared, true, None).contains("Not known: no cell of the one has its like"));
}

#[test]
fn named_cells_of_two_experiments_may_have_different_levels() {
    let (base, candidate) = (fixture::in_blocks(), again(1.0));
    let compared = compare(cell(&base, 1), cell(&candidate, 3), Terms::default()).expect("a comparison");
    assert_eq!((compared.pairs.len(), compared.paired), (1, false));
    assert_eq!(
        compared.pairs[0].text(),
        "linger.ms=5 compression.type=none against linger.ms=0 compression.type=none"
    );
    assert!(
        compared
            .differences
            .iter()
            .any(|d| d.what == "linger.ms" && d.kind == Kind::Setting)
    );
    let half = compare(cell(&base, 1), whole(&candidate), Terms::default()).expect("a comparison");
    assert_eq!((half.pairs.len(), half.unmatched.len()), (1, 0));
}

#[test]
fn one_and_the_same_is_no_question() {
    let report = fixture::in_blocks();
    for (one, other) in [
        (whole(&report), whole(&report)),
        (cell(&report, 1), cell(&report, 1)),
        (cell(&report, 1), whole(&report)),
    ] {
        assert_eq!(compare(one, other, Terms::default()), Err(Error::Same));
    }
}

#[test]
fn a_cell_goes_by_its_number_or_by_levels_that_no_other_has() {
    let report = fixture::in_blocks();
    let named = |text: &str| Side::cell(&report, text).map(|side| side.cell);
    for text in [
        "3",
        "c003",
        "linger.ms=5,compression.type=none",
        "linger.ms=5 compression.type=none",
    ] {
        assert_eq!(named(text), Ok(Some(CellId(3))), "{text}");
    }
    for (text, found) in [("9", 0), ("linger.ms=5", 2), ("linger.ms=7", 0), ("", 0), ("linger", 0)] {
        let error = named(text).expect_err("not one");
        assert!(
            matches!(error, Error::NotOneCell { found: told, .. } if told == found),
            "{text}: {error}"
        );
    }
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "<script>alert(1)</script> | `x` \"q\" \u{202e}abc ".repeat(20);
    let mut candidate = again(1.0);
    candidate.facts.name.clone_from(&hostile);
    candidate.facts.notes.push((hostile.clone(), hostile.clone()));
    let terms = Terms {
        despite_differences: true,
        ..Terms::default()
    };
    let compared = compare(whole(&fixture::in_blocks()), whole(&candidate), terms).expect("a comparison");
    let text = markdown::render_compared(&compared);
    assert!(!text.contains("<script>") && text.contains("&lt;script>"), "{text}");
    let columns = |line: &str| line.matches('|').count() - line.matches("\\|").count();
    assert!(
        text.lines()
            .filter(|line| line.starts_with('|'))
            .all(|line| columns(line) == 10),
        "{text}"
    );
    let page = html::render_compared(&compared);
    assert!(
        !page.contains("<script>alert") && page.contains("&lt;script&gt;"),
        "{page}"
    );
    let read: serde_json::Value = serde_json::from_str(&json::write_compared(&compared)).expect("JSON");
    assert_eq!(read["candidate"]["name"], hostile.as_str());
    assert!(table::render_compared(&compared, false, Some(80)).is_ascii());
}
