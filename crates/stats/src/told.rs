//! What a client library tells of itself, which may be less than there is to tell.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::samples::{BrokerLatencies, ClientStatistics};

/// A figure of [`ClientStatistics`] that is a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ClientCount {
    /// Record batches sent.
    Batches,
    /// Records in them.
    BatchRecords,
    /// Produce requests sent.
    Requests,
    /// Records sent again.
    Retries,
    /// Requests that timed out.
    Timeouts,
    /// Transmit errors.
    TransmitErrors,
    /// Disconnects.
    Disconnects,
    /// Bytes sent to brokers.
    WireBytes,
    /// Bytes of records before compression.
    RecordBytes,
    /// Milliseconds for which brokers asked the client to hold back.
    ThrottleMs,
    /// Requests that came back with a throttle time.
    Throttled,
    /// Latencies that the client's own histograms could not hold.
    OutOfRange,
}

impl ClientCount {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Batches,
        Self::BatchRecords,
        Self::Requests,
        Self::Retries,
        Self::Timeouts,
        Self::TransmitErrors,
        Self::Disconnects,
        Self::WireBytes,
        Self::RecordBytes,
        Self::ThrottleMs,
        Self::Throttled,
        Self::OutOfRange,
    ];

    fn of(self, statistics: &mut ClientStatistics) -> &mut u64 {
        match self {
            Self::Batches => &mut statistics.batches,
            Self::BatchRecords => &mut statistics.batch_records,
            Self::Requests => &mut statistics.requests,
            Self::Retries => &mut statistics.retries,
            Self::Timeouts => &mut statistics.timeouts,
            Self::TransmitErrors => &mut statistics.transmit_errors,
            Self::Disconnects => &mut statistics.disconnects,
            Self::WireBytes => &mut statistics.wire_bytes,
            Self::RecordBytes => &mut statistics.record_bytes,
            Self::ThrottleMs => &mut statistics.throttle_ms,
            Self::Throttled => &mut statistics.throttled,
            Self::OutOfRange => &mut statistics.out_of_range,
        }
    }
}

/// What a client tells of itself over a stretch of time. What it does not tell is absent, where [`ClientStatistics`] has
/// zero and says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTold {
    /// The counts that it tells.
    pub counts: BTreeMap<ClientCount, u64>,
    /// What its requests went through, by broker; empty where it does not tell.
    pub brokers: BTreeMap<i32, BrokerLatencies>,
}

impl ClientTold {
    /// Adds what was told of another stretch of time.
    pub fn add(&mut self, other: &Self) {
        for (count, n) in &other.counts {
            *self.counts.entry(*count).or_default() += n;
        }
        for (broker, latencies) in &other.brokers {
            self.brokers.entry(*broker).or_default().add(latencies);
        }
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self.counts.iter().map(|(count, now)| {
            let then = earlier.counts.get(count).copied().unwrap_or_default();
            (*count, now.saturating_sub(then))
        });
        let brokers = self.brokers.iter().map(|(broker, now)| {
            let then = earlier.brokers.get(broker).copied().unwrap_or_default();
            (*broker, now.since(&then))
        });
        Self {
            counts: counts.collect(),
            brokers: brokers.collect(),
        }
    }

    /// The same, and from `other` what is not told here.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (count, n) in other.counts {
            self.counts.entry(count).or_insert(n);
        }
        if self.brokers.is_empty() {
            self.brokers = other.brokers;
        }
        self
    }

    /// As statistics, with zero for each count that is not told.
    pub fn statistics(&self) -> ClientStatistics {
        let mut statistics = ClientStatistics {
            untold: (ClientCount::ALL.into_iter())
                .filter(|count| !self.counts.contains_key(count))
                .collect(),
            brokers: self.brokers.clone(),
            ..ClientStatistics::default()
        };
        for (count, n) in &self.counts {
            *count.of(&mut statistics) = *n;
        }
        statistics
    }
}

