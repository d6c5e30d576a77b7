//! `[cluster]` and `[clusters.NAME]`: where the load goes.

use std::time::Duration;

use super::factors::{Factor, Setting};
use super::reader::{Item, Section, nearest, one_of};
use super::tree::{Entry, Raw};
use super::{Bootstrap, Cluster, Error, MetricsAddress, Origin, property};
use crate::properties::Properties;
use crate::units;

const KEYS: [&str; 4] = ["bootstrap", "mock_round_trip", "metrics", "properties"];

/// Enough for large clusters, little enough to be read once a second.
const MOST_METRICS: usize = 100;
const REQUIRED: &str = "is required; write \"host:9092\", several separated by commas, or \"mock\"";

/// The cluster, of several the first, and the several by name: those that the factor `cluster` varies, else the one
/// that there is.
pub(super) fn read(plan: &Section<'_>, factors: &[Factor]) -> Result<(Cluster, Vec<(String, Cluster)>), Error> {
    let factor = factors.iter().find(|factor| factor.name == "cluster");
    let Some(several) = plan.get("clusters") else {
        if let Some(factor) = factor {
            let message =
                "needs clusters with names: write [clusters.old] and [clusters.new] in the place of [cluster]";
            return Err(Error::at(factor.origin.clone(), "factors.cluster", message));
        }
        let section = plan.section("cluster", &KEYS)?;
        if section.get("bootstrap").is_none() {
            return Err(Error::at(Origin::File, "cluster.bootstrap", REQUIRED));
        }
        return Ok((cluster(&section)?, Vec::new()));
    };
    if let Some(one) = plan.get("cluster") {
        return Err(one.error("is set beside [clusters]; keep one of the two"));
    }
    let mut clusters: Vec<(String, Cluster)> = Vec::new();
    for Entry { key, node, origin } in &several.table()?.entries {
        let item = Item::new(format!("clusters.{key}"), node);
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if key.is_empty() || key.len() > 40 || !key.chars().all(legal) {
            let message = "is no name of a cluster: 1 to 40 letters, digits, \"_\" or \"-\"";
            return Err(Error::at(origin.clone(), &item.key, message));
        }
        let Raw::Table(_) = &node.value else {
            let message = format!("expected a table such as [clusters.old], found {}", item.found());
            return Err(Error::at(origin.clone(), &item.key, message));
        };
        let section = item.section(&KEYS)?;
        let Some(bootstrap) = section.get("bootstrap") else {
            return Err(Error::at(origin.clone(), &format!("{}.bootstrap", item.key), REQUIRED));
        };
        let cluster = cluster(&section)?;
        let mock = |cluster: &Cluster| matches!(cluster.bootstrap, Bootstrap::Mock { .. });
        if mock(&cluster) && clusters.iter().any(|(_, other)| mock(other)) {
            return Err(bootstrap.error("is the second mock cluster; only one can be started"));
        }
        clusters.push((key.clone(), cluster));
    }
    if let Some(factor) = factor {
        check_levels(factor, &clusters)?;
        clusters.retain(|(name, _)| factor.levels.iter().any(|level| level.text == *name));
    } else if clusters.len() > 1 {
        let names: Vec<&str> = clusters.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!(
            "are {}; say which by the factor: [factors] cluster = {names:?}",
            clusters.len()
        );
        return Err(several.error(message));
    }
    let Some((_, first)) = clusters.first() else {
        return Err(several.error("names no cluster; write [clusters.NAME] with bootstrap = \"host:9092\""));
    };
    Ok((first.clone(), clusters))
}

/// Every level is a cluster of the plan.
fn check_levels(factor: &Factor, clusters: &[(String, Cluster)]) -> Result<(), Error> {
    let names: Vec<&str> = clusters.iter().map(|(name, _)| name.as_str()).collect();
    for level in &factor.levels {
        let Setting::Cluster(name) = &level.setting else {
            continue;
        };
        if names.contains(&name.as_str()) {
            continue;
        }
        let known = nearest(name, names.iter().copied()).map_or_else(
            || format!("expected {}", one_of(&names)),
            |near| format!("did you mean {near:?}?"),
        );
        let message = format!("{} is no cluster of [clusters]; {known}", units::quoted(name));
        return Err(Error::at(level.origin.clone(), "factors.cluster", message));
    }
    Ok(())
}

/// One cluster; that it says where it is has been looked at.
fn cluster(section: &Section<'_>) -> Result<Cluster, Error> {
    let mut properties = Properties::default();
    if let Some(table) = section.get("properties") {
        for Entry { key, node, .. } in &table.table()?.entries {
            let item = Item::new(format!("{}.{key}", table.key), node);
            properties.set(key.clone(), property::cluster_value(key, &item)?);
        }
    }
    let round_trip = section.get("mock_round_trip");
    let bootstrap = section.or("bootstrap", Bootstrap::Servers(String::new()), |item| {
        bootstrap(item, round_trip.as_ref())
    })?;
    let metrics = section.or("metrics", Vec::new(), |item| metrics(item, &bootstrap))?;
    Ok(Cluster {
        bootstrap,
        properties,
        metrics,
    })
}

fn metrics(list: &Item<'_>, bootstrap: &Bootstrap) -> Result<Vec<MetricsAddress>, Error> {
    if matches!(bootstrap, Bootstrap::Mock { .. }) {
        return Err(list.error("needs a real cluster; the brokers of a mock have no metrics"));
    }
    let items = list.list()?;
    if items.len() > MOST_METRICS {
        let message = format!("has {} addresses; at most {MOST_METRICS} are possible", items.len());
        return Err(list.error(message));
    }
    let mut known: Vec<MetricsAddress> = Vec::new();
    for item in items {
        let address: MetricsAddress = item.text()?.parse().map_err(|error| item.error(error))?;
        if known.contains(&address) {
            return Err(item.error(format!("\"{address}\" is named twice")));
        }
        known.push(address);
    }
    Ok(known)
}

fn bootstrap(item: &Item<'_>, round_trip: Option<&Item<'_>>) -> Result<Bootstrap, Error> {
    let servers = item.text()?.trim();
    if servers == "mock" {
        let round_trip = round_trip.map_or(Ok(Duration::ZERO), |item| {
            let round_trip = item.duration()?;
            if round_trip > Duration::from_secs(60) || round_trip.subsec_nanos() % 1_000_000 != 0 {
                return Err(item.error(format!(
                    "expected whole milliseconds up to \"1m\", found {}",
                    item.found()
                )));
            }
            Ok(round_trip)
        })?;
        return Ok(Bootstrap::Mock { round_trip });
    }
    if let Some(round_trip) = round_trip {
        let message = format!(
            "needs {} = \"mock\"; a real cluster has its own round-trip time",
            item.key
        );
        return Err(round_trip.error(message));
    }
    let servers: Vec<&str> = servers.split(',').map(str::trim).collect();
    let wrong = |server: &&&str| server.is_empty() || server.chars().any(|c| c.is_whitespace() || c.is_control());
    if let Some(server) = servers.iter().find(wrong) {
        let server = units::quoted(server);
        return Err(item.error(format!(
            "{server} is no server; expected \"host:9092,host:9092\" or \"mock\""
        )));
    }
    Ok(Bootstrap::Servers(servers.join(",")))
}
