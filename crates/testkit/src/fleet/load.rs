//! The load that a scripted agent says it drives: the barrier, the sample grid, the report.

use std::collections::BTreeMap;

use tribunal_model::trial::{Part, Windows, nanoseconds};
use tribunal_proto::session::{AgentMessage, AttemptId, Epoch, Prepare};
use tribunal_stats::facts::{ClockFacts, Instruments, ProducerFacts, RunFacts};
use tribunal_stats::{Activity, AgentReport, ClientSecond, ClientStatistics, OffsetSet, PartitionCount};

use super::pb;
use super::script::{Counts, Script};

const SECOND: i64 = 1_000_000_000;
/// After t2, until the last records of the window are acknowledged.
const LAST_RECORDS: i64 = 20_000_000;
/// Bytes of a record.
const RECORD: u64 = 100;
/// Properties of a live client.
const PROPERTIES: usize = 130;

/// By topic and partition.
type ByPartition<T> = BTreeMap<(String, i32), T>;

/// How far an attempt is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// Ready, or about to be.
    Prepared,
    /// Starts at this instant of the agent's clock if *go* comes before.
    Armed { epoch: Epoch, start: i64, go: bool },
    /// The load is on.
    Running { resolved: bool },
    /// The load has ended.
    Ended,
}

/// An attempt that an agent takes part in.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) id: AttemptId,
    /// The clock as measured for this attempt.
    pub(super) clock: Option<ClockFacts>,
    prepare: Prepare,
    windows: Windows,
    stage: Stage,
    /// t0, and by how much it was missed.
    start: i64,
    start_error: i64,
    /// Where the current sample began, from t0.
    edge: i64,
    samples: Counts,
    over_at: i64,
}

impl Load {
    pub(super) fn new(prepare: Prepare) -> Self {
        let mut windows = prepare.trial.windows;
        windows.warm_up += prepare.trial.settle;
        Self {
            id: prepare.attempt,
            clock: None,
            windows,
            stage: Stage::Prepared,
            start: 0,
            start_error: 0,
            edge: 0,
            samples: Counts::default(),
            over_at: 0,
            prepare,
        }
    }

    /// Whether the load has ended and the report is to be made.
    pub(super) fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    pub(super) fn ready(&self, name: &str, clock: ClockFacts) -> AgentMessage {
        AgentMessage::Ready {
            attempt: self.id,
            producers: self.prepare.producers.iter().map(|p| self.producer(name, *p)).collect(),
            clock,
        }
    }

    fn producer(&self, name: &str, producer: u32) -> ProducerFacts {
        ProducerFacts {
            producer,
            client_id: format!("{name}-{producer}"),
            topic: self.topic(producer),
            primed: vec![1; self.prepare.trial.topic.partitions as usize],
            scheduled: Some(1000),
            schedule_sha256: Some("0".repeat(64)),
            configuration: (0..PROPERTIES)
                .map(|property| (format!("scripted.property.{property:03}").into(), "100000".into()))
                .collect(),
            driver: None,
        }
    }

    fn topic(&self, producer: u32) -> String {
        let topics = &self.prepare.topics;
        topics[producer as usize % topics.len().max(1)].clone()
    }

    /// Whether the instant, on the coordinator's clock, is still to come.
    pub(super) fn arm(&mut self, epoch: Epoch, start_ns: i64, now: i64) -> bool {
        let start = start_ns - self.clock.map_or(0, |clock| clock.offset_ns);
        let in_time = now < start && !matches!(self.stage, Stage::Running { .. } | Stage::Ended);
        if in_time {
            self.stage = Stage::Armed {
                epoch,
                start,
                go: false,
            };
        }
        in_time
    }

    pub(super) fn disarm(&mut self, disarmed: Epoch) {
        if matches!(self.stage, Stage::Armed { epoch, .. } if epoch == disarmed) {
            self.stage = Stage::Prepared;
        }
    }

