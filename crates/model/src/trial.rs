//! A resolved trial: everything that an agent, a driver or the coordinator has to know to run it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::ClientUse;
use crate::consumers::Consumers;
use crate::design::{AuditLevel, Purpose};
use crate::ids::{CellId, TrialId};
use crate::profile::Profile;
use crate::properties::Properties;

/// One cell of the matrix, to be run once.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Its place in the run order.
    pub id: TrialId,
    /// The repetition of the whole matrix that it belongs to, from 0.
    pub block: u32,
    /// The cell of the matrix.
    pub cell: CellId,
    /// What it is for.
    pub purpose: Purpose,
    /// The cluster by its name in the plan, where there are several.
    pub cluster: Option<String>,
    /// The factor levels that make the cell, in the written order.
    pub levels: Vec<Level>,
    /// The topics to make for it.
    pub topic: TopicShape,
    /// What to send.
    pub load: Load,
    /// When.
    pub windows: Windows,
    /// How long t1 may be put off until the load is steady; zero where the warm-up's length is fixed.
    pub settle: Duration,
    /// How finely records are compared with the broker's offsets.
    pub audit: AuditLevel,
    /// Client and producer properties by their names in plans: preset, then baseline, then the client's, then factors.
    pub properties: Properties,
    /// The client library.
    pub client: ClientUse,
    /// What reads the topics meanwhile, where anything does.
    pub consumers: Option<Consumers>,
}

impl Trial {
    /// Whether its producers take the *stamped* path, on which a record has headers, rather than the *bare* one.
    pub fn stamped(&self) -> bool {
        !self.load.record.headers.is_empty() || self.audit == AuditLevel::ReadBack
    }

    /// Whether consumers read its records back. The twin without consumers is stamped alike and is not.
    pub fn reads_back(&self) -> bool {
        self.audit == AuditLevel::ReadBack && self.consumers.is_some()
    }
}

/// One factor at one level, as written in the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Level {
    /// The factor's name, for example `linger.ms`.
    pub factor: String,
    /// The level as text, for example `5`.
    pub value: String,
}

/// A cell's levels in words, for example `linger.ms=5 acks=all`; the baseline where there are none.
pub fn cell_text(levels: &[Level]) -> String {
    if levels.is_empty() {
        return "baseline".to_owned();
    }
    let each = levels.iter().map(|level| format!("{}={}", level.factor, level.value));
    each.collect::<Vec<_>>().join(" ")
}

/// The topics of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicShape {
    /// How many topics; producers are spread over them by index.
    pub count: u32,
    /// Partitions of each topic.
    pub partitions: u32,
    /// Replicas of each partition.
    pub replication: u32,
    /// Topic settings such as `min.insync.replicas`, in written order.
    pub settings: Vec<(String, String)>,
}

/// What the producers of a trial send.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// How fast, over all producers of the trial.
    ///
    /// With a profile its mean from t0 to t2.
    pub rate: Rate,
    /// How the rate changes over the trial; constant without.
    pub profile: Option<Profile>,
    /// How arrivals are spread in time.
    pub arrivals: Arrivals,
    /// Producer clients, over all agents.
    pub producers: u32,
    /// The records' bodies and headers.
    pub record: RecordShape,
    /// The records' keys.
    pub keys: Keys,
    /// Who picks the partition.
    pub partitioner: Partitioner,
    /// What happens to a record that the client refuses because it is full.
    pub when_full: WhenFull,
    /// The plan's seed.
    pub seed: u64,
}

/// How fast records are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Open loop at a fixed rate.
    Paced(RecordRate),
    /// Closed loop: as fast as the client takes them.
    Saturate,
}

/// Records per second in millionths, so that a schedule is integer arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordRate(u64);

impl RecordRate {
    /// The highest rate that a plan may ask for: 10⁹ records a second.
    pub const HIGHEST: f64 = 1e9;

    /// A rate from records per second; `None` when it is not above zero, not finite, below a millionth or above
    /// [`Self::HIGHEST`].
    pub fn per_second(records: f64) -> Option<Self> {
        let micro = (records * 1e6).round();
        (micro >= 1.0 && records <= Self::HIGHEST).then_some(Self(micro as u64))
    }

    /// A rate from records per million seconds; `None` outside the range of [`Self::per_second`].
    pub fn per_million_seconds(records: u64) -> Option<Self> {
        (records >= 1 && records as f64 <= Self::HIGHEST * 1e6).then_some(Self(records))
    }

    /// Records per million seconds.
    pub fn micro(self) -> u64 {
        self.0
    }

    /// Records per second.
    pub fn as_per_second(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// How arrivals are spread in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly spaced.
    Uniform,
    /// Exponential gaps, one independent process per producer.
    Poisson,
}

/// Records' bodies and headers.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordShape {
    /// Size of the value in bytes.
    pub size: Size,
    /// Where the bytes come from.
    pub content: Content,
    /// Headers to put on each record.
    pub headers: Vec<(String, String)>,
}

/// Size of a record's value in bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Size {
    /// Always the same.
    Fixed(u32),
    /// Uniform over `min..=max`.
    Uniform {
        /// Least size.
        min: u32,
        /// Greatest size.
        max: u32,
    },
    /// Log-normal with the given median, cut at `max`.
    LogNormal {
        /// Median size.
        median: u32,
        /// Standard deviation of the size's natural logarithm.
        sigma: f64,
        /// Greatest size; larger draws become this.
        max: u32,
    },
    /// One of a list, by weight.
    Weighted(Vec<(u32, f64)>),
}

