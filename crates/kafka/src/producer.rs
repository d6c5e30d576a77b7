//! Handing records to librdkafka, without an allocation, lock or system call of ours per record.
//!
//! The *bare* path is `rd_kafka_produce_batch`. What its source (2.12.1) does with a batch that it cannot take whole:
//!
//! - The first `QUEUE_FULL` is remembered and given to all later records of the call without looking at them, so a later,
//!   smaller record is never taken after it. What was taken is a prefix, apart from the next point.
//! - A record that is too large, or whose partition or topic does not exist, gets its own error, and the call goes on.
//! - A fatal error of the client is given to all records of the call.
//! - **It leaks** a record with an assigned partition when the topic or partition is gone: the record is neither queued nor
//!   freed, and stays in the client's own count of records. So a partition beyond the topic's is never given to it, and
//!   after a first such refusal (the topic was deleted under the load) records go one by one, by `rd_kafka_produce`,
//!   which does not leak.
#![expect(unsafe_code, reason = "the load path calls librdkafka's C interface")]

use std::fmt;
use std::ptr;
use std::sync::Arc;

use rdkafka_sys::bindings as c;
use tribunal_engine::payload::PayloadPool;
use tribunal_engine::producer::{Due, ErrorCode, Offered, Producer};

use crate::client::{Client, Counts};
use crate::codes::{QUEUE_FULL, TOO_LARGE, UNKNOWN_PARTITION, error_code};
use crate::native::{Topic, read_only};
use crate::opaque::Opaque;
use crate::stamp::Stamp;

/// The most records of one call. Larger batches are taken in several.
const CAPACITY: usize = 1024;
/// Digits of the greatest key.
const DIGITS: usize = 20;
/// librdkafka's number for "let the partitioner choose".
const UNASSIGNED: i32 = -1;

/// A client's sender.
pub struct KafkaProducer {
    messages: Box<[c::rd_kafka_message_t]>,
    keys: Box<[[u8; DIGITS]]>,
    topic: Arc<Topic>,
    pool: Arc<PayloadPool>,
    counts: Arc<Counts>,
    partitions: i32,
    /// Whether `rd_kafka_produce_batch` would leak.
    singly: bool,
    stamp: Option<Stamp>,
}

// SAFETY: the pointers in `messages` lead into the pool and the keys, which this owns or keeps alive, and are written anew by
// each call before librdkafka reads them.
unsafe impl Send for KafkaProducer {}

/// A record on its way into a client, apart from its headers.
pub(crate) struct Outgoing<'a> {
    pub(crate) partition: i32,
    /// Must belong to the pool of the topic's client.
    pub(crate) body: &'a [u8],
    /// Empty for none.
    pub(crate) key: &'a [u8],
    pub(crate) opaque: *mut std::ffi::c_void,
}

/// What librdkafka did with one record.
enum Refusal {
    Full,
    Never(ErrorCode),
}

impl Refusal {
    fn new(code: i32) -> Self {
        if code == QUEUE_FULL {
            Self::Full
        } else {
            Self::Never(error_code(code))
        }
    }
}

impl KafkaProducer {
    pub(crate) fn new(client: &Client) -> Self {
        let empty = c::rd_kafka_message_t {
            err: c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
            rkt: ptr::null_mut(),
            partition: UNASSIGNED,
            payload: ptr::null_mut(),
            len: 0,
            key: ptr::null_mut(),
            key_len: 0,
            offset: 0,
            _private: ptr::null_mut(),
        };
        Self {
            messages: vec![empty; CAPACITY].into(),
            keys: vec![[0; DIGITS]; CAPACITY].into(),
            topic: Arc::clone(&client.topic),
            pool: Arc::clone(&client.pool),
            counts: Arc::clone(&client.counts),
            partitions: client.partitions,
            singly: false,
            stamp: client.is_stamped().then(|| client.stamp(&client.headers)),
        }
    }

    fn offer_batch(&mut self, due: &[Due], accepted_ns: i64, rejected: &mut Vec<(usize, ErrorCode)>) -> Offered {
        for ((due, message), key) in due.iter().zip(&mut *self.messages).zip(&mut *self.keys) {
            let body = self.pool.body(due.payload);
            message.payload = read_only(body);
            message.len = body.len();
            message.partition = due.partition.unwrap_or(UNASSIGNED);
            message._private = opaque(due, accepted_ns);
            let digits = due.key.map_or(&[][..], |number| decimal(number, key));
            message.key = if digits.is_empty() {
                ptr::null_mut()
            } else {
                read_only(digits)
            };
            message.key_len = digits.len();
        }
        // SAFETY: the topic is alive; at least as many messages as said have been filled in; their bodies stay where they
        // are until after the client has been destroyed, because it holds the pool; keys are copied by the call.
        let taken = unsafe {
            c::rd_kafka_produce_batch(
                self.topic.raw(),
                UNASSIGNED,
                c::RD_KAFKA_MSG_F_PARTITION,
                self.messages.as_mut_ptr(),
                due.len() as i32,
            )
        };
        if taken as usize == due.len() {
            return Offered {
                handled: due.len(),
                full: false,
            };
        }
        for (index, due_one) in due.iter().enumerate() {
            match self.take_code(index) {
                0 => {}
                QUEUE_FULL => {
                    debug_assert!((index + 1..due.len()).all(|later| self.take_code(later) == QUEUE_FULL));
                    return Offered {
                        handled: index,
                        full: true,
                    };
                }
                code => {
                    self.singly |= due_one.partition.is_some() && code != TOO_LARGE;
                    rejected.push((index, error_code(code)));
                }
            }
        }
        Offered {
            handled: due.len(),
            full: false,
        }
    }

