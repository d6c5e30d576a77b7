//! For tests: a trial.

use std::time::Duration;

use tribunal_driver::Programs;
use tribunal_model::design::AuditLevel;
use tribunal_model::properties::Value;
use tribunal_model::trial::{TopicShape, Trial, Windows};

use crate::alone;

/// Four producers on two topics of three partitions.
pub(crate) fn trial() -> Trial {
    let windows = Windows {
        warm_up: Duration::from_secs(1),
        measure: Duration::from_secs(1),
        drain: Duration::from_secs(5),
    };
    let mut trial = alone::trial(windows);
    for (name, value) in [("linger.ms", "5"), ("acks", "1"), ("compression.type", "lz4")] {
        trial.properties.set(name, Value::Text(value.to_owned()));
    }
    trial.topic = TopicShape {
        count: 2,
        partitions: 3,
        replication: 3,
        settings: Vec::new(),
    };
    (trial.load.producers, trial.load.seed) = (4, 42);
    trial.audit = AuditLevel::Offsets;
    trial
}

/// No driver at all.
pub(crate) fn programs() -> Programs {
    Programs::new("/nonexistent", "/nonexistent")
}
