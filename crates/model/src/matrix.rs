//! The matrix: every combination of factor levels, as trials in the order in which they run.

use std::time::Duration;

use crate::ids::{CellId, TrialId};
use crate::plan::{Error, Plan, Setting};
use crate::properties::{Properties, Value};
use crate::seed::{self, SplitMix64};
use crate::trial::{Content, Level, Load, Rate, RecordRate, TopicShape, Trial, Windows};
use crate::units::OfferedRate;

mod mean;
mod warnings;

#[cfg(test)]
mod tests;

pub use warnings::Warning;

/// More trials than this need `--allow-large`.
pub const MANY_TRIALS: u64 = 10_000;

/// More trials than this are refused: they would take a month at thirty seconds each.
pub const MOST_TRIALS: u64 = 100_000;

/// More combinations than this are refused before exclusions are looked at.
const MOST_COMBINATIONS: u64 = 1_000_000;

/// Sets the seed of the run order apart from the seeds of schedules.
const ORDER: u64 = u64::from_le_bytes(*b"runorder");

/// A plan's cells and trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// In written order: the last factor varies fastest.
    pub cells: Vec<Cell>,
    /// In run order: every block holds each cell once, shuffled by the plan's seed and the block's number.
    pub trials: Vec<Trial>,
    /// How many combinations `[[exclude]]` removed.
    pub excluded: u64,
    /// How often each cell is run.
    pub repetitions: u32,
}

/// One combination of levels, fully resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Its place in the written order of what is left after exclusions.
    pub id: CellId,
    /// One level of each factor, in written order.
    pub levels: Vec<Level>,
    /// The topics.
    pub topic: TopicShape,
    /// What to send.
    pub load: Load,
    /// When.
    pub windows: Windows,
    /// Preset, then baseline, then factors.
    pub properties: Properties,
}

impl Cell {
    /// The mean size of a record's value in bytes; `None` where sizes come from files that only agents have.
    ///
    /// Keys and headers are not counted. A log-normal size counts with its cut: the mean is that of what is sent.
    pub fn mean_size(&self) -> Option<f64> {
        mean_size(&self.load)
    }

    fn trial(&self, id: TrialId, block: u32) -> Trial {
        Trial {
            id,
            block,
            cell: self.id,
            levels: self.levels.clone(),
            topic: self.topic.clone(),
            load: self.load.clone(),
            windows: self.windows,
            properties: self.properties.clone(),
        }
    }
}

impl Matrix {
    /// Makes every cell and trial of a plan.
    ///
    /// A rate in bytes becomes records by the mean size of the cell's records. More than [`MANY_TRIALS`] trials are an
    /// error unless `allow_large`.
    pub fn resolve(plan: &Plan, allow_large: bool) -> Result<Self, Error> {
        let counts: Vec<u64> = plan.factors.iter().map(|factor| factor.levels.len() as u64).collect();
        let combinations = counts
            .iter()
            .fold(1_u64, |product, count| product.saturating_mul(*count));
        if combinations > MOST_COMBINATIONS {
            let message = format!("make {combinations} combinations; at most {MOST_COMBINATIONS} are possible");
            return Err(plan.error("factors", message));
        }
        let mut chosen = Vec::new();
        for number in 0..combinations {
            let cell = levels_of(number, &counts);
            if !plan.exclude.iter().any(|exclusion| exclusion.covers(&cell)) {
                chosen.push(cell);
            }
        }
        if chosen.is_empty() {
            return Err(plan.error("exclude", format!("leaves none of the {combinations} combinations")));
        }
        let trials = (chosen.len() as u64).saturating_mul(u64::from(plan.repetitions));
        let product = format!(
            "{} cells x {} repetitions make {trials} trials",
            chosen.len(),
            plan.repetitions
        );
        if trials > MOST_TRIALS {
            return Err(plan.error("factors", format!("{product}; at most {MOST_TRIALS} are possible")));
        }
        if trials > MANY_TRIALS && !allow_large {
            let message = format!("{product}; more than {MANY_TRIALS} need the flag --allow-large");
            return Err(plan.error("factors", message));
        }
        let cells: Result<Vec<Cell>, Error> = chosen
            .iter()
            .zip(1..)
            .map(|(levels, number)| cell(plan, CellId(number), levels))
            .collect();
        let cells = cells?;
        let mut trials = Vec::with_capacity(trials as usize);
        for block in 0..plan.repetitions {
            let mut order: Vec<&Cell> = cells.iter().collect();
            SplitMix64::new(seed::derive(&[plan.seed, ORDER, u64::from(block)])).shuffle(&mut order);
            for cell in order {
                trials.push(cell.trial(TrialId(trials.len() as u32 + 1), block));
            }
        }
        let excluded = combinations - cells.len() as u64;
        Ok(Self {
            cells,
            trials,
            excluded,
            repetitions: plan.repetitions,
        })
    }

