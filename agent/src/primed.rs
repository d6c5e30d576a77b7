//! What priming leaves in the logs: the audit sees every record of an attempt.

use std::collections::BTreeMap;

use tribunal_kafka::Primed;
use tribunal_model::design::AuditLevel;
use tribunal_stats::{AgentReport, OffsetSet, PartitionCount};

/// Records written before the trial, by topic and partition.
#[derive(Debug)]
pub(crate) struct PrimedRecords {
    audit: AuditLevel,
    partitions: BTreeMap<(String, i32), (PartitionCount, OffsetSet)>,
}

impl PrimedRecords {
    /// None yet; offsets are kept where the audit asks for them.
    pub(crate) fn new(audit: AuditLevel) -> Self {
        Self {
            audit,
            partitions: BTreeMap::new(),
        }
    }

    /// Adds one client's.
    pub(crate) fn add(&mut self, topic: &str, primed: Primed) {
        for partition in primed.partitions {
            let key = (topic.to_owned(), partition.partition);
            let (count, offsets) = self.partitions.entry(key).or_default();
            count.acknowledged += partition.written;
            count.perhaps += partition.possibly_written;
            if self.audit.keeps_offsets() {
                partition.offsets.into_iter().for_each(|offset| offsets.add(offset));
            }
        }
    }

    /// The report with these records in it.
    pub(crate) fn within(self, mut report: AgentReport) -> AgentReport {
        for (partition, (count, offsets)) in self.partitions {
            if !offsets.is_empty() {
                report.offsets.entry(partition.clone()).or_default().merge(&offsets);
            }
            report.partitions.entry(partition).or_default().add(&count);
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use tribunal_kafka::PrimedPartition;

    use super::*;

    fn primed(offset: i64) -> Primed {
        Primed {
            partitions: vec![PrimedPartition {
                partition: 3,
                written: 1,
                possibly_written: 2,
                offsets: vec![offset],
            }],
        }
    }

    fn report(audit: AuditLevel, offsets: [i64; 2]) -> AgentReport {
        let mut records = PrimedRecords::new(audit);
        for offset in offsets {
            records.add("t", primed(offset));
        }
        let mut report = AgentReport::default();
        let mut told = OffsetSet::new();
        told.add(7);
        report.offsets.insert(("t".to_owned(), 3), told);
        records.within(report)
    }

    #[test]
    fn primed_records_are_in_counts_and_offsets() {
        let partition = ("t".to_owned(), 3);
        let told = report(AuditLevel::Offsets, [0, 7]);
        let count = told.partitions[&partition];
        assert_eq!((count.acknowledged, count.perhaps), (2, 4));
        let offsets = &told.offsets[&partition];
        assert_eq!((offsets.count(), offsets.repeated()), (2, 1));
        let counted = report(AuditLevel::Count, [0, 7]);
        assert_eq!(counted.partitions, told.partitions);
        assert_eq!(counted.offsets[&partition].count(), 1);
    }
}
