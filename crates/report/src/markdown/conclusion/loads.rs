//! What may be said of the cells under each load.

use tribunal_model::ids::TrialId;
use tribunal_stats::comparison::{Comparison, Metric, Ranked, Verdict};

use crate::analysis::{Analysis, CellFigures, Group, Load, MOST_RANKED, text};
use crate::eligibility::queue_bound;
use crate::factors::trials;
use crate::format::{count, plural, rate};
use crate::result::TrialResult;

use super::super::cells::{code, escape};
use super::super::comparison::name;
use super::few;

/// Changes of a verdict that are told before the rest is only counted.
const SHOWN: usize = 3;

/// Facts about every group, the paced ones first.
pub(super) fn facts(analysis: &Analysis, valid: &[&TrialResult]) -> Vec<String> {
    let ranked = analysis.not_compared.is_none();
    let paced = |group: &&Group| group.load != Load::Saturated;
    let mut facts = Vec::new();
    if ranked && analysis.groups.iter().filter(paced).count() > 1 {
        facts.extend(highest(analysis));
        facts.push("Response times depend on load, so they are compared under one load at a time.".to_owned());
    }
    for group in &analysis.groups {
        if group.load == Load::Saturated {
            if ranked {
                facts.extend(closed_loop(group, valid));
            }
        } else {
            facts.extend(sustaining(group, valid));
            if ranked {
                facts.extend(response_times(group, valid));
            }
        }
        facts.extend(against_baseline(analysis, group));
    }
    facts
}

/// The highest rate that every valid trial of a cell sustained.
fn highest(analysis: &Analysis) -> Option<String> {
    let told = analysis.groups.iter().flat_map(|group| {
        let kept_up = group
            .cells
            .iter()
            .filter(|cell| 0 < cell.valid && cell.sustained == cell.valid);
        kept_up.filter_map(|cell| Some((cell, cell.figure(Metric::DeliveredRate)?.estimate?)))
    });
    let (cell, estimate) = told.max_by(|(_, a), (_, b)| a.mean.total_cmp(&b.mean))?;
    let offers = analysis.groups.iter().filter_map(|group| match &group.load {
        Load::Offered { rate, .. } | Load::Share { rate, .. } => Some(*rate),
        Load::Saturated => None,
    });
    Some(format!(
        "Highest delivered rate that was sustained: {} with {} ({} was the highest offered).",
        text::estimate(&estimate, rate),
        code(&cell.text),
        rate(offers.fold(0.0, f64::max))
    ))
}

/// The valid trials of a group's cells under its load.
fn of_group<'a>(group: &Group, valid: &[&'a TrialResult]) -> Vec<&'a TrialResult> {
    let same = |r: &&TrialResult| group.holds(r) && r.rates.delivered.is_some();
    valid.iter().copied().filter(same).collect()
}

/// Which trials of one load sustained it.
fn sustaining(group: &Group, valid: &[&TrialResult]) -> Option<String> {
    let of_group = of_group(group, valid);
    if of_group.is_empty() {
        return None;
    }
    let missed: Vec<&&TrialResult> = of_group.iter().filter(|r| r.rates.sustained != Some(true)).collect();
    let mut text = format!(
        "At {}, {} of {} sustained it.",
        escape(&text::load(&group.load)),
        count((of_group.len() - missed.len()) as u64),
        plural(of_group.len() as u64, "valid trial"),
    );
    for result in missed.iter().take(SHOWN) {
        text += &format!(
            " {} ({}) did not: it delivered {}, bound by {}.",
            result.trial,
            code(&result.cell_text()),
            rate(result.rates.delivered.unwrap_or(0.0)),
            result.verdict.bound_by,
        );
    }
    if missed.len() > SHOWN {
        text += &format!(" And {} more did not.", missed.len() - SHOWN);
    }
    Some(text)
}

/// The order of response times among the cells that may be compared by them.
fn response_times(group: &Group, valid: &[&TrialResult]) -> Vec<String> {
    let at = escape(&text::load(&group.load));
    let mut facts = Vec::new();
    for metric in [Metric::ResponseP99, Metric::ResponseP50] {
        let what = text::metric(metric);
        let left_out: Vec<String> = group
            .left_out
            .iter()
            .filter(|left| left.metric == metric)
            .filter_map(|left| Some(group.cell(left.cell)?.text.clone()))
            .collect();
        let in_order: Vec<&CellFigures> = group
            .cells
            .iter()
            .filter(|cell| !left_out.contains(&cell.text))
            .collect();
        let ranking = group.rankings.iter().find(|ranking| ranking.metric == metric);
        match (ranking, in_order.as_slice()) {
            (Some(ranking), _) => facts.push(order(group, metric, &at, &ranking.rows)),
            (None, [only]) => {
                let Some(figure) = only.figure(metric).and_then(text::figure) else {
                    continue;
                };
                facts.push(format!(
                    "Of {what} at {at} one cell only is told: {figure} with {}.",
                    code(&only.text)
                ));
            }
            (None, [_, .., _]) => facts.push(format!(
                "{} at {at} are not ranked by {what}: at most {MOST_RANKED} are.",
                plural(in_order.len() as u64, "cell")
            )),
            (None, []) => {
                facts.push(format!(
                    "No {what} at {at} is compared: no cell has one that may be in all its valid trials."
                ));
                continue;
            }
        }
        if !left_out.is_empty() {
            facts.push(format!(
                "Not in that order: {}. *Against the baseline* says why.",
                few(&left_out)
            ));
        }
        facts.extend(incomplete(group, valid, &left_out));
        break;
    }
    facts
}

