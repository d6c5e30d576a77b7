//! Arbitrary domain messages.

use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use tribunal_model::ids::{AgentName, Attempt, CellId, ExperimentId, TrialId};
use tribunal_model::properties::{Properties, Value};
use tribunal_model::trial::{
    Arrivals, Content, Keys, Level, Load, Part, Partitioner, Rate, RecordRate, RecordShape, Size, TopicShape, Trial,
    WhenFull, Windows,
};
use tribunal_stats::facts::{BuildFacts, ClockFacts, HostFacts, ProducerFacts, RunFacts};
use tribunal_stats::{
    Activity, AgentReport, Backlog, ClientSecond, ClientStatistics, Cpu, Distribution, Fates, PartitionCount, Sample,
    Tallies, Tally,
};
use uuid::Uuid;

use crate::control::{AgentRow, Ended, Ending, ExperimentRow, FilePiece, Phase, Progress, Submission, Submitted};
use crate::session::{AgentMessage, AttemptId, CoordinatorMessage, Epoch, Hello, Prepare, RefusalKind};

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
}

fn name() -> impl Strategy<Value = String> {
    "\\PC{1,12}"
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), 0..4)
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((text(), text()), 0..4)
}

fn duration() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

fn number() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn experiment_id() -> impl Strategy<Value = ExperimentId> {
    uuid().prop_map(ExperimentId::new)
}

fn trial_id() -> impl Strategy<Value = TrialId> {
    (1..=u32::MAX).prop_map(TrialId)
}

fn attempt_number() -> impl Strategy<Value = Attempt> {
    (1..=u32::MAX).prop_map(Attempt)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    (1..=u32::MAX).prop_map(Epoch)
}

fn attempt_id() -> impl Strategy<Value = AttemptId> {
    (experiment_id(), trial_id(), attempt_number()).prop_map(|(experiment, trial, attempt)| AttemptId {
        experiment,
        trial,
        attempt,
    })
}

fn agent_name() -> impl Strategy<Value = AgentName> {
    "[A-Za-z0-9][A-Za-z0-9._-]{0,63}".prop_map(|text| AgentName::new(&text).unwrap())
}

prop_compose! {
    fn topic_shape()(
        count: u32, partitions: u32, replication: u32, settings in pairs(),
    ) -> TopicShape {
        TopicShape { count, partitions, replication, settings }
    }
}

fn rate() -> impl Strategy<Value = Rate> {
    prop_oneof![
        (1..=1_000_000_000_000_000u64)
            .prop_map(|records| Rate::Paced(RecordRate::per_million_seconds(records).unwrap())),
        Just(Rate::Saturate),
    ]
}

fn size() -> impl Strategy<Value = Size> {
    prop_oneof![
        any::<u32>().prop_map(Size::Fixed),
        any::<(u32, u32)>().prop_map(|(min, max)| Size::Uniform { min, max }),
        (any::<u32>(), number(), any::<u32>()).prop_map(|(median, sigma, max)| Size::LogNormal { median, sigma, max }),
        vec((any::<u32>(), number()), 0..4).prop_map(Size::Weighted),
    ]
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        number().prop_map(|compressibility| Content::Generated { compressibility }),
        texts().prop_map(|files| Content::Samples { files }),
    ]
}

fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![
        Just(Keys::None),
        any::<u64>().prop_map(|cardinality| Keys::Sequence { cardinality }),
        any::<u64>().prop_map(|cardinality| Keys::Uniform { cardinality }),
        (any::<u64>(), number()).prop_map(|(cardinality, exponent)| Keys::Zipf { cardinality, exponent }),
    ]
}

