use std::time::Duration;

use rdkafka::mocking::MockCluster;
use tribunal_engine::clock::{Clock as _, MonotonicClock};
use tribunal_kafka::admin::{Cluster, Error};
use tribunal_kafka::{Mock, client, prime};

use super::setup::{LONG, TOPIC, cluster, open, primed, properties};

#[test]
fn a_cluster_describes_itself_and_its_topics() {
    let mock = Mock::start(3, None).unwrap();
    mock.create_topic(TOPIC, 5, 3).unwrap();
    mock.create_topic("other", 1, 1).unwrap();
    let cluster = cluster(mock.bootstrap());
    let facts = cluster.metadata().unwrap();
    assert_eq!(
        facts.brokers.iter().map(|broker| broker.id).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let addresses: Vec<_> = facts
        .brokers
        .iter()
        .map(|broker| format!("{}:{}", broker.host, broker.port))
        .collect();
    assert_eq!(addresses.join(","), mock.bootstrap());
    assert!(facts.cluster_id.is_some_and(|id| !id.is_empty()));
    assert!(facts.controller.is_some());

    assert_eq!(cluster.list_topics("tri").unwrap(), [TOPIC]);
    assert_eq!(cluster.list_topics("").unwrap(), ["other", TOPIC]);
    let state = cluster.topic_state(TOPIC).unwrap();
    assert_eq!(
        state.iter().map(|partition| partition.partition).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4]
    );
    assert!(
        state
            .iter()
            .all(|partition| partition.replicas.len() == 3 && partition.isr.len() == 3)
    );
    assert_eq!(cluster.topic_state("nothing").unwrap(), []);
    assert_eq!(cluster.list_topics("nothing").unwrap(), Vec::<String>::new());
    assert_eq!(cluster.end_offsets(TOPIC, 5).unwrap(), [0; 5]);
}

#[test]
fn a_topic_is_ready_when_its_preferred_leaders_lead() {
    let mock = MockCluster::new(3).unwrap();
    mock.create_topic(TOPIC, 2, 3).unwrap();
    let cluster = cluster(&mock.bootstrap_servers());
    for partition in cluster.topic_state(TOPIC).unwrap() {
        mock.partition_leader(TOPIC, partition.partition, partition.replicas.first().copied())
            .unwrap();
    }
    cluster.await_ready(TOPIC, 2, 3, LONG).unwrap();

    let little = Duration::from_millis(200);
    let problem = |partitions, replication| match cluster.await_ready(TOPIC, partitions, replication, little) {
        Err(Error::NotReady { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(problem(3, 3), "the cluster: 2 of 3 partitions are known");
    assert_eq!(problem(2, 2), "the cluster: partition 0 has 3 replicas, not 2");
    let replicas = cluster.topic_state(TOPIC).unwrap()[1].replicas.clone();
    mock.partition_leader(TOPIC, 1, Some(replicas[1])).unwrap();
    assert_eq!(
        problem(2, 3),
        format!(
            "the cluster: partition 1 is led by broker {}, not {}",
            replicas[1], replicas[0]
        )
    );
    mock.partition_leader(TOPIC, 1, None).unwrap();
    assert_eq!(problem(2, 3), "the cluster: partition 1 has no leader");
}

#[test]
fn a_mock_makes_no_topics_on_request_and_says_so() {
    let mock = Mock::start(1, None).unwrap();
    let cluster = Cluster::connect(mock.bootstrap(), &properties(&[]), Duration::from_millis(500)).unwrap();
    let settings = [("retention.ms".to_owned(), "1000".to_owned())];
    let error = cluster.create_topic("new", &[vec![1]], &settings).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Refused {
                act: "create topic",
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().starts_with("create topic \"new\": "), "{error}");
    assert!(matches!(
        cluster.delete_topic("new"),
        Err(Error::Refused {
            act: "delete topic",
            ..
        })
    ));
    assert!(matches!(
        cluster.describe_topic_settings("new"),
        Err(Error::Refused {
            act: "describe topic",
            ..
        })
    ));
}

#[test]
fn a_cluster_that_is_not_there_is_an_error_in_time() {
    let start_ns = MonotonicClock.now_ns();
    let timeout = Duration::from_millis(700);
    let error = Cluster::connect("127.0.0.1:1", &properties(&[]), timeout).unwrap_err();
    let took_ns = MonotonicClock.now_ns() - start_ns;
    assert!((700_000_000..5_000_000_000).contains(&took_ns), "{took_ns}");
    let Error::Unreachable { bootstrap, reason, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(bootstrap, "127.0.0.1:1");
    assert!(
        reason.contains("Connection refused") && !reason.contains('\n'),
        "{reason}"
    );
    assert!(
        error
            .to_string()
            .starts_with("no broker could be reached at 127.0.0.1:1 within "),
        "{error}"
    );
    assert!(error.is_retriable());
}

#[test]
fn priming_names_what_is_missing() {
    let deadline_ns = MonotonicClock.now_ns() + 500_000_000;
    let mut client = open("127.0.0.1:1", 3, &[], &[]);
    let error = prime(&mut client, &MonotonicClock, deadline_ns).unwrap_err();
    let client::Error::Prime {
        missing: 3,
        tried: 3,
        last,
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert!(
        last.contains("127.0.0.1:1") && last.contains("Connection refused"),
        "{error}"
    );
}

#[test]
fn of_many_partitions_a_sample_is_primed() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 1500, 1).unwrap();
    let mut client = open(mock.bootstrap(), 1500, &[("linger.ms", "0")], &[]);
    let primed = primed(&mut client);
    assert_eq!((primed.written(), primed.partitions.len()), (1000, 1000));
    let last = primed.partitions.last().unwrap().partition;
    assert!(last >= 1498, "{last}");
    let offsets = cluster(mock.bootstrap()).end_offsets(TOPIC, 1500).unwrap();
    assert_eq!(offsets.iter().sum::<i64>(), 1000);
}
