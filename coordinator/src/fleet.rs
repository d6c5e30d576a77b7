//! The agents that are connected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tribunal_model::ids::AgentName;
use tribunal_model::trial::Trial;
use tribunal_proto::control::AgentRow;
use tribunal_proto::session::{AgentMessage, AttemptId, CoordinatorMessage, Hello};
use tribunal_stats::facts::{Calibration, ClockFacts};
use tribunal_telemetry::coordinator::CoordinatorMetrics;
use uuid::Uuid;

use crate::clock::now_ns;

/// Messages that may wait for one agent.
const OUTBOX: usize = 256;
/// What agents said of the running attempt and the attempt has not taken yet; reports are large.
const UNHEARD: usize = 128;

/// What the fleet tells the attempt that is being run.
#[derive(Debug)]
pub(crate) enum FleetEvent {
    /// An agent says something about an attempt; decoding it took so many nanoseconds of processor time.
    Said(AgentName, Box<AgentMessage>, i64),
    /// An agent's session ended, or a new instance took its name.
    Lost(AgentName),
}

/// Owner of the connected agents; cheap to clone. Sessions put themselves in, the runner takes part of them into attempts.
///
/// The lock is held for the length of a map operation, never across an await.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Counts joins, so that a waiting runner looks again.
    changed: watch::Sender<u64>,
    metrics: Arc<CoordinatorMetrics>,
}

#[derive(Debug, Default)]
struct State {
    agents: BTreeMap<AgentName, Connected>,
    listener: Option<Listener>,
    /// Calibrations that agents are at, by their numbers.
    calibrations: BTreeMap<u64, Awaited>,
    /// The number of the last calibration.
    last_calibration: u64,
}

/// Who waits for an agent's calibration.
#[derive(Debug)]
struct Awaited {
    agent: AgentName,
    outcome: oneshot::Sender<CalibrationOutcome>,
}

/// What an agent managed, or why it could not tell.
pub(crate) type CalibrationOutcome = Result<Calibration, String>;

/// The running attempt's ear.
#[derive(Debug)]
struct Listener {
    attempt: AttemptId,
    agents: BTreeSet<AgentName>,
    events: mpsc::Sender<FleetEvent>,
}

/// One connected agent; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Connected {
    pub(crate) hello: Arc<Hello>,
    pub(crate) clock: Option<ClockFacts>,
    joined_ns: i64,
    outbox: mpsc::Sender<CoordinatorMessage>,
    /// Ends the session from this side.
    part: CancellationToken,
}

/// A session's place in the fleet.
#[derive(Debug)]
pub(crate) struct Joined {
    /// What is to be sent to the agent.
    pub(crate) outgoing: mpsc::Receiver<CoordinatorMessage>,
    /// Cancelled when a new instance takes the name.
    pub(crate) part: CancellationToken,
}