prop_compose! {
    fn load()(
        rate in rate(),
        arrivals in prop::sample::select(vec![Arrivals::Uniform, Arrivals::Poisson]),
        producers: u32,
        size in size(),
        content in content(),
        headers in pairs(),
        keys in keys(),
        partitioner in prop::sample::select(vec![Partitioner::Native, Partitioner::Assigned]),
        when_full in prop::sample::select(vec![WhenFull::Hold, WhenFull::Shed]),
        seed: u64,
    ) -> Load {
        let record = RecordShape { size, content, headers };
        Load { rate, arrivals, producers, record, keys, partitioner, when_full, seed }
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::Text),
        text().prop_map(Value::Env),
        text().prop_map(|path| Value::File(path.into())),
    ]
}

fn properties() -> impl Strategy<Value = Properties> {
    vec((name(), value()), 0..5).prop_map(|all| {
        let mut properties = Properties::default();
        for (name, value) in all {
            properties.set(name, value);
        }
        properties
    })
}

prop_compose! {
    fn trial()(
        id in trial_id(),
        block: u32,
        cell in (1..=u32::MAX).prop_map(CellId),
        levels in vec((text(), text()).prop_map(|(factor, value)| Level { factor, value }), 0..4),
        topic in topic_shape(),
        load in load(),
        windows in [duration(), duration(), duration()],
        properties in properties(),
    ) -> Trial {
        let [warm_up, measure, drain] = windows;
        let windows = Windows { warm_up, measure, drain };
        Trial { id, block, cell, levels, topic, load, windows, properties }
    }
}

prop_compose! {
    fn host_facts()(
        [hostname, os, kernel, cpu_model, boot_id] in prop::array::uniform5(text()), cores: u32, memory_bytes: u64,
    ) -> HostFacts {
        HostFacts { hostname, os, kernel, cpu_model, cores, memory_bytes, boot_id }
    }
}

prop_compose! {
    fn build_facts()([version, librdkafka, schedule, histogram] in prop::array::uniform4(text())) -> BuildFacts {
        BuildFacts { version, librdkafka, schedule, histogram }
    }
}

prop_compose! {
    fn clock_facts()(offset_ns: i64, bound_ns: i64, round_trip_ns: i64, exchanges: u32) -> ClockFacts {
        ClockFacts { offset_ns, bound_ns, round_trip_ns, exchanges }
    }
}

prop_compose! {
    fn producer_facts()(
        producer: u32,
        client_id in text(),
        topic in text(),
        primed in vec(any::<u64>(), 0..6),
        scheduled: Option<u64>,
        schedule_sha256 in option::of(text()),
        configuration in pairs(),
    ) -> ProducerFacts {
        ProducerFacts { producer, client_id, topic, primed, scheduled, schedule_sha256, configuration }
    }
}

prop_compose! {
    fn run_facts()(
        start_error_ns: i64,
        clock in clock_facts(),
        clock_after in clock_facts(),
        load_end_ns: i64,
        purged_ns: Option<i64>,
        client_errors in vec((text(), text(), any::<u64>()), 0..3),
        [perhaps_written_after_purge, missing_reports, sender_wait_ns, sender_time_ns] in any::<[u64; 4]>(),
    ) -> RunFacts {
        RunFacts {
            start_error_ns,
            clock,
            clock_after,
            load_end_ns,
            purged_ns,
            perhaps_written_after_purge,
            missing_reports,
            client_errors,
            sender_wait_ns,
            sender_time_ns,
        }
    }
}

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
    fn sample()(
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
    fn client_statistics()(counts: [u64; 12]) -> ClientStatistics {
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
        }
    }
}

prop_compose! {
    fn agent_report()(
        tallies in tallies(),
        window in activity(),
        backlog in any::<[u64; 2]>(),
        statistics in client_statistics(),
        partitions in btree_map((text(), any::<i32>()), any::<[u64; 2]>(), 0..6),
        facts in run_facts(),
    ) -> AgentReport {
        let [at_start, at_end] = backlog;
        let partitions = partitions
            .into_iter()
            .map(|(partition, [acknowledged, perhaps])| (partition, PartitionCount { acknowledged, perhaps }))
            .collect();
        AgentReport { tallies, window, backlog: Backlog { at_start, at_end }, statistics, partitions, facts }
    }
}

