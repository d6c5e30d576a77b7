//! What has to come out, from the realised schedule and the known broker, without any of the engine; and statistics.

use std::time::Duration;

use tribunal_engine::schedule::{Place, Schedule};
use tribunal_model::trial::{Arrivals, RecordRate};
use tribunal_stats::Distribution;

/// Intended sends in `[from, to)` of all producers of a load, ascending.
pub(crate) fn intended(arrivals: Arrivals, rate: f64, seed: u64, producers: u32, from: i64, to: i64) -> Vec<i64> {
    let Some(rate) = RecordRate::per_second(rate) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for index in 0..producers {
        let place = Place {
            seed,
            block: 0,
            index,
            producers,
        };
        let mut schedule = Schedule::new(arrivals, rate, None, place);
        while schedule.peek() < to {
            let at = schedule.take();
            if at >= from {
                all.push(at);
            }
        }
    }
    all.sort_unstable();
    all
}

/// How many there are in `[from, to)`, of one producer.
pub(crate) fn counted(arrivals: Arrivals, rate: f64, seed: u64, (from, to): (i64, i64)) -> u64 {
    let Some(rate) = RecordRate::per_second(rate) else {
        return 0;
    };
    let place = Place {
        seed,
        block: 0,
        index: 0,
        producers: 1,
    };
    let before = |end| Schedule::new(arrivals, rate, None, place).digest(end, 0).0;
    before(to) - before(from)
}

/// Intended sends of evenly spread arrivals in `[from, to)` by the formula ⌊i · 10⁹ ÷ rate⌋, for whole rates.
pub(crate) fn evenly(rate: u64, from: i64, to: i64) -> u64 {
    // The first i whose instant is at or after t is ⌈t · rate ÷ 10⁹⌉.
    let first = |t: i64| (i128::from(t) * i128::from(rate) + 999_999_999).div_euclid(1_000_000_000);
    (first(to) - first(from)) as u64
}

/// Response times before a broker that answers each request after `service_ns` and lets no answer leave in the stall;
/// ascending. All instants from t0.
pub(crate) fn stalled(intended: &[i64], service_ns: i64, (start, end): (i64, i64)) -> Vec<i64> {
    let mut responses: Vec<i64> = intended
        .iter()
        .map(|at| {
            let due = at + service_ns;
            let leaves = if (start..end).contains(&due) { end } else { due };
            leaves - at
        })
        .collect();
    responses.sort_unstable();
    responses
}

/// Response times before one server that takes `each_ns` per record, in order, and stands still in the stall.
pub(crate) fn queued(intended: &[i64], each_ns: f64, (start, end): (i64, i64)) -> Vec<i64> {
    let (start, end) = (start as f64, end as f64);
    let mut free = f64::MIN;
    intended
        .iter()
        .map(|at| {
            let at = *at as f64;
            let begins = free.max(at);
            // Work stands still from the stall's beginning to its end.
            let begins = if (start..end).contains(&begins) { end } else { begins };
            let mut done = begins + each_ns;
            if begins < start && done > start {
                done += end - start;
            }
            free = done;
            (done - at) as i64
        })
        .collect()
}

/// Response times of a sender that did nothing in the stop and sent all that had fallen due at its end; ascending.
pub(crate) fn stopped(intended: &[i64], service_ns: i64, (start, end): (i64, i64)) -> Vec<i64> {
    let mut responses: Vec<i64> = intended
        .iter()
        .map(|at| {
            // A report that falls into the stop is heard at its end, too.
            let sent = if (start..end).contains(at) { end } else { *at };
            let heard = sent + service_ns;
            let heard = if (start..end).contains(&heard) { end } else { heard };
            heard - at
        })
        .collect();
    responses.sort_unstable();
    responses
}

