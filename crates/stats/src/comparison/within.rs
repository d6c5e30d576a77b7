//! What the records of one trial say about that trial, and about nothing else.

use std::time::Duration;

use crate::distribution::Distribution;

/// Standard errors to either side: 95 %.
const Z: f64 = 1.96;
/// Fewer batches than this tell too little about the variance of their mean.
const LEAST_BATCHES: usize = 8;

/// The interval of 95 % for a quantile (0 to 1) *of that trial*, between two of its records by their ranks.
///
/// The ranks are n q ± 1.96 √(n q (1 − q)), rounded outwards and the upper one more (METHODOLOGY.md, section 8): so p99
/// takes 563 records, p99.9 takes 5,662. `effective` is the number of independent records, where
/// [`effective_samples`] tells it; records of one batch share their fate. `None` where a rank does not exist: n is too
/// small to print this quantile.
///
/// It does not tell what the next trial would show; only repetitions do.
pub fn percentile_interval(
    distribution: &Distribution,
    q: f64,
    effective: Option<f64>,
) -> Option<(Duration, Duration)> {
    let count = distribution.count() as f64;
    let n = effective.unwrap_or(count).min(count);
    if !(n >= 1.0 && q > 0.0 && q < 1.0) {
        return None;
    }
    let half = Z * (n * q * (1.0 - q)).sqrt();
    let low = (n * q - half).floor();
    let high = (n * q + half).ceil() + 1.0;
    if low < 1.0 || high > n {
        return None;
    }
    Some((distribution.quantile(low / n)?, distribution.quantile(high / n)?))
}

/// How many independent records would tell the mean as well as these do: the variance of one record ÷ the variance of
/// the mean, the latter by batch means (Law, "Simulation Modeling and Analysis", 9.5.3).
///
/// `second_means_us` are the means of one-second samples in time order, in microseconds; one that is not finite is
/// left out. Batches grow from one second by doubling, as long as there are eight of them, and the greatest variance
/// counts: too few effective samples widen an interval, too many would lie. `None` below eight seconds or without
/// spread. What holds for the mean holds for a quantile roughly.
pub fn effective_samples(second_means_us: &[f64], distribution: &Distribution) -> Option<f64> {
    let seconds: Vec<f64> = second_means_us.iter().copied().filter(|v| v.is_finite()).collect();
    let sizes = std::iter::successors(Some(1), |size| Some(size * 2));
    let of_mean = sizes
        .take_while(|size| seconds.len() / size >= LEAST_BATCHES)
        .map(|size| {
            let batches: Vec<f64> = seconds
                .chunks_exact(size)
                .map(|batch| batch.iter().sum::<f64>() / size as f64)
                .collect();
            let n = batches.len() as f64;
            let mean = batches.iter().sum::<f64>() / n;
            batches.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0) / n
        })
        .reduce(f64::max)?;
    let buckets = distribution.buckets();
    let n: f64 = buckets.iter().map(|(_, count)| *count as f64).sum();
    let mean = buckets
        .iter()
        .map(|(us, count)| *us as f64 * *count as f64)
        .sum::<f64>()
        / n;
    let squares = |(us, count): &(u64, u64)| (*us as f64 - mean).powi(2) * *count as f64;
    let of_record = buckets.iter().map(squares).sum::<f64>() / n;
    let told = of_record / of_mean;
    // Without spread among the records there is nothing to divide.
    (of_record > 0.0).then(|| if told.is_finite() { told.clamp(1.0, n) } else { n })
}
