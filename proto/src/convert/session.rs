//! What agents and the coordinator say to each other.

use std::time::Duration;

use tribunal_model::ids::{Attempt, TrialId};
use uuid::Uuid;

use super::{
    Choice, agent_name, all, attempt, choices, experiment_id, filled, from_one, nanoseconds, optional, required,
    trial_id,
};
use crate::session::{AgentMessage, AttemptId, CoordinatorMessage, Epoch, Hello, PROTOCOL, Prepare, RefusalKind};
use crate::{Invalid, pb};

choices! {
    RefusalKind { ClusterUnreachable, Configuration, Busy, Other }
}

impl From<AttemptId> for pb::AttemptId {
    fn from(domain: AttemptId) -> Self {
        let AttemptId {
            experiment,
            trial: TrialId(trial),
            attempt: Attempt(attempt),
        } = domain;
        Self {
            experiment: experiment.to_string(),
            trial,
            attempt,
        }
    }
}

impl TryFrom<pb::AttemptId> for AttemptId {
    type Error = Invalid;

    fn try_from(raw: pb::AttemptId) -> Result<Self, Invalid> {
        let pb::AttemptId {
            experiment,
            trial,
            attempt: number,
        } = raw;
        Ok(Self {
            experiment: experiment_id("AttemptId.experiment", &experiment)?,
            trial: trial_id("AttemptId.trial", trial)?,
            attempt: attempt("AttemptId.attempt", number)?,
        })
    }
}

fn epoch(field: &'static str, number: u32) -> Result<Epoch, Invalid> {
    Ok(Epoch(from_one(field, number)?))
}

impl From<AgentMessage> for pb::AgentMessage {
    fn from(domain: AgentMessage) -> Self {
        use pb::agent_message::{
            Armed, AttemptReport, AttemptSample, Body, ClockPing, NotStarted, Ready, Refused, Stopped, WindowResolved,
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
        };
        Self { body: Some(body) }
    }
}

impl TryFrom<pb::AgentMessage> for AgentMessage {
    type Error = Invalid;

    fn try_from(raw: pb::AgentMessage) -> Result<Self, Invalid> {
        use pb::agent_message::{
            Armed, AttemptReport, AttemptSample, Body, ClockPing, NotStarted, Ready, Refused, Stopped, WindowResolved,
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
        })
    }
}

impl From<Hello> for pb::Hello {
    fn from(domain: Hello) -> Self {
        let Hello {
            protocol,
            name,
            instance,
            build,
            host,
            metrics_address,
            busy_with,
        } = domain;
        Self {
            protocol,
            name: name.to_string(),
            instance: instance.to_string(),
            build: Some(build.into()),
            host: Some(host.into()),
            metrics_address,
            busy_with: busy_with.map(Into::into),
        }
    }
}

impl TryFrom<pb::Hello> for Hello {
    type Error = Invalid;

    /// A hello that makes no sense and comes from another version is [`Invalid::Protocol`], whatever is wrong with it.
    fn try_from(raw: pb::Hello) -> Result<Self, Invalid> {
        let (theirs, text) = (raw.protocol, raw.name.clone());
        let read = || {
            let pb::Hello {
                protocol,
                name,
                instance,
                build,
                host,
                metrics_address,
                busy_with,
            } = raw;
            let uuid = Uuid::parse_str(filled("Hello.instance", &instance)?);
            Ok(Self {
                protocol,
                name: agent_name("Hello.name", &name)?,
                instance: uuid.map_err(|_| Invalid::Value {
                    field: "Hello.instance",
                    text: instance,
                })?,
                build: required("Hello.build", build)?,
                host: required("Hello.host", host)?,
                metrics_address,
                busy_with: optional(busy_with)?,
            })
        };
        read().map_err(|error| match theirs {
            PROTOCOL => error,
            _ => Invalid::Protocol {
                name: text,
                theirs,
                ours: PROTOCOL,
            },
        })
    }
}

