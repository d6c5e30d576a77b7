//! A mock cluster: librdkafka's own, in this process, on real loopback ports.
#![expect(
    unsafe_code,
    reason = "rdkafka does not say that a mock cluster may be used from any thread"
)]

pub mod child;
pub mod line;

use std::fmt;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// A running mock cluster. It ends when dropped.
///
/// Clients of any process on this host can use it. It answers produce, metadata and offset requests; it makes and deletes
/// no topics on request and has no settings. It acknowledges at once, whatever `acks` is, and keeps at most 5 MiB or
/// 100,000 records of each partition; end offsets stay right.
pub struct Mock {
    cluster: MockCluster<'static, DefaultProducerContext>,
    bootstrap: String,
}

// SAFETY: librdkafka hands each call on a mock cluster over to the cluster's own thread through a locked queue, and the
// text of its addresses never changes.
unsafe impl Send for Mock {}
// SAFETY: as above.
unsafe impl Sync for Mock {}

/// Why a mock cluster does not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not start.
    #[error("the mock cluster could not be started: {reason}")]
    Start {
        /// librdkafka's words.
        reason: String,
    },
    /// It makes no such topic.
    #[error("the mock cluster refuses topic {topic:?}: {reason}")]
    Topic {
        /// The topic.
        topic: String,
        /// librdkafka's words.
        reason: String,
    },
}

impl Mock {
    /// Starts a mock cluster with broker ids from 1 on. Each response is held back for `round_trip`, in whole
    /// milliseconds, counted from the arrival of its request: a delay, not a limit of throughput.
    pub fn start(brokers: i32, round_trip: Option<Duration>) -> Result<Self, Error> {
        let reason = |error: KafkaError| Error::Start {
            reason: error.to_string(),
        };
        if brokers < 1 {
            return Err(Error::Start {
                reason: format!("{brokers} brokers make no cluster"),
            });
        }
        let cluster = MockCluster::new(brokers).map_err(reason)?;
        if let Some(delay) = round_trip {
            cluster.broker_round_trip_time(-1, delay).map_err(reason)?;
        }
        let bootstrap = cluster.bootstrap_servers();
        Ok(Self { cluster, bootstrap })
    }

    /// Where clients find it.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Makes a topic.
    pub fn create_topic(&self, name: &str, partitions: i32, replication: i32) -> Result<(), Error> {
        self.cluster
            .create_topic(name, partitions, replication)
            .map_err(|error| Error::Topic {
                topic: name.into(),
                reason: error.to_string(),
            })
    }

    /// Changes how long each response is held back.
    pub fn set_round_trip(&self, delay: Duration) -> Result<(), Error> {
        let reason = |error: KafkaError| Error::Start {
            reason: error.to_string(),
        };
        self.cluster.broker_round_trip_time(-1, delay).map_err(reason)
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock")
            .field("bootstrap", &self.bootstrap)
            .finish_non_exhaustive()
    }
}
