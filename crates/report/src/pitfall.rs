//! Pitfalls that measurements show, each with its evidence.
//!
//! What is told rests on valid trials of cells, except that the generator could not keep a rate, which is why a trial is
//! invalid. Nothing is told of a mock.

mod batching;
mod brokers;
mod client;

use serde::{Deserialize, Serialize};
use tribunal_model::ids::CellId;
use tribunal_model::limits::Limit;
use tribunal_model::pitfall::{Kind, Pitfall};

use crate::caveat::BoundBy;
use crate::check::Check;
use crate::experiment::ExperimentReport;
use crate::factors::{of_cells, trials};
use crate::result::TrialResult;

/// A pitfall and the cells that show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Found {
    /// The pitfall; the evidence is that of the first of the cells.
    pub pitfall: Pitfall,
    /// The cells, by their levels in words, in written order; none where it concerns them all.
    pub cells: Vec<String>,
}

impl Found {
    /// What shows it, the cells, what it costs and what to try, each name told by `quote`.
    pub(crate) fn text(&self, quote: &dyn Fn(&str) -> String) -> String {
        let Pitfall { kind, evidence } = &self.pitfall;
        let at = match self.cells.as_slice() {
            [] => String::new(),
            [cell] => format!(" ({})", quote(cell)),
            [cell, more @ ..] => format!(
                " ({} and {} more)",
                quote(cell),
                crate::format::plural(more.len() as u64, "cell")
            ),
        };
        format!("{evidence}{at}: {}; {}.", kind.consequence(), kind.remedy())
    }
}

/// A cell's valid trials under one load.
pub(crate) struct Cell<'a> {
    trials: Vec<&'a TrialResult>,
}

impl<'a> Cell<'a> {
    /// The first trial: what all of the cell have in common is read off it.
    fn first(&self) -> &'a TrialResult {
        self.trials[0]
    }

    /// A sum over the trials.
    fn sum(&self, of: impl Fn(&TrialResult) -> f64) -> f64 {
        self.trials.iter().map(|r| of(r)).sum()
    }
}

/// The pitfalls of an experiment, in the order of [`Kind::ALL`].
pub fn found(report: &ExperimentReport) -> Vec<Found> {
    if report.facts.mock || report.results.iter().any(|r| r.cluster.mock) {
        return Vec::new();
    }
    let results = of_cells(report);
    let all = cells(&results);
    let mut found: Vec<Found> = unreachable(&results).into_iter().collect();
    let conditions = report
        .facts
        .objective
        .as_ref()
        .map_or(&[][..], |objective| &objective.conditions);
    let mut add = |kind: Kind, rule: &dyn Fn(&Cell<'_>) -> Option<String>| {
        let shown: Vec<(String, String)> = all
            .iter()
            .filter_map(|cell| Some((rule(cell)?, cell.first().cell_text())))
            .collect();
        let Some((evidence, _)) = shown.first().cloned() else {
            return;
        };
        let mut cells: Vec<String> = shown.into_iter().map(|(_, text)| text).collect();
        cells.dedup();
        // What every cell shows needs no list of cells.
        if cells.len() == all.len() {
            cells.clear();
        }
        found.push(Found {
            pitfall: Pitfall { kind, evidence },
            cells,
        });
    };
    add(Kind::OnePartition, &brokers::one_partition);
    add(Kind::SkewedKeys, &brokers::skewed_keys);
    add(Kind::AcksAllAlone, &brokers::acks_all_alone);
    add(Kind::OneInSync, &brokers::one_in_sync);
    add(Kind::LargeRecords, &brokers::large_records);
    add(Kind::IdempotenceDropped, &client::idempotence_dropped);
    add(Kind::UnpolledClient, &client::unpolled);
    add(Kind::FullQueue, &client::full_queue);
    add(Kind::SmallBuffer, &client::small_buffer);
    add(Kind::LingerBeyondObjective, &|cell| {
        batching::beyond_objective(cell, conditions)
    });
    add(Kind::LingerDominates, &batching::dominates);
    add(Kind::LingerForNothing, &|cell| batching::for_nothing(cell, &all));
    add(Kind::Incompressible, &batching::incompressible);
    let place = |kind: Kind| Kind::ALL.iter().position(|known| *known == kind);
    found.sort_by_key(|told| place(told.pitfall.kind));
    found
}

/// The cells with a valid trial, in written order; a cell of a two-phase experiment once for each load.
fn cells<'a>(results: &[&'a TrialResult]) -> Vec<Cell<'a>> {
    type Key = (CellId, Option<u64>);
    let mut cells: Vec<(Key, Cell<'a>)> = Vec::new();
    for result in results.iter().filter(|r| r.verdict.valid()) {
        let key = (result.cell, result.workload.rate.map(f64::to_bits));
        match cells.iter_mut().find(|(known, _)| *known == key) {
            Some((_, cell)) => cell.trials.push(result),
            None => cells.push((key, Cell { trials: vec![result] })),
        }
    }
    cells.sort_by_key(|(key, _)| *key);
    cells.into_iter().map(|(_, cell)| cell).collect()
}

/// Trials in which the generator was the limit, or is near what it managed against a null sink.
fn unreachable(results: &[&TrialResult]) -> Option<Found> {
    let paced = results.iter().filter(|r| r.workload.rate.is_some());
    let near = |r: &TrialResult| {
        let mut checks = r.checks.iter().filter(|check| check.limit == Limit::Calibration);
        checks.find(|check| check.severity().is_some()).map(Check::text)
    };
    let mut ids = Vec::new();
    let mut evidence = None;
    for result in paced {
        let read = near(result);
        if result.verdict.bound_by == BoundBy::Harness || read.is_some() {
            ids.push(result.trial);
            evidence = evidence.or(read);
        }
    }
    if ids.is_empty() {
        return None;
    }
    let evidence = match evidence {
        Some(read) => format!(
            "the offered rate is {read} of what an agent managed against a null sink: {}",
            trials(&ids)
        ),
        None => format!("bound by harness: {}", trials(&ids)),
    };
    Some(Found {
        pitfall: Pitfall {
            kind: Kind::UnreachableRate,
            evidence,
        },
        cells: Vec::new(),
    })
}
