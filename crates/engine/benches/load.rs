//! What a record costs on the load path, piece by piece, without a client library.
//!
//! Instants are arguments here, so nothing waits and each batch is the same.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use tribunal_engine::clock;
use tribunal_engine::keys::KeyStream;
use tribunal_engine::lag::ReportLag;
use tribunal_engine::producer::{Delivery, Due, ErrorCode, Offered, Outcome, Producer};
use tribunal_engine::recorder::Recorder;
use tribunal_engine::schedule::{Place, Schedule};
use tribunal_engine::sender::{Content, Sender, Source};
use tribunal_model::design::AuditLevel;
use tribunal_model::profile::{After, Profile, Segment};
use tribunal_model::seed::SplitMix64;
use tribunal_model::trial::{Arrivals, Keys, Part, RecordRate, WhenFull, Windows};

#[path = "../../../benches/criterion.rs"]
mod setup;

/// The pacer is no part of the library's surface.
#[path = "../src/pacer.rs"]
mod pacer;

use clock::{Clock, MonotonicClock};
use pacer::Pacer;

/// Records of a batch.
const BATCH: u64 = 1000;
const MILLISECOND: i64 = 1_000_000;
const PLACE: Place = Place {
    seed: 1,
    block: 0,
    index: 0,
    producers: 1,
};

fn main() {
    let mut criterion = setup::short();
    schedule(&mut criterion);
    keys(&mut criterion);
    waiting(&mut criterion);
    sender(&mut criterion);
    recorder(&mut criterion);
    lag(&mut criterion);
    criterion.final_summary();
}

/// A piece of work with the unit that it is counted in.
fn piece(name: &str) -> BenchmarkId {
    BenchmarkId::new(name, "record")
}

/// A window that is longer than any bench.
fn windows() -> Windows {
    Windows {
        warm_up: Duration::ZERO,
        measure: Duration::from_secs(36_000_000),
        drain: Duration::from_secs(10),
    }
}

fn rate(per_second: f64) -> RecordRate {
    RecordRate::per_second(per_second).expect("a rate within bounds")
}

/// A day from 500 to 1,500 records a millisecond, again and again.
fn ramp() -> Profile {
    let micro = |per_second: f64| rate(per_second).micro();
    let segment = Segment::new(Duration::from_secs(86_400), micro(500e3), micro(1500e3));
    Profile::new(vec![segment], After::Repeat, String::new()).expect("a profile with records")
}

fn schedule(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule draw");
    group.throughput(Throughput::Elements(BATCH));
    let profile = ramp();
    for (name, arrivals, profile) in [
        ("uniform", Arrivals::Uniform, None),
        ("Poisson", Arrivals::Poisson, None),
        ("uniform, ramp", Arrivals::Uniform, Some(&profile)),
        ("Poisson, ramp", Arrivals::Poisson, Some(&profile)),
    ] {
        let mut schedule = Schedule::new(arrivals, rate(1e6), profile, PLACE);
        group.bench_function(piece(name), |b| {
            b.iter(|| {
                for _ in 0..BATCH {
                    black_box(schedule.take());
                }
            });
        });
    }
    group.finish();
}

fn keys(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("key draw");
    group.throughput(Throughput::Elements(BATCH));
    let cardinality = 1_000_000;
    for (name, keys) in [
        ("sequence", Keys::Sequence { cardinality }),
        ("uniform", Keys::Uniform { cardinality }),
        (
            "Zipf",
            Keys::Zipf {
                cardinality,
                exponent: 1.1,
            },
        ),
    ] {
        let mut stream = KeyStream::new(keys, PLACE);
        group.bench_function(piece(name), |b| {
            b.iter(|| {
                for _ in 0..BATCH {
                    black_box(stream.take());
                }
            });
        });
    }
    group.finish();
}

/// A clock that stands still and on which a sleep takes no time.
#[derive(Clone, Copy)]
struct Still;

impl Clock for Still {
    fn now_ns(&self) -> i64 {
        black_box(0)
    }

    fn sleep_until(&self, instant_ns: i64) {
        black_box(instant_ns);
    }

    fn lease_ns(&self) -> i64 {
        0
    }
}

