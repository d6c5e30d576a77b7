//! Whether a trial's numbers may be believed, and what limited them.

use std::collections::BTreeMap;

use tribunal_model::client;
use tribunal_model::ids::AgentName;
use tribunal_model::limits::{Limit, Limits, Severity};
use tribunal_model::trial::{Part, Rate, Trial};
use tribunal_report::audit::{Audit, Level, ReadBackAudit};
use tribunal_report::caveat::{BoundBy, Caveat, Verdict};
use tribunal_report::check::Check;
use tribunal_report::eligibility::{Rank, needed};
use tribunal_report::result::Rates;
use tribunal_stats::Tally;
use tribunal_stats::facts::{DriverFacts, ProducerFacts};
use tribunal_stats::steady::Assessment;

use crate::merge::Merged;

mod checks;

/// A share of the window for which senders may have waited for a full client before that limits the trial.
const BLOCKED: f64 = 0.05;
/// A client thread this busy in some second is at its end.
const BUSY: f64 = 0.9;
/// A client that holds less than this of the offered load has a small buffer.
const BUFFER_SECONDS: f64 = 0.2;
/// The most service time that excuses a growth of the backlog, in seconds: one stall at an edge of the window.
///
/// Service time holds the wait in the client's queue, so under overload it grows with the very backlog that it would
/// excuse: without this bound a trial that delivered 609 of 2,000 records a second, at a p99 of 14 s, counted as sustained.
const EDGE_SECONDS: f64 = 0.5;
/// A window shorter than this cannot show rare events.
pub(crate) const SHORT_WINDOW: std::time::Duration = std::time::Duration::from_secs(10);

/// Everything that a verdict is given on.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) trial: &'a Trial,
    pub(crate) limits: &'a Limits,
    pub(crate) merged: &'a Merged,
    pub(crate) audit: &'a Audit,
    /// Why nothing was audited, where nothing was.
    pub(crate) not_audited: Option<String>,
    pub(crate) producers: Vec<&'a ProducerFacts>,
    pub(crate) shared_hosts: Vec<AgentName>,
    pub(crate) mock: bool,
    /// Partitions whose replicas in sync changed between ready and t2.
    pub(crate) isr_changes: Vec<String>,
    /// Partitions whose leader changed.
    pub(crate) leader_changes: Vec<String>,
    /// The agents' shares of the offered rate over what they managed against a null sink; calibrated ones only.
    pub(crate) of_ceiling: BTreeMap<AgentName, f64>,
    /// Whether the load was steady over the window.
    pub(crate) steady: &'a Assessment,
    /// How long t1 was put off in vain.
    pub(crate) never_settled: Option<std::time::Duration>,
    /// What is not as it was when the experiment began.
    pub(crate) environment: Vec<String>,
    /// Why the cluster had not settled when the trial began.
    pub(crate) not_settled: Option<String>,
}

/// A verdict with what it rests on.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) rates: Rates,
    pub(crate) checks: Vec<Check>,
}

/// Gives the verdict, with the rates and the readings that it rests on.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Judgement {
    let empty = Tally::default();
    let measured = evidence.merged.tallies.get(Part::Window).unwrap_or(&empty);
    let (rates, growth, allowance) = rates(evidence, measured);
    let checks = checks::checks(evidence, measured);
    let mut caveats = trust(evidence);
    caveats.extend(beyond(&checks));
    let bound_by = void_by(&checks).unwrap_or_else(|| bound_by(evidence, measured, &rates));
    if rates.sustained == Some(false) {
        caveats.push(Caveat::NotSustained { growth, allowance });
    }
    caveats.extend(findings(evidence, measured));
    caveats.sort_by_key(|caveat| !caveat.invalidates());
    let verdict = Verdict { bound_by, caveats };
    Judgement { verdict, rates, checks }
}

