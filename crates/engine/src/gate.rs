//! The gate at which an attempt's threads wait for the announced instant.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// How long before the announced instant a thread goes from the condition variable to a precise sleep.
const PRECISE: Duration = Duration::from_millis(10);

/// Armed with an instant, told *go*, passed at that instant; not passed when *go* did not come before it.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

/// ```text
/// Idle ──arm──▶ Armed ──go──▶ Armed(go) ──t0──▶ Open(t0)
///   ▲            │ disarm, or t0 without go
///   └────────────┘                      any ──close──▶ Closed
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Armed {
        epoch: u32,
        t0: i64,
        go: bool,
    },
    Open {
        t0: i64,
    },
    Closed,
}

/// How a thread came out of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// At t0, an instant of the agent's clock.
    Open(i64),
    /// The attempt was given up before it began.
    Closed,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: &mut MutexGuard<'_, State>, next: State) {
        **state = next;
        self.changed.notify_all();
    }

    /// Announces t0; a higher epoch replaces a lower one. Whether it was accepted.
    pub fn arm(&self, epoch: u32, t0: i64, now: i64) -> bool {
        let mut state = self.lock();
        let newer = match *state {
            State::Idle => true,
            State::Armed { epoch: old, .. } => epoch > old,
            State::Open { .. } | State::Closed => false,
        };
        if newer && now < t0 {
            self.set(&mut state, State::Armed { epoch, t0, go: false });
        }
        newer && now < t0
    }

    /// Forgets the instant of this arming.
    pub fn disarm(&self, epoch: u32) {
        let mut state = self.lock();
        if matches!(*state, State::Armed { epoch: armed, .. } if armed == epoch) {
            self.set(&mut state, State::Idle);
        }
    }

    /// Lets the threads pass at t0, if t0 is still to come. Whether it was.
    pub fn go(&self, epoch: u32, now: i64) -> bool {
        let mut state = self.lock();
        match *state {
            State::Armed { epoch: armed, t0, .. } if armed == epoch && now < t0 => {
                self.set(&mut state, State::Armed { epoch, t0, go: true });
                true
            }
            _ => false,
        }
    }

    /// Lets nobody pass any more; nothing once it is open.
    pub fn close(&self) {
        let mut state = self.lock();
        if !matches!(*state, State::Open { .. }) {
            self.set(&mut state, State::Closed);
        }
    }

    /// t0, once it is announced.
    pub fn announced(&self) -> Option<i64> {
        match *self.lock() {
            State::Armed { t0, .. } | State::Open { t0 } => Some(t0),
            State::Idle | State::Closed => None,
        }
    }

    /// t0, once the gate is open.
    pub fn opened(&self) -> Option<i64> {
        match *self.lock() {
            State::Open { t0 } => Some(t0),
            _ => None,
        }
    }

    /// Waits for t0. `missed` is called by the one thread that finds t0 passed without *go*.
    pub fn wait(&self, clock: &impl Clock, missed: impl Fn(u32)) -> Passed {
        let mut state = self.lock();
        loop {
            match *state {
                State::Closed => return Passed::Closed,
                State::Open { t0 } => {
                    drop(state);
                    clock.sleep_until(t0);
                    return Passed::Open(t0);
                }
                State::Idle => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                State::Armed { epoch, t0, go } => {
                    let left = Duration::from_nanos((t0 - clock.now_ns()).max(0) as u64);
                    if left > PRECISE {
                        let wait = self.changed.wait_timeout(state, left.saturating_sub(PRECISE / 2));
                        state = wait.unwrap_or_else(PoisonError::into_inner).0;
                    } else if !left.is_zero() {
                        drop(state);
                        clock.sleep_until(t0);
                        state = self.lock();
                    } else if go {
                        self.set(&mut state, State::Open { t0 });
                    } else {
                        self.set(&mut state, State::Idle);
                        missed(epoch);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::clock::MonotonicClock;

    fn threads(gate: &Arc<Gate>, missed: &Arc<AtomicU32>) -> Vec<std::thread::JoinHandle<(Passed, i64)>> {
        (0..4)
            .map(|_| {
                let (gate, missed) = (gate.clone(), missed.clone());
                std::thread::spawn(move || {
                    let passed = gate.wait(&MonotonicClock, |epoch| {
                        missed.fetch_add(epoch, Ordering::SeqCst);
                    });
                    (passed, MonotonicClock.now_ns())
                })
            })
            .collect()
    }

    #[test]
    fn all_pass_at_the_announced_instant_and_not_before() {
        let (gate, missed) = (Arc::new(Gate::default()), Arc::new(AtomicU32::new(0)));
        let threads = threads(&gate, &missed);
        let now = MonotonicClock.now_ns();
        let t0 = now + 50_000_000;
        assert!(gate.arm(1, t0, now));
        assert!(gate.go(1, now));
        for thread in threads {
            let (passed, at) = thread.join().unwrap();
            assert_eq!(passed, Passed::Open(t0));
            assert!(at >= t0);
        }
        assert_eq!((missed.load(Ordering::SeqCst), gate.opened()), (0, Some(t0)));
    }

    #[test]
    fn without_go_nobody_starts_and_a_second_arming_works() {
        let (gate, missed) = (Arc::new(Gate::default()), Arc::new(AtomicU32::new(0)));
        let threads = threads(&gate, &missed);
        let t0 = MonotonicClock.now_ns() + 20_000_000;
        assert!(gate.arm(7, t0, t0 - 1));
        while missed.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        assert!(!gate.go(7, MonotonicClock.now_ns()), "too late");
        assert_eq!((missed.load(Ordering::SeqCst), gate.opened()), (7, None));
        let now = MonotonicClock.now_ns();
        let t0 = now + 20_000_000;
        assert!(gate.arm(8, t0, now) && gate.go(8, now));
        assert!(threads.into_iter().all(|t| t.join().unwrap().0 == Passed::Open(t0)));
    }

    #[test]
    fn a_disarmed_or_replaced_arming_starts_nobody() {
        let gate = Gate::default();
        assert!(gate.arm(2, 100, 0));
        assert!(!gate.arm(1, 200, 0) && !gate.arm(2, 200, 0), "not newer");
        assert!(gate.arm(3, 200, 0));
        assert!(!gate.go(2, 0), "an old go");
        gate.disarm(2);
        assert!(gate.go(3, 0), "an old disarm does not count");
        gate.disarm(3);
        assert!(!gate.go(3, 0));
        gate.close();
        assert!(!gate.arm(4, 100, 0));
    }

    #[test]
    fn a_closed_gate_lets_its_threads_go_home() {
        let (gate, missed) = (Arc::new(Gate::default()), Arc::new(AtomicU32::new(0)));
        let threads = threads(&gate, &missed);
        gate.close();
        assert!(threads.into_iter().all(|t| t.join().unwrap().0 == Passed::Closed));
    }
}
