//! Which percentiles may be printed, and which of them may be compared.

use tribunal_model::trial::Part;
use tribunal_stats::distribution::HIGHEST_US;

use crate::caveat::Caveat;
use crate::result::{PartResult, StoredDistribution, StoredSample, TrialResult};

/// Samples that must hold a record at or above a percentile before it is more than one event (METHODOLOGY.md, section 8).
pub(crate) const EPISODES: usize = 10;

/// Standard normal quantile of a two-sided interval of 95 %.
const Z: f64 = 1.96;

/// A percentile that results are told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The median.
    P50,
    /// 99 %.
    P99,
    /// 99.9 %.
    P999,
    /// 99.99 %.
    P9999,
}

impl Rank {
    /// The share of the records at or below it.
    pub fn share(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P99 => 0.99,
            Self::P999 => 0.999,
            Self::P9999 => 0.9999,
        }
    }

    /// Its name, for example `p99.9`.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::P9999 => "p99.99",
        }
    }

    fn of(self, distribution: &StoredDistribution) -> Option<u64> {
        match self {
            Self::P50 => distribution.p50_us,
            Self::P99 => distribution.p99_us,
            Self::P999 => distribution.p999_us,
            Self::P9999 => distribution.p9999_us,
        }
    }
}

/// Records needed before a percentile, given as a share below 1, may be printed.
///
/// The upper limit of its 95 % interval must be one of the records: with p = `share`, the order statistic of rank
/// n·p + 1.96·√(n·p·(1 − p)) + 1 must exist (METHODOLOGY.md, section 8).
pub fn needed(share: f64) -> u64 {
    let rest = 1.0 - share;
    let spread = Z * (share * rest).sqrt();
    // The greater root of (1 − p)·x² − z·√(p·(1 − p))·x − 1 = 0 in x = √n.
    let root = (spread + (spread * spread + 4.0 * rest).sqrt()) / (2.0 * rest);
    (root * root).ceil() as u64
}

/// What can be said of one percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Percentile {
    /// Nothing was recorded.
    Absent,
    /// Fewer records than `needed`.
    TooFew {
        /// Records needed.
        needed: u64,
    },
    /// It lies among records without a final word: not below this.
    AtLeast {
        /// Microseconds.
        us: u64,
    },
    /// It is known.
    Told {
        /// Microseconds.
        us: u64,
        /// Why it must not be compared, if so.
        mark: Mark,
    },
}

/// Why a percentile is printed and not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It may be compared.
    None,
    /// Fewer than ten samples of the window hold a record at or above it, as always in a window under ten seconds.
    OneEvent,
    /// A closed loop: latency is queue ÷ rate.
    QueueBound,
}

impl Percentile {
    /// A percentile of a distribution that nothing is compared by, such as send lag.
    pub fn of(distribution: &StoredDistribution, rank: Rank) -> Self {
        let observed = distribution.count + distribution.censored;
        let needed = needed(rank.share());
        match rank.of(distribution) {
            _ if observed == 0 => Self::Absent,
            _ if observed < needed => Self::TooFew { needed },
            Some(us) => Self::Told { us, mark: Mark::None },
            // Without the censored ages only the recorded ones bound it: those beyond an hour at least.
            None if distribution.censored == 0 => Self::AtLeast { us: HIGHEST_US },
            None => Self::AtLeast {
                us: distribution.max_us.unwrap_or(0),
            },
        }
    }

    /// A percentile of the window's response time.
    pub fn response(result: &TrialResult, rank: Rank) -> Self {
        let Some(part) = result.measured() else {
            return Self::Absent;
        };
        match Self::of(&part.response, rank) {
            Self::AtLeast { us } => Self::AtLeast {
                us: lower_bound(part, rank).unwrap_or(us),
            },
            Self::Told { us, .. } => Self::Told {
                us,
                mark: mark(result, rank, us, |s| &s.response),
            },
            other => other,
        }
    }

    /// A percentile of the window's service time.
    pub fn service(result: &TrialResult, rank: Rank) -> Self {
        let Some(part) = result.measured() else {
            return Self::Absent;
        };
        match Self::of(&part.service, rank) {
            Self::Told { us, .. } => Self::Told {
                us,
                mark: mark(result, rank, us, |s| &s.service),
            },
            other => other,
        }
    }

    /// The value where it is known.
    pub fn told(self) -> Option<u64> {
        match self {
            Self::Told { us, .. } => Some(us),
            Self::Absent | Self::TooFew { .. } | Self::AtLeast { .. } => None,
        }
    }

    /// The value where it may be compared with that of another trial.
    pub fn comparable(self) -> Option<u64> {
        match self {
            Self::Told { us, mark: Mark::None } => Some(us),
            _ => None,
        }
    }
}

/// The greatest value that a percentile among the censored records is known to reach.
///
/// A censored record's response time is at least its age, so the percentile is at least that of the recorded response
/// times and the ages taken together. The greatest recorded response would not do: a record that was purged after two
/// seconds need not be slower than one that was acknowledged after three.
fn lower_bound(part: &PartResult, rank: Rank) -> Option<u64> {
    let mut together = part.response.distribution().ok()?;
    together.merge(&part.censored.distribution().ok()?);
    Some(
        together
            .quantile(rank.share())
            .map_or(HIGHEST_US, |d| d.as_micros() as u64),
    )
}

fn mark(result: &TrialResult, rank: Rank, us: u64, latency: impl Fn(&StoredSample) -> &StoredDistribution) -> Mark {
    if queue_bound(result) {
        return Mark::QueueBound;
    }
    if rank >= Rank::P99 && holding(result, us, latency) < EPISODES {
        Mark::OneEvent
    } else {
        Mark::None
    }
}

/// One-second samples of the window that hold a response time at or above a percentile.
pub fn episodes(result: &TrialResult, rank: Rank) -> usize {
    let us = result.measured().and_then(|part| rank.of(&part.response));
    us.map_or(0, |us| holding(result, us, |sample| &sample.response))
}

fn holding(result: &TrialResult, us: u64, latency: impl Fn(&StoredSample) -> &StoredDistribution) -> usize {
    let samples = result.samples.iter().filter(|s| s.part == Part::Window);
    samples.filter(|s| latency(s).max_us >= Some(us)).count()
}

/// Whether the trial was a closed loop, whose latencies are queue ÷ rate and say nothing about a setting.
pub fn queue_bound(result: &TrialResult) -> bool {
    result.workload.rate.is_none() || result.verdict.caveats.contains(&Caveat::QueueBound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_needed_are_those_of_the_methodology() {
        assert_eq!([0.5, 0.99, 0.999, 0.9999].map(needed), [8, 563, 5_662, 56_647]);
    }

    #[test]
    fn one_record_short_is_too_few_and_censored_records_count() {
        let mut distribution = StoredDistribution {
            count: 562,
            p99_us: Some(7),
            ..StoredDistribution::default()
        };
        assert_eq!(
            Percentile::of(&distribution, Rank::P99),
            Percentile::TooFew { needed: 563 }
        );
        distribution.censored = 1;
        assert_eq!(Percentile::of(&distribution, Rank::P99).told(), Some(7));
        assert_eq!(
            Percentile::of(&StoredDistribution::default(), Rank::P50),
            Percentile::Absent
        );
    }
}
