//! Doubts about a trial, each with its evidence, and the verdict that follows from them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tribunal_model::ids::AgentName;
use tribunal_model::trial::Part;
use tribunal_model::units::format_duration;

use crate::format::{count, list, nanos, plural, share};

/// Whether a trial's numbers may be believed, and what limited them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What limited the trial.
    pub bound_by: BoundBy,
    /// Doubts, those that make it invalid first.
    pub caveats: Vec<Caveat>,
}

impl Verdict {
    /// Whether no caveat makes the trial invalid.
    pub fn valid(&self) -> bool {
        !self.caveats.iter().any(Caveat::invalidates)
    }
}

/// What limited a trial. Only harness and host make it invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundBy {
    /// Our own sender, recorder or poll threads.
    Harness,
    /// The host: steal, quota.
    Host,
    /// The client library's own threads.
    Client,
    /// The client's buffer was full.
    Buffer,
    /// The broker asked the client to hold back.
    Throttle,
    /// The broker, or the network to it.
    Broker,
    /// The schedule: the cluster took all that was offered.
    Offered,
}

impl fmt::Display for BoundBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Harness => "harness",
            Self::Host => "host",
            Self::Client => "client",
            Self::Buffer => "buffer",
            Self::Throttle => "throttle",
            Self::Broker => "broker",
            Self::Offered => "offered",
        })
    }
}

/// A doubt with its evidence. Durations are nanoseconds in the stored form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Caveat {
    /// Agents did not start together.
    StartSkew {
        /// The agent that was furthest off.
        agent: AgentName,
        /// How far, with the clocks' bounds added.
        skew_ns: i64,
        /// What the plan allows.
        limit_ns: i64,
    },
    /// Latencies beyond an hour.
    Overflow {
        /// How many.
        count: u64,
    },
    /// Acknowledged records are not in the log.
    AuditLost {
        /// How many.
        lost: u64,
    },
    /// Records in the log that nobody can account for.
    AuditSurplus {
        /// How many.
        surplus: u64,
    },
    /// The records were not compared with the broker's offsets.
    NotAudited {
        /// Why.
        reason: String,
    },
    /// Replicas fell out of sync, or came back, during the window.
    IsrChanged {
        /// Which partitions, for example `orders/3: 1,2,3 → 1,2`.
        partitions: Vec<String>,
    },
    /// Partitions changed their leader during the window.
    LeaderChanged {
        /// Which partitions.
        partitions: Vec<String>,
    },
    /// The broker throttled the clients.
    Throttled {
        /// Milliseconds of throttle time, summed over requests.
        throttle_ms: u64,
    },
    /// Our own sender was late.
    HarnessLate {
        /// The agent, where one can be told.
        agent: Option<AgentName>,
        /// 99th percentile of the schedule delay.
        schedule_delay_p99_ns: i64,
        /// Its limit.
        limit_ns: i64,
        /// Share of the sends later than a millisecond.
        late_share: f64,
        /// Its limit.
        late_limit: f64,
    },
    /// The hypervisor took processor time from an agent's host.
    Steal {
        /// The agent.
        agent: AgentName,
        /// Share of the host's processor time.
        share: f64,
    },
    /// An agent shares its host with a broker or another agent.
    SharedHost {
        /// The agents.
        agents: Vec<AgentName>,
    },
    /// The cluster is librdkafka's mock and no Kafka.
    MockBroker,
    /// Fates do not sum to the schedule: a defect of Tribunal or of the client.
    FatesUnbalanced {
        /// In which parts.
        parts: Vec<Part>,
    },
    /// The client never said what became of some records.
    MissingReports {
        /// How many.
        count: u64,
    },
    /// A closed loop: latency is queue ÷ rate.
    QueueBound,
    /// Records failed.
    Failed {
        /// How many of the window.
        count: u64,
        /// By error name.
        codes: Vec<(String, u64)>,
    },
    /// Records of the window had no final word, or were not taken by the client, at the drain deadline.
    Censored {
        /// Sent and unresolved.
        unresolved: u64,
        /// Not taken.
        unsent: u64,
    },
    /// The clients retried or timed out requests.
    Retries {
        /// Retries.
        retries: u64,
        /// Time-outs.
        timeouts: u64,
    },
    /// The backlog grew over the window: the offered rate was not sustained. A finding, not a defect.
    NotSustained {
        /// By how many records.
        growth: i64,
        /// What is allowed.
        allowance: u64,
    },
    /// Too few records for a percentile.
    TooFewRecords {
        /// The percentile, for example `p99.9`.
        percentile: String,
        /// Records in the window.
        records: u64,
        /// Records needed.
        needed: u64,
    },
    /// A window of less than ten seconds: rare events cannot show.
    ShortWindow {
        /// Its length.
        measure: Duration,
    },
    /// Limits of validity looser than the default.
    LimitsLoosened {
        /// Which, for example `start_skew 50ms (default 10ms)`.
        limits: Vec<String>,
    },
}

