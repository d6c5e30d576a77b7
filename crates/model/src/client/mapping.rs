//! From a plan's properties to a client's own.

use super::Client;
use super::table::{ROWS, Row, Spelling, Written};

/// A property that a client cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{client} {problem}")]
pub struct Unmapped {
    /// Its name in the plan.
    pub property: String,
    /// The client.
    pub client: Client,
    /// What is wrong, as the rest of a sentence that begins with the client.
    pub problem: String,
    /// Whether the client has no such property; else it has it, but not with this value.
    pub missing: bool,
}

impl Row {
    /// What a client calls it; none for librdkafka, which calls it what plans do, and for drivers that are not ours.
    pub(super) fn spelling(&self, client: &Client) -> Option<&Spelling> {
        match client {
            Client::KafkaPython => Some(&self.kafka_python),
            Client::Java => Some(&self.java),
            Client::FranzGo => Some(&self.franz_go),
            Client::Librdkafka | Client::LibrdkafkaChild | Client::ConfluentKafka | Client::Custom(_) => None,
        }
    }
}

fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// Whether the table has a plan's property of this name.
pub fn knows(name: &str) -> bool {
    row(name).is_some()
}

/// The properties of a plan in the client's own spelling, in order. Values are text, references resolved.
///
/// A driver that is not one of ours gets them as they are.
pub fn map(client: &Client, properties: &[(String, String)]) -> Result<Vec<(String, String)>, Unmapped> {
    if client.is_librdkafka() || matches!(client, Client::Custom(_)) {
        return Ok(properties.to_vec());
    }
    let mut mapped: Vec<(String, String)> = Vec::new();
    for (name, value) in properties {
        let unmapped = |missing: bool, problem: String| Unmapped {
            property: name.clone(),
            client: client.clone(),
            problem,
            missing,
        };
        let spelling = row(name).and_then(|row| row.spelling(client));
        let Some((own, spelling)) = spelling.and_then(|spelling| Some((spelling.name?, spelling))) else {
            let why = spelling.and_then(|spelling| spelling.note);
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            let problem = format!("has no {name}{why}; write it under [client.NAME] of the clients that have it");
            return Err(unmapped(true, problem));
        };
        let value = written(spelling.value, value)
            .map_err(|expected| unmapped(false, format!("takes {expected} for {name}, found {value}")))?;
        match value {
            Some(value) => mapped.push((own.to_owned(), value)),
            None => together(client, properties, &mut mapped),
        }
    }
    if *client == Client::FranzGo {
        implied_by_acks(properties, &mut mapped);
    }
    Ok(mapped)
}

/// A value as the client writes it; nothing where several make one. The error says what is expected.
fn written(how: Written, value: &str) -> Result<Option<String>, String> {
    let whole = || value.parse::<i64>().map_err(|_| "whole numbers".to_owned());
    let text = match how {
        Written::Together => return Ok(None),
        Written::Same => value.to_owned(),
        Written::Whole => whole()?.to_string(),
        Written::GoMilliseconds => format!("{}ms", whole()?),
        Written::Kibibytes => whole()?.saturating_mul(1024).to_string(),
        Written::Capitals => value.to_ascii_uppercase(),
        Written::Codec => value.to_ascii_lowercase(),
        Written::Inverted => match value {
            "true" => "false".to_owned(),
            "false" => "true".to_owned(),
            _ => return Err("true or false".to_owned()),
        },
        Written::Acks => match value {
            "-1" | "all" => "all".to_owned(),
            "0" | "1" => value.to_owned(),
            _ => return Err("0, 1 or all".to_owned()),
        },
        Written::GoAcks => match value {
            "-1" | "all" => "all".to_owned(),
            "1" => "leader".to_owned(),
            "0" => "none".to_owned(),
            _ => return Err("0, 1 or all".to_owned()),
        },
        Written::Truth | Written::EmptyForNone => match (how, value) {
            (Written::Truth, "https") => "true".to_owned(),
            (Written::Truth, "none") => "false".to_owned(),
            (_, "https") => "https".to_owned(),
            (_, "none") => String::new(),
            _ => return Err("https or none".to_owned()),
        },
    };
    Ok(Some(text))
}

/// What several properties make together: codec and level, protocol and login.
fn together(client: &Client, properties: &[(String, String)], mapped: &mut Vec<(String, String)>) {
    let get = |name: &str| {
        let found = properties.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let mut put = |name: String, value: String| match mapped.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => mapped.push((name, value)),
    };
    let protocol = get("security.protocol").unwrap_or_default().to_ascii_uppercase();
    if let (Some(codec), Some(level)) = (get("compression.type"), get("compression.level")) {
        match client {
            Client::Java => put(format!("compression.{codec}.level"), level.to_owned()),
            _ => put("ProducerBatchCompression".to_owned(), format!("{codec}:{level}")),
        }
    }
    if let (Client::Java, Some(authority)) = (client, get("ssl.ca.location")) {
        put("ssl.truststore.type".to_owned(), "PEM".to_owned());
        put("ssl.truststore.location".to_owned(), authority.to_owned());
    }
    match client {
        Client::FranzGo if protocol.ends_with("SSL") => put("TLS.enabled".to_owned(), "true".to_owned()),
        Client::Java if protocol.starts_with("SASL") => {
            let scram = get("sasl.mechanisms").is_some_and(|mechanism| mechanism.starts_with("SCRAM"));
            let module = if scram {
                "scram.ScramLoginModule"
            } else {
                "plain.PlainLoginModule"
            };
            let quoted = |name: &str| get(name).unwrap_or_default().replace('\\', "\\\\").replace('"', "\\\"");
            let login = format!(
                "org.apache.kafka.common.security.{module} required username=\"{}\" password=\"{}\";",
                quoted("sasl.username"),
                quoted("sasl.password")
            );
            put("sasl.jaas.config".to_owned(), login);
        }
        _ => {}
    }
}

