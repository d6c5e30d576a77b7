//! Client libraries: which there are, and what each calls the properties of a plan.

use std::fmt;

use crate::properties::Properties;
use crate::units;

mod defaults;
mod docs;
mod mapping;
mod paste;
mod reported;
mod table;

#[cfg(test)]
mod tests;

pub use defaults::{Distance, default_of, distance};
pub use docs::markdown;
pub(crate) use mapping::read_back;
pub use mapping::{Unmapped, differences, knows, map, names, refusal, spelled};
pub use paste::{is_setting, paste};
pub use reported::{librdkafka_name, reported};

/// The option of confluent-kafka's driver that polls the client only every so many milliseconds.
pub const POLL_INTERVAL: &str = "poll.interval.ms";

/// What names a driver that is not one of ours.
const CUSTOM: &str = "driver:";

/// The client library that produces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Client {
    /// librdkafka in the agent's own process.
    #[default]
    Librdkafka,
    /// librdkafka in a child process, as all others are.
    LibrdkafkaChild,
    /// Python's confluent-kafka, which is librdkafka beneath.
    ConfluentKafka,
    /// Python's kafka-python.
    KafkaPython,
    /// The Java client of Apache Kafka.
    Java,
    /// Go's franz-go.
    FranzGo,
    /// A driver that the agents' settings name.
    Custom(String),
}

impl Client {
    /// All that need no setting of the agents.
    pub const KNOWN: [Self; 6] = [
        Self::Librdkafka,
        Self::LibrdkafkaChild,
        Self::ConfluentKafka,
        Self::KafkaPython,
        Self::Java,
        Self::FranzGo,
    ];

    /// The name in a plan.
    pub fn name(&self) -> String {
        let known = match self {
            Self::Librdkafka => "librdkafka",
            Self::LibrdkafkaChild => "librdkafka-child",
            Self::ConfluentKafka => "confluent-kafka",
            Self::KafkaPython => "kafka-python",
            Self::Java => "java",
            Self::FranzGo => "franz-go",
            Self::Custom(name) => return format!("{CUSTOM}{name}"),
        };
        known.to_owned()
    }

    /// The client of a name.
    pub fn named(name: &str) -> Option<Self> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        match name.strip_prefix(CUSTOM) {
            Some(own) if !own.is_empty() && own.chars().all(legal) => Some(Self::Custom(own.to_owned())),
            Some(_) => None,
            None => Self::KNOWN.into_iter().find(|client| client.name() == name),
        }
    }

    /// Whether it is librdkafka beneath, and so has librdkafka's properties.
    pub fn is_librdkafka(&self) -> bool {
        matches!(self, Self::Librdkafka | Self::LibrdkafkaChild | Self::ConfluentKafka)
    }

    /// Whether it is idempotent where nothing is said, and gives that up without a word where `acks` is not `all`.
    pub fn idempotent_by_default(&self) -> bool {
        match self {
            Self::KafkaPython | Self::Java | Self::FranzGo => true,
            Self::Librdkafka | Self::LibrdkafkaChild | Self::ConfluentKafka | Self::Custom(_) => false,
        }
    }

    /// Whether it runs in the agent's own process.
    pub fn in_process(&self) -> bool {
        *self == Self::Librdkafka
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// What names are expected, for a message.
pub fn expected(name: &str) -> String {
    let names: Vec<String> = Client::KNOWN.iter().map(Client::name).collect();
    let name = units::quoted(name);
    format!("{name} is no client; expected {} or {CUSTOM}NAME", names.join(", "))
}

/// A client as a trial uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientUse {
    /// Which one.
    pub client: Client,
    /// How many producers share a driver's process; 1 by default, without meaning for librdkafka in process.
    pub per_process: u32,
    /// Properties in the client's own spelling, which go over what is mapped.
    pub own: Properties,
    /// Options of the driver.
    pub options: Vec<(String, String)>,
}

impl ClientUse {
    /// How often it is polled, in milliseconds, where that is only every so often; confluent-kafka can be used so.
    pub fn poll_interval(&self) -> Option<u64> {
        let (_, interval) = self.options.iter().find(|(name, _)| name == POLL_INTERVAL)?;
        let rarely = |ms: &u64| self.client == Client::ConfluentKafka && *ms > 0;
        interval.parse().ok().filter(rarely)
    }
}

impl Default for ClientUse {
    /// librdkafka as it is.
    fn default() -> Self {
        Self {
            client: Client::default(),
            per_process: 1,
            own: Properties::default(),
            options: Vec::new(),
        }
    }
}
