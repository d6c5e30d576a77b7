//! Whether librdkafka takes properties, found out without touching a network.

use tribunal_model::properties::{Properties, Value, is_secret};

use crate::catalogue::{self, Entry, Kind};
use crate::native::{Conf, Handle};
use crate::resolve::mask;

/// A property that librdkafka does not take, or would take to mean something else than it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{property} = {value}: {message}{}", .nearest.as_ref().map_or(String::new(), |near| format!("; did you mean {near:?}?")))]
pub struct InvalidProperty {
    /// Its name as given.
    pub property: String,
    /// Its value as a plan would write it, in quotes or as a reference; masked when the property is secret.
    pub value: String,
    /// What is wrong, and what is allowed.
    pub message: String,
    /// The name or value that was perhaps meant.
    pub nearest: Option<String>,
}

/// Properties that are right each by itself and not together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidCombination {
    /// librdkafka's words.
    pub message: String,
}

/// What stands for a value that is referred to, where there has to be one.
const STAND_IN: &str = "x";

/// Mechanisms that this build has.
const MECHANISMS: [&str; 4] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"];

/// Checks one property.
///
/// Stricter than librdkafka, which reads the number in front and forgets the rest: to it, `linger.ms = "5s"` is 5 ms.
pub fn check_property(name: &str, value: &str) -> Result<(), InvalidProperty> {
    check_as(name, value, false)
}

/// Checks one property of a consumer.
pub fn check_consumer_property(name: &str, value: &str) -> Result<(), InvalidProperty> {
    check_as(name, value, true)
}

fn check_as(name: &str, value: &str, consumer: bool) -> Result<(), InvalidProperty> {
    let invalid = |message: String, nearest: Option<String>| InvalidProperty {
        property: name.into(),
        value: format!("{:?}", mask(name, value)),
        message,
        nearest,
    };
    let Some(entry) = check_name(name, value, consumer).map_err(|(message, nearest)| invalid(message, nearest))? else {
        return Ok(());
    };
    if value.is_empty() {
        return Err(invalid(
            "is empty; leave the property out to have its default".into(),
            None,
        ));
    }
    if matches!(name, "sasl.mechanism" | "sasl.mechanisms") && !MECHANISMS.contains(&value) {
        let message = if value.eq_ignore_ascii_case("GSSAPI") {
            "this build has no GSSAPI; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER".into()
        } else {
            format!("allowed are {}", MECHANISMS.join(", "))
        };
        return Err(invalid(message, nearest(value, MECHANISMS)));
    }
    let named = |words: &[String]| nearest(value, words.iter().map(String::as_str));
    match &entry.kind {
        Kind::Truth if !matches!(value, "true" | "false") => {
            return Err(invalid(
                "allowed are true and false".into(),
                nearest(value, ["true", "false"]),
            ));
        }
        Kind::Integer { least, most } => {
            let all = matches!(name, "acks" | "request.required.acks");
            let fits = |number: i64| (*least..=*most).contains(&number);
            if !(value.parse().is_ok_and(fits) || (all && value == "all")) {
                let or = if all { ", or all" } else { "" };
                return Err(invalid(
                    format!("allowed are whole numbers from {least} to {most}{or}"),
                    None,
                ));
            }
        }
        Kind::Float { least, most } => {
            if !value
                .parse()
                .is_ok_and(|number: f64| (*least..=*most).contains(&number))
            {
                return Err(invalid(format!("allowed are numbers from {least} to {most}"), None));
            }
        }
        Kind::OneOf(words) if !words.iter().any(|word| word.eq_ignore_ascii_case(value)) => {
            return Err(invalid(format!("allowed are {}", words.join(", ")), named(words)));
        }
        Kind::Text | Kind::Truth | Kind::OneOf(_) | Kind::Flags(_) => {}
    }
    // What is left is for librdkafka to judge: flags, what this build can do.
    Conf::new().set(name, value).map_err(|error| match &entry.kind {
        Kind::Flags(words) => invalid(
            format!("{}; allowed are {}", plain(&error.text), words.join(", ")),
            named(words),
        ),
        _ => invalid(plain(&error.text), None),
    })
}

