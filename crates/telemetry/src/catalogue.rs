//! Every metric of ours: its name, type, unit, labels and meaning, in one place.

use prometheus::proto::MetricType;

/// Labels of the two metrics that dashboards of the first hour rely on.
const SEED: &[&str] = &["topic", "client_id"];
/// Labels of everything else that belongs to one producer.
const PRODUCER: &[&str] = &["topic", "client_id", "agent", "experiment", "trial"];
const PRODUCER_FATE: &[&str] = &["topic", "client_id", "agent", "experiment", "trial", "fate"];
const PRODUCER_CODE: &[&str] = &["topic", "client_id", "agent", "experiment", "trial", "code"];
const PRODUCER_BROKER: &[&str] = &["topic", "client_id", "agent", "experiment", "trial", "broker"];
/// Labels of a partition that a consumer group reads.
const CONSUMER: &[&str] = &["topic", "partition", "group", "agent", "experiment", "trial"];
const AGENT: &[&str] = &["agent"];
const AGENT_GROUP: &[&str] = &["agent", "group"];
const AGENT_PHASE: &[&str] = &["agent", "experiment", "trial", "phase"];

/// Who serves a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Agents, at all times.
    Agent,
    /// Agents, while a trial runs.
    Trial,
    /// The coordinator.
    Coordinator,
    /// Both.
    All,
}

/// What a metric is.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricType,
    /// Who serves it, and when.
    pub served: Served,
    /// What its value is counted in.
    pub unit: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

