//! All cells, and which of them tie with the best one.

use serde::{Deserialize, Serialize};
use tribunal_model::ids::CellId;

use super::blocks::Fit;
use super::combination::{by_block, logarithms, ratio};
use super::contrast::steps;
use super::{Contrast, Direction, Estimate, Metric, Observations, Rules, Verdict, estimate};

/// The cells by one metric, best first.
///
/// Which cell looks best is read off the same blocks, and the best of many equal cells looks better than it is. So
/// Holm's method goes over all pairs of cells, from which those with the best one are then picked: its guarantee holds
/// whichever pairs are picked afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ranking {
    /// What was observed.
    pub metric: Metric,
    /// Pairs of cells that have a test.
    pub comparisons: u32,
    /// Best first.
    pub rows: Vec<Ranked>,
}

/// One cell's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ranked {
    /// The cell.
    pub cell: CellId,
    /// Its mean over its own blocks.
    ///
    /// Places are by means that allow for missing trials, which may differ from these.
    pub mean: Estimate,
    /// Its value over the best one's; `None` for the best one.
    pub to_best: Option<Contrast>,
    /// Not shown to be worse than the best one.
    pub ties_with_best: bool,
}

/// Ranks all cells that have a value.
pub fn rank(observations: &Observations, rules: &Rules) -> Ranking {
    let fit = Fit::of(&logarithms(observations));
    let mut order: Vec<(CellId, f64)> = fit.rows.into_iter().collect();
    order.sort_by(|(_, a), (_, b)| match observations.metric.direction() {
        Direction::HigherIsBetter => b.total_cmp(a),
        Direction::LowerIsBetter => a.total_cmp(b),
    });
    // The pairs with the best one come first.
    let pairs: Vec<_> = order
        .iter()
        .enumerate()
        .flat_map(|(place, (better, _))| order[place + 1..].iter().map(move |(cell, _)| (*cell, *better)))
        .map(|(cell, better)| by_block(observations, &[ratio(cell, better)]))
        .collect();
    let (steps, comparisons) = steps(&pairs, rules);
    let mut with_best = pairs
        .iter()
        .zip(steps)
        .map(|(blocks, step)| Contrast::at(blocks, observations.metric, step, rules));
    let rows = order
        .iter()
        .enumerate()
        .filter_map(|(place, (cell, _))| {
            let to_best = if place == 0 { None } else { with_best.next() };
            let values: Vec<f64> = observations.cells[cell].values().copied().collect();
            Some(Ranked {
                cell: *cell,
                mean: estimate(&values, rules)?,
                ties_with_best: to_best.as_ref().is_none_or(|c| c.verdict != Verdict::Worse),
                to_best,
            })
        })
        .collect();
    Ranking {
        metric: observations.metric,
        comparisons,
        rows,
    }
}
