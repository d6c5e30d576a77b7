//! Trials, topics, windows and properties.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tribunal_model::client::{Client, ClientUse};
use tribunal_model::consumers::Consumers;
use tribunal_model::design::{AuditLevel, Purpose};
use tribunal_model::ids::{CellId, TrialId};
use tribunal_model::properties::{Properties, Value};
use tribunal_model::trial::{Level, TopicShape, Trial, Windows};

use super::{Choice, alike, all, choices, filled, from_one, nanoseconds, optional, required, trial_id};
use crate::{Invalid, pb};

impl From<Trial> for pb::Trial {
    fn from(domain: Trial) -> Self {
        let Trial {
            id: TrialId(id),
            block,
            cell: CellId(cell),
            purpose,
            cluster,
            levels,
            topic,
            load,
            windows,
            settle,
            audit,
            properties,
            client,
            consumers,
        } = domain;
        Self {
            id,
            block,
            cell,
            levels: all(levels),
            topic: Some(topic.into()),
            load: Some(load.into()),
            windows: Some(windows.into()),
            properties: Some(properties.into()),
            purpose: Some(purpose.into()),
            cluster,
            settle_ns: nanoseconds(settle),
            audit: pb::AuditLevel::from(audit).into(),
            client: Some(client.into()),
            consumers: consumers.map(Into::into),
        }
    }
}

impl TryFrom<pb::Trial> for Trial {
    type Error = Invalid;

    fn try_from(raw: pb::Trial) -> Result<Self, Invalid> {
        let pb::Trial {
            id,
            block,
            cell,
            levels,
            topic,
            load,
            windows,
            properties,
            purpose,
            cluster,
            settle_ns,
            audit,
            client,
            consumers,
        } = raw;
        Ok(Self {
            id: trial_id("Trial.id", id)?,
            block,
            cell: CellId(from_one("Trial.cell", cell)?),
            purpose: required("Trial.purpose", purpose)?,
            cluster,
            levels: all(levels),
            topic: required("Trial.topic", topic)?,
            load: required("Trial.load", load)?,
            windows: required("Trial.windows", windows)?,
            settle: Duration::from_nanos(settle_ns),
            audit: AuditLevel::choose("Trial.audit", audit)?,
            properties: required("Trial.properties", properties)?,
            client: required("Trial.client", client)?,
            consumers: optional(consumers)?,
        })
    }
}

impl From<Consumers> for pb::Consumers {
    fn from(domain: Consumers) -> Self {
        let Consumers {
            groups,
            members,
            properties,
        } = domain;
        Self {
            groups,
            members,
            properties: Some(properties.into()),
        }
    }
}

impl TryFrom<pb::Consumers> for Consumers {
    type Error = Invalid;

    fn try_from(raw: pb::Consumers) -> Result<Self, Invalid> {
        let pb::Consumers {
            groups,
            members,
            properties,
        } = raw;
        Ok(Self {
            groups: from_one("Consumers.groups", groups)?,
            members: from_one("Consumers.members", members)?,
            properties: required("Consumers.properties", properties)?,
        })
    }
}

impl From<ClientUse> for pb::ClientUse {
    fn from(domain: ClientUse) -> Self {
        let ClientUse {
            client,
            per_process,
            own,
            options,
        } = domain;
        Self {
            client: client.name(),
            per_process,
            own: Some(own.into()),
            options: all(options),
        }
    }
}

impl TryFrom<pb::ClientUse> for ClientUse {
    type Error = Invalid;

    fn try_from(raw: pb::ClientUse) -> Result<Self, Invalid> {
        let pb::ClientUse {
            client,
            per_process,
            own,
            options,
        } = raw;
        Ok(Self {
            client: Client::named(&client).ok_or(Invalid::Value {
                field: "ClientUse.client",
                text: client,
            })?,
            per_process: from_one("ClientUse.per_process", per_process)?,
            own: required("ClientUse.own", own)?,
            options: all(options),
        })
    }
}

alike! {
    Level { factor, value }
}

choices! {
    AuditLevel { Count, Offsets, ReadBack }
}

