//! One-second samples: the time series beside the totals.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::tally::Tallies;
use crate::told::ClientCount;

/// What one agent measured between two edges of the sample grid, merged over its producers.
///
/// The edges are the same on every agent: whole seconds from t0 up to t1, whole seconds from t1 up to t2 with t2 itself an
/// edge, whole seconds from t2 on. Sends are counted in the sample of the instant at which the sender handled
/// them, delivery reports in the sample of their arrival; summed over all samples they are the totals, bucket by bucket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Start, in nanoseconds from t0.
    pub start_ns: i64,
    /// End, in nanoseconds from t0.
    pub end_ns: i64,
    /// Fates and latencies by the part of the intended send.
    pub tallies: Tallies,
    /// What happened irrespective of intended sends.
    pub activity: Activity,
    /// The same by producer, without distributions.
    pub clients: Vec<ClientSecond>,
}

impl Sample {
    /// Adds another agent's sample of the same edges to this one.
    pub fn merge(&mut self, other: &Self) {
        self.tallies.merge(&other.tallies);
        self.activity.add(&other.activity);
        self.clients.extend(other.clients.iter().cloned());
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        (self.end_ns - self.start_ns) as f64 / 1e9
    }
}

/// Counts of one sample or of their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Activity {
    /// Acknowledgements that arrived.
    pub acknowledged: u64,
    /// Bytes of keys and values in them.
    pub acknowledged_bytes: u64,
    /// Delivery reports with an error that arrived.
    pub failed: u64,
    /// Delivery reports without error under `acks=0`: socket writes.
    pub written_blind: u64,
    /// Times that the client refused a record because it was full.
    pub queue_full: u64,
    /// Nanoseconds in which a sender waited for a full client, summed over producers.
    pub blocked_ns: u64,
    /// Nanoseconds that senders spun before deadlines.
    pub spin_ns: u64,
    /// Records in flight at the end, summed over producers.
    pub in_flight: u64,
    /// Processor time.
    pub cpu: Cpu,
}

impl Activity {
    /// Adds the counts of another agent's sample of the same edges.
    pub fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.acknowledged_bytes += other.acknowledged_bytes;
        self.failed += other.failed;
        self.written_blind += other.written_blind;
        self.queue_full += other.queue_full;
        self.blocked_ns += other.blocked_ns;
        self.spin_ns += other.spin_ns;
        self.in_flight += other.in_flight;
        self.cpu.add(&other.cpu);
    }

    /// Processor time of all that produces: the client's threads, those that send and those that take delivery reports,
    /// without what senders spun away before deadlines; of a driver the whole process.
    pub fn producing_ns(&self) -> u64 {
        let sending_ns = self.cpu.sender_ns.saturating_sub(self.spin_ns);
        self.cpu.client_ns + self.cpu.recorder_ns + sending_ns
    }
}

/// Processor time by group of threads, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cpu {
    /// Sender threads: schedule, pacing, produce calls.
    pub sender_ns: u64,
    /// Report threads: delivery reports and recording.
    pub recorder_ns: u64,
    /// The client library's own threads.
    pub client_ns: u64,
    /// The busiest single thread of the client library.
    pub client_busiest_ns: u64,
    /// The rest of the agent's process.
    pub other_ns: u64,
    /// All processes of the host, busy.
    pub host_busy_ns: u64,
    /// Time that the hypervisor took from the host.
    pub host_steal_ns: u64,
}

impl Cpu {
    fn add(&mut self, other: &Self) {
        self.sender_ns += other.sender_ns;
        self.recorder_ns += other.recorder_ns;
        self.client_ns += other.client_ns;
        self.client_busiest_ns = self.client_busiest_ns.max(other.client_busiest_ns);
        self.other_ns += other.other_ns;
        self.host_busy_ns += other.host_busy_ns;
        self.host_steal_ns += other.host_steal_ns;
    }
}

/// One producer's counts in one sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientSecond {
    /// Producer index in the trial.
    pub producer: u32,
    /// Topic that it writes to.
    pub topic: String,
    /// Acknowledgements that arrived.
    pub acknowledged: u64,
    /// Failed delivery reports that arrived.
    pub failed: u64,
    /// Records in flight at the end.
    pub in_flight: u64,
    /// Times that the client refused a record.
    pub queue_full: u64,
}

