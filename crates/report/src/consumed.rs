//! What consumers received in a trial, as it is stored.

use serde::{Deserialize, Serialize};
use tribunal_model::ids::AgentName;

use crate::result::StoredDistribution;

/// The consumers of one trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsumersResult {
    /// Members of each group.
    pub members: u32,
    /// The properties that the plan set for them, secrets by reference.
    pub properties: Vec<(String, String)>,
    /// The agents that ran them.
    pub agents: Vec<ConsumerAgent>,
    /// What each group received.
    pub groups: Vec<GroupResult>,
    /// Errors of their clients: name, text, how often.
    pub errors: Vec<(String, String, u64)>,
    /// How long they had for what was left once every record had been written, in nanoseconds.
    pub within_ns: u64,
}

/// An agent that ran consumers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConsumerAgent {
    /// Its name.
    pub name: AgentName,
    /// Its host's name.
    pub hostname: String,
    /// Whether producers of the trial ran on the same host.
    pub beside_producers: bool,
    /// By how much its clock may have been off the coordinator's, in nanoseconds.
    pub clock_bound_ns: i64,
}

/// What one group received.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupResult {
    /// The group, from 0.
    pub group: u32,
    /// Different records.
    pub received: u64,
    /// Bytes of keys and values, repetitions included.
    pub bytes: u64,
    /// Records received again.
    pub repeated: u64,
    /// Records whose offset was below one received before.
    pub backwards: u64,
    /// Records in the logs that it had not received when its time was up.
    pub missing: u64,
    /// Intended send to receipt of followed records of the window; absent where producers tell no offsets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_to_end: Option<EndToEnd>,
    /// By topic and partition.
    pub partitions: Vec<PartitionLag>,
    /// One a second, of which every member has told.
    pub seconds: Vec<LagSecond>,
}

/// How long records took from their intended send to their receipt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EndToEnd {
    /// The distribution; a negative latency counts as 0.
    pub latency: StoredDistribution,
    /// By how much each may be off, in nanoseconds: the bounds of the sender's and of the receiver's clock.
    pub bound_ns: i64,
    /// Records followed from end to end.
    pub joined: u64,
    /// Records followed by their producer whose receipt was not seen.
    pub unjoined: u64,
    /// Records received before their intended send, by these clocks.
    pub negative: u64,
    /// The least latency in nanoseconds, negative ones included.
    pub least_ns: Option<i64>,
    /// Of how many records of the window one was followed.
    pub one_of: u64,
}

/// One partition, as one group read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PartitionLag {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Different records received.
    pub received: u64,
    /// Records in the log.
    pub written: u64,
    /// The most records between the log's end and the group's position, at the whole seconds.
    pub lag_max: u64,
    /// The same at the end.
    pub lag_end: u64,
}

/// How one group stood at a whole second of the coordinator's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LagSecond {
    /// The instant, in nanoseconds from t0.
    pub at_ns: i64,
    /// Records received in the second before.
    pub records: u64,
    /// Lag summed over partitions.
    pub lag: u64,
    /// The greatest lag of a partition.
    pub lag_max: u64,
}

impl GroupResult {
    /// The most records by which the group was behind at a whole second, over all partitions.
    pub fn lag_max(&self) -> u64 {
        self.seconds.iter().map(|second| second.lag).max().unwrap_or(0)
    }

    /// Records by which it was behind at the end.
    pub fn lag_end(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.lag_end).sum()
    }
}
