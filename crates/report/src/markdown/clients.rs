//! Client libraries side by side: what each is, what it cost, and what was not equal.

use std::collections::BTreeSet;

use tribunal_model::client::{Client, names, reported, spelled};
use tribunal_model::trial::cell_text;
use tribunal_stats::ClientCount;
use tribunal_stats::facts::ProducerFacts;
use tribunal_stats::steady::median;

use crate::eligibility::{Mark, Percentile, Rank};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::format::{ABSENT, count, list, nanos, number, optional, percentile, present, rate, share};
use crate::processor_time::ProcessorTime;
use crate::result::TrialResult;

use super::cells::{Align, Table, code, escape, fold};

/// The section; nothing where every trial is librdkafka in the agents' own processes.
pub(super) fn clients(report: &ExperimentReport) -> String {
    let results = of_cells(report);
    let mut libraries: Vec<&str> = Vec::new();
    for result in &results {
        if !libraries.contains(&result.workload.client.as_str()) {
            libraries.push(&result.workload.client);
        }
    }
    let own = Client::default().name();
    if libraries.iter().all(|library| *library == own) {
        return String::new();
    }
    let order = |client: &str| Client::KNOWN.iter().position(|known| known.name() == client);
    libraries.sort_by_key(|client| order(client).unwrap_or(usize::MAX));
    let mut text = String::from("### Client libraries\n\n");
    text += &cost(&results, &libraries);
    text += &dropped(report);
    text += &configurations(&results, &libraries);
    text += &what_they_are(&results, &libraries);
    text
}

/// The valid trials of a client that have the same other levels, with the text of those.
type Cell<'a> = (&'a str, String, Vec<&'a TrialResult>);

/// A row for each cell: what it delivered, and what for.
fn cost(results: &[&TrialResult], libraries: &[&str]) -> String {
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for result in results.iter().filter(|result| result.verdict.valid()) {
        let others = result.levels.iter().filter(|level| level.factor != "client");
        let others = cell_text(&others.cloned().collect::<Vec<_>>());
        let client = result.workload.client.as_str();
        match cells
            .iter_mut()
            .find(|(of, levels, _)| *of == client && *levels == others)
        {
            Some((_, _, all)) => all.push(result),
            None => cells.push((client, others, vec![result])),
        }
    }
    let place = |client: &str| libraries.iter().position(|library| *library == client);
    cells.sort_by_key(|(client, others, _)| (others.clone(), place(client)));
    let right = |name| (name, Align::Right);
    let mut table = Table::new([
        ("setting", Align::Left),
        ("client", Align::Left),
        right("valid trials"),
        right("delivered"),
        right("p50"),
        right("p99"),
        right("p99.9"),
        right("producing CPU s per million"),
        right("records per batch"),
        right("own mean request latency"),
        right("client full"),
        right("waited for it"),
        right("retries"),
        ("bound by", Align::Left),
    ]);
    for (client, others, of) in &cells {
        table.row(row(others, client, of));
    }
    "Medians over the valid trials of a cell; latencies are response times, told as in the table of results (†, n<, ≥), and \
     only of cells that sustained a fixed rate. Closed loops (`rate=saturate`) compare delivered rates. "
        .to_owned()
        + ProcessorTime::Producing.about()
        + "\n\n"
        + &table.without_absent_columns().render()
}

fn row(setting: &str, client: &str, of: &[&TrialResult]) -> Vec<String> {
    let all = |figure: &dyn Fn(&TrialResult) -> Option<f64>| middle(of.iter().filter_map(|result| figure(result)));
    let cpu = |result: &TrialResult| {
        let resolved = result.window.acknowledged + result.window.written_blind;
        let ns = ProcessorTime::Producing.used_ns(result);
        (ns > 0 && resolved > 0).then(|| ns as f64 / 1e3 / resolved as f64)
    };
    let per_batch = |result: &TrialResult| {
        let statistics = &result.statistics;
        (statistics.batches > 0).then(|| statistics.batch_records as f64 / statistics.batches as f64)
    };
    let request = |result: &TrialResult| {
        let told = result.agents.iter().filter_map(|agent| agent.run.request_latency_ns);
        middle(told.map(|ns| ns as f64))
    };
    let waited = |result: &TrialResult| {
        let window = result.windows.measure.as_secs_f64() * f64::from(result.workload.producers.max(1));
        Some(result.window.blocked_ns as f64 / 1e9 / window)
    };
    let retries = |result: &TrialResult| result.statistics.told(ClientCount::Retries).map(|n| n as f64);
    let mut bounds: Vec<String> = of.iter().map(|result| result.verdict.bound_by.to_string()).collect();
    bounds.sort_unstable();
    bounds.dedup();
    vec![
        code(setting),
        escape(client),
        count(of.len() as u64),
        optional(
            all(&|result| result.rates.delivered.or(result.rates.socket_writes)),
            rate,
        ),
        latency(of, Rank::P50),
        latency(of, Rank::P99),
        latency(of, Rank::P999),
        optional(all(&cpu), number),
        optional(all(&per_batch), number),
        optional(all(&request), |ns| nanos(ns as i64)),
        optional(all(&|result| Some(result.window.queue_full as f64)), number),
        optional(all(&waited), share),
        optional(all(&retries), number),
        list(&bounds),
    ]
}

