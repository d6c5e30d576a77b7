//! Percentiles against raw values.

use std::time::Duration;

use tribunal_engine::producer::{ErrorCode, Outcome as Fate};
use tribunal_engine::schedule::Place;
use tribunal_engine::sender::Source;
use tribunal_model::seed::SplitMix64;
use tribunal_model::trial::{Arrivals, Part};
use tribunal_stats::{Distribution, Tallies};
use tribunal_testkit::producer::{Answer, Batching, Scripted};
use tribunal_testkit::simulation::Outcome;

use crate::{
    ALONE, BOTH, MS, SECOND, acknowledged_after, agrees, assert_agrees, assert_conserved, exact, intended, measured,
    paced, schedule, simulation, windows,
};

#[test]
fn reported_percentiles_are_those_of_the_known_delays() {
    for arrivals in BOTH {
        let mut random = SplitMix64::new(11);
        let delays: Vec<i64> = (0..60_000).map(|_| 100_000 + random.below(20_000_000) as i64).collect();
        let script = delays.clone();
        let mut used = 0;
        let client = acknowledged_after(move |_| {
            used += 1;
            script[used - 1]
        });
        let windows = windows(1, 10, 5);
        let outcome = simulation(windows, paced(arrivals, 2000.0)).run(&client);
        assert_conserved(&outcome);
        let mut truth: Vec<i64> = intended(arrivals, 2000.0, ALONE, windows.t2_ns())
            .into_iter()
            .zip(delays)
            .filter(|(at, _)| windows.part(*at) == Part::Window)
            .map(|(_, delay)| delay)
            .collect();
        truth.sort_unstable();
        let measured = measured(&outcome);
        assert_eq!(measured.fates.acknowledged, truth.len() as u64);
        for q in [0.5, 0.99, 0.999] {
            assert_agrees(&measured.response, q, exact(&truth, q), Duration::ZERO);
            assert_agrees(&measured.service, q, exact(&truth, q), Duration::ZERO);
        }
        assert_eq!(measured.send_lag.quantile(1.0), Some(Duration::ZERO));
    }
}

/// A client whose batches of 50 fill in 10 ms, and would linger 20 ms.
fn batches(stops_at_t2: bool) -> Outcome {
    let client = acknowledged_after(|_| MS).batching(Batching {
        records: 50,
        linger_ns: 20 * MS,
    });
    // 1 s of warm-up and 4.005 s: t2 falls into the middle of a batch.
    let mut windows = windows(1, 4, 5);
    windows.measure += Duration::from_millis(5);
    let mut simulation = simulation(windows, paced(Arrivals::Uniform, 5000.0));
    simulation.stops_at_t2 = stops_at_t2;
    let outcome = simulation.run(&client);
    assert_conserved(&outcome);
    outcome
}

/// The longest response time of the window's last 10 ms.
fn longest_of_the_tail(outcome: &Outcome) -> i64 {
    let t2 = outcome.windows.t2_ns();
    let tail = outcome
        .raw
        .iter()
        .filter(|(d, _)| (t2 - 10 * MS..t2).contains(&d.intended_ns));
    tail.map(|(d, at)| at - d.intended_ns).max().unwrap()
}

/// METHODOLOGY.md, section 1; and broken: a load that stops at t2 leaves the window's last batch without company.
#[test]
fn the_last_linger_of_the_window_is_distributed_like_the_rest() {
    let outcome = batches(false);
    assert!(
        outcome.tallies.get(Part::CoolDown).unwrap().fates.acknowledged > 0,
        "the load went on"
    );
    assert_eq!(measured(&outcome).fates.acknowledged, 20_025);
    let full = measured(&outcome).response.max().unwrap().as_nanos() as i64;
    assert!(full <= 11 * MS && longest_of_the_tail(&outcome) <= full);
    let broken = batches(true);
    assert!(longest_of_the_tail(&broken) > 20 * MS, "it has to linger");
}

/// Four producers, one of them slow: their outcomes and all raw response times of the window, sorted.
fn four_producers() -> (Vec<Outcome>, Vec<i64>) {
    let mut raw = Vec::new();
    let outcomes: Vec<Outcome> = (0..4u32)
        .map(|index| {
            let place = Place {
                index,
                producers: 4,
                ..ALONE
            };
            let mut random = SplitMix64::new(u64::from(index));
            let base = if index == 3 { 30 * MS } else { MS };
            let client = acknowledged_after(move |_| base + random.below(3 * MS as u64) as i64);
            let source = Source::Paced(schedule(Arrivals::Poisson, 8000.0, place));
            let outcome = simulation(windows(1, 5, 5), source).run(&client);
            assert_conserved(&outcome);
            let of_window = outcome.raw.iter().filter(|(d, _)| d.part == Part::Window);
            raw.extend(of_window.map(|(d, at)| at - d.intended_ns));
            outcome
        })
        .collect();
    raw.sort_unstable();
    (outcomes, raw)
}

