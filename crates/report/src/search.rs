//! Capacity searches, one for each cell, as far as they have come.

use serde::{Deserialize, Serialize};
use tribunal_model::ids::CellId;
use tribunal_model::trial::{Level, cell_text};
use tribunal_stats::search::Answer;

use crate::objective::Standing;
use crate::result::TrialResult;

/// The search for one cell's capacity; its probes are trials of the experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SearchOutcome {
    /// The cell.
    pub cell: CellId,
    /// Its factor levels.
    pub levels: Vec<Level>,
    /// What was found; `None` while the search is not over.
    pub answer: Option<Answer>,
    /// Whether the answer was confirmed for less than it takes to reach the brokers' disks.
    pub page_cache_only: bool,
}

impl SearchOutcome {
    /// The cell's levels as `linger.ms=5 acks=all`.
    pub fn cell_text(&self) -> String {
        cell_text(&self.levels)
    }
}

/// What a probe showed: an objective met by records that were not delivered at the offered rate is missed.
pub fn verdict(result: &TrialResult) -> Standing {
    match result.objective.as_ref().map(|outcome| outcome.standing) {
        Some(Standing::Pass) if result.rates.sustained == Some(false) => Standing::Fail,
        Some(standing) => standing,
        None => Standing::Invalid,
    }
}