macro_rules! catalogue {
    ($($(#[$attribute:meta])* $metric:ident: $kind:ident $served:ident $name:literal, $unit:literal, $labels:expr, $help:literal;)+) => {
        /// A metric.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = concat!("`", $name, "`: ", $help)] $metric,)+
        }

        impl Metric {
            /// All of them, in the order in which they are documented.
            pub const ALL: &[Self] = &[$(Self::$metric),+];

            /// What it is.
            pub fn about(self) -> About {
                match self {
                    $(Self::$metric => About {
                        name: $name,
                        kind: MetricType::$kind,
                        served: Served::$served,
                        unit: $unit,
                        labels: $labels,
                        help: $help,
                    },)+
                }
            }
        }
    };
}

catalogue! {
    MessageRate: GAUGE Trial "kafka_producer_message_rate", "records/s", SEED,
        "Acknowledged records a second, over the last second.";
    ErrorRate: GAUGE Trial "kafka_producer_error_rate", "records/s", SEED,
        "Failed records a second, over the last second.";
    Records: COUNTER Trial "tribunal_producer_records_total", "records", PRODUCER_FATE,
        "Records by their fate. Moves with every batch of delivery reports; once a second where a driver runs the client.";
    AcknowledgedBytes: COUNTER Trial "tribunal_producer_acknowledged_bytes_total", "bytes", PRODUCER,
        "Keys and values of acknowledged records, before compression.";
    Failures: COUNTER Trial "tribunal_producer_failures_total", "records", PRODUCER_CODE,
        "Failed records by the client's error.";
    Response: HISTOGRAM Trial "tribunal_producer_response_seconds", "seconds", PRODUCER,
        "Response time of acknowledged records: intended send to delivery report.";
    Service: HISTOGRAM Trial "tribunal_producer_service_seconds", "seconds", PRODUCER,
        "Service time of acknowledged records: accepted send to delivery report.";
    SendLag: HISTOGRAM Trial "tribunal_producer_send_lag_seconds", "seconds", PRODUCER,
        "Accepted minus intended send of sent records.";
    ScheduleDelay: HISTOGRAM Trial "tribunal_producer_schedule_delay_seconds", "seconds", PRODUCER,
        "Send lag without the time in which the client was full: the agent's own lateness.";
    InFlight: GAUGE Trial "tribunal_producer_in_flight_records", "records", PRODUCER,
        "Records in the client, queued or sent, at the end of the last second.";
    QueueFull: COUNTER Trial "tribunal_producer_queue_full_total", "refusals", PRODUCER,
        "Times that the client refused a record because it was full.";
    QueueFullTime: COUNTER Trial "tribunal_producer_queue_full_seconds_total", "seconds", PRODUCER,
        "Time in which the sender waited for a full client.";
    Batches: COUNTER Trial "tribunal_client_batches_total", "batches", PRODUCER,
        "Record batches that the client sent, by its own count.";
    BatchRecords: COUNTER Trial "tribunal_client_batch_records_total", "records", PRODUCER,
        "Records in those batches.";
    Requests: COUNTER Trial "tribunal_client_requests_total", "requests", PRODUCER,
        "Produce requests that the client sent, by its own count.";
    Retries: COUNTER Trial "tribunal_client_retries_total", "records", PRODUCER,
        "Records that the client sent again; a lower bound.";
    RecordBytes: COUNTER Trial "tribunal_client_record_bytes_total", "bytes", PRODUCER,
        "Keys and values that the client put into batches, before compression.";
    WireBytes: COUNTER Trial "tribunal_client_wire_bytes_total", "bytes", PRODUCER,
        "Bytes that the client sent to brokers, after compression, headers and other requests included.";
    Timeouts: COUNTER Trial "tribunal_client_timeouts_total", "requests", PRODUCER,
        "Requests of the client that timed out.";
    TransmitErrors: COUNTER Trial "tribunal_client_transmit_errors_total", "errors", PRODUCER,
        "Requests that the client could not send.";
    Disconnects: COUNTER Trial "tribunal_client_disconnects_total", "connections", PRODUCER,
        "Connections that the client lost.";
    RequestLatency: GAUGE Trial "tribunal_client_request_latency_seconds", "seconds", PRODUCER,
        "Mean latency of the client's produce requests over the last second, by its own count; drivers only.";
    QueueLatency: SUMMARY Trial "tribunal_client_broker_queue_seconds", "seconds", PRODUCER_BROKER,
        "From produce call to request: linger, waiting for a full queue and for a leader (librdkafka's int_latency). No quantiles.";
    OutboundLatency: SUMMARY Trial "tribunal_client_broker_outbound_seconds", "seconds", PRODUCER_BROKER,
        "From request to socket: waiting in the outbound buffer (librdkafka's outbuf_latency). No quantiles.";
    RoundTrip: SUMMARY Trial "tribunal_client_broker_round_trip_seconds", "seconds", PRODUCER_BROKER,
        "From socket to answer, the wait behind earlier requests of the connection included (librdkafka's rtt). No quantiles.";
    Throttle: SUMMARY Trial "tribunal_client_broker_throttle_seconds", "seconds", PRODUCER_BROKER,
        "Time for which the broker asked the client to hold back (librdkafka's throttle). No quantiles.";
    ConsumerLag: GAUGE Trial "tribunal_consumer_lag_records", "records", CONSUMER,
        "Records between the end of the partition's log and the group's position, at the last whole second.";
    ConsumerRecords: COUNTER Trial "tribunal_consumer_records_total", "records", CONSUMER,
        "Records that the group received from the partition.";
    ConsumerBytes: COUNTER Trial "tribunal_consumer_bytes_total", "bytes", CONSUMER,
        "Keys and values that the group received from the partition.";
    Phase: GAUGE Agent "tribunal_agent_phase", "0 or 1", AGENT_PHASE,
        "What the agent does: 1 for the phase that it is in, no series for the others.";
    Connected: GAUGE Agent "tribunal_agent_connected", "0 or 1", AGENT,
        "Whether the agent has a session to its coordinator.";
    ClockOffset: GAUGE Agent "tribunal_agent_clock_offset_seconds", "seconds", AGENT,
        "Coordinator's monotonic clock minus the agent's, as last measured.";
    ClockBound: GAUGE Agent "tribunal_agent_clock_bound_seconds", "seconds", AGENT,
        "The most by which that offset can be wrong.";
    DroppedSamples: COUNTER Agent "tribunal_agent_dropped_samples_total", "samples", AGENT,
        "Samples that a coordinator that was behind did not get; totals do not depend on them.";
    Cpu: COUNTER Agent "tribunal_agent_cpu_seconds_total", "seconds", AGENT_GROUP,
        "Processor time during trials, by group of threads.";
    HostBusy: COUNTER Agent "tribunal_agent_host_busy_seconds_total", "seconds", AGENT,
        "Processor time of all processes of the host during trials.";
    HostSteal: COUNTER Agent "tribunal_agent_host_steal_seconds_total", "seconds", AGENT,
        "Processor time that the hypervisor took from the host during trials.";
    Agents: GAUGE Coordinator "tribunal_coordinator_agents", "agents", &[],
        "Connected agents.";
    Experiments: GAUGE Coordinator "tribunal_coordinator_experiments", "experiments", &["state"],
        "Experiments in the store by state.";
    Trials: COUNTER Coordinator "tribunal_coordinator_trials_total", "trials", &["verdict"],
        "Finished trials by verdict.";
    VoidAttempts: COUNTER Coordinator "tribunal_coordinator_void_attempts_total", "attempts", &[],
        "Attempts that do not count.";
    StartSkew: HISTOGRAM Coordinator "tribunal_coordinator_start_skew_seconds", "seconds", &[],
        "How far apart the agents of an attempt began, with the bounds of their clocks: the barrier's spread.";
    JournalSync: HISTOGRAM Coordinator "tribunal_coordinator_journal_sync_seconds", "seconds", &[],
        "How long it took until an entry of the journal was on disk.";
    BuildInfo: GAUGE All "tribunal_build_info", "always 1", &["version", "librdkafka"],
        "Versions of this program.";
}

/// The catalogue as docs/metrics.md has it.
pub fn table() -> String {
    let head = "| metric | type | unit | served by | labels | meaning |\n|---|---|---|---|---|---|\n";
    let rows = Metric::ALL.iter().map(|metric| row(&metric.about()));
    head.to_owned() + &rows.collect::<String>()
}

fn row(about: &About) -> String {
    let kind = match about.kind {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::SUMMARY => "summary",
        MetricType::HISTOGRAM => "histogram",
        MetricType::UNTYPED => "untyped",
    };
    let served = match about.served {
        Served::Agent => "agent",
        Served::Trial => "agent, during a trial",
        Served::Coordinator => "coordinator",
        Served::All => "both",
    };
    let labels: Vec<String> = about.labels.iter().map(|label| format!("`{label}`")).collect();
    let (name, unit, labels, help) = (about.name, about.unit, labels.join(" "), about.help);
    format!("| `{name}` | {kind} | {unit} | {served} | {labels} | {help} |\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_different_and_say_unit_and_type_as_prometheus_wants_it() {
        let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.about().name).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        for about in Metric::ALL.iter().map(|metric| metric.about()) {
            let counter = about.kind == MetricType::COUNTER;
            assert_eq!(about.name.ends_with("_total"), counter, "{}", about.name);
            if about.unit == "seconds" {
                assert!(
                    about.name.trim_end_matches("_total").ends_with("_seconds"),
                    "{}",
                    about.name
                );
            }
            assert!(about.help.ends_with('.'), "{}", about.name);
        }
    }

    #[test]
    fn the_documents_have_the_catalogue_as_it_is() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
        let table = table();
        assert!(
            std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&table)),
            "docs/metrics.md lacks this table:\n{table}"
        );
    }
}