/// Experiment 8: merged percentiles are those of all raw values; and broken: averaged percentiles are not.
#[test]
fn merging_is_sorting_all_values_and_averaging_percentiles_is_not() {
    let (outcomes, truth) = four_producers();
    let mut merged = Distribution::new();
    for outcome in &outcomes {
        merged.merge(&measured(outcome).response);
    }
    assert_eq!(merged.count(), truth.len() as u64);
    for q in (1..1000)
        .map(|permille| f64::from(permille) / 1000.0)
        .chain([0.9999, 1.0])
    {
        assert_agrees(&merged, q, exact(&truth, q), Duration::ZERO);
    }
    let p99s = outcomes
        .iter()
        .map(|outcome| measured(outcome).response.quantile(0.99).unwrap());
    let averaged = p99s.sum::<Duration>() / 4;
    println!(
        "p99: merged {:?}, averaged {averaged:?}",
        merged.quantile(0.99).unwrap()
    );
    assert!(!agrees(&merged, 0.99, averaged, Duration::from_millis(1)));
}

/// Experiment 8, second half.
#[test]
fn samples_sum_to_the_total_bucket_by_bucket() {
    let client = acknowledged_after(|intended| 1000 + intended % (700 * MS));
    let outcome = simulation(windows(2, 3, 5), paced(Arrivals::Poisson, 3000.0)).run(&client);
    let mut sum = Tallies::default();
    for slice in outcome.slices.iter().rev() {
        sum.merge(&slice.tallies);
    }
    assert_eq!(sum, outcome.tallies);
    let buckets = |tallies: &Tallies| tallies.get(Part::Window).unwrap().response.buckets();
    assert_eq!(buckets(&sum), buckets(&outcome.tallies));
}

/// Experiment 26: the broker never answers the window's last 1 %; and broken: without them p99.5 is a small number.
#[test]
fn what_was_never_answered_bounds_the_tail_from_below() {
    let windows = windows(1, 60, 5);
    let silent = windows.t2_ns() - 600 * MS;
    let client = Scripted::new(usize::MAX, move |due, _| {
        if (silent..61 * SECOND).contains(&due.intended_ns) {
            Answer::UntilPurged(Fate::PossiblyWritten(ErrorCode("PURGE_INFLIGHT")))
        } else {
            Answer::After(MS, Fate::Acknowledged)
        }
    });
    let outcome = simulation(windows, paced(Arrivals::Uniform, 1000.0)).run(&client);
    assert_conserved(&outcome);
    let measured = measured(&outcome);
    assert_eq!((measured.fates.acknowledged, measured.fates.unresolved), (59_400, 600));
    let censored = measured.censored.count();
    assert!(measured.response.quantile_censored(0.99, censored).is_some());
    assert_eq!(
        measured.response.quantile_censored(0.995, censored),
        None,
        "at least the age of what is open"
    );
    assert!(
        measured.censored.quantile(0.01).unwrap() >= Duration::from_secs(5),
        "its age at the end"
    );
    let dropped = measured.response.quantile_censored(0.995, 0);
    assert!(
        dropped.unwrap() < Duration::from_millis(2),
        "a lie that the censored records prevent"
    );
}

/// Experiment 27: a latency of two hours is overflow, in no quantile.
#[test]
fn a_latency_of_two_hours_is_overflow() {
    let hours = 3 * 3600;
    let client = Scripted::new(usize::MAX, |due, _| {
        let slow = due.sequence == 1500;
        Answer::After(if slow { 7200 * SECOND } else { MS }, Fate::Acknowledged)
    });
    let mut simulation = simulation(windows(1, 2, hours), paced(Arrivals::Uniform, 1000.0));
    simulation.stops_at_t2 = true;
    let outcome = simulation.run(&client);
    assert_conserved(&outcome);
    let measured = measured(&outcome);
    assert_eq!((measured.response.overflow(), measured.service.overflow()), (1, 1));
    assert_eq!(measured.fates.acknowledged, 2000);
    assert_eq!(measured.response.quantile(1.0), None);
    assert!(measured.response.quantile(0.999).unwrap() < Duration::from_millis(2));
}
