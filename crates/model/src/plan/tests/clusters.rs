use super::*;

#[test]
fn only_a_mock_has_an_injected_round_trip_time() {
    let text = |bootstrap, round_trip| {
        format!("workload.rate = \"1/s\"\n[cluster]\nbootstrap = \"{bootstrap}\"\nmock_round_trip = \"{round_trip}\"")
    };
    let mock = parse(&text("mock", "2ms"), &[]).unwrap().cluster.bootstrap;
    assert_eq!(
        mock,
        Bootstrap::Mock {
            round_trip: Duration::from_millis(2)
        }
    );
    check_text(
        &text("b:9092", "2ms"),
        &[],
        "plan.toml:4: cluster.mock_round_trip: needs cluster.bootstrap = \"mock\"; a real cluster has its own \
         round-trip time",
    );
    check_text(
        &text("mock", "2500us"),
        &[],
        "plan.toml:4: cluster.mock_round_trip: expected whole milliseconds up to \"1m\", found \"2500us\"",
    );
    check_text(
        "cluster.bootstrap = \"a:9092,\"",
        &[],
        "plan.toml:1: cluster.bootstrap: \"\" is no server; expected \"host:9092,host:9092\" or \"mock\"",
    );
}

const TWO: &str = "workload.rate = \"1/s\"\n[clusters.old]\nbootstrap = \"a:9092\"\n[clusters.new]\nbootstrap = \
                   \"mock\"\nmock_round_trip = \"2ms\"\nproperties = { socket.keepalive.enable = true }\n";

#[test]
fn several_clusters_have_names_and_are_a_factor() {
    let both = parse(&format!("{TWO}[factors]\ncluster = [\"new\", \"old\"]"), &[]).unwrap();
    let names: Vec<&str> = both.clusters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["old", "new"]);
    assert_eq!(both.cluster, both.clusters[0].1);
    let new = both.cluster_named(Some("new"));
    let round_trip = Duration::from_millis(2);
    assert_eq!(new.bootstrap, Bootstrap::Mock { round_trip });
    assert!(new.properties.get("socket.keepalive.enable").is_some());
    assert_eq!(
        both.property_error("socket.keepalive.enable", None, "is refused")
            .to_string(),
        "plan.toml:7: clusters.new.properties.socket.keepalive.enable: is refused"
    );
    assert_eq!(
        (both.cluster_key(Some("new")), both.cluster_key(None)),
        ("clusters.new".to_owned(), "cluster".to_owned())
    );
    // One level of the factor leaves the other cluster alone.
    let new = parse(
        &format!("{TWO}[factors]\ncluster = [\"new\", \"old\"]"),
        &[
            "factors.cluster=[\"new\"]",
            "clusters.new.properties.sasl.username=me",
            "clusters.new.bootstrap=b:9092",
            "clusters.new.mock_round_trip=0s",
        ],
    );
    assert_eq!(
        new.unwrap_err().to_string(),
        "--set clusters.new.mock_round_trip: needs clusters.new.bootstrap = \"mock\"; a real cluster has its own \
         round-trip time"
    );
    let new = parse(
        &format!("{TWO}[factors]\ncluster = [\"new\", \"old\"]"),
        &["factors.cluster=[\"new\"]", "clusters.new.properties.sasl.username=me"],
    )
    .unwrap();
    assert_eq!((new.clusters.len(), &new.cluster), (1, &new.clusters[0].1));
    assert!(new.cluster.properties.get("sasl.username").is_some());
}

#[test]
fn one_named_cluster_needs_no_factor() {
    let plan = parse("workload.rate = \"1/s\"\nclusters.only.bootstrap = \"b:1\"", &[]).unwrap();
    assert_eq!(plan.clusters.len(), 1);
    assert_eq!(plan.cluster.bootstrap, Bootstrap::Servers("b:1".to_owned()));
}

