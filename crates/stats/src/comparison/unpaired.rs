//! One cell in two experiments, whose trials share no blocks.

use serde::{Deserialize, Serialize};

use super::bootstrap::bca_of_two;
use super::combination::logarithm;
use super::contrast::decide;
use super::holm::holm;
use super::interval::{Moments, around, power};
use super::student::{t_quantile, t_two_sided};
use super::{Interval, Method, Metric, Rules, Verdict};

/// The values of one metric in two experiments: one for each valid trial, in any order.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// What was observed.
    pub metric: Metric,
    /// What is compared with.
    pub baseline: Vec<f64>,
    /// What is compared.
    pub candidate: Vec<f64>,
}

/// A ratio of two experiments, judged as one of a family.
///
/// Whatever the platform did to all trials of one of the experiments is in the ratio and *not in the interval*: that
/// knows only what trials of one experiment differ by. Nothing but a canary that both have can tell of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unpaired {
    /// Values of the baseline that count.
    pub baseline: u32,
    /// Values of the candidate that count.
    pub candidate: u32,
    /// Values of either that have no logarithm.
    pub left_out: u32,
    /// The candidate's geometric mean over the baseline's.
    pub ratio: Option<f64>,
    /// The interval of the ratio to print, as if there were no other comparison; `None` below two values of either.
    pub interval: Option<Interval>,
    /// The interval that decides, at the level that Holm's method gives in this family; it holds the printed one.
    pub deciding: Option<Interval>,
    /// Two-sided p of Welch's t-test, by Holm's method.
    pub adjusted_p: Option<f64>,
    /// The difference that does not matter, as a share.
    pub margin: f64,
    /// What it comes to.
    pub verdict: Verdict,
    /// Fewer values than are wanted of either: the verdict then rests on normal logarithms.
    pub few: bool,
}

/// Compares two experiments in several metrics and cells, as one family: the chance that any verdict says better or worse
/// where there is no difference, and the platform was the same, is at most 1 − `confidence`.
///
/// The test is Welch's (1947, "The Generalization of Student's Problem when Several Different Population Variances Are
/// Involved") on logarithms, the degrees of freedom by Satterthwaite's formula rounded down. From `resampled_from` values
/// of either on, the printed interval also holds that of resampled values.
pub fn compare_unpaired(family: &[Samples], rules: &Rules) -> Vec<Unpaired> {
    let told: Vec<Logarithms> = family.iter().map(Logarithms::of).collect();
    let tests: Vec<Option<Welch>> = told.iter().map(Logarithms::welch).collect();
    let p: Vec<f64> = tests.iter().flatten().map(|test| test.p()).collect();
    let mut steps = holm(&p, rules.alpha()).into_iter();
    told.iter()
        .zip(family)
        .zip(tests)
        .map(|((of, samples), test)| {
            let margin = rules.margin(samples.metric);
            let judged = test.and_then(|test| Some((test, steps.next()?)));
            let printed = test.map(|test| of.printed(test, rules));
            let deciding = judged
                .zip(printed)
                .map(|((test, step), printed)| printed.widened(test.interval(step.level)));
            let difference = of.difference();
            let verdict = difference
                .zip(deciding)
                .map_or(Verdict::Inconclusive, |(difference, deciding)| {
                    decide(difference, &deciding, margin, samples.metric.direction())
                });
            let (baseline, candidate) = (of.baseline.len() as u32, of.candidate.len() as u32);
            Unpaired {
                baseline,
                candidate,
                left_out: (samples.baseline.len() + samples.candidate.len()) as u32 - baseline - candidate,
                ratio: difference.map(power),
                interval: printed,
                deciding,
                adjusted_p: judged.map(|(_, step)| step.adjusted),
                margin,
                verdict,
                few: baseline.min(candidate) < rules.wanted_blocks,
            }
        })
        .collect()
}

/// What has a logarithm.
#[derive(Clone, Debug, PartialEq)]
struct Logarithms {
    baseline: Vec<f64>,
    candidate: Vec<f64>,
}

impl Logarithms {
    fn of(samples: &Samples) -> Self {
        let kept = |values: &[f64]| values.iter().copied().filter_map(logarithm).collect();
        Self {
            baseline: kept(&samples.baseline),
            candidate: kept(&samples.candidate),
        }
    }

    /// The candidate's mean less the baseline's.
    fn difference(&self) -> Option<f64> {
        Some(Moments::of(&self.candidate)?.mean - Moments::of(&self.baseline)?.mean)
    }

    /// The test; `None` below two values of either.
    fn welch(&self) -> Option<Welch> {
        let variance = |values: &[f64]| {
            let moments = Moments::of(values).filter(|m| m.count >= 2)?;
            let n = f64::from(moments.count);
            Some((moments.deviation.powi(2) / n, n - 1.0))
        };
        let ((a, a_degrees), (b, b_degrees)) = (variance(&self.candidate)?, variance(&self.baseline)?);
        // Without spread the formula is 0 ÷ 0, and any number of degrees gives the same.
        let degrees = (a + b).powi(2) / (a * a / a_degrees + b * b / b_degrees);
        Some(Welch {
            difference: self.difference()?,
            error: (a + b).sqrt(),
            degrees: (degrees as u32).max(1),
        })
    }

