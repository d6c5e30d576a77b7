//! Which combinations of levels are cells.

use super::{MOST_COMBINATIONS, MOST_TRIALS, pairwise};
use crate::design::DesignKind;
use crate::plan::{Error, Exclusion, Plan};

/// The combinations of a design as level indices, in written order: the last factor varies fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Combinations {
    pub(super) chosen: Vec<Vec<usize>>,
    /// How many `[[exclude]]` removed.
    pub(super) excluded: u64,
    /// How many more the design leaves out.
    pub(super) omitted: u64,
}

/// The combinations of the plan's design.
pub(super) fn choose(plan: &Plan) -> Result<Combinations, Error> {
    let counts: Vec<usize> = plan.factors.iter().map(|factor| factor.levels.len()).collect();
    let all = product(&counts);
    let mut chosen = match plan.design.kind {
        DesignKind::Full => full(plan, &counts)?,
        // Of two factors every pair of levels is every combination.
        DesignKind::Pairwise if counts.len() < 3 => full(plan, &counts)?,
        DesignKind::Pairwise => covering(plan, &counts)?,
        DesignKind::OneAtATime => one_at_a_time(plan, &counts)?,
    };
    if chosen.is_empty() {
        return Err(plan.error("exclude", format!("leaves none of the {all} combinations")));
    }
    chosen.sort_unstable();
    let excluded = excluded(plan, &counts)?;
    let omitted = all.saturating_sub(excluded).saturating_sub(chosen.len() as u64);
    Ok(Combinations {
        chosen,
        excluded,
        omitted,
    })
}

fn product(counts: &[usize]) -> u64 {
    counts
        .iter()
        .fold(1, |product: u64, count| product.saturating_mul(*count as u64))
}

fn full(plan: &Plan, counts: &[usize]) -> Result<Vec<Vec<usize>>, Error> {
    let combinations = product(counts);
    if combinations > MOST_COMBINATIONS {
        let message = format!("make {combinations} combinations; at most {MOST_COMBINATIONS} are possible");
        return Err(plan.error("factors", message));
    }
    let all = (0..combinations).map(|number| levels_of(number, counts));
    Ok(all.filter(|cell| allowed(&plan.exclude, cell)).collect())
}

fn allowed(exclude: &[Exclusion], cell: &[usize]) -> bool {
    !exclude.iter().any(|exclusion| exclusion.covers(cell))
}

/// The first levels, and each other level beside the first levels of the other factors.
fn one_at_a_time(plan: &Plan, counts: &[usize]) -> Result<Vec<Vec<usize>>, Error> {
    let base = vec![0; counts.len()];
    if !allowed(&plan.exclude, &base) {
        let message = "leaves out the first levels of all factors, beside which design.kind = \"one-at-a-time\" puts \
                       each other level";
        return Err(plan.error("exclude", message));
    }
    let others = counts.iter().enumerate().flat_map(|(factor, count)| {
        let base = &base;
        (1..*count).map(move |level| {
            let mut cell = base.clone();
            cell[factor] = level;
            cell
        })
    });
    let others = others.filter(|cell| allowed(&plan.exclude, cell));
    Ok(std::iter::once(base.clone()).chain(others).collect())
}

fn covering(plan: &Plan, counts: &[usize]) -> Result<Vec<Vec<usize>>, Error> {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let least = product(&sorted[..2]);
    if least > MOST_TRIALS {
        let message = format!("make at least {least} cells; at most {MOST_TRIALS} trials are possible");
        return Err(plan.error("factors", message));
    }
    pairwise::cells(counts, &plan.exclude, plan.seed).map_err(|error| match error {
        pairwise::Error::TooManyPairs(_) => plan.error("factors", error),
        pairwise::Error::Intricate => plan.error("exclude", error),
    })
}

/// How many of all combinations exclusions remove: counted over the factors that they name, so that a design with few
/// cells may have many factors.
fn excluded(plan: &Plan, counts: &[usize]) -> Result<u64, Error> {
    let named = |factor: usize| {
        let mut levels = plan.exclude.iter().flat_map(|exclusion| &exclusion.levels);
        levels.any(|(named, _)| *named == factor)
    };
    let some: Vec<usize> = counts
        .iter()
        .enumerate()
        .map(|(factor, count)| if named(factor) { *count } else { 1 })
        .collect();
    let others: Vec<usize> = counts
        .iter()
        .enumerate()
        .map(|(factor, count)| if named(factor) { 1 } else { *count })
        .collect();
    let combinations = product(&some);
    if combinations > MOST_COMBINATIONS {
        let message =
            format!("names factors that make {combinations} combinations; at most {MOST_COMBINATIONS} are possible");
        return Err(plan.error("exclude", message));
    }
    let removed = (0..combinations).filter(|number| !allowed(&plan.exclude, &levels_of(*number, &some)));
    Ok((removed.count() as u64).saturating_mul(product(&others)))
}

/// The level indices of a combination, the last factor varying fastest.
fn levels_of(number: u64, counts: &[usize]) -> Vec<usize> {
    let mut rest = number;
    let mut levels: Vec<usize> = counts
        .iter()
        .rev()
        .map(|count| {
            let level = rest % *count as u64;
            rest /= *count as u64;
            level as usize
        })
        .collect();
    levels.reverse();
    levels
}
