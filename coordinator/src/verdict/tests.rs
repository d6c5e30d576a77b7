mod readback;

use std::time::Duration;

use tribunal_model::client::{Client, ClientUse};
use tribunal_model::design::{AuditLevel, Purpose};
use tribunal_model::ids::{CellId, TrialId};
use tribunal_model::limits::Bounds;
use tribunal_model::properties::Properties;
use tribunal_model::trial::{
    Arrivals, Content, Keys, Load, Partitioner, RecordRate, RecordShape, Size, TopicShape, WhenFull, Windows,
};
use tribunal_report::audit::PartitionAudit;
use tribunal_stats::facts::{ClockFacts, DriverFacts, Instruments, RunFacts};
use tribunal_stats::steady::{Finding, Metric};
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
    /// Linger, as the live client names and writes it.
    linger: (&'static str, &'static str),
    /// What runs the driver, where there is one.
    runtime: Option<&'static str>,
    /// Of what the agent managed against a null sink; `None` is not calibrated.
    of_ceiling: Option<f64>,
    steady: Assessment,
}

impl Case {
    /// All is well: every record acknowledged after 5 ms.
    fn sound() -> Self {
        let seconds = Duration::from_secs;
        let load = Load {
            rate: Rate::Paced(RecordRate::per_second(1000.0).unwrap()),
            profile: None,
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
            purpose: Purpose::Cell,
            cluster: None,
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
            settle: Duration::ZERO,
            audit: AuditLevel::Offsets,
            properties: Properties::default(),
            client: ClientUse::default(),
            consumers: None,
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
            instruments: Instruments {
                window_ns: 10_000 * MS as u64,
                looks: 9_000,
                // 1,000/s for 5 ms each.
                in_flight_mean: 5.0,
                in_flight_max: 9,
                accepted: 10_000,
                ..Instruments::default()
            },
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
            read_back: None,
        };
        Self {
            trial,
            limits: Limits::default(),
            report,
            audit,
            acks: "-1",
            linger: ("linger.ms", "5"),
            runtime: None,
            of_ceiling: Some(0.1),
            steady: Assessment::Steady { evidence: Vec::new() },
        }
    }

    fn window(&mut self) -> &mut Tally {
        self.report.tallies.of(Part::Window)
    }

