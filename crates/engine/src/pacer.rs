//! Waiting for the next intended send.

use crate::clock::Clock;

/// A sleep ends about this late on a virtual machine, so the rest is spun where there are processors to spare.
const SPIN_NS: i64 = 60_000;
/// The shortest sleep: at high rates what falls due meanwhile goes out together, at most this late.
const SHORTEST_NS: i64 = 50_000;

/// Sleeps to absolute instants, and spins the last stretch where it may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    spin: bool,
}

impl Pacer {
    pub(crate) fn new(spin: bool) -> Self {
        Self { spin }
    }

    /// Waits until `until`, which is `due` or earlier; both from t0. Returns the nanoseconds that it spun.
    pub(crate) fn wait(self, clock: &impl Clock, t0: i64, until: i64, due: i64) -> u64 {
        let now = clock.now_ns() - t0;
        if until <= now {
            return 0;
        }
        if until - now < SHORTEST_NS {
            clock.sleep_until(t0 + now + SHORTEST_NS);
            return 0;
        }
        if !self.spin || until < due {
            clock.sleep_until(t0 + until);
            return 0;
        }
        clock.sleep_until(t0 + until - SPIN_NS);
        let from = clock.now_ns();
        while clock.now_ns() - t0 < until {
            std::hint::spin_loop();
        }
        (clock.now_ns() - from) as u64
    }
}
