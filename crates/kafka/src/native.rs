//! librdkafka's handles, each with one owner, so that nothing outlives what it points into.
#![expect(unsafe_code, reason = "the border to librdkafka's C interface")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys::bindings as c;
use tribunal_engine::payload::PayloadPool;
use tribunal_engine::producer::ErrorCode;

use crate::codes::last_error;
use crate::event::Event;

/// Syslog's level of a warning.
pub(crate) const WARNING: c_int = 4;
/// Syslog's level of a piece of information. librdkafka says by it why a connection failed.
const INFORMATION: c_int = 6;
/// Room for librdkafka's error texts.
const TEXT: usize = 512;

/// Why librdkafka does not take a property.
#[derive(Debug)]
pub(crate) struct NotTaken {
    /// Whether it does not know the name.
    pub(crate) unknown: bool,
    /// Its own words.
    pub(crate) text: String,
}

/// A client's configuration, until a client is made of it.
#[derive(Debug)]
pub(crate) struct Conf(NonNull<c::rd_kafka_conf_t>);

impl Conf {
    pub(crate) fn new() -> Self {
        // SAFETY: makes a new object; it fails only when memory is out, and then it ends the process itself.
        let raw = unsafe { c::rd_kafka_conf_new() };
        Self(NonNull::new(raw).expect("invariant: rd_kafka_conf_new never returns null"))
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), NotTaken> {
        let nul = |_| NotTaken {
            unknown: false,
            text: "a NUL character is not allowed".into(),
        };
        let (name, value) = (CString::new(name).map_err(nul)?, CString::new(value).map_err(nul)?);
        let mut text = [0; TEXT];
        // SAFETY: the configuration is ours, the strings end with NUL, and the text is as long as said.
        let result = unsafe {
            c::rd_kafka_conf_set(
                self.0.as_ptr(),
                name.as_ptr(),
                value.as_ptr(),
                text.as_mut_ptr(),
                text.len(),
            )
        };
        match result {
            c::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
            other => {
                let unknown = other == c::rd_kafka_conf_res_t::RD_KAFKA_CONF_UNKNOWN;
                Err(NotTaken {
                    unknown,
                    text: read_text(&text),
                })
            }
        }
    }

    /// Asks for deliveries, statistics, errors and log lines as events of the main queue.
    pub(crate) fn ask_for_events(&mut self) -> Result<(), NotTaken> {
        let events = c::RD_KAFKA_EVENT_DR | c::RD_KAFKA_EVENT_STATS | c::RD_KAFKA_EVENT_ERROR | c::RD_KAFKA_EVENT_LOG;
        // SAFETY: the configuration is ours.
        unsafe { c::rd_kafka_conf_set_events(self.0.as_ptr(), events) };
        self.set("log.queue", "true")
    }

    /// Has token refreshes served by librdkafka's own thread; without it they would come as events to us.
    pub(crate) fn serve_tokens_in_background(&mut self) {
        // SAFETY: the configuration is ours.
        unsafe { c::rd_kafka_conf_enable_sasl_queue(self.0.as_ptr(), 1) };
    }
}

impl Drop for Conf {
    fn drop(&mut self) {
        // SAFETY: the configuration is ours and goes with us.
        unsafe { c::rd_kafka_conf_destroy(self.0.as_ptr()) };
    }
}

/// A client of librdkafka and its main queue. Goes when the last of its owners goes, and takes its records with it.
pub(crate) struct Handle {
    rk: NonNull<c::rd_kafka_t>,
    queue: NonNull<c::rd_kafka_queue_t>,
    /// What the client's records point into. A field, so it is dropped after the client has been destroyed.
    _pool: Option<Arc<PayloadPool>>,
}

