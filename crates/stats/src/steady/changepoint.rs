//! A shift of level inside a series.

use std::f64::consts::FRAC_PI_2;

use serde::{Deserialize, Serialize};

use super::noise::{Noise, median, ranks, share};

/// The least number of samples on either side: a spike is no level.
pub(super) const LEAST: usize = 5;

/// The most likely shift of a series, whether or not it is worth a finding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Changepoint {
    /// First sample of the later level.
    pub index: usize,
    /// Median before it.
    pub before: f64,
    /// Median from it on.
    pub after: f64,
    /// (after − before) ÷ before, or ÷ after where before is 0; negative for a fall.
    pub relative_shift: f64,
    /// One standard error of `relative_shift`, widened for the correlation of neighbours.
    pub uncertainty: f64,
}

impl Changepoint {
    /// Whether the shift reaches `limit` and is more than `noise` times its standard error.
    pub fn exceeds(&self, limit: f64, noise: f64) -> bool {
        self.relative_shift.abs() >= limit && self.relative_shift.abs() > noise * self.uncertainty
    }
}

/// The split at which the ranks before and after differ most, by their cumulative sum (Pettitt 1979) with each split
/// scaled to the same variance, and at least 5 samples on either side.
///
/// Ranks make one spike worth no more than one sample. `None` with fewer than 10 samples, a value that is not finite,
/// or no level to compare with.
pub fn changepoint(values: &[f64]) -> Option<Changepoint> {
    on(values, None)
}

/// Like [`changepoint`], relative to `level` instead of the median before.
pub(super) fn on(values: &[f64], level: Option<f64>) -> Option<Changepoint> {
    if values.len() < 2 * LEAST || !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let n = values.len() as f64;
    let mut sum = 0.0;
    let mut best = (0.0, LEAST);
    for (split, rank) in (1..).zip(ranks(values)) {
        sum += rank - f64::midpoint(n, 1.0);
        let before = split as f64;
        let distance = f64::abs(sum) / (before * (n - before)).sqrt();
        if (LEAST..=values.len() - LEAST).contains(&split) && distance > best.0 {
            best = (distance, split);
        }
    }
    at(values, best.1, level)
}

/// The shift between the samples before `index` and the others, of which there is at least one each.
fn at(values: &[f64], index: usize, level: Option<f64>) -> Option<Changepoint> {
    let (early, late) = values.split_at(index);
    let (before, after) = (median(early), median(late));
    let around = |level: f64| move |value: &f64| value - level;
    let residuals: Vec<f64> = early
        .iter()
        .map(around(before))
        .chain(late.iter().map(around(after)))
        .collect();
    let level = level.unwrap_or(if before == 0.0 { after } else { before });
    between(early, late, index, Noise::of(&residuals, 3), level)
}

/// The shift from the first 5 samples to those from `index` on, relative to the latter.
///
/// Only they tell the noise as well, because the samples before may be moving.
pub(super) fn from_start(values: &[f64], index: usize, level: Option<f64>) -> Option<Changepoint> {
    let late = &values[index..];
    between(
        &values[..LEAST],
        late,
        index,
        Noise::of(late, 1),
        level.unwrap_or_else(|| median(late)),
    )
}

fn between(early: &[f64], late: &[f64], index: usize, noise: Noise, level: f64) -> Option<Changepoint> {
    let (before, after) = (median(early), median(late));
    // The variance of a median is π ÷ 2 times that of a mean, on normal noise; a difference has that of both.
    let samples = 1.0 / (1.0 / early.len() as f64 + 1.0 / late.len() as f64);
    let error = noise.standard_error(samples) * FRAC_PI_2.sqrt();
    Some(Changepoint {
        index,
        before,
        after,
        relative_shift: share(after - before, level)?,
        uncertainty: share(error, level)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Levels with a ripple of ±1 around them.
    fn steps(levels: &[(f64, usize)]) -> Vec<f64> {
        let level = levels.iter().flat_map(|(level, samples)| vec![*level; *samples]);
        level
            .zip([1.0, -1.0, 0.0, -1.0, 1.0].into_iter().cycle())
            .map(|(level, ripple)| level + ripple)
            .collect()
    }

    #[test]
    fn a_step_is_found_where_it_is() {
        let found = changepoint(&steps(&[(100.0, 10), (110.0, 20)])).unwrap();
        assert_eq!((found.index, found.before, found.after), (10, 100.0, 110.0));
        assert!((found.relative_shift - 0.1).abs() < 1e-12, "{found:?}");
        assert!(found.exceeds(0.05, 4.0) && !found.exceeds(0.11, 4.0), "{found:?}");
        let fall = changepoint(&steps(&[(100.0, 20), (80.0, 10)])).unwrap();
        assert!(fall.index == 20 && fall.exceeds(0.2, 4.0), "{fall:?}");
    }

    #[test]
    fn a_spike_is_no_shift_and_does_not_hide_one() {
        let mut level = steps(&[(100.0, 30)]);
        level[20] = 1000.0;
        assert!(!changepoint(&level).unwrap().exceeds(0.05, 4.0));
        let mut step = steps(&[(100.0, 15), (110.0, 15)]);
        step[20] = 1.0;
        let found = changepoint(&step).unwrap();
        assert!(found.index == 15 && found.exceeds(0.05, 4.0), "{found:?}");
    }

    #[test]
    fn two_samples_are_no_level_and_five_are() {
        let after = |samples| changepoint(&steps(&[(100.0, 30 - samples), (150.0, samples)])).unwrap();
        assert!(!after(2).exceeds(0.05, 4.0), "{:?}", after(2));
        assert!(after(5).exceeds(0.05, 4.0), "{:?}", after(5));
    }

    #[test]
    fn a_start_from_nothing_is_a_shift() {
        let found = changepoint(&[[0.0; 10], [7.0; 10]].concat()).unwrap();
        assert!(
            found.index == 10 && (found.relative_shift - 1.0).abs() < 1e-12,
            "{found:?}"
        );
    }

    #[test]
    fn a_shift_within_the_noise_does_not_count() {
        let noisy: Vec<f64> = (0..30)
            .map(|i| 100.0 + f64::from(i * 37 % 23 - 11) * 3.0 + 6.0 * f64::from(i / 15))
            .collect();
        let found = changepoint(&noisy).unwrap();
        assert!(found.exceeds(0.05, 0.0) && !found.exceeds(0.05, 4.0), "{found:?}");
    }

    #[test]
    fn the_start_is_compared_with_the_noise_of_the_rest() {
        let mut decay = steps(&[(100.0, 30)]);
        for (value, extra) in decay.iter_mut().zip([80.0, 60.0, 40.0, 20.0, 10.0]) {
            *value += extra;
        }
        let found = from_start(&decay, 5, None).unwrap();
        assert_eq!((found.before, found.after), (140.0, 100.0));
        assert!(
            found.exceeds(0.05, 4.0) && (found.relative_shift + 0.4).abs() < 1e-12,
            "{found:?}"
        );
        let whole = at(&decay, 5, None).unwrap();
        assert!(found.uncertainty < whole.uncertainty, "{found:?} {whole:?}");
    }

    #[test]
    fn what_cannot_be_judged_has_no_changepoint() {
        assert_eq!(changepoint(&[1.0; 9]), None);
        assert_eq!(changepoint(&[f64::INFINITY; 20]), None);
        assert!(changepoint(&[0.0; 20]).unwrap().relative_shift == 0.0);
    }
}
