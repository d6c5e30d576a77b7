//! A trial against the plan's objective: met, missed, or not to be told.

use serde::{Deserialize, Serialize};
use tribunal_model::ids::{CellId, TrialId};
use tribunal_model::objective::{Condition, Figure, FigureUnit, Objective};
use tribunal_stats::{ClientCount, Distribution};

use crate::eligibility::needed;
use crate::format;
use crate::processor_time::ProcessorTime;
use crate::result::{PartResult, StoredDistribution, TrialResult};

/// What is known of a figure of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Its value, in the figure's unit.
    Exactly(f64),
    /// It lies among records without a final word: not below this.
    AtLeast(f64),
    /// It cannot be told, for this reason.
    Absent(String),
}

/// Whether an objective is met. A trial whose instruments are in doubt answers nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Standing {
    /// Every condition holds.
    Pass,
    /// A condition does not hold.
    Fail,
    /// The trial is invalid, or a figure that is needed cannot be told.
    Invalid,
}

impl Standing {
    /// The word used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Invalid => "INVALID",
        }
    }
}

/// How a trial stands to the objective, with what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ObjectiveOutcome {
    /// The answer.
    pub standing: Standing,
    /// Every condition with what was known of its figure, and whether it holds, where that can be told.
    pub conditions: Vec<(Condition, Known, Option<bool>)>,
}

/// Holds a trial against an objective.
///
/// FAIL goes before what cannot be told: one condition that is known to be broken is enough. An invalid trial is
/// INVALID whatever its figures are: generator validity and the objective are separate gates.
pub fn assess(objective: &Objective, result: &TrialResult) -> ObjectiveOutcome {
    let conditions: Vec<(Condition, Known, Option<bool>)> = objective
        .conditions
        .iter()
        .map(|condition| {
            let known = figure(result, condition.figure);
            let holds = match &known {
                Known::Exactly(value) => Some(condition.relation.holds(*value, condition.value)),
                Known::AtLeast(bound) => condition.relation.fails_from(*bound, condition.value).then_some(false),
                Known::Absent(_) => None,
            };
            (condition.clone(), known, holds)
        })
        .collect();
    let standing = if !result.verdict.valid() {
        Standing::Invalid
    } else if conditions.iter().any(|(_, _, holds)| *holds == Some(false)) {
        Standing::Fail
    } else if conditions.iter().any(|(_, _, holds)| holds.is_none()) {
        Standing::Invalid
    } else {
        Standing::Pass
    };
    ObjectiveOutcome { standing, conditions }
}

/// A figure of a trial's window.
pub fn figure(result: &TrialResult, figure: Figure) -> Known {
    let Some(part) = result.measured() else {
        return Known::Absent("nothing was measured".to_owned());
    };
    let told = |value: Option<f64>, why: &str| value.map_or_else(|| Known::Absent(why.to_owned()), Known::Exactly);
    let rates = &result.rates;
    let blind = "nothing is acknowledged with acks=0";
    match figure {
        Figure::DeliveredRate => told(rates.delivered, blind),
        Figure::DeliveredBytes => told(rates.delivered_bytes, blind),
        Figure::DeliveredShare => told(
            rates
                .delivered
                .zip(rates.offered)
                .map(|(delivered, offered)| delivered / offered),
            "there is no offered rate in a closed loop, and no delivered one with acks=0",
        ),
        Figure::ResponseP50 => quantile(&part.response, Some(part), 0.5),
        Figure::ResponseP90 => quantile(&part.response, Some(part), 0.9),
        Figure::ResponseP99 => quantile(&part.response, Some(part), 0.99),
        Figure::ResponseP999 => quantile(&part.response, Some(part), 0.999),
        Figure::ResponseP9999 => quantile(&part.response, Some(part), 0.9999),
        Figure::ServiceP50 => quantile(&part.service, None, 0.5),
        Figure::ServiceP99 => quantile(&part.service, None, 0.99),
        Figure::ServiceP999 => quantile(&part.service, None, 0.999),
        Figure::Failed => {
            let failed: u64 = part.failed.iter().map(|(_, distribution)| distribution.count).sum();
            counted(part, failed)
        }
        Figure::Shed => counted(part, part.fates.shed),
        Figure::Censored => counted(part, part.fates.unresolved + part.fates.unsent),
        Figure::Retries => match result.statistics.told(ClientCount::Retries) {
            Some(retries) => counted(part, retries),
            None => Known::Absent("its client does not tell what it sends again".to_owned()),
        },
        Figure::CpuPerMillion => {
            let used = ProcessorTime::Producing.used_ns(result) as f64 / 1e9;
            let delivered = result.window.acknowledged + result.window.written_blind;
            told(
                (delivered > 0).then(|| used / delivered as f64 * 1e6),
                "no record was delivered",
            )
        }
    }
}

/// A count of a window's records; over zero records it says nothing.
fn counted(part: &PartResult, count: u64) -> Known {
    if part.fates.scheduled == 0 {
        Known::Absent("no record was due in the window".to_owned())
    } else {
        Known::Exactly(count as f64)
    }
}

