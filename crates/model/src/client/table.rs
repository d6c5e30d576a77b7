//! The table: what each client calls a property.
//!
//! Sources: librdkafka's CONFIGURATION.md; kafka-python 3.0.12, `KafkaProducer.DEFAULT_CONFIG` and its documentation;
//! Apache Kafka 4.3, `ProducerConfig`; franz-go 1.22, package `kgo`.

/// One property of a plan.
pub(super) struct Row {
    /// Its one name in plans, which is librdkafka's.
    pub(super) name: &'static str,
    /// The unit of its value in plans.
    pub(super) unit: &'static str,
    /// What it applies to and when.
    pub(super) applies: &'static str,
    pub(super) kafka_python: Spelling,
    pub(super) java: Spelling,
    pub(super) franz_go: Spelling,
}

/// What one client makes of a property.
pub(super) struct Spelling {
    /// Its own name; none where it has nothing like it.
    pub(super) name: Option<&'static str>,
    /// How the value is written.
    pub(super) value: Written,
    /// In what the meaning differs from librdkafka's, or what stands in its place.
    pub(super) note: Option<&'static str>,
}

/// How a client writes a value.
#[derive(Clone, Copy)]
pub(super) enum Written {
    /// As the plan does.
    Same,
    /// A whole number.
    Whole,
    /// Whole milliseconds as a Go duration.
    GoMilliseconds,
    /// Bytes for the plan's KiB.
    Kibibytes,
    /// `true` for `false`.
    Inverted,
    /// `all`, `leader` or `none`.
    GoAcks,
    /// `all`, 0 or 1.
    Acks,
    /// In capitals.
    Capitals,
    /// A codec; none is nothing.
    Codec,
    /// Together with other properties: of the codec, of the login.
    Together,
    /// `true` for `https`, `false` for `none`.
    Truth,
    /// Nothing for `none`.
    EmptyForNone,
}

const fn named(name: &'static str, value: Written) -> Spelling {
    Spelling {
        name: Some(name),
        value,
        note: None,
    }
}

const fn differs(name: &'static str, value: Written, note: &'static str) -> Spelling {
    Spelling {
        name: Some(name),
        value,
        note: Some(note),
    }
}

const fn none(note: &'static str) -> Spelling {
    Spelling {
        name: None,
        value: Written::Same,
        note: Some(note),
    }
}

use Written::{
    Acks, Capitals, Codec, EmptyForNone, GoAcks, GoMilliseconds, Inverted, Kibibytes, Same, Together, Truth, Whole,
};

const BATCH: &str = "counted for one partition and after an estimate of compression, where librdkafka counts bytes before \
                     compression and bounds a batch by batch.num.messages as well";

