//! What consumers received, put together from their agents' reports.

use std::collections::BTreeMap;

use tribunal_model::trial::{Trial, nanoseconds};
use tribunal_report::consumed::{ConsumerAgent, ConsumersResult, EndToEnd, GroupResult, LagSecond, PartitionLag};
use tribunal_report::result::StoredDistribution;
use tribunal_stats::{ConsumerReport, ConsumerSecond, Followed, ReadBack, ReceivedPartition, Ways};

use crate::audit::Offsets;
use crate::consumers::Consumed;
use crate::merge::Merged;
use crate::result::Before;

const SECOND: i64 = 1_000_000_000;

/// What the first group read back on all its agents; it is taken out of the reports.
pub(crate) fn read_back(consumed: &mut Consumed) -> ReadBack {
    let mut all = ReadBack::default();
    for report in consumed.reports.values_mut() {
        if let Some(read) = report.read_back.take() {
            all.merge(&read);
        }
    }
    all
}

/// The stored form; `start` is t0.
pub(crate) fn result(
    trial: &Trial,
    consumed: Consumed,
    merged: &Merged,
    before: &Before,
    start: i64,
) -> ConsumersResult {
    let consumers = trial.consumers.clone();
    let producing = |boot_id: &str| {
        let host = |name| Some(&before.connected.get(name)?.hello.host.boot_id);
        merged.agents.keys().filter_map(host).any(|other| other == boot_id)
    };
    let agents = consumed.reports.iter().filter_map(|(name, report)| {
        let host = &before.connected.get(name)?.hello.host;
        Some(ConsumerAgent {
            name: name.clone(),
            hostname: host.hostname.clone(),
            beside_producers: producing(&host.boot_id),
            clock_bound_ns: bound(report),
        })
    });
    let agents = agents.collect();
    let (mut partitions, mut seconds) = (BTreeMap::new(), Vec::new());
    let mut followed: BTreeMap<u32, (Followed, i64)> = BTreeMap::new();
    let mut errors: Vec<(String, String, u64)> = Vec::new();
    for report in consumed.reports.into_values() {
        let bound = bound(&report);
        let (clock, after) = (report.clock, report.clock_after);
        for (group, own) in report.followed {
            let (all, most) = followed.entry(group).or_default();
            all.merge(own.turned(|at| at + clock.interpolated(&after, at).0));
            *most = bound.max(*most);
        }
        // A partition is read by one member of a group.
        partitions.extend(report.partitions);
        seconds.extend(report.seconds);
        for (code, text, times) in report.errors {
            match errors.iter_mut().find(|(c, t, _)| *c == code && *t == text) {
                Some((_, _, n)) => *n += times,
                None => errors.push((code, text, times)),
            }
        }
    }
    let groups = consumers.as_ref().map_or(0, |consumers| consumers.groups);
    let groups = (0..groups).map(|group| {
        let lags = lags(group, &before.offsets, &consumed.ends, &partitions);
        let own = partitions.iter().filter(|((of, _, _), _)| *of == group);
        let own: Vec<&ReceivedPartition> = own.map(|(_, received)| received).collect();
        let sum = |figure: fn(&ReceivedPartition) -> u64| -> u64 { own.iter().map(|received| figure(received)).sum() };
        GroupResult {
            group,
            received: sum(|received| received.offsets.count()),
            bytes: sum(|received| received.bytes),
            repeated: sum(|received| received.offsets.repeated()),
            backwards: sum(|received| received.backwards),
            missing: lags.iter().map(|lag| lag.written.saturating_sub(lag.received)).sum(),
            end_to_end: followed
                .get(&group)
                .and_then(|(received, bound)| end_to_end(merged, received, *bound)),
            partitions: lags,
            seconds: by_second(group, &seconds, start),
        }
    });
    ConsumersResult {
        members: consumers.as_ref().map_or(0, |consumers| consumers.members),
        properties: consumers.map_or(Vec::new(), |consumers| {
            let properties = consumers.properties.iter();
            properties
                .map(|(name, value)| (name.to_owned(), value.to_string()))
                .collect()
        }),
        agents,
        groups: groups.collect(),
        errors,
        within_ns: nanoseconds(consumed.within) as u64,
    }
}

