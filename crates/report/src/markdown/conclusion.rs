//! What may be said, in sentences that carry their conditions. Facts only: nothing is recommended.

use std::time::Duration;

use tribunal_model::ids::{CellId, TrialId};
use tribunal_model::units::format_duration;

use crate::eligibility::{Percentile, Rank, queue_bound};
use crate::experiment::ExperimentReport;
use crate::factors::trials;
use crate::format::{count, list, micros, plural, rate};
use crate::result::TrialResult;

use super::cells::code;

/// Repetitions from which a comparison can tell a difference from chance (METHODOLOGY.md, 2.3).
const REPETITIONS: u32 = 6;

/// Delivered rates further apart than this are not the same load.
const SAME_LOAD: f64 = 0.01;

/// Shorter windows tell how brokers write to memory: dirty pages go to disk after half a minute and segments do not
/// roll (KAFKA.md, section 3).
const SUSTAINED_CLAIM: Duration = Duration::from_secs(600);

/// The conclusion as a list of facts.
pub(super) fn conclusion(report: &ExperimentReport) -> String {
    let results = &report.results;
    let valid: Vec<&TrialResult> = results.iter().filter(|r| r.verdict.valid()).collect();
    let mut facts = Vec::new();
    if report.facts.mock {
        facts.push(
            "**A mock broker was measured: nothing here is about Kafka.** That trials are valid says that plan, agents \
             and clients work; their rates and latencies are not ranked."
                .to_owned(),
        );
    }
    facts.push(standing(report, &valid));
    if valid.is_empty() {
        facts.push("No trial is valid: nothing can be concluded.".to_owned());
    } else {
        facts.extend(open_loop(&valid, !report.facts.mock));
        if !report.facts.mock {
            facts.extend(closed_loop(&valid));
        }
        facts.extend(unacknowledged(&valid));
        facts.push(reservation(report, &valid));
        if let Some(window) = valid.iter().map(|r| r.windows.measure).max()
            && window < SUSTAINED_CLAIM
            && !report.facts.mock
        {
            facts.push(format!(
                "Windows of {} measure brokers that write to their page cache: no lasting capacity is claimed.",
                format_duration(window)
            ));
        }
    }
    format!("- {}\n\n", facts.join("\n- "))
}

/// How many trials there are, and which of them nothing rests on.
fn standing(report: &ExperimentReport, valid: &[&TrialResult]) -> String {
    let invalid: Vec<TrialId> = report
        .results
        .iter()
        .filter(|r| !r.verdict.valid())
        .map(|r| r.trial)
        .collect();
    let mut text = format!(
        "{} of {} have a result; {} valid.",
        count(report.results.len() as u64),
        plural(u64::from(report.facts.trials), "trial"),
        match valid.len() {
            1 => "1 is".to_owned(),
            n => format!("{} are", count(n as u64)),
        }
    );
    if !invalid.is_empty() {
        text += &format!(" INVALID, and in nothing below: {}.", trials(&invalid));
    }
    if !report.given_up.is_empty() {
        let given_up: Vec<TrialId> = report.given_up.iter().map(|v| v.trial).collect();
        text += &format!(" Given up: {}.", trials(&given_up));
    }
    text
}

/// Open-loop trials, one offered rate at a time.
fn open_loop(valid: &[&TrialResult], ranked: bool) -> Vec<String> {
    let paced = |r: &&&TrialResult| !queue_bound(r) && r.rates.delivered.is_some();
    let paced: Vec<&TrialResult> = valid.iter().filter(paced).copied().collect();
    let mut offers: Vec<f64> = paced.iter().filter_map(|r| r.workload.rate).collect();
    offers.sort_by(f64::total_cmp);
    offers.dedup();
    let mut facts = Vec::new();
    if let [_, .., highest] = offers.as_slice()
        && ranked
    {
        if let Some(best) = Order::of(&paced, |r| sustained(r).then_some(r.rates.delivered).flatten())
            .cells
            .last()
        {
            facts.push(format!(
                "Highest delivered rate that was sustained: {} ({} was the highest offered).",
                best.tell(rate),
                rate(*highest)
            ));
        }
        facts.push("Response times depend on load, so they are compared at one offered rate at a time.".to_owned());
    }
    for offer in offers {
        let group: Vec<&TrialResult> = paced
            .iter()
            .filter(|r| r.workload.rate == Some(offer))
            .copied()
            .collect();
        facts.push(sustaining(offer, &group));
        if ranked {
            facts.extend(response_times(offer, &group));
        }
    }
    facts
}

