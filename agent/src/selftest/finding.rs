//! What an experiment found, and the one rule by which noise may excuse it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How an experiment came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What was measured is what was expected.
    Holds,
    /// It is not, and nothing that was seen of the host explains it.
    Fails,
    /// It is not, by no more than the host was seen to disturb.
    TooNoisy,
}

impl Outcome {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::TooNoisy => "host too noisy to judge",
        }
    }

    /// Judges a deviation. What exceeds the tolerance by no more than the measured noise is too noisy to judge; what
    /// exceeds both has failed, however noisy the host; so noise excuses only as much as was seen of it.
    pub(crate) fn of(deviation: f64, tolerance: f64, noise: f64) -> Self {
        // A figure that is none fails.
        if deviation <= tolerance {
            Self::Holds
        } else if deviation <= tolerance + noise {
            Self::TooNoisy
        } else {
            Self::Fails
        }
    }

    /// Judges something that is counted: noise is no excuse.
    pub(crate) fn exactly(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }

    /// The worse of two: a failure before noise before success.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fails, _) | (_, Self::Fails) => Self::Fails,
            (Self::TooNoisy, _) | (_, Self::TooNoisy) => Self::TooNoisy,
            _ => Self::Holds,
        }
    }
}

/// The outcome of one experiment, with its figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its number in METHODOLOGY.md.
    pub number: u32,
    /// What is shown, in a few words.
    pub title: String,
    /// How it came out.
    pub outcome: Outcome,
    /// What was to be measured, and within what.
    pub expected: String,
    /// What was measured.
    pub measured: String,
    /// What else there is to know: exhibits, what the host did, why it failed. May be empty.
    pub note: String,
}

/// What an experiment says, before it has its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) outcome: Outcome,
    pub(crate) expected: String,
    pub(crate) measured: String,
    pub(crate) note: String,
}

impl Said {
    /// An experiment that could not be run has failed.
    pub(crate) fn could_not(problem: &dyn std::error::Error) -> Self {
        Self {
            outcome: Outcome::Fails,
            expected: "the experiment can be run".to_owned(),
            measured: "it cannot".to_owned(),
            note: tribunal_telemetry::logs::chain(problem),
        }
    }
}

/// Nanoseconds for people.
pub(crate) fn ms(nanoseconds: f64) -> String {
    let milliseconds = nanoseconds / 1e6;
    let digits = if milliseconds.abs() < 10.0 { 2 } else { 1 };
    format!("{milliseconds:.digits$} ms")
}

/// A duration in nanoseconds.
pub(crate) fn ns(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

/// A share in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.3} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_excuses_no_more_than_was_seen_of_it() {
        use Outcome::{Fails, Holds, TooNoisy};
        let judged = [0.9, 1.0, 1.4, 1.6, f64::NAN].map(|deviation| Outcome::of(deviation, 1.0, 0.5));
        assert_eq!(judged, [Holds, Holds, TooNoisy, Fails, Fails]);
        assert_eq!(TooNoisy.and(Holds), TooNoisy);
        assert_eq!(TooNoisy.and(Fails), Fails);
        assert_eq!(Outcome::exactly(false), Fails);
    }
}
