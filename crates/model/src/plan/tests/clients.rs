//! `client` as a key, as a factor, and `[client.NAME]`.

use super::*;

#[test]
fn a_client_is_librdkafka_unless_the_plan_says_otherwise() {
    assert_eq!(plan("").client, Client::Librdkafka);
    assert_eq!(plan("[baseline]\nclient = \"java\"").client, Client::Java);
    let mine = plan("workload.clients_per_process = 4\n[baseline]\nclient = \"driver:mine\"");
    assert_eq!(mine.client, Client::Custom("mine".to_owned()));
    assert_eq!(mine.workload.clients_per_process, 4);
    let known = "expected librdkafka, librdkafka-child, confluent-kafka, kafka-python, java, franz-go or driver:NAME";
    check(
        "[baseline]\nclient = \"perl\"",
        &format!("plan.toml:4: baseline.client: \"perl\" is no client; {known}"),
    );
    check(
        "[factors]\nclient = [\"java\", \"perl\"]",
        &format!("plan.toml:4: factors.client: \"perl\" is no client; {known}"),
    );
    check(
        "[baseline]\nclient = \"java\"\n[factors]\nclient = [\"java\"]",
        "plan.toml:4: baseline.client: is also a factor on line 6; keep one of the two",
    );
}

#[test]
fn a_client_has_a_section_of_its_own() {
    let plan = plan(
        "[client.java]\nlinger.ms = 7\nmax.block.ms = 100\n[client.confluent-kafka]\nqueue.buffering.max.messages = 9\n\
         driver.poll.interval.ms = 5000\n[client.\"driver:mine\"]\nanything = \"goes\"",
    );
    let java = plan.given_to(&Client::Java).unwrap();
    assert_eq!(java.properties.get("linger.ms").and_then(Value::text), Some("7"));
    assert_eq!(java.own.get("max.block.ms").and_then(Value::text), Some("100"));
    let confluent = plan.given_to(&Client::ConfluentKafka).unwrap();
    assert!(confluent.properties.get("queue.buffering.max.messages").is_some());
    assert_eq!(confluent.options, [("poll.interval.ms".to_owned(), "5000".to_owned())]);
    let mine = plan.given_to(&Client::Custom("mine".to_owned())).unwrap();
    assert_eq!(mine.own.get("anything").and_then(Value::text), Some("goes"));
}

#[test]
fn what_a_client_cannot_be_given_is_said_where_it_stands() {
    check(
        "[client.java]\nbatch.num.messages = 9",
        "plan.toml:4: client.java.batch.num.messages: java has no batch.num.messages: batches are bounded by bytes only; \
         write it under [client.NAME] of the clients that have it",
    );
    check(
        "[client.librdkafka]\ndriver.poll.interval.ms = 9",
        "plan.toml:4: client.librdkafka.driver.poll.interval.ms: is an option of drivers; librdkafka-child is librdkafka \
         as a driver",
    );
    check(
        "[factors]\nlinger.ms = [1, 2]\n[client.java]\nlinger.ms = 9",
        "plan.toml:6: client.java.linger.ms: is also a factor on line 4; keep one of the two",
    );
    check(
        "[client]\njava = 3",
        "plan.toml:4: client.java: expected a table such as [client.java], found 3",
    );
    check(
        "[client.kafka-python]\nsasl_plain_password = \"hunter2\"",
        "plan.toml:4: client.kafka-python.sasl_plain_password: is secret and may not stand in a plan; write { env = \
         \"NAME\" } or { file = \"PATH\" }",
    );
}
