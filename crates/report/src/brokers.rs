//! What the brokers themselves say of a trial's window.
//!
//! These types are part of the stored result. A figure that a broker did not tell is absent, with its reason where the
//! whole broker is.

use serde::{Deserialize, Serialize};

use crate::result::TrialResult;

/// One broker over the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BrokerWindow {
    /// Where its metrics were read, as the plan has it.
    pub address: String,
    /// Its id in the cluster, where it ever answered.
    pub broker: Option<i32>,
    /// What it says; `None` where nothing can be told of the window.
    pub facts: Option<BrokerFacts>,
    /// Why there are no facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
}

/// Differences of a broker's totals between the reading next to t1 and the one next to t2.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BrokerFacts {
    /// Kafka's version.
    pub version: Option<String>,
    /// Seconds between the two readings; the window's length as nearly as they could be taken at its ends.
    pub seconds: f64,
    /// How far the two readings lay from t1 and t2 at most, in seconds.
    pub off_seconds: f64,
    /// Readings from the first to the last one.
    pub readings: u32,
    /// Readings in between that failed.
    pub missed: u32,
    /// Processor time of the broker's process, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Bytes of record batches that clients produced to it, as they came: compressed.
    pub bytes_in: u64,
    /// The part of them for topics that are not the trial's.
    pub foreign_bytes_in: u64,
    /// The topics of that part, the largest first; of many the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_topics: Vec<(String, u64)>,
    /// Records that clients produced to it.
    pub records_in: u64,
    /// Bytes of batches that it refused as too large.
    pub bytes_rejected: Option<u64>,
    /// Produce requests that it answered.
    pub produce_requests: u64,
    /// Appends to a partition that failed.
    pub produce_failures: Option<u64>,
    /// Where the produce requests' time went, by its [`STEPS`]; empty where there were none.
    pub produce_time: Vec<StepTime>,
    /// Share of the request handlers' time in which they had nothing to do.
    pub handler_idle: Option<f64>,
    /// Share of the network threads' time in which they had nothing to do, on average over them.
    pub network_idle: Option<f64>,
    /// That share of the busiest network thread.
    pub network_idle_least: Option<f64>,
    /// Most partitions that it led and that lacked a replica in sync, over the readings.
    pub under_replicated_max: Option<u64>,
    /// Most partitions that it led with fewer replicas in sync than `min.insync.replicas`.
    pub under_min_isr_max: Option<u64>,
    /// Most partitions without a leader, where it was the active controller.
    pub offline_max: Option<u64>,
    /// Most requests that waited for a handler.
    pub request_queue_max: Option<u64>,
    /// Most produce requests that waited for replicas.
    pub purgatory_max: Option<u64>,
    /// Flushes of logs to disk.
    pub log_flushes: Option<u64>,
    /// Seconds that they took together.
    pub log_flush_seconds: Option<f64>,
    /// Collections of garbage.
    pub gc_collections: Option<u64>,
    /// Seconds that they took together.
    pub gc_seconds: Option<f64>,
}

/// The steps of a produce request in a broker in their order, as Kafka names them; the first is the whole.
pub const STEPS: [&str; 7] = [
    "Total",
    "RequestQueue",
    "Local",
    "Remote",
    "Throttle",
    "ResponseQueue",
    "ResponseSend",
];

/// Why a throttle stands beside the parts of a mean and is none of them: it would count twice. Brokers do so since KIP-219;
/// librdkafka 2.12.1 holds nothing back by itself, and tells the times that were above zero.
pub(crate) const THROTTLE_APART: &str = "Throttle stands beside the parts and is none of them: a broker answers at once, \
                                         announces a time and leaves the connection unread for as long, so that the \
                                         requests after it wait in their round trip, and records behind those in the \
                                         client's queue.";

/// The time of produce requests in one of the [`STEPS`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepTime {
    /// Which.
    pub step: String,
    /// Requests that were timed.
    pub requests: u64,
    /// Their mean, in seconds. Kafka rounds each request's time to whole milliseconds first.
    pub mean_seconds: f64,
}

impl BrokerFacts {
    /// Cores in use, on average over the window.
    pub fn cores(&self) -> Option<f64> {
        Some(self.cpu_seconds? / self.seconds)
    }

