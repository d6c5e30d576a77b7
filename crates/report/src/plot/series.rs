//! The course of each trial over time, small and side by side.

use tribunal_stats::Distribution;

use crate::eligibility::{Percentile, Rank, queue_bound};
use crate::format::{micros, number, rate};
use crate::markup::Element;
use crate::result::{StoredDistribution, StoredSample, TrialResult};

use super::draw::{Area, axis_left, canvas, curve, line, rectangle, words};
use super::scale::{Kind, Scale, path};

/// Samples of a curve; of longer trials several are taken together.
const MOST_POINTS: usize = 120;

const PANEL: f64 = 215.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 112.0;

/// Consecutive samples of one part, taken together.
#[derive(Debug)]
struct Slice {
    /// From t0, in seconds.
    middle: f64,
    seconds: f64,
    acknowledged: u64,
    failed: u64,
    in_flight: u64,
    response: [Option<f64>; 3],
}

const RANKS: [Rank; 3] = [Rank::P50, Rank::P99, Rank::P999];

/// Delivered rate, response time, records in flight and failed records of a trial; `None` where it has no samples.
pub(crate) fn over_time(result: &TrialResult) -> Option<Element> {
    let slices = slices(&result.samples);
    let (first, last) = (result.samples.first()?, result.samples.last()?);
    let title = format!(
        "{} over time: delivered rate, response time, in flight, failed",
        result.trial
    );
    let ends = [first.start_ns, last.end_ns].map(|ns| ns as f64 / 1e9);
    let mut svg = canvas(4.0 * PANEL, BOTTOM + 22.0, &title, "");
    for (place, name) in ["delivered rate", "response time", "in flight", "failed"]
        .into_iter()
        .enumerate()
    {
        let area = Area {
            left: PANEL * place as f64 + 56.0,
            right: PANEL * (place as f64 + 1.0) - 16.0,
            top: TOP,
            bottom: BOTTOM,
        };
        let across = Scale::between(ends[0], ends[1], area.left, area.right);
        let panel = background(result, area, &across)
            .with(words(area.left, 14.0, "start", "panel", name))
            .with(line("base", (area.left, area.bottom), (area.right, area.bottom)))
            .with(
                Element::new("g")
                    .set("class", "below")
                    .with_all(across.ticks(4).into_iter().map(|tick| {
                        words(
                            across.place(tick).round(),
                            area.bottom + 17.0,
                            "start",
                            "tick",
                            format!("{} s", number_of(tick)),
                        )
                    })),
            );
        svg = svg.with(match place {
            0 => counted(panel, area, &across, &slices, rate, |slice| {
                slice.acknowledged as f64 / slice.seconds
            }),
            1 => latency(panel, area, &across, &slices, queue_bound(result)),
            2 => counted(panel, area, &across, &slices, number, |slice| slice.in_flight as f64),
            _ if slices.iter().all(|slice| slice.failed == 0) => panel.with(words(
                f64::midpoint(area.left, area.right),
                72.0,
                "middle",
                "note",
                "none",
            )),
            _ => counted(panel, area, &across, &slices, rate, |slice| {
                slice.failed as f64 / slice.seconds
            }),
        });
    }
    Some(svg)
}

/// Seconds, without a needless decimal.
fn number_of(seconds: f64) -> String {
    format!("{}", (seconds * 10.0).round() / 10.0)
}

/// Warm-up and window, shaded.
fn background(result: &TrialResult, area: Area, across: &Scale) -> Element {
    let t1 = result.windows.warm_up.as_secs_f64();
    let t2 = t1 + result.windows.measure.as_secs_f64();
    let shade = |class, from: f64, to: f64| {
        let (from, to) = (across.place(from), across.place(to));
        rectangle(class, from, area.top, to - from, area.bottom - area.top)
    };
    Element::new("g")
        .with(shade("warm", 0.0, t1))
        .with(shade("window", t1, t2))
}

fn counted(
    panel: Element,
    area: Area,
    across: &Scale,
    slices: &[Slice],
    tell: fn(f64) -> String,
    value: fn(&Slice) -> f64,
) -> Element {
    let up = Scale::from_zero(slices.iter().map(value), area.bottom, area.top);
    let points = slices
        .iter()
        .map(|slice| (across.place(slice.middle).round(), up.place(value(slice)).round()));
    panel
        .with(axis_left(area, &up, 3, tell))
        .with(curve(0, "curve", path(points)))
}

