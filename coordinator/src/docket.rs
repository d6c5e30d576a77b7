//! The experiments that the coordinator knows: one is run at a time, the others wait in order.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tribunal_model::ids::ExperimentId;
use tribunal_model::plan;
use tribunal_proto::control::{CalibrationStep, Ended, Ending, ExperimentRow, Progress, Submission, Submitted};
use tribunal_report::experiment::{ExperimentFacts, ExperimentState};
use tribunal_telemetry::coordinator::CoordinatorMetrics;
use tribunal_telemetry::logs;
use uuid::Uuid;

use crate::calibrating::Calibrating;
use crate::clock::wall;
use crate::experiment::{Experiment, OVERHEAD};
use crate::fleet::Fleet;
use crate::journal::Fact;
use crate::progress::Watchers;
use crate::store::{self, Store, resolve};

/// Owner of the queue; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Docket {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    fleet: Fleet,
    mock_program: PathBuf,
    metrics: Arc<CoordinatorMetrics>,
    state: Mutex<State>,
    /// Held by whatever loads the agents: an experiment or a calibration.
    stage: Arc<tokio::sync::Mutex<()>>,
    /// Something was put into the queue.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<ExperimentId>,
    running: Option<ExperimentId>,
    /// After a restart nothing starts by itself: the queue waits for a resume or a submission.
    held: bool,
    entries: HashMap<ExperimentId, Entry>,
}

/// A queued or running experiment, or one that ended since the coordinator started.
#[derive(Clone, Debug)]
struct Entry {
    watchers: Watchers,
    cancel: CancellationToken,
}

impl Entry {
    fn new() -> Self {
        Self {
            watchers: Watchers::new(),
            cancel: CancellationToken::new(),
        }
    }
}

/// Why something cannot be done with an experiment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Plan(#[from] plan::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the agents are busy with an experiment or a calibration; try again when it has ended")]
    Busy,
    #[error("experiment {id} is {state}: {act} makes no sense")]
    State {
        id: ExperimentId,
        state: &'static str,
        act: &'static str,
    },
}

impl Docket {
    /// Takes over what an earlier coordinator left: what it ran is interrupted, what was queued stays queued.
    pub(crate) fn take_over(
        store: Store,
        fleet: Fleet,
        mock_program: PathBuf,
        metrics: Arc<CoordinatorMetrics>,
    ) -> Result<Self, store::Error> {
        let mut state = State::default();
        for id in store.ids()? {
            let past = match store.past(id) {
                Ok(past) => past,
                Err(error) => {
                    tracing::warn!(experiment = %id, %error, "cannot be read and is left alone");
                    continue;
                }
            };
            match past.facts.state {
                ExperimentState::Running => {
                    let reason = "the coordinator went away while it ran".to_owned();
                    let fact = Fact::State {
                        state: ExperimentState::Interrupted,
                        reason,
                    };
                    store.journal(id)?.add(&fact)?;
                }
                ExperimentState::Queued => {
                    state.queue.push_back(id);
                    state.entries.insert(id, Entry::new());
                }
                _ => {}
            }
        }
        state.held = !state.queue.is_empty();
        let inner = Inner {
            store,
            fleet,
            mock_program,
            metrics,
            state: Mutex::new(state),
            stage: Arc::default(),
            changed: Notify::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs experiments one after the other until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        loop {
            let next = {
                let mut state = self.lock();
                let next = if state.held { None } else { state.queue.pop_front() };
                state.running = next;
                next
            };
            let Some(id) = next else {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = self.inner.changed.notified() => continue,
                }
            };
            self.tell_places();
            let span = logs::experiment(id);
            let stage = self.inner.stage.clone().lock_owned().await;
            self.run_one(id, &shutdown).instrument(span).await;
            drop(stage);
            self.lock().running = None;
            self.tell_places();
            if shutdown.is_cancelled() {
                return;
            }
        }
    }

