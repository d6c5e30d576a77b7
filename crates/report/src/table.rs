//! The result table for a terminal.

mod cells;
mod compared;

use std::ops::Range;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

use crate::analysed::Analysed;
use crate::eligibility::{Mark, Percentile, Rank, queue_bound};
use crate::experiment::ExperimentReport;
use crate::factors::{apart, factors, level, of_cells};
use crate::format::{ABSENT, DAGGER_MEANS, ascii, optional, percentile, plural, rate};
use crate::result::TrialResult;

pub use compared::render as render_compared;

/// Blanks on the right of a cell; one more stands where other tables have a line between columns.
const PADDING: u16 = 1;

const RESPONSE: [Rank; 3] = [Rank::P50, Rank::P99, Rank::P999];

/// One row for each trial: levels, verdict, delivered rate, response time, what it was bound by; then cells with their
/// intervals where there are repetitions, and what must be known to read it.
///
/// Trials that are no observations of a cell are shown where there are no others, and else counted. Without `utf8` only
/// ASCII is used. With a `width` in characters, cells are wrapped to stay within it where they can.
pub fn render(of: &Analysed<'_>, utf8: bool, width: Option<u16>) -> String {
    let report = of.report;
    let plain = |text: String| if utf8 { text } else { ascii(&text) };
    let (cells, others) = (of_cells(report), apart(report));
    let shown = if cells.is_empty() { &others } else { &cells };
    let mut text = if shown.is_empty() {
        "No trial has a result.\n".to_owned()
    } else {
        let (rows, numeric) = trials(report, shown);
        draw(rows, &numeric, utf8, width)
    };
    for line in legend(report, shown) {
        text += &plain(line.to_owned());
        text.push('\n');
    }
    if !cells.is_empty() && !others.is_empty() {
        text += &plain(format!(
            "{} apart (canary, burn-in, capacity, probes): in the report, in no comparison.\n",
            plural(others.len() as u64, "trial")
        ));
    }
    if let Some((rows, numeric)) = cells::with_intervals(&of.analysis) {
        text.push('\n');
        text += &draw(rows, &numeric, utf8, width);
    }
    for line in cells::lines(of) {
        text += &plain(line);
        text.push('\n');
    }
    text
}

/// Rows with their header, and which of their columns hold numbers.
type Rows = (Vec<Vec<String>>, Range<usize>);

fn trials(report: &ExperimentReport, shown: &[&TrialResult]) -> Rows {
    let factors = factors(shown);
    let objective = report.facts.objective.is_some();
    let mut header = vec!["trial".to_owned()];
    header.extend(factors.iter().map(|(factor, _)| (*factor).to_owned()));
    header.extend(["verdict", "delivered", "p50", "p99", "p99.9", "bound by"].map(ToOwned::to_owned));
    if objective {
        header.push("objective".to_owned());
    }
    let numeric = factors.len() + 2..factors.len() + 6;
    let mut rows = vec![header];
    for result in shown {
        let mut row = vec![result.trial.to_string()];
        row.extend(
            factors
                .iter()
                .map(|(factor, _)| optional(level(result, factor), ToOwned::to_owned)),
        );
        row.extend([verdict(result), delivered(result)]);
        row.extend(RESPONSE.map(|rank| percentile(&Percentile::response(result, rank))));
        row.push(result.verdict.bound_by.to_string());
        if objective {
            row.push(optional(result.objective.as_ref(), |outcome| {
                outcome.standing.name().to_owned()
            }));
        }
        rows.push(row);
    }
    (rows, numeric)
}

/// A table for a terminal.
fn draw(rows: Vec<Vec<String>>, numeric: &Range<usize>, utf8: bool, width: Option<u16>) -> String {
    let plain = |text: String| if utf8 { text } else { ascii(&text) };
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| row.into_iter().map(plain).collect())
        .collect();
    let mut table = Table::new();
    table.load_style(style(if utf8 { '─' } else { '-' }));
    table.set_header(&rows[0]).add_rows(&rows[1..]);
    if let Some(width) = width {
        table
            .set_width(width)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_constraints(constraints(&rows, numeric, width));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, PADDING));
        if numeric.contains(&column.index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt() + "\n"
}

/// Lines above, below and under the header; no others, because a terminal has few columns to give away.
fn style(line: char) -> TableStyle {
    let line = LineStyle::none().fill(line).junction(line);
    TableStyle::new()
        .top_border(line)
        .header_separator(line)
        .bottom_border(line)
}

/// The least widths of the columns: those of whole cells for numbers where that fits, else of whole words. A table that
/// cannot be narrower than its words is wider than was asked for.
fn constraints(rows: &[Vec<String>], numeric: &Range<usize>, width: u16) -> Vec<ColumnConstraint> {
    let widest = |column: usize, whole: bool| {
        let words = rows.iter().flat_map(|row| row[column].split(' '));
        let cells = rows.iter().filter(|_| whole).map(|row| row[column].as_str());
        words.chain(cells).map(|text| text.chars().count()).max().unwrap_or(0) + usize::from(PADDING)
    };
    let columns = 0..rows[0].len();
    let whole: Vec<usize> = columns.clone().map(|c| widest(c, numeric.contains(&c))).collect();
    let least = if whole.iter().sum::<usize>() + columns.len() <= usize::from(width) {
        whole
    } else {
        columns.map(|c| widest(c, false)).collect()
    };
    let fixed = |least: usize| Width::Fixed(u16::try_from(least).unwrap_or(u16::MAX));
    least
        .into_iter()
        .map(|least| ColumnConstraint::LowerBoundary(fixed(least)))
        .collect()
}

fn verdict(result: &TrialResult) -> String {
    match (result.verdict.valid(), result.rates.sustained) {
        (false, _) => "INVALID",
        (true, Some(false)) => "valid, not sustained",
        (true, _) if queue_bound(result) => "valid, queue-bound",
        (true, _) => "valid",
    }
    .to_owned()
}

fn delivered(result: &TrialResult) -> String {
    match (result.rates.delivered, result.rates.socket_writes) {
        (Some(delivered), _) => rate(delivered),
        (None, Some(written)) => format!("{} (sockets)", rate(written)),
        (None, None) => ABSENT.to_owned(),
    }
}

fn legend(report: &ExperimentReport, results: &[&TrialResult]) -> Vec<&'static str> {
    let any = |wanted: fn(&Percentile) -> bool| {
        results
            .iter()
            .any(|r| RESPONSE.iter().any(|rank| wanted(&Percentile::response(r, *rank))))
    };
    let mut lines = Vec::new();
    if !results.is_empty() {
        lines.push("p50, p99 and p99.9 are of response time: intended send to delivery report.");
    }
    if any(|p| {
        matches!(
            p,
            Percentile::Told {
                mark: Mark::OneEvent,
                ..
            }
        )
    }) {
        lines.push(DAGGER_MEANS);
    }
    if any(|p| matches!(p, Percentile::AtLeast { .. })) {
        lines.push("≥ among records without a final word: a lower bound.");
    }
    if any(|p| matches!(p, Percentile::TooFew { .. })) {
        lines.push("n< fewer records than the percentile needs.");
    }
    if results.iter().any(|r| queue_bound(r)) {
        lines.push("queue-bound: a closed loop, whose latencies are queue ÷ rate and are not compared.");
    }
    if results.iter().any(|r| !r.verdict.valid()) {
        lines.push("INVALID: shown, and in no comparison; the report says why.");
    }
    if report.facts.mock {
        lines.push("A mock broker was measured: nothing here is about Kafka.");
    }
    lines
}
