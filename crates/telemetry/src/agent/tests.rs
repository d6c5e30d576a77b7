use tribunal_model::ids::AgentName;
use tribunal_stats::facts::BuildFacts;
use tribunal_stats::{BrokerLatencies, ClientSecond, ClientStatistics, Latencies};
use uuid::Uuid;

use super::*;
use crate::text;

const OWN: &str = r#"topic="orders",client_id="h1-0",agent="h1",experiment="#;

/// Labels of the producer's series in the trial.
fn own() -> String {
    format!(r#"{OWN}"{}",trial="t003""#, Uuid::nil())
}

fn metrics() -> AgentMetrics {
    let name = AgentName::new("h1").unwrap();
    AgentMetrics::new(&name, &BuildFacts::default())
}

fn at_a_trial() -> AgentMetrics {
    let metrics = metrics();
    let of = (ExperimentId::new(Uuid::nil()), TrialId(3));
    metrics.phase(Phase::Running(Part::Window), Some(of));
    metrics.begin(vec![Producer {
        index: 0,
        topic: "orders".into(),
        client_id: "h1-0".into(),
        fates: Box::new(|| Fates {
            acknowledged: 500,
            shed: 3,
            ..Fates::default()
        }),
    }]);
    metrics
}

fn sample() -> Sample {
    let client = ClientSecond {
        topic: "orders".into(),
        acknowledged: 250,
        failed: 5,
        in_flight: 7,
        ..ClientSecond::default()
    };
    let mut sample = Sample {
        end_ns: 500_000_000,
        clients: vec![client],
        ..Sample::default()
    };
    sample.activity.cpu.sender_ns = 250_000_000;
    sample
}

fn assert_lines(metrics: &AgentMetrics, lines: &[&str]) {
    let text = text(&metrics.registry());
    for line in lines {
        assert!(text.lines().any(|known| known == *line), "{line} is not in\n{text}");
    }
}

#[test]
fn the_two_rates_have_topic_and_client_as_their_only_labels() {
    let metrics = at_a_trial();
    metrics.sample(&sample());
    assert_lines(
        &metrics,
        &[
            "kafka_producer_message_rate{topic=\"orders\",client_id=\"h1-0\"} 500",
            "kafka_producer_error_rate{topic=\"orders\",client_id=\"h1-0\"} 10",
        ],
    );
}

#[test]
fn fates_are_those_of_the_instant_of_the_scrape() {
    let nil = Uuid::nil();
    assert_lines(
        &at_a_trial(),
        &[
            &format!(r#"tribunal_producer_records_total{{{OWN}"{nil}",trial="t003",fate="acknowledged"}} 500"#),
            &format!(r#"tribunal_producer_records_total{{{OWN}"{nil}",trial="t003",fate="shed"}} 3"#),
            &format!(r#"tribunal_agent_phase{{agent="h1",experiment="{nil}",trial="t003",phase="window"}} 1"#),
        ],
    );
}

#[test]
fn what_was_watched_is_added_up_and_error_codes_are_bounded() {
    let metrics = at_a_trial();
    let mut watched = Watched {
        acknowledged_bytes: 1_000,
        blocked_ns: 1_500_000_000,
        ..Watched::default()
    };
    watched.response.counts[0] = 2;
    watched.response.counts[18] = 1;
    watched.response.sum_us = 3_000_000;
    watched.failed.insert("MSG_TIMED_OUT".into(), 1);
    metrics.watched(&watched);
    watched.failed.clear();
    watched.failed.extend((0..40).map(|code| (format!("E{code}"), 1)));
    metrics.watched(&watched);
    let of = own();
    assert_lines(
        &metrics,
        &[
            &format!("tribunal_producer_acknowledged_bytes_total{{{of}}} 2000"),
            &format!("tribunal_producer_queue_full_seconds_total{{{of}}} 3"),
            &format!(r#"tribunal_producer_response_seconds_bucket{{{of},le="0.0001"}} 4"#),
            &format!(r#"tribunal_producer_response_seconds_bucket{{{of},le="60"}} 4"#),
            &format!(r#"tribunal_producer_response_seconds_bucket{{{of},le="+Inf"}} 6"#),
            &format!("tribunal_producer_response_seconds_sum{{{of}}} 6"),
            &format!("tribunal_producer_response_seconds_count{{{of}}} 6"),
            &format!(r#"tribunal_producer_failures_total{{{of},code="MSG_TIMED_OUT"}} 1"#),
            &format!(r#"tribunal_producer_failures_total{{{of},code="(others)"}} 9"#),
        ],
    );
}

#[test]
fn a_client_that_does_not_tell_a_counter_has_no_series_of_it() {
    let metrics = at_a_trial();
    let told = ClientTold {
        counts: [(ClientCount::Batches, 5), (ClientCount::Disconnects, 0)].into(),
        ..ClientTold::default()
    };
    metrics.statistics(0, Box::new(told));
    let of = own();
    assert_lines(
        &metrics,
        &[
            &format!("tribunal_client_batches_total{{{of}}} 5"),
            &format!("tribunal_client_disconnects_total{{{of}}} 0"),
        ],
    );
    let text = text(&metrics.registry());
    let client = text.lines().filter(|line| line.starts_with("tribunal_client_"));
    assert_eq!(client.count(), 2, "{text}");
}

#[test]
fn a_client_that_tells_everything_has_all_series_and_those_of_each_broker() {
    let metrics = at_a_trial();
    let latencies = BrokerLatencies {
        queue: Latencies {
            sum_us: 9_000,
            count: 3,
        },
        ..BrokerLatencies::default()
    };
    let all = ClientStatistics {
        brokers: [(2, latencies)].into(),
        ..ClientStatistics::default()
    };
    metrics.statistics(0, Box::new(all.into()));
    let of = own();
    assert_lines(
        &metrics,
        &[
            &format!("tribunal_client_retries_total{{{of}}} 0"),
            &format!("tribunal_client_timeouts_total{{{of}}} 0"),
            &format!(r#"tribunal_client_broker_queue_seconds_sum{{{of},broker="2"}} 0.009"#),
            &format!(r#"tribunal_client_broker_queue_seconds_count{{{of},broker="2"}} 3"#),
        ],
    );
}

#[test]
fn a_finished_trial_leaves_no_series() {
    let metrics = at_a_trial();
    metrics.sample(&sample());
    metrics.retire();
    metrics.phase(Phase::Idle, None);
    let text = text(&metrics.registry());
    assert!(!text.contains("orders") && !text.contains("t003"), "{text}");
    assert_lines(
        &metrics,
        &[r#"tribunal_agent_cpu_seconds_total{agent="h1",group="sender"} 0.25"#],
    );
}

#[test]
fn what_was_not_measured_is_absent_and_not_zero() {
    let metrics = at_a_trial();
    let untouched = text(&metrics.registry());
    for absent in [
        "kafka_producer_",
        "in_flight_records",
        "tribunal_client_",
        "clock_",
        "_cpu_",
        "request_latency",
    ] {
        assert!(!untouched.contains(absent), "{absent} is in\n{untouched}");
    }
    metrics.sample(&Sample { end_ns: 0, ..sample() });
    assert_eq!(
        text(&metrics.registry()),
        untouched,
        "a sample without a length is no sample"
    );
    metrics.clock(Some(ClockFacts {
        offset_ns: -2_000_000,
        bound_ns: 40_000,
        ..ClockFacts::default()
    }));
    assert_lines(
        &metrics,
        &[
            r#"tribunal_agent_clock_offset_seconds{agent="h1"} -0.002"#,
            r#"tribunal_agent_clock_bound_seconds{agent="h1"} 0.00004"#,
        ],
    );
}

#[test]
fn every_metric_says_what_it_is_and_of_which_type() {
    let metrics = at_a_trial();
    metrics.sample(&sample());
    let text = text(&metrics.registry());
    let of = |kind: &str| -> Vec<&str> {
        let words = text
            .lines()
            .filter_map(|line| line.strip_prefix(kind)?.split(' ').next());
        words.collect()
    };
    assert_eq!(of("# HELP "), of("# TYPE "));
    let names = of("# TYPE ");
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let name = sample.split(['{', ' ']).next().expect("a name");
        let base = ["_bucket", "_sum", "_count"]
            .into_iter()
            .find_map(|end| name.strip_suffix(end));
        assert!(
            names.contains(&name) || base.is_some_and(|base| names.contains(&base)),
            "{sample}"
        );
    }
}

#[test]
fn consumers_show_lag_by_partition_until_they_are_retired_and_none_before_it_is_known() {
    let metrics = at_a_trial();
    let consumer = |partition, lag| Consumer {
        group: 1,
        topic: "orders".into(),
        partition,
        figures: Box::new(move || ConsumerFigures {
            received: 70,
            bytes: 700,
            lag,
        }),
    };
    let mut all = vec![consumer(0, Some(5)), consumer(1, None)];
    all.extend((2..1200).map(|partition| consumer(partition, Some(0))));
    metrics.begin_consumers(all);
    let written = text(&metrics.registry());
    let mut names: Vec<&str> = written
        .lines()
        .filter(|line| line.contains("partition=\"0\""))
        .collect();
    names.sort_unstable();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        names
            .iter()
            .all(|line| line.contains("group=\"1\"") && line.contains("agent=\"h1\"")),
        "{names:?}"
    );
    let lags = written
        .lines()
        .filter(|line| line.starts_with("tribunal_consumer_lag_records{"))
        .count();
    let records = written
        .lines()
        .filter(|line| line.starts_with("tribunal_consumer_records_total{"))
        .count();
    assert_eq!(
        (lags, records),
        (999, 1000),
        "a lag that is not known is absent, and series are bounded"
    );
    metrics.retire_consumers();
    assert!(!text(&metrics.registry()).contains("tribunal_consumer_"));
}
