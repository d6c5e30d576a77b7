//! The stored result of one trial.
//!
//! These types are the file format: a field is added with a default, never renamed, never given another meaning.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tribunal_model::client::Client;
use tribunal_model::design::Purpose;
use tribunal_model::ids::{AgentName, Attempt, CellId, ExperimentId, TrialId};
use tribunal_model::limits::Limits;
use tribunal_model::trial::{Arrivals, Level, Part, Windows, cell_text};
use tribunal_stats::distribution::{Distribution, InvalidDistribution};
use tribunal_stats::facts::{BuildFacts, Calibration, CertificateFacts, HostFacts, ProducerFacts, RunFacts};
use tribunal_stats::steady::Assessment;
use tribunal_stats::{Activity, Backlog, ClientStatistics, Fates, Tally};

use crate::audit::Audit;
use crate::brokers::BrokerWindow;
use crate::caveat::Verdict;
use crate::check::Check;
use crate::consumed::ConsumersResult;
use crate::objective::ObjectiveOutcome;

/// The version of the format that this build writes.
pub const SCHEMA_VERSION: u32 = 2;

/// Everything that is kept of one finished trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrialResult {
    /// [`SCHEMA_VERSION`] of the build that wrote it.
    pub schema_version: u32,
    /// The experiment.
    pub experiment: ExperimentId,
    /// Place in the run order.
    pub trial: TrialId,
    /// Cell of the matrix.
    pub cell: CellId,
    /// Repetition, from 0.
    pub block: u32,
    /// What it is for.
    pub purpose: Purpose,
    /// The attempt that counted.
    pub attempt: Attempt,
    /// The factor levels of the cell.
    pub levels: Vec<Level>,
    /// When the attempt was prepared: RFC 3339, coordinator's wall clock, for people only.
    pub began: String,
    /// What was asked for.
    pub workload: WorkloadFacts,
    /// The lengths of the trial's parts.
    pub windows: Windows,
    /// The limits of validity that it was judged by.
    pub limits: Limits,
    /// The cluster.
    pub cluster: ClusterFacts,
    /// The topics, as read back.
    pub topic: TopicFacts,
    /// The agents that took part.
    pub agents: Vec<AgentFacts>,
    /// The instruments' readings against their limits, also where all is well.
    pub checks: Vec<Check>,
    /// Whether the load was steady over the window.
    pub steady: Assessment,
    /// Whether the numbers may be believed, and what limited them.
    pub verdict: Verdict,
    /// How the trial stands to the plan's objective, where it has one.
    pub objective: Option<ObjectiveOutcome>,
    /// Rates over the window.
    pub rates: Rates,
    /// Fates and latencies of each part, merged over agents.
    pub parts: Vec<PartResult>,
    /// What happened inside the window, irrespective of intended sends.
    pub window: Activity,
    /// Intended sends without a final word at the ends of the window.
    pub backlog: Backlog,
    /// The clients' own statistics.
    pub statistics: ClientStatistics,
    /// What the brokers say of the window, in the order of the plan's addresses; empty where it has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brokers: Vec<BrokerWindow>,
    /// The records against the broker's offsets.
    pub audit: Audit,
    /// The time series, merged over agents.
    pub samples: Vec<StoredSample>,
    /// What consumers received, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumers: Option<ConsumersResult>,
}

impl TrialResult {
    /// The result of one part of the trial.
    pub fn part(&self, part: Part) -> Option<&PartResult> {
        self.parts.iter().find(|p| p.part == part)
    }

    /// The window's result.
    pub fn measured(&self) -> Option<&PartResult> {
        self.part(Part::Window)
    }

    /// Whether its client ran in the agents' own process, and not in drivers.
    pub fn in_process(&self) -> bool {
        self.workload.client == Client::Librdkafka.name()
    }

    /// Bytes of keys and values that the trial's acknowledged records put on the brokers' disks at most, replicas
    /// counted: the parts outside the window at the window's mean.
    pub fn bytes_written(&self) -> u64 {
        let in_window = self.window.acknowledged.max(1);
        let all: u64 = self.parts.iter().map(|part| part.fates.acknowledged).sum();
        let mean = self.window.acknowledged_bytes as f64 / in_window as f64;
        (mean * all as f64) as u64 * u64::from(self.topic.replication)
    }

