//! Mergeable latency distributions.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

/// The greatest recordable latency: one hour, in microseconds.
pub const HIGHEST_US: u64 = 3_600_000_000;
/// Significant decimal digits.
pub const DIGITS: u8 = 3;
/// Names the bounds and the precision; agents whose layouts differ must not be merged.
pub const LAYOUT: &str = "hdr-v2-deflate/1us-1h/3";

/// Latencies as an HDR histogram from 1 µs to 1 h with 3 significant digits, plus what lies beyond.
///
/// All distributions share these bounds, so that merging adds counters and nothing is recorded again. A latency below
/// a microsecond counts as 0; one above an hour is *overflow*: counted, in no quantile, and reason enough to void a
/// trial. Values within one bucket cannot be told apart: a quantile is exact to 0.1 % or 1 µs, whichever is more.
#[derive(Clone)]
pub struct Distribution {
    histogram: Histogram<u64>,
    overflow: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Distribution")
            .field("count", &self.count())
            .field("overflow", &self.overflow)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Distribution {
    fn eq(&self, other: &Self) -> bool {
        self.overflow == other.overflow && self.histogram == other.histogram
    }
}

impl Distribution {
    /// An empty distribution; 184 KiB.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, HIGHEST_US, DIGITS).expect("invariant: the bounds are legal");
        Self { histogram, overflow: 0 }
    }

    /// Records one latency in nanoseconds; a negative one counts as 0.
    pub fn record_ns(&mut self, nanoseconds: i64) {
        self.record_many_ns(nanoseconds, 1);
    }

    /// Records the same latency `count` times.
    pub fn record_many_ns(&mut self, nanoseconds: i64, count: u64) {
        let microseconds = nanoseconds.max(0) as u64 / 1000;
        // The histogram's own upper bucket reaches past the bound; the bound is what was promised.
        if microseconds > HIGHEST_US || self.histogram.record_n(microseconds, count).is_err() {
            self.overflow += count;
        }
    }

    /// Adds the other's counters to these.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.histogram
            .add(&other.histogram)
            .expect("invariant: all distributions share their bounds");
        self.overflow += other.overflow;
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.histogram.reset();
        self.overflow = 0;
    }

    /// Recorded latencies, overflow included.
    pub fn count(&self) -> u64 {
        self.histogram.len() + self.overflow
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Latencies above an hour.
    pub fn overflow(&self) -> u64 {
        self.overflow
    }

    /// The latency at or below which the share `q` (0 to 1) of the records lies: the highest value of its bucket.
    ///
    /// `None` when nothing was recorded, or when the quantile lies in the overflow.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        self.quantile_censored(q, 0)
    }

    /// Like [`Self::quantile`], with `censored` further latencies known only to be greater than all recorded ones.
    ///
    /// `None` when the quantile lies among those: then only a lower bound can be told.
    pub fn quantile_censored(&self, q: f64, censored: u64) -> Option<Duration> {
        let total = self.count() + censored;
        let rank = ((q * total as f64).ceil() as u64).clamp(1, total.max(1));
        if rank > self.histogram.len() {
            return None;
        }
        // Half a rank back, so that the histogram's own rounding up lands on this rank and not on the next.
        let within = (rank as f64 - 0.5) / self.histogram.len() as f64;
        Some(Duration::from_micros(
            self.histogram.value_at_quantile(within).min(self.max_us()),
        ))
    }

    /// Mean of the recorded latencies below an hour.
    pub fn mean(&self) -> Option<Duration> {
        (!self.histogram.is_empty()).then(|| Duration::from_secs_f64(self.histogram.mean() / 1e6))
    }

    /// Greatest recorded latency below an hour, to the bucket.
    pub fn max(&self) -> Option<Duration> {
        (!self.histogram.is_empty()).then(|| Duration::from_micros(self.max_us()))
    }

    /// Recorded latencies in buckets wholly above `latency`, overflow included.
    pub fn count_above(&self, latency: Duration) -> u64 {
        let limit = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let within: u64 = self
            .histogram
            .iter_recorded()
            .take_while(|v| v.value_iterated_to() <= limit)
            .map(|v| v.count_at_value())
            .sum();
        self.count() - within
    }

    /// Bucket values in microseconds with their counts, ascending, empty ones left out.
    pub fn buckets(&self) -> Vec<(u64, u64)> {
        self.histogram
            .iter_recorded()
            .map(|v| (v.value_iterated_to(), v.count_at_value()))
            .collect()
    }

    /// The counters in the HDR V2 format, DEFLATE-compressed; the overflow travels beside them.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.histogram, &mut bytes)
            .expect("invariant: writing to memory cannot fail");
        bytes
    }

    /// The inverse of [`Self::encode`]. Empty bytes are an empty distribution.
    pub fn decode(bytes: &[u8], overflow: u64) -> Result<Self, InvalidDistribution> {
        if bytes.is_empty() {
            return Ok(Self {
                overflow,
                ..Self::new()
            });
        }
        let read: Histogram<u64> = Deserializer::new()
            .deserialize(&mut std::io::Cursor::new(bytes))
            .map_err(|error| InvalidDistribution::Encoding(format!("{error:?}")))?;
        if read.low() != 1 || read.high() != HIGHEST_US || read.sigfig() != DIGITS {
            return Err(InvalidDistribution::Bounds {
                low: read.low(),
                high: read.high(),
                digits: read.sigfig(),
            });
        }
        Ok(Self {
            histogram: read,
            overflow,
        })
    }

    fn max_us(&self) -> u64 {
        self.histogram.max()
    }
}

