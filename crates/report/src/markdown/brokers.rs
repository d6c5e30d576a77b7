//! What the brokers say of the trials' windows, and what they cost.

use tribunal_model::client::{Client, reported};
use tribunal_stats::Latencies;

use crate::brokers::{BrokerFacts, BrokerWindow, STEPS, Spent, THROTTLE_APART, spent};
use crate::factors::trials;
use crate::format::{ABSENT, bytes, count, micros, number, optional, rate, share};
use crate::result::TrialResult;

use super::cells::{Align, Table, escape};

/// The section, where the plan says where brokers tell their metrics.
pub(super) fn brokers(results: &[&TrialResult]) -> String {
    if results.iter().all(|result| result.brokers.is_empty()) {
        return String::new();
    }
    let text = "### Brokers\n\n".to_owned();
    text + &work(results) + &times(results) + &split(results) + &cost(results) + &absent(results)
}

/// The brokers that told something, with their trials.
fn told<'r>(results: &[&'r TrialResult]) -> impl Iterator<Item = (&'r TrialResult, &'r BrokerWindow, &'r BrokerFacts)> {
    let all: Vec<_> = results
        .iter()
        .flat_map(|result| {
            let told = result.brokers.iter();
            told.filter_map(move |broker| Some((*result, broker, broker.facts.as_ref()?)))
        })
        .collect();
    all.into_iter()
}

fn id(broker: &BrokerWindow) -> String {
    broker
        .broker
        .map_or_else(|| escape(&broker.address), |id| id.to_string())
}

fn work(results: &[&TrialResult]) -> String {
    let right = |name| (name, Align::Right);
    let mut table = Table::new([
        ("trial", Align::Left),
        right("broker"),
        right("CPU time"),
        right("cores in use"),
        right("bytes in"),
        right("not the trial's"),
        right("records in"),
        right("produce requests"),
        right("failed appends"),
        right("handlers idle"),
        right("network threads idle"),
        right("the busiest"),
        right("waiting for a handler"),
        right("waiting for replicas"),
        right("under-replicated"),
        right("under min ISR"),
        right("log flushes"),
        right("GC time"),
    ]);
    for (result, broker, facts) in told(results) {
        let foreign = facts.foreign_bytes_in as f64 / facts.bytes_in as f64;
        table.row(vec![
            result.trial.to_string(),
            id(broker),
            optional(facts.cpu_seconds, seconds),
            optional(facts.cores(), number),
            bytes(facts.bytes_in),
            optional((facts.bytes_in > 0).then_some(foreign), share),
            count(facts.records_in),
            format!(
                "{} ({})",
                count(facts.produce_requests),
                rate(facts.produce_requests as f64 / facts.seconds)
            ),
            optional(facts.produce_failures, count),
            optional(facts.handler_idle, share),
            optional(facts.network_idle, share),
            optional(facts.network_idle_least, share),
            optional(facts.request_queue_max, count),
            optional(facts.purgatory_max, count),
            optional(facts.under_replicated_max, count),
            optional(facts.under_min_isr_max, count),
            optional(facts.log_flushes, count),
            optional(facts.gc_seconds, |time| {
                let runs = optional(facts.gc_collections, |runs| format!(" in {}", count(runs)));
                format!("{}{runs}", seconds(time))
            }),
        ]);
    }
    let text = table.without_absent_columns().folded("brokers of trials");
    if text.is_empty() {
        return text;
    }
    let off = told(results).map(|(_, _, facts)| facts.off_seconds);
    let off = off.fold(0.0, f64::max);
    format!(
        "What the brokers say of the window themselves: differences of their totals between its ends, read at most {} off \
         t1 and t2. What waited and what lacked replicas is the most of readings a second apart.\n\n{text}",
        seconds(off)
    )
}

fn times(results: &[&TrialResult]) -> String {
    let mut header = vec![
        ("trial", Align::Left),
        ("broker", Align::Right),
        ("requests", Align::Right),
    ];
    header.extend(STEPS.map(|step| (in_words(step), Align::Right)));
    let mut table = Table::new(header);
    for (result, broker, facts) in told(results) {
        let Some(requests) = facts.produce_time.iter().map(|time| time.requests).max() else {
            continue;
        };
        let mut row = vec![result.trial.to_string(), id(broker), count(requests)];
        row.extend(STEPS.map(|step| optional(facts.mean_seconds(step), seconds)));
        table.row(row);
    }
    let text = table.without_absent_columns().folded("brokers of trials");
    if text.is_empty() {
        return text;
    }
    format!(
        "Mean time of a produce request inside the broker, over the window. Kafka counts each request's time in whole \
         milliseconds, rounded: a step that takes less than half of one reads as nothing, and steps need not add up to \
         the whole.\n\n{text}"
    )
}

