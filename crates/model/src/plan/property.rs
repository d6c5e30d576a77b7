//! Client properties as a plan writes them: one spelling each, no secrets in clear, none that the tool owns.

use std::path::PathBuf;

use super::Error;
use super::reader::Item;
use super::tree::{Raw, Table};
use crate::properties::{self, Value};

/// librdkafka's other spellings. Two spellings of one property in one client would leave the outcome to their order,
/// so each is read as the one name.
const ALIASES: [(&str, &str); 9] = [
    ("queue.buffering.max.ms", "linger.ms"),
    ("message.send.max.retries", "retries"),
    ("compression.codec", "compression.type"),
    ("request.required.acks", "acks"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("sasl.mechanism", "sasl.mechanisms"),
    (
        "sasl.oauthbearer.client.credentials.client.id",
        "sasl.oauthbearer.client.id",
    ),
    (
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.oauthbearer.client.secret",
    ),
];

/// Properties that a plan may not set, and why.
const REFUSED: [(&str, &str); 14] = [
    ("bootstrap.servers", "is set by [cluster] bootstrap"),
    ("metadata.broker.list", "is set by [cluster] bootstrap"),
    (
        "client.id",
        "is set by tribunal, so that a broker's log names the agent and the producer",
    ),
    (
        "allow.auto.create.topics",
        "is always false: tribunal makes its topics itself",
    ),
    ("statistics.interval.ms", "is always 1000: a sample holds one second"),
    (
        "delivery.report.only.error",
        "is always false: every record's delivery report is counted",
    ),
    ("transactional.id", "is not supported by this version: transactions"),
    ("test.mock.num.brokers", "is what [cluster] bootstrap = \"mock\" is for"),
    ("test.mock.broker.rtt", "is set by [cluster] mock_round_trip"),
    ("plugin.library.paths", "is refused: it would load code into the agents"),
    ("ssl.engine.location", "is refused: it would load code into the agents"),
    ("ssl.engine.id", "is refused: it would load code into the agents"),
    ("ssl.providers", "is refused: it would load code into the agents"),
    (
        "sasl.kerberos.kinit.cmd",
        "is refused: it would run a command on the agents",
    ),
];

/// What belongs to a cluster rather than to the producer that is on trial.
const OF_CLUSTERS: [&str; 9] = [
    "security.",
    "sasl.",
    "ssl.",
    "https.",
    "enable.ssl.",
    "enable.sasl.",
    "client.dns.lookup",
    "broker.address.",
    "socket.",
];

/// The one name of a property.
pub(super) fn canonical(name: &str) -> &str {
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map_or(name, |(_, canonical)| canonical)
}

/// Refuses names that are none, and properties that the tool owns.
pub(super) fn check_name(name: &str, item: &Item<'_>) -> Result<(), Error> {
    if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Err(item.error(reason));
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || !name.chars().all(legal) {
        return Err(item.error("is no name of a property: letters, digits, \".\", \"_\" and \"-\" only"));
    }
    Ok(())
}

/// A property's value: text, number, truth value, or a reference to an environment variable or file.
pub(super) fn value(name: &str, item: &Item<'_>) -> Result<Value, Error> {
    check_name(name, item)?;
    let write = "{ env = \"NAME\" } or { file = \"PATH\" }";
    if let Raw::Table(table) = &item.node.value {
        return reference(table).ok_or_else(|| item.error(format!("expected a value, {write}")));
    }
    if properties::is_secret(name) {
        return Err(item.error(format!("is secret and may not stand in a plan; write {write}")));
    }
    let Some(text) = item.scalar() else {
        return Err(item.error(format!("expected one value, found {}", item.found())));
    };
    if text.contains('\0') {
        return Err(item.error("holds a NUL character"));
    }
    Ok(Value::Text(text))
}

fn reference(table: &Table) -> Option<Value> {
    let [entry] = table.entries.as_slice() else { return None };
    let Raw::Text(text) = &entry.node.value else {
        return None;
    };
    if text.is_empty() || text.contains('\0') {
        return None;
    }
    match entry.key.as_str() {
        "env" if !text.contains('=') => Some(Value::Env(text.clone())),
        "file" => Some(Value::File(PathBuf::from(text))),
        _ => None,
    }
}

/// A property of `[cluster.properties]`.
pub(super) fn cluster_value(name: &str, item: &Item<'_>) -> Result<Value, Error> {
    let value = value(name, item)?;
    if OF_CLUSTERS.iter().any(|prefix| name.starts_with(prefix)) {
        Ok(value)
    } else {
        Err(item.error("is no property of a cluster (security.*, sasl.*, ssl.*, socket.*); write it in [baseline]"))
    }
}
