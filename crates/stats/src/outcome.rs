//! The final word of one agent on one trial.

use std::collections::BTreeMap;

use crate::facts::RunFacts;
use crate::follow::Followed;
use crate::offsets::OffsetSet;
use crate::samples::{Activity, ClientStatistics};
use crate::tally::Tallies;

/// What one agent measured in one attempt, merged over its producers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentReport {
    /// Fates and latencies by part.
    pub tallies: Tallies,
    /// What happened inside `[t1, t2)`, irrespective of intended sends.
    pub window: Activity,
    /// Intended sends that were not resolved at t1 and at t2: what the backlog grew by.
    pub backlog: Backlog,
    /// The clients' own statistics from the last ones before the window to the first ones after it: up to a second more
    /// on either side.
    pub statistics: ClientStatistics,
    /// Records of all parts by topic and partition, priming left out.
    pub partitions: BTreeMap<(String, i32), PartitionCount>,
    /// The offsets of acknowledged records by topic and partition, where the trial asks for them.
    pub offsets: BTreeMap<(String, i32), OffsetSet>,
    /// The sequences of acknowledged records of the schedule by producer, where they are read back.
    pub sequences: BTreeMap<u32, OffsetSet>,
    /// Intended sends of followed records of the window, in nanoseconds from t0, where there are consumers.
    pub followed: Followed,
    /// How the agent came through.
    pub facts: RunFacts,
}

/// What the log of one partition must hold, and what it may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PartitionCount {
    /// Acknowledged records: they must be there.
    pub acknowledged: u64,
    /// Records that may be there: possibly written, or unresolved and not certainly purged from the queue.
    pub perhaps: u64,
}

impl PartitionCount {
    /// Adds another producer's.
    pub fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.perhaps += other.perhaps;
    }
}

/// Intended sends without a final word, at the two ends of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Backlog {
    /// At t1.
    pub at_start: u64,
    /// At t2.
    pub at_end: u64,
}

impl Backlog {
    /// Adds another agent's.
    pub fn add(&mut self, other: &Self) {
        self.at_start += other.at_start;
        self.at_end += other.at_end;
    }

    /// What the backlog grew by.
    pub fn growth(&self) -> i64 {
        self.at_end as i64 - self.at_start as i64
    }
}
