//! Records against the broker's own offsets, and against what consumers read back.

use serde::{Deserialize, Serialize};
use tribunal_stats::{MissingRun, ReadBackCount};

use crate::consumed::GroupResult;

/// The audit of one trial: for each partition, what its log gained against what the clients were told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Audit {
    /// What was compared: `count`, or why nothing was.
    pub level: Level,
    /// One row for each partition.
    pub partitions: Vec<PartitionAudit>,
    /// Whether the end offsets had come to rest when they were read last.
    pub settled: bool,
    /// What consumers read back, where the plan asks for it and there were consumers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBackAudit>,
}

/// What consumers read back against what the clients were told, record by record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadBackAudit {
    /// The records, counted.
    pub count: ReadBackCount,
    /// Records in the logs that were not read in time.
    pub unread: u64,
    /// Records that may be in the logs without having been acknowledged.
    pub perhaps: u64,
}

impl ReadBackAudit {
    /// Whether every record in the logs was read.
    pub fn complete(&self) -> bool {
        self.unread == 0
    }

    /// Acknowledged records that are in no log. Where not all was read it is the least that there can be: any record that
    /// was not read may be one of those that are missing.
    pub fn lost(&self) -> u64 {
        self.count.unreceived.saturating_sub(self.unread)
    }

    /// Where the first records are that were acknowledged and not read back, in words.
    pub fn missing(&self) -> Vec<String> {
        let text = |run: &MissingRun| {
            let first = run.first;
            let last = first + run.records.saturating_sub(1);
            let range = if last == first {
                first.to_string()
            } else {
                format!("{first} to {last}")
            };
            format!("producer {}, {range}", run.producer)
        };
        self.count.missing.iter().map(text).collect()
    }
}

/// How deep an audit went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "AuditLevel"))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// End offsets against acknowledged records.
    Count,
    /// The same, and every acknowledgement's own offset: none twice, none that the log does not show.
    Offsets,
    /// The same, and the records themselves, as consumers read them back.
    ReadBack,
    /// With `acks=0` nothing is acknowledged: end offsets against sent records.
    CountUnacknowledged,
    /// Nothing was compared, for this reason.
    #[default]
    NotAudited,
}

/// One partition's row of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

    /// Records that nobody can account for, by the best that is known: where every record was read back, those of the
    /// trial's producers beyond what may be there without an acknowledgement; duplicates and foreign records are told apart.
    pub fn unaccounted(&self) -> u64 {
        match &self.read_back {
            Some(read) if read.complete() => read.count.unacknowledged.saturating_sub(read.perhaps),
            Some(_) | None => self.surplus(),
        }
    }

    /// Adds what `group` read back. `perhaps` is how many records may be in the logs without having been acknowledged.
    ///
    /// What the logs gained and the group did not receive was not read, and neither was what it received and did not look
    /// at.
    pub fn add_read_back(&mut self, count: ReadBackCount, group: &GroupResult, perhaps: u64) {
        let received = |row: &PartitionAudit| {
            let own = group.partitions.iter();
            let own = own.filter(|own| (&own.topic, own.partition) == (&row.topic, row.partition));
            own.map(|own| own.received).sum::<u64>()
        };
        let behind = self
            .partitions
            .iter()
            .map(|row| row.gained().saturating_sub(received(row)));
        let unread = behind.sum::<u64>() + group.received.saturating_sub(count.looked_at());
        if self.level == Level::Offsets {
            self.level = Level::ReadBack;
        }
        self.read_back = Some(ReadBackAudit { count, unread, perhaps });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumed::PartitionLag;

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

    /// Two partitions that gained ten records each, and a group that received so many of them.
    fn read_back(received: [u64; 2], count: ReadBackCount) -> ReadBackAudit {
        let row = |partition| PartitionAudit {
            partition,
            start: 5,
            end: 15,
            acknowledged: 10,
            ..PartitionAudit::default()
        };
        let mut audit = Audit {
            level: Level::Offsets,
            partitions: vec![row(0), row(1)],
            ..Audit::default()
        };
        let lag = |(partition, received)| PartitionLag {
            partition,
            received,
            ..PartitionLag::default()
        };
        let group = GroupResult {
            received: received.iter().sum(),
            partitions: (0..).zip(received).map(lag).collect(),
            ..GroupResult::default()
        };
        audit.add_read_back(count, &group, 0);
        assert_eq!(audit.level, Level::ReadBack);
        audit.read_back.expect("just added")
    }

    #[test]
    fn what_was_not_read_is_not_called_lost() {
        let count = |received, unreceived| ReadBackCount {
            acknowledged: 20,
            received,
            unreceived,
            ..ReadBackCount::default()
        };
        let all = read_back([10, 10], count(20, 0));
        assert_eq!((all.complete(), all.lost()), (true, 0));
        // Three were not received, so three of the five that are missing may be there.
        let behind = read_back([10, 7], count(15, 5));
        assert_eq!((behind.unread, behind.lost()), (5, 0));
        let behind = read_back(
            [10, 7],
            ReadBackCount {
                foreign: 2,
                ..count(15, 5)
            },
        );
        assert_eq!((behind.unread, behind.lost()), (3, 2));
        // More of one partition makes up for nothing in another.
        assert_eq!(read_back([12, 8], count(20, 0)).unread, 2);
        // Agents that told nothing of what they read.
        let nothing = read_back([10, 10], count(0, 20));
        assert_eq!((nothing.unread, nothing.lost()), (20, 0));
    }

    #[test]
    fn duplicates_are_no_surplus_where_every_record_was_read() {
        let row = PartitionAudit {
            end: 13,
            acknowledged: 10,
            perhaps: 1,
            ..PartitionAudit::default()
        };
        let mut audit = Audit {
            partitions: vec![row],
            ..Audit::default()
        };
        assert_eq!(audit.unaccounted(), 2);
        let mut read = ReadBackAudit {
            count: ReadBackCount {
                duplicated: 2,
                unacknowledged: 1,
                ..ReadBackCount::default()
            },
            unread: 0,
            perhaps: 1,
        };
        audit.read_back = Some(read.clone());
        assert_eq!(audit.unaccounted(), 0);
        read.count.unacknowledged = 3;
        audit.read_back = Some(read.clone());
        assert_eq!(audit.unaccounted(), 2);
        audit.read_back = Some(ReadBackAudit { unread: 1, ..read });
        assert_eq!(audit.unaccounted(), 2, "by count, as long as not all was read");
    }
}
