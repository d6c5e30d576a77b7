//! Known delays in, the same delays out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::mpsc::channel;
use std::time::Duration;

use proptest::prelude::*;
use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::event::Event;
use tribunal_engine::payload::PayloadPool;
use tribunal_engine::producer::{ErrorCode, Outcome as Fate, Worker};
use tribunal_engine::run::{Run, Setup};
use tribunal_engine::schedule::{Place, Schedule};
use tribunal_engine::sender::Source;
use tribunal_model::seed::SplitMix64;
use tribunal_model::trial::{
    Arrivals, Content, Keys, Load, Part, Partitioner, Rate, RecordRate, RecordShape, Size, WhenFull, Windows,
};
use tribunal_stats::{Cpu, Distribution, Tallies};
use tribunal_testkit::producer::{Answer, Scripted};
use tribunal_testkit::simulation::{Outcome, Simulation};

const MS: i64 = 1_000_000;

fn windows(warm_up: u64, measure: u64, drain: u64) -> Windows {
    let seconds = Duration::from_secs;
    Windows {
        warm_up: seconds(warm_up),
        measure: seconds(measure),
        drain: seconds(drain),
    }
}

fn paced(arrivals: Arrivals, per_second: f64) -> Source {
    let place = Place {
        seed: 42,
        block: 0,
        index: 0,
        producers: 1,
    };
    Source::Paced(Schedule::new(
        arrivals,
        RecordRate::per_second(per_second).unwrap(),
        place,
    ))
}

fn simulation(windows: Windows, source: Source) -> Simulation {
    Simulation {
        windows,
        source,
        when_full: WhenFull::Hold,
        stalls: Vec::new(),
        end_when_resolved: true,
    }
}

fn acknowledged_after(mut delay: impl FnMut(i64) -> i64 + Send + 'static) -> Scripted {
    Scripted::new(usize::MAX, move |due, _| {
        Answer::After(delay(due.intended_ns), Fate::Acknowledged)
    })
}

