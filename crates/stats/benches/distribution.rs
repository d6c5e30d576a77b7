//! What recording, merging and reading distributions and offset sets costs.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use tribunal_model::seed::SplitMix64;
use tribunal_stats::{Distribution, OffsetSet};

#[path = "../../../benches/latencies.rs"]
mod latencies;
#[path = "../../../benches/criterion.rs"]
mod setup;

const BATCH: u64 = 1000;
/// Records behind a distribution that is merged, read or encoded: a second of a busy agent.
const SECOND: u64 = 100_000;

fn main() {
    let mut criterion = setup::short();
    distribution(&mut criterion);
    offsets(&mut criterion);
    criterion.final_summary();
}

/// Latencies of 2 ms in the median, log-normal, with a tail of seconds.
fn latencies(count: u64) -> Vec<i64> {
    let mut random = SplitMix64::new(1);
    (0..count).map(|_| latencies::draw(2e6, &mut random)).collect()
}

fn filled() -> Distribution {
    let mut distribution = Distribution::new();
    for latency in latencies(SECOND) {
        distribution.record_ns(latency);
    }
    distribution
}

fn distribution(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("distribution");
    group.throughput(Throughput::Elements(BATCH));
    let batch = latencies(BATCH);
    let mut distribution = Distribution::new();
    group.bench_function(BenchmarkId::new("record", "record"), |b| {
        b.iter(|| {
            for latency in &batch {
                distribution.record_ns(black_box(*latency));
            }
        });
    });

    group.throughput(Throughput::Elements(1));
    let each = |name| BenchmarkId::new(name, "distribution");
    let one = filled();
    let mut sum = Distribution::new();
    group.bench_function(each("merge"), |b| b.iter(|| sum.merge(black_box(&one))));
    group.bench_function(each("p99"), |b| b.iter(|| black_box(&one).quantile(0.99)));
    group.bench_function(each("new"), |b| b.iter(Distribution::new));
    group.bench_function(each("encode"), |b| b.iter(|| black_box(&one).encode()));
    let encoded = one.encode();
    group.bench_function(each("decode"), |b| {
        b.iter(|| Distribution::decode(black_box(&encoded), 0));
    });
    group.finish();
}

fn offsets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("offset set");
    let each = |name| BenchmarkId::new(name, "record");
    group.throughput(Throughput::Elements(BATCH));
    let mut set = OffsetSet::new();
    let mut next = 0;
    group.bench_function(each("add"), |b| {
        b.iter(|| {
            for offset in next..next + BATCH as i64 {
                set.add(black_box(offset));
            }
            next += BATCH as i64;
        });
    });

    // Two producers that took turns in one partition, in runs of 500.
    let [even, odd] = [0, 1].map(|turn| {
        let mut set = OffsetSet::new();
        let runs = (0..SECOND as i64).filter(|offset| offset / 500 % 2 == turn);
        runs.for_each(|offset| set.add(offset));
        set
    });
    group.throughput(Throughput::Elements(SECOND / 2));
    group.bench_function(each("merge of two"), |b| {
        b.iter(|| {
            let mut all = even.clone();
            all.merge(black_box(&odd));
            all
        });
    });
    group.bench_function(each("encode"), |b| b.iter(|| black_box(&even).encode()));
    group.finish();
}
