//! What an agent shows of itself and of its producers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use tribunal_model::ids::{AgentName, ExperimentId, TrialId};
use tribunal_model::trial::Part;
use tribunal_stats::facts::{BuildFacts, ClockFacts};
use tribunal_stats::watched::Watched;
use tribunal_stats::{ClientCount, ClientTold, Cpu, Fates, Sample};

use crate::catalogue::Metric;
use crate::coordinator::build_info;
use crate::families::{Families, labels};

/// Partitions of consumers that have series of their own.
const PARTITIONS_KEPT: usize = 1000;
/// Error codes of a producer that have series of their own; more are counted under `(others)`.
const CODES_KEPT: usize = 32;

/// The metrics of an agent.
///
/// A producer's series exist while its trial runs: a finished trial's are removed, so that labels do not pile up and a
/// rate that nobody measures any more is absent, not stale.
#[derive(Clone)]
pub struct AgentMetrics {
    registry: Registry,
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for AgentMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentMetrics").finish_non_exhaustive()
    }
}

/// A producer that is about to run.
pub struct Producer {
    /// Its index in the trial.
    pub index: u32,
    /// The topic that it writes to.
    pub topic: String,
    /// Its client's `client.id`.
    pub client_id: String,
    /// Its fates so far; called at each scrape.
    pub fates: Box<dyn Fn() -> Fates + Send + Sync>,
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("client_id", &self.client_id)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

/// A partition that a consumer group reads through this agent.
pub struct Consumer {
    /// The group.
    pub group: u32,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Its figures; called at each scrape.
    pub figures: Box<dyn Fn() -> ConsumerFigures + Send + Sync>,
}

/// What was received of a partition, and what was not yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsumerFigures {
    /// Records received.
    pub received: u64,
    /// Their keys and values.
    pub bytes: u64,
    /// Records between the log's end and the position; `None` before it is known.
    pub lag: Option<u64>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("group", &self.group)
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    fn tell(&self, [agent, experiment, trial]: &[&str; 3], families: &mut Families) {
        let (partition, group) = (self.partition.to_string(), self.group.to_string());
        let own = |metric| labels(metric, &[&self.topic, &partition, &group, agent, experiment, trial]);
        let figures = (self.figures)();
        if let Some(lag) = figures.lag {
            families.gauge(Metric::ConsumerLag, own(Metric::ConsumerLag), lag as f64);
        }
        for (metric, count) in [
            (Metric::ConsumerRecords, figures.received),
            (Metric::ConsumerBytes, figures.bytes),
        ] {
            families.counter(metric, own(metric), count as f64);
        }
    }
}

/// What an agent does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing.
    #[default]
    Idle,
    /// It finds out its own ceiling.
    Calibrating,
    /// Clients are being made.
    Preparing,
    /// They wait for t0.
    Armed,
    /// The load is on, in this part of the trial; what is still in flight is awaited in the last one.
    Running(Part),
    /// The load has ended, and the clock is measured for the report.
    Reporting,
    /// It runs consumers and no producers.
    Consuming,
}

impl Phase {
    /// Its name in the metric's label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Calibrating => "calibrating",
            Self::Preparing => "preparing",
            Self::Armed => "armed",
            Self::Running(part) => part.name(),
            Self::Reporting => "reporting",
            Self::Consuming => "consuming",
        }
    }
}

/// The trial that an agent is at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Of {
    experiment: String,
    trial: String,
}

/// Owner of what an agent shows.
struct State {
    agent: String,
    connected: bool,
    phase: Phase,
    of: Option<Of>,
    clock: Option<ClockFacts>,
    dropped_samples: u64,
    cpu: Option<Cpu>,
    producers: BTreeMap<u32, Shown>,
    consumers: Vec<Consumer>,
}

/// What is shown of a producer.
struct Shown {
    producer: Producer,
    /// Acknowledged and failed records a second, and records in flight, as of the last sample.
    last: Option<(f64, f64, u64)>,
    so_far: Watched,
    statistics: Box<ClientTold>,
}

impl AgentMetrics {
    /// Metrics in a registry of their own.
    pub fn new(agent: &AgentName, build: &BuildFacts) -> Self {
        let registry = Registry::new();
        build_info(&registry)
            .with_label_values(&[&build.version, &build.librdkafka])
            .set(1);
        let state = Arc::new(Mutex::new(State {
            agent: agent.to_string(),
            connected: false,
            phase: Phase::Idle,
            of: None,
            clock: None,
            dropped_samples: 0,
            cpu: None,
            producers: BTreeMap::new(),
            consumers: Vec::new(),
        }));
        registry
            .register(Box::new(Scraped(state.clone())))
            .expect("invariant: the only collector besides the build's");
        Self { registry, state }
    }

