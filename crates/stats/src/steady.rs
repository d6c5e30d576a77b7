//! Whether the measurement window shows a steady state (METHODOLOGY.md, section 6).
//!
//! Three rules look at one-second samples of four metrics: a trend, a shift of level, and a warm-up that was too
//! short. Each judges the size of an effect: a change is a finding when it reaches its limit *and* stands clear of
//! the noise, whose estimate allows for the correlation of neighbours. Where the noise would hide a change that
//! matters, the window is not called steady: it takes more samples. A p-value is reported beside them and decides
//! nothing. How often they err is measured in `tests/steady.rs`.

mod assessment;
mod changepoint;
mod mser;
mod noise;
mod settling;
mod trend;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use assessment::{Assessment, Evidence, Finding};
pub use changepoint::{Changepoint, changepoint};
pub use mser::{Mser, mser5};
pub use noise::median;
pub use settling::{Settling, SettlingSample};
pub use trend::{Trend, trend};

/// More points than this are condensed to medians of neighbours, because the trend compares all pairs.
const MOST_POINTS: usize = 1200;

/// What a series measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SteadyMetric"))]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Acknowledgements that arrived, in records per second.
    DeliveredRate,
    /// Median of the response time, in any one unit.
    ResponseP50,
    /// 99th percentile of the response time, in any one unit.
    ResponseP99,
    /// Records in flight at the end of the sample.
    InFlight,
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DeliveredRate => "delivered rate",
            Self::ResponseP50 => "response time p50",
            Self::ResponseP99 => "response time p99",
            Self::InFlight => "in-flight",
        })
    }
}

/// One metric of each full one-second sample of the window, in time order.
///
/// A value that is not finite is a gap: a second without an acknowledgement has no quantile.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What was measured.
    pub name: Metric,
    /// The values.
    pub values: Vec<f64>,
}

/// When a change is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SteadyRules"))]
pub struct Rules {
    /// Samples below which nothing is judged.
    pub least_samples: usize,
    /// Change over the window by the trend, as a share of the median.
    pub slope: f64,
    /// Shift of level, as a share of the level before.
    pub shift: f64,
    /// Factor on both for response time p99; of it they limit the logarithm of the ratio.
    pub tail: f64,
    /// Change of in-flight over the window, as a share of the window's records.
    pub in_flight: f64,
    /// Change of in-flight that is never a finding, in records.
    pub in_flight_floor: f64,
    /// Standard errors that a trend must exceed.
    pub trend_noise: f64,
    /// Standard errors that a shift must exceed; more, because it is the greatest of many.
    pub shift_noise: f64,
    /// A window is called steady when trends this many times their limit would have shown; otherwise it takes more
    /// samples.
    pub resolution: f64,
    /// Factor on noise and resolution while settling, where a missed change spoils a trial and a false alarm costs a
    /// second.
    pub settling: f64,
}

impl Default for Rules {
    /// Limits of METHODOLOGY.md, section 6; noise by the simulation in `tests/steady.rs`.
    fn default() -> Self {
        Self {
            least_samples: 20,
            slope: 0.03,
            shift: 0.05,
            // With the 10 to 30 % of noise that a second's p99 has, 30 samples cannot resolve less.
            tail: 10.0,
            in_flight: 0.01,
            in_flight_floor: 10.0,
            // At 3.0, 7 % of windows with strongly correlated noise are false alarms; at 4.0, twice as many windows
            // of white noise need more than 30 samples.
            trend_noise: 3.5,
            shift_noise: 4.0,
            // At 3.0, up to 2 % of ramps of 10 % are called steady; at 2.0, most windows of 30 samples are not
            // assessed.
            resolution: 2.5,
            // At 1.0, a quarter of endless ramps of 10 % in 20 s are called settled within two minutes.
            settling: 0.5,
        }
    }
}

/// Judges the window from its series.
///
/// In-flight is judged against the delivered rate, and not at all without it. A change that is found counts even when
/// another series is too short to be judged; a steady state takes all of them, but those that are nothing but gaps: where
/// nothing is acknowledged (`acks=0`) there are no response times that could be steady.
pub fn assess(series: &[Series], rules: &Rules) -> Assessment {
    let points: Vec<(Metric, Points)> = series
        .iter()
        .map(|s| (s.name, Points::of(s)))
        .filter(|(_, points)| points.samples > 0)
        .collect();
    let samples = points.iter().map(|(_, p)| p.samples).min().unwrap_or_default();
    let rate = points
        .iter()
        .find(|(metric, _)| *metric == Metric::DeliveredRate)
        .map(|(_, p)| median(&p.values));
    let mut evidence = Vec::new();
    let mut findings = Vec::new();
    let mut needed = rules.least_samples;
    for (metric, points) in points.iter().filter(|(_, p)| p.samples >= rules.least_samples) {
        let judged = if *metric == Metric::InFlight {
            judge_in_flight(points, rate, rules, &mut findings)
        } else {
            judge(*metric, points, rules, &mut findings)
        };
        needed = needed.max(judged.needed);
        evidence.push(judged);
    }
    if !findings.is_empty() {
        Assessment::NotSteady { evidence, findings }
    } else if samples < needed || points.is_empty() {
        Assessment::NotAssessed {
            samples,
            needed,
            evidence,
        }
    } else {
        Assessment::Steady { evidence }
    }
}