/// Bytes that are no distribution of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDistribution {
    /// The bytes are not in the HDR V2 format.
    #[error("histogram cannot be decoded: {0}")]
    Encoding(String),
    /// The histogram has other bounds or another precision.
    #[error("histogram has bounds {low} to {high} µs and {digits} digits; expected 1 to {HIGHEST_US} and {DIGITS}")]
    Bounds {
        /// Its lowest value.
        low: u64,
        /// Its highest value.
        high: u64,
        /// Its significant digits.
        digits: u8,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(latencies_us: &[u64]) -> Distribution {
        let mut distribution = Distribution::new();
        for us in latencies_us {
            distribution.record_ns(*us as i64 * 1000);
        }
        distribution
    }

    #[test]
    fn a_percentile_is_a_value_that_happened() {
        // gatling#4715: 96 values at 0 to 7 ms and 6 at 1,502 ms; a sketch printed 1,072 ms for p95.
        let mut values: Vec<u64> = (0..96).map(|i| (i % 8) * 1000).collect();
        values.extend([1_502_000; 6]);
        let p95 = of(&values).quantile(0.95).unwrap();
        assert!((p95.as_secs_f64() - 1.502).abs() < 0.0016, "{p95:?}");
    }

    #[test]
    fn an_hour_is_recorded_and_more_is_overflow() {
        let mut distribution = of(&[HIGHEST_US]);
        assert_eq!(distribution.overflow(), 0);
        distribution.record_ns(2 * 3_600_000_000_000);
        assert_eq!((distribution.overflow(), distribution.count()), (1, 2));
        assert_eq!(distribution.quantile(1.0), None);
    }

    #[test]
    fn the_mean_of_percentiles_is_not_the_percentile_of_the_whole() {
        let fast: Vec<u64> = (0..1000).map(|i| 1000 + i).collect();
        let slow: Vec<u64> = (0..1000).map(|i| 30_000 + i).collect();
        let mut merged = of(&fast);
        for _ in 0..2 {
            merged.merge(&of(&fast));
        }
        merged.merge(&of(&slow));
        let mean_of_p99 = (3.0 * of(&fast).quantile(0.99).unwrap().as_secs_f64()
            + of(&slow).quantile(0.99).unwrap().as_secs_f64())
            / 4.0;
        assert!(merged.quantile(0.99).unwrap().as_secs_f64() > 3.0 * mean_of_p99);
    }

    #[test]
    fn censored_latencies_push_quantiles_into_the_unknown() {
        let distribution = of(&(1..=990).collect::<Vec<_>>());
        assert!(distribution.quantile_censored(0.99, 10).is_some());
        assert_eq!(distribution.quantile_censored(0.995, 10), None);
        assert_eq!(Distribution::new().quantile(0.5), None);
    }

    #[test]
    fn every_rank_is_the_value_of_that_rank() {
        for n in 1..400u64 {
            let values: Vec<u64> = (1..=n).map(|i| i * 1_000_000).collect();
            let distribution = of(&values);
            for rank in 1..=n {
                let told = distribution
                    .quantile(rank as f64 / n as f64 - 1e-9)
                    .unwrap()
                    .as_micros() as f64;
                let truth = rank as f64 * 1e6;
                assert!(
                    (told / truth - 1.0).abs() <= 0.001,
                    "rank {rank} of {n}: {told} for {truth}"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn merging_is_recording_together(
            a in prop::collection::vec(0u64..HIGHEST_US, 0..200),
            b in prop::collection::vec(0u64..HIGHEST_US, 0..200),
        ) {
            let together = of(&[a.clone(), b.clone()].concat());
            let mut ab = of(&a);
            ab.merge(&of(&b));
            let mut ba = of(&b);
            ba.merge(&of(&a));
            prop_assert_eq!(&ab, &together);
            prop_assert_eq!(&ba, &together);
        }

        #[test]
        fn encoding_keeps_every_counter(a in prop::collection::vec(0u64..HIGHEST_US, 0..200), overflow in 0u64..9) {
            let mut distribution = of(&a);
            distribution.overflow = overflow;
            let back = Distribution::decode(&distribution.encode(), overflow).unwrap();
            prop_assert_eq!(back, distribution);
        }

        #[test]
        fn quantiles_are_within_a_bucket_of_the_sorted_values(
            mut a in prop::collection::vec(0u64..100_000_000, 1..300),
            q in 0.0f64..=1.0,
        ) {
            let told = of(&a).quantile(q).unwrap().as_micros() as f64;
            a.sort_unstable();
            let rank = ((q * a.len() as f64).ceil() as usize).clamp(1, a.len());
            let truth = a[rank - 1] as f64;
            prop_assert!((told - truth).abs() <= 1.0f64.max(truth * 0.001), "{} {}", told, truth);
        }
    }
}
