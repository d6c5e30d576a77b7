//! The brokers' own view of a trial, beside the client's.

use tribunal_model::trial::Part;
use tribunal_report::brokers::{BrokerFacts, STEPS};

use crate::support::{Bench, LOOSE, alone, kafka_with_metrics};

/// Little enough for cold brokers on a small host: what is in flight at an end of the window is the tolerance below.
const RATE: f64 = 200.0;
const MEASURE: f64 = 3.0;
const LINGER: f64 = 0.010;

#[test]
fn brokers_and_clients_agree_on_a_window_and_an_address_that_is_silent_is_told_with_its_reason() {
    let _turn = alone();
    let Some(kafka) = kafka_with_metrics() else { return };
    let bench = Bench::new();
    let silent = format!("http://127.0.0.1:{}/metrics", tribunal_testkit::ports::free(1).unwrap());
    let metrics: Vec<&str> = kafka.metrics().iter().chain([&silent]).map(String::as_str).collect();
    let plan = format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"{}\"\nmetrics = {metrics:?}\n[topic]\npartitions = 6\n\
         replication = 3\n[workload]\nrate = \"{RATE}/s\"\nproducers = 1\nrecord = {{ size = \"1000B\" }}\n\
         [window]\nwarm_up = \"3s\"\nmeasure = \"{MEASURE}s\"\n{LOOSE}\
         [baseline]\nacks = \"all\"\n\"linger.ms\" = {}\n\"compression.type\" = \"none\"\n",
        kafka.bootstrap(),
        LINGER * 1e3,
    );
    let run = bench.run_local(&plan, 1).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let before_the_load = run.err.iter().find(|line| line.contains(&silent));
    assert!(before_the_load.unwrap().contains("no connection"), "{:#?}", run.err);

    let report = bench.report();
    let result = &report.results[0];
    assert!(result.verdict.valid(), "{:?}", result.verdict);
    let [one, two, three, absent] = result.brokers.as_slice() else {
        panic!("{:?}", result.brokers);
    };
    assert_eq!((absent.address.as_str(), &absent.facts), (silent.as_str(), &None));
    let reason = absent.absent.as_deref().unwrap();
    assert!(reason.starts_with("at the window's start: no connection"), "{reason}");
    let told: Vec<&BrokerFacts> = [one, two, three]
        .map(|broker| broker.facts.as_ref().unwrap_or_else(|| panic!("{broker:?}")))
        .into();
    assert_eq!(
        [one, two, three].map(|broker| broker.broker),
        [Some(1), Some(2), Some(3)]
    );

    // Brokers are read some milliseconds beside t1 and t2, and they see a record before its acknowledgement arrives: what
    // either side counts may be off by the load of that time at each end.
    let window = result.part(Part::Window).unwrap();
    let late = LINGER + window.service.p99_us.unwrap() as f64 / 1e6;
    let off = told.iter().map(|facts| facts.off_seconds).fold(0.0, f64::max);
    let edges = 2.0 * (late + off) / MEASURE;
    let sum = |of: fn(&BrokerFacts) -> u64| told.iter().map(|facts| of(facts)).sum::<u64>() as f64;
    let records = sum(|facts| facts.records_in) / result.window.acknowledged as f64;
    assert!((records - 1.0).abs() <= 0.01 + edges, "{records} ± {edges}: {told:?}");
    // A batch of one record has 61 bytes before it and some ten beside it: at most 8 % of 1,000 bytes.
    let bytes = sum(|facts| facts.bytes_in) / result.window.acknowledged_bytes as f64;
    assert!(
        (1.0 - edges..=1.08 + 1.08 * edges).contains(&bytes),
        "{bytes} ± {edges}: {told:?}"
    );
    assert!(told.iter().all(|facts| facts.foreign_bytes_in == 0), "{told:?}");
    // The client's statistics hold up to a second more on either side of the window.
    let requests = sum(|facts| facts.produce_requests) / result.statistics.requests as f64;
    let least = MEASURE / (MEASURE + 2.0) - edges;
    assert!((0.9 * least..=1.02 + edges).contains(&requests), "{requests}: {told:?}");

    for facts in told {
        assert!(
            facts.cpu_seconds.unwrap() > 0.0 && facts.cores().unwrap() < 64.0,
            "{facts:?}"
        );
        for share in [facts.handler_idle, facts.network_idle, facts.network_idle_least] {
            assert!((0.0..=1.0).contains(&share.unwrap()), "{facts:?}");
        }
        assert_eq!((facts.bytes_rejected, facts.produce_failures), (Some(0), Some(0)));
        assert_eq!(facts.produce_time.len(), STEPS.len(), "{facts:?}");
        // Each of the six steps and the whole is rounded to whole milliseconds, half of one at most for each; and they are
        // read one after the other, so that some have a request more than others.
        let requests = || facts.produce_time.iter().map(|time| time.requests);
        let (least, most) = (requests().min().unwrap(), requests().max().unwrap());
        let longest = window.service.max_us.unwrap() as f64 / 1e6;
        let beside = 0.0035 + (most - least + 1) as f64 / least as f64 * longest;
        let parts: f64 = STEPS[1..].iter().map(|step| facts.mean_seconds(step).unwrap()).sum();
        let whole = facts.mean_seconds(STEPS[0]).unwrap();
        assert!(
            (whole - parts).abs() <= beside,
            "{whole} against {parts} ± {beside}: {facts:?}"
        );
        // No broker works on a request for longer than its client waits.
        assert!(whole <= longest + 0.0005, "{facts:?}");
    }
    let text = std::fs::read_to_string(bench.out().join("report.md")).unwrap();
    let section = text.split("### Brokers\n\n").nth(1).expect("a section of brokers");
    assert!(
        section.contains("| t001  |      3 |") && section.contains("no connection"),
        "{section}"
    );
}