prop_compose! {
    fn hello()(
        protocol: u32,
        name in agent_name(),
        instance in uuid(),
        build in build_facts(),
        host in host_facts(),
        metrics_address in text(),
        busy_with in option::of(attempt_id()),
    ) -> Hello {
        Hello { protocol, name, instance, build, host, metrics_address, busy_with }
    }
}

prop_compose! {
    fn prepare()(
        attempt in attempt_id(),
        trial in trial(),
        producers in vec(any::<u32>(), 0..6),
        bootstrap in text(),
        cluster_properties in properties(),
        topics in texts(),
    ) -> Prepare {
        Prepare { attempt, trial, producers, bootstrap, cluster_properties, topics }
    }
}

fn refusal_kind() -> impl Strategy<Value = RefusalKind> {
    use RefusalKind::{Busy, ClusterUnreachable, Configuration, Other};
    prop::sample::select(vec![ClusterUnreachable, Configuration, Busy, Other])
}

pub(super) fn agent_message() -> impl Strategy<Value = AgentMessage> {
    prop_oneof![
        hello().prop_map(|hello| AgentMessage::Hello(Box::new(hello))),
        (any::<i64>(), option::of(clock_facts()))
            .prop_map(|(sent_ns, clock)| AgentMessage::ClockPing { sent_ns, clock }),
        (attempt_id(), vec(producer_facts(), 0..4), clock_facts()).prop_map(|(attempt, producers, clock)| {
            AgentMessage::Ready {
                attempt,
                producers,
                clock,
            }
        }),
        (attempt_id(), refusal_kind(), text()).prop_map(|(attempt, kind, reason)| AgentMessage::Refused {
            attempt,
            kind,
            reason
        }),
        (attempt_id(), epoch()).prop_map(|(attempt, epoch)| AgentMessage::Armed { attempt, epoch }),
        (attempt_id(), epoch()).prop_map(|(attempt, epoch)| AgentMessage::NotStarted { attempt, epoch }),
        (attempt_id(), sample().prop_map(Box::new))
            .prop_map(|(attempt, sample)| AgentMessage::Sample { attempt, sample }),
        attempt_id().prop_map(|attempt| AgentMessage::WindowResolved { attempt }),
        (attempt_id(), agent_report().prop_map(Box::new))
            .prop_map(|(attempt, report)| AgentMessage::Report { attempt, report }),
        (attempt_id(), text()).prop_map(|(attempt, reason)| AgentMessage::Stopped { attempt, reason }),
    ]
}

pub(super) fn coordinator_message() -> impl Strategy<Value = CoordinatorMessage> {
    prop_oneof![
        Just(CoordinatorMessage::Welcome),
        text().prop_map(|reason| CoordinatorMessage::Rejected { reason }),
        any::<[i64; 3]>().prop_map(|[sent_ns, received_ns, returned_ns]| CoordinatorMessage::ClockPong {
            sent_ns,
            received_ns,
            returned_ns,
        }),
        prepare().prop_map(|prepare| CoordinatorMessage::Prepare(Box::new(prepare))),
        (attempt_id(), epoch(), any::<i64>(), duration()).prop_map(|(attempt, epoch, start_ns, lease)| {
            CoordinatorMessage::Arm {
                attempt,
                epoch,
                start_ns,
                lease,
            }
        }),
        (attempt_id(), epoch()).prop_map(|(attempt, epoch)| CoordinatorMessage::Disarm { attempt, epoch }),
        (attempt_id(), epoch()).prop_map(|(attempt, epoch)| CoordinatorMessage::Go { attempt, epoch }),
        attempt_id().prop_map(|attempt| CoordinatorMessage::Renew { attempt }),
        attempt_id().prop_map(|attempt| CoordinatorMessage::EndLoad { attempt }),
        (attempt_id(), text()).prop_map(|(attempt, reason)| CoordinatorMessage::Abort { attempt, reason }),
    ]
}

