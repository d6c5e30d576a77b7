//! Candidates against the baseline.

use serde::{Deserialize, Serialize};
use tribunal_model::ids::CellId;

use super::combination::{by_block, ratio};
use super::contrast::steps;
use super::{Contrast, Metric, Observations, Rules};

/// Every candidate against the baseline, in every metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// What the candidates are compared with.
    pub baseline: CellId,
    /// How many comparisons were made: those of the rows that have a test, by which Holm's method adjusts.
    pub comparisons: u32,
    /// By metric, as given, then by candidate.
    pub rows: Vec<Comparison>,
}

/// One candidate against the baseline, in one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// What was observed.
    pub metric: Metric,
    /// What is compared.
    pub candidate: CellId,
    /// The candidate's value over the baseline's.
    pub contrast: Contrast,
}

/// Compares every other cell with the baseline in every metric, as one family.
///
/// The chance that any verdict in it says better or worse where there is no difference is at most 1 − `confidence`.
/// A false equivalent has in each comparison at most half the chance of the level that decided it.
pub fn compare(observations: &[Observations], baseline: CellId, rules: &Rules) -> Family {
    let family: Vec<_> = observations
        .iter()
        .flat_map(|of| of.cells.keys().map(move |candidate| (of, *candidate)))
        .filter(|(_, candidate)| *candidate != baseline)
        .map(|(of, candidate)| (of.metric, candidate, by_block(of, &[ratio(candidate, baseline)])))
        .collect();
    let (steps, comparisons) = steps(family.iter().map(|(_, _, blocks)| blocks), rules);
    let rows = family
        .iter()
        .zip(steps)
        .map(|((metric, candidate, blocks), step)| Comparison {
            metric: *metric,
            candidate: *candidate,
            contrast: Contrast::at(blocks, *metric, step, rules),
        })
        .collect();
    Family {
        baseline,
        comparisons,
        rows,
    }
}