    async fn run_one(&self, id: ExperimentId, shutdown: &CancellationToken) {
        let entry = self.lock().entries.entry(id).or_insert_with(Entry::new).clone();
        let experiment = match self.load(id, &entry, shutdown) {
            Ok(experiment) => experiment,
            Err(error) => {
                tracing::error!(%error, "the experiment cannot be run");
                let reason = error.to_string();
                let ended = Ended {
                    ending: Ending::Defect,
                    finished: 0,
                    trials: 0,
                    invalid: 0,
                    reason,
                };
                entry.watchers.tell(Progress::Ended(ended));
                return;
            }
        };
        let cancel_at_shutdown = async {
            shutdown.cancelled().await;
            entry.cancel.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = Box::pin(experiment.run()) => {}
            () = cancel_at_shutdown => {}
        }
    }

    fn load(&self, id: ExperimentId, entry: &Entry, shutdown: &CancellationToken) -> Result<Experiment, Error> {
        let store = self.inner.store.clone();
        let past = store.past(id)?;
        let (plan, matrix) = store.resolved(id, &past)?;
        let history = store.history(id, &past)?;
        Ok(Experiment {
            history,
            id,
            plan,
            matrix,
            past,
            journal: store.journal(id)?,
            store,
            fleet: self.inner.fleet.clone(),
            watchers: entry.watchers.clone(),
            cancel: entry.cancel.clone(),
            shutdown: shutdown.clone(),
            mock_program: self.inner.mock_program.clone(),
            metrics: self.inner.metrics.clone(),
        })
    }

    /// Takes a plan in, journalled, at the end of the queue.
    pub(crate) fn submit(&self, submission: &Submission) -> Result<Submitted, Error> {
        let (plan, matrix) = resolve(
            &submission.file,
            &submission.plan,
            &submission.overrides,
            submission.allow_large,
        )?;
        let id = ExperimentId::new(Uuid::now_v7());
        let facts = ExperimentFacts {
            id,
            name: plan.name.clone(),
            mock: matches!(plan.cluster.bootstrap, plan::Bootstrap::Mock { .. }),
            trials: matrix.trials.len() as u32,
            repetitions: plan.repetitions,
            seed: plan.seed,
            began: wall(),
            state: ExperimentState::Queued,
            reason: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            librdkafka: tribunal_kafka::versions().librdkafka,
            loosened: plan.limits.loosened(),
            notes: plan.environment.clone(),
            overrides: submission.overrides.clone(),
            dropped: matrix.dropped.iter().map(ToString::to_string).collect(),
            left_out: matrix.left_out.as_ref().map(|left_out| left_out.text.clone()),
            design: plan.design.kind,
            mode: plan.design.mode,
            objective: plan.objective.clone(),
            // Stands in a file of its own, and is in reports.
            plan: None,
        };
        let accepted = Fact::Accepted {
            facts: Box::new(facts),
            file: submission.file.clone(),
            allow_large: submission.allow_large,
        };
        self.inner.store.create(&submission.plan, &accepted, id)?;
        self.enqueue(id, false);
        Ok(Submitted {
            id,
            trials: matrix.trials.len() as u32,
            expected: matrix.expected_wall_time(OVERHEAD),
            warnings: matrix.warnings(&plan).iter().map(ToString::to_string).collect(),
        })
    }

    /// Calibrates the agents for a plan's cells: what happens goes to the channel, the last of it is the end.
    ///
    /// Refused while an experiment runs; one that is submitted meanwhile waits.
    pub(crate) fn calibrate(
        &self,
        submission: &Submission,
        shutdown: CancellationToken,
        tell: mpsc::Sender<CalibrationStep>,
    ) -> Result<impl Future<Output = ()> + Send + use<>, Error> {
        let (plan, matrix) = resolve(
            &submission.file,
            &submission.plan,
            &submission.overrides,
            submission.allow_large,
        )?;
        let stage = self.inner.stage.clone().try_lock_owned().map_err(|_| Error::Busy)?;
        let calibrating = Calibrating {
            plan,
            matrix,
            fleet: self.inner.fleet.clone(),
            store: self.inner.store.clone(),
            shutdown,
        };
        Ok(async move {
            calibrating.run(tell).await;
            drop(stage);
        })
    }

