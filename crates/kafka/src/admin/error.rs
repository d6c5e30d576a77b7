//! What can go wrong with a cluster, and which of it passes.

use std::time::Duration;

use tribunal_engine::producer::ErrorCode;

use crate::client;

/// Why a cluster did not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection's properties are refused.
    #[error(transparent)]
    Properties(#[from] client::Error),
    /// The cluster cannot be reached.
    #[error("no broker could be reached at {bootstrap} within {:.0?}: {reason}", waited)]
    Unreachable {
        /// Where it was sought.
        bootstrap: String,
        /// For how long.
        waited: Duration,
        /// The last error, in one line.
        reason: String,
    },
    /// The cluster refuses, or does not answer.
    #[error("{act} {topic:?}: {text}")]
    Refused {
        /// What was asked, for example "create topic".
        act: &'static str,
        /// The topic; empty where there is none.
        topic: String,
        /// Why, as a code.
        code: ErrorCode,
        /// Why, in words.
        text: String,
    },
    /// A topic is not ready in time.
    #[error("topic {topic:?} is not ready after {waited:.0?}: {problem}")]
    NotReady {
        /// The topic.
        topic: String,
        /// How long it was given.
        waited: Duration,
        /// What is missing.
        problem: String,
    },
}

impl Error {
    /// Whether the same request may succeed later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Properties(_) => false,
            Self::Unreachable { .. } | Self::NotReady { .. } => true,
            Self::Refused { code, .. } => passes(*code),
        }
    }

    /// The error's code, where the cluster gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Properties(_) | Self::Unreachable { .. } | Self::NotReady { .. } => None,
        }
    }
}

/// Whether an error may pass by itself.
pub(super) fn passes(code: ErrorCode) -> bool {
    const PASSING: [&str; 27] = [
        "ALL_BROKERS_DOWN",
        "BROKER_NOT_AVAILABLE",
        "COORDINATOR_LOAD_IN_PROGRESS",
        "DESTROY_BROKER",
        "FENCED_LEADER_EPOCH",
        "KAFKA_STORAGE_ERROR",
        "LEADER_NOT_AVAILABLE",
        "NETWORK_EXCEPTION",
        "NOT_CONTROLLER",
        "NOT_ENOUGH_REPLICAS",
        "NOT_LEADER_FOR_PARTITION",
        "OFFSET_NOT_AVAILABLE",
        "PREFERRED_LEADER_NOT_AVAILABLE",
        "REPLICA_NOT_AVAILABLE",
        "REQUEST_TIMED_OUT",
        "RETRY",
        "THROTTLING_QUOTA_EXCEEDED",
        "TIMED_OUT",
        "TIMED_OUT_QUEUE",
        "TRANSPORT",
        "UNKNOWN_LEADER_EPOCH",
        // A topic that was made a moment ago is not known everywhere yet, this client included.
        "UNKNOWN_PARTITION",
        "UNKNOWN_TOPIC",
        "UNKNOWN_TOPIC_OR_PART",
        // A topic that has just been made is not known to every broker.
        "UNKNOWN_TOPIC_OR_PART",
        "UNKNOWN_PARTITION",
        "WAIT_COORD",
    ];
    PASSING.contains(&code.0)
}
