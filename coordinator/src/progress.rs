//! Telling watchers what happens to an experiment.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;
use tribunal_proto::control::{Ended, Progress};

/// Events that a slow watcher may lag behind.
const BEHIND: usize = 1024;

/// The watchers of one experiment; cheap to clone. Who joins late is told the latest beginning and phase first.
#[derive(Clone, Debug)]
pub(crate) struct Watchers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    events: broadcast::Sender<Progress>,
    latest: Mutex<Latest>,
}

#[derive(Debug, Default)]
struct Latest {
    began: Option<Progress>,
    phase: Option<Progress>,
    ended: Option<Ended>,
}

impl Watchers {
    pub(crate) fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                events: broadcast::Sender::new(BEHIND),
                latest: Mutex::default(),
            }),
        }
    }

    /// Tells everybody who watches.
    pub(crate) fn tell(&self, progress: Progress) {
        let mut latest = self.inner.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match &progress {
            Progress::Began { .. } => latest.began = Some(progress.clone()),
            Progress::Phase { .. } => latest.phase = Some(progress.clone()),
            Progress::Ended(ended) => latest.ended = Some(ended.clone()),
            _ => {}
        }
        // Nobody may be watching.
        let _ = self.inner.events.send(progress);
    }

    /// A line for people.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::info!("{text}");
        self.tell(Progress::Note { text });
    }

    /// What has to be told first, and what follows.
    pub(crate) fn watch(&self) -> (Vec<Progress>, broadcast::Receiver<Progress>) {
        let latest = self.inner.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = latest.ended.clone().map(Progress::Ended);
        let first = match ended {
            Some(ended) => vec![ended],
            None => latest.began.iter().chain(&latest.phase).cloned().collect(),
        };
        (first, self.inner.events.subscribe())
    }
}
