//! The sections of a plan, one function each.

use std::time::Duration;

use super::reader::{Item, Section, nearest};
use super::tree::{Entry, Raw, Table};
use super::{
    Agents, Error, Factor, Origin, Plan, Preset, SCHEMA, Wanted, audit, clients, clusters, consumers, design, factors,
    limits, objective, property, workload,
};
use crate::client::Client;
use crate::ids::AgentName;
use crate::properties::Properties;
use crate::trial::{TopicShape, Windows};

const SECTIONS: [&str; 20] = [
    "schema",
    "name",
    "seed",
    "audit",
    "agents",
    "cluster",
    "clusters",
    "topic",
    "workload",
    "window",
    "limits",
    "baseline",
    "client",
    "factors",
    "exclude",
    "design",
    "objective",
    "search",
    "consumers",
    "environment",
];

/// The most of anything that is counted: topics, partitions, producers, repetitions.
pub(super) const MOST: u32 = 100_000;

/// The whole tree.
pub(super) fn resolve(file: &str, root: &Table) -> Result<Plan, Error> {
    // A newer plan is told apart before its unknown keys are.
    if let Some(node) = root.get("schema") {
        schema(&Item::new("schema", node))?;
    }
    let plan = Section::open("", root, &SECTIONS)?;
    let factors = factors::read(&plan)?;
    let (cluster, clusters) = clusters::read(&plan, &factors)?;
    let (prefix, topic) = topic(&plan)?;
    let timing = window(&plan)?;
    let design = design::read(&plan, &timing)?;
    let objective = objective::read(&plan)?;
    let search = design::search(&plan, &design, objective.as_ref())?;
    let pacemaker = design::pacemaker(&design, search.as_ref(), &factors)?;
    let workload = workload::read(&plan, &factors, &timing.windows, pacemaker)?;
    let (preset, client, baseline) = baseline(&plan, &factors)?;
    let clients = clients::read(&plan, &factors)?;
    let exclude = factors::exclusions(&plan, &factors)?;
    let consumers = consumers::read(&plan)?;
    let mut origins = Vec::new();
    collect_origins("", root, &mut origins);
    Ok(Plan {
        file: file.to_owned(),
        name: plan.or("name", stem(file), name)?,
        seed: plan.or("seed", 1, |item| item.whole(0, i64::MAX as u64))?,
        agents: agents(&plan)?,
        cluster,
        clusters,
        prefix,
        topic,
        workload,
        windows: timing.windows,
        repetitions: timing.repetitions,
        settle: timing.settle,
        audit: audit::read(&plan, consumers.is_some(), &client, &factors)?,
        design,
        objective,
        search,
        consumers,
        limits: limits::read(&plan)?,
        preset,
        client,
        clients,
        baseline,
        factors,
        exclude,
        environment: environment(&plan)?,
        origins,
    })
}

fn schema(item: &Item<'_>) -> Result<(), Error> {
    let written = item.whole(1, u64::MAX)?;
    if written == SCHEMA {
        return Ok(());
    }
    Err(item.error(format!(
        "plan has schema {written}, this build reads {SCHEMA}: use a newer tribunal"
    )))
}

fn name(item: &Item<'_>) -> Result<String, Error> {
    let text = item.text()?.trim();
    if text.is_empty() || text.chars().count() > 100 || text.chars().any(char::is_control) {
        return Err(item.error("expected a title of 1 to 100 characters on one line"));
    }
    Ok(text.to_owned())
}

/// The file's name without folder and ending.
fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = name.strip_suffix(".toml").unwrap_or(name);
    let stem: String = stem.chars().filter(|c| !c.is_control()).take(100).collect();
    if stem.is_empty() || stem == "-" {
        "experiment".to_owned()
    } else {
        stem
    }
}

fn agents(plan: &Section<'_>) -> Result<Agents, Error> {
    let section = plan.section("agents", &["count", "names", "wait"])?;
    let wanted = match (section.get("count"), section.get("names")) {
        (Some(_), Some(names)) => {
            return Err(names.error("is set beside agents.count; keep one of the two"));
        }
        (Some(count), None) => Wanted::Count(count.count(MOST)?),
        (None, Some(names)) => {
            let mut known: Vec<AgentName> = Vec::new();
            for item in names.list()? {
                let name = AgentName::new(item.text()?).map_err(|error| item.error(error))?;
                if known.contains(&name) {
                    return Err(item.error(format!("\"{name}\" is named twice")));
                }
                known.push(name);
            }
            Wanted::Named(known)
        }
        (None, None) => Wanted::Connected,
    };
    Ok(Agents {
        wanted,
        wait: section.or("wait", Duration::from_secs(30), Item::duration)?,
    })
}

