//! What the trials ran in and on: environment, topics, workload, producers.

use tribunal_model::ids::TrialId;
use tribunal_model::trial::Arrivals;
use tribunal_model::units::format_duration;
use tribunal_stats::facts::ProducerFacts;

use crate::experiment::ExperimentReport;
use crate::factors::trials;
use crate::format::{ABSENT, bytes, count, nanos, optional, present, rate, share};
use crate::result::{AgentFacts, ClusterFacts, TrialResult};

use super::cells::{Align, Table, code, escape};
use super::spread::Spread;

/// Hexadecimal digits of a checksum that are printed; the whole is in `report.json`.
const CHECKSUM_DIGITS: usize = 16;

/// Rows above which a table is folded away.
const FOLD_ABOVE: usize = 24;

/// Agents with their hosts, the cluster, the plan's notes.
pub(super) fn environment(report: &ExperimentReport) -> String {
    let facts = &report.facts;
    let mut text = format!(
        "Coordinator: Tribunal {}, librdkafka {}.\n\n",
        escape(present(&facts.version)),
        escape(present(&facts.librdkafka)),
    );
    text += &agents(&report.results);
    text += &clusters(&report.results);
    if !facts.notes.is_empty() {
        text += "Notes from the plan:\n\n";
        for (name, note) in &facts.notes {
            text += &format!("- {}: {}\n", escape(name), escape(note));
        }
        text.push('\n');
    }
    text
}

fn agents(results: &[TrialResult]) -> String {
    let mut distinct: Vec<(&AgentFacts, i64)> = Vec::new();
    for agent in results.iter().flat_map(|r| &r.agents) {
        let bound = agent.run.clock.bound_ns.max(agent.run.clock_after.bound_ns);
        let same = |a: &AgentFacts| a.name == agent.name && a.build == agent.build && a.host == agent.host;
        match distinct.iter_mut().find(|(known, _)| same(known)) {
            // The offset of the last trial stands beside the worst bound of all.
            Some(known) => *known = (agent, known.1.max(bound)),
            None => distinct.push((agent, bound)),
        }
    }
    distinct.sort_by_key(|(agent, _)| &agent.name);
    let mut table = Table::new([
        ("agent", Align::Left),
        ("host", Align::Left),
        ("OS", Align::Left),
        ("kernel", Align::Left),
        ("CPU", Align::Left),
        ("cores", Align::Right),
        ("memory", Align::Right),
        ("Tribunal", Align::Left),
        ("librdkafka", Align::Left),
        ("clock offset ± bound", Align::Right),
    ]);
    for (agent, bound) in distinct {
        let host = &agent.host;
        let positive = |value: u64| (value > 0).then_some(value);
        table.row(vec![
            escape(agent.name.as_str()),
            escape(present(&host.hostname)),
            escape(present(&host.os)),
            escape(present(&host.kernel)),
            escape(present(&host.cpu_model)),
            optional(positive(u64::from(host.cores)), count),
            optional(positive(host.memory_bytes), bytes),
            escape(present(&agent.build.version)),
            escape(present(&agent.build.librdkafka)),
            format!("{} ± {}", nanos(agent.run.clock_after.offset_ns), nanos(bound)),
        ]);
    }
    table.without_absent_columns().render()
}

fn clusters(results: &[TrialResult]) -> String {
    let tell = |fact: &dyn Fn(&ClusterFacts) -> Option<String>, style: fn(&str) -> String| {
        Spread::of(results, |r| fact(&r.cluster)).text(style)
    };
    let brokers = |cluster: &ClusterFacts| {
        let one = |(id, host, port): &(i32, String, u16)| format!("{id} at {host}:{port}");
        (!cluster.brokers.is_empty()).then(|| cluster.brokers.iter().map(one).collect::<Vec<_>>().join(", "))
    };
    let kind = |cluster: &ClusterFacts| cluster.mock.then(|| "librdkafka's mock, no Kafka".to_owned());
    let mut table = Table::of(&["cluster", "value"]);
    let facts = [
        ("kind", tell(&kind, escape)),
        ("bootstrap", tell(&|c| Some(c.bootstrap.clone()), code)),
        ("cluster id", tell(&|c| c.cluster_id.clone(), code)),
        ("brokers", tell(&brokers, escape)),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            table.row(vec![name.to_owned(), value]);
        }
    }
    table.render()
}

