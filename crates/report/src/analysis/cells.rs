//! One cell under one load: its figures, and which of them may be compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tribunal_model::ids::CellId;
use tribunal_model::trial::{Level, Part};
use tribunal_stats::comparison::{
    Estimate, Metric, Observations, Rules, effective_samples, estimate, percentile_interval,
};

use crate::eligibility::{Mark, Percentile, Rank};
use crate::format::{self, plural};
use crate::processor_time::ProcessorTime;
use crate::result::TrialResult;

/// Delivered rates further apart than this share are not the same load, and latencies depend on load.
pub(crate) const SAME_LOAD: f64 = 0.01;

/// Why a percentile is told and not compared.
const ONE_EVENT: &str = "one event may have made it (†)";

/// Why a trial has no delivered rate.
const BLIND: &str = "nothing is acknowledged with acks=0";

/// One cell under one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CellFigures {
    /// The cell.
    pub cell: CellId,
    /// Its levels.
    pub levels: Vec<Level>,
    /// Its levels in words.
    pub text: String,
    /// Valid trials.
    pub valid: u32,
    /// Invalid trials, which enter nothing.
    pub invalid: u32,
    /// Valid trials that sustained the offered rate.
    pub sustained: u32,
    /// Its headline figures.
    pub figures: Vec<Figure>,
}

impl CellFigures {
    /// A figure.
    pub fn figure(&self, metric: Metric) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.metric == metric)
    }
}

/// One headline figure of a cell, over its valid trials.
///
/// Rates are in records per second, latencies in microseconds, processor time is the client's in seconds per million
/// records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Figure {
    /// The metric.
    pub metric: Metric,
    /// Geometric mean over the trials, each of which gives one number; `None` where a trial has none.
    pub estimate: Option<Estimate>,
    /// With one trial: where the percentile of *that trial* lies. It tells nothing about the next one.
    pub within_trial: Option<WithinTrial>,
    /// A trial's percentile may have been made by one event: it is told and not compared.
    pub one_event: bool,
    /// Why there is no estimate.
    pub untold: Option<String>,
}

/// An interval of 95 % for a percentile of one trial, by order statistics, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WithinTrial {
    /// The lower end.
    pub low_us: u64,
    /// The upper end.
    pub high_us: u64,
}

/// A cell that enters no comparison of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LeftOut {
    /// The cell.
    pub cell: CellId,
    /// The metric.
    pub metric: Metric,
    /// Why, in words.
    pub why: String,
}

/// What one trial says of a metric.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// A number that may be compared.
    Comparable(f64),
    /// A number, and why it may not be compared.
    Told(f64, &'static str),
    /// No number, and why.
    Absent(String),
}

/// Trials by their cell.
pub(super) fn by_cell<'a>(trials: &[&'a TrialResult]) -> BTreeMap<CellId, Vec<&'a TrialResult>> {
    let mut by_cell: BTreeMap<CellId, Vec<&TrialResult>> = BTreeMap::new();
    for trial in trials {
        by_cell.entry(trial.cell).or_default().push(trial);
    }
    by_cell
}

/// The figures of a cell's trials; `None` without a trial.
pub(crate) fn figures(trials: &[&TrialResult], metrics: &[Metric], rules: &Rules) -> Option<CellFigures> {
    let first = trials.first()?;
    let valid: Vec<&TrialResult> = trials.iter().filter(|r| r.verdict.valid()).copied().collect();
    let told = std::iter::once(&Metric::SocketWriteRate).chain(metrics);
    Some(CellFigures {
        cell: first.cell,
        levels: first.levels.clone(),
        text: first.cell_text(),
        valid: valid.len() as u32,
        invalid: (trials.len() - valid.len()) as u32,
        sustained: valid.iter().filter(|r| r.rates.sustained == Some(true)).count() as u32,
        figures: told.map(|metric| figure(&valid, *metric, rules)).collect(),
    })
}

