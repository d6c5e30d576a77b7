//! Response time by percentile, the nines as far apart from each other as a plotter of HDR histograms has them.

use std::time::Duration;

use tribunal_model::ids::CellId;
use tribunal_model::trial::Part;
use tribunal_stats::Distribution;
use tribunal_stats::comparison::Metric;

use crate::analysis::{Group, text};
use crate::eligibility::{EPISODES, needed, queue_bound};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::format::{number, plural};
use crate::result::TrialResult;

use super::draw::{TALL, axis_below, colour, curve, hover, tall};
use super::latency::without;
use super::scale::{Kind, Scale, path};
use super::{Plot, numbered};

/// Points for each nine.
const STEPS: u32 = 12;

/// Curves that are shown before a reader chooses.
const SHOWN: usize = 6;

/// A curve that can be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The class of what belongs to it, of letters, digits and hyphens alone.
    pub(crate) class: String,
    /// The class of its colour.
    pub(crate) colour: String,
    /// The cell in words.
    pub(crate) name: String,
    /// Whether it is shown at first.
    pub(crate) shown: bool,
}

/// A cell's valid trials, their records taken together.
#[derive(Debug)]
struct Records<'a> {
    cell: CellId,
    name: &'a str,
    trials: Vec<&'a TrialResult>,
    distribution: Distribution,
}

/// The plot of a paced group; `None` where no cell's distribution may be told.
pub(super) fn plot(report: &ExperimentReport, group: &Group, place: usize) -> Option<Plot> {
    let cells = records(report, group);
    let told: Vec<(&Records, Vec<(f64, f64)>)> = cells
        .iter()
        .map(|cell| (cell, points(&cell.distribution)))
        .filter(|(_, points)| points.len() > 1)
        .collect();
    if told.is_empty() {
        return None;
    }
    let load = text::load(&group.load);
    let title = format!("Response time by percentile, {}", text::under(&group.load));
    let description = format!(
        "Response time of {} by percentile at {load}.",
        plural(told.len() as u64, "cell")
    );
    let shown = shown_first(group, told.iter().map(|(cell, _)| cell.cell));
    let across = Scale::holding(
        Kind::Nines,
        told.iter()
            .flat_map(|(_, points)| points.iter().map(|(share, _)| *share))
            .chain([0.0, 0.99]),
        TALL.left,
        TALL.right,
    );
    let values = told.iter().flat_map(|(_, points)| points.iter().map(|(_, us)| *us));
    let up = Scale::holding(Kind::Log, values, TALL.bottom, TALL.top);
    let mut svg = tall(&title, &description, &up, "response time, logarithmic").with(axis_below(
        TALL,
        &across,
        6,
        "percentile",
        |share| format!("{} %", decimal(share * 100.0)),
    ));
    let mut choices = Vec::new();
    for (cell, points) in &told {
        let series = group
            .cells
            .iter()
            .position(|known| known.cell == cell.cell)
            .unwrap_or(0);
        let class = format!("p{place}-{}", cell.cell.0);
        let sure = points
            .iter()
            .position(|(_, us)| episodes(&cell.trials, *us) < EPISODES)
            .unwrap_or(points.len());
        let at = |points: &[(f64, f64)]| path(points.iter().map(|(share, us)| (across.place(*share), up.place(*us))));
        let mut drawn = crate::markup::Element::new("g")
            .set("class", class.clone())
            .with(hover(cell.name));
        drawn = drawn.with(curve(series, "curve", at(&points[..sure])));
        if sure < points.len() {
            let from = sure.saturating_sub(1);
            drawn = drawn.with(curve(series, "curve doubt", at(&points[from..])));
        }
        svg = svg.with(drawn);
        choices.push(Choice {
            class,
            colour: colour(series),
            name: cell.name.to_owned(),
            shown: shown.contains(&cell.cell),
        });
    }
    let mut about =
        "Each curve is of the records of all valid trials of a cell together: it describes, and compares nothing. It \
                     ends where there are too few records for a percentile, and is dotted from where on fewer than ten \
                     one-second samples of the windows hold records so late: one event may have made that part."
            .to_owned();
    if choices.len() > shown.len() {
        about += " The baseline and the lowest p99 are shown first.";
    }
    about += &without(group, Metric::ResponseP99);
    Some(Plot {
        name: numbered("percentiles", place),
        title,
        about,
        picture: svg,
        choices,
    })
}

