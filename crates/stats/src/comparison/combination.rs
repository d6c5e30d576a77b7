//! Combinations of cells within blocks: a ratio, a mean of ratios, a ratio of ratios.

use std::collections::{BTreeMap, BTreeSet};

use tribunal_model::ids::CellId;

use super::Observations;
use super::blocks::Fit;

/// A sum of logarithms of cells, with signs.
pub(super) type Combination = Vec<(CellId, f64)>;

/// The candidate over the baseline.
pub(super) fn ratio(candidate: CellId, baseline: CellId) -> Combination {
    vec![(candidate, 1.0), (baseline, -1.0)]
}

/// The value of combinations in each block.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Blocks {
    /// One logarithm per block, in block order: the mean over the combinations.
    pub(super) logarithms: Vec<f64>,
    /// Combinations that lacked a cell in a block that held another of its cells.
    pub(super) unpaired: u32,
    /// Combinations in which a value has no logarithm.
    pub(super) left_out: u32,
}

/// The mean over the combinations in each block.
///
/// Where a block lacks some of them the others stand for it, less what they always are above the mean.
pub(super) fn by_block(observations: &Observations, combinations: &[Combination]) -> Blocks {
    let mut told = Blocks::default();
    let mut values: BTreeMap<usize, BTreeMap<u32, f64>> = BTreeMap::new();
    for (index, combination) in combinations.iter().enumerate() {
        let cells: Vec<_> = combination
            .iter()
            .map(|(cell, sign)| (observations.cells.get(cell), *sign))
            .collect();
        let blocks: BTreeSet<u32> = cells
            .iter()
            .filter_map(|(of, _)| *of)
            .flat_map(|of| of.keys().copied())
            .collect();
        for block in blocks {
            let found: Option<Vec<(f64, f64)>> = cells
                .iter()
                .map(|(of, sign)| Some((*(*of)?.get(&block)?, *sign)))
                .collect();
            let Some(found) = found else {
                told.unpaired += 1;
                continue;
            };
            let sum: Option<f64> = found.iter().map(|(v, sign)| Some(sign * logarithm(*v)?)).sum();
            match sum {
                Some(sum) => {
                    values.entry(index).or_default().insert(block, sum);
                }
                None => told.left_out += 1,
            }
        }
    }
    told.logarithms = match values.len() {
        // One combination is its own mean, to the last bit.
        1 => values.into_values().flat_map(BTreeMap::into_values).collect(),
        _ => Fit::of(&values).block_values(),
    };
    told
}

/// The logarithm of a positive, finite value.
pub(super) fn logarithm(value: f64) -> Option<f64> {
    (value.is_finite() && value > 0.0).then(|| value.ln())
}

/// The logarithms that there are, by cell and block.
pub(super) fn logarithms(observations: &Observations) -> BTreeMap<CellId, BTreeMap<u32, f64>> {
    let of = |blocks: &BTreeMap<u32, f64>| -> BTreeMap<u32, f64> {
        blocks
            .iter()
            .filter_map(|(block, value)| Some((*block, logarithm(*value)?)))
            .collect()
    };
    observations
        .cells
        .iter()
        .map(|(cell, blocks)| (*cell, of(blocks)))
        .filter(|(_, blocks)| !blocks.is_empty())
        .collect()
}
