//! The mean of one cell.

use serde::{Deserialize, Serialize};

use super::combination::logarithm;
use super::interval::{Moments, power, printed};
use super::{Interval, Rules};

/// What one cell's blocks say about one metric.
///
/// The interval tells where the mean of many more blocks on this platform would lie. Two cells of the same blocks are
/// not compared by their intervals, which both hold what the platform did to the blocks, but by their ratio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Estimate {
    /// Geometric mean, in the unit of the values.
    pub mean: f64,
    /// Of the geometric mean; `None` for one observation.
    pub interval: Option<Interval>,
    /// Observations that count.
    pub n: u32,
    /// Values without a logarithm.
    pub left_out: u32,
    /// Standard deviation ÷ arithmetic mean; `None` for one observation.
    pub cv: Option<f64>,
}

/// The geometric mean of one value per block with its interval; `None` without a positive, finite value.
pub fn estimate(values: &[f64], rules: &Rules) -> Option<Estimate> {
    let logarithms: Vec<f64> = values.iter().copied().filter_map(logarithm).collect();
    let mean = Moments::of(&logarithms)?;
    let kept: Vec<f64> = values.iter().copied().filter(|v| logarithm(*v).is_some()).collect();
    let spread = Moments::of(&kept).filter(|m| m.count >= 2);
    Some(Estimate {
        mean: power(mean.mean),
        interval: printed(&logarithms, rules),
        n: mean.count,
        left_out: (values.len() - kept.len()) as u32,
        cv: spread.map(|m| m.deviation / m.mean),
    })
}
