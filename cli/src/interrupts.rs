//! The wish to stop: Ctrl-C and SIGTERM, which mean the same.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit;

/// Signals that ask the command to stop. While this exists they do not end the process by themselves.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// Takes the signals over, for good.
    pub(crate) fn take() -> anyhow::Result<Self> {
        let take = |kind| signal(kind).context("signals cannot be taken over");
        Ok(Self {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one. Cancel safe.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// What `work` comes to, unless it is interrupted.
    pub(crate) async fn or_interrupted<T>(
        &mut self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            result = work => result,
            () = self.next() => Err(exit::Interrupted.into()),
        }
    }
}