fn sustained(result: &TrialResult) -> bool {
    result.rates.sustained == Some(true)
}

/// Which trials of one offered rate sustained it.
fn sustaining(offer: f64, group: &[&TrialResult]) -> String {
    let missed: Vec<&&TrialResult> = group.iter().filter(|r| !sustained(r)).collect();
    let mut text = format!(
        "At {} offered, {} of {} sustained it.",
        rate(offer),
        count((group.len() - missed.len()) as u64),
        plural(group.len() as u64, "valid trial"),
    );
    for result in missed {
        text += &format!(
            " {} ({}) did not: it delivered {}, bound by {}.",
            result.trial,
            code(&result.cell_text()),
            rate(result.rates.delivered.unwrap_or(0.0)),
            result.verdict.bound_by,
        );
    }
    text
}

/// The order of response times among cells that sustained one offered rate.
fn response_times(offer: f64, group: &[&TrialResult]) -> Vec<String> {
    if !group.iter().any(|r| sustained(r)) {
        return Vec::new();
    }
    let at = rate(offer);
    let mut facts = Vec::new();
    for rank in [Rank::P99, Rank::P50] {
        let figure = |r: &TrialResult| Percentile::response(r, rank).comparable().map(|us| us as f64);
        let order = Order::of(group, |r| sustained(r).then(|| figure(r)).flatten());
        let name = rank.name();
        let tell = |cell: &Cell| cell.tell(|us| micros(us as u64));
        match order.cells.as_slice() {
            [] => {
                facts.push(format!(
                    "No response {name} at {at} is compared: no cell has one without a mark (n<, ≥, †) in all its \
                     valid trials."
                ));
                continue;
            }
            [only] => facts.push(format!(
                "Response {name} at {at}, told of one cell only: {}.",
                tell(only)
            )),
            [lowest, .., highest] => facts.push(format!(
                "Lowest response {name} of {} that sustained {at}: {}; highest: {}.",
                plural(order.cells.len() as u64, "cell"),
                tell(lowest),
                tell(highest)
            )),
        }
        if !order.left_out.is_empty() {
            facts.push(format!(
                "Not in that order: {}, because not every valid trial of it sustained the rate with a {name} that can \
                 be compared.",
                few(&order.left_out)
            ));
        }
        facts.extend(conditions(group, &order));
        break;
    }
    facts
}

/// What a reader of an order of response times must know of its trials.
fn conditions(group: &[&TrialResult], order: &Order) -> Vec<String> {
    let ordered: Vec<&TrialResult> = group
        .iter()
        .filter(|r| order.cells.iter().any(|cell| cell.id == r.cell))
        .copied()
        .collect();
    let missing = |r: &&&TrialResult| r.measured().is_some_and(|p| p.fates.acknowledged < p.fates.scheduled);
    let incomplete: Vec<TrialId> = ordered.iter().filter(missing).map(|r| r.trial).collect();
    let mut facts = Vec::new();
    if !incomplete.is_empty() {
        facts.push(format!(
            "Of {} not every record of the window was acknowledged, and response time holds only those that were.",
            trials(&incomplete)
        ));
    }
    let mut delivered: Vec<f64> = ordered.iter().filter_map(|r| r.rates.delivered).collect();
    delivered.sort_by(f64::total_cmp);
    if let [lowest, .., highest] = delivered.as_slice() {
        let (low, high) = (rate(*lowest), rate(*highest));
        facts.push(match () {
            () if *highest > lowest * (1.0 + SAME_LOAD) => {
                format!("They delivered between {low} and {high}: not the same load, so this is no ranking by latency.")
            }
            () if low == high => format!("They all delivered {low}."),
            () => format!("They delivered {low} to {high}: the delivered rate does not tell them apart."),
        });
    }
    facts
}

/// The first cells of a list that may be long.
fn few(cells: &[String]) -> String {
    const SHOWN: usize = 4;
    let told: Vec<String> = cells.iter().take(SHOWN).map(|text| code(text)).collect();
    match cells.len() {
        0..=SHOWN => list(&told),
        n => format!("{} and {} more", told.join(", "), n - SHOWN),
    }
}

