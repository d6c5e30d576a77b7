//! How much processor time this process uses, by group of threads.

use std::collections::{HashMap, HashSet};

use procfs::CurrentSI;
use tribunal_stats::Cpu;

/// How the names of librdkafka's threads begin.
const CLIENT: &str = "rdk:";

/// A driver's process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Its threads take turns, as Python's do: together they have one processor at most.
    pub(crate) turns: bool,
}

/// Tells the processor time used between its calls, by group of threads.
#[derive(Debug)]
pub(crate) struct Probe {
    /// Processes of drivers, whose whole time is the clients'.
    drivers: Vec<Process>,
    /// Threads of librdkafka that are no producer's.
    apart: HashSet<i32>,
    threads: HashMap<i32, u64>,
    /// For how long threads that take turns had waited for a processor when they were seen first.
    waits: HashMap<i32, u64>,
    busy: u64,
    steal: u64,
}

impl Probe {
    /// A probe whose first call tells the time since now.
    pub(crate) fn new() -> Self {
        Self::of(Vec::new())
    }

    /// As [`Self::new`], with these processes' time as the clients'.
    pub(crate) fn of(drivers: Vec<Process>) -> Self {
        let mut probe = Self {
            drivers,
            apart: HashSet::new(),
            threads: HashMap::new(),
            waits: HashMap::new(),
            busy: 0,
            steal: 0,
        };
        probe.tell();
        probe.waited_ns();
        probe
    }

    /// The same, with these threads of librdkafka as no client's.
    #[must_use]
    pub(crate) fn without(mut self, apart: HashSet<i32>) -> Self {
        self.apart = apart;
        self
    }

    /// For how long the thread that waited most for a processor has done so since this probe was made; of threads that take
    /// turns, because of those it is known that they wait for each other without being runnable.
    pub(crate) fn waited_ns(&mut self) -> Option<u64> {
        let mut most = None;
        for driver in self.drivers.iter().filter(|driver| driver.turns) {
            let process = procfs::process::Process::new(driver.pid as i32).ok()?;
            for task in process.tasks().ok()?.flatten() {
                let Ok(told) = task.schedstat() else { continue };
                let waited = told.run_delay - *self.waits.entry(task.tid).or_insert(told.run_delay);
                most = most.max(Some(waited));
            }
        }
        most
    }

    /// Processor time since the last call. Senders and recorders are told by their own threads, not here.
    pub(crate) fn tell(&mut self) -> Cpu {
        let tick = 1_000_000_000 / procfs::ticks_per_second().max(1);
        let mut cpu = Cpu::default();
        let Ok(myself) = procfs::process::Process::myself() else {
            return cpu;
        };
        let mut seen = HashMap::new();
        let mut since = |task: &procfs::process::Task| {
            let stat = task.stat().ok()?;
            let used = (stat.utime + stat.stime) * tick;
            let since = used.saturating_sub(self.threads.get(&task.tid).copied().unwrap_or(0));
            seen.insert(task.tid, used);
            Some((stat.comm, since))
        };
        for task in myself.tasks().into_iter().flatten().flatten() {
            let Some((name, since)) = since(&task) else { continue };
            if name.starts_with(CLIENT) && !self.apart.contains(&task.tid) {
                cpu.client_ns += since;
                cpu.client_busiest_ns = cpu.client_busiest_ns.max(since);
            } else if !name.starts_with("send-") && !name.starts_with("report-") {
                cpu.other_ns += since;
            }
        }
        for driver in &self.drivers {
            let Ok(process) = procfs::process::Process::new(driver.pid as i32) else {
                continue;
            };
            let tasks = process.tasks().into_iter().flatten().flatten();
            let used: Vec<(String, u64)> = tasks.filter_map(|task| since(&task)).collect();
            cpu.client_ns += used.iter().map(|(_, since)| since).sum::<u64>();
            cpu.client_busiest_ns = cpu.client_busiest_ns.max(busiest(&used, driver.turns));
        }
        self.threads = seen;
        if let Ok(stat) = procfs::KernelStats::current() {
            let total = stat.total;
            let steal = total.steal.unwrap_or(0) * tick;
            let busy = (total.user + total.nice + total.system) * tick
                + (total.irq.unwrap_or(0) + total.softirq.unwrap_or(0)) * tick;
            cpu.host_busy_ns = busy.saturating_sub(std::mem::replace(&mut self.busy, busy));
            cpu.host_steal_ns = steal.saturating_sub(std::mem::replace(&mut self.steal, steal));
        }
        cpu
    }
}

/// The threads of librdkafka in this process, by their ids.
pub(crate) fn clients() -> HashSet<i32> {
    let Ok(myself) = procfs::process::Process::myself() else {
        return HashSet::new();
    };
    let tasks = myself.tasks().into_iter().flatten().flatten();
    let of_client = |task: &procfs::process::Task| task.stat().is_ok_and(|stat| stat.comm.starts_with(CLIENT));
    tasks.filter(of_client).map(|task| task.tid).collect()
}

/// The time of the busiest of some threads by their names; those that take turns are as one.
fn busiest(used: &[(String, u64)], turns: bool) -> u64 {
    let (turning, free): (Vec<_>, Vec<_>) = used.iter().partition(|(name, _)| turns && !name.starts_with(CLIENT));
    let together = turning.iter().map(|(_, ns)| ns).sum();
    free.iter().map(|(_, ns)| *ns).max().unwrap_or(0).max(together)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_in_this_process_shows_as_processor_time() {
        let mut probe = Probe::new();
        let mut spun = 0u64;
        let mut used = 0;
        for _ in 0..100_000 {
            for i in 0..10_000u64 {
                spun = std::hint::black_box(spun.wrapping_add(i));
            }
            used += probe.tell().other_ns;
            if used > 0 {
                return;
            }
        }
        panic!("no processor time seen, {spun}");
    }

    #[test]
    fn threads_that_take_turns_count_as_one_and_those_of_librdkafka_never_do() {
        let used = [("python3", 600), ("python3", 350), ("rdk:broker1", 700)];
        let used = used.map(|(name, ns)| (name.to_owned(), ns));
        assert_eq!((busiest(&used, true), busiest(&used, false)), (950, 700));
        assert_eq!(busiest(&[], true), 0);
    }
}