/// A quantile of ascending nanoseconds, by the same rule of rank as a distribution's.
pub(crate) fn exact(sorted: &[i64], q: f64) -> Option<i64> {
    let rank = ((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied()
}

/// How far a quantile is from the truth, and what the histogram's buckets may make of it; in nanoseconds.
pub(crate) fn off(told: &Distribution, q: f64, truth_ns: i64) -> Option<(f64, f64)> {
    let told = told.quantile(q)?;
    let truth = Duration::from_nanos(truth_ns.max(0) as u64);
    let bucket = 1000.0 + truth_ns as f64 / 1000.0;
    Some((told.abs_diff(truth).as_nanos() as f64, bucket))
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation of a sample.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let m = mean(values);
    (values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

/// Coefficient of variation.
pub(crate) fn variation(values: &[f64]) -> f64 {
    deviation(values) / mean(values)
}

/// Pearson's correlation of each value with the one before it.
pub(crate) fn lag_one(values: &[f64]) -> f64 {
    let (m, n) = (mean(values), values.len());
    let covariance: f64 = (1..n).map(|i| (values[i] - m) * (values[i - 1] - m)).sum();
    let variance: f64 = values.iter().map(|v| (v - m).powi(2)).sum();
    covariance / variance
}

/// Kolmogorov's distance from the exponential distribution with this mean.
pub(crate) fn distance_from_exponential(values: &[f64], mean: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distances = sorted.iter().enumerate().map(|(i, value)| {
        let theory = 1.0 - (-value / mean).exp();
        (theory - i as f64 / n).abs().max(((i + 1) as f64 / n - theory).abs())
    });
    distances.fold(0.0, f64::max)
}

/// Distances of a set of values, one from the next.
pub(crate) fn gaps(instants: &[i64]) -> Vec<f64> {
    instants.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn a_stall_is_in_the_tail_by_the_formula() {
        // METHODOLOGY.md, experiment 1: S - (1 - p) T + s with S 200 ms, T 60 s, s 1 ms.
        let sends = intended(Arrivals::Uniform, 2000.0, 42, 1, 0, 60_000 * MS);
        let truth = stalled(&sends, MS, (30_000 * MS, 30_200 * MS));
        let at = |q| (exact(&truth, q).unwrap() + MS / 2) / MS;
        assert_eq!([0.99, 0.999, 0.9999].map(at), [1, 141, 195]);
    }

    #[test]
    fn a_queue_drains_at_its_own_rate() {
        let sends = intended(Arrivals::Uniform, 2000.0, 42, 1, 0, 3000 * MS);
        let waits = queued(&sends, 1e5, (1000 * MS, 1200 * MS));
        // S + S λ ÷ (µ − λ) = 250 ms, at 2 records a millisecond.
        let late = waits.iter().filter(|wait| **wait > 150_000).count();
        assert!((498..=502).contains(&late), "{late}");
        assert!((waits.iter().max().unwrap() - 200 * MS).abs() < MS);
    }

    #[test]
    fn even_sends_are_counted_by_a_formula() {
        for (from, to) in [(0, 1000 * MS), (500 * MS, 3500 * MS), (1, 2)] {
            let sends = intended(Arrivals::Uniform, 137.0, 1, 3, from, to);
            assert_eq!(evenly(137, from, to), sends.len() as u64);
        }
    }

    #[test]
    fn a_stopped_sender_is_late_by_the_rest_of_the_stop() {
        let truth = stopped(&[90 * MS, 98 * MS, 150 * MS, 200 * MS], 5 * MS, (100 * MS, 200 * MS));
        assert_eq!(truth, [5 * MS, 5 * MS, 55 * MS, 102 * MS]);
    }

    #[test]
    fn statistics_tell_even_from_random() {
        let of = |arrivals| gaps(&intended(arrivals, 1000.0, 7, 1, 0, 2000 * MS));
        let (even, random) = (of(Arrivals::Uniform), of(Arrivals::Poisson));
        assert!(variation(&even) < 1e-6 && (variation(&random) - 1.0).abs() < 0.1);
        assert!(distance_from_exponential(&random, 1e6) < 0.04 && distance_from_exponential(&even, 1e6) > 0.5);
        assert!(lag_one(&random).abs() < 0.08);
        assert!((deviation(&[1.0, 3.0]) - 2.0f64.sqrt()).abs() < 1e-12);
    }
}
