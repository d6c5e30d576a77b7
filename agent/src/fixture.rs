//! For tests: a trial.

use std::time::Duration;

use tribunal_driver::Programs;
use tribunal_model::client::ClientUse;
use tribunal_model::design::{AuditLevel, Purpose};
use tribunal_model::ids::{CellId, TrialId};
use tribunal_model::properties::{Properties, Value};
use tribunal_model::trial::{
    Arrivals, Content, Keys, Load, Partitioner, Rate, RecordShape, Size, TopicShape, Trial, WhenFull, Windows,
};

/// Four producers on two topics of three partitions.
pub(crate) fn trial() -> Trial {
    let windows = Windows {
        warm_up: Duration::from_secs(1),
        measure: Duration::from_secs(1),
        drain: Duration::from_secs(5),
    };
    let mut properties = Properties::default();
    for (name, value) in [("linger.ms", "5"), ("acks", "1"), ("compression.type", "lz4")] {
        properties.set(name, Value::Text(value.to_owned()));
    }
    Trial {
        id: TrialId(1),
        block: 0,
        cell: CellId(1),
        purpose: Purpose::Cell,
        cluster: None,
        levels: Vec::new(),
        topic: TopicShape {
            count: 2,
            partitions: 3,
            replication: 3,
            settings: Vec::new(),
        },
        load: Load {
            rate: Rate::Saturate,
            profile: None,
            arrivals: Arrivals::Poisson,
            producers: 4,
            record: RecordShape {
                size: Size::Fixed(100),
                content: Content::Generated { compressibility: 0.5 },
                headers: Vec::new(),
            },
            keys: Keys::None,
            partitioner: Partitioner::Native,
            when_full: WhenFull::Hold,
            seed: 42,
        },
        windows,
        settle: Duration::ZERO,
        audit: AuditLevel::Offsets,
        properties,
        client: ClientUse::default(),
    }
}

/// No driver at all.
pub(crate) fn programs() -> Programs {
    Programs::new("/nonexistent", "/nonexistent")
}
