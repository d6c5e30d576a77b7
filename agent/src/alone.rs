//! A trial outside any experiment, from which those of the self-test, of checks and of a driver's own load are made.

use std::time::Duration;

use tribunal_model::client::ClientUse;
use tribunal_model::design::{AuditLevel, Purpose};
use tribunal_model::ids::{CellId, TrialId};
use tribunal_model::properties::Properties;
use tribunal_model::trial::{
    Arrivals, Content, Keys, Load, Partitioner, Rate, RecordShape, Size, TopicShape, Trial, WhenFull, Windows,
};

/// A closed loop of one librdkafka producer in process: records of 100 bytes without keys on one partition.
pub(crate) fn trial(windows: Windows) -> Trial {
    Trial {
        id: TrialId(1),
        block: 0,
        cell: CellId(1),
        purpose: Purpose::Cell,
        cluster: None,
        levels: Vec::new(),
        topic: TopicShape {
            count: 1,
            partitions: 1,
            replication: 1,
            settings: Vec::new(),
        },
        load: Load {
            rate: Rate::Saturate,
            profile: None,
            arrivals: Arrivals::Poisson,
            producers: 1,
            record: RecordShape {
                size: Size::Fixed(100),
                content: Content::Generated { compressibility: 0.5 },
                headers: Vec::new(),
            },
            keys: Keys::None,
            partitioner: Partitioner::Native,
            when_full: WhenFull::Hold,
            seed: 1,
        },
        windows,
        settle: Duration::ZERO,
        audit: AuditLevel::Count,
        consumers: None,
        properties: Properties::default(),
        client: ClientUse::default(),
    }
}
