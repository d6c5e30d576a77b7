//! Hand-made experiments: one on a cluster, one on a mock.

mod agents;
mod blocks;
mod brokers;
pub(crate) mod consumed;
pub(crate) mod evidence;
mod mock;
mod searches;

use std::time::Duration;

use tribunal_model::design::{DesignKind, Mode, Purpose};
use tribunal_model::ids::{AgentName, Attempt, CellId, ExperimentId, TrialId};
use tribunal_model::limits::{Bounds, Limit, Limits};
use tribunal_model::objective::{Condition, Figure, Goal, Objective, Relation};
use tribunal_model::trial::{Arrivals, Level, Part, Windows};
use tribunal_report::audit::{self, Audit, PartitionAudit};
use tribunal_report::caveat::{BoundBy, Caveat, Verdict};
use tribunal_report::experiment::{ExperimentFacts, ExperimentReport, ExperimentState, VoidAttempt};
use tribunal_report::objective::assess;
use tribunal_report::result::{
    ClusterFacts, PartResult, Rates, SCHEMA_VERSION, StoredDistribution, StoredSample, TopicFacts, TrialResult,
    WorkloadFacts,
};
use tribunal_stats::facts::DriverFacts;
use tribunal_stats::{Activity, Backlog, ClientCount, ClientStatistics, Cpu, Distribution, Fates, Tally};

pub(crate) use blocks::in_blocks;
pub(crate) use brokers::with_brokers;
pub(crate) use mock::on_a_mock;
pub(crate) use searches::in_search;

const RATE: u64 = 10_000;
const SECONDS: u64 = 30;
const MILLISECOND: i64 = 1_000_000;

pub(crate) fn agent(name: &str) -> AgentName {
    AgentName::new(name).expect("a legal name")
}

