//! Plans on the command line: read and checked without a cluster; the verbs `plan check` and `plan init`.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tribunal_coordinator::client::messages::Submission;
use tribunal_driver::Programs;
use tribunal_kafka::check::{self, Invalid, InvalidProperty};
use tribunal_model::client::Client;
use tribunal_model::design::Purpose;
use tribunal_model::matrix::{Cell, Matrix};
use tribunal_model::plan::{Error, Origin, Override, Plan, ReplayFile, Setting, TEMPLATE};
use tribunal_model::properties::{Properties, Value};
use tribunal_model::trial::{Rate, cell_text};
use tribunal_model::units;
use tribunal_report::format;

use crate::arguments::{self, Format};
use crate::drivers;
use crate::exit::{Exit, Usage};
use crate::listing::{Field, Listing, pretty};
use crate::progress::about;
use crate::settings::Settings;
use crate::terminal;

#[cfg(test)]
mod tests;

/// What a trial needs apart from warm-up and measurement: topic, clients, barrier, drain, audit. From a local cluster.
const OVERHEAD: Duration = Duration::from_secs(3);

/// A plan that could be run: it can be read, has a matrix, and librdkafka takes its properties.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Its meaning.
    pub(crate) plan: Plan,
    /// Its cells and trials.
    pub(crate) matrix: Matrix,
    text: String,
    overrides: Vec<Override>,
    allow_large: bool,
}

impl Checked {
    /// Reads and checks a file, or standard input for `-`.
    pub(crate) fn read(path: &Path, overrides: &[Override], allow_large: bool) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let text = if name == "-" {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
        } else {
            std::fs::read_to_string(path)
        };
        let text = text.map_err(|error| Usage(format!("{name}: the plan cannot be read: {error}")))?;
        Self::new(&name, text, overrides, allow_large)
    }

    /// Checks a text.
    pub(crate) fn new(name: &str, text: String, overrides: &[Override], allow_large: bool) -> anyhow::Result<Self> {
        // Relative to the plan where it stands there, to the working folder where the command line names it.
        let mut read = |file: &ReplayFile| {
            let beside = match file.origin {
                Origin::Line(_) => Path::new(name).parent().map(|folder| folder.join(&file.path)),
                _ => None,
            };
            std::fs::read_to_string(beside.unwrap_or_else(|| file.path.clone().into()))
                .map_err(|error| error.to_string())
        };
        let (plan, overrides) = Plan::parse_with(name, &text, overrides, &mut read)?;
        check_each(&plan)?;
        let matrix = Matrix::resolve(&plan, allow_large)?;
        check_cells(&plan, &matrix)?;
        Ok(Self {
            plan,
            matrix,
            text,
            overrides,
            allow_large,
        })
    }

    /// What the coordinator is handed: text and overrides, to be read once more there.
    pub(crate) fn submission(&self) -> Submission {
        let overrides = self
            .overrides
            .iter()
            .map(|setting| format!("{}={}", setting.key(), setting.value()));
        Submission {
            file: self.plan.file.clone(),
            plan: self.text.clone(),
            overrides: overrides.collect(),
            allow_large: self.allow_large,
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.matrix
            .warnings(&self.plan)
            .iter()
            .map(ToString::to_string)
            .collect()
    }
}

/// Every property by itself: the cluster's, the baseline's, each level of each factor.
fn check_each(plan: &Plan) -> Result<(), Error> {
    let levels = plan.factors.iter().flat_map(|factor| &factor.levels);
    let varied = levels.filter_map(|level| match &level.setting {
        Setting::Property(name, value) => Some((name.as_str(), value)),
        _ => None,
    });
    let clusters = plan.clusters.iter().map(|(_, cluster)| cluster).chain([&plan.cluster]);
    let clusters = clusters.flat_map(|cluster| cluster.properties.iter());
    let given = plan.clients.iter().filter(|(client, _)| client.is_librdkafka());
    let given = given.flat_map(|(_, given)| given.properties.iter());
    for (name, value) in clusters.chain(plan.baseline.iter()).chain(given).chain(varied) {
        check_one(name, value).map_err(|invalid| {
            let InvalidProperty {
                value: shown,
                message,
                nearest,
                ..
            } = &invalid;
            let meant = nearest
                .as_ref()
                .map_or(String::new(), |near| format!("; did you mean {near:?}?"));
            // What is said of the name needs no value.
            let of_name = message.starts_with("no such ") || message.starts_with("is ");
            let shown = if of_name { String::new() } else { format!("{shown}: ") };
            plan.property_error(name, Some(value), format!("{shown}{message}{meant}"))
        })?;
    }
    for (name, value) in plan.consumers.iter().flat_map(|consumers| consumers.properties.iter()) {
        let text = value.text().unwrap_or("x");
        let invalid = check::check_consumer_property(name, text).err();
        // Of a reference only the name can be judged.
        let of_name = |message: &str| message.starts_with("no such ") || message.starts_with("is ");
        if let Some(invalid) = invalid.filter(|invalid| value.text().is_some() || of_name(&invalid.message)) {
            let key = format!("consumers.properties.{name}");
            return Err(plan.error(&key, invalid.message));
        }
    }
    Ok(())
}

