//! Where the mean of a record's time goes. Of the mean alone: percentiles do not add.

use std::collections::BTreeMap;

use tribunal_model::ids::CellId;
use tribunal_stats::{BrokerLatencies, Latencies};

use crate::brokers::{STEPS, THROTTLE_APART};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::format::{count, micros, plural};
use crate::markdown::linger;
use crate::markup::Element;
use crate::result::TrialResult;

use super::draw::{Area, axis_below, canvas, hover, label, legend_in_rows, mark, rectangle, width, words};
use super::latency::cut;
use super::scale::Scale;
use super::{MOST_ROWS, Plot};

const WIDTH: f64 = 860.0;
const ROW: f64 = 26.0;
const TOP: f64 = 30.0;
const WIDEST_NAME: f64 = 260.0;
/// Room for the mark of a throttle and around it.
const BESIDE: f64 = 30.0;

const NAMES: [&str; 6] = [
    "linger, at most",
    "waiting beyond linger",
    "outbound buffer",
    "network and sockets",
    "inside the broker",
    "round trip, not split",
];

/// The mark and the colour of a throttle, after those of the parts.
const THROTTLE: usize = NAMES.len();

/// Means of a cell's valid trials, in seconds, in the order of [`NAMES`]; what is not known is nought.
#[derive(Debug)]
struct Split {
    name: String,
    parts: [f64; 6],
    /// What brokers announced in the answers that announced any.
    throttle: Latencies,
}

impl Split {
    /// The throttle in words, where there was one.
    fn throttled(&self) -> Option<String> {
        let mean = self.throttle.mean_us().filter(|us| *us > 0.0)?;
        let answers = plural(self.throttle.count, "answer");
        Some(format!("{} × {answers}", seconds(mean / 1e6)))
    }
}

/// A bar for each cell; `None` where no client tells.
pub(super) fn plot(report: &ExperimentReport) -> Option<Plot> {
    let mut by_cell: BTreeMap<CellId, Vec<&TrialResult>> = BTreeMap::new();
    for result in of_cells(report)
        .into_iter()
        .filter(|r| r.verdict.valid() && r.workload.rate.is_some())
    {
        by_cell.entry(result.cell).or_default().push(result);
    }
    let all: Vec<Split> = by_cell.values().filter_map(|trials| split(trials)).collect();
    let cells = &all[..all.len().min(MOST_ROWS)];
    if cells.is_empty() {
        return None;
    }
    let title = "Where the mean goes".to_owned();
    let description = format!(
        "Mean time of a record in the client's queue and of its request from there on, in parts, for {}.",
        plural(cells.len() as u64, "cell")
    );
    let left = cells
        .iter()
        .map(|cell| width(&cell.name))
        .fold(0.0, f64::max)
        .min(WIDEST_NAME)
        + 18.0;
    let parts = NAMES.into_iter().enumerate();
    let parts = parts.filter(|(place, _)| cells.iter().any(|cell| cell.parts[*place] > 0.0));
    let beside: Vec<String> = cells.iter().filter_map(Split::throttled).collect();
    let named = beside.first().map(|_| (THROTTLE, "throttle, no part"));
    let known: Vec<(usize, &str)> = parts.chain(named).collect();
    let (legend, more) = legend_in_rows(10.0, 16.0, WIDTH, &known);
    let area = Area {
        left,
        right: WIDTH - 30.0 - beside.iter().map(|text| width(text) + BESIDE).fold(0.0, f64::max),
        top: TOP + more,
        bottom: TOP + more + ROW * cells.len() as f64,
    };
    let across = Scale::from_zero(cells.iter().map(|cell| cell.parts.iter().sum()), area.left, area.right);
    let mut svg = canvas(WIDTH, area.bottom + 42.0, &title, &description)
        .with(axis_below(area, &across, 6, "mean", seconds))
        .with(legend);
    for (line, cell) in cells.iter().enumerate() {
        let y = area.top + ROW * line as f64;
        svg = svg
            .with(label(left - 10.0, y + 17.0, "label", &cell.name, WIDEST_NAME))
            .with(bar(cell, &across, y));
    }
    Some(Plot {
        name: "mean".to_owned(),
        about: about(report, cells) + &cut(cells.len(), all.len()).replace("best", "first"),
        picture: svg,
        title,
        choices: Vec::new(),
    })
}

