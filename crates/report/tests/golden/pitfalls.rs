//! Every pitfall is shown by what makes it and by nothing else: a plan of `examples/pitfalls/` and the same plan without it,
//! or measurements and the same measurements without it.

use tribunal_model::ids::CellId;
use tribunal_model::limits::Limit;
use tribunal_model::matrix::{Matrix, Warning};
use tribunal_model::objective::{Condition, Figure, Objective, Relation};
use tribunal_model::pitfall::{Kind, Pitfall};
use tribunal_model::plan::{Override, Plan};
use tribunal_report::analysed::Analysed;
use tribunal_report::caveat::BoundBy;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::pitfall::found;
use tribunal_report::result::TrialResult;
use tribunal_report::{answer, markdown};
use tribunal_stats::samples::{BrokerLatencies, Latencies};

use crate::fixture;

/// A plan, and what takes the pitfall out of it.
type OfPlan = (&'static str, &'static str);

/// What puts the pitfall into measurements.
type Measured = fn(&mut ExperimentReport);

macro_rules! plan {
    ($name:literal, $without:literal) => {
        Some((
            include_str!(concat!("../../../../examples/pitfalls/", $name, ".toml")),
            $without,
        ))
    };
}

/// What shows a pitfall: a plan, measurements or both.
fn shown_by(kind: Kind) -> (Option<OfPlan>, Option<Measured>) {
    match kind {
        Kind::OnePartition => (
            plan!("one-partition", "factors.partitions=[3, 12]"),
            Some(one_partition),
        ),
        Kind::LingerBeyondObjective => (
            plan!("linger-beyond-objective", "factors.linger.ms=[5, 49]"),
            Some(linger_beyond_objective),
        ),
        Kind::LingerDominates => (None, Some(linger_dominates)),
        Kind::LingerForNothing => (None, Some(linger_for_nothing)),
        Kind::AcksAllAlone => (
            plan!("acks-all-one-broker", "factors.replication=[3]"),
            Some(acks_all_alone),
        ),
        Kind::OneInSync => (
            plan!("one-in-sync", "factors.topic.min.insync.replicas=[2, 3]"),
            Some(one_in_sync),
        ),
        Kind::SkewedKeys => (
            plan!(
                "skewed-keys",
                "factors.keys=[{ kind = \"zipf\", cardinality = 1000000, exponent = 0.5 }]"
            ),
            Some(skewed_keys),
        ),
        Kind::UnpolledClient => (
            plan!("forgotten-poll", "factors.driver.poll.interval.ms=[0]"),
            Some(unpolled),
        ),
        Kind::FullQueue => (None, Some(full_queue)),
        Kind::SmallBuffer => (
            plan!("small-buffer", "factors.queue.buffering.max.messages=[4000, 100000]"),
            Some(small_buffer),
        ),
        Kind::LargeRecords => (
            plan!("large-records", "factors.record.size=[\"100KiB\", \"900000B\"]"),
            Some(large_records),
        ),
        Kind::IdempotenceDropped => (
            plan!("idempotence-dropped", "factors.acks=[\"all\"]"),
            Some(idempotence_dropped),
        ),
        Kind::Incompressible => (
            plan!("incompressible", "factors.record.compressibility=[0.5, 0.1]"),
            Some(incompressible),
        ),
        Kind::UnreachableRate => (None, Some(unreachable_rate)),
    }
}

/// Six blocks of four cells on which nothing is to be said.
fn base() -> ExperimentReport {
    let mut report = fixture::in_blocks();
    report.results.retain(|r| r.verdict.valid());
    let lingers = |r: &TrialResult| matches!(r.cell, CellId(3 | 4));
    each(&mut report, |r| {
        r.statistics.batches = if lingers(r) { 25_000 } else { 100_000 }
    });
    report
}

fn each(report: &mut ExperimentReport, change: impl Fn(&mut TrialResult)) {
    report
        .results
        .iter_mut()
        .filter(|r| r.purpose.compared())
        .for_each(change);
}

/// Sets a value that the live clients report.
fn reported(result: &mut TrialResult, name: &str, value: &str) {
    for producer in result.agents.iter_mut().flat_map(|agent| &mut agent.producers) {
        producer.configuration.retain(|(known, _)| &**known != name);
        producer.configuration.push((name.into(), value.into()));
    }
}

fn one_partition(report: &mut ExperimentReport) {
    each(report, |r| r.topic.partitions = 1);
}

fn linger_beyond_objective(report: &mut ExperimentReport) {
    report.facts.objective = Some(Objective {
        goal: None,
        conditions: vec![Condition {
            figure: Figure::ResponseP99,
            relation: Relation::AtMost,
            value: 0.005,
            text: "<= 5ms".into(),
        }],
    });
}

fn linger_dominates(report: &mut ExperimentReport) {
    each(report, |r| {
        let wait = Latencies {
            sum_us: 4_000_000,
            count: 1_000,
        };
        let of_broker = BrokerLatencies {
            queue: wait,
            ..BrokerLatencies::default()
        };
        r.statistics.brokers.insert(1, of_broker);
    });
}

fn linger_for_nothing(report: &mut ExperimentReport) {
    each(report, |r| {
        r.statistics.batches = if r.cell == CellId(3) {
            399_000
        } else {
            400_000 + u64::from(r.block)
        }
    });
}

fn acks_all_alone(report: &mut ExperimentReport) {
    each(report, |r| r.topic.replication = 1);
}

fn one_in_sync(report: &mut ExperimentReport) {
    each(report, |r| r.topic.settings[0].1 = "1".into());
}

