//! Theil and Sen's line, and Mann and Kendall's test for a trend.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::comparison::normal_cdf;

use super::noise::{Noise, median, median_of, ranks, share};

/// A straight line through a series, and how sure one may be that it is not level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Trend {
    /// Median of the slopes of all pairs (Theil 1950, Sen 1968), per sample. Of the logarithm where that is judged.
    pub slope: f64,
    /// Median of what is left of the values after the slope is taken away: the line at the first sample.
    pub intercept: f64,
    /// Slope × samples ÷ median (of in-flight: ÷ the window's records): the change over the series; negative for a
    /// fall.
    pub relative_change: f64,
    /// One standard error of `relative_change`, widened for the correlation of neighbours.
    pub uncertainty: f64,
    /// Mann and Kendall's S: rising pairs less falling pairs.
    pub s: i64,
    /// Variance of S without a trend, with ties and autocorrelation (Hamed and Rao 1998).
    pub variance: f64,
    /// S ÷ its standard deviation, moved towards 0 by 1.
    pub z: f64,
    /// Two-sided probability of such a z without a trend. Reported, no rule uses it.
    pub p: f64,
}

impl Trend {
    /// Whether the change reaches `limit` and is more than `noise` times its standard error.
    pub fn exceeds(&self, limit: f64, noise: f64) -> bool {
        self.relative_change.abs() >= limit && self.relative_change.abs() > noise * self.uncertainty
    }
}

/// The trend of equidistant samples; time and memory grow with the square of their number.
///
/// `None` with fewer than 3 samples, a value that is not finite, or a change where the median is 0.
pub fn trend(values: &[f64]) -> Option<Trend> {
    on(values, median(values))
}

/// The trend relative to `level`.
pub(super) fn on(values: &[f64], level: f64) -> Option<Trend> {
    if values.len() < 3 || !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let n = values.len() as f64;
    let slope = sen_slope(values);
    let detrended: Vec<f64> = values
        .iter()
        .zip(0u32..)
        .map(|(v, i)| v - slope * f64::from(i))
        .collect();
    // The variance of a least-squares slope is 12 σ² ÷ n³; Sen's is wider by π ÷ 3 on normal noise.
    let error = Noise::of(&detrended, 2).standard_error(n) * (4.0 * PI).sqrt();
    let s = mann_kendall(values);
    let variance = variance_with_ties(values) * autocorrelation_factor(&detrended);
    let z = if variance > 0.0 {
        (s - s.signum()) as f64 / variance.sqrt()
    } else {
        0.0
    };
    Some(Trend {
        slope,
        intercept: median(&detrended),
        relative_change: share(slope * n, level)?,
        uncertainty: share(error, level)?,
        s,
        variance,
        z,
        p: beyond(z),
    })
}

fn sen_slope(values: &[f64]) -> f64 {
    let mut slopes = Vec::with_capacity(values.len() * (values.len() - 1) / 2);
    for (i, early) in values.iter().enumerate() {
        slopes.extend(
            values[i + 1..]
                .iter()
                .zip(1u32..)
                .map(|(late, gap)| (late - early) / f64::from(gap)),
        );
    }
    median_of(&mut slopes)
}

fn mann_kendall(values: &[f64]) -> i64 {
    let mut s = 0;
    for (i, early) in values.iter().enumerate() {
        for late in &values[i + 1..] {
            s += i64::from(late > early) - i64::from(late < early);
        }
    }
    s
}

/// Variance of S when every order is as likely: (n (n − 1) (2 n + 5) − Σ t (t − 1) (2 t + 5)) ÷ 18 over groups of `t`
/// ties (Kendall 1955).
fn variance_with_ties(values: &[f64]) -> f64 {
    let term = |t: usize| {
        let t = t as f64;
        t * (t - 1.0) * (2.0 * t + 5.0)
    };
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|a, b| a >= b).map(|group| term(group.len())).sum();
    (term(values.len()) - ties) / 18.0
}

/// By how much correlation of neighbours widens the variance of S.
///
/// 1 + 2 ÷ (n (n − 1) (n − 2)) × Σ (n − i) (n − i − 1) (n − i − 2) ρᵢ, where ρᵢ is the autocorrelation of the ranks
/// of the detrended series at lag `i` (Hamed and Rao 1998). As there, only significant ρᵢ count (5 %). The sum ends
/// at the first that is not, or is negative, because what comes after it is noise in so few samples: the variance is
/// never narrowed.
fn autocorrelation_factor(detrended: &[f64]) -> f64 {
    let n = detrended.len() as f64;
    let ranks: Vec<f64> = ranks(detrended)
        .iter()
        .map(|rank| rank - f64::midpoint(n, 1.0))
        .collect();
    let squares: f64 = ranks.iter().map(|rank| rank * rank).sum();
    if squares <= 0.0 {
        return 1.0;
    }
    let sum: f64 = (1..detrended.len())
        .map(|lag| {
            let products: f64 = ranks.iter().zip(&ranks[lag..]).map(|(a, b)| a * b).sum();
            (n - lag as f64, products / squares)
        })
        .take_while(|(_, rho)| *rho > 1.96 / n.sqrt())
        .map(|(rest, rho)| rest * (rest - 1.0) * (rest - 2.0) * rho)
        .sum();
    1.0 + 2.0 * sum / (n * (n - 1.0) * (n - 2.0))
}