impl From<Purpose> for pb::Purpose {
    fn from(domain: Purpose) -> Self {
        use pb::purpose::{BurnIn, Canary, Capacity, Cell, Kind, WithoutConsumers};
        let kind = match domain {
            Purpose::Cell => Kind::Cell(Cell {}),
            Purpose::Canary => Kind::Canary(Canary {}),
            Purpose::BurnIn => Kind::BurnIn(BurnIn {}),
            Purpose::Capacity => Kind::Capacity(Capacity {}),
            Purpose::Share(percent) => Kind::SharePercent(percent),
            Purpose::Probe(what) => Kind::Probe(what),
            Purpose::WithoutConsumers => Kind::WithoutConsumers(WithoutConsumers {}),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<pb::Purpose> for Purpose {
    type Error = Invalid;

    fn try_from(raw: pb::Purpose) -> Result<Self, Invalid> {
        use pb::purpose::{BurnIn, Canary, Capacity, Cell, Kind, WithoutConsumers};
        let pb::Purpose { kind } = raw;
        Ok(match kind.ok_or(Invalid::Missing("Purpose.kind"))? {
            Kind::Cell(Cell {}) => Self::Cell,
            Kind::Canary(Canary {}) => Self::Canary,
            Kind::BurnIn(BurnIn {}) => Self::BurnIn,
            Kind::Capacity(Capacity {}) => Self::Capacity,
            Kind::SharePercent(percent) => Self::Share(percent),
            Kind::Probe(what) => Self::Probe(what),
            Kind::WithoutConsumers(WithoutConsumers {}) => Self::WithoutConsumers,
        })
    }
}

impl From<TopicShape> for pb::TopicShape {
    fn from(domain: TopicShape) -> Self {
        let TopicShape {
            count,
            partitions,
            replication,
            settings,
        } = domain;
        Self {
            count,
            partitions,
            replication,
            settings: all(settings),
        }
    }
}

impl From<pb::TopicShape> for TopicShape {
    fn from(raw: pb::TopicShape) -> Self {
        let pb::TopicShape {
            count,
            partitions,
            replication,
            settings,
        } = raw;
        Self {
            count,
            partitions,
            replication,
            settings: all(settings),
        }
    }
}

impl From<(String, String)> for pb::NamedText {
    fn from((name, text): (String, String)) -> Self {
        Self { name, text }
    }
}

impl From<(Arc<str>, Arc<str>)> for pb::NamedText {
    fn from((name, text): (Arc<str>, Arc<str>)) -> Self {
        Self {
            name: name.as_ref().to_owned(),
            text: text.as_ref().to_owned(),
        }
    }
}

impl From<pb::NamedText> for (Arc<str>, Arc<str>) {
    fn from(raw: pb::NamedText) -> Self {
        let pb::NamedText { name, text } = raw;
        (name.into(), text.into())
    }
}

impl From<pb::NamedText> for (String, String) {
    fn from(raw: pb::NamedText) -> Self {
        let pb::NamedText { name, text } = raw;
        (name, text)
    }
}

impl From<Windows> for pb::Windows {
    fn from(domain: Windows) -> Self {
        let Windows {
            warm_up,
            measure,
            drain,
        } = domain;
        Self {
            warm_up_ns: nanoseconds(warm_up),
            measure_ns: nanoseconds(measure),
            drain_ns: nanoseconds(drain),
        }
    }
}

impl From<pb::Windows> for Windows {
    fn from(raw: pb::Windows) -> Self {
        let pb::Windows {
            warm_up_ns,
            measure_ns,
            drain_ns,
        } = raw;
        Self {
            warm_up: Duration::from_nanos(warm_up_ns),
            measure: Duration::from_nanos(measure_ns),
            drain: Duration::from_nanos(drain_ns),
        }
    }
}

impl From<Properties> for pb::Properties {
    fn from(domain: Properties) -> Self {
        Self {
            properties: domain
                .iter()
                .map(|(name, value)| pb::Property {
                    name: name.to_owned(),
                    value: Some(value.clone().into()),
                })
                .collect(),
        }
    }
}

impl TryFrom<pb::Properties> for Properties {
    type Error = Invalid;

    fn try_from(raw: pb::Properties) -> Result<Self, Invalid> {
        let pb::Properties { properties } = raw;
        let mut domain = Self::default();
        for pb::Property { name, value } in properties {
            filled("Property.name", &name)?;
            if domain.get(&name).is_some() {
                return Err(Invalid::Twice {
                    field: "Properties.properties",
                    text: name,
                });
            }
            domain.set(name, required("Property.value", value)?);
        }
        Ok(domain)
    }
}

impl From<Value> for pb::property::Value {
    fn from(domain: Value) -> Self {
        match domain {
            Value::Text(text) => Self::Text(text),
            Value::Env(name) => Self::Env(name),
            // Plans are UTF-8, and so are the paths in them.
            Value::File(path) => Self::File(path.to_string_lossy().into_owned()),
        }
    }
}

impl From<pb::property::Value> for Value {
    fn from(raw: pb::property::Value) -> Self {
        match raw {
            pb::property::Value::Text(text) => Self::Text(text),
            pb::property::Value::Env(name) => Self::Env(name),
            pb::property::Value::File(path) => Self::File(PathBuf::from(path)),
        }
    }
}
