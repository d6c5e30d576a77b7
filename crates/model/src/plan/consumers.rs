//! `[consumers]`: what reads the topics while the producers write.

use super::Error;
use super::property;
use super::reader::{Item, Section};
use super::tree::Entry;
use crate::consumers::Consumers;
use crate::properties::Properties;

/// More groups than this are no load of any cluster that anybody wants to know about.
const MOST_GROUPS: u32 = 100;
/// The most members of one group.
const MOST_MEMBERS: u32 = 1000;

/// Properties of consumers that a plan may not set, and why.
const REFUSED: [(&str, &str); 8] = [
    (
        "group.id",
        "is not set: partitions are dealt by tribunal, and the cluster keeps no group",
    ),
    (
        "group.instance.id",
        "is not set: partitions are dealt by tribunal, and the cluster keeps no group",
    ),
    (
        "group.protocol",
        "is not set: partitions are dealt by tribunal, and the cluster keeps no group",
    ),
    (
        "partition.assignment.strategy",
        "is not set: partitions are dealt by tribunal, and the cluster keeps no group",
    ),
    ("enable.auto.commit", "is not set: nothing is committed"),
    ("auto.commit.interval.ms", "is not set: nothing is committed"),
    ("enable.auto.offset.store", "is not set: nothing is committed"),
    (
        "auto.offset.reset",
        "is always error: a record that cannot be read any more would be missed without a word",
    ),
];

/// The section, where there is one.
pub(super) fn read(plan: &Section<'_>) -> Result<Option<Consumers>, Error> {
    let Some(item) = plan.get("consumers") else {
        return Ok(None);
    };
    let section = item.section(&["groups", "members", "properties"])?;
    let mut properties = Properties::default();
    if let Some(table) = section.get("properties") {
        for Entry { key, node, .. } in &table.table()?.entries {
            let item = Item::new(format!("consumers.properties.{key}"), node);
            if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| refused == key) {
                return Err(item.error(why));
            }
            properties.set(key.clone(), property::value(key, &item)?);
        }
    }
    Ok(Some(Consumers {
        groups: section.or("groups", 1, |item| item.count(MOST_GROUPS))?,
        members: section.or("members", 1, |item| item.count(MOST_MEMBERS))?,
        properties,
    }))
}