    /// How long the trials take when the records of a window are resolved at once: warm-up, measurement and
    /// `overhead_per_trial` for everything around them. See [`Self::longest_wall_time`] for the bound.
    pub fn expected_wall_time(&self, overhead_per_trial: Duration) -> Duration {
        self.sum(|trial| trial.windows.warm_up + trial.windows.measure + overhead_per_trial)
    }

    /// How long the trials take when every one uses up its drain and its last wait.
    pub fn longest_wall_time(&self, overhead_per_trial: Duration) -> Duration {
        self.sum(|trial| trial.windows.longest() + overhead_per_trial)
    }

    fn sum(&self, length: impl Fn(&Trial) -> Duration) -> Duration {
        self.trials
            .iter()
            .fold(Duration::ZERO, |sum, trial| sum.saturating_add(length(trial)))
    }

    /// The bytes that all trials write to the brokers' disks before compression: rate × (warm-up + measurement) × mean
    /// size × replicas. `None` where a trial is closed loop or its sizes are not known.
    pub fn bytes(&self) -> Option<u64> {
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

/// The level indices of a combination, the last factor varying fastest.
fn levels_of(number: u64, counts: &[u64]) -> Vec<usize> {
    let mut rest = number;
    let mut levels: Vec<usize> = counts
        .iter()
        .rev()
        .map(|count| {
            let level = rest % count;
            rest /= count;
            level as usize
        })
        .collect();
    levels.reverse();
    levels
}

fn mean_size(load: &Load) -> Option<f64> {
    match load.record.content {
        Content::Generated { .. } => Some(load.record.size.mean()),
        Content::Samples { .. } => None,
    }
}

/// The plan with one level of each factor over it.
fn cell(plan: &Plan, id: CellId, chosen: &[usize]) -> Result<Cell, Error> {
    let workload = &plan.workload;
    let mut offered = workload.rate;
    let mut rate_key = plan.error("workload.rate", "");
    let mut cell = Cell {
        id,
        levels: Vec::with_capacity(chosen.len()),
        topic: plan.topic.clone(),
        load: Load {
            rate: Rate::Saturate,
            arrivals: workload.arrivals,
            producers: workload.producers,
            record: workload.record.clone(),
            keys: workload.keys,
            partitioner: workload.partitioner,
            when_full: workload.when_full,
            seed: plan.seed,
        },
        windows: plan.windows,
        properties: plan.preset.properties().overlaid(&plan.baseline),
    };
    for (factor, level) in plan.factors.iter().zip(chosen) {
        let Some(level) = factor.levels.get(*level) else {
            continue;
        };
        cell.levels.push(Level {
            factor: factor.name.clone(),
            value: level.text.clone(),
        });
        let (topic, load) = (&mut cell.topic, &mut cell.load);
        match &level.setting {
            Setting::Topics(count) => topic.count = *count,
            Setting::Partitions(count) => topic.partitions = *count,
            Setting::Replication(count) => topic.replication = *count,
            Setting::Topic(name, value) => match topic.settings.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => old.clone_from(value),
                None => topic.settings.push((name.clone(), value.clone())),
            },
            Setting::Rate(rate) => {
                offered = *rate;
                "factors.rate".clone_into(&mut rate_key.key);
                rate_key.origin = level.origin.clone();
            }
            Setting::Producers(count) => load.producers = *count,
            Setting::RecordSize(size) => load.record.size = size.clone(),
            Setting::Compressibility(compressibility) => {
                load.record.content = Content::Generated {
                    compressibility: *compressibility,
                };
            }
            Setting::Keys(keys) => load.keys = *keys,
            Setting::Partitioner(partitioner) => load.partitioner = *partitioner,
            Setting::Arrivals(arrivals) => load.arrivals = *arrivals,
            Setting::WhenFull(when_full) => load.when_full = *when_full,
            Setting::Property(name, value) => cell.properties.set(name.clone(), value.clone()),
        }
    }
    cell.load.rate = match offered {
        OfferedRate::Saturate => Rate::Saturate,
        OfferedRate::Records(rate) => Rate::Paced(rate),
        OfferedRate::Bytes(bytes) => {
            let mean = mean_size(&cell.load);
            let rate = mean.and_then(|mean| RecordRate::per_second(bytes.get() as f64 / mean));
            Rate::Paced(rate.ok_or_else(|| {
                let size = &cell.load.record.size;
                let message = format!("{offered} with records of {size} is outside 0.000001 to 10^9 records a second");
                Error { message, ..rate_key }
            })?)
        }
    };
    Ok(cell)
}

/// The text of a property in a cell.
fn text<'c>(cell: &'c Cell, property: &str) -> Option<&'c str> {
    cell.properties.get(property).and_then(Value::text)
}
