//! The matrix: combinations of factor levels, as trials in the order in which they run.

use std::fmt;
use std::time::Duration;

use crate::client;
use crate::design::{Mode, SHARES};
use crate::ids::{CellId, TrialId};
use crate::plan::{Error, Plan};
use crate::trial::{Content, Level, Load, Rate, Trial, cell_text};

mod budget;
mod cell;
mod combinations;
mod mean;
mod order;
mod pairwise;
mod pitfalls;
mod preset;
mod warnings;

#[cfg(test)]
mod tests;

pub use budget::{Later, LeftOut, OverBudget};
pub use cell::Cell;
pub use warnings::Warning;

/// More trials than this need `--allow-large`.
pub const MANY_TRIALS: u64 = 10_000;

/// More trials than this are refused: they would take a month at thirty seconds each.
pub const MOST_TRIALS: u64 = 100_000;

/// More combinations than this are refused before exclusions are looked at.
const MOST_COMBINATIONS: u64 = 1_000_000;

/// What a trial is taken to need around its warm-up and window when a budget is shared out: topic, clients, barrier,
/// drain, audit.
pub const OVERHEAD: Duration = Duration::from_secs(4);

/// A plan's cells and trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// In written order: the last factor varies fastest; those of `design.preset` come last. The first one is the baseline
    /// of comparisons.
    pub cells: Vec<Cell>,
    /// In run order: burn-in, then blocks that hold each cell once, shuffled by the plan's seed and the block's number,
    /// and the canary at a random place.
    ///
    /// Of a two-phase experiment the first phase: every cell once, closed loop, as block 0. Empty for a search. What
    /// comes later is in [`Self::later`].
    pub trials: Vec<Trial>,
    /// How many combinations `[[exclude]]` removed.
    pub excluded: u64,
    /// How many more `design.kind` leaves out.
    pub omitted: u64,
    /// Combinations that their client cannot run, where the client is a factor.
    pub dropped: Vec<Dropped>,
    /// How often each cell is run.
    pub repetitions: u32,
    /// The first cell at a quarter of the least paced rate, 1,000/s where none is paced: once in every block.
    ///
    /// In a two-phase experiment the rate is that of [`Self::share_trials`].
    pub canary: Option<Cell>,
    /// What `design.budget` leaves out; [`Self::repetitions`] and [`Self::trials`] are without it.
    pub left_out: Option<LeftOut>,
    /// Trials that are made while the experiment runs.
    pub later: Vec<Later>,
}

impl Matrix {
    /// Makes every cell and trial of a plan.
    ///
    /// A rate in bytes becomes records by the mean size of the cell's records. More than [`MANY_TRIALS`] trials are an
    /// error unless `allow_large`.
    pub fn resolve(plan: &Plan, allow_large: bool) -> Result<Self, Error> {
        let combinations = combinations::choose(plan)?;
        let (chosen, design) = (&combinations.chosen, &plan.design);
        check_count(plan, chosen.len(), allow_large)?;
        let (mut cells, dropped) = cells(plan, chosen)?;
        preset::add(plan, &mut cells)?;
        check_count(plan, cells.len(), allow_large)?;
        let canary = if design.canary { order::canary(&cells) } else { None };
        let mut trials = Vec::new();
        if plan.search.is_none() {
            trials = order::burn_in(&cells, design.burn_in);
            match design.mode {
                Mode::Direct => trials.extend(
                    (0..plan.repetitions).flat_map(|block| order::block(plan.seed, block, &cells, canary.as_ref())),
                ),
                Mode::TwoPhase => trials.extend(order::capacities(plan.seed, &cells)),
            }
        }
        let mut matrix = Self {
            later: budget::later(plan, cells.len() as u64, canary.is_some()),
            cells,
            trials: order::numbered(trials, TrialId(1)),
            excluded: combinations.excluded,
            omitted: combinations.omitted,
            dropped,
            repetitions: plan.repetitions,
            canary,
            left_out: None,
        };
        if let Some(budget) = design.budget {
            let within = matrix.within(budget, OVERHEAD);
            let (kept, left_out) = within.map_err(|error| plan.error("design.budget", error))?;
            matrix.cut(kept);
            matrix.left_out = left_out;
        }
        Ok(matrix)
    }

    /// The second phase of a two-phase experiment: every cell at each of [`SHARES`] of the slowest capacity (records a
    /// second), all of them once in every block, the canary with them. The blocks follow the capacity trials' and so
    /// count from 1.
    ///
    /// Empty where `slowest` makes no rate.
    pub fn share_trials(&self, first_id: TrialId, slowest: f64) -> Vec<Trial> {
        let seed = self.cells.first().map_or(0, |cell| cell.load.seed);
        let blocks = 1..=self.repetitions;
        let trials = blocks.flat_map(|block| order::shares(seed, block, &self.cells, self.canary.as_ref(), slowest));
        order::numbered(trials.collect(), first_id)
    }

