//! What a search is asked to do, and the windows of its probes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Halvings from the first rate down to the lowest.
const HALVINGS: i32 = 6;

/// Least precision and back-off: rates have six digits, and no number of probes tells less from noise.
const FINEST: f64 = 0.001;

/// Greatest precision and back-off: beyond it there is no search.
const COARSEST: f64 = 0.5;

/// What a search is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Where the ramp begins, records per second.
    pub first: f64,
    /// No probe goes beyond this, records per second.
    pub highest: f64,
    /// The bracket's width, relative to its lower end, at which bisection ends: 0.02.
    pub precision: f64,
    /// Trials at either end of the bracket that must agree: 3.
    pub confirmations: u32,
    /// How far the first failed confirmation backs off, as a share: 0.02. It doubles from one to the next.
    pub back_off: f64,
    /// Probes at most, of whatever purpose and verdict.
    pub most_probes: u32,
    /// The measurement window of the ramp's probes.
    pub first_window: Duration,
    /// The longest window of a probe, reached as the bracket narrows.
    pub longest_window: Duration,
    /// The window of the trials that confirm the PASS; without it the longest.
    pub confirm_window: Option<Duration>,
}

impl Settings {
    /// The settings when a search can work with them.
    ///
    /// # Errors
    /// The first setting that is out of range. A rate must be above zero, `highest` at least `first`, precision and
    /// back-off within 0.001 to 0.5, counts and windows above zero, and the longest window no shorter than the first.
    pub fn checked(self) -> Result<Self, InvalidSettings> {
        let share = |value: f64| (FINEST..=COARSEST).contains(&value);
        if !(self.first.is_finite() && self.first > 0.0) {
            return Err(InvalidSettings::First(self.first));
        }
        if !(self.highest.is_finite() && self.highest >= self.first) {
            return Err(InvalidSettings::Highest {
                first: self.first,
                highest: self.highest,
            });
        }
        if !share(self.precision) {
            return Err(InvalidSettings::Precision(self.precision));
        }
        if !share(self.back_off) {
            return Err(InvalidSettings::BackOff(self.back_off));
        }
        if self.confirmations == 0 {
            return Err(InvalidSettings::Confirmations);
        }
        if self.most_probes == 0 {
            return Err(InvalidSettings::MostProbes);
        }
        if self.first_window.is_zero() || self.confirm_window.is_some_and(|window| window.is_zero()) {
            return Err(InvalidSettings::NoWindow);
        }
        if self.longest_window < self.first_window {
            return Err(InvalidSettings::Windows {
                first: self.first_window,
                longest: self.longest_window,
            });
        }
        Ok(self)
    }

    /// The rate below which nothing is probed, records per second: the first, halved six times.
    pub fn lowest(&self) -> f64 {
        round(self.first * 0.5_f64.powi(HALVINGS))
    }

    /// The window of a probe within a bracket of this width, relative to its lower end; `None` while there is none.
    ///
    /// The inverse of the width, from the first to the longest, in whole milliseconds: what has to be told apart
    /// shrinks, so more records must tell it (METHODOLOGY.md, section 10). By division alone, so that a replay
    /// on another machine has the same windows.
    pub(super) fn window(&self, width: Option<f64>) -> Duration {
        let Some(width) = width else {
            return self.first_window;
        };
        let (first, longest) = (self.first_window.as_secs_f64(), self.longest_window.as_secs_f64());
        let seconds = (first / width).min(longest);
        let milliseconds = (seconds * 1e3).round() as u64;
        Duration::from_millis(milliseconds).clamp(self.first_window, self.longest_window)
    }

    /// The window of the trials that confirm the PASS.
    pub(super) fn confirm(&self) -> Duration {
        self.confirm_window.unwrap_or(self.longest_window)
    }

    /// The share by which the `n`-th step moves away from the edge.
    pub(super) fn stride(&self, n: u32) -> f64 {
        (self.back_off * f64::from(2_u32.saturating_pow(n))).min(COARSEST)
    }
}

/// To six digits, which a journal of decimal text holds exactly.
pub(super) fn round(rate: f64) -> f64 {
    let mut scale = 1.0;
    while rate * scale < 1e5 && scale < 1e15 {
        scale *= 10.0;
    }
    let mut unit = 1.0;
    while rate / unit >= 1e6 {
        unit *= 10.0;
    }
    if unit > 1.0 {
        (rate / unit).round() * unit
    } else {
        (rate * scale).round() / scale
    }
}

/// A setting that no search can work with.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidSettings {
    /// The first rate is not above zero.
    #[error("the first rate is {0}/s, which is not above zero")]
    First(f64),
    /// The highest rate is below the first.
    #[error("the highest rate, {highest}/s, is below the first, {first}/s")]
    Highest {
        /// Records per second.
        first: f64,
        /// Records per second.
        highest: f64,
    },
    /// The precision is too fine or too coarse.
    #[error("a precision of {0} is not within {FINEST} to {COARSEST}")]
    Precision(f64),
    /// The back-off is too fine or too coarse.
    #[error("a back-off of {0} is not within {FINEST} to {COARSEST}")]
    BackOff(f64),
    /// Nothing would be confirmed.
    #[error("there must be a confirmation")]
    Confirmations,
    /// Nothing would be probed.
    #[error("there must be a probe")]
    MostProbes,
    /// A window has no length.
    #[error("a probe's window must have a length")]
    NoWindow,
    /// The longest window is not the longest.
    #[error("the longest window, {longest:?}, is shorter than the first, {first:?}")]
    Windows {
        /// Of the ramp.
        first: Duration,
        /// Of the last bisections.
        longest: Duration,
    },
}
