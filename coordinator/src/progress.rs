//! Telling watchers what happens to an experiment.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;
use tribunal_proto::control::Progress;

/// Events that a slow watcher may lag behind.
const BEHIND: usize = 1024;

/// The watchers of one experiment; cheap to clone. Who joins late is told first how things stand: the latest beginning and
/// phase, and the notes since.
#[derive(Clone, Debug)]
pub(crate) struct Watchers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    events: broadcast::Sender<Progress>,
    /// In the order in which it was told.
    standing: Mutex<Vec<Progress>>,
}

impl Watchers {
    pub(crate) fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                events: broadcast::Sender::new(BEHIND),
                standing: Mutex::default(),
            }),
        }
    }

    /// Tells everybody who watches.
    pub(crate) fn tell(&self, progress: Progress) {
        let mut standing = self.inner.standing.lock().unwrap_or_else(PoisonError::into_inner);
        match &progress {
            Progress::Live { .. } | Progress::Void { .. } | Progress::Finished { .. } => {}
            news => {
                standing.retain(|told| still_stands(told, news));
                standing.push(news.clone());
            }
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
        let standing = self.inner.standing.lock().unwrap_or_else(PoisonError::into_inner);
        (standing.clone(), self.inner.events.subscribe())
    }
}

/// Whether what was told before is of use beside the news.
fn still_stands(told: &Progress, news: &Progress) -> bool {
    match news {
        Progress::Note { .. } => true,
        Progress::Queued { .. } | Progress::Began { .. } => matches!(told, Progress::Note { .. }),
        Progress::Phase { .. } => matches!(told, Progress::Began { .. }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tribunal_model::ids::{Attempt, TrialId};
    use tribunal_proto::control::Phase;

    use super::*;

    fn note(text: &str) -> Progress {
        Progress::Note { text: text.to_owned() }
    }

    fn began(trial: u32) -> Progress {
        Progress::Began {
            trial: TrialId(trial),
            of: 2,
            attempt: Attempt(1),
            cell: String::new(),
            left: Duration::ZERO,
        }
    }

    fn phase(trial: u32) -> Progress {
        Progress::Phase {
            trial: TrialId(trial),
            phase: Phase::Preparing,
        }
    }

    #[test]
    fn who_joins_late_is_told_how_things_stand() {
        let watchers = Watchers::new();
        let standing = || watchers.watch().0;
        watchers.tell(Progress::Queued { before: 1 });
        assert_eq!(standing(), [Progress::Queued { before: 1 }]);
        watchers.note("waiting for 2 agents");
        watchers.tell(began(1));
        assert_eq!(standing(), [note("waiting for 2 agents"), began(1)]);
        watchers.tell(phase(1));
        watchers.note("a doubt");
        assert_eq!(standing(), [began(1), phase(1), note("a doubt")]);
        watchers.tell(began(2));
        assert_eq!(standing(), [note("a doubt"), began(2)]);
    }
}