fn figure(valid: &[&TrialResult], metric: Metric, rules: &Rules) -> Figure {
    let mut values = Vec::new();
    let mut one_event = false;
    let mut untold = valid.is_empty().then(|| "no valid trial".to_owned());
    // The response time of a load that piles up is as long as the window, and no figure of the cell.
    if depends_on_load(metric) && untold.is_none() {
        untold = kept_up(valid).err();
    }
    for result in valid {
        match value(result, metric) {
            Value::Comparable(value) => values.push(value),
            Value::Told(value, why) => {
                one_event |= why == ONE_EVENT;
                values.push(value);
            }
            Value::Absent(why) => {
                untold.get_or_insert_with(|| format!("{}: {why}", result.trial));
            }
        }
    }
    let told = untold.is_none();
    Figure {
        metric,
        estimate: if told { estimate(&values, rules) } else { None },
        within_trial: match (valid, rank_of(metric)) {
            ([only], Some(rank)) if told => within_trial(only, rank),
            _ => None,
        },
        one_event,
        untold,
    }
}

/// Where a percentile of one trial lies, allowing for seconds that are alike.
fn within_trial(result: &TrialResult, rank: Rank) -> Option<WithinTrial> {
    let part = result.measured().filter(|part| part.response.censored == 0)?;
    let distribution = part.response.distribution().ok()?;
    let window = result.samples.iter().filter(|sample| sample.part == Part::Window);
    let means: Vec<f64> = window.filter_map(|sample| sample.response.mean_us).collect();
    let effective = effective_samples(&means, &distribution);
    let (low, high) = percentile_interval(&distribution, rank.share(), effective)?;
    Some(WithinTrial {
        low_us: low.as_micros() as u64,
        high_us: high.as_micros() as u64,
    })
}

fn rank_of(metric: Metric) -> Option<Rank> {
    match metric {
        Metric::ResponseP50 => Some(Rank::P50),
        Metric::ResponseP99 => Some(Rank::P99),
        Metric::ResponseP999 => Some(Rank::P999),
        _ => None,
    }
}

/// Whether a metric says nothing of a cell that did not keep up.
fn depends_on_load(metric: Metric) -> bool {
    match metric {
        Metric::DeliveredRate | Metric::SocketWriteRate | Metric::CpuPerRecord | Metric::ProducingCpuPerRecord => false,
        Metric::ResponseP50 | Metric::ResponseP99 | Metric::ResponseP999 | Metric::ServiceP50 | Metric::ServiceP99 => {
            true
        }
    }
}

fn told(value: Option<f64>, why: &str) -> Value {
    value.map_or_else(|| Value::Absent(why.to_owned()), Value::Comparable)
}

/// Processor time as seconds for each million acknowledged records.
fn processor_time(result: &TrialResult, of: ProcessorTime) -> Value {
    let used = of.used_ns(result) as f64 / 1e9;
    let records = result.window.acknowledged as f64 / 1e6;
    told(
        (used > 0.0 && records > 0.0).then(|| used / records),
        "the client's processor time is not known",
    )
}

fn value(result: &TrialResult, metric: Metric) -> Value {
    match metric {
        Metric::DeliveredRate => told(result.rates.delivered, BLIND),
        Metric::SocketWriteRate => told(result.rates.socket_writes, "records are acknowledged"),
        Metric::ResponseP50 => latency(Percentile::response(result, Rank::P50)),
        Metric::ResponseP99 => latency(Percentile::response(result, Rank::P99)),
        Metric::ResponseP999 => latency(Percentile::response(result, Rank::P999)),
        Metric::ServiceP50 => latency(Percentile::service(result, Rank::P50)),
        Metric::ServiceP99 => latency(Percentile::service(result, Rank::P99)),
        Metric::CpuPerRecord => processor_time(result, ProcessorTime::Client),
        Metric::ProducingCpuPerRecord => processor_time(result, ProcessorTime::Producing),
    }
}