    /// Keeps what the producers' configurations have in common once.
    pub(crate) fn share(&mut self) {
        let mut producers = self.agents.iter_mut().flat_map(|agent| &mut agent.producers);
        if let Some(first) = producers.next() {
            producers.for_each(|producer| producer.share(first));
        }
    }

    /// The cell's levels as `linger.ms=5 acks=all`.
    pub fn cell_text(&self) -> String {
        cell_text(&self.levels)
    }
}

/// What a trial was asked to send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkloadFacts {
    /// How much longer than its warm-up the trial might have waited until the load was steady.
    pub settle: Duration,
    /// Records per second over all producers; `None` for a closed loop (`saturate`). With a profile its mean.
    pub rate: Option<f64>,
    /// How the rate changed over the trial, in words; `None` where it did not.
    pub profile: Option<String>,
    /// How arrivals were spread.
    pub arrivals: Arrivals,
    /// Producer clients.
    pub producers: u32,
    /// The records' sizes in words, for example `1024 B`.
    pub record: String,
    /// The keys in words.
    pub keys: String,
    /// Who picked the partition.
    pub partitioner: String,
    /// What happened to refused records.
    pub when_full: String,
    /// `bare` or `stamped` (with headers).
    pub path: String,
    /// The plan's seed.
    pub seed: u64,
    /// The properties that the plan set, secrets by reference.
    pub properties: Vec<(String, String)>,
    /// The client library by its name in plans.
    #[serde(default = "librdkafka", skip_serializing_if = "is_librdkafka")]
    pub client: String,
    /// Properties in the client's own spelling and options of its driver, as the plan has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<(String, String)>,
}

/// The only client library of earlier results, which do not name it.
fn librdkafka() -> String {
    Client::default().name()
}

fn is_librdkafka(client: &str) -> bool {
    client == librdkafka()
}

/// The cluster as its metadata tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClusterFacts {
    /// Its name in the plan, where there are several.
    pub name: Option<String>,
    /// Where agents were sent first.
    pub bootstrap: String,
    /// The cluster's own id.
    pub cluster_id: Option<String>,
    /// Broker id, host and port.
    pub brokers: Vec<(i32, String, u16)>,
    /// Whether it is librdkafka's mock and no Kafka.
    pub mock: bool,
}

/// The topics of a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopicFacts {
    /// Their names.
    pub names: Vec<String>,
    /// Partitions of each.
    pub partitions: u32,
    /// Replicas of each partition.
    pub replication: u32,
    /// Settings as the broker told them; empty when it does not (a mock).
    pub settings: Vec<(String, String)>,
}

/// An agent that took part in a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentFacts {
    /// Its name.
    pub name: AgentName,
    /// Its build.
    pub build: BuildFacts,
    /// Its host.
    pub host: HostFacts,
    /// Whether its host runs a broker of the cluster or another agent of the trial.
    pub shared_host: bool,
    /// Its producers.
    pub producers: Vec<ProducerFacts>,
    /// How it came through.
    pub run: RunFacts,
    /// What happened inside the window on this agent.
    pub window: Activity,
    /// What it managed against a null sink for such cells, where it was measured.
    pub calibration: Option<Calibration>,
    /// The last self-test on its host.
    pub certificate: Option<CertificateFacts>,
}

/// Rates over the window `[t1, t2)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rates {
    /// Intended sends ÷ length, records per second; `None` in a closed loop.
    pub offered: Option<f64>,
    /// Acknowledgements that arrived ÷ length, records per second; `None` with `acks=0`.
    pub delivered: Option<f64>,
    /// Keys and values of those, bytes per second.
    pub delivered_bytes: Option<f64>,
    /// With `acks=0`: socket writes ÷ length, records per second.
    pub socket_writes: Option<f64>,
    /// Whether the backlog stayed within its allowance; `None` in a closed loop or with `acks=0`.
    pub sustained: Option<bool>,
}

