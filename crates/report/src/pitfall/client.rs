//! Pitfalls of the client's buffer and of how it is served.

use tribunal_model::client::{Client, POLL_INTERVAL};

use super::Cell;
use crate::effective::{effective, number};
use crate::eligibility::{Percentile, Rank};
use crate::format::{count, micros, share};
use crate::settings::client;

/// Blocked senders are a finding beyond this share of their time, as for what a trial is bound by (METHODOLOGY.md, section 7).
const BLOCKED: f64 = 0.05;

pub(super) fn idempotence_dropped(cell: &Cell<'_>) -> Option<String> {
    let trial = cell.first();
    let client = client(trial);
    let set = trial
        .workload
        .properties
        .iter()
        .any(|(name, _)| name == "enable.idempotence");
    let acks = effective(trial, "acks").filter(|acks| acks != "all")?;
    (client.idempotent_by_default() && !set).then(|| format!("acks={acks} with {client}, without enable.idempotence"))
}

pub(super) fn unpolled(cell: &Cell<'_>) -> Option<String> {
    let trial = cell.first();
    let option = format!("driver.{POLL_INTERVAL}");
    let (_, interval) = trial.workload.own.iter().find(|(name, _)| *name == option)?;
    let rarely = client(trial) == Client::ConfluentKafka && interval.parse::<u64>().is_ok_and(|ms| ms > 0);
    rarely.then(|| format!("the client was polled only every {interval} ms"))
}

/// In an open loop only: a closed one keeps its client full by design.
pub(super) fn full_queue(cell: &Cell<'_>) -> Option<String> {
    let trial = cell.first();
    trial.workload.rate?;
    let time = cell.sum(|r| r.windows.measure.as_secs_f64() * f64::from(r.workload.producers.max(1)));
    let blocked = cell.sum(|r| r.window.blocked_ns as f64 / 1e9) / time;
    let refused: u64 = cell.trials.iter().map(|r| r.window.queue_full).sum();
    (blocked > BLOCKED).then(|| {
        format!(
            "senders waited for a full client for {} of their time, and it refused records {} times",
            share(blocked),
            count(refused)
        )
    })
}

/// By the rate of one producer and the greatest p99 of the trials.
pub(super) fn small_buffer(cell: &Cell<'_>) -> Option<String> {
    let trial = cell.first();
    let each = trial.workload.rate? / f64::from(trial.workload.producers.max(1));
    let room = number(trial, "queue.buffering.max.messages").filter(|room| *room > 0.0)?;
    let linger = number(trial, "linger.ms")?;
    // The p99 of a load that piles up is as long as the window.
    let kept_up = cell.trials.iter().all(|r| r.rates.sustained == Some(true));
    let told = cell.trials.iter().map(|r| Percentile::response(r, Rank::P99).told());
    let p99 = told.collect::<Option<Vec<u64>>>()?.into_iter().max()?;
    let wanted = 2.0 * each * (linger / 1e3 + p99 as f64 / 1e6);
    (kept_up && wanted > room).then(|| {
        format!(
            "queue.buffering.max.messages is {}, and 2 x rate x (linger.ms + p99 of {}) is {} records for each producer",
            count(room as u64),
            micros(p99),
            count(wanted as u64)
        )
    })
}
