//! Holm's method (1979): many comparisons, and one chance for any false difference.

/// What Holm's method gives one comparison of a family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    /// The level at which it is judged.
    pub(super) level: f64,
    /// The p-value that would be judged at the family's level.
    pub(super) adjusted: f64,
}

/// Goes from the least p of m upwards: the level of the i-th, from 0, is α ÷ (m − i) up to the first p that exceeds its
/// own. Those from there on are all judged at that one's level.
///
/// So an interval at the level excludes 1 exactly where the adjusted p is at most α.
pub(super) fn holm(p: &[f64], alpha: f64) -> Vec<Step> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut steps = vec![
        Step {
            level: alpha,
            adjusted: 1.0
        };
        p.len()
    ];
    let (mut adjusted, mut stopped) = (0.0_f64, None);
    for (index, place) in order.iter().enumerate() {
        let left = (p.len() - index) as f64;
        adjusted = adjusted.max((left * p[*place]).min(1.0));
        let level = stopped.unwrap_or(alpha / left);
        if p[*place] > level {
            stopped = Some(level);
        }
        steps[*place] = Step { level, adjusted };
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_comes_out() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") is 0.03 0.06 0.06 0.02.
        let steps = holm(&[0.01, 0.04, 0.03, 0.005], 0.05);
        let expected = [
            (0.05 / 3.0, 0.03),
            (0.05 / 2.0, 0.06),
            (0.05 / 2.0, 0.06),
            (0.05 / 4.0, 0.02),
        ];
        for (step, (level, adjusted)) in steps.iter().zip(expected) {
            assert!(
                (step.level - level).abs() < 1e-12 && (step.adjusted - adjusted).abs() < 1e-12,
                "{steps:?}"
            );
        }
        assert!((holm(&[0.04], 0.05)[0].level - 0.05).abs() < 1e-12);
        assert_eq!(holm(&[], 0.05), []);
    }
}
