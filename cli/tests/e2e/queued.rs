//! A coordinator with two agents, used from the command line, on librdkafka's mock broker.

use crate::support::{Agent, Bench, Coordinator, LOOSE, alone, scrape};

fn plan(name: &str, seconds: u32) -> String {
    format!(
        "name = \"{name}\"\n[agents]\ncount = 2\n[cluster]\nbootstrap = \"mock\"\n[topic]\npartitions = 3\ncount = 2\n\
         [workload]\nrate = \"500/s\"\nproducers = 4\nrecord = {{ size = \"100B\", headers = {{ origin = \"story\" }} }}\n\
         keys = {{ kind = \"zipf\", cardinality = 1000, exponent = 1.0 }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"{seconds}s\"\ndrain = \"5s\"\n{LOOSE}"
    )
}

fn submit(bench: &Bench, url: &str, text: &str) -> String {
    let path = bench.plan(text);
    let run = bench
        .start(&["run", path.to_str().unwrap(), "--coordinator", url, "--detach"])
        .finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    run.out[0].trim().to_owned()
}

fn rows(bench: &Bench, verb: &str, url: &str) -> Vec<serde_json::Value> {
    let listed = bench.start(&[verb, "--coordinator", url, "--format", "json"]).finish();
    assert_eq!(listed.code, Some(0), "{:#?}", listed.err);
    serde_json::from_str(&listed.out.join("\n")).unwrap()
}

#[test]
fn experiments_wait_for_each_other_and_can_be_watched_cancelled_and_reported() {
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let url = coordinator.url.as_str();
    let agents = ["a", "b"].map(|name| Agent::start(&bench, url, name));

    let first = submit(&bench, url, &plan("first", 4));
    let second = submit(&bench, url, &plan("second", 2));
    let third = submit(&bench, url, &plan("third", 60));
    let cancelled = bench.start(&["cancel", &third, "--coordinator", url]).finish();
    assert_eq!(cancelled.code, Some(0), "{:#?}", cancelled.err);

    // The dashboard's names and labels, while the load is on.
    agents[0].until_delivering();
    let scraped = scrape(agents[0].metrics);
    for name in [
        "kafka_producer_message_rate",
        "kafka_producer_error_rate",
        "tribunal_producer_in_flight_records",
    ] {
        let of_a =
            |line: &&str| line.starts_with(&format!("{name}{{topic=\"tribunal-")) && line.contains(",client_id=\"a-");
        let series = scraped.lines().filter(of_a).count();
        assert_eq!(series, 2, "{name} of two producers:\n{scraped}");
    }

    let watched = bench.start(&["watch", &second, "--coordinator", url]).finish();
    assert_eq!(watched.code, Some(0), "{:#?}", watched.err);
    let listed = rows(&bench, "experiments", url);
    let states: Vec<_> = listed
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        states,
        [("first", "complete"), ("second", "complete"), ("third", "cancelled")]
    );

    let connected = rows(&bench, "agents", url);
    let names: Vec<_> = connected.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);

    let out = bench.out();
    let copied = bench
        .start(&["report", &first, "--coordinator", url, "--out", out.to_str().unwrap()])
        .finish();
    assert_eq!(copied.code, Some(0), "{:#?}", copied.err);
    let result = &bench.report().results[0];
    assert_eq!(result.topic.names.len(), 2);
    assert_eq!(result.workload.path, "stamped");
    assert_eq!(
        (
            result.audit.lost(),
            result.audit.surplus(),
            result.audit.partitions.len()
        ),
        (0, 0, 6)
    );
    assert_eq!(
        scrape(agents[0].metrics).matches("topic=").count(),
        0,
        "a finished trial leaves no series"
    );
}
