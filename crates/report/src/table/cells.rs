//! Cells with their intervals, and a line or two of what was compared and found.

use tribunal_model::ids::CellId;
use tribunal_stats::comparison::{Comparison, Metric, Verdict};
use tribunal_stats::search::Answer;

use super::Rows;
use crate::analysed::Analysed;
use crate::analysis::{Analysis, CellFigures, Group, Load, text};
use crate::format::{ABSENT, count, rate};
use crate::search::SearchOutcome;

/// One row for each cell with half of its interval; `None` where no cell has one.
pub(super) fn with_intervals(analysis: &Analysis) -> Option<Rows> {
    let all = || analysis.groups.iter().flat_map(|group| &group.cells);
    let told = |cell: &CellFigures| {
        cell.figures
            .iter()
            .filter_map(|f| f.estimate.as_ref())
            .any(|e| e.interval.is_some())
    };
    if !all().any(told) {
        return None;
    }
    let several = analysis.groups.len() > 1;
    let mut header = vec!["cell".to_owned()];
    if several {
        header.push("load".to_owned());
    }
    header.extend(["trials", "delivered", "p99"].map(ToOwned::to_owned));
    let first = header.len() - 2;
    let mut rows = vec![header];
    for group in &analysis.groups {
        for cell in &group.cells {
            let mut row = vec![cell.text.clone()];
            if several {
                row.push(text::load(&group.load));
            }
            row.extend([text::trials(cell), figure(cell, Metric::DeliveredRate)]);
            row.push(if group.load == Load::Saturated {
                ABSENT.to_owned()
            } else {
                figure(cell, Metric::ResponseP99)
            });
            rows.push(row);
        }
    }
    Some((rows, first..first + 2))
}

fn figure(cell: &CellFigures, metric: Metric) -> String {
    let Some(estimate) = cell.figure(metric).and_then(|figure| figure.estimate) else {
        return ABSENT.to_owned();
    };
    text::plus_minus(metric, &estimate)
}

/// What the intervals are, what was compared, and what a search found.
pub(super) fn lines(of: &Analysed<'_>) -> Vec<String> {
    let analysis = &of.analysis;
    let mut lines = Vec::new();
    if with_intervals(analysis).is_some() {
        lines.push(
            "± half of the interval of 95 % over repetitions; p99 is the geometric mean of the trials' p99.".into(),
        );
    }
    for group in &analysis.groups {
        lines.extend(
            [Metric::DeliveredRate, Metric::ResponseP99]
                .into_iter()
                .filter_map(|metric| compared(analysis, group, metric)),
        );
    }
    lines.extend(of.report.searches.iter().map(capacity));
    lines
}

/// The verdicts of one metric against the baseline, by number.
fn compared(analysis: &Analysis, group: &Group, metric: Metric) -> Option<String> {
    let rows: Vec<&Comparison> = group
        .comparisons
        .iter()
        .filter(|row| row.metric == metric && row.contrast.interval.is_some())
        .collect();
    let few = rows.iter().filter(|row| row.contrast.few_blocks).count();
    if rows.is_empty() {
        return None;
    }
    let name = |cell: CellId| {
        group
            .cell(cell)
            .map_or_else(|| cell.to_string(), |told| told.text.clone())
    };
    let words = [
        Verdict::Better,
        Verdict::Worse,
        Verdict::Equivalent,
        Verdict::Inconclusive,
    ];
    let told: Vec<String> = words
        .into_iter()
        .filter_map(|verdict| {
            let of: Vec<&&Comparison> = rows.iter().filter(|row| row.contrast.verdict == verdict).collect();
            match of.as_slice() {
                [] => None,
                [one] => Some(format!("{} {}", text::verdict(verdict), name(one.candidate))),
                more => Some(format!("{} {} cells", text::verdict(verdict), count(more.len() as u64))),
            }
        })
        .collect();
    let at = if analysis.groups.len() > 1 {
        format!(" {}", text::under(&group.load))
    } else {
        String::new()
    };
    Some(format!(
        "Against {}{at}, {}: {}{}.",
        name(group.baseline),
        text::metric(metric),
        told.join(", "),
        match few {
            0 => "",
            n if n == rows.len() => " (few blocks)",
            _ => " (some on few blocks)",
        }
    ))
}

fn capacity(search: &SearchOutcome) -> String {
    let cell = search.cell_text();
    let cache = if search.page_cache_only {
        ", page cache only"
    } else {
        ""
    };
    match &search.answer {
        Some(Answer::Capacity {
            confirmed_pass,
            failed: Some(failed),
            ..
        }) => format!(
            "Capacity of {cell}: [{} PASS, {} FAIL]{cache}.",
            rate(*confirmed_pass),
            rate(*failed)
        ),
        Some(Answer::Capacity { confirmed_pass, .. }) => {
            format!("Capacity of {cell}: at least {}{cache}.", rate(*confirmed_pass))
        }
        Some(Answer::GeneratorLimited { above, reason, .. }) => {
            format!(
                "Capacity of {cell}: not known; no probe at {} was valid: {reason}",
                rate(*above)
            )
        }
        Some(Answer::NoneMeets { lowest_failed }) => {
            format!("Capacity of {cell}: none; even {} FAILs.", rate(*lowest_failed))
        }
        Some(Answer::NotFound { reason, .. }) => format!("Capacity of {cell}: not found; {reason}."),
        None => format!("Capacity of {cell}: the search is not over."),
    }
}