/// A percentile of the trials that sustained a fixed rate: that of one, the median of several, or why there is none.
fn latency(of: &[&TrialResult], rank: Rank) -> String {
    if of.iter().any(|result| result.rates.sustained != Some(true)) {
        return ABSENT.to_owned();
    }
    let each: Vec<Percentile> = of.iter().map(|result| Percentile::response(result, rank)).collect();
    let untold = each.iter().find(|percentile| percentile.told().is_none());
    let told = each
        .iter()
        .filter_map(|percentile| percentile.told())
        .map(|us| us as f64);
    let one_event = each.iter().any(|percentile| percentile.comparable().is_none());
    percentile(&match (untold, middle(told)) {
        (Some(untold), _) => *untold,
        (None, None) => Percentile::Absent,
        (None, Some(us)) => Percentile::Told {
            us: us as u64,
            mark: if one_event { Mark::OneEvent } else { Mark::None },
        },
    })
}

/// The median, where there is any figure.
fn middle(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let figures: Vec<f64> = figures.collect();
    (!figures.is_empty()).then(|| median(&figures))
}

fn dropped(report: &ExperimentReport) -> String {
    let lines: Vec<String> = report
        .facts
        .dropped
        .iter()
        .map(|line| format!("- {}\n", escape(line)))
        .collect();
    match lines.len() {
        0 => String::new(),
        _ => format!("Not run, since the client cannot:\n\n{}\n", lines.concat()),
    }
}

/// Effective values next to each other, differences marked.
fn configurations(results: &[&TrialResult], libraries: &[&str]) -> String {
    let header = ["property", "differs"].into_iter().chain(libraries.iter().copied());
    let mut table = Table::new(header.map(|name| (name, Align::Left)));
    let mut rows = 0;
    for name in names() {
        let of_clients: Vec<Option<Vec<String>>> =
            libraries.iter().map(|client| values(results, client, name)).collect();
        let mut known = of_clients.iter().flatten();
        let Some(first) = known.next() else { continue };
        let differs = known.any(|values| values != first) || of_clients.iter().any(Option::is_none);
        let mut row = vec![code(name), if differs { "**≠**" } else { "" }.to_owned()];
        row.extend(of_clients.iter().zip(libraries).map(|(values, client)| match values {
            None if Client::named(client).is_some_and(|client| spelled(&client, name).is_none()) => {
                "has none".to_owned()
            }
            None => "not told".to_owned(),
            Some(values) => values.iter().map(|value| code(value)).collect::<Vec<_>>().join(", "),
        }));
        table.row(row);
        rows += 1;
    }
    if rows == 0 {
        return String::new();
    }
    "What was in effect, as the live clients report it and in the units of a plan. Several values are those of several \
     cells; what a plan does not set is the client's own default.\n\n"
        .to_owned()
        + &table.render()
}

/// The values that a client's trials report of a property, ascending; none where it has no such property or tells none.
fn values(results: &[&TrialResult], client: &str, name: &str) -> Option<Vec<String>> {
    let library = Client::named(client)?;
    let told = producers(results, client).filter_map(|producer| reported(&library, &producer.configuration, name));
    let values: BTreeSet<String> = told.collect();
    (!values.is_empty()).then(|| values.into_iter().collect())
}

fn producers<'a>(results: &'a [&'a TrialResult], client: &'a str) -> impl Iterator<Item = &'a ProducerFacts> {
    let of_client = results.iter().filter(move |result| result.workload.client == client);
    of_client
        .flat_map(|result| &result.agents)
        .flat_map(|agent| &agent.producers)
}

/// Versions, and what the clients say of themselves.
fn what_they_are(results: &[&TrialResult], libraries: &[&str]) -> String {
    let mut table = Table::of(&["client", "version", "made of", "runs in", "clock off by at most"]);
    let mut facts = String::new();
    for client in libraries {
        let Some(driver) = producers(results, client).find_map(|producer| producer.driver.as_ref()) else {
            let versions = results.iter().filter(|result| result.workload.client == **client);
            let version = versions
                .flat_map(|result| &result.agents)
                .map(|agent| &agent.build.librdkafka)
                .next();
            let version = version.map_or("", String::as_str);
            let row = [*client, present(version), "librdkafka", "the agent", "0"];
            table.row(row.into_iter().map(escape).collect());
            continue;
        };
        table.row(vec![
            escape(client),
            escape(present(&driver.version)),
            escape(present(&driver.library)),
            escape(present(&driver.runtime)),
            nanos(driver.clock_bound_ns),
        ]);
        facts += &format!("{}:\n\n", escape(client));
        for (name, text) in &driver.facts {
            facts += &format!("- {}: {}\n", escape(name), escape(text));
        }
        facts.push('\n');
    }
    table.render() + &fold("What the clients say of themselves", &facts)
}