fn latency(percentile: Percentile) -> Value {
    match percentile {
        Percentile::Told { us, mark } => match mark {
            Mark::None => Value::Comparable(us as f64),
            Mark::OneEvent => Value::Told(us as f64, ONE_EVENT),
            Mark::QueueBound => Value::Told(us as f64, "it is queue ÷ rate"),
        },
        Percentile::AtLeast { .. } => Value::Absent(format!(
            "{}, among records without a final word",
            format::percentile(&percentile)
        )),
        Percentile::TooFew { needed } => Value::Absent(format!("fewer than {}", plural(needed, "record"))),
        Percentile::Absent => Value::Absent("nothing was acknowledged".to_owned()),
    }
}

/// The value of a trial that may be compared, or why there is none.
pub(crate) fn comparable(result: &TrialResult, metric: Metric) -> Result<f64, String> {
    match value(result, metric) {
        Value::Comparable(value) => Ok(value),
        Value::Told(_, why) => Err(why.to_owned()),
        Value::Absent(why) => Err(why),
    }
}

/// What of a metric may be compared, by cell and block; the rest is added to `left_out`.
pub(crate) fn observations(
    metric: Metric,
    by_cell: &BTreeMap<CellId, Vec<&TrialResult>>,
    left_out: &mut Vec<LeftOut>,
) -> Observations {
    let load = by_cell
        .values()
        .find(|trials| kept_up(trials).is_ok())
        .and_then(|trials| delivered(trials));
    let mut cells = BTreeMap::new();
    for (cell, trials) in by_cell {
        match observed(metric, trials, load) {
            Ok(values) => {
                cells.insert(*cell, values);
            }
            Err(why) => left_out.push(LeftOut {
                cell: *cell,
                metric,
                why,
            }),
        }
    }
    Observations { metric, cells }
}

/// Whether all valid trials of a cell sustained the offered rate, or which one did not.
fn kept_up(trials: &[&TrialResult]) -> Result<(), String> {
    let mut valid = trials.iter().filter(|r| r.verdict.valid()).peekable();
    if valid.peek().is_none() {
        return Err("no valid trial".to_owned());
    }
    valid.try_for_each(|r| match (r.rates.sustained, r.rates.delivered) {
        (Some(true), _) => Ok(()),
        (Some(false), _) => Err(format!("{} did not sustain the rate", r.trial)),
        (None, None) => Err(format!("{}: {BLIND}", r.trial)),
        (None, Some(_)) => Err(format!("whether {} sustained the rate is not known", r.trial)),
    })
}

/// A cell's values by block; `load` is what the first cell delivered that kept up.
fn observed(metric: Metric, trials: &[&TrialResult], load: Option<f64>) -> Result<BTreeMap<u32, f64>, String> {
    let valid: Vec<&TrialResult> = trials.iter().filter(|r| r.verdict.valid()).copied().collect();
    if valid.is_empty() {
        return Err("no valid trial".to_owned());
    }
    if depends_on_load(metric) {
        kept_up(trials)?;
        if let (Some(ours), Some(load)) = (delivered(&valid), load)
            && (ours / load - 1.0).abs() > SAME_LOAD
        {
            return Err(format!(
                "it delivered {} where the first cell that kept up delivered {}: not the same load",
                format::rate(ours),
                format::rate(load)
            ));
        }
    }
    valid
        .iter()
        .map(|r| {
            Ok((
                r.block,
                comparable(r, metric).map_err(|why| format!("{}: {why}", r.trial))?,
            ))
        })
        .collect()
}

/// The geometric mean of the delivered rates of the valid trials.
fn delivered(trials: &[&TrialResult]) -> Option<f64> {
    let valid = trials.iter().filter(|r| r.verdict.valid());
    let rates: Vec<f64> = valid.filter_map(|r| r.rates.delivered).collect();
    estimate(&rates, &Rules::default()).map(|estimate| estimate.mean)
}
