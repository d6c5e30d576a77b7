//! One judged ratio.

use serde::{Deserialize, Serialize};

use super::combination::Blocks;
use super::holm::{Step, holm};
use super::interval::{Moments, deciding, power, printed};
use super::{Direction, Interval, Metric, Needed, Rules, SignFlip, needed, sign_flip};

/// What a ratio comes to.
///
/// The interval that decides has to lie wholly within the margin for [`Self::Equivalent`]. For [`Self::Better`] and
/// [`Self::Worse`] it has to exclude 1, and the estimate has to be at the margin or beyond. So a difference that is
/// certain but too small to matter is equivalent, or inconclusive as long as it may be large; and more blocks never
/// turn better into equivalent but by showing that the difference was smaller. That the whole interval lie beyond the
/// margin is not asked: for a difference of 5 % against a margin of 3 % it would take six times the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ComparisonVerdict")
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Different, in the good direction.
    Better,
    /// Different, in the bad direction.
    Worse,
    /// No difference that matters.
    Equivalent,
    /// Neither can be said.
    Inconclusive,
}

/// A ratio of cells over blocks, judged as one of a family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Contrast {
    /// Blocks that count.
    pub blocks: u32,
    /// Times that a block held one of the cells and not the other: a trial was invalid.
    pub unpaired: u32,
    /// Times that a value in a block has no logarithm.
    pub left_out: u32,
    /// Geometric mean of the blocks' ratios; above 1 the candidate's value is the higher one.
    pub ratio: Option<f64>,
    /// The interval of the ratio to print, as if there were no other comparison; `None` below two blocks.
    pub interval: Option<Interval>,
    /// The interval that decides, at the level that Holm's method gives in this family; it holds the printed one.
    pub deciding: Option<Interval>,
    /// Two-sided p of the paired t-test, by Holm's method.
    pub adjusted_p: Option<f64>,
    /// The check that asks nothing of a distribution, unadjusted.
    pub sign_flip: Option<SignFlip>,
    /// The difference that does not matter, as a share.
    pub margin: f64,
    /// What it comes to.
    pub verdict: Verdict,
    /// Too few blocks for the sign-flip check to support a difference: a comparison wants six. The verdict then rests
    /// on normal logarithms.
    pub few_blocks: bool,
    /// Better or worse, with blocks enough for the sign-flip check, and it does not support that.
    pub contested: bool,
    /// What would decide, where it is inconclusive and the spread is known.
    pub needed: Option<Needed>,
}

impl Contrast {
    /// Judges one ratio at the level that its family gives it; `None` where it has no test.
    pub(super) fn at(blocks: &Blocks, metric: Metric, step: Option<Step>, rules: &Rules) -> Self {
        let margin = rules.margin(metric);
        let moments = Moments::of(&blocks.logarithms);
        let count = moments.map_or(0, |m| m.count);
        let interval = printed(&blocks.logarithms, rules);
        let judged = moments.zip(interval).zip(step);
        let deciding = judged.map(|((moments, printed), step)| deciding(moments, &printed, step.level));
        let verdict = moments
            .zip(deciding)
            .map_or(Verdict::Inconclusive, |(moments, deciding)| {
                decide(moments.mean, &deciding, margin, metric.direction())
            });
        let few_blocks = count < rules.wanted_blocks;
        let sign_flip = sign_flip(&blocks.logarithms, rules.seed);
        let supported = sign_flip.is_some_and(|flip| flip.p <= rules.alpha());
        let differs = matches!(verdict, Verdict::Better | Verdict::Worse);
        Self {
            blocks: count,
            unpaired: blocks.unpaired,
            left_out: blocks.left_out,
            ratio: moments.map(|m| power(m.mean)),
            interval,
            deciding,
            adjusted_p: step.map(|s| s.adjusted),
            sign_flip,
            margin,
            verdict,
            few_blocks,
            contested: differs && !few_blocks && !supported,
            needed: judged
                .filter(|_| verdict == Verdict::Inconclusive)
                .and_then(|((moments, _), step)| {
                    needed::needed(moments, margin.ln_1p(), step.level, rules.most_blocks)
                }),
        }
    }
}

/// The verdict of a mean logarithm with its deciding interval.
pub(super) fn decide(mean: f64, interval: &Interval, margin: f64, direction: Direction) -> Verdict {
    if interval.within(margin) {
        Verdict::Equivalent
    } else if interval.excludes_one() && mean.abs() >= margin.ln_1p() {
        if (mean > 0.0) == (direction == Direction::HigherIsBetter) {
            Verdict::Better
        } else {
            Verdict::Worse
        }
    } else {
        Verdict::Inconclusive
    }
}

/// What Holm's method gives each ratio of a family, and how many of them have a test.
pub(super) fn steps<'a>(family: impl IntoIterator<Item = &'a Blocks>, rules: &Rules) -> (Vec<Option<Step>>, u32) {
    let p: Vec<Option<f64>> = family
        .into_iter()
        .map(|blocks| Moments::of(&blocks.logarithms).and_then(Moments::p))
        .collect();
    let tested: Vec<f64> = p.iter().copied().flatten().collect();
    let count = tested.len() as u32;
    let mut given = holm(&tested, rules.alpha()).into_iter();
    let steps = p.iter().map(|p| p.and_then(|_| given.next())).collect();
    (steps, count)
}
