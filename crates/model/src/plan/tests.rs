use super::*;
use crate::trial::{Content, Size};

mod clients;
mod clusters;
mod consumers;
mod design;
mod examples;
mod factors;
mod fuzz;
mod limits;
mod objective;
mod overrides;
mod profile;
mod properties;
mod replay;
mod template;
mod workload;

/// The least that a plan says, before and after a fragment.
const CLUSTER: &str = "cluster.bootstrap = \"b:9092\"\nworkload.rate = \"1k/s\"\n";

fn parse(text: &str, sets: &[&str]) -> Result<Plan, Error> {
    let overrides: Result<Vec<Override>, Error> = sets.iter().map(|set| Override::parse(set)).collect();
    Plan::parse("plan.toml", text, &overrides?)
}

/// The plan of a fragment that leaves out the cluster and the rate, which take two lines above it.
#[track_caller]
fn plan(fragment: &str) -> Plan {
    parse(&format!("{CLUSTER}{fragment}"), &[]).unwrap_or_else(|error| panic!("{error}"))
}

/// The error of a fragment; its first line is line 3.
#[track_caller]
fn check(fragment: &str, expected: &str) {
    check_text(&format!("{CLUSTER}{fragment}"), &[], expected);
}

#[track_caller]
fn check_text(text: &str, sets: &[&str], expected: &str) {
    match parse(text, sets) {
        Ok(_) => panic!("no error, expected {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[track_caller]
fn check_set(set: &str, expected: &str) {
    check_text(CLUSTER, &[set], expected);
}

#[test]
fn everything_has_a_default_except_cluster_and_rate() {
    let plan = plan("");
    assert_eq!((plan.name.as_str(), plan.seed, plan.repetitions), ("plan", 1, 1));
    assert_eq!(
        plan.agents,
        Agents {
            wanted: Wanted::Connected,
            wait: Duration::from_secs(30)
        }
    );
    assert_eq!(plan.cluster.bootstrap, Bootstrap::Servers("b:9092".to_owned()));
    assert_eq!((plan.prefix.as_str(), plan.topic.count), ("tribunal", 1));
    assert_eq!((plan.topic.partitions, plan.topic.replication), (12, 1));
    assert_eq!(plan.workload.record.size, Size::Fixed(1024));
    assert_eq!(
        plan.workload.record.content,
        Content::Generated { compressibility: 0.5 }
    );
    assert_eq!(
        (plan.workload.arrivals, plan.workload.producers),
        (Arrivals::Uniform, 1)
    );
    assert_eq!(
        (plan.workload.partitioner, plan.workload.when_full),
        (Partitioner::Native, WhenFull::Hold)
    );
    assert_eq!(plan.windows.longest(), Duration::from_secs(10 + 30 + 15 + 5));
    assert_eq!((plan.limits, plan.preset), (Limits::default(), Preset::Default));
    assert!(plan.baseline.is_empty() && plan.factors.is_empty() && plan.exclude.is_empty());

    check_text(
        "",
        &[],
        "plan.toml: cluster.bootstrap: is required; write \"host:9092\", several separated by commas, \
        or \"mock\"",
    );
    check_text(
        "cluster.bootstrap = \"mock\"",
        &[],
        "plan.toml: workload.rate: is required; write a rate such as \
        \"50k/s\", \"100MB/s\" or \"saturate\"",
    );
}

#[test]
fn the_sketch_of_the_design_is_understood() {
    let text = r#"
schema = 1
name = "linger against batch, zstd"
seed = 42
[agents]
count = 2
wait = "30s"
[cluster]
bootstrap = "b1:9092, b2:9092"
[topic]
count = 1
partitions = 12
replication = 3
settings = { "min.insync.replicas" = "2" }
[workload]
rate = "50k/s"
arrivals = "poisson"
producers = 4
record = { size = "1KiB", compressibility = 0.5 }
keys = { kind = "zipf", cardinality = 100_000, exponent = 1.0 }
partitioner = "native"
when_full = "shed"
[window]
warm_up = "10s"
measure = "30s"
drain = "15s"
repetitions = 6
[limits]
start_skew = "50ms"
[baseline]
client = "librdkafka"
acks = "all"
[factors]
"linger.ms" = [0, 5, 20]
"batch.size" = [131072, 262144]
"compression.type" = ["none", "lz4", "zstd"]
partitions = [1, 12]
[[exclude]]
"linger.ms" = 0
"compression.type" = "zstd"
"#;
    let plan = parse(text, &[]).unwrap();
    assert_eq!(plan.slug(), "linger-against-batch-zstd");
    assert_eq!(plan.cluster.bootstrap, Bootstrap::Servers("b1:9092,b2:9092".to_owned()));
    let names: Vec<&str> = plan.factors.iter().map(|factor| factor.name.as_str()).collect();
    assert_eq!(names, ["linger.ms", "batch.size", "compression.type", "partitions"]);
    assert_eq!(plan.exclude[0].levels, [(0, vec![0]), (2, vec![2])]);
    assert_eq!(plan.limits.loosened(), ["start_skew 50ms (default 10ms)"]);
    assert_eq!(
        plan.topic.settings,
        [("min.insync.replicas".to_owned(), "2".to_owned())]
    );
}

#[test]
fn text_that_is_no_toml_has_its_line() {
    check("[window\n", "plan.toml:3: not TOML: unclosed table, expected `]`");
    check(
        "name = a\n",
        "plan.toml:3: not TOML: string values must be quoted, expected literal string",
    );
    check("\n\nseed = 1\nseed = 2\n", "plan.toml:6: not TOML: duplicate key");
}

#[test]
fn a_newer_schema_asks_for_a_newer_tribunal() {
    check(
        "schema = 2\nnovelty = 1",
        "plan.toml:3: schema: plan has schema 2, this build reads 1: use a newer tribunal",
    );
}

#[test]
fn an_unknown_key_says_what_may_have_been_meant() {
    check(
        "[window]\nwarmup = \"1s\"",
        "plan.toml:4: window.warmup: unknown key; did you mean \"warm_up\"?",
    );
    check(
        "[workloads]",
        "plan.toml:3: workloads: unknown key; did you mean \"workload\"?",
    );
    check(
        "[agents]\nzone = 1",
        "plan.toml:4: agents.zone: unknown key; expected \"count\", \"names\" or \"wait\"",
    );
    check(
        "baseline.preste = \"durable\"",
        "plan.toml:3: baseline.preste: unknown key; did you mean \"preset\"?",
    );
    check(
        "[window]\nconfirm = \"10m\"",
        "plan.toml:4: window.confirm: unknown key; did you mean \"search.confirm\"?",
    );
}

#[test]
fn what_later_versions_bring_is_named() {
    check(
        "[topic]\nexisting = \"orders\"",
        "plan.toml:4: topic.existing: is not supported by this version",
    );
}

#[test]
fn a_value_of_a_wrong_kind_says_what_was_expected() {
    let rate = "expected a rate such as \"50k/s\", \"100MB/s\" or \"saturate\"";
    let with_rate = |rate: &str| format!("cluster.bootstrap = \"mock\"\n[workload]\nrate = {rate}");
    let text = with_rate("\"50k\"");
    check_text(
        &text,
        &[],
        &format!("plan.toml:3: workload.rate: \"50k\" has no unit; {rate}"),
    );
    check_text(
        &with_rate("2000"),
        &[],
        &format!("plan.toml:3: workload.rate: 2000 has no unit; {rate}"),
    );
    check_text(
        &with_rate("[]"),
        &[],
        &format!("plan.toml:3: workload.rate: {rate}, found a list"),
    );
    check(
        "window.measure = 30",
        "plan.toml:3: window.measure: 30 has no unit; expected a duration such as \"30s\", \"500ms\" or \"1h30m\"",
    );
    check(
        "window.measure = \"0s\"",
        "plan.toml:3: window.measure: expected a duration above zero",
    );
    check(
        "workload.record.size = \"1k\"",
        "plan.toml:3: workload.record.size: \"1k\" has the unknown unit \"k\"; expected a size such as \"100B\", \
         \"1KiB\" or \"1MB\"",
    );
    check(
        "workload.record.size = 0",
        "plan.toml:3: workload.record.size: expected a record's size from 1B to 1GB, found 0",
    );
    check("name = 7", "plan.toml:3: name: expected text in quotes, found 7");
    check(
        "seed = -1",
        "plan.toml:3: seed: expected a whole number from 0 to 9223372036854775807, found -1",
    );
    check(
        "topic.partitions = \"12\"",
        "plan.toml:3: topic.partitions: expected a whole number from 1 to 100000, found \"12\"",
    );
    check("agents = 3", "plan.toml:3: agents: expected a table, found 3");
    check(
        "workload.record.compressibility = 1.0",
        "plan.toml:3: workload.record.compressibility: expected a number from 0 up to 0.99, found 1.0",
    );
    check(
        "workload.arrivals = \"possion\"",
        "plan.toml:3: workload.arrivals: \"possion\" is unknown; did you mean \"poisson\"?",
    );
    check(
        "workload.when_full = \"wait\"",
        "plan.toml:3: workload.when_full: \"wait\" is unknown; expected \"hold\" or \"shed\"",
    );
    check(
        "baseline.preset = \"fast\"",
        "plan.toml:3: baseline.preset: \"fast\" is unknown; expected \"default\", \
        \"throughput\", \"latency\", \"durable\" or \"suggested\"",
    );
    check(
        "environment.brokers = [1]",
        "plan.toml:3: environment.brokers: expected text, found a list",
    );
    check(
        "topic.prefix = \"a b\"",
        "plan.toml:3: topic.prefix: expected 1 to 100 letters, digits, \".\", \"_\" or \"-\"",
    );
}

#[test]
fn agents_are_counted_or_named() {
    assert_eq!(plan("agents.count = 2").agents.wanted, Wanted::Count(2));
    let named = plan("agents.names = [\"a\", \"b\"]").agents.wanted;
    assert_eq!(
        named,
        Wanted::Named(vec![AgentName::new("a").unwrap(), AgentName::new("b").unwrap()])
    );
    check(
        "[agents]\ncount = 2\nnames = [\"a\"]",
        "plan.toml:5: agents.names: is set beside agents.count; keep one of the two",
    );
    check(
        "agents.names = [\"a\",\n\"a\"]",
        "plan.toml:4: agents.names: \"a\" is named twice",
    );
    check("agents.names = []", "plan.toml:3: agents.names: the list is empty");
    check(
        "agents.names = [\"a b\"]",
        "plan.toml:3: agents.names: \"a b\" is no agent name (1 to 64 letters, digits, '.', '_' or '-')",
    );
}

#[test]
fn a_slug_is_fit_for_a_file_name() {
    let slug = |name: &str| plan(&format!("name = {name:?}")).slug();
    assert_eq!(slug("../../etc/passwd"), "etc-passwd");
    assert_eq!(slug("Größe!"), "gr-e");
    assert_eq!(slug("…"), "experiment");
    assert_eq!(slug(&"ab ".repeat(30)).len(), 40);
}
