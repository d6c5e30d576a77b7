//! What agents and the coordinator say to each other.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tribunal_model::consumers::{Role, Seat};

use super::facts::{build_facts, calibration, certificate, clock_facts, host_facts, producer_facts};
use super::stats::{agent_report, consumer_report, sample};
use super::trial::{properties, trial};
use super::{agent_name, attempt_id, duration, epoch, pairs, text, texts, uuid};
use crate::session::{AgentMessage, CoordinatorMessage, Hello, Prepare, PrepareConsumers, RefusalKind};

prop_compose! {
    fn hello()(
        protocol: u32,
        name in agent_name(),
        instance in uuid(),
        build in build_facts(),
        host in host_facts(),
        metrics_address in text(),
        busy_with in option::of(attempt_id()),
        certificate in option::of(certificate()),
        lacking in pairs(),
        role in prop::sample::select(Role::ALL.to_vec()),
    ) -> Hello {
        Hello { protocol, name, instance, build, host, metrics_address, busy_with, certificate, lacking, role }
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
        agents_on_host in 1..=u32::MAX,
    ) -> Prepare {
        Prepare { attempt, trial, producers, bootstrap, cluster_properties, topics, agents_on_host }
    }
}

prop_compose! {
    fn seat()(group: u32, member: u32, topic in 0..2u32, partition: i32) -> Seat {
        Seat { group, member, topic, partition }
    }
}

prop_compose! {
    fn prepare_consumers()(
        attempt in attempt_id(),
        trial in trial(),
        bootstrap in text(),
        cluster_properties in properties(),
        topics in vec(text(), 2..4),
        seats in vec((seat(), any::<i64>()), 0..6),
        lease in duration(),
    ) -> PrepareConsumers {
        PrepareConsumers { attempt, trial, bootstrap, cluster_properties, topics, seats, lease }
    }
}

fn refusal_kind() -> impl Strategy<Value = RefusalKind> {
    use RefusalKind::{Busy, ClusterUnreachable, Configuration, Other};
    prop::sample::select(vec![ClusterUnreachable, Configuration, Busy, Other])
}

pub(crate) fn agent_message() -> impl Strategy<Value = AgentMessage> {
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
        (attempt_id(), any::<i64>(), any::<bool>()).prop_map(|(attempt, t1_ns, accepted)| {
            AgentMessage::WindowOpens {
                attempt,
                t1_ns,
                accepted,
            }
        }),
        attempt_id().prop_map(|attempt| AgentMessage::WindowResolved { attempt }),
        (attempt_id(), agent_report().prop_map(Box::new))
            .prop_map(|(attempt, report)| AgentMessage::Report { attempt, report }),
        (attempt_id(), text()).prop_map(|(attempt, reason)| AgentMessage::Stopped { attempt, reason }),
        attempt_id().prop_map(|attempt| AgentMessage::ConsumersReady { attempt }),
        (attempt_id(), consumer_report().prop_map(Box::new))
            .prop_map(|(attempt, report)| AgentMessage::ConsumersReport { attempt, report }),
        (attempt_id(), refusal_kind(), text()).prop_map(|(attempt, kind, reason)| AgentMessage::ConsumersFailed {
            attempt,
            kind,
            reason
        }),
        (any::<u64>(), calibration()).prop_map(|(id, calibration)| AgentMessage::Calibrated {
            id,
            outcome: Ok(calibration)
        }),
        (any::<u64>(), text()).prop_map(|(id, reason)| AgentMessage::Calibrated {
            id,
            outcome: Err(reason)
        }),
    ]
}

pub(crate) fn coordinator_message() -> impl Strategy<Value = CoordinatorMessage> {
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
        (attempt_id(), any::<i64>()).prop_map(|(attempt, t1_ns)| CoordinatorMessage::OpenWindow { attempt, t1_ns }),
        attempt_id().prop_map(|attempt| CoordinatorMessage::EndLoad { attempt }),
        (attempt_id(), text()).prop_map(|(attempt, reason)| CoordinatorMessage::Abort { attempt, reason }),
        prepare_consumers().prop_map(|prepare| CoordinatorMessage::PrepareConsumers(Box::new(prepare))),
        (
            attempt_id(),
            vec((text(), any::<i32>(), any::<i64>()), 0..4),
            duration()
        )
            .prop_map(|(attempt, ends, within)| CoordinatorMessage::EndConsumers { attempt, ends, within }),
        (any::<u64>(), trial().prop_map(Box::new), vec(any::<u32>(), 0..6))
            .prop_map(|(id, trial, producers)| CoordinatorMessage::Calibrate { id, trial, producers }),
    ]
}
