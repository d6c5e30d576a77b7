use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use tokio::net::TcpListener;

use super::*;

const S: i64 = 1_000_000_000;

/// What an exporter says of a broker with our rules, after so many scrapes.
fn exposition(scrapes: u32) -> String {
    format!(
        "# HELP kafka_broker_identity The broker's id and version of Kafka.\n# TYPE kafka_broker_identity gauge\n\
         kafka_broker_identity{{broker=\"1\",version=\"4.3.0\"}} 1.0\n\
         kafka_broker_bytes_in_total {}\nkafka_broker_records_in_total {}\n\
         kafka_topic_bytes_in_total{{topic=\"t\"}} {}\n\
         kafka_requests_total{{request=\"Produce\",version=\"11\"}} 10.0\n\
         kafka_requests_total{{request=\"Produce\",version=\"12\"}} {}\n\
         kafka_requests_total{{request=\"Fetch\",version=\"12\"}} 77.0\n\
         kafka_request_time_observations_total{{request=\"Produce\",step=\"Total\"}} {}\n\
         kafka_request_time_mean_seconds{{request=\"Produce\",step=\"Total\"}} 0.004\n\
         jvm_gc_collection_seconds_count{{gc=\"young\"}} 3\njvm_gc_collection_seconds_sum{{gc=\"young\"}} 0.5\n\
         jvm_gc_collection_seconds_count{{gc=\"old\"}} 1\njvm_gc_collection_seconds_sum{{gc=\"old\"}} 0.25\n\
         process_cpu_seconds_total 12.5\nprocess_start_time_seconds 1.7E9\n",
        1000 * scrapes,
        10 * scrapes,
        1000 * scrapes,
        scrapes,
        10 + scrapes,
    )
}

/// An exporter at `/metrics` and other answers beside it.
fn exporter() -> Router {
    let scrapes = Arc::new(AtomicU32::new(0));
    let metrics = move || {
        let scrapes = scrapes.fetch_add(1, Ordering::Relaxed);
        async move { exposition(scrapes) }
    };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/missing", get(|| async { (StatusCode::NOT_FOUND, "no") }))
        .route("/other", get(|| async { "up 1\n" }))
        .route("/page", get(|| async { "<html>" }))
        .route("/long", get(|| async { "# comment\n".repeat(1 << 20) }))
        .route("/bytes", get(|| async { vec![0xff_u8; 10] }))
        .route("/never", get(|| async { std::future::pending::<()>().await }))
}

/// A server; it ends with the set.
async fn serve(routes: Router) -> (JoinSet<()>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (server, place)
}

fn address(text: &str) -> MetricsAddress {
    text.parse().unwrap()
}

#[test]
fn the_rules_tell_every_metric_that_is_read() {
    let rules = include_str!("../../../dashboards/jmx/kafka.yml");
    for name in told::NAMES {
        let told = rules.lines().any(|line| line.trim() == format!("name: {name}"));
        // The exporter tells these without a rule.
        let own = ["process_", "jvm_"].iter().any(|prefix| name.starts_with(prefix));
        assert!(told != own, "{name}");
    }
}

#[tokio::test]
async fn an_exporter_is_asked_for_what_is_read_unless_the_address_asks_itself() {
    let asked = Router::new().fallback(async |uri: Uri| format!("# {uri}\n"));
    let (_server, place) = serve(asked).await;
    let ask = async |path: &str| {
        let address = address(&format!("{place}{path}"));
        scrape::scrape(&address, &["a", "b"], PATIENCE).await.unwrap()
    };
    assert_eq!(ask("/metrics").await, "# /metrics?name%5B%5D=a&name%5B%5D=b\n");
    assert_eq!(ask("/probe?target=b1").await, "# /probe?target=b1\n");
}

#[tokio::test]
async fn a_broker_is_told_by_the_names_of_the_rules() {
    let (_server, place) = serve(exporter()).await;
    let told = read(&address(&format!("{place}/metrics")), PATIENCE).await.unwrap();
    assert_eq!((told.broker, told.version.as_deref()), (1, Some("4.3.0")));
    assert_eq!((told.cpu_seconds, told.started), (Some(12.5), 1.7e9));
    assert_eq!(
        Some(told.produce_requests),
        Some(10.0),
        "over versions, and of produce requests alone"
    );
    assert_eq!(
        (told.gc_collections, told.gc_seconds),
        (Some(4.0), Some(0.75)),
        "over collectors"
    );
    assert_eq!((told.steps["Total"].count, told.steps["Total"].mean), (10.0, 0.004));
    assert_eq!(told.topics.get("t"), Some(&0.0));
    assert_eq!(
        (told.handler_idle, told.bytes_rejected),
        (None, None),
        "not told is not zero"
    );
}

