//! Doubts about a plan that can be told before anything runs.

use std::fmt;
use std::time::Duration;

use super::{Cell, Matrix, text};
use crate::plan::{Bootstrap, Plan, Wanted};
use crate::trial::{Rate, Windows};
use crate::units::{format_bytes, format_duration};

/// What a comparison of cells wants (METHODOLOGY.md): with fewer no difference can be told from chance.
const ENOUGH_REPETITIONS: u32 = 6;

/// Below this a tail quantile rests on single events.
const SHORT_WINDOW: Duration = Duration::from_secs(10);

/// librdkafka's default of `batch.size`, in uncompressed bytes.
const BATCH_SIZE: u64 = 1_000_000;

/// librdkafka's default of `message.max.bytes`.
const MESSAGE_MAX_BYTES: u64 = 1_000_000;

/// Something in a plan that its author should think about; it stops nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    /// Too few repetitions to compare cells.
    FewRepetitions {
        /// As planned.
        repetitions: u32,
    },
    /// A measurement window too short for tail quantiles.
    ShortWindow {
        /// As planned.
        measure: Duration,
    },
    /// Records may be given up later than the drain ends.
    TimeoutBeyondDrain {
        /// `message.timeout.ms`; zero never ends.
        timeout: Duration,
        /// As planned, with the least wait.
        wait: Duration,
    },
    /// Records may be held back longer than the drain.
    LingerBeyondDrain {
        /// `linger.ms`.
        linger: Duration,
        /// As planned.
        drain: Duration,
    },
    /// Several producers share the one partition there is.
    OnePartition {
        /// Producers of the cell.
        producers: u32,
    },
    /// `acks` waits for replicas that do not exist.
    AcksWithoutReplicas,
    /// A topic setting asks for more replicas than there are.
    TooFewReplicas {
        /// `min.insync.replicas`.
        wanted: u32,
        /// Replicas of the cell.
        replication: u32,
    },
    /// A closed loop measures its own queue.
    QueueBound,
    /// Some agents have nothing to do.
    IdleAgents {
        /// Producers of the cell.
        producers: u32,
        /// Agents wanted.
        agents: u32,
    },
    /// A batch size from another client's world.
    SmallBatch {
        /// `batch.size`.
        batch: u64,
    },
    /// Records that the client will refuse.
    RecordTooLarge {
        /// Greatest size of a record's value.
        size: u32,
        /// `message.max.bytes`.
        most: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewRepetitions { repetitions } => write!(
                f,
                "window.repetitions is {repetitions}: below {ENOUGH_REPETITIONS} no difference between cells can be \
                 told from chance, and the report names no winner; set it to {ENOUGH_REPETITIONS} or more"
            ),
            Self::ShortWindow { measure } => write!(
                f,
                "window.measure is {}: in a short window p99 and above rest on single events; {} or more is better",
                format_duration(*measure),
                format_duration(SHORT_WINDOW)
            ),
            Self::TimeoutBeyondDrain { timeout, wait } if timeout.is_zero() => write!(
                f,
                "message.timeout.ms is 0: a record that never gets through stays unresolved after {}",
                format_duration(*wait)
            ),
            Self::TimeoutBeyondDrain { timeout, wait } => write!(
                f,
                "message.timeout.ms is {}, but records are awaited for {} only: some may stay unresolved; \
                 lengthen window.drain or shorten the time-out",
                format_duration(*timeout),
                format_duration(*wait)
            ),
            Self::LingerBeyondDrain { linger, drain } => write!(
                f,
                "linger.ms is {}, longer than window.drain ({}): the window's last records may be cut off",
                format_duration(*linger),
                format_duration(*drain)
            ),
            Self::OnePartition { producers } => write!(
                f,
                "{producers} producers share 1 partition: one broker and one log take everything, which hides what \
                 more producers could do"
            ),
            Self::AcksWithoutReplicas => f.write_str(
                "acks=all with topic.replication 1 waits for nobody but the leader: it costs and protects no more \
                 than acks=1",
            ),
            Self::TooFewReplicas { wanted, replication } => write!(
                f,
                "min.insync.replicas is {wanted} with topic.replication {replication}: acks=all will be refused"
            ),
            Self::QueueBound => f.write_str(
                "rate \"saturate\": latencies are the client's queue divided by the rate; they are marked queue-bound \
                 and not ranked; compare latencies at a fixed rate",
            ),
            Self::IdleAgents { producers, agents } => {
                write!(
                    f,
                    "{producers} producers for {agents} agents: an agent without a producer does nothing"
                )
            }
            Self::SmallBatch { batch } => write!(
                f,
                "batch.size {batch} is below librdkafka's default of {BATCH_SIZE}: it makes batches smaller; advice \
                 to raise it to such a value is for the Java client, whose default is 16384"
            ),
            Self::RecordTooLarge { size, most } => write!(
                f,
                "records of up to {} are larger than message.max.bytes ({most}): the client will refuse them; raise \
                 it, and the topic's max.message.bytes",
                format_bytes(u64::from(*size))
            ),
        }
    }
}

