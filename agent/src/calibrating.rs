//! The one calibration that an agent may be at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use tribunal_model::trial::Trial;

use crate::attempt::Told;
use crate::{Options, calibrate};

/// A calibration that goes on, on a thread of its own.
#[derive(Debug)]
pub(crate) struct Calibrating {
    id: u64,
    stop: Arc<AtomicBool>,
}

impl Calibrating {
    /// Begins one.
    pub(crate) fn begin(
        id: u64,
        options: &Options,
        trial: Trial,
        producers: Vec<u32>,
        tell: mpsc::Sender<Told>,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (agent, drivers, its_stop) = (options.name.clone(), options.drivers.clone(), stop.clone());
        let span = tracing::Span::current();
        let body = move || {
            let calibrate = || calibrate::until_stopped(&trial, &producers, &agent, &drivers, &its_stop);
            let outcome = span.in_scope(|| {
                tracing::info!(producers = producers.len(), "calibrating");
                calibrate()
            });
            // The session outlives its threads; without it nobody wants to know.
            let _ = tell.blocking_send(Told::Calibrated(id, outcome));
        };
        std::thread::Builder::new()
            .name("calibrate".into())
            .spawn(body)
            .expect("invariant: an agent that can hold a session can start a thread");
        Self { id, stop }
    }

    /// Gives it up.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Whether the one that has ended is this one, and somebody still waits for it.
    pub(crate) fn wanted(&self, id: u64) -> bool {
        self.id == id && !self.stop.load(Ordering::Acquire)
    }
}
