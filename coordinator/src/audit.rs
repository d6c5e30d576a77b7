//! The audit of one attempt: what the logs gained against what the clients were told (METHODOLOGY.md, section 3).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tribunal_report::audit::{Audit, Level, PartitionAudit};
use tribunal_stats::{OffsetSet, PartitionCount};

use crate::cluster::{Cluster, Error};

/// Offsets that have not moved for this long are at rest.
const REST: Duration = Duration::from_secs(5);
/// Offsets that still move after this long are read as they are: somebody else writes there.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// End offsets by topic and partition.
pub(crate) type Offsets = Vec<(String, Vec<i64>)>;

/// Reads end offsets until every partition holds its acknowledged records, or nothing has moved for five seconds, for a
/// minute at most.
///
/// End offsets are high watermarks: right after the last acknowledgement of `acks=1` they lag behind the leader's log.
pub(crate) async fn audit(
    cluster: &Cluster,
    before: &Offsets,
    partitions: u32,
    told: &BTreeMap<(String, i32), PartitionCount>,
    offsets: Option<&BTreeMap<(String, i32), OffsetSet>>,
    blind: bool,
) -> Result<Audit, Error> {
    let names: Vec<String> = before.iter().map(|(name, _)| name.clone()).collect();
    let began = Instant::now();
    let mut moved = began;
    let mut last = Offsets::new();
    loop {
        let now = cluster.end_offsets(&names, partitions).await?;
        let mut rows = rows(before, &now, told);
        let all_there = if blind {
            rows.iter().all(|row| row.not_arrived() == 0)
        } else {
            rows.iter().all(|row| row.lost() == 0)
        };
        if now != last {
            moved = Instant::now();
            last = now;
        }
        let settled = all_there || moved.elapsed() >= REST;
        if settled || began.elapsed() >= PATIENCE {
            let level = match offsets {
                _ if blind => Level::CountUnacknowledged,
                None => Level::Count,
                Some(offsets) => {
                    for row in &mut rows {
                        compare(row, offsets);
                    }
                    Level::Offsets
                }
            };
            return Ok(Audit {
                level,
                partitions: rows,
                settled,
                read_back: None,
            });
        }
        sleep(LOOK).await;
    }
}

/// Holds the offsets that acknowledgements told against what the log shows.
fn compare(row: &mut PartitionAudit, offsets: &BTreeMap<(String, i32), OffsetSet>) {
    if let Some(told) = offsets.get(&(row.topic.clone(), row.partition)) {
        row.repeated = told.repeated();
        row.unknown = told.unknown();
        row.outside = told.outside(row.start.max(0) as u64, row.end.max(0) as u64);
    }
}

/// One row for each partition. Records that may be anywhere widen every partition's allowance.
fn rows(before: &Offsets, now: &Offsets, told: &BTreeMap<(String, i32), PartitionCount>) -> Vec<PartitionAudit> {
    let mut rows = Vec::new();
    for ((topic, starts), (_, ends)) in before.iter().zip(now) {
        let anywhere = told.get(&(topic.clone(), -1)).map_or(0, |count| count.perhaps);
        for (partition, (start, end)) in starts.iter().zip(ends).enumerate() {
            let partition = partition as i32;
            let count = told.get(&(topic.clone(), partition)).copied().unwrap_or_default();
            rows.push(PartitionAudit {
                topic: topic.clone(),
                partition,
                start: *start,
                end: *end,
                acknowledged: count.acknowledged,
                perhaps: count.perhaps + anywhere,
                ..PartitionAudit::default()
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_told_twice_and_one_past_the_end_are_seen_by_partition() {
        let mut told = OffsetSet::new();
        for offset in [5, 6, 6, 9, -1] {
            told.add(offset);
        }
        let mut row = PartitionAudit {
            topic: "t".into(),
            start: 5,
            end: 9,
            ..PartitionAudit::default()
        };
        compare(&mut row, &BTreeMap::from([(("t".to_owned(), 0), told)]));
        assert_eq!((row.repeated, row.outside, row.unknown), (1, 1, 1));
    }

    #[test]
    fn records_that_may_be_anywhere_widen_every_partition() {
        let told = BTreeMap::from([
            (
                ("t".to_owned(), -1),
                PartitionCount {
                    acknowledged: 0,
                    perhaps: 2,
                },
            ),
            (
                ("t".to_owned(), 1),
                PartitionCount {
                    acknowledged: 10,
                    perhaps: 1,
                },
            ),
        ]);
        let rows = rows(&vec![("t".into(), vec![0, 5])], &vec![("t".into(), vec![2, 18])], &told);
        let summary: Vec<_> = rows
            .iter()
            .map(|row| (row.gained(), row.lost(), row.surplus()))
            .collect();
        assert_eq!(summary, [(2, 0, 0), (13, 0, 0)]);
    }
}
