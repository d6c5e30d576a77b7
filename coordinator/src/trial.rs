//! Running one attempt: topics, the barrier, the windows.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tribunal_model::ids::AgentName;
use tribunal_model::plan::Plan;
use tribunal_model::trial::{Share, Trial, Windows};
use tribunal_proto::control::{Phase, Progress};
use tribunal_proto::session::{AgentMessage, AttemptId, CoordinatorMessage, Prepare, RefusalKind};
use tribunal_report::result::{StoredSample, TrialResult};
use tribunal_stats::facts::{Calibration, ProducerFacts};
use tribunal_stats::steady::{Rules, Settling};
use tribunal_telemetry::logs;

use crate::attempt::{Attempt, Effect, Ending, Event, Order, Timing, latest};
use crate::audit::Offsets;
use crate::brokers;
use crate::clock::{now_ns, thread_cpu_ns, tokio_instant, wall};
use crate::cluster::{self, Cluster, States};
use crate::consumers::{Cast, Consumed, Gathering, Party, Scene};
use crate::environment::Environment;
use crate::fleet::{Fleet, FleetEvent, agents_by_host};
use crate::merge::{Merged, Series};
use crate::progress::Watchers;
use crate::result::{Before, Finished, result};
use crate::steady;
use crate::stopwatch::{Measured, Stopwatch};

/// What an attempt needs from its experiment.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    pub(crate) watchers: &'a Watchers,
    pub(crate) cancel: &'a CancellationToken,
    /// The agents that may run producers, in name order.
    pub(crate) agents: &'a [AgentName],
    /// Who may run what.
    pub(crate) cast: &'a Cast,
    pub(crate) timing: Timing,
    /// Estimated time from the end of this trial to the end of the experiment.
    pub(crate) left_after: Duration,
    /// What the agents managed against a null sink for such cells.
    pub(crate) calibrations: BTreeMap<AgentName, Calibration>,
    /// Why the cluster has not settled since the last trial.
    pub(crate) not_settled: Option<String>,
    /// What the environment was when the experiment began.
    pub(crate) environment: &'a Environment,
}

/// How an attempt came out.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A result, to be kept.
    Result(Box<TrialResult>),
    /// It does not count.
    Void {
        /// Why.
        reason: String,
        /// What had been measured.
        samples: Vec<StoredSample>,
    },
    /// Trying again would not help.
    Refused(RefusalKind, String),
    /// Cancelled.
    Cancelled,
    /// The cluster failed.
    Cluster(cluster::Error),
}

impl From<cluster::Error> for Outcome {
    fn from(error: cluster::Error) -> Self {
        Self::Cluster(error)
    }
}

/// The names of an attempt's topics; no other attempt ever has them.
pub(crate) fn topic_names(plan: &Plan, id: AttemptId, count: u32) -> Vec<String> {
    let stem = format!("{}-{}-{}-{}", plan.prefix, id.experiment, id.trial.0, id.attempt.0);
    if count == 1 {
        vec![stem]
    } else {
        (0..count).map(|topic| format!("{stem}-{topic}")).collect()
    }
}

