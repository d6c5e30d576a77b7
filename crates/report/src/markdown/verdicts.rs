//! The verdict of each trial with its evidence: what the instruments read, also where all is well.

use tribunal_model::design::Purpose;
use tribunal_model::ids::{AgentName, TrialId};
use tribunal_model::limits::{Limit, Severity};
use tribunal_stats::steady::Assessment;

use crate::audit::Level;
use crate::caveat::Caveat;
use crate::check::Check;
use crate::factors::trials;
use crate::format::{ABSENT, count, optional, plural};
use crate::objective;
use crate::result::TrialResult;
use crate::search::verdict;

use super::cells::{Align, Table, code, escape, prose};
use super::trials::purpose;

/// Every trial's verdict, doubts and readings; invalid ones first.
pub(super) fn verdicts(results: &[TrialResult]) -> String {
    let (valid, invalid): (Vec<&TrialResult>, Vec<&TrialResult>) = results.iter().partition(|r| r.verdict.valid());
    let mut text = format!(
        "### Verdicts\n\n{} with a result: {} valid, {} INVALID. An INVALID trial is shown and enters nothing; whether a \
         trial is valid and whether it meets an objective are separate questions.\n\n",
        plural(results.len() as u64, "trial"),
        count(valid.len() as u64),
        count(invalid.len() as u64),
    );
    let ordered: Vec<&TrialResult> = invalid.iter().chain(&valid).copied().collect();
    text += &why_invalid(&invalid);
    text += &table(&ordered).folded("verdicts");
    text += &caveats(&ordered);
    text + &readings(&ordered)
}

