//! The consumers of one attempt: who runs them, their barrier before the producers' own, and their end after it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tribunal_model::consumers::{Role, Seat};
use tribunal_model::ids::AgentName;
use tribunal_model::plan::Plan;
use tribunal_model::trial::Trial;
use tribunal_proto::session::{AgentMessage, AttemptId, CoordinatorMessage, PrepareConsumers, RefusalKind};
use tribunal_stats::{ConsumerReport, PartitionCount};

use crate::attempt::{Ending, Timing};
use crate::audit::Offsets;
use crate::cluster::{Cluster, Error};
use crate::fleet::{Fleet, FleetEvent};

/// The least time that consumers have for what is left once every record has been written.
const LEAST: Duration = Duration::from_secs(15);
/// End offsets that have not moved for this long are taken as they are.
const REST: Duration = Duration::from_secs(2);
/// End offsets that still move after this long are taken as they are.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(50);

/// The agents of an experiment by what they may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cast {
    /// Agents that may run producers, in name order.
    pub(crate) producing: Vec<AgentName>,
    /// Agents for consumers only.
    only: Vec<AgentName>,
    /// Agents that may run both.
    any: Vec<AgentName>,
}

impl Cast {
    /// What agents in name order may run, by their roles. Why not, where one side has nobody.
    pub(crate) fn of(agents: &[(AgentName, Role)], consumers: bool) -> Result<Self, String> {
        let with = |wanted: fn(Role) -> bool| -> Vec<AgentName> {
            let chosen = agents.iter().filter(|(_, role)| wanted(*role));
            chosen.map(|(name, _)| name.clone()).collect()
        };
        let cast = Self {
            producing: with(|role| role != Role::Consumer),
            only: with(|role| role == Role::Consumer),
            any: with(|role| role == Role::Any),
        };
        if cast.producing.is_empty() {
            return Err("all agents have the role consumer: start one with --role producer or any".to_owned());
        }
        if consumers && cast.only.is_empty() && cast.any.is_empty() {
            let reason = "[consumers] needs an agent to run them, and all have the role producer: start one with --role \
                          consumer or any";
            return Err(reason.to_owned());
        }
        Ok(cast)
    }

    /// The agents that run a trial's consumers: those for consumers only; where there are none those that run no producer
    /// of the trial; where there are none of these either, all that may.
    fn consuming(&self, producers: u32) -> Vec<AgentName> {
        if !self.only.is_empty() {
            return self.only.clone();
        }
        let idle = self.producing.iter().skip(producers as usize);
        let idle: Vec<AgentName> = idle.filter(|name| self.any.contains(name)).cloned().collect();
        if idle.is_empty() { self.any.clone() } else { idle }
    }

    /// The seats of a trial's group members by agent; member i of all groups goes to agent i mod N.
    pub(crate) fn seats(&self, trial: &Trial) -> BTreeMap<AgentName, Vec<Seat>> {
        let mut dealt: BTreeMap<AgentName, Vec<Seat>> = BTreeMap::new();
        let Some(consumers) = &trial.consumers else {
            return dealt;
        };
        let agents = self.consuming(trial.load.producers);
        for seat in consumers.seats(trial.topic.count, trial.topic.partitions) {
            let member = u64::from(seat.group) * u64::from(consumers.members) + u64::from(seat.member);
            if let Some(agent) = agents.get((member % agents.len().max(1) as u64) as usize) {
                dealt.entry(agent.clone()).or_default().push(seat);
            }
        }
        dealt
    }
}

/// Owner of an attempt's consumers, as the coordinator sees them.
///
/// Beside the machine of the producers' barrier and not in it: consumers are positioned before a producer is made, so that
/// they receive every record of the attempt, and they end once all producers have reported.
#[derive(Debug, Default)]
pub(crate) struct Party {
    seats: BTreeMap<AgentName, Vec<Seat>>,
    positioned: BTreeSet<AgentName>,
    /// Their consumers are closed, or they are gone.
    closed: BTreeSet<AgentName>,
    reports: BTreeMap<AgentName, ConsumerReport>,
}