/// The property of this name, if librdkafka's table has it; or what is wrong with the name, and the nearest right one.
fn check_name(name: &str, value: &str, consumer: bool) -> Result<Option<&'static Entry>, (String, Option<String>)> {
    match catalogue::find(name) {
        Some(entry) if entry.consumer && !consumer => {
            Err(("is a property of consumers and does nothing in a producer".into(), None))
        }
        Some(entry) if entry.producer && consumer => {
            Err(("is a property of producers and does nothing in a consumer".into(), None))
        }
        Some(entry) => Ok(Some(entry)),
        // The name may be hidden, have a prefix, be for librdkafka's own functions only, or have been taken out.
        None => match Conf::new().set(name, value) {
            Ok(()) => Ok(None),
            Err(error) if error.unknown => {
                let names = catalogue::all().iter().map(|entry| entry.name.as_str());
                Err(("no such property".into(), nearest(name, names)))
            }
            Err(error) => Err((plain(&error.text), None)),
        },
    }
}

/// Checks properties together by making a client of them, without a cluster to connect to.
pub fn check_combination(properties: &[(String, String)]) -> Result<(), InvalidCombination> {
    let invalid = |message: String| InvalidCombination { message };
    let get = |name: &str| {
        properties
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let sasl = get("security.protocol").is_some_and(|protocol| protocol.to_ascii_lowercase().starts_with("sasl"));
    let mechanism = get("sasl.mechanisms").or(get("sasl.mechanism"));
    if sasl && mechanism.is_none_or(|mechanism| mechanism.eq_ignore_ascii_case("GSSAPI")) {
        // It is librdkafka's default.
        let allowed = MECHANISMS.join(", ");
        return Err(invalid(format!(
            "sasl.mechanisms has to be set: this build has no GSSAPI; allowed are {allowed}"
        )));
    }
    let mut conf = Conf::new();
    let cluster = ["bootstrap.servers", "metadata.broker.list"];
    for (name, value) in properties.iter().filter(|(name, _)| !cluster.contains(&name.as_str())) {
        conf.set(name, value)
            .map_err(|error| invalid(format!("{name}: {}", plain(&error.text))))?;
    }
    let scrub = |mut text: String| {
        for (name, value) in properties.iter().filter(|(_, value)| !value.is_empty()) {
            if is_secret(name) {
                text = text.replace(value.as_str(), mask(name, value));
            }
        }
        text
    };
    conf.set("log.queue", "true")
        .map_err(|error| invalid(plain(&error.text)))?;
    match Handle::producer(conf, None, false) {
        Ok(_) => Ok(()),
        Err(text) => Err(invalid(scrub(plain(&text)))),
    }
}

/// What is wrong with a plan's properties.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// One of them.
    #[error(transparent)]
    Property(InvalidProperty),
    /// All together.
    #[error(transparent)]
    Combination(InvalidCombination),
}

/// Checks properties each and together on a host where their references need not have a value.
///
/// A reference to a value is not followed. Files that properties name are not looked at, since they are the agents'.
pub fn check(properties: &Properties) -> Vec<Invalid> {
    let each = properties.iter().filter_map(|(name, value)| match value {
        Value::Text(text) => check_property(name, text).err(),
        // Only the name can be judged.
        Value::Env(_) | Value::File(_) => {
            let (message, nearest) = check_name(name, STAND_IN, false).err()?;
            Some(InvalidProperty {
                property: name.into(),
                value: value.to_string(),
                message,
                nearest,
            })
        }
    });
    let mut all: Vec<_> = each.map(Invalid::Property).collect();
    if all.is_empty() {
        let of_this_host = |name: &str| {
            ["location", "pem", "file", "password"]
                .iter()
                .any(|end| name.rsplit('.').next() == Some(end))
        };
        let together: Vec<_> = properties
            .iter()
            .filter(|(name, _)| !of_this_host(name) || *name == "sasl.password")
            .filter(|(name, value)| {
                value.text().is_some() || catalogue::find(name).is_none_or(|entry| entry.kind == Kind::Text)
            })
            .map(|(name, value)| (name.to_owned(), value.text().unwrap_or(STAND_IN).to_owned()))
            .collect();
        all.extend(check_combination(&together).err().map(Invalid::Combination));
    }
    all
}

/// The nearest of the words, if it is near.
fn nearest<'a>(given: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let given = given.to_lowercase();
    words
        .into_iter()
        .map(|word| (strsim::jaro_winkler(&given, &word.to_lowercase()), word))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word.to_owned())
}

/// librdkafka's error text without its back ticks and without the property's name, which stands before it already.
fn plain(text: &str) -> String {
    let text = text.replace('`', "");
    let text = text.trim().trim_end_matches('.');
    let mut letters = text.chars();
    match letters.next() {
        // A sentence's first letter, unless it begins with a name in capitals.
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
