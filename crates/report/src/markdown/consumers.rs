//! What consumers received, how far behind they were, and what they cost the producers.

use tribunal_model::design::Purpose;

use crate::consumed::{ConsumersResult, EndToEnd, GroupResult};
use crate::experiment::ExperimentReport;
use crate::factors::trials;
use crate::format::{ABSENT, bytes, count, list, micros, nanos, number, optional, plural};
use crate::result::TrialResult;

use super::cells::{Align, Table, code, escape};
use super::readback::read_back;

/// The section's body; nothing where no trial had consumers.
pub(super) fn consumers(report: &ExperimentReport) -> String {
    let with: Vec<(&TrialResult, &ConsumersResult)> = report
        .results
        .iter()
        .filter_map(|result| Some((result, result.consumers.as_ref()?)))
        .collect();
    let Some((_, first)) = with.first() else {
        return String::new();
    };
    who(first, &with) + &end_to_end(&with) + &lag(&with) + &partitions(&with) + &read_back(&with) + &cost(report)
}

fn who(first: &ConsumersResult, with: &[(&TrialResult, &ConsumersResult)]) -> String {
    let groups = plural(first.groups.len() as u64, "group");
    let members = plural(u64::from(first.members), "member");
    let mut agents: Vec<_> = with.iter().flat_map(|(_, consumers)| &consumers.agents).collect();
    agents.sort_by(|a, b| a.name.cmp(&b.name));
    agents.dedup_by(|a, b| a.name == b.name);
    let named: Vec<String> = agents.iter().map(|agent| escape(agent.name.as_str())).collect();
    let beside: Vec<String> = agents
        .iter()
        .filter(|agent| agent.beside_producers)
        .map(|agent| escape(agent.name.as_str()))
        .collect();
    let mut text = format!(
        "{groups} of {members}; each group received every record. Members had their partitions dealt by Tribunal and \
         committed nothing: no rebalance fell into a window. They ran on {}.\n\n",
        list(&named)
    );
    if !beside.is_empty() {
        text += &format!(
            "**On {} consumers shared the host with producers, and competed with them for processors.**\n\n",
            list(&beside)
        );
    }
    if !first.properties.is_empty() {
        let told: Vec<String> = first
            .properties
            .iter()
            .map(|(name, value)| code(&format!("{name} = {value}")))
            .collect();
        text += &format!("Properties: {}.\n\n", list(&told));
    }
    let mut errors: Vec<String> = Vec::new();
    for (result, consumers) in with {
        for (name, said, times) in &consumers.errors {
            let id = trials(&[result.trial]);
            errors.push(format!(
                "- {id}: {} ({}): {}\n",
                code(name),
                count(*times),
                escape(said)
            ));
        }
    }
    if !errors.is_empty() {
        text += &format!("Errors of their clients:\n\n{}\n", errors.concat());
    }
    text
}

fn rows<'a>(
    with: &'a [(&'a TrialResult, &'a ConsumersResult)],
) -> impl Iterator<Item = (&'a TrialResult, &'a GroupResult)> {
    with.iter()
        .flat_map(|(result, consumers)| consumers.groups.iter().map(move |group| (*result, group)))
}

fn head(result: &TrialResult, group: &GroupResult) -> Vec<String> {
    vec![trials(&[result.trial]), cell(result), group.group.to_string()]
}

/// A trial's cell, with what the trial is for where that is something else.
pub(super) fn cell(result: &TrialResult) -> String {
    match &result.purpose {
        Purpose::Cell => escape(&result.cell_text()),
        other => format!("{} ({})", escape(&result.cell_text()), escape(&other.to_string())),
    }
}

const HEAD: [(&str, Align); 3] = [("trial", Align::Left), ("cell", Align::Left), ("group", Align::Right)];

fn table(columns: &[&str]) -> Table {
    let columns = columns.iter().map(|column| (*column, Align::Right));
    Table::new(HEAD.into_iter().chain(columns))
}

/// Of records that both ends followed.
fn end_to_end(with: &[(&TrialResult, &ConsumersResult)]) -> String {
    let told: Vec<(&TrialResult, &GroupResult, &EndToEnd)> = rows(with)
        .filter_map(|(result, group)| Some((result, group, group.end_to_end.as_ref()?)))
        .collect();
    let mut text = "### End to end\n\n".to_owned();
    if told.is_empty() {
        text += "Not known: the producers' clients told no offsets, so no record could be followed.\n\n";
        return text;
    }
    let mut table = table(&[
        "records", "one of", "p50", "p90", "p99", "p99.9", "max", "±", "least", "negative", "unjoined",
    ]);
    for (result, group, way) in &told {
        let mut row = head(result, group);
        let latency = &way.latency;
        row.extend([count(way.joined), count(way.one_of)]);
        row.extend(
            [
                latency.p50_us,
                latency.p90_us,
                latency.p99_us,
                latency.p999_us,
                latency.max_us,
            ]
            .map(|figure| optional(figure, micros)),
        );
        row.extend([
            nanos(way.bound_ns),
            optional(way.least_ns, nanos),
            count(way.negative),
            count(way.unjoined),
        ]);
        table.row(row);
    }
    text += &table.render();
    text += "From the intended send to the instant at which a consumer took the record, of acknowledged records of the \
             window that both ends followed. Sender and receiver have clocks of their own: each figure may be off by ±, \
             the bounds of both. *Negative* ones, received before their intended send by these clocks, count as 0 in the \
             percentiles and are the clocks' error. *Unjoined* ones were acknowledged and their receipt was not seen: they count as longer than all others, and a \
             percentile among them is not told.\n\n";
    text
}

