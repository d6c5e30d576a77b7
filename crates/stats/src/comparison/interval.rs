//! Intervals of a ratio or a mean, on a scale of logarithms.

use serde::{Deserialize, Serialize};

use super::Rules;
use super::bootstrap::bca;
use super::student::{t_quantile, t_two_sided};

/// Beyond this a logarithm's number is none: two blocks that disagree wildly allow everything.
const FURTHEST: f64 = 700.0;

/// Where the truth lies, with a stated confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Share of such intervals that hold the truth, 0 to 1.
    pub confidence: f64,
    /// How it was made.
    pub method: Method,
}

impl Interval {
    /// Whether the value lies in it.
    pub fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Whether a ratio differs from 1.
    pub fn excludes_one(&self) -> bool {
        !self.holds(1.0)
    }

    /// The least interval that holds this one and the other, with the other's confidence.
    pub(super) fn widened(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            confidence: other.confidence,
            method: self.method,
        }
    }

    /// Whether it lies wholly within a margin, a share: from 1 ÷ (1 + margin) to 1 + margin.
    pub fn within(&self, margin: f64) -> bool {
        self.low >= 1.0 / (1.0 + margin) && self.high <= 1.0 + margin
    }
}

/// How an interval was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Method {
    /// Student's t on the logarithms.
    StudentT,
    /// Welch's t on the logarithms of values that share no blocks.
    Welch,
    /// The least interval that holds Welch's t and the one of resampled values (`BCa`).
    WelchAndBca {
        /// How often values were resampled.
        resamples: u32,
    },
    /// The least interval that holds Student's t and the one of resampled blocks (`BCa`), which leans to where the
    /// values are skewed.
    StudentTAndBca {
        /// How often blocks were resampled.
        resamples: u32,
    },
}

/// Mean and spread of logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    pub(super) count: u32,
    pub(super) mean: f64,
    /// Standard deviation of one; 0 for one value.
    pub(super) deviation: f64,
}

impl Moments {
    /// `None` for no values.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        Some(Self {
            count: values.len() as u32,
            mean,
            deviation: (squares / (n - 1.0).max(1.0)).sqrt(),
        })
    }

    fn standard_error(self) -> f64 {
        self.deviation / f64::from(self.count).sqrt()
    }

    /// Half of the t interval that errs with the chance `level`; from two values.
    pub(super) fn half(self, level: f64) -> f64 {
        t_quantile(1.0 - level / 2.0, self.count - 1) * self.standard_error()
    }

    /// Two-sided p of the t-test for a mean of 0; `None` below two values.
    pub(super) fn p(self) -> Option<f64> {
        let error = self.standard_error();
        (self.count >= 2).then(|| {
            if error > 0.0 {
                t_two_sided(self.mean / error, self.count - 1)
            } else if self.mean == 0.0 {
                1.0
            } else {
                0.0
            }
        })
    }
}

/// From centre and half in logarithms.
pub(super) fn around(centre: f64, half: f64, level: f64) -> Interval {
    Interval {
        low: power(centre - half),
        high: power(centre + half),
        confidence: 1.0 - level,
        method: Method::StudentT,
    }
}

/// e to that power, without overflow.
pub(super) fn power(logarithm: f64) -> f64 {
    logarithm.clamp(-FURTHEST, FURTHEST).exp()
}

/// The printed interval of the geometric mean: t, and from `resampled_from` blocks the least one that holds t and
/// `BCa`;
/// `None` below two values.
///
/// `BCa` alone, widened as it is, tells equal cells apart in 6 % of the comparisons over 10 blocks, and in 8 % where one
/// trial in ten is slow (measured by `tests/comparison.rs` when it stood alone), for ten blocks hold too little of their
/// distribution's tail. Paired logarithms of equal cells are symmetric whatever the noise, and there t errs to the safe
/// side; `BCa` is for what is not symmetric.
pub(super) fn printed(logarithms: &[f64], rules: &Rules) -> Option<Interval> {
    let moments = Moments::of(logarithms).filter(|m| m.count >= 2)?;
    let t = around(moments.mean, moments.half(rules.alpha()), rules.alpha());
    if moments.count < rules.resampled_from {
        return Some(t);
    }
    let (low, high) = bca(logarithms, rules.confidence, rules.resamples, rules.seed);
    let method = Method::StudentTAndBca {
        resamples: rules.resamples,
    };
    let resampled = Interval {
        low: power(low),
        high: power(high),
        method,
        ..t
    };
    Some(resampled.widened(t))
}

/// The interval that a verdict reads: t at the level that Holm's method gives, and the printed one within it.
///
/// A few thousand resamples of ten blocks say nothing about the levels that a family of forty leaves, so that level is
/// kept by t. The printed interval is taken in so that it never contradicts the verdict beside it.
pub(super) fn deciding(moments: Moments, printed: &Interval, level: f64) -> Interval {
    printed.widened(around(moments.mean, moments.half(level), level))
}