fn topic(plan: &Section<'_>) -> Result<(String, TopicShape), Error> {
    let section = plan.section("topic", &["prefix", "count", "partitions", "replication", "settings"])?;
    let prefix = section.or("prefix", "tribunal".to_owned(), |item| {
        let text = item.text()?;
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() || text.len() > 100 || !text.chars().all(legal) {
            return Err(item.error("expected 1 to 100 letters, digits, \".\", \"_\" or \"-\""));
        }
        Ok(text.to_owned())
    })?;
    let mut settings = Vec::new();
    if let Some(table) = section.get("settings") {
        for Entry { key, node, .. } in &table.table()?.entries {
            let item = Item::new(format!("topic.settings.{key}"), node);
            settings.push((key.clone(), factors::topic_setting(&item)?));
        }
    }
    let shape = TopicShape {
        count: section.or("count", 1, |item| item.count(MOST))?,
        partitions: section.or("partitions", 12, |item| item.count(MOST))?,
        replication: section.or("replication", 1, |item| item.count(factors::MOST_REPLICAS))?,
        settings,
    };
    Ok((prefix, shape))
}

/// What `[window]` says.
pub(super) struct Timing {
    pub(super) windows: Windows,
    pub(super) repetitions: u32,
    pub(super) settle: Duration,
    /// Only where it is written.
    pub(super) burn_in: Option<Duration>,
}

fn window(plan: &Section<'_>) -> Result<Timing, Error> {
    let known = ["warm_up", "settle", "measure", "drain", "burn_in", "repetitions"];
    let section = plan.section("window", &known)?;
    let windows = Windows {
        warm_up: section.or("warm_up", Duration::from_secs(10), Item::duration)?,
        measure: section.or("measure", Duration::from_secs(30), |item| {
            let measure = item.duration()?;
            if measure.is_zero() {
                Err(item.error("expected a duration above zero"))
            } else {
                Ok(measure)
            }
        })?,
        drain: section.or("drain", Duration::from_secs(15), Item::duration)?,
    };
    Ok(Timing {
        windows,
        repetitions: section.or("repetitions", 1, |item| item.count(MOST))?,
        settle: section.or("settle", Duration::ZERO, Item::duration)?,
        burn_in: section.or("burn_in", None, |item| item.duration().map(Some))?,
    })
}

fn baseline(plan: &Section<'_>, factors: &[Factor]) -> Result<(Preset, Client, Properties), Error> {
    let (mut preset, mut client, mut properties) = (Preset::Default, Client::default(), Properties::default());
    let Some(section) = plan.get("baseline") else {
        return Ok((preset, client, properties));
    };
    for Entry { key, node, .. } in &section.table()?.entries {
        let item = Item::new(format!("baseline.{key}"), node);
        match key.as_str() {
            "preset" => preset = item.choice(&Preset::ALL.map(|preset| (preset.name(), preset)))?,
            "client" => {
                factors::not_varied(key, &item, factors)?;
                client = factors::client(&item)?;
            }
            _ => {
                let value = property::value(key, &item)?;
                factors::not_varied(key, &item, factors)?;
                let near = nearest(key, ["preset", "client"].into_iter());
                if let Some(near) = near.filter(|_| !key.contains('.')) {
                    return Err(item.error(format!("unknown key; did you mean {near:?}?")));
                }
                properties.set(key.clone(), value);
            }
        }
    }
    Ok((preset, client, properties))
}

fn environment(plan: &Section<'_>) -> Result<Vec<(String, String)>, Error> {
    let Some(section) = plan.get("environment") else {
        return Ok(Vec::new());
    };
    let entries = section.table()?.entries.iter().map(|Entry { key, node, .. }| {
        let item = Item::new(format!("environment.{key}"), node);
        let text = item
            .scalar()
            .ok_or_else(|| item.error(format!("expected text, found {}", item.found())))?;
        Ok((key.clone(), text))
    });
    entries.collect()
}

/// Every key and where it stands; a value's place where it has one, else the key's.
fn collect_origins(path: &str, table: &Table, origins: &mut Vec<(String, Origin)>) {
    for Entry { key, node, .. } in &table.entries {
        let key = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        origins.push((key.clone(), node.origin.clone()));
        if let Raw::Table(inner) = &node.value {
            collect_origins(&key, inner, origins);
        }
    }
}