/// The share of a normal distribution beyond ±z.
fn beyond(z: f64) -> f64 {
    2.0 * normal_cdf(-z.abs())
}

#[cfg(test)]
mod tests {
    use tribunal_model::seed::SplitMix64;

    use super::*;

    /// Calls `visit` with every order of the values (Heap's algorithm).
    fn permute(values: &mut [f64], size: usize, visit: &mut impl FnMut(&[f64])) {
        if size <= 1 {
            return visit(values);
        }
        for i in 0..size {
            permute(values, size - 1, visit);
            values.swap(if size.is_multiple_of(2) { i } else { 0 }, size - 1);
        }
    }

    #[test]
    fn a_line_is_found_and_one_wild_sample_does_not_bend_it() {
        let mut values: Vec<f64> = (0..20).map(|i| 2.0 + 3.0 * f64::from(i)).collect();
        let line = trend(&values).unwrap();
        assert!(
            (line.slope - 3.0).abs() < 1e-12 && (line.intercept - 2.0).abs() < 1e-12,
            "{line:?}"
        );
        // Median 30.5, change 60.
        assert!((line.relative_change - 60.0 / 30.5).abs() < 1e-12, "{line:?}");
        assert_eq!(line.s, 190);
        values[10] = 1e9;
        assert!((trend(&values).unwrap().slope - 3.0).abs() < 0.1);
    }

    #[test]
    fn the_slope_is_the_median_of_all_pairs() {
        // Slopes: 4, 1.5, 2, -1, 1, 3.
        let found = trend(&[1.0, 5.0, 4.0, 7.0]).unwrap();
        assert!((found.slope - 1.75).abs() < 1e-12, "{found:?}");
        assert_eq!(found.s, 4);
        // 4 × 3 × 13 ÷ 18, without correlation.
        assert!((found.variance - 26.0 / 3.0).abs() < 1e-12, "{found:?}");
        assert!((found.z - 3.0 / (26.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn the_variance_of_s_is_that_over_all_orders() {
        for mut values in [
            vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            vec![1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0],
        ] {
            let (mut squares, mut orders) = (0, 0);
            let size = values.len();
            permute(&mut values, size, &mut |order| {
                squares += mann_kendall(order).pow(2);
                orders += 1;
            });
            let truth = squares as f64 / f64::from(orders);
            assert!((variance_with_ties(&values) - truth).abs() < 1e-9, "{truth}");
        }
    }

    #[test]
    fn correlation_of_neighbours_widens_the_variance_of_s() {
        // Ranks 3.5 and 9.5. Lag 1: (10 - 1) / 12 = 0.75, significant beyond 0.566; lag 2: (8 - 2) / 12 = 0.5 is not.
        let halves: Vec<f64> = (0..12).map(|i| f64::from(i / 6)).collect();
        let expected = 1.0 + 2.0 * 11.0 * 10.0 * 9.0 * 0.75 / (12.0 * 11.0 * 10.0);
        assert!((autocorrelation_factor(&halves) - expected).abs() < 1e-12);
        let alternating: Vec<f64> = (0..12).map(|i| f64::from(i % 2)).collect();
        assert!((autocorrelation_factor(&alternating) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_corrected_variance_is_about_the_true_one_for_an_autoregressive_series() {
        let mut random = SplitMix64::new(5);
        let (mut truth, mut told, mut plain) = (0.0, 0.0, 0.0);
        for _ in 0..1000 {
            let mut value = 0.0;
            let values: Vec<f64> = (0..100)
                .map(|_| {
                    value = 0.5 * value + random.next_unit() - 0.5;
                    10.0 + value
                })
                .collect();
            let found = trend(&values).unwrap();
            truth += (found.s as f64).powi(2);
            told += found.variance;
            plain += variance_with_ties(&values);
        }
        assert!(
            (told / truth - 1.0).abs() < 0.25 && plain / truth < 0.5,
            "{} {}",
            told / truth,
            plain / truth
        );
    }

    #[test]
    fn the_probability_is_that_of_a_normal_distribution() {
        for (z, p) in [(0.0, 1.0), (1.0, 0.317_310_5), (-1.959_964, 0.05), (3.0, 0.002_699_8)] {
            assert!((beyond(z) - p).abs() < 2e-7, "{z}: {}", beyond(z));
        }
    }

    #[test]
    fn what_cannot_be_judged_has_no_trend_and_a_constant_a_level_one() {
        assert_eq!(trend(&[1.0, 2.0]), None);
        assert_eq!(trend(&[1.0, f64::NAN, 2.0]), None);
        assert_eq!(trend(&[-1.0, 0.0, 1.0]), None);
        let level = trend(&[0.0; 30]).unwrap();
        assert_eq!(
            (level.relative_change, level.uncertainty, level.s, level.z),
            (0.0, 0.0, 0, 0.0)
        );
        assert!(!level.exceeds(0.03, 3.5));
    }
}
