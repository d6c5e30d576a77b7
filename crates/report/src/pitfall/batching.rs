//! Pitfalls of linger and compression.

use tribunal_model::objective::{Condition, Relation};
use tribunal_stats::comparison::{Rules, estimate};

use super::Cell;
use crate::effective::{effective, number};
use crate::format::{micros, number as digits, share};
use crate::result::TrialResult;
use crate::settings::{differences, settings};

/// Share of the mean response time from where on the linger is most of it.
const MOST: f64 = 0.5;

/// Time in which the queue was full, as a share, below which waiting in the client is lingering.
const FREE: f64 = 0.01;

/// More records per batch than with a shorter linger, as a ratio, that would be something.
const SOMETHING: f64 = 1.05;

/// Bytes that a codec saves, as a share, that would be something.
const SAVED: f64 = 0.05;

/// What stands around the records of a batch on the wire, in bytes: 61 of the batch, and what of the request falls to it.
const BATCH_HEADERS: f64 = 100.0;

/// What stands around a record, in bytes, without headers of its own.
const RECORD_HEADER: f64 = 10.0;

pub(super) fn beyond_objective(cell: &Cell<'_>, conditions: &[Condition]) -> Option<String> {
    let linger = number(cell.first(), "linger.ms")?;
    let condition = conditions.iter().find(|condition| {
        let bound = matches!(condition.relation, Relation::AtMost | Relation::Below);
        condition.figure.holds_linger() && bound && linger / 1e3 >= condition.value
    })?;
    Some(format!(
        "linger.ms is {linger} and the objective wants {} {}",
        condition.figure, condition.text
    ))
}

/// By the clients' own mean wait before a request, which is linger and whatever else holds a record back: so the linger is
/// at most that, and at most `linger.ms`. Where the client was full the wait says nothing of the linger.
pub(super) fn dominates(cell: &Cell<'_>) -> Option<String> {
    let trial = cell.first();
    let linger = number(trial, "linger.ms").filter(|linger| *linger > 0.0)?;
    let time = cell.sum(|r| r.windows.measure.as_secs_f64() * f64::from(r.workload.producers.max(1)));
    let blocked = cell.sum(|r| r.window.blocked_ns as f64 / 1e9) / time;
    let kept_up = cell.trials.iter().all(|r| r.rates.sustained == Some(true));
    let waits = || {
        cell.trials
            .iter()
            .flat_map(|r| r.statistics.brokers.values())
            .map(|of| of.queue)
    };
    let records: u64 = waits().map(|wait| wait.count).sum();
    let wait = waits().map(|wait| wait.sum_us).sum::<u64>() as f64 / records as f64;
    let means: Option<Vec<f64>> = cell.trials.iter().map(|r| r.measured()?.response.mean_us).collect();
    let means = means?;
    let mean = means.iter().sum::<f64>() / means.len() as f64;
    let at_most = wait.min(linger * 1e3);
    (records > 0 && kept_up && blocked < FREE && at_most > MOST * mean).then(|| {
        format!(
            "linger.ms={linger} may be up to {} of a mean response time of {}, of which records wait {} in the client",
            share((at_most / mean).min(1.0)),
            micros(mean as u64),
            micros(wait as u64)
        )
    })
}

/// A cell that differs in `linger.ms` alone from one with none, and has no more records per batch: by the interval of their
/// ratio within blocks, so that repetitions are needed.
pub(super) fn for_nothing(cell: &Cell<'_>, all: &[Cell<'_>]) -> Option<String> {
    let linger = number(cell.first(), "linger.ms").filter(|linger| *linger > 0.0)?;
    let (without, ratio) = all
        .iter()
        .find_map(|other| Some((other, without_linger(cell, other)?)))?;
    Some(format!(
        "linger.ms={linger} makes {} records per batch, linger.ms=0 {} (ratio at most {})",
        digits(per_batch_of(cell)),
        digits(per_batch_of(without)),
        digits(ratio)
    ))
}

/// The upper end of the ratio of records per batch, where the other cell is this one without linger and that is nothing.
fn without_linger(cell: &Cell<'_>, other: &Cell<'_>) -> Option<f64> {
    let (ours, theirs) = (cell.first(), other.first());
    let alone = differences(&settings(ours), &settings(theirs)) == ["linger.ms"];
    if !alone || ours.workload.rate != theirs.workload.rate || number(theirs, "linger.ms")? > 0.0 {
        return None;
    }
    let ratios: Vec<f64> = cell
        .trials
        .iter()
        .filter_map(|r| {
            let pair = other.trials.iter().find(|o| o.block == r.block)?;
            Some(per_batch(r)? / per_batch(pair)?)
        })
        .collect();
    let interval = estimate(&ratios, &Rules::default())?.interval?;
    (interval.high < SOMETHING).then_some(interval.high)
}

fn per_batch(result: &TrialResult) -> Option<f64> {
    let statistics = &result.statistics;
    (statistics.batches > 0).then(|| statistics.batch_records as f64 / statistics.batches as f64)
}

fn per_batch_of(cell: &Cell<'_>) -> f64 {
    cell.sum(|r| r.statistics.batch_records as f64) / cell.sum(|r| r.statistics.batches as f64)
}

/// By bytes on the wire, which hold headers as well: where those may be what the codec saved, nothing is told.
pub(super) fn incompressible(cell: &Cell<'_>) -> Option<String> {
    let codec = effective(cell.first(), "compression.type").filter(|codec| codec != "none")?;
    let bytes = cell.sum(|r| r.statistics.record_bytes as f64);
    let size = bytes / cell.sum(|r| r.statistics.batch_records as f64);
    let headers = (BATCH_HEADERS / per_batch_of(cell) + RECORD_HEADER) / size;
    let sent = cell.sum(|r| r.statistics.wire_bytes as f64) / bytes;
    (headers < SAVED && sent.is_finite() && sent > 1.0 - SAVED).then(|| {
        format!(
            "compression.type={codec} sends {} bytes for each byte of records",
            digits(sent)
        )
    })
}
