//! A wire message that lacks something is refused, and the refusal names what it lacks.

use tribunal_stats::distribution::InvalidDistribution;

use crate::control::{AgentRow, Ended, ExperimentRow, Progress, Submitted};
use crate::session::{AgentMessage, AttemptId, CoordinatorMessage, Hello, PROTOCOL, Prepare};
use crate::{Invalid, pb};
use tribunal_model::properties::Properties;
use tribunal_model::trial::{Content, Keys, Load, Rate, RecordShape, Size, Trial};
use tribunal_stats::facts::RunFacts;
use tribunal_stats::{Activity, AgentReport, Sample, Tally};

#[track_caller]
fn refused<W, D: TryFrom<W, Error = Invalid>>(raw: W, expected: Invalid) {
    assert_eq!(D::try_from(raw).map(drop), Err(expected));
}

/// Spoils a good message, one way a line, and expects the error.
macro_rules! check {
    ($good:expr => $domain:ty { $($field:ident = $bad:expr => $error:expr;)+ }) => {{
        let good = $good;
        assert!(<$domain>::try_from(good.clone()).is_ok(), "{:?}", <$domain>::try_from(good).map(drop));
        $(
            let mut bad = good.clone();
            bad.$field = $bad;
            refused::<_, $domain>(bad, $error);
        )+
    }};
}

use Invalid::{Missing, Unspecified};

fn unknown(field: &'static str) -> Invalid {
    Invalid::Unknown { field, number: 99 }
}

fn value(field: &'static str, text: &str) -> Invalid {
    Invalid::Value {
        field,
        text: text.into(),
    }
}

fn attempt() -> pb::AttemptId {
    pb::AttemptId {
        experiment: "0193e2a4-1111-7abc-8def-0123456789ab".into(),
        trial: 1,
        attempt: 1,
    }
}

fn load() -> pb::Load {
    pb::Load {
        rate: Some(pb::Rate {
            kind: Some(pb::rate::Kind::PacedRecordsPerMillionSeconds(1)),
        }),
        arrivals: pb::Arrivals::Uniform.into(),
        producers: 1,
        record: Some(record()),
        keys: Some(pb::Keys {
            kind: Some(pb::keys::Kind::Keyless(pb::keys::Keyless {})),
        }),
        partitioner: pb::Partitioner::Native.into(),
        when_full: pb::WhenFull::Hold.into(),
        seed: 1,
    }
}

fn record() -> pb::RecordShape {
    let generated = pb::content::Generated { compressibility: 0.5 };
    pb::RecordShape {
        size: Some(pb::Size {
            kind: Some(pb::size::Kind::FixedBytes(100)),
        }),
        content: Some(pb::Content {
            kind: Some(pb::content::Kind::Generated(generated)),
        }),
        headers: Vec::new(),
    }
}

fn trial() -> pb::Trial {
    pb::Trial {
        id: 1,
        block: 0,
        cell: 1,
        levels: Vec::new(),
        topic: Some(pb::TopicShape::default()),
        load: Some(load()),
        windows: Some(pb::Windows::default()),
        properties: Some(pb::Properties::default()),
    }
}

fn tally() -> pb::Tally {
    pb::Tally {
        fates: Some(pb::Fates::default()),
        response: Some(pb::Distribution::default()),
        service: Some(pb::Distribution::default()),
        send_lag: Some(pb::Distribution::default()),
        schedule_delay: Some(pb::Distribution::default()),
        late_sends: 0,
        failed: Vec::new(),
        censored: Some(pb::Distribution::default()),
    }
}

fn activity() -> pb::Activity {
    pb::Activity {
        cpu: Some(pb::Cpu::default()),
        ..pb::Activity::default()
    }
}

fn run_facts() -> pb::RunFacts {
    let clock = Some(pb::ClockFacts::default());
    pb::RunFacts {
        clock,
        clock_after: clock,
        ..pb::RunFacts::default()
    }
}

