//! Where warm-up ends: the truncation with the least marginal standard error.

use serde::{Deserialize, Serialize};

/// Samples in a batch.
pub(super) const BATCH: usize = 5;

/// Where to cut off the start of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Mser {
    /// Samples to leave out at the start; a multiple of 5.
    pub truncate_samples: usize,
    /// Whether they are at most half of the series. Otherwise the rule cannot tell: the series may still be warming up.
    pub accepted: bool,
}

/// MSER-5 (White, Cobb and Spratt 2000): of the means of batches of 5 samples, leaves out the first `d`, where `d`
/// makes Σ_{i>d} (Yᵢ − mean)² ÷ (n − d)² least.
///
/// An incomplete last batch is not used, and the last two batches are never left out: the statistic of one batch is
/// always 0. `None` with fewer than 3 batches or a value that is not finite.
pub fn mser5(values: &[f64]) -> Option<Mser> {
    let n = values.len() / BATCH;
    let d = truncation(values, n.checked_sub(2)?)?;
    Some(Mser {
        truncate_samples: d * BATCH,
        accepted: 2 * d <= n,
    })
}

/// Like [`mser5`], but looking in the first half only: samples to leave out.
pub(super) fn in_first_half(values: &[f64]) -> Option<usize> {
    Some(truncation(values, values.len() / BATCH / 2)? * BATCH)
}

/// The best truncation in batches, at most `most`.
fn truncation(values: &[f64], most: usize) -> Option<usize> {
    if values.len() < 3 * BATCH || !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let batches = values
        .chunks_exact(BATCH)
        .map(|batch| batch.iter().sum::<f64>() / BATCH as f64);
    let batches: Vec<f64> = batches.collect();
    let mut best = (f64::INFINITY, 0);
    // From the back, by Welford's recurrence, so that one pass is enough; of equal truncations the shortest wins.
    let (mut mean, mut squares) = (0.0, 0.0);
    for (kept, d) in (1u32..).zip((0..batches.len()).rev()) {
        let kept = f64::from(kept);
        let delta = batches[d] - mean;
        mean += delta / kept;
        squares += delta * (batches[d] - mean);
        let statistic = squares / (kept * kept);
        if d <= most && statistic <= best.0 {
            best = (statistic, d);
        }
    }
    Some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches with these means.
    fn series(means: &[f64]) -> Vec<f64> {
        let offsets = [0.5, -0.5, 0.0, 1.0, -1.0];
        means
            .iter()
            .flat_map(|mean| offsets.map(|offset| mean + offset))
            .collect()
    }

    #[track_caller]
    fn check(values: &[f64], truncate_samples: usize, accepted: bool) {
        let expected = Mser {
            truncate_samples,
            accepted,
        };
        assert_eq!(mser5(values), Some(expected));
    }

    #[test]
    fn the_least_statistic_wins() {
        // d = 0: 20 ÷ 25 (mean 2, squares 16 + 1 + 1 + 1 + 1). d = 1: mean 1, squares 0.
        check(&series(&[6.0, 1.0, 1.0, 1.0, 1.0]), 5, true);
        // Statistics for d = 0, 1, 2: 2 ÷ 16 = 0.125, (2 ÷ 3) ÷ 9 = 0.074, 0.5 ÷ 4 = 0.125.
        check(&series(&[2.0, 1.0, 0.0, 1.0]), 5, true);
    }

    #[test]
    fn a_level_series_is_not_truncated() {
        check(&series(&[3.0; 6]), 0, true);
        check(&[3.0; 17], 0, true);
    }

    #[test]
    fn more_than_half_is_not_accepted() {
        // Still falling until the last two: d = 4 of 6.
        check(&series(&[20.0, 16.0, 12.0, 8.0, 4.0, 4.0]), 20, false);
    }

    #[test]
    fn short_and_broken_series_are_not_judged() {
        assert_eq!(mser5(&[1.0; 14]), None);
        let mut broken = vec![1.0; 20];
        broken[7] = f64::NAN;
        assert_eq!(mser5(&broken), None);
    }
}