fn lag(with: &[(&TrialResult, &ConsumersResult)]) -> String {
    let mut table = table(&[
        "received",
        "bytes",
        "missing",
        "received again",
        "backwards",
        "greatest lag",
        "greatest of a partition",
        "lag at the end",
    ]);
    for (result, group) in rows(with) {
        let mut row = head(result, group);
        let worst = group.partitions.iter().max_by_key(|partition| partition.lag_max);
        row.extend([
            count(group.received),
            bytes(group.bytes),
            count(group.missing),
            count(group.repeated),
            count(group.backwards),
            count(group.lag_max()),
            worst.map_or(ABSENT.to_owned(), |partition| count(partition.lag_max)),
            count(group.lag_end()),
        ]);
        table.row(row);
    }
    let mut text = "### Lag\n\n".to_owned() + &table.render();
    text += "Records of the whole trial, primed ones included. Lag is the log's end, as the consumer's last fetch told it, \
             less the consumer's position, at whole seconds; the greatest lag is that of all partitions together. The end \
             is when every record had been received, or the consumers' time for it was up.\n\n";
    text
}

/// Each partition, for those who look for the one that lags.
fn partitions(with: &[(&TrialResult, &ConsumersResult)]) -> String {
    let mut table = Table::new(HEAD.into_iter().chain([
        ("partition", Align::Left),
        ("received", Align::Right),
        ("written", Align::Right),
        ("greatest lag", Align::Right),
        ("lag at the end", Align::Right),
    ]));
    for (result, group) in rows(with) {
        for partition in &group.partitions {
            let mut row = head(result, group);
            row.extend([
                code(&format!("{}/{}", partition.topic, partition.partition)),
                count(partition.received),
                count(partition.written),
                count(partition.lag_max),
                count(partition.lag_end),
            ]);
            table.row(row);
        }
    }
    table.folded("partitions and their lag")
}

/// The first cell with and without consumers, side by side.
fn cost<'a>(report: &'a ExperimentReport) -> String {
    let mut text = "### What they cost the producers\n\n".to_owned();
    let alone = report.results.iter().find(|r| r.purpose == Purpose::WithoutConsumers);
    let with = alone.and_then(|alone| {
        let twin = |r: &&TrialResult| r.cell == alone.cell && r.block == alone.block && r.purpose == Purpose::Cell;
        report.results.iter().find(twin)
    });
    let (Some(alone), Some(with)) = (alone, with) else {
        return text + "Not known: no cell was run without consumers as well.\n\n";
    };
    // Those of a closed loop are queue ÷ rate.
    let paced = |result: &'a TrialResult| result.measured().filter(|_| result.workload.rate.is_some());
    let p99 = |result: &'a TrialResult| paced(result).and_then(|part| part.response.p99_us);
    let p50 = |result: &'a TrialResult| paced(result).and_then(|part| part.response.p50_us);
    let valid = with.verdict.valid() && alone.verdict.valid();
    let ratio = |with: Option<f64>, without: Option<f64>| match (with, without) {
        (Some(with), Some(without)) if valid && without > 0.0 => number(with / without),
        _ => ABSENT.to_owned(),
    };
    let float = |figure: Option<u64>| figure.map(|figure| figure as f64);
    let mut table = Table::of(&["trial", "consumers", "verdict", "delivered", "p50", "p99"]);
    for (result, consumers) in [(with, "with"), (alone, "without")] {
        let verdict = if result.verdict.valid() { "valid" } else { "**INVALID**" };
        table.row(vec![
            trials(&[result.trial]),
            consumers.to_owned(),
            verdict.to_owned(),
            optional(result.rates.delivered, crate::format::rate),
            optional(p50(result), micros),
            optional(p99(result), micros),
        ]);
    }
    table.row(vec![
        "with ÷ without".to_owned(),
        String::new(),
        String::new(),
        ratio(with.rates.delivered, alone.rates.delivered),
        ratio(float(p50(with)), float(p50(alone))),
        ratio(float(p99(with)), float(p99(alone))),
    ]);
    text += &table.render();
    text += &format!(
        "The cell {}, once each, one straight after the other. One pair decides nothing: the same cell run twice differs as \
         well, and by how much the repetitions of a cell show.\n\n",
        escape(&with.cell_text())
    );
    text
}