fn about(report: &ExperimentReport, cells: &[Split]) -> String {
    let mut text = "By the client's own clock over the valid trials of a cell, brokers weighed by what they took: a record's mean \
                    in the client's queue, then its request's mean in the buffer and on its way. Means, because percentiles do \
                    not add. Linger's part is at most `linger.ms`; what is beyond it is a wait for a full queue or for a leader; \
                    a round trip holds the wait behind earlier requests of its connection."
        .to_owned();
    if cells.iter().any(|cell| cell.parts[5] > 0.0) {
        text += " A round trip is not split where the brokers told no times of their own.";
    }
    if cells.iter().any(|cell| cell.throttled().is_some()) {
        text += " ";
        text += THROTTLE_APART;
    }
    let beyond: u64 = of_cells(report).iter().map(|r| r.statistics.out_of_range).sum();
    if beyond > 0 {
        text += &format!(
            " {} beyond what the clients' own histograms hold; means count them.",
            match beyond {
                1 => "1 time was".to_owned(),
                n => format!("{} times were", count(n)),
            }
        );
    }
    text
}

/// The parts of the mean over trials; `None` where the clients tell nothing of their queue.
fn split(trials: &[&TrialResult]) -> Option<Split> {
    type Of = fn(&BrokerLatencies) -> Latencies;
    let brokers = || trials.iter().flat_map(|r| r.statistics.brokers.values());
    let all = |of: Of| {
        let mut all = Latencies::default();
        brokers().for_each(|broker| all.add(of(broker)));
        all
    };
    let mean = |of: Of| all(of).mean_us().map(|us| us / 1e6);
    let queue = mean(|broker| broker.queue)?;
    let round_trip = mean(|broker| broker.round_trip).unwrap_or(0.0);
    let linger = trials
        .iter()
        .filter_map(|r| linger(r))
        .reduce(f64::max)
        .unwrap_or(0.0)
        .min(queue);
    let (network, inside, whole) = match inside(trials).filter(|inside| *inside <= round_trip) {
        Some(inside) => (round_trip - inside, inside, 0.0),
        None => (0.0, 0.0, round_trip),
    };
    Some(Split {
        name: trials.first()?.cell_text(),
        parts: [
            linger,
            queue - linger,
            mean(|broker| broker.outbound).unwrap_or(0.0),
            network,
            inside,
            whole,
        ],
        throttle: all(|broker| broker.throttle),
    })
}

/// Mean time of a produce request inside the brokers, in seconds, where all of them told in all trials.
fn inside(trials: &[&TrialResult]) -> Option<f64> {
    let (mut sum, mut requests) = (0.0, 0);
    for trial in trials {
        if trial.brokers.is_empty() {
            return None;
        }
        for broker in &trial.brokers {
            let times = &broker.facts.as_ref()?.produce_time;
            let whole = times.iter().find(|time| time.step == STEPS[0])?;
            sum += whole.mean_seconds * whole.requests as f64;
            requests += whole.requests;
        }
    }
    (requests > 0).then(|| sum / requests as f64)
}

fn bar(cell: &Split, across: &Scale, y: f64) -> Element {
    let mut group = Element::new("g");
    let mut from = 0.0;
    for (place, part) in cell.parts.iter().enumerate().filter(|(_, part)| **part > 0.0) {
        let (x, to) = (across.place(from), across.place(from + part));
        let told = format!("{}: {} {}", cell.name, NAMES[place], seconds(*part));
        let drawn = rectangle(&format!("part c{place}"), x, y + 4.0, to - x, ROW - 8.0);
        group = group.with(drawn.with(hover(told)));
        from += part;
    }
    let (x, whole) = (across.place(from) + 5.0, seconds(from));
    let beside = cell.throttled().map(|text| {
        let x = x + width(&whole) + 14.0;
        let told = format!("{}: throttle {text}, in the parts already", cell.name);
        Element::new("g")
            .with(hover(told))
            .with(mark(THROTTLE, false, x, y + ROW / 2.0))
            .with(words(x + 9.0, y + 17.0, "start", "tick", text))
    });
    group.with(words(x, y + 17.0, "start", "tick", whole)).with_all(beside)
}

fn seconds(seconds: f64) -> String {
    if seconds * 1e6 < 0.5 {
        return "0".to_owned();
    }
    micros((seconds * 1e6).round() as u64)
}