/// Fates and latencies of one part of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartResult {
    /// The part.
    pub part: Part,
    /// Fates by count.
    pub fates: Fates,
    /// Intended send to delivery report.
    pub response: StoredDistribution,
    /// Accepted send to delivery report.
    pub service: StoredDistribution,
    /// Accepted − intended send.
    pub send_lag: StoredDistribution,
    /// Send lag without the client's refusals.
    pub schedule_delay: StoredDistribution,
    /// Sends whose schedule delay was above a millisecond.
    pub late_sends: u64,
    /// Failed records by error name.
    pub failed: Vec<(String, StoredDistribution)>,
    /// Ages of unresolved and unsent records.
    pub censored: StoredDistribution,
}

impl PartResult {
    /// The stored form of a tally.
    pub fn new(part: Part, tally: &Tally) -> Self {
        Self {
            part,
            fates: tally.fates,
            response: StoredDistribution::new(&tally.response, tally.censored.count()),
            service: StoredDistribution::new(&tally.service, 0),
            send_lag: StoredDistribution::new(&tally.send_lag, 0),
            schedule_delay: StoredDistribution::new(&tally.schedule_delay, 0),
            late_sends: tally.late_sends,
            failed: tally
                .failed
                .iter()
                .map(|(code, d)| (code.clone(), StoredDistribution::new(d, 0)))
                .collect(),
            censored: StoredDistribution::new(&tally.censored, 0),
        }
    }
}

/// A distribution as it is kept: its figures for readers, and the whole of it as HDR V2 + DEFLATE in base64.
///
/// Figures are in microseconds; one that cannot be told (nothing recorded, or among censored records) is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoredDistribution {
    /// Latencies recorded, overflow included.
    pub count: u64,
    /// Latencies above an hour.
    pub overflow: u64,
    /// Further records known only to lie above: the censored mass.
    pub censored: u64,
    /// Mean of the recorded ones.
    pub mean_us: Option<f64>,
    /// Median.
    pub p50_us: Option<u64>,
    /// 90th percentile.
    pub p90_us: Option<u64>,
    /// 99th percentile.
    pub p99_us: Option<u64>,
    /// 99.9th percentile.
    pub p999_us: Option<u64>,
    /// 99.99th percentile.
    pub p9999_us: Option<u64>,
    /// Greatest recorded one.
    pub max_us: Option<u64>,
    /// The counters, base64; empty when nothing was recorded.
    pub hdr: String,
}

impl StoredDistribution {
    /// The stored form of a distribution with `censored` further records above it.
    pub fn new(distribution: &Distribution, censored: u64) -> Self {
        let us = |d: Option<Duration>| d.map(|d| d.as_micros() as u64);
        let quantile = |q| us(distribution.quantile_censored(q, censored));
        Self {
            count: distribution.count(),
            overflow: distribution.overflow(),
            censored,
            mean_us: distribution.mean().map(|d| d.as_secs_f64() * 1e6),
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p99_us: quantile(0.99),
            p999_us: quantile(0.999),
            p9999_us: quantile(0.9999),
            max_us: us(distribution.max()),
            hdr: if distribution.is_empty() {
                String::new()
            } else {
                STANDARD.encode(distribution.encode())
            },
        }
    }

    /// The distribution itself.
    pub fn distribution(&self) -> Result<Distribution, InvalidDistribution> {
        let bytes = STANDARD
            .decode(&self.hdr)
            .map_err(|error| InvalidDistribution::Encoding(error.to_string()))?;
        Distribution::decode(&bytes, self.overflow)
    }
}

/// One sample of the time series, merged over agents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoredSample {
    /// Start, in nanoseconds from t0.
    pub start_ns: i64,
    /// End, in nanoseconds from t0.
    pub end_ns: i64,
    /// The part of the trial that it lies in.
    pub part: Part,
    /// Agents that it is merged from.
    pub agents: u32,
    /// Fates of the records handled in it, over all parts.
    pub fates: Fates,
    /// What happened in it.
    pub activity: Activity,
    /// Response time of the records acknowledged in it.
    pub response: StoredDistribution,
    /// Service time of the records acknowledged in it.
    pub service: StoredDistribution,
}
