//! The judged metrics of matched cells, and what the canaries say.

use std::collections::BTreeMap;

use tribunal_model::design::Purpose;
use tribunal_model::ids::CellId;
use tribunal_stats::comparison::{
    Contrast, Direction, Interval, Metric, Observations, Rules, Samples, Unpaired, Verdict, compare, compare_unpaired,
};

use super::matching::Matched;
use super::{Judged, Moved, Pair, Regression, Row};
use crate::analysis::{CellFigures, LeftOut, Load, comparable, figures, observations};
use crate::experiment::ExperimentReport;
use crate::result::TrialResult;

/// The two of a pair within their family.
const BASELINE: CellId = CellId(0);
const CANDIDATE: CellId = CellId(1);

const PACED: [Metric; 4] = [
    Metric::DeliveredRate,
    Metric::ResponseP50,
    Metric::ResponseP99,
    Metric::ResponseP999,
];

/// A closed loop's latencies are queue ÷ rate.
const SATURATED: [Metric; 1] = [Metric::DeliveredRate];

/// Judges every metric of every pair as one family, and says how many comparisons that were.
pub(super) fn judged(matched: &[Matched<'_>], paired: bool, may_compare: bool, rules: &Rules) -> (Vec<Pair>, u32) {
    let mut family = Vec::new();
    let mut pairs = Vec::new();
    // Where each judgement of the family belongs.
    let mut places = Vec::new();
    for of in matched {
        let metrics: &[Metric] = match of.load {
            Load::Offered { .. } | Load::Share { .. } => &PACED,
            Load::Saturated => &SATURATED,
        };
        let told = |trials: &[&TrialResult]| figures(trials, metrics, rules);
        let (Some(baseline), Some(candidate)) = (told(&of.baseline), told(&of.candidate)) else {
            continue;
        };
        let by_cell = BTreeMap::from([(BASELINE, of.baseline.clone()), (CANDIDATE, of.candidate.clone())]);
        let mut rows = Vec::new();
        for metric in metrics {
            let mut left_out = Vec::new();
            let observed = observations(*metric, &by_cell, &mut left_out);
            let row = row(*metric, &baseline, &candidate, &left_out);
            if may_compare && left_out.is_empty() {
                places.push((pairs.len(), rows.len()));
                family.push(observed);
            }
            rows.push(row);
        }
        pairs.push(Pair {
            load: of.load.clone(),
            baseline,
            candidate,
            rows,
        });
    }
    let judgements: Vec<Judged> = if paired {
        let told = compare(&family, BASELINE, rules);
        told.rows.iter().map(|row| of_blocks(&row.contrast)).collect()
    } else {
        let samples: Vec<Samples> = family.iter().map(samples).collect();
        compare_unpaired(&samples, rules).iter().map(of_samples).collect()
    };
    let comparisons = judgements.iter().filter(|judged| judged.deciding.is_some()).count() as u32;
    for ((pair, place), judged) in places.into_iter().zip(judgements) {
        let row = &mut pairs[pair].rows[place];
        row.regression = regression(&judged, row.metric);
        row.judged = Some(judged);
    }
    (pairs, comparisons)
}

/// A metric before it is judged.
fn row(metric: Metric, baseline: &CellFigures, candidate: &CellFigures, left_out: &[LeftOut]) -> Row {
    let of = |cell: &CellFigures| cell.figure(metric).and_then(|figure| figure.estimate);
    let why = |cell: CellId| left_out.iter().find(|left| left.cell == cell).map(|left| &left.why);
    let (untold, regression) = match (why(BASELINE), why(CANDIDATE)) {
        (Some(why), None) => (Some(format!("baseline: {why}")), Regression::NotAsked),
        (None, Some(why)) => (Some(format!("candidate: {why}")), Regression::Unknown),
        (Some(one), Some(other)) => (
            Some(format!("baseline: {one}; candidate: {other}")),
            Regression::NotAsked,
        ),
        (None, None) => (None, Regression::Unknown),
    };
    Row {
        metric,
        baseline: of(baseline),
        candidate: of(candidate),
        judged: None,
        untold,
        regression,
    }
}

fn of_blocks(contrast: &Contrast) -> Judged {
    let Contrast {
        blocks,
        ratio,
        interval,
        deciding,
        margin,
        verdict,
        few_blocks,
        contested,
        needed,
        ..
    } = *contrast;
    Judged {
        observations: (blocks, blocks),
        ratio,
        interval,
        deciding,
        margin,
        verdict,
        few: few_blocks,
        contested,
        needed,
    }
}

fn of_samples(told: &Unpaired) -> Judged {
    Judged {
        observations: (told.baseline, told.candidate),
        ratio: told.ratio,
        interval: told.interval,
        deciding: told.deciding,
        margin: told.margin,
        verdict: told.verdict,
        few: told.few,
        contested: false,
        needed: None,
    }
}

fn samples(of: &Observations) -> Samples {
    let values = |cell: CellId| {
        of.cells
            .get(&cell)
            .map_or_else(Vec::new, |of| of.values().copied().collect())
    };
    Samples {
        metric: of.metric,
        baseline: values(BASELINE),
        candidate: values(CANDIDATE),
    }
}

/// What the verdict and its interval say of the threshold.
fn regression(judged: &Judged, metric: Metric) -> Regression {
    let within_threshold = |interval: Interval| match metric.direction() {
        Direction::LowerIsBetter => interval.high <= 1.0 + judged.margin,
        Direction::HigherIsBetter => interval.low >= 1.0 / (1.0 + judged.margin),
    };
    match judged.verdict {
        Verdict::Worse => Regression::Found,
        Verdict::Better | Verdict::Equivalent => Regression::Excluded,
        Verdict::Inconclusive if judged.deciding.is_some_and(within_threshold) => Regression::Excluded,
        Verdict::Inconclusive => Regression::Unknown,
    }
}

/// Takes back what latencies say of a regression, where the platform may have made it or hidden it.
pub(super) fn doubt_latencies(pair: &mut Pair) {
    for row in pair.rows.iter_mut().filter(|row| row.metric != Metric::DeliveredRate) {
        if row.judged.is_some() {
            row.regression = Regression::Unknown;
        }
    }
}

/// By how much the canary moved between two experiments; empty where not both have one at the same load and levels.
pub(super) fn canary(baseline: &ExperimentReport, candidate: &ExperimentReport, rules: &Rules) -> Vec<Moved> {
    let (one, other) = (canaries(baseline), canaries(candidate));
    // With other settings it would show what they did, and not what the platform did.
    let alike = one.first().zip(other.first()).is_some_and(|(one, other)| {
        let of = |result: &TrialResult| {
            let mut workload = result.workload.clone();
            workload.seed = 0;
            (workload, result.topic.settings.clone(), result.cell_text())
        };
        of(one) == of(other)
    });
    if !alike {
        return Vec::new();
    }
    let values = |trials: &[&TrialResult], metric| -> Vec<f64> {
        trials.iter().filter_map(|r| comparable(r, metric).ok()).collect()
    };
    let family: Vec<Samples> = [Metric::ResponseP50, Metric::ResponseP99]
        .into_iter()
        .map(|metric| Samples {
            metric,
            baseline: values(&one, metric),
            candidate: values(&other, metric),
        })
        .collect();
    let told = compare_unpaired(&family, rules);
    let moved = family.iter().zip(told).map(|(of, change)| Moved {
        metric: of.metric,
        change,
    });
    moved.filter(|moved| moved.change.ratio.is_some()).collect()
}

fn canaries(report: &ExperimentReport) -> Vec<&TrialResult> {
    let canary = |r: &&TrialResult| r.purpose == Purpose::Canary && r.verdict.valid();
    report.results.iter().filter(canary).collect()
}