/// Runs one attempt from its topics to its verdict. The topics stay: the caller deletes them, whatever came out.
pub(crate) async fn run(
    ground: &Ground<'_>,
    cluster: &mut Cluster,
    trial: &Trial,
    id: AttemptId,
    topics: &[String],
) -> Outcome {
    let span = logs::trial(id.trial, id.attempt);
    match attempt(ground, cluster, trial, id, topics).instrument(span).await {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

async fn attempt(
    ground: &Ground<'_>,
    cluster: &mut Cluster,
    trial: &Trial,
    id: AttemptId,
    topics: &[String],
) -> Result<Outcome, Outcome> {
    let began = wall();
    ground.watchers.tell(Progress::Phase {
        trial: id.trial,
        phase: Phase::Preparing,
    });
    let shape = &trial.topic;
    // Not cut short by a cancellation: topics that are half made would be left behind.
    let topic = cluster.make_topics(topics, shape, trial.block).await?;
    if ground.cancel.is_cancelled() {
        return Ok(Outcome::Cancelled);
    }
    let before = cluster.end_offsets(topics, shape.partitions).await?;
    let ready = cluster.states(topics).await?;
    let now = cluster.look().await?;
    let connected = ground.fleet.agents();
    let shares = shares(ground.agents, trial);
    let mut course = Course::new(ground, trial, id, &shares);
    let run = course.run(cluster, topics, &before).await;
    ground.fleet.deafen();
    let (ending, consumed) = run?;
    match ending {
        Ending::Complete => {}
        Ending::Void(reason) => {
            return Ok(Outcome::Void {
                reason,
                samples: course.series.finish(),
            });
        }
        Ending::Refused(RefusalKind::Busy | RefusalKind::Other, reason) => {
            return Ok(Outcome::Void {
                reason,
                samples: Vec::new(),
            });
        }
        Ending::Refused(kind, reason) => return Ok(Outcome::Refused(kind, reason)),
        Ending::Cancelled => return Ok(Outcome::Cancelled),
    }
    ground.watchers.tell(Progress::Phase {
        trial: id.trial,
        phase: Phase::Done,
    });
    let ids: Vec<i32> = now.brokers.iter().map(|(id, _, _)| *id).collect();
    let finished = course.finish(topics, &ids, consumed).await;
    Ok(Outcome::Result(Box::new(
        result(
            ground,
            cluster,
            trial,
            id,
            finished,
            Before {
                began,
                topic,
                offsets: before,
                ready,
                connected,
                cluster: now,
            },
        )
        .await?,
    )))
}

/// The agents that run producers of a trial, with their producers.
fn shares(agents: &[AgentName], trial: &Trial) -> BTreeMap<AgentName, Share> {
    let dealt = Share::deal(trial.load.producers, agents.len());
    agents
        .iter()
        .cloned()
        .zip(dealt)
        .filter(|(_, share)| !share.producers.is_empty())
        .collect()
}

/// The agents' side of an attempt while it goes on.
struct Course<'a> {
    ground: &'a Ground<'a>,
    trial: &'a Trial,
    id: AttemptId,
    shares: &'a BTreeMap<AgentName, Share>,
    machine: Attempt,
    events: mpsc::Receiver<FleetEvent>,
    party: Party,
    producers: BTreeMap<AgentName, Vec<ProducerFacts>>,
    merged: Merged,
    series: Series,
    /// t0, once *go* was sent.
    start: Option<i64>,
    /// Replicas and leaders at t1 and t2.
    states: Vec<States>,
    /// The trial's parts; t1 at the latest until it has been announced.
    windows: Windows,
    /// Watches the samples for a steady load, until t1 has been announced.
    settling: Option<Settling>,
    /// The window has just been announced: what is done at t1 and t2 moves.
    moved: bool,
    stopwatch: Stopwatch,
    brokers: brokers::Watch,
}

impl<'a> Course<'a> {
    fn new(ground: &'a Ground<'a>, trial: &'a Trial, id: AttemptId, shares: &'a BTreeMap<AgentName, Share>) -> Self {
        let party = Party::new(ground.cast.seats(trial));
        let all = shares.keys().chain(party.agents()).cloned().collect();
        let events = ground.fleet.listen(id, all);
        Self {
            party,
            ground,
            trial,
            id,
            shares,
            machine: Attempt::new(
                shares.keys().cloned(),
                trial.windows,
                trial.settle,
                ground.timing,
                now_ns(),
            ),
            events,
            producers: BTreeMap::new(),
            merged: Merged::default(),
            series: Series::new(shares.len(), latest(trial.windows, trial.settle)),
            start: None,
            states: Vec::new(),
            windows: latest(trial.windows, trial.settle),
            settling: (!trial.settle.is_zero()).then(|| Settling::new(Rules::default())),
            moved: false,
            stopwatch: Stopwatch::new(shares.len()),
            brokers: brokers::Watch::new(&ground.plan.cluster_named(trial.cluster.as_deref()).metrics),
        }
    }

    fn scene(&self) -> Scene<'a> {
        Scene {
            plan: self.ground.plan,
            fleet: self.ground.fleet,
            cancel: self.ground.cancel,
            timing: self.ground.timing,
            trial: self.trial,
            id: self.id,
        }
    }

    /// Consumers first, so that they receive every record; then the producers; then what consumers have not received yet.
    async fn run(
        &mut self,
        cluster: &Cluster,
        topics: &[String],
        before: &Offsets,
    ) -> Result<(Ending, Option<Consumed>), Outcome> {
        let scene = self.scene();
        let assembled = self
            .party
            .assemble(scene, cluster, topics, before, &mut self.events)
            .await;
        if let Err(ending) = assembled {
            self.party.disband(scene, "the attempt ends", &mut self.events).await;
            return Ok((ending, None));
        }
        self.prepare(cluster, topics);
        let ending = self.drive(cluster, topics).await;
        if self.trial.consumers.is_none() {
            return Ok((ending, None));
        }
        if ending != Ending::Complete {
            self.party.disband(scene, "the attempt ends", &mut self.events).await;
            return Ok((ending, None));
        }
        let told = &self.merged.partitions;
        let gathered = self
            .party
            .gather(scene, cluster, topics, before, told, &mut self.events)
            .await;
        match gathered {
            Ok(consumed) => Ok((ending, Some(consumed))),
            Err(trouble) => {
                self.party.disband(scene, "the attempt ends", &mut self.events).await;
                match trouble {
                    Gathering::Ended(ending) => Ok((ending, None)),
                    Gathering::Cluster(error) => Err(error.into()),
                }
            }
        }
    }

    fn prepare(&mut self, cluster: &Cluster, topics: &[String]) {
        let connected = self.ground.fleet.agents();
        let agents_on = agents_by_host(self.shares.keys().filter_map(|agent| connected.get(agent)));
        for (agent, share) in self.shares {
            let Some(there) = connected.get(agent) else {
                // Between attempts an agent may have gone; the machine has to hear of it.
                let effects = self.machine.step(Event::Lost(agent.clone()), now_ns());
                self.perform(effects);
                continue;
            };
            let prepare = Prepare {
                attempt: self.id,
                trial: self.trial.clone(),
                producers: share.producers.clone(),
                bootstrap: cluster.facts.bootstrap.clone(),
                cluster_properties: self
                    .ground
                    .plan
                    .cluster_named(self.trial.cluster.as_deref())
                    .properties
                    .clone(),
                topics: topics.to_vec(),
                agents_on_host: agents_on[there.hello.host.boot_id.as_str()],
            };
            self.ground
                .fleet
                .tell(agent, CoordinatorMessage::Prepare(Box::new(prepare)));
        }
    }

    /// Feeds the machine until it is over. What the cluster is asked meanwhile does not hold the machine up.
    async fn drive(&mut self, cluster: &Cluster, topics: &[String]) -> Ending {
        let mut cancelled = false;
        let mut looks: Vec<(i64, Phase)> = Vec::new();
        let mut look = None;
        let mut started = false;
        let mut ending = None;
        while ending.is_none() {
            let deadline = tokio_instant(self.machine.deadline());
            let next_look = tokio_instant(looks.first().map_or(i64::MAX, |(at, _)| *at));
            let mut spoiled = None;
            let event = tokio::select! {
                () = self.ground.cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    Some(Event::Cancel)
                }
                said = self.events.recv() => match said {
                    Some(FleetEvent::Said(agent, message, decoded_ns)) => self.hear(agent, *message, decoded_ns),
                    Some(FleetEvent::Lost(agent)) => {
                        // Also where its producers have reported, and are no loss.
                        let reason = format!("agent {agent} was lost");
                        spoiled = self.party.lost(&agent).then_some(Event::Spoiled(reason));
                        Some(Event::Lost(agent))
                    }
                    None => Some(Event::Cancel),
                },
                () = sleep_until(next_look) => {
                    let (_, phase) = looks.remove(0);
                    self.ground.watchers.tell(Progress::Phase { trial: self.id.trial, phase });
                    if phase != Phase::WarmingUp {
                        look = Some(Box::pin(cluster.states(topics)));
                    }
                    None
                }
                states = async { look.as_mut().expect("invariant: guarded").await }, if look.is_some() => {
                    look = None;
                    match states {
                        Ok(states) => self.states.push(states),
                        Err(error) => tracing::warn!(%error, "replicas and leaders could not be read"),
                    }
                    None
                }
                () = sleep_until(deadline) => Some(Event::Tick),
            };
            for event in event.into_iter().chain(spoiled) {
                let effects = self.machine.step(event, now_ns());
                ending = ending.or(self.perform(effects));
            }
            if let Some(start) = self.start {
                let windows = &self.windows;
                let (t1, t2) = (start + windows.t1_ns(), start + windows.t2_ns());
                let begins = !std::mem::replace(&mut started, true);
                if begins {
                    looks.push((start, Phase::WarmingUp));
                }
                if begins || std::mem::take(&mut self.moved) {
                    looks.retain(|(_, phase)| *phase == Phase::WarmingUp);
                    looks.extend([(t1, Phase::Measuring), (t2, Phase::Draining)]);
                    self.brokers.window(t1, t2);
                }
            }
        }
        ending.unwrap_or(Ending::Cancelled)
    }

    /// Keeps what an agent measured; what concerns the barrier goes to the machine.
    fn hear(&mut self, agent: AgentName, message: AgentMessage, decoded_ns: i64) -> Option<Event> {
        let before = thread_cpu_ns();
        match message {
            AgentMessage::Ready { producers, clock, .. } => {
                self.producers.insert(agent.clone(), producers);
                Some(Event::Ready(
                    agent,
                    Duration::from_nanos(clock.round_trip_ns.max(0) as u64),
                ))
            }
            AgentMessage::Refused { kind, reason, .. } => Some(Event::Refused(agent, kind, reason)),
            AgentMessage::Armed { epoch, .. } => Some(Event::Armed(agent, epoch)),
            AgentMessage::NotStarted { epoch, .. } => Some(Event::NotStarted(agent, epoch)),
            AgentMessage::WindowResolved { .. } => Some(Event::WindowResolved(agent)),
            AgentMessage::Stopped { reason, .. } => Some(Event::Stopped(agent, reason)),
            AgentMessage::Report { report, .. } => {
                self.merged.add(&agent, *report);
                self.stopwatch
                    .handled(Measured::Report, decoded_ns + thread_cpu_ns() - before);
                Some(Event::Reported(agent))
            }
            AgentMessage::WindowOpens { accepted, .. } => Some(Event::WindowOpens(agent, accepted)),
            AgentMessage::Sample { sample, .. } => {
                let mut steady = None;
                let whole = self.series.add(*sample);
                self.stopwatch
                    .handled(Measured::Sample, decoded_ns + thread_cpu_ns() - before);
                if whole {
                    steady = self.steady();
                    self.ground.watchers.tell(Progress::Live {
                        trial: self.id.trial,
                        delivered: self.series.delivered(),
                        response_p99: self.series.response_p99(),
                        left: self.ground.left_after,
                    });
                }
                steady
            }
            message @ (AgentMessage::ConsumersReady { .. }
            | AgentMessage::ConsumersReport { .. }
            | AgentMessage::ConsumersFailed { .. }) => {
                let trouble = self.party.hear(&agent, message);
                trouble.map(|(_, reason)| Event::Spoiled(reason))
            }
            AgentMessage::Hello(_) | AgentMessage::ClockPing { .. } | AgentMessage::Calibrated { .. } => None,
        }
    }

    /// Looks at the latest sample; says so when the load has become steady.
    fn steady(&mut self) -> Option<Event> {
        let settling = self.settling.as_mut()?;
        settling.push(steady::second(self.series.latest()?));
        settling.settled().then_some(Event::Steady)
    }

    fn perform(&mut self, effects: Vec<Effect>) -> Option<Ending> {
        let mut ending = None;
        let attempt = self.id;
        for effect in effects {
            match effect {
                Effect::Order(agent, order) => {
                    let message = match order {
                        Order::Arm(epoch, start_ns) => {
                            let lease = self.ground.timing.lease;
                            CoordinatorMessage::Arm {
                                attempt,
                                epoch,
                                start_ns,
                                lease,
                            }
                        }
                        Order::Disarm(epoch) => CoordinatorMessage::Disarm { attempt, epoch },
                        Order::Go(epoch) => CoordinatorMessage::Go { attempt, epoch },
                        Order::Renew => CoordinatorMessage::Renew { attempt },
                        Order::OpenWindow(t1_ns) => CoordinatorMessage::OpenWindow { attempt, t1_ns },
                        Order::EndLoad => CoordinatorMessage::EndLoad { attempt },
                        Order::Abort(reason) => CoordinatorMessage::Abort { attempt, reason },
                    };
                    self.ground.fleet.tell(&agent, message);
                }
                Effect::AllReady => {
                    self.stopwatch.ready();
                    self.ground.watchers.tell(Progress::Phase {
                        trial: attempt.trial,
                        phase: Phase::Ready,
                    });
                }
                Effect::Began(start) => {
                    self.stopwatch.armed(start);
                    self.start = Some(start);
                }
                Effect::Announced(windows) => {
                    self.windows = windows;
                    self.series.announced(windows);
                    self.settling = None;
                    self.moved = true;
                }
                Effect::WindowResolved => self.stopwatch.resolved(),
                Effect::Over(how) => {
                    if how == Ending::Complete {
                        self.stopwatch.over();
                    }
                    ending = Some(how);
                }
            }
        }
        ending
    }

    async fn finish(self, topics: &[String], brokers: &[i32], consumed: Option<Consumed>) -> Finished {
        Finished {
            brokers: self.brokers.finish(topics, brokers).await,
            consumed,
            start: self.start.unwrap_or_default(),
            producers: self.producers,
            merged: self.merged,
            series: self.series,
            states: self.states,
            windows: self.windows,
            never_settled: self.settling.map(|_| self.trial.settle),
        }
    }
}