    /// How many trials are observations of their cell that comparisons may use, those that come later included.
    pub fn compared(&self) -> u64 {
        let known = self.trials.iter().filter(|trial| trial.purpose.compared()).count() as u64;
        let shares = self.later.iter().any(|later| later.what == budget::SHARES_TO_COME);
        let blocks = u64::from(self.repetitions) * if shares { SHARES.len() as u64 } else { 0 };
        known + self.cells.len() as u64 * blocks
    }

    /// The bytes that all trials write to the brokers' disks before compression: rate × (warm-up + measurement) × mean
    /// size × replicas. `None` where a trial is closed loop or comes later, or its sizes are not known.
    pub fn bytes(&self) -> Option<u64> {
        if !self.later.is_empty() {
            return None;
        }
        let mut sum = 0.0;
        for trial in &self.trials {
            let Rate::Paced(rate) = trial.load.rate else {
                return None;
            };
            let seconds = (trial.windows.warm_up + trial.windows.measure).as_secs_f64();
            let replicas = f64::from(trial.topic.replication);
            sum += rate.as_per_second() * seconds * mean_size(&trial.load)? * replicas;
        }
        Some(sum.round() as u64)
    }

    /// What the plan's author should think about before running it; no two are alike.
    pub fn warnings(&self, plan: &Plan) -> Vec<Warning> {
        warnings::of(self, plan)
    }
}

/// A combination that its client cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The levels that make it.
    pub levels: Vec<Level>,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Dropped {
    /// For example `client=java acks=1: acks=1 rules out enable.idempotence=true`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", cell_text(&self.levels), self.reason)
    }
}

/// The cells of the chosen combinations, and what their clients cannot run: where the client is a factor those are left
/// out, else the plan asks for what there is not. Of librdkafka's own properties who has librdkafka says more.
fn cells(plan: &Plan, chosen: &[Vec<usize>]) -> Result<(Vec<Cell>, Vec<Dropped>), Error> {
    let varied = plan.factors.iter().any(|factor| factor.name == "client");
    let (mut cells, mut dropped) = (Vec::with_capacity(chosen.len()), Vec::new());
    for levels in chosen {
        let cell = Cell::resolve(plan, CellId(cells.len() as u32 + 1), levels)?;
        let (client, pairs) = (&cell.client.client, cell.pairs(plan));
        // Where no other client could run the cell, a value that this one does not take is a mistake as well.
        let mistake = |unmapped: &client::Unmapped| unmapped.missing || !varied;
        if let Some(unmapped) = client::map(client, &pairs).err().filter(mistake) {
            let value = cell.properties.get(&unmapped.property);
            return Err(plan.property_error(&unmapped.property, value, &unmapped));
        }
        if let (true, Some((option, _))) = (client.in_process(), cell.client.options.first()) {
            let message = "is an option of drivers, and librdkafka in process has none; librdkafka-child is a driver";
            return Err(plan.error(&format!("factors.driver.{option}"), message));
        }
        match client::refusal(client, &pairs) {
            Some(reason) if !varied && !client.is_librdkafka() => return Err(plan.error("baseline.client", reason)),
            Some(reason) if varied => dropped.push(Dropped {
                levels: cell.levels,
                reason,
            }),
            _ => cells.push(cell),
        }
    }
    match dropped.first() {
        Some(first) if cells.is_empty() => Err(plan.error(
            "factors.client",
            format!("no client can run any cell: {}", first.reason),
        )),
        _ => Ok((cells, dropped)),
    }
}

fn check_count(plan: &Plan, cells: usize, allow_large: bool) -> Result<(), Error> {
    let each = match plan.design.mode {
        Mode::Direct => 1,
        Mode::TwoPhase => SHARES.len() as u64,
    };
    let trials = (cells as u64)
        .saturating_mul(u64::from(plan.repetitions))
        .saturating_mul(each);
    let shares = if each > 1 {
        format!(" x {each} rates")
    } else {
        String::new()
    };
    let product = format!(
        "{cells} cells{shares} x {} repetitions make {trials} trials",
        plan.repetitions
    );
    if trials > MOST_TRIALS {
        return Err(plan.error("factors", format!("{product}; at most {MOST_TRIALS} are possible")));
    }
    if trials > MANY_TRIALS && !allow_large {
        let message = format!("{product}; more than {MANY_TRIALS} need the flag --allow-large");
        return Err(plan.error("factors", message));
    }
    Ok(())
}

fn mean_size(load: &Load) -> Option<f64> {
    match load.record.content {
        Content::Generated { .. } => Some(load.record.size.mean()),
        Content::Samples { .. } => None,
    }
}
