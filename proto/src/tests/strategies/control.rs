//! What the command line and the coordinator say to each other.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::facts::{build_facts, calibration, clock_facts, host_facts};
use super::{agent_name, attempt_number, duration, experiment_id, name, number, text, texts, trial_id};
use crate::control::{
    AgentRow, CalibrationRow, CalibrationStep, Ended, Ending, ExperimentRow, FilePiece, Phase, Progress, Submission,
    Submitted,
};

prop_compose! {
    pub(crate) fn submission()(
        file in text(), plan in text(), overrides in texts(), allow_large: bool,
    ) -> Submission {
        Submission { file, plan, overrides, allow_large }
    }
}

prop_compose! {
    pub(crate) fn submitted()(
        id in experiment_id(), trials: u32, expected in duration(), warnings in texts(),
    ) -> Submitted {
        Submitted { id, trials, expected, warnings }
    }
}

pub(crate) fn experiment_ref() -> impl Strategy<Value = String> {
    name()
}

prop_compose! {
    fn agent_row()(
        name in agent_name(),
        build in build_facts(),
        host in host_facts(),
        clock in option::of(clock_facts()),
        busy: bool,
        connected in duration(),
        metrics_address in text(),
    ) -> AgentRow {
        AgentRow { name, build, host, clock, busy, connected, metrics_address }
    }
}

pub(crate) fn agent_rows() -> impl Strategy<Value = Vec<AgentRow>> {
    vec(agent_row(), 0..4)
}

prop_compose! {
    fn experiment_row()(
        id in experiment_id(),
        [name, state, began, reason] in prop::array::uniform4(text()),
        finished: u32,
        trials: u32,
    ) -> ExperimentRow {
        ExperimentRow { id, name, state, began, finished, trials, reason }
    }
}

pub(crate) fn experiment_rows() -> impl Strategy<Value = Vec<ExperimentRow>> {
    vec(experiment_row(), 0..4)
}

fn phase() -> impl Strategy<Value = Phase> {
    use Phase::{Done, Draining, Measuring, Preparing, Ready, WarmingUp};
    prop::sample::select(vec![Preparing, Ready, WarmingUp, Measuring, Draining, Done])
}

fn ending() -> impl Strategy<Value = Ending> {
    prop::sample::select(vec![
        Ending::Complete,
        Ending::AgentsLost,
        Ending::ClusterUnreachable,
        Ending::BadPlan,
        Ending::Refused,
        Ending::Cancelled,
        Ending::Interrupted,
        Ending::Defect,
    ])
}

prop_compose! {
    fn ended()(
        ending in ending(),
        [finished, trials, invalid] in any::<[u32; 3]>(),
        reason in text(),
    ) -> Ended {
        Ended { ending, finished, trials, invalid, reason }
    }
}

pub(crate) fn progress() -> impl Strategy<Value = Progress> {
    prop_oneof![
        any::<u32>().prop_map(|before| Progress::Queued { before }),
        text().prop_map(|text| Progress::Note { text }),
        (trial_id(), any::<u32>(), attempt_number(), text(), duration()).prop_map(
            |(trial, of, attempt, cell, left)| Progress::Began {
                trial,
                of,
                attempt,
                cell,
                left
            }
        ),
        (trial_id(), phase()).prop_map(|(trial, phase)| Progress::Phase { trial, phase }),
        (trial_id(), number(), option::of(duration()), duration()).prop_map(
            |(trial, delivered, response_p99, left)| Progress::Live {
                trial,
                delivered,
                response_p99,
                left
            }
        ),
        (trial_id(), attempt_number(), text()).prop_map(|(trial, attempt, reason)| Progress::Void {
            trial,
            attempt,
            reason
        }),
        (
            trial_id(),
            any::<u32>(),
            text(),
            any::<bool>(),
            text(),
            option::of(number()),
            option::of(duration())
        )
            .prop_map(
                |(trial, of, cell, valid, bound_by, delivered, response_p99)| Progress::Finished {
                    trial,
                    of,
                    cell,
                    valid,
                    bound_by,
                    delivered,
                    response_p99,
                }
            ),
        ended().prop_map(Progress::Ended),
    ]
}

prop_compose! {
    pub(crate) fn file_piece()(path in text(), bytes in vec(any::<u8>(), 0..64)) -> FilePiece {
        FilePiece { path, bytes }
    }
}

prop_compose! {
    fn calibration_row()(agent in agent_name(), signature in text(), calibration in calibration()) -> CalibrationRow {
        CalibrationRow { agent, signature, calibration }
    }
}

pub(crate) fn calibration_step() -> impl Strategy<Value = CalibrationStep> {
    prop_oneof![
        text().prop_map(CalibrationStep::Note),
        calibration_row().prop_map(CalibrationStep::Row),
        (ending(), text()).prop_map(|(ending, reason)| CalibrationStep::Failed { ending, reason }),
        Just(CalibrationStep::Done),
    ]
}
