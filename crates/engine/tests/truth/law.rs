//! Little's law: records in flight, counted, against service times, stamped.

use tribunal_engine::producer::Outcome as Fate;
use tribunal_model::seed::SplitMix64;
use tribunal_model::trial::Arrivals;
use tribunal_stats::little::{Little, Observed, little};
use tribunal_testkit::producer::{Answer, Batching, Scripted};
use tribunal_testkit::service::{Server, Service};
use tribunal_testkit::simulation::{Outcome, Tamper};

use crate::{BOTH, MS, assert_conserved, measured, paced, simulation, windows};

fn law(outcome: &Outcome) -> Little {
    let (seen, service) = (&outcome.instruments, &measured(outcome).service);
    little(&Observed {
        in_flight_mean: seen.in_flight_mean,
        in_flight_max: seen.in_flight_max,
        looks: seen.looks,
        accepted: seen.accepted,
        window_ns: seen.window_ns,
        mean_service_ns: service.mean().unwrap().as_nanos() as f64,
        max_service_ns: service.max().unwrap().as_nanos() as f64,
    })
    .unwrap()
}

/// 2,000/s for 60 s at 5 ms of service in the mean.
fn served(arrivals: Arrivals, service: Service, queued: bool, tamper: Option<Tamper>) -> Outcome {
    let (mut random, mut server) = (SplitMix64::new(5), Server::default());
    let client = Scripted::new(usize::MAX, move |_, at| {
        let takes = service.draw(&mut random);
        let done = if queued {
            server.queued(at, takes / 20)
        } else {
            server.alone(at, takes)
        };
        Answer::After(done - at, Fate::Acknowledged)
    });
    let mut simulation = simulation(windows(2, 60, 5), paced(arrivals, 2000.0));
    simulation.tamper = tamper;
    let outcome = simulation.run(&client);
    assert_conserved(&outcome);
    outcome
}

const SERVICES: [Service; 3] = [
    Service::Constant(5 * MS),
    Service::Exponential(5e6),
    Service::Pareto(5e6, 2.5),
];

/// Experiment 18: with constant, exponential and Pareto service, alone and in one queue.
#[test]
fn records_in_flight_are_rate_times_service_time() {
    for arrivals in BOTH {
        for service in SERVICES {
            for queued in [false, true] {
                let outcome = served(arrivals, service, queued, None);
                let law = law(&outcome);
                println!("{arrivals:?} {service:?} queued {queued}: {law:?}");
                assert!(law.residual.abs() <= Little::LIMIT, "{law:?}");
                assert!(law.holds());
            }
        }
    }
}

/// Experiment 18, broken: a recorder that takes a tenth off breaks the law, and so does one that stamps late.
#[test]
fn a_mis_timed_recorder_breaks_the_law() {
    for service in SERVICES {
        let early: Tamper = Box::new(|delivery, now| delivery.accepted_ns += (now - delivery.accepted_ns) / 10);
        let told = law(&served(Arrivals::Poisson, service, false, Some(early)));
        assert!(!told.holds() && told.residual > 0.0, "{told:?}");
        let late: Tamper = Box::new(|delivery, _| delivery.accepted_ns -= MS);
        let told = law(&served(Arrivals::Poisson, service, false, Some(late)));
        assert!(!told.holds() && told.residual < 0.0, "{told:?}");
    }
}

/// Looks that beat with the schedule would see a record in flight always or never: here 0.3 of the time.
#[test]
fn the_watch_does_not_beat_with_an_even_schedule() {
    let client = Scripted::new(usize::MAX, |_, _| Answer::After(300_000, Fate::Acknowledged));
    let outcome = simulation(windows(2, 60, 5), paced(Arrivals::Uniform, 1000.0)).run(&client);
    let law = law(&outcome);
    assert!((outcome.instruments.in_flight_mean - 0.3).abs() < 0.01, "{law:?}");
    assert!(law.holds());
}

#[test]
fn the_law_holds_for_batches_as_well() {
    let client = Scripted::new(usize::MAX, |_, _| Answer::After(4 * MS, Fate::Acknowledged)).batching(Batching {
        records: 30,
        linger_ns: 10 * MS,
    });
    let outcome = simulation(windows(2, 60, 5), paced(Arrivals::Poisson, 2000.0)).run(&client);
    assert!(law(&outcome).residual.abs() <= Little::LIMIT, "{:?}", law(&outcome));
}
