//! Whether a topic can be written to on equal terms.

use super::PartitionState;

/// What a topic lacks to be ready.
pub(super) fn unready(state: &[PartitionState], partitions: i32, replication: usize) -> Option<String> {
    if state.len() != partitions as usize {
        return Some(format!("{} of {partitions} partitions are known", state.len()));
    }
    state.iter().find_map(|partition| {
        let number = partition.partition;
        let preferred = partition.replicas.first().copied();
        if partition.replicas.len() != replication {
            Some(format!(
                "partition {number} has {} replicas, not {replication}",
                partition.replicas.len()
            ))
        } else if partition.isr.len() != replication {
            Some(format!(
                "partition {number} has {} of {replication} replicas in sync",
                partition.isr.len()
            ))
        } else if partition.leader.is_none() {
            Some(format!("partition {number} has no leader"))
        } else if partition.leader != preferred {
            let id = |broker: Option<i32>| broker.map_or("none".into(), |id| id.to_string());
            Some(format!(
                "partition {number} is led by broker {}, not {}",
                id(partition.leader),
                id(preferred)
            ))
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_topic_lacks_is_named() {
        let state = |leader, replicas: &[i32], isr: &[i32]| {
            vec![PartitionState {
                partition: 0,
                leader,
                replicas: replicas.into(),
                isr: isr.into(),
            }]
        };
        let check = |state: &[PartitionState], expected: &str| {
            assert_eq!(unready(state, 1, 2).unwrap_or_default(), expected);
        };
        check(&[], "0 of 1 partitions are known");
        check(&state(Some(1), &[1, 2], &[2, 1]), "");
        check(
            &state(Some(2), &[1, 2], &[2, 1]),
            "partition 0 is led by broker 2, not 1",
        );
        check(&state(None, &[1, 2], &[2, 1]), "partition 0 has no leader");
        check(
            &state(Some(1), &[1, 2], &[1]),
            "partition 0 has 1 of 2 replicas in sync",
        );
        check(&state(Some(1), &[1], &[1]), "partition 0 has 1 replicas, not 2");
    }
}