fn id() -> ExperimentId {
    "0193e2a4-1111-7abc-8def-0123456789ab".parse().expect("an id")
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

/// `count` latencies around `middle_ns`: one in a hundred five times as long, one in a thousand twenty times.
fn spread(middle_ns: i64, count: u64) -> Distribution {
    let mut distribution = Distribution::new();
    let step = middle_ns / 1000;
    let (rare, slow) = (count / 1000, count / 100);
    for part in 0..100 {
        distribution.record_many_ns(middle_ns - 500 * step + part * 10 * step, (count - slow - rare) / 100);
    }
    distribution.record_many_ns(middle_ns * 5, slow);
    distribution.record_many_ns(middle_ns * 20, rare);
    let missing = count - distribution.count();
    distribution.record_many_ns(middle_ns, missing);
    distribution
}

/// The limits of a plan that forgives a late start.
fn loosened() -> Limits {
    let mut limits = Limits::default();
    limits.set(Limit::StartSkew, Bounds { warn: 0.05, void: 0.05 });
    limits
}

fn sample(second: i64, middle_ns: i64) -> StoredSample {
    let response = spread(middle_ns, RATE);
    StoredSample {
        start_ns: (10 + second) * 1000 * MILLISECOND,
        end_ns: (11 + second) * 1000 * MILLISECOND,
        part: Part::Window,
        agents: 2,
        fates: Fates {
            scheduled: RATE,
            acknowledged: RATE,
            ..Fates::default()
        },
        activity: Activity {
            acknowledged: RATE,
            ..Activity::default()
        },
        response: StoredDistribution::new(&response, 0),
        service: StoredDistribution::new(&response, 0),
    }
}

/// A valid trial that sustained what was offered, with a median response of `middle_ns`.
pub(crate) fn trial(number: u32, block: u32, linger: &str, middle_ns: i64) -> TrialResult {
    let scheduled = RATE * SECONDS;
    let tally = Tally {
        fates: Fates {
            scheduled,
            acknowledged: scheduled,
            ..Fates::default()
        },
        response: spread(middle_ns, scheduled),
        service: spread(middle_ns - middle_ns / 50, scheduled),
        send_lag: spread(20_000, scheduled),
        schedule_delay: spread(20_000, scheduled),
        ..Tally::default()
    };
    let trial = TrialId(number);
    TrialResult {
        schema_version: SCHEMA_VERSION,
        experiment: id(),
        trial,
        cell: CellId(if linger == "0" { 1 } else { 2 }),
        block,
        purpose: Purpose::Cell,
        attempt: Attempt(1),
        levels: vec![Level {
            factor: "linger.ms".into(),
            value: linger.into(),
        }],
        began: "2026-11-20T09:00:00Z".into(),
        workload: WorkloadFacts {
            settle: Duration::ZERO,
            rate: Some(RATE as f64),
            profile: None,
            arrivals: Arrivals::Poisson,
            producers: 2,
            record: "1024 B, compressibility 0.5".into(),
            keys: "none".into(),
            partitioner: "native".into(),
            when_full: "hold".into(),
            path: "bare".into(),
            seed: 42,
            properties: pairs(&[
                ("security.protocol", "SASL_SSL"),
                ("sasl.password", "{ env = \"KAFKA_PASSWORD\" }"),
                ("acks", "all"),
                ("compression.type", "zstd"),
                ("linger.ms", linger),
            ]),
            client: "librdkafka".into(),
            own: Vec::new(),
        },
        windows: Windows {
            warm_up: Duration::from_secs(10),
            measure: Duration::from_secs(SECONDS),
            drain: Duration::from_secs(15),
        },
        limits: loosened(),
        cluster: ClusterFacts {
            name: None,
            bootstrap: "b1:9093".into(),
            cluster_id: Some("MkU3OEVBNTcwNTJENDM2Qg".into()),
            brokers: (1..=3).map(|n| (n, format!("b{n}"), 9093)).collect(),
            mock: false,
        },
        topic: TopicFacts {
            names: vec![format!("tribunal-456789ab-{trial}-1")],
            partitions: 12,
            replication: 3,
            settings: pairs(&[
                ("min.insync.replicas", "2"),
                ("segment.bytes", if linger == "0" { "1073741824" } else { "536870912" }),
            ]),
        },
        agents: vec![
            agents::agent_facts("load-1", 0, trial, linger),
            agents::agent_facts("load-2", 1, trial, linger),
        ],
        checks: evidence::within(&loosened()),
        steady: evidence::steady(),
        verdict: Verdict {
            bound_by: BoundBy::Offered,
            caveats: vec![Caveat::LimitsLoosened {
                limits: vec!["start_skew 50ms (default 10ms)".into()],
            }],
        },
        objective: None,
        rates: Rates {
            offered: Some(RATE as f64),
            delivered: Some(RATE as f64 - 1.5),
            delivered_bytes: Some(10_238_464.0),
            socket_writes: None,
            sustained: Some(true),
        },
        parts: vec![PartResult::new(Part::Window, &tally)],
        window: Activity {
            acknowledged: scheduled,
            acknowledged_bytes: scheduled * 1024,
            in_flight: 52,
            cpu: Cpu {
                sender_ns: 600 * 1_000_000,
                client_ns: 2_400 * 1_000_000,
                ..Cpu::default()
            },
            ..Activity::default()
        },
        backlog: Backlog {
            at_start: 50,
            at_end: 52,
        },
        statistics: ClientStatistics {
            batches: 25_000,
            batch_records: 400_000,
            requests: 8_000,
            wire_bytes: 205_000_000,
            record_bytes: 410_000_000,
            ..ClientStatistics::default()
        },
        brokers: Vec::new(),
        audit: Audit {
            level: audit::Level::Offsets,
            partitions: vec![PartitionAudit {
                topic: format!("tribunal-456789ab-{trial}-1"),
                partition: 0,
                start: 0,
                end: 400_024,
                acknowledged: 400_024,
                ..PartitionAudit::default()
            }],
            settled: true,
            read_back: None,
        },
        samples: (0..SECONDS as i64).map(|second| sample(second, middle_ns)).collect(),
        consumers: None,
    }
}

/// One whose agents did not start together and whose sender was late.
fn invalid(number: u32) -> TrialResult {
    let mut result = trial(number, 0, "5", 4 * MILLISECOND);
    let late = agent("load-2");
    evidence::read(&mut result, Limit::StartSkew, Some(&late), 0.0734);
    evidence::read(&mut result, Limit::ScheduleDelayP99, None, 0.003_12);
    evidence::read(&mut result, Limit::ScheduleDelayP99, Some(&late), 0.008_12);
    result.verdict.bound_by = BoundBy::Harness;
    result
}

/// One whose backlog grew, with a failed, an unresolved and an unsent share.
fn overloaded(number: u32) -> TrialResult {
    let mut result = trial(number, 1, "0", 2 * MILLISECOND);
    let scheduled = RATE * SECONDS;
    let mut tally = Tally {
        fates: Fates {
            scheduled,
            acknowledged: scheduled - 30_000 - 6_000 - 4_000,
            not_written: 4_000,
            unresolved: 6_000,
            unsent: 30_000,
            ..Fates::default()
        },
        response: spread(450 * MILLISECOND, scheduled - 40_000),
        service: spread(90 * MILLISECOND, scheduled - 40_000),
        send_lag: spread(360 * MILLISECOND, scheduled - 30_000),
        schedule_delay: spread(20_000, scheduled - 30_000),
        ..Tally::default()
    };
    tally
        .failed
        .entry("MSG_TIMED_OUT".into())
        .or_default()
        .record_many_ns(9_000 * MILLISECOND, 4_000);
    tally.censored.record_many_ns(15_400 * MILLISECOND, 6_000);
    tally.censored.record_many_ns(17_200 * MILLISECOND, 30_000);
    result.parts = vec![PartResult::new(Part::Window, &tally)];
    result.rates.delivered = Some(8_612.0);
    result.rates.delivered_bytes = Some(8_818_688.0);
    result.rates.sustained = Some(false);
    result.backlog = Backlog {
        at_start: 400,
        at_end: 41_960,
    };
    result.statistics.retries = 211;
    result.statistics.timeouts = 17;
    result.steady = evidence::growing();
    result.verdict = Verdict {
        bound_by: BoundBy::Broker,
        caveats: vec![
            Caveat::NotSustained {
                growth: 41_560,
                allowance: 3_900,
            },
            Caveat::Failed {
                count: 4_000,
                codes: vec![("MSG_TIMED_OUT".into(), 4_000)],
            },
            Caveat::Censored {
                unresolved: 6_000,
                unsent: 30_000,
            },
            Caveat::Retries {
                retries: 211,
                timeouts: 17,
            },
            Caveat::LimitsLoosened {
                limits: vec!["start_skew 50ms (default 10ms)".into()],
            },
        ],
    };
    result
}

fn facts(name: &str, trials: u32, repetitions: u32) -> ExperimentFacts {
    ExperimentFacts {
        id: id(),
        name: name.into(),
        mock: false,
        trials,
        repetitions,
        seed: 42,
        began: "2026-11-20T08:59:41Z".into(),
        state: ExperimentState::Complete,
        reason: String::new(),
        version: "0.1.0".into(),
        librdkafka: "2.12.1".into(),
        loosened: Vec::new(),
        notes: Vec::new(),
        overrides: Vec::new(),
        left_out: None,
        design: DesignKind::Full,
        mode: Mode::Direct,
        objective: None,
        dropped: Vec::new(),
        plan: None,
    }
}

/// Two client libraries at one setting, one of them in a driver; a third combination was dropped.
pub(crate) fn of_clients() -> ExperimentReport {
    let librdkafka = trial(1, 0, "5", 4 * MILLISECOND);
    let mut java = trial(2, 0, "5", 6 * MILLISECOND);
    java.cell = CellId(2);
    java.workload.client = "java".into();
    java.statistics.batches = 12_000;
    java.statistics.untold = [
        ClientCount::Retries,
        ClientCount::Timeouts,
        ClientCount::TransmitErrors,
        ClientCount::Disconnects,
        ClientCount::ThrottleMs,
        ClientCount::Throttled,
        ClientCount::OutOfRange,
    ]
    .into();
    for agent in &mut java.agents {
        agent.run.request_latency_ns = Some(1_830_000);
        for producer in &mut agent.producers {
            producer.driver = Some(Box::new(DriverFacts {
                client: "java".into(),
                version: "4.3.0".into(),
                library: "kafka-clients 4.3.0".into(),
                runtime: "Java 17.0.15".into(),
                clock_bound_ns: 106,
                facts: pairs(&[("when full", "send() blocks"), ("codecs", "none gzip snappy lz4 zstd")]),
            }));
            producer.configuration = pairs(&[
                ("acks", "-1"),
                ("batch.size", "16384"),
                ("buffer.memory", "33554432"),
                ("linger.ms", "5"),
                ("retries", "2147483647"),
                ("enable.idempotence", "true"),
            ])
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        }
    }
    let mut results = vec![librdkafka, java];
    for result in &mut results {
        let client = result.workload.client.clone();
        result.levels.insert(
            0,
            Level {
                factor: "client".into(),
                value: client,
            },
        );
    }
    let mut facts = facts("two client libraries", 2, 1);
    facts.dropped = vec!["client=java acks=1: acks=1 rules out enable.idempotence=true".into()];
    ExperimentReport {
        facts,
        results,
        void_attempts: Vec::new(),
        given_up: Vec::new(),
        searches: Vec::new(),
    }
}

/// Every experiment.
pub(crate) fn all() -> [ExperimentReport; 5] {
    [on_a_cluster(), on_a_mock(), in_blocks(), in_search(), with_brokers()]
}

/// As much as possible, of which 99 % within 50 ms, and nothing may fail.
pub(crate) fn goal() -> Objective {
    let condition = |figure, relation, value, text: &str| Condition {
        figure,
        relation,
        value,
        text: text.into(),
    };
    Objective {
        goal: Some(Goal::Maximise(Figure::DeliveredRate)),
        conditions: vec![
            condition(Figure::ResponseP99, Relation::AtMost, 0.05, "<= 50ms"),
            condition(Figure::Failed, Relation::Equal, 0.0, "== 0"),
        ],
    }
}

/// Holds every trial against the objective, as the coordinator does.
pub(crate) fn held_against(mut report: ExperimentReport, objective: Objective) -> ExperimentReport {
    for result in &mut report.results {
        result.objective = Some(assess(&objective, result));
    }
    report.facts.objective = Some(objective);
    report
}

/// Two cells, two repetitions: valid, invalid, overloaded, valid; one void attempt and one trial given up.
pub(crate) fn on_a_cluster() -> ExperimentReport {
    let report = ExperimentReport {
        facts: ExperimentFacts {
            state: ExperimentState::Failed,
            reason: "t005 gave up after 3 attempts".into(),
            loosened: vec!["start_skew 50ms (default 10ms)".into()],
            notes: pairs(&[("broker heap", "6 GiB"), ("disk", "NVMe | RAID 1")]),
            overrides: vec!["window.measure=30s".into()],
            ..facts("linger against nothing", 5, 2)
        },
        results: vec![
            trial(1, 0, "0", 2 * MILLISECOND),
            invalid(2),
            overloaded(3),
            trial(4, 1, "5", 6 * MILLISECOND),
        ],
        void_attempts: vec![VoidAttempt {
            trial: TrialId(4),
            attempt: Attempt(1),
            reason: "agent load-2 was lost while measuring".into(),
        }],
        given_up: vec![VoidAttempt {
            trial: TrialId(5),
            attempt: Attempt(3),
            reason: "agent load-2 was lost while warming up".into(),
        }],
        searches: Vec::new(),
    };
    held_against(report, goal())
}
