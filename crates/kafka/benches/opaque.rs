//! What a record's opaque costs, both ways.

use std::hint::black_box;

use criterion::{BenchmarkId, Throughput};
use tribunal_model::trial::Part;

#[path = "../../../benches/criterion.rs"]
mod setup;

/// The opaque is no part of the library's surface. Without the library this bench needs no librdkafka.
#[path = "../src/opaque.rs"]
#[expect(dead_code, reason = "the module's tests come with it, without their harness")]
mod opaque;

use opaque::{Meaning, Opaque};

const BATCH: i64 = 1000;

fn main() {
    let mut criterion = setup::short();
    // What is measured is what records carry.
    assert_eq!(Opaque::primed().meaning(), Meaning::Primed);
    let instants = || (0..BATCH).map(|i| (i * 1_000_000, i * 1_002_003));
    let packed: Vec<Opaque> = instants()
        .map(|(intended, accepted)| Opaque::scheduled(Part::Window, intended, accepted))
        .collect();

    let mut group = criterion.benchmark_group("opaque");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(BenchmarkId::new("pack", "record"), |b| {
        b.iter(|| {
            for (intended, accepted) in instants() {
                black_box(Opaque::scheduled(
                    Part::Window,
                    black_box(intended),
                    black_box(accepted),
                ));
            }
        });
    });
    group.bench_function(BenchmarkId::new("unpack", "record"), |b| {
        b.iter(|| {
            for opaque in &packed {
                black_box(black_box(*opaque).meaning());
            }
        });
    });
    group.finish();
    criterion.final_summary();
}