fn skewed_keys(report: &mut ExperimentReport) {
    each(report, |r| {
        r.workload.keys = "zipf 1.2 of 10000".into();
        let rest = r.audit.partitions[0].clone();
        for partition in 1..12 {
            let mut row = rest.clone();
            (row.partition, row.end, row.acknowledged) = (partition, 20_000, 20_000);
            r.audit.partitions.push(row);
        }
    });
}

fn unpolled(report: &mut ExperimentReport) {
    each(report, |r| {
        r.workload.client = "confluent-kafka".into();
        r.workload.own.push(("driver.poll.interval.ms".into(), "5000".into()));
    });
}

fn full_queue(report: &mut ExperimentReport) {
    each(report, |r| {
        r.window.blocked_ns = 20_000_000_000;
        r.window.queue_full = 1_234;
    });
}

fn small_buffer(report: &mut ExperimentReport) {
    each(report, |r| reported(r, "queue.buffering.max.messages", "50"));
}

fn large_records(report: &mut ExperimentReport) {
    each(report, |r| {
        r.topic.settings.push(("max.message.bytes".into(), "1048588".into()));
        r.window.acknowledged_bytes = r.window.acknowledged * 1_000_000;
    });
}

fn idempotence_dropped(report: &mut ExperimentReport) {
    each(report, |r| {
        r.workload.client = "java".into();
        reported(r, "acks", "1");
    });
}

fn incompressible(report: &mut ExperimentReport) {
    each(report, |r| r.statistics.wire_bytes = 420_000_000);
}

fn unreachable_rate(report: &mut ExperimentReport) {
    let first = report
        .results
        .iter_mut()
        .find(|r| r.purpose.compared())
        .expect("a trial");
    fixture::evidence::read(first, Limit::ScheduleDelayP99, None, 0.012);
    first.verdict.bound_by = BoundBy::Harness;
}

fn of_plan(text: &str, overrides: &[Override]) -> Vec<Pitfall> {
    let plan = Plan::parse("plan.toml", text, overrides).unwrap_or_else(|error| panic!("{error}"));
    let matrix = Matrix::resolve(&plan, false).unwrap_or_else(|error| panic!("{error}"));
    let warnings = matrix.warnings(&plan).into_iter();
    warnings
        .filter_map(|warning| match warning {
            Warning::Pitfall(pitfall) => Some(pitfall),
            _ => None,
        })
        .collect()
}

#[test]
fn every_pitfall_is_shown_by_what_makes_it_and_not_without() {
    let clean = found(&base());
    assert_eq!(clean, [], "the measurements without");
    let mut told = Vec::new();
    for kind in Kind::ALL {
        let (plan, measured) = shown_by(kind);
        assert!(plan.is_some() || measured.is_some(), "{kind:?} is shown by nothing");
        told.push(format!("{kind:?}"));
        if let Some((text, without)) = plan {
            let shown = of_plan(text, &[]);
            let pitfall = shown.iter().find(|pitfall| pitfall.kind == kind);
            let pitfall = pitfall.unwrap_or_else(|| panic!("{kind:?}: {shown:?}"));
            told.push(format!("  plan: {pitfall}"));
            let harmless = of_plan(text, &[Override::parse(without).expect("an override")]);
            assert!(
                harmless.iter().all(|pitfall| pitfall.kind != kind),
                "{kind:?}: {harmless:?}"
            );
        }
        if let Some(put) = measured {
            let mut report = base();
            put(&mut report);
            let found = found(&report);
            assert!(found.iter().any(|of| of.pitfall.kind == kind), "{kind:?}: {found:?}");
            let text = markdown::render(&Analysed::of(&report));
            let section = text.split("### Pitfalls\n\n").nth(1).expect("a section");
            told.push(section.trim_end().to_owned());
        }
        told.push(String::new());
    }
    insta::assert_snapshot!("pitfalls", told.join("\n"));
}

#[test]
fn nothing_is_told_of_a_mock_or_of_invalid_trials() {
    let mut report = base();
    one_partition(&mut report);
    report.facts.mock = true;
    assert_eq!(found(&report), []);
    let mut report = base();
    full_queue(&mut report);
    each(&mut report, |r| {
        r.verdict
            .caveats
            .push(tribunal_report::caveat::Caveat::MissingReports { count: 1 });
    });
    assert_eq!(found(&report), []);
}

#[test]
fn replicas_in_sync_are_judged_by_what_the_broker_tells_of_the_topic() {
    let told = |settings: &[(&str, &str)]| {
        let mut report = base();
        // Whether the plan set it or the cluster's default is in effect: it is the topic's setting as the broker told it.
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        each(&mut report, |r| r.topic.settings = settings.iter().map(own).collect());
        found(&report).iter().any(|of| of.pitfall.kind == Kind::OneInSync)
    };
    assert!(told(&[("min.insync.replicas", "1")]));
    assert!(!told(&[("min.insync.replicas", "2")]));
    assert!(!told(&[("min.insync.replicas", "")]), "the broker keeps it to itself");
    assert!(!told(&[]), "nothing was told");
}

#[test]
fn a_closed_loop_keeps_its_client_full_by_design() {
    let mut report = base();
    full_queue(&mut report);
    each(&mut report, |r| r.workload.rate = None);
    assert!(found(&report).iter().all(|of| of.pitfall.kind != Kind::FullQueue));
}

#[test]
fn a_terminal_tells_each_pitfall_in_a_line_that_fits() {
    let mut report = base();
    one_partition(&mut report);
    full_queue(&mut report);
    let text = answer::render(
        &Analysed::of(&report),
        answer::Screen {
            utf8: true,
            colour: false,
            width: Some(60),
        },
    );
    assert_eq!(text.matches("Pitfall: ").count(), 2, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
}