#[tokio::test]
async fn what_is_no_brokers_answer_is_refused_with_its_reason() {
    let (_server, place) = serve(exporter()).await;
    let check = async |path: &str, reason: &str| {
        let refused = read(&address(&format!("{place}{path}")), PATIENCE).await.unwrap_err();
        assert_eq!(refused, reason);
    };
    check("/missing", "its answer was 404 Not Found").await;
    check(
        "/other",
        "its answer has no kafka_broker_identity: run the exporter with the rules of dashboards/jmx/kafka.yml",
    )
    .await;
    check("/page", "line 1 of its answer is not Prometheus' text format").await;
    check("/long", "its answer is longer than 8388608 bytes").await;
    check("/bytes", "its answer is no text").await;
    let never = address(&format!("{place}/never"));
    let waited = Duration::from_millis(50);
    assert_eq!(read(&never, waited).await.unwrap_err(), "no answer within 50 ms");
}

#[tokio::test]
async fn a_window_is_read_at_both_ends_and_what_is_silent_is_absent_with_its_reason() {
    let (_server, place) = serve(exporter()).await;
    // Bound and not listened on by anybody else; the listener is gone before it is asked.
    let silent = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/metrics", listener.local_addr().unwrap())
    };
    let addresses = [address(&format!("{place}/metrics")), address(&silent)];
    let mut watch = Watch::new(&addresses);
    // First put off, as by a plan that waits for a steady load, then announced.
    let now = now_ns();
    watch.window(now + 600 * S, now + 601 * S);
    watch.window(now + S / 10, now + S / 2);
    let told = watch.finish(&["t".to_owned()], &[1]).await;
    let [good, bad] = told.as_slice() else {
        panic!("{told:?}")
    };
    let facts = good.facts.as_ref().unwrap();
    assert_eq!((facts.readings, facts.bytes_in, facts.foreign_bytes_in), (2, 1000, 0));
    assert_eq!((facts.records_in, facts.produce_requests), (10, 1));
    assert_eq!((good.broker, bad.broker, &bad.facts), (Some(1), None, &None));
    let reason = bad.absent.as_deref().unwrap();
    assert!(reason.starts_with("at the window's start: no connection: "), "{reason}");
    let doubts = doubts(&addresses, &[2]).await;
    let [other_cluster, silence] = doubts.as_slice() else {
        panic!("{doubts:?}")
    };
    assert!(
        other_cluster.contains("it tells of broker 1, which is not of this cluster"),
        "{other_cluster}"
    );
    assert!(
        silence.starts_with(&format!("no metrics from {silent}: no connection")),
        "{silence}"
    );
}

#[tokio::test]
async fn without_addresses_nothing_is_asked_and_nothing_told() {
    let mut watch = Watch::new(&[]);
    watch.window(0, S);
    assert_eq!(watch.finish(&[], &[]).await, []);
}

#[test]
fn readings_are_at_t1_each_second_after_it_and_at_t2() {
    let walk = |t1: i64, t2: i64, took: i64| {
        let (mut asked, mut now, mut instants) = (None, t1 - 5 * S, Vec::new());
        while let Some(at) = next(asked, now, t1, t2) {
            instants.push((at - t1) as f64 / S as f64);
            now = at + took;
            asked = Some(at);
        }
        instants
    };
    assert_eq!(walk(7, 7 + 3 * S, S / 100), [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
    assert_eq!(walk(7, 7 + 5 * S / 2, S / 100), [-2.0, -1.0, 0.0, 1.0, 2.0, 2.5]);
    assert_eq!(walk(7, 7 + S / 10, S / 100), [-2.0, -1.0, 0.0, 0.1]);
    // None that would still be going on at t2.
    assert_eq!(walk(7, 7 + 22 * S / 10, S / 100), [-2.0, -1.0, 0.0, 1.0, 2.2]);
    // A slow broker is not asked twice at once.
    assert_eq!(walk(7, 7 + 4 * S, 11 * S / 10), [-2.0, 0.0, 2.0, 4.0]);
    // A window that is announced late is read from where it is.
    assert_eq!(next(None, 3 * S, 0, 9 * S), Some(0));
    assert_eq!(next(None, -S / 2, 0, 9 * S), Some(0));
    assert_eq!(next(None, -3 * S / 2, 0, 9 * S), Some(-S));
    assert_eq!(patience(0, 0, 10 * S), PATIENCE);
    assert_eq!(patience(10 * S, 0, 10 * S), PATIENCE);
    assert_eq!(patience(3 * S, 0, 10 * S), Duration::from_secs(1));
    assert_eq!(patience(-S / 2, 0, 10 * S), Duration::from_millis(500));
    assert_eq!(patience(2 * S, 0, 5 * S / 2), Duration::from_millis(500));
}