/// The topics as read back, with the levels at which they differ.
pub(super) fn topic(results: &[TrialResult]) -> String {
    let tell = |fact: &dyn Fn(&TrialResult) -> Option<String>, style: fn(&str) -> String| {
        Spread::of(results, fact).text(style)
    };
    let mut table = Table::of(&["topic", "value"]);
    let mut row = |name: String, value: Option<String>| {
        if let Some(value) = value {
            table.row(vec![name, value]);
        }
    };
    row(
        "topics of a trial".into(),
        tell(&|r| Some(count(r.topic.names.len() as u64)), escape),
    );
    row(
        "partitions of each".into(),
        tell(&|r| Some(r.topic.partitions.to_string()), escape),
    );
    row(
        "replicas of each partition".into(),
        tell(&|r| Some(r.topic.replication.to_string()), escape),
    );
    let mut settings: Vec<&str> = results
        .iter()
        .flat_map(|r| &r.topic.settings)
        .map(|(n, _)| n.as_str())
        .collect();
    settings.sort_unstable();
    settings.dedup();
    for setting in &settings {
        row(code(setting), tell(&|r| lookup(&r.topic.settings, setting), code));
    }
    let mut text = table.render();
    if !text.is_empty() && settings.is_empty() {
        text += "The broker did not tell the topics' settings.\n\n";
    }
    text
}

/// What the trials were asked to send, and when.
pub(super) fn workload(results: &[TrialResult]) -> String {
    let mut table = Table::of(&["workload", "value"]);
    let mut row = |name: &str, fact: &dyn Fn(&TrialResult) -> String| {
        if let Some(value) = Spread::of(results, |r| Some(fact(r))).text(escape) {
            table.row(vec![name.to_owned(), value]);
        }
    };
    row("rate over all producers", &|r| match r.workload.rate {
        Some(per_second) => format!("{} (open loop)", rate(per_second)),
        None => "saturate (closed loop)".to_owned(),
    });
    row("arrivals", &|r| match (r.workload.rate, r.workload.arrivals) {
        (None, _) => ABSENT.to_owned(),
        (_, Arrivals::Uniform) => "uniform".to_owned(),
        (_, Arrivals::Poisson) => "poisson".to_owned(),
    });
    row("producers", &|r| count(u64::from(r.workload.producers)));
    row("record", &|r| r.workload.record.clone());
    row("keys", &|r| r.workload.keys.clone());
    row("partitioner", &|r| r.workload.partitioner.clone());
    row("when the client is full", &|r| r.workload.when_full.clone());
    row("send path", &|r| r.workload.path.clone());
    row("warm-up", &|r| format_duration(r.windows.warm_up));
    row("measurement window", &|r| format_duration(r.windows.measure));
    row("drain", &|r| format!("up to {}", format_duration(r.windows.drain)));
    row("seed", &|r| r.workload.seed.to_string());
    row("limits of validity", &|r| {
        format!(
            "start skew {}, schedule delay p99 {}, sends more than 1 ms late {}",
            format_duration(r.limits.start_skew),
            format_duration(r.limits.schedule_delay_p99),
            share(r.limits.late_sends)
        )
    });
    table.render()
}

/// The producer clients with their schedules, then what each wrote to.
pub(super) fn producers(results: &[TrialResult]) -> String {
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
    let alike = |a: &Client, b: &Client| {
        let (p, q) = (a.producer, b.producer);
        a.agent == b.agent
            && (&p.client_id, p.scheduled, &p.schedule_sha256) == (&q.client_id, q.scheduled, &q.schedule_sha256)
            && p.primed.iter().sum::<u64>() == q.primed.iter().sum::<u64>()
    };
    let mut told: Vec<(&Client, Vec<TrialId>)> = Vec::new();
    for client in &clients {
        match told.iter_mut().find(|(known, _)| alike(known, client)) {
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
            "Checksums are over the first million intended sends; {CHECKSUM_DIGITS} digits are shown, the whole is in \
             `report.json`.\n\n"
        )
        + &folded(
            &schedules.without_absent_columns(),
            told.len(),
            "producers and their schedules",
        )
        + &topics(&clients)
}

/// One producer client of one trial.
#[derive(Debug)]
struct Client<'a> {
    trial: TrialId,
    agent: &'a str,
    producer: &'a ProducerFacts,
}

/// By trial, then by producer.
fn clients(results: &[TrialResult]) -> Vec<Client<'_>> {
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
        let ids: Vec<String> = ids.iter().map(|id| code(id)).collect();
        table.row(vec![trial.to_string(), code(topic), ids.join(", ")]);
    }
    folded(&table, told.len(), "topics")
}

/// A table, folded away when it is long.
fn folded(table: &Table, rows: usize, of_what: &str) -> String {
    let table = table.render();
    if rows <= FOLD_ABOVE {
        return table;
    }
    format!(
        "<details><summary>All {} {of_what}</summary>\n\n{table}</details>\n\n",
        count(rows as u64)
    )
}

/// Whether the cells of a block replayed the same schedule, judged by the checksums.
fn replays(results: &[TrialResult]) -> String {
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
            .find(|r| r.block == result.block && !schedules(r).is_empty())
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
        (false, []) => "All cells of a block replayed the same schedule.\n\n".to_owned(),
        (false, ids) => format!(
            "Within a block, the schedules of {} differ from that of the block's first trial.\n\n",
            trials(ids)
        ),
    }
}

/// The value of a setting.
fn lookup(settings: &[(String, String)], name: &str) -> Option<String> {
    settings
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.clone())
}