pub(super) const ROWS: [Row; 33] = [
    Row {
        name: "linger.ms",
        unit: "ms",
        applies: "a batch: how long it waits for more records once its first one is there",
        kafka_python: named("linger_ms", Whole),
        java: named("linger.ms", Whole),
        franz_go: named("ProducerLinger", GoMilliseconds),
    },
    Row {
        name: "batch.size",
        unit: "bytes",
        applies: "a batch of one partition: it is closed when it would grow beyond",
        kafka_python: differs("batch_size", Whole, BATCH),
        java: differs("batch.size", Whole, BATCH),
        franz_go: differs(
            "ProducerBatchMaxBytes",
            Whole,
            "the greatest batch that is ever written, and so also the greatest record: a larger record fails",
        ),
    },
    Row {
        name: "batch.num.messages",
        unit: "records",
        applies: "a batch of one partition",
        kafka_python: none("batches are bounded by bytes only"),
        java: none("batches are bounded by bytes only"),
        franz_go: none("batches are bounded by bytes only"),
    },
    Row {
        name: "queue.buffering.max.messages",
        unit: "records",
        applies: "the client: records that wait or are in flight; more are refused",
        kafka_python: none("the buffer is bounded by bytes: queue.buffering.max.kbytes"),
        java: none("the buffer is bounded by bytes: queue.buffering.max.kbytes"),
        franz_go: named("MaxBufferedRecords", Whole),
    },
    Row {
        name: "queue.buffering.max.kbytes",
        unit: "KiB",
        applies: "the client: bytes of records that wait or are in flight; more are refused",
        kafka_python: none("3.0.12 has no bound on its buffer"),
        java: differs(
            "buffer.memory",
            Kibibytes,
            "whole batches are taken from it; a send waits for room up to max.block.ms",
        ),
        franz_go: named("MaxBufferedBytes", Kibibytes),
    },
    Row {
        name: "acks",
        unit: "",
        applies: "a produce request: which replicas have it before the broker answers",
        kafka_python: named("acks", Acks),
        java: named("acks", Acks),
        franz_go: differs(
            "RequiredAcks",
            GoAcks,
            "anything but all also sets DisableIdempotentWrite",
        ),
    },
    Row {
        name: "enable.idempotence",
        unit: "",
        applies: "the client: retries neither double nor reorder",
        kafka_python: named("enable_idempotence", Same),
        java: named("enable.idempotence", Same),
        franz_go: named("DisableIdempotentWrite", Inverted),
    },
    Row {
        name: "max.in.flight.requests.per.connection",
        unit: "requests",
        applies: "a connection: produce requests without an answer",
        kafka_python: named("max_in_flight_requests_per_connection", Whole),
        java: named("max.in.flight.requests.per.connection", Whole),
        franz_go: differs(
            "MaxProduceRequestsInflightPerBroker",
            Whole,
            "can be set only without idempotence",
        ),
    },
    Row {
        name: "compression.type",
        unit: "",
        applies: "a batch, when it is closed",
        kafka_python: named("compression_type", Codec),
        java: named("compression.type", Same),
        franz_go: differs(
            "ProducerBatchCompression",
            Same,
            "unset it prefers snappy, where all others send uncompressed",
        ),
    },
    Row {
        name: "compression.level",
        unit: "",
        applies: "a batch, when it is compressed",
        kafka_python: none("levels are its codecs' defaults"),
        java: named("compression.CODEC.level", Together),
        franz_go: named("ProducerBatchCompression", Together),
    },
    Row {
        name: "message.timeout.ms",
        unit: "ms",
        applies: "a record, from when the client took it until it is given up",
        kafka_python: named("delivery_timeout_ms", Whole),
        java: named("delivery.timeout.ms", Whole),
        franz_go: named("RecordDeliveryTimeout", GoMilliseconds),
    },
    Row {
        name: "request.timeout.ms",
        unit: "ms",
        applies: "a produce request: how long the broker may wait for its replicas",
        kafka_python: differs("request_timeout_ms", Whole, "how long the client waits for the answer"),
        java: differs("request.timeout.ms", Whole, "how long the client waits for the answer"),
        franz_go: named("ProduceRequestTimeout", GoMilliseconds),
    },
    Row {
        name: "retries",
        unit: "",
        applies: "a record",
        kafka_python: named("retries", Whole),
        java: named("retries", Whole),
        franz_go: named("RecordRetries", Whole),
    },
    Row {
        name: "retry.backoff.ms",
        unit: "ms",
        applies: "a request, before it is sent again",
        kafka_python: named("retry_backoff_ms", Whole),
        java: named("retry.backoff.ms", Whole),
        franz_go: none("its back-off is a function"),
    },
    Row {
        name: "retry.backoff.max.ms",
        unit: "ms",
        applies: "a request, before it is sent again",
        kafka_python: none("its back-off does not grow"),
        java: named("retry.backoff.max.ms", Whole),
        franz_go: none("its back-off is a function"),
    },
    Row {
        name: "message.max.bytes",
        unit: "bytes",
        applies: "a request, and so a record",
        kafka_python: named("max_request_size", Whole),
        java: named("max.request.size", Whole),
        franz_go: differs(
            "BrokerMaxWriteBytes",
            Whole,
            "bounds requests; records are bounded by batch.size",
        ),
    },
    Row {
        name: "sticky.partitioning.linger.ms",
        unit: "ms",
        applies: "records without a key: how long they stay with a partition",
        kafka_python: none("picks a random partition for each record"),
        java: none("stays with a partition for batch.size bytes"),
        franz_go: none("stays with a partition for 64 KiB"),
    },
    Row {
        name: "partitioner",
        unit: "",
        applies: "a record without a partition of its own",
        kafka_python: none("takes a function"),
        java: none("takes a class: partitioner.class, under [client.java]"),
        franz_go: none("RecordPartitioner, under [client.franz-go]"),
    },
    Row {
        name: "topic.metadata.refresh.interval.ms",
        unit: "ms",
        applies: "the client",
        kafka_python: named("metadata_max_age_ms", Whole),
        java: named("metadata.max.age.ms", Whole),
        franz_go: named("MetadataMaxAge", GoMilliseconds),
    },
    Row {
        name: "connections.max.idle.ms",
        unit: "ms",
        applies: "a connection",
        kafka_python: named("connections_max_idle_ms", Whole),
        java: named("connections.max.idle.ms", Whole),
        franz_go: named("ConnIdleTimeout", GoMilliseconds),
    },
    Row {
        name: "socket.send.buffer.bytes",
        unit: "bytes",
        applies: "a connection",
        kafka_python: named("send_buffer_bytes", Whole),
        java: named("send.buffer.bytes", Whole),
        franz_go: none("its sockets are as the system makes them"),
    },
    Row {
        name: "socket.receive.buffer.bytes",
        unit: "bytes",
        applies: "a connection",
        kafka_python: named("receive_buffer_bytes", Whole),
        java: named("receive.buffer.bytes", Whole),
        franz_go: none("its sockets are as the system makes them"),
    },
    Row {
        name: "reconnect.backoff.ms",
        unit: "ms",
        applies: "a connection",
        kafka_python: named("reconnect_backoff_ms", Whole),
        java: named("reconnect.backoff.ms", Whole),
        franz_go: none("its back-off is a function"),
    },
    Row {
        name: "reconnect.backoff.max.ms",
        unit: "ms",
        applies: "a connection",
        kafka_python: named("reconnect_backoff_max_ms", Whole),
        java: named("reconnect.backoff.max.ms", Whole),
        franz_go: none("its back-off is a function"),
    },
    Row {
        name: "security.protocol",
        unit: "",
        applies: "all connections",
        kafka_python: named("security_protocol", Capitals),
        java: named("security.protocol", Capitals),
        franz_go: named("security.protocol", Together),
    },
    Row {
        name: "sasl.mechanisms",
        unit: "",
        applies: "all connections",
        kafka_python: named("sasl_mechanism", Same),
        java: named("sasl.mechanism", Same),
        franz_go: named("SASL.mechanism", Same),
    },
    Row {
        name: "sasl.username",
        unit: "",
        applies: "all connections",
        kafka_python: named("sasl_plain_username", Same),
        java: named("sasl.jaas.config", Together),
        franz_go: named("SASL.user", Same),
    },
    Row {
        name: "sasl.password",
        unit: "",
        applies: "all connections",
        kafka_python: named("sasl_plain_password", Same),
        java: named("sasl.jaas.config", Together),
        franz_go: named("SASL.password", Same),
    },
    Row {
        name: "ssl.ca.location",
        unit: "",
        applies: "all connections",
        kafka_python: named("ssl_cafile", Same),
        java: differs("ssl.truststore.location", Together, "with ssl.truststore.type = PEM"),
        franz_go: named("TLS.ca", Same),
    },
    Row {
        name: "ssl.certificate.location",
        unit: "",
        applies: "all connections",
        kafka_python: named("ssl_certfile", Same),
        java: none("certificate and key are one file: ssl.keystore.location, under [client.java]"),
        franz_go: named("TLS.cert", Same),
    },
    Row {
        name: "ssl.key.location",
        unit: "",
        applies: "all connections",
        kafka_python: named("ssl_keyfile", Same),
        java: none("certificate and key are one file: ssl.keystore.location, under [client.java]"),
        franz_go: named("TLS.key", Same),
    },
    Row {
        name: "ssl.key.password",
        unit: "",
        applies: "all connections",
        kafka_python: named("ssl_password", Same),
        java: named("ssl.key.password", Same),
        franz_go: none("its key may have no password"),
    },
    Row {
        name: "ssl.endpoint.identification.algorithm",
        unit: "",
        applies: "all connections",
        kafka_python: named("ssl_check_hostname", Truth),
        java: named("ssl.endpoint.identification.algorithm", EmptyForNone),
        franz_go: none("always checks the name"),
    },
];
