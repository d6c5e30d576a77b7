//! How an open-loop rate changes over a trial.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::trial::{RecordRate, nanoseconds};

/// A rate that is a linear function of time in each of its segments.
///
/// Ramps, steps, bursts, waves and recorded rates are all of this form, so that one schedule function does for all.
/// Made by [`Profile::new`] alone: no segment is empty, and the whole offers at least one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    segments: Vec<Segment>,
    after: After,
    text: String,
}

/// One linear piece of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Length in nanoseconds; above zero.
    pub length_ns: u64,
    /// Rate at its beginning, in millionths of a record per second; zero is a pause.
    pub from_micro: u64,
    /// Rate at its end.
    pub to_micro: u64,
}

/// What follows the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// The last rate, for ever.
    Hold,
    /// The first segment again.
    Repeat,
}

/// Why segments make no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// There is no segment, or an empty one.
    #[error("expected at least one segment, each longer than zero")]
    Empty,
    /// All rates are zero, or the last one that is held.
    #[error("expected a rate above zero at the end of what is held, or anywhere in what is repeated")]
    Silent,
    /// A segment is longer than a day or its rate above 10⁹ records a second.
    #[error("expected segments of at most a day at rates of at most 10^9 records a second")]
    TooLarge,
}

impl Segment {
    /// The longest segment: a day.
    pub const LONGEST_NS: u64 = 86_400_000_000_000;

    /// A segment from one rate to another.
    pub fn new(length: Duration, from_micro: u64, to_micro: u64) -> Self {
        Self {
            length_ns: nanoseconds(length) as u64,
            from_micro,
            to_micro,
        }
    }

    /// Records in it, in units of 10⁻¹⁵ (millionths per second × nanoseconds), rounded down.
    pub fn work(&self) -> u128 {
        (u128::from(self.from_micro) + u128::from(self.to_micro)) * u128::from(self.length_ns) / 2
    }
}

impl Profile {
    /// A profile of these segments; `text` says for people what it is, for example `ramp 1k/s to 50k/s over 30s`.
    pub fn new(segments: Vec<Segment>, after: After, text: impl Into<String>) -> Result<Self, InvalidProfile> {
        if segments.is_empty() || segments.iter().any(|segment| segment.length_ns == 0) {
            return Err(InvalidProfile::Empty);
        }
        let most = (RecordRate::HIGHEST * 1e6) as u64;
        let large = |s: &Segment| s.length_ns > Segment::LONGEST_NS || s.from_micro.max(s.to_micro) > most;
        if segments.iter().any(large) {
            return Err(InvalidProfile::TooLarge);
        }
        let silent = match after {
            After::Hold => segments.last().is_none_or(|segment| segment.to_micro == 0),
            After::Repeat => segments.iter().all(|segment| segment.work() == 0),
        };
        if silent {
            return Err(InvalidProfile::Silent);
        }
        Ok(Self {
            segments,
            after,
            text: text.into(),
        })
    }

    /// Its segments, in time order from t0.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What follows the last one.
    pub fn after(&self) -> After {
        self.after
    }

    /// What it is, for people.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The mean rate over `[0, end)`; `None` when that is less than a millionth of a record a second.
    pub fn mean(&self, end: Duration) -> Option<RecordRate> {
        let mut left = nanoseconds(end) as u64;
        let mut work = 0_u128;
        let total = left.max(1);
        let mut next = 0;
        while left > 0 {
            let segment = match self.segments.get(next) {
                Some(segment) => *segment,
                None if self.after == After::Repeat => {
                    next = 0;
                    continue;
                }
                None => {
                    let rate = self.segments.last().map_or(0, |segment| segment.to_micro);
                    work += u128::from(rate) * u128::from(left);
                    break;
                }
            };
            next += 1;
            let length = segment.length_ns.min(left);
            let (from, to) = (i128::from(segment.from_micro), i128::from(segment.to_micro));
            let until = from + (to - from) * i128::from(length) / i128::from(segment.length_ns);
            work += ((from + until) * i128::from(length) / 2) as u128;
            left -= length;
        }
        RecordRate::per_million_seconds((work / u128::from(total)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_mean_of_a_ramp_is_half_way_and_then_the_last_rate() {
        let ramp = Profile::new(vec![Segment::new(10 * SECOND, 0, 2_000_000_000)], After::Hold, "ramp").unwrap();
        assert_eq!(ramp.mean(10 * SECOND).unwrap().micro(), 1_000_000_000);
        assert_eq!(ramp.mean(20 * SECOND).unwrap().micro(), 1_500_000_000);
        assert_eq!(ramp.mean(5 * SECOND).unwrap().micro(), 500_000_000);
    }

    #[test]
    fn a_profile_offers_something() {
        let zero = Segment::new(SECOND, 0, 0);
        let one = Segment::new(SECOND, 1_000_000, 1_000_000);
        assert_eq!(Profile::new(vec![], After::Hold, ""), Err(InvalidProfile::Empty));
        assert_eq!(
            Profile::new(vec![one, zero], After::Hold, ""),
            Err(InvalidProfile::Silent)
        );
        let bursts = Profile::new(vec![one, zero], After::Repeat, "").unwrap();
        assert_eq!(bursts.mean(4 * SECOND).unwrap().micro(), 500_000);
        let wide = Segment {
            length_ns: u64::MAX,
            from_micro: 1,
            to_micro: 1,
        };
        assert_eq!(Profile::new(vec![wide], After::Hold, ""), Err(InvalidProfile::TooLarge));
    }
}
