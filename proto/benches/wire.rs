//! What the largest messages cost on their way: an agent's sample of a second, and its report.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use prost::Message;
use tribunal_model::seed::SplitMix64;
use tribunal_model::trial::Part;
use tribunal_proto::pb;
use tribunal_stats::{AgentReport, ClientSecond, Distribution, OffsetSet, PartitionCount, Sample, Tally};

#[path = "../../benches/latencies.rs"]
mod latencies;
#[path = "../../benches/criterion.rs"]
mod setup;

const PRODUCERS: u32 = 4;
const PARTITIONS: i32 = 12;
/// Records of a sample.
const SECOND: u64 = 20_000;
/// Records of a report: a window of 50 s.
const TRIAL: u64 = 1_000_000;

fn main() {
    let mut criterion = setup::short().measurement_time(Duration::from_secs(2));
    let mut random = SplitMix64::new(1);
    sample(&mut criterion, &mut random);
    report(&mut criterion, &mut random);
    criterion.final_summary();
}

/// Latencies of about `median_ns`, log-normal.
fn fill(distribution: &mut Distribution, records: u64, median_ns: f64, random: &mut SplitMix64) {
    for _ in 0..records {
        distribution.record_ns(latencies::draw(median_ns, random));
    }
}

/// Acknowledged records, none of them failed.
fn fill_tally(tally: &mut Tally, records: u64, random: &mut SplitMix64) {
    tally.fates.scheduled = records;
    tally.fates.acknowledged = records;
    fill(&mut tally.response, records, 2e6, random);
    fill(&mut tally.service, records, 1.8e6, random);
    fill(&mut tally.send_lag, records, 5e4, random);
    fill(&mut tally.schedule_delay, records, 5e4, random);
}

fn sample(criterion: &mut Criterion, random: &mut SplitMix64) {
    let mut sample = Sample {
        start_ns: 5_000_000_000,
        end_ns: 6_000_000_000,
        ..Sample::default()
    };
    fill_tally(sample.tallies.of(Part::Window), SECOND, random);
    sample.activity.acknowledged = SECOND;
    sample.clients = (0..PRODUCERS)
        .map(|producer| ClientSecond {
            producer,
            topic: "tribunal-01234567-t001-1".into(),
            acknowledged: SECOND / u64::from(PRODUCERS),
            ..ClientSecond::default()
        })
        .collect();

    let mut group = criterion.benchmark_group("sample of 20,000 records");
    group.throughput(Throughput::Elements(SECOND));
    let each = |name| BenchmarkId::new(name, "record");
    let encoded = pb::Sample::from(sample.clone()).encode_to_vec();
    let decode = |bytes: &[u8]| {
        let raw = pb::Sample::decode(bytes).expect("an encoded sample");
        Sample::try_from(raw).expect("a valid sample")
    };
    group.bench_function(each("encode"), |b| {
        b.iter_batched(
            || sample.clone(),
            |sample| pb::Sample::from(sample).encode_to_vec(),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function(each("decode"), |b| b.iter(|| decode(black_box(&encoded))));
    let mut sum = sample.clone();
    // The clients of agents stand side by side; a sum over thousands of agents would grow without end.
    let other = Sample {
        clients: Vec::new(),
        ..sample
    };
    group.bench_function(each("merge"), |b| b.iter(|| sum.merge(black_box(&other))));
    group.finish();
}

fn report(criterion: &mut Criterion, random: &mut SplitMix64) {
    let mut report = AgentReport::default();
    fill_tally(report.tallies.of(Part::WarmUp), TRIAL / 10, random);
    fill_tally(report.tallies.of(Part::Window), TRIAL, random);
    fill_tally(report.tallies.of(Part::CoolDown), TRIAL / 100, random);
    let records = TRIAL + TRIAL / 10 + TRIAL / 100;
    let per_partition = records / PARTITIONS as u64;
    for partition in 0..PARTITIONS {
        let place = ("tribunal-01234567-t001-1".to_owned(), partition);
        let count = PartitionCount {
            acknowledged: per_partition,
            perhaps: 0,
        };
        report.partitions.insert(place.clone(), count);
        let mut offsets = OffsetSet::new();
        (1..=per_partition as i64).for_each(|offset| offsets.add(offset));
        report.offsets.insert(place, offsets);
    }

    let mut group = criterion.benchmark_group("report of 1,110,000 records");
    group.throughput(Throughput::Elements(records));
    let each = |name| BenchmarkId::new(name, "record");
    let encoded = pb::AgentReport::from(report.clone()).encode_to_vec();
    let decode = |bytes: &[u8]| {
        let raw = pb::AgentReport::decode(bytes).expect("an encoded report");
        AgentReport::try_from(raw).expect("a valid report")
    };
    group.bench_function(each("encode"), |b| {
        b.iter_batched(
            || report.clone(),
            |report| pb::AgentReport::from(report).encode_to_vec(),
            criterion::BatchSize::SmallInput,
        );
    });
    group.bench_function(each("decode"), |b| b.iter(|| decode(black_box(&encoded))));
    let tallies = report.tallies.clone();
    group.bench_function(each("merge of its tallies"), |b| {
        b.iter(|| report.tallies.merge(black_box(&tallies)));
    });
    group.finish();
}
