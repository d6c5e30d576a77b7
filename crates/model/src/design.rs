//! How an experiment goes through its matrix: which cells, in which mode, within which budget.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::Preset;

/// `[design]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Design {
    /// Which combinations of levels are cells.
    pub kind: DesignKind,
    /// How the cells are run.
    pub mode: Mode,
    /// Wall time that the whole may take; what does not fit is left out in whole blocks, and said.
    pub budget: Option<Duration>,
    /// Whether every block holds a canary: the baseline at a modest rate, counted and shown apart.
    ///
    /// By default from two repetitions up.
    pub canary: bool,
    /// Load at the highest rate before the first trial, discarded; zero for none.
    ///
    /// By default as long as the warm-up from two repetitions up: a cold broker would bias the first block.
    pub burn_in: Duration,
    /// The longest wait between blocks for the brokers to unlink the files of deleted topics, which they do a minute
    /// after the deletion and so in the middle of somebody's window.
    pub settle: Duration,
    /// Sets a named set of properties beside the cells: the first cell with these over its own, at each level of the factor
    /// `rate`. None by default.
    pub preset: Option<Preset>,
}

/// Which combinations of levels are cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DesignKind {
    /// All.
    #[default]
    Full,
    /// The first level of each factor, and each other level alone beside the first levels of the others.
    OneAtATime,
    /// A subset in which every pair of levels of two factors occurs at least once.
    Pairwise,
}

/// How the cells are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Each at its own rate.
    #[default]
    Direct,
    /// The capacity of each, then all at 25, 50 and 75 % of the slowest (METHODOLOGY.md, section 10).
    TwoPhase,
}

/// The shares of the slowest cell's capacity at which two-phase experiments compare, in per cent.
pub const SHARES: [u32; 3] = [25, 50, 75];

/// `[search]`: the largest rate of each cell that meets the objective.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchPlan {
    /// Where the ramp begins, records a second.
    pub first: f64,
    /// No probe goes beyond this, records a second.
    pub highest: f64,
    /// The bracket's relative width at which the search ends.
    pub precision: f64,
    /// Confirmation trials at the last rate that passed.
    pub confirmations: u32,
    /// How far a failed confirmation backs off, as a share.
    pub back_off: f64,
    /// Probes of one cell at most.
    pub most_probes: u32,
    /// The window of the confirmation trials; without it the answer carries the caveat *page cache only*.
    pub confirm: Option<Duration>,
}

/// What a trial is for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A cell of the matrix.
    #[default]
    Cell,
    /// The canary of its block: tracks the platform, enters no comparison.
    Canary,
    /// Warms the brokers up; its figures are kept and used for nothing.
    BurnIn,
    /// Finds a cell's capacity in a two-phase experiment.
    Capacity,
    /// Measures a cell of a two-phase experiment at this share of the slowest capacity, in per cent.
    Share(u32),
    /// A probe of a capacity search: what it is for in words, for example `ramp`.
    Probe(String),
    /// The first cell without the plan's consumers: shows what they cost the producers, enters no comparison.
    WithoutConsumers,
}

impl Purpose {
    /// Whether the trial is an observation of its cell that comparisons and rankings may use.
    pub fn compared(&self) -> bool {
        matches!(self, Self::Cell | Self::Share(_))
    }
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cell => f.write_str("cell"),
            Self::Canary => f.write_str("canary"),
            Self::BurnIn => f.write_str("burn-in"),
            Self::Capacity => f.write_str("capacity"),
            Self::Share(percent) => write!(f, "{percent} % of the slowest"),
            Self::Probe(what) => write!(f, "probe: {what}"),
            Self::WithoutConsumers => f.write_str("without consumers"),
        }
    }
}

/// How finely an attempt's records are compared with the broker's offsets (METHODOLOGY.md, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditLevel {
    /// By count: acknowledged records against the offsets gained.
    Count,
    /// Every acknowledged record's offset: none twice, none at or past the end.
    #[default]
    Offsets,
    /// The same, and consumers read the records back, each of which says who wrote it and which one it is.
    ReadBack,
}

impl AuditLevel {
    /// Whether the offsets of acknowledged records are kept.
    pub fn keeps_offsets(self) -> bool {
        match self {
            Self::Count => false,
            Self::Offsets | Self::ReadBack => true,
        }
    }
}
