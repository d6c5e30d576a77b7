//! Which trials are shown where, the factors of an experiment, and trials by name, as results show them.

use tribunal_model::ids::TrialId;

use crate::experiment::ExperimentReport;
use crate::result::TrialResult;

/// The trials that are observations of their cell, in run order.
pub(crate) fn of_cells(report: &ExperimentReport) -> Vec<&TrialResult> {
    report.results.iter().filter(|r| r.purpose.compared()).collect()
}

/// The trials that are shown apart: canary, burn-in, capacity, probes.
pub(crate) fn apart(report: &ExperimentReport) -> Vec<&TrialResult> {
    report.results.iter().filter(|r| !r.purpose.compared()).collect()
}

/// The factors of an experiment with their levels, both in the order in which results show them.
pub(crate) fn factors<'a>(results: &[&'a TrialResult]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut in_cell_order = results.to_vec();
    in_cell_order.sort_by_key(|r| r.cell);
    let mut factors: Vec<(&str, Vec<&str>)> = Vec::new();
    for level in in_cell_order.iter().flat_map(|r| &r.levels) {
        let place = factors
            .iter()
            .position(|(factor, _)| *factor == level.factor)
            .unwrap_or_else(|| {
                factors.push((&level.factor, Vec::new()));
                factors.len() - 1
            });
        let levels = &mut factors[place].1;
        if !levels.contains(&level.value.as_str()) {
            levels.push(&level.value);
        }
    }
    factors
}

/// The level that a trial has of a factor.
pub(crate) fn level<'a>(result: &'a TrialResult, factor: &str) -> Option<&'a str> {
    result
        .levels
        .iter()
        .find(|l| l.factor == factor)
        .map(|l| l.value.as_str())
}

/// Trials as `t001 to t003, t007`.
pub(crate) fn trials(ids: &[TrialId]) -> String {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut runs: Vec<(TrialId, TrialId)> = Vec::new();
    for id in ids {
        match runs.last_mut() {
            Some((_, last)) if last.0 + 1 == id.0 => *last = id,
            _ => runs.push((id, id)),
        }
    }
    let text = |(first, last): &(TrialId, TrialId)| match last.0 - first.0 {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first} to {last}"),
    };
    runs.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_trials_are_told_by_their_ends() {
        let check = |ids: &[u32], expected| {
            assert_eq!(trials(&ids.iter().map(|id| TrialId(*id)).collect::<Vec<_>>()), expected);
        };
        check(&[], "");
        check(&[4], "t004");
        check(&[2, 1, 2], "t001, t002");
        check(&[1, 2, 3, 5, 7, 8, 9], "t001 to t003, t005, t007 to t009");
    }
}
