//! The one clock of an agent: `CLOCK_MONOTONIC`, in nanoseconds.

use rustix::thread::{ClockId as SleepClock, clock_nanosleep_absolute};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds of a monotonic clock, and sleeping until one of them.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The present instant.
    fn now_ns(&self) -> i64;

    /// Sleeps until the clock shows at least `instant_ns`; returns at once when it already does.
    fn sleep_until(&self, instant_ns: i64);

    /// The clock by which leases end: it goes on while the host is suspended, so a lease cannot outlive a suspension.
    fn lease_ns(&self) -> i64;
}

/// `CLOCK_MONOTONIC` of this host.
#[derive(Clone, Copy, Debug, Default)]
pub struct MonotonicClock;

impl Clock for MonotonicClock {
    fn now_ns(&self) -> i64 {
        let now = clock_gettime(ClockId::Monotonic);
        now.tv_sec * 1_000_000_000 + now.tv_nsec
    }

    fn sleep_until(&self, instant_ns: i64) {
        let until = Timespec {
            tv_sec: instant_ns / 1_000_000_000,
            tv_nsec: instant_ns % 1_000_000_000,
        };
        while self.now_ns() < instant_ns {
            // A signal may end the sleep early.
            let _ = clock_nanosleep_absolute(SleepClock::Monotonic, &until);
        }
    }

    fn lease_ns(&self) -> i64 {
        let now = clock_gettime(ClockId::Boottime);
        now.tv_sec * 1_000_000_000 + now.tv_nsec
    }
}

/// Lets the calling thread sleep to the nanosecond instead of the 50 µs by which Linux may delay wake-ups.
pub fn sleep_precisely() {
    // Where the kernel refuses, sleeps end up to 50 µs late, which the schedule delay shows.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}

/// Processor time of the calling thread so far, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// For how long the calling thread was runnable without running, in nanoseconds so far; 0 where the kernel does not tell.
///
/// The second figure of `/proc/thread-self/schedstat`.
pub fn run_queue_ns() -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split_whitespace()
        .nth(1)
        .and_then(|figure| figure.parse().ok())
        .unwrap_or(0)
}
