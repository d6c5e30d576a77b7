//! librdkafka's statistics, summed up.
//!
//! Most of its figures count from the making of the client on. Batch sizes, throttle times and what its histograms could
//! not hold are figures of one interval only, which begin anew with each emission, so they are added up here; so each
//! emission has to be given to the sum exactly once.
//!
//! Retries need more than that. `txretries` counts the retries of every request but those that matter here: after an
//! error that may pass, librdkafka 2.12.1 puts a produce request's records back into their partition's queue and later
//! makes a new request of them (`rd_kafka_toppar_retry_msgq`), which counts nowhere. But `txmsgs` counts each record each
//! time that it is put into a request. What it counts beyond the records that the client was given has been sent again.
//! That is a lower bound, exact once the queue is empty, and never says "retry" where there was none.

use std::collections::HashMap;

use serde::Deserialize;
use tribunal_engine::producer::{BrokerLatencies, ClientStatistics, Latencies, Statistics};

/// What one client said about itself so far.
#[derive(Debug, Default)]
pub struct KafkaStatistics {
    total: ClientStatistics,
    brokers: HashMap<String, Counters>,
    topics: HashMap<String, Sent>,
    /// Records put into requests, each as often as it was.
    sent: u64,
}

/// What was put into requests for a topic, at the last emission.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    records: u64,
    bytes: u64,
}

/// The emission with the number of records that the client had been given by now.
pub(crate) fn with_given(mut raw: String, records: u64) -> String {
    if raw.starts_with('{') {
        raw.insert_str(1, &format!(" \"given\": {records},"));
    }
    raw
}

/// A broker's cumulative counters at the last emission.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    requests: u64,
    timeouts: u64,
    transmit_errors: u64,
    disconnects: u64,
    wire_bytes: u64,
}

impl Statistics for KafkaStatistics {
    fn add(&mut self, raw: &str) -> bool {
        let Ok(said) = serde_json::from_str::<Emission>(raw) else {
            return false;
        };
        for (name, broker) in said.brokers {
            // Bootstrap connections that have not become a broker, and librdkafka's internal ones.
            if broker.nodeid < 0 {
                continue;
            }
            self.total.throttle_ms += broker.throttle.sum;
            self.total.throttled += broker.throttle.cnt;
            self.total.out_of_range += broker.int_latency.outofrange + broker.rtt.outofrange;
            if let Ok(id) = i32::try_from(broker.nodeid) {
                self.total.brokers.entry(id).or_default().add(&broker.latencies());
            }
            let old = self.brokers.entry(name).or_default();
            let new = Counters {
                requests: broker.req.get("Produce").copied().unwrap_or(0),
                timeouts: broker.req_timeouts,
                transmit_errors: broker.txerrs,
                disconnects: broker.disconnects,
                wire_bytes: broker.txbytes,
            };
            self.total.requests += grown(old.requests, new.requests);
            self.total.timeouts += grown(old.timeouts, new.timeouts);
            self.total.transmit_errors += grown(old.transmit_errors, new.transmit_errors);
            self.total.disconnects += grown(old.disconnects, new.disconnects);
            self.total.wire_bytes += grown(old.wire_bytes, new.wire_bytes);
            *old = new;
        }
        for (name, topic) in said.topics {
            self.total.batches += topic.batchcnt.cnt;
            self.total.batch_records += topic.batchcnt.sum;
            let sent = topic.partitions.values();
            let new = sent.fold(Sent::default(), |sum, one| Sent {
                records: sum.records + one.txmsgs,
                bytes: sum.bytes + one.txbytes,
            });
            let old = self.topics.entry(name).or_default();
            self.total.record_bytes += grown(old.bytes, new.bytes);
            self.sent += grown(old.records, new.records);
            *old = new;
        }
        if let Some(given) = said.given {
            self.total.retries = self.total.retries.max(self.sent.saturating_sub(given));
        }
        true
    }

    fn total(&self) -> ClientStatistics {
        self.total.clone()
    }
}

/// The growth of a counter that begins at zero again when librdkafka forgets a broker and learns it anew.
fn grown(old: u64, new: u64) -> u64 {
    new.checked_sub(old).unwrap_or(new)
}

