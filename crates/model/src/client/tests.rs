use super::*;

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    text.split_whitespace().map(pair).collect()
}

fn mapped(client: &Client, text: &str) -> String {
    let pairs = map(client, &pairs(text)).unwrap_or_else(|error| panic!("{error}"));
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}

#[test]
fn names_are_read_back() {
    for client in Client::KNOWN.into_iter().chain([Client::Custom("mine".into())]) {
        assert_eq!(Client::named(&client.name()), Some(client));
    }
    for wrong in ["", "kafka", "driver:", "driver:a b", "Java"] {
        assert_eq!(Client::named(wrong), None, "{wrong}");
    }
}

#[test]
fn each_client_has_its_own_spelling() {
    let plan = "linger.ms=5 batch.size=65536 acks=1 compression.type=zstd message.timeout.ms=30000";
    assert_eq!(mapped(&Client::ConfluentKafka, plan), plan);
    assert_eq!(
        mapped(&Client::KafkaPython, plan),
        "linger_ms=5 batch_size=65536 acks=1 compression_type=zstd delivery_timeout_ms=30000"
    );
    assert_eq!(
        mapped(&Client::Java, plan),
        "linger.ms=5 batch.size=65536 acks=1 compression.type=zstd delivery.timeout.ms=30000"
    );
    assert_eq!(
        mapped(&Client::FranzGo, plan),
        "ProducerLinger=5ms ProducerBatchMaxBytes=65536 RequiredAcks=leader ProducerBatchCompression=zstd \
         RecordDeliveryTimeout=30000ms DisableIdempotentWrite=true"
    );
    assert_eq!(
        mapped(&Client::Java, "queue.buffering.max.kbytes=32"),
        "buffer.memory=32768"
    );
    assert_eq!(
        mapped(&Client::FranzGo, "enable.idempotence=false"),
        "DisableIdempotentWrite=true"
    );
}

#[test]
fn what_belongs_together_is_put_together() {
    let zstd = "compression.type=zstd compression.level=3";
    assert_eq!(
        mapped(&Client::Java, zstd),
        "compression.type=zstd compression.zstd.level=3"
    );
    assert_eq!(mapped(&Client::FranzGo, zstd), "ProducerBatchCompression=zstd:3");
    let login = "security.protocol=sasl_ssl sasl.mechanisms=SCRAM-SHA-512 sasl.username=u sasl.password=p\"w \
                 ssl.ca.location=/ca.pem";
    assert_eq!(
        mapped(&Client::Java, login),
        "security.protocol=SASL_SSL sasl.mechanism=SCRAM-SHA-512 ssl.truststore.type=PEM \
         ssl.truststore.location=/ca.pem \
         sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"u\" \
         password=\"p\\\"w\";"
    );
    assert_eq!(
        mapped(&Client::FranzGo, login),
        "TLS.enabled=true SASL.mechanism=SCRAM-SHA-512 SASL.user=u SASL.password=p\"w TLS.ca=/ca.pem"
    );
    assert_eq!(
        mapped(&Client::KafkaPython, "security.protocol=ssl ssl.ca.location=/ca.pem"),
        "security_protocol=SSL ssl_cafile=/ca.pem"
    );
}

#[test]
fn what_a_client_does_not_have_is_said() {
    for (client, plan, missing, message) in [
        (
            Client::Java,
            "batch.num.messages=100",
            true,
            "java has no batch.num.messages: batches are bounded by bytes only; write it under [client.NAME] of the \
             clients that have it",
        ),
        (
            Client::FranzGo,
            "queue.buffering.backpressure.threshold=1",
            true,
            "franz-go has no queue.buffering.backpressure.threshold; write it under [client.NAME] of the clients that \
             have it",
        ),
        (
            Client::KafkaPython,
            "linger.ms=0.5",
            false,
            "kafka-python takes whole numbers for linger.ms, found 0.5",
        ),
        (
            Client::Java,
            "acks=2",
            false,
            "java takes 0, 1 or all for acks, found 2",
        ),
    ] {
        let unmapped = map(&client, &pairs(plan)).unwrap_err();
        assert_eq!((unmapped.missing, unmapped.to_string().as_str()), (missing, message));
        assert_eq!(refusal(&client, &pairs(plan)).is_some(), !missing, "{plan}");
    }
}