    /// The registry, to be served.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// What the agent does, and at which trial.
    pub fn phase(&self, phase: Phase, of: Option<(ExperimentId, TrialId)>) {
        let mut state = self.state();
        state.phase = phase;
        state.of = of.map(|(experiment, trial)| Of {
            experiment: experiment.to_string(),
            trial: trial.to_string(),
        });
    }

    /// Shows the producers of the trial that the agent is at; their counters begin at zero.
    pub fn begin(&self, producers: Vec<Producer>) {
        let shown = |producer: Producer| {
            let so_far = Watched {
                producer: producer.index,
                ..Watched::default()
            };
            let shown = Shown {
                so_far,
                last: None,
                statistics: Box::default(),
                producer,
            };
            (shown.producer.index, shown)
        };
        self.state().producers = producers.into_iter().map(shown).collect();
    }

    /// Takes in a sample: rates, records in flight and processor time; one without a length is no sample.
    pub fn sample(&self, sample: &Sample) {
        let seconds = sample.seconds();
        if seconds <= 0.0 {
            return;
        }
        let mut state = self.state();
        for client in &sample.clients {
            if let Some(shown) = state.producers.get_mut(&client.producer) {
                let rate = |count: u64| count as f64 / seconds;
                shown.last = Some((rate(client.acknowledged), rate(client.failed), client.in_flight));
            }
        }
        let cpu = state.cpu.get_or_insert_default();
        let used = sample.activity.cpu;
        cpu.sender_ns += used.sender_ns;
        cpu.recorder_ns += used.recorder_ns;
        cpu.client_ns += used.client_ns;
        cpu.other_ns += used.other_ns;
        cpu.host_busy_ns += used.host_busy_ns;
        cpu.host_steal_ns += used.host_steal_ns;
    }

    /// Takes in what a producer did in a slice of time.
    pub fn watched(&self, watched: &Watched) {
        if let Some(shown) = self.state().producers.get_mut(&watched.producer) {
            let so_far = &mut shown.so_far;
            so_far.response.merge(&watched.response);
            so_far.service.merge(&watched.service);
            so_far.send_lag.merge(&watched.send_lag);
            so_far.schedule_delay.merge(&watched.schedule_delay);
            so_far.acknowledged_bytes += watched.acknowledged_bytes;
            so_far.queue_full += watched.queue_full;
            so_far.blocked_ns += watched.blocked_ns;
            so_far.request_latency_us = watched.request_latency_us.or(so_far.request_latency_us);
            for (code, count) in &watched.failed {
                let known = so_far.failed.len() < CODES_KEPT || so_far.failed.contains_key(code);
                let code = if known { code } else { "(others)" };
                *so_far.failed.entry(code.to_owned()).or_default() += count;
            }
        }
    }

    /// Takes in what a producer's client says of itself, from the beginning on.
    pub fn statistics(&self, producer: u32, total: Box<ClientTold>) {
        if let Some(shown) = self.state().producers.get_mut(&producer) {
            shown.statistics = total;
        }
    }

    /// The trial is over: its producers' series are removed.
    pub fn retire(&self) {
        self.state().producers.clear();
    }

    /// Shows the partitions that this agent's consumers read, the first 1,000 of them.
    pub fn begin_consumers(&self, mut consumers: Vec<Consumer>) {
        consumers.truncate(PARTITIONS_KEPT);
        self.state().consumers = consumers;
    }

    /// The consumers are closed: their partitions' series are removed.
    pub fn retire_consumers(&self) {
        self.state().consumers.clear();
    }

    /// Whether there is a session to the coordinator.
    pub fn connected(&self, connected: bool) {
        self.state().connected = connected;
    }

    /// The clock, as last measured.
    pub fn clock(&self, clock: Option<ClockFacts>) {
        self.state().clock = clock;
    }

