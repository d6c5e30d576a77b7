//! One producer client on the load path, straight over librdkafka.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tribunal_engine::payload::PayloadPool;
use tribunal_engine::producer::{Control, ErrorCode, Polled};

use crate::codes::error_text;
use crate::event::{Event, Kind};
use crate::native::{Conf, Handle, Topic, WARNING};
use crate::producer::KafkaProducer;
use crate::reports::KafkaReports;
use crate::resolve::{ResolvedProperties, Secrets, mask};
use crate::stamp::Stamp;

/// The client to make.
pub struct ClientSpec<'a> {
    /// Where the cluster is.
    pub bootstrap: &'a str,
    /// Its `client.id`.
    pub client_id: &'a str,
    /// The trial's and the cluster's properties.
    pub properties: &'a ResolvedProperties,
    /// The topic that it writes to.
    pub topic: &'a str,
    /// Number of partitions of that topic.
    pub partitions: i32,
    /// The bodies of its records; [`tribunal_engine::producer::Due::payload`] is a number in it.
    pub pool: Arc<PayloadPool>,
    /// Headers of every record. With any of them records take the *stamped* path.
    pub headers: Vec<(String, String)>,
    /// Whether records are read back: all of them, primed ones too, take the *stamped* path, and the delivery reports of
    /// acknowledged ones tell which record each is.
    pub read_back: bool,
    /// The producer's index in the trial, for the stamp.
    pub index: u32,
}

impl fmt::Debug for ClientSpec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSpec")
            .field("client_id", &self.client_id)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

/// A property that is set for every client whatever the plan says, so that the accounting holds.
const IMPOSED: [(&str, &str); 3] = [
    // A sample holds one second.
    ("statistics.interval.ms", "1000"),
    // A topic that has been deleted must not come back because a client still has records for it.
    ("allow.auto.create.topics", "false"),
    // Every record has its delivery report.
    ("delivery.report.only.error", "false"),
];

/// Why there is no client, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// librdkafka refuses a property.
    #[error("property {property} is refused: {message}")]
    Property {
        /// The property.
        property: String,
        /// librdkafka's words, without secrets.
        message: String,
    },
    /// librdkafka refuses to make a client of properties that are right each by itself.
    #[error("no client can be made of these properties: {message}")]
    Create {
        /// librdkafka's words, without secrets.
        message: String,
    },
    /// librdkafka refuses the topic.
    #[error("topic {topic:?} is refused: {}", error_text(*code))]
    Topic {
        /// The topic.
        topic: String,
        /// Why.
        code: ErrorCode,
    },
    /// A header's name cannot be sent.
    #[error("header {name:?} holds a NUL character")]
    Header {
        /// The header.
        name: String,
    },
    /// Some partitions did not take a record before the trial.
    #[error(
        "{missing} of {tried} partitions of topic {topic:?} never took the record that makes them ready; last error: {last}"
    )]
    Prime {
        /// The topic.
        topic: String,
        /// Partitions without an answer.
        missing: usize,
        /// Partitions asked.
        tried: usize,
        /// The last error, or "none".
        last: String,
    },
}

/// A producer client before its trial.
pub struct Client {
    pub(crate) topic: Arc<Topic>,
    pub(crate) topic_name: String,
    pub(crate) partitions: i32,
    pub(crate) pool: Arc<PayloadPool>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) secrets: Secrets,
    /// Whether `acks=0` is in effect.
    pub(crate) blind: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) read_back: bool,
    index: u32,
}

/// Records that went in and reports that came out.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    accepted: AtomicU64,
    reported: AtomicU64,
}

impl Counts {
    /// Called before records are given to the client, so that none is ever reported before it is counted.
    pub(crate) fn give(&self, records: usize) {
        self.accepted.fetch_add(records as u64, Ordering::Relaxed);
    }

