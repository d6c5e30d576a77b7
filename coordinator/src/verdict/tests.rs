use std::time::Duration;

use tribunal_model::ids::{CellId, TrialId};
use tribunal_model::properties::Properties;
use tribunal_model::trial::{
    Arrivals, Content, Keys, Load, Partitioner, RecordRate, RecordShape, Size, TopicShape, WhenFull, Windows,
};
use tribunal_report::audit::PartitionAudit;
use tribunal_stats::facts::{ClockFacts, RunFacts};
use tribunal_stats::{AgentReport, Backlog, Fates, Tallies};

use super::*;

const MS: i64 = 1_000_000;

/// A trial of 1,000 records a second over 10 s, and what one agent measured of it.
struct Case {
    trial: Trial,
    limits: Limits,
    report: AgentReport,
    audit: Audit,
    acks: &'static str,
}

impl Case {
    /// All is well: every record acknowledged after 5 ms.
    fn sound() -> Self {
        let seconds = Duration::from_secs;
        let load = Load {
            rate: Rate::Paced(RecordRate::per_second(1000.0).unwrap()),
            arrivals: Arrivals::Uniform,
            producers: 1,
            record: RecordShape {
                size: Size::Fixed(100),
                content: Content::Generated { compressibility: 0.5 },
                headers: Vec::new(),
            },
            keys: Keys::None,
            partitioner: Partitioner::Native,
            when_full: WhenFull::Hold,
            seed: 1,
        };
        let trial = Trial {
            id: TrialId(1),
            block: 0,
            cell: CellId(1),
            levels: Vec::new(),
            topic: TopicShape {
                count: 1,
                partitions: 1,
                replication: 1,
                settings: Vec::new(),
            },
            load,
            windows: Windows {
                warm_up: seconds(1),
                measure: seconds(10),
                drain: seconds(5),
            },
            properties: Properties::default(),
        };
        let mut tallies = Tallies::default();
        let tally = tallies.of(Part::Window);
        tally.fates = Fates {
            scheduled: 10_000,
            acknowledged: 10_000,
            ..Fates::default()
        };
        tally.response.record_many_ns(5 * MS, 10_000);
        tally.service.record_many_ns(5 * MS, 10_000);
        tally.send_lag.record_many_ns(0, 10_000);
        tally.schedule_delay.record_many_ns(0, 10_000);
        let mut report = AgentReport {
            tallies,
            ..AgentReport::default()
        };
        report.window.acknowledged = 10_000;
        report.facts = RunFacts {
            clock: ClockFacts {
                bound_ns: MS,
                ..ClockFacts::default()
            },
            start_error_ns: MS,
            ..RunFacts::default()
        };
        let row = PartitionAudit {
            end: 10_000,
            acknowledged: 10_000,
            ..PartitionAudit::default()
        };
        let audit = Audit {
            level: Level::Count,
            partitions: vec![row],
            settled: true,
        };
        Self {
            trial,
            limits: Limits::default(),
            report,
            audit,
            acks: "-1",
        }
    }

    fn window(&mut self) -> &mut Tally {
        self.report.tallies.of(Part::Window)
    }

    fn judge(self) -> (Verdict, Rates) {
        let mut merged = Merged::default();
        merged.add(&AgentName::new("a").unwrap(), self.report);
        let producer = ProducerFacts {
            configuration: vec![("acks".into(), self.acks.into()), ("linger.ms".into(), "5".into())],
            ..ProducerFacts::default()
        };
        judge(&Evidence {
            trial: &self.trial,
            limits: &self.limits,
            merged: &merged,
            audit: &self.audit,
            not_audited: None,
            producers: vec![&producer],
            shared_hosts: Vec::new(),
            mock: false,
            isr_changes: Vec::new(),
            leader_changes: Vec::new(),
        })
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Case), valid: bool, bound_by: BoundBy, is: impl Fn(&Caveat) -> bool) {
    let mut case = Case::sound();
    change(&mut case);
    let (verdict, _) = case.judge();
    assert!(verdict.caveats.iter().any(is), "{verdict:?}");
    assert_eq!((verdict.valid(), verdict.bound_by), (valid, bound_by), "{verdict:?}");
}