    /// The coordinator did not get a sample. How many it has not got so far.
    pub fn dropped_sample(&self) -> u64 {
        let mut state = self.state();
        state.dropped_samples += 1;
        state.dropped_samples
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the registry asks at each scrape.
struct Scraped(Arc<Mutex<State>>);

impl Collector for Scraped {
    fn desc(&self) -> Vec<&Desc> {
        // Names are told apart by a test of the catalogue.
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = Families::default();
        lock(&self.0).tell(&mut families);
        families.into_vec()
    }
}

impl State {
    fn tell(&self, families: &mut Families) {
        let agent = self.agent.as_str();
        let (experiment, trial) = self
            .of
            .as_ref()
            .map_or(("", ""), |of| (of.experiment.as_str(), of.trial.as_str()));
        let of_agent = |metric| labels(metric, &[agent]);
        families.gauge(
            Metric::Phase,
            labels(Metric::Phase, &[agent, experiment, trial, self.phase.name()]),
            1.0,
        );
        let connected = f64::from(u8::from(self.connected));
        families.gauge(Metric::Connected, of_agent(Metric::Connected), connected);
        if let Some(clock) = &self.clock {
            let (offset, bound) = (seconds(clock.offset_ns), seconds(clock.bound_ns));
            families.gauge(Metric::ClockOffset, of_agent(Metric::ClockOffset), offset);
            families.gauge(Metric::ClockBound, of_agent(Metric::ClockBound), bound);
        }
        let dropped = self.dropped_samples as f64;
        families.counter(Metric::DroppedSamples, of_agent(Metric::DroppedSamples), dropped);
        if let Some(cpu) = &self.cpu {
            for (group, ns) in [
                ("sender", cpu.sender_ns),
                ("recorder", cpu.recorder_ns),
                ("client", cpu.client_ns),
                ("other", cpu.other_ns),
            ] {
                families.counter(Metric::Cpu, labels(Metric::Cpu, &[agent, group]), seconds(ns as i64));
            }
            let (busy, steal) = (seconds(cpu.host_busy_ns as i64), seconds(cpu.host_steal_ns as i64));
            families.counter(Metric::HostBusy, of_agent(Metric::HostBusy), busy);
            families.counter(Metric::HostSteal, of_agent(Metric::HostSteal), steal);
        }
        for shown in self.producers.values() {
            shown.tell(&[agent, experiment, trial], families);
        }
        for consumer in &self.consumers {
            consumer.tell(&[agent, experiment, trial], families);
        }
    }
}

impl Shown {
    fn tell(&self, [agent, experiment, trial]: &[&str; 3], families: &mut Families) {
        let Producer { topic, client_id, .. } = &self.producer;
        let (topic, client_id) = (topic.as_str(), client_id.as_str());
        let own = |metric| labels(metric, &[topic, client_id, agent, experiment, trial]);
        let with = |metric, last: &str| labels(metric, &[topic, client_id, agent, experiment, trial, last]);
        let fates = (self.producer.fates)();
        for (fate, count) in [
            ("acknowledged", fates.acknowledged),
            ("not_written", fates.not_written),
            ("possibly_written", fates.possibly_written),
            ("unresolved", fates.unresolved),
            ("shed", fates.shed),
            ("unsent", fates.unsent),
        ] {
            families.counter(Metric::Records, with(Metric::Records, fate), count as f64);
        }
        if let Some((acknowledged, failed, in_flight)) = self.last {
            let seed = |metric| labels(metric, &[topic, client_id]);
            families.gauge(Metric::MessageRate, seed(Metric::MessageRate), acknowledged);
            families.gauge(Metric::ErrorRate, seed(Metric::ErrorRate), failed);
            families.gauge(Metric::InFlight, own(Metric::InFlight), in_flight as f64);
        }
        let so_far = &self.so_far;
        for (code, count) in &so_far.failed {
            families.counter(Metric::Failures, with(Metric::Failures, code), *count as f64);
        }
        for (metric, value) in [
            (Metric::AcknowledgedBytes, so_far.acknowledged_bytes as f64),
            (Metric::QueueFull, so_far.queue_full as f64),
            (Metric::QueueFullTime, seconds(so_far.blocked_ns as i64)),
        ] {
            families.counter(metric, own(metric), value);
        }
        for (metric, latencies) in [
            (Metric::Response, &so_far.response),
            (Metric::Service, &so_far.service),
            (Metric::SendLag, &so_far.send_lag),
            (Metric::ScheduleDelay, &so_far.schedule_delay),
        ] {
            families.histogram(metric, own(metric), latencies);
        }
        if let Some(us) = so_far.request_latency_us {
            families.gauge(Metric::RequestLatency, own(Metric::RequestLatency), us / 1e6);
        }
        for (metric, count) in [
            (Metric::Batches, ClientCount::Batches),
            (Metric::BatchRecords, ClientCount::BatchRecords),
            (Metric::Requests, ClientCount::Requests),
            (Metric::Retries, ClientCount::Retries),
            (Metric::RecordBytes, ClientCount::RecordBytes),
            (Metric::WireBytes, ClientCount::WireBytes),
            (Metric::Timeouts, ClientCount::Timeouts),
            (Metric::TransmitErrors, ClientCount::TransmitErrors),
            (Metric::Disconnects, ClientCount::Disconnects),
        ] {
            if let Some(count) = self.statistics.counts.get(&count) {
                families.counter(metric, own(metric), *count as f64);
            }
        }
        for (broker, latencies) in &self.statistics.brokers {
            let broker = broker.to_string();
            for (metric, latencies) in [
                (Metric::QueueLatency, latencies.queue),
                (Metric::OutboundLatency, latencies.outbound),
                (Metric::RoundTrip, latencies.round_trip),
                (Metric::Throttle, latencies.throttle),
            ] {
                families.summary(metric, with(metric, &broker), latencies);
            }
        }
    }
}

fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests;
