//! Cells with their figures, against the baseline and among each other.

use tribunal_model::ids::CellId;
use tribunal_stats::comparison::{Contrast, Metric, Rules};

use crate::analysis::{Analysis, CellFigures, Group, text};
use crate::format::{ABSENT, DAGGER_MEANS, count, list, number, optional, plural};

use super::cells::{Align, Table, code, escape, fold};

/// Lines above which a list is folded away.
const FOLD_ABOVE: usize = 12;

/// Every cell with its figures.
pub(super) fn cells(analysis: &Analysis) -> String {
    if analysis.groups.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "### Cells\n\nEach valid trial gives one number for each figure, and a percentile is of one trial's records: \
         figures are geometric means of those numbers, with intervals of 95 % over repetitions.",
    );
    if analysis.comparisons > 0 {
        text += " Two cells are not to be compared by whether their intervals overlap, but by their ratio within blocks, \
                 below.";
    }
    text += "\n\n";
    for group in &analysis.groups {
        text += &heading(analysis, group);
        text += &cell_table(group).folded("cells");
    }
    let one_event = |cell: &CellFigures| cell.figures.iter().any(|figure| figure.one_event);
    if analysis.groups.iter().flat_map(|group| &group.cells).any(one_event) {
        text += DAGGER_MEANS;
        text += "\n\n";
    }
    let within = |cell: &CellFigures| cell.figures.iter().any(|figure| figure.within_trial.is_some());
    if analysis.groups.iter().flat_map(|group| &group.cells).any(within) {
        text += text::WITHIN_TRIAL_MEANS;
        text += "\n\n";
    }
    text
}

/// A line that names the load, where there are several.
pub(super) fn heading(analysis: &Analysis, group: &Group) -> String {
    match analysis.groups.len() {
        1 => String::new(),
        _ => format!("Cells {}:\n\n", escape(&text::under(&group.load))),
    }
}

fn cell_table(group: &Group) -> Table {
    let metrics = [
        Metric::DeliveredRate,
        Metric::SocketWriteRate,
        Metric::ResponseP50,
        Metric::ResponseP99,
        Metric::CpuPerRecord,
        Metric::ProducingCpuPerRecord,
    ];
    let shown: Vec<Metric> = metrics
        .into_iter()
        .filter(|metric| *metric == Metric::SocketWriteRate || group.metrics.contains(metric))
        .collect();
    let mut header = vec![
        ("cell", Align::Left),
        ("trials", Align::Right),
        ("sustained", Align::Right),
    ];
    header.extend(shown.iter().map(|metric| (text::metric(*metric), Align::Right)));
    let mut table = Table::new(header);
    for cell in &group.cells {
        let mut row = vec![
            code(&cell.text) + if cell.cell == group.baseline { " (baseline)" } else { "" },
            text::trials(cell),
            if group.metrics.contains(&Metric::ResponseP99) {
                format!("{} of {}", cell.sustained, cell.valid)
            } else {
                ABSENT.to_owned()
            },
        ];
        row.extend(shown.iter().map(|metric| told(cell, *metric)));
        table.row(row);
    }
    table.without_absent_columns()
}

/// A figure, or why there is none where that is not plain from the other figures.
fn told(cell: &CellFigures, metric: Metric) -> String {
    let Some(figure) = cell.figure(metric) else {
        return ABSENT.to_owned();
    };
    match (text::figure(figure), &figure.untold) {
        (Some(told), _) => told,
        (None, Some(why)) if metric != Metric::SocketWriteRate => format!("{ABSENT} ({})", escape(why)),
        (None, _) => ABSENT.to_owned(),
    }
}

/// Every cell against the baseline of its load, and the order of all of them.
pub(super) fn comparisons(analysis: &Analysis) -> String {
    if let Some(why) = &analysis.not_compared {
        return format!("Nothing is compared or ranked: {}.\n\n", escape(why));
    }
    if !analysis.groups.iter().any(|group| group.cells.len() > 1) {
        return String::new();
    }
    let mut text = against_baseline(analysis);
    if analysis.comparisons > 0 {
        text += &rankings(analysis);
    }
    text
}

fn against_baseline(analysis: &Analysis) -> String {
    let rules = &analysis.rules;
    let judged = analysis.comparisons > 0;
    let mut text = "### Against the baseline\n\nThe change from the baseline to a cell, within blocks. ".to_owned();
    text += &if judged {
        family(analysis)
    } else {
        "No two blocks hold both: nothing tells these changes from chance, and no verdict is given.\n\n".to_owned()
    };
    for group in &analysis.groups {
        text += &heading(analysis, group);
        if group.comparisons.is_empty() {
            text += "Nothing can be compared with the baseline.\n\n";
        } else {
            text += &format!("Baseline: {}.\n\n", name(group, group.baseline));
            let mut table = if judged {
                contrasts(&["cell", "metric"])
            } else {
                Table::of(&["cell", "metric", "change"])
            };
            for row in &group.comparisons {
                let labels = [name(group, row.candidate), text::metric(row.metric).to_owned()];
                if judged {
                    table.row(contrast_row(labels, &row.contrast));
                } else {
                    let change = optional(text::ratio(&row.contrast), |told| told);
                    table.row(labels.into_iter().chain([change]).collect());
                }
            }
            text += &table.folded("comparisons");
        }
        text += &left_out(group);
    }
    let contrasts = || {
        let rows = analysis.groups.iter().flat_map(|group| &group.comparisons);
        rows.map(|row| &row.contrast)
    };
    if judged && contrasts().any(|contrast| contrast.few_blocks) {
        text += &format!(
            "Few blocks: a comparison wants {}. With fewer, no test that is free of assumptions can support a difference: \
             these verdicts rest on logarithms being normally distributed.\n\n",
            rules.wanted_blocks
        );
    }
    text
}

