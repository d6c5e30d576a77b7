use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tribunal_engine::producer::Outcome;
use tribunal_kafka::Mock;

use super::setup::{Running, TOPIC, cluster, due, open, primed};

#[test]
fn an_acknowledged_record_is_told_its_own_offset() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 3, 1).unwrap();
    let mut client = open(mock.bootstrap(), 3, &[("linger.ms", "1")], &[]);
    let before = primed(&mut client);
    let mut running = Running::new(client);
    running.offer(&(0..3000).map(|i| due(i, Some((i % 3) as i32))).collect::<Vec<_>>());
    running.until_resolved();
    let ends = cluster(mock.bootstrap()).end_offsets(TOPIC, 3).unwrap();
    for partition in before.partitions {
        let delivered = running.delivered.iter().filter(|d| d.partition == partition.partition);
        let mut told = partition.offsets.clone();
        assert_eq!(told.len() as u64, partition.written);
        told.extend(delivered.map(|delivery| delivery.offset));
        told.sort_unstable();
        let log: Vec<i64> = (0..ends[partition.partition as usize]).collect();
        assert_eq!(told, log, "each offset of the log once");
    }
}

#[test]
fn without_acknowledgements_there_is_no_offset() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let mut client = open(mock.bootstrap(), 1, &[("acks", "0"), ("linger.ms", "5")], &[]);
    let before = primed(&mut client);
    assert!(before.partitions.iter().all(|partition| partition.offsets.is_empty()));
    let mut running = Running::new(client);
    running.offer(&(0..3000).map(|i| due(i, None)).collect::<Vec<_>>());
    running.until_resolved();
    assert!(
        running
            .delivered
            .iter()
            .all(|d| d.outcome == Outcome::WrittenBlind && d.offset == -1)
    );
}

/// The broker tells offset -1 for a duplicate sequence, and librdkafka counts up from it: -1, 0, 1 and so on.
#[test]
fn a_duplicate_sequence_has_no_offset_not_even_its_later_records() {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let own = [("enable.idempotence", "true"), ("linger.ms", "100")];
    let mut client = open(&mock.bootstrap_servers(), 1, &own, &[]);
    primed(&mut client);
    let mut running = Running::new(client);
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER;
    mock.request_errors(RDKafkaApiKey::Produce, &[error]);
    running.offer(&(0..100).map(|i| due(i, None)).collect::<Vec<_>>());
    running.until_resolved();
    assert!(running.delivered.iter().all(|d| d.outcome == Outcome::Acknowledged));
    let unknown = running.delivered.iter().filter(|d| d.offset == -1).count();
    assert!(unknown > 1, "{unknown} of the batch that was a duplicate");
    let mut told: Vec<i64> = running.delivered.iter().map(|d| d.offset).filter(|o| *o >= 0).collect();
    let all = told.len();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), all, "no offset twice");
    assert!(!told.contains(&0), "that is the primed record's");
}
