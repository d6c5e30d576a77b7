//! The self-test: experiments that show on a user's own host that the numbers of this agent can be believed.
//!
//! Each experiment (METHODOLOGY.md, section 12) runs real clients and the real engine against a broker whose behaviour is
//! known, and holds what was measured against what has to come out. That broker is the stub (`tribunal_stub`) and not
//! librdkafka's mock cluster: the stub stalls at an instant that is set and knows the instants at which each request
//! arrived and its answer left, so that the truth is independent of the client and the stub's own lateness is part of
//! the tolerance; the mock is a part of the very library that is under load, delays by round trips only, and cannot say
//! when.
//!
//! An experiment *holds*, *fails*, or the *host was too noisy to judge*. Noise is measured while the experiment runs, and
//! excuses a deviation only as far as it was seen; what is counted is never excused. No experiment passes on nothing: a
//! measurement without samples fails.

mod arrivals;
pub mod certificate;
mod conservation;
mod finding;
mod generator;
mod histogram;
mod law;
mod load;
mod noise;
mod observer;
mod oracle;
mod parity;
mod rates;
mod skew;
mod stall;
mod stop;
mod tap;

use std::ffi::OsString;
use std::path::PathBuf;

use tribunal_driver::Programs;
use tribunal_engine::clock::{Clock, MonotonicClock};

pub use certificate::{Certificate, Verdict};
use finding::Said;
pub use finding::{Finding, Outcome};
pub use generator::child;

/// Where the self-test runs.
#[derive(Clone, Debug)]
pub struct Host {
    /// The program that runs [`child`] when it is given [`Self::child`].
    pub program: PathBuf,
    /// Its arguments for that.
    pub child: Vec<OsString>,
    /// The drivers of client libraries.
    pub drivers: Programs,
}

/// What a self-test says while it goes on.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// An experiment begins.
    Begins {
        /// Its number.
        number: u32,
        /// What it shows.
        title: &'static str,
        /// About how long it takes, in seconds.
        seconds: u32,
    },
    /// An experiment has ended.
    Ended(&'a Finding),
}

/// An experiment as it stands in METHODOLOGY.md.
struct Experiment {
    number: u32,
    title: &'static str,
    seconds: u32,
    run: fn(&Host) -> Said,
}

const fn experiment(number: u32, title: &'static str, seconds: u32, run: fn(&Host) -> Said) -> Experiment {
    Experiment {
        number,
        title,
        seconds,
        run,
    }
}

const ALL: [Experiment; 14] = [
    experiment(1, "known stall of the broker", 23, stall::known_stall),
    experiment(2, "recovery tail after a stall", 6, stall::recovery),
    experiment(3, "stopped generator", 7, generator::generator_stall),
    experiment(4, "realised against requested rate", 21, rates::realised),
    experiment(5, "distribution of arrivals", 13, arrivals::distribution),
    experiment(8, "merged percentiles against all values", 5, histogram::merge_truth),
    experiment(10, "a percentile is a value that happened", 1, histogram::percentile),
    experiment(11, "clocks that are off and drift", 4, skew::skewed),
    experiment(12, "clock offset over uneven paths", 3, skew::paths),
    experiment(16, "stop means stop", 5, stop::stop_means_stop),
    experiment(17, "conservation of records", 9, conservation::conservation),
    experiment(18, "Little's law", 18, law::littles_law),
    experiment(24, "client libraries on a null sink", 24, parity::parity),
    experiment(
        25,
        "observer effect of metrics and uploads",
        20,
        observer::observer_effect,
    ),
];

/// The experiments' numbers and what they show.
pub fn experiments() -> impl Iterator<Item = (u32, &'static str)> {
    ALL.iter().map(|experiment| (experiment.number, experiment.title))
}

const SECOND: i64 = 1_000_000_000;
/// In seconds: an experiment for which the host was too noisy is tried a second time, and no more, while it can all be done
/// within this.
const LONGEST: i64 = 170;

/// About how long the experiments behind this one take.
fn rest(number: u32, only: &[u32]) -> u32 {
    let behind = ALL.iter().filter(|experiment| experiment.number > number);
    let wanted = behind.filter(|experiment| only.is_empty() || only.contains(&experiment.number));
    wanted.map(|experiment| experiment.seconds).sum()
}

/// Runs the experiments with these numbers, or all of them where there are none, one after the other.
pub fn run(host: &Host, only: &[u32], tell: &mut dyn FnMut(Progress<'_>)) -> Certificate {
    let began = MonotonicClock.now_ns();
    let mut findings = Vec::new();
    for experiment in &ALL {
        let Experiment {
            number, title, seconds, ..
        } = *experiment;
        if !only.is_empty() && !only.contains(&number) {
            continue;
        }
        tell(Progress::Begins { number, title, seconds });
        let mut said = (experiment.run)(host);
        let elapsed = MonotonicClock.now_ns() - began;
        if said.outcome == Outcome::TooNoisy && elapsed / SECOND + i64::from(seconds + rest(number, only)) < LONGEST {
            let first = said.measured;
            said = (experiment.run)(host);
            said.note = format!(
                "second try, the host was too noisy at the first: {first}; {}",
                said.note
            );
        }
        let Said {
            outcome,
            expected,
            measured,
            note,
        } = said;
        let finding = Finding {
            number,
            title: title.to_owned(),
            outcome,
            expected,
            measured,
            note,
        };
        tell(Progress::Ended(&finding));
        findings.push(finding);
    }
    let took_ms = (MonotonicClock.now_ns() - began) as u64 / 1_000_000;
    let whole = findings.len() == ALL.len();
    Certificate::new(findings, whole, took_ms)
}

#[cfg(test)]
mod tests;
