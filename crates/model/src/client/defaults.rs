//! What clients do where nothing is said, and how far settings are from it.
//!
//! Sources: librdkafka 2.12.1, CONFIGURATION.md; Apache Kafka 4.3, `ProducerConfig`; kafka-python 3.0.12,
//! `KafkaProducer.DEFAULT_CONFIG`; franz-go 1.22, package `kgo`. A property that is not here has no default that is known.

use super::Client;

const LIBRDKAFKA: [(&str, &str); 15] = [
    ("linger.ms", "5"),
    ("batch.size", "1000000"),
    ("batch.num.messages", "10000"),
    ("queue.buffering.max.messages", "100000"),
    ("queue.buffering.max.kbytes", "1048576"),
    ("acks", "all"),
    ("enable.idempotence", "false"),
    ("max.in.flight.requests.per.connection", "1000000"),
    ("compression.type", "none"),
    ("message.timeout.ms", "300000"),
    ("request.timeout.ms", "30000"),
    ("retries", "2147483647"),
    ("retry.backoff.ms", "100"),
    ("message.max.bytes", "1000000"),
    ("sticky.partitioning.linger.ms", "10"),
];

const JAVA: [(&str, &str); 11] = [
    ("linger.ms", "5"),
    ("batch.size", "16384"),
    ("queue.buffering.max.kbytes", "32768"),
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("max.in.flight.requests.per.connection", "5"),
    ("compression.type", "none"),
    ("message.timeout.ms", "120000"),
    ("request.timeout.ms", "30000"),
    ("retry.backoff.ms", "100"),
    ("message.max.bytes", "1048576"),
];

const KAFKA_PYTHON: [(&str, &str); 5] = [
    ("linger.ms", "0"),
    ("batch.size", "16384"),
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("compression.type", "none"),
];

const FRANZ_GO: [(&str, &str); 5] = [
    ("linger.ms", "10"),
    ("queue.buffering.max.messages", "10000"),
    ("acks", "all"),
    ("enable.idempotence", "true"),
    ("compression.type", "snappy"),
];

/// What a client does where a property of this name in plans is not set; `None` where that is not known.
pub fn default_of(client: &Client, name: &str) -> Option<&'static str> {
    let known: &[(&str, &str)] = match client {
        Client::Librdkafka | Client::LibrdkafkaChild | Client::ConfluentKafka => &LIBRDKAFKA,
        Client::Java => &JAVA,
        Client::KafkaPython => &KAFKA_PYTHON,
        Client::FranzGo => &FRANZ_GO,
        Client::Custom(_) => &[],
    };
    known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// How far settings are from a client's defaults. Fewer properties are nearer; of as many, nearer values are.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Distance {
    /// Properties that differ; one whose default is not known does.
    pub properties: u32,
    /// Sum over them of |ln ((1 + value) ÷ (1 + default))| for numbers, and 1 for anything else.
    pub values: f64,
}

/// How far properties, by their names in plans, are from the client's defaults.
pub fn distance(client: &Client, properties: &[(String, String)]) -> Distance {
    let mut distance = Distance {
        properties: 0,
        values: 0.0,
    };
    for (name, value) in properties {
        let value = if name == "acks" && value == "-1" { "all" } else { value };
        let default = default_of(client, name);
        if default == Some(value) {
            continue;
        }
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| *number >= 0.0);
        distance.properties += 1;
        distance.values += match (number(value), default.and_then(number)) {
            (Some(value), Some(default)) => (value.ln_1p() - default.ln_1p()).abs(),
            _ => 1.0,
        };
    }
    distance
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn what_is_said_and_is_the_default_is_no_distance() {
        let set = pairs(&[("acks", "-1"), ("linger.ms", "5"), ("compression.type", "none")]);
        let none = distance(&Client::Librdkafka, &set);
        assert_eq!((none.properties, none.values), (0, 0.0));
        assert_eq!(distance(&Client::KafkaPython, &set).properties, 1, "its linger is 0");
    }

    #[test]
    fn fewer_properties_are_nearer_and_then_nearer_values() {
        let far = |set: &[(&str, &str)]| distance(&Client::Librdkafka, &pairs(set));
        let ordered = [
            far(&[("linger.ms", "10")]),
            far(&[("linger.ms", "100")]),
            far(&[("linger.ms", "6"), ("batch.size", "999999")]),
            far(&[("linger.ms", "10"), ("socket.nagle.disable", "true")]),
        ];
        assert!(ordered.is_sorted(), "{ordered:?}");
    }

    #[test]
    fn every_default_is_of_a_property_that_plans_know() {
        for (name, _) in LIBRDKAFKA.iter().chain(&JAVA).chain(&KAFKA_PYTHON).chain(&FRANZ_GO) {
            assert!(super::super::knows(name), "{name}");
        }
    }
}
