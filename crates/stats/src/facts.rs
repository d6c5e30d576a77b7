//! What agents say about themselves and about one trial, apart from the measurements.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The host of an agent, as it reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl fmt::Display for BuildFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version,
            librdkafka,
            schedule,
            histogram,
        } = self;
        write!(
            f,
            "tribunal {version}, librdkafka {librdkafka}, schedule {schedule}, histogram {histogram}"
        )
    }
}

impl BuildFacts {
    /// Whether two builds measure alike: the same version of everything that makes a number.
    pub fn measures_like(&self, other: &Self) -> bool {
        self == other
    }
}

/// How an agent's clock stands to the coordinator's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClockFacts {
    /// Coordinator's `CLOCK_MONOTONIC` − agent's, in nanoseconds.
    pub offset_ns: i64,
    /// The offset is off by at most this.
    pub bound_ns: i64,
    /// Least round trip seen.
    pub round_trip_ns: i64,
    /// Exchanges that the estimate is taken from.
    pub exchanges: u32,
    /// When the exchange with the least round trip was made, in nanoseconds of the agent's clock.
    #[serde(default)]
    pub at_ns: i64,
}

impl ClockFacts {
    /// The offset at `at_ns` of the agent's clock, on the line through this estimate and a later one, and its bound.
    ///
    /// Between the two the bound is the larger of theirs: if both true offsets lie within their bounds and the clocks
    /// drift at one rate, every point of the line does. Outside the nearer estimate stands.
    pub fn interpolated(&self, later: &Self, at_ns: i64) -> (i64, i64) {
        let span = later.at_ns - self.at_ns;
        if span <= 0 || at_ns <= self.at_ns {
            return (self.offset_ns, self.bound_ns);
        }
        if at_ns >= later.at_ns {
            return (later.offset_ns, later.bound_ns);
        }
        let drift = i128::from(later.offset_ns) - i128::from(self.offset_ns);
        let part = drift * i128::from(at_ns - self.at_ns) / i128::from(span);
        (self.offset_ns + part as i64, self.bound_ns.max(later.bound_ns))
    }
}

/// One producer client of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    #[serde(with = "configuration")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<(String, String)>"))]
    pub configuration: Configuration,
    /// The driver that runs it; none where the agent does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<Box<DriverFacts>>,
}

/// A driver: the process that runs producers of a client library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DriverFacts {
    /// The client library.
    pub client: String,
    /// Its version.
    pub version: String,
    /// What it is made of, for example `librdkafka 2.16.0`.
    pub library: String,
    /// What runs it, for example `Python 3.11.7`.
    pub runtime: String,
    /// By how much its clock may be off the host's, in nanoseconds.
    pub clock_bound_ns: i64,
    /// What it says of the client: how it delivers, what it does when it is full, its codecs.
    pub facts: Vec<(String, String)>,
}

impl DriverFacts {
    /// Whether the threads of the driver and those of its client take turns, as all threads of `CPython` do, which hold one
    /// lock between them: then a sender waits for the client even where the host has processors to spare.
    pub fn takes_turns(&self) -> bool {
        takes_turns(&self.runtime)
    }
}

/// Whether the threads of a runtime of this name take turns.
pub fn takes_turns(runtime: &str) -> bool {
    runtime.starts_with("CPython")
}

/// Names and values of properties. Clients of a trial hardly differ in them, so that they can be kept once for all:
/// [`ProducerFacts::share`].
pub type Configuration = Vec<(Arc<str>, Arc<str>)>;

impl ProducerFacts {
    /// Lets go of the texts that `other` has at the same place of its configuration, for those of `other`.
    pub fn share(&mut self, other: &Self) {
        let keep = |own: &mut Arc<str>, theirs: &Arc<str>| {
            if own == theirs {
                *own = theirs.clone();
            }
        };
        for (own, theirs) in self.configuration.iter_mut().zip(&other.configuration) {
            keep(&mut own.0, &theirs.0);
            keep(&mut own.1, &theirs.1);
        }
    }
}

/// A configuration as a list of pairs of text.
mod configuration {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Configuration;

