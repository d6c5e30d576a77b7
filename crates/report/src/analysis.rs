//! What may be said about the cells of an experiment: estimates with intervals, comparisons, rankings, effects, drift.
//!
//! One valid trial is one observation of its cell. Cells are compared only within a [`Group`]: under the same load. The
//! statistics are those of [`tribunal_stats::comparison`]; this module decides what enters them:
//!
//! - an invalid trial, and one that is no observation of its cell (canary, burn-in, capacity, probe), enters nothing;
//! - a cell enters a metric only if each of its valid trials in the group has a value that may be compared: the others
//!   would speak for it by their luck alone;
//! - response times enter only for cells that sustained the offered rate and delivered the same; those of a closed loop
//!   never do, for they are queue ÷ rate;
//! - of a mock broker estimates are told and nothing else.

mod cells;
mod goal;
pub(crate) mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tribunal_model::design::Purpose;
use tribunal_model::ids::CellId;
use tribunal_model::trial::Level;
use tribunal_stats::comparison::{
    Comparison, Drift, Effects, Interactions, Metric, Observations, Ranking, Rules, compare, drift, drift_of_series,
    interactions, main_effects, rank,
};

use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::processor_time::ProcessorTime;
use crate::result::TrialResult;
use crate::settings::PRESET;

pub use cells::{CellFigures, Figure, LeftOut, WithinTrial};
pub(crate) use cells::{SAME_LOAD, comparable, figures, observations};
pub use goal::GoalRanking;

/// Stands for the baseline of every group, so that the comparisons of all groups make one family; cells count from 1.
pub(crate) const ANY_BASELINE: CellId = CellId(0);

/// More cells than this are not ranked: every pair of them would have to be looked at.
pub const MOST_RANKED: usize = 300;

/// Why nothing is compared that a mock broker took part in.
pub(crate) const MOCK: &str = "a mock broker was measured, which says nothing about Kafka";

/// What may be said about the cells of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Analysis {
    /// Why nothing is compared or ranked; estimates stand all the same.
    pub not_compared: Option<String>,
    /// How comparisons are made.
    pub rules: Rules,
    /// How many comparisons with baselines were made, over all groups: Holm's method adjusts by this number.
    pub comparisons: u32,
    /// One for each load.
    pub groups: Vec<Group>,
    /// The cells that meet the objective, by its goal; empty without a goal.
    pub goal: Vec<GoalRanking>,
    /// What happened to the canary from block to block.
    pub canary: Vec<SeriesDrift>,
}

/// The cells under one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Group {
    /// The load.
    pub load: Load,
    /// The metrics by which its cells are compared.
    pub metrics: Vec<Metric>,
    /// What the others are compared with: the first cell in written order, whether or not its trials are valid.
    pub baseline: CellId,
    /// Every cell with its figures, in written order.
    pub cells: Vec<CellFigures>,
    /// What does not enter comparisons, and why.
    pub left_out: Vec<LeftOut>,
    /// Every other cell against the baseline, by metric.
    pub comparisons: Vec<Comparison>,
    /// All cells by each metric, best first; not for one cell, nor for more than [`MOST_RANKED`].
    pub rankings: Vec<Ranking>,
    /// What factors do, where more than one varies.
    pub effects: Vec<FactorEffects>,
    /// What the platform did from block to block, from three blocks on.
    pub drift: Vec<SeriesDrift>,
}

/// A load under which cells are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Load {
    /// Open loop at this rate.
    Offered {
        /// Records per second; with a profile its mean.
        rate: f64,
        /// How it changed, in words.
        profile: Option<String>,
    },
    /// Open loop at a share of the slowest cell's capacity.
    Share {
        /// In per cent.
        percent: u32,
        /// Records per second.
        rate: f64,
    },
    /// Closed loop: compared by rate and processor time, never by latency.
    Saturated,
}

impl Load {
    /// The load of a trial.
    pub(crate) fn of(result: &TrialResult) -> Self {
        match (result.workload.rate, &result.purpose) {
            (None, _) => Self::Saturated,
            (Some(rate), Purpose::Share(percent)) => Self::Share {
                percent: *percent,
                rate,
            },
            (Some(rate), _) => Self::Offered {
                rate,
                profile: result.workload.profile.clone(),
            },
        }
    }

