//! The ceiling of the load path: the same librdkafka calls on the same two threads, with no schedule, no clock, no
//! histogram and no accounting around them. `benches/peers` sets Tribunal's processor time against this one's.
//!
//! ```text
//! bare_loop BOOTSTRAP TOPIC SIZE SECONDS [property=value …]
//! ```
//!
//! Prints one line of JSON: records reported, seconds from the first call to the last report, processor seconds of its two
//! load threads.
#![expect(unsafe_code, reason = "the calls of the load path, bare")]
#![expect(clippy::print_stdout, reason = "its result is a line on standard output")]

use std::error::Error;
use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;

use rdkafka_sys::bindings as c;
use tribunal_engine::clock::{Clock, MonotonicClock, thread_cpu_ns};

/// Records of one call, as on the load path.
const BATCH: usize = 1000;
/// Delivery reports taken from an event at a time, as on the load path.
const CHUNK: usize = 256;

/// A client that both threads use; librdkafka's objects may be used from any thread at once, by its documentation.
struct Client {
    rk: *mut c::rd_kafka_t,
    topic: *mut c::rd_kafka_topic_t,
    queue: *mut c::rd_kafka_queue_t,
}

// SAFETY: as the type's documentation says.
unsafe impl Sync for Client {}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bootstrap, topic, size, seconds, properties @ ..] = arguments.as_slice() else {
        return Err("usage: bare_loop BOOTSTRAP TOPIC SIZE SECONDS [property=value …]".into());
    };
    let (size, seconds): (usize, f64) = (size.parse()?, seconds.parse()?);
    let mut all = vec![("bootstrap.servers", bootstrap.as_str())];
    for property in properties {
        all.push(property.split_once('=').ok_or("a property is written name=value")?);
    }
    let client = open(&all, topic)?;

    let (sent, reported, ended) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let begun = MonotonicClock.now_ns();
    let until = begun + (seconds * 1e9) as i64;
    let (sender_ns, reports_ns) = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            send(&client, size, until, &sent, &reported);
            ended.store(true, Ordering::Release);
            thread_cpu_ns()
        });
        let (client, sent, reported, ended) = (&client, &sent, &reported, &ended);
        let waiting = sender.thread().clone();
        let reports = scope.spawn(move || {
            report(client, &waiting, sent, reported, ended);
            thread_cpu_ns()
        });
        (sender.join(), reports.join())
    });
    let taken = (MonotonicClock.now_ns() - begun) as f64 / 1e9;
    let threads = [sender_ns, reports_ns].map(|ns| ns.unwrap_or_default() as f64 / 1e9);
    println!(
        r#"{{"records":{},"seconds":{taken:.3},"sender_cpu_seconds":{:.3},"reports_cpu_seconds":{:.3}}}"#,
        reported.load(Ordering::Relaxed),
        threads[0],
        threads[1],
    );
    // SAFETY: the threads have ended; nothing uses the client any more.
    unsafe {
        c::rd_kafka_queue_destroy(client.queue);
        c::rd_kafka_topic_destroy(client.topic);
        c::rd_kafka_destroy(client.rk);
    }
    Ok(())
}

fn open(properties: &[(&str, &str)], topic: &str) -> Result<Client, Box<dyn Error>> {
    let mut text = [0; 512];
    // SAFETY: strings end with NUL, the text is as long as said, and the configuration is the client's once it is made.
    unsafe {
        let conf = c::rd_kafka_conf_new();
        for (name, value) in properties {
            let (name, value) = (CString::new(*name)?, CString::new(*value)?);
            let set = c::rd_kafka_conf_set(conf, name.as_ptr(), value.as_ptr(), text.as_mut_ptr(), text.len());
            if set != c::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK {
                return Err(CStr::from_ptr(text.as_ptr()).to_string_lossy().into());
            }
        }
        c::rd_kafka_conf_set_events(conf, c::RD_KAFKA_EVENT_DR);
        let producer = c::rd_kafka_type_t::RD_KAFKA_PRODUCER;
        let rk = c::rd_kafka_new(producer, conf, text.as_mut_ptr(), text.len());
        if rk.is_null() {
            return Err(CStr::from_ptr(text.as_ptr()).to_string_lossy().into());
        }
        let topic = c::rd_kafka_topic_new(rk, CString::new(topic)?.as_ptr(), ptr::null_mut());
        let queue = c::rd_kafka_queue_get_main(rk);
        Ok(Client { rk, topic, queue })
    }
}

/// Offers batches until `until`; when the client is full, waits for a delivery report.
fn send(client: &Client, size: usize, until: i64, sent: &AtomicU64, reported: &AtomicU64) {
    let body = vec![b'x'; size];
    let message = c::rd_kafka_message_t {
        err: c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
        rkt: ptr::null_mut(),
        partition: -1,
        payload: body.as_ptr().cast_mut().cast(),
        len: size,
        key: ptr::null_mut(),
        key_len: 0,
        offset: 0,
        _private: ptr::null_mut(),
    };
    let mut messages = vec![message; BATCH];
    let mut left = 0..BATCH;
    while MonotonicClock.now_ns() < until {
        let seen = reported.load(Ordering::Acquire);
        // SAFETY: the topic is alive, the range is within the messages, and the body outlives every record: this function
        // returns only when all reports are in.
        let taken = unsafe {
            c::rd_kafka_produce_batch(
                client.topic,
                -1,
                c::RD_KAFKA_MSG_F_PARTITION,
                messages.as_mut_ptr().add(left.start),
                left.len() as i32,
            )
        };
        sent.fetch_add(taken as u64, Ordering::Release);
        left.start += taken as usize;
        if left.is_empty() {
            left = 0..BATCH;
        } else if reported.load(Ordering::Acquire) == seen {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    }
    // Records point into the body until their reports are in.
    while reported.load(Ordering::Acquire) < sent.load(Ordering::Acquire) {
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
}

/// Takes delivery reports until the load has ended and none is missing.
fn report(client: &Client, sender: &Thread, sent: &AtomicU64, reported: &AtomicU64, ended: &AtomicBool) {
    let mut chunk: [*const c::rd_kafka_message_t; CHUNK] = [ptr::null(); CHUNK];
    while !ended.load(Ordering::Acquire) || reported.load(Ordering::Acquire) < sent.load(Ordering::Acquire) {
        // SAFETY: the queue is alive, the event is ours until it is destroyed, and the array is as long as said.
        unsafe {
            let event = c::rd_kafka_queue_poll(client.queue, 20);
            if event.is_null() {
                continue;
            }
            loop {
                let filled = c::rd_kafka_event_message_array(event, chunk.as_mut_ptr(), CHUNK);
                if filled == 0 {
                    break;
                }
                reported.fetch_add(filled as u64, Ordering::Release);
            }
            c::rd_kafka_event_destroy(event);
        }
        sender.unpark();
    }
}
