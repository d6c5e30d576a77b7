//! Records against the broker's own offsets.

use serde::{Deserialize, Serialize};

/// The audit of one trial: for each partition, what its log gained against what the clients were told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// What was compared: `count`, or why nothing was.
    pub level: Level,
    /// One row for each partition.
    pub partitions: Vec<PartitionAudit>,
    /// Whether the end offsets had come to rest when they were read last.
    pub settled: bool,
}

/// How deep an audit went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// End offsets against acknowledged records.
    Count,
    /// The same, and every acknowledgement's own offset: none twice, none that the log does not show.
    Offsets,
    /// With `acks=0` nothing is acknowledged: end offsets against sent records.
    CountUnacknowledged,
    /// Nothing was compared, for this reason.
    #[default]
    NotAudited,
}

/// One partition's row of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionAudit {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// End offset before the agents prepared.
    pub start: i64,
    /// End offset at rest.
    pub end: i64,
    /// Acknowledged records of the attempt, primed ones included.
    pub acknowledged: u64,
    /// Records that may be in the log besides.
    pub perhaps: u64,
    /// Acknowledgements of an offset that another one had.
    pub repeated: u64,
    /// Acknowledged offsets that the log does not show.
    pub outside: u64,
    /// Acknowledgements without an offset.
    pub unknown: u64,
}

impl PartitionAudit {
    /// Records that the log gained.
    pub fn gained(&self) -> u64 {
        (self.end - self.start).max(0) as u64
    }

    /// Acknowledged records that the log does not hold.
    pub fn lost(&self) -> u64 {
        self.acknowledged.saturating_sub(self.gained())
    }

    /// Records in the log that nobody can account for.
    pub fn surplus(&self) -> u64 {
        self.gained().saturating_sub(self.acknowledged + self.perhaps)
    }

    /// With `acks=0`: records written to a socket that the log does not hold.
    pub fn not_arrived(&self) -> u64 {
        (self.acknowledged + self.perhaps).saturating_sub(self.gained())
    }
}

impl Audit {
    /// Acknowledgements of an offset that another one had, summed over partitions.
    pub fn repeated(&self) -> u64 {
        self.partitions.iter().map(|row| row.repeated).sum()
    }

    /// Acknowledged offsets that the log does not show, summed over partitions.
    pub fn outside(&self) -> u64 {
        self.partitions.iter().map(|row| row.outside).sum()
    }

    /// Acknowledged records that no log holds, summed over partitions, never netted between them.
    pub fn lost(&self) -> u64 {
        self.partitions.iter().map(PartitionAudit::lost).sum()
    }

    /// Records that nobody can account for, summed over partitions.
    pub fn surplus(&self) -> u64 {
        self.partitions.iter().map(PartitionAudit::surplus).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_in_one_partition_is_not_netted_against_surplus_in_another() {
        let row = |end, acknowledged, perhaps| PartitionAudit {
            end,
            acknowledged,
            perhaps,
            ..PartitionAudit::default()
        };
        let audit = Audit {
            partitions: vec![row(9, 10, 0), row(11, 10, 0), row(12, 10, 2)],
            ..Audit::default()
        };
        assert_eq!((audit.lost(), audit.surplus()), (1, 1));
    }
}
