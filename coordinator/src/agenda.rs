//! Which trial comes next: a pure function of the plan and of what has a result.
//!
//! Nothing is remembered between calls, so that a resumed experiment goes on exactly where it stopped: what the results
//! of earlier trials decide (the rates of a two-phase experiment, the probes of a search) is decided again from them.

use std::collections::BTreeMap;
use std::time::Duration;

use tribunal_model::design::{Mode, Purpose, SearchPlan};
use tribunal_model::ids::{CellId, TrialId};
use tribunal_model::matrix::{Cell, Matrix};
use tribunal_model::plan::Plan;
use tribunal_model::trial::{Rate, RecordRate, Trial};
use tribunal_report::objective::Standing;
use tribunal_report::result::TrialResult;
use tribunal_report::search::{self, SearchOutcome};
use tribunal_stats::search::{Probe, ProbeVerdict, Search, Settings, Step};

/// A confirmation shorter than this measures how brokers write to memory (METHODOLOGY.md, section 10).
const LASTING: Duration = Duration::from_secs(600);

/// What the agenda has to know of a trial that has a result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Done {
    pub(crate) cell: CellId,
    pub(crate) purpose: Purpose,
    pub(crate) valid: bool,
    /// Offered rate as planned, records a second; `None` in a closed loop.
    pub(crate) offered: Option<f64>,
    /// Delivered rate, records a second.
    pub(crate) delivered: Option<f64>,
    /// How it stands to the objective, the offered rate's being sustained included.
    pub(crate) standing: Standing,
    /// Why it is invalid, or which condition cannot be told.
    pub(crate) reason: String,
}

impl Done {
    /// What of a result matters here.
    pub(crate) fn of(result: &TrialResult) -> Self {
        let objective = result.objective.as_ref();
        let doubts = result.verdict.caveats.iter().filter(|caveat| caveat.invalidates());
        let untold = objective.into_iter().flat_map(|outcome| &outcome.conditions);
        let untold = untold.filter(|(_, _, holds)| holds.is_none());
        let reason = doubts
            .map(ToString::to_string)
            .chain(untold.map(|(condition, _, _)| format!("{} cannot be told", condition.figure)))
            .next();
        Self {
            cell: result.cell,
            purpose: result.purpose.clone(),
            valid: result.verdict.valid(),
            offered: result.workload.rate,
            delivered: result.rates.delivered,
            standing: search::verdict(result),
            reason: reason.unwrap_or_default(),
        }
    }
}

/// Results by trial, in run order.
pub(crate) type History = BTreeMap<TrialId, Done>;

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    /// This trial.
    Trial(Box<Trial>),
    /// Nothing more; a line for the person who watches, where there is something to say.
    Over(Option<String>),
}

/// The trials that are known already, in run order, and whether more will follow from their results.
pub(crate) fn known(plan: &Plan, matrix: &Matrix, history: &History) -> (Vec<Trial>, bool) {
    let mut trials = matrix.trials.clone();
    if plan.search.is_some() {
        return (trials, true);
    }
    if plan.design.mode == Mode::TwoPhase {
        let capacities_done = trials.iter().all(|trial| history.contains_key(&trial.id));
        match slowest(history) {
            Some((_, slowest)) if capacities_done => trials.extend(shares(matrix, slowest)),
            _ => return (trials, !capacities_done),
        }
    }
    (trials, false)
}

/// The next trial.
pub(crate) fn next(plan: &Plan, matrix: &Matrix, history: &History) -> Result<Next, String> {
    if let Some(search) = &plan.search {
        return probe(search, matrix, history);
    }
    let (trials, _) = known(plan, matrix, history);
    let left = trials.into_iter().find(|trial| !history.contains_key(&trial.id));
    Ok(match left {
        Some(trial) => Next::Trial(Box::new(trial)),
        None if plan.design.mode == Mode::TwoPhase && slowest(history).is_none() => Next::Over(Some(
            "no cell's capacity could be told: there are no rates to compare at".to_owned(),
        )),
        None => Next::Over(None),
    })
}

/// The slowest capacity of the first phase, among the cells whose capacity is known.
pub(crate) fn slowest(history: &History) -> Option<(CellId, f64)> {
    history
        .values()
        .filter(|done| done.purpose == Purpose::Capacity && done.valid)
        .filter_map(|done| Some((done.cell, done.delivered.filter(|rate| *rate > 0.0)?)))
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
}

