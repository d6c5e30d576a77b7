//! Two experiments, or two cells, held against each other: what `tribunal compare` answers.
//!
//! Cells are matched by their levels and their load. What enters is what enters comparisons within an experiment
//! ([`crate::analysis`]): valid trials, percentiles that may be told, response times of cells that sustained the same rate.
//! Two cells of one experiment are compared within its blocks. Two experiments share none: they are compared unpaired, and
//! whatever the platform did from the one to the other is in the ratio and in no interval; the canaries of both say what
//! that may have been.
//!
//! The *threshold* is the margin of the verdicts: a metric that is WORSE has become worse by it or more, and that is a
//! regression. So the answer to *has anything become worse?* is a definite yes, a definite no, or not known.

mod differences;
mod matching;
mod rows;
pub(crate) mod text;

use serde::Serialize;
use tribunal_model::ids::{CellId, ExperimentId};
use tribunal_stats::comparison::{Estimate, Interval, Margins, Metric, Needed, Rules, Unpaired, Verdict};

use crate::analysis::{CellFigures, Load, MOCK};
use crate::experiment::{ExperimentReport, ExperimentState};

pub use differences::{Difference, Kind};

/// The version of the form in JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// One of the two: an experiment, or a cell of it.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The experiment.
    pub report: &'a ExperimentReport,
    /// The only cell of it that is asked for.
    pub cell: Option<CellId>,
}

impl<'a> Side<'a> {
    /// The whole experiment.
    pub fn whole(report: &'a ExperimentReport) -> Self {
        Self { report, cell: None }
    }

    /// The cell of an experiment that goes by its number (`3` or `c003`) or by levels that no other cell has, separated by
    /// commas or blanks (`linger.ms=5,acks=all`).
    ///
    /// # Errors
    ///
    /// [`Error::NotOneCell`].
    pub fn cell(report: &'a ExperimentReport, text: &str) -> Result<Self, Error> {
        let found = matching::named(report, text);
        match found[..] {
            [cell] => Ok(Self {
                report,
                cell: Some(cell),
            }),
            _ => Err(Error::NotOneCell {
                experiment: report.facts.id,
                text: text.to_owned(),
                found: found.len(),
            }),
        }
    }
}

/// How they are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    /// The difference from which on a metric has become worse, as a share; the margin of each metric without.
    pub threshold: Option<f64>,
    /// Compare although the environments differ.
    pub despite_differences: bool,
}

/// Why there is no comparison.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Both are the same.
    #[error("both name the same trials; two cells of one experiment are named by ID:CELL")]
    Same,
    /// No cell, or more than one, goes by this text.
    #[error(
        "{text:?} names {found} cells of experiment {experiment} that have a trial to compare; give a cell's number, as in \
         its report.csv, or levels that only one has, as in linger.ms=5,acks=all"
    )]
    NotOneCell {
        /// The experiment.
        experiment: ExperimentId,
        /// What was given.
        text: String,
        /// How many it names.
        found: usize,
    },
    /// They differ in more than their settings.
    #[error("they were not measured alike, so a ratio of them would say nothing about settings: {}", named(.0))]
    Unlike(Vec<Difference>),
}

fn named(differences: &[Difference]) -> String {
    let each = differences.iter().map(Difference::to_string);
    each.collect::<Vec<_>>().join("; ")
}

/// The answer, as data for every form in which it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Compared {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What is compared with.
    pub baseline: Asked,
    /// What is compared.
    pub candidate: Asked,
    /// Whether the two share blocks: both are cells of one experiment.
    pub paired: bool,
    /// Why nothing is compared; figures stand all the same.
    pub not_compared: Option<String>,
    /// How comparisons are made; its margins are the thresholds.
    pub rules: Rules,
    /// How many comparisons were made: Holm's method adjusts by this number.
    pub comparisons: u32,
    /// What differs between the two.
    pub differences: Vec<Difference>,
    /// The matched cells.
    pub pairs: Vec<Pair>,
    /// The others.
    pub unmatched: Vec<Unmatched>,
    /// What the canary says of the platform between the two experiments; empty where not both have one of the same load and
    /// settings. Where it moved, no latency tells a regression, nor excludes one.
    pub canary: Vec<Moved>,
    /// Whether anything has become worse.
    pub answer: Answer,
}

/// One of the two, as it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Asked {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Its name.
    pub name: String,
    /// When it was accepted.
    pub began: String,
    /// How it stands.
    pub state: ExperimentState,
    /// The levels of the cell in words, where one was asked for.
    pub cell: Option<String>,
}

/// A cell of the one and its like of the other, under one load.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pair {
    /// The load.
    pub load: Load,
    /// The baseline's figures.
    pub baseline: CellFigures,
    /// The candidate's figures.
    pub candidate: CellFigures,
    /// Their metrics.
    pub rows: Vec<Row>,
}

impl Pair {
    /// The cell in words; both where they differ.
    pub fn text(&self) -> String {
        let (baseline, candidate) = (&self.baseline.text, &self.candidate.text);
        if baseline == candidate {
            baseline.clone()
        } else {
            format!("{candidate} against {baseline}")
        }
    }
}

