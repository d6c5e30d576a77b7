//! What it costs to make a plan's trials.

use std::hint::black_box;

use criterion::{BenchmarkId, Throughput};
use tribunal_model::matrix::Matrix;
use tribunal_model::plan::Plan;

#[path = "../../../benches/criterion.rs"]
mod setup;

const PLAN: &str = r#"
cluster.bootstrap = "broker:9092"
workload.rate = "10k/s"
window.repetitions = 5
"#;
const FACTORS: &str = r#"
[factors]
acks = ["0", "1", "all"]
linger.ms = [0, 5, 20, 100]
batch.size = [16384, 65536, 131072, 262144, 1000000]
"#;

fn main() {
    let mut criterion = setup::short();
    let text = |design: &str| format!("{PLAN}design.kind = {design:?}\n{FACTORS}");
    let plan = |design: &str| Plan::parse("plan.toml", &text(design), &[]).expect("a plan without errors");

    let mut group = criterion.benchmark_group("matrix");
    for (name, design) in [
        ("3 × 4 × 5 in 5 blocks, full", "full"),
        ("3 × 4 × 5 in 5 blocks, pairwise", "pairwise"),
    ] {
        let plan = plan(design);
        let expand = |plan: &Plan| Matrix::resolve(plan, false).expect("a matrix without errors");
        group.throughput(Throughput::Elements(expand(&plan).trials.len() as u64));
        group.bench_function(BenchmarkId::new(name, "trial"), |b| b.iter(|| expand(black_box(&plan))));
    }
    let full = text("full");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("reading of the plan", "plan"), |b| {
        b.iter(|| Plan::parse("plan.toml", black_box(&full), &[]));
    });
    group.finish();
    criterion.final_summary();
}