/// What consumers received in an attempt that is complete.
#[derive(Debug)]
pub(crate) struct Consumed {
    pub(crate) reports: BTreeMap<AgentName, ConsumerReport>,
    /// The logs' ends that they were to read up to.
    pub(crate) ends: Offsets,
    /// How long they had for what was left.
    pub(crate) within: Duration,
}

/// What consumers need of the attempt around them.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    pub(crate) cancel: &'a CancellationToken,
    pub(crate) timing: Timing,
    pub(crate) trial: &'a Trial,
    pub(crate) id: AttemptId,
}

impl Party {
    pub(crate) fn new(seats: BTreeMap<AgentName, Vec<Seat>>) -> Self {
        Self {
            seats,
            ..Self::default()
        }
    }

    /// The agents that run consumers.
    pub(crate) fn agents(&self) -> impl Iterator<Item = &AgentName> {
        self.seats.keys()
    }

    fn open(&self) -> impl Iterator<Item = &AgentName> {
        self.seats.keys().filter(|agent| !self.closed.contains(*agent))
    }

    /// Takes what an agent says of its consumers; trouble is a reason for the attempt not to go on.
    pub(crate) fn hear(&mut self, agent: &AgentName, message: AgentMessage) -> Option<(RefusalKind, String)> {
        match message {
            AgentMessage::ConsumersReady { .. } => {
                self.positioned.insert(agent.clone());
                None
            }
            AgentMessage::ConsumersReport { report, .. } => {
                self.closed.insert(agent.clone());
                self.reports.insert(agent.clone(), *report);
                None
            }
            AgentMessage::ConsumersFailed { kind, reason, .. } => {
                self.closed.insert(agent.clone());
                Some((kind, format!("agent {agent}: its consumers: {reason}")))
            }
            _ => None,
        }
    }

    /// An agent is gone. Whether consumers went with it.
    pub(crate) fn lost(&mut self, agent: &AgentName) -> bool {
        self.seats.contains_key(agent) && self.closed.insert(agent.clone())
    }

    /// Has the consumers made, each at the log's end, and waits until all are positioned.
    pub(crate) async fn assemble(
        &mut self,
        scene: Scene<'_>,
        cluster: &Cluster,
        topics: &[String],
        begins: &Offsets,
        events: &mut mpsc::Receiver<FleetEvent>,
    ) -> Result<(), Ending> {
        for (agent, seats) in &self.seats {
            let begin = |seat: &Seat| {
                let of_topic = begins.get(seat.topic as usize).map(|(_, offsets)| offsets);
                let offset = of_topic.and_then(|offsets| offsets.get(seat.partition as usize));
                (*seat, offset.copied().unwrap_or(0))
            };
            let prepare = PrepareConsumers {
                attempt: scene.id,
                trial: scene.trial.clone(),
                bootstrap: cluster.facts.bootstrap.clone(),
                cluster_properties: scene
                    .plan
                    .cluster_named(scene.trial.cluster.as_deref())
                    .properties
                    .clone(),
                topics: topics.to_vec(),
                seats: seats.iter().map(begin).collect(),
                lease: scene.timing.lease,
            };
            let message = CoordinatorMessage::PrepareConsumers(Box::new(prepare));
            scene.fleet.tell(agent, message);
        }
        let connected = scene.fleet.names();
        let gone = self
            .agents()
            .find(|agent| connected.binary_search(agent).is_err())
            .cloned();
        if let Some(agent) = gone {
            self.closed.insert(agent.clone());
            return Err(Ending::Void(format!("agent {agent} was lost")));
        }
        let until = Instant::now() + scene.timing.prepare;
        while self.positioned.len() < self.seats.len() {
            match self.next(scene, until, events).await {
                Ok(true) => {}
                Ok(false) => {
                    let late: Vec<_> = self
                        .agents()
                        .filter(|agent| !self.positioned.contains(*agent))
                        .collect();
                    let late: Vec<_> = late.into_iter().map(ToString::to_string).collect();
                    return Err(Ending::Void(format!(
                        "consumers not positioned within {:?}: {}",
                        scene.timing.prepare,
                        late.join(", ")
                    )));
                }
                Err(ending) => return Err(ending),
            }
        }
        Ok(())
    }

