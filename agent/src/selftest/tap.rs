//! Taps: what the engine is told and tells, written down beside it, record by record, for an oracle to compare with.
//!
//! The report thread stamps all reports of a batch with its last reading of the clock before it takes them. The tapped
//! clock keeps that reading, so that the raw latencies are the very ones that were recorded, to the nanosecond.

use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::producer::{Delivery, Due, ErrorCode, Offered, Outcome, Polled, Producer, Reports};
use tribunal_model::trial::Part;

/// A clock that is off against this host's and drifts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skew {
    /// What it shows above this host's clock at [`Self::from_ns`].
    pub(crate) offset_ns: i64,
    /// By how many parts in 10⁹ it runs faster.
    pub(crate) drift_ppb: i64,
    /// From where it drifts, on this host's clock.
    pub(crate) from_ns: i64,
}

impl Skew {
    /// What it shows at an instant of this host's clock.
    pub(crate) fn shown(self, true_ns: i64) -> i64 {
        let drift = i128::from(true_ns - self.from_ns) * i128::from(self.drift_ppb) / 1_000_000_000;
        true_ns + self.offset_ns + drift as i64
    }

    /// The instant of this host's clock at which it shows so much, to a few nanoseconds.
    pub(crate) fn truly(self, shown_ns: i64) -> i64 {
        let since = i128::from(shown_ns - self.offset_ns - self.from_ns);
        self.from_ns + (since * 1_000_000_000 / i128::from(1_000_000_000 + self.drift_ppb)) as i64
    }
}

thread_local! {
    /// The thread's last reading: what the tapped clock showed, and this host's.
    static LAST: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
}

/// A clock that is off by a known skew, and remembers each thread's last reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TappedClock(pub(crate) Skew);

impl Clock for TappedClock {
    fn now_ns(&self) -> i64 {
        let truly = MonotonicClock.now_ns();
        let shown = self.0.shown(truly);
        LAST.set((shown, truly));
        shown
    }

    fn sleep_until(&self, instant_ns: i64) {
        // Not before the clock shows the instant, however the division was rounded.
        let mut until = self.0.truly(instant_ns);
        while self.now_ns() < instant_ns {
            MonotonicClock.sleep_until(until);
            until += 1;
        }
    }

    fn lease_ns(&self) -> i64 {
        MonotonicClock.lease_ns()
    }
}

/// A send as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Its intended send, from t0.
    pub(crate) intended_ns: i64,
    /// When the client was really offered it, on this host's clock.
    pub(crate) at_ns: i64,
}

/// Sums over the real sends of the window, for the line through them: instants are in seconds, intended ones from t0, real
/// ones from the first real send.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pace {
    /// Records offered and taken.
    pub(crate) sends: u64,
    /// Time in the client's calls, over the whole load.
    pub(crate) calls_ns: i64,
    first_ns: Option<i64>,
    intended: f64,
    real: f64,
    squares: f64,
    products: f64,
}

impl Pace {
    pub(crate) fn add(&mut self, intended_ns: i64, real_ns: i64) {
        let first = *self.first_ns.get_or_insert(real_ns);
        let (intended, real) = (intended_ns as f64 / 1e9, (real_ns - first) as f64 / 1e9);
        self.sends += 1;
        self.intended += intended;
        self.real += real;
        self.squares += intended * intended;
        self.products += intended * real;
    }

    /// By how much the rate of the real sends is above that of the intended ones, as a share: the slope of the line through
    /// all of them (least squares), so that a single late send at an end of the window does not count for the whole.
    pub(crate) fn error(&self) -> f64 {
        let n = self.sends as f64;
        let slope = (n * self.products - self.intended * self.real) / (n * self.squares - self.intended.powi(2));
        1.0 / slope - 1.0
    }
}

/// A delivery report as the recorder took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) part: Part,
    pub(crate) acknowledged: bool,
    pub(crate) intended_ns: i64,
    pub(crate) accepted_ns: i64,
    /// When it came, as the tapped clock showed it.
    pub(crate) shown_ns: i64,
    /// The same on this host's clock.
    pub(crate) truly_ns: i64,
}

/// What the taps of a load have seen; whole once its threads have ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taps {
    sent: Arc<Mutex<Vec<Sent>>>,
    pace: Arc<Mutex<Vec<Pace>>>,
    reported: Arc<Mutex<Vec<Reported>>>,
}

impl Taps {
    pub(crate) fn producer<P>(&self, inner: P, room: usize) -> TappedProducer<P> {
        TappedProducer {
            inner,
            seen: Vec::with_capacity(room),
            pace: Pace::default(),
            told: self.sent.clone(),
            paces: self.pace.clone(),
        }
    }

