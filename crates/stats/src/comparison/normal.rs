//! The standard normal distribution.

/// Steps after which a root or a sum is taken as it is; both end long before.
const MOST_STEPS: u32 = 200;
/// Beyond this many deviations the tail is below the precision of the sum.
const FURTHEST: f64 = 8.0;

fn density(x: f64) -> f64 {
    (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt()
}

/// Φ(x): ½ + φ(x) (x + x³ ÷ 3 + x⁵ ÷ (3 · 5) + …), Abramowitz and Stegun 26.2.11; exact to about 10⁻¹⁵.
pub fn normal_cdf(x: f64) -> f64 {
    if x.abs() >= FURTHEST {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum) = (x, x);
    for step in 1..MOST_STEPS {
        term *= x * x / f64::from(2 * step + 1);
        sum += term;
        if term.abs() < f64::EPSILON * sum.abs() {
            break;
        }
    }
    (0.5 + density(x) * sum).clamp(0.0, 1.0)
}

/// Φ⁻¹(p), for p from 0 to 1; cut off at 8 deviations to either side.
pub fn normal_quantile(p: f64) -> f64 {
    if p < 0.5 {
        return -normal_quantile(1.0 - p);
    }
    let mut x = 0.0;
    // Right of the centre the function is concave, so that Newton's steps come from the left and never pass the root.
    for _ in 0..MOST_STEPS {
        let step = (p - normal_cdf(x)) / density(x);
        x += step;
        if step.abs() <= 1e-14 * (1.0 + x) || x >= FURTHEST {
            break;
        }
    }
    x.clamp(0.0, FURTHEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table = [
            (0.5, 0.0),
            (0.75, 0.674_489_750_196_082),
            (0.95, 1.644_853_626_951_472),
            (0.975, 1.959_963_984_540_054),
            (0.995, 2.575_829_303_548_901),
            (0.9999, 3.719_016_485_455_681),
        ];
        for (p, z) in table {
            assert!((normal_quantile(p) - z).abs() < 1e-9, "{p}: {}", normal_quantile(p));
            assert!((normal_quantile(1.0 - p) + z).abs() < 1e-9, "{p}");
            assert!((normal_cdf(z) - p).abs() < 1e-12, "{z}: {}", normal_cdf(z));
        }
        assert!(normal_quantile(0.0) <= -FURTHEST && normal_quantile(1.0) >= FURTHEST);
    }
}
