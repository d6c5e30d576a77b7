//! Metric names in one place, and the registries that hold them.

use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// Labels of everything that belongs to one producer client.
const CLIENT: [&str; 2] = ["topic", "client_id"];

/// One second of one producer client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Acknowledgements that arrived.
    pub acknowledged: u64,
    /// Failed delivery reports that arrived.
    pub failed: u64,
    /// Records in flight at its end.
    pub in_flight: u64,
    /// Times that the client refused a record because it was full.
    pub queue_full: u64,
}

/// The metrics of an agent.
///
/// A client's series exist while its trial runs: a finished trial's are removed, so that labels do not pile up
/// and a rate that nobody measures any more is absent, not stale.
#[derive(Clone, Debug)]
pub struct AgentMetrics {
    registry: Registry,
    message_rate: GaugeVec,
    error_rate: GaugeVec,
    messages: IntCounterVec,
    errors: IntCounterVec,
    in_flight: IntGaugeVec,
    queue_full: IntCounterVec,
    connected: IntGauge,
}

impl AgentMetrics {
    /// Metrics in a registry of their own.
    pub fn new(version: &str, librdkafka: &str) -> Self {
        let registry = Registry::new();
        let opts = Opts::new;
        let build = build_info(&registry);
        build.with_label_values(&[version, librdkafka]).set(1);
        let gauge = |name, help| registered(&registry, GaugeVec::new(opts(name, help), &CLIENT));
        let counter = |name, help| registered(&registry, IntCounterVec::new(opts(name, help), &CLIENT));
        Self {
            message_rate: gauge(
                "kafka_producer_message_rate",
                "Acknowledged records per second over the last second.",
            ),
            error_rate: gauge(
                "kafka_producer_error_rate",
                "Failed records per second over the last second.",
            ),
            messages: counter("kafka_producer_messages_total", "Acknowledged records."),
            errors: counter("kafka_producer_errors_total", "Failed records."),
            queue_full: counter(
                "tribunal_agent_queue_full_total",
                "Times that the client refused a record because it was full.",
            ),
            in_flight: registered(
                &registry,
                IntGaugeVec::new(
                    opts(
                        "tribunal_agent_in_flight_records",
                        "Records in the client, queued or sent.",
                    ),
                    &CLIENT,
                ),
            ),
            connected: registered(
                &registry,
                IntGauge::new(
                    "tribunal_agent_connected",
                    "Whether the agent has a session to its coordinator.",
                ),
            ),
            registry,
        }
    }

    /// The registry, to be served.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// Takes in one sample of a client, `seconds` long; one without a length is no sample.
    pub fn observe(&self, topic: &str, client_id: &str, second: Second, seconds: f64) {
        if seconds <= 0.0 {
            return;
        }
        let labels = [topic, client_id];
        let rate = |count: u64| count as f64 / seconds;
        self.message_rate
            .with_label_values(&labels)
            .set(rate(second.acknowledged));
        self.error_rate.with_label_values(&labels).set(rate(second.failed));
        self.messages.with_label_values(&labels).inc_by(second.acknowledged);
        self.errors.with_label_values(&labels).inc_by(second.failed);
        self.queue_full.with_label_values(&labels).inc_by(second.queue_full);
        self.in_flight.with_label_values(&labels).set(second.in_flight as i64);
    }

    /// The trial is over: its clients' series are removed.
    pub fn retire(&self) {
        self.message_rate.reset();
        self.error_rate.reset();
        self.messages.reset();
        self.errors.reset();
        self.queue_full.reset();
        self.in_flight.reset();
    }

    /// Whether there is a session to the coordinator.
    pub fn connected(&self, connected: bool) {
        self.connected.set(i64::from(connected));
    }
}

/// The metrics of a coordinator.
#[derive(Clone, Debug)]
pub struct CoordinatorMetrics {
    registry: Registry,
    agents: IntGauge,
    experiments: IntGaugeVec,
    build: IntGaugeVec,
    trials: IntCounterVec,
    void_attempts: IntCounter,
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
        let trials = IntCounterVec::new(
            Opts::new("tribunal_coordinator_trials_total", "Finished trials by verdict."),
            &["verdict"],
        );
        Self {
            agents: registered(
                &registry,
                IntGauge::new("tribunal_coordinator_agents", "Connected agents."),
            ),
            experiments: registered(
                &registry,
                IntGaugeVec::new(
                    Opts::new("tribunal_coordinator_experiments", "Experiments in the store by state."),
                    &["state"],
                ),
            ),
            build: build_info(&registry),
            trials: registered(&registry, trials),
            void_attempts: registered(
                &registry,
                IntCounter::new(
                    "tribunal_coordinator_void_attempts_total",
                    "Attempts that do not count.",
                ),
            ),
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
            .with_label_values(&[if valid { "valid" } else { "invalid" }])
            .inc();
    }

