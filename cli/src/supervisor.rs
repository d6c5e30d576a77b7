//! What the supervisor of a service, systemd above all, is told: ready, alive, stopping. Without one nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// A sign of life is given this often when nobody asks for any; then it goes nowhere.
const IDLE: Duration = Duration::from_secs(3600);

/// The supervisor of this process.
#[derive(Debug)]
pub(crate) struct Supervisor {
    alive: Interval,
}

impl Supervisor {
    /// Says that the program can be used; to be called once its listeners are open.
    pub(crate) fn ready() -> Self {
        tell(&NotifyState::Ready);
        // Twice in the time after which it would be taken for dead.
        let every = sd_notify::watchdog_enabled().map_or(IDLE, |limit| limit / 2);
        let mut alive = interval(every.max(Duration::from_millis(1)));
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { alive }
    }

    /// Gives signs of life for as long as it is polled; never ends.
    pub(crate) async fn alive(&mut self) {
        loop {
            self.alive.tick().await;
            tell(&NotifyState::Watchdog);
        }
    }

    /// Says that the program is ending.
    pub(crate) fn stopping() {
        tell(&NotifyState::Stopping);
    }
}

fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%error, "the supervisor could not be told {state:?}");
    }
}
