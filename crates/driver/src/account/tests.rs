use std::time::Duration;

use tribunal_stats::{ClientCount, ClientStatistics, Latencies};

use super::*;
use crate::messages;

const SECOND: i64 = 1_000_000_000;

fn windows() -> Windows {
    Windows {
        warm_up: Duration::from_secs(1),
        measure: Duration::from_secs(2),
        drain: Duration::from_secs(1),
    }
}

/// A second of a producer in which ten records were sent and acknowledged.
fn second(producer: u32, start: i64, end: i64) -> Second {
    let part = windows().part(start).name().to_owned();
    let counted = messages::Part {
        scheduled: 10,
        acknowledged: 10,
        response: vec![(100, 4), (2048, 6)],
        ..messages::Part::default()
    };
    Second {
        producer,
        start_ns: start,
        end_ns: end,
        parts: [(part, counted)].into(),
        in_flight: 3,
        ..Second::default()
    }
}

fn report(producer: u32, acknowledged: u64) -> Report {
    Report {
        producer,
        partitions: vec![(0, acknowledged, 0)],
        offsets: vec![(0, vec![(i64::from(producer) * 100, acknowledged)])],
        backlog: (1, 2),
        ..Report::default()
    }
}

fn account() -> Account {
    Account::new([(0, "t".to_owned()), (1, "t".to_owned())])
}

#[test]
fn every_bucket_is_one_of_the_distribution() {
    let mut microseconds = 1;
    while microseconds <= HIGHEST_US {
        assert_eq!(bucket(lowest(bucket(microseconds)).unwrap()), bucket(microseconds));
        let (mut ours, mut theirs) = (Distribution::new(), Distribution::new());
        ours.record_ns(microseconds as i64 * 1000);
        record(&mut theirs, &vec![(bucket(microseconds), 1)]).unwrap();
        assert_eq!(ours.buckets(), theirs.buckets(), "{microseconds}");
        assert_eq!(counts(&ours), [(bucket(microseconds), 1)]);
        microseconds += microseconds / 700 + 1;
    }
    for none in [bucket(HIGHEST_US) + 2, u32::MAX] {
        assert!(record(&mut Distribution::new(), &vec![(none, 1)]).is_err(), "{none}");
    }
    let mut beyond = Distribution::new();
    record(&mut beyond, &vec![(0, 7)]).unwrap();
    assert_eq!((beyond.overflow(), counts(&beyond)), (7, vec![(0, 7)]));
}

#[test]
fn samples_are_whole_when_all_producers_have_told_them() {
    let (mut account, windows) = (account(), windows());
    assert!(
        account
            .second(&second(0, 0, SECOND), &windows)
            .unwrap()
            .whole
            .is_empty()
    );
    assert!(
        account
            .second(&second(0, SECOND, 2 * SECOND), &windows)
            .unwrap()
            .whole
            .is_empty()
    );
    let heard = account.second(&second(1, 0, SECOND), &windows).unwrap();
    assert_eq!((heard.watched.producer, heard.watched.response.count()), (1, 10));
    assert_eq!(heard.fates.acknowledged, 10, "those of one producer");
    let whole = heard.whole;
    assert_eq!(whole.len(), 1);
    assert_eq!((whole[0].activity.acknowledged, whole[0].activity.in_flight), (20, 6));
    assert_eq!(whole[0].clients.len(), 2);
    let whole = account.report(&report(1, 10)).unwrap();
    assert_eq!(whole.len(), 1, "producer 1 has nothing more to tell");
    account.report(&report(0, 20)).unwrap();
    let (left, report) = account.finish();
    assert!(left.is_empty());
    assert_eq!(report.tallies.fates().acknowledged, 30);
    assert_eq!(report.backlog, Backlog { at_start: 2, at_end: 4 });
    assert_eq!(report.partitions[&("t".to_owned(), 0)].acknowledged, 30);
    assert_eq!(report.offsets[&("t".to_owned(), 0)].count(), 30);
}