prop_compose! {
    pub(super) fn submission()(
        file in text(), plan in text(), overrides in texts(), allow_large: bool,
    ) -> Submission {
        Submission { file, plan, overrides, allow_large }
    }
}

prop_compose! {
    pub(super) fn submitted()(
        id in experiment_id(), trials: u32, expected in duration(), warnings in texts(),
    ) -> Submitted {
        Submitted { id, trials, expected, warnings }
    }
}

pub(super) fn experiment_ref() -> impl Strategy<Value = String> {
    name()
}

prop_compose! {
    fn agent_row()(
        name in agent_name(),
        build in build_facts(),
        host in host_facts(),
        clock in option::of(clock_facts()),
        busy: bool,
        connected in duration(),
        metrics_address in text(),
    ) -> AgentRow {
        AgentRow { name, build, host, clock, busy, connected, metrics_address }
    }
}

pub(super) fn agent_rows() -> impl Strategy<Value = Vec<AgentRow>> {
    vec(agent_row(), 0..4)
}

prop_compose! {
    fn experiment_row()(
        id in experiment_id(),
        [name, state, began, reason] in prop::array::uniform4(text()),
        finished: u32,
        trials: u32,
    ) -> ExperimentRow {
        ExperimentRow { id, name, state, began, finished, trials, reason }
    }
}

pub(super) fn experiment_rows() -> impl Strategy<Value = Vec<ExperimentRow>> {
    vec(experiment_row(), 0..4)
}

fn phase() -> impl Strategy<Value = Phase> {
    use Phase::{Done, Draining, Measuring, Preparing, Ready, WarmingUp};
    prop::sample::select(vec![Preparing, Ready, WarmingUp, Measuring, Draining, Done])
}

prop_compose! {
    fn ended()(
        ending in prop::sample::select(vec![
            Ending::Complete,
            Ending::AgentsLost,
            Ending::ClusterUnreachable,
            Ending::BadPlan,
            Ending::Refused,
            Ending::Cancelled,
            Ending::Interrupted,
            Ending::Defect,
        ]),
        [finished, trials, invalid] in any::<[u32; 3]>(),
        reason in text(),
    ) -> Ended {
        Ended { ending, finished, trials, invalid, reason }
    }
}

pub(super) fn progress() -> impl Strategy<Value = Progress> {
    prop_oneof![
        any::<u32>().prop_map(|before| Progress::Queued { before }),
        text().prop_map(|text| Progress::Note { text }),
        (trial_id(), any::<u32>(), attempt_number(), text(), duration()).prop_map(
            |(trial, of, attempt, cell, left)| Progress::Began {
                trial,
                of,
                attempt,
                cell,
                left
            }
        ),
        (trial_id(), phase()).prop_map(|(trial, phase)| Progress::Phase { trial, phase }),
        (trial_id(), number(), option::of(duration()), duration()).prop_map(
            |(trial, delivered, response_p99, left)| Progress::Live {
                trial,
                delivered,
                response_p99,
                left
            }
        ),
        (trial_id(), attempt_number(), text()).prop_map(|(trial, attempt, reason)| Progress::Void {
            trial,
            attempt,
            reason
        }),
        (
            trial_id(),
            any::<u32>(),
            text(),
            any::<bool>(),
            text(),
            option::of(number()),
            option::of(duration())
        )
            .prop_map(
                |(trial, of, cell, valid, bound_by, delivered, response_p99)| Progress::Finished {
                    trial,
                    of,
                    cell,
                    valid,
                    bound_by,
                    delivered,
                    response_p99,
                }
            ),
        ended().prop_map(Progress::Ended),
    ]
}

prop_compose! {
    pub(super) fn file_piece()(path in text(), bytes in vec(any::<u8>(), 0..64)) -> FilePiece {
        FilePiece { path, bytes }
    }
}
