//! What the host and the control groups counted between the two ends of the window.

use std::path::Path;

use rustix::time::{ClockId, clock_gettime};
use tribunal_model::trial::Windows;
use tribunal_stats::facts::Instruments;

use super::cgroup::{Account, Group, groups};

/// Where the host's figures are.
#[derive(Debug)]
pub(crate) struct Host {
    groups: Vec<Group>,
}

/// Cumulative figures at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// This process's control groups, its own first.
    groups: Vec<Account>,
    /// Processor time of this process, in nanoseconds.
    process_ns: u64,
    /// Time in which some task of the host waited for a processor, in nanoseconds.
    pressure_ns: Option<u64>,
}

impl Host {
    /// The host, with the control groups that this process is in now.
    pub(crate) fn new() -> Self {
        Self { groups: groups(&text) }
    }

    /// The figures now. A handful of small files: some tens of microseconds.
    pub(crate) fn read(&self) -> Reading {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        Reading {
            groups: self.groups.iter().map(|group| group.account(&text)).collect(),
            process_ns: used.tv_sec as u64 * 1_000_000_000 + used.tv_nsec as u64,
            pressure_ns: text(Path::new("/proc/pressure/cpu")).and_then(|text| pressure_ns(&text)),
        }
    }
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The total of the line `some` of a pressure file, in nanoseconds.
fn pressure_ns(text: &str) -> Option<u64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let total = some.split_whitespace().find_map(|word| word.strip_prefix("total="))?;
    total.parse::<u64>().ok().map(|us| us * 1000)
}

/// Readings at the edges of the sample grid, so that two of them can be chosen once the window is known.
///
/// An edge's reading is made when the last thread has handed its sample over: some tens of milliseconds after the edge,
/// at both ends of the window alike.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    /// By the end of the sample, in nanoseconds from t0; ascending.
    readings: Vec<(i64, Reading)>,
}

impl Edges {
    /// Takes the reading that belongs to the end of a sample, or with 0 to the beginning of the load; a later one of the
    /// same instant replaces it, as *go* does that came after a *disarm*.
    pub(crate) fn note(&mut self, end_ns: i64, reading: Reading) {
        self.readings.retain(|(known, _)| *known < end_ns);
        self.readings.push((end_ns, reading));
    }

    /// Writes down what was counted in the window.
    pub(crate) fn tell(&self, windows: &Windows, instruments: &mut Instruments) {
        let (Some(first), Some(last)) = (self.at(windows.t1_ns()), self.at(windows.t2_ns())) else {
            return;
        };
        let spent: Vec<Account> = first.groups.iter().zip(&last.groups).map(spent).collect();
        let cores = |account: &&Account| account.quota_cores.unwrap_or(f64::INFINITY);
        let limited = || spent.iter().filter(|account| account.quota_cores.is_some());
        // The least quota is the one that holds; with equal ones the inner.
        let tightest = limited().min_by(|a, b| cores(a).total_cmp(&cores(b)));
        instruments.quota_cores = tightest.and_then(|account| account.quota_cores);
        instruments.cpu_used_ns = tightest
            .or(spent.first())
            .and_then(|account| account.used_ns)
            .unwrap_or(last.process_ns.saturating_sub(first.process_ns));
        // A group further up may be throttled for what others in it do; then that is what held this process up.
        let throttled = limited().max_by(|a, b| {
            let by_time = a.throttled_ns.cmp(&b.throttled_ns);
            by_time.then(cores(b).total_cmp(&cores(a)))
        });
        if let Some(account) = throttled {
            instruments.cgroup_periods = account.periods;
            instruments.cgroup_throttled = account.throttled;
            instruments.cgroup_throttled_ns = account.throttled_ns;
        }
        instruments.pressure_ns = first
            .pressure_ns
            .zip(last.pressure_ns)
            .map(|(first, last)| last.saturating_sub(first));
    }

    /// The reading at an edge, or at the next one there is, or the last of all.
    fn at(&self, instant: i64) -> Option<&Reading> {
        let place = self.readings.partition_point(|(end, _)| *end < instant);
        self.readings
            .get(place)
            .or(self.readings.last())
            .map(|(_, reading)| reading)
    }
}

