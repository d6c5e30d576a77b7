//! Kafka's error codes, as far as the stub answers with them.

/// An error code of Kafka's protocol; any number may be scripted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub i16);

impl Code {
    /// No error.
    pub const NONE: Self = Self(0);
    /// The topic or partition does not exist. Clients refresh their metadata and try again.
    pub const UNKNOWN_TOPIC_OR_PARTITION: Self = Self(3);
    /// The broker does not lead the partition. Clients refresh their metadata and try again.
    pub const NOT_LEADER: Self = Self(6);
    /// The batch is larger than the broker takes; fatal for its records.
    pub const MESSAGE_TOO_LARGE: Self = Self(10);
    /// The name is none a topic may have.
    pub const INVALID_TOPIC: Self = Self(17);
    /// Too few replicas are in sync; nothing was appended. Clients try again.
    pub const NOT_ENOUGH_REPLICAS: Self = Self(19);
    /// Too few replicas were in sync after the append. Clients try again.
    pub const NOT_ENOUGH_REPLICAS_AFTER_APPEND: Self = Self(20);
    /// `acks` is none of -1, 0, 1.
    pub const INVALID_REQUIRED_ACKS: Self = Self(21);
    /// The client may not write to the topic; fatal for its records.
    pub const TOPIC_AUTHORIZATION_FAILED: Self = Self(29);
    /// The client may not use the group.
    pub const GROUP_AUTHORIZATION_FAILED: Self = Self(30);
    /// The version of the API is not known.
    pub const UNSUPPORTED_VERSION: Self = Self(35);
    /// A topic of the name exists.
    pub const TOPIC_ALREADY_EXISTS: Self = Self(36);
    /// No topic can have that number of partitions.
    pub const INVALID_PARTITIONS: Self = Self(37);
    /// There are fewer brokers than replicas asked for.
    pub const INVALID_REPLICATION_FACTOR: Self = Self(38);
    /// The assignment has gaps or names a broker that is not there.
    pub const INVALID_REPLICA_ASSIGNMENT: Self = Self(39);
    /// The request makes no sense.
    pub const INVALID_REQUEST: Self = Self(42);
    /// The message format has no such thing, here: offsets by time.
    pub const UNSUPPORTED_FOR_MESSAGE_FORMAT: Self = Self(43);
    /// The stub holds as many partitions as it will.
    pub const POLICY_VIOLATION: Self = Self(44);
    /// The batch of an idempotent producer does not follow its last one.
    pub const OUT_OF_ORDER_SEQUENCE_NUMBER: Self = Self(45);
    /// The batch of an idempotent producer is older than those the broker remembers.
    pub const DUPLICATE_SEQUENCE_NUMBER: Self = Self(46);
    /// The producer has been succeeded by one with a higher epoch.
    pub const INVALID_PRODUCER_EPOCH: Self = Self(47);
    /// The client may not use transactions.
    pub const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: Self = Self(53);
    /// A record is invalid; fatal for its batch.
    pub const INVALID_RECORD: Self = Self(87);
}
