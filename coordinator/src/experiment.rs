//! Running one experiment: its trials in order, each attempt until it counts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tribunal_model::ids::{AgentName, Attempt, ExperimentId};
use tribunal_model::matrix::Matrix;
use tribunal_model::plan::{Bootstrap, Plan, Wanted};
use tribunal_model::trial::Trial;
use tribunal_proto::control::{Ended, Ending, Progress};
use tribunal_proto::session::{AttemptId, RefusalKind};
use tribunal_report::experiment::{ExperimentState, VoidAttempt};
use tribunal_report::result::TrialResult;
use tribunal_telemetry::metrics::CoordinatorMetrics;

use crate::attempt::Timing;
use crate::cluster::{self, Cluster};
use crate::fleet::Fleet;
use crate::journal::{Fact, Journal};
use crate::progress::Watchers;
use crate::store::{self, Past, Store, VoidRecord};
use crate::trial::{self, Ground, Outcome, topic_names};

/// Attempts of one trial before the experiment gives up.
const TRIES: u32 = 3;
/// What a trial takes besides its warm-up and window, until some have been timed.
pub(crate) const OVERHEAD: Duration = Duration::from_secs(4);

/// An experiment that is being run; owner of its journal.
#[derive(Debug)]
pub(crate) struct Experiment {
    pub(crate) id: ExperimentId,
    pub(crate) plan: Plan,
    pub(crate) matrix: Matrix,
    pub(crate) past: Past,
    pub(crate) journal: Journal,
    pub(crate) store: Store,
    pub(crate) fleet: Fleet,
    pub(crate) watchers: Watchers,
    /// Cancelled by the user, or by the coordinator's shutdown.
    pub(crate) cancel: CancellationToken,
    pub(crate) shutdown: CancellationToken,
    pub(crate) mock_program: PathBuf,
    pub(crate) metrics: std::sync::Arc<CoordinatorMetrics>,
}

/// Why an experiment does not go on.
struct Halt {
    ending: Ending,
    reason: String,
}

impl Halt {
    fn new(ending: Ending, reason: impl Into<String>) -> Self {
        Self {
            ending,
            reason: reason.into(),
        }
    }
}

impl From<store::Error> for Halt {
    fn from(error: store::Error) -> Self {
        Self::new(Ending::Defect, chain(&error))
    }
}

impl From<crate::journal::Error> for Halt {
    fn from(error: crate::journal::Error) -> Self {
        Self::new(Ending::Defect, chain(&error))
    }
}

