//! Trying again until a deadline, and listening meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tribunal_engine::clock::{Clock, MonotonicClock};

use crate::heard::Heard;
use crate::native::Handle;
use crate::resolve::Secrets;

/// How long a look at the cluster that found something unfinished waits before the next.
const PAUSE: Duration = Duration::from_millis(50);

/// What is tried again at intervals until a deadline.
pub(super) struct Deadline {
    start_ns: i64,
    end_ns: i64,
}

impl Deadline {
    pub(super) fn after(timeout: Duration) -> Self {
        let start_ns = MonotonicClock.now_ns();
        Self {
            start_ns,
            end_ns: start_ns.saturating_add(tribunal_model::trial::nanoseconds(timeout)),
        }
    }

    pub(super) fn left(&self) -> Duration {
        Duration::from_nanos((self.end_ns - MonotonicClock.now_ns()).max(0) as u64)
    }

    pub(super) fn waited(&self) -> Duration {
        Duration::from_nanos((MonotonicClock.now_ns() - self.start_ns) as u64)
    }

    /// Waits a little; false when the time is up.
    pub(super) fn pause(&self) -> bool {
        let now_ns = MonotonicClock.now_ns();
        MonotonicClock.sleep_until(self.end_ns.min(now_ns + PAUSE.as_nanos() as i64));
        MonotonicClock.now_ns() < self.end_ns
    }
}

/// Takes in all that a client has to say by now.
pub(super) fn listen(heard: &mut Heard, handle: &Arc<Handle>, secrets: &Secrets) {
    while let Some(event) = handle.poll(Duration::ZERO) {
        heard.hear(event.kind(), secrets);
    }
}
