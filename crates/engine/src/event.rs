//! What an attempt tells while it goes on.

use tribunal_model::trial::Windows;
use tribunal_stats::watched::Watched;
use tribunal_stats::{AgentReport, ClientTold, Sample};

/// What an attempt tells, on its collector's thread.
#[derive(Debug)]
pub enum Event {
    /// The announced instant of this arming passed without *go*.
    NotStarted {
        /// Which arming.
        epoch: u32,
    },
    /// What was measured between two edges of the sample grid.
    Sample(Box<Sample>),
    /// What a producer did in a slice of the grid, for those who watch.
    Watched(Box<Watched>),
    /// What a producer's client says of itself, from the beginning on.
    Statistics {
        /// Producer index in the trial.
        producer: u32,
        /// What it has told so far.
        total: Box<ClientTold>,
    },
    /// Every record of the window has its final word.
    WindowResolved,
    /// All threads have ended.
    Ended(Box<Ended>),
}

/// How an attempt ended.
#[derive(Debug)]
pub struct Ended {
    /// What was measured.
    pub report: AgentReport,
    /// The parts that it was measured by: those of the trial, or with t1 as it was announced.
    pub windows: Windows,
    /// Why it was given up, if it was.
    pub given_up: Option<String>,
}
