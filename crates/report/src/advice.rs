//! Which settings to use, how sure that is, and what is missing where nothing may be recommended.
//!
//! Everything rests on [`Analysis`]: invalid trials enter nothing, nothing is recommended on a mock, and a cell is
//! recommended only on as many valid trials as a comparison wants. Cells that are not shown to be worse than the best one
//! tie with it; of those the simplest is recommended: the one whose client is set furthest back to its defaults.

mod bought;
mod pick;
mod suggested;
pub(crate) mod text;

use serde::{Deserialize, Serialize};
use tribunal_model::client::{Client, paste};
use tribunal_model::ids::CellId;
use tribunal_model::objective::Goal;
use tribunal_stats::comparison::{Contrast, Estimate, Metric};

use crate::analysis::{Analysis, Group, Load};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::settings;

pub use suggested::Suggested;

/// Clients whose spelling is printed.
const SPELLED: [Client; 5] = [
    Client::Librdkafka,
    Client::ConfluentKafka,
    Client::KafkaPython,
    Client::Java,
    Client::FranzGo,
];

/// What to use, and what the suggested settings are worth here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Advice {
    /// The recommended cells: one for each load, or one by a goal that goes over all loads.
    pub choices: Vec<Choice>,
    /// Why nothing is recommended, or not for some load, and what is missing.
    pub missing: Vec<String>,
    /// The cells with settings that are often suggested, by load.
    pub suggested: Vec<Suggested>,
}

/// A recommended cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Choice {
    /// The load; `None` where the goal goes over all loads.
    pub load: Option<Load>,
    /// By what it was chosen.
    pub basis: Basis,
    /// The cell.
    pub cell: CellId,
    /// Its levels in words.
    pub text: String,
    /// Its figure: in the goal's unit, or its response p99 in microseconds.
    pub figure: Estimate,
    /// The cell with the best mean, where that is another one.
    pub best: Option<Tie>,
    /// The further cells that are not shown to be worse than the best one.
    pub ties: Vec<Tie>,
    /// Cells that are shown to be worse than the best one.
    pub worse: u32,
    /// Cells that were not in the choice, and why.
    pub unranked: Vec<String>,
    /// Properties in which its client is not at its defaults.
    pub differing: u32,
    /// Against the baseline of its load; empty where it is the baseline or nothing was compared.
    pub gains: Vec<Gain>,
    /// Whether it is the baseline.
    pub is_baseline: bool,
    /// The baseline's levels in words.
    pub baseline: String,
    /// What each setting in which it differs from the baseline does alone.
    pub bought: Vec<Bought>,
    /// The client library that was measured.
    pub client: String,
    /// Its levels of factors that are no client properties.
    pub beside: Vec<(String, String)>,
    /// The producer's settings by their names in plans; connections and secrets are left out.
    pub set: Vec<(String, String)>,
    /// The same, ready to paste.
    pub spellings: Vec<Spelling>,
}

/// By what cells are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The objective's goal.
    Goal(Goal),
    /// None: of the cells that sustained the load, and so delivered the same, by response p99. Together the choices are the
    /// Pareto front of delivered rate and response p99.
    Front,
}

/// A cell that ties with the best one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tie {
    /// The cell.
    pub cell: CellId,
    /// Its levels in words.
    pub text: String,
    /// The recommended cell over the best one, where this is the best one.
    pub contrast: Option<Contrast>,
}

/// One metric of the recommended cell over another cell's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gain {
    /// The metric.
    pub metric: Metric,
    /// The ratio with its interval and verdict.
    pub contrast: Contrast,
}

/// What one setting does alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bought {
    /// The property or factor.
    pub setting: String,
    /// Its value; `None` where it is not set.
    pub value: Option<String>,
    /// The baseline's value; `None` where it is not set.
    pub instead_of: Option<String>,
    /// The cell that differs from the recommended one in this alone and has the baseline's value; `None` where there is no
    /// such cell, and so nothing is known.
    pub against: Option<CellId>,
    /// The recommended cell over that one.
    pub gains: Vec<Gain>,
}

/// A producer's settings in a client's own spelling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Spelling {
    /// The client library.
    pub client: String,
    /// Lines to paste, comments among them.
    pub text: String,
}

impl Advice {
    /// What follows from an analysis of the report's trials.
    pub fn of(report: &ExperimentReport, analysis: &Analysis) -> Self {
        let (picks, mut missing) = pick::picks(report, analysis);
        let (front, dominated) = pick::front(picks);
        missing.extend(dominated);
        let choices: Vec<Choice> = front
            .into_iter()
            .filter_map(|pick| choice(report, analysis, pick))
            .collect();
        Self {
            suggested: suggested::of(report, analysis, &choices),
            choices,
            missing,
        }
    }
}

/// A pick with everything that is told of it.
fn choice(report: &ExperimentReport, analysis: &Analysis, pick: pick::Pick<'_>) -> Option<Choice> {
    let results = of_cells(report);
    let trial = results.iter().find(|r| r.cell == pick.cell && pick.group.holds(r))?;
    let group = pick.group;
    let name = |cell: CellId| results.iter().find(|r| r.cell == cell).map(|r| r.cell_text());
    let [best, ..] = pick.ranking.rows.as_slice() else {
        return None;
    };
    let row = pick.ranking.rows.iter().find(|row| row.cell == pick.cell)?;
    let tie = |cell: CellId, contrast: Option<Contrast>| {
        Some(Tie {
            cell,
            text: name(cell)?,
            contrast,
        })
    };
    let others = pick.ranking.rows.iter().filter(|row| row.cell != pick.cell);
    let ties = others.clone().filter(|row| row.ties_with_best && row.cell != best.cell);
    let set = settings::producer(trial);
    let spellings = SPELLED.iter().map(|client| Spelling {
        client: client.name(),
        text: paste(client, &set),
    });
    let beside = trial.levels.iter().filter(|level| {
        let property = trial.workload.properties.iter().any(|(name, _)| *name == level.factor);
        !property && level.factor != settings::PRESET
    });
    Some(Choice {
        load: pick.load,
        basis: pick.basis,
        cell: pick.cell,
        text: trial.cell_text(),
        figure: row.mean,
        best: row.to_best.clone().and_then(|contrast| tie(best.cell, Some(contrast))),
        ties: ties.filter_map(|row| tie(row.cell, None)).collect(),
        worse: others.filter(|row| !row.ties_with_best).count() as u32,
        unranked: pick.unranked,
        differing: settings::far(trial).properties,
        gains: gains(group, pick.cell),
        is_baseline: pick.cell == group.baseline,
        baseline: name(group.baseline).unwrap_or_default(),
        bought: bought::of(report, analysis, group, pick.cell),
        client: trial.workload.client.clone(),
        beside: beside
            .map(|level| (level.factor.clone(), level.value.clone()))
            .collect(),
        spellings: spellings.collect(),
        set,
    })
}

/// What a cell gains over its group's baseline.
fn gains(group: &Group, cell: CellId) -> Vec<Gain> {
    let rows = group.comparisons.iter().filter(|row| row.candidate == cell);
    rows.map(|row| Gain {
        metric: row.metric,
        contrast: row.contrast.clone(),
    })
    .collect()
}
