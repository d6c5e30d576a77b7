//! What the coordinator says.

use std::time::Duration;

use super::epoch;
use crate::convert::{nanoseconds, required};
use crate::session::{CoordinatorMessage, Epoch};
use crate::{Invalid, pb};

impl From<CoordinatorMessage> for pb::CoordinatorMessage {
    fn from(domain: CoordinatorMessage) -> Self {
        use pb::coordinator_message::{
            Abort, Arm, Body, Calibrate, ClockPong, Disarm, EndConsumers, EndLoad, Go, OpenWindow, Rejected, Renew,
            Welcome,
        };
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
            CoordinatorMessage::OpenWindow { attempt, t1_ns } => Body::OpenWindow(OpenWindow {
                attempt: Some(attempt.into()),
                t1_ns,
            }),
            CoordinatorMessage::EndLoad { attempt } => Body::EndLoad(EndLoad {
                attempt: Some(attempt.into()),
            }),
            CoordinatorMessage::Abort { attempt, reason } => Body::Abort(Abort {
                attempt: Some(attempt.into()),
                reason,
            }),
            CoordinatorMessage::PrepareConsumers(prepare) => Body::PrepareConsumers(Box::new((*prepare).into())),
            CoordinatorMessage::EndConsumers { attempt, ends, within } => Body::EndConsumers(EndConsumers {
                attempt: Some(attempt.into()),
                ends: ends
                    .into_iter()
                    .map(|(topic, partition, offset)| pb::LogEnd {
                        topic,
                        partition,
                        offset,
                    })
                    .collect(),
                within_ns: nanoseconds(within),
            }),
            CoordinatorMessage::Calibrate { id, trial, producers } => Body::Calibrate(Box::new(Calibrate {
                id,
                trial: Some((*trial).into()),
                producers,
            })),
        };
        Self { body: Some(body) }
    }
}

impl TryFrom<pb::CoordinatorMessage> for CoordinatorMessage {
    type Error = Invalid;

    fn try_from(raw: pb::CoordinatorMessage) -> Result<Self, Invalid> {
        use pb::coordinator_message::{
            Abort, Arm, Body, Calibrate, ClockPong, Disarm, EndConsumers, EndLoad, Go, OpenWindow, Rejected, Renew,
            Welcome,
        };
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
            Body::OpenWindow(OpenWindow { attempt, t1_ns }) => Self::OpenWindow {
                attempt: required("OpenWindow.attempt", attempt)?,
                t1_ns,
            },
            Body::EndLoad(EndLoad { attempt }) => Self::EndLoad {
                attempt: required("EndLoad.attempt", attempt)?,
            },
            Body::Abort(Abort { attempt, reason }) => Self::Abort {
                attempt: required("Abort.attempt", attempt)?,
                reason,
            },
            Body::PrepareConsumers(prepare) => Self::PrepareConsumers(Box::new((*prepare).try_into()?)),
            Body::EndConsumers(EndConsumers {
                attempt,
                ends,
                within_ns,
            }) => Self::EndConsumers {
                attempt: required("EndConsumers.attempt", attempt)?,
                ends: ends
                    .into_iter()
                    .map(|end| (end.topic, end.partition, end.offset))
                    .collect(),
                within: Duration::from_nanos(within_ns),
            },
            Body::Calibrate(calibrate) => {
                let Calibrate { id, trial, producers } = *calibrate;
                Self::Calibrate {
                    id,
                    trial: Box::new(required("Calibrate.trial", trial)?),
                    producers,
                }
            }
        })
    }
}
