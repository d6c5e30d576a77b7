//! What a scrape of an agent costs, and what keeping its metrics up to date does.

use std::hint::black_box;
use std::time::Duration;

use criterion::Throughput;
use prometheus::{Encoder, TextEncoder};
use tribunal_model::ids::AgentName;
use tribunal_model::seed::SplitMix64;
use tribunal_model::trial::Part;
use tribunal_stats::facts::BuildFacts;
use tribunal_stats::watched::Watched;
use tribunal_stats::{Activity, BrokerLatencies, ClientSecond, ClientStatistics, ClientTold, Fates, Sample, Tallies};
use tribunal_telemetry::agent::{AgentMetrics, Producer};

#[path = "../../../benches/latencies.rs"]
mod latencies;
#[path = "../../../benches/criterion.rs"]
mod setup;

const PRODUCERS: u32 = 64;
const BROKERS: i32 = 3;
/// Records of a producer's second.
const SECOND: u64 = 2_000;

fn main() {
    let mut criterion = setup::short().measurement_time(Duration::from_secs(2));
    let mut random = SplitMix64::new(1);
    let mut tallies = Tallies::default();
    let tally = tallies.of(Part::Window);
    for _ in 0..SECOND {
        for (distribution, median) in [
            (&mut tally.response, 2e6),
            (&mut tally.service, 1.8e6),
            (&mut tally.send_lag, 5e4),
            (&mut tally.schedule_delay, 5e4),
        ] {
            distribution.record_ns(latencies::draw(median, &mut random));
        }
    }
    let metrics = metrics();
    second(&metrics, &tallies);

    let mut group = criterion.benchmark_group(format!("agent of {PRODUCERS} producers and {BROKERS} brokers"));
    group.throughput(Throughput::Elements(1));
    group.bench_function("a second taken in", |bencher| {
        bencher.iter(|| second(&metrics, black_box(&tallies)));
    });
    group.bench_function("a scrape", |bencher| {
        bencher.iter(|| {
            let mut text = Vec::new();
            TextEncoder::new()
                .encode(&metrics.registry().gather(), &mut text)
                .map(|()| text)
        });
    });
    group.finish();
    criterion.final_summary();
}

fn metrics() -> AgentMetrics {
    let name = AgentName::new("h1").expect("a name");
    let metrics = AgentMetrics::new(&name, &BuildFacts::default());
    let producer = |index| Producer {
        index,
        topic: "tribunal-019ac1f0-t001-1-0".to_owned(),
        client_id: format!("h1-{index}"),
        fates: Box::new(Fates::default),
    };
    metrics.begin((0..PRODUCERS).map(producer).collect());
    metrics
}

/// What a session does with a second of its load.
fn second(metrics: &AgentMetrics, tallies: &Tallies) {
    let client = |producer| ClientSecond {
        producer,
        acknowledged: SECOND,
        ..ClientSecond::default()
    };
    metrics.sample(&Sample {
        end_ns: 1_000_000_000,
        clients: (0..PRODUCERS).map(client).collect(),
        ..Sample::default()
    });
    let brokers = (1..=BROKERS).map(|broker| (broker, BrokerLatencies::default()));
    let said = ClientTold::from(ClientStatistics {
        brokers: brokers.collect(),
        ..ClientStatistics::default()
    });
    for producer in 0..PRODUCERS {
        metrics.watched(&Watched::of(producer, tallies, &Activity::default()));
        metrics.statistics(producer, Box::new(said.clone()));
    }
}
