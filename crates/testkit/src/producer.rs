//! A producer client of known behaviour.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::producer::{
    ClientStatistics, Control, Delivery, Due, ErrorCode, Offered, Outcome, Polled, Producer, Reports, Statistics,
};

/// What the script says about one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A delivery report with this outcome, this many nanoseconds after the record was accepted.
    After(i64, Outcome),
    /// Rejected at once.
    Reject(ErrorCode),
    /// Never a word, not even after a purge.
    Silence,
    /// No report before the client is purged; then this one.
    UntilPurged(Outcome),
    /// Like [`Answer::After`], with so many copies in the log: none, one, or more after retries.
    Logged(i64, Outcome, u64),
}

/// A client that waits for company: a batch leaves when it is full, or when its first record has lingered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Records of a full batch.
    pub records: usize,
    /// Nanoseconds from a batch's first record to its leaving.
    pub linger_ns: i64,
}

/// The script: what happens to a record accepted at an instant from t0.
pub type Script = Box<dyn FnMut(&Due, i64) -> Answer + Send>;

/// A client whose every delivery is scripted.
///
/// Its three handles share one queue. In a simulation the deliveries are asked for with [`Scripted::deliver`]; behind
/// [`Reports::poll`] they come at their instants on the host's monotonic clock.
#[derive(Clone)]
pub struct Scripted {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    script: Script,
    capacity: usize,
    queue: BinaryHeap<Reverse<(i64, u64)>>,
    held: Vec<(Delivery, Outcome)>,
    deliveries: std::collections::HashMap<u64, Delivery>,
    next: u64,
    batching: Option<Batching>,
    /// When the open batch was begun, and its records with what they take from its leaving on.
    open: (i64, Vec<(Delivery, i64)>),
    /// The end of each partition's log.
    logs: BTreeMap<i32, i64>,
    /// Monotonic instant of t0, learnt from the first offer.
    t0: Option<i64>,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripted")
            .field("in_flight", &self.in_flight())
            .finish()
    }
}

impl Scripted {
    /// A client that holds at most `capacity` records.
    pub fn new(capacity: usize, script: impl FnMut(&Due, i64) -> Answer + Send + 'static) -> Self {
        let state = State {
            script: Box::new(script),
            capacity,
            queue: BinaryHeap::new(),
            held: Vec::new(),
            deliveries: std::collections::HashMap::new(),
            next: 0,
            batching: None,
            open: (0, Vec::new()),
            logs: BTreeMap::new(),
            t0: None,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                changed: Condvar::new(),
            }),
        }
    }

    /// The same client with batches; what its script says is counted from their leaving.
    #[must_use]
    pub fn batching(self, batching: Batching) -> Self {
        self.lock().batching = Some(batching);
        self
    }

    /// The end offset of each partition's log.
    pub fn logs(&self) -> BTreeMap<i32, i64> {
        self.lock().logs.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The instant of the next delivery.
    pub fn next_delivery(&self) -> Option<i64> {
        let state = self.lock();
        let queued = state.queue.peek().map(|Reverse((at, _))| *at);
        // An open batch that nobody fills leaves of its own accord.
        queued.into_iter().chain(state.lingers_until()).min()
    }

    /// Hands over the deliveries that are due at `now`.
    pub fn deliver(&self, now: i64, mut each: impl FnMut(Delivery)) {
        let mut state = self.lock();
        if let Some(until) = state.lingers_until().filter(|until| *until <= now) {
            state.leave(until);
        }
        while state.queue.peek().is_some_and(|Reverse((at, _))| *at <= now)
            && let Some(Reverse((_, number))) = state.queue.pop()
        {
            if let Some(delivery) = state.deliveries.remove(&number) {
                each(delivery);
            }
        }
    }
}

impl State {
    fn in_client(&self) -> usize {
        self.queue.len() + self.held.len() + self.open.1.len()
    }

    fn lingers_until(&self) -> Option<i64> {
        let linger = self.batching.filter(|_| !self.open.1.is_empty())?.linger_ns;
        Some(self.open.0 + linger)
    }

    /// The open batch leaves at this instant.
    fn leave(&mut self, at: i64) {
        for (delivery, delay) in std::mem::take(&mut self.open.1) {
            self.schedule(at + delay, delivery);
        }
    }