fn check_one(name: &str, value: &Value) -> Result<(), InvalidProperty> {
    if let Value::Text(text) = value {
        return check::check_property(name, text);
    }
    let mut alone = Properties::default();
    alone.set(name, value.clone());
    let invalid = check::check(&alone).into_iter().find_map(|invalid| match invalid {
        Invalid::Property(invalid) => Some(invalid),
        Invalid::Combination(_) => None,
    });
    invalid.map_or(Ok(()), Err)
}

/// The properties of every cell together, each combination once.
fn check_cells(plan: &Plan, matrix: &Matrix) -> Result<(), Error> {
    let mut seen: Vec<(&Option<String>, &Properties)> = Vec::new();
    for cell in matrix.cells.iter().filter(|cell| cell.client.client.is_librdkafka()) {
        // Few: the factors that are no properties make the many cells of a large matrix.
        if seen.contains(&(&cell.cluster, &cell.properties)) {
            continue;
        }
        seen.push((&cell.cluster, &cell.properties));
        if let Some(invalid) = check::check(&of_cell(plan, cell)).first() {
            return Err(combination_error(plan, cell, &invalid.to_string()));
        }
    }
    Ok(())
}

/// What a client of this cell is made with.
fn of_cell(plan: &Plan, cell: &Cell) -> Properties {
    let cluster = plan.cluster_named(cell.cluster.as_deref());
    cell.properties.overlaid(&cluster.properties)
}

/// The error stands at the property that librdkafka's words name first, if it names one that is set.
fn combination_error(plan: &Plan, cell: &Cell, message: &str) -> Error {
    let properties = of_cell(plan, cell);
    let named = properties
        .iter()
        .filter_map(|(name, value)| Some((message.find(name)?, name, value)));
    let shown = if cell.levels.is_empty() {
        message.to_owned()
    } else {
        format!("{message} (cell {})", cell_text(&cell.levels))
    };
    match named.min_by_key(|(place, name, _)| (*place, usize::MAX - name.len())) {
        Some((_, name, value)) => plan.property_error(name, Some(value), shown),
        None => plan.error("baseline", shown),
    }
}

/// `tribunal plan init`.
pub(crate) fn init() -> Exit {
    terminal::out(TEMPLATE);
    Exit::Done
}

/// `tribunal plan check`.
pub(crate) fn check(verb: &arguments::Check, settings: &Settings) -> anyhow::Result<Exit> {
    let checked = Checked::read(&verb.plan, &verb.set, verb.allow_large)?;
    let mut warnings = checked.warnings();
    warnings.extend(lacking(&checked.matrix, &drivers::programs(settings)?));
    match verb.format {
        Format::Table => {
            terminal::out(&summary(&checked));
            cells(&checked).print(Format::Table, "")?;
        }
        Format::Csv => cells(&checked).print(Format::Csv, "")?,
        Format::Json => terminal::out(&pretty(&json(&checked, &warnings))),
    }
    if verb.format != Format::Json {
        for warning in warnings {
            terminal::say(&format!("warning: {warning}"));
        }
    }
    Ok(Exit::Done)
}

/// Client libraries of the cells that have no driver on this host.
fn lacking(matrix: &Matrix, programs: &Programs) -> Vec<String> {
    let mut clients: Vec<&Client> = Vec::new();
    for cell in &matrix.cells {
        if !clients.contains(&&cell.client.client) {
            clients.push(&cell.client.client);
        }
    }
    let driven = clients.into_iter().filter(|client| !client.in_process());
    let missing = driven.filter_map(|client| programs.command(client).err());
    missing
        .map(|missing| format!("{missing}; the same goes for the agents' hosts"))
        .collect()
}