/// franz-go is idempotent unless told otherwise, and refuses that with fewer acknowledgements; Java and Python's client
/// drop it by themselves.
fn implied_by_acks(properties: &[(String, String)], mapped: &mut Vec<(String, String)>) {
    let named = |name: &str| properties.iter().find(|(known, _)| known == name);
    let fewer = named("acks").is_some_and(|(_, acks)| !matches!(acks.as_str(), "all" | "-1"));
    if fewer && named("enable.idempotence").is_none() {
        mapped.push(("DisableIdempotentWrite".to_owned(), "true".to_owned()));
    }
}

/// Why a client cannot run with these values, each or together, where that is known without asking it. That it does not
/// have a property is [`map`]'s to say.
pub fn refusal(client: &Client, properties: &[(String, String)]) -> Option<String> {
    if matches!(client, Client::Custom(_)) {
        return None;
    }
    let get = |name: &str| {
        let found = properties.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let idempotent = get("enable.idempotence");
    let acks = get("acks").unwrap_or("all");
    if idempotent == Some("true") && !matches!(acks, "all" | "-1") {
        return Some(format!("acks={acks} rules out enable.idempotence=true"));
    }
    let in_flight: Option<i64> = get("max.in.flight.requests.per.connection").and_then(|text| text.parse().ok());
    if let Some(in_flight) = in_flight {
        if *client == Client::FranzGo && idempotent != Some("false") && matches!(acks, "all" | "-1") {
            return Some(
                "franz-go takes no max.in.flight.requests.per.connection unless enable.idempotence=false".into(),
            );
        }
        if idempotent == Some("true") && in_flight > 5 {
            return Some(format!(
                "max.in.flight.requests.per.connection={in_flight} rules out enable.idempotence=true; at most 5"
            ));
        }
    }
    let unmapped = map(client, properties).err().filter(|unmapped| !unmapped.missing);
    unmapped.map(|unmapped| unmapped.to_string())
}

/// What of these properties means something else to this client than to librdkafka: name and in what.
pub fn differences(client: &Client, properties: &[(String, String)]) -> Vec<(String, &'static str)> {
    let differs = |(name, _): &(String, String)| Some((name.clone(), note(client, name)?));
    properties.iter().filter_map(differs).collect()
}

/// In what a property of this name differs to this client, or what stands in its place.
pub(super) fn note(client: &Client, name: &str) -> Option<&'static str> {
    row(name)?.spelling(client)?.note
}

/// A plan's name, with what a client calls it; the name itself for librdkafka and for drivers that are not ours. None
/// where the client has nothing like it.
pub fn spelled<'a>(client: &Client, name: &'a str) -> Option<&'a str> {
    match row(name).and_then(|row| row.spelling(client)) {
        Some(spelling) => spelling.name,
        None => Some(name),
    }
}

/// The plan's names of the table that are about producing, in its order: those of connections are left out.
pub fn names() -> impl Iterator<Item = &'static str> {
    let of_connections = ["security.", "sasl.", "ssl."];
    let names = ROWS.iter().map(|row| row.name);
    names.filter(move |name| !of_connections.iter().any(|prefix| name.starts_with(prefix)))
}

/// A value that a live client reports, as a plan would write it, so that clients can be compared.
pub(crate) fn read_back(client: &Client, name: &str, value: &str) -> String {
    const UNLIMITED: f64 = 2_147_483_647.0;
    let plain = value.to_ascii_lowercase();
    let written = row(name)
        .and_then(|row| row.spelling(client))
        .map(|spelling| spelling.value);
    match (name, written) {
        ("retries", _) if plain.parse::<f64>().is_ok_and(|retries| retries >= UNLIMITED) => "unlimited".to_owned(),
        ("acks", _) => match plain.as_str() {
            "-1" => "all".to_owned(),
            "leader" => "1".to_owned(),
            "none" => "0".to_owned(),
            _ => plain,
        },
        (_, Some(Written::GoMilliseconds)) => go_milliseconds(&plain).unwrap_or(plain),
        (_, Some(Written::Kibibytes)) => plain.parse::<u64>().map_or(plain, |bytes| (bytes / 1024).to_string()),
        (_, Some(Written::Inverted)) => match plain.as_str() {
            "true" => "false".to_owned(),
            "false" => "true".to_owned(),
            _ => plain,
        },
        _ => plain,
    }
}

/// A duration as Go prints it, for example `1m30s` or `5ms`, in milliseconds.
fn go_milliseconds(text: &str) -> Option<String> {
    let (mut sum, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit_end = rest[end..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |at| end + at);
        let milliseconds = match &rest[end..unit_end] {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "µs" | "us" => 1e-3,
            "ns" => 1e-6,
            _ => return None,
        };
        sum += number * milliseconds;
        rest = &rest[unit_end..];
    }
    Some(sum.to_string())
}
