//! `report.json` and the stored results of trials.
//!
//! Read are the versions from [`OLDEST`] on. Version 1 was never published, and held no evidence for its verdicts: it is
//! refused by name rather than read with readings that nobody took.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use tribunal_model::ids::TrialId;
use tribunal_stats::distribution::InvalidDistribution;

use crate::advice::Advice;
use crate::analysed::Analysed;
use crate::analysis::Analysis;
use crate::compare::Compared;
use crate::experiment::{ExperimentFacts, ExperimentReport, VoidAttempt};
use crate::pitfall::Found;
use crate::result::{PartResult, SCHEMA_VERSION, StoredDistribution, TrialResult};
use crate::search::SearchOutcome;

/// The oldest version of the format that this build reads.
pub const OLDEST: u32 = 2;

/// Why a stored result or report cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no JSON, or lacks what the format has.
    #[error("the stored result cannot be understood")]
    Syntax(#[source] serde_json::Error),
    /// It was written by a newer build.
    #[error(
        "the stored result has schema_version {found}; this build of Tribunal reads up to {known}: use a newer one"
    )]
    Newer {
        /// The version of the text.
        found: u32,
        /// The newest that this build knows.
        known: u32,
    },
    /// It was written by a build whose format is read no longer.
    #[error(
        "the stored result has schema_version {found}; this build of Tribunal reads from {oldest} on: run the experiment \
         again, or read it with the build that wrote it"
    )]
    Older {
        /// The version of the text.
        found: u32,
        /// The oldest that this build knows.
        oldest: u32,
    },
    /// It has a version that never was.
    #[error("the stored result has schema_version {found}, which no build of Tribunal writes")]
    Unknown {
        /// The version of the text.
        found: u32,
    },
    /// A distribution's counters are damaged.
    #[error("{trial}: a distribution of {part} cannot be read")]
    Distribution {
        /// The trial.
        trial: TrialId,
        /// The part of the trial.
        part: &'static str,
        /// What is wrong with it.
        source: InvalidDistribution,
    },
}

/// The report of an experiment, `report.json`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Report"))]
struct Written<'a> {
    schema_version: u32,
    facts: &'a ExperimentFacts,
    results: &'a [TrialResult],
    void_attempts: &'a [VoidAttempt],
    given_up: &'a [VoidAttempt],
    searches: &'a [SearchOutcome],
    /// Follows from the results: written for readers, made anew when the report is read.
    analysis: &'a Analysis,
    /// Follows from the analysis.
    advice: &'a Advice,
    /// Follow from the results.
    pitfalls: &'a [Found],
}

/// What every version of the format begins with.
#[derive(Debug, Deserialize)]
struct Head {
    schema_version: u32,
}

/// The report as indented JSON.
pub fn write_report(of: &Analysed<'_>) -> String {
    text(|to| write_report_to(of, to))
}

/// The same, piece by piece: the report of a large fleet is no text to be held in memory.
pub fn write_report_to(of: &Analysed<'_>, to: &mut dyn Write) -> io::Result<()> {
    let report = of.report;
    let written = Written {
        schema_version: SCHEMA_VERSION,
        facts: &report.facts,
        results: &report.results,
        void_attempts: &report.void_attempts,
        given_up: &report.given_up,
        searches: &report.searches,
        analysis: &of.analysis,
        advice: &of.advice,
        pitfalls: &of.pitfalls,
    };
    pretty(&written, to)
}

/// A comparison as indented JSON.
pub fn write_compared(compared: &Compared) -> String {
    text(|to| pretty(compared, to))
}

/// The inverse of [`write_report`].
pub fn read_report(text: &str) -> Result<ExperimentReport, Error> {
    check_version(text)?;
    let mut report: ExperimentReport = serde_json::from_str(text).map_err(Error::Syntax)?;
    report.results.iter().try_for_each(check)?;
    report.results.iter_mut().for_each(TrialResult::share);
    Ok(report)
}

/// The JSON Schema of what [`write_report`] writes: `docs/report.schema.json`.
#[cfg(feature = "schema")]
pub fn schema() -> schemars::Schema {
    schema_of::<Written<'_>>()
}

/// The JSON Schema of what [`write_compared`] writes: `docs/compare.schema.json`.
#[cfg(feature = "schema")]
pub fn compared_schema() -> schemars::Schema {
    schema_of::<Compared>()
}

#[cfg(feature = "schema")]
fn schema_of<T: schemars::JsonSchema>() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<T>()
}

/// One trial's result as indented JSON.
pub fn write_trial(result: &TrialResult) -> String {
    text(|to| write_trial_to(result, to))
}

/// The same, piece by piece.
pub fn write_trial_to(result: &TrialResult, to: &mut dyn Write) -> io::Result<()> {
    pretty(result, to)
}

/// The inverse of [`write_trial`].
pub fn read_trial(text: &str) -> Result<TrialResult, Error> {
    check_version(text)?;
    let mut result: TrialResult = serde_json::from_str(text).map_err(Error::Syntax)?;
    check(&result)?;
    result.share();
    Ok(result)
}

fn pretty(value: &impl Serialize, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, value)?;
    to.write_all(b"\n")
}

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).expect("invariant: results hold no maps with keys other than text");
    String::from_utf8(bytes).expect("invariant: JSON is UTF-8")
}

/// The version is judged before the rest is read, so that a newer file is told as such and not as a missing field.
fn check_version(text: &str) -> Result<(), Error> {
    let head: Head = serde_json::from_str(text).map_err(Error::Syntax)?;
    known(head.schema_version)
}

fn known(version: u32) -> Result<(), Error> {
    match version {
        0 => Err(Error::Unknown { found: version }),
        1..OLDEST => Err(Error::Older {
            found: version,
            oldest: OLDEST,
        }),
        OLDEST..=SCHEMA_VERSION => Ok(()),
        newer => Err(Error::Newer {
            found: newer,
            known: SCHEMA_VERSION,
        }),
    }
}

/// Distributions of the parts must be readable, because bounds and merges are computed from them later.
fn check(result: &TrialResult) -> Result<(), Error> {
    known(result.schema_version)?;
    for part in &result.parts {
        for distribution in distributions(part) {
            distribution.distribution().map_err(|source| Error::Distribution {
                trial: result.trial,
                part: part.part.name(),
                source,
            })?;
        }
    }
    Ok(())
}

fn distributions(part: &PartResult) -> impl Iterator<Item = &StoredDistribution> {
    [
        &part.response,
        &part.service,
        &part.send_lag,
        &part.schedule_delay,
        &part.censored,
    ]
    .into_iter()
    .chain(part.failed.iter().map(|(_, distribution)| distribution))
}
