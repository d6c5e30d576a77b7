//! `report.md`: environment, topic configuration, workload, tuning, producers, results, conclusion.

#![expect(
    clippy::format_push_string,
    reason = "reads better than write!, whose error cannot happen in memory"
)]

mod cells;
mod conclusion;
mod results;
mod setting;
mod spread;
mod tuning;

use crate::experiment::{ExperimentReport, ExperimentState};
use crate::format::{count, list, plural};

use cells::{code, escape};

/// The report as Markdown: the title, what a reader must know first, then always the same seven sections.
pub fn render(report: &ExperimentReport) -> String {
    let sections: [(&str, String); 7] = [
        ("Environment", setting::environment(report)),
        ("Topic configuration", setting::topic(&report.results)),
        ("Workload", setting::workload(&report.results)),
        ("Tuning", tuning::tuning(&report.results)),
        ("Producers", setting::producers(&report.results)),
        ("Results", results::results(report)),
        ("Conclusion", conclusion::conclusion(report)),
    ];
    let mut text = title(report);
    for (heading, body) in sections {
        text += &format!("## {heading}\n\n");
        text += if body.is_empty() {
            "No trial has a result.\n\n"
        } else {
            &body
        };
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn title(report: &ExperimentReport) -> String {
    let facts = &report.facts;
    let mock = if facts.mock { " (mock broker)" } else { "" };
    let mut text = format!("# {}{mock}\n\n", escape(&facts.name));
    if !facts.loosened.is_empty() {
        let limits: Vec<String> = facts.loosened.iter().map(|l| escape(l)).collect();
        text += &format!(
            "**Limits of validity are looser than the default: {}.**\n\n",
            list(&limits)
        );
    }
    let mut sharing: Vec<&str> = report
        .results
        .iter()
        .flat_map(|r| &r.agents)
        .filter(|agent| agent.shared_host)
        .map(|agent| agent.name.as_str())
        .collect();
    sharing.sort_unstable();
    sharing.dedup();
    if !sharing.is_empty() {
        text += &format!(
            "**Hosts are shared: {} ran beside a broker or another agent, and competed with it for processors.**\n\n",
            list(&sharing)
        );
    }
    let state = match facts.state {
        ExperimentState::Complete if facts.reason.is_empty() => "complete".to_owned(),
        state if facts.reason.is_empty() => state.name().to_owned(),
        state => format!("{}: {}", state.name(), escape(&facts.reason)),
    };
    text += &format!(
        "Experiment {}, accepted {}, seed {}: {} of {} with a result, {} of each cell; {state}.\n\n",
        code(&facts.id.to_string()),
        escape(&facts.began),
        facts.seed,
        count(report.results.len() as u64),
        plural(u64::from(facts.trials), "trial"),
        plural(u64::from(facts.repetitions), "repetition"),
    );
    if !facts.overrides.is_empty() {
        let overrides: Vec<String> = facts.overrides.iter().map(|o| code(o)).collect();
        text += &format!("Set on the command line, over the plan: {}.\n\n", list(&overrides));
    }
    text
}