    /// Takes the next event. Whether there was one in time.
    async fn next(
        &mut self,
        scene: Scene<'_>,
        until: Instant,
        events: &mut mpsc::Receiver<FleetEvent>,
    ) -> Result<bool, Ending> {
        tokio::select! {
            () = scene.cancel.cancelled() => Err(Ending::Cancelled),
            () = sleep_until(until) => Ok(false),
            event = events.recv() => match event {
                Some(FleetEvent::Said(agent, message, _)) => match self.hear(&agent, *message) {
                    Some((kind, reason)) => Err(Ending::Refused(kind, reason)),
                    None => Ok(true),
                },
                Some(FleetEvent::Lost(agent)) => {
                    self.lost(&agent);
                    Err(Ending::Void(format!("agent {agent} was lost")))
                }
                None => Err(Ending::Cancelled),
            },
        }
    }

    /// Lets the consumers receive what has been written, and takes their reports.
    pub(crate) async fn gather(
        &mut self,
        scene: Scene<'_>,
        cluster: &Cluster,
        topics: &[String],
        begins: &Offsets,
        told: &BTreeMap<(String, i32), PartitionCount>,
        events: &mut mpsc::Receiver<FleetEvent>,
    ) -> Result<Consumed, Gathering> {
        let ends = at_rest(cluster, topics, scene.trial.topic.partitions, begins, told).await?;
        let within = scene.trial.windows.drain.max(LEAST);
        let named = |(topic, offsets): &(String, Vec<i64>)| {
            let topic = topic.clone();
            let end = move |(partition, end): (i32, &i64)| (topic.clone(), partition, *end);
            (0..).zip(offsets).map(end).collect::<Vec<_>>()
        };
        let all: Vec<_> = ends.iter().flat_map(named).collect();
        for agent in self.agents() {
            let message = CoordinatorMessage::EndConsumers {
                attempt: scene.id,
                ends: all.clone(),
                within,
            };
            scene.fleet.tell(agent, message);
        }
        let until = Instant::now() + within + scene.timing.report;
        while self.reports.len() < self.seats.len() {
            match self.next(scene, until, events).await {
                Ok(true) => {}
                Ok(false) => {
                    let late: Vec<_> = self.open().map(ToString::to_string).collect();
                    let reason = format!("no report of consumers in time from {}", late.join(", "));
                    return Err(Gathering::Ended(Ending::Void(reason)));
                }
                // There was a load, and it may be tried again.
                Err(Ending::Refused(_, reason)) => return Err(Gathering::Ended(Ending::Void(reason))),
                Err(ending) => return Err(Gathering::Ended(ending)),
            }
        }
        Ok(Consumed {
            reports: std::mem::take(&mut self.reports),
            ends,
            within,
        })
    }

    /// Stops what is left of the consumers, and waits until they are closed: topics are deleted afterwards.
    pub(crate) async fn disband(&mut self, scene: Scene<'_>, reason: &str, events: &mut mpsc::Receiver<FleetEvent>) {
        for agent in self.open() {
            let message = CoordinatorMessage::Abort {
                attempt: scene.id,
                reason: reason.to_owned(),
            };
            scene.fleet.tell(agent, message);
        }
        // Their leases end by themselves.
        let until = Instant::now() + scene.timing.stop;
        while self.open().next().is_some() {
            match timeout_at(until, events.recv()).await {
                Ok(Some(FleetEvent::Said(agent, message, _))) => {
                    self.hear(&agent, *message);
                }
                Ok(Some(FleetEvent::Lost(agent))) => {
                    self.lost(&agent);
                }
                Ok(None) | Err(_) => return,
            }
        }
    }
}