    /// Mean time of the produce requests in a step, in seconds.
    pub fn mean_seconds(&self, step: &str) -> Option<f64> {
        let time = self.produce_time.iter().find(|time| time.step == step)?;
        Some(time.mean_seconds)
    }
}

/// What all brokers of a cluster spent together on what was produced in a trial's window: keys and values of the records
/// acknowledged in it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Processor time, in seconds.
    pub cpu_seconds: Option<f64>,
    /// Milliseconds of it for each MB produced.
    pub cpu_ms_per_mb: Option<f64>,
    /// Produce requests for each MB produced.
    pub requests_per_mb: Option<f64>,
    /// Bytes of record batches that came for the trial's topics, for each byte produced.
    pub bytes_in_per_byte: Option<f64>,
}

/// What the brokers spent; nothing where one of the cluster told nothing, for a sum of some would be taken for the whole.
/// Nothing but bytes is divided by what was produced where brokers worked for others as well.
pub fn spent(result: &TrialResult) -> Spent {
    let facts: Vec<&BrokerFacts> = result
        .brokers
        .iter()
        .filter_map(|broker| broker.facts.as_ref())
        .collect();
    if facts.is_empty() || facts.len() < result.cluster.brokers.len() {
        return Spent::default();
    }
    let cpu_seconds: Option<f64> = facts.iter().map(|facts| facts.cpu_seconds).sum();
    let sum = |of: fn(&BrokerFacts) -> u64| facts.iter().map(|facts| of(facts)).sum::<u64>() as f64;
    let produced = result.window.acknowledged_bytes;
    let per_byte = |amount: f64| (produced > 0).then(|| amount / produced as f64);
    let ours = |amount: f64| foreign(&result.brokers).is_empty().then_some(amount);
    Spent {
        cpu_seconds,
        cpu_ms_per_mb: cpu_seconds.and_then(ours).and_then(|seconds| per_byte(seconds * 1e9)),
        requests_per_mb: ours(sum(|facts| facts.produce_requests)).and_then(|requests| per_byte(requests * 1e6)),
        bytes_in_per_byte: per_byte(sum(|facts| facts.bytes_in.saturating_sub(facts.foreign_bytes_in))),
    }
}

/// The share of foreign bytes from which on a broker's figures are not the trial's alone.
const FOREIGN: f64 = 0.01;

/// Brokers that took in bytes that are not the trial's, one phrase each.
pub fn foreign(brokers: &[BrokerWindow]) -> Vec<String> {
    let told = brokers
        .iter()
        .filter_map(|broker| Some((broker, broker.facts.as_ref()?)));
    told.filter_map(|(broker, facts)| {
        let share = facts.foreign_bytes_in as f64 / facts.bytes_in.max(1) as f64;
        if share < FOREIGN {
            return None;
        }
        let topics: Vec<&str> = facts.foreign_topics.iter().map(|(topic, _)| topic.as_str()).collect();
        let of = if topics.is_empty() {
            String::new()
        } else {
            format!(": {}", topics.join(", "))
        };
        Some(format!(
            "{} of what {} took in was not the trial's{of}",
            crate::format::share(share),
            broker.name()
        ))
    })
    .collect()
}

impl BrokerWindow {
    /// `broker 1`, or its address where it never said its id.
    pub fn name(&self) -> String {
        self.broker
            .map_or_else(|| self.address.clone(), |broker| format!("broker {broker}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(id: i32, bytes_in: u64, foreign_bytes_in: u64) -> BrokerWindow {
        BrokerWindow {
            address: format!("http://b{id}:9404/metrics"),
            broker: Some(id),
            facts: Some(BrokerFacts {
                seconds: 10.0,
                cpu_seconds: Some(5.0),
                bytes_in,
                foreign_bytes_in,
                foreign_topics: vec![("orders".to_owned(), foreign_bytes_in)],
                produce_requests: 100,
                ..BrokerFacts::default()
            }),
            absent: None,
        }
    }

    #[test]
    fn a_broker_that_works_for_others_is_told_from_one_per_cent_on() {
        assert!(foreign(&[broker(1, 1000, 9), broker(2, 0, 0)]).is_empty());
        assert_eq!(
            foreign(&[broker(1, 1000, 9), broker(2, 1000, 123)]),
            ["12.3 % of what broker 2 took in was not the trial's: orders"]
        );
    }
}