/// What is not equal between the client library and librdkafka in the agents, although a plan's words are.
fn of_client(evidence: &Evidence<'_>) -> Vec<Caveat> {
    let client = &evidence.trial.client.client;
    let set: Vec<(String, String)> = (evidence.trial.properties.iter())
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect();
    let mut caveats = Vec::new();
    let properties = client::differences(client, &set);
    if !properties.is_empty() {
        caveats.push(Caveat::OtherMeaning {
            client: client.name(),
            properties: properties
                .into_iter()
                .map(|(name, meaning)| (name, meaning.to_owned()))
                .collect(),
        });
    }
    if takes_turns(evidence) {
        caveats.push(Caveat::TakesTurns { client: client.name() });
    }
    let driver = driver(evidence);
    let ours = tribunal_kafka::versions().librdkafka;
    let theirs = driver.and_then(|driver| driver.library.strip_prefix("librdkafka "));
    if let Some(theirs) = theirs.filter(|theirs| client.is_librdkafka() && *theirs != ours) {
        caveats.push(Caveat::OtherLibrdkafka {
            client: client.name(),
            theirs: theirs.to_owned(),
            ours,
        });
    }
    caveats
}

/// The driver that ran the clients.
fn driver<'a>(evidence: &Evidence<'a>) -> Option<&'a DriverFacts> {
    evidence
        .producers
        .iter()
        .find_map(|producer| producer.driver.as_deref())
}

/// Whether senders wait for their clients' threads.
pub(crate) fn takes_turns(evidence: &Evidence<'_>) -> bool {
    driver(evidence).is_some_and(DriverFacts::takes_turns)
}

/// The readings beyond their limits; of several agents' the worst.
fn beyond(checks: &[Check]) -> impl Iterator<Item = Caveat> {
    let worst = |limit: Limit| {
        let of_limit = checks.iter().filter(move |check| check.limit == limit);
        // Of equals the last one is taken: an agent that can be named.
        of_limit.max_by(|a, b| a.value.total_cmp(&b.value))
    };
    Limit::ALL
        .into_iter()
        .filter_map(worst)
        .filter(|check| check.severity().is_some())
        .cloned()
        .map(Caveat::Beyond)
}

/// Harness or host, where a reading voids the trial because they were the limit.
fn void_by(checks: &[Check]) -> Option<BoundBy> {
    let void = |limits: &[Limit]| {
        checks
            .iter()
            .any(|check| limits.contains(&check.limit) && check.severity() == Some(Severity::Void))
    };
    if void(&[Limit::Steal, Limit::CpuQuota, Limit::CgroupThrottled]) {
        Some(BoundBy::Host)
    } else if void(&[
        Limit::ScheduleDelayP99,
        Limit::LateSends,
        Limit::Hiccup,
        Limit::RunQueue,
        Limit::ReportLag,
    ]) {
        Some(BoundBy::Harness)
    } else {
        None
    }
}

/// Rates over the window, and the growth of the backlog with what is allowed (METHODOLOGY.md, section 1).
fn rates(evidence: &Evidence<'_>, measured: &Tally) -> (Rates, i64, u64) {
    let seconds = evidence.trial.windows.measure.as_secs_f64();
    let window = &evidence.merged.window;
    let blind = blind(evidence);
    let paced = matches!(evidence.trial.load.rate, Rate::Paced(_));
    let offered = measured.fates.scheduled as f64 / seconds;
    let linger = effective(evidence, "linger.ms").unwrap_or(0.0) / 1e3;
    let service_p99 = measured.service.quantile(0.99).unwrap_or_default().as_secs_f64();
    let scheduled = measured.fates.scheduled as f64;
    let allowance = 0.01 * scheduled + offered * (linger + service_p99.min(EDGE_SECONDS));
    let growth = evidence.merged.backlog.growth();
    let rates = Rates {
        offered: paced.then_some(offered),
        delivered: (!blind).then(|| window.acknowledged as f64 / seconds),
        delivered_bytes: (!blind).then(|| window.acknowledged_bytes as f64 / seconds),
        socket_writes: blind.then(|| window.written_blind as f64 / seconds),
        sustained: (paced && !blind).then_some(growth as f64 <= allowance),
    };
    (rates, growth, allowance as u64)
}

