//! Properties as text to paste into an application, in a client's own spelling.

use super::mapping::{map, note, refusal};
use super::{Client, differences};
use crate::properties::is_secret;

/// What begins the names of properties about connections, which are the application's own.
const OF_CONNECTIONS: [&str; 5] = ["security.", "sasl.", "ssl.", "bootstrap.", "client.id"];

/// How a client is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Lines of name=value.
    Lines,
    /// A Python dictionary.
    Dictionary,
    /// Python's keyword arguments.
    Arguments,
    /// Go's options.
    Options,
}

impl Form {
    fn of(client: &Client) -> Self {
        match client {
            Client::Librdkafka | Client::LibrdkafkaChild | Client::Java | Client::Custom(_) => Self::Lines,
            Client::ConfluentKafka => Self::Dictionary,
            Client::KafkaPython => Self::Arguments,
            Client::FranzGo => Self::Options,
        }
    }

    fn comment(self) -> &'static str {
        match self {
            Self::Lines | Self::Dictionary | Self::Arguments => "# ",
            Self::Options => "// ",
        }
    }

    /// What stands before and after the settings.
    fn frame(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Lines => None,
            Self::Dictionary => Some(("Producer({", "})")),
            Self::Arguments => Some(("KafkaProducer(", ")")),
            Self::Options => Some(("kgo.NewClient(", ")")),
        }
    }

    fn setting(self, name: &str, value: &str) -> String {
        match self {
            Self::Lines => format!("{}={}", escaped(name), escaped(value)),
            Self::Dictionary => format!("    {}: {},", quoted(name), python(value)),
            // What others call none is nothing to kafka-python.
            Self::Arguments if value == "none" => format!("    {name}=None,"),
            Self::Arguments => format!("    {name}={},", python(value)),
            Self::Options => match option(name, value) {
                Some(option) => format!("    kgo.{option},"),
                None => format!("    // {name}: {}", escaped(value)),
            },
        }
    }
}

/// Whether a property is a producer's setting that may be handed on: no secret, and not of a connection.
pub fn is_setting(name: &str) -> bool {
    !is_secret(name) && !OF_CONNECTIONS.iter().any(|prefix| name.starts_with(prefix))
}

/// A producer's settings, by their names in plans, as this client is given them. What the client does not have, does not
/// take, or takes for something else stands in lines of comment; connections and secrets are left out.
pub fn paste(client: &Client, properties: &[(String, String)]) -> String {
    let form = Form::of(client);
    let (mut comments, mut taken) = (Vec::new(), Vec::new());
    for (name, value) in properties.iter().filter(|(name, _)| is_setting(name)) {
        let pair = (name.clone(), value.clone());
        let reference = value.starts_with("{ env =") || value.starts_with("{ file =");
        match map(client, std::slice::from_ref(&pair)) {
            _ if reference => comments.push(format!("{name}: as the plan refers to it, {value}")),
            Ok(_) => taken.push(pair),
            Err(unmapped) if unmapped.missing => {
                let why = note(client, name).unwrap_or("its table of names has nothing like it");
                comments.push(format!("{name}={value}: {client} has none: {why}"));
            }
            Err(unmapped) => comments.push(format!("{name}={value}: {unmapped}")),
        }
    }
    comments.extend(refusal(client, &taken).map(|reason| format!("{client} refuses these together: {reason}")));
    let differs = differences(client, &taken).into_iter();
    comments.extend(differs.map(|(name, meaning)| format!("{name} means something else: {meaning}")));
    // Each of them was mapped alone.
    let mapped = map(client, &taken).unwrap_or_default();
    let mut lines: Vec<String> = comments
        .iter()
        .map(|comment| format!("{}{}", form.comment(), escaped(comment)))
        .collect();
    if mapped.is_empty() {
        lines.push(format!("{}the client's defaults: nothing to set", form.comment()));
        return lines.join("\n") + "\n";
    }
    let (before, after) = form.frame().unzip();
    lines.extend(before.map(str::to_owned));
    lines.extend(mapped.iter().map(|(name, value)| form.setting(name, value)));
    lines.extend(after.map(str::to_owned));
    lines.join("\n") + "\n"
}

/// Text on one line, its control characters and backslashes escaped.
fn escaped(text: &str) -> String {
    let mut one_line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => one_line.push_str("\\\\"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => one_line.extend(c.escape_default()),
            c => one_line.push(c),
        }
    }
    one_line
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('"', "\\\""))
}

/// A value as Python has it.
fn python(value: &str) -> String {
    match value {
        "true" => "True".to_owned(),
        "false" => "False".to_owned(),
        number if number.parse::<i64>().is_ok_and(|parsed| parsed.to_string() == number) => number.to_owned(),
        text => quoted(text),
    }
}

