//! `report.md`: environment, topic configuration, workload, tuning, producers, results, conclusion.

#![expect(
    clippy::format_push_string,
    reason = "reads better than write!, whose error cannot happen in memory"
)]

mod advice;
mod brokers;
mod capacity;
mod cells;
mod clients;
mod compared;
mod comparison;
mod conclusion;
mod consumers;
mod effects;
mod environment;
mod objective;
mod pitfalls;
mod producers;
mod readback;
mod results;
mod setting;
mod spread;
mod trials;
mod tuning;
mod verdicts;

use crate::analysed::Analysed;
use crate::experiment::ExperimentReport;
use crate::factors::{apart, of_cells};
use crate::format::{count, list, plural};

pub(crate) use brokers::linger;
#[cfg(test)]
pub(crate) use cells::Table;
pub(crate) use cells::{code, escape};
pub(crate) use conclusion::{capacity, drifted, page_cache, reservation};

pub use compared::render as render_compared;
pub(crate) use compared::sections as compared_sections;

/// The report as Markdown: the title, what a reader must know first, then always the same seven sections, and one on consumers
/// where there were any.
pub fn render(of: &Analysed<'_>) -> String {
    let mut text = format!("# {}\n\n", escape(&title(of.report)));
    for doubt in doubts(of.report) {
        text += &format!("{doubt}\n\n");
    }
    text += &about(of.report);
    for (heading, body) in sections(of) {
        text += &format!("## {heading}\n\n{body}");
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// The sections with their headings, none of them empty.
pub(crate) fn sections(of: &Analysed<'_>) -> Vec<(&'static str, String)> {
    let report = of.report;
    let mut main = of_cells(report);
    if main.is_empty() {
        main = apart(report);
    }
    let mut sections = vec![
        ("Environment", environment::environment(report)),
        ("Topic configuration", setting::topic(&main)),
        ("Workload", setting::workload(report, &main)),
        ("Tuning", tuning::tuning(&main)),
        ("Producers", clients::clients(report) + &producers::producers(&main)),
        ("Results", results::results(of)),
        ("Conclusion", conclusion::conclusion(of)),
    ];
    // The only section that many reports have nothing to say in.
    let consumers = consumers::consumers(report);
    if !consumers.is_empty() {
        sections.insert(5, ("Consumers", consumers));
    }
    for (_, body) in &mut sections {
        if body.is_empty() {
            "No trial has a result.\n\n".clone_into(body);
        }
    }
    sections
}

/// The name, not escaped.
pub(crate) fn title(report: &ExperimentReport) -> String {
    let mock = if report.facts.mock { " (mock broker)" } else { "" };
    format!("{}{mock}", report.facts.name)
}

/// What a reader must know first, a paragraph each.
pub(crate) fn doubts(report: &ExperimentReport) -> Vec<String> {
    let facts = &report.facts;
    let mut doubts = Vec::new();
    if !facts.loosened.is_empty() {
        let limits: Vec<String> = facts.loosened.iter().map(|l| escape(l)).collect();
        doubts.push(format!(
            "**Limits of validity are looser than the default: {}.**",
            list(&limits)
        ));
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
        doubts.push(format!(
            "**Hosts are shared: {} ran beside a broker or another agent, and competed with it for processors.**",
            list(&sharing)
        ));
    }
    if let Some(left_out) = &facts.left_out {
        doubts.push(format!("**Left out for want of time: {}.**", escape(left_out)));
    }
    doubts
}

/// Which experiment it is.
pub(crate) fn about(report: &ExperimentReport) -> String {
    let facts = &report.facts;
    let state = match (facts.state.name(), facts.reason.as_str()) {
        (state, reason) if reason.is_empty() || reason == state => state.to_owned(),
        (state, reason) => format!("{state}: {}", escape(reason)),
    };
    let mut text = format!(
        "Experiment {}, accepted {}, seed {}: {}, {} of each cell; {state}.\n\n",
        code(&facts.id.to_string()),
        escape(&facts.began),
        facts.seed,
        with_result(report),
        plural(u64::from(facts.repetitions), "repetition"),
    );
    if !facts.overrides.is_empty() {
        let overrides: Vec<String> = facts.overrides.iter().map(|o| code(o)).collect();
        text += &format!("Set on the command line, over the plan: {}.\n\n", list(&overrides));
    }
    text
}

/// How many trials have a result, of how many where that is known: a search and a second phase make theirs as they go.
fn with_result(report: &ExperimentReport) -> String {
    let (done, all) = (report.results.len() as u64, u64::from(report.facts.trials));
    if report.searches.is_empty() && done <= all {
        format!("{} of {} with a result", count(done), plural(all, "trial"))
    } else {
        format!("{} with a result", plural(done, "trial"))
    }
}
