//! The lines that agents and drivers exchange.

mod client;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use client::{Broker, Client};

/// The version of the protocol.
pub const PROTOCOL: u32 = 1;

/// What an agent says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// What to do.
    Arm(Box<Arm>),
    /// The load begins at this instant of the host's monotonic clock.
    Go {
        /// t0, in nanoseconds.
        t0_ns: i64,
    },
    /// The window begins at this instant, in nanoseconds from t0.
    Window {
        /// t1, in nanoseconds from t0.
        t1_ns: i64,
    },
    /// The cool-down ends.
    EndLoad {},
    /// The attempt is given up.
    Stop {
        /// Why.
        reason: String,
    },
    /// The report is in.
    Bye {},
}

/// What a driver says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// What it is.
    Hello(Hello),
    /// Its clients are made and primed.
    Ready(Box<Ready>),
    /// *Go* came too late.
    NotStarted {},
    /// What it counted between two edges of the sample grid.
    Sample(Box<Second>),
    /// Every record of a producer's window has its final word.
    Resolved {
        /// The producer.
        producer: u32,
    },
    /// The load has ended and so has the wait for what was in flight.
    Report(Box<Report>),
}

impl Said {
    /// The message's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Ready(_) => "ready",
            Self::NotStarted {} => "not_started",
            Self::Sample(_) => "sample",
            Self::Resolved { .. } => "resolved",
            Self::Report(_) => "report",
        }
    }
}

/// What a driver is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of its build.
    pub protocol: u32,
    /// The client library.
    pub client: String,
    /// Its version.
    pub version: String,
    /// What it is made of, for example `librdkafka 2.16.0`.
    #[serde(default)]
    pub library: String,
    /// What runs it, for example `Python 3.11.7`.
    #[serde(default)]
    pub runtime: String,
    /// About the client in this version, for people: how it delivers, what it does when it is full, its codecs.
    #[serde(default)]
    pub facts: Vec<(String, String)>,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Where clients connect.
    pub bootstrap: String,
    /// Partitions of each topic.
    pub partitions: u32,
    /// Names and values as the client wants them; secrets in clear.
    pub properties: Vec<(String, String)>,
    /// Options of the driver.
    pub options: Vec<(String, String)>,
    /// Intended sends; none for a closed loop.
    pub schedule: Option<Schedule>,
    /// Length of the warm-up.
    pub warm_up_ns: i64,
    /// Length of the window.
    pub measure_ns: i64,
    /// Longest wait for what is in flight.
    pub drain_ns: i64,
    /// How long t1 may be put off.
    pub settle_ns: i64,
    /// The file with the payload pool.
    pub bodies: String,
    /// Headers of every record.
    pub headers: Vec<(String, String)>,
    /// `native` or `assigned`.
    pub partitioner: String,
    /// `hold` or `shed`.
    pub when_full: String,
    /// Whether the offsets of acknowledged records are kept.
    pub offsets: bool,
    /// Whether latencies are recorded.
    pub record: bool,
    /// The producers of this process.
    pub producers: Vec<Producer>,
}

/// One producer of a driver's process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Producer {
    /// Its place in the trial.
    pub index: u32,
    /// The client's name.
    pub client_id: String,
    /// Where to.
    pub topic: String,
    /// The body of the first record.
    pub first_body: u32,
    /// The file with the keys; none for no keys.
    pub keys: Option<String>,
}

/// The schedule function's arguments, as docs/schedule.py takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// `uniform` or `poisson`.
    pub arrivals: String,
    /// The rate over time, for example `constant:2000000000`.
    pub shape: String,
    /// The plan's seed.
    pub seed: u64,
    /// The block of the trial.
    pub block: u32,
    /// Producers of the trial.
    pub producers: u32,
}

/// Clients that are made and primed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// By how much the driver's clock may be off the host's.
    #[serde(default)]
    pub clock_bound_ns: i64,
    /// The producers, as in *arm*.
    pub producers: Vec<Primed>,
}

/// A producer's client that is made and primed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primed {
    /// Its place in the trial.
    pub index: u32,
    /// Partition and offset of each primed record.
    pub primed: Vec<(i32, i64)>,
    /// Intended sends before t2; absent without a schedule.
    pub scheduled: Option<u64>,
    /// SHA-256 of the first million of them, as hexadecimal text.
    pub schedule_sha256: Option<String>,
    /// What is in effect, secrets masked.
    pub configuration: Vec<(String, String)>,
}

/// Buckets that hold something, ascending, with their counts.
pub type Counts = Vec<(u32, u64)>;

/// What was counted of one part of the trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    /// Records of the schedule that were dealt with.
    pub scheduled: u64,
    /// Fates.
    pub acknowledged: u64,
    /// Certainly not in the log.
    pub not_written: u64,
    /// Perhaps in the log.
    pub possibly_written: u64,
    /// No word by the end.
    pub unresolved: u64,
    /// Refused and dropped.
    pub shed: u64,
    /// Not taken by the end.
    pub unsent: u64,
    /// Sends whose schedule delay was above a millisecond.
    pub late_sends: u64,
    /// Response times of acknowledged records.
    pub response: Counts,
    /// Their service times.
    pub service: Counts,
    /// Send lags of sent records.
    pub send_lag: Counts,
    /// Their schedule delays.
    pub schedule_delay: Counts,
    /// Ages at the end of unresolved and unsent records.
    pub censored: Counts,
    /// Response times of failed records by the client's error name.
    pub failed: BTreeMap<String, Counts>,
}

/// What was counted between two edges of the sample grid.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// The producer.
    pub producer: u32,
    /// Start, in nanoseconds from t0.
    pub start_ns: i64,
    /// End, in nanoseconds from t0.
    pub end_ns: i64,
    /// By the part of the intended send: `warm_up`, `window`, `cool_down`.
    pub parts: BTreeMap<String, Part>,
    /// Bytes of keys and values of acknowledged records.
    #[serde(default)]
    pub acknowledged_bytes: u64,
    /// Times that the client refused a record because it was full.
    #[serde(default)]
    pub queue_full: u64,
    /// Time in which the sender waited for a full client.
    #[serde(default)]
    pub blocked_ns: u64,
    /// Records in flight at the end.
    #[serde(default)]
    pub in_flight: u64,
    /// Successes under `acks=0`: socket writes.
    #[serde(default)]
    pub written_blind: u64,
    /// What the client says of itself over this second.
    #[serde(default)]
    pub client: Client,
}

/// What is told once, at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The producer.
    pub producer: u32,
    /// When the load ended, in nanoseconds from t0.
    pub load_end_ns: i64,
    /// By how much the sender began late.
    pub start_error_ns: i64,
    /// Intended and accepted send of the first record that the client took.
    #[serde(default)]
    pub first_send: Option<(i64, i64)>,
    /// Intended sends without a final word at t1 and at t2.
    pub backlog: (u64, u64),
    /// Partition, acknowledged records, records that may be in the log.
    pub partitions: Vec<(i32, u64, u64)>,
    /// Partition, and runs of the acknowledged records' offsets: first and length.
    #[serde(default)]
    pub offsets: Vec<(i32, Vec<(i64, u64)>)>,
    /// Records sent of which the client never said a word.
    #[serde(default)]
    pub missing: u64,
    /// Errors of the client that concern no single record: name, text, how often.
    #[serde(default)]
    pub errors: Vec<(String, String, u64)>,
    /// What the client says of itself over the whole window; it stands before what the window's seconds come to.
    #[serde(default)]
    pub client: Client,
}

#[cfg(test)]
mod tests;
