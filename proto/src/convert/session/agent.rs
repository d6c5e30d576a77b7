//! What an agent says.

use super::epoch;
use crate::convert::{Choice, all, optional, required};
use crate::session::{AgentMessage, Epoch, RefusalKind};
use crate::{Invalid, pb};

impl From<AgentMessage> for pb::AgentMessage {
    fn from(domain: AgentMessage) -> Self {
        use pb::agent_message::{
            Armed, AttemptReport, AttemptSample, Body, Calibrated, ClockPing, ConsumersFailed, ConsumersReady,
            ConsumersReport, NotStarted, Ready, Refused, Stopped, WindowOpens, WindowResolved, calibrated::Outcome,
        };
        let body = match domain {
            AgentMessage::Hello(hello) => Body::Hello(Box::new((*hello).into())),
            AgentMessage::ClockPing { sent_ns, clock } => Body::ClockPing(ClockPing {
                sent_ns,
                clock: clock.map(Into::into),
            }),
            AgentMessage::Ready {
                attempt,
                producers,
                clock,
            } => Body::Ready(Ready {
                attempt: Some(attempt.into()),
                producers: all(producers),
                clock: Some(clock.into()),
            }),
            AgentMessage::Refused { attempt, kind, reason } => Body::Refused(Refused {
                attempt: Some(attempt.into()),
                kind: pb::RefusalKind::from(kind).into(),
                reason,
            }),
            AgentMessage::Armed {
                attempt,
                epoch: Epoch(epoch),
            } => Body::Armed(Armed {
                attempt: Some(attempt.into()),
                epoch,
            }),
            AgentMessage::NotStarted {
                attempt,
                epoch: Epoch(epoch),
            } => Body::NotStarted(NotStarted {
                attempt: Some(attempt.into()),
                epoch,
            }),
            AgentMessage::Sample { attempt, sample } => Body::Sample(Box::new(AttemptSample {
                attempt: Some(attempt.into()),
                sample: Some((*sample).into()),
            })),
            AgentMessage::WindowOpens {
                attempt,
                t1_ns,
                accepted,
            } => Body::WindowOpens(WindowOpens {
                attempt: Some(attempt.into()),
                t1_ns,
                accepted,
            }),
            AgentMessage::WindowResolved { attempt } => Body::WindowResolved(WindowResolved {
                attempt: Some(attempt.into()),
            }),
            AgentMessage::Report { attempt, report } => Body::Report(Box::new(AttemptReport {
                attempt: Some(attempt.into()),
                report: Some((*report).into()),
            })),
            AgentMessage::Stopped { attempt, reason } => Body::Stopped(Stopped {
                attempt: Some(attempt.into()),
                reason,
            }),
            AgentMessage::ConsumersReady { attempt } => Body::ConsumersReady(ConsumersReady {
                attempt: Some(attempt.into()),
            }),
            AgentMessage::ConsumersReport { attempt, report } => Body::ConsumersReport(Box::new(ConsumersReport {
                attempt: Some(attempt.into()),
                report: Some((*report).into()),
            })),
            AgentMessage::ConsumersFailed { attempt, kind, reason } => Body::ConsumersFailed(ConsumersFailed {
                attempt: Some(attempt.into()),
                kind: pb::RefusalKind::from(kind).into(),
                reason,
            }),
            AgentMessage::Calibrated { id, outcome } => Body::Calibrated(Calibrated {
                id,
                outcome: Some(match outcome {
                    Ok(calibration) => Outcome::Calibration(calibration.into()),
                    Err(reason) => Outcome::Failure(reason),
                }),
            }),
        };
        Self { body: Some(body) }
    }
}

impl TryFrom<pb::AgentMessage> for AgentMessage {
    type Error = Invalid;

    fn try_from(raw: pb::AgentMessage) -> Result<Self, Invalid> {
        use pb::agent_message::{
            Armed, AttemptReport, AttemptSample, Body, Calibrated, ClockPing, ConsumersFailed, ConsumersReady,
            ConsumersReport, NotStarted, Ready, Refused, Stopped, WindowOpens, WindowResolved, calibrated::Outcome,
        };
        let pb::AgentMessage { body } = raw;
        Ok(match body.ok_or(Invalid::Missing("AgentMessage.body"))? {
            Body::Hello(hello) => Self::Hello(Box::new((*hello).try_into()?)),
            Body::ClockPing(ClockPing { sent_ns, clock }) => Self::ClockPing {
                sent_ns,
                clock: optional(clock)?,
            },
            Body::Ready(Ready {
                attempt,
                producers,
                clock,
            }) => Self::Ready {
                attempt: required("Ready.attempt", attempt)?,
                producers: all(producers),
                clock: required("Ready.clock", clock)?,
            },
            Body::Refused(Refused { attempt, kind, reason }) => Self::Refused {
                attempt: required("Refused.attempt", attempt)?,
                kind: RefusalKind::choose("Refused.kind", kind)?,
                reason,
            },
            Body::Armed(Armed { attempt, epoch: number }) => Self::Armed {
                attempt: required("Armed.attempt", attempt)?,
                epoch: epoch("Armed.epoch", number)?,
            },
            Body::NotStarted(NotStarted { attempt, epoch: number }) => Self::NotStarted {
                attempt: required("NotStarted.attempt", attempt)?,
                epoch: epoch("NotStarted.epoch", number)?,
            },
            Body::Sample(message) => {
                let AttemptSample { attempt, sample } = *message;
                Self::Sample {
                    attempt: required("AttemptSample.attempt", attempt)?,
                    sample: Box::new(required("AttemptSample.sample", sample)?),
                }
            }
            Body::WindowOpens(WindowOpens {
                attempt,
                t1_ns,
                accepted,
            }) => Self::WindowOpens {
                attempt: required("WindowOpens.attempt", attempt)?,
                t1_ns,
                accepted,
            },
            Body::WindowResolved(WindowResolved { attempt }) => Self::WindowResolved {
                attempt: required("WindowResolved.attempt", attempt)?,
            },
            Body::Report(message) => {
                let AttemptReport { attempt, report } = *message;
                Self::Report {
                    attempt: required("AttemptReport.attempt", attempt)?,
                    report: Box::new(required("AttemptReport.report", report)?),
                }
            }
            Body::Stopped(Stopped { attempt, reason }) => Self::Stopped {
                attempt: required("Stopped.attempt", attempt)?,
                reason,
            },
            Body::ConsumersReady(ConsumersReady { attempt }) => Self::ConsumersReady {
                attempt: required("ConsumersReady.attempt", attempt)?,
            },
            Body::ConsumersReport(told) => {
                let ConsumersReport { attempt, report } = *told;
                Self::ConsumersReport {
                    attempt: required("ConsumersReport.attempt", attempt)?,
                    report: Box::new(required("ConsumersReport.report", report)?),
                }
            }
            Body::ConsumersFailed(ConsumersFailed { attempt, kind, reason }) => Self::ConsumersFailed {
                attempt: required("ConsumersFailed.attempt", attempt)?,
                kind: RefusalKind::choose("ConsumersFailed.kind", kind)?,
                reason,
            },
            Body::Calibrated(Calibrated { id, outcome }) => Self::Calibrated {
                id,
                outcome: match outcome.ok_or(Invalid::Missing("Calibrated.outcome"))? {
                    Outcome::Calibration(calibration) => Ok(calibration.try_into()?),
                    Outcome::Failure(reason) => Err(reason),
                },
            },
        })
    }
}
