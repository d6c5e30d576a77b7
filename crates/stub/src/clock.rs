//! The clock of the stub.

use rustix::time::{ClockId, clock_gettime};

/// The present instant, in nanoseconds of `CLOCK_MONOTONIC`.
pub fn now_ns() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Lets the calling thread wait to the nanosecond instead of the 50 µs by which Linux may delay wake-ups.
pub(crate) fn wait_precisely() {
    // Where the kernel refuses, answers leave up to 50 µs late, which the truth shows.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}