    fn enqueue(&self, id: ExperimentId, first: bool) {
        {
            let mut state = self.lock();
            state.entries.insert(id, Entry::new());
            state.held = false;
            if first {
                state.queue.push_front(id);
            } else {
                state.queue.push_back(id);
            }
        }
        self.tell_places();
        self.inner.changed.notify_one();
    }

    /// Tells everybody who waits how many are before them, and the metrics how many there are.
    fn tell_places(&self) {
        let state = self.lock();
        let running = u32::from(state.running.is_some());
        self.inner
            .metrics
            .experiments(ExperimentState::Running.name(), running as usize);
        self.inner
            .metrics
            .experiments(ExperimentState::Queued.name(), state.queue.len());
        for (place, id) in state.queue.iter().enumerate() {
            if let Some(entry) = state.entries.get(id) {
                entry.watchers.tell(Progress::Queued {
                    before: place as u32 + running,
                });
            }
        }
    }

    /// Goes on with an experiment that is not complete, ahead of the queue.
    pub(crate) fn resume(&self, text: &str) -> Result<(), Error> {
        let id = self.inner.store.find(text)?;
        let state = self.inner.store.past(id)?.facts.state;
        let refused = |state| {
            Err(Error::State {
                id,
                state,
                act: "resuming it",
            })
        };
        {
            let mut docket = self.lock();
            if docket.running == Some(id) {
                return refused("running");
            }
            if docket.queue.contains(&id) {
                // A queue that was held after a restart goes on.
                docket.held = false;
                drop(docket);
                self.inner.changed.notify_one();
                return Ok(());
            }
        }
        if state == ExperimentState::Complete {
            return refused("complete");
        }
        self.enqueue(id, true);
        Ok(())
    }

    /// Cancels a queued, running or interrupted experiment.
    pub(crate) fn cancel(&self, text: &str) -> Result<(), Error> {
        let id = self.inner.store.find(text)?;
        let waiting = {
            let mut state = self.lock();
            if state.running == Some(id) {
                if let Some(entry) = state.entries.get(&id) {
                    entry.cancel.cancel();
                }
                return Ok(());
            }
            let waiting = state.queue.contains(&id);
            state.queue.retain(|queued| *queued != id);
            waiting
        };
        let past = self.inner.store.past(id)?;
        let state = past.facts.state;
        if !waiting && state.ended() {
            return Err(Error::State {
                id,
                state: state.name(),
                act: "cancelling it",
            });
        }
        let fact = Fact::State {
            state: ExperimentState::Cancelled,
            reason: "cancelled before it went on".to_owned(),
        };
        self.inner.store.journal(id)?.add(&fact).map_err(store::Error::from)?;
        if let Some(entry) = self.lock().entries.get(&id) {
            let (finished, trials) = (past.finished.len() as u32, past.facts.trials);
            let reason = "cancelled".to_owned();
            entry.watchers.tell(Progress::Ended(Ended {
                ending: Ending::Cancelled,
                finished,
                trials,
                invalid: 0,
                reason,
            }));
        }
        Ok(())
    }

    /// The watchers of an experiment; of one that ended before the coordinator started, watchers that know its end.
    pub(crate) fn watch(&self, text: &str) -> Result<Watchers, Error> {
        let id = self.inner.store.find(text)?;
        if let Some(entry) = self.lock().entries.get(&id) {
            return Ok(entry.watchers.clone());
        }
        let past = self.inner.store.past(id)?;
        let ending = match past.facts.state {
            ExperimentState::Complete => Ending::Complete,
            ExperimentState::Cancelled => Ending::Cancelled,
            ExperimentState::Failed => Ending::Defect,
            _ => Ending::Interrupted,
        };
        let watchers = Watchers::new();
        watchers.tell(Progress::Ended(Ended {
            ending,
            finished: past.finished.len() as u32,
            trials: past.facts.trials,
            invalid: past.finished.values().filter(|valid| !**valid).count() as u32,
            reason: past.facts.reason,
        }));
        Ok(watchers)
    }

    pub(crate) fn experiments(&self) -> Result<Vec<ExperimentRow>, Error> {
        Ok(self.inner.store.experiments()?)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }
}