    fn judge(self) -> (Verdict, Rates) {
        let mut merged = Merged::default();
        let agent = AgentName::new("a").unwrap();
        merged.add(&agent, self.report);
        let producer = ProducerFacts {
            configuration: vec![
                ("acks".into(), self.acks.into()),
                (self.linger.0.into(), self.linger.1.into()),
            ],
            driver: self.runtime.map(|runtime| {
                Box::new(DriverFacts {
                    runtime: runtime.to_owned(),
                    ..DriverFacts::default()
                })
            }),
            ..ProducerFacts::default()
        };
        let judgement = judge(&Evidence {
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
            of_ceiling: self.of_ceiling.map(|share| (agent, share)).into_iter().collect(),
            steady: &self.steady,
            never_settled: None,
            environment: Vec::new(),
            not_settled: None,
        });
        (judgement.verdict, judgement.rates)
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

/// What was read, where the caveat is a reading beyond this limit.
fn reading(caveat: &Caveat, limit: Limit) -> Option<f64> {
    match caveat {
        Caveat::Beyond(check) if check.limit == limit => Some(check.value),
        _ => None,
    }
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
    let skew = |caveat: &Caveat| reading(caveat, Limit::StartSkew).is_some_and(|value| (value - 0.011).abs() < 1e-9);
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
    check(
        late,
        false,
        BoundBy::Harness,
        |c| matches!(c, Caveat::Beyond(check) if check.limit == Limit::LateSends && check.agent.is_some()),
    );
}

#[test]
fn a_backlog_that_grows_is_a_finding_and_not_a_defect() {
    let growing = |case: &mut Case| {
        case.report.backlog = Backlog {
            at_start: 100,
            at_end: 5_100,
        };
        case.window().service.record_many_ns(14_000 * MS, 5_000);
        case.report.facts.instruments.in_flight_max = 20_000;
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
    check(
        |case| {
            overloaded(case);
            case.trial.client.client = Client::ConfluentKafka;
            case.trial.client.options = vec![(client::POLL_INTERVAL.to_owned(), "5000".to_owned())];
        },
        true,
        BoundBy::Client,
        not_sustained,
    );
}

#[test]
fn with_acks_0_nothing_is_delivered_and_nothing_is_sustained() {
    // Another client has another name for the property; what it counted says the same.
    for acks in ["0", "all"] {
        let mut case = Case::sound();
        case.acks = acks;
        case.report.window.written_blind = 10_000;
        let (_, rates) = case.judge();
        assert_eq!(
            (rates.delivered, rates.sustained, rates.socket_writes),
            (None, None, Some(1000.0)),
            "{acks}"
        );
    }
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

#[test]
fn linger_excuses_a_backlog_whatever_the_client_calls_it() {
    let clients = [
        (Client::Librdkafka, ("linger.ms", "300")),
        (Client::ConfluentKafka, ("queue.buffering.max.ms", "300")),
        (Client::KafkaPython, ("linger_ms", "300")),
        (Client::Java, ("linger.ms", "300")),
        (Client::FranzGo, ("ProducerLinger", "300ms")),
    ];
    for (client, linger) in clients {
        // Beside it 1 % of 10,000 and the p99 of 5 ms.
        for (growth, sustained) in [(100 + 300, true), (100 + 300 + 20, false)] {
            let mut case = Case::sound();
            case.trial.client.client = client.clone();
            case.linger = linger;
            case.report.backlog.at_end = growth;
            assert_eq!(case.judge().1.sustained, Some(sustained), "{client}, {growth}");
        }
    }
}

/// Each reading of the instruments beyond its limit, and who is the bound then.
#[test]
fn every_instrument_can_warn_of_a_trial_and_void_it() {
    type Change = fn(&mut Case, f64);
    let instruments: [(Limit, Change, BoundBy); 10] = [
        (
            Limit::ClockBound,
            |case, seconds| case.report.facts.clock_after.bound_ns = (seconds * 1e9) as i64,
            BoundBy::Offered,
        ),
        (
            Limit::ScheduleDelayP99,
            |case, seconds| case.window().schedule_delay.record_many_ns((seconds * 1e9) as i64, 500),
            BoundBy::Harness,
        ),
        (
            Limit::Hiccup,
            |case, seconds| case.report.facts.instruments.hiccup_max_ns = (seconds * 1e9) as i64,
            BoundBy::Harness,
        ),
        (
            Limit::ReportLag,
            |case, seconds| case.report.facts.instruments.report_lag_p99_ns = (seconds * 1e9) as i64,
            BoundBy::Harness,
        ),
        (
            Limit::RunQueue,
            |case, share| {
                case.report.facts.sender_time_ns = 1_000_000;
                case.report.facts.sender_wait_ns = (share * 1e6) as u64;
            },
            BoundBy::Harness,
        ),
        (
            Limit::CpuQuota,
            |case, share| {
                case.report.facts.instruments.quota_cores = Some(2.0);
                case.report.facts.instruments.cpu_used_ns = (share * 2.0 * 10_000.0 * MS as f64) as u64;
            },
            BoundBy::Host,
        ),
        (
            Limit::CgroupThrottled,
            |case, share| {
                case.report.facts.instruments.cgroup_periods = 100;
                case.report.facts.instruments.cgroup_throttled_ns = (share * 10_000.0 * MS as f64) as u64;
            },
            BoundBy::Host,
        ),
        (
            Limit::Steal,
            |case, share| {
                case.report.window.cpu.host_busy_ns = ((1.0 - share) * 1e9) as u64;
                case.report.window.cpu.host_steal_ns = (share * 1e9) as u64;
            },
            BoundBy::Host,
        ),
        (
            Limit::LittlesLaw,
            // Ten times as many in flight as rate and service time say.
            |case, _| case.report.facts.instruments.in_flight_mean = 50.0,
            BoundBy::Offered,
        ),
        (
            Limit::Calibration,
            |case, share| {
                case.limits.set(Limit::Calibration, Bounds { warn: 0.7, void: 0.9 });
                case.of_ceiling = Some(share);
            },
            BoundBy::Offered,
        ),
    ];
    for (limit, change, bound) in instruments {
        let mut bounds = limit.default_bounds();
        if bounds.void.is_infinite() {
            bounds = Bounds { warn: 0.7, void: 0.9 };
        }
        let found = |value: f64| {
            let mut case = Case::sound();
            // Only the reading that is looked at may have an effect.
            for other in Limit::ALL.into_iter().filter(|other| *other != limit) {
                let never = f64::INFINITY;
                case.limits.set(
                    other,
                    Bounds {
                        warn: never,
                        void: never,
                    },
                );
            }
            change(&mut case, value);
            let verdict = case.judge().0;
            let told = verdict.caveats.iter().any(|caveat| reading(caveat, limit).is_some());
            (told, verdict.valid(), verdict.bound_by)
        };
        if limit != Limit::LittlesLaw {
            assert_eq!(found(bounds.warn * 0.5), (false, true, BoundBy::Offered), "{limit}");
            let doubt = f64::midpoint(bounds.warn, bounds.void);
            assert_eq!(found(doubt), (true, true, BoundBy::Offered), "{limit}");
        }
        assert_eq!(found(bounds.void * 1.2), (true, false, bound), "{limit}");
    }
}

#[test]
fn a_closed_loop_may_keep_its_threads_busy() {
    let mut case = Case::sound();
    case.trial.load.rate = Rate::Saturate;
    case.report.facts.sender_time_ns = 100;
    case.report.facts.sender_wait_ns = 50;
    let (verdict, _) = case.judge();
    assert!(verdict.valid(), "{verdict:?}");
    assert!(
        verdict
            .caveats
            .iter()
            .any(|caveat| reading(caveat, Limit::RunQueue).is_some())
    );
}

#[test]
fn a_client_that_takes_turns_with_its_sender_may_make_it_late_but_the_host_may_not() {
    let judged = |runtime, waited: u64, time: u64| {
        let mut case = Case::sound();
        case.runtime = Some(runtime);
        case.window().schedule_delay.record_many_ns(50 * MS, 2_000);
        case.window().late_sends = 2_000;
        case.report.facts.sender_wait_ns = waited;
        case.report.facts.sender_time_ns = time;
        let (verdict, _) = case.judge();
        let told = verdict
            .caveats
            .iter()
            .any(|caveat| reading(caveat, Limit::LateSends).is_some());
        let why = verdict
            .caveats
            .iter()
            .any(|caveat| matches!(caveat, Caveat::TakesTurns { .. }));
        assert!(told, "{verdict:?}");
        (verdict.valid(), verdict.bound_by, why)
    };
    assert_eq!(judged("CPython 3.11.7", 0, 1_000), (true, BoundBy::Offered, true));
    assert_eq!(
        judged("CPython 3.11.7", 900, 1_000),
        (false, BoundBy::Harness, true),
        "the host"
    );
    assert_eq!(
        judged("CPython 3.11.7", 0, 0),
        (false, BoundBy::Harness, true),
        "not measured"
    );
    assert_eq!(judged("Java 17.0.2", 0, 1_000), (false, BoundBy::Harness, false));
}

#[test]
fn littles_law_is_not_asked_where_records_were_not_acknowledged() {
    let mut case = Case::sound();
    case.report.facts.instruments.in_flight_mean = 50.0;
    case.window().fates.acknowledged = 9_900;
    case.window().fates.unresolved = 100;
    let (verdict, _) = case.judge();
    assert!(
        !verdict
            .caveats
            .iter()
            .any(|caveat| reading(caveat, Limit::LittlesLaw).is_some())
    );
}

#[test]
fn a_load_that_was_not_steady_and_an_agent_that_was_not_calibrated_are_told_and_void_nothing() {
    let moved = |case: &mut Case| {
        case.steady = Assessment::NotSteady {
            evidence: Vec::new(),
            findings: vec![Finding::Trend {
                metric: Metric::ResponseP50,
                relative_change: 0.2,
            }],
        };
    };
    check(moved, true, BoundBy::Offered, |c| matches!(c, Caveat::NotSteady { .. }));
    let unknown = |case: &mut Case| case.of_ceiling = None;
    check(unknown, true, BoundBy::Offered, |c| {
        matches!(c, Caveat::NotCalibrated { .. })
    });
}
