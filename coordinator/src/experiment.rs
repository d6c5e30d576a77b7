//! Running one experiment: its trials in order, each attempt until it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tribunal_model::design::Purpose;
use tribunal_model::ids::{AgentName, Attempt, ExperimentId};
use tribunal_model::matrix::Matrix;
use tribunal_model::plan::Plan;
use tribunal_model::trial::{Rate, Trial};
use tribunal_proto::control::{Ended, Ending, Progress};
use tribunal_proto::session::{AttemptId, RefusalKind};
use tribunal_report::experiment::{ExperimentState, VoidAttempt};
use tribunal_report::format;
use tribunal_report::result::TrialResult;
use tribunal_stats::facts::Calibration;
use tribunal_telemetry::coordinator::CoordinatorMetrics;
use tribunal_telemetry::logs::chain;

use crate::agenda::{self, Done, History, Next};
use crate::attempt::Timing;
use crate::brokers;
use crate::calibration;
use crate::consumers::Cast;
use crate::environment::Environment;
use crate::fleet::Fleet;
use crate::journal::{self, Fact, Journal};
use crate::progress::Watchers;
use crate::store::{self, Past, Store, VoidRecord};
use crate::trial::{self, Ground, Outcome, topic_names};

pub(crate) mod agents;
mod clusters;
pub(crate) mod halt;

use agents::Muster;
use clusters::Clusters;
use halt::Halt;

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
    /// What the results so far decide about the trials to come.
    pub(crate) history: History,
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

