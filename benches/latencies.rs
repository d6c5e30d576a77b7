//! Latencies as they are met, for the micro benches; they take this file in by its path.

use tribunal_model::seed::SplitMix64;

/// One latency in nanoseconds: log-normal about this median, with a tail of seconds.
pub(crate) fn draw(median_ns: f64, random: &mut SplitMix64) -> i64 {
    // The sum of twelve uniform numbers is nearly normal, with mean 6 and variance 1.
    let normal = (0..12).map(|_| random.next_unit()).sum::<f64>() - 6.0;
    (median_ns * normal.exp()) as i64
}
