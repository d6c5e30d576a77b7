//! What may be said about cells that were observed once per block (METHODOLOGY.md, section 9).
//!
//! One trial is one observation of each metric: the samples inside a trial describe that trial only. Cells are
//! compared within blocks, by the logarithm of the ratio, because what a platform does to one block it does to all
//! cells of it. So the unit of every interval here is the block. The answer is a ratio with its interval and a
//! verdict against a margin; a p-value decides nothing alone.
//!
//! - [`compare`] judges candidates against the baseline; [`rank`] judges all cells against the best one;
//!   [`main_effects`] and [`interactions`] judge factors. Each of them is a family: Holm's method keeps the chance of
//!   any false difference in it at 5 %.
//! - [`compare_unpaired`] judges two experiments, which share no blocks.
//! - [`estimate`] is the mean of one cell. [`drift`] says what the platform did from block to block.
//! - [`percentile_interval`] looks into one trial.
//!
//! How often the verdicts err is measured in `tests/comparison.rs`, which is why they are as they are.

mod blocks;
mod bootstrap;
mod combination;
mod contrast;
mod effects;
mod estimate;
mod family;
mod holm;
mod interval;
mod needed;
mod normal;
mod ranking;
mod sign_flip;
mod student;
mod unpaired;
mod wilson;
mod within;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tribunal_model::ids::CellId;

pub use blocks::{BlockEffect, Drift, drift, drift_of_series};
pub use contrast::{Contrast, Verdict};
pub use effects::{Effect, Effects, Interaction, Interactions, interactions, main_effects};
pub use estimate::{Estimate, estimate};
pub use family::{Comparison, Family, compare};
pub use interval::{Interval, Method};
pub use needed::Needed;
pub use normal::{normal_cdf, normal_quantile};
pub use ranking::{Ranked, Ranking, rank};
pub use sign_flip::{SignFlip, sign_flip};
pub use student::{t_quantile, t_two_sided};
pub use unpaired::{Samples, Unpaired, compare_unpaired};
pub use wilson::wilson;
pub use within::{effective_samples, percentile_interval};

/// What was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Acknowledgements that arrived in the window ÷ its length, in any one unit.
    DeliveredRate,
    /// With `acks=0`: socket writes ÷ length, in any one unit.
    SocketWriteRate,
    /// Median of the response time, in any one unit.
    ResponseP50,
    /// 99th percentile of the response time, in any one unit.
    ResponseP99,
    /// 99.9th percentile of the response time, in any one unit.
    ResponseP999,
    /// Median of the service time, in any one unit.
    ServiceP50,
    /// 99th percentile of the service time, in any one unit.
    ServiceP99,
    /// Processor time of the client's own threads per record, in any one unit.
    CpuPerRecord,
    /// Processor time of all that produces per record, in any one unit: for cells of clients whose own threads cannot be
    /// told from those that call them.
    ProducingCpuPerRecord,
}

impl Metric {
    /// Which of two values is the better one.
    pub fn direction(self) -> Direction {
        match self {
            Self::DeliveredRate | Self::SocketWriteRate => Direction::HigherIsBetter,
            Self::ResponseP50
            | Self::ResponseP99
            | Self::ResponseP999
            | Self::ServiceP50
            | Self::ServiceP99
            | Self::CpuPerRecord
            | Self::ProducingCpuPerRecord => Direction::LowerIsBetter,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DeliveredRate => "delivered rate",
            Self::SocketWriteRate => "rate of socket writes",
            Self::ResponseP50 => "response time p50",
            Self::ResponseP99 => "response time p99",
            Self::ResponseP999 => "response time p99.9",
            Self::ServiceP50 => "service time p50",
            Self::ServiceP99 => "service time p99",
            Self::CpuPerRecord => "CPU per record",
            Self::ProducingCpuPerRecord => "producing CPU per record",
        })
    }
}

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// As with rates.
    HigherIsBetter,
    /// As with latencies.
    LowerIsBetter,
}

/// One metric of every cell, one value per block.
///
/// A block lacks a cell whose trial was invalid. A value that is not positive or not finite has no logarithm: it is
/// left out and counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Observations {
    /// What was observed.
    pub metric: Metric,
    /// By cell and block, the blocks numbered in run order.
    pub cells: BTreeMap<CellId, BTreeMap<u32, f64>>,
}

/// Differences that do not matter, as shares: 0.03 is from 1 ÷ 1.03 to 1.03, symmetric in logarithms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Margins {
    /// Of rates.
    pub rate: f64,
    /// Of medians of response and service time.
    pub median: f64,
    /// Of their 99th and 99.9th percentiles.
    pub tail: f64,
    /// Of processor time per record.
    pub cpu: f64,
}

impl Default for Margins {
    /// METHODOLOGY.md, section 9; that of processor time is that of medians, because it is a mean over the window as a rate
    /// is, but its clock counts whatever frequency and sharing of cores the host happened to give.
    fn default() -> Self {
        Self {
            rate: 0.03,
            median: 0.05,
            tail: 0.15,
            cpu: 0.05,
        }
    }
}

/// How comparisons are made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ComparisonRules")
)]
pub struct Rules {
    /// Of printed intervals; the rest to 1 is what a family may err.
    pub confidence: f64,
    /// Differences that do not matter.
    pub margins: Margins,
    /// Blocks below which a comparison is marked.
    pub wanted_blocks: u32,
    /// Blocks from which intervals also come from resampled blocks.
    pub resampled_from: u32,
    /// How often blocks are resampled.
    pub resamples: u32,
    /// Of the resampling. The same seed gives the same intervals.
    pub seed: u64,
    /// Blocks up to which the needed number is predicted.
    pub most_blocks: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            confidence: 0.95,
            margins: Margins::default(),
            // With 5 pairs the smallest two-sided sign-flip p is 0.0625, with 6 it is 0.031.
            wanted_blocks: 6,
            resampled_from: 10,
            // The ends of a resampled interval of 95 % over 10 blocks then move by 4 % of its half from seed to seed;
            // more would not matter beside the t interval.
            resamples: 2000,
            seed: 0,
            most_blocks: 200,
        }
    }
}

impl Rules {
    /// The difference in this metric that does not matter, as a share.
    pub fn margin(&self, metric: Metric) -> f64 {
        match metric {
            Metric::DeliveredRate | Metric::SocketWriteRate => self.margins.rate,
            Metric::ResponseP50 | Metric::ServiceP50 => self.margins.median,
            Metric::ResponseP99 | Metric::ResponseP999 | Metric::ServiceP99 => self.margins.tail,
            Metric::CpuPerRecord | Metric::ProducingCpuPerRecord => self.margins.cpu,
        }
    }

    /// The chance of a false difference.
    fn alpha(&self) -> f64 {
        1.0 - self.confidence
    }
}
