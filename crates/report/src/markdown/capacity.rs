//! Capacity searches: what was found, and response time against load.

use tribunal_model::design::Purpose;
use tribunal_stats::search::{Answer, UpDownGap};

use crate::eligibility::{Percentile, Rank};
use crate::experiment::ExperimentReport;
use crate::format::{ABSENT, optional, percentile, plural, rate, share};
use crate::result::TrialResult;
use crate::search::{SearchOutcome, verdict};

use super::cells::{Align, Table, code, escape, prose};

/// The answer and the curve of each search.
pub(super) fn searches(report: &ExperimentReport) -> String {
    if report.searches.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "### Capacity\n\nThe largest offered rate that meets the objective, as an interval between two rates that were \
         probed: the highest that passed and the lowest that failed. No rate between them is known to do either.\n\n",
    );
    let mut table = Table::of(&["cell", "capacity", "confirmed", "most delivered", "up/down gap"]);
    for search in &report.searches {
        table.row(answer(search));
    }
    text += &table.render();
    if report.searches.iter().any(|search| search.page_cache_only) {
        text += "*Page cache only*: confirmed for less than it takes to reach the brokers' disks; no lasting capacity is \
                 claimed. Write `confirm = \"10m\"` in `[search]`.\n\n";
    }
    text += "Most delivered: the highest delivered rate of all valid probes, whatever the objective says of them. Up/down \
             gap: how far the rate had to fall below the confirmed one before it passed again, right after an overload.\n\n";
    for search in &report.searches {
        text += &curve(report, search);
    }
    text
}

fn answer(search: &SearchOutcome) -> Vec<String> {
    let mut row = vec![code(&search.cell_text())];
    let known = |value: Option<f64>| optional(value, rate);
    let (interval, confirmed, most, gap) = match &search.answer {
        None => ("not over".to_owned(), None, None, None),
        Some(Answer::Capacity {
            confirmed_pass,
            failed,
            confirmations,
            up_down_gap,
            max_delivered,
        }) => (
            match failed {
                Some(failed) => format!("[{} PASS, {} FAIL]", rate(*confirmed_pass), rate(*failed)),
                None => format!(
                    "at least {} (the highest rate allowed; no FAIL was seen)",
                    rate(*confirmed_pass)
                ),
            },
            Some(plural(u64::from(*confirmations), "trial")),
            *max_delivered,
            up_down_gap.as_ref().map(down),
        ),
        Some(Answer::GeneratorLimited {
            above,
            last_pass,
            reason,
        }) => (
            format!(
                "**no valid probe** at {}, so nothing is known of the cluster from there on; last \
                 PASS, not confirmed: {}. {}",
                rate(*above),
                known(*last_pass),
                prose(reason)
            ),
            None,
            None,
            None,
        ),
        Some(Answer::NoneMeets { lowest_failed }) => {
            (format!("none: even {} FAILs", rate(*lowest_failed)), None, None, None)
        }
        Some(Answer::NotFound { reason, passed, failed }) => (
            format!(
                "not found: {reason}; highest PASS {}, lowest FAIL {}, neither confirmed",
                known(*passed),
                known(*failed)
            ),
            None,
            None,
            None,
        ),
    };
    let cache = if search.page_cache_only && search.answer.is_some() {
        " *page cache only*"
    } else {
        ""
    };
    row.extend([
        interval + cache,
        confirmed.unwrap_or_else(|| ABSENT.to_owned()),
        known(most),
        gap.unwrap_or_else(|| ABSENT.to_owned()),
    ]);
    row
}

fn down(gap: &UpDownGap) -> String {
    match (gap.passed, gap.failed) {
        (Some(_), None) => "none: it passed at once".to_owned(),
        (Some(passed), Some(_)) => format!("{}: it passed again at {}", share(gap.share), rate(passed)),
        (None, _) => format!("at least {}: nothing passed on the way down", share(gap.share)),
    }
}

/// The probes of one cell by offered rate; those on the way down apart, for they show a cluster after an overload.
fn curve(report: &ExperimentReport, search: &SearchOutcome) -> String {
    let probes = report
        .results
        .iter()
        .filter(|r| r.cell == search.cell && matches!(r.purpose, Purpose::Probe(_)));
    let is_down = |r: &&TrialResult| r.purpose == Purpose::Probe(tribunal_stats::search::Purpose::Down.to_string());
    let (down, mut up): (Vec<&TrialResult>, Vec<&TrialResult>) = probes.partition(is_down);
    let offered = |r: &TrialResult| r.rates.offered.or(r.workload.rate).unwrap_or(0.0);
    up.sort_by(|a, b| offered(a).total_cmp(&offered(b)));
    let mut table = Table::new([
        ("offered", Align::Right),
        ("delivered", Align::Right),
        ("response p50", Align::Right),
        ("response p99", Align::Right),
        ("verdict", Align::Left),
        ("bound by", Align::Left),
        ("trial", Align::Left),
        ("for", Align::Left),
    ]);
    for result in up.iter().chain(&down) {
        table.row(vec![
            rate(offered(result)),
            optional(result.rates.delivered, rate),
            percentile(&Percentile::response(result, Rank::P50)),
            percentile(&Percentile::response(result, Rank::P99)),
            verdict(result).name().to_owned(),
            result.verdict.bound_by.to_string(),
            result.trial.to_string(),
            escape(&result.purpose.to_string()),
        ]);
    }
    if up.is_empty() && down.is_empty() {
        return String::new();
    }
    format!(
        "Response time against load, {}; probes on the way down stand last:\n\n",
        code(&search.cell_text())
    ) + &table.folded("probes")
}
