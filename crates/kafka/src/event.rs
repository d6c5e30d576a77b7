//! Events of a client's queue, delivery reports above all.
#![expect(unsafe_code, reason = "the border to librdkafka's C interface")]

use std::ffi::c_int;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys::bindings as c;
use tribunal_engine::producer::ErrorCode;
use tribunal_engine::receiver::Mark;

use crate::codes::error_code;
use crate::native::{Handle, copy, milliseconds};
use crate::stamp;

/// One event of a client's queue.
pub(crate) struct Event {
    raw: NonNull<c::rd_kafka_event_t>,
    _handle: Arc<Handle>,
}

// SAFETY: an event belongs to whoever took it from the queue and is used by one thread at a time.
unsafe impl Send for Event {}

/// What kind of event it is.
pub(crate) enum Kind {
    Deliveries,
    Statistics(String),
    Error {
        code: ErrorCode,
        text: String,
        fatal: bool,
    },
    Log {
        level: c_int,
        facility: String,
        text: String,
    },
    Other,
}

/// One delivery report, as librdkafka gives it.
pub(crate) struct DeliveryReport {
    /// 0 for success.
    pub(crate) code: i32,
    pub(crate) status: Status,
    /// Bytes of key and value.
    pub(crate) bytes: u32,
    pub(crate) partition: i32,
    pub(crate) opaque: u64,
    /// Its offset, where the broker told one; else -1.
    pub(crate) offset: i64,
    /// Its number among its producer's records, where it was acknowledged and is asked for.
    pub(crate) sequence: Option<u64>,
}

/// Whether a record is in the log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Not,
    Possibly,
    Certainly,
}

impl Event {
    pub(crate) fn poll(handle: &Arc<Handle>, queue: *mut c::rd_kafka_queue_t, wait: Duration) -> Option<Self> {
        // SAFETY: the queue belongs to the client, which is alive.
        let raw = unsafe { c::rd_kafka_queue_poll(queue, milliseconds(wait)) };
        NonNull::new(raw).map(|raw| Self {
            raw,
            _handle: Arc::clone(handle),
        })
    }

    pub(crate) fn raw(&self) -> *mut c::rd_kafka_event_t {
        self.raw.as_ptr()
    }

    pub(crate) fn kind(&self) -> Kind {
        let raw = self.raw.as_ptr();
        // SAFETY: the event is ours, each accessor is called for the kind of event that it is for, and the strings are
        // copied while the event lives.
        unsafe {
            match c::rd_kafka_event_type(raw) {
                c::RD_KAFKA_EVENT_DR => Kind::Deliveries,
                c::RD_KAFKA_EVENT_STATS => Kind::Statistics(copy(c::rd_kafka_event_stats(raw))),
                c::RD_KAFKA_EVENT_ERROR => {
                    let code = error_code(c::rd_kafka_event_error(raw) as i32);
                    let fatal = c::rd_kafka_event_error_is_fatal(raw) != 0;
                    Kind::Error {
                        code,
                        text: copy(c::rd_kafka_event_error_string(raw)),
                        fatal,
                    }
                }
                c::RD_KAFKA_EVENT_LOG => {
                    let (mut facility, mut text, mut level) = (ptr::null(), ptr::null(), 0);
                    c::rd_kafka_event_log(raw, &raw mut facility, &raw mut text, &raw mut level);
                    Kind::Log {
                        level,
                        facility: copy(facility),
                        text: copy(text),
                    }
                }
                _ => Kind::Other,
            }
        }
    }

    /// Hands over the delivery reports that have not been handed over before; returns how many there were.
    ///
    /// All reports of an event are one batch's. librdkafka counts their offsets up from the one that the broker told, also
    /// when that is -1 (a duplicate sequence) or its own -1001 (no answer): then every later record of the batch would be
    /// told an offset that is not its own. So none of a batch is known whose first one is not.
    ///
    /// `sequences` asks for those of acknowledged records, from their stamps.
    pub(crate) fn each_report(&mut self, sequences: bool, mut each: impl FnMut(DeliveryReport)) -> u64 {
        const CHUNK: usize = 256;
        let mut chunk: [*const c::rd_kafka_message_t; CHUNK] = [ptr::null(); CHUNK];
        let mut count = 0;
        let mut told = None;
        loop {
            // SAFETY: the event is ours and the array is as long as said.
            let filled = unsafe { c::rd_kafka_event_message_array(self.raw.as_ptr(), chunk.as_mut_ptr(), CHUNK) };
            for message in &chunk[..filled] {
                // SAFETY: a message lives until its event is destroyed. The code is read as a number: a broker newer
                // than the bindings may send one that their enumeration does not have.
                let report = unsafe {
                    let message = *message;
                    let code = (&raw const (*message).err).cast::<i32>().read();
                    let offset = (*message).offset;
                    let known = *told.get_or_insert(offset >= 0);
                    let mark = if sequences && code == 0 {
                        stamp::read(message)
                    } else {
                        None
                    };
                    DeliveryReport {
                        code,
                        status: if code == 0 { Status::Certainly } else { status(message) },
                        bytes: ((*message).len + (*message).key_len) as u32,
                        partition: (*message).partition,
                        opaque: (*message)._private as u64,
                        offset: if known && code == 0 { offset } else { -1 },
                        sequence: match mark {
                            Some(Mark::Scheduled { sequence, .. }) => Some(sequence),
                            Some(Mark::Primed) | None => None,
                        },
                    }
                };
                each(report);
            }
            count += filled as u64;
            if filled == 0 {
                return count;
            }
        }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event is ours and goes with us.
        unsafe { c::rd_kafka_event_destroy(self.raw.as_ptr()) };
    }
}

/// Whether a failed record is in the log; `message` must be a live delivery report.
unsafe fn status(message: *const c::rd_kafka_message_t) -> Status {
    use c::rd_kafka_msg_status_t as S;
    // SAFETY: the caller gives a live delivery report.
    match unsafe { c::rd_kafka_message_status(message) } {
        S::RD_KAFKA_MSG_STATUS_NOT_PERSISTED => Status::Not,
        S::RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED => Status::Possibly,
        S::RD_KAFKA_MSG_STATUS_PERSISTED => Status::Certainly,
    }
}
