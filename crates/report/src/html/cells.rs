//! The table of all cells: to be sorted and filtered, invalid ones with their reasons.

use tribunal_model::ids::CellId;
use tribunal_stats::comparison::Metric;

use crate::analysed::Analysed;
use crate::analysis::{CellFigures, Group, text};
use crate::cell_sums::{CellSums, cell_sums};
use crate::factors::of_cells;
use crate::format::{ABSENT, count, number};
use crate::markup::Element;
use crate::processor_time::ProcessorTime;
use crate::result::TrialResult;

use super::blocks::scrolled;

/// Invalid trials of a cell that are told with their reasons in its row.
const REASONS: usize = 2;

/// What is told of each cell beside its name and its sums.
struct Columns {
    /// Its load, where there are several.
    load: bool,
    /// Figures with intervals, with their titles.
    metrics: [(Metric, &'static str); 4],
}

/// A figure of a cell's sums.
type Sum = fn(&CellSums) -> Option<f64>;

/// Of all valid trials of a cell together, whatever the load.
const SUMS: [(&str, Sum); 4] = [
    ("CPU ms per MB", |sums| sums.cpu_per_megabyte),
    ("records per batch", |sums| sums.records_per_batch),
    ("compression ratio", |sums| sums.compression),
    ("retries", |sums| sums.retries.map(|n| n as f64)),
];

/// The heading with the table; nothing where no trial is one of a cell.
pub(super) fn table(of: &Analysed<'_>) -> Vec<Element> {
    let results = of_cells(of.report);
    let groups = &of.analysis.groups;
    if groups.is_empty() {
        return Vec::new();
    }
    let sums = cell_sums(of.report);
    let time = ProcessorTime::of(&results);
    let columns = Columns {
        load: groups.len() > 1,
        metrics: [
            (Metric::DeliveredRate, "delivered"),
            (Metric::ResponseP50, "response p50"),
            (Metric::ResponseP99, "response p99"),
            (time.metric(), "CPU s per million"),
        ],
    };
    let mut header = vec![("cell", false)];
    if columns.load {
        header.push(("load", false));
    }
    header.extend([("trials", true), ("rank by p99", true)]);
    header.extend(columns.metrics.iter().map(|(_, name)| (*name, true)));
    header.extend(SUMS.iter().map(|(name, _)| (*name, true)));
    header.push(("standing", false));
    let mut body = Element::new("tbody");
    for group in groups {
        for cell in &group.cells {
            body = body.with(row(group, cell, &columns, sums.get(&cell.cell), &results));
        }
    }
    let head = header.into_iter().map(|(name, right)| {
        let cell = Element::new("th").set("scope", "col");
        let cell = if right { cell.set("class", "n") } else { cell };
        cell.text(name)
    });
    let table = Element::new("table")
        .set("class", "sortable")
        .with(Element::new("caption").text("Every cell"))
        .with(Element::new("thead").with(Element::new("tr").with_all(head)))
        .with(body);
    vec![
        Element::new("h3").set("id", "every-cell").text("Every cell"),
        Element::new("p").text(format!(
            "Figures with intervals of 95 % over repetitions; what has no interval has one trial, or is a sum over all valid \
             trials of the cell. Invalid trials enter nothing. {}",
            time.about()
        )),
        scrolled("Every cell", table),
    ]
}

/// A cell of the table with what it is sorted by.
fn sorted(told: String, by: Option<f64>) -> Element {
    let cell = Element::new("td").set("class", "n");
    match by {
        Some(by) => cell.set("data-sort", format!("{by}")).text(told),
        None => cell.text(told),
    }
}

fn row(
    group: &Group,
    cell: &CellFigures,
    columns: &Columns,
    sums: Option<&CellSums>,
    results: &[&TrialResult],
) -> Element {
    let mut name = Element::new("th")
        .set("scope", "row")
        .with(Element::new("code").text(if cell.text.is_empty() {
            "baseline".to_owned()
        } else {
            cell.text.clone()
        }));
    if cell.cell == group.baseline && !cell.text.is_empty() {
        name = name.text(" (baseline)");
    }
    let mut row = Element::new("tr")
        .set("data-valid", if cell.valid > 0 { "yes" } else { "no" })
        .with(name);
    if columns.load {
        row = row.with(Element::new("td").text(text::load(&group.load)));
    }
    row = row.with(sorted(text::trials(cell), Some(f64::from(cell.valid))));
    let ranking = group
        .rankings
        .iter()
        .find(|ranking| ranking.metric == Metric::ResponseP99);
    let place = ranking.and_then(|ranking| ranking.rows.iter().position(|row| row.cell == cell.cell));
    row = row.with(sorted(
        place.map_or_else(|| ABSENT.to_owned(), |place| count(place as u64 + 1)),
        place.map(|place| place as f64),
    ));
    for (metric, _) in columns.metrics {
        let figure = cell.figure(metric);
        let told = figure.and_then(text::figure).unwrap_or_else(|| ABSENT.to_owned());
        row = row.with(sorted(told, figure.and_then(|figure| Some(figure.estimate?.mean))));
    }
    for (_, value) in SUMS {
        let value = sums.and_then(value);
        let told = value.map_or_else(
            || ABSENT.to_owned(),
            |value| {
                if value.fract() == 0.0 {
                    count(value as u64)
                } else {
                    number(value)
                }
            },
        );
        row = row.with(sorted(told, value));
    }
    row.with(standing(group, cell, results))
}

/// Why a cell is not in the ranking, and what voided its invalid trials.
fn standing(group: &Group, cell: &CellFigures, results: &[&TrialResult]) -> Element {
    let mut told = Vec::new();
    let of_p99 = |metric| {
        if group.metrics.contains(&metric) {
            Some(metric)
        } else {
            None
        }
    };
    let leading = of_p99(Metric::ResponseP99).unwrap_or(Metric::DeliveredRate);
    let left = group
        .left_out
        .iter()
        .find(|left| left.cell == cell.cell && left.metric == leading);
    match left {
        Some(left) => told.push(format!("not ranked: {}", left.why)),
        None if ties(group, cell.cell, leading) => told.push("not shown to be worse than the best".to_owned()),
        None => {}
    }
    let invalid: Vec<&&TrialResult> = results
        .iter()
        .filter(|r| r.cell == cell.cell && group.holds(r) && !r.verdict.valid())
        .collect();
    for result in invalid.iter().take(REASONS) {
        let reason = result.verdict.caveats.iter().find(|caveat| caveat.invalidates());
        told.extend(reason.map(|reason| format!("{} INVALID: {reason}", result.trial)));
    }
    if invalid.len() > REASONS {
        told.push(format!("and {} more INVALID", invalid.len() - REASONS));
    }
    Element::new("td").set("class", "words").text(told.join("; "))
}

fn ties(group: &Group, cell: CellId, metric: Metric) -> bool {
    let ranking = group.rankings.iter().find(|ranking| ranking.metric == metric);
    ranking.is_some_and(|ranking| ranking.rows.iter().any(|row| row.cell == cell && row.ties_with_best))
}
