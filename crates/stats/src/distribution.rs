//! Mergeable latency distributions.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

mod sparse;

use sparse::Sparse;

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
///
/// A distribution that is made to record has all its buckets from the beginning, 184 KiB; one that was decoded has those
/// that hold something, until anything is added to it.
#[derive(Clone)]
pub struct Distribution {
    counters: Counters,
    overflow: u64,
}

#[derive(Clone)]
enum Counters {
    All(Histogram<u64>),
    Filled(Sparse),
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
        self.overflow == other.overflow
            && match (&self.counters, &other.counters) {
                (Counters::All(own), Counters::All(theirs)) => own == theirs,
                (Counters::Filled(own), Counters::Filled(theirs)) => own == theirs,
                _ => self.buckets() == other.buckets(),
            }
    }
}

impl Distribution {
    /// An empty distribution; 184 KiB.
    pub fn new() -> Self {
        Self {
            counters: Counters::All(all()),
            overflow: 0,
        }
    }

    /// All buckets, made of the filled ones where need be.
    fn all(&mut self) -> &mut Histogram<u64> {
        if let Counters::Filled(filled) = &self.counters {
            self.counters = Counters::All(histogram(filled));
        }
        match &mut self.counters {
            Counters::All(histogram) => histogram,
            Counters::Filled(_) => unreachable!("they were replaced"),
        }
    }

    /// Recorded latencies below an hour.
    fn within(&self) -> u64 {
        match &self.counters {
            Counters::All(histogram) => histogram.len(),
            Counters::Filled(filled) => filled.total(),
        }
    }

    /// Records one latency in nanoseconds; a negative one counts as 0.
    pub fn record_ns(&mut self, nanoseconds: i64) {
        self.record_many_ns(nanoseconds, 1);
    }

    /// Records the same latency `count` times.
    pub fn record_many_ns(&mut self, nanoseconds: i64, count: u64) {
        let microseconds = nanoseconds.max(0) as u64 / 1000;
        // The histogram's own upper bucket reaches past the bound; the bound is what was promised.
        if microseconds > HIGHEST_US || self.all().record_n(microseconds, count).is_err() {
            self.overflow += count;
        }
    }

    /// Adds the other's counters to these.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.overflow += other.overflow;
        match &other.counters {
            Counters::All(histogram) => self
                .all()
                .add(histogram)
                .expect("invariant: all distributions share their bounds"),
            Counters::Filled(filled) => add(self.all(), filled),
        }
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.all().reset();
        self.overflow = 0;
    }

    /// Recorded latencies, overflow included.
    pub fn count(&self) -> u64 {
        self.within() + self.overflow
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
        if rank > self.within() {
            return None;
        }
        Some(Duration::from_micros(match &self.counters {
            Counters::All(histogram) => {
                // Half a rank back, so that the histogram's own rounding up lands on this rank and not on the next.
                let within = (rank as f64 - 0.5) / histogram.len() as f64;
                histogram.value_at_quantile(within).min(histogram.max())
            }
            Counters::Filled(filled) => filled.value_at_rank(rank),
        }))
    }

    /// Mean of the recorded latencies below an hour.
    pub fn mean(&self) -> Option<Duration> {
        let mean = || match &self.counters {
            Counters::All(histogram) => histogram.mean(),
            Counters::Filled(filled) => filled.mean(),
        };
        (self.within() > 0).then(|| Duration::from_secs_f64(mean() / 1e6))
    }

    /// Greatest recorded latency below an hour, to the bucket.
    pub fn max(&self) -> Option<Duration> {
        let max = || match &self.counters {
            Counters::All(histogram) => histogram.max(),
            Counters::Filled(filled) => filled.max(),
        };
        (self.within() > 0).then(|| Duration::from_micros(max()))
    }

    /// Recorded latencies in buckets wholly above `latency`, overflow included.
    pub fn count_above(&self, latency: Duration) -> u64 {
        let limit = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let buckets = self.buckets().into_iter();
        let within: u64 = buckets
            .take_while(|(highest, _)| *highest <= limit)
            .map(|(_, count)| count)
            .sum();
        self.count() - within
    }

    /// Bucket values in microseconds with their counts, ascending, empty ones left out.
    pub fn buckets(&self) -> Vec<(u64, u64)> {
        match &self.counters {
            Counters::All(histogram) => histogram
                .iter_recorded()
                .map(|v| (v.value_iterated_to(), v.count_at_value()))
                .collect(),
            Counters::Filled(filled) => filled.iter().map(|(bucket, count)| (bucket.highest(), count)).collect(),
        }
    }

    /// The counters in the HDR V2 format, DEFLATE-compressed; the overflow travels beside them.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut write = |histogram: &Histogram<u64>| {
            V2DeflateSerializer::new()
                .serialize(histogram, &mut bytes)
                .expect("invariant: writing to memory cannot fail");
        };
        match &self.counters {
            Counters::All(histogram) => write(histogram),
            Counters::Filled(filled) => write(&histogram(filled)),
        }
        bytes
    }

    /// The inverse of [`Self::encode`]. Empty bytes are an empty distribution.
    pub fn decode(bytes: &[u8], overflow: u64) -> Result<Self, InvalidDistribution> {
        let filled = if bytes.is_empty() {
            Sparse::default()
        } else {
            Sparse::decode(bytes)?
        };
        Ok(Self {
            counters: Counters::Filled(filled),
            overflow,
        })
    }
}

