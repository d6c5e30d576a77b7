//! Doubts in words.

use std::fmt;

use tribunal_model::ids::AgentName;
use tribunal_model::units::format_duration;

use super::Caveat;
use crate::check::meaning;
use crate::format::{count, first, list, plural};

/// What is said of records that idempotence rules out.
const PROMISED: &str = "With `enable.idempotence=true` there should be none: read the logs of brokers and clients.";
/// Agents that a sentence names; the others are in the table of agents.
const NAMED: usize = 20;

impl fmt::Display for Caveat {
    /// The doubt, its evidence, and the next thing to try.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beyond(check) => {
                let (means, try_this) = meaning(check.limit);
                let agent = check
                    .agent
                    .as_ref()
                    .map(|agent| format!(" on {agent}"))
                    .unwrap_or_default();
                write!(f, "{}{agent}: {means}: {}. {try_this}", check.limit, check.text())
            }
            Self::Overflow { count: latencies } => write!(
                f,
                "Latencies above an hour: {}. A distribution holds no more than that, so the slowest records have no \
                 figure; lower the rate or `message.timeout.ms`.",
                count(*latencies),
            ),
            Self::AuditLost { lost } => write!(
                f,
                "{} missing from the log by the broker's offsets. \
                 Compare `acks` and `min.insync.replicas`, and read the brokers' logs for a change of leader.",
                if *lost == 1 {
                    "1 acknowledged record is".to_owned()
                } else {
                    format!("{} acknowledged records are", count(*lost))
                },
            ),
            Self::AuditSurplus { surplus } => write!(
                f,
                "The log gained {} that no producer of the trial accounts for: duplicates or another writer. \
                 Try `enable.idempotence=true`, and make sure that nobody else writes to the topic.",
                plural(*surplus, "record"),
            ),
            Self::OffsetsRepeated { count: repeated } => write!(
                f,
                "Acknowledgements of an offset that another record had been told: {}. Each is a lost record: read the \
                 brokers' logs for a change of leader.",
                count(*repeated),
            ),
            Self::OffsetsOutside { count: outside } => write!(
                f,
                "Acknowledged records at offsets that the log does not show: {}. They are lost, or the topic was cut \
                 short: look at its retention and at changes of leader.",
                count(*outside),
            ),
            Self::ReadBackLost {
                lost,
                at_least,
                missing,
            } => write!(
                f,
                "Acknowledged records that are not in the logs, as consumers read them back: {}{}. They are lost: read the \
                 brokers' logs for a change of leader, and compare `acks` and `min.insync.replicas`. Not read back: {}.",
                if *at_least { "at least " } else { "" },
                count(*lost),
                few(missing),
            ),
            Self::ForeignRecords { count: foreign } => write!(
                f,
                "Records in the logs that no producer of the trial wrote: {}. Make sure that nobody else writes to the topic.",
                count(*foreign),
            ),
            Self::Duplicated {
                count: duplicated,
                idempotent,
            } => write!(
                f,
                "Records in the logs whose sequence another one has: {}. {}",
                count(*duplicated),
                if *idempotent {
                    PROMISED
                } else {
                    "Without idempotence a retry may write a record again: a finding. Try `enable.idempotence=true`."
                },
            ),
            Self::Reordered {
                count: reordered,
                idempotent,
            } => write!(
                f,
                "Records in the logs behind a later one of their producer and partition: {}. {}",
                count(*reordered),
                if *idempotent {
                    PROMISED
                } else {
                    "Without idempotence a retry may come behind what was sent after it: a finding. Try \
                     `enable.idempotence=true`, or one request in flight."
                },
            ),
            Self::NotReadBack { unread } => write!(
                f,
                "The read-back is not complete: {} in the logs {} not read before the consumers' time was up, and what is \
                 among them is not known. Lengthen `drain`, add `members` to `[consumers]`, or lower the rate.",
                plural(*unread, "record"),
                if *unread == 1 { "was" } else { "were" },
            ),
            Self::NotAudited { reason } => write!(
                f,
                "Records were not compared with the broker's offsets: {reason}. \
                 What was acknowledged rests on the client's word alone.",
            ),
            Self::IsrChanged { partitions } => write!(
                f,
                "Replicas fell out of sync, or came back, during the window: {}. \
                 Look at the brokers' disks and network, then repeat the trial.",
                few(partitions),
            ),
            Self::LeaderChanged { partitions } => write!(
                f,
                "Partitions changed their leader during the window: {}. \
                 Wait until the cluster has settled, then repeat the trial.",
                few(partitions),
            ),
            Self::Throttled { throttle_ms } => write!(
                f,
                "The brokers throttled the clients for {} ms, summed over requests: the numbers are those of a quota. \
                 Raise the quota of the clients' user or `client.id`, or lower the rate.",
                count(*throttle_ms),
            ),
            Self::SharedHost { agents } => write!(
                f,
                "{} a host with a broker or another agent: they compete for processors and memory. \
                 Give agents hosts of their own before quoting a number.",
                match agents.as_slice() {
                    [agent] => format!("{agent} shares"),
                    agents => format!("{} share", agents_named(agents)),
                },
            ),
            Self::MockBroker => f.write_str(
                "The broker is librdkafka's mock: it stores, replicates and syncs nothing, and says nothing about \
                 Kafka. Name a real cluster in `[cluster] bootstrap`.",
            ),
            Self::FatesUnbalanced { parts } => write!(
                f,
                "The records' fates do not sum to the schedule in {}: a defect of Tribunal or of the client. \
                 Keep the result file and report it.",
                list(
                    &parts
                        .iter()
                        .map(|part| part.name().replace('_', "-"))
                        .collect::<Vec<_>>()
                ),
            ),
            Self::MissingReports { count } => write!(
                f,
                "The client never said what became of {}, not even when it was purged: a defect. \
                 Keep the result file and report it.",
                plural(*count, "record"),
            ),
            Self::QueueBound => f.write_str(
                "Closed loop: latency is queue ÷ rate and is in no comparison. \
                 To compare latencies, offer all cells the same rate below the slowest one's.",
            ),
            Self::Failed { count, codes } => write!(
                f,
                "{} of the window failed: {}. Response time holds acknowledged records only.",
                plural(*count, "record"),
                few(&codes
                    .iter()
                    .map(|(code, n)| format!("{code} {}", crate::format::count(*n)))
                    .collect::<Vec<_>>()),
            ),
            Self::Censored { unresolved, unsent } => write!(
                f,
                "At the drain deadline {} of the window had no final word and the client had not taken {}: percentiles \
                 among them are lower bounds. Lengthen `drain`, or lower the rate.",
                plural(*unresolved, "sent record"),
                plural(*unsent, "intended send"),
            ),
            Self::Retries { retries, timeouts } => {
                let (sent, timed_out) = (plural(*retries, "record"), plural(*timeouts, "request"));
                // Of what is nought nothing is said: the client may not tell it.
                match (retries, timeouts) {
                    (_, 0) => write!(f, "The clients sent {sent} again")?,
                    (0, _) => write!(f, "{timed_out} of the clients timed out")?,
                    _ => write!(f, "The clients sent {sent} again and {timed_out} timed out")?,
                }
                f.write_str(": no failure does not mean no trouble. Look at the brokers' load and at the network.")
            }
            Self::NotSustained { growth, allowance } => write!(
                f,
                "The offered rate was not sustained: the backlog grew by {} over the window (allowed {}). \
                 A finding, not a defect; lower the rate to compare latencies.",
                plural((*growth).max(0) as u64, "record"),
                count(*allowance),
            ),
            Self::TooFewRecords {
                percentile,
                records,
                needed,
            } => write!(
                f,
                "{} in the window are too few for {percentile}, which needs {}. Lengthen the window or raise the rate.",
                plural(*records, "record"),
                count(*needed),
            ),
            Self::ShortWindow { measure } => write!(
                f,
                "The window is {} long: rare events cannot show, and no p99 is compared. Measure for 30s or more.",
                format_duration(*measure),
            ),
            Self::NotSteady { findings } => write!(
                f,
                "The load was not steady over the window: {} Lengthen `warm_up`, or let the plan wait with `settle`.",
                findings.join(" "),
            ),
            Self::NeverSettled { waited } => write!(
                f,
                "The load had not become steady after {}: the window was opened all the same. \
                 A finding: no steady state is known for this cell.",
                format_duration(*waited),
            ),
            Self::NotCalibrated { agents } => write!(
                f,
                "Not calibrated for such cells: {}. Nobody knows how near to the agents' own limits the trial ran; \
                 run `tribunal calibrate` with the plan.",
                agents_named(agents),
            ),
            Self::FewEpisodes { percentile, episodes } => write!(
                f,
                "{percentile} was made by {} of the window: one event may have made it. Lengthen the window before \
                 comparing it.",
                plural(*episodes, "one-second sample"),
            ),
            Self::EnvironmentChanged { changes } => write!(
                f,
                "The environment changed since the experiment began: {}. Compare with earlier trials with care.",
                few(changes),
            ),
            Self::NotSettled { reason } => write!(
                f,
                "The cluster had not settled when the trial began: {reason}. Lengthen `settle` in `[design]`.",
            ),
            Self::OtherMeaning { client, properties } => {
                let each: Vec<String> = (properties.iter())
                    .map(|(name, meaning)| format!("`{name}`: {meaning}"))
                    .collect();
                write!(
                    f,
                    "Equal words that are not equal settings: to {client}, {}. Compare the effective configurations of the \
                     clients before their figures.",
                    each.join("; "),
                )
            }
            Self::OtherLibrdkafka { client, theirs, ours } => write!(
                f,
                "{client} is librdkafka {theirs} beneath, the agents are librdkafka {ours}: a difference between the two may \
                 be one of versions and not of languages. Compare at one version of librdkafka.",
            ),
            Self::TakesTurns { client } => write!(
                f,
                "{client}'s threads and the one that sends take turns under one interpreter's lock, as in any application: \
                 late sends are the client's doing, stand in the response time, and void nothing. Whether the host held them \
                 up is read off `run_queue` and `hiccup`.",
            ),
            Self::LimitsLoosened { limits } => write!(
                f,
                "Judged by limits of validity looser than the default: {}. Remove them from `[limits]` for a result to \
                 be quoted.",
                few(limits),
            ),
        }
    }
}

/// The first items of a list that may be long.
fn few(items: &[String]) -> String {
    const SHOWN: usize = 5;
    match items.len() {
        0..=SHOWN => items.join("; "),
        more => format!(
            "{}; and {} more",
            items[..SHOWN].join("; "),
            count((more - SHOWN) as u64)
        ),
    }
}

fn agents_named(agents: &[AgentName]) -> String {
    first(&agents.iter().map(AgentName::as_str).collect::<Vec<_>>(), NAMED)
}