fn judge(metric: Metric, points: &Points, rules: &Rules, findings: &mut Vec<Finding>) -> Evidence {
    // A quantile of 0 has no logarithm; then differences must do.
    let ratios = metric == Metric::ResponseP99 && points.values.iter().all(|v| *v > 0.0);
    let values: Vec<f64> = if ratios {
        points.values.iter().map(|v| v.ln()).collect()
    } else {
        points.values.clone()
    };
    let as_share = |change: f64| if ratios { change.exp_m1() } else { change };
    let measured = |value: f64| if ratios { value.exp() } else { value };
    let (level, unit) = (median(&values), ratios.then_some(1.0));
    let factor = if metric == Metric::ResponseP99 { rules.tail } else { 1.0 };
    let (slope, shift) = (rules.slope * factor, rules.shift * factor);

    let trend = trend::on(&values, unit.unwrap_or(level));
    if let Some(trend) = trend.filter(|t| t.exceeds(slope, rules.trend_noise)) {
        findings.push(Finding::Trend {
            metric,
            relative_change: as_share(trend.relative_change),
        });
    }
    let changepoint = changepoint::on(&values, unit);
    if let Some(found) = changepoint.filter(|c| c.exceeds(shift, rules.shift_noise)) {
        let at_sample = points.sample(found.index);
        findings.push(Finding::Shift {
            metric,
            at_sample,
            relative_shift: as_share(found.relative_shift),
        });
    }
    let unsettled = mser::in_first_half(&values).filter(|samples| *samples > 0);
    let start = unsettled.and_then(|samples| changepoint::from_start(&values, samples, unit));
    if let Some(found) = start.filter(|c| c.exceeds(shift, rules.shift_noise)) {
        findings.push(Finding::WarmUpTooShort {
            metric,
            truncate_samples: points.sample(found.index),
        });
    }
    let resolution = trend.map(|t| slope.max(rules.trend_noise * t.uncertainty));
    Evidence {
        metric,
        samples: points.samples,
        // Without a level there is no telling; twice the samples may show one.
        needed: resolution.map_or(2 * points.samples, |r| needed(points.samples, r, slope, rules)),
        median: measured(level),
        trend: trend.map(|t| Trend {
            relative_change: as_share(t.relative_change),
            ..t
        }),
        shift: changepoint.map(|c| Changepoint {
            index: points.sample(c.index),
            before: measured(c.before),
            after: measured(c.after),
            relative_shift: as_share(c.relative_shift),
            ..c
        }),
        warm_up: mser5(&values).map(|m| Mser {
            truncate_samples: points.sample(m.truncate_samples),
            ..m
        }),
        resolution,
    }
}

/// Samples after which the noise would hide no more than `rules.resolution` times the limit: it falls with their root.
fn needed(samples: usize, resolution: f64, limit: f64, rules: &Rules) -> usize {
    let excess = resolution / (rules.resolution.max(1.0) * limit);
    if excess > 1.0 {
        (samples as f64 * excess * excess).ceil() as usize
    } else {
        rules.least_samples
    }
}

fn judge_in_flight(points: &Points, rate: Option<f64>, rules: &Rules, findings: &mut Vec<Finding>) -> Evidence {
    let metric = Metric::InFlight;
    let delivered = rate.map_or(0.0, |rate| rate * points.samples as f64);
    let limit = rules.in_flight.max(rules.in_flight_floor / delivered);
    let trend = trend::on(&points.values, delivered).filter(|_| delivered > 0.0);
    if let Some(trend) = trend.filter(|t| t.exceeds(limit, rules.trend_noise)) {
        let share = trend.relative_change.abs();
        let records = share * delivered;
        findings.push(if trend.relative_change > 0.0 {
            Finding::Growing { metric, records, share }
        } else {
            Finding::Shrinking { metric, records, share }
        });
    }
    let resolution = trend.map(|t| limit.max(rules.trend_noise * t.uncertainty));
    Evidence {
        metric,
        samples: points.samples,
        needed: resolution.map_or(rules.least_samples, |r| needed(points.samples, r, limit, rules)),
        median: median(&points.values),
        trend,
        shift: None,
        warm_up: None,
        resolution,
    }
}

/// A series without its gaps, condensed when long.
struct Points {
    values: Vec<f64>,
    /// The first sample of each point.
    first: Vec<usize>,
    /// Samples in all points.
    samples: usize,
}

impl Points {
    fn of(series: &Series) -> Self {
        let kept: Vec<(usize, f64)> = series
            .values
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, v)| v.is_finite())
            .collect();
        let size = kept.len().div_ceil(MOST_POINTS).max(1);
        let block = |block: &[(usize, f64)]| median(&block.iter().map(|(_, v)| *v).collect::<Vec<_>>());
        Self {
            values: kept.chunks(size).map(block).collect(),
            first: kept.chunks(size).map(|block| block[0].0).collect(),
            samples: kept.len(),
        }
    }

    /// The sample at which a point begins.
    fn sample(&self, point: usize) -> usize {
        self.first[point]
    }
}

#[cfg(test)]
mod tests;
