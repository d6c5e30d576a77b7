//! What a search found.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a search found. Every rate in it was probed, in records per second, and got the verdict that it stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    /// The capacity lies between two confirmed verdicts. There is no better estimate within: a midpoint was not probed.
    Capacity {
        /// The highest rate that passed every confirmation.
        confirmed_pass: f64,
        /// The lowest rate above it that failed every confirmation; `None` when none did up to the highest allowed.
        failed: Option<f64>,
        /// Trials in a row that confirmed each of the two.
        confirmations: u32,
        /// What an overload leaves behind; `None` when the way down was not measured to its end.
        up_down_gap: Option<UpDownGap>,
        /// The second knee: the highest delivered rate of all valid probes, whatever the objective says of them.
        max_delivered: Option<f64>,
    },
    /// The generator could not deliver a rate, so nothing is known about the cluster from there on.
    GeneratorLimited {
        /// The rate at which the probes were invalid.
        above: f64,
        /// The highest rate below it that passed; not confirmed.
        last_pass: Option<f64>,
        /// Why the last of the probes was invalid.
        reason: String,
    },
    /// Even the lowest rate does not meet the objective.
    NoneMeets {
        /// It failed by majority.
        lowest_failed: f64,
    },
    /// The search came to no end.
    NotFound {
        /// Why.
        reason: Shortcoming,
        /// The highest rate that passed below the failed one; not confirmed.
        passed: Option<f64>,
        /// The lowest rate that failed; not confirmed.
        failed: Option<f64>,
    },
}

/// How the way down from an overload differs from the way up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpDownGap {
    /// How far below the confirmed PASS the rate had to fall, as a share of it: 0 when it passes at once, and at least
    /// this when nothing passed.
    pub share: f64,
    /// The rate that passed, coming from above.
    pub passed: Option<f64>,
    /// The lowest rate that failed, coming from above.
    pub failed: Option<f64>,
}

/// Why a search came to no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Shortcoming {
    /// All probes were used.
    ProbesUsedUp,
    /// The lowest rate passed once, and not when it was to be confirmed.
    NotConfirmed,
}

impl fmt::Display for Shortcoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProbesUsedUp => "all probes were used",
            Self::NotConfirmed => "the lowest rate could not be confirmed",
        })
    }
}
