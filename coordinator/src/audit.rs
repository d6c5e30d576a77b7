//! The audit of one attempt: what the logs gained against what the clients were told (KAFKA.md, section 2).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tribunal_report::audit::{Audit, Level, PartitionAudit};
use tribunal_stats::PartitionCount;

use crate::cluster::{Cluster, Error};

/// Offsets that have not moved for this long are at rest.
const REST: Duration = Duration::from_secs(5);
/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// End offsets by topic and partition.
pub(crate) type Offsets = Vec<(String, Vec<i64>)>;

/// Reads end offsets until every partition holds its acknowledged records, or nothing has moved for five seconds.
///
/// End offsets are high watermarks: right after the last acknowledgement of `acks=1` they lag behind the leader's log.
pub(crate) async fn audit(
    cluster: &Cluster,
    before: &Offsets,
    partitions: u32,
    told: &BTreeMap<(String, i32), PartitionCount>,
    blind: bool,
) -> Result<Audit, Error> {
    let names: Vec<String> = before.iter().map(|(name, _)| name.clone()).collect();
    let mut moved = Instant::now();
    let mut last = Offsets::new();
    loop {
        let now = cluster.end_offsets(&names, partitions).await?;
        let rows = rows(before, &now, told);
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
        if settled {
            let level = if blind {
                Level::CountUnacknowledged
            } else {
                Level::Count
            };
            return Ok(Audit {
                level,
                partitions: rows,
                settled,
            });
        }
        sleep(LOOK).await;
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
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

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