// SAFETY: librdkafka's client and queue objects may be used from any thread at once, by its documentation.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Handle {
    /// Makes a producer client. `pool` stays alive as long as the client does.
    pub(crate) fn producer(conf: Conf, pool: Option<Arc<PayloadPool>>, tokens: bool) -> Result<Self, String> {
        Self::make(c::rd_kafka_type_t::RD_KAFKA_PRODUCER, conf, pool, tokens)
    }

    /// Makes a consumer client.
    pub(crate) fn consumer(conf: Conf, tokens: bool) -> Result<Self, String> {
        Self::make(c::rd_kafka_type_t::RD_KAFKA_CONSUMER, conf, None, tokens)
    }

    fn make(
        kind: c::rd_kafka_type_t,
        conf: Conf,
        pool: Option<Arc<PayloadPool>>,
        tokens: bool,
    ) -> Result<Self, String> {
        let mut text = [0; TEXT];
        // SAFETY: the configuration is valid; a client that is made takes it, and then it is not ours to destroy.
        let raw = unsafe { c::rd_kafka_new(kind, conf.0.as_ptr(), text.as_mut_ptr(), text.len()) };
        let Some(rk) = NonNull::new(raw) else {
            return Err(read_text(&text));
        };
        std::mem::forget(conf);
        // SAFETY: the client has just been made; the queue is a counted reference that we give back when dropped.
        let queue = unsafe {
            let queue = c::rd_kafka_queue_get_main(rk.as_ptr());
            // It fails only for clients without `log.queue`, and every configuration of ours has that.
            let _ = c::rd_kafka_set_log_queue(rk.as_ptr(), queue);
            c::rd_kafka_set_log_level(rk.as_ptr(), INFORMATION);
            if tokens {
                let error = c::rd_kafka_sasl_background_callbacks_enable(rk.as_ptr());
                c::rd_kafka_error_destroy(error);
            }
            NonNull::new(queue).expect("invariant: a client has a main queue")
        };
        Ok(Self { rk, queue, _pool: pool })
    }

    /// Has librdkafka log warnings and worse only, so that nothing else is put together under load.
    pub(crate) fn log_warnings_only(&self) {
        // SAFETY: the client is alive.
        unsafe { c::rd_kafka_set_log_level(self.rk.as_ptr(), WARNING) };
    }

    pub(crate) fn raw(&self) -> *mut c::rd_kafka_t {
        self.rk.as_ptr()
    }

    /// The next event of the main queue within `wait`, which is rounded up to whole milliseconds.
    pub(crate) fn poll(self: &Arc<Self>, wait: Duration) -> Option<Event> {
        Event::poll(self, self.queue.as_ptr(), wait)
    }

    /// Drops all records, queued or in flight, without waiting for librdkafka's threads to have done it.
    pub(crate) fn purge(&self) {
        let flags = c::RD_KAFKA_PURGE_F_QUEUE | c::RD_KAFKA_PURGE_F_INFLIGHT | c::RD_KAFKA_PURGE_F_NON_BLOCKING;
        // SAFETY: the client is alive; the only errors are wrong flags and a client that is no producer.
        let _ = unsafe { c::rd_kafka_purge(self.rk.as_ptr(), flags) };
    }

    /// Name and value of every property of the live client, the default topic's included, secrets in clear.
    pub(crate) fn dump(&self) -> Vec<(String, String)> {
        // SAFETY: the configuration belongs to the client, which is alive, and is only read; the topic configuration is
        // the client's own or, where it has none, a new one with the defaults, which is destroyed here.
        unsafe {
            let conf = c::rd_kafka_conf(self.rk.as_ptr()).cast_mut();
            let mut count = 0;
            let mut all = take_dump(c::rd_kafka_conf_dump(conf, &raw mut count), count);
            let borrowed = c::rd_kafka_conf_get_default_topic_conf(conf);
            let made = if borrowed.is_null() {
                c::rd_kafka_topic_conf_new()
            } else {
                ptr::null_mut()
            };
            let topic = if borrowed.is_null() { made } else { borrowed };
            all.extend(take_dump(c::rd_kafka_topic_conf_dump(topic, &raw mut count), count));
            if !made.is_null() {
                c::rd_kafka_topic_conf_destroy(made);
            }
            all
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Destroying a client drops its records without a word; purging them first spares its log line about that.
        self.purge();
        // SAFETY: nobody else holds the client: events and topics share ownership of this handle. Destroying waits for
        // librdkafka's threads, so that afterwards nothing reads the payload pool. They end at once unless one of them
        // is resolving a name.
        unsafe {
            c::rd_kafka_queue_destroy(self.queue.as_ptr());
            c::rd_kafka_destroy_flags(self.rk.as_ptr(), c::RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        }
    }
}

/// A topic of a client.
pub(crate) struct Topic {
    raw: NonNull<c::rd_kafka_topic_t>,
    handle: Arc<Handle>,
}

// SAFETY: librdkafka's topic objects may be used from any thread at once, by its documentation.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

impl Topic {
    /// A topic by its name, with the client's default topic configuration.
    pub(crate) fn new(handle: &Arc<Handle>, name: &str) -> Result<Self, ErrorCode> {
        let name = CString::new(name).map_err(|_| ErrorCode("INVALID_ARG"))?;
        // SAFETY: the client is alive, the name ends with NUL, and no configuration means the client's own.
        let raw = unsafe { c::rd_kafka_topic_new(handle.raw(), name.as_ptr(), ptr::null_mut()) };
        match NonNull::new(raw) {
            Some(raw) => Ok(Self {
                raw,
                handle: Arc::clone(handle),
            }),
            None => Err(last_error()),
        }
    }

    pub(crate) fn raw(&self) -> *mut c::rd_kafka_topic_t {
        self.raw.as_ptr()
    }

    pub(crate) fn handle(&self) -> &Arc<Handle> {
        &self.handle
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and the client is alive.
        unsafe { c::rd_kafka_topic_destroy(self.raw.as_ptr()) };
    }
}

/// A C string as text; nothing for null. `text` must be null or end with NUL.
pub(crate) unsafe fn copy(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller says that it ends with NUL.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Whole milliseconds, rounded up.
pub(crate) fn milliseconds(wait: Duration) -> c_int {
    c_int::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
}

/// The version of librdkafka.
pub(crate) fn version() -> String {
    // SAFETY: returns a constant.
    unsafe { copy(c::rd_kafka_version_str()) }
}

fn read_text(text: &[c_char]) -> String {
    let bytes: Vec<u8> = text
        .iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| *byte as u8)
        .collect();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Copies a dump of name, value, name, value and frees it; `raw` must be a dump of `count` strings.
unsafe fn take_dump(raw: *mut *const c_char, count: usize) -> Vec<(String, String)> {
    // SAFETY: the caller gives a dump; its entries are C strings, values perhaps null.
    unsafe {
        let all = (0..count / 2)
            .map(|i| (copy(*raw.add(2 * i)), copy(*raw.add(2 * i + 1))))
            .collect();
        c::rd_kafka_conf_dump_free(raw, count);
        all
    }
}

/// A pointer for librdkafka to bytes that it only reads.
pub(crate) fn read_only(bytes: &[u8]) -> *mut c_void {
    bytes.as_ptr().cast_mut().cast()
}
