//! Factors, what the plan set, and what the live clients report.

use tribunal_model::client::{Client, librdkafka_name, names, reported};
use tribunal_model::properties::is_secret;

use crate::factors::{factors, level};
use crate::format::{ABSENT, list};
use crate::result::TrialResult;

use super::cells::{Table, code};
use super::spread::Spread;

/// Producer properties that are told whoever set them, in Kafka's spelling.
const MAIN: [&str; 15] = [
    "acks",
    "enable.idempotence",
    "linger.ms",
    "batch.size",
    "batch.num.messages",
    "compression.type",
    "compression.level",
    "max.in.flight.requests.per.connection",
    "queue.buffering.max.messages",
    "queue.buffering.max.kbytes",
    "message.timeout.ms",
    "request.timeout.ms",
    "retries",
    "partitioner",
    "sticky.partitioning.linger.ms",
];

/// Properties that Tribunal sets in every client.
const IMPOSED: [&str; 3] = ["client.id", "allow.auto.create.topics", "statistics.interval.ms"];

/// The factors, then every property that matters with who set it, what was asked for and what the clients report.
pub(super) fn tuning(results: &[&TrialResult]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let factors = factors(results);
    let mut text = String::new();
    if factors.is_empty() {
        text += "No factors: every trial is the baseline.\n\n";
    } else {
        let mut table = Table::of(&["factor", "levels"]);
        for (factor, levels) in &factors {
            table.row(vec![
                code(factor),
                levels.iter().map(|l| code(l)).collect::<Vec<_>>().join(", "),
            ]);
        }
        text += &table.render();
    }
    text += "Effective values are those that the live clients report, by the names of a plan; all of them are in `report.json`.\n\n";
    let mut table = Table::of(&["property", "set by", "asked", "effective"]);
    for property in properties(results, &factors) {
        let asked = Spread::of(results, |r| asked(r, property)).text(|value| shown(property, value));
        let effective = Spread::of(results, |r| effective(r, property)).text(|value| shown(property, value));
        let levels = factors
            .iter()
            .find(|(factor, _)| librdkafka_name(factor) == librdkafka_name(property))
            .map(|(_, levels)| levels);
        let set_by = match &asked {
            _ if levels.is_some() => "factor",
            _ if IMPOSED.contains(&property) => "Tribunal",
            Some(_) => "plan",
            None if effective.is_none() => continue,
            None => "client's default",
        };
        let asked = match levels {
            Some(levels) => Some(levels.iter().map(|l| shown(property, l)).collect::<Vec<_>>().join(", ")),
            None => asked,
        };
        let obeyed = levels.is_some() && results.iter().all(|r| as_asked(r, property));
        let effective = if obeyed { Some("as asked".to_owned()) } else { effective };
        let absent = || ABSENT.to_owned();
        table.row(vec![
            code(property),
            set_by.to_owned(),
            asked.unwrap_or_else(absent),
            effective.unwrap_or_else(absent),
        ]);
    }
    text + &table.render()
}

/// Properties to tell of: factors and the plan's first, then the main ones, then what Tribunal imposes; none twice.
fn properties<'a>(results: &[&'a TrialResult], factors: &[(&'a str, Vec<&'a str>)]) -> Vec<&'a str> {
    let set = || {
        results
            .iter()
            .flat_map(|r| &r.workload.properties)
            .map(|(name, _)| name.as_str())
    };
    let configured = |name: &str| results.iter().any(|r| effective(r, name).is_some());
    let of_factors = factors.iter().map(|(factor, _)| *factor);
    let of_factors =
        of_factors.filter(|name| set().any(|n| librdkafka_name(n) == librdkafka_name(name)) || configured(name));
    let mut told: Vec<&str> = Vec::new();
    for name in of_factors.chain(set()).chain(MAIN).chain(IMPOSED) {
        if !told.iter().any(|known| librdkafka_name(known) == librdkafka_name(name)) {
            told.push(name);
        }
    }
    told
}

/// What the plan asked for in a trial.
fn asked(result: &TrialResult, property: &str) -> Option<String> {
    let same = |name: &str| librdkafka_name(name) == librdkafka_name(property);
    let set = result
        .workload
        .properties
        .iter()
        .find(|(name, _)| same(name))
        .map(|(_, value)| value.clone());
    set.or_else(|| level(result, property).map(ToOwned::to_owned))
}

/// Whether the live clients of a trial report what the plan asked for.
fn as_asked(result: &TrialResult, property: &str) -> bool {
    let asked = asked(result, property);
    asked.is_some() && asked == effective(result, property)
}

/// What the live clients of a trial report.
fn effective(result: &TrialResult, property: &str) -> Option<String> {
    let client = Client::named(&result.workload.client)?;
    // Others are told in the client's own words.
    let mapped = names().any(|name| name == property);
    let mut values: Vec<String> = Vec::new();
    for producer in result.agents.iter().flat_map(|agent| &agent.producers) {
        let value = if mapped {
            reported(&client, &producer.configuration, property)
        } else {
            let mut configuration = producer.configuration.iter();
            let named = |name: &str| name == property || name == librdkafka_name(property);
            let own = configuration.find(|(name, value)| named(name) && &**value != "inherit");
            own.map(|(_, value)| value.as_ref().to_owned())
        };
        if let Some(value) = value.filter(|value| !values.contains(value)) {
            values.push(value);
        }
    }
    match values.as_slice() {
        [] => None,
        _ if property == "client.id" => Some("one for each producer".to_owned()),
        [one] => Some(one.clone()),
        several => Some(format!("differs between clients: {}", list(several))),
    }
}

/// A value for the table. Secrets come masked or by reference; anything else under a secret's name is not shown.
fn shown(property: &str, value: &str) -> String {
    let reference = value.starts_with("{ env =") || value.starts_with("{ file =");
    match value {
        _ if is_secret(property) && !reference => "(secret)".to_owned(),
        "one for each producer" => value.to_owned(),
        "-1" if librdkafka_name(property) == librdkafka_name("acks") => format!("{} (all)", code(value)),
        _ => code(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_by_reference_only() {
        assert_eq!(
            shown("sasl.password", "{ env = \"KAFKA_PASSWORD\" }"),
            "`{ env = \"KAFKA_PASSWORD\" }`"
        );
        assert_eq!(shown("sasl.password", "hunter2"), "(secret)");
        assert_eq!(shown("ssl.key.pem", "-----BEGIN"), "(secret)");
    }
}
