//! What agents and the coordinator say to each other.

mod agent;
mod coordinator;

use tribunal_model::ids::{Attempt, TrialId};
use uuid::Uuid;

use super::{agent_name, all, attempt, choices, experiment_id, filled, from_one, optional, required, trial_id};
use crate::session::{AttemptId, Epoch, Hello, PROTOCOL, Prepare, RefusalKind};
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
