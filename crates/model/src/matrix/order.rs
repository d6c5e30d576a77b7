//! The run order: burn-in, then blocks, each with every cell once and the canary somewhere among them.

use std::time::Duration;

use super::Cell;
use crate::design::{Purpose, SHARES};
use crate::ids::TrialId;
use crate::seed::{self, SplitMix64};
use crate::trial::{Load, Rate, RecordRate, Trial};

/// Sets the seed of the run order apart from the seeds of schedules.
const ORDER: u64 = u64::from_le_bytes(*b"runorder");

/// Sets the seed of the canary's place apart from that of the order of cells, which stays the same without canaries.
const CANARY: u64 = u64::from_le_bytes(*b"canaries");

/// The canary's rate where no cell is paced: little for any broker, enough for a median.
const MODEST: u64 = 1_000_000_000;

/// The canary: the first cell at a quarter of the least paced rate.
pub(super) fn canary(cells: &[Cell]) -> Option<Cell> {
    let mut canary = cells.first()?.clone();
    let least = cells.iter().filter_map(|cell| paced(cell.load.rate)).min();
    canary.load.rate = modest(least);
    canary.load.profile = None;
    Some(canary)
}

fn modest(least: Option<RecordRate>) -> Rate {
    let micro = least.map_or(MODEST, |rate| (rate.micro() / 4).max(1));
    RecordRate::per_million_seconds(micro).map_or(Rate::Saturate, Rate::Paced)
}

fn paced(rate: Rate) -> Option<RecordRate> {
    match rate {
        Rate::Paced(rate) => Some(rate),
        Rate::Saturate => None,
    }
}

/// Load at the highest paced rate of all cells, closed loop where none is paced: one trial for each cluster, because
/// each has brokers of its own to warm up.
pub(super) fn burn_in(cells: &[Cell], length: Duration) -> Vec<Trial> {
    if length.is_zero() {
        return Vec::new();
    }
    let highest = cells.iter().filter_map(|cell| paced(cell.load.rate)).max();
    let rate = highest.map_or(Rate::Saturate, Rate::Paced);
    let mut trials: Vec<Trial> = Vec::new();
    for cell in cells {
        if trials.iter().any(|trial| trial.cluster == cell.cluster) {
            continue;
        }
        let mut trial = cell.at(TrialId(0), 0, Purpose::BurnIn, rate);
        trial.windows.warm_up = Duration::ZERO;
        trial.windows.measure = length;
        trial.settle = Duration::ZERO;
        trials.push(trial);
    }
    trials
}

/// A block of the matrix: every cell once. Where there are consumers, the first block holds the first cell without them
/// as well, straight after its trial with them: what differs between the two is as little as can be.
pub(super) fn block(seed: u64, block: u32, cells: &[Cell], canary: Option<&Cell>) -> Vec<Trial> {
    let trials = cells.iter().map(|cell| cell.trial(TrialId(0), block, Purpose::Cell));
    let mut trials = shuffled(seed, block, trials.collect(), canary);
    let first = cells.first().filter(|cell| block == 0 && cell.consumers.is_some());
    if let Some(first) = first {
        let with = |trial: &Trial| trial.cell == first.id && trial.purpose == Purpose::Cell;
        let after = trials.iter().position(with).map_or(trials.len(), |place| place + 1);
        let twin = Trial {
            consumers: None,
            ..first.trial(TrialId(0), block, Purpose::WithoutConsumers)
        };
        trials.insert(after, twin);
    }
    trials
}

/// The capacity trials of a two-phase experiment, which are its block 0.
pub(super) fn capacities(seed: u64, cells: &[Cell]) -> Vec<Trial> {
    let trials = cells
        .iter()
        .map(|cell| cell.at(TrialId(0), 0, Purpose::Capacity, Rate::Saturate));
    shuffled(seed, 0, trials.collect(), None)
}

/// A block of a two-phase experiment's second phase: every cell at every share of the slowest capacity. Empty where
/// that is no rate.
pub(super) fn shares(seed: u64, block: u32, cells: &[Cell], canary: Option<&Cell>, slowest: f64) -> Vec<Trial> {
    let rates: Option<Vec<(u32, RecordRate)>> = SHARES
        .into_iter()
        .map(|percent| Some((percent, RecordRate::per_second(slowest * f64::from(percent) / 100.0)?)))
        .collect();
    let Some(rates) = rates else {
        return Vec::new();
    };
    let least = rates.iter().map(|(_, rate)| *rate).min();
    let canary = canary.map(|cell| Cell {
        load: Load {
            rate: modest(least),
            ..cell.load.clone()
        },
        ..cell.clone()
    });
    let trials = cells.iter().flat_map(|cell| {
        let at = |(percent, rate): &(u32, RecordRate)| {
            cell.at(TrialId(0), block, Purpose::Share(*percent), Rate::Paced(*rate))
        };
        rates.iter().map(at)
    });
    shuffled(seed, block, trials.collect(), canary.as_ref())
}

/// The trials of a block in random order. The canary stands at a random place too: always first, it would be confounded
/// with what the wait between blocks does to brokers and page cache.
fn shuffled(seed: u64, block: u32, mut trials: Vec<Trial>, canary: Option<&Cell>) -> Vec<Trial> {
    SplitMix64::new(seed::derive(&[seed, ORDER, u64::from(block)])).shuffle(&mut trials);
    if let Some(canary) = canary {
        let mut place = SplitMix64::new(seed::derive(&[seed, CANARY, u64::from(block)]));
        let place = place.below(trials.len() as u64 + 1) as usize;
        trials.insert(place, canary.trial(TrialId(0), block, Purpose::Canary));
    }
    trials
}

/// Gives trials their ids in run order.
pub(super) fn numbered(trials: Vec<Trial>, first: TrialId) -> Vec<Trial> {
    let ids = first.0..;
    let number = |(trial, id)| Trial {
        id: TrialId(id),
        ..trial
    };
    trials.into_iter().zip(ids).map(number).collect()
}
