//! The table of trials, and what their clients say.

use tribunal_model::design::Purpose;
use tribunal_stats::ClientCount;

use crate::audit::{Level, ReadBackAudit};
use crate::eligibility::{Mark, Percentile, Rank, queue_bound};
use crate::factors::{factors, level};
use crate::format::{ABSENT, DAGGER_MEANS, byte_rate, count, number, optional, percentile, plural, rate, share};
use crate::result::TrialResult;

use super::cells::{Align, Table, escape};

/// Everything that was measured in these trials.
pub(super) fn measured(results: &[&TrialResult]) -> String {
    trial_table(results)
        + &legend(results)
        + "What the clients' own statistics and processor time say, over the window; the statistics up to a second more on either side:\n\n"
        + &client_table(results)
}

fn trial_table(results: &[&TrialResult]) -> String {
    use Align::{Left, Right};
    let factors = factors(results);
    let mut header: Vec<(String, Align)> = vec![
        ("trial".into(), Left),
        ("for".into(), Left),
        ("repetition".into(), Right),
    ];
    header.extend(factors.iter().map(|(factor, _)| (escape(factor), Right)));
    let rest = [
        ("verdict", Left),
        ("bound by", Left),
        ("offered", Right),
        ("delivered", Right),
        ("sustained", Left),
        ("response p50", Right),
        ("response p99", Right),
        ("response p99.9", Right),
        ("service p50", Right),
        ("service p99", Right),
        ("send lag p99", Right),
        ("records per batch", Right),
        ("batches per request", Right),
        ("retries", Right),
        ("failed", Right),
        ("unresolved + unsent + shed", Right),
        ("audit", Left),
    ];
    header.extend(rest.map(|(name, align)| (name.to_owned(), align)));
    let mut table = Table::new(header);
    for result in results {
        let mut row = vec![result.trial.to_string(), purpose(&result.purpose), repetition(result)];
        row.extend(
            factors
                .iter()
                .map(|(factor, _)| optional(level(result, factor), escape)),
        );
        row.extend(measures(result));
        table.row(row);
    }
    table.without_absent_columns().render()
}

/// What a trial is for, where it is more than its cell.
pub(super) fn purpose(purpose: &Purpose) -> String {
    match purpose {
        Purpose::Cell => ABSENT.to_owned(),
        other => escape(&other.to_string()),
    }
}

/// From 1, where the trial is one of several of its cell.
fn repetition(result: &TrialResult) -> String {
    match result.purpose {
        Purpose::Cell | Purpose::Canary => (result.block + 1).to_string(),
        // Block 0 holds the capacity trials.
        Purpose::Share(_) => result.block.to_string(),
        Purpose::BurnIn | Purpose::Capacity | Purpose::Probe(_) | Purpose::WithoutConsumers => ABSENT.to_owned(),
    }
}

fn measures(result: &TrialResult) -> [String; 17] {
    let rates = &result.rates;
    let measured = result.measured();
    let response = |rank| percentile(&Percentile::response(result, rank));
    let service = |rank| percentile(&Percentile::service(result, rank));
    let send_lag = measured.map_or(Percentile::Absent, |p| Percentile::of(&p.send_lag, Rank::P99));
    let failed: Option<u64> = measured.map(|p| p.failed.iter().map(|(_, d)| d.count).sum());
    [
        if result.verdict.valid() { "valid" } else { "**INVALID**" }.to_owned(),
        result.verdict.bound_by.to_string(),
        if result.workload.rate.is_none() {
            "closed loop".to_owned()
        } else {
            optional(rates.offered, rate)
        },
        delivered(result),
        optional(rates.sustained, |s| if s { "yes" } else { "no" }.to_owned()),
        response(Rank::P50),
        response(Rank::P99),
        response(Rank::P999),
        service(Rank::P50),
        service(Rank::P99),
        percentile(&send_lag),
        optional(result.statistics.records_per_batch(), number),
        optional(result.statistics.batches_per_request(), number),
        optional(result.statistics.told(ClientCount::Retries), count),
        optional(failed, count),
        optional(measured, |p| {
            let fates = &p.fates;
            format!(
                "{} + {} + {}",
                count(fates.unresolved),
                count(fates.unsent),
                count(fates.shed)
            )
        }),
        audit(result),
    ]
}

fn delivered(result: &TrialResult) -> String {
    let rates = &result.rates;
    match (rates.delivered, rates.delivered_bytes, rates.socket_writes) {
        (Some(records), Some(bytes), _) => format!("{} ({})", rate(records), byte_rate(bytes)),
        (Some(records), None, _) => rate(records),
        (None, _, Some(written)) => format!("{} written to sockets", rate(written)),
        (None, _, None) => ABSENT.to_owned(),
    }
}

