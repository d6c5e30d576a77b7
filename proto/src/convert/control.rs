//! What the command line and the coordinator say to each other.

mod calibration;

use std::time::Duration;

use tribunal_model::ids::{Attempt, TrialId};

use super::{
    Choice, agent_name, alike, all, attempt, choices, each, experiment_id, filled, nanoseconds, optional, required,
    trial_id,
};
use crate::control::{AgentRow, Ended, Ending, ExperimentRow, FilePiece, Phase, Progress, Submission, Submitted};
use crate::{Invalid, pb};

alike! {
    Submission { file, plan, overrides, allow_large }
    FilePiece { path, bytes }
}

choices! {
    Phase { Preparing, Ready, WarmingUp, Measuring, Draining, Done }
    Ending { Complete, AgentsLost, ClusterUnreachable, BadPlan, Refused, Cancelled, Interrupted, Defect }
}

impl From<Submitted> for pb::Submitted {
    fn from(domain: Submitted) -> Self {
        let Submitted {
            id,
            trials,
            expected,
            warnings,
        } = domain;
        Self {
            id: id.to_string(),
            trials,
            expected_ns: nanoseconds(expected),
            warnings,
        }
    }
}

impl TryFrom<pb::Submitted> for Submitted {
    type Error = Invalid;

    fn try_from(raw: pb::Submitted) -> Result<Self, Invalid> {
        let pb::Submitted {
            id,
            trials,
            expected_ns,
            warnings,
        } = raw;
        Ok(Self {
            id: experiment_id("Submitted.id", &id)?,
            trials,
            expected: Duration::from_nanos(expected_ns),
            warnings,
        })
    }
}

impl From<String> for pb::ExperimentRef {
    fn from(text: String) -> Self {
        Self { text }
    }
}

impl TryFrom<pb::ExperimentRef> for String {
    type Error = Invalid;

    fn try_from(raw: pb::ExperimentRef) -> Result<Self, Invalid> {
        let pb::ExperimentRef { text } = raw;
        filled("ExperimentRef.text", &text)?;
        Ok(text)
    }
}

impl From<Vec<AgentRow>> for pb::AgentRows {
    fn from(rows: Vec<AgentRow>) -> Self {
        Self { agents: all(rows) }
    }
}

impl TryFrom<pb::AgentRows> for Vec<AgentRow> {
    type Error = Invalid;

    fn try_from(raw: pb::AgentRows) -> Result<Self, Invalid> {
        let pb::AgentRows { agents } = raw;
        each(agents)
    }
}

impl From<AgentRow> for pb::AgentRow {
    fn from(domain: AgentRow) -> Self {
        let AgentRow {
            name,
            build,
            host,
            clock,
            busy,
            connected,
            metrics_address,
        } = domain;
        Self {
            name: name.to_string(),
            build: Some(build.into()),
            host: Some(host.into()),
            clock: clock.map(Into::into),
            busy,
            connected_ns: nanoseconds(connected),
            metrics_address,
        }
    }
}

impl TryFrom<pb::AgentRow> for AgentRow {
    type Error = Invalid;

    fn try_from(raw: pb::AgentRow) -> Result<Self, Invalid> {
        let pb::AgentRow {
            name,
            build,
            host,
            clock,
            busy,
            connected_ns,
            metrics_address,
        } = raw;
        Ok(Self {
            name: agent_name("AgentRow.name", &name)?,
            build: required("AgentRow.build", build)?,
            host: required("AgentRow.host", host)?,
            clock: optional(clock)?,
            busy,
            connected: Duration::from_nanos(connected_ns),
            metrics_address,
        })
    }
}

impl From<Vec<ExperimentRow>> for pb::ExperimentRows {
    fn from(rows: Vec<ExperimentRow>) -> Self {
        Self { experiments: all(rows) }
    }
}

impl TryFrom<pb::ExperimentRows> for Vec<ExperimentRow> {
    type Error = Invalid;

    fn try_from(raw: pb::ExperimentRows) -> Result<Self, Invalid> {
        let pb::ExperimentRows { experiments } = raw;
        each(experiments)
    }
}

impl From<ExperimentRow> for pb::ExperimentRow {
    fn from(domain: ExperimentRow) -> Self {
        let ExperimentRow {
            id,
            name,
            state,
            began,
            finished,
            trials,
            reason,
        } = domain;
        Self {
            id: id.to_string(),
            name,
            state,
            began,
            finished,
            trials,
            reason,
        }
    }
}

impl TryFrom<pb::ExperimentRow> for ExperimentRow {
    type Error = Invalid;

