//! What agents say about themselves and about one trial, apart from the measurements.

use serde::{Deserialize, Serialize};

/// The host of an agent, as it reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Host name.
    pub hostname: String,
    /// Distribution and release.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// CPU model.
    pub cpu_model: String,
    /// Processors that the process may use.
    pub cores: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Identifies the host, so that two processes of one host know it; the kernel's boot id.
    pub boot_id: String,
}

/// The build of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildFacts {
    /// Version of Tribunal.
    pub version: String,
    /// Version of librdkafka.
    pub librdkafka: String,
    /// Name of the schedule function.
    pub schedule: String,
    /// Name of the histogram layout.
    pub histogram: String,
}

impl BuildFacts {
    /// Whether two builds measure alike: the same version of everything that makes a number.
    pub fn measures_like(&self, other: &Self) -> bool {
        self == other
    }
}

/// How an agent's clock stands to the coordinator's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFacts {
    /// Coordinator's `CLOCK_MONOTONIC` − agent's, in nanoseconds.
    pub offset_ns: i64,
    /// The offset is off by at most this.
    pub bound_ns: i64,
    /// Least round trip seen.
    pub round_trip_ns: i64,
    /// Exchanges that the estimate is taken from.
    pub exchanges: u32,
}

/// One producer client of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerFacts {
    /// Producer index in the trial.
    pub producer: u32,
    /// Its `client.id`.
    pub client_id: String,
    /// The topic that it writes to.
    pub topic: String,
    /// Records primed, by partition.
    pub primed: Vec<u64>,
    /// Intended sends before t2, where there is a schedule.
    pub scheduled: Option<u64>,
    /// SHA-256 of the first million of them, as hexadecimal text.
    pub schedule_sha256: Option<String>,
    /// The live client's configuration, secrets masked.
    pub configuration: Vec<(String, String)>,
}

/// How an agent came through a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The latest sender's start − t0, in nanoseconds of the agent's own clock.
    pub start_error_ns: i64,
    /// The clock before the trial.
    pub clock: ClockFacts,
    /// The clock after the trial.
    pub clock_after: ClockFacts,
    /// When the load ended, in nanoseconds from t0.
    pub load_end_ns: i64,
    /// When the clients were purged, in nanoseconds from t0, if anything was left to purge.
    pub purged_ns: Option<i64>,
    /// Unresolved records that the broker may have written all the same, by their status after the purge.
    pub perhaps_written_after_purge: u64,
    /// Records sent without any word of the client by the end; more than zero is a defect.
    pub missing_reports: u64,
    /// Errors of the clients that concern no single record: name, a text, how often.
    pub client_errors: Vec<(String, String, u64)>,
    /// Nanoseconds for which the sender threads were runnable and not running.
    pub sender_wait_ns: u64,
    /// Nanoseconds from t0 to the end of the load, summed over sender threads.
    pub sender_time_ns: u64,
}
