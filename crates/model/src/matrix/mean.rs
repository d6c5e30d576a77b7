//! The mean of a distribution of sizes.

use crate::trial::Size;

impl Size {
    /// The mean size in bytes, exact but for rounding of draws to whole bytes.
    ///
    /// For the log-normal one it is E[min(X, max)] = median · e^(σ²/2) · Φ((ln(max/median) − σ²) / σ) + max · (1 −
    /// Φ(ln(max/median) / σ)): draws above the cut count as the cut.
    pub fn mean(&self) -> f64 {
        match self {
            Self::Fixed(size) => f64::from(*size),
            Self::Uniform { min, max } => f64::midpoint(f64::from(*min), f64::from(*max)),
            Self::LogNormal { median, sigma, max } => {
                let (median, max) = (f64::from(*median), f64::from(*max));
                let cut = (max / median).ln();
                let below = median * (sigma * sigma / 2.0).exp() * normal_cdf((cut - sigma * sigma) / sigma);
                below + max * normal_cdf(-cut / sigma)
            }
            Self::Weighted(pairs) => {
                let weights: f64 = pairs.iter().map(|(_, weight)| weight).sum();
                pairs
                    .iter()
                    .map(|(size, weight)| f64::from(*size) * weight)
                    .sum::<f64>()
                    / weights
            }
        }
    }

    /// The greatest size that can be drawn.
    pub fn greatest(&self) -> u32 {
        match self {
            Self::Fixed(size) => *size,
            Self::Uniform { max, .. } | Self::LogNormal { max, .. } => *max,
            Self::Weighted(pairs) => pairs.iter().map(|(size, _)| *size).max().unwrap_or_default(),
        }
    }
}

/// Φ by the complementary error function of Abramowitz and Stegun, 7.1.26: the error is below 10⁻⁷.
fn normal_cdf(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let coefficients = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let polynomial = coefficients
        .iter()
        .fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    let tail = 0.5 * polynomial * (-z * z).exp();
    if x > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(size: &Size, mean: f64) {
        assert!((size.mean() / mean - 1.0).abs() < 1e-5, "{} is not {mean}", size.mean());
    }

    #[test]
    fn the_mean_of_each_kind_of_size_is_known() {
        check(&Size::Fixed(100), 100.0);
        check(&Size::Uniform { min: 100, max: 1024 }, 562.0);
        check(&Size::Weighted(vec![(100, 9.0), (10_240, 1.0)]), 1114.0);
        // Far from the cut it is the plain log-normal mean; with the cut at the median it is below the median.
        check(
            &Size::LogNormal {
                median: 1024,
                sigma: 0.5,
                max: 1_000_000,
            },
            1024.0 * 0.125_f64.exp(),
        );
    }

    #[test]
    fn the_cut_of_a_log_normal_size_counts() {
        // By the midpoint rule over ln(size), from 9 sigma below to 9 above.
        for (median, sigma, max) in [
            (1024_u32, 1.0, 65_536_u32),
            (1000, 1.0, 1000),
            (100, 2.0, 5000),
            (10, 0.1, 11),
        ] {
            let (steps, mut sum) = (200_000, 0.0);
            for step in 0..steps {
                let z = -9.0 + 18.0 * (f64::from(step) + 0.5) / f64::from(steps);
                let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
                sum += (f64::from(median) * (sigma * z).exp()).min(f64::from(max)) * density * 18.0 / f64::from(steps);
            }
            check(&Size::LogNormal { median, sigma, max }, sum);
        }
    }
}
