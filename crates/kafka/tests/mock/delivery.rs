use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Headers as _;
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use tribunal_engine::clock::{Clock as _, MonotonicClock};
use tribunal_engine::producer::{Control as _, Due, Outcome, Statistics as _};
use tribunal_kafka::Mock;
use tribunal_model::trial::Part;

use super::setup::{LONG, Running, TOPIC, bytes, cluster, due, open, pool, primed};

/// A record as it came back.
struct Read {
    partition: i32,
    key: Option<String>,
    value: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
}

/// Reads `count` records from the beginning of all partitions.
fn read(bootstrap: &str, partitions: i32, count: usize) -> Vec<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "test")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let one = || {
        let message = consumer.poll(LONG).unwrap().unwrap();
        let headers = message.headers().map_or(Vec::new(), |headers| {
            headers
                .iter()
                .map(|header| (header.key.to_owned(), header.value.unwrap().to_vec()))
                .collect()
        });
        Read {
            partition: message.partition(),
            key: message.key().map(|key| String::from_utf8(key.to_vec()).unwrap()),
            value: message.payload().unwrap().to_vec(),
            headers,
        }
    };
    (0..count).map(|_| one()).collect()
}

fn count(records: &[Due], part: Part) -> usize {
    records.iter().filter(|due| due.part == part).count()
}

#[test]
fn every_record_of_the_bare_path_is_acknowledged_as_it_was_offered() {
    let mock = Mock::start(3, None).unwrap();
    mock.create_topic(TOPIC, 4, 2).unwrap();
    let mut client = open(mock.bootstrap(), 4, &[("linger.ms", "1")], &[]);
    let before = primed(&mut client);
    assert_eq!(
        (before.written(), before.possibly_written(), before.partitions.len()),
        (4, 0, 4)
    );
    let mut running = Running::new(client);
    assert_eq!(running.control.in_flight(), 0);

    // More than one call takes, with and without an assigned partition.
    let records: Vec<_> = (0..3000)
        .map(|i| due(i, (i % 3 != 0).then_some((i % 4) as i32)))
        .collect();
    let offered = running.offer(&records);
    assert!(offered.handled == 3000 && !offered.full && running.rejected.is_empty());
    running.until_resolved();

    assert_eq!(running.delivered.len(), 3000);
    assert!(
        running
            .delivered
            .iter()
            .all(|delivery| delivery.outcome == Outcome::Acknowledged)
    );
    for part in Part::ALL {
        assert_eq!(
            running.delivered.iter().filter(|d| d.part == part).count(),
            count(&records, part)
        );
    }
    let by_intended: BTreeMap<_, _> = running.delivered.iter().map(|d| (d.intended_ns, d)).collect();
    for record in &records {
        // Several intended sends share 512 ns nowhere here: they are a microsecond apart.
        let delivery = by_intended[&(record.intended_ns / 512 * 512)];
        assert_eq!(
            (delivery.part, delivery.bytes),
            (record.part, u64::from(bytes(record.sequence)))
        );
        assert!(record.partition.is_none_or(|partition| partition == delivery.partition));
        assert!(delivery.accepted_ns >= delivery.intended_ns);
    }

    let offsets = cluster(mock.bootstrap()).end_offsets(TOPIC, 4).unwrap();
    assert_eq!(offsets.iter().sum::<i64>(), 3000 + 4);
    let mut per_partition = [1; 4];
    for delivery in &running.delivered {
        per_partition[delivery.partition as usize] += 1;
    }
    assert_eq!(offsets, per_partition);

    let came: Vec<_> = read(mock.bootstrap(), 4, 3004)
        .into_iter()
        .filter(|read| read.key.is_some())
        .collect();
    assert_eq!(came.len(), 1500);
    let pool = pool(100);
    for record in came {
        let sequence: u64 = record.key.unwrap().parse().unwrap();
        let sent = due(sequence, None);
        assert_eq!(record.value, pool.body(sent.payload));
        assert!(sequence.is_multiple_of(3) || record.partition == (sequence % 4) as i32);
        assert!(record.headers.is_empty());
    }
}

