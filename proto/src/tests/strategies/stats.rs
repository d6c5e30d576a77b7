//! What agents measure.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tribunal_model::trial::Part;
use tribunal_stats::{
    Activity, AgentReport, Backlog, BrokerLatencies, ClientCount, ClientSecond, ClientStatistics, ConsumerReport,
    ConsumerSecond, Cpu, Distribution, Fates, Followed, Latencies, OffsetSet, PartitionCount, ReadBack, ReadSequences,
    ReceivedPartition, Sample, Tallies, Tally,
};

use super::facts::{clock_facts, run_facts};
use super::text;

fn distribution() -> impl Strategy<Value = Distribution> {
    // Above an hour is overflow.
    let latency_ns = prop_oneof![4 => 0..3_600_000_000_000i64, 1 => 3_600_001_000_000..7_200_000_000_000i64];
    vec((latency_ns, 1..1000u64), 0..8).prop_map(|latencies| {
        let mut distribution = Distribution::new();
        for (nanoseconds, count) in latencies {
            distribution.record_many_ns(nanoseconds, count);
        }
        distribution
    })
}

prop_compose! {
    fn tally()(
        fates: [u64; 7],
        [response, service, send_lag, schedule_delay, censored] in prop::array::uniform5(distribution()),
        late_sends: u64,
        failed in btree_map(text(), distribution(), 0..3),
    ) -> Tally {
        let [scheduled, acknowledged, not_written, possibly_written, unresolved, shed, unsent] = fates;
        let fates = Fates { scheduled, acknowledged, not_written, possibly_written, unresolved, shed, unsent };
        Tally { fates, response, service, send_lag, schedule_delay, late_sends, failed, censored }
    }
}

fn tallies() -> impl Strategy<Value = Tallies> {
    [option::of(tally()), option::of(tally()), option::of(tally())].prop_map(|parts| {
        let mut tallies = Tallies::default();
        for (part, tally) in Part::ALL.into_iter().zip(parts) {
            if let Some(tally) = tally {
                *tallies.of(part) = tally;
            }
        }
        tallies
    })
}

prop_compose! {
    fn activity()(
        [acknowledged, acknowledged_bytes, failed, written_blind, queue_full, blocked_ns, spin_ns, in_flight]
            in any::<[u64; 8]>(),
        [sender_ns, recorder_ns, client_ns, client_busiest_ns, other_ns, host_busy_ns, host_steal_ns]
            in any::<[u64; 7]>(),
    ) -> Activity {
        let cpu =
            Cpu { sender_ns, recorder_ns, client_ns, client_busiest_ns, other_ns, host_busy_ns, host_steal_ns };
        Activity {
            acknowledged, acknowledged_bytes, failed, written_blind, queue_full, blocked_ns, spin_ns, in_flight, cpu,
        }
    }
}

prop_compose! {
    fn client_second()(
        producer: u32, topic in text(), [acknowledged, failed, in_flight, queue_full] in any::<[u64; 4]>(),
    ) -> ClientSecond {
        ClientSecond { producer, topic, acknowledged, failed, in_flight, queue_full }
    }
}

prop_compose! {
    pub(super) fn sample()(
        start_ns: i64,
        end_ns: i64,
        tallies in tallies(),
        activity in activity(),
        clients in vec(client_second(), 0..3),
    ) -> Sample {
        Sample { start_ns, end_ns, tallies, activity, clients }
    }
}

prop_compose! {
    fn latencies()(sum_us: u64, count: u64) -> Latencies {
        Latencies { sum_us, count }
    }
}

prop_compose! {
    fn broker_latencies()(
        queue in latencies(), outbound in latencies(), round_trip in latencies(), throttle in latencies(),
    ) -> BrokerLatencies {
        BrokerLatencies { queue, outbound, round_trip, throttle }
    }
}

prop_compose! {
    fn client_statistics()(
        counts: [u64; 12],
        untold in btree_set(select(&ClientCount::ALL[..]), 0..12),
        brokers in btree_map(any::<i32>(), broker_latencies(), 0..3),
    ) -> ClientStatistics {
        let [batches, batch_records, requests, retries, timeouts, transmit_errors, disconnects, ..] = counts;
        let [.., wire_bytes, record_bytes, throttle_ms, throttled, out_of_range] = counts;
        ClientStatistics {
            batches,
            batch_records,
            requests,
            retries,
            timeouts,
            transmit_errors,
            disconnects,
            wire_bytes,
            record_bytes,
            throttle_ms,
            throttled,
            out_of_range,
            untold,
            brokers,
        }
    }
}

fn offset_set() -> impl Strategy<Value = OffsetSet> {
    vec(-2..10_000i64, 0..40).prop_map(|offsets| {
        let mut set = OffsetSet::new();
        for offset in offsets {
            set.add(offset);
        }
        set
    })
}

prop_compose! {
    fn followed()(
        bits: u32,
        instants in btree_map((text(), any::<i32>()), vec(any::<(i64, i64)>(), 0..4), 0..3),
    ) -> Followed {
        Followed { bits, instants }
    }
}

prop_compose! {
    fn received_partition()(offsets in offset_set(), counts: [u64; 4]) -> ReceivedPartition {
        let [backwards, bytes, lag_max, lag_end] = counts;
        ReceivedPartition { offsets, backwards, bytes, lag_max, lag_end }
    }
}

prop_compose! {
    fn consumer_second()(group: u32, member: u32, second: i64, counts: [u64; 3]) -> ConsumerSecond {
        let [records, lag, lag_max] = counts;
        ConsumerSecond { group, member, second, records, lag, lag_max }
    }
}

prop_compose! {
    fn read_sequences()(sequences in offset_set(), reordered: u64) -> ReadSequences {
        ReadSequences { sequences, reordered }
    }
}

prop_compose! {
    fn read_back()(
        producers in btree_map(any::<u32>(), read_sequences(), 0..4),
        primed: u64,
        foreign: u64,
    ) -> ReadBack {
        ReadBack { producers, primed, foreign }
    }
}

prop_compose! {
    pub(super) fn consumer_report()(
        partitions in btree_map((any::<u32>(), text(), any::<i32>()), received_partition(), 0..4),
        seconds in vec(consumer_second(), 0..4),
        followed in btree_map(any::<u32>(), followed(), 0..3),
        read_back in option::of(read_back()),
        errors in vec((text(), text(), any::<u64>()), 0..3),
        clock in clock_facts(),
        clock_after in clock_facts(),
    ) -> ConsumerReport {
        ConsumerReport { partitions, seconds, followed, read_back, errors, clock, clock_after }
    }
}

prop_compose! {
    pub(super) fn agent_report()(
        tallies in tallies(),
        window in activity(),
        backlog in any::<[u64; 2]>(),
        statistics in client_statistics(),
        partitions in btree_map((text(), any::<i32>()), any::<[u64; 2]>(), 0..6),
        offsets in btree_map((text(), any::<i32>()), offset_set(), 0..4),
        sequences in btree_map(any::<u32>(), offset_set(), 0..3),
        followed in followed(),
        facts in run_facts(),
    ) -> AgentReport {
        let [at_start, at_end] = backlog;
        let partitions = partitions
            .into_iter()
            .map(|(partition, [acknowledged, perhaps])| (partition, PartitionCount { acknowledged, perhaps }))
            .collect();
        let backlog = Backlog { at_start, at_end };
        AgentReport { tallies, window, backlog, statistics, partitions, offsets, sequences, followed, facts }
    }
}