fn summary(checked: &Checked) -> String {
    let (plan, matrix) = (&checked.plan, &checked.matrix);
    let mut left = Vec::new();
    if matrix.excluded > 0 {
        left.push(format!("{} excluded", format::count(matrix.excluded)));
    }
    if matrix.omitted > 0 {
        left.push(format!("{} omitted by design.kind", format::count(matrix.omitted)));
    }
    if !matrix.dropped.is_empty() {
        left.push(format!("{} dropped", format::count(matrix.dropped.len() as u64)));
    }
    let left = if left.is_empty() {
        String::new()
    } else {
        format!(" ({})", left.join(", "))
    };
    let cells = format::plural(matrix.cells.len() as u64, "cell");
    let bytes = match (values(matrix), matrix.bytes()) {
        (Some(values), Some(replicated)) => format!(
            "{} of record values, {} with replication, before compression",
            format::bytes(values),
            format::bytes(replicated)
        ),
        _ => {
            "not known beforehand (a closed loop, rates that results decide, or sizes that only the agents' files tell)"
                .to_owned()
        }
    };
    let mut lines = vec![
        format!("{}: {cells}{left}, {}", plan.name, trials(matrix)),
        format!(
            "wall time: about {}, at most {} when every drain and wait is used up",
            about(matrix.expected_wall_time(OVERHEAD)),
            about(matrix.longest_wall_time(OVERHEAD))
        ),
        format!("bytes: {bytes}"),
    ];
    lines.extend(matrix.dropped.iter().map(|dropped| format!("dropped: {dropped}")));
    lines.extend(matrix.left_out.as_ref().map(|left_out| left_out.text.clone()));
    lines.extend(
        plan.limits
            .loosened()
            .iter()
            .map(|limit| format!("limit loosened: {limit}")),
    );
    let text = lines.join("\n") + "\n";
    if terminal::utf8() { text } else { format::ascii(&text) }
}

/// How many trials there are of what kind: `3 repetitions x 8 = 24 trials, 3 canaries, 1 burn-in`.
pub(crate) fn trials(matrix: &Matrix) -> String {
    let known =
        |wanted: fn(&Purpose) -> bool| matrix.trials.iter().filter(|trial| wanted(&trial.purpose)).count() as u64;
    let cells = known(Purpose::compared);
    let mut parts = Vec::new();
    if cells > 0 {
        let repetitions = format::plural(u64::from(matrix.repetitions), "repetition");
        parts.push(format!("{repetitions} = {}", format::plural(cells, "trial")));
    }
    let others: [(u64, &str); 4] = [
        (known(|purpose| *purpose == Purpose::Capacity), "capacity trial"),
        (known(|purpose| *purpose == Purpose::Canary), "trial of the canary"),
        (known(|purpose| *purpose == Purpose::BurnIn), "burn-in"),
        (
            known(|purpose| *purpose == Purpose::WithoutConsumers),
            "trial without consumers",
        ),
    ];
    for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
        parts.push(match what {
            "trial of the canary" => format!("{} for the canary", format::count(count)),
            "trial without consumers" => format!("{} without consumers", format::count(count)),
            what => format::plural(count, what),
        });
    }
    for later in &matrix.later {
        parts.push(if later.expected == later.most {
            format!("then {} {}", format::count(later.most), later.what)
        } else {
            format!(
                "about {} {}, at most {}",
                format::count(later.expected),
                later.what,
                format::count(later.most)
            )
        });
    }
    parts.join(", ")
}

/// The bytes of record values of all trials, replicas not counted.
fn values(matrix: &Matrix) -> Option<u64> {
    let of_trial = |trial: &tribunal_model::trial::Trial| {
        let Rate::Paced(rate) = trial.load.rate else {
            return None;
        };
        let cell = matrix.cells.iter().find(|cell| cell.id == trial.cell)?;
        Some(rate.as_per_second() * (trial.windows.warm_up + trial.windows.measure).as_secs_f64() * cell.mean_size()?)
    };
    matrix
        .trials
        .iter()
        .map(of_trial)
        .sum::<Option<f64>>()
        .map(|bytes| bytes.round() as u64)
}