    /// An attempt does not count.
    pub fn void_attempt(&self) {
        self.void_attempts.inc();
    }
}

/// The versions are in the labels, so that any other metric can be joined with them.
fn build_info(registry: &Registry) -> IntGaugeVec {
    let opts = Opts::new("tribunal_build_info", "Versions of this program; always 1.");
    registered(registry, IntGaugeVec::new(opts, &["version", "librdkafka"]))
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, metric: prometheus::Result<C>) -> C {
    let metric = metric.expect("invariant: names and labels in this file are legal");
    registry
        .register(Box::new(metric.clone()))
        .expect("invariant: names in this file are different");
    metric
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, TextEncoder};

    use super::*;

    fn text(registry: &Registry) -> String {
        let mut text = Vec::new();
        TextEncoder::new().encode(&registry.gather(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_dashboard_finds_the_names_and_labels_that_it_relies_on() {
        let metrics = AgentMetrics::new("1", "2");
        let second = Second {
            acknowledged: 500,
            failed: 5,
            in_flight: 7,
            queue_full: 2,
        };
        metrics.observe("orders", "a-0", second, 0.5);
        let text = text(&metrics.registry());
        for line in [
            "kafka_producer_message_rate{client_id=\"a-0\",topic=\"orders\"} 1000",
            "kafka_producer_error_rate{client_id=\"a-0\",topic=\"orders\"} 10",
            "kafka_producer_messages_total{client_id=\"a-0\",topic=\"orders\"} 500",
            "kafka_producer_errors_total{client_id=\"a-0\",topic=\"orders\"} 5",
            "tribunal_agent_in_flight_records{client_id=\"a-0\",topic=\"orders\"} 7",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_finished_trial_leaves_no_series() {
        let metrics = AgentMetrics::new("1", "2");
        metrics.observe("orders", "a-0", Second::default(), 1.0);
        metrics.retire();
        assert!(!text(&metrics.registry()).contains("orders"));
    }

    #[test]
    fn every_metric_says_what_it_is_and_of_which_type() {
        let agent = AgentMetrics::new("1", "2");
        agent.observe("orders", "a-0", Second::default(), 1.0);
        let coordinator = CoordinatorMetrics::new();
        coordinator.build("1", "2");
        coordinator.experiments("running", 1);
        coordinator.trial(true);
        for (registry, metrics) in [(agent.registry(), 8), (coordinator.registry(), 5)] {
            let text = text(&registry);
            let names = |kind: &str| -> Vec<String> {
                text.lines()
                    .filter_map(|line| line.strip_prefix(kind)?.split(' ').next().map(ToOwned::to_owned))
                    .collect()
            };
            let (helped, typed) = (names("# HELP "), names("# TYPE "));
            assert_eq!(helped, typed, "{text}");
            assert_eq!(helped.len(), metrics, "{text}");
            for sample in text.lines().filter(|line| !line.starts_with('#')) {
                let name = sample.split(['{', ' ']).next().expect("a name");
                assert!(helped.iter().any(|known| known == name), "{sample}");
            }
        }
    }

    #[test]
    fn a_sample_without_a_length_changes_nothing() {
        let metrics = AgentMetrics::new("1", "2");
        metrics.observe(
            "orders",
            "a-0",
            Second {
                acknowledged: 9,
                ..Second::default()
            },
            0.0,
        );
        assert!(!text(&metrics.registry()).contains("orders"));
    }

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
        let text = text(&metrics.registry());
        for line in [
            "tribunal_coordinator_experiments{state=\"queued\"} 1",
            "tribunal_coordinator_agents 3",
            "tribunal_coordinator_trials_total{verdict=\"invalid\"} 2",
            "tribunal_coordinator_trials_total{verdict=\"valid\"} 1",
            "tribunal_coordinator_void_attempts_total 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
