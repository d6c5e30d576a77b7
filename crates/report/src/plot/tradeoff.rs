//! Delivered rate against p99 of paced cells, with the best of each load.

use tribunal_model::ids::CellId;
use tribunal_stats::comparison::{Estimate, Metric};

use crate::analysis::{Analysis, CellFigures, Group, Load, text};
use crate::format::{plural, rate};
use crate::markdown::{code, escape};

use super::Plot;
use super::draw::{TALL, axis_below, curve, fitted, hover, interval, mark, tall, words};
use super::latency::without;
use super::scale::{Kind, Scale, path};

/// Deliveries nearer to each other than this share of their rate look like one place.
const LEAST_SPREAD: f64 = 0.2;

/// Cells whose names stand beside their marks.
const NAMED: usize = 6;

/// A cell that has both figures.
#[derive(Debug)]
struct Point<'a> {
    cell: &'a CellFigures,
    group: &'a Group,
    delivered: Estimate,
    p99: Estimate,
    one_event: bool,
}

/// The plot; `None` where no cell has both figures.
pub(super) fn plot(analysis: &Analysis) -> Option<Plot> {
    let paced: Vec<&Group> = analysis
        .groups
        .iter()
        .filter(|group| group.load != Load::Saturated)
        .collect();
    let points: Vec<Point> = paced.iter().flat_map(|group| points(group)).collect();
    if points.is_empty() {
        return None;
    }
    let compared = analysis.not_compared.is_none() && points.len() > 1;
    let front = if compared { front(&paced, &points) } else { Vec::new() };
    let title = "Delivered rate against p99".to_owned();
    let description = format!(
        "{} by delivered rate and response time p99, with intervals of 95 % over repetitions.{}",
        plural(points.len() as u64, "cell"),
        match front.as_slice() {
            [] => String::new(),
            on => format!(
                " On the Pareto front: {}.",
                on.iter().map(|p| p.cell.text.as_str()).collect::<Vec<_>>().join("; ")
            ),
        }
    );
    Some(Plot {
        name: "rate-against-p99".to_owned(),
        about: about(&paced, &front),
        picture: draw(&paced, &points, &front, &title, &description),
        title,
        choices: Vec::new(),
    })
}

fn points<'a>(group: &'a Group) -> Vec<Point<'a>> {
    let both = |cell: &'a CellFigures| {
        let p99 = cell.figure(Metric::ResponseP99)?;
        Some(Point {
            cell,
            group,
            delivered: cell.figure(Metric::DeliveredRate)?.estimate?,
            p99: p99.estimate?,
            one_event: p99.one_event,
        })
    };
    group.cells.iter().filter_map(both).collect()
}

/// The lowest p99 of each load, but for loads at which more was delivered sooner. Only what may be compared enters.
fn front<'a>(paced: &[&Group], points: &'a [Point<'a>]) -> Vec<&'a Point<'a>> {
    let left_out = |point: &Point| {
        let lefts = &point.group.left_out;
        lefts
            .iter()
            .any(|left| left.cell == point.cell.cell && left.metric == Metric::ResponseP99)
    };
    let mut front: Vec<&Point> = Vec::new();
    // From the highest load down, so that a lower one has to earn its place by a lower p99.
    for group in paced.iter().rev() {
        let of_group = points
            .iter()
            .filter(|point| point.group.load == group.load && !left_out(point));
        let best = of_group.min_by(|a, b| a.p99.mean.total_cmp(&b.p99.mean));
        front.extend(best.filter(|best| front.iter().all(|known| best.p99.mean < known.p99.mean)));
    }
    front.reverse();
    front
}

fn about(paced: &[&Group], front: &[&Point]) -> String {
    let mut text =
        "Cells that sustained the offered rate: further right is more, further down is sooner. Bars are intervals \
                    of 95 % over repetitions; a hollow mark may have been made by one event and is not compared."
            .to_owned();
    if !front.is_empty() {
        let names: Vec<String> = front
            .iter()
            .map(|point| {
                format!(
                    "{} at {}",
                    code(&point.cell.text),
                    escape(&text::load(&point.group.load))
                )
            })
            .collect();
        text += &format!(
            " On the Pareto front, by the means: {}. Cells under one load deliver the same, so the front holds the lowest p99 \
             of each load; which others tie with it is told under *Ranking*.",
            crate::format::first(&names, 5)
        );
    }
    for group in paced {
        text += &without(group, Metric::ResponseP99);
    }
    text
}