    pub(crate) fn reports<R>(&self, inner: R, room: usize) -> TappedReports<R> {
        TappedReports {
            inner,
            seen: Vec::with_capacity(room),
            told: self.reported.clone(),
        }
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One of each producer.
    pub(crate) fn paces(&self) -> Vec<Pace> {
        std::mem::take(&mut *self.pace.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn reported(&self) -> Vec<Reported> {
        std::mem::take(&mut *self.reported.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Without room only the pace is kept.
#[derive(Debug)]
pub(crate) struct TappedProducer<P> {
    inner: P,
    seen: Vec<Sent>,
    pace: Pace,
    told: Arc<Mutex<Vec<Sent>>>,
    paces: Arc<Mutex<Vec<Pace>>>,
}

impl<P: Producer> Producer for TappedProducer<P> {
    fn offer(&mut self, due: &[Due], accepted_ns: i64, rejected: &mut Vec<(usize, ErrorCode)>) -> Offered {
        let at_ns = MonotonicClock.now_ns();
        let offered = self.inner.offer(due, accepted_ns, rejected);
        self.pace.calls_ns += MonotonicClock.now_ns() - at_ns;
        let of_window = due[..offered.handled].iter().filter(|due| due.part == Part::Window);
        of_window.for_each(|due| self.pace.add(due.intended_ns, at_ns));
        if self.seen.capacity() > 0 {
            self.seen.extend(due[..offered.handled].iter().map(|due| Sent {
                intended_ns: due.intended_ns,
                at_ns,
            }));
        }
        offered
    }
}

impl<P> Drop for TappedProducer<P> {
    fn drop(&mut self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.append(&mut self.seen);
        drop(told);
        self.paces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.pace);
    }
}

/// Without room nothing is written down.
#[derive(Debug)]
pub(crate) struct TappedReports<R> {
    inner: R,
    seen: Vec<Reported>,
    told: Arc<Mutex<Vec<Reported>>>,
}

impl<R: Reports> Reports for TappedReports<R> {
    type Statistics = R::Statistics;

    fn poll(&mut self, wait: Duration) -> Polled {
        match self.inner.poll(wait) {
            // What a client says of trouble that is made on purpose would alarm whoever runs the self-test.
            Polled::Log(line) => {
                tracing::debug!("{line}");
                Polled::Nothing
            }
            other => other,
        }
    }

    fn take(&mut self, mut each: impl FnMut(Delivery)) {
        let (shown_ns, truly_ns) = LAST.get();
        let seen = &mut self.seen;
        let writes = seen.capacity() > 0;
        self.inner.take(|delivery| {
            if writes {
                let one = Reported {
                    part: delivery.part,
                    acknowledged: delivery.outcome == Outcome::Acknowledged,
                    intended_ns: delivery.intended_ns,
                    accepted_ns: delivery.accepted_ns,
                    shown_ns,
                    truly_ns,
                };
                seen.extend(std::iter::repeat_n(one, delivery.records as usize));
            }
            each(delivery);
        });
    }
}

impl<R> Drop for TappedReports<R> {
    fn drop(&mut self) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.append(&mut self.seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_that_of_all_sends() {
        let pace = |factor: f64, late_last: i64| {
            let mut pace = Pace::default();
            for i in 0..3000i64 {
                let real = 7_000_000_000 + (i as f64 * 1e6 / factor) as i64;
                pace.add(500_000_000 + i * 1_000_000, real + if i > 2990 { late_last } else { 0 });
            }
            pace.error()
        };
        assert!(pace(1.0, 0).abs() < 1e-9);
        assert!((pace(1.01, 0) - 0.01).abs() < 1e-6 && (pace(0.99, 0) + 0.01).abs() < 1e-6);
        assert!(pace(1.0, 5_000_000).abs() < 1e-4);
        assert!(Pace::default().error().is_nan());
    }

    #[test]
    fn a_skewed_clock_can_be_seen_through() {
        for (offset_ns, drift_ppb) in [(0, 0), (500_000_000, 100_000), (-50_000_000, -100_000)] {
            let skew = Skew {
                offset_ns,
                drift_ppb,
                from_ns: 1_000_000_000,
            };
            for at in [0, 1_000_000_000, 9_999_999_999_999] {
                assert!((skew.truly(skew.shown(at)) - at).abs() <= 2);
            }
            let clock = TappedClock(skew);
            let until = clock.now_ns() + 1_000_000;
            clock.sleep_until(until);
            let now = clock.now_ns();
            assert!(now >= until);
            assert_eq!(LAST.get().0, now);
        }
    }
}
