//! The figures of the cells under one load.

use tribunal_stats::comparison::{Estimate, Metric, Ranking};

use crate::analysis::{Analysis, CellFigures, Group, text};
use crate::format::{count, micros, plural, rate};

use super::rows::{Row, Rows, Value};
use super::scale::Kind;
use super::{MOST_ROWS, Plot, at, numbered};

/// Response times of the cells that have one.
pub(super) fn paced(analysis: &Analysis, group: &Group, place: usize) -> Option<Plot> {
    let shown = [Metric::ResponseP50, Metric::ResponseP99];
    let ranking = group
        .rankings
        .iter()
        .find(|ranking| ranking.metric == Metric::ResponseP99);
    let (rows, all) = rows(group, Metric::ResponseP99, &shown, ranking);
    if rows.is_empty() {
        return None;
    }
    let title = format!("Response time of the cells{}", at(analysis, group));
    let load = text::load(&group.load);
    let description = format!(
        "Response time p50 and p99 of {} at {load}, the lowest p99 first, with intervals of 95 % over repetitions.",
        plural(rows.len() as u64, "cell")
    );
    let mut about = format!(
        "From the intended send to the delivery report, at {}: geometric means of the valid trials' percentiles with intervals \
         of 95 % over repetitions, the lowest p99 first. Overlapping intervals do not say that two cells are alike: their \
         ratio within blocks does.",
        crate::markdown::escape(&load)
    );
    about += &cut(rows.len(), all);
    about += &without(group, Metric::ResponseP99);
    let plot = Rows {
        title: &title,
        description: &description,
        axis: "response time, logarithmic",
        kind: Kind::Log,
        lines: rows,
        against: None,
        legend: vec![(0, "p50"), (1, "p99")],
    };
    Some(Plot {
        name: numbered("response-time", place),
        picture: plot.draw(|us| micros(us.round() as u64)),
        title,
        about,
        choices: Vec::new(),
    })
}

/// Delivered rates of closed loops, and nothing else of them.
pub(super) fn saturated(group: &Group) -> Option<Plot> {
    let shown = [Metric::DeliveredRate];
    let ranking = group
        .rankings
        .iter()
        .find(|ranking| ranking.metric == Metric::DeliveredRate);
    let (rows, all) = rows(group, Metric::DeliveredRate, &shown, ranking);
    if rows.is_empty() {
        return None;
    }
    let title = "Delivered rate of closed loops (queue-bound)".to_owned();
    let description = format!(
        "Delivered rate of {} that were always full, the highest first.",
        plural(rows.len() as u64, "cell")
    );
    let about = format!(
        "*Queue-bound*: these cells always had records waiting, so their latencies are queue ÷ rate and none is drawn. Rates \
         are geometric means of the valid trials with intervals of 95 % over repetitions.{}{}",
        cut(rows.len(), all),
        without(group, Metric::DeliveredRate)
    );
    let plot = Rows {
        title: &title,
        description: &description,
        axis: "delivered rate, records per second",
        kind: Kind::Linear,
        lines: rows,
        against: None,
        legend: Vec::new(),
    };
    Some(Plot {
        name: "closed-loop".to_owned(),
        picture: plot.draw(rate),
        title,
        about,
        choices: Vec::new(),
    })
}

/// The cells with a figure of `leading`, best first, and how many there are.
fn rows(group: &Group, leading: Metric, shown: &[Metric], ranking: Option<&Ranking>) -> (Vec<Row>, usize) {
    let estimate = |cell: &CellFigures| cell.figure(leading)?.estimate;
    let mut cells: Vec<(&CellFigures, Estimate)> = group
        .cells
        .iter()
        .filter_map(|cell| Some((cell, estimate(cell)?)))
        .collect();
    cells.sort_by(|(_, a), (_, b)| match leading.direction() {
        tribunal_stats::comparison::Direction::LowerIsBetter => a.mean.total_cmp(&b.mean),
        tribunal_stats::comparison::Direction::HigherIsBetter => b.mean.total_cmp(&a.mean),
    });
    let all = cells.len();
    let rows = cells
        .iter()
        .take(MOST_ROWS)
        .map(|(cell, _)| row(group, cell, shown, ranking));
    (rows.collect(), all)
}

fn row(group: &Group, cell: &CellFigures, shown: &[Metric], ranking: Option<&Ranking>) -> Row {
    let values = shown.iter().enumerate().filter_map(|(series, metric)| {
        let figure = cell.figure(*metric)?;
        let told = figure.estimate?;
        Some(Value {
            series,
            at: told.mean,
            interval: told.interval.map(|interval| (interval.low, interval.high)),
            hollow: figure.one_event,
            told: format!("{} {}", text::metric(*metric), text::figure(figure)?),
        })
    });
    let ranked = ranking.and_then(|ranking| ranking.rows.iter().find(|row| row.cell == cell.cell));
    let several = ranking.is_some_and(|ranking| ranking.rows.len() > 1);
    let place = ranked
        .filter(|_| several)
        .map(|row| match (&row.to_best, row.ties_with_best) {
            (None, _) => "lowest mean",
            (Some(_), true) => "ties with it",
            (Some(_), false) => "shown to be worse",
        });
    let place = match (ranking.map(|ranking| ranking.metric), place) {
        (Some(Metric::DeliveredRate), Some("lowest mean")) => Some("highest mean"),
        (_, place) => place,
    };
    let baseline = (cell.cell == group.baseline).then_some("baseline");
    let notes: Vec<&str> = baseline.into_iter().chain(place).collect();
    Row {
        name: cell.text.clone(),
        values: values.collect(),
        note: notes.join(", "),
        strong: ranked.is_some_and(|row| row.to_best.is_none()),
    }
}

/// A word on rows that are not drawn.
pub(super) fn cut(shown: usize, all: usize) -> String {
    if shown < all {
        format!(" The best {} of {} are drawn.", count(shown as u64), count(all as u64))
    } else {
        String::new()
    }
}

/// A word on cells without the figure.
pub(super) fn without(group: &Group, metric: Metric) -> String {
    let lacking: Vec<&CellFigures> = group
        .cells
        .iter()
        .filter(|cell| cell.figure(metric).is_none_or(|figure| figure.estimate.is_none()))
        .collect();
    let names: Vec<String> = lacking.iter().map(|cell| crate::markdown::code(&cell.text)).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        " Not drawn, having no {} to tell: {}; *Cells* says why.",
        text::metric(metric),
        crate::format::first(&names, 3)
    )
}