/// Doubts about the numbers that no limit in a plan can loosen.
fn trust(evidence: &Evidence<'_>) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    let overflow: u64 = evidence.merged.tallies.iter().map(|(_, tally)| tally.overflow()).sum();
    if overflow > 0 {
        caveats.push(Caveat::Overflow { count: overflow });
    }
    let parts = evidence.merged.tallies.unbalanced();
    if !parts.is_empty() {
        caveats.push(Caveat::FatesUnbalanced { parts });
    }
    let missing: u64 = evidence
        .merged
        .agents
        .values()
        .map(|kept| kept.run.missing_reports)
        .sum();
    if missing > 0 {
        caveats.push(Caveat::MissingReports { count: missing });
    }
    if matches!(evidence.audit.level, Level::Count | Level::Offsets | Level::ReadBack) {
        let (lost, surplus) = (evidence.audit.lost(), evidence.audit.unaccounted());
        if lost > 0 {
            caveats.push(Caveat::AuditLost { lost });
        }
        if surplus > 0 {
            caveats.push(Caveat::AuditSurplus { surplus });
        }
        let (repeated, outside) = (evidence.audit.repeated(), evidence.audit.outside());
        if repeated > 0 {
            caveats.push(Caveat::OffsetsRepeated { count: repeated });
        }
        if outside > 0 {
            caveats.push(Caveat::OffsetsOutside { count: outside });
        }
    }
    let surplus = evidence.audit.unaccounted();
    if evidence.audit.level == Level::CountUnacknowledged && surplus > 0 {
        caveats.push(Caveat::AuditSurplus { surplus });
    }
    caveats.extend(evidence.audit.read_back.iter().flat_map(missing_or_foreign));
    if let Some(reason) = &evidence.not_audited {
        caveats.push(Caveat::NotAudited { reason: reason.clone() });
    }
    caveats
}

/// Records that were read back and are nobody's, and those that should have been there.
fn missing_or_foreign(read: &ReadBackAudit) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    if read.lost() > 0 {
        caveats.push(Caveat::ReadBackLost {
            lost: read.lost(),
            at_least: !read.complete(),
            missing: read.missing(),
        });
    }
    if read.count.foreign > 0 {
        caveats.push(Caveat::ForeignRecords {
            count: read.count.foreign,
        });
    }
    caveats
}

/// What else the read-back found: records that retries write twice or out of order, and how far it came.
fn read_back(evidence: &Evidence<'_>, read: &ReadBackAudit) -> Vec<Caveat> {
    let idempotent = idempotent(evidence);
    let mut caveats = Vec::new();
    if read.count.duplicated > 0 {
        caveats.push(Caveat::Duplicated {
            count: read.count.duplicated,
            idempotent,
        });
    }
    if read.count.reordered > 0 {
        caveats.push(Caveat::Reordered {
            count: read.count.reordered,
            idempotent,
        });
    }
    if !read.complete() {
        caveats.push(Caveat::NotReadBack { unread: read.unread });
    }
    caveats
}

