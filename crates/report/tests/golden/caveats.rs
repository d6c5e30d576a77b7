//! The text of every doubt.

use std::time::Duration;

use tribunal_model::trial::Part;
use tribunal_report::caveat::Caveat;

use crate::fixture::agent;

#[test]
fn every_doubt_has_its_evidence_and_the_next_thing_to_try() {
    let partitions: Vec<String> = (0..7).map(|p| format!("orders/{p}: 1,2,3 → 1,2")).collect();
    let caveats = [
        Caveat::StartSkew {
            agent: agent("a"),
            skew_ns: 12_345_678,
            limit_ns: 10_000_000,
        },
        Caveat::Overflow { count: 1 },
        Caveat::AuditLost { lost: 1 },
        Caveat::AuditLost { lost: 2_023 },
        Caveat::AuditSurplus { surplus: 7 },
        Caveat::NotAudited {
            reason: "the topic has other writers".into(),
        },
        Caveat::IsrChanged {
            partitions: partitions[..2].to_vec(),
        },
        Caveat::LeaderChanged { partitions },
        Caveat::Throttled { throttle_ms: 12_000 },
        Caveat::HarnessLate {
            agent: None,
            schedule_delay_p99_ns: 8_120_000,
            limit_ns: 5_000_000,
            late_share: 0.0731,
            late_limit: 0.05,
        },
        Caveat::Steal {
            agent: agent("a"),
            share: 0.031,
        },
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
        Caveat::LimitsLoosened {
            limits: vec!["start_skew 50ms (default 10ms)".into()],
        },
    ];
    let lines: Vec<String> = caveats
        .iter()
        .map(|c| format!("{} {c}", if c.invalidates() { "invalid:" } else { "valid:  " }))
        .collect();
    insta::assert_snapshot!("caveats", lines.join("\n"));
}
