//! The verbs `drivers install`, `check` and `properties`, and the hidden verb `driver`.

use std::time::Duration;

use anyhow::Context;
use tribunal_agent::calibrate::{Known, NullSink};
use tribunal_agent::check;
use tribunal_driver::{Environment, Programs, install};
use tribunal_kafka::admin::Cluster;
use tribunal_kafka::assignment;
use tribunal_model::client::{self, Client};
use tribunal_model::properties::{Properties, Value};
use tribunal_model::trial::nanoseconds;
use tribunal_report::format;
use tribunal_telemetry::logs::chain;

use crate::arguments::{self, Environments};
use crate::exit::{Exit, Usage};
use crate::listing::{Field, Listing};
use crate::settings::Settings;
use crate::terminal;

/// How long the cluster of a check may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The drivers of the settings' folder.
pub(crate) fn programs(settings: &Settings) -> anyhow::Result<Programs> {
    let own = std::env::current_exe().context("this program does not find itself")?;
    Ok(Programs::new(&settings.agent.drivers, own))
}

/// `tribunal drivers install`.
pub(crate) fn install(verb: &arguments::DriversInstall, settings: &Settings) -> anyhow::Result<Exit> {
    let wanted: &[Environment] = match verb.which {
        Environments::Python => &[Environment::Python],
        Environments::Java => &[Environment::Java],
        Environments::Go => &[Environment::Go],
        Environments::All => &Environment::ALL,
    };
    let folder = &settings.agent.drivers;
    let mut failed = Vec::new();
    for environment in wanted {
        terminal::say(&format!("{}: installing into {}", environment.name(), folder.display()));
        match install::install(*environment, folder) {
            Ok(()) => terminal::say(&format!("{}: installed", environment.name())),
            Err(error) => failed.push(error),
        }
    }
    match failed.as_slice() {
        [] => Ok(Exit::Done),
        errors => {
            let lines: Vec<String> = errors.iter().map(|error| chain(error)).collect();
            Err(Usage(lines.join("\nerror: ")).into())
        }
    }
}

/// `tribunal drivers check`.
pub(crate) fn check(verb: &arguments::DriversCheck, settings: &Settings) -> anyhow::Result<Exit> {
    let programs = programs(settings)?;
    let mut properties = Properties::default();
    for (name, value) in &verb.properties {
        properties.set(name, Value::Text(value.clone()));
    }
    let mut sink: Box<dyn NullSink> = if let Some(servers) = &verb.cluster {
        Box::new(Real::connect(servers, &properties)?)
    } else {
        Box::new(Known::start().map_err(Usage)?)
    };
    let others = Client::KNOWN.into_iter().filter(|client| !client.in_process());
    let clients: Vec<Client> = if verb.clients.is_empty() {
        others.collect()
    } else {
        verb.clients.clone()
    };
    let columns = [
        "client",
        "works",
        "version",
        "runtime",
        "acknowledged",
        "p50",
        "longest",
        "remark",
    ];
    let mut listing = Listing::new(columns.map(|name| (name, name)));
    let mut all = true;
    for client in clients {
        let time =
            |time: Option<Duration>| Field::text(format::optional(time, |time| format::nanos(nanoseconds(time))));
        let checked = check::check(&client, &mut *sink, &properties, &programs);
        let row = match checked {
            Ok(found) => {
                let whole = found.acknowledged == found.scheduled;
                all &= whole;
                vec![
                    Field::text(client.name()),
                    Field::text(if whole { "yes" } else { "no" }),
                    Field::text(format!("{} {}", found.driver.client, found.driver.version)),
                    Field::text(found.driver.runtime),
                    Field::text(format!("{} of {}", found.acknowledged, found.scheduled)),
                    time(found.median),
                    time(found.longest),
                    Field::text(found.driver.library),
                ]
            }
            Err(reason) => {
                all = false;
                let nothing = || Field::text("");
                let mut row = vec![Field::text(client.name()), Field::text("no")];
                row.extend(std::iter::repeat_with(nothing).take(5));
                row.push(Field::text(reason));
                row
            }
        };
        listing.push(row);
    }
    listing.print(verb.format, "no client was named")?;
    Ok(if all { Exit::Done } else { Exit::Invalid })
}

/// `tribunal drivers properties`.
pub(crate) fn properties() -> Exit {
    terminal::out(&client::markdown());
    Exit::Done
}

/// `tribunal driver`: its exit codes are the protocol's.
pub(crate) fn child() -> anyhow::Result<Exit> {
    match tribunal_agent::drive() {
        Ok(()) => Ok(Exit::Done),
        Err((code, line)) => {
            terminal::say(&line);
            std::process::exit(i32::from(code))
        }
    }
}

/// A cluster that was named, with the topics that are made there.
struct Real {
    cluster: Cluster,
    bootstrap: String,
    topics: Vec<String>,
}

impl Real {
    fn connect(servers: &str, properties: &Properties) -> anyhow::Result<Self> {
        let environment = |name: &str| std::env::var(name).ok();
        let resolved = tribunal_kafka::resolve(properties, &environment)?;
        Ok(Self {
            cluster: Cluster::connect(servers, &resolved, TIMEOUT)?,
            bootstrap: servers.to_owned(),
            topics: Vec::new(),
        })
    }
}

impl NullSink for Real {
    fn name(&self) -> String {
        self.bootstrap.clone()
    }

    fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    fn create_topic(&mut self, name: &str, partitions: u32, replication: u32) -> Result<(), String> {
        let told = |error: tribunal_kafka::admin::Error| chain(&error);
        let facts = self.cluster.metadata().map_err(told)?;
        let brokers: Vec<i32> = facts.brokers.iter().map(|broker| broker.id).collect();
        let assignment = assignment(&brokers, partitions, replication, 0)
            .ok_or_else(|| format!("{replication} replicas on {} brokers", brokers.len()))?;
        self.cluster.create_topic(name, &assignment, &[]).map_err(told)?;
        self.topics.push(name.to_owned());
        let ready = self
            .cluster
            .await_ready(name, partitions as i32, replication as usize, TIMEOUT);
        ready.map_err(told)
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        for topic in &self.topics {
            if let Err(error) = self.cluster.delete_topic(topic) {
                terminal::say(&format!("warning: topic {topic} is left behind: {}", chain(&error)));
            }
        }
    }
}
