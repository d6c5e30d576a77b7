//! What agents and the coordinator say to each other.

use super::{Missing, Unspecified, attempt, check, refused, report, sample, trial, unknown, value};
use crate::pb;
use crate::session::{AgentMessage, AttemptId, CoordinatorMessage, Hello, PROTOCOL, Prepare, PrepareConsumers};

fn hello() -> pb::Hello {
    pb::Hello {
        protocol: PROTOCOL,
        name: "a1".into(),
        instance: "0193e2a4-1111-7abc-8def-0123456789ab".into(),
        build: Some(pb::BuildFacts::default()),
        host: Some(pb::HostFacts::default()),
        metrics_address: String::new(),
        busy_with: None,
        certificate: None,
        lacking: Vec::new(),
        role: pb::Role::Any.into(),
    }
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
        Armed, AttemptReport, AttemptSample, Body, Calibrated, NotStarted, Ready, Refused, Stopped, WindowOpens,
        WindowResolved,
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
            Body::WindowOpens(WindowOpens {
                attempt: None,
                t1_ns: 0,
                accepted: true,
            }),
            Missing("WindowOpens.attempt"),
        ),
        (
            Body::Calibrated(Calibrated { id: 1, outcome: None }),
            Missing("Calibrated.outcome"),
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
        role = 0 => Unspecified("Hello.role");
        role = 99 => unknown("Hello.role");
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
    let refused = format!("agent \"a1\" speaks protocol {theirs}; this build speaks {PROTOCOL}");
    assert_eq!(error.to_string(), refused);
}

#[test]
fn coordinator_messages_are_whole() {
    use pb::coordinator_message::{Abort, Arm, Body, Calibrate, Disarm, EndLoad, Go, OpenWindow, Renew};
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
        (
            Body::OpenWindow(OpenWindow {
                attempt: None,
                t1_ns: 1,
            }),
            Missing("OpenWindow.attempt"),
        ),
        (
            Body::Calibrate(Box::new(Calibrate {
                id: 1,
                trial: None,
                producers: Vec::new(),
            })),
            Missing("Calibrate.trial"),
        ),
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
        agents_on_host: 1,
        ..pb::Prepare::default()
    };
    check!(prepare => Prepare {
        attempt = None => Missing("Prepare.attempt");
        trial = None => Missing("Prepare.trial");
        cluster_properties = None => Missing("Prepare.cluster_properties");
        agents_on_host = 0 => Missing("Prepare.agents_on_host");
    });
}

#[test]
fn consumers_are_told_partitions_of_topics_that_there_are() {
    let seat = |topic| pb::ConsumerSeat {
        topic,
        ..pb::ConsumerSeat::default()
    };
    let good = pb::PrepareConsumers {
        attempt: Some(attempt()),
        trial: Some(trial()),
        bootstrap: "b:9092".into(),
        cluster_properties: Some(pb::Properties::default()),
        topics: vec!["t".into()],
        seats: vec![seat(0)],
        lease_ns: 3,
    };
    check!(good => PrepareConsumers {
        attempt = None => Missing("PrepareConsumers.attempt");
        trial = None => Missing("PrepareConsumers.trial");
        cluster_properties = None => Missing("PrepareConsumers.cluster_properties");
        seats = vec![seat(0), seat(1)] => value("ConsumerSeat.topic", "1");
    });
}
