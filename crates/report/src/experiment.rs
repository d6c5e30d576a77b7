//! What a report is rendered from.

use serde::{Deserialize, Serialize};
use tribunal_model::design::{DesignKind, Mode};
use tribunal_model::ids::{Attempt, ExperimentId, TrialId};
use tribunal_model::objective::Objective;

use crate::result::TrialResult;
use crate::search::SearchOutcome;

/// An experiment with the results of its finished trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExperimentReport {
    /// The experiment.
    pub facts: ExperimentFacts,
    /// Finished trials in run order.
    pub results: Vec<TrialResult>,
    /// Attempts that do not count.
    pub void_attempts: Vec<VoidAttempt>,
    /// Trials that gave up after their last attempt.
    pub given_up: Vec<VoidAttempt>,
    /// Capacity searches, where the plan asks for them.
    #[serde(default)]
    pub searches: Vec<SearchOutcome>,
}

impl ExperimentReport {
    /// Whether a mock broker was measured, of which estimates are told and nothing else.
    pub fn mock(&self) -> bool {
        self.facts.mock || self.results.iter().any(|result| result.cluster.mock)
    }
}

/// What an experiment is, apart from its trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExperimentFacts {
    /// Its id.
    pub id: ExperimentId,
    /// The plan's name.
    pub name: String,
    /// Whether the cluster is librdkafka's mock.
    pub mock: bool,
    /// Trials of the matrix.
    pub trials: u32,
    /// Repetitions of each cell.
    pub repetitions: u32,
    /// The plan's seed.
    pub seed: u64,
    /// When it was accepted: RFC 3339, coordinator's wall clock.
    pub began: String,
    /// How it stands.
    pub state: ExperimentState,
    /// Why it ended as it did, in one line; empty when all went well.
    pub reason: String,
    /// Tribunal's version on the coordinator.
    pub version: String,
    /// librdkafka's version on the coordinator.
    pub librdkafka: String,
    /// Limits that the plan loosened.
    pub loosened: Vec<String>,
    /// The plan's notes on the environment.
    pub notes: Vec<(String, String)>,
    /// Plan overrides given on the command line.
    pub overrides: Vec<String>,
    /// What a budget of time left out, in one line.
    #[serde(default)]
    pub left_out: Option<String>,
    /// Which combinations of levels are cells.
    #[serde(default)]
    pub design: DesignKind,
    /// How the cells are run.
    #[serde(default)]
    pub mode: Mode,
    /// What *best* means, where the plan says so.
    #[serde(default)]
    pub objective: Option<Objective>,
    /// Combinations of levels that their client library cannot run, each with why, in one line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// The plan as it was written, where the report is made from an experiment's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// Where an experiment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExperimentState {
    /// Waits for the one before it.
    Queued,
    /// Is being run.
    Running,
    /// The coordinator went away while it ran.
    Interrupted,
    /// All trials have a result.
    Complete,
    /// Cancelled by its user.
    Cancelled,
    /// Could not go on.
    Failed,
}

impl ExperimentState {
    /// The word used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more will happen by itself or by `resume`.
    pub fn ended(self) -> bool {
        matches!(self, Self::Complete | Self::Cancelled | Self::Failed)
    }
}

/// An attempt that is no trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VoidAttempt {
    /// The trial that was tried.
    pub trial: TrialId,
    /// Which attempt.
    pub attempt: Attempt,
    /// Why it does not count.
    pub reason: String,
}