#[test]
fn impossible_combinations_are_refused_for_whom_they_are() {
    let refused = |client: &Client, plan: &str| refusal(client, &pairs(plan)).is_some();
    for client in Client::KNOWN {
        assert!(refused(&client, "acks=1 enable.idempotence=true"), "{client}");
        assert!(!refused(&client, "acks=1"), "{client}");
        assert!(!refused(&client, "enable.idempotence=true"), "{client}");
        assert!(refused(
            &client,
            "enable.idempotence=true max.in.flight.requests.per.connection=6"
        ));
        let five = refused(&client, "max.in.flight.requests.per.connection=5");
        assert_eq!(five, client == Client::FranzGo, "{client}");
    }
}

#[test]
fn other_meanings_are_told() {
    let told = differences(&Client::Java, &pairs("linger.ms=5 batch.size=1000"));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, "batch.size");
    assert!(differences(&Client::ConfluentKafka, &pairs("batch.size=1000")).is_empty());
}

#[test]
fn the_page_is_what_the_table_says() {
    let page = include_str!("../../../../docs/clients.md");
    assert!(
        page.contains(&markdown()),
        "docs/clients.md is older than the table; put `tribunal drivers properties` into it"
    );
}

#[test]
fn what_clients_report_is_read_back_in_one_spelling() {
    for (client, name, reported, read) in [
        (Client::FranzGo, "linger.ms", "5ms", "5"),
        (Client::FranzGo, "message.timeout.ms", "2m0s", "120000"),
        (Client::FranzGo, "linger.ms", "500µs", "0.5"),
        (Client::FranzGo, "enable.idempotence", "false", "true"),
        (Client::FranzGo, "acks", "leader", "1"),
        (Client::KafkaPython, "acks", "-1", "all"),
        (Client::KafkaPython, "enable.idempotence", "True", "true"),
        (Client::KafkaPython, "compression.type", "None", "none"),
        (Client::KafkaPython, "retries", "inf", "unlimited"),
        (Client::Java, "retries", "2147483647", "unlimited"),
        (Client::Java, "queue.buffering.max.kbytes", "33554432", "32768"),
        (Client::ConfluentKafka, "acks", "-1", "all"),
        (Client::Custom("x".to_owned()), "linger.ms", "7", "7"),
    ] {
        assert_eq!(read_back(&client, name, reported), read, "{client} {name} {reported}");
    }
    assert_eq!(
        spelled(&Client::Java, "message.timeout.ms"),
        Some("delivery.timeout.ms")
    );
    assert_eq!(
        spelled(&Client::Librdkafka, "message.timeout.ms"),
        Some("message.timeout.ms")
    );
    assert_eq!(spelled(&Client::Java, "batch.num.messages"), None);
    assert!(names().all(|name| !name.starts_with("ssl.")));
}

#[test]
fn what_is_in_effect_is_told_by_the_names_of_plans() {
    let told = |client, configuration, name| reported(&client, &pairs(configuration), name);
    let idempotent = "enable.idempotence";
    let cases = [
        (Client::Librdkafka, "enable.idempotence=true", idempotent, Some("true")),
        (Client::KafkaPython, "enable_idempotence=True", idempotent, Some("true")),
        (
            Client::FranzGo,
            "DisableIdempotentWrite=false",
            idempotent,
            Some("true"),
        ),
        (
            Client::FranzGo,
            "DisableIdempotentWrite=true",
            idempotent,
            Some("false"),
        ),
        (Client::Librdkafka, "queue.buffering.max.ms=7", "linger.ms", Some("7")),
        (Client::Java, "queue.buffering.max.ms=7", "linger.ms", None),
        (
            Client::ConfluentKafka,
            "request.required.acks=-1 acks=inherit",
            "acks",
            Some("all"),
        ),
        // Has none.
        (Client::KafkaPython, "batch.num.messages=7", "batch.num.messages", None),
    ];
    for (client, configuration, name, value) in cases {
        let what = format!("{client}: {configuration}");
        assert_eq!(told(client, configuration, name).as_deref(), value, "{what}");
    }
}