/// Why reports could not be gathered.
#[derive(Debug)]
pub(crate) enum Gathering {
    /// The attempt ends like this.
    Ended(Ending),
    /// The logs' ends could not be read.
    Cluster(Error),
}

impl From<Error> for Gathering {
    fn from(error: Error) -> Self {
        Self::Cluster(error)
    }
}

/// Reads end offsets until every partition shows its acknowledged records, or nothing has moved for a while: consumers see
/// no further than the high watermark either.
async fn at_rest(
    cluster: &Cluster,
    topics: &[String],
    partitions: u32,
    begins: &Offsets,
    told: &BTreeMap<(String, i32), PartitionCount>,
) -> Result<Offsets, Error> {
    let began = Instant::now();
    let (mut moved, mut last) = (began, Offsets::new());
    loop {
        let now = cluster.end_offsets(topics, partitions).await?;
        if now != last {
            moved = Instant::now();
            last.clone_from(&now);
        }
        if shown(begins, &now, told) || moved.elapsed() >= REST || began.elapsed() >= PATIENCE {
            return Ok(now);
        }
        sleep(LOOK).await;
    }
}

/// Whether every partition gained what was acknowledged to be there.
fn shown(begins: &Offsets, now: &Offsets, told: &BTreeMap<(String, i32), PartitionCount>) -> bool {
    begins.iter().zip(now).all(|((topic, begins), (_, ends))| {
        (0..).zip(begins.iter().zip(ends)).all(|(partition, (begin, end))| {
            let acknowledged = told
                .get(&(topic.clone(), partition))
                .map_or(0, |count| count.acknowledged);
            (end - begin).max(0) as u64 >= acknowledged
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents(roles: &[(&str, Role)]) -> Vec<(AgentName, Role)> {
        let named = |(name, role): &(&str, Role)| (AgentName::new(name).unwrap(), *role);
        roles.iter().map(named).collect()
    }

    #[track_caller]
    fn check(roles: &[(&str, Role)], producers: u32, expected: (&str, &str)) {
        let cast = Cast::of(&agents(roles), true).unwrap();
        let names = |names: &[AgentName]| names.iter().map(AgentName::as_str).collect::<Vec<_>>().join(" ");
        assert_eq!(
            (&*names(&cast.producing), &*names(&cast.consuming(producers))),
            expected
        );
    }

    #[test]
    fn consumers_go_to_agents_of_their_own_then_to_idle_ones_then_to_all_that_may() {
        use Role::{Any, Consumer, Producer};
        check(&[("a", Any), ("b", Consumer), ("c", Any)], 1, ("a c", "b"));
        check(&[("a", Any), ("b", Any), ("c", Any)], 2, ("a b c", "c"));
        check(&[("a", Any), ("b", Any)], 2, ("a b", "a b"));
        check(&[("a", Producer), ("b", Any)], 5, ("a b", "b"));
        check(&[("a", Any), ("b", Producer), ("c", Producer)], 1, ("a b c", "a"));
    }

    #[test]
    fn a_side_without_agents_is_told() {
        let all = |role| agents(&[("a", role), ("b", role)]);
        let consumers = Cast::of(&all(Role::Consumer), true).unwrap_err();
        assert!(consumers.contains("--role producer or any"), "{consumers}");
        let producers = Cast::of(&all(Role::Producer), true).unwrap_err();
        assert!(producers.contains("--role consumer or any"), "{producers}");
        assert!(Cast::of(&all(Role::Producer), false).is_ok());
    }

    #[test]
    fn logs_are_at_rest_once_they_show_what_was_acknowledged() {
        let (begins, ends) = (vec![("t".to_owned(), vec![0, 5])], vec![("t".to_owned(), vec![3, 9])]);
        let told = |acknowledged| {
            let count = PartitionCount {
                acknowledged,
                perhaps: 7,
            };
            BTreeMap::from([(("t".to_owned(), 1), count)])
        };
        assert!(shown(&begins, &ends, &told(4)) && !shown(&begins, &ends, &told(5)));
    }
}
