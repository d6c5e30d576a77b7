//! What the command line and the coordinator say to each other.

use super::{Missing, Unspecified, attempt, check, refused, unknown, value};
use crate::control::{AgentRow, CalibrationRow, CalibrationStep, Ended, ExperimentRow, Progress, Submitted};
use crate::pb;

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

#[test]
fn steps_of_a_calibration_are_whole() {
    use pb::calibration_step::{Failed, Step};
    let row = pb::CalibrationRow {
        agent: "a1".into(),
        signature: String::new(),
        calibration: Some(pb::Calibration::default()),
    };
    check!(row => CalibrationRow {
        agent = String::new() => Missing("CalibrationRow.agent");
        agent = "a b".into() => value("CalibrationRow.agent", "a b");
        calibration = None => Missing("CalibrationRow.calibration");
    });
    let failed = |ending| {
        Some(Step::Failed(Failed {
            ending,
            reason: String::new(),
        }))
    };
    check!(pb::CalibrationStep { step: failed(pb::Ending::Refused.into()) } => CalibrationStep {
        step = None => Missing("CalibrationStep.step");
        step = failed(0) => Unspecified("CalibrationStep.Failed.ending");
        step = failed(99) => unknown("CalibrationStep.Failed.ending");
    });
}
