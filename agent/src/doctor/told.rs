//! Facts that the kernel tells.

use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::{Finding, Judgement, Read};
use crate::host;

/// Open files that an agent with a hundred producers may need: a connection for each broker and producer, and some.
const FILES: u64 = 65_536;
/// Below this, one larger experiment runs out of them.
const FEW_FILES: u64 = 4096;
/// Free memory below this leaves no room for client queues.
const LITTLE_MEMORY: u64 = 1 << 30;

pub(super) fn findings(read: Read<'_>) -> Vec<Finding> {
    vec![
        processors(read),
        governor(read),
        virtualisation(read),
        clock_source(read),
        swap(read),
        memory(read),
        files(getrlimit(Resource::Nofile).current),
    ]
}

fn text(read: Read<'_>, path: &str) -> Option<String> {
    read(Path::new(path)).map(|text| text.trim().to_owned())
}

/// Whether this process may use all processors of the host.
fn processors(read: Read<'_>) -> Finding {
    const ADVICE: &str = "give the agent more: at least two processors, and no quota that throttles it";
    let usable = host::cores();
    let online = host::online();
    let quota = host::quota_cores(read);
    let found = match quota {
        Some(quota) => format!("{usable} of {online} usable, with a quota of {quota:.1}"),
        None => format!("{usable} of {online} usable"),
    };
    let judgement = match quota {
        Some(quota) if quota < f64::from(usable) => Judgement::Bad,
        _ if usable < 2 => Judgement::Bad,
        _ if (usable as usize) < online => Judgement::Doubtful,
        _ => Judgement::Good,
    };
    Finding::new("processors", found, judgement, ADVICE)
}

/// How the processors' clocks are governed.
fn governor(read: Read<'_>) -> Finding {
    const ADVICE: &str = "set the governor performance: a clock that follows the load makes paced trials slow";
    let mut governors: Vec<String> = (0..1024)
        .map_while(|cpu| {
            text(
                read,
                &format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"),
            )
        })
        .collect();
    governors.sort();
    governors.dedup();
    let judgement = match governors.as_slice() {
        [] => Judgement::Unknown,
        [one] if one == "performance" => Judgement::Good,
        _ => Judgement::Doubtful,
    };
    if governors.is_empty() {
        let advice = "nothing to be done here; the hypervisor or the firmware decides";
        return Finding::new("governor", "not told", judgement, advice);
    }
    Finding::new("governor", governors.join(", "), judgement, ADVICE)
}

fn virtualisation(read: Read<'_>) -> Finding {
    const ADVICE: &str = "tails may be the neighbours': compare steal and hiccups of trials, prefer dedicated hosts";
    let info = text(read, "/proc/cpuinfo").unwrap_or_default();
    let flags = info
        .lines()
        .find(|line| line.starts_with("flags"))
        .is_some_and(|line| line.split_whitespace().any(|flag| flag == "hypervisor"));
    if flags {
        Finding::new("hardware", "a virtual machine", Judgement::Doubtful, ADVICE)
    } else if info.contains("flags") {
        Finding::new("hardware", "no hypervisor is told", Judgement::Good, ADVICE)
    } else {
        Finding::not_told("hardware")
    }
}

fn clock_source(read: Read<'_>) -> Finding {
    const ADVICE: &str =
        "use tsc or the hypervisor's own source: this one makes every reading of the clock a slow call";
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let Some(source) = text(read, path) else {
        return Finding::not_told("clock source");
    };
    let judgement = match source.as_str() {
        "tsc" | "kvm-clock" | "arch_sys_counter" | "hyperv_clocksource_tsc_page" => Judgement::Good,
        "hpet" | "acpi_pm" | "jiffies" => Judgement::Bad,
        _ => Judgement::Doubtful,
    };
    Finding::new("clock source", source, judgement, ADVICE)
}

fn swap(read: Read<'_>) -> Finding {
    const ADVICE: &str = "swapoff -a, or at least vm.swappiness=1: a page that comes from disk is a hiccup";
    let areas: Vec<(u64, u64)> = text(read, "/proc/swaps")
        .unwrap_or_default()
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut columns = line.split_whitespace().skip(2);
            Some((columns.next()?.parse().ok()?, columns.next()?.parse().ok()?))
        })
        .collect();
    let (size, used) = areas
        .iter()
        .fold((0, 0), |(size, used), area| (size + area.0, used + area.1));
    let (found, judgement) = match (size, used) {
        (0, _) => ("none".to_owned(), Judgement::Good),
        (_, 0) => (format!("{} MiB, none in use", size / 1024), Judgement::Doubtful),
        _ => (format!("{} MiB, {} in use", size / 1024, used / 1024), Judgement::Bad),
    };
    Finding::new("swap", found, judgement, ADVICE)
}

