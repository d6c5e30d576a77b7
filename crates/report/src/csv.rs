//! `report.csv`: one row for each trial, units in the column names, for spreadsheets and scripts.
//!
//! Columns keep their names and order; new ones are added at the end of their group. Factors stand after the trial's
//! identity as `factor.NAME`. A cell is empty where there is nothing to tell: a percentile that needs more records, or
//! that lies among censored ones (then its `_at_least_us` column has the lower bound).
//!
//! A text that a spreadsheet would take for a formula (it begins with `=`, `+`, `-` or `@`, and is no number) has an
//! apostrophe before it.

use tribunal_stats::ClientCount;
use tribunal_stats::steady::Assessment;

use crate::audit::{Level, PartitionAudit, ReadBackAudit};
use crate::brokers::spent;
use crate::caveat::Caveat;
use crate::eligibility::{Percentile, Rank};
use crate::experiment::ExperimentReport;
use crate::factors::{factors, level};
use crate::result::{StoredDistribution, TrialResult};

/// A name and a value.
type Column = (&'static str, String);

const RANKS: [(Rank, &str, &str); 4] = [
    (Rank::P50, "response_p50_us", "response_p50_at_least_us"),
    (Rank::P99, "response_p99_us", "response_p99_at_least_us"),
    (Rank::P999, "response_p999_us", "response_p999_at_least_us"),
    (Rank::P9999, "response_p9999_us", "response_p9999_at_least_us"),
];

/// The table; empty when no trial has a result.
pub fn render(report: &ExperimentReport) -> String {
    let Some(first) = report.results.first() else {
        return String::new();
    };
    let factors = factors(&report.results.iter().collect::<Vec<_>>());
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut write = |row: Vec<String>| {
        writer
            .write_record(row.into_iter().map(inert))
            .expect("invariant: all rows have the same columns, and memory takes them");
    };
    let names = |columns: Vec<Column>| columns.into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    let values = |columns: Vec<Column>| columns.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    let mut header = names(identity(first));
    header.extend(factors.iter().map(|(factor, _)| format!("factor.{factor}")));
    header.extend(names(measures(first)));
    write(header);
    for result in &report.results {
        let mut row = values(identity(result));
        row.extend(
            factors
                .iter()
                .map(|(factor, _)| level(result, factor).unwrap_or_default().to_owned()),
        );
        row.extend(values(measures(result)));
        write(row);
    }
    let bytes = writer.into_inner().expect("invariant: memory takes what is flushed");
    String::from_utf8(bytes).expect("invariant: every cell is text")
}

/// A cell that no spreadsheet calculates. Blanks before a formula do not hide it from all of them.
fn inert(cell: String) -> String {
    let begins = cell.trim_start().starts_with(['=', '+', '-', '@']) || cell.starts_with(['\t', '\r', '\n']);
    if begins && cell.parse::<f64>().is_err() {
        format!("'{cell}")
    } else {
        cell
    }
}

fn identity(result: &TrialResult) -> Vec<Column> {
    vec![
        ("experiment", result.experiment.to_string()),
        ("trial", result.trial.0.to_string()),
        ("cell", result.cell.0.to_string()),
        ("block", result.block.to_string()),
        ("attempt", result.attempt.0.to_string()),
        ("began", result.began.clone()),
        ("purpose", result.purpose.to_string()),
    ]
}

fn measures(result: &TrialResult) -> Vec<Column> {
    let mut columns = judgement(result);
    columns.extend(counts(result));
    columns.extend(latencies(result));
    columns.extend(clients(result));
    columns.extend(audit(result));
    columns.extend(brokers(result));
    columns
}

fn judgement(result: &TrialResult) -> Vec<Column> {
    let rates = &result.rates;
    let kinds: Vec<String> = result.verdict.caveats.iter().filter_map(kind).collect();
    vec![
        ("mock", result.cluster.mock.to_string()),
        ("valid", result.verdict.valid().to_string()),
        ("bound_by", result.verdict.bound_by.to_string()),
        ("caveats", kinds.join(";")),
        ("window_us", result.windows.measure.as_micros().to_string()),
        ("producers", result.workload.producers.to_string()),
        ("offered_per_second", optional(rates.offered)),
        ("delivered_per_second", optional(rates.delivered)),
        ("delivered_bytes_per_second", optional(rates.delivered_bytes)),
        ("socket_writes_per_second", optional(rates.socket_writes)),
        ("sustained", optional(rates.sustained)),
        ("steady", steady(result).to_owned()),
        (
            "objective",
            optional(result.objective.as_ref().map(|outcome| outcome.standing.name())),
        ),
        ("warm_up_us", result.windows.warm_up.as_micros().to_string()),
    ]
}

/// Whether the load was steady, in one word.
fn steady(result: &TrialResult) -> &'static str {
    match result.steady {
        Assessment::Steady { .. } => "steady",
        Assessment::NotSteady { .. } => "not_steady",
        Assessment::NotAssessed { .. } => "not_assessed",
    }
}

/// The word for a caveat in the stored form; for a reading beyond its limit the limit's.
fn kind(caveat: &Caveat) -> Option<String> {
    if let Caveat::Beyond(check) = caveat {
        return Some(check.limit.to_string());
    }
    let stored = serde_json::to_value(caveat).ok()?;
    stored.get("kind")?.as_str().map(ToOwned::to_owned)
}

