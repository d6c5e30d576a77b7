//! Which cell of the one stands against which of the other.

use tribunal_model::ids::CellId;
use tribunal_model::trial::Level;

use super::{Side, Unmatched};
use crate::analysis::{Load, SAME_LOAD};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::result::TrialResult;

/// The trials of one cell under one load.
#[derive(Clone, Debug)]
struct Cell<'a> {
    id: CellId,
    load: Load,
    trials: Vec<&'a TrialResult>,
}

/// A cell and its like under one load; neither is empty.
#[derive(Clone, Debug)]
pub(super) struct Matched<'a> {
    pub(super) load: Load,
    pub(super) baseline: Vec<&'a TrialResult>,
    pub(super) candidate: Vec<&'a TrialResult>,
    /// Whether the two have the same levels.
    pub(super) alike: bool,
}

/// The matched cells in the baseline's written order, and those that have no like.
pub(super) fn matched<'a>(baseline: Side<'a>, candidate: Side<'a>) -> (Vec<Matched<'a>>, Vec<Unmatched>) {
    let (of_baseline, mut of_candidate) = (cells(baseline), cells(candidate));
    let named = baseline.cell.is_some() && candidate.cell.is_some();
    let (mut pairs, mut unmatched) = (Vec::new(), Vec::new());
    for cell in of_baseline {
        let like = of_candidate.iter().position(|other| {
            let alike = same_levels(levels(&cell), levels(other));
            (named || alike) && same_load(&cell.load, &other.load)
        });
        match like {
            Some(place) => {
                let other = of_candidate.remove(place);
                pairs.push(Matched {
                    alike: same_levels(levels(&cell), levels(&other)),
                    load: cell.load,
                    baseline: cell.trials,
                    candidate: other.trials,
                });
            }
            None => unmatched.push(alone(&cell, true)),
        }
    }
    unmatched.extend(of_candidate.iter().map(|cell| alone(cell, false)));
    // A cell that was named for one side asks for nothing but its like.
    match (baseline.cell.is_some(), candidate.cell.is_some()) {
        (true, false) => unmatched.retain(|cell| cell.of_baseline),
        (false, true) => unmatched.retain(|cell| !cell.of_baseline),
        (true, true) | (false, false) => {}
    }
    (pairs, unmatched)
}

fn alone(cell: &Cell<'_>, of_baseline: bool) -> Unmatched {
    Unmatched {
        of_baseline,
        cell: cell.trials.first().map(|r| r.cell_text()).unwrap_or_default(),
        load: cell.load.clone(),
    }
}

/// The cells of a side in written order, each under each of its loads.
fn cells(side: Side<'_>) -> Vec<Cell<'_>> {
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for result in of_cells(side.report) {
        if side.cell.is_some_and(|wanted| wanted != result.cell) {
            continue;
        }
        let load = Load::of(result);
        match cells
            .iter_mut()
            .find(|known| known.id == result.cell && known.load.same(&load))
        {
            Some(known) => known.trials.push(result),
            None => cells.push(Cell {
                id: result.cell,
                load,
                trials: vec![result],
            }),
        }
    }
    cells.sort_by_key(|known| known.id);
    cells
}

/// The cells with a trial to compare that go by this text.
pub(super) fn named(report: &ExperimentReport, text: &str) -> Vec<CellId> {
    let number = text.strip_prefix('c').unwrap_or(text).parse().ok().map(CellId);
    let wanted: Vec<&str> = text.split([' ', ',']).filter(|level| !level.is_empty()).collect();
    let has = |result: &TrialResult, wanted: &str| {
        let levels = result.levels.iter();
        levels
            .map(|level| format!("{}={}", level.factor, level.value))
            .any(|level| level == wanted)
    };
    let goes_by = |result: &&&TrialResult| match number {
        Some(number) => result.cell == number,
        None => !wanted.is_empty() && wanted.iter().all(|level| has(result, level)),
    };
    let mut found: Vec<CellId> = of_cells(report)
        .iter()
        .filter(goes_by)
        .map(|result| result.cell)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn levels<'a>(cell: &Cell<'a>) -> &'a [Level] {
    cell.trials.first().map_or(&[], |result| &result.levels)
}

/// Whether two cells have the same levels, in whatever order their plans name the factors.
fn same_levels(one: &[Level], other: &[Level]) -> bool {
    let sorted = |levels: &[Level]| {
        let mut levels = levels.to_vec();
        levels.sort_unstable();
        levels
    };
    sorted(one) == sorted(other)
}

/// The same load, and the same rate: a share of one slowest capacity is another load than that share of another.
fn same_load(one: &Load, other: &Load) -> bool {
    one.same(other)
        && match (one, other) {
            (Load::Share { rate: a, .. }, Load::Share { rate: b, .. }) => (a / b - 1.0).abs() <= SAME_LOAD,
            (Load::Offered { .. } | Load::Share { .. } | Load::Saturated, _) => true,
        }
}