fn draw(
    paced: &[&Group],
    points: &[Point],
    front: &[&Point],
    title: &str,
    description: &str,
) -> crate::markup::Element {
    let ends = |estimate: &Estimate| {
        let interval = estimate
            .interval
            .map_or((estimate.mean, estimate.mean), |i| (i.low, i.high));
        [estimate.mean, interval.0, interval.1]
    };
    let across = Scale::holding(
        Kind::Linear,
        points.iter().flat_map(|p| ends(&p.delivered)),
        TALL.left,
        TALL.right,
    )
    .at_least(LEAST_SPREAD);
    let up = Scale::holding(
        Kind::Log,
        points.iter().flat_map(|p| ends(&p.p99)),
        TALL.bottom,
        TALL.top,
    );
    let place = |point: &Point| (across.place(point.delivered.mean), up.place(point.p99.mean));
    let mut svg = tall(title, description, &up, "response time p99, logarithmic").with(axis_below(
        TALL,
        &across,
        6,
        "delivered rate, records per second",
        rate,
    ));
    for links in same_cells(points) {
        svg = svg.with(curve(0, "link", path(links.iter().map(|point| place(point)))));
    }
    svg = svg.with(curve(0, "front", path(front.iter().map(|point| place(point)))));
    let series = |cell: CellId| {
        let places = paced
            .iter()
            .filter_map(|group| group.cells.iter().position(|known| known.cell == cell));
        places.min().unwrap_or(0)
    };
    for point in points {
        let ((x, y), series) = (place(point), series(point.cell.cell));
        let figure = |metric| point.cell.figure(metric).and_then(text::figure).unwrap_or_default();
        let mut marks = crate::markup::Element::new("g").with(hover(format!(
            "{} at {}: delivered {}, p99 {}",
            point.cell.text,
            text::load(&point.group.load),
            figure(Metric::DeliveredRate),
            figure(Metric::ResponseP99)
        )));
        if let Some(range) = point.delivered.interval {
            marks = marks.with(interval(
                series,
                (across.place(range.low), y),
                (across.place(range.high), y),
            ));
        }
        if let Some(range) = point.p99.interval {
            marks = marks.with(interval(series, (x, up.place(range.low)), (x, up.place(range.high))));
        }
        svg = svg.with(marks.with(mark(series, point.one_event, x, y)));
    }
    let named: Vec<&Point> = if points.len() <= NAMED {
        points.iter().collect()
    } else {
        front.to_vec()
    };
    let mut named: Vec<((f64, f64), &str)> = named
        .iter()
        .take(NAMED)
        .map(|p| (place(p), p.cell.text.as_str()))
        .collect();
    named.sort_by(|((_, a), _), ((_, b), _)| a.total_cmp(b));
    let mut above = f64::NEG_INFINITY;
    svg.with_all(named.into_iter().map(|((x, y), name)| {
        // Names of marks that lie on each other stand below each other.
        let (anchor, dx) = if x > 560.0 { ("end", -10.0) } else { ("start", 10.0) };
        above = (y - 5.0).max(above + 14.0);
        words(x + dx, above, anchor, "tick", fitted(name, 300.0))
    }))
}

/// Cells that ran under several loads, each with its points by load.
fn same_cells<'a, 'b>(points: &'b [Point<'a>]) -> Vec<Vec<&'b Point<'a>>> {
    let mut by_cell: Vec<Vec<&Point>> = Vec::new();
    for point in points {
        match by_cell.iter_mut().find(|known| known[0].cell.cell == point.cell.cell) {
            Some(known) => known.push(point),
            None => by_cell.push(vec![point]),
        }
    }
    by_cell.retain(|points| points.len() > 1);
    by_cell
}
