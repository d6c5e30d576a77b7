//! One consumer client of a group member, straight over librdkafka.
//!
//! It takes its partitions from offsets that it is told, by librdkafka's simple consumer: no group is joined, nothing is
//! committed, and the cluster keeps nothing of it. A record is counted and let go; its bytes are not looked at, but for the
//! stamp in its headers where records are read back.
#![expect(unsafe_code, reason = "the border to librdkafka's C interface")]

use std::ffi::CString;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys::bindings as c;
use tribunal_engine::producer::{ErrorCode, Polled};
use tribunal_engine::receiver::Mark;

use crate::client::{Error, configure, spoken};
use crate::codes::{error_code, last_error};
use crate::native::{Handle, Topic, milliseconds};
use crate::resolve::{ResolvedProperties, Secrets};
use crate::stamp;

/// The consumer to make.
#[derive(Debug)]
pub struct ConsumerSpec<'a> {
    /// Where the cluster is.
    pub bootstrap: &'a str,
    /// Its `client.id`.
    pub client_id: &'a str,
    /// The plan's and the cluster's properties.
    pub properties: &'a ResolvedProperties,
    /// Topic, partition and first offset of what it reads; each partition once.
    pub seats: &'a [(String, i32, i64)],
    /// Whether records are read back: each tells its [`Received::mark`].
    pub read_back: bool,
}

/// A record that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The place of its partition among [`ConsumerSpec::seats`].
    pub seat: usize,
    /// Its offset.
    pub offset: i64,
    /// Bytes of key and value.
    pub bytes: u64,
    /// Who it says that it is of, where records are read back.
    pub mark: Option<Mark>,
}

/// Properties that are set for every consumer whatever the plan says.
const IMPOSED: [(&str, &str); 4] = [
    // Nothing is left on the cluster.
    ("enable.auto.commit", "false"),
    // A record that is gone is an error and no silent jump.
    ("auto.offset.reset", "error"),
    // A topic that has been deleted must not come back.
    ("allow.auto.create.topics", "false"),
    ("statistics.interval.ms", "0"),
];

/// The most records that are taken at once.
const CAPACITY: usize = 1024;

/// A consumer whose partitions are being fetched.
pub struct KafkaConsumer {
    /// By topic in the order of their first seats.
    topics: Vec<(CString, Topic)>,
    /// Topic's place and partition of each seat.
    seats: Vec<(usize, i32)>,
    read_back: bool,
    queue: NonNull<c::rd_kafka_queue_t>,
    batch: Box<[*mut c::rd_kafka_message_t]>,
    secrets: Secrets,
    handle: Arc<Handle>,
}

// SAFETY: librdkafka's objects may be used from any thread; the messages in `batch` are destroyed before the call that
// filled it returns.
unsafe impl Send for KafkaConsumer {}

impl KafkaConsumer {
    /// Makes a consumer and lets it fetch. It connects in the background.
    pub fn open(spec: &ConsumerSpec<'_>) -> Result<Self, Error> {
        let secrets = spec.properties.secrets();
        let own = [("client.id", spec.client_id), ("bootstrap.servers", spec.bootstrap)];
        let (conf, tokens) = configure(spec.properties, &[&IMPOSED[..], &own[..]].concat())?;
        let handle = Handle::consumer(conf, tokens).map_err(|message| Error::Create {
            message: secrets.scrub(message),
        })?;
        let handle = Arc::new(handle);
        handle.log_warnings_only();
        let mut topics: Vec<(CString, Topic)> = Vec::new();
        let mut seats = Vec::new();
        for (name, partition, _) in spec.seats {
            let refused = |code| Error::Topic {
                topic: name.clone(),
                code,
            };
            let c_name = CString::new(name.as_str()).map_err(|_| refused(ErrorCode("INVALID_ARG")))?;
            let known = topics.iter().position(|(known, _)| *known == c_name);
            let place = known.unwrap_or(topics.len());
            if known.is_none() {
                topics.push((c_name, Topic::new(&handle, name).map_err(refused)?));
            }
            seats.push((place, *partition));
        }
        // SAFETY: the client is alive; the queue is ours and destroyed before it.
        let queue = unsafe { c::rd_kafka_queue_new(handle.raw()) };
        let consumer = Self {
            topics,
            seats,
            read_back: spec.read_back,
            queue: NonNull::new(queue).expect("invariant: rd_kafka_queue_new never returns null"),
            batch: vec![ptr::null_mut(); CAPACITY].into(),
            secrets,
            handle,
        };
        for ((topic, partition), (name, _, offset)) in consumer.seats.iter().zip(spec.seats) {
            let raw = consumer.topics[*topic].1.raw();
            // SAFETY: topic and queue are alive.
            let started = unsafe { c::rd_kafka_consume_start_queue(raw, *partition, *offset, consumer.queue.as_ptr()) };
            if started != 0 {
                return Err(Error::Topic {
                    topic: name.clone(),
                    code: last_error(),
                });
            }
        }
        Ok(consumer)
    }