fn order(group: &Group, metric: Metric, at: &str, rows: &[Ranked]) -> String {
    let what = text::metric(metric);
    let (Some(best), Some(worst)) = (rows.first(), rows.last()) else {
        return String::new();
    };
    let ties: Vec<String> = rows[1..]
        .iter()
        .filter(|row| row.ties_with_best)
        .filter_map(|row| Some(group.cell(row.cell)?.text.clone()))
        .collect();
    let ties = match ties.len() {
        0 => "every other is shown to be worse".to_owned(),
        n if n + 1 == rows.len() => "no other is shown to be worse".to_owned(),
        _ => format!("not shown to be worse: {}", few(&ties)),
    };
    format!(
        "Lowest {what} of {} that may be compared at {at}: {}; {ties}. Highest: {}.",
        plural(rows.len() as u64, "cell"),
        tell(group, metric, best),
        tell(group, metric, worst),
    )
}

/// A cell with its figure and what that is.
fn tell(group: &Group, metric: Metric, row: &Ranked) -> String {
    let told = text::estimate(&row.mean, |v| text::value(metric, v));
    let cell = name(group, row.cell);
    match row.mean.n {
        1 => format!("{told} with {cell} (one trial)"),
        n => format!("{told} with {cell} (geometric mean of {n} trials)"),
    }
}

/// What a reader of an order of response times must know of its trials.
fn incomplete(group: &Group, valid: &[&TrialResult], left_out: &[String]) -> Option<String> {
    let missing = |r: &&TrialResult| r.measured().is_some_and(|p| p.fates.acknowledged < p.fates.scheduled);
    let ids: Vec<TrialId> = of_group(group, valid)
        .into_iter()
        .filter(|r| !left_out.contains(&r.cell_text()))
        .filter(missing)
        .map(|r| r.trial)
        .collect();
    (!ids.is_empty()).then(|| {
        format!(
            "Of {} not every record of the window was acknowledged, and response time holds only those that were.",
            trials(&ids)
        )
    })
}

/// The verdicts against the baseline, a sentence for each metric.
fn against_baseline(analysis: &Analysis, group: &Group) -> Vec<String> {
    let at = if analysis.groups.len() > 1 {
        format!(" {}", escape(&text::under(&group.load)))
    } else {
        String::new()
    };
    let of = |metric| -> Vec<&Comparison> { group.comparisons.iter().filter(|row| row.metric == metric).collect() };
    let mut facts = Vec::new();
    for metric in &group.metrics {
        let rows = of(*metric);
        if rows.is_empty() || rows.iter().all(|row| row.contrast.interval.is_none()) {
            continue;
        }
        let words = [
            Verdict::Better,
            Verdict::Worse,
            Verdict::Equivalent,
            Verdict::Inconclusive,
        ]
        .into_iter()
        .filter_map(|verdict| told(group, &rows, verdict));
        facts.push(format!(
            "Against {}{at}, {}: {}.",
            name(group, group.baseline),
            text::metric(*metric),
            words.collect::<Vec<_>>().join("; ")
        ));
    }
    facts
}

/// The cells with one verdict: each with its change where there is one, else their number.
fn told(group: &Group, rows: &[&Comparison], verdict: Verdict) -> Option<String> {
    let of_verdict: Vec<&&Comparison> = rows.iter().filter(|row| row.contrast.verdict == verdict).collect();
    if of_verdict.is_empty() {
        return None;
    }
    let mut cells: Vec<String> = of_verdict
        .iter()
        .take(SHOWN)
        .map(|row| {
            let marks = match (row.contrast.few_blocks, row.contrast.contested) {
                (true, _) => " (few blocks)",
                (false, true) => " (contested)",
                (false, false) => "",
            };
            format!(
                "{} {}{marks}",
                name(group, row.candidate),
                text::ratio(&row.contrast).unwrap_or_default()
            )
        })
        .collect();
    if of_verdict.len() > SHOWN {
        cells.push(format!("{} more", of_verdict.len() - SHOWN));
    }
    Some(format!("{} {}", text::verdict(verdict), cells.join(", ")))
}

/// Closed-loop trials: rates only.
fn closed_loop(group: &Group, valid: &[&TrialResult]) -> Option<String> {
    let told = group
        .cells
        .iter()
        .filter_map(|cell| Some((cell, cell.figure(Metric::DeliveredRate)?.estimate?)));
    let ordered: Vec<_> = told.collect();
    let (best, estimate) = ordered.iter().max_by(|(_, a), (_, b)| a.mean.total_cmp(&b.mean))?;
    let mut bound_by: Vec<String> = valid
        .iter()
        .filter(|r| r.cell == best.cell && queue_bound(r))
        .map(|r| r.verdict.bound_by.to_string())
        .collect();
    bound_by.sort_unstable();
    bound_by.dedup();
    Some(format!(
        "Closed loop, highest delivered rate of {}: {} with {}, bound by {}. The latencies of closed-loop trials are \
         queue ÷ rate and in no comparison.",
        plural(ordered.len() as u64, "cell"),
        text::estimate(estimate, rate),
        code(&best.text),
        bound_by.join(" or "),
    ))
}