    pub(super) fn serialize<S: Serializer>(pairs: &Configuration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(pairs.iter().map(|(name, value)| (&**name, &**value)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Configuration, D::Error> {
        let pairs = Vec::<(String, String)>::deserialize(deserializer)?;
        Ok(pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect())
    }
}

impl RunFacts {
    /// How far this agent's load may have been from where t0 on the coordinator's clock puts it, in nanoseconds: its own
    /// lateness, what the clocks drifted apart since the estimate that t0 was converted with, and the bound of the clocks.
    ///
    /// Its own lateness is that of the latest sender at t0 or that of the first accepted send, whichever is more.
    pub fn start_skew_ns(&self) -> i64 {
        let (offset, bound) = self.clock.interpolated(&self.clock_after, self.start_ns);
        let first = self.first_send.map_or(0, |first| first.lag_ns());
        self.start_error_ns.abs().max(first.abs()) + (offset - self.clock.offset_ns).abs() + bound
    }
}

/// A record that a client took before all others; instants are nanoseconds from t0 of the agent's own clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FirstSend {
    /// Its intended send.
    pub intended_ns: i64,
    /// Its accepted send.
    pub accepted_ns: i64,
}

impl FirstSend {
    /// Its send lag, in nanoseconds.
    pub fn lag_ns(&self) -> i64 {
        self.accepted_ns.saturating_sub(self.intended_ns)
    }
}

/// How an agent came through a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunFacts {
    /// The latest sender's start − t0, in nanoseconds of the agent's own clock.
    pub start_error_ns: i64,
    /// t0 on the agent's own clock.
    #[serde(default)]
    pub start_ns: i64,
    /// The first record that a client of this agent took; not in results from before it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_send: Option<FirstSend>,
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
    /// What the agent's instruments saw of themselves and of their host in the window.
    #[serde(default)]
    pub instruments: Instruments,
    /// The median over the window's seconds, and over producers, of the mean latency of produce requests as drivers'
    /// clients tell it, in nanoseconds; none where they tell none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_latency_ns: Option<i64>,
}

/// What an agent's instruments saw of themselves and of their host inside `[t1, t2)`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Instruments {
    /// Length of what was watched, in nanoseconds.
    pub window_ns: u64,
    /// The watch sleeps a millisecond, ten where clients run in drivers, and looks: how often it counted records in flight.
    pub looks: u64,
    /// The longest time by which it was woken late, in nanoseconds.
    pub hiccup_max_ns: i64,
    /// Times that it was woken more than a millisecond late.
    pub hiccups: u64,
    /// Mean over its looks of the records in flight, summed over producers: L of Little's law.
    pub in_flight_mean: f64,
    /// The most records in flight that it saw.
    pub in_flight_max: u64,
    /// Records that the clients took in the window: λ of Little's law times its length.
    pub accepted: u64,
    /// 99th percentile over delivery reports of the time for which they may have waited for the report thread.
    pub report_lag_p99_ns: i64,
    /// The longest such time.
    pub report_lag_max_ns: i64,
    /// Processors that the agent's control group may use; `None` without a quota.
    pub quota_cores: Option<f64>,
    /// Processor time of the agent's control group, or of its process where the group cannot be read, in nanoseconds.
    pub cpu_used_ns: u64,
    /// Enforcement periods of the control group, and those in which it was throttled.
    pub cgroup_periods: u64,
    /// See [`Self::cgroup_periods`].
    pub cgroup_throttled: u64,
    /// Time for which it was throttled, in nanoseconds.
    pub cgroup_throttled_ns: u64,
    /// Time in which some task of the host waited for a processor (PSI, `cpu some`), in nanoseconds; `None` where the
    /// kernel does not tell.
    pub pressure_ns: Option<u64>,
}

/// What an agent managed against a null sink, for one cell signature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Calibration {
    /// Delivered rate of its closed loop, records per second over its producers.
    pub ceiling: f64,
    /// The rate at which the pacer was checked: 70 % of the ceiling.
    pub paced: f64,
    /// Realised over requested sends there.
    pub realised: f64,
    /// 99th percentile of the schedule delay there, in nanoseconds.
    pub schedule_delay_p99_ns: i64,
    /// Share of sends more than a millisecond late there.
    pub late_share: f64,
    /// What the sink was, for example `librdkafka's mock`.
    pub sink: String,
}

/// The last self-test on a host: what a report says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CertificateFacts {
    /// When it ended: RFC 3339.
    pub date: String,
    /// The version that ran it.
    pub version: String,
    /// Experiments that held.
    pub holds: u32,
    /// Names of experiments that failed.
    pub failed: Vec<String>,
    /// Names of experiments for which the host was too noisy.
    pub noisy: Vec<String>,
}
