//! Student's t distribution with whole degrees of freedom.
//!
//! With θ = atan(t ÷ √ν) the central probability is a finite sum of powers of cos θ: Abramowitz and Stegun, 26.7.3
//! and 26.7.4. So nothing is approximated.

use std::f64::consts::{FRAC_1_PI, FRAC_2_PI, FRAC_PI_2};

/// Steps after which a root is taken as it is; it is found long before.
const MOST_STEPS: u32 = 200;

/// The chance that |T| lies below √ν tan θ.
fn central(theta: f64, degrees: u32) -> f64 {
    let (sin, cos) = theta.sin_cos();
    let first = 2 + degrees % 2;
    let mut term = if degrees % 2 == 1 { cos } else { 1.0 };
    let mut sum = if degrees == 1 { 0.0 } else { term };
    for k in (first..degrees.saturating_sub(1)).step_by(2) {
        term *= f64::from(k - 1) / f64::from(k) * cos * cos;
        sum += term;
    }
    if degrees % 2 == 1 {
        FRAC_2_PI * (theta + sin * sum)
    } else {
        sin * sum
    }
}

/// The chance of a value of `t` or further from 0, to either side, with `degrees` of freedom, at least 1.
///
/// Exact to about 10⁻¹⁵, not relatively so.
pub fn t_two_sided(t: f64, degrees: u32) -> f64 {
    let degrees = degrees.max(1);
    (1.0 - central((t.abs() / f64::from(degrees).sqrt()).atan(), degrees)).clamp(0.0, 1.0)
}

/// The value below which the share `p` (above 0, below 1) lies, with `degrees` of freedom, at least 1.
pub fn t_quantile(p: f64, degrees: u32) -> f64 {
    if p < 0.5 {
        return -t_quantile(1.0 - p, degrees);
    }
    let degrees = degrees.max(1);
    // The derivative of the central probability by θ is 2 Γ((ν + 1) ÷ 2) ÷ (√π Γ(ν ÷ 2)) cos^(ν − 1) θ.
    let start = if degrees % 2 == 1 { FRAC_1_PI } else { 0.5 };
    let factor = (2 - degrees % 2..degrees)
        .step_by(2)
        .fold(start, |c, k| c * f64::from(k + 1) / f64::from(k));
    let target = 2.0 * p - 1.0;
    let mut theta: f64 = 0.0;
    // The function is concave, so that Newton's steps come from the left and never pass the root.
    for _ in 0..MOST_STEPS {
        let slope = 2.0 * factor * theta.cos().powi(degrees as i32 - 1);
        let step = (target - central(theta, degrees)) / slope;
        if !step.is_finite() {
            break;
        }
        theta = (theta + step).clamp(0.0, FRAC_PI_2);
        if step.abs() <= 1e-15 {
            break;
        }
    }
    f64::from(degrees).sqrt() * theta.tan()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table = [
            (0.975, 1, 12.706_204_736),
            (0.975, 2, 4.302_652_730),
            (0.975, 3, 3.182_446_305),
            (0.975, 4, 2.776_445_105),
            (0.975, 5, 2.570_581_836),
            (0.975, 8, 2.306_004_135),
            (0.975, 9, 2.262_157_163),
            (0.975, 30, 2.042_272_456),
            (0.95, 5, 2.015_048_373),
            (0.995, 5, 4.032_142_984),
            (0.9995, 5, 6.868_826_626),
            (0.9995, 10, 4.586_893_859),
            (0.8, 1, 1.376_381_920),
            (0.9, 10, 1.372_183_641),
            (0.975, 120, 1.979_930_405),
            (0.5, 7, 0.0),
        ];
        for (p, degrees, t) in table {
            let told = t_quantile(p, degrees);
            assert!((told - t).abs() < 1e-6, "{p} {degrees}: {told}");
            assert!((t_quantile(1.0 - p, degrees) + t).abs() < 1e-6);
            assert!(
                (t_two_sided(told, degrees) - 2.0 * (1.0 - p)).abs() < 1e-12,
                "{p} {degrees}"
            );
        }
    }
}
