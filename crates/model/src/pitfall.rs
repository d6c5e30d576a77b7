//! Known ways to go wrong: what each costs and what to try. Plans show some of them before anything runs, measurements the
//! others.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A record of this share of the largest that is taken is near it: what a key and a batch's header take is not known.
pub const NEAR: f64 = 0.9;

/// A partition that has more than this many even shares makes a skew.
pub const SKEW: f64 = 2.0;

/// A known way to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One partition for several producers or brokers.
    OnePartition,
    /// `linger.ms` is as long as the objective's time or longer.
    LingerBeyondObjective,
    /// The linger may be more than half of the mean response time.
    LingerDominates,
    /// The linger puts no more records into a batch.
    LingerForNothing,
    /// `acks=all` where there is one replica.
    AcksAllAlone,
    /// `acks=all` where one replica in sync is enough.
    OneInSync,
    /// Keys that give some partitions much more than others.
    SkewedKeys,
    /// A client whose delivery reports wait for a call of `poll()`.
    UnpolledClient,
    /// Senders waited for a full client.
    FullQueue,
    /// The client holds less than 2 × rate × (linger + p99).
    SmallBuffer,
    /// Records nearly as large as the largest that is taken.
    LargeRecords,
    /// Fewer acknowledgements silently switch idempotence off.
    IdempotenceDropped,
    /// A codec on bytes that it cannot make fewer.
    Incompressible,
    /// A rate near or beyond what the agents can offer.
    UnreachableRate,
}

impl Kind {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 14] = [
        Self::UnreachableRate,
        Self::OnePartition,
        Self::SkewedKeys,
        Self::AcksAllAlone,
        Self::OneInSync,
        Self::IdempotenceDropped,
        Self::UnpolledClient,
        Self::FullQueue,
        Self::SmallBuffer,
        Self::LingerBeyondObjective,
        Self::LingerDominates,
        Self::LingerForNothing,
        Self::LargeRecords,
        Self::Incompressible,
    ];

    /// What it costs, to be read after the evidence.
    pub fn consequence(self) -> &'static str {
        match self {
            Self::OnePartition => {
                "one broker and one log take everything, which hides what more producers or brokers could do"
            }
            Self::LingerBeyondObjective => {
                "a record that begins a batch may wait as long as the objective allows before it is sent"
            }
            Self::LingerDominates => "records wait in the client for longer than for network and broker",
            Self::LingerForNothing => "records wait and travel in no fewer batches",
            Self::AcksAllAlone => "nobody but the leader is waited for, which costs and protects no more than acks=1",
            Self::OneInSync => {
                "those that are in sync are waited for, and the guarantee falls to one copy if the others fall out"
            }
            Self::SkewedKeys => "the brokers of few partitions take most of the load, and bound the rate of all",
            Self::UnpolledClient => {
                "delivery reports wait for the next poll(), fill the client's queue and seem to be slow brokers"
            }
            Self::FullQueue => "the application is held up, and records are sent later than they were due",
            Self::SmallBuffer => "a pause of the brokers fills the client at once, and the application is held up",
            Self::LargeRecords => {
                "key, headers and the batch count as well: a record may be refused, and no batch holds a second one"
            }
            Self::IdempotenceDropped => {
                "this client is idempotent by default and with fewer acknowledgements silently is not: a retry may double \
                 and reorder records"
            }
            Self::Incompressible => "the codec takes processor time and saves no bytes",
            Self::UnreachableRate => "the generator, not the cluster, may be what is measured",
        }
    }

    /// The change to try.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::OnePartition => "try as many partitions as brokers, or a multiple",
            Self::LingerBeyondObjective => "try a linger.ms of a tenth of that time",
            Self::LingerDominates => "try half of linger.ms, and look at records per batch",
            Self::LingerForNothing => "try linger.ms=0, or fewer producers so that each has more to batch",
            Self::AcksAllAlone => "try 3 replicas with min.insync.replicas=2, or say acks=1",
            Self::OneInSync => "try min.insync.replicas=2",
            Self::SkewedKeys => "try more keys, a key with a second part, or no key where order does not matter",
            Self::UnpolledClient => "call poll() whenever there may be something to take",
            Self::FullQueue => "try a larger buffer (queue.buffering.max.messages), or a lower rate",
            Self::SmallBuffer => "try a queue.buffering.max.messages of 2 x rate x (linger.ms + p99) or more",
            Self::LargeRecords => {
                "try a larger max.message.bytes of the topic and message.max.bytes of the client, or smaller records"
            }
            Self::IdempotenceDropped => "try acks=all, or set enable.idempotence=false so that it is said",
            Self::Incompressible => "try compression.type=none, or records like those of production (record.samples)",
            Self::UnreachableRate => "try more agents or a lower rate, and `tribunal calibrate`",
        }
    }
}

/// A pitfall with what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pitfall {
    /// Which one.
    pub kind: Kind,
    /// What shows it, as the beginning of a sentence.
    pub evidence: String,
}

impl fmt::Display for Pitfall {
    /// Evidence, consequence and the change to try, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, evidence } = self;
        write!(f, "{evidence}: {}; {}", kind.consequence(), kind.remedy())
    }
}
