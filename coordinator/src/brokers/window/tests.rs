use super::*;

const S: i64 = 1_000_000_000;
const OURS: [&str; 1] = ["tribunal-x"];

/// What a broker tells after so many seconds of a steady load: 1 MB, 1,000 records and 100 requests of 4 ms a second, half
/// a core, handlers idle for three quarters of the time.
fn after(seconds: f64) -> Told {
    let requests = 100.0 * seconds;
    let step = |name: &str, mean: f64| (name.to_owned(), Mean { count: requests, mean });
    Told {
        broker: 1,
        version: Some("4.3.0".to_owned()),
        started: 1.7e9,
        cpu_seconds: Some(20.0 + 0.5 * seconds),
        bytes_in: 1e6 * seconds,
        records_in: 1e3 * seconds,
        bytes_rejected: Some(0.0),
        produce_failures: Some(0.0),
        topics: [(OURS[0].to_owned(), 1e6 * seconds)].into(),
        produce_requests: requests,
        steps: [step("Total", 0.004), step("Remote", 0.003)].into(),
        handler_idle: Some(0.75 * seconds),
        network_idle: [("A", 0.9), ("B", 0.7)]
            .map(|(listener, share)| ((listener.to_owned(), "0".to_owned()), share * seconds))
            .into(),
        under_replicated: Some(0.0),
        purgatory: Some(seconds),
        gc_collections: Some(7.0),
        gc_seconds: Some(0.1),
        ..Told::default()
    }
}

/// Ten seconds of readings from 5 s after the broker's start on, each asked 2 ms late and answered 2 ms after that.
fn readings() -> Vec<Reading> {
    let reading = |second: i64| Reading {
        asked_ns: (100 + second) * S + S / 500,
        answered_ns: (100 + second) * S + S / 250,
        told: Ok(after(5.0 + second as f64)),
    };
    (0..=10).map(reading).collect()
}

fn told(readings: &[Reading]) -> BrokerWindow {
    let topics = OURS.map(str::to_owned);
    let around = Around {
        t1_ns: 100 * S,
        t2_ns: 110 * S,
        topics: &topics,
        brokers: &[1, 2],
    };
    window("http://b1:9404/metrics".to_owned(), readings, &around)
}

#[track_caller]
fn absent(readings: &[Reading], reason: &str) {
    let told = told(readings);
    assert_eq!((told.facts, told.absent.as_deref()), (None, Some(reason)));
}

fn tell(reading: &mut Reading, change: impl FnOnce(&mut Told)) {
    change(reading.told.as_mut().unwrap());
}

#[test]
fn totals_become_differences_over_the_window() {
    let told = told(&readings());
    assert_eq!((told.broker, told.absent), (Some(1), None));
    let facts = told.facts.unwrap();
    assert_eq!((facts.seconds, facts.off_seconds), (10.0, 0.004));
    assert_eq!((facts.readings, facts.missed), (11, 0));
    assert_eq!((facts.cpu_seconds, facts.cores()), (Some(5.0), Some(0.5)));
    assert_eq!(
        (facts.bytes_in, facts.foreign_bytes_in, facts.records_in),
        (10_000_000, 0, 10_000)
    );
    assert_eq!(facts.produce_requests, 1000);
    assert_eq!(facts.handler_idle, Some(0.75));
    let network = facts.network_idle.unwrap();
    assert!((network - 0.8).abs() < 1e-9, "{network}");
    assert!((facts.network_idle_least.unwrap() - 0.7).abs() < 1e-9);
    assert_eq!((facts.under_replicated_max, facts.purgatory_max), (Some(0), Some(15)));
    assert_eq!((facts.gc_collections, facts.gc_seconds), (Some(0), Some(0.0)));
    assert_eq!(
        (facts.log_flushes, facts.under_min_isr_max),
        (None, None),
        "not told is not zero"
    );
}

#[test]
fn the_mean_of_the_window_is_not_the_mean_of_the_brokers_life() {
    let mut readings = readings();
    // 500 requests of 4 ms before the window, 1,000 of 10 ms in it.
    let last = readings.last_mut().unwrap();
    tell(last, |told| {
        let mean = (500.0 * 0.004 + 1000.0 * 0.010) / 1500.0;
        told.steps.insert("Total".to_owned(), Mean { count: 1500.0, mean });
    });
    let facts = told(&readings).facts.unwrap();
    let mean = facts.mean_seconds("Total").unwrap();
    assert!((mean - 0.010).abs() < 1e-9, "{mean}");
    assert!((facts.mean_seconds("Remote").unwrap() - 0.003).abs() < 1e-9);
    assert_eq!(facts.mean_seconds("Local"), None, "not told is not zero");
}

