//! What the rules say, in figures and in sentences.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Changepoint, Metric, Mser, Trend};

/// What the rules say about a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Assessment {
    /// Too few samples, or too few for their noise; nothing is said against the window.
    NotAssessed {
        /// Of the shortest series, gaps not counted.
        samples: usize,
        /// For a judgement, as far as this many samples can tell.
        needed: usize,
        /// By metric, where there are enough samples for figures.
        evidence: Vec<Evidence>,
    },
    /// No rule found a change.
    Steady {
        /// By metric.
        evidence: Vec<Evidence>,
    },
    /// A rule found a change.
    NotSteady {
        /// By metric.
        evidence: Vec<Evidence>,
        /// At least one.
        findings: Vec<Finding>,
    },
}

impl Assessment {
    /// What speaks against a steady state.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::NotSteady { findings, .. } => findings,
            Self::NotAssessed { .. } | Self::Steady { .. } => &[],
        }
    }

    /// Whether the window was judged, and no rule found a change.
    pub fn is_steady(&self) -> bool {
        matches!(self, Self::Steady { .. })
    }
}

/// The figures behind a judgement of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// The metric.
    pub metric: Metric,
    /// Samples judged, gaps left out.
    pub samples: usize,
    /// Samples that this metric's noise asks for before it may be called steady.
    pub needed: usize,
    /// Their median.
    pub median: f64,
    /// The trend; of logarithms for response time p99, relative to the window's records for in-flight.
    pub trend: Option<Trend>,
    /// The most likely shift. Not for in-flight, whose shifts show in response time.
    pub shift: Option<Changepoint>,
    /// Where the series should be cut off. Not for in-flight.
    pub warm_up: Option<Mser>,
    /// The least trend that would have been a finding, as a share like the trend's: the limit, or more in much noise.
    pub resolution: Option<f64>,
}

/// A change inside the window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// The metric drifts.
    Trend {
        /// The metric.
        metric: Metric,
        /// Change over the window ÷ median; negative for a fall.
        relative_change: f64,
    },
    /// The metric moves to another level and stays there.
    Shift {
        /// The metric.
        metric: Metric,
        /// First sample of the later level, from 0.
        at_sample: usize,
        /// Change ÷ level before; negative for a fall.
        relative_shift: f64,
    },
    /// The window begins before the metric has settled.
    WarmUpTooShort {
        /// The metric.
        metric: Metric,
        /// Samples of the window that still look like warm-up.
        truncate_samples: usize,
    },
    /// Records pile up: the client or the cluster is saturated.
    Growing {
        /// The metric.
        metric: Metric,
        /// Growth over the window.
        records: f64,
        /// Growth ÷ records delivered in the window.
        share: f64,
    },
    /// Records that piled up before the window are worked off inside it: the delivered rate is too high.
    Shrinking {
        /// The metric.
        metric: Metric,
        /// Decline over the window.
        records: f64,
        /// Decline ÷ records delivered in the window.
        share: f64,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = |change: f64| if change < 0.0 { "falls" } else { "rises" };
        match self {
            Self::Trend {
                metric,
                relative_change,
            } => {
                let percent = 100.0 * relative_change.abs();
                write!(
                    f,
                    "{metric} {} by {percent:.1} % over the window.",
                    direction(*relative_change)
                )
            }
            Self::Shift {
                metric,
                at_sample,
                relative_shift,
            } => {
                let percent = 100.0 * relative_shift.abs();
                let direction = direction(*relative_shift);
                write!(
                    f,
                    "{metric} {direction} by {percent:.1} % at second {at_sample} of the window and stays there."
                )
            }
            Self::WarmUpTooShort {
                metric,
                truncate_samples,
            } => {
                write!(
                    f,
                    "{metric} has not settled in the first {truncate_samples} seconds of the window."
                )
            }
            Self::Growing { metric, records, share } => {
                let percent = 100.0 * share;
                write!(
                    f,
                    "{metric} grows by {records:.0} records over the window, {percent:.1} % of those delivered."
                )
            }
            Self::Shrinking { metric, records, share } => {
                let percent = 100.0 * share;
                write!(
                    f,
                    "{metric} shrinks by {records:.0} records over the window, {percent:.1} % of those delivered."
                )
            }
        }
    }
}