    fn try_from(raw: pb::ExperimentRow) -> Result<Self, Invalid> {
        let pb::ExperimentRow {
            id,
            name,
            state,
            began,
            finished,
            trials,
            reason,
        } = raw;
        Ok(Self {
            id: experiment_id("ExperimentRow.id", &id)?,
            name,
            state,
            began,
            finished,
            trials,
            reason,
        })
    }
}

impl From<Progress> for pb::Progress {
    fn from(domain: Progress) -> Self {
        use pb::progress::{Began, Entered, Event, Finished, Live, Note, Queued, Void};
        let event = match domain {
            Progress::Queued { before } => Event::Queued(Queued { before }),
            Progress::Note { text } => Event::Note(Note { text }),
            Progress::Began {
                trial: TrialId(trial),
                of,
                attempt: Attempt(attempt),
                cell,
                left,
            } => Event::Began(Began {
                trial,
                of,
                attempt,
                cell,
                left_ns: nanoseconds(left),
            }),
            Progress::Phase {
                trial: TrialId(trial),
                phase,
            } => Event::Entered(Entered {
                trial,
                phase: pb::Phase::from(phase).into(),
            }),
            Progress::Live {
                trial: TrialId(trial),
                delivered,
                response_p99,
                left,
            } => Event::Live(Live {
                trial,
                delivered,
                response_p99_ns: response_p99.map(nanoseconds),
                left_ns: nanoseconds(left),
            }),
            Progress::Void {
                trial: TrialId(trial),
                attempt: Attempt(attempt),
                reason,
            } => Event::Void(Void { trial, attempt, reason }),
            Progress::Finished {
                trial: TrialId(trial),
                of,
                cell,
                valid,
                bound_by,
                delivered,
                response_p99,
            } => Event::Finished(Finished {
                trial,
                of,
                cell,
                valid,
                bound_by,
                delivered,
                response_p99_ns: response_p99.map(nanoseconds),
            }),
            Progress::Ended(ended) => Event::Ended(ended.into()),
        };
        Self { event: Some(event) }
    }
}

impl TryFrom<pb::Progress> for Progress {
    type Error = Invalid;

    fn try_from(raw: pb::Progress) -> Result<Self, Invalid> {
        use pb::progress::{Began, Entered, Event, Finished, Live, Note, Queued, Void};
        let pb::Progress { event } = raw;
        Ok(match event.ok_or(Invalid::Missing("Progress.event"))? {
            Event::Queued(Queued { before }) => Self::Queued { before },
            Event::Note(Note { text }) => Self::Note { text },
            Event::Began(Began {
                trial,
                of,
                attempt: number,
                cell,
                left_ns,
            }) => Self::Began {
                trial: trial_id("Began.trial", trial)?,
                of,
                attempt: attempt("Began.attempt", number)?,
                cell,
                left: Duration::from_nanos(left_ns),
            },
            Event::Entered(Entered { trial, phase }) => Self::Phase {
                trial: trial_id("Entered.trial", trial)?,
                phase: Phase::choose("Entered.phase", phase)?,
            },
            Event::Live(Live {
                trial,
                delivered,
                response_p99_ns,
                left_ns,
            }) => Self::Live {
                trial: trial_id("Live.trial", trial)?,
                delivered,
                response_p99: response_p99_ns.map(Duration::from_nanos),
                left: Duration::from_nanos(left_ns),
            },
            Event::Void(Void {
                trial,
                attempt: number,
                reason,
            }) => Self::Void {
                trial: trial_id("Void.trial", trial)?,
                attempt: attempt("Void.attempt", number)?,
                reason,
            },
            Event::Finished(Finished {
                trial,
                of,
                cell,
                valid,
                bound_by,
                delivered,
                response_p99_ns,
            }) => Self::Finished {
                trial: trial_id("Finished.trial", trial)?,
                of,
                cell,
                valid,
                bound_by,
                delivered,
                response_p99: response_p99_ns.map(Duration::from_nanos),
            },
            Event::Ended(ended) => Self::Ended(ended.try_into()?),
        })
    }
}

impl From<Ended> for pb::Ended {
    fn from(domain: Ended) -> Self {
        let Ended {
            ending,
            finished,
            trials,
            invalid,
            reason,
        } = domain;
        Self {
            ending: pb::Ending::from(ending).into(),
            finished,
            trials,
            invalid,
            reason,
        }
    }
}

impl TryFrom<pb::Ended> for Ended {
    type Error = Invalid;

    fn try_from(raw: pb::Ended) -> Result<Self, Invalid> {
        let pb::Ended {
            ending,
            finished,
            trials,
            invalid,
            reason,
        } = raw;
        Ok(Self {
            ending: Ending::choose("Ended.ending", ending)?,
            finished,
            trials,
            invalid,
            reason,
        })
    }
}