/// What the trial found, and what its reader has to know; none of it makes the trial invalid.
fn findings(evidence: &Evidence<'_>, measured: &Tally) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    let statistics = &evidence.merged.statistics;
    if evidence.mock {
        caveats.push(Caveat::MockBroker);
    }
    if !evidence.shared_hosts.is_empty() {
        caveats.push(Caveat::SharedHost {
            agents: evidence.shared_hosts.clone(),
        });
    }
    if statistics.throttle_ms > 0 {
        caveats.push(Caveat::Throttled {
            throttle_ms: statistics.throttle_ms,
        });
    }
    if !evidence.isr_changes.is_empty() {
        caveats.push(Caveat::IsrChanged {
            partitions: evidence.isr_changes.clone(),
        });
    }
    if !evidence.leader_changes.is_empty() {
        caveats.push(Caveat::LeaderChanged {
            partitions: evidence.leader_changes.clone(),
        });
    }
    if measured.failed() > 0 {
        let codes = measured
            .failed
            .iter()
            .map(|(code, failed)| (code.clone(), failed.count()))
            .collect();
        caveats.push(Caveat::Failed {
            count: measured.failed(),
            codes,
        });
    }
    if measured.fates.unresolved + measured.fates.unsent > 0 {
        caveats.push(Caveat::Censored {
            unresolved: measured.fates.unresolved,
            unsent: measured.fates.unsent,
        });
    }
    if statistics.retries + statistics.timeouts > 0 {
        caveats.push(Caveat::Retries {
            retries: statistics.retries,
            timeouts: statistics.timeouts,
        });
    }
    if evidence.trial.load.rate == Rate::Saturate {
        caveats.push(Caveat::QueueBound);
    }
    if evidence.trial.windows.measure < SHORT_WINDOW {
        caveats.push(Caveat::ShortWindow {
            measure: evidence.trial.windows.measure,
        });
    }
    let records = measured.response.count();
    if !blind(evidence) {
        for rank in [Rank::P99, Rank::P999] {
            let needed = needed(rank.share());
            if records < needed {
                caveats.push(Caveat::TooFewRecords {
                    percentile: rank.name().to_owned(),
                    records,
                    needed,
                });
                break;
            }
        }
    }
    let findings: Vec<String> = evidence.steady.findings().iter().map(ToString::to_string).collect();
    if !findings.is_empty() {
        caveats.push(Caveat::NotSteady { findings });
    }
    if let Some(waited) = evidence.never_settled {
        caveats.push(Caveat::NeverSettled { waited });
    }
    let paced = matches!(evidence.trial.load.rate, Rate::Paced(_));
    let uncalibrated: Vec<AgentName> = evidence
        .merged
        .agents
        .keys()
        .filter(|agent| paced && !evidence.of_ceiling.contains_key(agent))
        .cloned()
        .collect();
    if !uncalibrated.is_empty() {
        caveats.push(Caveat::NotCalibrated { agents: uncalibrated });
    }
    if !evidence.environment.is_empty() {
        caveats.push(Caveat::EnvironmentChanged {
            changes: evidence.environment.clone(),
        });
    }
    if let Some(reason) = &evidence.not_settled {
        caveats.push(Caveat::NotSettled { reason: reason.clone() });
    }
    let loosened = evidence.limits.loosened();
    if !loosened.is_empty() {
        caveats.push(Caveat::LimitsLoosened { limits: loosened });
    }
    caveats.extend(
        evidence
            .audit
            .read_back
            .iter()
            .flat_map(|read| read_back(evidence, read)),
    );
    caveats.extend(of_client(evidence));
    caveats
}

/// What limited a trial whose instruments are sound.
fn bound_by(evidence: &Evidence<'_>, measured: &Tally, rates: &Rates) -> BoundBy {
    let merged = evidence.merged;
    let senders = f64::from(evidence.trial.load.producers);
    let window_ns = evidence.trial.windows.measure.as_nanos() as f64;
    let blocked = merged.window.blocked_ns as f64 > BLOCKED * senders * window_ns;
    let held_back = rates.sustained == Some(false) || rates.offered.is_none() || blocked || measured.fates.shed > 0;
    if !held_back {
        return BoundBy::Offered;
    }
    if merged.statistics.throttle_ms > 0 {
        return BoundBy::Throttle;
    }
    let busy = merged.window.cpu.client_busiest_ns as f64 > BUSY * 1e9;
    if busy || evidence.trial.client.poll_interval().is_some() {
        return BoundBy::Client;
    }
    let room = effective(evidence, "queue.buffering.max.messages").unwrap_or(f64::INFINITY);
    let small = rates
        .offered
        .is_some_and(|offered| room * senders < offered * BUFFER_SECONDS);
    if blocked && small {
        BoundBy::Buffer
    } else {
        BoundBy::Broker
    }
}

/// Whether the clients work with `acks=0`, as they say themselves: by what they counted, whatever they call the property,
/// or by its name where nothing was written.
pub(crate) fn blind(evidence: &Evidence<'_>) -> bool {
    evidence.merged.window.written_blind > 0 || effective(evidence, "acks") == Some(0.0)
}

/// Whether all live clients are idempotent, as they say themselves.
fn idempotent(evidence: &Evidence<'_>) -> bool {
    let client = &evidence.trial.client.client;
    let own = |producer: &&ProducerFacts| {
        client::reported(client, &producer.configuration, "enable.idempotence").is_some_and(|value| value == "true")
    };
    !evidence.producers.is_empty() && evidence.producers.iter().all(own)
}

/// The greatest value of a numeric property over the live clients.
fn effective(evidence: &Evidence<'_>, name: &str) -> Option<f64> {
    let client = &evidence.trial.client.client;
    let told = evidence.producers.iter();
    told.filter_map(|producer| {
        client::reported(client, &producer.configuration, name)?
            .parse::<f64>()
            .ok()
    })
    .max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests;