fn latency(panel: Element, area: Area, across: &Scale, slices: &[Slice], queue_bound: bool) -> Element {
    let middle = f64::midpoint(area.left, area.right);
    if queue_bound {
        return panel.with(words(middle, 72.0, "middle", "note", "queue-bound: not drawn"));
    }
    let told = slices.iter().flat_map(|slice| slice.response.iter().flatten().copied());
    if told.clone().next().is_none() {
        return panel.with(words(middle, 72.0, "middle", "note", "too few records"));
    }
    let up = Scale::holding(Kind::Log, told, area.bottom, area.top);
    let mut panel = panel.with(axis_left(area, &up, 3, |us| micros(us.round() as u64)));
    for series in 0..RANKS.len() {
        let places = slices.iter().map(|slice| {
            let us = slice.response[series]?;
            Some((across.place(slice.middle).round(), up.place(us).round()))
        });
        let whole: String = runs(places).into_iter().map(path).collect();
        if !whole.is_empty() {
            panel = panel.with(curve(series, "curve", whole));
        }
    }
    panel
}

/// Points that follow each other without a gap; one alone is drawn as a short line.
fn runs(points: impl Iterator<Item = Option<(f64, f64)>>) -> Vec<Vec<(f64, f64)>> {
    let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut open = false;
    for point in points {
        match (point, open) {
            (Some(point), true) => runs.last_mut().expect("invariant: one is open").push(point),
            (Some(point), false) => runs.push(vec![point]),
            (None, _) => {}
        }
        open = point.is_some();
    }
    for run in runs.iter_mut().filter(|run| run.len() == 1) {
        run.push((run[0].0 + 1.5, run[0].1));
    }
    runs
}

fn slices(samples: &[StoredSample]) -> Vec<Slice> {
    let each = samples.len().div_ceil(MOST_POINTS).max(1);
    let same_part = samples.chunk_by(|a, b| a.part == b.part);
    same_part.flat_map(|part| part.chunks(each)).filter_map(slice).collect()
}

fn slice(samples: &[StoredSample]) -> Option<Slice> {
    let (first, last) = (samples.first()?, samples.last()?);
    let seconds = (last.end_ns - first.start_ns) as f64 / 1e9;
    let sum = |of: fn(&StoredSample) -> u64| samples.iter().map(of).sum();
    let response = match samples {
        [only] => only.response.clone(),
        several => together(several),
    };
    (seconds > 0.0).then(|| Slice {
        middle: f64::midpoint(first.start_ns as f64, last.end_ns as f64) / 1e9,
        seconds,
        acknowledged: sum(|sample| sample.activity.acknowledged),
        failed: sum(|sample| sample.activity.failed),
        in_flight: last.activity.in_flight,
        response: RANKS.map(|rank| Percentile::of(&response, rank).told().map(|us| us as f64)),
    })
}

/// Quantiles come from merged distributions, never from quantiles.
fn together(samples: &[StoredSample]) -> StoredDistribution {
    let mut merged = Distribution::new();
    for sample in samples {
        if let Ok(distribution) = sample.response.distribution() {
            merged.merge(&distribution);
        }
    }
    StoredDistribution::new(&merged, 0)
}

#[cfg(test)]
mod tests {
    use tribunal_model::trial::Part;

    use super::*;

    #[test]
    fn a_gap_is_not_drawn_over() {
        let at = |x: f64| Some((x, 0.0));
        let runs = runs([at(1.0), at(2.0), None, at(4.0), None].into_iter());
        assert_eq!(runs, [vec![(1.0, 0.0), (2.0, 0.0)], vec![(4.0, 0.0), (5.5, 0.0)]]);
    }

    #[test]
    fn long_trials_are_drawn_by_merged_samples() {
        let sample = |second: i64| {
            let mut distribution = Distribution::new();
            // A slow second among fast ones.
            let latency = if second == 3 { 500_000_000 } else { 1_000_000 };
            distribution.record_many_ns(latency, 1_000);
            StoredSample {
                start_ns: second * 1_000_000_000,
                end_ns: (second + 1) * 1_000_000_000,
                part: Part::Window,
                agents: 1,
                fates: tribunal_stats::Fates::default(),
                activity: tribunal_stats::Activity {
                    acknowledged: 1_000,
                    ..tribunal_stats::Activity::default()
                },
                response: StoredDistribution::new(&distribution, 0),
                service: StoredDistribution::default(),
            }
        };
        let samples: Vec<StoredSample> = (0..600).map(sample).collect();
        let drawn = slices(&samples);
        assert_eq!(drawn.len(), 120);
        assert_eq!((drawn[0].seconds, drawn[0].acknowledged), (5.0, 5_000));
        let [p50, p99, _] = drawn[0].response;
        assert!(p50 < Some(1_100.0) && p99 > Some(400_000.0), "{p50:?} {p99:?}");
    }
}