    /// Waits at most `wait` for records and hands over those that are there. Errors of single partitions go to `failed`.
    ///
    /// librdkafka's batch call waits until its batch is full, so the first record is waited for alone.
    pub fn poll(&mut self, wait: Duration, mut each: impl FnMut(Received), mut failed: impl FnMut(ErrorCode)) {
        // SAFETY: the queue is alive; the message is ours from then on.
        let first = unsafe { c::rd_kafka_consume_queue(self.queue.as_ptr(), milliseconds(wait)) };
        if first.is_null() {
            return;
        }
        self.batch[0] = first;
        // SAFETY: the queue is alive, and there is room for as many messages as said behind the first one.
        let more = unsafe {
            c::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                0,
                self.batch.as_mut_ptr().add(1),
                self.batch.len() - 1,
            )
        };
        let count = 1 + usize::try_from(more).unwrap_or(0);
        let mut last = None;
        for message in &self.batch[..count] {
            let message = *message;
            // SAFETY: the message is ours, was filled in by librdkafka, and is destroyed once, here, after its last use.
            // The code is read as a number, as the broker may send one that the bindings do not have.
            unsafe {
                let code = (&raw const (*message).err).cast::<i32>().read();
                if code == 0 {
                    let (topic, partition) = ((*message).rkt, (*message).partition);
                    let offset = (*message).offset;
                    let bytes = ((*message).len + (*message).key_len) as u64;
                    let own = |seat: &(usize, i32)| seat.1 == partition && self.topics[seat.0].1.raw() == topic;
                    // Records of one partition come in rows.
                    let same = last.filter(|seat: &usize| own(&self.seats[*seat]));
                    last = same.or_else(|| self.seats.iter().position(own));
                    if let Some(seat) = last {
                        let mark = if self.read_back { stamp::read(message) } else { None };
                        each(Received {
                            seat,
                            offset,
                            bytes,
                            mark,
                        });
                    }
                } else {
                    failed(error_code(code));
                }
                c::rd_kafka_message_destroy(message);
            }
        }
    }

    /// What the client has to say that concerns no record; nothing when it is silent.
    pub fn said(&mut self) -> Option<Polled> {
        while let Some(event) = self.handle.poll(Duration::ZERO) {
            if let Some(polled) = spoken(event.kind(), &self.secrets) {
                return Some(polled);
            }
        }
        None
    }

    /// The end of a seat's log (its high watermark) as the last fetch told it; none before the first one.
    pub fn log_end(&self, seat: usize) -> Option<i64> {
        let (topic, partition) = self.seats.get(seat)?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client is alive, the name ends with NUL, and both numbers are ours.
        let code = unsafe {
            c::rd_kafka_get_watermark_offsets(
                self.handle.raw(),
                self.topics[*topic].0.as_ptr(),
                *partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (code as i32 == 0 && high >= 0).then_some(high)
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        for (topic, partition) in &self.seats {
            // SAFETY: the topic is alive. A partition that was never started is an error that changes nothing.
            unsafe { c::rd_kafka_consume_stop(self.topics[*topic].1.raw(), *partition) };
        }
        // SAFETY: the queue is ours, nothing is routed to it any more, and the client is alive.
        unsafe { c::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

impl fmt::Debug for KafkaConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConsumer")
            .field("seats", &self.seats.len())
            .finish_non_exhaustive()
    }
}