/// Where records' bytes come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Generated from the seed; `compressibility` is the share of bytes that a general codec can remove, 0 to 1.
    Generated {
        /// 0 for noise, towards 1 for repetition.
        compressibility: f64,
    },
    /// Each file, as the agent's host has it, is one record; sizes come from the files.
    Samples {
        /// Paths on the agents' hosts.
        files: Vec<String>,
    },
}

/// Records' keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keys {
    /// No key.
    None,
    /// 0, 1, 2, … modulo the cardinality.
    Sequence {
        /// Number of different keys.
        cardinality: u64,
    },
    /// Uniform over `0..cardinality`.
    Uniform {
        /// Number of different keys.
        cardinality: u64,
    },
    /// Zipf over `0..cardinality`: key k with weight (k + 1)^−exponent.
    Zipf {
        /// Number of different keys.
        cardinality: u64,
        /// Skew, above 0.
        exponent: f64,
    },
}

/// Who picks a record's partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partitioner {
    /// The client library, by its own rule.
    Native,
    /// The schedule: round robin over the partitions, the same for every client library.
    Assigned,
}

/// What happens to a record that the client refuses because it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It waits, its intended send kept.
    Hold,
    /// It is dropped and counted.
    Shed,
}

/// The lengths of a trial's parts, from the start instant t0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Windows {
    /// t1 − t0.
    pub warm_up: Duration,
    /// t2 − t1.
    pub measure: Duration,
    /// The longest wait after t2 for the window's records.
    pub drain: Duration,
}

impl Windows {
    /// The least time that records in flight are awaited after the load has ended (METHODOLOGY.md, section 1).
    pub const LEAST_WAIT: Duration = Duration::from_secs(5);

    /// t1 in nanoseconds from t0.
    pub fn t1_ns(&self) -> i64 {
        nanoseconds(self.warm_up)
    }

    /// t2 in nanoseconds from t0.
    pub fn t2_ns(&self) -> i64 {
        nanoseconds(self.warm_up + self.measure)
    }

    /// The drain deadline in nanoseconds from t0.
    pub fn deadline_ns(&self) -> i64 {
        nanoseconds(self.warm_up + self.measure + self.drain)
    }

    /// Which part the intended send `offset_ns` from t0 belongs to.
    pub fn part(&self, offset_ns: i64) -> Part {
        if offset_ns < self.t1_ns() {
            Part::WarmUp
        } else if offset_ns < self.t2_ns() {
            Part::Window
        } else {
            Part::CoolDown
        }
    }

    /// The longest that a trial can take from t0.
    pub fn longest(&self) -> Duration {
        self.warm_up + self.measure + self.drain + Self::LEAST_WAIT
    }
}

/// A duration as signed nanoseconds; what does not fit is the greatest value.
pub fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// The part of a trial in which a record's intended send falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Before t1: load is on, kept and labelled, counted in no result.
    WarmUp,
    /// `[t1, t2)`: what the trial is about.
    Window,
    /// After t2: load is on so that the window's last records see the same company.
    CoolDown,
}

impl Part {
    /// All parts, in time order.
    pub const ALL: [Self; 3] = [Self::WarmUp, Self::Window, Self::CoolDown];

    /// The part's index in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The name used in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::WarmUp => "warm_up",
            Self::Window => "window",
            Self::CoolDown => "cool_down",
        }
    }
}

/// One agent's share of a trial: which of the trial's producers it runs.
///
/// Producer i goes to agent i mod N in name order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Producer indices, ascending.
    pub producers: Vec<u32>,
}

impl Share {
    /// Deals the producers of a trial out to `agents` agents, in their order; agents beyond the producers get none.
    pub fn deal(producers: u32, agents: usize) -> Vec<Self> {
        let agents = agents.max(1);
        (0..agents)
            .map(|a| Self {
                producers: (a..producers as usize).step_by(agents).map(|i| i as u32).collect(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_producer_is_dealt_exactly_once() {
        for agents in 1..6 {
            for producers in 0..12 {
                let mut all: Vec<u32> = Share::deal(producers, agents)
                    .into_iter()
                    .flat_map(|s| s.producers)
                    .collect();
                all.sort_unstable();
                assert_eq!(all, (0..producers).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_window_is_half_open() {
        let windows = Windows {
            warm_up: Duration::from_secs(1),
            measure: Duration::from_secs(2),
            drain: Duration::from_secs(3),
        };
        let at = |ns| windows.part(ns);
        assert_eq!(at(0), Part::WarmUp);
        assert_eq!(at(999_999_999), Part::WarmUp);
        assert_eq!(at(1_000_000_000), Part::Window);
        assert_eq!(at(2_999_999_999), Part::Window);
        assert_eq!(at(3_000_000_000), Part::CoolDown);
    }

    #[test]
    fn a_rate_has_bounds() {
        assert_eq!(RecordRate::per_second(2000.0).unwrap().micro(), 2_000_000_000);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-7, 2e9] {
            assert!(RecordRate::per_second(bad).is_none(), "{bad}");
        }
    }
}