/// Closed-loop trials: rates only.
fn closed_loop(valid: &[&TrialResult]) -> Option<String> {
    let closed: Vec<&TrialResult> = valid.iter().filter(|r| queue_bound(r)).copied().collect();
    let ordered = Order::of(&closed, |r| r.rates.delivered).cells;
    let best = ordered.last()?;
    let bound_by = closed
        .iter()
        .find(|r| r.trial == best.trial)
        .map(|r| r.verdict.bound_by.to_string());
    Some(format!(
        "Closed loop, highest delivered rate of {}: {}, bound by {}. The latencies of closed-loop trials are queue ÷ \
         rate and in no comparison.",
        plural(ordered.len() as u64, "cell"),
        best.tell(rate),
        bound_by.unwrap_or_default(),
    ))
}

/// Trials with `acks=0`.
fn unacknowledged(valid: &[&TrialResult]) -> Option<String> {
    let ids: Vec<TrialId> = valid
        .iter()
        .filter(|r| r.rates.delivered.is_none())
        .map(|r| r.trial)
        .collect();
    (!ids.is_empty()).then(|| {
        format!(
            "Nothing is acknowledged with `acks=0`, so {} can be compared with no other trial.",
            trials(&ids)
        )
    })
}

/// What the number of repetitions lets nobody claim.
fn reservation(report: &ExperimentReport, valid: &[&TrialResult]) -> String {
    let fewest = Order::of(valid, |_| Some(0.0))
        .cells
        .iter()
        .map(|cell| cell.trials)
        .min()
        .unwrap_or(0);
    let ran = match report.facts.repetitions {
        0 | 1 => "Each cell ran once".to_owned(),
        n => format!("Each cell was to run {n} times (fewest valid trials of a cell: {fewest})"),
    };
    let orders = if report.facts.mock {
        ""
    } else {
        " Orders above say what was seen, not which setting is better."
    };
    if fewest < REPETITIONS as usize {
        format!(
            "{ran}: with fewer than {REPETITIONS} repetitions no difference between cells can be told from \
             chance.{orders}"
        )
    } else {
        format!("{ran}. Orders above are by the median trial of each cell; this report computes no intervals.")
    }
}

/// The trials of one cell by one figure.
#[derive(Debug)]
struct Cell {
    id: CellId,
    text: String,
    /// The median trial; of an even number the lower one, so that it is a trial that happened.
    trial: TrialId,
    median: f64,
    least: f64,
    most: f64,
    trials: usize,
}

impl Cell {
    fn tell(&self, format: impl Fn(f64) -> String) -> String {
        let cell = code(&self.text);
        match self.trials {
            1 => format!("{} with {cell} ({})", format(self.median), self.trial),
            n => format!(
                "{} with {cell} (median of {n} trials, {} to {})",
                format(self.median),
                format(self.least),
                format(self.most)
            ),
        }
    }
}

/// Cells in ascending order of the median over their trials.
#[derive(Debug)]
struct Order {
    cells: Vec<Cell>,
    /// Cells of which some trial lacks the figure: the others would speak for them by their luck alone.
    left_out: Vec<String>,
}

impl Order {
    fn of(trials: &[&TrialResult], figure: impl Fn(&TrialResult) -> Option<f64>) -> Self {
        let mut ids: Vec<CellId> = trials.iter().map(|r| r.cell).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut order = Self {
            cells: Vec::new(),
            left_out: Vec::new(),
        };
        for id in ids {
            let of_cell: Vec<&TrialResult> = trials.iter().filter(|r| r.cell == id).copied().collect();
            let figures: Option<Vec<(f64, &TrialResult)>> =
                of_cell.iter().map(|r| figure(r).map(|value| (value, *r))).collect();
            match figures {
                Some(figures) => order.cells.push(cell(figures)),
                None => order.left_out.extend(of_cell.first().map(|r| r.cell_text())),
            }
        }
        order.cells.sort_by(|a, b| a.median.total_cmp(&b.median));
        order
    }
}

/// The cell of at least one trial.
fn cell(mut values: Vec<(f64, &TrialResult)>) -> Cell {
    values.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (median, trial) = values[(values.len() - 1) / 2];
    Cell {
        id: trial.cell,
        text: trial.cell_text(),
        trial: trial.trial,
        median,
        least: values[0].0,
        most: values[values.len() - 1].0,
        trials: values.len(),
    }
}
