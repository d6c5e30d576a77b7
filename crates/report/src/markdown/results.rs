//! The results: whether they may be believed, what they say, and everything that was measured.

use tribunal_model::design::Purpose;

use crate::analysed::Analysed;
use crate::experiment::{ExperimentReport, VoidAttempt};
use crate::factors::{apart, of_cells, trials};
use crate::format::{list, plural};
use crate::plot::pictures;

use super::cells::{escape, fold};
use super::{brokers, capacity, comparison, effects, objective, trials as tables, verdicts};

/// Everything that was measured, and every doubt about it.
pub(super) fn results(of: &Analysed<'_>) -> String {
    let Analysed { report, analysis, .. } = of;
    let (cells, others) = (of_cells(report), apart(report));
    let mut text = String::new();
    if !report.results.is_empty() {
        text += &verdicts::verdicts(&report.results);
    }
    text += &pictures(of.plots());
    text += &comparison::cells(analysis);
    text += &comparison::comparisons(analysis);
    text += &effects::factors(analysis);
    text += &effects::drift(analysis);
    text += &objective::objective(of);
    text += &capacity::searches(report);
    if !cells.is_empty() {
        text += "### Trials\n\n";
        text += &tables::measured(&cells);
    }
    if !others.is_empty() {
        text += &format!(
            "### Trials apart\n\n{}: never ranked, never compared.\n\n",
            counted(report)
        );
        let tables = tables::measured(&others);
        text += &if cells.is_empty() {
            tables
        } else {
            fold(&format!("All {} apart", plural(others.len() as u64, "trial")), &tables)
        };
    }
    text += &brokers::brokers(if cells.is_empty() { &others } else { &cells });
    text += &attempts("Void attempts, which count for nothing", &report.void_attempts);
    text += &attempts("Trials given up after their last attempt", &report.given_up);
    text
}

/// The trials apart by what they are for, for example `6 canary, 1 burn-in`.
fn counted(report: &ExperimentReport) -> String {
    let mut kinds: Vec<(&str, u64)> = Vec::new();
    for result in apart(report) {
        let name = match result.purpose {
            Purpose::Canary => "canary trial",
            Purpose::BurnIn => "burn-in trial",
            Purpose::Capacity => "capacity trial",
            Purpose::Probe(_) => "probe",
            Purpose::WithoutConsumers => "trial without consumers",
            Purpose::Cell | Purpose::Share(_) => "trial",
        };
        match kinds.iter_mut().find(|(known, _)| *known == name) {
            Some((_, number)) => *number += 1,
            None => kinds.push((name, 1)),
        }
    }
    // There is one of these at most.
    let told: Vec<String> = kinds.iter().map(|(kind, number)| plural(*number, kind)).collect();
    list(&told)
}

fn attempts(heading: &str, attempts: &[VoidAttempt]) -> String {
    if attempts.is_empty() {
        return String::new();
    }
    let mut text = format!("### {heading}\n\n");
    for void in attempts {
        text += &format!(
            "- {}, attempt {}: {}\n",
            trials(&[void.trial]),
            void.attempt.0,
            escape(&void.reason)
        );
    }
    text + "\n"
}
