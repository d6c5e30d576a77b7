//! The parts of a trial, the beginning of whose window may be announced while the warm-up goes on.

use std::sync::OnceLock;
use std::time::Duration;

use tribunal_model::trial::{Windows, nanoseconds};

/// How far ahead the window's beginning has to be announced, in nanoseconds: by then every load thread has looked.
const AHEAD: i64 = 200_000_000;
const SECOND: i64 = 1_000_000_000;

/// The lengths of a trial's parts, with the window at the latest until it is announced.
///
/// An instant is a whole second from t0 and ahead of everything that has been intended so far, so nothing that was booked
/// before has to be booked anew: a load thread looks after it has read its clock and before it books. What a look costs
/// is one load of an atomic.
#[derive(Debug)]
pub struct Parts {
    earliest: Windows,
    settle: Duration,
    /// The announced t1, from t0.
    announced: OnceLock<i64>,
}

impl Parts {
    /// Parts whose warm-up is as long as said, and longer by at most `settle`.
    pub fn new(windows: Windows, settle: Duration) -> Self {
        Self {
            earliest: windows,
            settle,
            announced: OnceLock::new(),
        }
    }

    /// The parts as far as is known: those that hold, or those with the window at the latest.
    pub fn windows(&self) -> Windows {
        let warm_up = match self.announced.get() {
            Some(t1) => Duration::from_nanos(*t1 as u64),
            None => self.earliest.warm_up + self.settle,
        };
        Windows {
            warm_up,
            ..self.earliest
        }
    }

    /// The announced t1, once there is one.
    pub fn announced(&self) -> Option<i64> {
        self.announced.get().copied()
    }

    /// Announces t1 at `now`, both from t0. False, and nothing changes, when it is not a whole second, not far enough
    /// ahead, earlier than the earliest or later than the latest, or when there is an announcement already.
    pub fn announce(&self, t1: i64, now: i64) -> bool {
        let earliest = nanoseconds(self.earliest.warm_up);
        let latest = nanoseconds(self.earliest.warm_up + self.settle);
        !self.settle.is_zero()
            && t1 % SECOND == 0
            && (earliest..=latest).contains(&t1)
            && now + AHEAD <= t1
            && self.announced.set(t1).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn parts(settle: u64) -> Parts {
        let windows = Windows {
            warm_up: Duration::from_millis(1500),
            measure: Duration::from_secs(2),
            drain: Duration::from_secs(1),
        };
        Parts::new(windows, Duration::from_secs(settle))
    }

    #[test]
    fn the_window_opens_at_a_whole_second_ahead_once() {
        let parts = parts(10);
        assert_eq!(parts.windows().t1_ns(), 11_500 * MS, "the latest");
        assert!(!parts.announce(1_000 * MS, 0), "before the warm-up's end");
        assert!(!parts.announce(3_500 * MS, 0), "no whole second");
        assert!(!parts.announce(3_000 * MS, 2_801 * MS), "too late");
        assert!(!parts.announce(12_000 * MS, 0), "after the latest");
        assert!(parts.announce(3_000 * MS, 2_800 * MS));
        assert!(!parts.announce(4_000 * MS, 2_800 * MS), "once");
        assert_eq!(parts.announced(), Some(3_000 * MS));
        let windows = parts.windows();
        assert_eq!(
            (windows.t1_ns(), windows.t2_ns(), windows.deadline_ns()),
            (3_000 * MS, 5_000 * MS, 6_000 * MS)
        );
    }

    #[test]
    fn a_warm_up_of_fixed_length_is_not_announced() {
        let parts = parts(0);
        assert!(!parts.announce(2_000 * MS, 0));
        assert_eq!(parts.windows().t1_ns(), 1_500 * MS);
    }
}
