//! What two sides differ in beside their settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use tribunal_model::limits::{Limit, Limits};

use super::Side;
use super::matching::Matched;
use crate::experiment::ExperimentReport;
use crate::format::{ABSENT, first, nanos};
use crate::result::TrialResult;

/// Values of one thing beyond which the others are counted.
const SHOWN: usize = 3;

/// What a difference does to a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "DifferenceKind")
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It may have made the ratio as well as the settings may: nothing is compared unless it is allowed.
    Environment,
    /// It is what is compared.
    Setting,
    /// It is worth knowing and makes no ratio.
    Note,
}

/// One thing that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    /// What it does to the comparison.
    pub kind: Kind,
    /// What differs.
    pub what: String,
    /// The baseline's values.
    pub baseline: String,
    /// The candidate's values.
    pub candidate: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} against {})", self.what, self.baseline, self.candidate)
    }
}

/// The values of each thing over some trials.
type Facts = BTreeMap<(Kind, String), BTreeSet<String>>;

/// What differs between the matched cells and their experiments.
///
/// Within one experiment, and where cells of different levels were named, topic, workload and client differ by what the
/// question says, and so are settings.
pub(super) fn between(baseline: Side<'_>, candidate: Side<'_>, matched: &[Matched<'_>]) -> Vec<Difference> {
    let one_experiment = baseline.report.facts.id == candidate.report.facts.id;
    let mut told = BTreeSet::new();
    for pair in matched {
        let asked_for = one_experiment || !pair.alike;
        let of = |trials: &[&TrialResult]| {
            let mut facts = Facts::new();
            for result in trials {
                of_trial(result, asked_for, &mut facts);
            }
            facts
        };
        told.extend(unlike(&of(&pair.baseline), &of(&pair.candidate)));
    }
    if one_experiment {
        // Whatever else differs between the cells of a plan is what its factors vary.
        let settings = told.into_iter().map(|difference| Difference {
            kind: difference.kind.max(Kind::Setting),
            ..difference
        });
        return settings.collect();
    }
    told.extend(unlike(
        &of_experiment(baseline.report),
        &of_experiment(candidate.report),
    ));
    told.into_iter().collect()
}

fn unlike(baseline: &Facts, candidate: &Facts) -> Vec<Difference> {
    let keys: BTreeSet<&(Kind, String)> = baseline.keys().chain(candidate.keys()).collect();
    let text = |facts: &Facts, key: &(Kind, String)| match facts.get(key) {
        Some(values) => first(&values.iter().map(String::as_str).collect::<Vec<_>>(), SHOWN),
        None => ABSENT.to_owned(),
    };
    keys.into_iter()
        .filter(|key| baseline.get(key) != candidate.get(key))
        .map(|key| Difference {
            kind: key.0,
            what: key.1.clone(),
            baseline: text(baseline, key),
            candidate: text(candidate, key),
        })
        .collect()
}

fn of_experiment(report: &ExperimentReport) -> Facts {
    let facts = &report.facts;
    let mut told = Facts::new();
    let mut tell = |kind, what: &str, value: String| {
        told.entry((kind, what.to_owned())).or_default().insert(value);
    };
    tell(
        Kind::Environment,
        "the coordinator's build",
        format!("tribunal {}, librdkafka {}", facts.version, facts.librdkafka),
    );
    for (name, note) in &facts.notes {
        tell(Kind::Environment, &format!("the plan's note {name:?}"), note.clone());
    }
    tell(Kind::Note, "the seed", facts.seed.to_string());
    tell(Kind::Note, "the number of repetitions", facts.repetitions.to_string());
    told
}

/// Adds what one trial was made with. `asked_for`: topic, workload and client differ because the question says so.
fn of_trial(result: &TrialResult, asked_for: bool, told: &mut Facts) {
    let made = if asked_for { Kind::Setting } else { Kind::Environment };
    let mut tell = |kind, what: &str, value: String| {
        told.entry((kind, what.to_owned())).or_default().insert(value);
    };
    cluster(result, &mut tell);
    hosts(result, &mut tell);
    let (workload, topic) = (&result.workload, &result.topic);
    tell(made, "the client library", workload.client.clone());
    for driver in result
        .agents
        .iter()
        .flat_map(|a| &a.producers)
        .filter_map(|p| p.driver.as_deref())
    {
        let version = format!(
            "{} {}, {}, {}",
            driver.client, driver.version, driver.library, driver.runtime
        );
        tell(made, "the client library's version", version);
    }
    tell(made, "the number of topics", topic.names.len().to_string());
    tell(made, "partitions", topic.partitions.to_string());
    tell(made, "replication", topic.replication.to_string());
    for (name, value) in &topic.settings {
        tell(made, &format!("the topic's {name}"), value.clone());
    }
    let arrivals = serde_json::to_value(workload.arrivals).ok();
    let arrivals = arrivals.and_then(|value| Some(value.as_str()?.to_owned()));
    for (what, value) in [
        ("the number of producers", workload.producers.to_string()),
        ("the record", workload.record.clone()),
        ("the keys", workload.keys.clone()),
        ("the partitioner", workload.partitioner.clone()),
        ("what happens when the client is full", workload.when_full.clone()),
        ("the path", workload.path.clone()),
        ("arrivals", arrivals.unwrap_or_default()),
    ] {
        tell(made, what, value);
    }
    for (name, value) in workload.properties.iter().chain(&workload.own) {
        tell(Kind::Setting, name, value.clone());
    }
    judged_by(result, &mut tell);
}

fn cluster(result: &TrialResult, tell: &mut impl FnMut(Kind, &str, String)) {
    let cluster = &result.cluster;
    let mut brokers: Vec<String> = cluster
        .brokers
        .iter()
        .map(|(id, host, port)| format!("{id} {host}:{port}"))
        .collect();
    brokers.sort_unstable();
    let kind = if cluster.mock { "a mock" } else { "Kafka" };
    let id = cluster.cluster_id.clone().unwrap_or_else(|| "not known".to_owned());
    tell(Kind::Environment, "the cluster", kind.to_owned());
    tell(Kind::Environment, "the cluster's id", id);
    tell(Kind::Environment, "the brokers", brokers.join(" "));
    let consumers = result.consumers.as_ref().map_or(0, |consumers| consumers.members);
    tell(Kind::Environment, "the number of consumers", consumers.to_string());
}

fn hosts(result: &TrialResult, tell: &mut impl FnMut(Kind, &str, String)) {
    tell(
        Kind::Environment,
        "the number of agents",
        result.agents.len().to_string(),
    );
    for agent in &result.agents {
        let host = &agent.host;
        let text = format!(
            "{}: {}, kernel {}, {} × {}, {}",
            host.hostname,
            host.os,
            host.kernel,
            host.cores,
            host.cpu_model,
            crate::format::bytes(host.memory_bytes)
        );
        tell(Kind::Environment, "the agents' hosts", text);
        tell(Kind::Environment, "the agents' build", agent.build.to_string());
        let shared = if agent.shared_host { "shared" } else { "its own" };
        tell(
            Kind::Environment,
            "whether an agent's host is shared",
            shared.to_owned(),
        );
    }
}

/// Windows and limits of validity.
fn judged_by(result: &TrialResult, tell: &mut impl FnMut(Kind, &str, String)) {
    let length = |length: std::time::Duration| nanos(length.as_nanos() as i64);
    let windows = &result.windows;
    tell(Kind::Environment, "the warm-up", length(windows.warm_up));
    tell(Kind::Environment, "the window", length(windows.measure));
    tell(Kind::Environment, "the drain deadline", length(windows.drain));
    tell(
        Kind::Environment,
        "the longest wait for a steady load",
        length(result.workload.settle),
    );
    let defaults = Limits::default();
    for limit in Limit::ALL {
        let bounds = result.limits.get(limit);
        // The defaults are what both have where neither says anything.
        if bounds != defaults.get(limit) {
            let text = format!("{} and {}", limit.show(bounds.warn), limit.show(bounds.void));
            tell(Kind::Environment, &format!("the limit {limit}"), text);
        }
    }
}
