//! What the platform did from block to block.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::combination::{logarithm, logarithms};
use super::interval::{Moments, around, power};
use super::student::t_quantile;
use super::{Interval, Observations, Rules};

/// Rounds after which the fit is taken as it is; without missing trials the second changes nothing.
const MOST_ROUNDS: u32 = 200;

/// One block against the mean of all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BlockEffect {
    /// Its number.
    pub block: u32,
    /// Its values over the mean block's.
    pub ratio: f64,
}

/// What happened to a metric from block to block, whatever the cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Drift {
    /// In block order: geometric mean over the cells of value ÷ the cell's mean.
    pub by_block: Vec<BlockEffect>,
    /// The last block over the first, by the line of least squares through the logarithms; `None` below two blocks.
    pub change_over_all: Option<f64>,
    /// Of that change, by t; `None` below three blocks. It takes blocks for independent: a platform that wanders
    /// instead of drifting is told notable more often than its confidence says.
    pub interval: Option<Interval>,
    /// Share of the variance of a cell's values that is common to the cells of a block; `None` where there are too few
    /// values to tell. Comparisons within blocks are free of it.
    pub share_between_blocks: Option<f64>,
    /// The change is clear of 1, and at the metric's margin or beyond.
    pub notable: bool,
}

/// The drift of all cells; `None` without a value.
pub fn drift(observations: &Observations, rules: &Rules) -> Option<Drift> {
    let values = logarithms(observations);
    let fit = Fit::of(&values);
    let share = fit.share_between_blocks();
    drifted(&fit.blocks, share, rules.margin(observations.metric), rules)
}

/// The drift of one series, such as the canary's: one value per block, with the margin as a share; `None` without a
/// value.
pub fn drift_of_series(series: &[(u32, f64)], margin: f64, rules: &Rules) -> Option<Drift> {
    let mut blocks: BTreeMap<u32, f64> = series
        .iter()
        .filter_map(|(block, value)| Some((*block, logarithm(*value)?)))
        .collect();
    let mean = blocks.values().sum::<f64>() / blocks.len() as f64;
    for value in blocks.values_mut() {
        *value -= mean;
    }
    drifted(&blocks, None, margin, rules)
}

fn drifted(effects: &BTreeMap<u32, f64>, share: Option<f64>, margin: f64, rules: &Rules) -> Option<Drift> {
    let (first, last) = (*effects.keys().next()?, *effects.keys().next_back()?);
    let n = effects.len() as f64;
    let centre = effects.keys().copied().map(f64::from).sum::<f64>() / n;
    let level = effects.values().sum::<f64>() / n;
    let place = |block: &u32| f64::from(*block) - centre;
    let squares: f64 = effects.keys().map(|block| place(block).powi(2)).sum();
    let slope = effects.iter().map(|(block, v)| place(block) * (v - level)).sum::<f64>() / squares;
    let length = f64::from(last - first);
    let change = (effects.len() >= 2).then_some(slope * length);
    let interval = change.filter(|_| effects.len() >= 3).map(|change| {
        let degrees = effects.len() as u32 - 2;
        let off = |(block, v): (&u32, &f64)| (v - level - slope * place(block)).powi(2);
        let variance = effects.iter().map(off).sum::<f64>() / f64::from(degrees);
        let quantile = t_quantile(f64::midpoint(1.0, rules.confidence), degrees);
        around(change, quantile * length * (variance / squares).sqrt(), rules.alpha())
    });
    let matters = change.is_some_and(|change| change.abs() >= margin.ln_1p());
    Some(Drift {
        by_block: effects
            .iter()
            .map(|(block, v)| BlockEffect {
                block: *block,
                ratio: power(*v),
            })
            .collect(),
        change_over_all: change.map(power),
        interval,
        share_between_blocks: share,
        notable: matters && interval.is_some_and(|i| i.excludes_one()),
    })
}

/// Logarithms as a sum of what their row (a cell) and their block contribute, by least squares.
///
/// Where trials are missing, a row's mean alone would tell as much about the blocks that it has as about the row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fit<K> {
    pub(super) rows: BTreeMap<K, f64>,
    /// Their mean is 0.
    pub(super) blocks: BTreeMap<u32, f64>,
    /// Sum of the squares that neither explains.
    residual: f64,
    values: usize,
}

impl<K: Ord + Copy> Fit<K> {
    /// Fits rows and blocks in turn, which converges to least squares.
    pub(super) fn of(values: &BTreeMap<K, BTreeMap<u32, f64>>) -> Self {
        let numbers: BTreeSet<u32> = values.values().flat_map(|row| row.keys().copied()).collect();
        let mut blocks: BTreeMap<u32, f64> = numbers.into_iter().map(|block| (block, 0.0)).collect();
        let mut rows: BTreeMap<K, f64> = BTreeMap::new();
        for _ in 0..MOST_ROUNDS {
            for (key, row) in values {
                let sum: f64 = row.iter().map(|(block, v)| v - blocks[block]).sum();
                rows.insert(*key, sum / row.len() as f64);
            }
            let mut moved: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
            for (key, row) in values {
                for (block, v) in row {
                    moved.entry(*block).or_default().push(v - rows[key]);
                }
            }
            let mut next: BTreeMap<u32, f64> = moved
                .iter()
                .filter_map(|(block, v)| Some((*block, Moments::of(v)?.mean)))
                .collect();
            let mean = next.values().sum::<f64>() / next.len() as f64;
            for value in next.values_mut() {
                *value -= mean;
            }
            let step = next
                .iter()
                .map(|(block, v)| (v - blocks[block]).abs())
                .fold(0.0, f64::max);
            blocks = next;
            if step <= 1e-12 {
                break;
            }
        }
        // Rows follow the last blocks.
        for (key, row) in values {
            let sum: f64 = row.iter().map(|(block, v)| v - blocks[block]).sum();
            rows.insert(*key, sum / row.len() as f64);
        }
        let off = |key: &K, block: &u32, v: &f64| (v - rows[key] - blocks[block]).powi(2);
        let residual = values
            .iter()
            .flat_map(|(key, row)| row.iter().map(move |(block, v)| off(key, block, v)))
            .sum();
        Self {
            residual,
            values: values.values().map(BTreeMap::len).sum(),
            rows,
            blocks,
        }
    }

    /// The mean row in each block, in block order.
    pub(super) fn block_values(&self) -> Vec<f64> {
        let mean = self.rows.values().sum::<f64>() / self.rows.len() as f64;
        self.blocks.values().map(|effect| mean + effect).collect()
    }

    /// By the analysis of variance with one value per row and block (Searle et al., "Variance Components",
    /// 4.7): what blocks vary beyond what the rest alone would make them vary.
    fn share_between_blocks(&self) -> Option<f64> {
        let degrees = (self.values + 1).checked_sub(self.rows.len() + self.blocks.len())?;
        if degrees == 0 || self.rows.len() < 2 || self.blocks.len() < 2 {
            return None;
        }
        let within = self.residual / degrees as f64;
        let effects: Vec<f64> = self.blocks.values().copied().collect();
        let per_block = self.values as f64 / self.blocks.len() as f64;
        let between = (Moments::of(&effects)?.deviation.powi(2) - within / per_block).max(0.0);
        let all = between + within;
        (all > 0.0).then(|| between / all)
    }
}