    /// The code that librdkafka left in a message, which is cleared: it may be one that the bindings do not know.
    fn take_code(&mut self, index: usize) -> i32 {
        assert!(index < self.messages.len(), "invariant: indices are those of the batch");
        // SAFETY: the index is within the array, and a code has the size of a C enumeration.
        unsafe {
            let code = (&raw mut (*self.messages.as_mut_ptr().add(index)).err).cast::<i32>();
            code.replace(0)
        }
    }

    fn offer_singly(&mut self, due: &[Due], accepted_ns: i64, rejected: &mut Vec<(usize, ErrorCode)>) -> Offered {
        for (index, one) in due.iter().enumerate() {
            let record = Outgoing {
                partition: one.partition.unwrap_or(UNASSIGNED),
                body: self.pool.body(one.payload),
                key: one.key.map_or(&[][..], |number| decimal(number, &mut self.keys[0])),
                opaque: opaque(one, accepted_ns),
            };
            let sent = match &mut self.stamp {
                Some(stamp) => stamp.send(&self.topic, one.sequence, &record),
                None => send(&self.topic, &record),
            };
            match sent.map_err(Refusal::new) {
                Ok(()) => {}
                Err(Refusal::Full) => {
                    return Offered {
                        handled: index,
                        full: true,
                    };
                }
                Err(Refusal::Never(code)) => rejected.push((index, code)),
            }
        }
        Offered {
            handled: due.len(),
            full: false,
        }
    }
}

impl Producer for KafkaProducer {
    fn offer(&mut self, due: &[Due], accepted_ns: i64, rejected: &mut Vec<(usize, ErrorCode)>) -> Offered {
        let exists = |due: &Due| {
            due.partition
                .is_none_or(|partition| (0..self.partitions).contains(&partition))
        };
        let due = &due[..due.len().min(CAPACITY)];
        // A partition that does not exist ends the batch before it, and alone is a batch of its own.
        let length = due.iter().take_while(|due| exists(due)).count();
        if length == 0 {
            rejected.extend(due.first().map(|_| (0, error_code(UNKNOWN_PARTITION))));
            return Offered {
                handled: due.len().min(1),
                full: false,
            };
        }
        let due = &due[..length];
        let already = rejected.len();
        self.counts.give(length);
        let offered = if self.singly || self.stamp.is_some() {
            self.offer_singly(due, accepted_ns, rejected)
        } else {
            self.offer_batch(due, accepted_ns, rejected)
        };
        self.counts
            .take_back(length - offered.handled + (rejected.len() - already));
        offered
    }
}

impl fmt::Debug for KafkaProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaProducer")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// Sends one record without headers.
pub(crate) fn send(topic: &Topic, record: &Outgoing<'_>) -> Result<(), i32> {
    let Outgoing {
        partition,
        body,
        key,
        opaque,
    } = *record;
    let key_start = if key.is_empty() {
        ptr::null_mut()
    } else {
        read_only(key)
    };
    // SAFETY: the topic is alive; the body stays where it is until after the client has been destroyed, because it holds
    // the pool; the key is copied by the call.
    unsafe {
        let body_start = read_only(body);
        match c::rd_kafka_produce(
            topic.raw(),
            partition,
            0,
            body_start,
            body.len(),
            key_start,
            key.len(),
            opaque,
        ) {
            0 => Ok(()),
            _ => Err(c::rd_kafka_last_error() as i32),
        }
    }
}

/// A record's opaque, as the pointer that librdkafka hands back and never follows.
fn opaque(due: &Due, accepted_ns: i64) -> *mut std::ffi::c_void {
    pointer(Opaque::scheduled(due.part, due.intended_ns, accepted_ns))
}

/// An opaque as a pointer that nobody follows.
pub(crate) fn pointer(opaque: Opaque) -> *mut std::ffi::c_void {
    ptr::without_provenance_mut(opaque.0 as usize)
}

/// A number's decimal digits, written to the end of `room`.
fn decimal(mut number: u64, room: &mut [u8; DIGITS]) -> &[u8] {
    let mut start = DIGITS;
    loop {
        start -= 1;
        room[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &room[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decimal_digits() {
        for number in [0, 7, 10, 12_345, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; DIGITS]), number.to_string().as_bytes());
        }
    }
}