/// What a group counted between two readings.
fn spent((first, last): (&Account, &Account)) -> Account {
    Account {
        quota_cores: last.quota_cores,
        used_ns: first
            .used_ns
            .zip(last.used_ns)
            .map(|(first, last)| last.saturating_sub(first)),
        periods: last.periods.saturating_sub(first.periods),
        throttled: last.throttled.saturating_sub(first.throttled),
        throttled_ns: last.throttled_ns.saturating_sub(first.throttled_ns),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn account(quota_cores: Option<f64>, used: u64, throttled: u64) -> Account {
        Account {
            quota_cores,
            used_ns: Some(used),
            periods: used / 10,
            throttled: throttled / 10,
            throttled_ns: throttled,
        }
    }

    /// What a window from 1 s to 3 s shows of groups whose figures grow by `each` a second.
    fn told(each: &[Account], pressure: Option<u64>) -> Instruments {
        let mut edges = Edges::default();
        for second in 0..6u64 {
            let grown = |account: &Account| Account {
                quota_cores: account.quota_cores,
                used_ns: account.used_ns.map(|used| 1000 + used * second),
                periods: account.periods * second,
                throttled: account.throttled * second,
                throttled_ns: account.throttled_ns * second,
            };
            let reading = Reading {
                groups: each.iter().map(grown).collect(),
                process_ns: 7 * second,
                pressure_ns: pressure.map(|ns| ns * second),
            };
            edges.note(second as i64 * SECOND, reading);
        }
        let windows = Windows {
            warm_up: Duration::from_secs(1),
            measure: Duration::from_secs(2),
            drain: Duration::from_secs(1),
        };
        let mut instruments = Instruments::default();
        edges.tell(&windows, &mut instruments);
        instruments
    }

    #[test]
    fn the_least_quota_on_the_path_counts_and_its_use() {
        let told = told(
            &[
                account(Some(4.0), 100, 0),
                account(Some(1.5), 300, 40),
                account(None, 900, 0),
            ],
            Some(5),
        );
        assert_eq!((told.quota_cores, told.cpu_used_ns), (Some(1.5), 600));
        assert_eq!(
            (told.cgroup_periods, told.cgroup_throttled, told.cgroup_throttled_ns),
            (60, 8, 80)
        );
        assert_eq!(told.pressure_ns, Some(10));
    }

    #[test]
    fn a_group_above_that_is_throttled_more_shows() {
        let told = told(&[account(Some(1.0), 100, 10), account(Some(8.0), 700, 50)], None);
        assert_eq!((told.quota_cores, told.cpu_used_ns), (Some(1.0), 200));
        assert_eq!((told.cgroup_periods, told.cgroup_throttled_ns), (140, 100));
    }

    #[test]
    fn without_a_quota_the_own_group_is_told_and_without_groups_the_process() {
        let own = told(&[account(None, 100, 0)], None);
        assert_eq!(
            (own.quota_cores, own.cpu_used_ns, own.cgroup_periods, own.pressure_ns),
            (None, 200, 0, None)
        );
        let root = Account {
            used_ns: None,
            ..account(None, 100, 0)
        };
        assert_eq!(told(&[root], None).cpu_used_ns, 14);
        assert_eq!(told(&[], Some(3)).cpu_used_ns, 14);
    }

    #[test]
    fn a_load_that_ended_early_is_told_as_far_as_it_went() {
        let mut edges = Edges::default();
        let reading = |process_ns| Reading {
            process_ns,
            ..Reading::default()
        };
        edges.note(0, reading(10));
        edges.note(SECOND, reading(17));
        let windows = Windows {
            warm_up: Duration::ZERO,
            measure: Duration::from_secs(60),
            drain: Duration::ZERO,
        };
        let mut instruments = Instruments::default();
        edges.tell(&windows, &mut instruments);
        assert_eq!(instruments.cpu_used_ns, 7);
        Edges::default().tell(&windows, &mut instruments);
    }

    #[test]
    fn a_second_go_replaces_the_reading_of_the_first() {
        let mut edges = Edges::default();
        for process_ns in [10, 50, 60] {
            let end = if process_ns == 60 { SECOND } else { 0 };
            let reading = Reading {
                process_ns,
                ..Reading::default()
            };
            edges.note(end, reading);
        }
        let windows = Windows {
            warm_up: Duration::ZERO,
            measure: Duration::from_secs(1),
            drain: Duration::ZERO,
        };
        let mut instruments = Instruments::default();
        edges.tell(&windows, &mut instruments);
        assert_eq!(instruments.cpu_used_ns, 10);
    }

    #[test]
    fn pressure_is_the_total_of_some() {
        let captured = "some avg10=0.62 avg60=3.17 avg300=8.17 total=2280385061\n\
                        full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(pressure_ns(captured), Some(2_280_385_061_000));
        assert_eq!(pressure_ns(""), None);
    }

    #[test]
    fn this_host_tells_the_time_of_this_process() {
        let host = Host::new();
        let first = host.read();
        let mut spun = 0u64;
        while host.read().process_ns == first.process_ns {
            spun = std::hint::black_box(spun.wrapping_add(1));
        }
        assert!(host.read().process_ns > first.process_ns, "{spun}");
    }
}
