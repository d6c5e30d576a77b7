//! Pitfalls of topics, replicas and keys.

use std::collections::BTreeMap;

use tribunal_model::pitfall::{NEAR, SKEW};

use super::Cell;
use crate::effective::{effective, number};
use crate::format::{bytes, share};
use crate::result::TrialResult;

/// Fewer records than this for each partition of a topic tell nothing of its keys.
const RECORDS: u64 = 100;

pub(super) fn one_partition(cell: &Cell<'_>) -> Option<String> {
    let trial = cell.first();
    let (producers, brokers) = (trial.workload.producers, trial.cluster.brokers.len());
    let one = trial.topic.partitions == 1 && trial.topic.names.len() == 1;
    (one && (producers > 1 || brokers > 1)).then(|| {
        let plural = |number: usize, noun| crate::format::plural(number as u64, noun);
        format!(
            "1 partition for {} and {}",
            plural(producers as usize, "producer"),
            plural(brokers, "broker")
        )
    })
}

/// By the audit, which counts acknowledged records by partition: the greatest share of a topic's records in one partition.
pub(super) fn skewed_keys(cell: &Cell<'_>) -> Option<String> {
    let workload = &cell.first().workload;
    if workload.keys == "none" || workload.partitioner != "native" {
        return None;
    }
    let mut topics: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for row in cell.trials.iter().flat_map(|r| &r.audit.partitions) {
        let (all, most, partitions) = topics.entry(&row.topic).or_default();
        *all += row.acknowledged;
        *most = (*most).max(row.acknowledged);
        *partitions += 1;
    }
    let enough = topics
        .values()
        .filter(|(all, _, partitions)| *partitions > 1 && *all >= RECORDS * partitions);
    let shares = enough.map(|(all, most, partitions)| (*most as f64 / *all as f64, 1.0 / *partitions as f64));
    let (most, even) = shares.max_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)))?;
    (most > SKEW * even).then(|| {
        format!(
            "with keys {} one partition has {} of a topic's records, where an even share is {}",
            workload.keys,
            share(most),
            share(even)
        )
    })
}

fn acks_all(trial: &TrialResult) -> bool {
    effective(trial, "acks").as_deref() == Some("all")
}

pub(super) fn acks_all_alone(cell: &Cell<'_>) -> Option<String> {
    let trial = cell.first();
    if !acks_all(trial) {
        return None;
    }
    match (trial.topic.replication, trial.cluster.brokers.len()) {
        (_, 1) => Some("acks=all on a single broker".to_owned()),
        (1, _) => Some("acks=all with 1 replica".to_owned()),
        _ => None,
    }
}

fn topic_setting<'a>(trial: &'a TrialResult, name: &str) -> Option<&'a str> {
    let found = trial.topic.settings.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

pub(super) fn one_in_sync(cell: &Cell<'_>) -> Option<String> {
    let trial = cell.first();
    let (replicas, brokers) = (trial.topic.replication, trial.cluster.brokers.len());
    let one = topic_setting(trial, "min.insync.replicas") == Some("1");
    (acks_all(trial) && replicas > 1 && brokers > 1 && one)
        .then(|| format!("acks=all with min.insync.replicas 1 of {replicas} replicas"))
}

/// By the mean size, which is that of all where sizes do not vary.
pub(super) fn large_records(cell: &Cell<'_>) -> Option<String> {
    let trial = cell.first();
    let records = cell.sum(|r| r.window.acknowledged as f64);
    let size = cell.sum(|r| r.window.acknowledged_bytes as f64) / records;
    let topic = topic_setting(trial, "max.message.bytes").and_then(|text| text.parse::<f64>().ok());
    let limits = [
        ("the topic's max.message.bytes", topic),
        ("message.max.bytes", number(trial, "message.max.bytes")),
    ];
    let known = limits.into_iter().filter_map(|(name, most)| Some((name, most?)));
    let (name, most) = known.min_by(|a, b| a.1.total_cmp(&b.1))?;
    (records > 0.0 && size > NEAR * most).then(|| {
        format!(
            "keys and values of {} in the mean where {name} is {}",
            bytes(size as u64),
            bytes(most as u64)
        )
    })
}