    pub(super) fn go(&mut self, told: Epoch) {
        if let Stage::Armed { epoch, go, .. } = &mut self.stage
            && *epoch == told
        {
            *go = true;
        }
    }

    /// Whether the window opens at `t1_ns`.
    pub(super) fn open_window(&mut self, t1_ns: i64, now: i64) -> bool {
        let accepted = matches!(self.stage, Stage::Running { .. }) && now - self.start < t1_ns;
        if accepted {
            self.windows.warm_up = std::time::Duration::from_nanos(t1_ns as u64);
        }
        accepted
    }

    /// Ends the cool-down with its last sample.
    pub(super) fn end_load(&mut self, agent: u64, script: &Script, now: i64) -> Option<pb::AgentMessage> {
        if !matches!(self.stage, Stage::Running { .. }) {
            return None;
        }
        let sample = self.sample(agent, script, (now - self.start).max(self.edge + 1));
        self.over_at = self.edge;
        self.stage = Stage::Ended;
        Some(sample)
    }

    /// The next instant at which [`Self::step`] has something to say.
    pub(super) fn deadline(&self) -> Option<i64> {
        match self.stage {
            Stage::Prepared | Stage::Ended => None,
            Stage::Armed { start, .. } => Some(start),
            Stage::Running { resolved } => {
                let edge = self.start + self.next_edge();
                Some(if resolved {
                    edge
                } else {
                    edge.min(self.start + self.windows.t2_ns() + LAST_RECORDS)
                })
            }
        }
    }

    /// Whole seconds from t0 up to t1, from t1 up to t2, and from t2 on.
    fn next_edge(&self) -> i64 {
        let second = self.edge + SECOND;
        let ends = [self.windows.t1_ns(), self.windows.t2_ns()];
        let within = ends.into_iter().filter(|end| self.edge < *end);
        within.fold(second, i64::min)
    }

    /// Does what an instant asks for; what is to be said then.
    pub(super) fn step(&mut self, agent: u64, script: &Script, now: i64) -> Option<pb::AgentMessage> {
        match self.stage {
            Stage::Armed { epoch, go: false, .. } => {
                self.stage = Stage::Prepared;
                let attempt = self.id;
                Some(AgentMessage::NotStarted { attempt, epoch }.into())
            }
            Stage::Armed { start, go: true, .. } => {
                self.start = start;
                self.start_error = now - start;
                self.stage = Stage::Running { resolved: false };
                None
            }
            Stage::Running { .. } if now >= self.start + self.next_edge() => {
                let edge = self.next_edge();
                Some(self.sample(agent, script, edge))
            }
            Stage::Running { resolved: false } => {
                self.stage = Stage::Running { resolved: true };
                Some(AgentMessage::WindowResolved { attempt: self.id }.into())
            }
            Stage::Running { .. } | Stage::Prepared | Stage::Ended => None,
        }
    }

    /// The sample from the last edge to this one.
    fn sample(&mut self, agent: u64, script: &Script, end: i64) -> pb::AgentMessage {
        let start = std::mem::replace(&mut self.edge, end);
        let part = self.windows.part(start);
        let tally = script.sample(agent, self.samples.iter().sum());
        self.samples[part.index()] += 1;
        let mut tallies = pb::Tallies::default();
        match part {
            Part::WarmUp => tallies.warm_up = Some(tally),
            Part::Window => tallies.window = Some(tally),
            Part::CoolDown => tallies.cool_down = Some(tally),
        }
        let producers = &self.prepare.producers;
        let client = |producer: &u32| ClientSecond {
            producer: *producer,
            topic: self.topic(*producer),
            acknowledged: script.records() / producers.len().max(1) as u64,
            ..ClientSecond::default()
        };
        let sample = pb::Sample {
            start_ns: start,
            end_ns: end,
            tallies: Some(tallies),
            activity: Some(activity(script.records()).into()),
            clients: producers.iter().map(|producer| client(producer).into()).collect(),
        };
        pb::AgentMessage {
            body: Some(pb::agent_message::Body::Sample(Box::new(
                pb::agent_message::AttemptSample {
                    attempt: Some(self.id.into()),
                    sample: Some(sample),
                },
            ))),
        }
    }

