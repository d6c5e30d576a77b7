//! Doubts about a plan that can be told before anything runs.

use std::fmt;
use std::time::Duration;

use super::{Cell, Matrix, pitfalls};
use crate::design::Mode;
use crate::objective::{Figure, Goal};
use crate::pitfall::Pitfall;
use crate::plan::{Bootstrap, Origin, Plan, Wanted};
use crate::profile::{After, Segment};
use crate::trial::{Rate, Windows};
use crate::units::{format_bytes, format_duration};

/// What a comparison of cells wants (METHODOLOGY.md): with fewer no difference can be told from chance.
const ENOUGH_REPETITIONS: u32 = 6;

/// What the rules about a steady load want (METHODOLOGY.md, section 6): twenty one-second samples.
const JUDGED_WINDOW: Duration = Duration::from_secs(20);

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
        /// As planned, or as many as the budget holds.
        repetitions: u32,
        /// Whether it is the budget that leaves no more.
        by_budget: bool,
    },
    /// A measurement window too short to judge whether the load was steady.
    UnjudgedWindow {
        /// As planned.
        measure: Duration,
    },
    /// A wait for a steady load that has nothing to go by.
    SettleWithoutWarmUp,
    /// A quantile of the objective that a window has too few records for.
    FewRecords {
        /// The quantile.
        figure: Figure,
        /// Records that it needs.
        needed: u64,
        /// Records of the window with the fewest.
        records: u64,
    },
    /// A rate in the plan that no trial has.
    UnusedRate {
        /// Whether a search sets the rates; else two phases do.
        search: bool,
    },
    /// A capacity without a long confirmation.
    Unconfirmed,
    /// A profile of which trials see but a part.
    PartialProfile {
        /// Until when it changes, or its cycle.
        length: Duration,
        /// Whether it repeats.
        repeats: bool,
        /// What trials see of it: the window where it repeats, else warm-up and window.
        seen: Duration,
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
    /// A known way to go wrong.
    Pitfall(Pitfall),
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
            Self::FewRepetitions { repetitions, by_budget } => {
                if *by_budget {
                    write!(f, "design.budget holds {repetitions} repetitions")?;
                } else {
                    write!(f, "window.repetitions is {repetitions}")?;
                }
                write!(
                    f,
                    ": below {ENOUGH_REPETITIONS} no difference between cells can be told from chance, and the \
                     report names no winner; set it to {ENOUGH_REPETITIONS} or more"
                )
            }
            Self::UnjudgedWindow { measure } => write!(
                f,
                "window.measure is {}: whether the load was steady is judged on windows of {} or more",
                format_duration(*measure),
                format_duration(JUDGED_WINDOW)
            ),
            Self::SettleWithoutWarmUp => f.write_str(
                "window.settle with a warm-up of 0: clients would be judged while they are still connecting; set \
                 window.warm_up",
            ),
            Self::FewRecords {
                figure,
                needed,
                records,
            } => write!(
                f,
                "objective: {figure} needs {needed} records in a window, and a cell offers {records}: the objective \
                 cannot be told; lengthen window.measure or raise the rate"
            ),
            Self::UnusedRate { search } => write!(
                f,
                "workload.rate is not used: the rates are set by {}",
                if *search {
                    "[search]"
                } else {
                    "design.mode = \"two-phase\""
                }
            ),
            Self::Unconfirmed => f.write_str(
                "search.confirm is not set: half a minute measures the brokers' page cache, and the capacity will say \
                 so; set it to \"10m\" or more",
            ),
            Self::PartialProfile { length, repeats, seen } => {
                let (what, part) = if *repeats {
                    ("has a cycle of", "window.measure is")
                } else {
                    ("changes for", "warm-up and window take")
                };
                let (length, seen) = (format_duration(*length), format_duration(*seen));
                write!(
                    f,
                    "workload.profile {what} {length}, but {part} {seen}: trials see a part of it"
                )
            }
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
            Self::Pitfall(pitfall) => write!(f, "{pitfall}"),
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
    let repetitions = matrix.repetitions;
    if matrix.cells.len() > 1 && repetitions < ENOUGH_REPETITIONS && plan.search.is_none() {
        all.push(Warning::FewRepetitions {
            repetitions,
            by_budget: matrix.left_out.is_some() && plan.repetitions >= ENOUGH_REPETITIONS,
        });
    }
    all.extend(of_windows(plan));
    all.extend(of_objective(matrix, plan));
    let paced = plan.search.is_some() || plan.design.mode == Mode::TwoPhase;
    if paced && plan.origin("workload.rate") != Origin::File {
        all.push(Warning::UnusedRate {
            search: plan.search.is_some(),
        });
    }
    let real = matches!(plan.cluster.bootstrap, Bootstrap::Servers(_));
    if real && plan.search.as_ref().is_some_and(|search| search.confirm.is_none()) {
        all.push(Warning::Unconfirmed);
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

fn of_windows(plan: &Plan) -> Vec<Warning> {
    let mut all = Vec::new();
    let Windows { warm_up, measure, .. } = plan.windows;
    if measure < SHORT_WINDOW {
        all.push(Warning::ShortWindow { measure });
    }
    if measure < JUDGED_WINDOW {
        all.push(Warning::UnjudgedWindow { measure });
    }
    if !plan.settle.is_zero() && warm_up.is_zero() {
        all.push(Warning::SettleWithoutWarmUp);
    }
    if let Some(profile) = &plan.workload.profile {
        let repeats = profile.after() == After::Repeat;
        let segments = profile.segments();
        // A last segment at one rate is no change: what is held looks the same.
        let level = |segment: &&Segment| !repeats && segment.from_micro == segment.to_micro;
        let changing = segments.len() - usize::from(segments.last().as_ref().is_some_and(level));
        let length = segments[..changing].iter().map(|segment| segment.length_ns).sum();
        let length = Duration::from_nanos(length);
        let seen = if repeats { measure } else { warm_up + measure };
        if length > seen {
            all.push(Warning::PartialProfile { length, repeats, seen });
        }
    }
    all
}

/// Quantiles that are held against a value or compared, and have too few records: then no trial can answer. Of a search
/// the first rate counts.
fn of_objective(matrix: &Matrix, plan: &Plan) -> Vec<Warning> {
    let rates = matrix.cells.iter().filter_map(|cell| match cell.load.rate {
        Rate::Paced(rate) => Some(rate),
        Rate::Saturate => None,
    });
    let (Some(objective), Some(least)) = (&plan.objective, rates.min()) else {
        return Vec::new();
    };
    let records = (least.as_per_second() * plan.windows.measure.as_secs_f64()) as u64;
    let goal = objective
        .goal
        .map(|(Goal::Maximise(figure) | Goal::Minimise(figure))| figure);
    let conditions = objective.conditions.iter().map(|condition| condition.figure);
    let mut figures: Vec<Figure> = conditions.chain(goal).collect();
    figures.sort_unstable();
    figures.dedup();
    let needed = figures.into_iter().filter_map(|figure| Some((figure, needed(figure)?)));
    needed
        .filter(|(_, needed)| records < *needed)
        .map(|(figure, needed)| Warning::FewRecords {
            figure,
            needed,
            records,
        })
        .collect()
}

/// Records for which the upper 95 % bound of a quantile by order statistics exists (METHODOLOGY.md, section 8).
fn needed(figure: Figure) -> Option<u64> {
    match figure {
        Figure::ResponseP99 | Figure::ServiceP99 => Some(563),
        Figure::ResponseP999 | Figure::ServiceP999 => Some(5_662),
        Figure::ResponseP9999 => Some(56_647),
        _ => None,
    }
}

fn of_cell(cell: &Cell, plan: &Plan) -> Vec<Warning> {
    let mut all = Vec::new();
    let number = |property| {
        cell.text(property)
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
    all.extend(pitfalls::of_cell(cell, plan).into_iter().map(Warning::Pitfall));
    let (producers, replication) = (cell.load.producers, cell.topic.replication);
    let acks_all = matches!(cell.text("acks"), None | Some("all" | "-1"));
    // A mock keeps no replicas; every report made on one says so.
    let cluster = plan.cluster_named(cell.cluster.as_deref());
    if acks_all && matches!(cluster.bootstrap, Bootstrap::Servers(_)) {
        let settings = &cell.topic.settings;
        let wanted = settings.iter().find(|(name, _)| name == "min.insync.replicas");
        let wanted = wanted.and_then(|(_, value)| value.parse().ok()).unwrap_or(1);
        if wanted > replication {
            all.push(Warning::TooFewReplicas { wanted, replication });
        }
    }
    // Two phases take no latency from the closed loop.
    if cell.load.rate == Rate::Saturate && plan.design.mode == Mode::Direct {
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
        .filter(|batch| *batch < BATCH_SIZE && cell.client.client.is_librdkafka())
    {
        all.push(Warning::SmallBatch { batch });
    }
    let most = largest_taken(cell);
    let size = cell.load.record.size.greatest();
    if u64::from(size) > most {
        all.push(Warning::RecordTooLarge { size, most });
    }
    all
}

/// The largest record that the client of a cell takes, in bytes.
pub(super) fn largest_taken(cell: &Cell) -> u64 {
    let written = cell.text("message.max.bytes").and_then(|text| text.parse().ok());
    written.unwrap_or(MESSAGE_MAX_BYTES)
}
