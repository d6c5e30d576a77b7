//! What this agent manages against a null sink: how fast its producers can be, and how well they keep a schedule.
//!
//! The producers of a trial run twice, by this agent alone. First in a closed loop, for the *ceiling*: a rate above 70 %
//! of it would measure the agent. Then at that share of it with the trial's arrivals, for what the pacer is worth. The
//! records, the codec and all other properties are the trial's, apart from those of security: the sink has none, so what
//! TLS costs is not in the figures.

mod sink;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use tribunal_driver::Programs;
use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::event::{Ended, Event};
use tribunal_kafka::mock::child;
use tribunal_model::ids::AgentName;
use tribunal_model::properties::Properties;
use tribunal_model::trial::{Part, Rate, RecordRate, Trial, Windows, nanoseconds};
use tribunal_stats::Sample;
use tribunal_stats::facts::Calibration;

use crate::host;
use crate::load::{self, Prepared};
use crate::prepare::Work;

use sink::Sink;
pub use sink::{Known, NullSink};

/// The share of the ceiling at which the pacer is checked, and above which a cell would measure the agent.
pub const SHARE: f64 = 0.7;
/// The closed loop: long enough for the client's queue to fill.
const CLOSED: Windows = Windows {
    warm_up: Duration::from_secs(2),
    measure: Duration::from_secs(4),
    drain: Duration::from_secs(5),
};
/// The open loop.
const PACED: Windows = Windows {
    warm_up: Duration::from_secs(1),
    measure: Duration::from_secs(3),
    drain: Duration::from_secs(5),
};
/// The same of a client that is not librdkafka: a JVM that compiles meanwhile sends little at first, and makes up for it with
/// the rest of its ceiling before the window.
const COMPILES: Duration = Duration::from_secs(4);
/// How far ahead t0 is.
const AHEAD: Duration = Duration::from_millis(100);
/// How often a wish to stop is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Properties beginning so are about security.
const SECURITY: [&str; 5] = ["security.", "sasl.", "ssl.", "enable.ssl.", "enable.sasl."];

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No producer of the trial runs here.
    #[error("no producer to calibrate")]
    NoProducer,
    /// This program does not find itself, to start the sink.
    #[error("this program does not find itself")]
    Program(#[source] std::io::Error),
    /// There is no known broker.
    #[error("the known broker does not start: {0}")]
    Known(String),
    /// There is no sink.
    #[error(transparent)]
    Sink(#[from] child::Error),
    /// The sink makes no topic.
    #[error("{0}")]
    Topic(String),
    /// The clients cannot be made.
    #[error("{0}")]
    Prepare(String),
    /// The load was given up.
    #[error("the load was given up: {0}")]
    GivenUp(String),
    /// Nothing was delivered.
    #[error("nothing was delivered to {sink}")]
    Nothing {
        /// The sink.
        sink: String,
    },
}

/// Calibrates the given producers of a trial as agent `name`, on a mock cluster in a process of its own, made by calling
/// this very program. Takes about 12 s, and 15 with another library than librdkafka.
pub fn calibrate(
    trial: &Trial,
    producers: &[u32],
    name: &AgentName,
    programs: &Programs,
) -> Result<Calibration, Error> {
    until_stopped(trial, producers, name, programs, &AtomicBool::new(false))
}

/// As [`calibrate`], given up soon after `stop` has been set.
pub(crate) fn until_stopped(
    trial: &Trial,
    producers: &[u32],
    name: &AgentName,
    programs: &Programs,
    stop: &AtomicBool,
) -> Result<Calibration, Error> {
    if producers.is_empty() {
        return Err(Error::NoProducer);
    }
    // As in a trial, whatever the sink takes away.
    let cores = host::cores();
    let mut sink: Box<dyn NullSink> = if trial.client.client.is_librdkafka() {
        let program = std::env::current_exe().map_err(Error::Program)?;
        Box::new(Sink::start(&program)?)
    } else {
        Box::new(Known::start().map_err(Error::Known)?)
    };
    against(&mut *sink, cores, trial, producers, name, programs, stop)
}

/// As [`calibrate`], with another sink, on a host of `cores` processors.
pub fn against(
    sink: &mut dyn NullSink,
    cores: u32,
    trial: &Trial,
    producers: &[u32],
    name: &AgentName,
    programs: &Programs,
    stop: &AtomicBool,
) -> Result<Calibration, Error> {
    if producers.is_empty() {
        return Err(Error::NoProducer);
    }
    let name_of_sink = sink.name();
    let nothing = || Error::Nothing {
        sink: name_of_sink.clone(),
    };
    let mut phase = |rate: Rate, windows: Windows| {
        let trial = adapted(trial, rate, windows);
        let topics = topics(sink, &trial)?;
        let work = Work {
            agent: name,
            trial: &trial,
            producers,
            bootstrap: sink.bootstrap(),
            properties: trial.properties.clone(),
            topics: &topics,
            cores,
        };
        let prepared = load::prepare(&work, programs).map_err(|refusal| Error::Prepare(refusal.reason))?;
        run(prepared, &windows, stop)
    };
    let (closed, _) = phase(Rate::Saturate, CLOSED)?;
    let window = closed.report.window;
    let ceiling = (window.acknowledged + window.written_blind) as f64 / CLOSED.measure.as_secs_f64();
    let paced = SHARE * ceiling;
    // The schedule is that of all producers of the trial, of which some are here.
    let of_all = paced * f64::from(trial.load.producers.max(1)) / producers.len() as f64;
    let rate = RecordRate::per_second(of_all.min(RecordRate::HIGHEST)).ok_or_else(nothing)?;
    let mut windows = PACED;
    if !trial.client.client.is_librdkafka() {
        windows.warm_up = COMPILES;
    }
    let (open, samples) = phase(Rate::Paced(rate), windows)?;
    let tally = open.report.tallies.get(Part::Window);
    let tally = tally
        .filter(|tally| !tally.schedule_delay.is_empty())
        .ok_or_else(nothing)?;
    let delay = tally.schedule_delay.quantile(0.99).unwrap_or_default();
    Ok(Calibration {
        ceiling,
        paced,
        realised: sent_within(&samples, &windows) as f64 / tally.fates.scheduled as f64,
        schedule_delay_p99_ns: nanoseconds(delay),
        late_share: tally.late_sends as f64 / tally.schedule_delay.count() as f64,
        sink: name_of_sink,
    })
}

/// The trial with another rate and other windows, and without what the sink does not know.
fn adapted(trial: &Trial, rate: Rate, windows: Windows) -> Trial {
    let mut adapted = trial.clone();
    adapted.load.rate = rate;
    adapted.load.profile = None;
    adapted.windows = windows;
    adapted.settle = Duration::ZERO;
    let mut properties = Properties::default();
    for (name, value) in trial.properties.iter() {
        if !SECURITY.iter().any(|prefix| name.starts_with(prefix)) {
            properties.set(name, value.clone());
        }
    }
    adapted.properties = properties;
    adapted
}

/// Makes the topics of a trial, and names them.
fn topics(sink: &mut dyn NullSink, trial: &Trial) -> Result<Vec<String>, Error> {
    let shape = &trial.topic;
    let loop_name = match trial.load.rate {
        Rate::Saturate => "closed",
        Rate::Paced(_) => "paced",
    };
    (0..shape.count.max(1))
        .map(|topic| {
            let name = format!("calibration-{loop_name}-{topic}");
            sink.create_topic(&name, shape.partitions, shape.replication)
                .map_err(Error::Topic)?;
            Ok(name)
        })
        .collect()
}

/// Runs a prepared load from a t0 of its own to its end.
pub(crate) fn run(prepared: Prepared, windows: &Windows, stop: &AtomicBool) -> Result<(Ended, Vec<Sample>), Error> {
    let (tell, told) = sync_channel(64);
    let tell = move |event| {
        // Whoever listens does so to the end.
        let _ = tell.send(event);
    };
    let run = prepared.clients.start(HashSet::new(), tell);
    let t0 = MonotonicClock.now_ns() + nanoseconds(AHEAD);
    let lease = AHEAD + windows.longest();
    if !(run.arm(1, t0, lease) && run.go(1)) {
        run.give_up("it came too late for its own start");
    }
    let mut samples = Vec::new();
    loop {
        match told.recv_timeout(LOOK) {
            Ok(Event::Sample(sample)) => samples.push(*sample),
            Ok(Event::WindowResolved) => run.end_load(),
            Ok(Event::Ended(ended)) => {
                return match ended.given_up {
                    None => Ok((*ended, samples)),
                    Some(reason) => Err(Error::GivenUp(reason)),
                };
            }
            Ok(Event::NotStarted { .. }) => run.give_up("it came too late for its own start"),
            Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Acquire) => run.give_up("no longer wanted"),
            Ok(Event::Watched(_) | Event::Statistics { .. }) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::GivenUp("its threads ended without a word".to_owned()));
            }
        }
    }
}

/// Sends handled inside the window, whenever they were intended: samples count them by the instant of handling.
fn sent_within(samples: &[Sample], windows: &Windows) -> u64 {
    samples
        .iter()
        .filter(|sample| (windows.t1_ns()..windows.t2_ns()).contains(&sample.start_ns))
        .flat_map(|sample| sample.tallies.iter())
        .map(|(_, tally)| tally.send_lag.count())
        .sum()
}

#[cfg(test)]
mod tests;
