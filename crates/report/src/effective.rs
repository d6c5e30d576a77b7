//! What is in effect in the live clients of a trial, by the names of plans.

use tribunal_model::client::{Client, read_back, spelled};

use crate::result::TrialResult;

/// Kafka's spelling and the one under which librdkafka reports the same property.
const ALIASES: [(&str, &str); 9] = [
    ("acks", "request.required.acks"),
    ("linger.ms", "queue.buffering.max.ms"),
    ("compression.type", "compression.codec"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("retries", "message.send.max.retries"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("bootstrap.servers", "metadata.broker.list"),
    ("sasl.mechanism", "sasl.mechanisms"),
    (
        "sasl.oauthbearer.client.credentials.client.id",
        "sasl.oauthbearer.client.id",
    ),
];

/// The name under which librdkafka reports a property.
pub(crate) fn canonical(name: &str) -> &str {
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map_or(name, |(_, reported)| reported)
}

/// The value of a property that all live clients of a trial report, as a plan would write it; `None` where they tell none
/// or differ.
pub(crate) fn effective(result: &TrialResult, name: &'static str) -> Option<String> {
    let client = Client::named(&result.workload.client)?;
    let own = spelled(&client, name)?;
    let producers = result.agents.iter().flat_map(|agent| &agent.producers);
    let mut values = producers.map(|producer| {
        let mut reported = producer.configuration.iter().filter(|(known, value)| {
            let named = **known == *own || (client.is_librdkafka() && **known == *canonical(own));
            // A topic's own setting that only says `inherit` stands beside the client's.
            named && &**value != "inherit"
        });
        reported.next().map(|(_, value)| read_back(&client, name, value))
    });
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}

/// The same as a number.
pub(crate) fn number(result: &TrialResult, name: &'static str) -> Option<f64> {
    effective(result, name)?.parse().ok()
}