    /// Called after the client has refused some of them.
    pub(crate) fn take_back(&self, records: usize) {
        self.accepted.fetch_sub(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn report(&self, records: u64) {
        self.reported.fetch_add(records, Ordering::Relaxed);
    }

    /// Records given to the client so far.
    pub(crate) fn given(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    fn in_flight(&self) -> u64 {
        // In this order: a report that arrives between the two loads makes the figure too large, never too small.
        let reported = self.reported.load(Ordering::Relaxed);
        self.accepted.load(Ordering::Relaxed).saturating_sub(reported)
    }
}

impl Client {
    /// Makes a client. It connects in the background.
    pub fn open(spec: ClientSpec<'_>) -> Result<Self, Error> {
        if let Some((name, _)) = spec.headers.iter().find(|(name, _)| name.contains('\0')) {
            return Err(Error::Header { name: name.clone() });
        }
        let secrets = spec.properties.secrets();
        let own = [("client.id", spec.client_id), ("bootstrap.servers", spec.bootstrap)];
        let (conf, tokens) = configure(spec.properties, &[&IMPOSED[..], &own[..]].concat())?;
        let pool = Arc::clone(&spec.pool);
        let handle = Handle::producer(conf, Some(pool), tokens).map_err(|message| Error::Create {
            message: secrets.scrub(message),
        })?;
        let handle = Arc::new(handle);
        let topic = Topic::new(&handle, spec.topic).map_err(|code| Error::Topic {
            topic: spec.topic.into(),
            code,
        })?;
        let live = handle.dump();
        let effective = |name: &str| {
            live.iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        Ok(Self {
            blind: effective("request.required.acks") == Some("0"),
            topic: Arc::new(topic),
            topic_name: spec.topic.into(),
            partitions: spec.partitions,
            pool: spec.pool,
            counts: Arc::new(Counts::default()),
            secrets,
            headers: spec.headers,
            read_back: spec.read_back,
            index: spec.index,
        })
    }

    /// What is in effect, read from the live client: name and value of every property that a producer has, under Kafka's
    /// names, secrets masked.
    pub fn effective_configuration(&self) -> Vec<(String, String)> {
        let shown = |name: &str| crate::catalogue::find(name).is_some_and(|entry| !entry.consumer);
        let dump = self.topic.handle().dump().into_iter();
        dump.filter(|(name, value)| shown(name) && !(name == "compression.codec" && value == "inherit"))
            .map(|(name, value)| {
                let name = KAFKA_NAMES
                    .iter()
                    .find(|(own, _)| *own == name)
                    .map_or(name, |(_, kafka)| (*kafka).into());
                let value = mask(&name, &value).to_owned();
                (name, value)
            })
            .collect()
    }

    /// Whether the client takes the *stamped* path rather than the *bare* one.
    pub fn is_stamped(&self) -> bool {
        self.read_back || !self.headers.is_empty()
    }

    /// What stamps this producer's records, behind these headers.
    pub(crate) fn stamp(&self, headers: &[(String, String)]) -> Stamp {
        Stamp::new(headers, self.index)
    }

    /// The three handles of the trial. The client goes when the last of them is dropped, which purges its records and
    /// waits for librdkafka's threads to end.
    pub fn into_handles(self) -> (KafkaProducer, KafkaReports, Arc<KafkaControl>) {
        self.topic.handle().log_warnings_only();
        let control = KafkaControl {
            handle: Arc::clone(self.topic.handle()),
            counts: Arc::clone(&self.counts),
        };
        let reports = KafkaReports::new(&self);
        let producer = KafkaProducer::new(&self);
        (producer, reports, Arc::new(control))
    }

    /// The next event of the client's queue.
    pub(crate) fn poll(&self, wait: Duration) -> Option<Event> {
        self.topic.handle().poll(wait)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("index", &self.index)
            .field("topic", &self.topic_name)
            .finish_non_exhaustive()
    }
}

/// librdkafka's own names of properties that Kafka calls otherwise.
const KAFKA_NAMES: [(&str, &str); 5] = [
    ("metadata.broker.list", "bootstrap.servers"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("message.send.max.retries", "retries"),
    ("compression.codec", "compression.type"),
    ("request.required.acks", "acks"),
];

/// What any thread may ask of a client.
pub struct KafkaControl {
    handle: Arc<Handle>,
    counts: Arc<Counts>,
}

impl Control for KafkaControl {
    /// Purges the queue and what is in flight, without waiting for librdkafka's threads to do so: one of them may be
    /// resolving a name for seconds, and a load that must stop cannot wait for that. Records that were being moved
    /// between librdkafka's queues at that instant may escape; while [`Self::in_flight`] does not fall to zero, purge
    /// again.
    fn purge(&self) {
        self.handle.purge();
    }

    /// Counted by ourselves, exactly: librdkafka's own figure holds other events too, and records that it has leaked.
    fn in_flight(&self) -> u64 {
        self.counts.in_flight()
    }
}

impl fmt::Debug for KafkaControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaControl")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// A configuration of the properties with others over them, and whether it refreshes tokens.
pub(crate) fn configure(properties: &ResolvedProperties, over: &[(&str, &str)]) -> Result<(Conf, bool), Error> {
    let secrets = properties.secrets();
    let mut conf = Conf::new();
    let refused = |property: &str, text: String| Error::Property {
        property: property.into(),
        message: secrets.scrub(text),
    };
    for (name, value) in properties.iter().chain(over.iter().copied()) {
        conf.set(name, value).map_err(|error| refused(name, error.text))?;
    }
    // Vendored OpenSSL looks for certificates where it was built, not where this host keeps them.
    let tls = properties
        .get("security.protocol")
        .is_some_and(|protocol| protocol.to_ascii_lowercase().ends_with("ssl"));
    if tls && properties.get("ssl.ca.location").is_none() && properties.get("ssl.ca.pem").is_none() {
        conf.set("ssl.ca.location", "probe")
            .map_err(|error| refused("ssl.ca.location", error.text))?;
    }
    let mechanism = properties
        .get("sasl.mechanisms")
        .or_else(|| properties.get("sasl.mechanism"));
    let tokens = mechanism.is_some_and(|mechanism| mechanism.eq_ignore_ascii_case("OAUTHBEARER"));
    if tokens {
        conf.serve_tokens_in_background();
    }
    conf.ask_for_events()
        .map_err(|error| refused("log.queue", error.text))?;
    Ok((conf, tokens))
}

/// What an event says to the report thread; `None` for what concerns nobody.
pub(crate) fn spoken(kind: Kind, secrets: &Secrets) -> Option<Polled> {
    match kind {
        Kind::Deliveries => Some(Polled::Deliveries),
        Kind::Statistics(raw) => Some(Polled::Statistics(raw)),
        Kind::Error { code, text, fatal } => {
            let text = if fatal { format!("fatal: {text}") } else { text };
            Some(Polled::Error(code, secrets.scrub(text)))
        }
        Kind::Log { level, facility, text } if level <= WARNING => {
            Some(Polled::Log(secrets.scrub(format!("{facility}: {text}"))))
        }
        Kind::Log { .. } | Kind::Other => None,
    }
}
