//! What each setting of the recommended cell does alone.

use std::collections::BTreeMap;

use tribunal_model::ids::CellId;
use tribunal_stats::comparison::{Observations, compare};

use super::{Bought, Gain};
use crate::analysis::{ANY_BASELINE, Analysis, Group, MOST_RANKED};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::result::TrialResult;
use crate::settings::{Settings, by_cell, differences};

/// A cell and the one that differs from it in one setting alone, which there is as the baseline has it.
struct Pair<'a> {
    cell: CellId,
    setting: &'a str,
    against: CellId,
}

/// What the settings do in which a cell differs from its group's baseline.
///
/// All such pairs of the group make one family for Holm's method, and those of the recommended cell are then picked: its
/// guarantee holds whichever are picked afterwards. Of too many cells nothing is told.
pub(super) fn of(report: &ExperimentReport, analysis: &Analysis, group: &Group, cell: CellId) -> Vec<Bought> {
    let trials: Vec<&TrialResult> = of_cells(report).into_iter().filter(|r| group.holds(r)).collect();
    let cells = by_cell(&trials);
    let (Some(ours), Some(baseline)) = (cells.get(&cell), cells.get(&group.baseline)) else {
        return Vec::new();
    };
    let pairs = if cells.len() > MOST_RANKED {
        Vec::new()
    } else {
        pairs(&cells, baseline)
    };
    let gains = gains(report, analysis, group, &pairs);
    let names = differences(ours, baseline).into_iter();
    names
        .map(|name| {
            let place = pairs.iter().position(|pair| pair.cell == cell && pair.setting == name);
            Bought {
                setting: name.to_owned(),
                value: ours.get(name).map(|value| (*value).to_owned()),
                instead_of: baseline.get(name).map(|value| (*value).to_owned()),
                against: place.map(|place| pairs[place].against),
                gains: place.map_or_else(Vec::new, |place| gains[place].clone()),
            }
        })
        .collect()
}

fn pairs<'a>(cells: &BTreeMap<CellId, Settings<'a>>, baseline: &Settings<'a>) -> Vec<Pair<'a>> {
    let known: BTreeMap<&Settings<'a>, CellId> = cells.iter().map(|(cell, settings)| (settings, *cell)).collect();
    let mut pairs = Vec::new();
    for (cell, settings) in cells {
        for setting in differences(settings, baseline) {
            let mut without = settings.clone();
            match baseline.get(setting) {
                Some(value) => without.insert(setting, value),
                None => without.remove(setting),
            };
            if let Some(against) = known.get(&without) {
                pairs.push(Pair {
                    cell: *cell,
                    setting,
                    against: *against,
                });
            }
        }
    }
    pairs
}

/// Each pair's metrics, compared as one family.
fn gains(report: &ExperimentReport, analysis: &Analysis, group: &Group, pairs: &[Pair<'_>]) -> Vec<Vec<Gain>> {
    let (mut family, mut places) = (Vec::new(), Vec::new());
    for metric in &group.metrics {
        let all = group.observations(report, *metric);
        for (place, pair) in pairs.iter().enumerate() {
            if let (Some(ours), Some(theirs)) = (all.cells.get(&pair.cell), all.cells.get(&pair.against)) {
                let cells = [(ANY_BASELINE, theirs.clone()), (pair.cell, ours.clone())];
                family.push(Observations {
                    metric: *metric,
                    cells: cells.into(),
                });
                places.push(place);
            }
        }
    }
    let mut gains = vec![Vec::new(); pairs.len()];
    let told = compare(&family, ANY_BASELINE, &analysis.rules);
    for (place, row) in places.into_iter().zip(told.rows) {
        gains[place].push(Gain {
            metric: row.metric,
            contrast: row.contrast,
        });
    }
    gains
}