/// The warnings of a matrix, those of the whole plan first.
pub(super) fn of(matrix: &Matrix, plan: &Plan) -> Vec<Warning> {
    let mut all = Vec::new();
    if matrix.cells.len() > 1 && plan.repetitions < ENOUGH_REPETITIONS {
        all.push(Warning::FewRepetitions {
            repetitions: plan.repetitions,
        });
    }
    if plan.windows.measure < SHORT_WINDOW {
        all.push(Warning::ShortWindow {
            measure: plan.windows.measure,
        });
    }
    for cell in &matrix.cells {
        for warning in of_cell(cell, plan) {
            if !all.contains(&warning) {
                all.push(warning);
            }
        }
    }
    all
}

fn of_cell(cell: &Cell, plan: &Plan) -> Vec<Warning> {
    let mut all = Vec::new();
    let number = |property| {
        text(cell, property)
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|n| *n >= 0.0)
    };
    let milliseconds = |property| number(property).and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok());
    let drain = cell.windows.drain;
    let wait = drain.max(Windows::LEAST_WAIT);
    if let Some(timeout) = milliseconds("message.timeout.ms").filter(|timeout| timeout.is_zero() || *timeout > wait) {
        all.push(Warning::TimeoutBeyondDrain { timeout, wait });
    }
    if let Some(linger) = milliseconds("linger.ms").filter(|linger| *linger > drain) {
        all.push(Warning::LingerBeyondDrain { linger, drain });
    }
    let (producers, replication) = (cell.load.producers, cell.topic.replication);
    if producers > 1 && cell.topic.partitions == 1 && cell.topic.count == 1 {
        all.push(Warning::OnePartition { producers });
    }
    let acks_all = matches!(text(cell, "acks"), None | Some("all" | "-1"));
    // A mock keeps no replicas; every report made on one says so.
    if acks_all && matches!(plan.cluster.bootstrap, Bootstrap::Servers(_)) {
        let settings = &cell.topic.settings;
        let wanted = settings.iter().find(|(name, _)| name == "min.insync.replicas");
        let wanted = wanted.and_then(|(_, value)| value.parse().ok()).unwrap_or(1);
        if wanted > replication {
            all.push(Warning::TooFewReplicas { wanted, replication });
        } else if replication == 1 {
            all.push(Warning::AcksWithoutReplicas);
        }
    }
    if cell.load.rate == Rate::Saturate {
        all.push(Warning::QueueBound);
    }
    let agents = match &plan.agents.wanted {
        Wanted::Count(count) => *count,
        Wanted::Named(names) => names.len() as u32,
        Wanted::Connected => 0,
    };
    if producers < agents {
        all.push(Warning::IdleAgents { producers, agents });
    }
    if let Some(batch) = number("batch.size")
        .map(|batch| batch as u64)
        .filter(|batch| *batch < BATCH_SIZE)
    {
        all.push(Warning::SmallBatch { batch });
    }
    let most = number("message.max.bytes").map_or(MESSAGE_MAX_BYTES, |most| most as u64);
    let size = cell.load.record.size.greatest();
    if u64::from(size) > most {
        all.push(Warning::RecordTooLarge { size, most });
    }
    all
}
