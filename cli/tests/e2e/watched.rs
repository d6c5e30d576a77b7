//! A real Prometheus finds a coordinator and two agents by their discovery, and watches a run on real Kafka.

use std::io::Write as _;
use std::process::{Command, Stdio};

use tribunal_testkit::prometheus::{Prometheus, Series};
use tribunal_testkit::{ports, script, wait};

use crate::support::{Agent, Bench, Coordinator, LOOSE, PATIENCE, alone, kafka_with_metrics, scrape};

/// What dashboards of the first hour ask, letter for letter.
const SEED: [(&str, &str); 3] = [
    (r#"kafka_producer_message_rate{topic="$topic"}"#, "client_id"),
    ("sum by (topic) (kafka_producer_message_rate)", "topic"),
    (r#"kafka_producer_error_rate{topic="$topic"}"#, "client_id"),
];
const PRODUCERS: usize = 4;
const RATE: f64 = 1000.0;
/// Seconds before and after the window that belong to the trial.
const WARM_UP: f64 = 3.0;
const AFTER: f64 = 3.0;

/// Prometheus' own words on what an endpoint serves.
fn check_metrics(port: u16) {
    let answer = scrape(port);
    let (_, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is there");
    promtool.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let checked = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.success() && said.trim().is_empty(),
        "port {port}: {said}\n{body}"
    );
}

/// First and last scrape of an agent that was inside the window.
fn window(prometheus: &Prometheus, agent: &str) -> Option<(f64, f64)> {
    let expression = format!(r#"tribunal_agent_phase{{agent="{agent}",phase="window"}}[5m]"#);
    let scrapes = prometheus.query(&expression, None).into_iter().next()?.values;
    Some((scrapes.first()?.0, scrapes.last()?.0))
}

#[test]
fn a_prometheus_sees_each_client_at_the_rate_that_the_report_has() {
    let _turn = alone();
    let Some(kafka) = kafka_with_metrics() else { return };
    let bench = Bench::new();
    let http = ports::free(1).unwrap();
    let brokers = kafka
        .metrics()
        .iter()
        .filter_map(|url| url.strip_prefix("http://")?.strip_suffix("/metrics"));
    let brokers: Vec<&str> = brokers.collect();
    let configuration = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: tribunal\n    honor_labels: true\n    \
         http_sd_configs:\n      - url: http://127.0.0.1:{http}/targets\n        refresh_interval: 1s\n  - job_name: kafka\n    \
         static_configs:\n      - targets: {brokers:?}\n"
    );
    let Some(prometheus) = Prometheus::start_if_required(&configuration).unwrap() else {
        return;
    };
    let flags = ["--http".to_owned(), format!("127.0.0.1:{http}")];
    let coordinator = Coordinator::start_with(&bench, 0, &flags);
    let agents = ["north", "south"].map(|name| Agent::start(&bench, &coordinator.url, name));
    let up = || {
        let up = prometheus.query("up == 1", None);
        let jobs = |job: &str| up.iter().filter(|target| target.label("job") == job).count();
        (jobs("tribunal-coordinator") == 1 && jobs("tribunal-agent") == 2).then_some(())
    };
    wait::until(PATIENCE, "Prometheus to find all three", up).unwrap();

    let plan = format!(
        "[agents]\ncount = 2\n[cluster]\nbootstrap = \"{}\"\n[topic]\npartitions = 6\nreplication = 3\n\
         [workload]\nrate = \"{RATE}/s\"\narrivals = \"uniform\"\nproducers = {PRODUCERS}\n\
         [window]\nwarm_up = \"{WARM_UP}s\"\nmeasure = \"30s\"\nburn_in = \"0s\"\n[design]\ncanary = false\n\
         [baseline]\nacks = \"all\"\n{LOOSE}",
        kafka.bootstrap()
    );
    let run = bench.run_on(&coordinator, &plan);
    agents.iter().for_each(Agent::until_delivering);
    for port in agents.each_ref().map(|agent| agent.metrics).into_iter().chain([http]) {
        check_metrics(port);
    }
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    let result = &report.results[0];
    let delivered = result.rates.delivered.expect("a delivered rate");

    // The figures of the window, between two scrapes inside it. They are never more than the report's, and the same rate
    // where the load was as even as it was meant to be.
    let even = result.rates.sustained == Some(true);
    let windows = ["north", "south"].map(|agent| window(&prometheus, agent).expect("scrapes inside the window"));
    let mut seen = 0.0;
    for ((from, to), agent) in windows.into_iter().zip(["north", "south"]) {
        assert!(
            to - from > 20.0,
            "most of the window's seconds were scraped: {from} to {to}"
        );
        let expression = format!(r#"tribunal_producer_records_total{{agent="{agent}",fate="acknowledged"}}[5m]"#);
        let clients = prometheus.query(&expression, None);
        assert_eq!(clients.len(), PRODUCERS / 2, "{clients:?}");
        for client in &clients {
            let (records, seconds) = grown(client, from, to);
            seen += records;
            let (rate, each) = (records / seconds, delivered / PRODUCERS as f64);
            let agrees = (rate / each - 1.0).abs() < 0.02;
            assert!(agrees || !even, "{rate}/s, and by the report {each}/s: {client:?}");
        }
    }
    let acknowledged = result.window.acknowledged as f64;
    assert!(
        seen <= acknowledged && seen > 0.5 * acknowledged,
        "{seen} of {acknowledged}"
    );

    // Letter for letter, with the variable filled as Grafana fills it.
    let topic = prometheus.query("tribunal_producer_in_flight_records[5m]", None);
    let topic = topic.first().expect("a client").label("topic").to_owned();
    let within = windows[0].1;
    for (expression, legend) in SEED {
        let series = prometheus.query(&expression.replace("$topic", &topic), Some(within));
        let expected = if legend == "topic" { 1 } else { PRODUCERS };
        assert_eq!(series.len(), expected, "{expression}: {series:?}");
        assert!(series.iter().all(|one| !one.label(legend).is_empty()));
        let sum: f64 = series.iter().map(|one| one.values[0].1).sum();
        let wanted = if expression.contains("error") {
            0.0..=0.0
        } else {
            f64::EPSILON..=2.0 * RATE
        };
        assert!(wanted.contains(&sum), "{expression}: {sum}");
    }

    // Every query of every panel, as Grafana would ask it, of the whole trial.
    let (from, to) = (windows[0].0 - WARM_UP, windows[0].1 + AFTER);
    let live = Command::new(script::repository("dashboards/live"))
        .args([
            "--prometheus",
            &prometheus.url(),
            "--from",
            &from.to_string(),
            "--to",
            &to.to_string(),
        ])
        .output()
        .expect("dashboards/live runs");
    let said = String::from_utf8_lossy(&live.stdout).into_owned() + &String::from_utf8_lossy(&live.stderr);
    assert!(live.status.success(), "{said}");

    // A finished trial's series are gone.
    let gone = || {
        agents
            .iter()
            .all(|agent| !scrape(agent.metrics).contains("client_id="))
            .then_some(())
    };
    wait::until(PATIENCE, "the trial's series to be removed", gone).unwrap();
}

/// What a counter grew by between two instants, and in how many seconds.
fn grown(counter: &Series, from: f64, to: f64) -> (f64, f64) {
    let inside: Vec<_> = counter
        .values
        .iter()
        .filter(|(at, _)| (from..=to).contains(at))
        .collect();
    let (first, last) = (inside.first().expect("a scrape"), inside.last().expect("a scrape"));
    (last.1 - first.1, last.0 - first.0)
}
