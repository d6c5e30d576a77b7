//! What a broker told at one instant, by the names of `dashboards/jmx/kafka.yml` (docs/brokers.md).

use std::collections::BTreeMap;

use super::exposition::{Malformed, Sample, samples};

/// The metrics that are read, and asked for by name: an exporter then leaves out what would cost it most, a dump of all
/// threads.
pub(super) const NAMES: [&str; 22] = [
    "kafka_broker_identity",
    "process_start_time_seconds",
    "process_cpu_seconds_total",
    "kafka_broker_bytes_in_total",
    "kafka_broker_records_in_total",
    "kafka_broker_bytes_rejected_total",
    "kafka_broker_produce_failures_total",
    "kafka_topic_bytes_in_total",
    "kafka_requests_total",
    "kafka_request_time_observations_total",
    "kafka_request_time_mean_seconds",
    "kafka_request_handler_idle_seconds_total",
    "kafka_network_processor_idle_seconds_total",
    "kafka_under_replicated_partitions",
    "kafka_under_min_isr_partitions",
    "kafka_offline_partitions",
    "kafka_request_queue_requests",
    "kafka_purgatory_requests",
    "kafka_log_flushes_total",
    "kafka_log_flush_mean_seconds",
    "jvm_gc_collection_seconds_count",
    "jvm_gc_collection_seconds_sum",
];

/// A broker's totals and states.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Told {
    /// Its id in the cluster.
    pub(super) broker: i32,
    /// Kafka's version.
    pub(super) version: Option<String>,
    /// When its process started, in seconds of its wall clock: another value is another process.
    pub(super) started: f64,
    pub(super) cpu_seconds: Option<f64>,
    pub(super) bytes_in: f64,
    pub(super) records_in: f64,
    pub(super) bytes_rejected: Option<f64>,
    pub(super) produce_failures: Option<f64>,
    /// Bytes in by topic; a topic without a produce since the start is not there.
    pub(super) topics: BTreeMap<String, f64>,
    /// Produce requests over all versions of the protocol.
    pub(super) produce_requests: f64,
    /// Produce requests and the mean of their time since the start in seconds, by step.
    pub(super) steps: BTreeMap<String, Mean>,
    /// Idle seconds of the mean request handler.
    pub(super) handler_idle: Option<f64>,
    /// Idle seconds of each network thread, by listener and number.
    pub(super) network_idle: BTreeMap<(String, String), f64>,
    pub(super) under_replicated: Option<f64>,
    pub(super) under_min_isr: Option<f64>,
    pub(super) offline: Option<f64>,
    pub(super) request_queue: Option<f64>,
    pub(super) purgatory: Option<f64>,
    pub(super) log_flush: Option<Mean>,
    pub(super) gc_collections: Option<f64>,
    pub(super) gc_seconds: Option<f64>,
}

/// A count and the mean of what was counted, both since the start: all that Kafka's histograms tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Mean {
    pub(super) count: f64,
    pub(super) mean: f64,
}

impl Mean {
    /// Kafka computes the mean as sum ÷ count, so that this is the sum again.
    pub(super) fn sum(self) -> f64 {
        self.count * self.mean
    }
}

/// An answer that is not a broker's by our rules.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("its answer has no {0}: run the exporter with the rules of dashboards/jmx/kafka.yml")]
    Lacks(&'static str),
}

impl Told {
    /// Reads an exporter's answer.
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let (mut broker, mut started, mut bytes_in, mut records_in) = (None, None, None, None);
        let mut told = Self::default();
        let mut flushes = (None, None);
        for sample in samples(text) {
            let sample = sample?;
            let value = sample.value;
            match sample.name {
                "kafka_broker_identity" => {
                    broker = sample.label("broker").and_then(|id| id.parse().ok());
                    told.version = sample.label("version").map(str::to_owned);
                }
                "process_start_time_seconds" => started = Some(value),
                "process_cpu_seconds_total" => told.cpu_seconds = Some(value),
                "kafka_broker_bytes_in_total" => bytes_in = Some(value),
                "kafka_broker_records_in_total" => records_in = Some(value),
                "kafka_broker_bytes_rejected_total" => told.bytes_rejected = Some(value),
                "kafka_broker_produce_failures_total" => told.produce_failures = Some(value),
                "kafka_topic_bytes_in_total" => {
                    if let Some(topic) = sample.label("topic") {
                        told.topics.insert(topic.to_owned(), value);
                    }
                }
                "kafka_requests_total" if of_produce(&sample) => told.produce_requests += value,
                "kafka_request_time_observations_total" if of_produce(&sample) => {
                    told.step(&sample).count = value;
                }
                "kafka_request_time_mean_seconds" if of_produce(&sample) => told.step(&sample).mean = value,
                "kafka_request_handler_idle_seconds_total" => told.handler_idle = Some(value),
                "kafka_network_processor_idle_seconds_total" => {
                    let of = |label| sample.label(label).unwrap_or_default().to_owned();
                    told.network_idle.insert((of("listener"), of("processor")), value);
                }
                "kafka_under_replicated_partitions" => told.under_replicated = Some(value),
                "kafka_under_min_isr_partitions" => told.under_min_isr = Some(value),
                "kafka_offline_partitions" => told.offline = Some(value),
                "kafka_request_queue_requests" => told.request_queue = Some(value),
                "kafka_purgatory_requests" if sample.label("operation") == Some("Produce") => {
                    told.purgatory = Some(value);
                }
                "kafka_log_flushes_total" => flushes.0 = Some(value),
                "kafka_log_flush_mean_seconds" => flushes.1 = Some(value),
                "jvm_gc_collection_seconds_count" => *told.gc_collections.get_or_insert_default() += value,
                "jvm_gc_collection_seconds_sum" => *told.gc_seconds.get_or_insert_default() += value,
                _ => {}
            }
        }
        told.broker = broker.ok_or(Error::Lacks("kafka_broker_identity"))?;
        told.started = started.ok_or(Error::Lacks("process_start_time_seconds"))?;
        told.bytes_in = bytes_in.ok_or(Error::Lacks("kafka_broker_bytes_in_total"))?;
        told.records_in = records_in.ok_or(Error::Lacks("kafka_broker_records_in_total"))?;
        if let (Some(count), Some(mean)) = flushes {
            told.log_flush = Some(Mean { count, mean });
        }
        Ok(told)
    }

    fn step(&mut self, sample: &Sample<'_>) -> &mut Mean {
        let step = sample.label("step").unwrap_or_default().to_owned();
        self.steps.entry(step).or_default()
    }
}

fn of_produce(sample: &Sample<'_>) -> bool {
    sample.label("request") == Some("Produce")
}