/// How many comparisons were made, and what a verdict means.
fn family(analysis: &Analysis) -> String {
    format!(
        "{} made; Holm's method keeps the chance of any false difference among them at {}. {}\n\n",
        match analysis.comparisons {
            1 => "1 comparison was".to_owned(),
            n => format!("{} comparisons were", count(u64::from(n))),
        },
        text::chosen(1.0 - analysis.rules.confidence),
        margins(&analysis.rules),
    )
}

/// What a verdict means.
fn margins(rules: &Rules) -> String {
    format!(
        "BETTER and WORSE: the deciding interval excludes no change, and the change is at the margin or beyond; \
         EQUIVALENT: it lies wholly within the margin; else INCONCLUSIVE. Margins: rates {}, medians {}, p99 {}, processor \
         time {}.",
        text::chosen(rules.margins.rate),
        text::chosen(rules.margins.median),
        text::chosen(rules.margins.tail),
        text::chosen(rules.margins.cpu)
    )
}

/// A table of judged ratios behind some labels.
pub(super) fn contrasts(labels: &[&str]) -> Table {
    let left = labels.iter().map(|label| (*label, Align::Left));
    Table::new(left.chain([
        ("change [95 %]", Align::Right),
        ("deciding interval", Align::Right),
        ("margin", Align::Right),
        ("verdict", Align::Left),
        ("blocks", Align::Right),
        ("sign-flip p", Align::Right),
    ]))
}

/// A row of such a table.
pub(super) fn contrast_row(labels: impl IntoIterator<Item = String>, contrast: &Contrast) -> Vec<String> {
    let mut row: Vec<String> = labels.into_iter().collect();
    row.extend([
        text::ratio(contrast).unwrap_or_else(|| ABSENT.to_owned()),
        optional(contrast.deciding.as_ref(), text::changes),
        text::chosen(contrast.margin),
        text::judged(contrast),
        match contrast.unpaired {
            0 => contrast.blocks.to_string(),
            lost => format!("{} ({lost} unpaired)", contrast.blocks),
        },
        optional(contrast.sign_flip, |flip| number(flip.p)),
    ]);
    row
}

/// A cell by its levels.
pub(super) fn name(group: &Group, cell: CellId) -> String {
    group
        .cell(cell)
        .map_or_else(|| cell.to_string(), |figures| code(&figures.text))
}

/// What did not enter the comparisons, and why.
fn left_out(group: &Group) -> String {
    let mut told: Vec<(CellId, &str, Vec<&str>)> = Vec::new();
    for left in &group.left_out {
        match told
            .iter_mut()
            .find(|(cell, why, _)| (*cell, *why) == (left.cell, &left.why))
        {
            Some((_, _, metrics)) => metrics.push(text::metric(left.metric)),
            None => told.push((left.cell, &left.why, vec![text::metric(left.metric)])),
        }
    }
    if told.is_empty() {
        return String::new();
    }
    let mut lines = String::new();
    for (cell, why, metrics) in &told {
        lines += &format!("- {}, {}: {}.\n", name(group, *cell), list(metrics), escape(why));
    }
    let line = "Not compared";
    if told.len() > FOLD_ABOVE {
        fold(&format!("{line} ({})", count(told.len() as u64)), &(lines + "\n"))
    } else {
        format!("{line}:\n\n{lines}\n")
    }
}

fn rankings(analysis: &Analysis) -> String {
    let mut text = String::new();
    for group in analysis.groups.iter().filter(|group| !group.rankings.is_empty()) {
        text += &heading(analysis, group);
        for ranking in &group.rankings {
            let metric = text::metric(ranking.metric);
            let tied = ranking.rows.iter().filter(|row| row.ties_with_best).count();
            if tied == ranking.rows.len() {
                text += &format!(
                    "By {metric}: none of {} is shown to be worse than the best.\n\n",
                    plural(ranking.rows.len() as u64, "cell")
                );
                continue;
            }
            let mut table = Table::new([
                ("place", Align::Right),
                ("cell", Align::Left),
                (metric, Align::Right),
                ("against the best [95 %]", Align::Right),
                ("verdict against the best", Align::Left),
            ]);
            for (place, row) in (1u64..).zip(&ranking.rows) {
                table.row(vec![
                    count(place),
                    name(group, row.cell),
                    text::estimate(&row.mean, |v| text::value(ranking.metric, v)),
                    optional(row.to_best.as_ref().and_then(text::ratio), |told| told),
                    text::to_best(row).to_owned(),
                ]);
            }
            text += &format!(
                "By {metric}, best first ({} among all pairs of cells):\n\n",
                plural(u64::from(ranking.comparisons), "test")
            );
            text += &table.folded("places");
        }
    }
    if text.is_empty() {
        return text;
    }
    "### Ranking\n\nA cell that is not shown to be worse than the best one ties with it.\n\n".to_owned() + &text
}