/// What a trial needs to know of the experiment around it.
struct Around<'a> {
    agents: &'a [AgentName],
    cast: &'a Cast,
    environment: &'a Environment,
    /// Estimated time to the end of the experiment, with and without this trial.
    left: Duration,
    left_after: Duration,
    not_settled: Option<String>,
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
        let kept = self.note(&Fact::State {
            state,
            reason: halt.reason.clone(),
        });
        if let Err(error) = kept
            .map_err(store::Error::from)
            .and_then(|()| self.store.render(self.id).map(drop))
        {
            tracing::error!(error = chain(&error), "the experiment's end could not be saved");
        }
        // What only prepares, and what is asked again, is no trial that anybody reads a figure of.
        let counts = |done: &&Done| !matches!(done.purpose, Purpose::BurnIn | Purpose::Probe(_));
        let invalid = self.history.values().filter(counts).filter(|done| !done.valid).count() as u32;
        let trials = match halt.ending {
            Ending::Complete => self.history.len() as u32,
            _ => self.of(),
        };
        let ended = Ended {
            ending: halt.ending,
            finished: self.past.finished.len() as u32,
            trials,
            invalid,
            reason: halt.reason,
        };
        tracing::info!(ending = ?ended.ending, reason = ended.reason, finished = ended.finished, "experiment ended");
        self.watchers.tell(Progress::Ended(ended.clone()));
        ended
    }

    async fn trials(&mut self) -> Result<(), Halt> {
        let agents = self.muster().agents().await?;
        let mut clusters = tokio::select! {
            () = self.cancel.cancelled() => return Err(Halt::new(Ending::Cancelled, "cancelled")),
            clusters = Clusters::connect(&self.plan, &self.mock_program) => clusters?,
        };
        let run = self.on_clusters(&mut clusters, &agents).await;
        // Clients are closed by now, so nothing brings the topics back.
        let cleaned = self.clean(&mut clusters).await;
        clusters.end().await;
        run.and(cleaned)
    }

    fn muster(&self) -> Muster<'_> {
        Muster {
            plan: &self.plan,
            fleet: &self.fleet,
            watchers: &self.watchers,
            cancel: &self.cancel,
        }
    }

    async fn on_clusters(&mut self, clusters: &mut Clusters, agents: &[AgentName]) -> Result<(), Halt> {
        for cell in &self.matrix.cells {
            clusters.of(cell.cluster.as_deref()).check(&cell.topic)?;
        }
        let cast = self.cast(agents)?;
        self.check_drivers(&cast.producing)?;
        self.check_calibrations(&cast.producing)?;
        self.note(&Fact::Began {
            agents: agents.iter().map(ToString::to_string).collect(),
        })?;
        let leftovers = std::mem::take(&mut self.past.leftover_topics);
        if !leftovers.is_empty() {
            self.watchers.note(format!(
                "deleting {} topics that an earlier attempt left",
                leftovers.len()
            ));
            match clusters.delete_everywhere(&leftovers).await {
                Ok(()) => self.note(&Fact::TopicsDeleted { topics: leftovers })?,
                Err(error) => self.left_behind(&leftovers, &error),
            }
        }
        self.check_metrics(clusters).await;
        let environment = self.environment(clusters, agents);
        let began = Instant::now();
        let mut run: Vec<Trial> = Vec::new();
        loop {
            let next = agenda::next(&self.plan, &self.matrix, &self.history);
            let trial = match next.map_err(|reason| Halt::new(Ending::Defect, reason))? {
                Next::Trial(trial) => *trial,
                Next::Over(word) => {
                    if let Some(word) = word {
                        self.watchers.note(word);
                    }
                    return Ok(());
                }
            };
            let not_settled = match run.last() {
                // The way down has to follow on an overload at once.
                Some(_) if trial.purpose == Purpose::Probe("down".to_owned()) => clusters.unsettled(),
                Some(last) if last.block != trial.block || clusters.full() => self.settle(clusters).await?,
                _ => clusters.unsettled(),
            };
            let overhead = overhead(&run, began.elapsed());
            let (known, _) = agenda::known(&self.plan, &self.matrix, &self.history);
            let coming = known
                .iter()
                .filter(|t| !self.history.contains_key(&t.id) && t.id != trial.id);
            let left_after = coming.map(|t| load_time(t) + overhead).sum();
            let around = Around {
                agents,
                cast: &cast,
                environment: &environment,
                left: left_after + load_time(&trial) + overhead,
                left_after,
                not_settled,
            };
            self.trial(clusters, &trial, &around).await?;
            run.push(trial);
        }
    }

    /// How many trials there are, as far as is known: those of the matrix, or of a search those made so far.
    fn of(&self) -> u32 {
        let (known, more) = agenda::known(&self.plan, &self.matrix, &self.history);
        (known.len() as u32).max(self.history.len() as u32 + u32::from(more))
    }

    /// What clusters and hosts are now.
    fn environment(&self, clusters: &Clusters, agents: &[AgentName]) -> Environment {
        let connected = self.fleet.agents();
        let hosts = agents.iter().filter_map(|name| {
            let hello = &connected.get(name)?.hello;
            Some((name.clone(), (hello.host.clone(), hello.build.clone())))
        });
        Environment::new(clusters.all().map(|cluster| cluster.facts.clone()), hosts.collect())
    }

    /// Says of which brokers the plan names addresses that tell nothing.
    async fn check_metrics(&self, clusters: &Clusters) {
        for cluster in clusters.all() {
            let addresses = &self.plan.cluster_named(cluster.facts.name.as_deref()).metrics;
            let ids: Vec<i32> = cluster.facts.brokers.iter().map(|(id, _, _)| *id).collect();
            for doubt in brokers::doubts(addresses, &ids).await {
                self.watchers.note(doubt);
            }
        }
    }

    /// Who of the agents may run what.
    fn cast(&self, agents: &[AgentName]) -> Result<Cast, Halt> {
        let connected = self.fleet.agents();
        let roles = agents.iter().map(|name| {
            let role = connected.get(name).map(|agent| agent.hello.role);
            (name.clone(), role.unwrap_or_default())
        });
        let roles: Vec<_> = roles.collect();
        Cast::of(&roles, self.plan.consumers.is_some()).map_err(|reason| Halt::new(Ending::BadPlan, reason))
    }

    /// Every agent that may run producers can drive the clients of the plan.
    fn check_drivers(&self, agents: &[AgentName]) -> Result<(), Halt> {
        let connected = self.fleet.agents();
        let clients: BTreeSet<String> = self.matrix.cells.iter().map(|cell| cell.client.client.name()).collect();
        for name in agents {
            let lacking = connected.get(name).map(|agent| &agent.hello.lacking);
            let lacks = lacking.and_then(|lacking| lacking.iter().find(|(client, _)| clients.contains(client)));
            if let Some((_, why)) = lacks {
                return Err(Halt::new(Ending::BadPlan, format!("agent {name}: {why}")));
            }
        }
        Ok(())
    }

    /// Says which cells come near to what the agents managed against a null sink; the plan may refuse them.
    fn check_calibrations(&self, agents: &[AgentName]) -> Result<(), Halt> {
        let (known, _) = agenda::known(&self.plan, &self.matrix, &self.history);
        let (kept, connected) = (self.store.calibrations()?, self.fleet.agents());
        let (mut told, mut refused) = (Vec::new(), Vec::new());
        for trial in &known {
            let calibrations = kept.of(&self.plan, trial, agents, &connected);
            let (warned, beyond) = calibration::beyond(&self.plan.limits, trial, agents, &calibrations);
            let cell = cell_text(trial);
            if let Some(why) = beyond.first() {
                refused.push(format!("{cell}: {why}"));
            } else if let Some(why) = warned.first() {
                // The same for each repetition, which the order of the trials scatters.
                let line = format!("near the harness's own limit: {cell}: {why}");
                if !told.contains(&line) {
                    told.push(line);
                }
            }
        }
        for line in told {
            self.watchers.note(line);
        }
        match refused.first() {
            None => Ok(()),
            Some(first) => {
                let reason = format!(
                    "limits.calibration refuses {}; the first: {first}; use more agents, or lower the rate",
                    format::plural(refused.len() as u64, "trial")
                );
                Err(Halt::new(Ending::Refused, reason))
            }
        }
    }

    fn calibrations(&self, trial: &Trial, agents: &[AgentName]) -> Result<BTreeMap<AgentName, Calibration>, Halt> {
        let kept = self.store.calibrations()?;
        Ok(kept.of(&self.plan, trial, agents, &self.fleet.agents()))
    }

    /// Deletes the topics of finished trials and waits until their files are gone, as long as the plan allows. Why the
    /// cluster has not settled by then.
    async fn settle(&mut self, clusters: &mut Clusters) -> Result<Option<String>, Halt> {
        self.clean(clusters).await?;
        if let Some(gone) = clusters.settled_at() {
            let until = gone.min(Instant::now() + self.plan.design.settle);
            let wait = until.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                let seconds = wait.as_secs();
                self.watchers.note(format!(
                    "waiting {seconds} s for the brokers to unlink the files of deleted topics"
                ));
            }
            tokio::select! {
                () = self.cancel.cancelled() => return Err(Halt::new(Ending::Cancelled, "cancelled")),
                () = sleep_until(until) => {}
            }
        }
        Ok(clusters.unsettled())
    }

    /// Deletes what finished trials left; what cannot be deleted now is deleted by a later resume.
    async fn clean(&mut self, clusters: &mut Clusters) -> Result<(), Halt> {
        let (gone, left) = clusters.clean().await;
        if !gone.is_empty() {
            self.note(&Fact::TopicsDeleted { topics: gone })?;
        }
        for (topics, error) in &left {
            self.left_behind(topics, error);
        }
        Ok(())
    }

    fn left_behind(&self, topics: &[String], error: &crate::cluster::Error) {
        let topics = topics.join(", ");
        self.watchers
            .note(format!("topics are left on the cluster: {topics}: {error}"));
    }

    /// Tries one trial until an attempt counts.
    async fn trial(&mut self, clusters: &mut Clusters, trial: &Trial, around: &Around<'_>) -> Result<(), Halt> {
        let agents = around.agents;
        let first = self.past.attempts.get(&trial.id).copied().unwrap_or(0) + 1;
        for attempt in first..first + TRIES {
            if attempt > first {
                self.muster().back_again(agents).await?;
            }
            let id = AttemptId {
                experiment: self.id,
                trial: trial.id,
                attempt: Attempt(attempt),
            };
            self.watchers.tell(Progress::Began {
                trial: trial.id,
                of: self.of(),
                attempt: id.attempt,
                cell: cell_text(trial),
                left: around.left,
            });
            let topics = topic_names(&self.plan, id, trial.topic.count);
            self.note(&Fact::AttemptBegan {
                trial: trial.id,
                attempt: id.attempt,
                topics: topics.clone(),
            })?;
            let ground = Ground {
                plan: &self.plan,
                fleet: &self.fleet,
                watchers: &self.watchers,
                cancel: &self.cancel,
                agents: &around.cast.producing,
                cast: around.cast,
                timing: Timing::default(),
                left_after: around.left_after,
                calibrations: self.calibrations(trial, &around.cast.producing)?,
                not_settled: around.not_settled.clone(),
                environment: around.environment,
            };
            let name = trial.cluster.as_deref();
            let outcome = trial::run(&ground, clusters.of(name), trial, id, &topics).await;
            let bytes = match &outcome {
                Outcome::Result(result) => result.bytes_written(),
                _ => 0,
            };
            let last = attempt + 1 == first + TRIES;
            let next = match outcome {
                Outcome::Result(result) => {
                    // On disk before anything else is done.
                    self.keep(trial, &result)?;
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
            clusters.spend(name, topics, bytes);
            if next? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Adds a fact to the journal; it is on disk when this returns.
    fn note(&mut self, fact: &Fact) -> Result<(), journal::Error> {
        let took = self.journal.add(fact)?;
        self.metrics.journal_sync(took);
        Ok(())
    }

    fn keep(&mut self, trial: &Trial, result: &TrialResult) -> Result<(), Halt> {
        let valid = result.verdict.valid();
        self.store.keep(result)?;
        self.note(&Fact::TrialFinished {
            trial: result.trial,
            attempt: result.attempt,
            valid,
        })?;
        self.past.finished.insert(result.trial, valid);
        self.history.insert(result.trial, Done::of(result));
        self.metrics.trial(valid);
        let skews = result.agents.iter().map(|agent| agent.run.start_skew_ns());
        if let Some(skew) = skews.max().and_then(|ns| u64::try_from(ns).ok()) {
            self.metrics.start_skew(Duration::from_nanos(skew));
        }
        self.watchers.tell(Progress::Finished {
            trial: result.trial,
            of: self.of(),
            cell: cell_text(trial),
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
        self.note(&Fact::AttemptVoid {
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
}

/// What a trial is of, for people: its cell, or its purpose where that is another.
fn cell_text(trial: &Trial) -> String {
    let cell = tribunal_model::trial::cell_text(&trial.levels);
    let at = match trial.load.rate {
        Rate::Paced(rate) => format!(" at {}", format::rate(rate.as_per_second())),
        Rate::Saturate => String::new(),
    };
    match &trial.purpose {
        Purpose::Cell => cell,
        Purpose::Canary | Purpose::BurnIn | Purpose::WithoutConsumers => format!("{}{at}", trial.purpose),
        Purpose::Capacity => format!("{cell}, {}", trial.purpose),
        Purpose::Share(percent) => format!("{cell}{at} ({percent} % of the slowest)"),
        Purpose::Probe(what) => format!("{cell}, {what}{at}"),
    }
}

fn load_time(trial: &Trial) -> Duration {
    trial.windows.warm_up + trial.windows.measure
}

/// What trials have taken besides their warm-up and window, on average.
fn overhead(done: &[Trial], elapsed: Duration) -> Duration {
    let load: Duration = done.iter().map(load_time).sum();
    match done.len() as u32 {
        0 => OVERHEAD,
        n => elapsed.saturating_sub(load) / n,
    }
}
