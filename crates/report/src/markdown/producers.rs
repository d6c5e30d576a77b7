//! The producer clients with their schedules, and what each wrote to.

use std::collections::HashMap;

use tribunal_model::ids::TrialId;
use tribunal_stats::facts::ProducerFacts;

use crate::factors::trials;
use crate::format::{count, list, optional};
use crate::result::TrialResult;

use super::cells::{Align, Table, code, escape};

/// Hexadecimal digits of a checksum that are printed; the whole is in `report.json`.
const CHECKSUM_DIGITS: usize = 16;
/// Clients of a topic that are named; the others are in the table of schedules above.
const WRITERS: usize = 50;

/// The producer clients with their schedules, then what each wrote to.
pub(super) fn producers(results: &[&TrialResult]) -> String {
    let clients = clients(results);
    if clients.is_empty() {
        return String::new();
    }
    let mut schedules = Table::new([
        ("client.id", Align::Left),
        ("agent", Align::Left),
        ("intended sends before t2", Align::Right),
        ("schedule SHA-256", Align::Left),
        ("records primed", Align::Right),
        ("trials", Align::Left),
    ]);
    let mut told: Vec<(&Client, Vec<TrialId>)> = Vec::new();
    let mut places = HashMap::new();
    for client in &clients {
        let p = client.producer;
        let primed: u64 = p.primed.iter().sum();
        let alike = (client.agent, &p.client_id, p.scheduled, &p.schedule_sha256, primed);
        let place = *places.entry(alike).or_insert(told.len());
        match told.get_mut(place) {
            Some((_, ids)) => ids.push(client.trial),
            None => told.push((client, vec![client.trial])),
        }
    }
    for (client, ids) in &told {
        let producer = client.producer;
        schedules.row(vec![
            code(&producer.client_id),
            escape(client.agent),
            optional(producer.scheduled, count),
            optional(producer.schedule_sha256.as_ref(), |sum| {
                code(sum.get(..CHECKSUM_DIGITS).unwrap_or(sum))
            }),
            count(producer.primed.iter().sum()),
            trials(ids),
        ]);
    }
    replays(results)
        + &format!(
            "Schedules are made by {}. Checksums are over the first million intended sends; {CHECKSUM_DIGITS} digits are shown, the whole is in \
             `report.json`.\n\n",
            functions(results),
        )
        + &schedules
            .without_absent_columns()
            .folded("producers and their schedules")
        + &topics(&clients)
}

/// The schedule functions of the agents' builds.
fn functions(results: &[&TrialResult]) -> String {
    let mut names: Vec<&str> = results
        .iter()
        .flat_map(|r| &r.agents)
        .map(|agent| agent.build.schedule.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    list(&names.iter().map(|name| code(name)).collect::<Vec<_>>())
}

/// One producer client of one trial.
#[derive(Debug)]
struct Client<'a> {
    trial: TrialId,
    agent: &'a str,
    producer: &'a ProducerFacts,
}

/// By trial, then by producer.
fn clients<'a>(results: &[&'a TrialResult]) -> Vec<Client<'a>> {
    let mut clients: Vec<Client> = results
        .iter()
        .flat_map(|r| r.agents.iter().map(move |a| (r.trial, a)))
        .flat_map(|(trial, a)| {
            a.producers
                .iter()
                .map(move |producer| (trial, a.name.as_str(), producer))
        })
        .map(|(trial, agent, producer)| Client { trial, agent, producer })
        .collect();
    clients.sort_by_key(|client| (client.trial, client.producer.producer));
    clients
}

/// Who wrote to which topic.
fn topics(clients: &[Client<'_>]) -> String {
    let mut told: Vec<(TrialId, &str, Vec<&str>)> = Vec::new();
    for client in clients {
        let (topic, id) = (client.producer.topic.as_str(), client.producer.client_id.as_str());
        match told
            .iter_mut()
            .find(|(trial, name, _)| (*trial, *name) == (client.trial, topic))
        {
            Some((_, _, ids)) => ids.push(id),
            None => told.push((client.trial, topic, vec![id])),
        }
    }
    let mut table = Table::of(&["trial", "topic", "written by"]);
    for (trial, topic, ids) in &told {
        let names: Vec<String> = ids.iter().take(WRITERS + 1).map(|id| code(id)).collect();
        let written_by = match ids.len().saturating_sub(WRITERS) {
            0 => names.join(", "),
            more => format!("{} and {} more", names[..WRITERS].join(", "), count(more as u64)),
        };
        table.row(vec![trial.to_string(), code(topic), written_by]);
    }
    table.folded("topics")
}

/// Whether two trials of a block were offered the same.
fn same_load(one: &TrialResult, other: &TrialResult) -> bool {
    let load = |r: &TrialResult| (r.block, r.workload.rate, r.workload.profile.clone());
    load(one) == load(other)
}

/// Whether the cells of a block replayed the same schedule, judged by the checksums.
fn replays(results: &[&TrialResult]) -> String {
    let schedules = |result: &TrialResult| {
        let mut sums: Vec<_> = result
            .agents
            .iter()
            .flat_map(|a| &a.producers)
            .filter_map(|p| Some((p.producer, p.scheduled?, p.schedule_sha256.clone()?)))
            .collect();
        sums.sort_unstable();
        sums
    };
    let (mut alone, mut differing) = (true, Vec::new());
    for (place, result) in results.iter().enumerate() {
        let ours = schedules(result);
        if ours.is_empty() {
            continue;
        }
        let Some(first) = results[..place]
            .iter()
            .find(|r| same_load(r, result) && !schedules(r).is_empty())
        else {
            continue;
        };
        alone = false;
        if schedules(first) != ours {
            differing.push(result.trial);
        }
    }
    match (alone, differing.as_slice()) {
        (true, _) => String::new(),
        (false, []) => "All trials of a block under one load replayed the same schedule.\n\n".to_owned(),
        (false, ids) => format!(
            "Within a block and under one load, the schedules of {} differ from that of the first trial.\n\n",
            trials(ids)
        ),
    }
}
