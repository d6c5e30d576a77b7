//! What a producer did, in the few figures that metrics are made of; not for the coordinator, whose reports come from
//! whole distributions.

use std::collections::BTreeMap;

use crate::distribution::Distribution;
use crate::samples::Activity;
use crate::tally::Tallies;

/// Upper ends of the buckets of [`Coarse`], in microseconds: 100 µs to a minute, two or three to a decade.
pub const BOUNDS_US: [u64; 18] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
    5_000_000, 10_000_000, 20_000_000, 60_000_000,
];

/// Latencies in a few wide buckets.
///
/// A latency counts where its distribution's bucket ends: at a bound it may be off by 0.1 %. One above an hour has no
/// share in the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coarse {
    /// Latencies in each bucket: at or below its bound and above the one before; in the last what is above all bounds.
    pub counts: [u64; BOUNDS_US.len() + 1],
    /// Their sum in microseconds, to 0.1 %.
    pub sum_us: u64,
}

impl Coarse {
    /// Adds a distribution's latencies.
    pub fn add(&mut self, distribution: &Distribution) {
        for (us, count) in distribution.buckets() {
            self.counts[BOUNDS_US.partition_point(|bound| *bound < us)] += count;
            self.sum_us += us * count;
        }
        self.counts[BOUNDS_US.len()] += distribution.overflow();
    }

    /// Adds the other's latencies.
    pub fn merge(&mut self, other: &Self) {
        for (own, theirs) in self.counts.iter_mut().zip(other.counts) {
            *own += theirs;
        }
        self.sum_us += other.sum_us;
    }

    /// How many latencies.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// What one producer, or one of its threads, did in a slice of the sample grid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    /// Producer index in the trial.
    pub producer: u32,
    /// Failed records by the client's error name.
    pub failed: BTreeMap<String, u64>,
    /// Response times.
    pub response: Coarse,
    /// Service times.
    pub service: Coarse,
    /// Send lags.
    pub send_lag: Coarse,
    /// Schedule delays.
    pub schedule_delay: Coarse,
    /// Bytes of keys and values of acknowledged records.
    pub acknowledged_bytes: u64,
    /// Times that the client refused a record.
    pub queue_full: u64,
    /// Nanoseconds in which the sender waited for a full client.
    pub blocked_ns: u64,
    /// Mean latency of the client's produce requests in the slice, in microseconds, where the client told one.
    pub request_latency_us: Option<f64>,
}

impl Watched {
    /// What stands in the tallies and the activity of a producer's slice.
    pub fn of(producer: u32, tallies: &Tallies, activity: &Activity) -> Self {
        let mut watched = Self {
            producer,
            acknowledged_bytes: activity.acknowledged_bytes,
            queue_full: activity.queue_full,
            blocked_ns: activity.blocked_ns,
            ..Self::default()
        };
        for (_, tally) in tallies.iter() {
            watched.response.add(&tally.response);
            watched.service.add(&tally.service);
            watched.send_lag.add(&tally.send_lag);
            watched.schedule_delay.add(&tally.schedule_delay);
            for (error, distribution) in &tally.failed {
                *watched.failed.entry(error.clone()).or_default() += distribution.count();
            }
        }
        watched
    }
}

#[cfg(test)]
mod tests {
    use tribunal_model::trial::Part;

    use super::*;

    #[test]
    fn a_latency_at_a_bound_is_within_it_and_one_above_all_bounds_is_counted_too() {
        let mut distribution = Distribution::new();
        for us in [0, 100, 101, 1_000, 59_000_000, 3_000_000_000, 4_000_000_000] {
            distribution.record_ns(us * 1_000);
        }
        let mut coarse = Coarse::default();
        coarse.add(&distribution);
        coarse.add(&Distribution::new());
        assert_eq!((coarse.counts[0], coarse.counts[1], coarse.counts[3]), (2, 1, 1));
        assert_eq!((coarse.counts[17], coarse.counts[18]), (1, 2));
        assert_eq!(coarse.count(), 7);
        let exact = 100 + 101 + 1_000 + 59_000_000 + 3_000_000_000;
        assert!(coarse.sum_us.abs_diff(exact) <= exact / 1000, "{}", coarse.sum_us);
    }

    #[test]
    fn all_parts_of_the_trial_are_watched_alike() {
        let mut tallies = Tallies::default();
        for part in [Part::WarmUp, Part::Window] {
            let tally = tallies.of(part);
            tally.response.record_ns(2_000_000);
            tally.failed.entry("MSG_TIMED_OUT".into()).or_default().record_ns(5);
        }
        let watched = Watched::of(7, &tallies, &Activity::default());
        assert_eq!(
            (watched.producer, watched.response.count(), watched.response.counts[4]),
            (7, 2, 2)
        );
        assert_eq!(watched.failed["MSG_TIMED_OUT"], 2);
    }
}
