//! Pitfalls that a plan shows by itself.

use super::Cell;
use super::warnings::largest_taken;
use crate::client;
use crate::objective::Relation;
use crate::pitfall::{Kind, NEAR, Pitfall, SKEW};
use crate::plan::{Bootstrap, Plan};
use crate::trial::{Content, Keys, Partitioner, Rate};
use crate::units::format_bytes;

/// Kafka's default of a topic's `max.message.bytes`.
const TOPIC_MAX_BYTES: u64 = 1_048_588;

/// What a codec can remove of a record that is called incompressible, as a share.
const NOTHING: f64 = 0.02;

/// Terms of a harmonic number that are added up; the rest is its integral.
const TERMS: u64 = 10_000;

/// What shows a pitfall in a cell, where anything does.
type Rule = fn(&Cell, &Plan) -> Option<String>;

/// The pitfalls of a cell.
pub(super) fn of_cell(cell: &Cell, plan: &Plan) -> Vec<Pitfall> {
    let rules: [(Kind, Rule); 10] = [
        (Kind::OnePartition, one_partition),
        (Kind::SkewedKeys, skewed_keys),
        (Kind::AcksAllAlone, acks_all_alone),
        (Kind::OneInSync, one_in_sync),
        (Kind::IdempotenceDropped, idempotence_dropped),
        (Kind::UnpolledClient, unpolled),
        (Kind::SmallBuffer, small_buffer),
        (Kind::LingerBeyondObjective, linger_beyond_objective),
        (Kind::LargeRecords, large_records),
        (Kind::Incompressible, incompressible),
    ];
    let found = rules.into_iter().filter_map(|(kind, rule)| {
        let evidence = rule(cell, plan)?;
        Some(Pitfall { kind, evidence })
    });
    found.collect()
}

fn one_partition(cell: &Cell, _: &Plan) -> Option<String> {
    let (producers, topic) = (cell.load.producers, &cell.topic);
    let brokers = topic.replication;
    if topic.partitions > 1 || topic.count > 1 {
        return None;
    }
    match (producers, brokers) {
        (0 | 1, 0 | 1) => None,
        (0 | 1, _) => Some(format!("1 partition where {brokers} brokers have its replicas")),
        (_, 0 | 1) => Some(format!("{producers} producers share 1 partition")),
        (..) => Some(format!("{producers} producers and {brokers} brokers share 1 partition")),
    }
}

fn skewed_keys(cell: &Cell, _: &Plan) -> Option<String> {
    let partitions = f64::from(cell.topic.partitions);
    if cell.load.partitioner == Partitioner::Assigned || cell.topic.partitions < 2 {
        return None;
    }
    let keys = cell.load.keys;
    let (cardinality, most) = match keys {
        Keys::None => return None,
        Keys::Sequence { cardinality } | Keys::Uniform { cardinality } => {
            (cardinality, 1.0 / cardinality.max(1) as f64)
        }
        Keys::Zipf { cardinality, exponent } => (cardinality, 1.0 / harmonic(cardinality, exponent)),
    };
    if most * partitions <= SKEW {
        return None;
    }
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    Some(if cardinality < u64::from(cell.topic.partitions) {
        format!("keys {keys} for {partitions} partitions, so that some get none")
    } else {
        format!(
            "of keys {keys} the most frequent one has {} of the records, where an even share of {partitions} partitions \
             is {}",
            percent(most),
            percent(1.0 / partitions)
        )
    })
}

/// The sum of k to the power of −exponent for k from 1 to n: from [`TERMS`] on by the integral, whose error is below the
/// last term.
fn harmonic(n: u64, exponent: f64) -> f64 {
    let exact = n.clamp(1, TERMS);
    let sum: f64 = (1..=exact).map(|k| (k as f64).powf(-exponent)).sum();
    let (from, to) = (exact as f64, n.max(1) as f64);
    let rest = if (exponent - 1.0).abs() < 1e-9 {
        (to / from).ln()
    } else {
        (to.powf(1.0 - exponent) - from.powf(1.0 - exponent)) / (1.0 - exponent)
    };
    sum + rest.max(0.0)
}

/// Whether a cell of a real cluster waits for all replicas; a mock keeps none, and every report made on one says so.
fn acks_all(cell: &Cell, plan: &Plan) -> bool {
    let cluster = plan.cluster_named(cell.cluster.as_deref());
    matches!(cell.text("acks"), None | Some("all" | "-1")) && matches!(cluster.bootstrap, Bootstrap::Servers(_))
}

