//! What every output of an experiment is rendered from.

use crate::advice::Advice;
use crate::analysis::Analysis;
use crate::experiment::ExperimentReport;
use crate::pitfall::{self, Found};

/// An experiment's report with what follows from it: made once for all outputs, so that none can differ from another.
#[derive(Clone, Debug)]
pub struct Analysed<'a> {
    pub(crate) report: &'a ExperimentReport,
    pub(crate) analysis: Analysis,
    pub(crate) advice: Advice,
    pub(crate) pitfalls: Vec<Found>,
}

impl<'a> Analysed<'a> {
    /// A report with its analysis, its advice and its pitfalls.
    pub fn of(report: &'a ExperimentReport) -> Self {
        let analysis = Analysis::of(report);
        Self {
            report,
            advice: Advice::of(report, &analysis),
            pitfalls: pitfall::found(report),
            analysis,
        }
    }
}