/// A histogram with the bounds that all distributions share.
fn all() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HIGHEST_US, DIGITS).expect("invariant: the bounds are legal")
}

fn histogram(filled: &Sparse) -> Histogram<u64> {
    let mut histogram = all();
    add(&mut histogram, filled);
    histogram
}

fn add(histogram: &mut Histogram<u64>, filled: &Sparse) {
    for (bucket, count) in filled.iter() {
        histogram
            .record_n(bucket.lowest, count)
            .expect("invariant: all distributions share their buckets");
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
    fn every_bucket_is_where_the_histogram_has_it() {
        let histogram = all();
        for index in 0..sparse::BUCKETS {
            let bucket = sparse::Bucket::new(index);
            assert_eq!(histogram.lowest_equivalent(bucket.lowest), bucket.lowest);
            assert_eq!(histogram.highest_equivalent(bucket.lowest), bucket.highest());
            assert_eq!(
                sparse::Bucket::new(index + 1).lowest,
                histogram.next_non_equivalent(bucket.lowest)
            );
        }
        assert_eq!(histogram.distinct_values(), sparse::BUCKETS as usize);
    }

    #[test]
    fn a_histogram_with_other_bounds_is_refused_by_them() {
        let other = Histogram::<u64>::new_with_bounds(1, 1000, 2).unwrap();
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&other, &mut bytes).unwrap();
        let refused = Distribution::decode(&bytes, 0).unwrap_err();
        let (low, high, digits) = (1, 1000, 2);
        assert_eq!(refused, InvalidDistribution::Bounds { low, high, digits });
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
            prop_assert_eq!(&back, &distribution);
            prop_assert_eq!(back.encode(), distribution.encode());
        }

        #[test]
        fn a_decoded_distribution_tells_what_the_recorded_one_does(
            a in prop::collection::vec(0u64..=HIGHEST_US, 0..200),
            q in 0.0f64..=1.0,
            limit in 0u64..HIGHEST_US,
        ) {
            let recorded = of(&a);
            let decoded = Distribution::decode(&recorded.encode(), 0).unwrap();
            prop_assert_eq!(decoded.count(), recorded.count());
            prop_assert_eq!(decoded.quantile(q), recorded.quantile(q));
            prop_assert_eq!(decoded.mean(), recorded.mean());
            prop_assert_eq!(decoded.max(), recorded.max());
            prop_assert_eq!(decoded.buckets(), recorded.buckets());
            let limit = Duration::from_micros(limit);
            prop_assert_eq!(decoded.count_above(limit), recorded.count_above(limit));
        }

        #[test]
        fn decoded_ones_merge_as_recorded_ones_in_any_order(
            a in prop::collection::vec(0u64..=HIGHEST_US, 0..100),
            b in prop::collection::vec(0u64..=HIGHEST_US, 0..100),
            c in prop::collection::vec(0u64..=HIGHEST_US, 0..100),
        ) {
            let together = of(&[a.clone(), b.clone(), c.clone()].concat());
            let [a, b, c] = [a, b, c].map(|values| Distribution::decode(&of(&values).encode(), 0).unwrap());
            let sum = |parts: &[&Distribution]| {
                let mut sum = parts[0].clone();
                parts[1..].iter().for_each(|part| sum.merge(part));
                sum
            };
            let bc = sum(&[&b, &c]);
            for merged in [sum(&[&a, &b, &c]), sum(&[&c, &a, &b]), sum(&[&a, &bc]), sum(&[&Distribution::new(), &c, &b, &a])] {
                prop_assert_eq!(&merged, &together);
                prop_assert_eq!(merged.mean(), together.mean());
            }
        }

        #[test]
        fn bytes_that_are_no_distribution_never_panic(
            a in prop::collection::vec(0u64..HIGHEST_US, 0..50), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = of(&a).encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(read) = Distribution::decode(&bytes, 0) {
                let _ = (read.quantile(0.5), read.mean(), read.encode());
            }
            prop_assert!(Distribution::decode(&bytes[..at], 0).is_err() || at == 0);
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