fn rate(cell: &Cell) -> Field {
    match cell.load.rate {
        Rate::Paced(rate) => Field::new(format::rate(rate.as_per_second()), rate.as_per_second()),
        Rate::Saturate => Field::text("saturate"),
    }
}

fn cells(checked: &Checked) -> Listing {
    // Those of the plan, and what only some cells have: the preset that they are compared with.
    let mut factors: Vec<&str> = Vec::new();
    for level in checked.matrix.cells.iter().flat_map(|cell| &cell.levels) {
        if !factors.contains(&level.factor.as_str()) {
            factors.push(&level.factor);
        }
    }
    // A factor that is one of these columns is not shown twice.
    let fixed = ["rate", "producers", "topics", "partitions", "replication"];
    let fixed: Vec<&str> = fixed.into_iter().filter(|name| !factors.contains(name)).collect();
    let titles = std::iter::once("cell")
        .chain(factors.iter().copied())
        .chain(fixed.iter().copied());
    let mut listing = Listing::new(titles.map(|name| (name, name)));
    for cell in &checked.matrix.cells {
        let level = |name: &str| cell.levels.iter().find(|level| level.factor == name);
        let mut row = vec![Field::text(cell.id.to_string())];
        row.extend(
            factors
                .iter()
                .map(|name| level(name).map_or_else(Field::absent, |level| Field::text(&level.value))),
        );
        row.extend(fixed.iter().map(|name| match *name {
            "rate" => rate(cell),
            "producers" => Field::number(u64::from(cell.load.producers)),
            "topics" => Field::number(u64::from(cell.topic.count)),
            "partitions" => Field::number(u64::from(cell.topic.partitions)),
            _ => Field::number(u64::from(cell.topic.replication)),
        }));
        listing.push(row);
    }
    listing
}

fn json(checked: &Checked, warnings: &[String]) -> serde_json::Value {
    let (plan, matrix) = (&checked.plan, &checked.matrix);
    let cell = |cell: &Cell| {
        let levels = cell
            .levels
            .iter()
            .map(|level| (level.factor.clone(), level.value.clone().into()));
        let properties = cell
            .properties
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_string().into()));
        json!({
            "cell": cell.id.to_string(),
            "client": cell.client.client.name(),
            "levels": levels.collect::<serde_json::Map<_, _>>(),
            "properties": properties.collect::<serde_json::Map<_, _>>(),
            "records_per_second": match cell.load.rate { Rate::Paced(rate) => Some(rate.as_per_second()), Rate::Saturate => None },
            "record_size_mean_bytes": cell.mean_size(),
            "producers": cell.load.producers,
            "topics": cell.topic.count,
            "partitions": cell.topic.partitions,
            "replication": cell.topic.replication,
        })
    };
    json!({
        "schema_version": 1,
        "name": plan.name,
        "seed": plan.seed,
        "excluded": matrix.excluded,
        "omitted": matrix.omitted,
        "dropped": matrix.dropped.iter().map(|dropped| json!({
            "levels": dropped.levels.iter().map(|level| (level.factor.clone(), level.value.clone().into()))
                .collect::<serde_json::Map<_, _>>(),
            "reason": dropped.reason,
        })).collect::<Vec<_>>(),
        "left_out": matrix.left_out.as_ref().map(|left_out| &left_out.text),
        "later": matrix.later.iter().map(|later| json!({
            "what": later.what,
            "expected": later.expected,
            "most": later.most,
        })).collect::<Vec<_>>(),
        "repetitions": matrix.repetitions,
        "trials": matrix.trials.len(),
        "warm_up": units::format_duration(plan.windows.warm_up),
        "measure": units::format_duration(plan.windows.measure),
        "drain": units::format_duration(plan.windows.drain),
        "wall_time_s": matrix.expected_wall_time(OVERHEAD).as_secs(),
        "longest_wall_time_s": matrix.longest_wall_time(OVERHEAD).as_secs(),
        "value_bytes": values(matrix),
        "replicated_bytes": matrix.bytes(),
        "warnings": warnings,
        "limits_loosened": plan.limits.loosened(),
        "cells": matrix.cells.iter().map(cell).collect::<Vec<_>>(),
        "run_order": matrix.trials.iter().map(|trial| trial.cell.to_string()).collect::<Vec<_>>(),
        "purposes": matrix.trials.iter().map(|trial| trial.purpose.to_string()).collect::<Vec<_>>(),
    })
}