    /// A report to come after `delay`, with so many copies in the log.
    fn answer(&mut self, mut delivery: Delivery, delay: i64, copies: u64) {
        let end = self.logs.entry(delivery.partition).or_default();
        if delivery.outcome == Outcome::Acknowledged {
            delivery.offset = *end;
        }
        *end += copies as i64;
        let at = delivery.accepted_ns;
        let Some(batching) = self.batching else {
            self.schedule(at + delay, delivery);
            return;
        };
        if let Some(until) = self.lingers_until().filter(|until| *until <= at) {
            self.leave(until);
        }
        if self.open.1.is_empty() {
            self.open.0 = at;
        }
        self.open.1.push((delivery, delay));
        if self.open.1.len() >= batching.records {
            self.leave(at);
        }
    }

    fn schedule(&mut self, at: i64, delivery: Delivery) {
        self.queue.push(Reverse((at, self.next)));
        self.deliveries.insert(self.next, delivery);
        self.next += 1;
    }
}

impl Producer for Scripted {
    fn offer(&mut self, due: &[Due], accepted_ns: i64, rejected: &mut Vec<(usize, ErrorCode)>) -> Offered {
        let mut state = self.lock();
        state.t0.get_or_insert_with(|| MonotonicClock.now_ns() - accepted_ns);
        let mut handled = 0;
        for record in due {
            if state.in_client() >= state.capacity {
                return Offered { handled, full: true };
            }
            let delivery = |outcome| Delivery {
                records: 1,
                intended_ns: record.intended_ns,
                accepted_ns,
                part: record.part,
                outcome,
                bytes: 100,
                partition: record.partition.unwrap_or(0),
                offset: -1,
                sequence: Some(record.sequence),
            };
            match (state.script)(record, accepted_ns) {
                Answer::After(delay, outcome) => {
                    let copies = u64::from(outcome == Outcome::Acknowledged);
                    state.answer(delivery(outcome), delay, copies);
                }
                Answer::Logged(delay, outcome, copies) => state.answer(delivery(outcome), delay, copies),
                Answer::Reject(code) => rejected.push((handled, code)),
                Answer::Silence => {}
                Answer::UntilPurged(outcome) => state.held.push((delivery(outcome), outcome)),
            }
            handled += 1;
        }
        self.shared.changed.notify_all();
        Offered { handled, full: false }
    }
}

impl Reports for Scripted {
    type Statistics = NoStatistics;

    fn poll(&mut self, wait: Duration) -> Polled {
        let until = MonotonicClock.now_ns() + i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX / 2);
        let mut state = self.lock();
        loop {
            let now = MonotonicClock.now_ns();
            let queued = state.queue.peek().map(|Reverse((at, _))| *at);
            let first = queued.into_iter().chain(state.lingers_until()).min();
            let due = first.zip(state.t0).map(|(at, t0)| t0 + at);
            if due.is_some_and(|due| due <= now) {
                return Polled::Deliveries;
            }
            if now >= until {
                return Polled::Nothing;
            }
            let left = due.unwrap_or(until).min(until) - now;
            let wait = self
                .shared
                .changed
                .wait_timeout(state, Duration::from_nanos(left as u64));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take(&mut self, each: impl FnMut(Delivery)) {
        let t0 = self.lock().t0.unwrap_or(0);
        self.deliver(MonotonicClock.now_ns() - t0, each);
    }
}

impl Control for Scripted {
    fn purge(&self) {
        let mut state = self.lock();
        state.leave(0);
        for (mut delivery, outcome) in std::mem::take(&mut state.held) {
            delivery.outcome = outcome;
            state.schedule(0, delivery);
        }
        self.shared.changed.notify_all();
    }

    fn in_flight(&self) -> u64 {
        self.lock().in_client() as u64
    }
}

/// A scripted client says nothing about itself.
#[derive(Debug, Default)]
pub struct NoStatistics;

impl Statistics for NoStatistics {
    fn add(&mut self, _raw: &str) -> bool {
        true
    }

    fn total(&self) -> ClientStatistics {
        ClientStatistics::default()
    }
}