impl Fleet {
    pub(crate) fn new(metrics: Arc<CoordinatorMetrics>) -> Self {
        Self {
            inner: Arc::new(Inner {
                state: Mutex::default(),
                changed: watch::Sender::new(0),
                metrics,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an agent in; an older instance of its name is parted with, its attempt lost.
    pub(crate) async fn join(&self, hello: Hello) -> Joined {
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        let part = CancellationToken::new();
        let name = hello.name.clone();
        let connected = Connected {
            hello: Arc::new(hello),
            clock: None,
            joined_ns: now_ns(),
            outbox,
            part: part.clone(),
        };
        let (old, ear) = {
            let mut state = self.lock();
            let old = state.agents.insert(name.clone(), connected);
            state.forget_calibrations(&name);
            self.inner.metrics.agents(state.agents.len());
            let ear = old.is_some().then(|| state.ear(&name)).flatten();
            (old, ear)
        };
        if let Some(old) = old {
            tracing::warn!(agent = %name, "a new instance takes the name");
            old.part.cancel();
        }
        if let Some(ear) = ear {
            let _ = ear.send(FleetEvent::Lost(name)).await;
        }
        self.inner.changed.send_modify(|joins| *joins += 1);
        Joined { outgoing, part }
    }

    /// A session has ended. One whose name was taken by a newer instance has nothing to give back.
    pub(crate) async fn leave(&self, name: &AgentName, instance: Uuid) {
        let ear = {
            let mut state = self.lock();
            if state
                .agents
                .get(name)
                .is_none_or(|agent| agent.hello.instance != instance)
            {
                return;
            }
            state.agents.remove(name);
            state.forget_calibrations(name);
            self.inner.metrics.agents(state.agents.len());
            state.ear(name)
        };
        if let Some(ear) = ear {
            let _ = ear.send(FleetEvent::Lost(name.clone())).await;
        }
    }

    /// What an agent makes of its clock.
    pub(crate) fn clock(&self, name: &AgentName, clock: ClockFacts) {
        if let Some(agent) = self.lock().agents.get_mut(name) {
            agent.clock = Some(clock);
        }
    }

    /// Passes a message about an attempt on to that attempt, if it is the running one.
    pub(crate) async fn said(&self, name: &AgentName, attempt: AttemptId, message: AgentMessage, decoded_ns: i64) {
        let ear = {
            let state = self.lock();
            state
                .listener
                .as_ref()
                .is_some_and(|l| l.attempt == attempt)
                .then(|| state.ear(name))
                .flatten()
        };
        if let Some(ear) = ear {
            let _ = ear
                .send(FleetEvent::Said(name.clone(), Box::new(message), decoded_ns))
                .await;
        } else {
            tracing::debug!(agent = %name, trial = %attempt.trial, "a word about an attempt that is over");
        }
    }

    /// Makes an attempt the running one: what its agents say goes to the returned channel.
    pub(crate) fn listen(&self, attempt: AttemptId, agents: BTreeSet<AgentName>) -> mpsc::Receiver<FleetEvent> {
        let (events, ear) = mpsc::channel(UNHEARD);
        self.lock().listener = Some(Listener {
            attempt,
            agents,
            events,
        });
        ear
    }

    /// Nothing is listened for any more.
    pub(crate) fn deafen(&self) {
        self.lock().listener = None;
    }

    /// Tells an agent; one that is gone, or does not take its messages, is told nothing.
    pub(crate) fn tell(&self, name: &AgentName, message: CoordinatorMessage) {
        let Some(agent) = self.lock().agents.get(name).cloned() else {
            return;
        };
        if agent.outbox.try_send(message).is_err() {
            tracing::warn!(agent = %name, "does not take its messages; parting");
            agent.part.cancel();
        }
    }

    /// Has an agent find out what its share of a trial's producers manages against a null sink. The answer is dropped
    /// when the agent is lost.
    pub(crate) fn calibrate(
        &self,
        agent: &AgentName,
        trial: Trial,
        producers: Vec<u32>,
    ) -> oneshot::Receiver<CalibrationOutcome> {
        let (outcome, answer) = oneshot::channel();
        let id = {
            let mut state = self.lock();
            state.last_calibration += 1;
            let id = state.last_calibration;
            if state.agents.contains_key(agent) {
                let agent = agent.clone();
                state.calibrations.insert(id, Awaited { agent, outcome });
            }
            id
        };
        let trial = Box::new(trial);
        self.tell(agent, CoordinatorMessage::Calibrate { id, trial, producers });
        answer
    }

    /// An agent's calibration has ended.
    pub(crate) fn calibrated(&self, name: &AgentName, id: u64, outcome: CalibrationOutcome) {
        let awaited = self.lock().calibrations.remove(&id);
        if let Some(awaited) = awaited.filter(|awaited| awaited.agent == *name) {
            // Nobody may be waiting any more.
            let _ = awaited.outcome.send(outcome);
        }
    }

    /// The names of the connected agents, in order.
    pub(crate) fn names(&self) -> Vec<AgentName> {
        self.lock().agents.keys().cloned().collect()
    }

    /// The connected agents by name.
    pub(crate) fn agents(&self) -> BTreeMap<AgentName, Connected> {
        self.lock().agents.clone()
    }

    /// Counts up whenever an agent joins.
    pub(crate) fn joins(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// The connected agents as rows for people.
    pub(crate) fn rows(&self) -> Vec<AgentRow> {
        let state = self.lock();
        let busy = |name: &AgentName| state.listener.as_ref().is_some_and(|l| l.agents.contains(name));
        state
            .agents
            .values()
            .map(|agent| AgentRow {
                name: agent.hello.name.clone(),
                build: agent.hello.build.clone(),
                host: agent.hello.host.clone(),
                clock: agent.clock,
                busy: busy(&agent.hello.name),
                connected: Duration::from_nanos((now_ns() - agent.joined_ns).max(0) as u64),
                metrics_address: agent.hello.metrics_address.clone(),
            })
            .collect()
    }
}

/// How many of these agents are on each host, by its boot id.
pub(crate) fn agents_by_host<'a>(agents: impl Iterator<Item = &'a Connected>) -> BTreeMap<&'a str, u32> {
    let mut hosts = BTreeMap::new();
    for agent in agents {
        *hosts.entry(agent.hello.host.boot_id.as_str()).or_insert(0) += 1;
    }
    hosts
}

impl State {
    fn forget_calibrations(&mut self, agent: &AgentName) {
        self.calibrations.retain(|_, awaited| awaited.agent != *agent);
    }

    /// The running attempt's channel, when the agent takes part in it.
    fn ear(&self, name: &AgentName) -> Option<mpsc::Sender<FleetEvent>> {
        self.listener
            .as_ref()
            .filter(|listener| listener.agents.contains(name))
            .map(|listener| listener.events.clone())
    }
}