/// One metric of a pair. Rates are in records per second, latencies in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Row {
    /// The metric.
    pub metric: Metric,
    /// The baseline's geometric mean over its trials.
    pub baseline: Option<Estimate>,
    /// The candidate's.
    pub candidate: Option<Estimate>,
    /// What was judged; `None` where the metric is not compared.
    pub judged: Option<Judged>,
    /// Why it is not compared.
    pub untold: Option<String>,
    /// Whether it has become worse.
    pub regression: Regression,
}

/// A judged ratio, paired or not.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Judged {
    /// Observations of baseline and candidate that count; blocks where they are paired.
    pub observations: (u32, u32),
    /// The candidate over the baseline.
    pub ratio: Option<f64>,
    /// The interval of the ratio to print.
    pub interval: Option<Interval>,
    /// The interval that decides, at the level that Holm's method gives.
    pub deciding: Option<Interval>,
    /// The threshold, as a share.
    pub margin: f64,
    /// What it comes to.
    pub verdict: Verdict,
    /// Fewer observations than are wanted.
    pub few: bool,
    /// The check that asks nothing of a distribution does not support the verdict; of pairs only.
    pub contested: bool,
    /// What would decide; of pairs only.
    pub needed: Option<Needed>,
}

/// Whether a metric has become worse by the threshold or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Regression {
    /// It has.
    Found,
    /// It has not: the interval that decides leaves no room for it.
    Excluded,
    /// Neither can be said.
    Unknown,
    /// The baseline does not tell the metric, so there is nothing to fall behind.
    NotAsked,
}

/// Whether anything has become worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// At least one metric of a matched cell.
    Regression,
    /// No metric of any matched cell.
    NoRegression,
    /// Nothing is shown to be worse, and not for every metric can it be excluded; or nothing was compared.
    Unknown,
}

/// A cell without its like.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unmatched {
    /// Whether it is the baseline's.
    pub of_baseline: bool,
    /// The cell in words.
    pub cell: String,
    /// Its load.
    pub load: Load,
}

/// By how much the canary moved between the two experiments.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Moved {
    /// The metric.
    pub metric: Metric,
    /// The candidate's canary over the baseline's.
    pub change: Unpaired,
}

/// Holds `candidate` against `baseline`.
///
/// # Errors
///
/// When both are the same, or the environments differ and the terms do not allow it.
pub fn compare(baseline: Side<'_>, candidate: Side<'_>, terms: Terms) -> Result<Compared, Error> {
    let one_experiment = baseline.report.facts.id == candidate.report.facts.id;
    if one_experiment && (baseline.cell == candidate.cell || baseline.cell.is_none() || candidate.cell.is_none()) {
        return Err(Error::Same);
    }
    let (matched, unmatched) = matching::matched(baseline, candidate);
    let differences = differences::between(baseline, candidate, &matched);
    let refused: Vec<Difference> = differences
        .iter()
        .filter(|difference| difference.kind == Kind::Environment)
        .cloned()
        .collect();
    if !refused.is_empty() && !terms.despite_differences {
        return Err(Error::Unlike(refused));
    }
    let rules = rules(baseline.report.facts.seed, terms.threshold);
    let mock = [baseline, candidate].iter().any(|side| side.report.mock());
    let not_compared = mock.then(|| MOCK.to_owned());
    let (pairs, comparisons) = rows::judged(&matched, one_experiment, not_compared.is_none(), &rules);
    let mut compared = Compared {
        schema_version: SCHEMA_VERSION,
        baseline: asked(baseline),
        candidate: asked(candidate),
        paired: one_experiment,
        canary: if one_experiment || mock {
            Vec::new()
        } else {
            rows::canary(baseline.report, candidate.report, &rules)
        },
        answer: Answer::Unknown,
        not_compared,
        rules,
        comparisons,
        differences,
        pairs,
        unmatched,
    };
    if compared.platform_moved() {
        compared.pairs.iter_mut().for_each(rows::doubt_latencies);
    }
    compared.answer = answer(&compared.pairs);
    Ok(compared)
}

impl Compared {
    /// Whether the canary shows that the platform is not what it was.
    pub fn platform_moved(&self) -> bool {
        let mut verdicts = self.canary.iter().map(|moved| moved.change.verdict);
        verdicts.any(|verdict| matches!(verdict, Verdict::Better | Verdict::Worse))
    }
}

/// The threshold is the margin of every metric.
fn rules(seed: u64, threshold: Option<f64>) -> Rules {
    let margins = threshold.map_or_else(Margins::default, |share| Margins {
        rate: share,
        median: share,
        tail: share,
        cpu: share,
    });
    Rules {
        margins,
        seed,
        ..Rules::default()
    }
}

fn asked(side: Side<'_>) -> Asked {
    let facts = &side.report.facts;
    Asked {
        experiment: facts.id,
        name: facts.name.clone(),
        began: facts.began.clone(),
        state: facts.state,
        cell: side
            .cell
            .and_then(|cell| Some(side.report.results.iter().find(|r| r.cell == cell)?.cell_text())),
    }
}

fn answer(pairs: &[Pair]) -> Answer {
    let told = || pairs.iter().flat_map(|pair| &pair.rows).map(|row| row.regression);
    if told().any(|regression| regression == Regression::Found) {
        Answer::Regression
    } else if told().any(|regression| regression == Regression::Unknown)
        || !told().any(|regression| regression == Regression::Excluded)
    {
        Answer::Unknown
    } else {
        Answer::NoRegression
    }
}