/// A quantile of sorted nanoseconds, by the same rank rule as a distribution's.
fn exact(sorted: &[i64], q: f64) -> Duration {
    let rank = ((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
    Duration::from_nanos(sorted[rank - 1] as u64)
}

#[track_caller]
fn assert_agrees(told: &Distribution, q: f64, truth: Duration) {
    let told = told.quantile(q).unwrap();
    let slack = Duration::from_micros(1) + truth / 1000;
    assert!(
        told + slack >= truth && told <= truth + slack,
        "p{}: told {told:?}, true {truth:?}",
        q * 100.0
    );
}

#[track_caller]
fn assert_conserved(outcome: &Outcome) {
    assert_eq!(outcome.tallies.unbalanced(), []);
    assert!(outcome.tallies.fates().balanced());
    for (part, tally) in outcome.tallies.iter() {
        let fates = tally.fates;
        assert_eq!(tally.response.count(), fates.acknowledged, "{part:?}");
        assert_eq!(tally.censored.count(), fates.unresolved + fates.unsent, "{part:?}");
    }
}

#[test]
fn reported_percentiles_are_those_of_the_known_delays() {
    for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
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
        let place = Place {
            seed: 42,
            block: 0,
            index: 0,
            producers: 1,
        };
        let mut schedule = Schedule::new(arrivals, RecordRate::per_second(2000.0).unwrap(), place);
        let mut truth: Vec<i64> = delays
            .iter()
            .map(|delay| (schedule.take(), *delay))
            .filter(|(intended, _)| windows.part(*intended) == Part::Window)
            .map(|(_, delay)| delay)
            .collect();
        truth.sort_unstable();
        let measured = outcome.tallies.get(Part::Window).unwrap();
        assert_eq!(measured.fates.acknowledged, truth.len() as u64);
        for q in [0.5, 0.99, 0.999] {
            assert_agrees(&measured.response, q, exact(&truth, q));
            assert_agrees(&measured.service, q, exact(&truth, q));
        }
        assert_eq!(measured.send_lag.quantile(1.0), Some(Duration::ZERO));
    }
}

#[test]
fn a_sender_held_up_for_a_second_shows_in_response_and_send_lag_and_not_in_service() {
    let client = acknowledged_after(|_| MS);
    let mut simulation = simulation(windows(1, 20, 5), paced(Arrivals::Uniform, 1000.0));
    simulation.stalls = vec![(5_000 * MS, 6_000 * MS)];
    let outcome = simulation.run(&client);
    assert_conserved(&outcome);
    let measured = outcome.tallies.get(Part::Window).unwrap();
    // 1,000 of 20,000 records fell due in the stall, their lags spread evenly over 0 to 1 s.
    for (q, truth) in [(0.5, 1), (0.96, 201), (0.99, 801), (0.999, 981)] {
        assert_agrees_ms(&measured.response, q, truth);
    }
    assert_agrees_ms(&measured.send_lag, 0.99, 800);
    assert_agrees_ms(&measured.schedule_delay, 0.99, 800);
    assert_agrees_ms(&measured.service, 0.9999, 1);
    assert!((990..=1000).contains(&measured.late_sends), "{}", measured.late_sends);
}

#[track_caller]
fn assert_agrees_ms(told: &Distribution, q: f64, truth_ms: u64) {
    let told = told.quantile(q).unwrap();
    let truth = Duration::from_millis(truth_ms);
    let slack = Duration::from_millis(1) + truth / 500;
    assert!(
        told + slack >= truth && told <= truth + slack,
        "p{}: told {told:?}, true {truth:?}",
        q * 100.0
    );
}

#[test]
fn a_client_that_stalls_shows_in_both_and_is_not_our_lateness() {
    // From 5 s to 6 s the client answers nothing; with room for 100 records it refuses the rest.
    let answer = |at: i64| {
        if (5_000 * MS..6_000 * MS).contains(&at) {
            6_000 * MS - at + MS
        } else {
            MS
        }
    };
    let client = Scripted::new(100, move |_, accepted| {
        Answer::After(answer(accepted), Fate::Acknowledged)
    });
    let outcome = simulation(windows(1, 20, 5), paced(Arrivals::Uniform, 1000.0)).run(&client);
    assert_conserved(&outcome);
    let measured = outcome.tallies.get(Part::Window).unwrap();
    assert_agrees_ms(&measured.response, 0.99, 801);
    assert_agrees_ms(&measured.service, 0.9999, 999);
    assert!(measured.send_lag.quantile(0.99).unwrap() > Duration::from_millis(700));
    assert_eq!(
        measured.schedule_delay.quantile(1.0),
        Some(Duration::ZERO),
        "a full client is not the harness being late"
    );
    assert!(outcome.window.queue_full > 0 && outcome.window.blocked_ns > 850_000_000);
}

#[test]
fn the_last_linger_of_the_window_is_distributed_like_the_rest() {
    // A batch leaves every 20 ms; a record waits for its batch, so delays run evenly from 0 to 20 ms.
    let client = acknowledged_after(|intended| 20 * MS - intended % (20 * MS));
    let outcome = simulation(windows(1, 4, 5), paced(Arrivals::Uniform, 5000.0)).run(&client);
    assert_conserved(&outcome);
    assert!(
        outcome.tallies.get(Part::CoolDown).unwrap().fates.acknowledged > 0,
        "the load went on"
    );
    let measured = outcome.tallies.get(Part::Window).unwrap();
    for q in [0.1, 0.5, 0.9] {
        assert_agrees_ms(&measured.response, q, (20.0 * q).round() as u64);
    }
    assert_eq!(measured.fates.acknowledged, 20_000);
}

#[test]
fn samples_sum_to_the_total_bucket_by_bucket() {
    let client = acknowledged_after(|intended| 1000 + intended % (700 * MS));
    let outcome = simulation(windows(2, 3, 5), paced(Arrivals::Poisson, 3000.0)).run(&client);
    let mut sum = Tallies::default();
    for slice in outcome.slices.iter().rev() {
        sum.merge(&slice.tallies);
    }
    assert_eq!(sum, outcome.tallies);
}

#[test]
fn a_load_above_what_the_client_takes_is_delivered_at_the_clients_rate_and_the_rest_is_unsent() {
    // 100 records at a time, each held for 100 ms: 1,000 records a second of the 3,000 that are offered.
    let client = Scripted::new(100, |_, _| Answer::After(100 * MS, Fate::Acknowledged));
    let outcome = simulation(windows(1, 10, 5), paced(Arrivals::Uniform, 3000.0)).run(&client);
    assert_conserved(&outcome);
    let delivered = outcome.window.acknowledged as f64 / 10.0;
    assert!((950.0..1050.0).contains(&delivered), "{delivered}");
    let measured = outcome.tallies.get(Part::Window).unwrap();
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
    let client = Scripted::new(100, |_, _| Answer::After(100 * MS, Fate::Acknowledged));
    let mut simulation = simulation(windows(1, 10, 5), paced(Arrivals::Uniform, 3000.0));
    simulation.when_full = WhenFull::Shed;
    let outcome = simulation.run(&client);
    assert_conserved(&outcome);
    let fates = outcome.tallies.get(Part::Window).unwrap().fates;
    assert!(fates.shed > 15_000 && fates.unsent == 0, "{fates:?}");
}

#[test]
fn a_closed_loop_has_no_lag_and_is_all_sent() {
    let client = Scripted::new(100, |_, _| Answer::After(10 * MS, Fate::Acknowledged));
    let outcome = simulation(windows(1, 2, 5), Source::Saturate).run(&client);
    assert_conserved(&outcome);
    let measured = outcome.tallies.get(Part::Window).unwrap();
    assert_eq!(measured.send_lag.max(), Some(Duration::ZERO));
    assert!(
        (outcome.window.acknowledged as f64 / 20_000.0 - 1.0).abs() < 0.02,
        "{}",
        outcome.window.acknowledged
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn fates_sum_to_the_schedule_whatever_the_client_does(
        seed in any::<u64>(),
        capacity in 1usize..400,
        rate in 10.0f64..3000.0,
        shed in any::<bool>(),
        poisson in any::<bool>(),
        trouble in 0u64..60,
    ) {
        let mut random = SplitMix64::new(seed);
        let client = Scripted::new(capacity, move |_, _| {
            let delay = random.below(300_000_000) as i64;
            match random.below(100) {
                n if n >= trouble => Answer::After(delay, Fate::Acknowledged),
                n => match n % 6 {
                    0 => Answer::After(delay, Fate::NotWritten(ErrorCode("MSG_TIMED_OUT"))),
                    1 => Answer::After(delay, Fate::PossiblyWritten(ErrorCode("REQUEST_TIMED_OUT"))),
                    2 => Answer::Reject(ErrorCode("MSG_SIZE_TOO_LARGE")),
                    3 => Answer::Silence,
                    4 => Answer::UntilPurged(Fate::NotWritten(ErrorCode("PURGE_QUEUE"))),
                    _ => Answer::UntilPurged(Fate::PossiblyWritten(ErrorCode("PURGE_INFLIGHT"))),
                },
            }
        });
        let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Uniform };
        let mut simulation = simulation(windows(1, 2, 1), paced(arrivals, rate));
        simulation.when_full = if shed { WhenFull::Shed } else { WhenFull::Hold };
        let outcome = simulation.run(&client);
        assert_conserved(&outcome);
        let place = Place { seed: 42, block: 0, index: 0, producers: 1 };
        let schedule = Schedule::new(arrivals, RecordRate::per_second(rate).unwrap(), place);
        let (asked, _) = schedule.digest(3_000_000_000, 0);
        let part = |part| outcome.tallies.get(part).map_or(0, |t| t.fates.scheduled);
        prop_assert_eq!(part(Part::WarmUp) + part(Part::Window), asked);
    }
}

/// The threads around sender and recorder, on the host's clock: facts only, no timing.
#[test]
fn an_attempt_runs_on_threads_and_accounts_for_every_record() {
    let windows = Windows {
        warm_up: Duration::from_millis(300),
        measure: Duration::from_millis(700),
        drain: Duration::from_secs(2),
    };
    let load = Load {
        rate: Rate::Paced(RecordRate::per_second(3000.0).unwrap()),
        arrivals: Arrivals::Uniform,
        producers: 3,
        record: RecordShape {
            size: Size::Fixed(100),
            content: Content::Generated { compressibility: 0.5 },
            headers: Vec::new(),
        },
        keys: Keys::None,
        partitioner: Partitioner::Native,
        when_full: WhenFull::Hold,
        seed: 42,
    };
    let pool = PayloadPool::new(&load.record, 1, 10_000, 100).unwrap();
    let workers = (0..3)
        .map(|index| {
            let client = acknowledged_after(|_| 2 * MS);
            Worker {
                index,
                client_id: format!("a-{index}"),
                topic: "t".into(),
                partitions: 1,
                producer: client.clone(),
                reports: client.clone(),
                control: std::sync::Arc::new(client),
            }
        })
        .collect();
    let setup = Setup {
        windows,
        load,
        block: 0,
        pool: std::sync::Arc::new(pool),
        cores: 2,
    };
    let (tell, events) = channel();
    let run = Run::start(workers, &setup, &MonotonicClock, Cpu::default, move |event| {
        tell.send(event).unwrap();
    });
    assert!(run.arm(1, MonotonicClock.now_ns() + 50 * MS, Duration::from_secs(30)));
    assert!(run.go(1));
    let mut sum = Tallies::default();
    let ended = loop {
        match events.recv_timeout(Duration::from_secs(20)).unwrap() {
            Event::Sample(sample) => sum.merge(&sample.tallies),
            Event::WindowResolved => run.end_load(),
            Event::NotStarted { .. } => panic!("go came in time"),
            Event::Ended(ended) => break ended,
        }
    };
    assert_eq!(ended.given_up, None);
    let report = ended.report;
    assert_eq!(sum, report.tallies);
    assert_eq!(report.tallies.unbalanced(), []);
    let fates = report.tallies.get(Part::Window).unwrap().fates;
    assert_eq!((fates.scheduled, fates.acknowledged), (2100, 2100));
    assert_eq!(
        report.partitions[&("t".into(), 0)].acknowledged,
        report.tallies.fates().acknowledged
    );
    assert!(
        report.tallies.get(Part::CoolDown).is_some(),
        "the load went on after the window"
    );
    assert!(report.facts.start_error_ns >= 0 && report.facts.missing_reports == 0);
}

#[test]
fn the_load_ends_with_its_lease() {
    let windows = windows(60, 60, 60);
    let load = Load {
        rate: Rate::Paced(RecordRate::per_second(100.0).unwrap()),
        arrivals: Arrivals::Uniform,
        producers: 1,
        record: RecordShape {
            size: Size::Fixed(10),
            content: Content::Generated { compressibility: 0.0 },
            headers: Vec::new(),
        },
        keys: Keys::None,
        partitioner: Partitioner::Native,
        when_full: WhenFull::Hold,
        seed: 1,
    };
    let pool = PayloadPool::new(&load.record, 1, 1000, 10).unwrap();
    let client = Scripted::new(usize::MAX, |_, _| {
        Answer::UntilPurged(Fate::PossiblyWritten(ErrorCode("PURGE_INFLIGHT")))
    });
    let worker = Worker {
        index: 0,
        client_id: "a-0".into(),
        topic: "t".into(),
        partitions: 1,
        producer: client.clone(),
        reports: client.clone(),
        control: std::sync::Arc::new(client.clone()),
    };
    let setup = Setup {
        windows,
        load,
        block: 0,
        pool: std::sync::Arc::new(pool),
        cores: 2,
    };
    let (tell, events) = channel();
    let run = Run::start(vec![worker], &setup, &MonotonicClock, Cpu::default, move |event| {
        let _ = tell.send(event);
    });
    assert!(run.arm(1, MonotonicClock.now_ns() + 20 * MS, Duration::from_millis(300)));
    assert!(run.go(1));
    let ended = loop {
        if let Event::Ended(ended) = events.recv_timeout(Duration::from_secs(20)).unwrap() {
            break ended;
        }
    };
    assert!(ended.given_up.unwrap().contains("lease"));
    assert!(ended.report.facts.purged_ns.is_some());
    assert_eq!(
        tribunal_engine::producer::Control::in_flight(&client),
        0,
        "nothing is left in the client"
    );
    let fates = ended.report.tallies.fates();
    assert_eq!(fates.acknowledged, 0);
    assert!(fates.unresolved > 0 && fates.balanced());
}