fn shares(matrix: &Matrix, slowest: f64) -> Vec<Trial> {
    let first = matrix.trials.iter().map(|trial| trial.id.0).max().unwrap_or(0) + 1;
    matrix.share_trials(TrialId(first), slowest)
}

/// The next probe of the first cell whose search is not over.
fn probe(plan: &SearchPlan, matrix: &Matrix, history: &History) -> Result<Next, String> {
    let id = TrialId(history.keys().next_back().map_or(0, |id| id.0) + 1);
    for cell in &matrix.cells {
        let search = replay(plan, cell, history)?;
        if let Step::Probe(probe) = search.next() {
            return Ok(Next::Trial(Box::new(trial(cell, id, &probe)?)));
        }
    }
    Ok(Next::Over(None))
}

/// What every cell's search has found so far; nothing where the plan asks for none.
pub(crate) fn searches(plan: &Plan, matrix: &Matrix, history: &History) -> Result<Vec<SearchOutcome>, String> {
    let Some(search) = &plan.search else {
        return Ok(Vec::new());
    };
    let outcome = |cell: &Cell| {
        let answer = match replay(search, cell, history)?.next() {
            Step::Done(answer) => Some(answer),
            Step::Probe(_) => None,
        };
        Ok(SearchOutcome {
            cell: cell.id,
            levels: cell.levels.clone(),
            answer,
            page_cache_only: search.confirm.is_none_or(|confirm| confirm < LASTING),
        })
    };
    matrix.cells.iter().map(outcome).collect()
}

/// A cell's search with all its probes so far.
///
/// Not by [`Search::replay`]: a trial offers millionths of a record a second, the search six digits, so what was run is
/// held against what the search asks for as a trial would offer it.
fn replay(plan: &SearchPlan, cell: &Cell, history: &History) -> Result<Search, String> {
    let settings = settings(plan, cell.windows.measure).map_err(|error| error.to_string())?;
    let mut search = Search::new(settings);
    for (id, done) in history.iter().filter(|(_, done)| done.cell == cell.id) {
        if !matches!(done.purpose, Purpose::Probe(_)) {
            continue;
        }
        let asked = match search.next() {
            Step::Probe(probe) => planned(&probe),
            Step::Done(_) => None,
        };
        if asked != Some((done.purpose.clone(), done.offered)) {
            return Err(format!("trial {id} is no probe that this search asks for"));
        }
        let verdict = match done.standing {
            Standing::Pass => ProbeVerdict::Pass {
                delivered: done.delivered,
            },
            Standing::Fail => ProbeVerdict::Fail {
                delivered: done.delivered,
            },
            Standing::Invalid => ProbeVerdict::Invalid {
                reason: done.reason.clone(),
            },
        };
        search.answer(verdict).map_err(|error| format!("trial {id}: {error}"))?;
    }
    Ok(search)
}

fn settings(plan: &SearchPlan, window: Duration) -> Result<Settings, tribunal_stats::search::InvalidSettings> {
    Settings {
        first: plan.first,
        highest: plan.highest,
        precision: plan.precision,
        confirmations: plan.confirmations,
        back_off: plan.back_off,
        most_probes: plan.most_probes,
        first_window: window,
        longest_window: 4 * window,
        confirm_window: plan.confirm,
    }
    .checked()
}

/// A probe's purpose and offered rate as they stand in its trial's result; `None` for a rate that cannot be offered.
fn planned(probe: &Probe) -> Option<(Purpose, Option<f64>)> {
    let rate = RecordRate::per_second(probe.rate)?;
    Some((Purpose::Probe(probe.purpose.to_string()), Some(rate.as_per_second())))
}

fn trial(cell: &Cell, id: TrialId, probe: &Probe) -> Result<Trial, String> {
    let rate = RecordRate::per_second(probe.rate).ok_or_else(|| format!("no rate: {}/s", probe.rate))?;
    let mut trial = cell.at(id, 0, Purpose::Probe(probe.purpose.to_string()), Rate::Paced(rate));
    trial.windows.measure = probe.measure;
    Ok(trial)
}

#[cfg(test)]
mod tests;
