//! No allocation of ours for a record: sender, recorder and a real client, stepped on the test's own thread.
#![expect(unsafe_code, reason = "an allocator that counts has to be one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use tribunal_engine::clock::{Clock as _, MonotonicClock};
use tribunal_engine::keys::KeyStream;
use tribunal_engine::lag::ReportLag;
use tribunal_engine::producer::{Control as _, Polled, Reports as _};
use tribunal_engine::recorder::Recorder;
use tribunal_engine::schedule::{Place, Schedule};
use tribunal_engine::sender::{Content, Sender, Source};
use tribunal_kafka::{KafkaProducer, KafkaReports, Mock};
use tribunal_model::design::AuditLevel;
use tribunal_model::trial::{Arrivals, Keys, Part, RecordRate, WhenFull, Windows};

use super::setup::{LONG, TOPIC, open, open_to_read_back, pool, primed};

/// The allocator of this test program. librdkafka has the one of C, which is not counted.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Allocations of this thread so far, growth included.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// A thread that is ending may free and allocate after its count has gone.
fn count() {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is left to the system's allocator; counting allocates nothing, because the cell needs neither a
// beginning nor an end.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the promises that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// What `work` gives, and how often it allocated.
fn counted<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = ALLOCATIONS.get();
    let result = work();
    (result, ALLOCATIONS.get() - before)
}

const PARTITIONS: i32 = 2;
const BATCH: u64 = 1000;
/// At 1,000 records a millisecond.
const STEP: i64 = 1_000_000;
/// The delivery reports of a batch take this long, on the test's own clock.
const ROUND_TRIP: i64 = 2_500_000;

/// Sender and report thread of one producer in one.
struct Load {
    sender: Sender<KafkaProducer>,
    reports: KafkaReports,
    recorder: Recorder,
    lag: ReportLag,
    now: i64,
}

impl Load {
    /// Sends what is due in the next step and takes its reports. Returns the allocations of ours.
    fn batch(&mut self) -> u64 {
        self.now += STEP;
        let (_, mut allocations) = counted(|| self.sender.step(self.now));
        let sent: u64 = self.sender.sent().iter().sum();
        let deadline_ns = MonotonicClock.now_ns() + LONG.as_nanos() as i64;
        while self.recorder.reported().iter().sum::<u64>() < sent {
            assert!(MonotonicClock.now_ns() < deadline_ns, "waited in vain");
            let (polled, of_poll) = counted(|| self.reports.poll(Duration::from_millis(100)));
            allocations += match polled {
                Polled::Nothing => of_poll,
                Polled::Deliveries => of_poll + self.take(),
                // Once a second, whatever the load.
                Polled::Statistics(_) => 0,
                Polled::Error(code, text) => panic!("{}: {text}", code.0),
                Polled::Log(text) => panic!("{text}"),
            };
        }
        allocations
    }

    fn take(&mut self) -> u64 {
        let at = self.now + ROUND_TRIP;
        let work = || {
            let mut taken = 0;
            self.reports.take(|delivery| {
                taken += 1;
                self.recorder.record(at, &delivery);
            });
            self.lag.polled(at - STEP, at, taken);
            self.lag.handled(at + 50_000, 0, i64::MAX);
        };
        counted(work).1
    }
}

/// A case: what is sent, and what is kept of it.
#[derive(Clone, Copy, Debug)]
struct Case {
    headers: &'static [(&'static str, &'static str)],
    audit: AuditLevel,
    keys: Keys,
    closed_loop: bool,
}

const PLAIN: Case = Case {
    headers: &[],
    audit: AuditLevel::Count,
    keys: Keys::None,
    closed_loop: false,
};

