//! Doubts about a trial, each with its evidence, and the verdict that follows from them.

mod text;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tribunal_model::ids::AgentName;
use tribunal_model::limits::Severity;
use tribunal_model::trial::Part;

use crate::check::Check;

/// Whether a trial's numbers may be believed, and what limited them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BoundBy {
    /// Our own sender, recorder or poll threads.
    Harness,
    /// The host: steal, quota.
    Host,
    /// The client library's own threads, or that it is polled only every so often.
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Caveat {
    /// A reading of the instruments beyond its limit.
    Beyond(Check),
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
    /// Two acknowledgements were told the same offset: all but one of the records are lost.
    OffsetsRepeated {
        /// How many acknowledgements too many.
        count: u64,
    },
    /// Acknowledged records at offsets that the log does not show.
    OffsetsOutside {
        /// How many.
        count: u64,
    },
    /// Acknowledged records that consumers, who read the logs, did not find there.
    ReadBackLost {
        /// How many, at the least where not all was read.
        lost: u64,
        /// Whether not all was read.
        at_least: bool,
        /// Which ones, for example `producer 0, 1000 to 1009`; the first ones of many.
        missing: Vec<String>,
    },
    /// Records in the logs that no producer of the trial wrote.
    ForeignRecords {
        /// How many.
        count: u64,
    },
    /// Records that are in the logs more than once.
    Duplicated {
        /// How many too many.
        count: u64,
        /// Whether every client promises that there is none.
        idempotent: bool,
    },
    /// Records behind later ones of the same producer in the same partition.
    Reordered {
        /// How many.
        count: u64,
        /// Whether every client promises that there is none.
        idempotent: bool,
    },
    /// Not all records in the logs were read back.
    NotReadBack {
        /// How many were not.
        unread: u64,
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
        /// Records sent again.
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
    /// The load was not steady over the window.
    NotSteady {
        /// What moved, in sentences.
        findings: Vec<String>,
    },
    /// The plan waits for a steady load, and it did not come in time.
    NeverSettled {
        /// How long t1 was put off.
        waited: Duration,
    },
    /// Agents were not measured against a null sink for such cells.
    NotCalibrated {
        /// The agents.
        agents: Vec<AgentName>,
    },
    /// Few separate moments hold the records that make a percentile.
    FewEpisodes {
        /// The percentile, for example `p99.9`.
        percentile: String,
        /// One-second samples with a record at or above it.
        episodes: u64,
    },
    /// Facts that should not change between trials did, or brokers took in bytes that are not ours.
    EnvironmentChanged {
        /// What, for example `brokers: 1,2,3 → 1,2`.
        changes: Vec<String>,
    },
    /// The cluster had not settled when the trial began.
    NotSettled {
        /// What was seen.
        reason: String,
    },
    /// Properties that mean something else to this client library than to librdkafka.
    OtherMeaning {
        /// The client library.
        client: String,
        /// Which properties, and in what.
        properties: Vec<(String, String)>,
    },
    /// A client library that is librdkafka beneath, in another version than the agents' own.
    OtherLibrdkafka {
        /// The client library.
        client: String,
        /// Its librdkafka.
        theirs: String,
        /// The agents'.
        ours: String,
    },
    /// A client whose threads and its sender take turns, so that sends are late because of the client.
    TakesTurns {
        /// The client library.
        client: String,
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
        if let Self::Beyond(check) = self {
            return check.severity() == Some(Severity::Void);
        }
        matches!(
            self,
            Self::Overflow { .. }
                | Self::AuditLost { .. }
                | Self::AuditSurplus { .. }
                | Self::OffsetsRepeated { .. }
                | Self::OffsetsOutside { .. }
                | Self::ReadBackLost { .. }
                | Self::ForeignRecords { .. }
                | Self::FatesUnbalanced { .. }
                | Self::MissingReports { .. }
        )
    }
}
