//! What this host is, and what it and its control groups say of processor time.

mod cgroup;
mod edges;
mod threads;

use std::fs;

use procfs::Current;
use tribunal_stats::facts::HostFacts;

pub(crate) use edges::{Edges, Host};
pub(crate) use threads::{Probe, Process, clients};

/// The facts of this host; what cannot be read is empty or 0.
pub(crate) fn facts() -> HostFacts {
    let read = |path: &str| {
        fs::read_to_string(path)
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    };
    let os = read("/etc/os-release")
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map(|name| name.trim_matches('"').to_owned())
        .unwrap_or_default();
    let cpu_model = procfs::CpuInfo::current()
        .ok()
        .and_then(|info| info.model_name(0).map(str::to_owned));
    HostFacts {
        hostname: read("/proc/sys/kernel/hostname"),
        os,
        kernel: read("/proc/sys/kernel/osrelease"),
        cpu_model: cpu_model.unwrap_or_default(),
        cores: cores(),
        memory_bytes: procfs::Meminfo::current().map_or(0, |memory| memory.mem_total),
        boot_id: read("/proc/sys/kernel/random/boot_id"),
    }
}

/// The tightest quota of processors that this process's control groups have.
pub(crate) fn quota_cores(read: &dyn Fn(&std::path::Path) -> Option<String>) -> Option<f64> {
    cgroup::groups(read)
        .iter()
        .filter_map(|group| group.account(read).quota_cores)
        .min_by(f64::total_cmp)
}

/// Processors of the host that are on, whether this process may use them or not.
pub(crate) fn online() -> usize {
    procfs::CpuInfo::current().map_or(1, |info| info.num_cores().max(1))
}

/// Processors that this process may use.
pub(crate) fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linux_host_tells_what_it_is() {
        let facts = facts();
        assert!(
            !facts.kernel.is_empty() && facts.cores >= 1 && facts.memory_bytes > 0,
            "{facts:?}"
        );
    }
}