#[derive(Deserialize)]
struct Emission {
    /// Ours, by [`with_given`].
    given: Option<u64>,
    #[serde(default)]
    brokers: HashMap<String, Broker>,
    #[serde(default)]
    topics: HashMap<String, Topic>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Broker {
    nodeid: i64,
    txbytes: u64,
    txerrs: u64,
    req_timeouts: u64,
    disconnects: u64,
    req: HashMap<String, u64>,
    int_latency: Window,
    outbuf_latency: Window,
    rtt: Window,
    throttle: Window,
}

impl Broker {
    /// Those of the interval. librdkafka's sums and counts hold what its histograms cannot as well.
    fn latencies(&self) -> BrokerLatencies {
        let micros = |window: &Window| Latencies {
            sum_us: window.sum,
            count: window.cnt,
        };
        BrokerLatencies {
            queue: micros(&self.int_latency),
            outbound: micros(&self.outbuf_latency),
            round_trip: micros(&self.rtt),
            throttle: Latencies {
                sum_us: self.throttle.sum * 1000,
                count: self.throttle.cnt,
            },
        }
    }
}

impl Default for Broker {
    fn default() -> Self {
        Self {
            nodeid: -1,
            txbytes: 0,
            txerrs: 0,
            req_timeouts: 0,
            disconnects: 0,
            req: HashMap::new(),
            int_latency: Window::default(),
            outbuf_latency: Window::default(),
            rtt: Window::default(),
            throttle: Window::default(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Topic {
    batchcnt: Window,
    partitions: HashMap<String, Partition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Partition {
    /// Each record as often as it was put into a request.
    txmsgs: u64,
    /// Of their keys and values, before compression.
    txbytes: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Window {
    sum: u64,
    cnt: u64,
    outofrange: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(requests: u64, bytes: u64, batches: u64) -> String {
        format!(
            r#"{{ "name": "x",
            "brokers": {{
              "a:1/bootstrap": {{ "nodeid": -1, "txbytes": 999, "disconnects": 7 }},
              "a:1/1": {{ "nodeid": 1, "txbytes": {bytes}, "txerrs": 1, "req_timeouts": 3, "disconnects": 1,
                "req": {{ "Produce": {requests}, "Metadata": 5 }}, "rtt": {{ "outofrange": 1 }},
                "int_latency": {{ "sum": 900, "cnt": 3, "outofrange": 0 }}, "outbuf_latency": {{ "sum": 20, "cnt": 4 }},
                "throttle": {{ "sum": 10, "cnt": 2 }} }} }},
            "topics": {{ "t": {{ "batchcnt": {{ "sum": 50, "cnt": {batches} }},
                "partitions": {{ "0": {{ "txmsgs": {bytes}, "txbytes": {bytes} }}, "-1": {{ "txbytes": 0 }} }} }} }} }}"#
        )
    }

    #[test]
    fn intervals_are_added_up_and_counters_are_not() {
        let mut sum = KafkaStatistics::default();
        assert!(sum.add(&said(4, 100, 5)));
        assert!(sum.add(&said(6, 150, 5)));
        let total = sum.total();
        assert_eq!((total.requests, total.wire_bytes, total.record_bytes), (6, 150, 150));
        assert_eq!((total.batches, total.batch_records), (10, 100));
        assert_eq!((total.throttle_ms, total.throttled, total.out_of_range), (20, 4, 2));
        assert_eq!((total.transmit_errors, total.timeouts, total.disconnects), (1, 3, 1));
        let broker = total.brokers[&1];
        assert_eq!((broker.queue.sum_us, broker.queue.mean_us()), (1800, Some(300.0)));
        assert_eq!((broker.outbound.count, broker.throttle.sum_us), (8, 20_000));
        assert_eq!(total.brokers.len(), 1, "a bootstrap connection is no broker");
    }

    #[test]
    fn records_sent_more_often_than_given_are_retries() {
        let mut sum = KafkaStatistics::default();
        let mut retries = |sent, given| {
            sum.add(&with_given(said(1, sent, 1), given));
            sum.total().retries
        };
        assert_eq!(retries(90, 100), 0);
        assert_eq!(retries(110, 100), 10);
        // Records given since then do not take the retries back.
        assert_eq!(retries(150, 1000), 10);
    }

    #[test]
    fn a_broker_that_is_learnt_anew_takes_nothing_away() {
        let mut sum = KafkaStatistics::default();
        sum.add(&said(4, 100, 5));
        sum.add(r#"{ "brokers": {}, "topics": {} }"#);
        sum.add(&said(1, 10, 1));
        assert_eq!(sum.total().requests, 5);
        assert!(!sum.add("not JSON"));
    }
}
