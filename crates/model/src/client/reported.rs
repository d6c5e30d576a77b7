//! What live clients say is in effect, by the names of plans.

use super::Client;
use super::mapping::{read_back, spelled};

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
pub fn librdkafka_name(name: &str) -> &str {
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map_or(name, |(_, reported)| reported)
}

/// A property's value in the configuration that a live client reports, as a plan would write it; none where the client has no
/// such property or does not tell it.
pub fn reported<T: AsRef<str>>(client: &Client, configuration: &[(T, T)], name: &str) -> Option<String> {
    let own = spelled(client, name)?;
    let (_, value) = configuration.iter().find(|(known, value)| {
        let known = known.as_ref();
        let named = known == own || (client.is_librdkafka() && known == librdkafka_name(own));
        // A topic's own setting that only says `inherit` stands beside the client's.
        named && value.as_ref() != "inherit"
    })?;
    Some(read_back(client, name, value.as_ref()))
}
