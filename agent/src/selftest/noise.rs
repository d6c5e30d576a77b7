//! How much the host disturbs, seen by threads of this module's own while an experiment runs.
//!
//! On each processor (of the first few) a thread sleeps a millisecond and looks how late it woke: what holds it up holds
//! up whatever else has to run there. Ten times a second another one looks how long each thread of this process was
//! runnable and not running (schedstat), and how much time the hypervisor took (steal).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;

use procfs::CurrentSI;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tribunal_engine::clock::{Clock, MonotonicClock, sleep_precisely};

use super::finding::ms;

/// Processors that are watched at most.
const WATCHED: usize = 4;
const EVERY: i64 = 1_000_000;
/// A wake-up later than this is a hiccup.
const HICCUP: i64 = 1_000_000;
const SLICE: i64 = 100_000_000;

/// What was seen of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Noise {
    /// The longest by which a sleeping thread woke late.
    pub(crate) hiccup_ns: i64,
    /// How often one woke more than a millisecond late.
    pub(crate) hiccups: u64,
    /// By how much in all, over those.
    pub(crate) late_ns: i64,
    /// The longest that one thread of this process waited for a processor within a tenth of a second.
    pub(crate) wait_ns: i64,
    /// The most that the hypervisor took within a tenth of a second.
    pub(crate) steal_ns: i64,
}

impl Noise {
    /// What one instant may be off because of it, in nanoseconds.
    pub(crate) fn ns(&self) -> f64 {
        (self.hiccup_ns.max(self.wait_ns) + self.steal_ns) as f64
    }

    /// For how long in all something was held up: hiccups, and at least the longest single disturbance.
    pub(crate) fn total_ns(&self) -> f64 {
        (self.late_ns as f64).max(self.ns())
    }

    /// With what the engine's own instruments saw.
    #[must_use]
    pub(crate) fn with_hiccup(mut self, hiccup_ns: i64) -> Self {
        self.hiccup_ns = self.hiccup_ns.max(hiccup_ns);
        self
    }
}

impl std::fmt::Display for Noise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "host: woken up to {} late ({} times above 1 ms), waited for a processor up to {} and stolen up to {} in 0.1 s",
            ms(self.hiccup_ns as f64),
            self.hiccups,
            ms(self.wait_ns as f64),
            ms(self.steal_ns as f64)
        )
    }
}

#[derive(Debug, Default)]
struct Seen {
    stop: AtomicBool,
    hiccup: AtomicI64,
    hiccups: AtomicU64,
    late: AtomicI64,
    wait: AtomicI64,
    steal: AtomicI64,
}

/// Threads that watch the host until they are asked what they saw.
#[derive(Debug)]
pub(crate) struct Watching {
    seen: Arc<Seen>,
    threads: Vec<JoinHandle<()>>,
}

impl Watching {
    /// Begins to watch.
    pub(crate) fn begin() -> Self {
        let seen = Arc::new(Seen::default());
        let allowed = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        let cpus = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).take(WATCHED);
        let mut threads: Vec<_> = cpus
            .filter_map(|cpu| spawn("noise-cpu", &seen, move |seen| wake_on(cpu, seen)))
            .collect();
        threads.extend(spawn("noise-waits", &seen, waits));
        Self { seen, threads }
    }

    /// What was seen.
    pub(crate) fn end(mut self) -> Noise {
        self.join();
        let seen = &self.seen;
        Noise {
            hiccup_ns: seen.hiccup.load(Ordering::Acquire),
            hiccups: seen.hiccups.load(Ordering::Acquire),
            late_ns: seen.late.load(Ordering::Acquire),
            wait_ns: seen.wait.load(Ordering::Acquire),
            steal_ns: seen.steal.load(Ordering::Acquire),
        }
    }

    fn join(&mut self) {
        self.seen.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            // A thread that panicked saw no more.
            let _ = thread.join();
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.join();
    }
}

fn spawn(name: &str, seen: &Arc<Seen>, body: impl FnOnce(&Seen) + Send + 'static) -> Option<JoinHandle<()>> {
    let seen = Arc::clone(seen);
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(move || body(&seen)).ok()
}

fn wake_on(cpu: usize, seen: &Seen) {
    let mut set = CpuSet::new();
    set.set(cpu);
    // Where it may not be there, it watches wherever it is.
    let _ = sched_setaffinity(None, &set);
    sleep_precisely();
    let mut due = MonotonicClock.now_ns() + EVERY;
    while !seen.stop.load(Ordering::Acquire) {
        MonotonicClock.sleep_until(due);
        let now = MonotonicClock.now_ns();
        seen.hiccup.fetch_max(now - due, Ordering::AcqRel);
        if now - due > HICCUP {
            seen.hiccups.fetch_add(1, Ordering::AcqRel);
            seen.late.fetch_add(now - due, Ordering::AcqRel);
        }
        due = now + EVERY;
    }
}

fn waits(seen: &Seen) {
    let tick = 1_000_000_000 / procfs::ticks_per_second().max(1);
    let steal = || {
        let stat = procfs::KernelStats::current().ok();
        stat.and_then(|stat| stat.total.steal).unwrap_or(0) * tick
    };
    let (mut before, mut stolen) = (run_delays(), steal());
    let mut due = MonotonicClock.now_ns();
    while !seen.stop.load(Ordering::Acquire) {
        due += SLICE;
        MonotonicClock.sleep_until(due);
        let now = run_delays();
        for (thread, delay) in &now {
            let since = delay - before.get(thread).unwrap_or(delay);
            seen.wait.fetch_max(since, Ordering::AcqRel);
        }
        let taken = steal();
        let since = taken.saturating_sub(stolen) as i64;
        seen.steal.fetch_max(since, Ordering::AcqRel);
        (before, stolen) = (now, taken);
    }
}

/// For how long each thread of this process was runnable without running so far: the second figure of schedstat.
fn run_delays() -> HashMap<String, i64> {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads
        .filter_map(|thread| {
            let told = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let delay = told.split_whitespace().nth(1)?.parse().ok()?;
            Some((thread.file_name().to_string_lossy().into_owned(), delay))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_seen() {
        let watching = Watching::begin();
        let until = MonotonicClock.now_ns() + 30_000_000;
        MonotonicClock.sleep_until(until);
        let noise = watching.end();
        assert!(noise.hiccup_ns > 0, "{noise}");
        assert!(noise.ns() >= noise.hiccup_ns as f64);
        assert_eq!(noise.with_hiccup(i64::MAX).hiccup_ns, i64::MAX);
    }
}
