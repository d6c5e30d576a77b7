//! What every output of an experiment is rendered from.

use std::cell::OnceCell;

use crate::advice::Advice;
use crate::analysis::Analysis;
use crate::experiment::ExperimentReport;
use crate::pitfall::{self, Found};
use crate::plot::{self, Plot};

/// An experiment's report with what follows from it: made once for all outputs, so that none can differ from another.
#[derive(Debug)]
pub struct Analysed<'a> {
    pub(crate) report: &'a ExperimentReport,
    pub(crate) analysis: Analysis,
    pub(crate) advice: Advice,
    pub(crate) pitfalls: Vec<Found>,
    /// Of those outputs alone that have pictures.
    plots: OnceCell<Vec<Plot>>,
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
            plots: OnceCell::new(),
        }
    }

    /// The plots in the order of a report; the first is the one to look at first.
    pub(crate) fn plots(&self) -> &[Plot] {
        self.plots.get_or_init(|| plot::plots(self.report, &self.analysis))
    }
}