impl From<cluster::Error> for Halt {
    fn from(error: cluster::Error) -> Self {
        let ending = if error.unreachable() {
            Ending::ClusterUnreachable
        } else {
            Ending::BadPlan
        };
        Self::new(ending, chain(&error))
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl Experiment {
    /// Runs it to its end, whatever that is; the reports are rendered then.
    pub(crate) async fn run(mut self) -> Ended {
        let mut halt = match self.trials().await {
            Ok(()) => Halt::new(Ending::Complete, ""),
            Err(halt) => halt,
        };
        if halt.ending == Ending::Cancelled && self.shutdown.is_cancelled() {
            halt = Halt::new(Ending::Interrupted, "the coordinator was shut down");
        }
        let state = match halt.ending {
            Ending::Complete => ExperimentState::Complete,
            Ending::Cancelled => ExperimentState::Cancelled,
            Ending::Interrupted => ExperimentState::Interrupted,
            _ => ExperimentState::Failed,
        };
        let kept = self.journal.add(&Fact::State {
            state,
            reason: halt.reason.clone(),
        });
        if let Err(error) = kept
            .map_err(store::Error::from)
            .and_then(|()| self.store.render(self.id).map(drop))
        {
            tracing::error!(error = chain(&error), "the experiment's end could not be saved");
        }
        let invalid = self.past.finished.values().filter(|valid| !**valid).count() as u32;
        let ended = Ended {
            ending: halt.ending,
            finished: self.past.finished.len() as u32,
            trials: self.matrix.trials.len() as u32,
            invalid,
            reason: halt.reason,
        };
        tracing::info!(ending = ?ended.ending, reason = ended.reason, finished = ended.finished, "experiment ended");
        self.watchers.tell(Progress::Ended(ended.clone()));
        ended
    }

    async fn trials(&mut self) -> Result<(), Halt> {
        let agents = self.agents().await?;
        let mut cluster = tokio::select! {
            () = self.cancel.cancelled() => return Err(Halt::new(Ending::Cancelled, "cancelled")),
            cluster = Cluster::connect(&self.plan, &self.mock_program) => cluster?,
        };
        let run = self.on_cluster(&mut cluster, &agents).await;
        cluster.end().await;
        run
    }

    async fn on_cluster(&mut self, cluster: &mut Cluster, agents: &[AgentName]) -> Result<(), Halt> {
        let trials = self.matrix.trials.clone();
        for trial in &trials {
            cluster.check(&trial.topic)?;
        }
        self.journal.add(&Fact::Began {
            agents: agents.iter().map(ToString::to_string).collect(),
        })?;
        let leftovers = std::mem::take(&mut self.past.leftover_topics);
        if !leftovers.is_empty() {
            self.watchers.note(format!(
                "deleting {} topics that an earlier attempt left",
                leftovers.len()
            ));
            self.delete(cluster, leftovers).await?;
        }
        let began = Instant::now();
        let left: Vec<&Trial> = trials
            .iter()
            .filter(|t| !self.past.finished.contains_key(&t.id))
            .collect();
        for (done, trial) in left.iter().enumerate() {
            let overhead = overhead(&left[..done], began.elapsed());
            let estimate = |trials: &[&Trial]| trials.iter().map(|t| load_time(t) + overhead).sum();
            let (with, after) = (estimate(&left[done..]), estimate(&left[done + 1..]));
            self.trial(cluster, agents, trial, with, after).await?;
        }
        Ok(())
    }

    /// Tries one trial until an attempt counts.
    async fn trial(
        &mut self,
        cluster: &mut Cluster,
        agents: &[AgentName],
        trial: &Trial,
        left: Duration,
        left_after: Duration,
    ) -> Result<(), Halt> {
        let first = self.past.attempts.get(&trial.id).copied().unwrap_or(0) + 1;
        for attempt in first..first + TRIES {
            if attempt > first {
                self.back_again(agents).await?;
            }
            let id = AttemptId {
                experiment: self.id,
                trial: trial.id,
                attempt: Attempt(attempt),
            };
            self.watchers.tell(Progress::Began {
                trial: trial.id,
                of: self.matrix.trials.len() as u32,
                attempt: id.attempt,
                cell: cell_text(trial),
                left,
            });
            let topics = topic_names(&self.plan, id, trial.topic.count);
            self.journal.add(&Fact::AttemptBegan {
                trial: trial.id,
                attempt: id.attempt,
                topics: topics.clone(),
            })?;
            let ground = Ground {
                plan: &self.plan,
                fleet: &self.fleet,
                watchers: &self.watchers,
                cancel: &self.cancel,
                agents,
                timing: Timing::default(),
                left_after,
            };
            let outcome = trial::run(&ground, cluster, trial, id, &topics).await;
            let last = attempt + 1 == first + TRIES;
            let next = match outcome {
                Outcome::Result(result) => {
                    // On disk before anything else is done.
                    self.keep(&result)?;
                    Ok(true)
                }
                Outcome::Void { reason, samples } => {
                    self.void(id, &reason, last, samples)?;
                    if last {
                        let reason = format!(
                            "trial {}: {TRIES} attempts did not count; the last one: {reason}",
                            trial.id
                        );
                        Err(Halt::new(Ending::AgentsLost, reason))
                    } else {
                        Ok(false)
                    }
                }
                Outcome::Refused(kind, reason) => {
                    self.void(id, &reason, true, Vec::new())?;
                    let ending = match kind {
                        RefusalKind::ClusterUnreachable => Ending::ClusterUnreachable,
                        RefusalKind::Configuration => Ending::BadPlan,
                        // The others are void attempts by now.
                        RefusalKind::Busy | RefusalKind::Other => Ending::AgentsLost,
                    };
                    Err(Halt::new(ending, reason))
                }
                Outcome::Cancelled => Err(Halt::new(Ending::Cancelled, "cancelled")),
                Outcome::Cluster(error) => {
                    self.void(id, &chain(&error), true, Vec::new())?;
                    Err(Halt::from(error))
                }
            };
            // Clients are closed by now, so nothing brings the topics back.
            self.delete(cluster, topics).await?;
            if next? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn keep(&mut self, result: &TrialResult) -> Result<(), Halt> {
        let valid = result.verdict.valid();
        self.store.keep(result)?;
        self.journal.add(&Fact::TrialFinished {
            trial: result.trial,
            attempt: result.attempt,
            valid,
        })?;
        self.past.finished.insert(result.trial, valid);
        self.metrics.trial(valid);
        self.watchers.tell(Progress::Finished {
            trial: result.trial,
            of: self.matrix.trials.len() as u32,
            cell: result.cell_text(),
            valid,
            bound_by: result.verdict.bound_by.to_string(),
            delivered: result.rates.delivered,
            response_p99: result
                .measured()
                .and_then(|part| part.response.p99_us)
                .map(Duration::from_micros),
        });
        Ok(())
    }

    fn void(
        &mut self,
        id: AttemptId,
        reason: &str,
        last: bool,
        samples: Vec<tribunal_report::result::StoredSample>,
    ) -> Result<(), Halt> {
        let (trial, attempt) = (id.trial, id.attempt);
        let void = VoidAttempt {
            trial,
            attempt,
            reason: reason.to_owned(),
        };
        self.store.keep_void(self.id, &VoidRecord { attempt: void, samples })?;
        self.journal.add(&Fact::AttemptVoid {
            trial,
            attempt,
            reason: reason.to_owned(),
            last,
        })?;
        self.metrics.void_attempt();
        tracing::warn!(%trial, attempt = attempt.0, reason, "attempt void");
        self.watchers.tell(Progress::Void {
            trial,
            attempt,
            reason: reason.to_owned(),
        });
        Ok(())
    }

    /// Deletes topics; those that cannot be deleted now are deleted by a later resume.
    async fn delete(&mut self, cluster: &Cluster, topics: Vec<String>) -> Result<(), Halt> {
        match cluster.delete_topics(&topics).await {
            Ok(()) => self.journal.add(&Fact::TopicsDeleted { topics })?,
            Err(error) => {
                self.watchers.note(format!(
                    "topics are left on the cluster: {}: {error}",
                    topics.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// The agents that take part, in name order; waits for them as long as the plan says.
    async fn agents(&self) -> Result<Vec<AgentName>, Halt> {
        let wanted = &self.plan.agents.wanted;
        let chosen = |connected: Vec<AgentName>| match wanted {
            Wanted::Count(count) => (connected.len() >= *count as usize)
                .then(|| connected.into_iter().take(*count as usize).collect::<Vec<_>>()),
            Wanted::Named(names) => names.iter().all(|name| connected.contains(name)).then(|| {
                let mut names = names.clone();
                names.sort();
                names
            }),
            Wanted::Connected => (!connected.is_empty()).then_some(connected),
        };
        let words = match wanted {
            Wanted::Count(count) => format!("{count} agents"),
            Wanted::Named(names) => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            Wanted::Connected => "an agent".to_owned(),
        };
        let agents = self.wait_for(chosen, &words).await?;
        self.same_builds(&agents)?;
        Ok(agents)
    }

    /// Waits until all agents of the experiment are connected again.
    async fn back_again(&self, agents: &[AgentName]) -> Result<(), Halt> {
        let all = |connected: Vec<AgentName>| agents.iter().all(|agent| connected.contains(agent)).then_some(());
        let words = agents.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.wait_for(all, &words).await?;
        self.same_builds(agents)
    }

    async fn wait_for<T>(&self, enough: impl Fn(Vec<AgentName>) -> Option<T>, words: &str) -> Result<T, Halt> {
        let until = Instant::now() + self.plan.agents.wait;
        let mut joins = self.fleet.joins();
        let mut said = false;
        loop {
            joins.mark_unchanged();
            let connected: Vec<AgentName> = self.fleet.agents().into_keys().collect();
            let names = connected.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            if let Some(found) = enough(connected) {
                return Ok(found);
            }
            let names = if names.is_empty() { "none".to_owned() } else { names };
            if !std::mem::replace(&mut said, true) {
                self.watchers.note(format!("waiting for {words}; connected: {names}"));
            }
            tokio::select! {
                () = self.cancel.cancelled() => return Err(Halt::new(Ending::Cancelled, "cancelled")),
                changed = timeout_at(until, joins.changed()) => if changed.is_err() {
                    let waited = self.plan.agents.wait;
                    let reason = format!("waited {waited:?} for {words}; connected: {names}");
                    return Err(Halt::new(Ending::AgentsLost, reason));
                }
            }
        }
    }

    /// Agents whose builds differ in anything that makes a number are not mixed; a mock is not for other hosts.
    fn same_builds(&self, agents: &[AgentName]) -> Result<(), Halt> {
        let connected = self.fleet.agents();
        let taking: BTreeMap<_, _> = connected.iter().filter(|(name, _)| agents.contains(name)).collect();
        let mut builds = taking.iter().map(|(name, agent)| (name, &agent.hello.build));
        if let Some((first, build)) = builds.next() {
            if let Some((other, theirs)) = builds.find(|(_, theirs)| !build.measures_like(theirs)) {
                let reason = format!("agents {first} and {other} are of different builds: {build:?}, {theirs:?}");
                return Err(Halt::new(Ending::Refused, reason));
            }
            if build.version != env!("CARGO_PKG_VERSION") {
                let (theirs, ours) = (&build.version, env!("CARGO_PKG_VERSION"));
                let reason = format!("agent {first} is tribunal {theirs}, the coordinator {ours}");
                return Err(Halt::new(Ending::Refused, reason));
            }
        }
        if let Bootstrap::Mock { .. } = self.plan.cluster.bootstrap {
            let ours = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
            if let Some((name, _)) = taking.iter().find(|(_, agent)| agent.hello.host.boot_id != ours.trim()) {
                let reason = format!("agent {name} is on another host, where the coordinator's mock cannot be reached");
                return Err(Halt::new(Ending::Refused, reason));
            }
        }
        Ok(())
    }
}

fn cell_text(trial: &Trial) -> String {
    let levels: Vec<String> = trial
        .levels
        .iter()
        .map(|level| format!("{}={}", level.factor, level.value))
        .collect();
    if levels.is_empty() {
        "baseline".to_owned()
    } else {
        levels.join(" ")
    }
}

fn load_time(trial: &Trial) -> Duration {
    trial.windows.warm_up + trial.windows.measure
}

/// What trials have taken besides their warm-up and window, on average.
fn overhead(done: &[&Trial], elapsed: Duration) -> Duration {
    let load: Duration = done.iter().map(|trial| load_time(trial)).sum();
    match done.len() as u32 {
        0 => OVERHEAD,
        n => elapsed.saturating_sub(load) / n,
    }
}