fn report() -> pb::AgentReport {
    pb::AgentReport {
        tallies: Some(pb::Tallies::default()),
        window: Some(activity()),
        backlog: Some(pb::Backlog::default()),
        statistics: Some(pb::ClientStatistics::default()),
        partitions: Vec::new(),
        facts: Some(run_facts()),
    }
}

fn sample() -> pb::Sample {
    pb::Sample {
        tallies: Some(pb::Tallies::default()),
        activity: Some(activity()),
        ..pb::Sample::default()
    }
}

fn hello() -> pb::Hello {
    pb::Hello {
        protocol: PROTOCOL,
        name: "a1".into(),
        instance: "0193e2a4-1111-7abc-8def-0123456789ab".into(),
        build: Some(pb::BuildFacts::default()),
        host: Some(pb::HostFacts::default()),
        metrics_address: String::new(),
        busy_with: None,
    }
}

#[test]
fn a_trial_is_whole() {
    check!(trial() => Trial {
        id = 0 => Missing("Trial.id");
        cell = 0 => Missing("Trial.cell");
        topic = None => Missing("Trial.topic");
        load = None => Missing("Trial.load");
        windows = None => Missing("Trial.windows");
        properties = None => Missing("Trial.properties");
    });
    check!(load() => Load {
        rate = None => Missing("Load.rate");
        arrivals = 0 => Unspecified("Load.arrivals");
        arrivals = 99 => unknown("Load.arrivals");
        record = None => Missing("Load.record");
        keys = None => Missing("Load.keys");
        partitioner = 0 => Unspecified("Load.partitioner");
        partitioner = 99 => unknown("Load.partitioner");
        when_full = 0 => Unspecified("Load.when_full");
        when_full = 99 => unknown("Load.when_full");
    });
    check!(record() => RecordShape {
        size = None => Missing("RecordShape.size");
        content = None => Missing("RecordShape.content");
    });
}

#[test]
fn a_load_has_legal_numbers() {
    use pb::rate::Kind::PacedRecordsPerMillionSeconds;
    check!(load().rate.unwrap() => Rate {
        kind = None => Missing("Rate.kind");
        kind = Some(PacedRecordsPerMillionSeconds(0)) => value("Rate.paced_records_per_million_seconds", "0");
        kind = Some(PacedRecordsPerMillionSeconds(u64::MAX)) =>
            value("Rate.paced_records_per_million_seconds", "18446744073709551615");
    });
    let log_normal = pb::size::LogNormal {
        median_bytes: 1,
        sigma: f64::NAN,
        max_bytes: 1,
    };
    let sizes = vec![pb::size::WeightedSize {
        size_bytes: 1,
        weight: f64::INFINITY,
    }];
    check!(record().size.unwrap() => Size {
        kind = None => Missing("Size.kind");
        kind = Some(pb::size::Kind::LogNormal(log_normal)) => value("LogNormal.sigma", "NaN");
        kind = Some(pb::size::Kind::Weighted(pb::size::Weighted { sizes })) => value("WeightedSize.weight", "inf");
    });
    let generated = pb::content::Generated {
        compressibility: f64::NAN,
    };
    check!(record().content.unwrap() => Content {
        kind = None => Missing("Content.kind");
        kind = Some(pb::content::Kind::Generated(generated)) => value("Generated.compressibility", "NaN");
    });
    let zipf = pb::keys::Zipf {
        cardinality: 1,
        exponent: f64::NEG_INFINITY,
    };
    check!(load().keys.unwrap() => Keys {
        kind = None => Missing("Keys.kind");
        kind = Some(pb::keys::Kind::Zipf(zipf)) => value("Zipf.exponent", "-inf");
    });
}

#[test]
fn a_property_has_one_name_and_one_value() {
    let acks = |text: &str| pb::Property {
        name: "acks".into(),
        value: Some(pb::property::Value::Text(text.into())),
    };
    let of = |properties| pb::Properties { properties };
    let twice = Invalid::Twice {
        field: "Properties.properties",
        text: "acks".into(),
    };
    check!(of(vec![acks("1")]) => Properties {
        properties = vec![acks("1"), acks("all")] => twice;
        properties = vec![pb::Property { name: String::new(), ..acks("1") }] => Missing("Property.name");
        properties = vec![pb::Property { value: None, ..acks("1") }] => Missing("Property.value");
    });
}

