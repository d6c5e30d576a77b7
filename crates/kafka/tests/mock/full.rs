use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka::types::RDKafkaRespErr;
use tribunal_engine::clock::{Clock as _, MonotonicClock};
use tribunal_engine::producer::{Control as _, Outcome, Statistics as _};
use tribunal_kafka::Mock;

use super::setup::{LONG, Running, TOPIC, cluster, due, open, primed};

#[test]
fn a_full_client_takes_a_prefix_and_no_record_twice() {
    let mock = Mock::start(1, Some(Duration::from_millis(20))).unwrap();
    mock.create_topic(TOPIC, 3, 1).unwrap();
    for headers in [&[][..], &[("h", "v")]] {
        let before: i64 = cluster(mock.bootstrap()).end_offsets(TOPIC, 3).unwrap().iter().sum();
        let limits = [("queue.buffering.max.messages", "50"), ("linger.ms", "0")];
        let mut client = open(mock.bootstrap(), 3, &limits, headers);
        primed(&mut client);
        let mut running = Running::new(client);
        let records: Vec<_> = (0..1000)
            .map(|i| due(i, (i % 2 == 0).then_some((i % 3) as i32)))
            .collect();

        let first = running.offer(&records);
        assert!(first.full && first.handled == 50, "{first:?}");
        assert_eq!(running.control.in_flight(), 50);
        let (mut done, mut refusals) = (first.handled, 1);
        while done < records.len() {
            let offered = running.offer(&records[done..]);
            done += offered.handled;
            refusals += u32::from(offered.full);
            running.poll(LONG);
        }
        running.until_resolved();
        assert!(refusals > 10, "{refusals}");
        assert!(running.rejected.is_empty());
        assert_eq!(running.delivered.len(), 1000);
        let mut intended: Vec<_> = running.delivered.iter().map(|delivery| delivery.intended_ns).collect();
        intended.sort_unstable();
        assert_eq!(
            intended,
            records
                .iter()
                .map(|due| due.intended_ns / 512 * 512)
                .collect::<Vec<_>>()
        );
        let after: i64 = cluster(mock.bootstrap()).end_offsets(TOPIC, 3).unwrap().iter().sum();
        assert_eq!(after - before, 1003);
    }
}

#[test]
fn records_that_can_never_be_taken_are_rejected_in_their_place() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 2, 1).unwrap();
    for headers in [&[][..], &[("h", "v")]] {
        let mut client = open(mock.bootstrap(), 2, &[], headers);
        primed(&mut client);
        let mut running = Running::new(client);
        let partitions = [Some(0), Some(2), None, Some(-1), Some(1), Some(99)];
        let records: Vec<_> = partitions
            .iter()
            .zip(0..)
            .map(|(partition, i)| due(i, *partition))
            .collect();
        assert_eq!(running.offer(&records).handled, 6);
        running.until_resolved();
        let rejected: Vec<_> = running.rejected.iter().map(|(index, code)| (*index, code.0)).collect();
        assert_eq!(
            rejected,
            [
                (1, "UNKNOWN_PARTITION"),
                (3, "UNKNOWN_PARTITION"),
                (5, "UNKNOWN_PARTITION")
            ]
        );
        assert_eq!(running.delivered.len(), 3);
    }
}

#[test]
fn a_record_larger_than_the_limit_is_rejected_and_the_next_is_not() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    // The least limit is 1,000 bytes, so the pool of this test has its own sizes.
    let content = tribunal_model::trial::Content::Generated { compressibility: 0.0 };
    let size = tribunal_model::trial::Size::Weighted(vec![(100, 1.0), (2000, 1.0)]);
    let shape = tribunal_model::trial::RecordShape {
        size,
        content,
        headers: Vec::new(),
    };
    let pool = std::sync::Arc::new(tribunal_engine::payload::PayloadPool::new(&shape, 3, 10_000, 1000).unwrap());
    let small = (0..pool.len()).find(|number| pool.body(*number).len() == 100).unwrap();
    let large = (0..pool.len()).find(|number| pool.body(*number).len() == 2000).unwrap();
    for headers in [vec![], vec![("h".to_owned(), "v".to_owned())]] {
        let client = tribunal_kafka::Client::open(tribunal_kafka::ClientSpec {
            bootstrap: mock.bootstrap(),
            client_id: "agent-0",
            properties: &super::setup::properties(&[("message.max.bytes", "1000")]),
            topic: TOPIC,
            partitions: 1,
            pool: std::sync::Arc::clone(&pool),
            headers,
            read_back: false,
            index: 0,
        })
        .unwrap();
        let mut running = Running::new(client);
        let mut records: Vec<_> = (0..4).map(|i| due(i, Some(0))).collect();
        for (record, payload) in records.iter_mut().zip([small, large, large, small]) {
            record.payload = payload;
        }
        assert_eq!(running.offer(&records).handled, 4);
        running.until_resolved();
        let rejected: Vec<_> = running.rejected.iter().map(|(index, code)| (*index, code.0)).collect();
        assert_eq!(rejected, [(1, "MSG_SIZE_TOO_LARGE"), (2, "MSG_SIZE_TOO_LARGE")]);
        assert_eq!(running.delivered.len(), 2);
    }
}