/// The pacer decides once a batch: without waiting when something is due, or by how long to sleep.
fn waiting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pacer");
    let each = |name| BenchmarkId::new(name, "wait");
    group.throughput(Throughput::Elements(1));
    let spinning = Pacer::new(true);
    group.bench_function(each("due already, clock read"), |b| {
        b.iter(|| spinning.wait(&MonotonicClock, 0, black_box(1), black_box(1)));
    });
    let sleeping = Pacer::new(false);
    group.bench_function(each("decision to sleep, clock and sleep left out"), |b| {
        b.iter(|| sleeping.wait(&Still, 0, black_box(MILLISECOND), black_box(MILLISECOND)));
    });
    group.finish();
}

/// A client that takes everything and does nothing.
struct Nowhere;

impl Producer for Nowhere {
    fn offer(&mut self, due: &[Due], _: i64, _: &mut Vec<(usize, ErrorCode)>) -> Offered {
        Offered {
            handled: black_box(due).len(),
            full: false,
        }
    }
}

fn sender(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sender step");
    let paced = |arrivals, per_second| Source::Paced(Schedule::new(arrivals, rate(per_second), None, PLACE));
    let uniform = Keys::Uniform { cardinality: 1_000_000 };
    for (name, source, keys, partitions, records) in [
        (
            "batches of 1,000",
            paced(Arrivals::Uniform, 1e6),
            Keys::None,
            None,
            BATCH,
        ),
        (
            "batches of 1,000, Poisson",
            paced(Arrivals::Poisson, 1e6),
            Keys::None,
            None,
            BATCH,
        ),
        (
            "batches of 1,000, uniform keys, assigned partitions",
            paced(Arrivals::Uniform, 1e6),
            uniform,
            Some(12),
            BATCH,
        ),
        ("closed loop", Source::Saturate, Keys::None, None, BATCH),
        ("one at a time", paced(Arrivals::Uniform, 1e3), Keys::None, None, 1),
    ] {
        let content = Content {
            keys: KeyStream::new(keys, PLACE),
            bodies: 4000,
            first_body: 0,
            assigned_partitions: partitions,
        };
        let mut sender = Sender::new(Nowhere, source, content, windows(), WhenFull::Hold);
        let mut now = 0;
        group.throughput(Throughput::Elements(records));
        group.bench_function(piece(name), |b| {
            b.iter(|| {
                now += MILLISECOND;
                sender.step(now)
            });
        });
    }
    group.finish();
}

/// Acknowledgements of a batch: response times between 1 and 20 ms.
fn deliveries() -> Vec<Delivery> {
    let mut random = SplitMix64::new(1);
    let mut one = || {
        let response = MILLISECOND + random.below(19_000_000) as i64;
        Delivery {
            records: 1,
            intended_ns: -response,
            accepted_ns: -response + 20_000,
            part: Part::Window,
            outcome: Outcome::Acknowledged,
            bytes: 100,
            partition: 3,
            offset: 0,
            sequence: None,
        }
    };
    (0..BATCH).map(|_| one()).collect()
}

fn recorder(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recorder");
    group.throughput(Throughput::Elements(BATCH));
    let batch = deliveries();
    for (name, audit, alike) in [
        ("audit by count", AuditLevel::Count, 1),
        ("audit by offset", AuditLevel::Offsets, 1),
        ("audit by offset, 100 alike", AuditLevel::Offsets, 100),
    ] {
        let mut recorder = Recorder::new(windows(), 12, audit);
        let mut now = 0;
        let mut offset = 0;
        group.bench_function(piece(name), |b| {
            b.iter(|| {
                now += MILLISECOND;
                for delivery in &batch[..batch.len() / alike as usize] {
                    offset += i64::from(alike);
                    let delivery = Delivery {
                        records: alike,
                        bytes: delivery.bytes * u64::from(alike),
                        intended_ns: now + delivery.intended_ns,
                        accepted_ns: now + delivery.accepted_ns,
                        offset,
                        ..*delivery
                    };
                    recorder.record(now, black_box(&delivery));
                }
            });
        });
    }
    group.finish();
}

fn lag(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("report lag");
    group.throughput(Throughput::Elements(1));
    let mut lag = ReportLag::default();
    let mut now = 0;
    group.bench_function(BenchmarkId::new("batches of 1,000", "batch"), |b| {
        b.iter(|| {
            now += MILLISECOND;
            lag.polled(now, now + 500, BATCH);
            lag.handled(now + 40_000, 0, i64::MAX);
        });
    });
    group.finish();
}