#[test]
fn a_sound_trial_is_valid_sustained_and_bound_by_what_was_offered() {
    let (verdict, rates) = Case::sound().judge();
    assert_eq!((verdict.valid(), verdict.bound_by), (true, BoundBy::Offered));
    assert_eq!(verdict.caveats, []);
    assert_eq!(
        (rates.offered, rates.delivered, rates.sustained),
        (Some(1000.0), Some(1000.0), Some(true))
    );
}

#[test]
fn a_start_that_was_not_together_is_invalid_with_the_clocks_bound_added() {
    let skew = |caveat: &Caveat| matches!(caveat, Caveat::StartSkew { skew_ns, .. } if *skew_ns == 11 * MS);
    check(
        |case| case.report.facts.start_error_ns = 10 * MS,
        false,
        BoundBy::Offered,
        skew,
    );
}

#[test]
fn overflow_loss_surplus_and_silence_are_invalid() {
    let overflow = |case: &mut Case| case.window().response.record_ns(7_200_000 * MS);
    check(overflow, false, BoundBy::Offered, |c| {
        matches!(c, Caveat::Overflow { count: 1 })
    });
    let lost = |case: &mut Case| case.audit.partitions[0].end = 9_999;
    check(lost, false, BoundBy::Offered, |c| {
        matches!(c, Caveat::AuditLost { lost: 1 })
    });
    let surplus = |case: &mut Case| case.audit.partitions[0].end = 10_002;
    check(surplus, false, BoundBy::Offered, |c| {
        matches!(c, Caveat::AuditSurplus { surplus: 2 })
    });
    let silent = |case: &mut Case| case.report.facts.missing_reports = 3;
    check(silent, false, BoundBy::Offered, |c| {
        matches!(c, Caveat::MissingReports { count: 3 })
    });
    let unbalanced = |case: &mut Case| case.window().fates.scheduled = 10_001;
    check(unbalanced, false, BoundBy::Offered, |c| {
        matches!(c, Caveat::FatesUnbalanced { .. })
    });
}

#[test]
fn our_own_lateness_is_invalid_and_bound_by_the_harness() {
    let late = |case: &mut Case| {
        case.window().schedule_delay.record_many_ns(50 * MS, 200);
        case.window().late_sends = 200;
    };
    check(late, false, BoundBy::Harness, |c| {
        matches!(c, Caveat::HarnessLate { agent: Some(_), .. })
    });
}

#[test]
fn a_backlog_that_grows_is_a_finding_and_not_a_defect() {
    let growing = |case: &mut Case| {
        case.report.backlog = Backlog {
            at_start: 100,
            at_end: 5_100,
        };
        case.window().service.record_many_ns(14_000 * MS, 5_000);
    };
    check(growing, true, BoundBy::Broker, |c| {
        matches!(c, Caveat::NotSustained { growth: 5_000, .. })
    });
}

#[test]
fn what_held_an_overloaded_trial_back_is_told_by_its_evidence() {
    let overloaded = |case: &mut Case| case.report.backlog.at_end = 5_000;
    let not_sustained = |c: &Caveat| matches!(c, Caveat::NotSustained { .. });
    check(
        |case| {
            overloaded(case);
            case.report.statistics.throttle_ms = 7;
        },
        true,
        BoundBy::Throttle,
        not_sustained,
    );
    check(
        |case| {
            overloaded(case);
            case.report.window.cpu.client_busiest_ns = 980_000_000;
        },
        true,
        BoundBy::Client,
        not_sustained,
    );
}

#[test]
fn with_acks_0_nothing_is_delivered_and_nothing_is_sustained() {
    let mut case = Case::sound();
    case.acks = "0";
    case.report.window.written_blind = 10_000;
    let (_, rates) = case.judge();
    assert_eq!(
        (rates.delivered, rates.sustained, rates.socket_writes),
        (None, None, Some(1000.0))
    );
}

#[test]
fn an_edge_of_the_window_excuses_a_stall_and_no_more() {
    let sustained = |growth: u64, p99_ms: i64| {
        let mut case = Case::sound();
        case.report.backlog.at_end = growth;
        case.window().service.record_many_ns(p99_ms * MS, 500);
        case.judge().1.sustained.unwrap()
    };
    // 1 % of 10,000, and at 1,000/s the linger of 5 ms and the p99.
    assert!(sustained(100 + 5 + 200, 201) && !sustained(100 + 5 + 220, 201));
    assert!(sustained(100 + 5 + 500, 9_000) && !sustained(100 + 5 + 510, 9_000));
}
