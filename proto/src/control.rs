//! What the command line and the coordinator say to each other.

use std::time::Duration;

use tribunal_model::ids::{AgentName, Attempt, ExperimentId, TrialId};
use tribunal_stats::facts::{BuildFacts, Calibration, ClockFacts, HostFacts};

/// A plan to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The plan's file name, for messages.
    pub file: String,
    /// The plan's text.
    pub plan: String,
    /// `key=value` overrides, in order.
    pub overrides: Vec<String>,
    /// Whether more than 10,000 trials are meant.
    pub allow_large: bool,
}

/// A plan that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The experiment.
    pub id: ExperimentId,
    /// Trials of the matrix.
    pub trials: u32,
    /// Expected wall time.
    pub expected: Duration,
    /// What the person should know, one line each.
    pub warnings: Vec<String>,
}

/// A connected agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRow {
    /// Its name.
    pub name: AgentName,
    /// Its build.
    pub build: BuildFacts,
    /// Its host.
    pub host: HostFacts,
    /// Its clock against the coordinator's; `None` before the first exchange.
    pub clock: Option<ClockFacts>,
    /// Whether it takes part in an attempt.
    pub busy: bool,
    /// How long it has been connected.
    pub connected: Duration,
    /// Where Prometheus should scrape it.
    pub metrics_address: String,
}

/// An experiment that the coordinator knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentRow {
    /// Its id.
    pub id: ExperimentId,
    /// The plan's name.
    pub name: String,
    /// `queued`, `running`, `interrupted`, `complete`, `cancelled` or `failed`.
    pub state: String,
    /// When it was accepted: RFC 3339.
    pub began: String,
    /// Trials with a result.
    pub finished: u32,
    /// Trials of the matrix.
    pub trials: u32,
    /// Why it ended as it did.
    pub reason: String,
}

/// What happens to an experiment while it is watched.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Waits for others, this many.
    Queued {
        /// Experiments before it.
        before: u32,
    },
    /// Something worth a line.
    Note {
        /// The line.
        text: String,
    },
    /// An attempt begins.
    Began {
        /// The trial.
        trial: TrialId,
        /// Trials of the matrix.
        of: u32,
        /// The attempt.
        attempt: Attempt,
        /// The cell, as `linger.ms=5 acks=all`.
        cell: String,
        /// Estimated time to the end of the experiment.
        left: Duration,
    },
    /// The attempt enters a phase.
    Phase {
        /// The trial.
        trial: TrialId,
        /// The phase.
        phase: Phase,
    },
    /// Figures of the running attempt.
    Live {
        /// The trial.
        trial: TrialId,
        /// Acknowledged records per second over the last second.
        delivered: f64,
        /// 99th percentile of the response time of the window so far.
        response_p99: Option<Duration>,
        /// Estimated time to the end of the experiment.
        left: Duration,
    },
    /// The attempt does not count.
    Void {
        /// The trial.
        trial: TrialId,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        reason: String,
    },
    /// The trial has its result on disk.
    Finished {
        /// The trial.
        trial: TrialId,
        /// Trials of the matrix.
        of: u32,
        /// The cell.
        cell: String,
        /// Whether it is valid.
        valid: bool,
        /// What limited it.
        bound_by: String,
        /// Delivered records per second.
        delivered: Option<f64>,
        /// 99th percentile of the response time.
        response_p99: Option<Duration>,
    },
    /// Nothing more will come.
    Ended(Ended),
}

/// The phase of an attempt, as progress shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Topics and clients are made.
    Preparing,
    /// All agents are ready.
    Ready,
    /// Before the window.
    WarmingUp,
    /// Inside the window.
    Measuring,
    /// After the window.
    Draining,
    /// Audit, verdict, saving.
    Done,
}

impl Phase {
    /// The words for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Ready => "ready",
            Self::WarmingUp => "warming up",
            Self::Measuring => "measuring",
            Self::Draining => "draining",
            Self::Done => "judging",
        }
    }
}

/// How an experiment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// Trials with a result.
    pub finished: u32,
    /// Trials of the matrix.
    pub trials: u32,
    /// Invalid trials among them.
    pub invalid: u32,
    /// Why, in one line; empty when all went well.
    pub reason: String,
}

/// The kinds of ending; each has its exit code (README).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All trials have a result.
    Complete,
    /// Agents were missing or lost, tries used up.
    AgentsLost,
    /// The cluster could not be reached.
    ClusterUnreachable,
    /// The plan cannot be run on this cluster or these agents.
    BadPlan,
    /// Refused for safety.
    Refused,
    /// Cancelled.
    Cancelled,
    /// The coordinator went away or was restarted.
    Interrupted,
    /// A defect.
    Defect,
}

/// A piece of a file of an experiment's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePiece {
    /// Path inside the folder, with `/`.
    pub path: String,
    /// The next bytes of it.
    pub bytes: Vec<u8>,
}

/// What happens while agents are calibrated.
#[derive(Clone, Debug, PartialEq)]
pub enum CalibrationStep {
    /// Something worth a line.
    Note(String),
    /// What one agent managed for one signature.
    Row(CalibrationRow),
    /// Given up; nothing more will come.
    Failed {
        /// How it ended.
        ending: Ending,
        /// Why, in one line.
        reason: String,
    },
    /// All signatures are done; nothing more will come.
    Done,
}

/// What one agent managed against a null sink, for one cell signature.
#[derive(Clone, Debug, PartialEq)]
pub struct CalibrationRow {
    /// The agent.
    pub agent: AgentName,
    /// What tells the signature from others, for people.
    pub signature: String,
    /// What it managed.
    pub calibration: Calibration,
}