#[test]
fn a_purge_tells_what_was_queued_from_what_was_in_flight() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let limits = [
        ("linger.ms", "0"),
        ("max.in.flight.requests.per.connection", "3"),
        ("batch.num.messages", "10"),
    ];
    let mut client = open(mock.bootstrap(), 1, &limits, &[]);
    primed(&mut client);
    let mut running = Running::new(client);
    // Responses do not come in the time of this test.
    mock.set_round_trip(Duration::from_secs(600)).unwrap();
    running.offer(&(0..100).map(|i| due(i, None)).collect::<Vec<_>>());
    // One request was that of the primed record; more are in flight, though a request for metadata may be among them.
    running.until(|running| running.statistics.total().requests >= 2);
    assert_eq!((running.control.in_flight(), running.delivered.len()), (100, 0));
    running.control.purge();
    running.until_resolved();

    assert_eq!(running.delivered.len(), 100);
    let code = |outcome: Outcome| match outcome {
        Outcome::NotWritten(code) => ("not", code.0),
        Outcome::PossiblyWritten(code) => ("possibly", code.0),
        other => panic!("{other:?}"),
    };
    let codes: Vec<_> = running
        .delivered
        .iter()
        .map(|delivery| code(delivery.outcome))
        .collect();
    let possibly = codes
        .iter()
        .filter(|code| **code == ("possibly", "PURGE_INFLIGHT"))
        .count();
    let not = codes.iter().filter(|code| **code == ("not", "PURGE_QUEUE")).count();
    assert!(possibly >= 1 && not >= 1 && possibly + not == 100, "{codes:?}");
    mock.set_round_trip(Duration::ZERO).unwrap();
    let end = cluster(mock.bootstrap()).end_offsets(TOPIC, 1).unwrap()[0];
    assert!((1..=1 + possibly as i64).contains(&end), "{end}");
}

#[test]
fn a_topic_that_goes_away_under_the_load_is_survived() {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let soon = [
        ("topic.metadata.refresh.interval.ms", "10"),
        ("topic.metadata.propagation.max.ms", "0"),
    ];
    for partition in [Some(0), None] {
        mock.topic_error(TOPIC, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR)
            .unwrap();
        let mut client = open(&mock.bootstrap_servers(), 1, &soon, &[]);
        primed(&mut client);
        let mut running = Running::new(client);
        mock.topic_error(TOPIC, RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            .unwrap();
        let batch: Vec<_> = (0..10).map(|i| due(i, partition)).collect();
        let mut offered = 0;
        while running.rejected.is_empty() {
            assert_eq!(running.offer(&batch).handled, 10);
            offered += 10;
            running.poll(Duration::from_millis(1));
        }
        // Far more than the client could hold, if it kept those that it refused.
        for _ in 0..20_000 {
            assert_eq!(running.offer(&batch).handled, 10);
            offered += 10;
        }
        running.until_resolved();
        assert_eq!(running.rejected.len() + running.delivered.len(), offered);
        assert!(
            running.rejected.iter().all(|(_, code)| code.0 == "UNKNOWN_TOPIC"),
            "{:?}",
            running.rejected[0]
        );
    }
}

#[test]
fn dropping_a_loaded_client_does_not_wait_for_its_records() {
    let mock = Mock::start(1, Some(Duration::from_secs(600))).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let client = open(mock.bootstrap(), 1, &[], &[]);
    let mut running = Running::new(client);
    running.offer(&(0..10_000).map(|i| due(i, None)).collect::<Vec<_>>());
    let start_ns = MonotonicClock.now_ns();
    drop(running);
    // The delivery time-out is 300 s.
    assert!(MonotonicClock.now_ns() - start_ns < LONG.as_nanos() as i64);
}