impl From<CoordinatorMessage> for pb::CoordinatorMessage {
    fn from(domain: CoordinatorMessage) -> Self {
        use pb::coordinator_message::{Abort, Arm, Body, ClockPong, Disarm, EndLoad, Go, Rejected, Renew, Welcome};
        let body = match domain {
            CoordinatorMessage::Welcome => Body::Welcome(Welcome {}),
            CoordinatorMessage::Rejected { reason } => Body::Rejected(Rejected { reason }),
            CoordinatorMessage::ClockPong {
                sent_ns,
                received_ns,
                returned_ns,
            } => Body::ClockPong(ClockPong {
                sent_ns,
                received_ns,
                returned_ns,
            }),
            CoordinatorMessage::Prepare(prepare) => Body::Prepare(Box::new((*prepare).into())),
            CoordinatorMessage::Arm {
                attempt,
                epoch: Epoch(epoch),
                start_ns,
                lease,
            } => Body::Arm(Arm {
                attempt: Some(attempt.into()),
                epoch,
                start_ns,
                lease_ns: nanoseconds(lease),
            }),
            CoordinatorMessage::Disarm {
                attempt,
                epoch: Epoch(epoch),
            } => Body::Disarm(Disarm {
                attempt: Some(attempt.into()),
                epoch,
            }),
            CoordinatorMessage::Go {
                attempt,
                epoch: Epoch(epoch),
            } => Body::Go(Go {
                attempt: Some(attempt.into()),
                epoch,
            }),
            CoordinatorMessage::Renew { attempt } => Body::Renew(Renew {
                attempt: Some(attempt.into()),
            }),
            CoordinatorMessage::EndLoad { attempt } => Body::EndLoad(EndLoad {
                attempt: Some(attempt.into()),
            }),
            CoordinatorMessage::Abort { attempt, reason } => Body::Abort(Abort {
                attempt: Some(attempt.into()),
                reason,
            }),
        };
        Self { body: Some(body) }
    }
}

impl TryFrom<pb::CoordinatorMessage> for CoordinatorMessage {
    type Error = Invalid;

    fn try_from(raw: pb::CoordinatorMessage) -> Result<Self, Invalid> {
        use pb::coordinator_message::{Abort, Arm, Body, ClockPong, Disarm, EndLoad, Go, Rejected, Renew, Welcome};
        let pb::CoordinatorMessage { body } = raw;
        Ok(match body.ok_or(Invalid::Missing("CoordinatorMessage.body"))? {
            Body::Welcome(Welcome {}) => Self::Welcome,
            Body::Rejected(Rejected { reason }) => Self::Rejected { reason },
            Body::ClockPong(ClockPong {
                sent_ns,
                received_ns,
                returned_ns,
            }) => Self::ClockPong {
                sent_ns,
                received_ns,
                returned_ns,
            },
            Body::Prepare(prepare) => Self::Prepare(Box::new((*prepare).try_into()?)),
            Body::Arm(Arm {
                attempt,
                epoch: number,
                start_ns,
                lease_ns,
            }) => Self::Arm {
                attempt: required("Arm.attempt", attempt)?,
                epoch: epoch("Arm.epoch", number)?,
                start_ns,
                lease: Duration::from_nanos(lease_ns),
            },
            Body::Disarm(Disarm { attempt, epoch: number }) => Self::Disarm {
                attempt: required("Disarm.attempt", attempt)?,
                epoch: epoch("Disarm.epoch", number)?,
            },
            Body::Go(Go { attempt, epoch: number }) => Self::Go {
                attempt: required("Go.attempt", attempt)?,
                epoch: epoch("Go.epoch", number)?,
            },
            Body::Renew(Renew { attempt }) => Self::Renew {
                attempt: required("Renew.attempt", attempt)?,
            },
            Body::EndLoad(EndLoad { attempt }) => Self::EndLoad {
                attempt: required("EndLoad.attempt", attempt)?,
            },
            Body::Abort(Abort { attempt, reason }) => Self::Abort {
                attempt: required("Abort.attempt", attempt)?,
                reason,
            },
        })
    }
}

impl From<Prepare> for pb::Prepare {
    fn from(domain: Prepare) -> Self {
        let Prepare {
            attempt,
            trial,
            producers,
            bootstrap,
            cluster_properties,
            topics,
        } = domain;
        Self {
            attempt: Some(attempt.into()),
            trial: Some(trial.into()),
            producers,
            bootstrap,
            cluster_properties: Some(cluster_properties.into()),
            topics,
        }
    }
}

impl TryFrom<pb::Prepare> for Prepare {
    type Error = Invalid;

    fn try_from(raw: pb::Prepare) -> Result<Self, Invalid> {
        let pb::Prepare {
            attempt,
            trial,
            producers,
            bootstrap,
            cluster_properties,
            topics,
        } = raw;
        Ok(Self {
            attempt: required("Prepare.attempt", attempt)?,
            trial: required("Prepare.trial", trial)?,
            producers,
            bootstrap,
            cluster_properties: required("Prepare.cluster_properties", cluster_properties)?,
            topics,
        })
    }
}
