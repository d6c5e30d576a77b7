//! The answers of a connection that have not left yet.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most answers that wait; no more requests are read while there are so many.
const CAPACITY: usize = 65_536;

/// When an answer may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// At an instant.
    At(i64),
    /// When work time, which stands still during stalls, is so far.
    Work(i64),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Send(Vec<u8>),
    /// Close the connection.
    Close,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) due: Due,
    pub(crate) act: Act,
    /// The entries of the journal it answers.
    pub(crate) entries: Range<usize>,
    /// Whether it answers a produce request.
    pub(crate) produce: bool,
}

/// A queue with one thread at each end.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// There is something to send, or the end has come.
    filled: Condvar,
    /// There is room, or the end has come.
    emptied: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) closed: bool,
}

impl Outbox {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an answer, waiting for room; `false` when the end has come.
    pub(crate) fn push(&self, answer: Answer) -> bool {
        let mut queue = self.lock();
        while queue.answers.len() >= CAPACITY && !queue.closed {
            queue = self.emptied.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.closed {
            return false;
        }
        queue.answers.push_back(answer);
        // While there is an answer in front, the writer waits for its instant and for nothing else.
        if queue.answers.len() == 1 {
            self.filled.notify_one();
        }
        true
    }

    /// Drops what is waiting and lets nothing more in.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.answers.clear();
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// Waits for something to happen, at most so long where a time is given.
    pub(crate) fn wait<'a>(&self, queue: MutexGuard<'a, Queue>, at_most: Option<Duration>) -> MutexGuard<'a, Queue> {
        match at_most {
            None => self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner),
            Some(length) => {
                let woken = self.filled.wait_timeout(queue, length);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Says that answers were taken out of the queue that is given back.
    pub(crate) fn taken(&self, queue: MutexGuard<'_, Queue>) {
        drop(queue);
        self.emptied.notify_one();
    }
}