/// A setting of the topics, where it is a number.
fn topic_setting(cell: &Cell, name: &str) -> Option<u64> {
    let found = cell.topic.settings.iter().find(|(known, _)| known == name);
    found.and_then(|(_, value)| value.parse().ok())
}

fn acks_all_alone(cell: &Cell, plan: &Plan) -> Option<String> {
    // More replicas wanted than there are is another doubt: nothing will be acknowledged.
    let wanted = topic_setting(cell, "min.insync.replicas").unwrap_or(1);
    let alone = acks_all(cell, plan) && cell.topic.replication == 1 && wanted <= 1;
    alone.then(|| "acks=all with topic.replication 1".to_owned())
}

fn one_in_sync(cell: &Cell, plan: &Plan) -> Option<String> {
    let replicas = cell.topic.replication;
    let one = topic_setting(cell, "min.insync.replicas") == Some(1);
    (acks_all(cell, plan) && replicas > 1 && one)
        .then(|| format!("acks=all with min.insync.replicas 1 of {replicas} replicas"))
}

fn idempotence_dropped(cell: &Cell, _: &Plan) -> Option<String> {
    let (client, acks) = (&cell.client.client, cell.text("acks")?);
    let set = cell.text("enable.idempotence").is_some();
    (client.idempotent_by_default() && !set && !matches!(acks, "all" | "-1"))
        .then(|| format!("acks={acks} with {client}, without enable.idempotence"))
}

fn unpolled(cell: &Cell, _: &Plan) -> Option<String> {
    let interval = cell.client.poll_interval()?;
    let name = client::POLL_INTERVAL;
    Some(format!(
        "driver.{name} is {interval}: the client is polled only so often"
    ))
}

fn small_buffer(cell: &Cell, _: &Plan) -> Option<String> {
    let Rate::Paced(rate) = cell.load.rate else {
        return None;
    };
    if !cell.client.client.is_librdkafka() {
        return None;
    }
    let each = rate.as_per_second() / f64::from(cell.load.producers.max(1));
    let linger: f64 = cell.in_effect("linger.ms")?.parse().ok()?;
    let room: f64 = cell.in_effect("queue.buffering.max.messages")?.parse().ok()?;
    let wanted = 2.0 * each * linger / 1e3;
    (wanted > room).then(|| {
        format!(
            "queue.buffering.max.messages is {room}, and 2 x rate x linger.ms alone is {wanted:.0} records for each producer"
        )
    })
}

fn linger_beyond_objective(cell: &Cell, plan: &Plan) -> Option<String> {
    let text = cell.in_effect("linger.ms")?;
    let linger: f64 = text.parse().ok()?;
    let unset = cell.set_for("linger.ms").is_none();
    let conditions = &plan.objective.as_ref()?.conditions;
    let broken = conditions.iter().find(|condition| {
        let bound = matches!(condition.relation, Relation::AtMost | Relation::Below);
        condition.figure.holds_linger() && bound && linger / 1e3 >= condition.value
    })?;
    Some(format!(
        "linger.ms is {text}{} and the objective wants {} {}",
        if unset { " by default" } else { "" },
        broken.figure,
        broken.text
    ))
}

fn large_records(cell: &Cell, _: &Plan) -> Option<String> {
    let largest = largest_taken(cell);
    let topic = topic_setting(cell, "max.message.bytes").unwrap_or(TOPIC_MAX_BYTES);
    let size = u64::from(cell.load.record.size.greatest());
    // What the client refuses for certain is another doubt.
    if size > largest {
        return None;
    }
    let (name, most) = if topic < largest {
        ("the topic's max.message.bytes", topic)
    } else {
        ("message.max.bytes", largest)
    };
    (size as f64 > most as f64 * NEAR)
        .then(|| format!("records of up to {} where {name} is {most}", format_bytes(size)))
}

fn incompressible(cell: &Cell, _: &Plan) -> Option<String> {
    let codec = cell.text("compression.type").filter(|codec| *codec != "none")?;
    let Content::Generated { compressibility } = cell.load.record.content else {
        return None;
    };
    (compressibility <= NOTHING)
        .then(|| format!("compression.type={codec} with record.compressibility {compressibility}"))
}
