//! How many blocks would have decided.

use serde::{Deserialize, Serialize};

use super::interval::Moments;
use super::student::t_quantile;

/// The chance of a decision that the predicted number of blocks is to give.
const POWER: f64 = 0.8;

/// Blocks in all after which four such comparisons in five would be decided, by the spread of the blocks so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Needed {
    /// So many.
    Blocks(u32),
    /// More than are worth predicting.
    MoreThan(u32),
}

/// Predicts the blocks for a comparison at this level; `margin` in logarithms. `None` below two blocks.
///
/// A ratio beyond the margin takes an interval that excludes 1, so its distance from 1 counts. One within takes an
/// interval that ends within the margin, so what is left to it counts, but at least half of the margin: the estimate is
/// not known so well that a closer distance would mean anything. The standard error must be smaller than that distance
/// by the t quantiles of the level and of the power (Chow, Shao and Wang, "Sample Size Calculations in Clinical
/// Research", 3.1).
pub(super) fn needed(moments: Moments, margin: f64, level: f64, most: u32) -> Option<Needed> {
    let size = moments.mean.abs();
    let distance = if size >= margin {
        size
    } else {
        (margin - size).max(margin / 2.0)
    };
    let enough = |blocks: u32| {
        let quantiles = t_quantile(1.0 - level / 2.0, blocks - 1) + t_quantile(POWER, blocks - 1);
        quantiles * moments.deviation <= distance * f64::from(blocks).sqrt()
    };
    if moments.count < 2 {
        return None;
    }
    let (mut low, mut high) = (moments.count + 1, most);
    if low > most || !enough(most) {
        return Some(Needed::MoreThan(most));
    }
    while low < high {
        let middle = u32::midpoint(low, high);
        if enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(Needed::Blocks(low))
}