/// What the client library says about itself over a whole trial, from its own statistics.
///
/// Counters are differences between the start and the end of the load; `untold` names those that it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientStatistics {
    /// Record batches sent.
    pub batches: u64,
    /// Records in them.
    pub batch_records: u64,
    /// Produce requests sent.
    pub requests: u64,
    /// Records sent again; a lower bound, exact once the client's queue is empty.
    pub retries: u64,
    /// Requests that timed out.
    pub timeouts: u64,
    /// Transmit errors.
    pub transmit_errors: u64,
    /// Disconnects.
    pub disconnects: u64,
    /// Bytes sent to brokers, headers included, after compression.
    pub wire_bytes: u64,
    /// Bytes of records before compression.
    pub record_bytes: u64,
    /// Milliseconds for which brokers asked the client to hold back, summed over requests.
    pub throttle_ms: u64,
    /// Requests that came back with a throttle time above zero, as far as the client tells.
    pub throttled: u64,
    /// Latency figures that the client's own histograms could not hold.
    pub out_of_range: u64,
    /// Counts that some client does not tell: what stands here of them is of the others alone, and zero where none does.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub untold: BTreeSet<ClientCount>,
    /// What its requests went through, by broker. Empty where the client does not tell.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub brokers: BTreeMap<i32, BrokerLatencies>,
}

/// What a client's requests to one broker went through, as sums, because means can be made of them and added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BrokerLatencies {
    /// From produce call to request, of each record: linger, waiting for a full queue and for a leader.
    pub queue: Latencies,
    /// From request to socket, of each request: waiting in the outbound buffer.
    pub outbound: Latencies,
    /// From socket to answer, of each request, the wait behind earlier ones of the connection included.
    pub round_trip: Latencies,
    /// Time for which the broker asked the client to hold back, of each answer that told it.
    pub throttle: Latencies,
}

/// Latencies of which only sum and number are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Latencies {
    /// Their sum, in microseconds.
    pub sum_us: u64,
    /// How many.
    pub count: u64,
}

impl Latencies {
    /// Adds others.
    pub fn add(&mut self, other: Self) {
        self.sum_us += other.sum_us;
        self.count += other.count;
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            sum_us: self.sum_us.saturating_sub(earlier.sum_us),
            count: self.count.saturating_sub(earlier.count),
        }
    }

    /// Their mean, in microseconds.
    pub fn mean_us(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_us as f64 / self.count as f64)
    }
}

impl BrokerLatencies {
    /// Adds those of other requests.
    pub fn add(&mut self, other: &Self) {
        self.queue.add(other.queue);
        self.outbound.add(other.outbound);
        self.round_trip.add(other.round_trip);
        self.throttle.add(other.throttle);
    }

    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            queue: self.queue.since(earlier.queue),
            outbound: self.outbound.since(earlier.outbound),
            round_trip: self.round_trip.since(earlier.round_trip),
            throttle: self.throttle.since(earlier.throttle),
        }
    }
}

impl ClientStatistics {
    /// Adds another producer's counters.
    pub fn add(&mut self, other: &Self) {
        self.batches += other.batches;
        self.batch_records += other.batch_records;
        self.requests += other.requests;
        self.retries += other.retries;
        self.timeouts += other.timeouts;
        self.transmit_errors += other.transmit_errors;
        self.disconnects += other.disconnects;
        self.wire_bytes += other.wire_bytes;
        self.record_bytes += other.record_bytes;
        self.throttle_ms += other.throttle_ms;
        self.throttled += other.throttled;
        self.out_of_range += other.out_of_range;
        self.untold.extend(&other.untold);
        for (broker, latencies) in &other.brokers {
            self.brokers.entry(*broker).or_default().add(latencies);
        }
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let less = |now: u64, then: u64| now.saturating_sub(then);
        Self {
            batches: less(self.batches, earlier.batches),
            batch_records: less(self.batch_records, earlier.batch_records),
            requests: less(self.requests, earlier.requests),
            retries: less(self.retries, earlier.retries),
            timeouts: less(self.timeouts, earlier.timeouts),
            transmit_errors: less(self.transmit_errors, earlier.transmit_errors),
            disconnects: less(self.disconnects, earlier.disconnects),
            wire_bytes: less(self.wire_bytes, earlier.wire_bytes),
            record_bytes: less(self.record_bytes, earlier.record_bytes),
            throttle_ms: less(self.throttle_ms, earlier.throttle_ms),
            throttled: less(self.throttled, earlier.throttled),
            out_of_range: less(self.out_of_range, earlier.out_of_range),
            untold: self.untold.clone(),
            brokers: (self.brokers.iter())
                .map(|(broker, now)| {
                    let then = earlier.brokers.get(broker).copied().unwrap_or_default();
                    (*broker, now.since(&then))
                })
                .collect(),
        }
    }

    /// Records per batch.
    pub fn records_per_batch(&self) -> Option<f64> {
        (self.batches > 0).then(|| self.batch_records as f64 / self.batches as f64)
    }

    /// Batches per request.
    pub fn batches_per_request(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.batches as f64 / self.requests as f64)
    }
}