#[test]
fn wrong_clusters_have_their_line() {
    check_text(
        TWO,
        &[],
        "plan.toml:2: clusters: are 2; say which by the factor: [factors] cluster = [\"old\", \"new\"]",
    );
    let check = |rest: &str, expected: &str| check_text(&format!("{TWO}{rest}"), &[], expected);
    check(
        "[factors]\ncluster = [\"old\", \"knew\"]",
        "plan.toml:9: factors.cluster: \"knew\" is no cluster of [clusters]; did you mean \"new\"?",
    );
    check(
        "[factors]\ncluster = [\"production\"]",
        "plan.toml:9: factors.cluster: \"production\" is no cluster of [clusters]; expected \"old\" or \"new\"",
    );
    check(
        "[cluster]\nbootstrap = \"c:1\"",
        "plan.toml:8: cluster: is set beside [clusters]; keep one of the two",
    );
    check(
        "[clusters.third]\nbootstrap = \"mock\"",
        "plan.toml:9: clusters.third.bootstrap: is the second mock cluster; only one can be started",
    );
    check(
        "[clusters.third]\nbotstrap = \"b:1\"",
        "plan.toml:9: clusters.third.botstrap: unknown key; did you mean \"bootstrap\"?",
    );
    check(
        "[clusters.third.properties]\nsocket.timeout.ms = 1",
        "plan.toml:8: clusters.third.bootstrap: is required; write \"host:9092\", several separated by commas, or \
         \"mock\"",
    );
    check(
        "[clusters.\"a b\"]",
        "plan.toml:8: clusters.a b: is no name of a cluster: 1 to 40 letters, digits, \"_\" or \"-\"",
    );
    check_text(
        "workload.rate = \"1/s\"\n[clusters]\nbootstrap = \"b:1\"",
        &[],
        "plan.toml:3: clusters.bootstrap: expected a table such as [clusters.old], found \"b:1\"",
    );
    check_text(
        "[clusters]",
        &[],
        "plan.toml:1: clusters: names no cluster; write [clusters.NAME] with bootstrap = \"host:9092\"",
    );
    self::check(
        "[factors]\ncluster = [\"old\", \"new\"]",
        "plan.toml:4: factors.cluster: needs clusters with names: write [clusters.old] and [clusters.new] in the place \
         of [cluster]",
    );
    let secret = format!("{TWO}[clusters.third]\nbootstrap = \"b:1\"\nproperties.sasl.password = \"hunter2\"");
    check_text(
        &secret,
        &[],
        "plan.toml:10: clusters.third.properties.sasl.password: is secret and may not stand in a plan; write { env = \
         \"NAME\" } or { file = \"PATH\" }",
    );
}

#[test]
fn each_broker_has_one_address_of_metrics_and_a_mock_has_none() {
    let text = |bootstrap: &str, metrics: &str| {
        format!("workload.rate = \"1/s\"\n[cluster]\nbootstrap = \"{bootstrap}\"\nmetrics = {metrics}")
    };
    let both = "[\"http://b1:9404/metrics\", \"http://b2:9404\"]";
    let plan = parse(&text("b1:9092", both), &[]).unwrap();
    let told: Vec<String> = plan.cluster.metrics.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["http://b1:9404/metrics", "http://b2:9404/metrics"]);
    assert!(
        parse(
            TWO,
            &["clusters.old.metrics=[\"http://a:9404\"]", "factors.cluster=[\"old\"]"]
        )
        .is_ok()
    );
    let check = |bootstrap, metrics, message: &str| {
        check_text(
            &text(bootstrap, metrics),
            &[],
            &format!("plan.toml:4: cluster.metrics: {message}"),
        );
    };
    check(
        "mock",
        both,
        "needs a real cluster; the brokers of a mock have no metrics",
    );
    check(
        "b:9092",
        "\"http://b:9404\"",
        "expected a list, found \"http://b:9404\"",
    );
    check("b:9092", "[]", "the list is empty");
    check("b:9092", "[9404]", "expected text in quotes, found 9404");
    check(
        "b:9092",
        "[\"b:9404\"]",
        "\"b:9404\" is no address of metrics; expected \"http://HOST:PORT/metrics\"",
    );
    check(
        "b:9092",
        "[\"http://b:9404\", \"http://b:9404/metrics\"]",
        "\"http://b:9404/metrics\" is named twice",
    );
}
