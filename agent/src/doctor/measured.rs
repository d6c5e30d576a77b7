//! Facts that have to be measured.

use std::path::Path;

use tribunal_engine::clock::{Clock, MonotonicClock, sleep_precisely};

use super::{Finding, Judgement, Read};

/// Sleeps of a millisecond that are measured.
const SLEEPS: usize = 1000;
/// Readings of the clock that are measured.
const READINGS: u32 = 100_000;

pub(super) fn findings(read: Read<'_>) -> Vec<Finding> {
    let stat = |read: Read<'_>| read(Path::new("/proc/stat")).as_deref().and_then(ticks);
    let before = stat(read);
    let late = sleeps();
    let spent = before.zip(stat(read)).map(|(before, after)| after.since(before));
    vec![lateness(&late), clock_cost(cost()), busy(spent), steal(spent)]
}

/// How late sleeps of a millisecond ended, in nanoseconds, ascending; on a thread of its own, as a sender has it.
fn sleeps() -> Vec<i64> {
    let measure = || {
        sleep_precisely();
        let clock = MonotonicClock;
        let mut late: Vec<i64> = (0..SLEEPS)
            .map(|_| {
                let until = clock.now_ns() + 1_000_000;
                clock.sleep_until(until);
                clock.now_ns() - until
            })
            .collect();
        late.sort_unstable();
        late
    };
    std::thread::spawn(measure).join().unwrap_or_default()
}

/// Nanoseconds that one reading of the clock takes.
fn cost() -> i64 {
    let clock = MonotonicClock;
    let begun = clock.now_ns();
    for _ in 0..READINGS {
        std::hint::black_box(clock.now_ns());
    }
    (clock.now_ns() - begun) / i64::from(READINGS)
}

fn lateness(late: &[i64]) -> Finding {
    const ADVICE: &str = "senders will be as late: look for other load, deep idle states and a hypervisor that waits";
    let (Some(p99), Some(max)) = (late.get(late.len() * 99 / 100), late.last()) else {
        return Finding::new(
            "sleeps of 1 ms",
            "not measured",
            Judgement::Unknown,
            "nothing to be done here",
        );
    };
    let verdict = match *p99 {
        ..200_000 => Judgement::Good,
        200_000..1_000_000 => Judgement::Doubtful,
        _ => Judgement::Bad,
    };
    let found = format!("p99 {} µs, longest {} µs late", p99 / 1000, max / 1000);
    Finding::new("sleeps of 1 ms", found, verdict, ADVICE)
}

fn clock_cost(nanoseconds: i64) -> Finding {
    const ADVICE: &str = "the clock is read by a system call; use a clock source that the vDSO can read";
    let verdict = match nanoseconds {
        ..150 => Judgement::Good,
        150..1000 => Judgement::Doubtful,
        _ => Judgement::Bad,
    };
    Finding::new("reading the clock", format!("{nanoseconds} ns"), verdict, ADVICE)
}

fn busy(spent: Option<Ticks>) -> Finding {
    const ADVICE: &str = "stop what else runs here while trials do";
    let Some(share) = spent.and_then(|spent| spent.share(spent.busy)) else {
        return Finding::new(
            "busy just now",
            "not told",
            Judgement::Unknown,
            "nothing to be done here",
        );
    };
    let verdict = match share {
        ..0.1 => Judgement::Good,
        ..0.5 => Judgement::Doubtful,
        _ => Judgement::Bad,
    };
    let found = format!("{:.0} % of all processors", 100.0 * share);
    Finding::new("busy just now", found, verdict, ADVICE)
}

fn steal(spent: Option<Ticks>) -> Finding {
    const ADVICE: &str = "the hypervisor gives this time to others: ask for dedicated processors";
    let Some(share) = spent.and_then(|spent| spent.share(spent.stolen)) else {
        return Finding::new("steal", "not told", Judgement::Unknown, "nothing to be done here");
    };
    let verdict = match share {
        ..0.01 => Judgement::Good,
        ..0.05 => Judgement::Doubtful,
        _ => Judgement::Bad,
    };
    Finding::new("steal", format!("{:.1} %", 100.0 * share), verdict, ADVICE)
}

/// Processor time of the host, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    all: u64,
    busy: u64,
    stolen: u64,
}

impl Ticks {
    fn since(self, before: Self) -> Self {
        Self {
            all: self.all.saturating_sub(before.all),
            busy: self.busy.saturating_sub(before.busy),
            stolen: self.stolen.saturating_sub(before.stolen),
        }
    }

    fn share(self, of: u64) -> Option<f64> {
        (self.all > 0).then(|| of as f64 / self.all as f64)
    }
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal; guests are in user and nice.
fn ticks(stat: &str) -> Option<Ticks> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let figures: Vec<u64> = line
        .split_whitespace()
        .take(8)
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let [user, nice, system, idle, iowait, irq, softirq, stolen] = figures.as_slice() else {
        return None;
    };
    let busy = user + nice + system + irq + softirq;
    Some(Ticks {
        all: busy + idle + iowait + stolen,
        busy,
        stolen: *stolen,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_time_between() {
        let before = ticks("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 …").unwrap();
        let after = ticks("cpu  130 0 70 900 50 0 0 50 0 0\n").unwrap();
        let spent = after.since(before);
        assert_eq!((spent.all, spent.busy, spent.stolen), (200, 50, 50));
        assert_eq!(busy(Some(spent)).verdict, Judgement::Doubtful);
        assert_eq!(steal(Some(spent)).verdict, Judgement::Bad);
        assert_eq!(steal(None).verdict, Judgement::Unknown);
        assert_eq!(ticks("cpu 1 2"), None);
    }

    #[test]
    fn late_sleeps_are_judged_by_their_tail() {
        let mut late = vec![50_000; 1000];
        assert_eq!(lateness(&late).verdict, Judgement::Good);
        late[985..].fill(3_000_000);
        let finding = lateness(&late);
        assert_eq!(finding.verdict, Judgement::Bad);
        assert_eq!(finding.found, "p99 3000 µs, longest 3000 µs late");
        assert_eq!(lateness(&[]).verdict, Judgement::Unknown);
    }

    #[test]
    fn a_clock_that_costs_a_microsecond_is_bad() {
        assert_eq!(clock_cost(25).verdict, Judgement::Good);
        assert_eq!(clock_cost(400).verdict, Judgement::Doubtful);
        assert_eq!(clock_cost(1200).verdict, Judgement::Bad);
    }
}
