//! Named baselines, in librdkafka's spelling.

use crate::properties::{Properties, Value};

/// A named set of properties that a baseline starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Preset {
    /// Nothing set: what the client library does by itself, and so what most producers in the world run with.
    #[default]
    Default,
    /// For the most records: waits 20 ms so that batches fill, lets them grow to librdkafka's default of 1,000,000
    /// bytes, compresses with the cheapest codec, and asks only the leader for its acknowledgement.
    Throughput,
    /// For the least response time at a moderate rate: sends at once, spends no time on compression, and waits for no
    /// follower.
    Latency,
    /// For records that must not be lost or doubled: all in-sync replicas acknowledge, idempotence keeps retries from
    /// doubling and reordering, a short linger and zstd win back part of what that costs.
    Durable,
    /// A middle course to start from: all acknowledgements, 10 ms of linger, 256 KiB batches, zstd. For librdkafka the
    /// batch is smaller than its default, for the Java client sixteen times larger.
    Suggested,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 5] = [
        Self::Default,
        Self::Throughput,
        Self::Latency,
        Self::Durable,
        Self::Suggested,
    ];

    /// The name in a plan.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Throughput => "throughput",
            Self::Latency => "latency",
            Self::Durable => "durable",
            Self::Suggested => "suggested",
        }
    }

    /// What it sets.
    pub fn properties(self) -> Properties {
        let pairs: &[(&str, &str)] = match self {
            Self::Default => &[],
            Self::Throughput => &[
                ("linger.ms", "20"),
                ("batch.size", "1000000"),
                ("compression.type", "lz4"),
                ("acks", "1"),
            ],
            Self::Latency => &[("linger.ms", "0"), ("compression.type", "none"), ("acks", "1")],
            Self::Durable => &[
                ("acks", "all"),
                ("enable.idempotence", "true"),
                ("linger.ms", "5"),
                ("compression.type", "zstd"),
            ],
            Self::Suggested => &[
                ("linger.ms", "10"),
                ("batch.size", "262144"),
                ("compression.type", "zstd"),
                ("acks", "all"),
            ],
        };
        let mut properties = Properties::default();
        for (name, value) in pairs {
            properties.set(*name, Value::Text((*value).to_owned()));
        }
        properties
    }
}