impl ClientStatistics {
    /// A count, if all clients told it.
    pub fn told(&self, count: ClientCount) -> Option<u64> {
        let mut counts = Self {
            untold: BTreeSet::new(),
            brokers: BTreeMap::new(),
            ..*self
        };
        (!self.untold.contains(&count)).then(|| *count.of(&mut counts))
    }
}

impl From<ClientStatistics> for ClientTold {
    fn from(all: ClientStatistics) -> Self {
        let counts = ClientCount::ALL.into_iter();
        Self {
            counts: counts.filter_map(|count| Some((count, all.told(count)?))).collect(),
            brokers: all.brokers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Latencies;

    fn told(counts: &[(ClientCount, u64)], queue: &[(i32, u64, u64)]) -> ClientTold {
        let latencies = |(broker, sum_us, count): &(i32, u64, u64)| {
            let queue = Latencies {
                sum_us: *sum_us,
                count: *count,
            };
            let latencies = BrokerLatencies {
                queue,
                ..BrokerLatencies::default()
            };
            (*broker, latencies)
        };
        ClientTold {
            counts: counts.iter().copied().collect(),
            brokers: queue.iter().map(latencies).collect(),
        }
    }

    #[test]
    fn statistics_come_back_as_they_were() {
        let mut all = told(&[], &[(2, 9_000, 3)]).statistics();
        all.untold.clear();
        for (place, count) in ClientCount::ALL.into_iter().enumerate() {
            *count.of(&mut all) = place as u64 + 1;
        }
        let told = ClientTold::from(all.clone());
        assert_eq!(told.counts.len(), ClientCount::ALL.len());
        assert_eq!(told.statistics(), all);
    }

    #[test]
    fn what_one_client_does_not_tell_is_told_of_no_sum_with_it() {
        let mut sum = told(&[(ClientCount::Retries, 2), (ClientCount::Batches, 5)], &[]).statistics();
        assert_eq!(sum.told(ClientCount::Retries), Some(2));
        assert_eq!(sum.told(ClientCount::Timeouts), None);
        sum.add(&told(&[(ClientCount::Batches, 7)], &[]).statistics());
        assert_eq!(sum.told(ClientCount::Retries), None);
        assert_eq!(sum.told(ClientCount::Batches), Some(12));
        let told = ClientTold::from(sum.clone());
        assert_eq!(told.counts.keys().collect::<Vec<_>>(), [&ClientCount::Batches]);
        assert_eq!(ClientStatistics::default().told(ClientCount::Retries), Some(0));
    }

    #[test]
    fn a_sum_has_what_any_stretch_had_and_growth_gives_it_back() {
        let first = told(&[(ClientCount::Retries, 0), (ClientCount::Batches, 5)], &[(1, 100, 2)]);
        let second = told(&[(ClientCount::Batches, 7)], &[(1, 50, 1), (2, 10, 1)]);
        let mut sum = first.clone();
        sum.add(&second);
        let expected = told(
            &[(ClientCount::Retries, 0), (ClientCount::Batches, 12)],
            &[(1, 150, 3), (2, 10, 1)],
        );
        assert_eq!(sum, expected, "a zero that was told stays told");
        let grown = sum.since(&first);
        assert_eq!(
            (grown.counts[&ClientCount::Batches], &grown.brokers),
            (7, &second.brokers)
        );
        assert!(!sum.counts.contains_key(&ClientCount::Timeouts));
    }

    #[test]
    fn what_is_told_stands_before_what_else_there_is() {
        let seconds = told(&[(ClientCount::Batches, 9), (ClientCount::Requests, 4)], &[(1, 9, 9)]);
        let whole = told(&[(ClientCount::Batches, 0)], &[]);
        let expected = told(&[(ClientCount::Batches, 0), (ClientCount::Requests, 4)], &[(1, 9, 9)]);
        assert_eq!(whole.or(seconds.clone()), expected);
        let of_brokers = told(&[], &[(2, 1, 1)]);
        assert_eq!(of_brokers.clone().or(seconds).brokers, of_brokers.brokers);
    }
}