    fn printed(&self, test: Welch, rules: &Rules) -> Interval {
        let t = test.interval(rules.alpha());
        let few = self.baseline.len().min(self.candidate.len()) < rules.resampled_from as usize;
        if few || test.error <= 0.0 {
            return t;
        }
        let quantile = t_quantile(1.0 - rules.alpha() / 2.0, test.degrees);
        let (low, high) = bca_of_two(&self.candidate, &self.baseline, quantile, rules.resamples, rules.seed);
        Interval {
            low: power(low),
            high: power(high),
            method: Method::WelchAndBca {
                resamples: rules.resamples,
            },
            ..t
        }
        .widened(t)
    }
}

/// Welch's t-test of two means.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Welch {
    difference: f64,
    error: f64,
    /// Of freedom.
    degrees: u32,
}

impl Welch {
    /// Two-sided.
    fn p(self) -> f64 {
        if self.error > 0.0 {
            t_two_sided(self.difference / self.error, self.degrees)
        } else if self.difference == 0.0 {
            1.0
        } else {
            0.0
        }
    }

    /// The interval of the ratio that errs with the chance `level`.
    fn interval(self, level: f64) -> Interval {
        Interval {
            method: Method::Welch,
            ..around(
                self.difference,
                t_quantile(1.0 - level / 2.0, self.degrees) * self.error,
                level,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(metric: Metric, baseline: &[f64], candidate: &[f64]) -> Unpaired {
        let samples = Samples {
            metric,
            baseline: baseline.to_vec(),
            candidate: candidate.to_vec(),
        };
        compare_unpaired(&[samples], &Rules::default()).remove(0)
    }

    #[test]
    fn the_test_is_that_of_the_formula() {
        let a = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9];
        let b = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0];
        let logarithms = Logarithms::of(&Samples {
            metric: Metric::DeliveredRate,
            baseline: b.to_vec(),
            candidate: a.to_vec(),
        });
        // Computed apart: t = −1.53499 with 6.70976 degrees of freedom, which are rounded down.
        let test = logarithms.welch().unwrap();
        assert_eq!(test.degrees, 6);
        assert!((test.difference / test.error + 1.534_99).abs() < 1e-4, "{test:?}");
        let told = one(Metric::DeliveredRate, &b, &a);
        assert_eq!((told.candidate, told.baseline, told.few), (6, 8, false));
        assert_eq!(told.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn one_value_has_a_ratio_and_no_interval() {
        let told = one(Metric::ResponseP99, &[10.0], &[12.0, 12.5]);
        assert!((told.ratio.unwrap() - 150.0_f64.sqrt() / 10.0).abs() < 1e-12);
        assert_eq!((told.interval, told.deciding, told.adjusted_p), (None, None, None));
        assert_eq!((told.verdict, told.few), (Verdict::Inconclusive, true));
        let none = one(Metric::ResponseP99, &[0.0, f64::NAN], &[12.0]);
        assert_eq!((none.ratio, none.left_out), (None, 2));
    }

    #[test]
    fn a_family_widens_what_decides() {
        let samples = Samples {
            metric: Metric::ResponseP50,
            baseline: vec![10.0, 10.2, 9.9, 10.1, 10.3, 9.8],
            candidate: vec![11.0, 11.3, 10.9, 11.1, 11.2, 11.4],
        };
        let alone = compare_unpaired(std::slice::from_ref(&samples), &Rules::default()).remove(0);
        let equal = Samples {
            candidate: samples.baseline.clone(),
            ..samples.clone()
        };
        let of_two = compare_unpaired(&[samples, equal], &Rules::default());
        assert_eq!((alone.verdict, of_two[0].verdict), (Verdict::Worse, Verdict::Worse));
        assert!(of_two[0].deciding.unwrap().low < alone.deciding.unwrap().low);
        assert_eq!(of_two[0].interval, alone.interval);
        assert_eq!(of_two[1].verdict, Verdict::Equivalent);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn swapping_turns_the_ratio_round(
            a in prop::collection::vec(1.0f64..1.5, 2..14),
            b in prop::collection::vec(1.0f64..1.5, 2..14),
        ) {
            let straight = one(Metric::ResponseP99, &a, &b);
            let swapped = one(Metric::ResponseP99, &b, &a);
            let close = |a: f64, b: f64| (a * b - 1.0).abs() < 1e-6;
            prop_assert!(close(straight.ratio.unwrap(), swapped.ratio.unwrap()));
            let (own, other) = (straight.deciding.unwrap(), swapped.deciding.unwrap());
            prop_assert!(own.holds(straight.ratio.unwrap()));
            // Resampling draws the two sides in turn, so that swapping them draws others.
            if a.len().min(b.len()) < 10 {
                prop_assert!(close(own.low, other.high) && close(own.high, other.low));
                prop_assert_eq!(straight.adjusted_p, swapped.adjusted_p);
            }
        }

        #[test]
        fn no_values_make_a_figure_that_is_none(
            a in prop::collection::vec(prop::num::f64::ANY, 0..14),
            b in prop::collection::vec(prop::num::f64::ANY, 0..14),
        ) {
            let told = one(Metric::DeliveredRate, &a, &b);
            prop_assert_eq!((told.baseline + told.candidate + told.left_out) as usize, a.len() + b.len());
            for interval in [told.interval, told.deciding].into_iter().flatten() {
                prop_assert!(interval.low.is_finite() && interval.high.is_finite() && interval.low <= interval.high);
            }
            prop_assert!(told.ratio.is_none_or(|ratio| ratio.is_finite() && ratio > 0.0));
        }
    }
}
