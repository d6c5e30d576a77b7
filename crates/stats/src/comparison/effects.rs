//! What factors do on average, and whether one changes what another does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tribunal_model::ids::CellId;
use tribunal_model::trial::Level;

use super::combination::{Blocks, Combination, by_block, ratio};
use super::contrast::steps;
use super::{Contrast, Metric, Observations, Rules};

/// The levels of each cell, all cells naming the same factors in the same order.
type Levels = BTreeMap<CellId, Vec<Level>>;

/// The main effects of all factors by one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Effects {
    /// What was observed.
    pub metric: Metric,
    /// Effects that have a test, by which Holm's method adjusts.
    pub comparisons: u32,
    /// In written order.
    pub rows: Vec<Effect>,
}

/// The interactions of two factors by one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interactions {
    /// What was observed.
    pub metric: Metric,
    /// Interactions that have a test, by which Holm's method adjusts.
    pub comparisons: u32,
    /// The strongest first.
    pub rows: Vec<Interaction>,
}

/// What one level does against its factor's first level, on average over the levels of the other factors.
///
/// Only matched cells count: those that differ in this factor alone. In a design that is not full these may be few.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Effect {
    /// The factor and the level.
    pub level: Level,
    /// The factor's first level.
    pub against: String,
    /// Pairs of cells that differ in nothing else.
    pub matched: u32,
    /// The level's value over the first level's: geometric mean over pairs, then over blocks. `None` without a pair.
    pub contrast: Option<Contrast>,
}

/// Whether two factors do together what each does alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interaction {
    /// A level of one factor.
    pub first: Level,
    /// A level of another.
    pub second: Level,
    /// Sets of four cells that differ in nothing else.
    pub matched: u32,
    /// The ratio that the first level makes beside the second one, over the one that it makes beside that factor's
    /// first level; 1 where the factors do not interact.
    pub contrast: Contrast,
}

/// The main effects of all factors, as one family.
///
/// The first level of a factor is that of the first cell. A cell that does not name as many factors as that is left
/// out.
pub fn main_effects(observations: &Observations, levels: &Levels, rules: &Rules) -> Effects {
    let cells = ByLevels::of(levels);
    let effects: Vec<(usize, &Level, Vec<Combination>)> = cells
        .others()
        .map(|(factor, level)| {
            let matched = cells.all().filter(|(_, of)| of[factor] == *level);
            let pairs = matched.filter_map(|(cell, of)| Some(ratio(cell, cells.with_first(of, &[factor])?)));
            (factor, level, pairs.collect())
        })
        .collect();
    let blocks: Vec<Blocks> = effects
        .iter()
        .map(|(_, _, pairs)| by_block(observations, pairs))
        .collect();
    let (steps, comparisons) = steps(&blocks, rules);
    let rows = effects
        .iter()
        .zip(blocks.iter().zip(steps))
        .map(|((factor, level, pairs), (blocks, step))| Effect {
            level: (*level).clone(),
            against: cells.first[*factor].value.clone(),
            matched: pairs.len() as u32,
            contrast: (!pairs.is_empty()).then(|| Contrast::at(blocks, observations.metric, step, rules)),
        })
        .collect();
    Effects {
        metric: observations.metric,
        comparisons,
        rows,
    }
}

/// The interactions of two factors that the design shows, as one family.
pub fn interactions(observations: &Observations, levels: &Levels, rules: &Rules) -> Interactions {
    let cells = ByLevels::of(levels);
    let others: Vec<(usize, &Level)> = cells.others().collect();
    let mut found: Vec<(&Level, &Level, u32, Blocks)> = Vec::new();
    for (one, first) in &others {
        for (other, second) in others.iter().filter(|(other, _)| other > one) {
            let both = cells
                .all()
                .filter(|(_, of)| of[*one] == **first && of[*other] == **second);
            let fours: Vec<Combination> = both
                .filter_map(|(cell, of)| {
                    let beside = ratio(cell, cells.with_first(of, &[*one])?);
                    let neither = cells.with_first(of, &[*one, *other])?;
                    let alone = ratio(neither, cells.with_first(of, &[*other])?);
                    Some([beside, alone].concat())
                })
                .collect();
            if !fours.is_empty() {
                let blocks = by_block(observations, &fours);
                found.push((*first, *second, fours.len() as u32, blocks));
            }
        }
    }
    let (steps, comparisons) = steps(found.iter().map(|(_, _, _, blocks)| blocks), rules);
    let mut rows: Vec<Interaction> = found
        .iter()
        .zip(steps)
        .map(|((first, second, matched, blocks), step)| Interaction {
            first: (*first).clone(),
            second: (*second).clone(),
            matched: *matched,
            contrast: Contrast::at(blocks, observations.metric, step, rules),
        })
        .collect();
    let size = |i: &Interaction| i.contrast.ratio.map_or(0.0, |ratio| ratio.ln().abs());
    rows.sort_by(|a, b| size(b).total_cmp(&size(a)));
    Interactions {
        metric: observations.metric,
        comparisons,
        rows,
    }
}

/// Cells by what they are.
struct ByLevels<'a> {
    levels: Vec<(CellId, &'a [Level])>,
    cells: BTreeMap<&'a [Level], CellId>,
    /// The first cell's.
    first: &'a [Level],
    /// Of each factor, as they appear.
    seen: Vec<Vec<&'a Level>>,
}

impl<'a> ByLevels<'a> {
    fn of(levels: &'a Levels) -> Self {
        let first = levels.values().next().map_or(&[][..], Vec::as_slice);
        let alike: Vec<(CellId, &[Level])> = levels
            .iter()
            .map(|(cell, of)| (*cell, of.as_slice()))
            .filter(|(_, of)| of.len() == first.len())
            .collect();
        let mut seen: Vec<Vec<&Level>> = vec![Vec::new(); first.len()];
        for (factor, level) in alike.iter().flat_map(|(_, of)| of.iter().enumerate()) {
            if !seen[factor].contains(&level) {
                seen[factor].push(level);
            }
        }
        Self {
            cells: alike.iter().map(|(cell, of)| (*of, *cell)).collect(),
            levels: alike,
            first,
            seen,
        }
    }

    fn all(&self) -> impl Iterator<Item = (CellId, &'a [Level])> {
        self.levels.iter().copied()
    }

    /// Every level but the factors' first ones, with the place of its factor.
    fn others(&self) -> impl Iterator<Item = (usize, &'a Level)> {
        let seen = self.seen.iter().enumerate();
        seen.flat_map(|(factor, all)| all[1..].iter().map(move |level| (factor, *level)))
    }

    /// The cell that has these factors at their first levels and the others as given.
    fn with_first(&self, of: &[Level], factors: &[usize]) -> Option<CellId> {
        let mut wanted = of.to_vec();
        for factor in factors {
            wanted[*factor] = self.first[*factor].clone();
        }
        self.cells.get(wanted.as_slice()).copied()
    }
}