    /// Whether two loads are one: of shares the share decides, for it is the same rate but for rounding.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Share { percent: a, .. }, Self::Share { percent: b, .. }) => a == b,
            _ => self == other,
        }
    }

    /// The metrics by which cells are compared under it, `cpu` the one of processor time.
    fn metrics(&self, cpu: Metric) -> Vec<Metric> {
        match self {
            Self::Saturated => vec![Metric::DeliveredRate, cpu],
            Self::Offered { .. } | Self::Share { .. } => {
                vec![Metric::DeliveredRate, Metric::ResponseP50, Metric::ResponseP99, cpu]
            }
        }
    }
}

/// What factors do in one metric. Main effects are one family, interactions another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FactorEffects {
    /// Each level against its factor's first one, on average over the levels of the other factors.
    pub main: Effects,
    /// Pairs of levels and whether they do together what each does alone.
    pub interactions: Interactions,
}

/// What happened to one metric from block to block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SeriesDrift {
    /// The metric.
    pub metric: Metric,
    /// What happened to it.
    pub drift: Drift,
}

impl Analysis {
    /// The group under a load; without one, the only group.
    pub(crate) fn group(&self, load: Option<&Load>) -> Option<&Group> {
        match load {
            Some(load) => self.groups.iter().find(|group| group.load.same(load)),
            None => self.groups.first().filter(|_| self.groups.len() == 1),
        }
    }

    /// Analyses the trials that have a result.
    pub fn of(report: &ExperimentReport) -> Self {
        let rules = Rules {
            seed: report.facts.seed,
            ..Rules::default()
        };
        let mut groups: Vec<(Load, Vec<&TrialResult>)> = Vec::new();
        for result in of_cells(report) {
            let load = Load::of(result);
            match groups.iter_mut().find(|(known, _)| known.same(&load)) {
                Some((_, trials)) => trials.push(result),
                None => groups.push((load, vec![result])),
            }
        }
        let cpu = ProcessorTime::of(&of_cells(report)).metric();
        let mut told: Vec<(Group, Vec<Observations>)> = groups
            .into_iter()
            .map(|(load, trials)| group(load, &trials, cpu, &rules))
            .collect();
        told.sort_by(|(a, _), (b, _)| order(&a.load).total_cmp(&order(&b.load)));
        let not_compared = report.mock().then(|| MOCK.to_owned());
        let mut comparisons = 0;
        if not_compared.is_none() {
            comparisons = compare_with_baselines(&mut told, &rules);
            for (group, observations) in &mut told {
                complete(group, observations, &rules);
            }
        }
        let groups: Vec<Group> = told.into_iter().map(|(group, _)| group).collect();
        let compared = not_compared.is_none();
        Self {
            comparisons,
            goal: if compared {
                goal::rankings(report, &rules)
            } else {
                Vec::new()
            },
            canary: if compared { canary(report, &rules) } else { Vec::new() },
            not_compared,
            rules,
            groups,
        }
    }
}

impl Group {
    /// Whether a trial was made under its load.
    pub(crate) fn holds(&self, result: &TrialResult) -> bool {
        self.load.same(&Load::of(result))
    }

    /// The figures of a cell.
    pub fn cell(&self, cell: CellId) -> Option<&CellFigures> {
        self.cells.iter().find(|known| known.cell == cell)
    }

    /// What of a metric may be compared, by cell and block.
    pub(crate) fn observations(&self, report: &ExperimentReport, metric: Metric) -> Observations {
        let trials: Vec<&TrialResult> = of_cells(report).into_iter().filter(|r| self.holds(r)).collect();
        observations(metric, &cells::by_cell(&trials), &mut Vec::new())
    }
}

/// Paced groups by rate, then the closed loop.
fn order(load: &Load) -> f64 {
    match load {
        Load::Offered { rate, .. } | Load::Share { rate, .. } => *rate,
        Load::Saturated => f64::INFINITY,
    }
}

