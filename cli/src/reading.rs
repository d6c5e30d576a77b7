//! The verbs that only read: `agents`, `experiments`, `report`.

use tribunal_coordinator::client::messages::{AgentRow, ExperimentRow};
use tribunal_coordinator::store::Store;
use tribunal_report::format;

use crate::arguments;
use crate::exit::Exit;
use crate::keep::{self, Folder};
use crate::listing::{Field, Listing};
use crate::progress::about;
use crate::settings::Settings;
use crate::terminal;
use crate::watch::{connect, find};

/// `tribunal agents`.
pub(crate) async fn agents(verb: arguments::Agents, settings: &Settings) -> anyhow::Result<Exit> {
    let rows = connect(settings).await?.agents().await?;
    agent_listing(&rows).print(verb.format, "No agent is connected.")?;
    Ok(Exit::Done)
}

fn agent_listing(rows: &[AgentRow]) -> Listing {
    let mut listing = Listing::new([
        ("name", "agent"),
        ("host", "host"),
        ("os", "system"),
        ("kernel", "kernel"),
        ("cpu", "CPU"),
        ("cores", "cores"),
        ("memory_bytes", "memory"),
        ("version", "build"),
        ("librdkafka", "librdkafka"),
        ("clock_offset_ns", "clock offset"),
        ("clock_bound_ns", "± bound"),
        ("busy", "busy"),
        ("connected_s", "connected"),
        ("metrics", "metrics"),
    ]);
    for row in rows {
        let host = &row.host;
        let clock = |ns: Option<i64>| ns.map_or_else(Field::absent, |ns| Field::new(format::nanos(ns), ns));
        listing.push(vec![
            Field::text(row.name.as_str()),
            Field::text(&host.hostname),
            Field::text(&host.os),
            Field::text(&host.kernel),
            Field::text(&host.cpu_model),
            Field::number(u64::from(host.cores)),
            Field::new(format::bytes(host.memory_bytes), host.memory_bytes),
            Field::text(&row.build.version),
            Field::text(&row.build.librdkafka),
            clock(row.clock.map(|clock| clock.offset_ns)),
            clock(row.clock.map(|clock| clock.bound_ns)),
            Field::new(if row.busy { "yes" } else { "no" }, row.busy),
            Field::new(about(row.connected), row.connected.as_secs()),
            Field::text(&row.metrics_address),
        ]);
    }
    listing
}

/// `tribunal experiments`.
pub(crate) async fn experiments(verb: arguments::Experiments, settings: &Settings) -> anyhow::Result<Exit> {
    let (rows, place) = if settings.client.coordinator.is_some() {
        (
            connect(settings).await?.experiments().await?,
            settings.dial().to_owned(),
        )
    } else {
        let store = &settings.coordinator.store;
        (Store::open(store).experiments()?, store.display().to_string())
    };
    experiment_listing(&rows).print(verb.format, &format!("No experiment is in {place}."))?;
    Ok(Exit::Done)
}

fn experiment_listing(rows: &[ExperimentRow]) -> Listing {
    let mut listing = Listing::new([
        ("id", "experiment"),
        ("name", "name"),
        ("state", "state"),
        ("began", "began"),
        ("finished", "finished"),
        ("trials", "trials"),
        ("reason", "reason"),
    ]);
    for row in rows {
        listing.push(vec![
            Field::text(row.id.to_string()),
            Field::text(&row.name),
            Field::text(&row.state),
            Field::text(&row.began),
            Field::number(u64::from(row.finished)),
            Field::number(u64::from(row.trials)),
            Field::text(&row.reason),
        ]);
    }
    listing
}

/// `tribunal report`.
pub(crate) async fn report(verb: arguments::Report, settings: &Settings) -> anyhow::Result<Exit> {
    if let Some(out) = &verb.out {
        keep::must_be_free(out)?;
    }
    let near = verb.out.as_ref().map(|out| keep::parent(Some(out))).transpose()?;
    let folder = if settings.client.coordinator.is_some() {
        let client = connect(settings).await?;
        let id = find(&client, &verb.id).await?;
        Folder::fetch(&client, id, near.as_deref()).await?
    } else {
        let store = Store::open(&settings.coordinator.store);
        let id = store.find(&verb.id)?;
        if verb.out.is_none() {
            keep::print(&store.report(id)?, verb.format.unwrap_or_default());
            return Ok(Exit::Done);
        }
        Folder::of_store(&store, id, near.as_deref())?
    };
    if verb.out.is_some() {
        let kept = folder.keep(verb.out.as_deref())?;
        terminal::say(&Folder::page(&kept));
    } else {
        keep::print(folder.report(), verb.format.unwrap_or_default());
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tribunal_model::ids::AgentName;

    use super::*;

    #[test]
    fn an_agent_is_listed_with_host_build_cores_and_clock() {
        let mut row = AgentRow {
            name: AgentName::new("a-1").unwrap(),
            build: tribunal_stats::facts::BuildFacts::default(),
            host: tribunal_stats::facts::HostFacts::default(),
            clock: None,
            busy: false,
            connected: Duration::from_secs(90),
            metrics_address: "127.0.0.1:7653".into(),
        };
        row.host.cores = 8;
        let listing = agent_listing(&[row]);
        let json = listing.json();
        assert_eq!(json[0]["name"], "a-1");
        assert_eq!(json[0]["cores"], 8);
        assert!(json[0]["clock_offset_ns"].is_null());
        assert!(listing.table(true, None).contains("90 s"));
    }
}
