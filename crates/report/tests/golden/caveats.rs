//! The text of every doubt.

use std::time::Duration;

use tribunal_model::limits::{Limit, Limits};
use tribunal_model::trial::Part;
use tribunal_report::caveat::Caveat;
use tribunal_report::check::Check;

use crate::fixture::agent;

#[test]
fn every_doubt_has_its_evidence_and_the_next_thing_to_try() {
    let partitions: Vec<String> = (0..7).map(|p| format!("orders/{p}: 1,2,3 → 1,2")).collect();
    let host = agent("a");
    let beyond = Limit::ALL.into_iter().flat_map(|limit| {
        let bounds = limit.default_bounds();
        let worst = if bounds.void.is_finite() {
            bounds.void
        } else {
            bounds.warn
        };
        let merged = matches!(limit, Limit::ScheduleDelayP99 | Limit::LateSends);
        let agent = (!merged).then_some(&host);
        [bounds.warn, worst].map(|bound| Caveat::Beyond(Check::new(&Limits::default(), limit, agent, bound * 1.234)))
    });
    let others = [
        Caveat::Overflow { count: 1 },
        Caveat::AuditLost { lost: 1 },
        Caveat::AuditLost { lost: 2_023 },
        Caveat::AuditSurplus { surplus: 7 },
        Caveat::ReadBackLost {
            lost: 12,
            at_least: false,
            missing: vec!["producer 0, 1000 to 1009".into(), "producer 3, 77 to 78".into()],
        },
        Caveat::ReadBackLost {
            lost: 1,
            at_least: true,
            missing: vec!["producer 1, 5".into()],
        },
        Caveat::ForeignRecords { count: 1 },
        Caveat::Duplicated {
            count: 3,
            idempotent: false,
        },
        Caveat::Duplicated {
            count: 3,
            idempotent: true,
        },
        Caveat::Reordered {
            count: 40,
            idempotent: false,
        },
        Caveat::Reordered {
            count: 40,
            idempotent: true,
        },
        Caveat::NotReadBack { unread: 1 },
        Caveat::NotReadBack { unread: 2_000 },
        Caveat::NotAudited {
            reason: "the topic has other writers".into(),
        },
        Caveat::IsrChanged {
            partitions: partitions[..2].to_vec(),
        },
        Caveat::LeaderChanged { partitions },
        Caveat::Throttled { throttle_ms: 12_000 },
        Caveat::SharedHost {
            agents: vec![agent("a")],
        },
        Caveat::SharedHost {
            agents: vec![agent("a"), agent("b"), agent("c")],
        },
        Caveat::MockBroker,
        Caveat::FatesUnbalanced {
            parts: vec![Part::WarmUp, Part::Window],
        },
        Caveat::MissingReports { count: 1 },
        Caveat::QueueBound,
        Caveat::Failed {
            count: 12,
            codes: vec![("MSG_TIMED_OUT".into(), 10), ("NOT_LEADER".into(), 2)],
        },
        Caveat::Censored {
            unresolved: 1,
            unsent: 30_000,
        },
        Caveat::Retries {
            retries: 211,
            timeouts: 0,
        },
        Caveat::NotSustained {
            growth: 41_560,
            allowance: 3_900,
        },
        Caveat::TooFewRecords {
            percentile: "p99.9".into(),
            records: 3_000,
            needed: 5_662,
        },
        Caveat::ShortWindow {
            measure: Duration::from_millis(2_500),
        },
        Caveat::OffsetsRepeated { count: 2 },
        Caveat::OffsetsOutside { count: 1 },
        Caveat::NotSteady {
            findings: vec!["delivered rate falls by 7.3 % over the window.".into()],
        },
        Caveat::NeverSettled {
            waited: Duration::from_secs(60),
        },
        Caveat::NotCalibrated {
            agents: vec![agent("a"), agent("b")],
        },
        Caveat::FewEpisodes {
            percentile: "p99".into(),
            episodes: 1,
        },
        Caveat::EnvironmentChanged {
            changes: vec!["brokers: 1,2,3 → 1,2".into()],
        },
        Caveat::NotSettled {
            reason: "3 partitions were under-replicated".into(),
        },
        Caveat::OtherMeaning {
            client: "java".into(),
            properties: vec![("batch.size".into(), "counted for one partition".into())],
        },
        Caveat::OtherLibrdkafka {
            client: "confluent-kafka".into(),
            theirs: "2.16.0".into(),
            ours: "2.12.1".into(),
        },
        Caveat::TakesTurns {
            client: "kafka-python".into(),
        },
        Caveat::LimitsLoosened {
            limits: vec!["start_skew 50ms (default 10ms)".into()],
        },
    ];
    let lines: Vec<String> = beyond
        .chain(others)
        .map(|c| format!("{} {c}", if c.invalidates() { "invalid:" } else { "valid:  " }))
        .collect();
    insta::assert_snapshot!("caveats", lines.join("\n"));
}
