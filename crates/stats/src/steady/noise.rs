//! Robust location, and the noise of a series whose neighbours resemble each other.

use std::f64::consts::FRAC_PI_2;

/// Samples further from the fit than this many robust deviations count as if they lay there: one spike must not hide a
/// change.
const WINSOR: f64 = 3.0;
/// Turns a median absolute deviation into a standard deviation of normal noise: 1 ÷ Φ⁻¹(¾).
const MAD_TO_SD: f64 = 1.482_602_218_505_602;
/// More memory than this cannot be told from a drift in tens of samples.
const MOST_MEMORY: f64 = 0.9;

/// The median; the mean of the middle two of an even number. `NaN` for no values.
pub fn median(values: &[f64]) -> f64 {
    median_of(&mut values.to_vec())
}

/// Like [`median`], reordering the values instead of copying them.
pub(super) fn median_of(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let odd = values.len() % 2 == 1;
    let (below, middle, _) = values.select_nth_unstable_by(values.len() / 2, f64::total_cmp);
    if odd {
        return *middle;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    f64::midpoint(lower, *middle)
}

/// A difference as a share of a level; `None` where there is no level to compare with.
pub(super) fn share(difference: f64, level: f64) -> Option<f64> {
    if difference == 0.0 {
        return Some(0.0);
    }
    Some(difference / level.abs()).filter(|share| share.is_finite())
}

/// Ranks from 1; equal values share the mean of their ranks.
pub(super) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    // In ascending order, not less is equal.
    for group in order.chunk_by(|a, b| values[*a] >= values[*b]) {
        for index in group {
            ranks[*index] = first as f64 + (group.len() + 1) as f64 / 2.0;
        }
        first += group.len();
    }
    ranks
}

/// What is left of a series once its fit is taken away, read as a first-order autoregressive process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Noise {
    /// Standard deviation of one sample.
    pub(super) deviation: f64,
    /// Correlation of neighbours, 0 to 0.9; a negative one counts as 0.
    pub(super) memory: f64,
}

impl Noise {
    /// Estimates the noise from the residuals of a fit with `fitted` parameters.
    ///
    /// Residuals are cut off at three robust deviations. A fit makes the correlation of its residuals too small by
    /// about (p + (p + 2) φ) ÷ n, and their variance too small by p (1 + φ) ÷ (1 − φ) ÷ n (Kendall 1954 for p = 1);
    /// both are put back.
    pub(super) fn of(residuals: &[f64], fitted: usize) -> Self {
        let n = residuals.len() as f64;
        let centre = median(residuals);
        let distances: Vec<f64> = residuals.iter().map(|r| (r - centre).abs()).collect();
        let mut limit = WINSOR * MAD_TO_SD * median(&distances);
        if limit <= 0.0 {
            // More than half lie on the fit: the mean distance still tells noise from none.
            limit = WINSOR * FRAC_PI_2.sqrt() * distances.iter().sum::<f64>() / n;
        }
        let cut: Vec<f64> = residuals.iter().map(|r| (r - centre).clamp(-limit, limit)).collect();
        let mean = cut.iter().sum::<f64>() / n;
        let squares: f64 = cut.iter().map(|r| (r - mean).powi(2)).sum();
        if squares <= 0.0 {
            return Self {
                deviation: 0.0,
                memory: 0.0,
            };
        }
        let products: f64 = cut.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
        let p = fitted as f64;
        let memory = ((products / squares + p / n) / (1.0 - (p + 2.0) / n)).clamp(0.0, MOST_MEMORY);
        let absorbed = (p * inflation(memory) / n).min(0.75);
        Self {
            deviation: (squares / n / (1.0 - absorbed)).sqrt(),
            memory,
        }
    }

    /// One standard error of a mean of `samples` samples, of which each counts for (1 − φ) ÷ (1 + φ) independent ones.
    pub(super) fn standard_error(self, samples: f64) -> f64 {
        self.deviation * (inflation(self.memory) / samples).sqrt()
    }
}

/// By how much a first-order autoregressive process widens the variance of a mean.
fn inflation(memory: f64) -> f64 {
    (1.0 + memory) / (1.0 - memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ranks_are_the_textbook_ones() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
        assert!(median(&[]).is_nan());
        assert_eq!(ranks(&[7.0, 5.0, 7.0, 1.0]), [3.5, 2.0, 3.5, 1.0]);
    }

    #[test]
    fn a_spike_does_not_widen_the_noise() {
        let plain: Vec<f64> = (0..40).map(|i| f64::from((i * 7) % 11)).collect();
        let mut spiked = plain.clone();
        spiked[20] = 1e6;
        assert!(Noise::of(&spiked, 1).deviation < 1.3 * Noise::of(&plain, 1).deviation);
    }

    #[test]
    fn a_series_on_its_fit_has_no_noise_and_one_stray_sample_is_some() {
        assert!(Noise::of(&[0.0; 20], 1).standard_error(20.0) == 0.0);
        let mut stray = [0.0; 20];
        stray[3] = 1.0;
        assert!(Noise::of(&stray, 1).deviation > 0.0);
    }
}
