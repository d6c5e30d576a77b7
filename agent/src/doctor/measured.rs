//! Facts that have to be measured.

use tribunal_engine::clock::{Clock, MonotonicClock, sleep_precisely};
use tribunal_stats::Cpu;

use super::{Finding, Judgement};
use crate::host::{Probe, online};

/// Sleeps of a millisecond that are measured.
const SLEEPS: usize = 1000;
/// Readings of the clock that are measured.
const READINGS: u32 = 100_000;

pub(super) fn findings() -> Vec<Finding> {
    let (mut probe, begun) = (Probe::new(), MonotonicClock.now_ns());
    let late = sleeps();
    let spent = Spent {
        cpu: probe.tell(),
        available_ns: (MonotonicClock.now_ns() - begun) as u64 * online() as u64,
    };
    vec![lateness(&late), clock_cost(cost()), busy(&spent), steal(&spent)]
}

/// What the host's processors did while it was measured.
struct Spent {
    cpu: Cpu,
    /// The time of all processors together.
    available_ns: u64,
}

impl Spent {
    fn share(&self, of_ns: u64) -> f64 {
        of_ns as f64 / self.available_ns.max(1) as f64
    }
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
        return Finding::not_told("sleeps of 1 ms");
    };
    let judgement = match *p99 {
        ..200_000 => Judgement::Good,
        200_000..1_000_000 => Judgement::Doubtful,
        _ => Judgement::Bad,
    };
    let found = format!("p99 {} µs, longest {} µs late", p99 / 1000, max / 1000);
    Finding::new("sleeps of 1 ms", found, judgement, ADVICE)
}

fn clock_cost(nanoseconds: i64) -> Finding {
    const ADVICE: &str = "the clock is read by a system call; use a clock source that the vDSO can read";
    let judgement = match nanoseconds {
        ..150 => Judgement::Good,
        150..1000 => Judgement::Doubtful,
        _ => Judgement::Bad,
    };
    Finding::new("reading the clock", format!("{nanoseconds} ns"), judgement, ADVICE)
}

fn busy(spent: &Spent) -> Finding {
    const ADVICE: &str = "stop what else runs here while trials do";
    let share = spent.share(spent.cpu.host_busy_ns);
    let judgement = match share {
        ..0.1 => Judgement::Good,
        ..0.5 => Judgement::Doubtful,
        _ => Judgement::Bad,
    };
    let found = format!("{:.0} % of all processors", 100.0 * share);
    Finding::new("busy just now", found, judgement, ADVICE)
}

fn steal(spent: &Spent) -> Finding {
    const ADVICE: &str = "the hypervisor gives this time to others: ask for dedicated processors";
    let share = spent.share(spent.cpu.host_steal_ns);
    let judgement = match share {
        ..0.01 => Judgement::Good,
        ..0.05 => Judgement::Doubtful,
        _ => Judgement::Bad,
    };
    Finding::new("steal", format!("{:.1} %", 100.0 * share), judgement, ADVICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_time_of_all_processors() {
        let spent = Spent {
            cpu: Cpu {
                host_busy_ns: 50,
                host_steal_ns: 50,
                ..Cpu::default()
            },
            available_ns: 200,
        };
        assert_eq!(busy(&spent).found, "25 % of all processors");
        assert_eq!(busy(&spent).judgement, Judgement::Doubtful);
        assert_eq!(steal(&spent).judgement, Judgement::Bad);
    }

    #[test]
    fn late_sleeps_are_judged_by_their_tail() {
        let mut late = vec![50_000; 1000];
        assert_eq!(lateness(&late).judgement, Judgement::Good);
        late[985..].fill(3_000_000);
        let finding = lateness(&late);
        assert_eq!(finding.judgement, Judgement::Bad);
        assert_eq!(finding.found, "p99 3000 µs, longest 3000 µs late");
        assert_eq!(lateness(&[]).judgement, Judgement::Unknown);
    }

    #[test]
    fn a_clock_that_costs_a_microsecond_is_bad() {
        assert_eq!(clock_cost(25).judgement, Judgement::Good);
        assert_eq!(clock_cost(400).judgement, Judgement::Doubtful);
        assert_eq!(clock_cost(1200).judgement, Judgement::Bad);
    }
}