fn memory(read: Read<'_>) -> Finding {
    const ADVICE: &str = "free some: client queues and payloads want a gigabyte and more";
    let info = text(read, "/proc/meminfo").unwrap_or_default();
    let available = info
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let Some(available) = available.map(|kib| kib << 10) else {
        return Finding::not_told("memory");
    };
    let judgement = if available < LITTLE_MEMORY {
        Judgement::Doubtful
    } else {
        Judgement::Good
    };
    let found = format!("{:.1} GiB available", available as f64 / (1_u64 << 30) as f64);
    Finding::new("memory", found, judgement, ADVICE)
}

/// The limit of open files; `None` is without limit.
fn files(limit: Option<u64>) -> Finding {
    const ADVICE: &str = "raise it (LimitNOFILE= in the unit): each producer needs a connection to each broker";
    let judgement = match limit {
        Some(limit) if limit < FEW_FILES => Judgement::Bad,
        Some(limit) if limit < FILES => Judgement::Doubtful,
        _ => Judgement::Good,
    };
    let found = limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    Finding::new("open files", found, judgement, ADVICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that has these files.
    fn host(files: &'static [(&'static str, &'static str)]) -> impl Fn(&Path) -> Option<String> {
        move |path| {
            let known = files.iter().find(|(known, _)| path == Path::new(known));
            known.map(|(_, text)| (*text).to_owned())
        }
    }

    #[track_caller]
    fn check(finding: &Finding, found: &str, judgement: Judgement) {
        assert_eq!(
            (finding.found.as_str(), finding.judgement),
            (found, judgement),
            "{finding:?}"
        );
        assert_eq!(finding.advice.is_empty(), judgement == Judgement::Good, "{finding:?}");
    }

    #[test]
    fn one_slow_governor_is_enough_for_a_doubt() {
        check(&governor(&host(&[])), "not told", Judgement::Unknown);
        let mixed = host(&[
            ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"),
            ("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n"),
        ]);
        check(&governor(&mixed), "performance, powersave", Judgement::Doubtful);
        let fast = host(&[("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n")]);
        check(&governor(&fast), "performance", Judgement::Good);
    }

    #[test]
    fn swap_counts_when_it_is_there_and_more_when_it_is_used() {
        const HEAD: &str = "Filename\tType\tSize\tUsed\tPriority\n";
        check(&swap(&host(&[("/proc/swaps", HEAD)])), "none", Judgement::Good);
        let idle = host(&[(
            "/proc/swaps",
            "Filename Type Size Used Priority\n/dev/sda2 partition 2097148 0 -2\n",
        )]);
        check(&swap(&idle), "2047 MiB, none in use", Judgement::Doubtful);
        let used = host(&[(
            "/proc/swaps",
            "Filename Type Size Used Priority\n/dev/sda2 partition 2097148 4096 -2\n",
        )]);
        check(&swap(&used), "2047 MiB, 4 in use", Judgement::Bad);
    }

    #[test]
    fn a_clock_source_that_is_a_system_call_is_bad() {
        const PATH: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        check(
            &clock_source(&host(&[(PATH, "kvm-clock\n")])),
            "kvm-clock",
            Judgement::Good,
        );
        check(&clock_source(&host(&[(PATH, "hpet\n")])), "hpet", Judgement::Bad);
        check(&clock_source(&host(&[(PATH, "xen\n")])), "xen", Judgement::Doubtful);
    }

    #[test]
    fn few_files_and_little_memory_are_told() {
        check(&files(Some(1024)), "1024", Judgement::Bad);
        check(&files(Some(20_000)), "20000", Judgement::Doubtful);
        check(&files(None), "unlimited", Judgement::Good);
        let little = host(&[("/proc/meminfo", "MemTotal: 2000000 kB\nMemAvailable:  524288 kB\n")]);
        check(&memory(&little), "0.5 GiB available", Judgement::Doubtful);
    }

    #[test]
    fn a_hypervisor_shows_in_the_processors_flags() {
        let machine = host(&[("/proc/cpuinfo", "processor : 0\nflags : fpu hypervisor lm\n")]);
        check(&virtualisation(&machine), "a virtual machine", Judgement::Doubtful);
        let metal = host(&[("/proc/cpuinfo", "processor : 0\nflags : fpu lm\n")]);
        check(&virtualisation(&metal), "no hypervisor is told", Judgement::Good);
    }
}