fn audit(result: &TrialResult) -> String {
    let audit = &result.audit;
    let told = match audit.level {
        Level::NotAudited => return "not audited".to_owned(),
        Level::Count => format!("{} lost, {} surplus", count(audit.lost()), count(audit.surplus())),
        Level::Offsets | Level::ReadBack => format!(
            "{} lost, {} surplus, {} repeated, {} outside",
            count(audit.lost()),
            count(audit.unaccounted()),
            count(audit.repeated()),
            count(audit.outside())
        ),
        Level::CountUnacknowledged => {
            let not_arrived = audit
                .partitions
                .iter()
                .map(crate::audit::PartitionAudit::not_arrived)
                .sum();
            format!("{} not arrived, {} surplus", count(not_arrived), count(audit.surplus()))
        }
    };
    let told = if audit.settled {
        told
    } else {
        told + " (offsets still moving)"
    };
    match &audit.read_back {
        Some(read) => format!("{told}; read back: {}", read_back(read)),
        None => told,
    }
}

/// What consumers read back; where nothing was acknowledged, nothing can be lost.
fn read_back(read: &ReadBackAudit) -> String {
    let lost = match (read.count.acknowledged, read.complete()) {
        (0, _) => String::new(),
        (_, true) => format!("{} lost, ", count(read.lost())),
        (_, false) => format!("at least {} lost, ", count(read.lost())),
    };
    let unread = if read.complete() {
        String::new()
    } else {
        format!(", not complete: {} not read", count(read.unread))
    };
    format!(
        "{lost}{} duplicated, {} reordered, {} foreign{unread}",
        count(read.count.duplicated),
        count(read.count.reordered),
        count(read.count.foreign),
    )
}

fn legend(results: &[&TrialResult]) -> String {
    let shown = |wanted: fn(&Percentile) -> bool| {
        results.iter().any(|r| {
            let response = [Rank::P50, Rank::P99, Rank::P999].map(|rank| Percentile::response(r, rank));
            let service = [Rank::P50, Rank::P99].map(|rank| Percentile::service(r, rank));
            response.iter().chain(&service).any(wanted)
        })
    };
    let mut lines = vec![
        "Response time runs from the intended send to the delivery report, service time from the accepted send."
            .to_owned(),
    ];
    if shown(|p| {
        matches!(
            p,
            Percentile::Told {
                mark: Mark::OneEvent,
                ..
            }
        )
    }) {
        lines.push(DAGGER_MEANS.to_owned());
    }
    if shown(|p| matches!(p, Percentile::AtLeast { .. })) {
        lines.push(
            "≥ the percentile lies among records that had no final word when the trial ended; their ages bound it from \
             below."
                .to_owned(),
        );
    }
    if shown(|p| matches!(p, Percentile::TooFew { .. })) {
        lines.push("n< fewer records than the percentile needs: the number after it.".to_owned());
    }
    if results.iter().any(|r| queue_bound(r)) {
        lines.push("Closed loop: latencies are queue ÷ rate and are in no comparison.".to_owned());
    }
    if results
        .iter()
        .any(|r| r.rates.socket_writes.is_some() && r.rates.delivered.is_none())
    {
        lines.push(
            "With `acks=0` nothing is acknowledged: there is no delivered rate, response or service time.".to_owned(),
        );
    }
    lines.join("  \n") + "\n\n"
}

fn client_table(results: &[&TrialResult]) -> String {
    let right = |name| (name, Align::Right);
    let mut table = Table::new([
        ("trial", Align::Left),
        right("requests"),
        right("batches"),
        right("compression ratio"),
        right("time-outs"),
        right("transmit errors"),
        right("disconnects"),
        right("throttle time"),
        right("client full"),
        right("client CPU s per million records"),
        right("client CPU ms per MB"),
        right("sender CPU s per million records"),
        right("of it spinning"),
    ]);
    for result in results {
        let (statistics, window) = (&result.statistics, &result.window);
        let told = |of| optional(statistics.told(of), count);
        let ratio = statistics.record_bytes as f64 / statistics.wire_bytes as f64;
        let resolved = window.acknowledged + window.written_blind;
        let per_million = |ns: u64| (ns > 0 && resolved > 0).then(|| ns as f64 / 1e3 / resolved as f64);
        let spinning = (window.spin_ns as f64 / window.cpu.sender_ns as f64).min(1.0);
        let per_megabyte = (window.cpu.client_ns > 0 && window.acknowledged_bytes > 0)
            .then(|| window.cpu.client_ns as f64 / window.acknowledged_bytes as f64);
        table.row(vec![
            result.trial.to_string(),
            told(ClientCount::Requests),
            told(ClientCount::Batches),
            optional(
                (statistics.wire_bytes > 0 && statistics.record_bytes > 0).then_some(ratio),
                number,
            ),
            told(ClientCount::Timeouts),
            told(ClientCount::TransmitErrors),
            told(ClientCount::Disconnects),
            optional(statistics.told(ClientCount::ThrottleMs), |ms| {
                format!("{} ms", count(ms))
            }),
            plural(window.queue_full, "time"),
            optional(per_million(window.cpu.client_ns), number),
            optional(per_megabyte, number),
            optional(per_million(window.cpu.sender_ns), number),
            optional((window.cpu.sender_ns > 0).then_some(spinning), share),
        ]);
    }
    let mut text = table.without_absent_columns().render();
    text += "Compression ratio: bytes of records before compression ÷ bytes on the wire, headers of requests included, so \
             that it is below 1 without compression.";
    if !results.iter().all(|result| result.in_process()) {
        text += " Of a client in a driver, client CPU is that of the whole process.";
    }
    text + "\n\n"
}
