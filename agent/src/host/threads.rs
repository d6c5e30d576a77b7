//! How much processor time this process uses, by group of threads.

use std::collections::HashMap;

use procfs::CurrentSI;
use tribunal_stats::Cpu;

/// Tells the processor time used between its calls, by group of threads.
#[derive(Debug)]
pub(crate) struct Probe {
    /// Processes of drivers, whose whole time is the clients'.
    drivers: Vec<u32>,
    threads: HashMap<i32, u64>,
    busy: u64,
    steal: u64,
}

impl Probe {
    /// A probe whose first call tells the time since now.
    pub(crate) fn new() -> Self {
        Self::of(Vec::new())
    }

    /// As [`Self::new`], with these processes' time as the clients'.
    pub(crate) fn of(drivers: Vec<u32>) -> Self {
        let mut probe = Self {
            drivers,
            threads: HashMap::new(),
            busy: 0,
            steal: 0,
        };
        probe.tell();
        probe
    }

    /// Processor time since the last call. Senders and recorders are told by their own threads, not here.
    pub(crate) fn tell(&mut self) -> Cpu {
        let tick = 1_000_000_000 / procfs::ticks_per_second().max(1);
        let mut cpu = Cpu::default();
        let Ok(myself) = procfs::process::Process::myself() else {
            return cpu;
        };
        let mut seen = HashMap::new();
        let drivers = self
            .drivers
            .iter()
            .filter_map(|pid| procfs::process::Process::new(*pid as i32).ok());
        let of_drivers = drivers.filter_map(|driver| driver.tasks().ok()).flatten().flatten();
        let tasks = myself.tasks().into_iter().flatten().flatten().chain(of_drivers);
        for task in tasks {
            let Ok(stat) = task.stat() else { continue };
            let used = (stat.utime + stat.stime) * tick;
            let since = used.saturating_sub(self.threads.get(&task.tid).copied().unwrap_or(0));
            seen.insert(task.tid, used);
            if task.pid != myself.pid {
                cpu.client_ns += since;
                cpu.client_busiest_ns = cpu.client_busiest_ns.max(since);
                continue;
            }
            let name = stat.comm.as_str();
            if name.starts_with("rdk:") {
                cpu.client_ns += since;
                cpu.client_busiest_ns = cpu.client_busiest_ns.max(since);
            } else if !name.starts_with("send-") && !name.starts_with("report-") {
                cpu.other_ns += since;
            }
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
}
