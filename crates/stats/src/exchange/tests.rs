//! Experiments 11 and 12 on clocks of their own: the true offset is known, and has to lie within what is said.

use proptest::prelude::*;
use tribunal_model::seed::SplitMix64;

use super::*;
use crate::facts::RunFacts;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;

/// Two clocks that drift apart at one rate. Instants are those of the agent's clock.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    /// Coordinator's − agent's, at zero.
    offset: i64,
    /// By how many parts in 10⁹ the coordinator's runs faster.
    drift_ppb: i64,
}

impl Clocks {
    /// Coordinator's − agent's.
    fn offset(self, at: i64) -> i64 {
        self.offset + (i128::from(at) * i128::from(self.drift_ppb) / 1_000_000_000) as i64
    }

    fn coordinator(self, at: i64) -> i64 {
        at + self.offset(at)
    }
}

/// A path with a delay each way: fixed, and up to so much more at random.
#[derive(Clone, Copy, Debug)]
struct Path {
    out: (i64, u64),
    back: (i64, u64),
}

/// One measurement from `now` on.
fn measured(clocks: Clocks, path: Path, mut now: i64, random: &mut SplitMix64) -> ClockFacts {
    let mut measurement = Measurement::default();
    while !measurement.complete() {
        let mut delay = |(fixed, more): (i64, u64)| fixed + random.below(more + 1) as i64;
        let received = now + delay(path.out);
        let returned = received + delay((0, 50_000));
        let arrived = returned + delay(path.back);
        measurement.add(Exchange {
            sent: now,
            received: clocks.coordinator(received),
            returned: clocks.coordinator(returned),
            arrived,
        });
        now = arrived + 1000;
    }
    measurement.facts().unwrap()
}

/// Measures before and after a trial of a minute, and holds everything said against the truth.
fn check(clocks: Clocks, path: Path, seed: u64, start_error: i64) {
    let mut random = SplitMix64::new(seed);
    let begin = 100 * SECOND;
    let clock = measured(clocks, path, begin, &mut random);
    let clock_after = measured(clocks, path, begin + 70 * SECOND, &mut random);
    for facts in [clock, clock_after] {
        let error = facts.offset_ns - clocks.offset(facts.at_ns);
        assert!(
            error.abs() <= facts.bound_ns,
            "off by {error}: {facts:?} {clocks:?} {path:?}"
        );
        assert!((LEAST..=MOST).contains(&facts.exchanges), "{facts:?}");
    }
    for part in 0..=10 {
        let at = clock.at_ns + (clock_after.at_ns - clock.at_ns) / 10 * part;
        let (offset, bound) = clock.interpolated(&clock_after, at);
        let error = offset - clocks.offset(at);
        assert!(error.abs() <= bound, "off by {error} at {at}: {clocks:?} {path:?}");
    }
    // The coordinator says t0; the agent converts it once, and starts late by the error.
    let t0 = clocks.coordinator(begin + 20 * SECOND);
    let start_ns = t0 - clock.offset_ns;
    let facts = RunFacts {
        start_error_ns: start_error,
        start_ns,
        clock,
        clock_after,
        ..RunFacts::default()
    };
    let skew = clocks.coordinator(start_ns + start_error) - t0;
    assert!(
        skew.abs() <= facts.start_skew_ns(),
        "skew {skew} over {}",
        facts.start_skew_ns()
    );
}

const OFFSETS: [i64; 6] = [0, 50 * MS, -50 * MS, 500 * MS, -500 * MS, 1 << 50];
const DRIFTS: [i64; 5] = [0, 10_000, -10_000, 100_000, -100_000];

#[test]
fn the_truth_is_within_the_bound_for_every_offset_drift_and_path() {
    let lan = Path {
        out: (40_000, 100_000),
        back: (40_000, 100_000),
    };
    let one_way = Path {
        out: (40 * MS, 0),
        back: (0, 0),
    };
    let other_way = Path {
        out: (0, 0),
        back: (40 * MS, 1000),
    };
    let wide = Path {
        out: (60 * MS, 5_000_000),
        back: (20 * MS, 40_000_000),
    };
    for offset in OFFSETS {
        for drift_ppb in DRIFTS {
            for path in [lan, one_way, other_way, wide] {
                for start_error in [0, 80_000, 50 * MS] {
                    check(Clocks { offset, drift_ppb }, path, 7, start_error);
                }
            }
        }
    }
}

#[test]
fn a_path_that_is_slow_one_way_is_bounded_and_not_hidden() {
    let clocks = Clocks {
        offset: 0,
        drift_ppb: 0,
    };
    let path = Path {
        out: (40 * MS, 0),
        back: (0, 0),
    };
    let facts = measured(clocks, path, 0, &mut SplitMix64::new(1));
    assert_eq!(facts.offset_ns, 20 * MS);
    assert!((20 * MS..21 * MS).contains(&facts.bound_ns), "{facts:?}");
}

#[test]
fn drift_while_an_exchange_is_held_up_is_in_the_bound() {
    // The answer is held for a second; nothing of that is round trip, and the clocks drift by 100 µs meanwhile.
    let clocks = Clocks {
        offset: 0,
        drift_ppb: 100_000,
    };
    let mut measurement = Measurement::default();
    let [sent, received, returned, arrived] = [0, 0, SECOND, SECOND];
    measurement.add(Exchange {
        sent,
        received: clocks.coordinator(received),
        returned: clocks.coordinator(returned),
        arrived,
    });
    let facts = measurement.facts().unwrap();
    assert_eq!((facts.round_trip_ns, facts.at_ns), (0, SECOND / 2));
    assert!(
        (facts.offset_ns - clocks.offset(facts.at_ns)).abs() <= facts.bound_ns,
        "{facts:?}"
    );
}

#[test]
fn a_short_path_is_asked_often_and_a_long_one_not_for_long() {
    let clocks = Clocks {
        offset: 5,
        drift_ppb: 0,
    };
    let near = Path {
        out: (50_000, 0),
        back: (50_000, 0),
    };
    let far = Path {
        out: (100 * MS, 0),
        back: (100 * MS, 0),
    };
    let asked = |path| measured(clocks, path, 0, &mut SplitMix64::new(1)).exchanges;
    assert_eq!((asked(near), asked(far)), (MOST, LEAST));
}

proptest! {
    #[test]
    fn the_truth_is_within_the_bound(
        offset in -(1i64 << 60)..1 << 60,
        drift_ppb in -100_000..100_000i64,
        out in (0..200 * MS, 0..100_000_000u64),
        back in (0..200 * MS, 0..100_000_000u64),
        seed: u64,
        start_error in 0..20 * MS,
    ) {
        check(Clocks { offset, drift_ppb }, Path { out, back }, seed, start_error);
    }
}
