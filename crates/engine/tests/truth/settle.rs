//! A window whose beginning is announced while the load is on.

use tribunal_engine::producer::Outcome as Fate;
use tribunal_engine::sender::Source;
use tribunal_model::trial::{Arrivals, Part};
use tribunal_testkit::producer::{Answer, Scripted};

use crate::{
    ALONE, BOTH, MS, SECOND, acknowledged_after, assert_conserved, intended, measured, paced, simulation, windows,
};

/// t1 would be at 20 s at the latest; at 1.7 s the window is announced for 3 s.
#[test]
fn records_belong_to_the_window_as_it_was_announced() {
    for arrivals in BOTH {
        for stall in [None, Some((1_650 * MS, 3_100 * MS))] {
            let client = acknowledged_after(|at| MS + at % (50 * MS));
            let mut simulation = simulation(windows(20, 4, 5), paced(arrivals, 2000.0));
            simulation.opens = Some((1_700 * MS, 3 * SECOND));
            simulation.stalls = stall.into_iter().collect();
            let outcome = simulation.run(&client);
            assert_conserved(&outcome);
            let windows = outcome.windows;
            assert_eq!((windows.t1_ns(), windows.t2_ns()), (3 * SECOND, 7 * SECOND));
            let all = intended(arrivals, 2000.0, ALONE, windows.t2_ns());
            let warm_up = all.iter().filter(|at| **at < windows.t1_ns()).count() as u64;
            let of = |part| outcome.tallies.get(part).unwrap().fates.scheduled;
            assert_eq!(
                (of(Part::WarmUp), of(Part::Window)),
                (warm_up, all.len() as u64 - warm_up)
            );
            assert!(outcome.raw.iter().all(|(d, _)| d.part == windows.part(d.intended_ns)));
            assert!(
                outcome.slices.iter().all(|slice| slice.start_ns % SECOND == 0),
                "the grid stays"
            );
            let resolved: Vec<u64> = [windows.t1_ns(), windows.t2_ns()]
                .into_iter()
                .map(|edge| outcome.raw.iter().filter(|(_, at)| *at < edge).count() as u64)
                .collect();
            assert_eq!(outcome.reports.resolved[..], resolved[..]);
            let within = outcome
                .raw
                .iter()
                .filter(|(_, at)| (3 * SECOND..7 * SECOND).contains(at))
                .count();
            assert_eq!(outcome.window.acknowledged, within as u64);
            let seen = &outcome.instruments;
            assert!((3900..=4000).contains(&seen.looks), "{seen:?}");
            if stall.is_none() {
                assert_eq!(
                    measured(&outcome).schedule_delay.max().unwrap(),
                    std::time::Duration::ZERO
                );
            } else {
                let late = measured(&outcome).schedule_delay.max().unwrap();
                assert!(late.abs_diff(std::time::Duration::from_millis(100)) < std::time::Duration::from_millis(2));
            }
        }
    }
}

#[test]
fn a_closed_loop_knows_its_window_too() {
    let client = Scripted::new(100, |_, _| Answer::After(10 * MS, Fate::Acknowledged));
    let mut simulation = simulation(windows(20, 2, 5), Source::Saturate);
    simulation.opens = Some((1_790 * MS, 2 * SECOND));
    let outcome = simulation.run(&client);
    assert_conserved(&outcome);
    assert!((outcome.window.acknowledged as f64 / 20_000.0 - 1.0).abs() < 0.02);
    assert!(
        outcome
            .raw
            .iter()
            .all(|(d, _)| d.part == outcome.windows.part(d.intended_ns))
    );
}

/// A client that is full when the window is announced: what waits is of the warm-up, and blocked, not late.
#[test]
fn block_time_and_parts_survive_the_announcement() {
    let client = Scripted::new(100, |_, at| {
        let until = 3_500 * MS;
        Answer::After(if at < SECOND { MS } else { (until - at).max(MS) }, Fate::Acknowledged)
    });
    let mut simulation = simulation(windows(20, 4, 5), paced(Arrivals::Uniform, 1000.0));
    simulation.opens = Some((1_700 * MS, 2 * SECOND));
    let outcome = simulation.run(&client);
    assert_conserved(&outcome);
    let measured = measured(&outcome);
    assert_eq!(measured.fates.scheduled, 4000);
    assert_eq!(measured.schedule_delay.max(), Some(std::time::Duration::ZERO));
    // Blocked from 1.1 s to 3.5 s; of the window, from 2 s on.
    let blocked = outcome.window.blocked_ns;
    assert!((1_490 * MS as u64..1_700 * MS as u64).contains(&blocked), "{blocked}");
}