#[test]
fn a_step_without_a_request_in_the_window_has_no_mean() {
    let mut readings = readings();
    let before = readings[0].told.as_ref().unwrap().steps.clone();
    tell(readings.last_mut().unwrap(), |told| told.steps = before);
    assert_eq!(told(&readings).facts.unwrap().produce_time, []);
}

#[test]
fn no_difference_is_told_over_a_restart() {
    let mut readings = readings();
    for reading in &mut readings[6..] {
        tell(reading, |told| told.started += 300.0);
    }
    absent(&readings, "the broker was started anew within the window");
    // Also when it has caught up with its earlier totals, and when it was away for a while.
    for reading in &mut readings[3..6] {
        reading.told = Err("no connection".to_owned());
    }
    absent(&readings, "the broker was started anew within the window");
}

#[test]
fn totals_that_fall_are_no_difference() {
    let mut readings = readings();
    tell(readings.last_mut().unwrap(), |told| told.bytes_in = 1.0);
    absent(&readings, "its totals fell within the window");
}

#[test]
fn an_end_of_the_window_without_a_reading_is_told_with_its_reason() {
    let failed = |readings: &mut [Reading]| {
        for reading in readings {
            reading.told = Err("no answer within 1000 ms".to_owned());
        }
    };
    let mut at_start = readings();
    failed(&mut at_start[..2]);
    absent(&at_start, "at the window's start: no answer within 1000 ms");
    let mut at_end = readings();
    failed(&mut at_end[9..]);
    absent(&at_end, "at the window's end: no answer within 1000 ms");
    absent(&[], "it was not read at the window's start");
    absent(&readings()[..4], "it was not read at the window's end");
}

#[test]
fn the_nearest_reading_stands_for_an_end_and_says_how_far_off_it_was() {
    let mut readings = readings();
    readings[0].told = Err("no connection".to_owned());
    readings[4].told = Err("no connection".to_owned());
    let facts = told(&readings).facts.unwrap();
    assert_eq!((facts.seconds, facts.off_seconds), (9.0, 1.004));
    assert_eq!((facts.readings, facts.missed, facts.bytes_in), (10, 1, 9_000_000));
    assert_eq!(facts.cores(), Some(0.5));
}

#[test]
fn bytes_for_other_topics_are_told_apart() {
    let mut readings = readings();
    tell(readings.last_mut().unwrap(), |told| {
        told.bytes_in += 3_000_000.0;
        told.topics.insert("orders".to_owned(), 2_000_000.0);
        told.topics.insert("payments".to_owned(), 500_000.0);
        told.topics.insert("quiet".to_owned(), 0.0);
    });
    let facts = told(&readings).facts.unwrap();
    assert_eq!((facts.bytes_in, facts.foreign_bytes_in), (13_000_000, 2_500_000));
    let topics = [("orders".to_owned(), 2_000_000), ("payments".to_owned(), 500_000)];
    assert_eq!(facts.foreign_topics, topics);
}

#[test]
fn a_share_beyond_one_is_not_told() {
    let mut readings = readings();
    tell(readings.last_mut().unwrap(), |told| {
        told.handler_idle = Some(0.75 * 5.0 + 10.007);
    });
    assert_eq!(
        told(&readings).facts.unwrap().handler_idle,
        Some(1.0),
        "within the doubt of the instants"
    );
    tell(readings.last_mut().unwrap(), |told| {
        told.handler_idle = Some(0.75 * 5.0 + 20.0);
    });
    assert_eq!(told(&readings).facts.unwrap().handler_idle, None);
}

#[test]
fn a_broker_of_another_cluster_and_one_told_of_twice_are_not_counted() {
    let mut readings = readings();
    for reading in &mut readings {
        tell(reading, |told| told.broker = 7);
    }
    absent(&readings, "it tells of broker 7, which is not of this cluster");
    let one = told(&self::readings());
    let other = BrokerWindow {
        address: "http://10.0.0.1:9404/metrics".to_owned(),
        ..one.clone()
    };
    let mut both = [one.clone(), other];
    once_each(&mut both);
    assert_eq!(both[0], one);
    assert_eq!(
        both[1].absent.as_deref(),
        Some("it tells of broker 1, as http://b1:9404/metrics does")
    );
    assert_eq!(both[1].facts, None);
}
