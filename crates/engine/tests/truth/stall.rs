//! Stalls of the broker, of the client and of the harness.

use std::time::Duration;

use tribunal_engine::producer::Outcome as Fate;
use tribunal_model::trial::{Arrivals, Part};
use tribunal_testkit::producer::{Answer, Scripted};
use tribunal_testkit::service::Server;
use tribunal_testkit::simulation::{Outcome, Tamper};

use crate::{
    ALONE, BOTH, MS, SECOND, acknowledged_after, agrees, assert_agrees_ms, assert_conserved, exact, intended, measured,
    paced, simulation, windows,
};

/// Within the histogram's error and a millisecond: experiment 1's rule.
const SLACK: Duration = Duration::from_millis(1);
const STALL: (i64, i64) = (30 * SECOND, 30 * SECOND + 200 * MS);

/// One stall of 200 ms in 60 s, 2,000/s, 1 ms of service, room for `room` records.
fn stalled(arrivals: Arrivals, room: usize, tamper: Option<Tamper>) -> Outcome {
    let server = Server::stalled(&[STALL]);
    let client = Scripted::new(room, move |_, at| {
        Answer::After(server.alone(at, MS) - at, Fate::Acknowledged)
    });
    let mut simulation = simulation(windows(2, 60, 5), paced(arrivals, 2000.0));
    simulation.tamper = tamper;
    let outcome = simulation.run(&client);
    assert_conserved(&outcome);
    outcome
}

/// The response times of the realised schedule before `room` servers, without any of the engine: a record begins when the
/// one `room` before it is done.
fn oracle(arrivals: Arrivals, room: usize) -> Vec<i64> {
    let (windows, server) = (windows(2, 60, 5), Server::stalled(&[STALL]));
    let sends = intended(arrivals, 2000.0, ALONE, windows.t2_ns());
    let mut done: Vec<i64> = Vec::with_capacity(sends.len());
    for (i, at) in sends.iter().enumerate() {
        let begins = i.checked_sub(room).map_or(*at, |before| done[before].max(*at));
        done.push(server.alone(begins, MS));
    }
    let responses = sends.iter().zip(&done);
    let mut truth: Vec<i64> = responses
        .filter(|(at, _)| windows.part(**at) == Part::Window)
        .map(|(at, done)| done - at)
        .collect();
    truth.sort_unstable();
    truth
}

/// The same broker under a closed loop of two workers, each timing its own calls.
fn closed_loop() -> Vec<i64> {
    let server = Server::stalled(&[STALL]);
    let mut told = Vec::new();
    for _worker in 0..2 {
        let mut at = 2 * SECOND;
        while at < 62 * SECOND {
            let done = server.alone(at, MS);
            told.push(done - at);
            at = done;
        }
    }
    told.sort_unstable();
    told
}

/// Experiment 1: a known stall shows in the tail as long as it was, with room for all records or for ten.
#[test]
fn a_known_stall_shows_in_full_and_a_closed_loop_hides_it() {
    for arrivals in BOTH {
        for room in [usize::MAX, 10] {
            let (outcome, truth) = (stalled(arrivals, room, None), oracle(arrivals, room));
            let response = &measured(&outcome).response;
            println!(
                "{arrivals:?}, room {room}: p99 {:?}, p99.9 {:?} (true {:?}), p99.99 {:?} (true {:?})",
                response.quantile(0.99).unwrap(),
                response.quantile(0.999).unwrap(),
                exact(&truth, 0.999),
                response.quantile(0.9999).unwrap(),
                exact(&truth, 0.9999),
            );
            for q in [0.5, 0.99, 0.999, 0.9999, 1.0] {
                assert!(
                    agrees(response, q, exact(&truth, q), SLACK),
                    "{arrivals:?} {room} p{}",
                    q * 100.0
                );
            }
        }
    }
    // S - (1 - p) T + s.
    let uniform = stalled(Arrivals::Uniform, usize::MAX, None);
    for (q, truth) in [(0.99, 1), (0.999, 141), (0.9999, 195)] {
        assert_agrees_ms(&measured(&uniform).response, q, truth);
    }
    let lie = closed_loop();
    println!(
        "closed loop of 2 workers: p99.9 {:?}, p99.99 {:?}",
        exact(&lie, 0.999),
        exact(&lie, 0.9999)
    );
    assert!(
        exact(&lie, 0.999) < Duration::from_micros(1100),
        "a closed loop sees nothing"
    );
}

