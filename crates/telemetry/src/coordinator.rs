//! What a coordinator shows of itself.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::catalogue::Metric;

/// Upper ends of the buckets of start skew and of writing the journal, in seconds.
const BUCKETS: [f64; 13] = [
    0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0,
];

const VALID: &str = "valid";
const INVALID: &str = "invalid";

/// The metrics of a coordinator.
#[derive(Clone, Debug)]
pub struct CoordinatorMetrics {
    registry: Registry,
    agents: IntGauge,
    experiments: IntGaugeVec,
    build: IntGaugeVec,
    trials: IntCounterVec,
    void_attempts: IntCounter,
    start_skew: Histogram,
    journal_sync: Histogram,
}

impl Default for CoordinatorMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl CoordinatorMetrics {
    /// Metrics in a registry of their own.
    pub fn new() -> Self {
        let registry = Registry::new();
        let of = |metric: Metric| metric.about().labels;
        let histogram = |metric| Histogram::with_opts(HistogramOpts::from(opts(metric)).buckets(BUCKETS.to_vec()));
        let trials = registered(&registry, IntCounterVec::new(opts(Metric::Trials), of(Metric::Trials)));
        for verdict in [VALID, INVALID] {
            // There from the beginning, so that the first one shows as an increase.
            trials.with_label_values(&[verdict]);
        }
        Self {
            agents: registered(&registry, IntGauge::with_opts(opts(Metric::Agents))),
            experiments: registered(
                &registry,
                IntGaugeVec::new(opts(Metric::Experiments), of(Metric::Experiments)),
            ),
            build: build_info(&registry),
            trials,
            void_attempts: registered(&registry, IntCounter::with_opts(opts(Metric::VoidAttempts))),
            start_skew: registered(&registry, histogram(Metric::StartSkew)),
            journal_sync: registered(&registry, histogram(Metric::JournalSync)),
            registry,
        }
    }

    /// The registry, to be served.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// How many agents are connected.
    pub fn agents(&self, connected: usize) {
        self.agents.set(connected as i64);
    }

    /// How many experiments are in a state.
    pub fn experiments(&self, state: &str, count: usize) {
        self.experiments.with_label_values(&[state]).set(count as i64);
    }

    /// Tells the versions of this program.
    pub fn build(&self, version: &str, librdkafka: &str) {
        self.build.with_label_values(&[version, librdkafka]).set(1);
    }

    /// A trial has its result.
    pub fn trial(&self, valid: bool) {
        self.trials
            .with_label_values(&[if valid { VALID } else { INVALID }])
            .inc();
    }

    /// An attempt does not count.
    pub fn void_attempt(&self) {
        self.void_attempts.inc();
    }

    /// By how much the agents of an attempt may have begun apart.
    pub fn start_skew(&self, skew: Duration) {
        self.start_skew.observe(skew.as_secs_f64());
    }

    /// How long an entry of the journal took to be on disk.
    pub fn journal_sync(&self, took: Duration) {
        self.journal_sync.observe(took.as_secs_f64());
    }
}

/// The versions are in the labels, so that any other metric can be joined with them.
pub(crate) fn build_info(registry: &Registry) -> IntGaugeVec {
    let metric = Metric::BuildInfo;
    registered(registry, IntGaugeVec::new(opts(metric), metric.about().labels))
}

fn opts(metric: Metric) -> Opts {
    let about = metric.about();
    Opts::new(about.name, about.help)
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, metric: prometheus::Result<C>) -> C {
    let metric = metric.expect("invariant: names and labels of the catalogue are legal");
    registry
        .register(Box::new(metric.clone()))
        .expect("invariant: names of the catalogue are different");
    metric
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    #[test]
    fn a_coordinator_counts_experiments_by_state_and_trials_by_verdict() {
        let metrics = CoordinatorMetrics::new();
        metrics.experiments("queued", 2);
        metrics.experiments("queued", 1);
        metrics.agents(3);
        metrics.trial(true);
        metrics.trial(false);
        metrics.trial(false);
        metrics.void_attempt();
        metrics.start_skew(Duration::from_micros(150));
        metrics.journal_sync(Duration::from_millis(3));
        let text = text(&metrics.registry());
        for line in [
            "tribunal_coordinator_experiments{state=\"queued\"} 1",
            "tribunal_coordinator_agents 3",
            "tribunal_coordinator_trials_total{verdict=\"invalid\"} 2",
            "tribunal_coordinator_trials_total{verdict=\"valid\"} 1",
            "tribunal_coordinator_void_attempts_total 1",
            "tribunal_coordinator_start_skew_seconds_bucket{le=\"0.0002\"} 1",
            "tribunal_coordinator_journal_sync_seconds_bucket{le=\"0.002\"} 0",
            "tribunal_coordinator_journal_sync_seconds_count 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
