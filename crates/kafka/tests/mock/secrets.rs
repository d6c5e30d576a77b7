use std::time::Duration;

use tribunal_engine::clock::{Clock as _, MonotonicClock};
use tribunal_engine::producer::{Control as _, Polled, Reports as _};
use tribunal_kafka::admin::Cluster;
use tribunal_kafka::{Client, ClientSpec, Mock, prime};

use super::setup::{TOPIC, open, pool, primed, properties};

const PASSWORD: &str = "correct-horse-battery";

#[test]
fn a_password_is_in_no_text() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    // The mock speaks no SASL, so this login fails, which librdkafka talks about a lot.
    let all = properties(&[
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanisms", "PLAIN"),
        ("sasl.username", "alice"),
        ("sasl.password", PASSWORD),
        ("debug", "all"),
        ("socket.connection.setup.timeout.ms", "1000"),
        ("reconnect.backoff.max.ms", "100"),
    ]);
    let mut texts = vec![format!("{all:?}")];
    let spec = ClientSpec {
        bootstrap: mock.bootstrap(),
        client_id: "agent-0",
        properties: &all,
        topic: TOPIC,
        partitions: 1,
        pool: pool(100),
        headers: Vec::new(),
        read_back: false,
        index: 0,
    };
    texts.push(format!("{spec:?}"));
    let mut client = Client::open(spec).unwrap();
    texts.push(format!("{client:?}"));
    let effective = client.effective_configuration();
    assert!(effective.contains(&("sasl.password".into(), "[masked]".into())));
    assert!(effective.contains(&("sasl.username".into(), "[masked]".into())));
    texts.push(format!("{effective:?}"));
    let error = prime(&mut client, &MonotonicClock, MonotonicClock.now_ns() + 300_000_000).unwrap_err();
    texts.push(format!("{error} {error:?}"));
    let (producer, mut reports, control) = client.into_handles();
    texts.push(format!("{producer:?} {reports:?} {control:?}"));
    control.purge();
    let mut said = 0;
    while said < 2 {
        match reports.poll(Duration::from_secs(20)) {
            Polled::Nothing => panic!("nothing was said"),
            Polled::Deliveries | Polled::Statistics(_) => {}
            polled @ (Polled::Error(..) | Polled::Log(_)) => {
                said += 1;
                texts.push(format!("{polled:?}"));
            }
        }
    }
    let error = Cluster::connect(mock.bootstrap(), &all, Duration::from_millis(500)).unwrap_err();
    texts.push(format!("{error} {error:?}"));
    for text in texts {
        assert!(!text.contains(PASSWORD), "{text}");
    }
}

#[test]
fn a_key_that_cannot_be_read_is_not_quoted() {
    let all = properties(&[("security.protocol", "ssl"), ("ssl.key.pem", PASSWORD)]);
    let spec = ClientSpec {
        bootstrap: "127.0.0.1:1",
        client_id: "agent-0",
        properties: &all,
        topic: TOPIC,
        partitions: 1,
        pool: pool(100),
        headers: Vec::new(),
        read_back: false,
        index: 0,
    };
    let error = Client::open(spec).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(PASSWORD));
    assert!(
        error
            .to_string()
            .starts_with("no client can be made of these properties: "),
        "{error}"
    );
}

#[test]
fn the_effective_configuration_is_read_from_the_live_client() {
    let mock = Mock::start(1, None).unwrap();
    mock.create_topic(TOPIC, 1, 1).unwrap();
    let mut client = open(
        mock.bootstrap(),
        1,
        &[("enable.idempotence", "true"), ("compression.type", "lz4")],
        &[],
    );
    let effective = client.effective_configuration();
    let get = |name: &str| {
        let mut found = effective.iter().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is there twice");
        value
    };
    assert_eq!(get("acks"), Some("-1"));
    assert_eq!(get("linger.ms"), Some("5"));
    assert_eq!(get("compression.type"), Some("lz4"));
    // What idempotence makes of it.
    assert_eq!(get("max.in.flight.requests.per.connection"), Some("5"));
    assert_eq!(get("retries"), Some("2147483647"));
    assert_eq!(get("client.id"), Some("agent-0"));
    assert_eq!(get("bootstrap.servers"), Some(mock.bootstrap()));
    assert_eq!(get("allow.auto.create.topics"), Some("false"));
    assert_eq!(get("statistics.interval.ms"), Some("1000"));
    assert_eq!(get("message.timeout.ms"), Some("300000"));
    assert_eq!(
        (get("group.id"), get("dr_msg_cb"), get("default_topic_conf")),
        (None, None, None)
    );
    assert_eq!(primed(&mut client).written(), 1);
}

#[test]
fn a_client_that_refreshes_tokens_is_made() {
    let all = [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanisms", "OAUTHBEARER"),
        ("enable.sasl.oauthbearer.unsecure.jwt", "true"),
        ("sasl.oauthbearer.config", "principal=alice"),
    ];
    let client = open("127.0.0.1:1", 1, &all, &[]);
    assert!(!format!("{:?}", client.effective_configuration()).contains("principal=alice"));
}
