//! What the consumers of one agent received in one attempt.

use std::collections::BTreeMap;

use crate::facts::ClockFacts;
use crate::follow::Followed;
use crate::offsets::OffsetSet;
use crate::readback::ReadBack;

/// The final word of one agent's consumers on one attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerReport {
    /// What was received, by group, topic and partition.
    pub partitions: BTreeMap<(u32, String, i32), ReceivedPartition>,
    /// One a second of each member.
    pub seconds: Vec<ConsumerSecond>,
    /// Receipts of followed records by group, in nanoseconds of the agent's own clock.
    pub followed: BTreeMap<u32, Followed>,
    /// What the first group read back, where records are read back.
    pub read_back: Option<ReadBack>,
    /// Errors of the clients: name, text, how often.
    pub errors: Vec<(String, String, u64)>,
    /// The clock before the producers were made.
    pub clock: ClockFacts,
    /// The clock after the last record.
    pub clock_after: ClockFacts,
}

/// What one group received of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedPartition {
    /// The offsets; [`OffsetSet::repeated`] are records received more than once.
    pub offsets: OffsetSet,
    /// Records whose offset was below one received before.
    pub backwards: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// The most records between the log's end and the member's position, at the whole seconds.
    pub lag_max: u64,
    /// The same at the end.
    pub lag_end: u64,
}

/// What one group member did in a second, and how it stood at the second's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerSecond {
    /// The group.
    pub group: u32,
    /// The member in its group.
    pub member: u32,
    /// The second's end: a whole second of the coordinator's clock, as far as this agent knows it.
    pub second: i64,
    /// Records received.
    pub records: u64,
    /// Lag summed over the member's partitions.
    pub lag: u64,
    /// The greatest lag of one of its partitions.
    pub lag_max: u64,
}
