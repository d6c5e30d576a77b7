//! What agents and the coordinator say to each other.

mod agent;
mod coordinator;

use std::time::Duration;

use tribunal_model::consumers::{Role, Seat};
use tribunal_model::ids::{Attempt, TrialId};
use uuid::Uuid;

use super::{
    Choice, agent_name, all, attempt, choices, experiment_id, filled, from_one, nanoseconds, optional, required,
    trial_id,
};
use crate::session::{AttemptId, Epoch, Hello, PROTOCOL, Prepare, PrepareConsumers, RefusalKind};
use crate::{Invalid, pb};

choices! {
    RefusalKind { ClusterUnreachable, Configuration, Busy, Other }
    Role { Any, Producer, Consumer }
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
            certificate,
            lacking,
            role,
        } = domain;
        Self {
            protocol,
            name: name.to_string(),
            instance: instance.to_string(),
            build: Some(build.into()),
            host: Some(host.into()),
            metrics_address,
            busy_with: busy_with.map(Into::into),
            certificate: certificate.map(Into::into),
            lacking: all(lacking),
            role: pb::Role::from(role).into(),
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
                certificate,
                lacking,
                role,
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
                certificate: optional(certificate)?,
                lacking: all(lacking),
                role: Role::choose("Hello.role", role)?,
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

impl From<Prepare> for pb::Prepare {
    fn from(domain: Prepare) -> Self {
        let Prepare {
            attempt,
            trial,
            producers,
            bootstrap,
            cluster_properties,
            topics,
            agents_on_host,
        } = domain;
        Self {
            attempt: Some(attempt.into()),
            trial: Some(trial.into()),
            producers,
            bootstrap,
            cluster_properties: Some(cluster_properties.into()),
            topics,
            agents_on_host,
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
            agents_on_host,
        } = raw;
        Ok(Self {
            attempt: required("Prepare.attempt", attempt)?,
            trial: required("Prepare.trial", trial)?,
            producers,
            bootstrap,
            cluster_properties: required("Prepare.cluster_properties", cluster_properties)?,
            topics,
            agents_on_host: from_one("Prepare.agents_on_host", agents_on_host)?,
        })
    }
}

impl From<PrepareConsumers> for pb::PrepareConsumers {
    fn from(domain: PrepareConsumers) -> Self {
        let PrepareConsumers {
            attempt,
            trial,
            bootstrap,
            cluster_properties,
            topics,
            seats,
            lease,
        } = domain;
        let seat = |(seat, offset): (Seat, i64)| {
            let Seat {
                group,
                member,
                topic,
                partition,
            } = seat;
            pb::ConsumerSeat {
                group,
                member,
                topic,
                partition,
                offset,
            }
        };
        Self {
            attempt: Some(attempt.into()),
            trial: Some(trial.into()),
            bootstrap,
            cluster_properties: Some(cluster_properties.into()),
            topics,
            seats: seats.into_iter().map(seat).collect(),
            lease_ns: nanoseconds(lease),
        }
    }
}

impl TryFrom<pb::PrepareConsumers> for PrepareConsumers {
    type Error = Invalid;

    fn try_from(raw: pb::PrepareConsumers) -> Result<Self, Invalid> {
        let pb::PrepareConsumers {
            attempt,
            trial,
            bootstrap,
            cluster_properties,
            topics,
            seats,
            lease_ns,
        } = raw;
        let seat = |raw: pb::ConsumerSeat| {
            let pb::ConsumerSeat {
                group,
                member,
                topic,
                partition,
                offset,
            } = raw;
            // A number that names nothing would be looked up by the agent.
            if topics.len() <= topic as usize {
                return Err(Invalid::Value {
                    field: "ConsumerSeat.topic",
                    text: topic.to_string(),
                });
            }
            let seat = Seat {
                group,
                member,
                topic,
                partition,
            };
            Ok((seat, offset))
        };
        let seats = seats.into_iter().map(seat).collect::<Result<_, _>>()?;
        Ok(Self {
            attempt: required("PrepareConsumers.attempt", attempt)?,
            trial: required("PrepareConsumers.trial", trial)?,
            bootstrap,
            cluster_properties: required("PrepareConsumers.cluster_properties", cluster_properties)?,
            topics,
            seats,
            lease: Duration::from_nanos(lease_ns),
        })
    }
}