/// An option of franz-go; none where it cannot be written.
fn option(name: &str, value: &str) -> Option<String> {
    let whole = |text: &str| text.parse::<i64>().is_ok();
    Some(match name {
        "RequiredAcks" => {
            let acks = match value {
                "all" => "AllISRAcks",
                "leader" => "LeaderAck",
                "none" => "NoAck",
                _ => return None,
            };
            format!("RequiredAcks(kgo.{acks}())")
        }
        "DisableIdempotentWrite" if value == "true" => "DisableIdempotentWrite()".to_owned(),
        "ProducerBatchCompression" => {
            let (codec, level) = value
                .split_once(':')
                .map_or((value, None), |(codec, level)| (codec, Some(level)));
            let codec = match codec {
                "none" => "NoCompression",
                "gzip" => "GzipCompression",
                "snappy" => "SnappyCompression",
                "lz4" => "Lz4Compression",
                "zstd" => "ZstdCompression",
                _ => return None,
            };
            let level = match level {
                None => String::new(),
                Some(level) if whole(level) => format!(".WithLevel({level})"),
                Some(_) => return None,
            };
            format!("ProducerBatchCompression(kgo.{codec}(){level})")
        }
        "ProducerLinger" | "RecordDeliveryTimeout" | "ProduceRequestTimeout" | "MetadataMaxAge" | "ConnIdleTimeout" => {
            let milliseconds = value.strip_suffix("ms").filter(|number| whole(number))?;
            format!("{name}({milliseconds} * time.Millisecond)")
        }
        "ProducerBatchMaxBytes"
        | "MaxBufferedRecords"
        | "MaxBufferedBytes"
        | "MaxProduceRequestsInflightPerBroker"
        | "RecordRetries"
        | "BrokerMaxWriteBytes"
            if whole(value) =>
        {
            format!("{name}({value})")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[track_caller]
    fn check(client: &Client, properties: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(paste(client, &pairs(properties)).lines().collect::<Vec<_>>(), expected);
    }

    const SET: [(&str, &str); 4] = [
        ("linger.ms", "10"),
        ("compression.type", "zstd"),
        ("compression.level", "3"),
        ("acks", "1"),
    ];

    #[test]
    fn every_client_has_its_own_spelling() {
        let lines = ["linger.ms=10", "compression.type=zstd", "compression.level=3", "acks=1"];
        check(&Client::Librdkafka, &SET, &lines);
        check(
            &Client::ConfluentKafka,
            &SET,
            &[
                "Producer({",
                "    \"linger.ms\": 10,",
                "    \"compression.type\": \"zstd\",",
                "    \"compression.level\": 3,",
                "    \"acks\": 1,",
                "})",
            ],
        );
        check(
            &Client::KafkaPython,
            &SET,
            &[
                "# compression.level=3: kafka-python has none: levels are its codecs' defaults",
                "KafkaProducer(",
                "    linger_ms=10,",
                "    compression_type=\"zstd\",",
                "    acks=1,",
                ")",
            ],
        );
        check(
            &Client::Java,
            &SET,
            &[
                "linger.ms=10",
                "compression.type=zstd",
                "compression.zstd.level=3",
                "acks=1",
            ],
        );
        check(
            &Client::FranzGo,
            &SET,
            &[
                "// compression.type means something else: unset it prefers snappy, where all others send uncompressed",
                "// acks means something else: anything but all also sets DisableIdempotentWrite",
                "kgo.NewClient(",
                "    kgo.ProducerLinger(10 * time.Millisecond),",
                "    kgo.ProducerBatchCompression(kgo.ZstdCompression().WithLevel(3)),",
                "    kgo.RequiredAcks(kgo.LeaderAck()),",
                "    kgo.DisableIdempotentWrite(),",
                ")",
            ],
        );
    }

    #[test]
    fn what_is_no_setting_is_left_out_and_nothing_is_said_to_be_nothing() {
        let connection = [("sasl.password", "hunter2"), ("ssl.ca.location", "/ca.pem")];
        check(&Client::Java, &connection, &["# the client's defaults: nothing to set"]);
        check(
            &Client::Java,
            &[("enable.idempotence", "true"), ("acks", "1")],
            &[
                "# java refuses these together: acks=1 rules out enable.idempotence=true",
                "enable.idempotence=true",
                "acks=1",
            ],
        );
    }

    proptest! {
        #[test]
        fn hostile_values_stay_within_their_line(name in "\\PC{1,12}", value in any::<String>()) {
            for client in Client::KNOWN {
                let text = paste(&client, &[(name.clone(), value.clone())]);
                prop_assert!(text.lines().count() <= 4, "{text}");
                prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
            }
        }
    }
}