#[test]
fn measurements_are_whole() {
    check!(tally() => Tally {
        fates = None => Missing("Tally.fates");
        response = None => Missing("Tally.response");
        service = None => Missing("Tally.service");
        send_lag = None => Missing("Tally.send_lag");
        schedule_delay = None => Missing("Tally.schedule_delay");
        censored = None => Missing("Tally.censored");
        failed = vec![pb::FailedLatencies::default()] => Missing("FailedLatencies.latencies");
    });
    check!(activity() => Activity {
        cpu = None => Missing("Activity.cpu");
    });
    check!(sample() => Sample {
        tallies = None => Missing("Sample.tallies");
        activity = None => Missing("Sample.activity");
    });
    check!(report() => AgentReport {
        tallies = None => Missing("AgentReport.tallies");
        window = None => Missing("AgentReport.window");
        backlog = None => Missing("AgentReport.backlog");
        statistics = None => Missing("AgentReport.statistics");
        facts = None => Missing("AgentReport.facts");
    });
    check!(run_facts() => RunFacts {
        clock = None => Missing("RunFacts.clock");
        clock_after = None => Missing("RunFacts.clock_after");
    });
}

#[test]
fn counts_that_come_twice_are_refused() {
    let failed = pb::FailedLatencies {
        error: "MSG_TIMED_OUT".into(),
        latencies: Some(pb::Distribution::default()),
    };
    let twice = Invalid::Twice {
        field: "Tally.failed",
        text: "MSG_TIMED_OUT".into(),
    };
    refused::<_, Tally>(
        pb::Tally {
            failed: vec![failed.clone(), failed],
            ..tally()
        },
        twice,
    );
    let count = pb::PartitionCount {
        topic: "orders".into(),
        partition: 3,
        acknowledged: 1,
        perhaps: 0,
    };
    let twice = Invalid::Twice {
        field: "AgentReport.partitions",
        text: "orders 3".into(),
    };
    refused::<_, AgentReport>(
        pb::AgentReport {
            partitions: vec![count.clone(), count],
            ..report()
        },
        twice,
    );
}

