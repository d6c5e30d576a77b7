//! Conservation: every intended send has one fate.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tribunal_engine::producer::{ErrorCode, Outcome as Fate};
use tribunal_engine::sender::Source;
use tribunal_model::seed::SplitMix64;
use tribunal_model::trial::{Arrivals, Part, WhenFull};
use tribunal_testkit::producer::{Answer, Scripted};
use tribunal_testkit::simulation::Outcome;

use crate::{ALONE, assert_conserved, intended, paced, simulation, windows};

/// A client that fails in every way, in `trouble` of 100 records; and how many copies too many it leaves in the log.
fn troubled(seed: u64, capacity: usize, trouble: u64) -> Scripted {
    let mut random = SplitMix64::new(seed);
    Scripted::new(capacity, move |_, _| {
        let delay = random.below(300_000_000) as i64;
        let chance = random.below(100);
        if chance >= trouble {
            return Answer::After(delay, Fate::Acknowledged);
        }
        match random.below(8) {
            0 => Answer::After(delay, Fate::NotWritten(ErrorCode("MSG_TIMED_OUT"))),
            1 => Answer::Logged(delay, Fate::PossiblyWritten(ErrorCode("REQUEST_TIMED_OUT")), 0),
            2 => Answer::Logged(delay, Fate::PossiblyWritten(ErrorCode("REQUEST_TIMED_OUT")), 1),
            3 => Answer::Logged(delay, Fate::Acknowledged, 2),
            4 => Answer::Reject(ErrorCode("MSG_SIZE_TOO_LARGE")),
            5 => Answer::Silence,
            6 => Answer::UntilPurged(Fate::NotWritten(ErrorCode("PURGE_QUEUE"))),
            _ => Answer::UntilPurged(Fate::PossiblyWritten(ErrorCode("PURGE_INFLIGHT"))),
        }
    })
}

/// The log holds every acknowledged record once under its own offset, and no more than may be there.
fn agrees_with_the_log(outcome: &Outcome, client: &Scripted) {
    let end = client.logs().get(&0).copied().unwrap_or(0) as u64;
    let count = outcome.reports.partitions[&0];
    let offsets = &outcome.reports.offsets[&0];
    assert_eq!(offsets.count(), count.acknowledged);
    assert_eq!(
        (offsets.repeated(), offsets.unknown(), offsets.outside(0, end)),
        (0, 0, 0)
    );
    let sequences = outcome.reports.sequences.as_ref().expect("records are read back");
    let acknowledged = outcome
        .raw
        .iter()
        .filter(|(told, _)| told.outcome == Fate::Acknowledged);
    let told: BTreeSet<i64> = acknowledged
        .filter_map(|(told, _)| Some(told.sequence? as i64))
        .collect();
    let listed = sequences
        .runs()
        .flat_map(|(first, records)| first..first + records as i64);
    assert!(listed.eq(told), "every acknowledged record by its own sequence");
    assert_eq!(
        (sequences.count(), sequences.repeated(), sequences.unknown()),
        (count.acknowledged, 0, 0)
    );
    assert!(count.acknowledged <= end, "{count:?} of {end}");
    let reported = outcome.tallies.fates();
    assert_eq!(count.acknowledged, reported.acknowledged);
    let unassigned = outcome.reports.partitions.get(&-1).map_or(0, |none| none.perhaps);
    assert!(
        end <= 2 * count.acknowledged + count.perhaps + unassigned,
        "each acknowledged record is there at most twice: {count:?} of {end}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Experiment 17.
    #[test]
    fn fates_sum_to_the_schedule_whatever_the_client_does(
        seed in any::<u64>(),
        capacity in 1usize..400,
        rate in 10.0f64..3000.0,
        shed in any::<bool>(),
        poisson in any::<bool>(),
        trouble in 0u64..100,
    ) {
        let client = troubled(seed, capacity, trouble);
        let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Uniform };
        let mut simulation = simulation(windows(1, 2, 1), paced(arrivals, rate));
        simulation.when_full = if shed { WhenFull::Shed } else { WhenFull::Hold };
        let outcome = simulation.run(&client);
        assert_conserved(&outcome);
        agrees_with_the_log(&outcome, &client);
        let asked = intended(arrivals, rate, ALONE, 3_000_000_000).len() as u64;
        let part = |part| outcome.tallies.get(part).map_or(0, |t| t.fates.scheduled);
        prop_assert_eq!(part(Part::WarmUp) + part(Part::Window), asked);
    }

    /// Experiment 17 in a closed loop: what was offered is what has a fate.
    #[test]
    fn a_closed_loop_accounts_for_what_it_offered(seed in any::<u64>(), capacity in 1usize..50, trouble in 0u64..90) {
        let client = troubled(seed, capacity, trouble);
        let mut simulation = simulation(windows(1, 1, 1), Source::Saturate);
        // A client that never speaks again is never full, so that a closed loop would never rest.
        simulation.stalls = (0..40).map(|i| (i * 50_000_000 + 1, (i + 1) * 50_000_000)).collect();
        let outcome = simulation.run(&client);
        assert_conserved(&outcome);
        agrees_with_the_log(&outcome, &client);
    }
}
