//! Which brokers hold which partitions.

/// The replicas of each partition, the leader first.
///
/// Leaders go round the brokers in the order of their ids, beginning at `rotation`, so that a block of trials can move one
/// place on and a topic of one partition does not always meet the same broker. Followers are other brokers, and each
/// round over the brokers pairs leaders with other followers. `None` when there are fewer brokers than replicas, or no replica is asked for.
pub fn assignment(brokers: &[i32], partitions: u32, replication: u32, rotation: u32) -> Option<Vec<Vec<i32>>> {
    let mut brokers = brokers.to_vec();
    brokers.sort_unstable();
    brokers.dedup();
    let (count, replication) = (brokers.len(), replication as usize);
    if replication == 0 || replication > count {
        return None;
    }
    let replicas = |partition: usize| {
        let leader = (partition + rotation as usize) % count;
        let followers = (0..replication - 1).map(|follower| {
            let step = 1 + (partition / count + follower) % (count - 1);
            brokers[(leader + step) % count]
        });
        std::iter::once(brokers[leader]).chain(followers).collect()
    };
    Some((0..partitions as usize).map(replicas).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaders_are_even_and_replicas_are_distinct() {
        for brokers in 1..6_i32 {
            let ids: Vec<_> = (1..=brokers).map(|id| id * 10).collect();
            for replication in 1..=brokers as u32 {
                for partitions in [1, 2, 7, 30] {
                    for rotation in 0..7 {
                        let all = assignment(&ids, partitions, replication, rotation).unwrap();
                        assert_eq!(all.len(), partitions as usize);
                        for replicas in &all {
                            let mut distinct = replicas.clone();
                            distinct.sort_unstable();
                            distinct.dedup();
                            assert_eq!(distinct.len(), replication as usize);
                        }
                        let load = |id: i32| all.iter().filter(|replicas| replicas[0] == id).count();
                        let loads: Vec<_> = ids.iter().map(|id| load(*id)).collect();
                        assert!(
                            loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1,
                            "{loads:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_block_later_the_only_partition_is_on_the_next_broker() {
        let leaders: Vec<_> = (0..4)
            .map(|block| assignment(&[3, 1, 2], 1, 2, block).unwrap()[0].clone())
            .collect();
        assert_eq!(leaders, [[1, 2], [2, 3], [3, 1], [1, 2]]);
    }

    #[test]
    fn the_second_round_pairs_leaders_with_other_followers() {
        let all = assignment(&[1, 2, 3], 6, 2, 0).unwrap();
        assert_eq!(all, [[1, 2], [2, 3], [3, 1], [1, 3], [2, 1], [3, 2]]);
    }

    #[test]
    fn more_replicas_than_brokers_are_impossible() {
        assert_eq!(assignment(&[1, 2], 1, 3, 0), None);
        assert_eq!(assignment(&[], 1, 1, 0), None);
        assert_eq!(assignment(&[1], 1, 0, 0), None);
    }
}
