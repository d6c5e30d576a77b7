//! The coordinator's clocks.

use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds: what instants on the wire mean.
pub(crate) fn now_ns() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Processor time of the calling thread so far, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> i64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// The wall clock as RFC 3339 text, for people.
pub(crate) fn wall() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Millisecond).unwrap_or(now).to_string()
}

/// The tokio instant at which `now_ns` will show `instant_ns`.
pub(crate) fn tokio_instant(instant_ns: i64) -> tokio::time::Instant {
    // A year stands for never: tokio's clock does not reach the end of ours.
    const YEAR: i64 = 365 * 86_400 * 1_000_000_000;
    let left = instant_ns.saturating_sub(now_ns()).clamp(0, YEAR);
    tokio::time::Instant::now() + std::time::Duration::from_nanos(left as u64)
}