impl Caveat {
    /// Whether it makes the trial invalid.
    pub fn invalidates(&self) -> bool {
        matches!(
            self,
            Self::StartSkew { .. }
                | Self::Overflow { .. }
                | Self::AuditLost { .. }
                | Self::AuditSurplus { .. }
                | Self::HarnessLate { .. }
                | Self::FatesUnbalanced { .. }
                | Self::MissingReports { .. }
        )
    }
}

impl fmt::Display for Caveat {
    /// The doubt, its evidence, and the next thing to try.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartSkew {
                agent,
                skew_ns,
                limit_ns,
            } => write!(
                f,
                "Agents did not start together: {agent} was up to {} off, the clocks' bounds included (limit {}). \
                 Look at its clock offset and load, then repeat the trial.",
                nanos(*skew_ns),
                nanos(*limit_ns),
            ),
            Self::Overflow { count: latencies } => write!(
                f,
                "Latencies above an hour: {}. A distribution holds no more than that, so the slowest records have no \
                 figure; lower the rate or `message.timeout.ms`.",
                count(*latencies),
            ),
            Self::AuditLost { lost } => write!(
                f,
                "{} missing from the log by the broker's offsets. \
                 Compare `acks` and `min.insync.replicas`, and read the brokers' logs for a change of leader.",
                if *lost == 1 {
                    "1 acknowledged record is".to_owned()
                } else {
                    format!("{} acknowledged records are", count(*lost))
                },
            ),
            Self::AuditSurplus { surplus } => write!(
                f,
                "The log gained {} that no producer of the trial accounts for: duplicates or another writer. \
                 Try `enable.idempotence=true`, and make sure that nobody else writes to the topic.",
                plural(*surplus, "record"),
            ),
            Self::NotAudited { reason } => write!(
                f,
                "Records were not compared with the broker's offsets: {reason}. \
                 What was acknowledged rests on the client's word alone.",
            ),
            Self::IsrChanged { partitions } => write!(
                f,
                "Replicas fell out of sync, or came back, during the window: {}. \
                 Look at the brokers' disks and network, then repeat the trial.",
                few(partitions),
            ),
            Self::LeaderChanged { partitions } => write!(
                f,
                "Partitions changed their leader during the window: {}. \
                 Wait until the cluster has settled, then repeat the trial.",
                few(partitions),
            ),
            Self::Throttled { throttle_ms } => write!(
                f,
                "The brokers throttled the clients for {} ms, summed over requests: the numbers are those of a quota. \
                 Raise the quota of the clients' user or `client.id`, or lower the rate.",
                count(*throttle_ms),
            ),
            Self::HarnessLate {
                agent,
                schedule_delay_p99_ns,
                limit_ns,
                late_share,
                late_limit,
            } => write!(
                f,
                "Tribunal's own sender was late{}: schedule delay p99 {} (limit {}), {} of the sends more than 1 ms \
                 late (limit {}). Use more agents or fewer producers on each host, or lower the rate.",
                agent.as_ref().map(|agent| format!(" on {agent}")).unwrap_or_default(),
                nanos(*schedule_delay_p99_ns),
                nanos(*limit_ns),
                share(*late_share),
                share(*late_limit),
            ),
            Self::Steal { agent, share: stolen } => write!(
                f,
                "The hypervisor took {} of the processor time from {agent}'s host. \
                 Use a host that is not shared, or compare repetitions before believing rare latencies.",
                share(*stolen),
            ),
            Self::SharedHost { agents } => write!(
                f,
                "{} a host with a broker or another agent: they compete for processors and memory. \
                 Give agents hosts of their own before quoting a number.",
                match agents.as_slice() {
                    [agent] => format!("{agent} shares"),
                    agents => format!(
                        "{} share",
                        list(&agents.iter().map(AgentName::as_str).collect::<Vec<_>>())
                    ),
                },
            ),
            Self::MockBroker => f.write_str(
                "The broker is librdkafka's mock: it stores, replicates and syncs nothing, and says nothing about \
                 Kafka. Name a real cluster in `[cluster] bootstrap`.",
            ),
            Self::FatesUnbalanced { parts } => write!(
                f,
                "The records' fates do not sum to the schedule in {}: a defect of Tribunal or of the client. \
                 Keep the result file and report it.",
                list(
                    &parts
                        .iter()
                        .map(|part| part.name().replace('_', "-"))
                        .collect::<Vec<_>>()
                ),
            ),
            Self::MissingReports { count } => write!(
                f,
                "The client never said what became of {}, not even when it was purged: a defect. \
                 Keep the result file and report it.",
                plural(*count, "record"),
            ),
            Self::QueueBound => f.write_str(
                "Closed loop: latency is queue ÷ rate and is in no comparison. \
                 To compare latencies, offer all cells the same rate below the slowest one's.",
            ),
            Self::Failed { count, codes } => write!(
                f,
                "{} of the window failed: {}. Response time holds acknowledged records only.",
                plural(*count, "record"),
                few(&codes
                    .iter()
                    .map(|(code, n)| format!("{code} {}", crate::format::count(*n)))
                    .collect::<Vec<_>>()),
            ),
            Self::Censored { unresolved, unsent } => write!(
                f,
                "At the drain deadline {} of the window had no final word and the client had not taken {}: percentiles \
                 among them are lower bounds. Lengthen `drain`, or lower the rate.",
                plural(*unresolved, "sent record"),
                plural(*unsent, "intended send"),
            ),
            Self::Retries { retries, timeouts } => write!(
                f,
                "The clients retried {} and {} timed out: no failure does not mean no trouble. \
                 Look at the brokers' load and at the network.",
                plural(*retries, "request"),
                count(*timeouts),
            ),
            Self::NotSustained { growth, allowance } => write!(
                f,
                "The offered rate was not sustained: the backlog grew by {} over the window (allowed {}). \
                 A finding, not a defect; lower the rate to compare latencies.",
                plural((*growth).max(0) as u64, "record"),
                count(*allowance),
            ),
            Self::TooFewRecords {
                percentile,
                records,
                needed,
            } => write!(
                f,
                "{} in the window are too few for {percentile}, which needs {}. Lengthen the window or raise the rate.",
                plural(*records, "record"),
                count(*needed),
            ),
            Self::ShortWindow { measure } => write!(
                f,
                "The window is {} long: rare events cannot show, and no p99 is compared. Measure for 30s or more.",
                format_duration(*measure),
            ),
            Self::LimitsLoosened { limits } => write!(
                f,
                "Judged by limits of validity looser than the default: {}. Remove them from `[limits]` for a result to \
                 be quoted.",
                few(limits),
            ),
        }
    }
}

/// The first items of a list that may be long.
fn few(items: &[String]) -> String {
    const SHOWN: usize = 5;
    match items.len() {
        0..=SHOWN => items.join("; "),
        more => format!(
            "{}; and {} more",
            items[..SHOWN].join("; "),
            count((more - SHOWN) as u64)
        ),
    }
}