#[test]
fn bytes_that_are_no_distribution_are_refused() {
    let hdr = vec![1, 2, 3];
    let raw = pb::Tally {
        service: Some(pb::Distribution { hdr, overflow: 0 }),
        ..tally()
    };
    let error = Tally::try_from(raw).unwrap_err();
    let Invalid::Histogram {
        field,
        source: InvalidDistribution::Encoding(_),
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(field, "Tally.service");
}

#[test]
fn an_attempt_is_named_in_full() {
    check!(attempt() => AttemptId {
        experiment = String::new() => Missing("AttemptId.experiment");
        experiment = "x".into() => value("AttemptId.experiment", "x");
        trial = 0 => Missing("AttemptId.trial");
        attempt = 0 => Missing("AttemptId.attempt");
    });
}

#[test]
fn agent_messages_are_whole() {
    use pb::agent_message::{
        Armed, AttemptReport, AttemptSample, Body, NotStarted, Ready, Refused, Stopped, WindowResolved,
    };
    let body = |body| pb::AgentMessage { body: Some(body) };
    let named = Some(attempt());
    let clock = Some(pb::ClockFacts::default());
    let kind = pb::RefusalKind::Busy.into();
    let reason = String::new();
    let cases = [
        (
            Body::Ready(Ready {
                attempt: None,
                producers: Vec::new(),
                clock,
            }),
            Missing("Ready.attempt"),
        ),
        (
            Body::Ready(Ready {
                attempt: named.clone(),
                producers: Vec::new(),
                clock: None,
            }),
            Missing("Ready.clock"),
        ),
        (
            Body::Refused(Refused {
                attempt: None,
                kind,
                reason: reason.clone(),
            }),
            Missing("Refused.attempt"),
        ),
        (
            Body::Refused(Refused {
                attempt: named.clone(),
                kind: 0,
                reason: reason.clone(),
            }),
            Unspecified("Refused.kind"),
        ),
        (
            Body::Refused(Refused {
                attempt: named.clone(),
                kind: 99,
                reason: reason.clone(),
            }),
            unknown("Refused.kind"),
        ),
        (
            Body::Armed(Armed {
                attempt: None,
                epoch: 1,
            }),
            Missing("Armed.attempt"),
        ),
        (
            Body::Armed(Armed {
                attempt: named.clone(),
                epoch: 0,
            }),
            Missing("Armed.epoch"),
        ),
        (
            Body::NotStarted(NotStarted {
                attempt: None,
                epoch: 1,
            }),
            Missing("NotStarted.attempt"),
        ),
        (
            Body::NotStarted(NotStarted {
                attempt: named.clone(),
                epoch: 0,
            }),
            Missing("NotStarted.epoch"),
        ),
        (
            Body::Sample(Box::new(AttemptSample {
                attempt: None,
                sample: Some(sample()),
            })),
            Missing("AttemptSample.attempt"),
        ),
        (
            Body::Sample(Box::new(AttemptSample {
                attempt: named.clone(),
                sample: None,
            })),
            Missing("AttemptSample.sample"),
        ),
        (
            Body::WindowResolved(WindowResolved { attempt: None }),
            Missing("WindowResolved.attempt"),
        ),
        (
            Body::Report(Box::new(AttemptReport {
                attempt: None,
                report: Some(report()),
            })),
            Missing("AttemptReport.attempt"),
        ),
        (
            Body::Report(Box::new(AttemptReport {
                attempt: named,
                report: None,
            })),
            Missing("AttemptReport.report"),
        ),
        (
            Body::Stopped(Stopped { attempt: None, reason }),
            Missing("Stopped.attempt"),
        ),
    ];
    refused::<_, AgentMessage>(pb::AgentMessage { body: None }, Missing("AgentMessage.body"));
    for (bad, error) in cases {
        refused::<_, AgentMessage>(body(bad), error);
    }
}

#[test]
fn a_hello_says_who() {
    check!(hello() => Hello {
        name = String::new() => Missing("Hello.name");
        name = "a b".into() => value("Hello.name", "a b");
        instance = String::new() => Missing("Hello.instance");
        instance = "x".into() => value("Hello.instance", "x");
        build = None => Missing("Hello.build");
        host = None => Missing("Hello.host");
        busy_with = Some(pb::AttemptId::default()) => Missing("AttemptId.experiment");
    });
}

#[test]
fn an_agent_of_another_protocol_is_refused_by_name() {
    let theirs = PROTOCOL + 1;
    let whole = Hello::try_from(pb::Hello {
        protocol: theirs,
        ..hello()
    })
    .unwrap();
    assert_eq!(whole.protocol, theirs);
    let error = Hello::try_from(pb::Hello {
        protocol: theirs,
        host: None,
        ..hello()
    })
    .unwrap_err();
    assert_eq!(error.to_string(), "agent \"a1\" speaks protocol 2; this build speaks 1");
}

#[test]
fn coordinator_messages_are_whole() {
    use pb::coordinator_message::{Abort, Arm, Body, Disarm, EndLoad, Go, Renew};
    let named = Some(attempt());
    let arm = |attempt, epoch| {
        Body::Arm(Arm {
            attempt,
            epoch,
            start_ns: 0,
            lease_ns: 0,
        })
    };
    let cases = [
        (arm(None, 1), Missing("Arm.attempt")),
        (arm(named.clone(), 0), Missing("Arm.epoch")),
        (
            Body::Disarm(Disarm {
                attempt: None,
                epoch: 1,
            }),
            Missing("Disarm.attempt"),
        ),
        (
            Body::Disarm(Disarm {
                attempt: named.clone(),
                epoch: 0,
            }),
            Missing("Disarm.epoch"),
        ),
        (
            Body::Go(Go {
                attempt: None,
                epoch: 1,
            }),
            Missing("Go.attempt"),
        ),
        (
            Body::Go(Go {
                attempt: named.clone(),
                epoch: 0,
            }),
            Missing("Go.epoch"),
        ),
        (Body::Renew(Renew { attempt: None }), Missing("Renew.attempt")),
        (Body::EndLoad(EndLoad { attempt: None }), Missing("EndLoad.attempt")),
        (
            Body::Abort(Abort {
                attempt: None,
                reason: String::new(),
            }),
            Missing("Abort.attempt"),
        ),
    ];
    refused::<_, CoordinatorMessage>(
        pb::CoordinatorMessage { body: None },
        Missing("CoordinatorMessage.body"),
    );
    for (bad, error) in cases {
        refused::<_, CoordinatorMessage>(pb::CoordinatorMessage { body: Some(bad) }, error);
    }
    let prepare = pb::Prepare {
        attempt: named,
        trial: Some(trial()),
        cluster_properties: Some(pb::Properties::default()),
        ..pb::Prepare::default()
    };
    check!(prepare => Prepare {
        attempt = None => Missing("Prepare.attempt");
        trial = None => Missing("Prepare.trial");
        cluster_properties = None => Missing("Prepare.cluster_properties");
    });
}

#[test]
fn control_messages_are_whole() {
    let id = attempt().experiment;
    check!(pb::Submitted { id: id.clone(), ..pb::Submitted::default() } => Submitted {
        id = String::new() => Missing("Submitted.id");
        id = "x".into() => value("Submitted.id", "x");
    });
    check!(pb::ExperimentRef { text: "x".into() } => String {
        text = String::new() => Missing("ExperimentRef.text");
    });
    check!(pb::ExperimentRow { id, ..pb::ExperimentRow::default() } => ExperimentRow {
        id = String::new() => Missing("ExperimentRow.id");
        id = "x".into() => value("ExperimentRow.id", "x");
    });
    let row = pb::AgentRow {
        name: "a1".into(),
        build: Some(pb::BuildFacts::default()),
        host: Some(pb::HostFacts::default()),
        ..pb::AgentRow::default()
    };
    check!(row => AgentRow {
        name = String::new() => Missing("AgentRow.name");
        name = "-".into() => value("AgentRow.name", "-");
        build = None => Missing("AgentRow.build");
        host = None => Missing("AgentRow.host");
    });
    check!(pb::Ended { ending: pb::Ending::Complete.into(), ..pb::Ended::default() } => Ended {
        ending = 0 => Unspecified("Ended.ending");
        ending = 99 => unknown("Ended.ending");
    });
}

#[test]
fn progress_is_whole() {
    use pb::progress::{Began, Entered, Event, Finished, Live, Void};
    let ready = pb::Phase::Ready.into();
    let cases = [
        (
            Event::Began(Began {
                attempt: 1,
                ..Began::default()
            }),
            Missing("Began.trial"),
        ),
        (
            Event::Began(Began {
                trial: 1,
                ..Began::default()
            }),
            Missing("Began.attempt"),
        ),
        (
            Event::Entered(Entered { trial: 0, phase: ready }),
            Missing("Entered.trial"),
        ),
        (
            Event::Entered(Entered { trial: 1, phase: 0 }),
            Unspecified("Entered.phase"),
        ),
        (
            Event::Entered(Entered { trial: 1, phase: 99 }),
            unknown("Entered.phase"),
        ),
        (Event::Live(Live::default()), Missing("Live.trial")),
        (
            Event::Void(Void {
                attempt: 1,
                ..Void::default()
            }),
            Missing("Void.trial"),
        ),
        (
            Event::Void(Void {
                trial: 1,
                ..Void::default()
            }),
            Missing("Void.attempt"),
        ),
        (Event::Finished(Finished::default()), Missing("Finished.trial")),
        (Event::Ended(pb::Ended::default()), Unspecified("Ended.ending")),
    ];
    refused::<_, Progress>(pb::Progress { event: None }, Missing("Progress.event"));
    for (bad, error) in cases {
        refused::<_, Progress>(pb::Progress { event: Some(bad) }, error);
    }
}
