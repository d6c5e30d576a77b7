//! Rates, overload and full clients.

use std::time::Duration;

use tribunal_engine::producer::Outcome as Fate;
use tribunal_engine::schedule::Schedule;
use tribunal_engine::sender::Source;
use tribunal_model::profile::{After, Profile, Segment};
use tribunal_model::trial::{Arrivals, RecordRate, WhenFull};
use tribunal_testkit::producer::{Answer, Scripted};

use crate::{ALONE, MS, SECOND, assert_conserved, measured, paced, simulation, windows};

/// 100 records at a time, each held for 100 ms: 1,000 records a second.
fn thousand_a_second() -> Scripted {
    Scripted::new(100, |_, _| Answer::After(100 * MS, Fate::Acknowledged))
}

/// METHODOLOGY.md, section 1; and broken: a rate by intended sends counts what drained after the window.
#[test]
fn a_load_above_what_the_client_takes_is_delivered_at_the_clients_rate_and_the_rest_is_unsent() {
    let outcome = simulation(windows(1, 10, 5), paced(Arrivals::Uniform, 3000.0)).run(&thousand_a_second());
    assert_conserved(&outcome);
    let right = |rate: f64| (950.0..1050.0).contains(&rate);
    let delivered = outcome.window.acknowledged as f64 / 10.0;
    assert!(right(delivered), "{delivered}");
    let measured = measured(&outcome);
    let by_intended = measured.fates.acknowledged as f64 / 10.0;
    println!("delivered {delivered}/s, counted by intended sends {by_intended}/s");
    assert!(!right(by_intended));
    assert_eq!(measured.fates.scheduled, 30_000);
    assert!(measured.fates.unsent > 10_000);
    assert_eq!(
        measured.response.quantile_censored(0.9, measured.censored.count()),
        None,
        "a lower bound only"
    );
}

#[test]
fn a_full_client_sheds_when_the_plan_says_so() {
    let mut simulation = simulation(windows(1, 10, 5), paced(Arrivals::Uniform, 3000.0));
    simulation.when_full = WhenFull::Shed;
    let outcome = simulation.run(&thousand_a_second());
    assert_conserved(&outcome);
    let fates = measured(&outcome).fates;
    assert!(fates.shed > 15_000 && fates.unsent == 0, "{fates:?}");
    let blocked = Duration::from_nanos(outcome.window.blocked_ns);
    assert!(
        blocked > Duration::from_secs(6),
        "from one refusal to the next: {blocked:?}"
    );
}

/// Half a second at 3,000/s, then a pause of as long, again and again.
fn bursts() -> Source {
    let segment = |micro| Segment {
        length_ns: SECOND as u64 / 2,
        from_micro: micro,
        to_micro: micro,
    };
    let profile = Profile::new(vec![segment(3_000_000_000), segment(0)], After::Repeat, "bursts").unwrap();
    let mean = RecordRate::per_second(1500.0).unwrap();
    Source::Paced(Schedule::new(Arrivals::Uniform, mean, Some(&profile), ALONE))
}

#[test]
fn a_pause_of_the_schedule_is_no_time_in_which_a_shedding_sender_was_blocked() {
    let mut simulation = simulation(windows(1, 10, 5), bursts());
    simulation.when_full = WhenFull::Shed;
    // Our own thread comes 20 ms late to the burst at 5 s, after a pause that began with the client full.
    simulation.stalls = vec![(4_900 * MS, 5_020 * MS)];
    let outcome = simulation.run(&thousand_a_second());
    assert_conserved(&outcome);
    let measured = measured(&outcome);
    assert!(measured.fates.shed > 0);
    assert!(
        outcome.window.blocked_ns < 5 * SECOND as u64,
        "{}",
        outcome.window.blocked_ns
    );
    let late = measured.schedule_delay.max().unwrap();
    assert!(
        late.abs_diff(Duration::from_millis(20)) < Duration::from_millis(1),
        "{late:?} is ours"
    );
}

#[test]
fn a_burst_that_fills_the_client_is_blocked_and_not_late() {
    let outcome = simulation(windows(1, 10, 5), bursts()).run(&thousand_a_second());
    assert_conserved(&outcome);
    let measured = measured(&outcome);
    assert_eq!(measured.schedule_delay.max(), Some(Duration::ZERO));
    assert!(measured.send_lag.max().unwrap() > Duration::from_millis(300));
    assert!(
        outcome.window.blocked_ns > 6 * SECOND as u64,
        "{}",
        outcome.window.blocked_ns
    );
}

#[test]
fn a_closed_loop_has_no_lag_and_is_all_sent() {
    let client = Scripted::new(100, |_, _| Answer::After(10 * MS, Fate::Acknowledged));
    let outcome = simulation(windows(1, 2, 5), Source::Saturate).run(&client);
    assert_conserved(&outcome);
    let measured = measured(&outcome);
    assert_eq!(measured.send_lag.max(), Some(Duration::ZERO));
    assert!(
        (outcome.window.acknowledged as f64 / 20_000.0 - 1.0).abs() < 0.02,
        "{}",
        outcome.window.acknowledged
    );
}
