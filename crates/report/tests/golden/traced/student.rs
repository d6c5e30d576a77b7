//! Student's t and Holm's method, written down a second time: from their definitions, and by sums instead of formulas.

use std::f64::consts::FRAC_PI_2;

/// Slices of an integral; even.
const SLICES: u32 = 400;
/// Halvings of the angle that is searched; its last is below a double's precision.
const HALVINGS: u32 = 60;

/// The integral of cos^(ν − 1) from 0 to `theta`, by Simpson's rule.
fn integral(theta: f64, degrees: u32) -> f64 {
    let width = theta / f64::from(SLICES);
    let at = |slice: u32| (f64::from(slice) * width).cos().powi(degrees as i32 - 1);
    let inner: f64 = (1..SLICES).map(|slice| at(slice) * f64::from(2 + slice % 2 * 2)).sum();
    (at(0) + inner + at(SLICES)) * width / 3.0
}

/// The share of |T| below √ν tan θ: with t = √ν tan θ the density is a power of cos θ.
fn share(theta: f64, degrees: u32) -> f64 {
    integral(theta, degrees) / integral(FRAC_PI_2, degrees)
}

/// The chance of a mean as far from 0 as `t` standard errors, to either side.
pub(super) fn two_sided(t: f64, degrees: u32) -> f64 {
    1.0 - share((t.abs() / f64::from(degrees).sqrt()).atan(), degrees)
}

/// How many standard errors an interval that errs with the chance `level` reaches to either side.
pub(super) fn reach(level: f64, degrees: u32) -> f64 {
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if share(middle, degrees) < 1.0 - level {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::from(degrees).sqrt() * low.tan()
}

/// Mean, standard error and degrees of freedom; none below two values.
pub(super) fn moments(values: &[f64]) -> Option<(f64, f64, u32)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (n >= 2.0).then(|| (mean, (squares / (n - 1.0) / n).sqrt(), values.len() as u32 - 1))
}

/// The level at which each p of a family is judged, and its adjusted p.
///
/// The least of m is judged at α ÷ m, the next at α ÷ (m − 1), and so on; from the first that exceeds its own level all
/// are judged at that one.
pub(super) fn holm(p: &[f64], alpha: f64) -> Vec<(f64, f64)> {
    let rank = |of: usize| {
        let before = |other: usize| p[other] < p[of] || (p[other] <= p[of] && other < of);
        (0..p.len()).filter(|other| before(*other)).count()
    };
    let own = |of: usize| (p.len() - rank(of)) as f64;
    let up_to = |of: usize| (0..p.len()).filter(move |other| rank(*other) <= rank(of));
    (0..p.len())
        .map(|of| {
            let failed = up_to(of).filter(|other| p[*other] > alpha / own(*other));
            let judged_as = failed.min_by_key(|other| rank(*other)).unwrap_or(of);
            let adjusted = up_to(of).map(|other| (own(other) * p[other]).min(1.0));
            (alpha / own(judged_as), adjusted.fold(0.0, f64::max))
        })
        .collect()
}

#[test]
fn what_recomputes_is_right_itself() {
    // Abramowitz and Stegun, table 26.10, and tables of R.
    for (level, degrees, t) in [
        (0.05, 1, 12.706_205),
        (0.05, 2, 4.302_653),
        (0.05, 5, 2.570_582),
        (0.001, 5, 6.868_827),
        (0.05, 30, 2.042_272),
    ] {
        assert!((reach(level, degrees) - t).abs() < 1e-5, "{level} {degrees}");
        assert!((two_sided(t, degrees) - level).abs() < 1e-7, "{level} {degrees}");
    }
    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02.
    let expected = [(3.0, 0.03), (2.0, 0.06), (2.0, 0.06), (4.0, 0.02)];
    for ((level, adjusted), (left, p)) in holm(&[0.01, 0.04, 0.03, 0.005], 0.05).into_iter().zip(expected) {
        assert!((level - 0.05 / left).abs() < 1e-12 && (adjusted - p).abs() < 1e-12);
    }
}
