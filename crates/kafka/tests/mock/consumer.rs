use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tribunal_engine::clock::{Clock as _, MonotonicClock};
use tribunal_engine::receiver::Mark;
use tribunal_kafka::{ConsumerSpec, KafkaConsumer, Mock, Received};

use super::setup::{LONG, Running, TOPIC, due, open, open_to_read_back, primed, properties};

/// A consumer of all partitions of the topic, each from this offset on.
fn consumer(mock: &Mock, partitions: i32, offset: i64) -> KafkaConsumer {
    let seats: Vec<_> = (0..partitions)
        .map(|partition| (TOPIC.to_owned(), partition, offset))
        .collect();
    KafkaConsumer::open(&ConsumerSpec {
        bootstrap: mock.bootstrap(),
        client_id: "agent-consumer-0-0",
        properties: &properties(&[("fetch.wait.max.ms", "50")]),
        seats: &seats,
        read_back: true,
    })
    .unwrap()
}

/// Asks again and again; whoever is asked waits.
#[track_caller]
fn until(what: &str, mut there: impl FnMut() -> bool) {
    let deadline = MonotonicClock.now_ns() + LONG.as_nanos() as i64;
    while !there() {
        assert!(MonotonicClock.now_ns() < deadline, "{what}");
    }
}

/// Takes records until there are so many.
fn receive(consumer: &mut KafkaConsumer, count: usize) -> Vec<Received> {
    let mut all = Vec::new();
    let enough = || {
        let failed = |code| panic!("{code:?}");
        consumer.poll(Duration::from_millis(20), |record| all.push(record), failed);
        all.len() >= count
    };
    until("the records are received", enough);
    all
}

#[test]
fn a_consumer_is_positioned_before_there_is_a_record_and_receives_each_one_once() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 3, 1).unwrap();
    let mut reader = consumer(&mock, 3, 0);
    let positioned = || {
        reader.poll(
            Duration::from_millis(20),
            |_| panic!("there is no record"),
            |code| panic!("{code:?}"),
        );
        (0..3).all(|seat| reader.log_end(seat) == Some(0))
    };
    until("the consumer is positioned", positioned);

    let mut client = open(mock.bootstrap(), 3, &[("linger.ms", "1")], &[]);
    let written = primed(&mut client).written();
    let mut running = Running::new(client);
    running.offer(&(0..3000).map(|i| due(i, Some((i % 3) as i32))).collect::<Vec<_>>());
    running.until_resolved();
    let all = receive(&mut reader, 3000 + written as usize);
    let different: BTreeSet<_> = all.iter().map(|record| (record.seat, record.offset)).collect();
    assert_eq!((all.len(), different.len()), (3003, 3003));
    assert!(all.iter().all(|record| record.bytes > 0 && record.seat < 3));
    assert_eq!(reader.log_end(0), Some(1001));
}

#[test]
fn a_consumer_begins_where_it_is_told() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let mut client = open(mock.bootstrap(), 1, &[("linger.ms", "1")], &[]);
    primed(&mut client);
    let mut running = Running::new(client);
    running.offer(&(0..100).map(|i| due(i, Some(0))).collect::<Vec<_>>());
    running.until_resolved();
    // Batches are sent whole; what lies before the offset is not handed over.
    let mut reader = consumer(&mock, 1, 60);
    let all = receive(&mut reader, 41);
    assert_eq!(
        all.iter().map(|record| record.offset).collect::<Vec<_>>(),
        (60..101).collect::<Vec<_>>()
    );
}

#[test]
fn records_that_are_read_back_say_which_they_are_at_both_ends() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 3, 1).unwrap();
    let mut client = open_to_read_back(mock.bootstrap(), 3);
    assert!(client.is_stamped());
    assert_eq!(primed(&mut client).written(), 3);
    let mut running = Running::new(client);
    running.offer(&(0..900).map(|i| due(i, Some((i % 3) as i32))).collect::<Vec<_>>());
    running.until_resolved();
    // Each acknowledgement is that of the record which stands at its offset.
    let told: BTreeMap<_, _> = running
        .delivered
        .iter()
        .map(|delivery| ((delivery.partition as usize, delivery.offset), delivery.sequence))
        .collect();
    assert_eq!(told.len(), 900);
    let mut reader = consumer(&mock, 3, 0);
    let mut sequences = BTreeSet::new();
    for record in receive(&mut reader, 903) {
        match record.mark {
            Some(Mark::Scheduled { producer: 7, sequence }) => {
                assert_eq!(told[&(record.seat, record.offset)], Some(sequence));
                sequences.insert(sequence);
            }
            Some(Mark::Primed) => assert_eq!(record.offset, 0),
            other => panic!("{other:?}"),
        }
    }
    assert!(sequences.into_iter().eq(0..900));
}

#[test]
fn records_without_a_stamp_say_nothing() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let mut client = open(mock.bootstrap(), 1, &[("linger.ms", "1")], &[]);
    primed(&mut client);
    let mut running = Running::new(client);
    running.offer(&(0..10).map(|i| due(i, Some(0))).collect::<Vec<_>>());
    running.until_resolved();
    assert!(running.delivered.iter().all(|delivery| delivery.sequence.is_none()));
    let all = receive(&mut consumer(&mock, 1, 0), 11);
    assert!(all.iter().all(|record| record.mark.is_none()));
}

#[test]
fn a_property_that_no_consumer_takes_is_told_by_its_name() {
    let refused = KafkaConsumer::open(&ConsumerSpec {
        bootstrap: "127.0.0.1:1",
        client_id: "c",
        properties: &properties(&[("fetch.wait.max.ms", "much")]),
        seats: &[],
        read_back: false,
    });
    assert!(refused.unwrap_err().to_string().contains("fetch.wait.max.ms"));
}