/// A share in per cent with as many nines as it has.
fn decimal(percent: f64) -> String {
    if percent > 99.0 {
        let text = format!("{percent:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number(percent).trim_end_matches(".0").to_owned()
    }
}

/// The cells of a group of which every valid trial kept up, so that a latency is a figure of the cell.
fn records<'a>(report: &'a ExperimentReport, group: &'a Group) -> Vec<Records<'a>> {
    let results = of_cells(report);
    group
        .cells
        .iter()
        .filter(|cell| {
            cell.figure(Metric::ResponseP50)
                .is_some_and(|figure| figure.estimate.is_some())
        })
        .filter_map(|cell| {
            let of_cell =
                |r: &&&TrialResult| r.cell == cell.cell && r.verdict.valid() && group.holds(r) && !queue_bound(r);
            let trials: Vec<&TrialResult> = results.iter().filter(of_cell).copied().collect();
            let mut distribution = Distribution::new();
            for trial in &trials {
                let response = &trial.measured()?.response;
                if response.censored > 0 {
                    return None;
                }
                distribution.merge(&response.distribution().ok()?);
            }
            Some(Records {
                cell: cell.cell,
                name: &cell.text,
                trials,
                distribution,
            })
        })
        .collect()
}

/// Shares with their latencies in microseconds, as far as there are records enough.
fn points(distribution: &Distribution) -> Vec<(f64, f64)> {
    let shares = (0..).map(|step| 1.0 - 10f64.powf(-f64::from(step) / f64::from(STEPS)));
    shares
        .take_while(|share| needed(*share) <= distribution.count())
        .map_while(|share| Some((share, distribution.quantile(share)?)))
        .map(|(share, latency): (f64, Duration)| (share, latency.as_secs_f64() * 1e6))
        .collect()
}

/// One-second samples of the trials' windows that hold a record at or above a latency.
fn episodes(trials: &[&TrialResult], us: f64) -> usize {
    let samples = trials.iter().flat_map(|trial| &trial.samples);
    samples
        .filter(|sample| sample.part == Part::Window && sample.response.max_us.is_some_and(|max| max as f64 >= us))
        .count()
}

/// The baseline and the cells with the lowest p99.
fn shown_first(group: &Group, cells: impl Iterator<Item = CellId>) -> Vec<CellId> {
    let p99 = |cell: &CellId| {
        let figure = group.cell(*cell)?.figure(Metric::ResponseP99)?;
        Some(figure.estimate?.mean)
    };
    let mut cells: Vec<CellId> = cells.collect();
    cells.sort_by(|a, b| {
        let key = |cell: &CellId| (*cell != group.baseline, p99(cell).unwrap_or(f64::INFINITY));
        let ((a_other, a), (b_other, b)) = (key(a), key(b));
        a_other.cmp(&b_other).then(a.total_cmp(&b))
    });
    cells.truncate(SHOWN);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_where_records_end() {
        let mut distribution = Distribution::new();
        distribution.record_many_ns(1_000_000, 562);
        let last = |distribution: &Distribution| points(distribution).last().map(|(share, _)| *share);
        assert!(last(&distribution) < Some(0.99));
        distribution.record_many_ns(1_000_000, 1);
        assert!(last(&distribution).is_some_and(|share| (share - 0.99).abs() < 1e-9));
    }

    #[test]
    fn nines_are_told_in_full() {
        let told = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99].map(decimal);
        assert_eq!(told, ["0", "50", "90", "99", "99.9", "99.99"]);
    }
}
