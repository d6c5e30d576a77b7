//! A probe, what it showed, and the curve of all of them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A trial that the search asks for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// What it is to decide.
    pub purpose: Purpose,
    /// The offered rate, records per second, of six digits.
    pub rate: f64,
    /// Length of the measurement window.
    pub measure: Duration,
}

/// What a probe is to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Where the bracket is: rates double to the first FAIL, or halve to the first PASS.
    Ramp,
    /// In which half of the bracket the edge is, on a scale of logarithms.
    Bisect,
    /// Whether the verdict before it holds.
    Rerun,
    /// Whether an end of the bracket holds.
    Confirm,
    /// Whether the rate still passes right after an overload: run at once.
    Down,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ramp => "ramp",
            Self::Bisect => "bisect",
            Self::Rerun => "re-run",
            Self::Confirm => "confirm",
            Self::Down => "down",
        })
    }
}

/// What a probe showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum ProbeVerdict {
    /// The trial is valid, sustained, and meets the objective.
    Pass {
        /// Delivered rate, records per second; absent for `acks=0`.
        delivered: Option<f64>,
    },
    /// The trial is valid and does not.
    Fail {
        /// Delivered rate, records per second; absent for `acks=0`.
        delivered: Option<f64>,
    },
    /// The trial is invalid: it says nothing about the cluster.
    Invalid {
        /// Why, for people.
        reason: String,
    },
}

/// A point of the latency-against-load curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point<F> {
    /// Offered rate, records per second.
    pub rate: f64,
    /// Length of the measurement window.
    pub measure: Duration,
    /// Whether the objective was met.
    pub passed: bool,
    /// What the caller kept of the trial.
    pub figures: F,
}

/// The latency-against-load curve: every valid probe by rate, repeated ones in their order.
///
/// Probes on the way down are left out: they show a cluster after an overload, not at a load.
pub fn curve<F>(probes: impl IntoIterator<Item = (Probe, ProbeVerdict, F)>) -> Vec<Point<F>> {
    let mut points: Vec<Point<F>> = probes
        .into_iter()
        .filter(|(probe, verdict, _)| {
            probe.purpose != Purpose::Down && !matches!(verdict, ProbeVerdict::Invalid { .. })
        })
        .map(|(probe, verdict, figures)| Point {
            rate: probe.rate,
            measure: probe.measure,
            passed: matches!(verdict, ProbeVerdict::Pass { .. }),
            figures,
        })
        .collect();
    points.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    points
}
