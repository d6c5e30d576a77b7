//! The watch: a thread that does nothing but sleep about a millisecond and look, inside `[t1, t2)`; ten where clients run in
//! drivers, whose processes it should not disturb and whose records it cannot count.
//!
//! What wakes it late held up the whole host or process, whether a record was there to notice or not (the idea is
//! jHiccup's, Gil Tene). On the way it counts the records in flight, from counters that have nothing to do with the
//! instants by which latencies are told: with them Little's law checks those instants (`tribunal_stats::little`).
//! Each stretch has one look, at a random instant of it: looks at even distances would beat with evenly spread
//! intended sends, and would see a record in flight always or never.

use std::sync::Arc;

use tribunal_model::seed::SplitMix64;
use tribunal_stats::facts::Instruments;

use crate::clock::{Clock, sleep_precisely};
use crate::collector::Message;
use crate::producer::Control;
use crate::threads::{Common, Pair};

/// The stretch that has one look in it, in nanoseconds, where the agent's own clients are watched.
pub const EVERY: i64 = 1_000_000;
/// A look later than this is a hiccup.
const HICCUP: i64 = 1_000_000;
/// How often it looks whether the window's beginning has been announced.
const AWAIT: i64 = 20_000_000;

/// What the looks have seen so far.
#[derive(Debug)]
pub struct Watch {
    every: i64,
    random: SplitMix64,
    looks: u64,
    hiccup_max: i64,
    hiccups: u64,
    in_flight: u128,
    in_flight_max: u64,
    /// Instant and records accepted so far, at the first and at the last look.
    first: Option<(i64, u64)>,
    last: (i64, u64),
}

impl Watch {
    /// There is one look in each stretch of `every` nanoseconds.
    pub fn new(every: i64) -> Self {
        Self {
            every,
            random: SplitMix64::new(1),
            looks: 0,
            hiccup_max: 0,
            hiccups: 0,
            in_flight: 0,
            in_flight_max: 0,
            first: None,
            last: (0, 0),
        }
    }

    /// A look that was due at `due` and took place at `now`, both from t0; records in flight, and accepted so far.
    pub fn look(&mut self, due: i64, now: i64, in_flight: u64, accepted: u64) {
        self.late(now - due);
        self.looks += 1;
        self.in_flight += u128::from(in_flight);
        self.in_flight_max = self.in_flight_max.max(in_flight);
        self.first.get_or_insert((now, accepted));
        self.last = (now, accepted);
    }

    /// A wake-up so late that there was nothing left to look at, or one that belongs to a look.
    pub fn late(&mut self, late: i64) {
        self.hiccup_max = self.hiccup_max.max(late);
        self.hiccups += u64::from(late > HICCUP);
    }

    /// When the look after one at `now` is due: in the next stretch from `t1`. Missed looks are not made up.
    pub fn next(&mut self, t1: i64, now: i64) -> i64 {
        t1 + ((now - t1).div_euclid(self.every) + 1) * self.every + self.random.below(self.every as u64) as i64
    }

    /// What it has seen.
    pub fn instruments(&self) -> Instruments {
        let first = self.first.unwrap_or_default();
        Instruments {
            window_ns: (self.last.0 - first.0).max(0) as u64,
            looks: self.looks,
            hiccup_max_ns: self.hiccup_max,
            hiccups: self.hiccups,
            in_flight_mean: self.in_flight as f64 / self.looks.max(1) as f64,
            in_flight_max: self.in_flight_max,
            accepted: self.last.1.saturating_sub(first.1),
            ..Instruments::default()
        }
    }
}

/// The watch's thread: from the gate to t2.
pub(crate) fn watch<C: Clock>(common: &Common<C>, clients: &[(Arc<Pair>, Arc<dyn Control>)]) {
    let Common { shared, clock, .. } = common;
    sleep_precisely();
    let Some(t0) = common.pass_gate() else { return };
    let mut watch = Watch::new(EVERY);
    let mut due = None;
    loop {
        let windows = shared.parts.windows();
        let (t1, t2) = (windows.t1_ns(), windows.t2_ns());
        let now = clock.now_ns() - t0;
        if shared.ending() {
            break;
        }
        let Some(at) = due else {
            // An announcement comes earlier than this before t1.
            if now + AWAIT < t1 {
                clock.sleep_until(t0 + now + AWAIT);
            } else {
                due = Some(watch.next(t1, now.max(t1 - 1)));
            }
            continue;
        };
        if at >= t2 {
            break;
        }
        clock.sleep_until(t0 + at);
        let now = clock.now_ns() - t0;
        if now >= t2 {
            watch.late(now - at);
            break;
        }
        // In this order: a record that is accepted between the two counts makes nothing negative.
        let in_flight = clients.iter().map(|(_, control)| control.in_flight()).sum();
        let accepted = clients.iter().map(|(pair, _)| pair.accepted()).sum();
        watch.look(at, now, in_flight, accepted);
        due = Some(watch.next(t1, now));
    }
    common.tell(Message::Watched(Box::new(watch.instruments())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_looks_are_not_made_up_and_the_oversleep_is_told() {
        let mut watch = Watch::new(EVERY);
        watch.look(1_000_000, 1_050_000, 10, 100);
        let due = watch.next(0, 1_050_000);
        assert_eq!(due / EVERY, 2);
        watch.look(2_000_000, 202_000_000, 30, 500);
        assert_eq!(watch.next(0, 202_000_000) / EVERY, 203);
        assert_eq!(
            watch.next(7, 6).div_euclid(EVERY),
            0,
            "the first is in the first millisecond"
        );
        let seen = watch.instruments();
        assert_eq!((seen.looks, seen.hiccups, seen.hiccup_max_ns), (2, 1, 200_000_000));
        assert_eq!((seen.accepted, seen.window_ns), (400, 200_950_000));
        assert_eq!((seen.in_flight_mean, seen.in_flight_max), (20.0, 30));
    }

    #[test]
    fn a_watch_that_saw_nothing_says_so() {
        assert_eq!(Watch::new(EVERY).instruments(), Instruments::default());
    }
}