fn counts(result: &TrialResult) -> Vec<Column> {
    let measured = result.measured();
    let fates = measured.map(|p| p.fates);
    let failed = measured.map(|p| p.failed.iter().map(|(_, d)| d.count).sum::<u64>());
    vec![
        ("scheduled", optional(fates.map(|f| f.scheduled))),
        ("acknowledged", optional(fates.map(|f| f.acknowledged))),
        ("not_written", optional(fates.map(|f| f.not_written))),
        ("possibly_written", optional(fates.map(|f| f.possibly_written))),
        ("unresolved", optional(fates.map(|f| f.unresolved))),
        ("shed", optional(fates.map(|f| f.shed))),
        ("unsent", optional(fates.map(|f| f.unsent))),
        ("failed", optional(failed)),
        ("late_sends", optional(measured.map(|p| p.late_sends))),
    ]
}

fn latencies(result: &TrialResult) -> Vec<Column> {
    let measured = result.measured();
    let of = |distribution: fn(&crate::result::PartResult) -> &StoredDistribution, rank| {
        optional(measured.and_then(|p| Percentile::of(distribution(p), rank).told()))
    };
    let mut columns = vec![("response_mean_us", optional(measured.and_then(|p| p.response.mean_us)))];
    for (rank, told, at_least) in RANKS {
        let percentile = Percentile::response(result, rank);
        let bound = match percentile {
            Percentile::AtLeast { us } => Some(us),
            _ => None,
        };
        columns.extend([(told, optional(percentile.told())), (at_least, optional(bound))]);
    }
    columns.extend([
        ("response_max_us", optional(measured.and_then(|p| p.response.max_us))),
        ("service_mean_us", optional(measured.and_then(|p| p.service.mean_us))),
        ("service_p50_us", of(|p| &p.service, Rank::P50)),
        ("service_p99_us", of(|p| &p.service, Rank::P99)),
        ("service_p999_us", of(|p| &p.service, Rank::P999)),
        ("service_max_us", optional(measured.and_then(|p| p.service.max_us))),
        ("send_lag_p50_us", of(|p| &p.send_lag, Rank::P50)),
        ("send_lag_p99_us", of(|p| &p.send_lag, Rank::P99)),
        ("schedule_delay_p99_us", of(|p| &p.schedule_delay, Rank::P99)),
    ]);
    columns
}

fn brokers(result: &TrialResult) -> Vec<Column> {
    let spent = spent(result);
    vec![
        ("broker_cpu_seconds", optional(spent.cpu_seconds)),
        ("broker_cpu_ms_per_mb", optional(spent.cpu_ms_per_mb)),
        ("broker_requests_per_mb", optional(spent.requests_per_mb)),
        ("broker_bytes_in_per_byte", optional(spent.bytes_in_per_byte)),
    ]
}

fn clients(result: &TrialResult) -> Vec<Column> {
    let (statistics, window) = (&result.statistics, &result.window);
    let count = |count| optional(statistics.told(count));
    vec![
        ("requests", count(ClientCount::Requests)),
        ("batches", count(ClientCount::Batches)),
        ("records_per_batch", optional(statistics.records_per_batch())),
        ("batches_per_request", optional(statistics.batches_per_request())),
        ("retries", count(ClientCount::Retries)),
        ("timeouts", count(ClientCount::Timeouts)),
        ("transmit_errors", count(ClientCount::TransmitErrors)),
        ("disconnects", count(ClientCount::Disconnects)),
        (
            "throttle_us",
            optional(statistics.told(ClientCount::ThrottleMs).map(|ms| ms * 1000)),
        ),
        ("record_bytes", count(ClientCount::RecordBytes)),
        ("wire_bytes", count(ClientCount::WireBytes)),
        ("queue_full", window.queue_full.to_string()),
        ("blocked_us", (window.blocked_ns / 1000).to_string()),
        ("sender_cpu_us", (window.cpu.sender_ns / 1000).to_string()),
        ("recorder_cpu_us", (window.cpu.recorder_ns / 1000).to_string()),
        ("client_cpu_us", (window.cpu.client_ns / 1000).to_string()),
    ]
}

fn audit(result: &TrialResult) -> Vec<Column> {
    let audit = &result.audit;
    let level = match audit.level {
        Level::Count => "count",
        Level::Offsets => "offsets",
        Level::ReadBack => "read_back",
        Level::CountUnacknowledged => "count_unacknowledged",
        Level::NotAudited => "not_audited",
    };
    let audited = |count: u64| {
        if audit.level == Level::NotAudited {
            String::new()
        } else {
            count.to_string()
        }
    };
    let offsets = |count: u64| {
        if matches!(audit.level, Level::Offsets | Level::ReadBack) {
            count.to_string()
        } else {
            String::new()
        }
    };
    let read_back = |figure: fn(&ReadBackAudit) -> u64| optional(audit.read_back.as_ref().map(figure));
    let not_arrived = audit.partitions.iter().map(PartitionAudit::not_arrived).sum();
    let unacknowledged = audit.level == Level::CountUnacknowledged;
    vec![
        ("audit", level.to_owned()),
        ("audit_lost", audited(audit.lost())),
        ("audit_surplus", audited(audit.surplus())),
        (
            "audit_not_arrived",
            if unacknowledged {
                audited(not_arrived)
            } else {
                String::new()
            },
        ),
        ("audit_repeated", offsets(audit.repeated())),
        ("audit_outside", offsets(audit.outside())),
        ("audit_read_back_lost", read_back(ReadBackAudit::lost)),
        ("audit_duplicated", read_back(|read| read.count.duplicated)),
        ("audit_reordered", read_back(|read| read.count.reordered)),
        ("audit_foreign", read_back(|read| read.count.foreign)),
        ("audit_unread", read_back(|read| read.unread)),
    ]
}

fn optional<T: ToString>(value: Option<T>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}