/// The means of both ends beside each other, for each broker that the clients sent to.
fn split(results: &[&TrialResult]) -> String {
    let right = |name| (name, Align::Right);
    let mut table = Table::new([
        ("trial", Align::Left),
        right("broker"),
        right("client's queue"),
        right("of it linger, at most"),
        right("outbound buffer"),
        right("round trip"),
        right("of it inside the broker"),
        right("network and sockets"),
        right("throttle of a throttled answer"),
    ]);
    for result in results {
        for (id, client) in &result.statistics.brokers {
            let told = result.brokers.iter().find(|broker| broker.broker == Some(*id));
            let inside = told.and_then(|broker| broker.facts.as_ref()?.mean_seconds(STEPS[0]));
            let mean = |latencies: Latencies| Some(latencies.mean_us()? / 1e6);
            let (queue, round_trip) = (mean(client.queue), mean(client.round_trip));
            let linger = queue.zip(linger(result)).map(|(queue, linger)| queue.min(linger));
            let rest = round_trip.zip(inside).map(|(all, inside)| all - inside);
            table.row(vec![
                result.trial.to_string(),
                id.to_string(),
                optional(queue, seconds),
                optional(linger, seconds),
                optional(mean(client.outbound), seconds),
                optional(round_trip, seconds),
                optional(inside, seconds),
                // Below zero where rounded milliseconds, or other clients' requests, are all that there is.
                optional(rest.filter(|rest| *rest >= 0.0), seconds),
                optional(mean(client.throttle), seconds),
            ]);
        }
    }
    let text = table.without_absent_columns().folded("brokers of trials");
    if text.is_empty() {
        return text;
    }
    let clients = || results.iter().flat_map(|result| result.statistics.brokers.values());
    let apart = if clients().any(|client| client.throttle.sum_us > 0) {
        format!(" {THROTTLE_APART}")
    } else {
        String::new()
    };
    format!(
        "Where the mean goes, by the client's clock and the brokers': of a record in the client's queue, of a request from \
         there on. Means, because percentiles do not add. Beyond linger the queue is a wait for a full one or for a leader; \
         the round trip holds the wait behind earlier requests of its connection. The client's figures are of up to a second \
         more on either side of the window.{apart}\n\n{text}"
    )
}

/// The longest `linger.ms` of the live clients, in seconds.
pub(crate) fn linger(result: &TrialResult) -> Option<f64> {
    let client = Client::named(&result.workload.client)?;
    let producers = result.agents.iter().flat_map(|agent| &agent.producers);
    let lingers = producers.filter_map(|producer| reported(&client, &producer.configuration, "linger.ms"));
    let seconds = lingers.filter_map(|value| Some(value.parse::<f64>().ok()? / 1e3));
    seconds.reduce(f64::max)
}

fn cost(results: &[&TrialResult]) -> String {
    let right = |name| (name, Align::Right);
    let mut table = Table::new([
        ("trial", Align::Left),
        right("broker CPU time"),
        right("broker CPU ms per MB produced"),
        right("produce requests per MB produced"),
        right("bytes in per byte produced"),
    ]);
    for result in results {
        let spent = spent(result);
        if spent != Spent::default() {
            table.row(vec![
                result.trial.to_string(),
                optional(spent.cpu_seconds, seconds),
                optional(spent.cpu_ms_per_mb, number),
                optional(spent.requests_per_mb, number),
                optional(spent.bytes_in_per_byte, number),
            ]);
        }
    }
    let text = table.without_absent_columns().folded("trials");
    if text.is_empty() {
        return text;
    }
    format!(
        "All brokers together, where each told; beside the work for others nothing is told of the trial's own. Produced are \
         keys and values of the records acknowledged in the window; bytes in are record batches, compressed.\n\n{text}"
    )
}

fn absent(results: &[&TrialResult]) -> String {
    let mut reasons: Vec<(String, Vec<_>)> = Vec::new();
    for result in results {
        for broker in &result.brokers {
            let Some(absent) = &broker.absent else { continue };
            let line = format!("{}: {}", escape(&broker.address), escape(absent));
            match reasons.iter_mut().find(|(known, _)| *known == line) {
                Some((_, of)) => of.push(result.trial),
                None => reasons.push((line, vec![result.trial])),
            }
        }
    }
    if reasons.is_empty() {
        return String::new();
    }
    let mut text = "Brokers that told nothing of a window, and nobody's figures stand for theirs:\n\n".to_owned();
    for (line, of) in reasons {
        text += &format!("- {}: {line}\n", trials(&of));
    }
    text + "\n"
}

/// The step in the words of the table's head.
fn in_words(step: &'static str) -> &'static str {
    match step {
        "Total" => "whole",
        "RequestQueue" => "waits for a handler",
        "Local" => "leader's log",
        "Remote" => "replicas",
        "Throttle" => "held back by quota",
        "ResponseQueue" => "answer waits",
        "ResponseSend" => "answer is sent",
        other => other,
    }
}

fn seconds(seconds: f64) -> String {
    match seconds * 1e6 {
        us if us < 0.5 => "0".to_owned(),
        us if us.is_finite() => micros(us.round() as u64),
        _ => ABSENT.to_owned(),
    }
}