#[test]
fn the_stamped_path_carries_the_given_headers_and_who_sent_what() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 2, 1).unwrap();
    let mut client = open(mock.bootstrap(), 2, &[], &[("source", "plan"), ("empty", "")]);
    assert!(client.is_stamped());
    primed(&mut client);
    let mut running = Running::new(client);
    let records: Vec<_> = (0..50).map(|i| due(i, (i % 2 == 0).then_some(1))).collect();
    assert_eq!(running.offer(&records).handled, 50);
    running.until_resolved();
    assert!(
        running
            .delivered
            .iter()
            .all(|delivery| delivery.outcome == Outcome::Acknowledged)
    );

    let mut sequences = Vec::new();
    for record in read(mock.bootstrap(), 2, 52)
        .into_iter()
        .filter(|record| !record.headers.is_empty())
    {
        let names: Vec<_> = record.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["source", "empty", "tribunal"]);
        assert_eq!(
            (record.headers[0].1.as_slice(), record.headers[1].1.as_slice()),
            (&b"plan"[..], &b""[..])
        );
        let mark = &record.headers[2].1;
        assert_eq!(mark[..4], 7_u32.to_le_bytes());
        let sequence = u64::from_le_bytes(mark[4..].try_into().unwrap());
        assert_eq!(record.key, sequence.is_multiple_of(2).then(|| sequence.to_string()));
        assert!(sequence % 2 == 1 || record.partition == 1);
        sequences.push(sequence);
    }
    sequences.sort_unstable();
    assert_eq!(sequences, (0..50).collect::<Vec<_>>());
}

#[test]
fn without_acknowledgements_a_record_is_written_blind() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let mut client = open(mock.bootstrap(), 1, &[("acks", "0")], &[]);
    assert_eq!(primed(&mut client).written(), 1);
    let mut running = Running::new(client);
    running.offer(&(0..10).map(|i| due(i, None)).collect::<Vec<_>>());
    running.until_resolved();
    assert_eq!(running.delivered.len(), 10);
    assert!(
        running
            .delivered
            .iter()
            .all(|delivery| delivery.outcome == Outcome::WrittenBlind)
    );
}

#[test]
fn service_time_is_counted_from_the_offer() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let mut client = open(mock.bootstrap(), 1, &[], &[]);
    primed(&mut client);
    let mut running = Running::new(client);
    running.offer(&[due(9, None)]);
    running.until_resolved();
    let delivery = running.delivered[0];
    // The offer was 2 ms after the intended send; each is rounded down to 512 ns.
    assert_eq!(delivery.intended_ns, 9000 / 512 * 512);
    assert_eq!(delivery.accepted_ns, 2_009_000 / 512 * 512);
}

#[test]
fn retries_are_seen_in_the_statistics() {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let mut client = open(
        &mock.bootstrap_servers(),
        1,
        &[("retry.backoff.ms", "1"), ("retries", "5")],
        &[],
    );
    primed(&mut client);
    let mut running = Running::new(client);
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    mock.request_errors(RDKafkaApiKey::Produce, &[error, error, error]);
    running.offer(&(0..100).map(|i| due(i, None)).collect::<Vec<_>>());
    running.until_resolved();
    assert!(
        running
            .delivered
            .iter()
            .all(|delivery| delivery.outcome == Outcome::Acknowledged)
    );
    running.until(|running| running.statistics.total().retries >= 3);
    let total = running.statistics.total();
    assert!(total.requests >= 4 && total.batches >= 1, "{total:?}");
    // The primed record, and the records of three requests a second time.
    assert_eq!(total.batch_records, 101 + total.retries);
    let once = 100 + (0..100).map(bytes).map(u64::from).sum::<u64>();
    assert!(total.record_bytes > once, "{total:?}");
    assert!(total.wire_bytes > total.record_bytes, "{total:?}");
}

#[test]
fn an_error_of_the_broker_is_a_fate_with_its_code() {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let mut client = open(&mock.bootstrap_servers(), 1, &[("retries", "0")], &[]);
    primed(&mut client);
    let mut running = Running::new(client);
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED],
    );
    running.offer(&[due(0, None)]);
    running.until_resolved();
    let Outcome::NotWritten(code) = running.delivered[0].outcome else {
        panic!("{:?}", running.delivered)
    };
    assert_eq!(code.0, "TOPIC_AUTHORIZATION_FAILED");
}

#[test]
fn a_round_trip_of_the_mock_delays_reports() {
    let mock = Mock::start(1, Some(Duration::from_millis(60))).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let mut client = open(mock.bootstrap(), 1, &[("linger.ms", "0")], &[]);
    primed(&mut client);
    let mut running = Running::new(client);
    let start_ns = MonotonicClock.now_ns();
    running.offer(&[due(0, None)]);
    running.until_resolved();
    let took_ns = MonotonicClock.now_ns() - start_ns;
    assert!(took_ns >= 60_000_000, "{took_ns}");
}