/// Allocations of ours in `measured` batches after `warm_up` ones, all between two edges of the sample grid.
#[track_caller]
fn allocations(case: Case, warm_up: u64, measured: u64) -> u64 {
    let Case {
        headers,
        audit,
        keys,
        closed_loop,
    } = case;
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, PARTITIONS, 1).unwrap();
    let read_back = audit == AuditLevel::ReadBack;
    let mut client = if read_back {
        open_to_read_back(mock.bootstrap(), PARTITIONS)
    } else {
        open(mock.bootstrap(), PARTITIONS, &[("linger.ms", "0")], headers)
    };
    assert_eq!(client.is_stamped(), read_back || !headers.is_empty());
    primed(&mut client);
    let (producer, reports, control) = client.into_handles();

    let windows = Windows {
        warm_up: Duration::ZERO,
        measure: Duration::from_secs(3600),
        drain: Duration::from_secs(1),
    };
    let place = Place {
        seed: 1,
        block: 0,
        index: 0,
        producers: 1,
    };
    let source = if closed_loop {
        Source::Saturate
    } else {
        let rate = RecordRate::per_second(1e6).unwrap();
        Source::Paced(Schedule::new(Arrivals::Uniform, rate, None, place))
    };
    let content = Content {
        keys: KeyStream::new(keys, place),
        bodies: pool(100).len(),
        first_body: 0,
        assigned_partitions: (keys == Keys::None).then_some(PARTITIONS),
    };
    let mut load = Load {
        sender: Sender::new(producer, source, content, windows, WhenFull::Hold),
        reports,
        recorder: Recorder::new(windows, PARTITIONS, audit),
        lag: ReportLag::default(),
        now: 0,
    };
    // Slices take their memory with their first records.
    let before: u64 = (0..warm_up).map(|_| load.batch()).sum();
    assert!(before > 0, "the counter does not count");
    let allocated = (0..measured).map(|_| load.batch()).sum();

    let records = (warm_up + measured) * BATCH;
    let (mut sent, mut reported) = (load.sender.cut(load.now), load.recorder.cut(load.now));
    assert_eq!(sent.tallies.of(Part::Window).fates.scheduled, records);
    assert_eq!(reported.tallies.of(Part::Window).fates.acknowledged, records);
    assert_eq!(control.in_flight(), 0);
    let end = load.recorder.finish(load.now, load.sender.sent());
    let mut told = 0;
    for offsets in end.offsets.values() {
        told += offsets.count();
    }
    assert_eq!(told, if audit.keeps_offsets() { records } else { 0 });
    assert_eq!(end.sequences.is_some(), read_back);
    if let Some(sequences) = &end.sequences {
        assert_eq!(sequences.count(), records);
    }
    allocated
}

#[test]
fn an_allocation_is_counted_and_only_on_its_own_thread() {
    let (kept, allocated) = counted(|| vec![1_u64; 9]);
    assert_eq!((kept.len(), allocated), (9, 1));
    let (_, allocated) = counted(|| {
        let mut growing = Vec::with_capacity(1);
        growing.extend([1_u64, 2, 3]);
        growing
    });
    assert_eq!(allocated, 2);
    let (began, asked) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            began.wait();
            drop(vec![1_u64; 9]);
            asked.wait();
        });
        let ((), allocated) = counted(|| {
            began.wait();
            asked.wait();
        });
        assert_eq!(allocated, 0);
    });
}

#[test]
fn nothing_is_allocated_for_a_record() {
    let uniform = Keys::Uniform { cardinality: 1_000_000 };
    let headers = &[("source", "plan"), ("empty", "")];
    for (headers, keys) in [
        (&[][..], Keys::None),
        (&[], uniform),
        (headers, Keys::None),
        (headers, uniform),
    ] {
        let case = Case { headers, keys, ..PLAIN };
        assert_eq!(allocations(case, 2, 20), 0, "{case:?}");
    }
    let closed_loop = Case {
        closed_loop: true,
        ..PLAIN
    };
    assert_eq!(allocations(closed_loop, 2, 20), 0);
}

#[test]
fn an_offset_set_allocates_when_it_doubles_and_not_for_a_record() {
    let uniform = Keys::Uniform { cardinality: 1_000_000 };
    for (headers, keys) in [(&[][..], Keys::None), (&[("source", "plan")], uniform)] {
        let case = Case {
            headers,
            keys,
            audit: AuditLevel::Offsets,
            ..PLAIN
        };
        // Five hundred records a batch and partition, a bit each: the words of a set are full, or as good as, after
        // 8,192, 16,384 and 32,768 of them. From 9,000 to 14,000 nothing is to be had, up to 19,000 each set grows once.
        assert_eq!(allocations(case, 18, 10), 0, "{case:?}");
        assert_eq!(allocations(case, 18, 20), PARTITIONS as u64, "{case:?}");
    }
    // Sequences are those of all partitions in one set, which is full after 16,384 and 32,768.
    let read_back = Case {
        audit: AuditLevel::ReadBack,
        ..PLAIN
    };
    assert_eq!(allocations(read_back, 18, 10), 0);
}