/// A group with its figures, and what of them may be compared.
fn group(load: Load, trials: &[&TrialResult], cpu: Metric, rules: &Rules) -> (Group, Vec<Observations>) {
    let metrics = load.metrics(cpu);
    let by_cell = cells::by_cell(trials);
    let baseline = by_cell.keys().next().copied().unwrap_or(ANY_BASELINE);
    let cells = by_cell
        .values()
        .filter_map(|of| cells::figures(of, &metrics, rules))
        .collect();
    let mut left_out = Vec::new();
    let observations = metrics
        .iter()
        .map(|metric| observations(*metric, &by_cell, &mut left_out))
        .collect();
    let group = Group {
        load,
        metrics,
        baseline,
        cells,
        left_out,
        comparisons: Vec::new(),
        rankings: Vec::new(),
        effects: Vec::new(),
        drift: Vec::new(),
    };
    (group, observations)
}

/// Compares all cells of all groups with their baselines, as one family; tells how many comparisons that were.
fn compare_with_baselines(groups: &mut [(Group, Vec<Observations>)], rules: &Rules) -> u32 {
    let mut family = Vec::new();
    let mut places = Vec::new();
    for (place, (group, observations)) in groups.iter().enumerate() {
        for of in observations {
            let mut cells = of.cells.clone();
            // Without the baseline there is nothing to compare with.
            let Some(baseline) = cells.remove(&group.baseline) else {
                continue;
            };
            places.extend(std::iter::repeat_n(place, cells.len()));
            cells.insert(ANY_BASELINE, baseline);
            family.push(Observations {
                metric: of.metric,
                cells,
            });
        }
    }
    let told = compare(&family, ANY_BASELINE, rules);
    for (place, row) in places.into_iter().zip(told.rows) {
        groups[place].0.comparisons.push(row);
    }
    told.comparisons
}

/// Rankings, effects and drift of a group.
fn complete(group: &mut Group, observations: &[Observations], rules: &Rules) {
    let levels: BTreeMap<CellId, Vec<Level>> = group
        .cells
        .iter()
        .map(|cell| (cell.cell, cell.levels.clone()))
        .collect();
    let factors = varying(&levels);
    for of in observations {
        if of.cells.len() > 1 {
            if of.cells.len() <= MOST_RANKED {
                group.rankings.push(rank(of, rules));
            }
            if factors > 1 {
                group.effects.push(FactorEffects {
                    main: main_effects(of, &levels, rules),
                    interactions: interactions(of, &levels, rules),
                });
            }
        }
        let told = drift(of, rules).filter(|told| told.interval.is_some());
        group.drift.extend(told.map(|drift| SeriesDrift {
            metric: of.metric,
            drift,
        }));
    }
}

/// How many factors vary among the cells; none where the cells do not name the same ones. Those of a preset, which name one
/// more, are apart, and effects leave them out.
fn varying(levels: &BTreeMap<CellId, Vec<Level>>) -> usize {
    let Some(first) = levels.values().next() else {
        return 0;
    };
    let levels: BTreeMap<&CellId, &Vec<Level>> = levels
        .iter()
        .filter(|(_, of)| of.last().is_none_or(|level| level.factor != PRESET))
        .collect();
    let names = |of: &[Level]| of.iter().map(|level| level.factor.clone()).collect::<Vec<_>>();
    if levels.values().any(|of| names(of) != names(first)) {
        return 0;
    }
    (0..first.len())
        .filter(|place| levels.values().any(|of| of[*place] != first[*place]))
        .count()
}

/// The drift of the canary's valid trials.
fn canary(report: &ExperimentReport, rules: &Rules) -> Vec<SeriesDrift> {
    let canaries: Vec<&TrialResult> = report
        .results
        .iter()
        .filter(|r| r.purpose == Purpose::Canary && r.verdict.valid())
        .collect();
    [Metric::DeliveredRate, Metric::ResponseP50, Metric::ResponseP99]
        .into_iter()
        .filter_map(|metric| {
            let of = |r: &&TrialResult| Some((r.block, cells::comparable(r, metric).ok()?));
            let series: Vec<(u32, f64)> = canaries.iter().filter_map(of).collect();
            let drift = drift_of_series(&series, rules.margin(metric), rules)?;
            drift.interval.is_some().then_some(SeriesDrift { metric, drift })
        })
        .collect()
}
