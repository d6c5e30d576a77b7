//! Known delays in, the same delays out: the experiments of METHODOLOGY.md, section 12, that need no broker.
//!
//! Each is named by its number. Where a check could be passed by a broken instrument, the broken variant is run too and
//! has to fail it; what can only be broken in the source is in `dev/mutations`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "experiments show their figures")]

use std::time::Duration;

use tribunal_engine::producer::Outcome as Fate;
use tribunal_engine::schedule::{Place, Schedule};
use tribunal_engine::sender::Source;
use tribunal_model::trial::{Arrivals, Part, RecordRate, Windows};
use tribunal_stats::{Distribution, Tally};
use tribunal_testkit::producer::{Answer, Scripted};
use tribunal_testkit::simulation::{Outcome, Simulation};

mod arrivals;
mod attempt;
mod fates;
mod latency;
mod law;
mod rates;
mod settle;
mod stall;

pub(crate) const MS: i64 = 1_000_000;
pub(crate) const SECOND: i64 = 1000 * MS;
pub(crate) const BOTH: [Arrivals; 2] = [Arrivals::Uniform, Arrivals::Poisson];

pub(crate) fn windows(warm_up: u64, measure: u64, drain: u64) -> Windows {
    let seconds = Duration::from_secs;
    Windows {
        warm_up: seconds(warm_up),
        measure: seconds(measure),
        drain: seconds(drain),
    }
}

pub(crate) const ALONE: Place = Place {
    seed: 42,
    block: 0,
    index: 0,
    producers: 1,
};

pub(crate) fn schedule(arrivals: Arrivals, per_second: f64, place: Place) -> Schedule {
    Schedule::new(arrivals, RecordRate::per_second(per_second).unwrap(), None, place)
}

pub(crate) fn paced(arrivals: Arrivals, per_second: f64) -> Source {
    Source::Paced(schedule(arrivals, per_second, ALONE))
}

/// Intended sends before `end`.
pub(crate) fn intended(arrivals: Arrivals, per_second: f64, place: Place, end: i64) -> Vec<i64> {
    let mut schedule = schedule(arrivals, per_second, place);
    std::iter::from_fn(|| (schedule.peek() < end).then(|| schedule.take())).collect()
}

pub(crate) fn simulation(windows: Windows, source: Source) -> Simulation {
    Simulation::new(windows, source)
}

pub(crate) fn acknowledged_after(mut delay: impl FnMut(i64) -> i64 + Send + 'static) -> Scripted {
    Scripted::new(usize::MAX, move |due, _| {
        Answer::After(delay(due.intended_ns), Fate::Acknowledged)
    })
}

pub(crate) fn measured(outcome: &Outcome) -> &Tally {
    outcome.tallies.get(Part::Window).unwrap()
}

/// A quantile of sorted nanoseconds, by the same rank rule as a distribution's.
pub(crate) fn exact(sorted: &[i64], q: f64) -> Duration {
    let rank = ((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
    Duration::from_nanos(sorted[rank - 1] as u64)
}

/// Whether a quantile is the truth within a bucket of the histogram and `slack`.
pub(crate) fn agrees(told: &Distribution, q: f64, truth: Duration, slack: Duration) -> bool {
    let slack = slack + Duration::from_micros(1) + truth / 1000;
    told.quantile(q).is_some_and(|told| told.abs_diff(truth) <= slack)
}

#[track_caller]
pub(crate) fn assert_agrees(told: &Distribution, q: f64, truth: Duration, slack: Duration) {
    assert!(
        agrees(told, q, truth, slack),
        "p{}: told {:?}, true {truth:?}",
        q * 100.0,
        told.quantile(q)
    );
}

#[track_caller]
pub(crate) fn assert_agrees_ms(told: &Distribution, q: f64, truth_ms: u64) {
    assert_agrees(told, q, Duration::from_millis(truth_ms), Duration::from_millis(1));
}

#[track_caller]
pub(crate) fn assert_conserved(outcome: &Outcome) {
    assert_eq!(outcome.tallies.unbalanced(), []);
    assert!(outcome.tallies.fates().balanced());
    for (part, tally) in outcome.tallies.iter() {
        let fates = tally.fates;
        assert_eq!(tally.response.count(), fates.acknowledged, "{part:?}");
        assert_eq!(tally.censored.count(), fates.unresolved + fates.unsent, "{part:?}");
    }
}