/// A percentile in seconds, with the ages of the censored records as lower bounds where `part` is given.
fn quantile(stored: &StoredDistribution, part: Option<&PartResult>, q: f64) -> Known {
    let observed = stored.count + stored.censored;
    let least = needed(q);
    if observed < least {
        return Known::Absent(format!(
            "{} of {} records",
            format::count(observed),
            format::count(least)
        ));
    }
    let Ok(distribution) = stored.distribution() else {
        return Known::Absent("its distribution cannot be read".to_owned());
    };
    if let Some(value) = distribution.quantile_censored(q, stored.censored) {
        return Known::Exactly(value.as_secs_f64());
    }
    let mut bounded = distribution;
    if let Some(Ok(ages)) = part.map(|part| part.censored.distribution()) {
        bounded.merge(&ages);
    }
    let bound = bounded.quantile(q).or_else(|| Distribution::max(&bounded));
    Known::AtLeast(bound.unwrap_or_default().as_secs_f64())
}

/// How a cell stands to the objective, over its trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellStanding {
    /// The cell.
    pub cell: CellId,
    /// Its levels in words.
    pub text: String,
    /// FAIL where one trial fails; PASS where all valid trials pass, at least one; INVALID otherwise.
    pub standing: Standing,
    /// Each trial's standing.
    pub trials: Vec<(TrialId, Standing)>,
    /// The trial and the condition that decided, in words.
    pub decided_by: String,
}

impl CellStanding {
    /// How many trials stand so.
    pub fn number(&self, standing: Standing) -> u64 {
        self.trials.iter().filter(|(_, known)| *known == standing).count() as u64
    }
}

/// How each cell stands to the objective, in written order; cells without an outcome are left out.
///
/// In a two-phase experiment all rates of a cell count: it meets the objective where it does at each of them.
pub fn of_cells(results: &[&TrialResult]) -> Vec<CellStanding> {
    let mut ids: Vec<CellId> = results.iter().map(|r| r.cell).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter()
        .filter_map(|id| {
            let of_cell: Vec<(&TrialResult, &ObjectiveOutcome)> = results
                .iter()
                .filter(|r| r.cell == id)
                .filter_map(|r| Some((*r, r.objective.as_ref()?)))
                .collect();
            cell_standing(id, &of_cell)
        })
        .collect()
}

fn cell_standing(cell: CellId, of_cell: &[(&TrialResult, &ObjectiveOutcome)]) -> Option<CellStanding> {
    let (first, _) = of_cell.first()?;
    let of = |standing: Standing| {
        of_cell
            .iter()
            .find(|(result, outcome)| result.verdict.valid() && outcome.standing == standing)
    };
    let (decisive, standing) = match (of(Standing::Fail), of(Standing::Invalid), of(Standing::Pass)) {
        (Some(failed), _, _) => (Some(failed), Standing::Fail),
        (None, Some(untold), _) => (Some(untold), Standing::Invalid),
        (None, None, Some(_)) => (None, Standing::Pass),
        (None, None, None) => (of_cell.first(), Standing::Invalid),
    };
    Some(CellStanding {
        cell,
        text: first.cell_text(),
        standing,
        trials: of_cell.iter().map(|(r, outcome)| (r.trial, outcome.standing)).collect(),
        decided_by: decisive.map_or_else(
            || "every condition in every valid trial".to_owned(),
            |(result, outcome)| format!("{}: {}", result.trial, why(outcome, result.verdict.valid())),
        ),
    })
}

/// A trial's standing, with what decided it: `FAIL: response_p99 60.0 ms, wanted <= 50ms`.
pub fn told(outcome: &ObjectiveOutcome, valid: bool) -> String {
    match outcome.standing {
        Standing::Pass => Standing::Pass.name().to_owned(),
        standing => format!("{}: {}", standing.name(), why(outcome, valid)),
    }
}

/// The first condition that decided against PASS, or that the trial is invalid.
fn why(outcome: &ObjectiveOutcome, valid: bool) -> String {
    if !valid {
        return "the trial is invalid".to_owned();
    }
    let against = if outcome.standing == Standing::Fail {
        Some(false)
    } else {
        None
    };
    let decisive = outcome.conditions.iter().find(|(_, _, holds)| *holds == against);
    match decisive {
        Some((condition, Known::Absent(why), _)) => format!("{} cannot be told ({why})", condition.figure),
        Some((condition, known, None)) => format!(
            "{} is {}, which does not tell whether it is {}",
            condition.figure,
            show(condition.figure, known),
            condition.text
        ),
        Some((condition, known, _)) => format!(
            "{} {}, wanted {}",
            condition.figure,
            show(condition.figure, known),
            condition.text
        ),
        None => "no condition".to_owned(),
    }
}

/// What is known of a figure, for people.
pub fn show(figure: Figure, known: &Known) -> String {
    match known {
        Known::Exactly(value) => value_text(figure, *value),
        Known::AtLeast(bound) => format!("≥ {}", value_text(figure, *bound)),
        Known::Absent(_) => format::ABSENT.to_owned(),
    }
}

/// A value of a figure, for people.
pub fn value_text(figure: Figure, value: f64) -> String {
    match figure.unit() {
        FigureUnit::Rate => format::rate(value),
        FigureUnit::ByteRate => format::byte_rate(value),
        FigureUnit::Seconds => format::nanos((value * 1e9).round() as i64),
        FigureUnit::Share => format::share(value),
        FigureUnit::Count => format::count(value.round() as u64),
    }
}