/// Experiment 1, broken: an intended send that is re-based to the accepted one does not pass.
#[test]
fn re_based_intended_sends_fail_the_stall() {
    for arrivals in BOTH {
        let rebase: Tamper = Box::new(|delivery, _| delivery.intended_ns = delivery.accepted_ns);
        let outcome = stalled(arrivals, 10, Some(rebase));
        let truth = exact(&oracle(arrivals, 10), 0.999);
        assert!(!agrees(&measured(&outcome).response, 0.999, truth, SLACK));
        assert!(
            measured(&outcome).response.quantile(0.999).unwrap() < 2 * SLACK,
            "it hides the stall"
        );
    }
}

/// Experiment 2: after a stall the backlog drains at µ − λ, and that long records are late: (S + S λ ÷ (µ − λ)) ÷ T.
#[test]
fn the_tail_lasts_until_the_backlog_is_gone() {
    for (arrivals, service) in [
        (Arrivals::Uniform, MS / 10),
        (Arrivals::Uniform, MS / 4),
        (Arrivals::Poisson, MS / 10),
    ] {
        let mut server = Server::stalled(&[STALL]);
        let client = Scripted::new(usize::MAX, move |_, at| {
            Answer::After(server.queued(at, service) - at, Fate::Acknowledged)
        });
        let outcome = simulation(windows(2, 60, 5), paced(arrivals, 2000.0)).run(&client);
        assert_conserved(&outcome);
        let (mu, lambda, stall) = (1e9 / service as f64, 2000.0, 0.2);
        let expected = (stall + stall * lambda / (mu - lambda)) / 60.0;
        let response = &measured(&outcome).response;
        // Without a stall nobody waits under uniform arrivals; under Poisson ones a record waits for few before it.
        let usual = Duration::from_nanos(service as u64) * if arrivals == Arrivals::Uniform { 2 } else { 15 };
        let delayed = response.count_above(usual) as f64 / response.count() as f64;
        println!(
            "{arrivals:?} at mu {mu}: delayed {:.4} %, expected {:.4} %",
            delayed * 100.0,
            expected * 100.0
        );
        if arrivals == Arrivals::Uniform {
            assert!((delayed / expected - 1.0).abs() < 0.05, "{delayed} of {expected}");
        } else {
            // As many as the realised schedule has in that spell.
            let until = STALL.1 + ((STALL.1 - STALL.0) as f64 * lambda / (mu - lambda)) as i64;
            let sends = intended(arrivals, lambda, ALONE, until);
            let realised = sends.iter().filter(|at| **at >= STALL.0).count() as f64 / response.count() as f64;
            assert!((delayed / realised - 1.0).abs() < 0.05, "{delayed} of {realised}");
        }
    }
}

/// Experiment 3: a stall of the harness is in response and send lag, and not in service.
#[test]
fn a_sender_held_up_for_a_second_shows_in_response_and_send_lag_and_not_in_service() {
    let client = acknowledged_after(|_| MS);
    let mut simulation = simulation(windows(1, 20, 5), paced(Arrivals::Uniform, 1000.0));
    simulation.stalls = vec![(5_000 * MS, 6_000 * MS)];
    let outcome = simulation.run(&client);
    assert_conserved(&outcome);
    let measured = measured(&outcome);
    // 1,000 of 20,000 records fell due in the stall, their lags spread evenly over 0 to 1 s.
    for (q, truth) in [(0.5, 1), (0.96, 201), (0.99, 801), (0.999, 981)] {
        assert_agrees_ms(&measured.response, q, truth);
    }
    assert_agrees_ms(&measured.send_lag, 0.99, 800);
    assert_agrees_ms(&measured.schedule_delay, 0.99, 800);
    assert_agrees_ms(&measured.service, 0.9999, 1);
    assert!((990..=1000).contains(&measured.late_sends), "{}", measured.late_sends);
}

#[test]
fn a_client_that_stalls_shows_in_both_and_is_not_our_lateness() {
    // From 5 s to 6 s the client answers nothing; with room for 100 records it refuses the rest.
    let server = Server::stalled(&[(5_000 * MS, 6_000 * MS)]);
    let client = Scripted::new(100, move |_, at| {
        Answer::After(server.alone(at, MS) - at, Fate::Acknowledged)
    });
    let outcome = simulation(windows(1, 20, 5), paced(Arrivals::Uniform, 1000.0)).run(&client);
    assert_conserved(&outcome);
    let measured = measured(&outcome);
    // The record that fell due at 5.2 s is the third to sit on its place, a millisecond each after the stall.
    assert_agrees_ms(&measured.response, 0.99, 803);
    assert_agrees_ms(&measured.service, 0.9999, 999);
    assert!(measured.send_lag.quantile(0.99).unwrap() > Duration::from_millis(700));
    assert_eq!(
        measured.schedule_delay.quantile(1.0),
        Some(Duration::ZERO),
        "a full client is not the harness being late"
    );
    assert!(outcome.window.queue_full > 0 && outcome.window.blocked_ns > 850_000_000);
}
