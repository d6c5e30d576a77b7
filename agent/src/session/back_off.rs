//! Pauses between tries to reach the coordinator.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The first pause at most, and every pause at most.
const FIRST: Duration = Duration::from_millis(500);
const MOST: Duration = Duration::from_secs(8);

/// Pauses that double, each drawn between half of its greatest length and all of it, so that agents that lost the same
/// coordinator do not come back in step.
#[derive(Debug)]
pub(super) struct BackOff {
    at_most: Duration,
    random: RandomState,
    drawn: u64,
}

impl BackOff {
    pub(super) fn new() -> Self {
        Self {
            at_most: FIRST,
            random: RandomState::new(),
            drawn: 0,
        }
    }

    /// The coordinator was reached.
    pub(super) fn reset(&mut self) {
        self.at_most = FIRST;
    }

    /// The next pause.
    pub(super) fn pause(&mut self) -> Duration {
        let at_most = self.at_most;
        self.at_most = (2 * at_most).min(MOST);
        self.drawn += 1;
        let share = self.random.hash_one(self.drawn) as f64 / u64::MAX as f64;
        at_most.mul_f64(0.5 + share / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_differ_and_begin_anew() {
        let mut back_off = BackOff::new();
        let mut at_most = FIRST;
        for _ in 0..10 {
            let pause = back_off.pause();
            assert!(at_most / 2 <= pause && pause <= at_most, "{pause:?} of {at_most:?}");
            at_most = (2 * at_most).min(MOST);
        }
        let late: Vec<Duration> = (0..10).map(|_| back_off.pause()).collect();
        assert!(late.windows(2).any(|two| two[0] != two[1]), "{late:?}");
        back_off.reset();
        assert!(back_off.pause() <= FIRST);
    }
}