/// What voids each invalid trial.
fn why_invalid(invalid: &[&TrialResult]) -> String {
    let mut text = String::new();
    for result in invalid {
        text += &format!("- {}:\n", named(result));
        for caveat in result.verdict.caveats.iter().filter(|caveat| caveat.invalidates()) {
            text += &format!("  - **Invalid:** {}\n", prose(&caveat.to_string()));
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// A trial with what it is for and its cell.
fn named(result: &TrialResult) -> String {
    let cell = code(&result.cell_text());
    if result.purpose.compared() {
        format!("{} ({cell})", result.trial)
    } else {
        format!("{} ({}, {cell})", result.trial, escape(&result.purpose.to_string()))
    }
}

fn table(ordered: &[&TrialResult]) -> Table {
    let mut table = Table::of(&[
        "trial",
        "for",
        "cell",
        "verdict",
        "bound by",
        "steady state",
        "objective",
        "Little's law, excess",
        "audit",
        "caveats",
    ]);
    for result in ordered {
        table.row(vec![
            result.trial.to_string(),
            purpose(&result.purpose),
            code(&result.cell_text()),
            if result.verdict.valid() { "valid" } else { "**INVALID**" }.to_owned(),
            result.verdict.bound_by.to_string(),
            escape(&steady(result)),
            objective(result),
            optional(worst(result, Limit::LittlesLaw), |check| check.limit.show(check.value)),
            audit(result).to_owned(),
            count(result.verdict.caveats.len() as u64),
        ]);
    }
    table.without_absent_columns()
}

/// How the trial stands to the objective; a probe that did not sustain its rate found no capacity.
fn objective(result: &TrialResult) -> String {
    let probe = matches!(result.purpose, Purpose::Probe(_));
    optional(result.objective.as_ref(), |outcome| {
        if probe && outcome.standing != verdict(result) {
            return format!("{}: the rate was not sustained", verdict(result).name());
        }
        escape(&objective::told(outcome, result.verdict.valid()))
    })
}

/// Whether the load was steady, in words.
pub(super) fn steady(result: &TrialResult) -> String {
    match &result.steady {
        Assessment::Steady { .. } => "steady".to_owned(),
        Assessment::NotSteady { findings, .. } => {
            let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
            format!("not steady: {}", findings.join(" ").trim_end_matches('.'))
        }
        Assessment::NotAssessed { .. } if result.workload.profile.is_some() => {
            "not assessed: the plan changes the rate".to_owned()
        }
        Assessment::NotAssessed { samples, needed, .. } => {
            format!("not assessed: needs {needed} one-second samples, has {samples}")
        }
    }
}

fn audit(result: &TrialResult) -> &'static str {
    match result.audit.level {
        Level::Count => "count",
        Level::Offsets => "offsets",
        Level::ReadBack => "read-back",
        Level::CountUnacknowledged => "count, acks=0",
        Level::NotAudited => "not audited",
    }
}

/// The worst reading of a limit over agents.
fn worst(result: &TrialResult, limit: Limit) -> Option<&Check> {
    let of_limit = result.checks.iter().filter(|check| check.limit == limit);
    of_limit.max_by(|a, b| a.value.total_cmp(&b.value))
}

/// Doubts that are alike, with the trials that have them.
#[derive(Debug)]
struct Doubt<'a> {
    /// The only one, or the worst of several readings.
    caveat: &'a Caveat,
    worst_of: TrialId,
    trials: Vec<TrialId>,
}

/// The doubts that void nothing, each told once with the trials that have it.
fn caveats(ordered: &[&TrialResult]) -> String {
    let mut doubts: Vec<Doubt> = Vec::new();
    for result in ordered {
        for caveat in result.verdict.caveats.iter().filter(|caveat| !caveat.invalidates()) {
            match doubts.iter_mut().find(|doubt| alike(doubt.caveat, caveat)) {
                Some(doubt) => {
                    doubt.trials.push(result.trial);
                    if worse(caveat, doubt.caveat) {
                        (doubt.caveat, doubt.worst_of) = (caveat, result.trial);
                    }
                }
                None => doubts.push(Doubt {
                    caveat,
                    worst_of: result.trial,
                    trials: vec![result.trial],
                }),
            }
        }
    }
    if doubts.is_empty() {
        return "No trial has a caveat besides those that make one invalid.\n\n".to_owned();
    }
    // Doubts about everything first, then in the order of the trials.
    doubts.sort_by_key(|doubt| doubt.trials.len() < ordered.len());
    let mut text = "Caveats, which void nothing:\n\n".to_owned();
    for doubt in &doubts {
        let who = match doubt.trials.len() {
            1 if ordered.len() == 1 => String::new(),
            n if n == ordered.len() => "All trials: ".to_owned(),
            _ => format!("{}: ", trials(&doubt.trials)),
        };
        let worst = match doubt.caveat {
            Caveat::Beyond(_) if doubt.trials.len() > 1 => format!(" Worst in {}.", doubt.worst_of),
            _ => String::new(),
        };
        text += &format!("- {who}{}{worst}\n", prose(&doubt.caveat.to_string()));
    }
    text + "\n"
}

/// Whether two doubts are one: the same, or readings of one limit on one agent.
fn alike(one: &Caveat, other: &Caveat) -> bool {
    match (one, other) {
        (Caveat::Beyond(one), Caveat::Beyond(other)) => (one.limit, &one.agent) == (other.limit, &other.agent),
        _ => one == other,
    }
}

fn worse(one: &Caveat, other: &Caveat) -> bool {
    matches!((one, other), (Caveat::Beyond(one), Caveat::Beyond(other)) if one.value > other.value)
}

/// All readings against their limits: a row for each trial and agent, a column for each limit.
fn readings(ordered: &[&TrialResult]) -> String {
    let all: Vec<&Check> = ordered.iter().flat_map(|r| &r.checks).collect();
    let Some(first) = ordered.first().filter(|_| !all.is_empty()) else {
        return "No instrument was read.\n\n".to_owned();
    };
    let beyond = all.iter().filter(|check| check.severity().is_some()).count();
    let columns: Vec<Limit> = Limit::ALL
        .into_iter()
        .filter(|limit| all.iter().any(|check| check.limit == *limit))
        .collect();
    let mut header = vec![("trial".to_owned(), Align::Left), ("agent".to_owned(), Align::Left)];
    header.extend(columns.iter().map(|limit| (limit.to_string(), Align::Right)));
    let mut table = Table::new(header);
    let bounds = |title: &str, bound: &dyn Fn(Limit) -> f64| {
        let shown = columns.iter().map(|limit| limit.show(bound(*limit)));
        [title.to_owned(), String::new()].into_iter().chain(shown).collect()
    };
    table.row(bounds("doubt above", &|limit| first.limits.get(limit).warn));
    table.row(bounds("invalid above", &|limit| first.limits.get(limit).void));
    for result in ordered {
        let mut agents: Vec<Option<&AgentName>> = Vec::new();
        for check in &result.checks {
            if !agents.contains(&check.agent.as_ref()) {
                agents.push(check.agent.as_ref());
            }
        }
        for agent in agents {
            let mut row = vec![
                result.trial.to_string(),
                agent.map_or_else(|| "all".to_owned(), |agent| escape(agent.as_str())),
            ];
            let of_agent = |limit: Limit| {
                let mut checks = result.checks.iter();
                checks.find(|check| check.limit == limit && check.agent.as_ref() == agent)
            };
            row.extend(
                columns
                    .iter()
                    .map(|limit| optional(of_agent(*limit), |check| reading(result, check))),
            );
            table.row(row);
        }
    }
    let stand = match beyond {
        0 => "all within their limits".to_owned(),
        n => format!("{} beyond, in bold", count(n as u64)),
    };
    format!(
        "Readings of the instruments: {} in {}, {stand}. What was not read is {ABSENT}.\n\n",
        count(all.len() as u64),
        plural(ordered.len() as u64, "trial"),
    ) + &table.folded("rows of readings")
}

/// A reading, and how it stands where that is worth a word.
fn reading(result: &TrialResult, check: &Check) -> String {
    let value = check.limit.show(check.value);
    match (check.severity(), result.limits.severity(check.limit, check.value)) {
        (Some(Severity::Void), _) => format!("**{value} INVALID**"),
        (Some(Severity::Warn), Some(Severity::Void)) => format!("**{value} doubt**, may not void here"),
        (Some(Severity::Warn), _) => format!("**{value} doubt**"),
        (None, Some(_)) => format!("{value}, no limit here"),
        (None, None) => value,
    }
}