    /// The final report, with the clock as it is now.
    pub(super) fn report(&self, agent: u64, script: &Script, after: ClockFacts) -> pb::AgentMessage {
        let window = activity(script.records() * self.samples[Part::Window.index()]);
        let acknowledged = script.records() * self.samples.iter().sum::<u64>();
        let (partitions, offsets) = self.partitions(agent, acknowledged);
        let lasted = nanoseconds(self.windows.measure) as u64;
        let facts = RunFacts {
            start_error_ns: self.start_error,
            start_ns: self.start,
            clock: self.clock.unwrap_or_default(),
            clock_after: after,
            load_end_ns: self.over_at,
            sender_time_ns: self.over_at as u64,
            instruments: Instruments {
                window_ns: lasted,
                looks: lasted / 1_000_000,
                accepted: window.acknowledged,
                ..Instruments::default()
            },
            ..RunFacts::default()
        };
        let report = AgentReport {
            window,
            statistics: ClientStatistics {
                batches: window.acknowledged / 10,
                batch_records: window.acknowledged,
                requests: window.acknowledged / 20,
                ..ClientStatistics::default()
            },
            partitions,
            offsets,
            facts,
            ..AgentReport::default()
        };
        let mut report = pb::AgentReport::from(report);
        report.tallies = Some((*script.report(agent, self.samples)).clone());
        pb::AgentMessage {
            body: Some(pb::agent_message::Body::Report(Box::new(
                pb::agent_message::AttemptReport {
                    attempt: Some(self.id.into()),
                    report: Some(report),
                },
            ))),
        }
    }

    /// Builds the report's distributions ahead, in the quiet after the first sample, so that making the report takes no
    /// longer than for a real agent, which has them.
    pub(super) fn foresee(&self, agent: u64, script: &Script) {
        if self.samples.iter().sum::<u64>() != 1 {
            return;
        }
        let seconds = |ns: i64| (ns + SECOND - 1) / SECOND;
        let windows = &self.windows;
        let of = [windows.t1_ns(), windows.t2_ns() - windows.t1_ns()].map(|ns| seconds(ns) as u64);
        script.report(agent, [of[0], of[1], 1]);
    }

    fn partitions(&self, agent: u64, acknowledged: u64) -> (ByPartition<PartitionCount>, ByPartition<OffsetSet>) {
        let count = self.prepare.trial.topic.partitions.max(1);
        let all = self.prepare.topics.iter().flat_map(|topic| {
            let partitions = 0..count as i32;
            partitions.map(|partition| (topic.clone(), partition))
        });
        let all: Vec<_> = all.collect();
        let each = acknowledged / all.len().max(1) as u64;
        let mut counts = BTreeMap::new();
        let mut sets = BTreeMap::new();
        for (place, partition) in all.into_iter().enumerate() {
            // The first one takes what is left over.
            let left = acknowledged % (self.prepare.topics.len() as u64 * u64::from(count));
            let acknowledged = if place == 0 { each + left } else { each };
            if self.prepare.trial.audit.keeps_offsets() {
                let mut set = OffsetSet::new();
                let first = agent * (each + left);
                (first..first + acknowledged).for_each(|offset| set.add(offset as i64));
                sets.insert(partition.clone(), set);
            }
            let perhaps = 0;
            counts.insert(partition, PartitionCount { acknowledged, perhaps });
        }
        (counts, sets)
    }
}

fn activity(records: u64) -> Activity {
    Activity {
        acknowledged: records,
        acknowledged_bytes: records * RECORD,
        ..Activity::default()
    }
}