fn bound(report: &ConsumerReport) -> i64 {
    report.clock.bound_ns.max(report.clock_after.bound_ns)
}

/// Nothing where producers told no offsets: then nobody knows which record is which.
fn end_to_end(merged: &Merged, received: &Followed, bound_ns: i64) -> Option<EndToEnd> {
    if merged.followed.count() == 0 {
        return None;
    }
    let ways = Ways::of(&merged.followed, received);
    Some(EndToEnd {
        // A record whose receipt was not seen took longer than any that was.
        latency: StoredDistribution::new(&ways.latencies, ways.unjoined),
        bound_ns: bound_ns + merged.followed_bound_ns,
        joined: ways.joined,
        unjoined: ways.unjoined,
        negative: ways.negative,
        least_ns: ways.least_ns,
        one_of: 1 << merged.followed.bits.max(received.bits).min(63),
    })
}

/// One row for each partition of the trial.
fn lags(
    group: u32,
    begins: &Offsets,
    ends: &Offsets,
    partitions: &BTreeMap<(u32, String, i32), ReceivedPartition>,
) -> Vec<PartitionLag> {
    let mut rows = Vec::new();
    for ((topic, begins), (_, ends)) in begins.iter().zip(ends) {
        for (partition, (begin, end)) in (0..).zip(begins.iter().zip(ends)) {
            let written = (end - begin).max(0) as u64;
            let received = partitions.get(&(group, topic.clone(), partition));
            let inside = |received: &ReceivedPartition| {
                let outside = received.offsets.outside((*begin).max(0) as u64, (*end).max(0) as u64);
                received.offsets.count() - outside
            };
            rows.push(PartitionLag {
                topic: topic.clone(),
                partition,
                received: received.map_or(0, inside),
                written,
                lag_max: received.map_or(0, |received| received.lag_max),
                lag_end: received.map_or(written, |received| received.lag_end),
            });
        }
    }
    rows
}

/// The seconds of which all members of a group have told.
fn by_second(group: u32, seconds: &[ConsumerSecond], start: i64) -> Vec<LagSecond> {
    let own = || seconds.iter().filter(|second| second.group == group);
    let members: std::collections::BTreeSet<u32> = own().map(|second| second.member).collect();
    let mut all: BTreeMap<i64, (usize, LagSecond)> = BTreeMap::new();
    for second in own() {
        let (told, sum) = all.entry(second.second).or_default();
        *told += 1;
        sum.at_ns = second.second * SECOND - start;
        sum.records += second.records;
        sum.lag += second.lag;
        sum.lag_max = sum.lag_max.max(second.lag_max);
    }
    let whole = all.into_values().filter(|(told, _)| *told == members.len());
    whole.map(|(_, second)| second).collect()
}

#[cfg(test)]
mod tests {
    use tribunal_stats::OffsetSet;

    use super::*;

    #[test]
    fn a_second_counts_once_all_members_have_told_of_it() {
        let second = |member, second, lag| ConsumerSecond {
            member,
            second,
            lag,
            lag_max: lag,
            records: 10,
            ..ConsumerSecond::default()
        };
        let seconds = [second(0, 7, 3), second(0, 8, 4), second(1, 8, 6), second(1, 9, 1)];
        let told = by_second(0, &seconds, 5 * SECOND);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].at_ns, told[0].lag, told[0].lag_max, told[0].records),
            (3 * SECOND, 10, 6, 20)
        );
        assert!(by_second(1, &seconds, 0).is_empty());
    }

    #[test]
    fn what_nobody_received_is_missing_by_partition() {
        let mut offsets = OffsetSet::new();
        (5..8).for_each(|offset| offsets.add(offset));
        let received = ReceivedPartition {
            offsets,
            lag_end: 2,
            ..ReceivedPartition::default()
        };
        let partitions = BTreeMap::from([((0, "t".to_owned(), 0), received)]);
        let (begins, ends) = (vec![("t".to_owned(), vec![5, 0])], vec![("t".to_owned(), vec![10, 4])]);
        let rows = lags(0, &begins, &ends, &partitions);
        let figures: Vec<_> = rows
            .iter()
            .map(|row| (row.received, row.written, row.lag_end))
            .collect();
        assert_eq!(figures, [(3, 5, 2), (0, 4, 4)]);
    }
}
