//! What the trials wrote to, and what they were asked to send.

use tribunal_model::design::{DesignKind, Mode, Purpose};
use tribunal_model::limits::{Limit, Limits};
use tribunal_model::trial::Arrivals;
use tribunal_model::units::format_duration;

use crate::experiment::ExperimentReport;
use crate::format::{ABSENT, count, rate};
use crate::result::TrialResult;

use super::cells::{Table, code, escape};
use super::spread::Spread;

/// The topics as read back, with the levels at which they differ.
pub(super) fn topic(results: &[&TrialResult]) -> String {
    let tell = |fact: &dyn Fn(&TrialResult) -> Option<String>, style: fn(&str) -> String| {
        Spread::of(results, fact).text(style)
    };
    let mut table = Table::of(&["topic", "value"]);
    let mut row = |name: String, value: Option<String>| {
        if let Some(value) = value {
            table.row(vec![name, value]);
        }
    };
    row(
        "topics of a trial".into(),
        tell(&|r| Some(count(r.topic.names.len() as u64)), escape),
    );
    row(
        "partitions of each".into(),
        tell(&|r| Some(r.topic.partitions.to_string()), escape),
    );
    row(
        "replicas of each partition".into(),
        tell(&|r| Some(r.topic.replication.to_string()), escape),
    );
    let mut settings: Vec<&str> = results
        .iter()
        .flat_map(|r| &r.topic.settings)
        .map(|(n, _)| n.as_str())
        .collect();
    settings.sort_unstable();
    settings.dedup();
    for setting in &settings {
        row(code(setting), tell(&|r| lookup(&r.topic.settings, setting), code));
    }
    let mut text = table.render();
    if !text.is_empty() && settings.is_empty() {
        text += "The broker did not tell the topics' settings.\n\n";
    }
    text
}

/// What the trials were asked to send, and when.
pub(super) fn workload(report: &ExperimentReport, results: &[&TrialResult]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let mut table = Table::of(&["workload", "value"]);
    let mut row = |name: &str, fact: &dyn Fn(&TrialResult) -> String| {
        if let Some(value) = Spread::of(results, |r| Some(fact(r))).text(escape) {
            table.row(vec![name.to_owned(), value]);
        }
    };
    row("rate over all producers", &|r| match r.workload.rate {
        Some(_) if !report.searches.is_empty() => rates(results),
        Some(mean) if r.workload.profile.is_some() => format!("{} in the mean (open loop)", rate(mean)),
        Some(per_second) => format!("{} (open loop)", rate(per_second)),
        None => "saturate (closed loop)".to_owned(),
    });
    if results.iter().any(|r| r.workload.profile.is_some()) {
        row("how the rate changed", &|r| {
            r.workload.profile.clone().unwrap_or_else(|| "not at all".to_owned())
        });
    }
    row("arrivals", &|r| match (r.workload.rate, r.workload.arrivals) {
        (None, _) => ABSENT.to_owned(),
        (_, Arrivals::Uniform) => "uniform".to_owned(),
        (_, Arrivals::Poisson) => "poisson".to_owned(),
    });
    row("producers", &|r| count(u64::from(r.workload.producers)));
    row("record", &|r| r.workload.record.clone());
    row("keys", &|r| r.workload.keys.clone());
    row("partitioner", &|r| r.workload.partitioner.clone());
    row("when the client is full", &|r| r.workload.when_full.clone());
    row("send path", &|r| r.workload.path.clone());
    row("warm-up, as it was", &|r| format_duration(r.windows.warm_up));
    if results.iter().any(|r| !r.workload.settle.is_zero()) {
        row("of it, for a steady load", &|r| {
            format!("up to {}", format_duration(r.workload.settle))
        });
    }
    row("measurement window", &|r| format_duration(r.windows.measure));
    row("drain", &|r| format!("up to {}", format_duration(r.windows.drain)));
    row("seed", &|r| r.workload.seed.to_string());
    row("limits of validity that the plan changed", &|r| {
        changed_limits(&r.limits)
    });
    format!("{}\n\n", design(report)) + &table.render()
}

/// The rates of probes, from the lowest to the highest.
fn rates(results: &[&TrialResult]) -> String {
    let offered = || results.iter().filter_map(|r| r.workload.rate);
    format!(
        "{} to {} (open loop)",
        rate(offered().fold(f64::INFINITY, f64::min)),
        rate(offered().fold(0.0, f64::max))
    )
}

/// Which combinations were run, how, and in which order.
fn design(report: &ExperimentReport) -> String {
    let facts = &report.facts;
    if !report.searches.is_empty() {
        return "Search for each cell's capacity: probes follow from the verdicts of those before them.".to_owned();
    }
    let cells = match facts.design {
        DesignKind::Full => "every combination of levels is a cell",
        DesignKind::OneAtATime => {
            "one factor at a time: the first levels, and each other level beside the first levels of the other factors"
        }
        DesignKind::Pairwise => {
            "pairwise: a subset of the combinations in which every pair of levels of two factors occurs"
        }
    };
    let mode = match facts.mode {
        Mode::Direct => "each cell at its own rate",
        Mode::TwoPhase => "in two phases: the capacity of each cell, then all cells at shares of the slowest one's",
    };
    let mut text = format!("Design: {cells}; {mode}; run in blocks that hold each cell once, shuffled by the seed.");
    let capacities = report
        .results
        .iter()
        .filter(|r| r.purpose == Purpose::Capacity && r.verdict.valid())
        .filter_map(|r| Some((r, r.rates.delivered.filter(|rate| *rate > 0.0)?)));
    if let Some((slowest, capacity)) = capacities.min_by(|(_, a), (_, b)| a.total_cmp(b)) {
        text += &format!(
            " Slowest capacity: {} with {} ({}, bound by {}).",
            rate(capacity),
            code(&slowest.cell_text()),
            slowest.trial,
            slowest.verdict.bound_by
        );
    }
    text
}

/// The limits that are not the default, with from where on they warn and void.
fn changed_limits(limits: &Limits) -> String {
    let changed = Limit::ALL
        .into_iter()
        .filter(|limit| limits.get(*limit) != limit.default_bounds());
    let text = |limit: Limit| {
        let bounds = limits.get(limit);
        format!(
            "{limit}: doubt above {}, invalid above {}",
            limit.show(bounds.warn),
            limit.show(bounds.void)
        )
    };
    let changed: Vec<String> = changed.map(text).collect();
    if changed.is_empty() {
        "none".to_owned()
    } else {
        changed.join("; ")
    }
}

/// The value of a setting.
fn lookup(settings: &[(String, String)], name: &str) -> Option<String> {
    settings
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.clone())
}