#[test]
fn what_does_not_follow_is_refused() {
    let windows = windows();
    for (wrong, problem) in [
        (second(7, 0, SECOND), "a producer 7"),
        (second(0, SECOND, 2 * SECOND), "after 0"),
        (second(0, 0, 0), "from 0 to 0"),
        (second(0, 0, 2 * SECOND), "with an edge at 1000000000"),
    ] {
        let error = account().second(&wrong, &windows).unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
    let mut over = account();
    over.second(&second(0, 0, SECOND / 2), &windows).unwrap();
    assert!(
        over.second(&second(0, SECOND / 2, SECOND), &windows).is_err(),
        "after the last"
    );
    let mut named = second(0, 0, SECOND);
    named.parts.insert("measurement".to_owned(), messages::Part::default());
    let error = account().second(&named, &windows).unwrap_err();
    assert_eq!(error, "a part of the trial called \"measurement\"");
}

#[test]
fn what_does_not_add_up_is_refused() {
    let windows = windows();
    let told = |change: &dyn Fn(&mut messages::Part), report: &Report| {
        let mut account = account();
        let mut second = second(0, 0, SECOND);
        change(second.parts.get_mut("warm_up").unwrap());
        account.second(&second, &windows).unwrap();
        account.report(report).unwrap_err()
    };
    let right = report(0, 10);
    assert_eq!(
        told(&|part| part.scheduled = 11, &right),
        "10 fates for 11 records of the warm_up"
    );
    assert_eq!(
        told(&|part| part.response.truncate(1), &right),
        "4 response times for 10 acknowledged records of the warm_up"
    );
    assert_eq!(
        told(&|_| (), &report(0, 9)),
        "9 acknowledged records by partition and 10 by part of the trial"
    );
    let perhaps = Report {
        partitions: vec![(0, 10, 1)],
        ..report(0, 10)
    };
    assert!(told(&|_| (), &perhaps).starts_with("1 records that may be in the log"));
    let mut twice = account();
    twice.second(&second(0, 0, SECOND), &windows).unwrap();
    twice.report(&right).unwrap();
    assert_eq!(twice.report(&right).unwrap_err(), "a second report of producer 0");
}

#[test]
fn the_request_latency_is_the_windows_median() {
    let (mut account, windows) = (Account::new([(0, "t".to_owned())]), windows());
    for (number, us) in [900.0, 30.0, 10.0].into_iter().enumerate() {
        let start = number as i64 * SECOND;
        let mut told = second(0, start, start + SECOND);
        told.client.request_latency_us = Some(us);
        told.client.batches = Some(5);
        account.second(&told, &windows).unwrap();
    }
    let (_, report) = account.finish();
    assert_eq!(
        report.facts.request_latency_ns,
        Some(30_000),
        "the warm-up's is left out"
    );
    assert_eq!(report.statistics.batches, 10);
}

/// A client's word: produce requests, and the wait of its records for broker 1.
fn said(requests: u64, queue_us: (u64, u64)) -> messages::Client {
    let broker = messages::Broker {
        queue_us,
        ..messages::Broker::default()
    };
    messages::Client {
        requests: Some(requests),
        brokers: [(1, broker)].into(),
        ..messages::Client::default()
    }
}

/// A producer whose client says something in each of three seconds; what its last second came to.
fn three_seconds(account: &mut Account, producer: u32) -> Heard {
    let mut heard = None;
    for (start, client) in [
        (0, said(100, (10_000, 10))),
        (SECOND, messages::Client::default()),
        (2 * SECOND, said(7, (5_000, 4))),
    ] {
        let told = Second {
            client,
            ..second(producer, start, start + SECOND)
        };
        heard = Some(account.second(&told, &windows()).unwrap());
    }
    heard.unwrap()
}

fn queue(statistics: &ClientStatistics) -> Latencies {
    statistics.brokers[&1].queue
}

#[test]
fn what_clients_say_is_summed_for_those_who_watch_and_over_the_window_for_the_result() {
    let mut account = account();
    let heard = three_seconds(&mut account, 0).statistics;
    assert_eq!(
        heard.counts,
        [(ClientCount::Requests, 107)].into(),
        "and nothing that was not told"
    );
    assert_eq!(heard.brokers[&1].queue.mean_us(), Some(15_000.0 / 14.0));
    three_seconds(&mut account, 1);
    for producer in [0, 1] {
        account.report(&report(producer, 30)).unwrap();
    }
    let (_, report) = account.finish();
    assert_eq!(report.statistics.requests, 14, "the warm-up's are left out");
    assert_eq!(
        (queue(&report.statistics).sum_us, queue(&report.statistics).count),
        (10_000, 8)
    );
}

#[test]
fn what_a_report_says_of_the_whole_window_is_not_counted_twice() {
    let mut account = account();
    for producer in [0, 1] {
        three_seconds(&mut account, producer);
    }
    let whole = Report {
        client: said(9, (6_000, 5)),
        ..report(0, 30)
    };
    account.report(&whole).unwrap();
    account.report(&report(1, 30)).unwrap();
    let (_, report) = account.finish();
    assert_eq!(report.statistics.requests, 9 + 7);
    assert_eq!(
        (queue(&report.statistics).sum_us, queue(&report.statistics).count),
        (11_000, 9)
    );
}
