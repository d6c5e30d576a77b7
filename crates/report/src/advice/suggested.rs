//! Whether the settings that are often suggested held here: `linger.ms` 10 to 20, `batch.size` 131072 to 262144, zstd, `acks`
//! 1 or all.

use serde::{Deserialize, Serialize};
use tribunal_model::client::default_of;
use tribunal_model::ids::CellId;
use tribunal_model::plan::Preset;
use tribunal_stats::comparison::{Observations, compare};

use super::{Choice, Gain};
use crate::analysis::{Analysis, Group, Load};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::result::TrialResult;
use crate::settings::{by_cell, client, differences};

/// A cell with suggested settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Suggested {
    /// The load.
    pub load: Load,
    /// The cell.
    pub cell: CellId,
    /// Its levels in words.
    pub text: String,
    /// Whether it is the baseline itself.
    pub is_baseline: bool,
    /// The baseline's levels in words.
    pub baseline: String,
    /// Against the baseline, with which all else is equal.
    pub gains: Vec<Gain>,
    /// The recommended cell, where there is one under this load and it is another.
    pub recommended: Option<String>,
    /// That cell over this one.
    pub recommended_gains: Vec<Gain>,
    /// The client, its default and the suggested `batch.size`, where the suggestion makes batches smaller.
    pub smaller_batch: Option<(String, u64, u64)>,
}

/// The suggested cells of each load: those that differ from the baseline in nothing but what is suggested.
pub(super) fn of(report: &ExperimentReport, analysis: &Analysis, choices: &[Choice]) -> Vec<Suggested> {
    if analysis.not_compared.is_some() {
        return Vec::new();
    }
    let groups = analysis.groups.iter();
    groups
        .flat_map(|group| of_group(report, analysis, group, choices))
        .collect()
}

fn of_group(report: &ExperimentReport, analysis: &Analysis, group: &Group, choices: &[Choice]) -> Vec<Suggested> {
    let trials: Vec<&TrialResult> = of_cells(report).into_iter().filter(|r| group.holds(r)).collect();
    let cells = by_cell(&trials);
    let Some(baseline) = cells.get(&group.baseline) else {
        return Vec::new();
    };
    let preset = Preset::Suggested.properties();
    let alike = |cell: &CellId| {
        let differs = cells.get(cell).map(|settings| differences(settings, baseline));
        differs.is_some_and(|names| names.iter().all(|name| preset.get(name).is_some()))
    };
    let first_of = |cell: CellId| trials.iter().find(|r| r.cell == cell).copied();
    let suggested = cells.keys().copied().filter(|cell| alike(cell));
    let suggested = suggested.filter_map(|cell| first_of(cell).filter(|trial| is_suggested(trial)));
    let chosen = choices.iter().find(|choice| {
        let here = choice.load.as_ref().is_none_or(|load| group.load.same(load));
        here && cells.contains_key(&choice.cell)
    });
    suggested
        .map(|trial| {
            let other = chosen.filter(|choice| choice.cell != trial.cell);
            Suggested {
                load: group.load.clone(),
                cell: trial.cell,
                text: trial.cell_text(),
                is_baseline: trial.cell == group.baseline,
                baseline: first_of(group.baseline).map(TrialResult::cell_text).unwrap_or_default(),
                gains: super::gains(group, trial.cell),
                recommended: other.map(|choice| choice.text.clone()),
                recommended_gains: other.map_or_else(Vec::new, |choice| {
                    over(report, analysis, group, choice.cell, trial.cell)
                }),
                smaller_batch: smaller_batch(trial),
            }
        })
        .collect()
}

/// One cell over another, judged among all cells over that one: whichever is picked, Holm's guarantee holds.
fn over(report: &ExperimentReport, analysis: &Analysis, group: &Group, cell: CellId, other: CellId) -> Vec<Gain> {
    let metrics = group.metrics.iter();
    let all: Vec<Observations> = metrics
        .map(|metric| group.observations(report, *metric))
        .filter(|of| of.cells.contains_key(&other))
        .collect();
    let rows = compare(&all, other, &analysis.rules).rows.into_iter();
    rows.filter(|row| row.candidate == cell)
        .map(|row| Gain {
            metric: row.metric,
            contrast: row.contrast,
        })
        .collect()
}

/// Whether a trial's settings are within what is suggested.
fn is_suggested(trial: &TrialResult) -> bool {
    let value = |name: &str| {
        let found = trial.workload.properties.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let within = |name: &str, low: f64, high: f64| {
        let number = value(name).and_then(|text| text.parse::<f64>().ok());
        number.is_some_and(|number| (low..=high).contains(&number))
    };
    within("linger.ms", 10.0, 20.0)
        && within("batch.size", 131_072.0, 262_144.0)
        && value("compression.type") == Some("zstd")
        && matches!(value("acks"), None | Some("1" | "all" | "-1"))
}

fn smaller_batch(trial: &TrialResult) -> Option<(String, u64, u64)> {
    let client = client(trial);
    let default: u64 = default_of(&client, "batch.size")?.parse().ok()?;
    let set = trial
        .workload
        .properties
        .iter()
        .find(|(name, _)| name == "batch.size")?;
    let batch: u64 = set.1.parse().ok()?;
    (batch < default).then(|| (client.name(), default, batch))
}
