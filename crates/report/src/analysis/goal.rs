//! The cells that meet the plan's objective, by its goal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tribunal_model::ids::CellId;
use tribunal_model::objective::{Figure, Goal, Objective};
use tribunal_stats::comparison::{Direction, Metric, Observations, Ranking, Rules, rank};

use super::{Load, MOST_RANKED, cells};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::objective::{self, Known, Standing};
use crate::result::TrialResult;

/// The cells that meet every condition of the objective, best by its goal first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GoalRanking {
    /// The load; `None` where cells under different loads are ranked together, as only rates may be.
    pub load: Option<Load>,
    /// What is to be as large or as small as possible.
    pub goal: Goal,
    /// The cells that meet every condition in every valid trial, in written order.
    pub meets: Vec<CellId>,
    /// The others.
    pub others: Vec<CellId>,
    /// Those that meet, by the goal, in the figure's own unit; `None` where they cannot be ranked. The metric is the one
    /// whose margin and conditions were taken.
    pub ranking: Option<Ranking>,
    /// Why cells that meet are not in the ranking, or why there is none.
    pub notes: Vec<String>,
}

/// The rankings by the goal: of a rate over the whole experiment, of all else for each load.
pub(super) fn rankings(report: &ExperimentReport, rules: &Rules) -> Vec<GoalRanking> {
    let Some(Objective { goal: Some(goal), .. }) = report.facts.objective else {
        return Vec::new();
    };
    let results = of_cells(report);
    let (Goal::Maximise(figure) | Goal::Minimise(figure)) = goal;
    let across = matches!(figure, Figure::DeliveredRate | Figure::DeliveredBytes);
    let mut loads: Vec<(Load, Vec<&TrialResult>)> = Vec::new();
    for result in &results {
        let load = Load::of(result);
        match loads.iter_mut().find(|(known, _)| known.same(&load)) {
            Some((_, trials)) => trials.push(result),
            None => loads.push((load, vec![result])),
        }
    }
    loads.sort_by(|(a, _), (b, _)| super::order(a).total_cmp(&super::order(b)));
    // A cell of a two-phase experiment runs under several loads, which are no repetitions of each other.
    let shares = loads.iter().any(|(load, _)| matches!(load, Load::Share { .. }));
    if results.is_empty() {
        Vec::new()
    } else if across && !shares {
        let one = (loads.len() == 1).then(|| loads.swap_remove(0).0);
        vec![ranking(one, goal, &results, rules)]
    } else {
        loads
            .into_iter()
            .map(|(load, trials)| ranking(Some(load), goal, &trials, rules))
            .collect()
    }
}

fn ranking(load: Option<Load>, goal: Goal, results: &[&TrialResult], rules: &Rules) -> GoalRanking {
    let standings = objective::of_cells(results);
    let (meets, others): (Vec<_>, Vec<_>) = standings.iter().partition(|cell| cell.standing == Standing::Pass);
    let ids = |cells: &[&objective::CellStanding]| cells.iter().map(|cell| cell.cell).collect::<Vec<_>>();
    let mut told = GoalRanking {
        load,
        goal,
        meets: ids(&meets),
        others: ids(&others),
        ranking: None,
        notes: Vec::new(),
    };
    let (figure, wanted) = match goal {
        Goal::Maximise(figure) => (figure, Direction::HigherIsBetter),
        Goal::Minimise(figure) => (figure, Direction::LowerIsBetter),
    };
    let Some(metric) = like(figure).filter(|metric| metric.direction() == wanted) else {
        told.notes
            .push(format!("cells are not ranked by {figure} in that direction"));
        return told;
    };
    let meeting: Vec<&TrialResult> = results
        .iter()
        .filter(|r| told.meets.contains(&r.cell))
        .copied()
        .collect();
    let by_cell = cells::by_cell(&meeting);
    let observations = observed(figure, metric, &by_cell, &mut told.notes);
    match observations.cells.len() {
        0 => {}
        1..=MOST_RANKED => told.ranking = Some(rank(&observations, rules)),
        n => told
            .notes
            .push(format!("{n} cells are not ranked: at most {MOST_RANKED} are")),
    }
    told
}

/// What may be ranked; the rest is told in `notes`.
fn observed(
    figure: Figure,
    metric: Metric,
    by_cell: &BTreeMap<CellId, Vec<&TrialResult>>,
    notes: &mut Vec<String>,
) -> Observations {
    let mut left_out = Vec::new();
    let mut told = cells::observations(metric, by_cell, &mut left_out);
    for left in left_out {
        let text = by_cell[&left.cell].first().map(|r| r.cell_text()).unwrap_or_default();
        notes.push(format!("{text} meets the conditions and is not ranked: {}", left.why));
    }
    let values = |cell: &CellId| -> Option<BTreeMap<u32, f64>> {
        let valid = by_cell[cell].iter().filter(|r| r.verdict.valid());
        valid
            .map(|r| match objective::figure(r, figure) {
                Known::Exactly(value) => Some((r.block, value)),
                Known::AtLeast(_) | Known::Absent(_) => None,
            })
            .collect()
    };
    told.cells = told
        .cells
        .keys()
        .filter_map(|cell| Some((*cell, values(cell)?)))
        .collect();
    told
}

/// The metric whose direction, margin and conditions of comparison hold for a figure; `None` for counts, which may be
/// 0, and for figures that no comparison looks at.
fn like(figure: Figure) -> Option<Metric> {
    match figure {
        Figure::DeliveredRate | Figure::DeliveredBytes | Figure::DeliveredShare => Some(Metric::DeliveredRate),
        Figure::ResponseP50 | Figure::ResponseP90 => Some(Metric::ResponseP50),
        Figure::ResponseP99 => Some(Metric::ResponseP99),
        Figure::ResponseP999 => Some(Metric::ResponseP999),
        Figure::ServiceP50 => Some(Metric::ServiceP50),
        Figure::ServiceP99 => Some(Metric::ServiceP99),
        Figure::CpuPerMillion => Some(Metric::ProducingCpuPerRecord),
        Figure::ResponseP9999
        | Figure::ServiceP999
        | Figure::Failed
        | Figure::Shed
        | Figure::Censored
        | Figure::Retries => None,
    }
}
