//! What clients say of themselves, inside samples and reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tribunal_stats::{BrokerLatencies, ClientCount, ClientTold, Latencies};

/// What a client says of itself over a stretch of time; absent is what it does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Client {
    /// Mean latency of its produce requests, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_latency_us: Option<f64>,
    /// Produce requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Record batches sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batches: Option<u64>,
    /// Records in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_records: Option<u64>,
    /// Records sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u64>,
    /// Bytes of records before compression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_bytes: Option<u64>,
    /// Bytes sent, after compression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire_bytes: Option<u64>,
    /// Requests that timed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<u64>,
    /// Requests that could not be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transmit_errors: Option<u64>,
    /// Connections that were lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnects: Option<u64>,
    /// Milliseconds for which brokers asked the client to hold back, summed over requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_ms: Option<u64>,
    /// Requests that came back with a throttle time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled: Option<u64>,
    /// Latencies that the client's own histograms could not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_range: Option<u64>,
    /// What its requests went through, by the broker's id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub brokers: BTreeMap<i32, Broker>,
}

/// What a client's requests to one broker went through: sums in microseconds, and of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broker {
    /// From produce call to request, of each record.
    pub queue_us: (u64, u64),
    /// From request to socket, of each request.
    pub outbound_us: (u64, u64),
    /// From socket to answer, of each request.
    pub round_trip_us: (u64, u64),
    /// Time for which the broker asked the client to hold back, of each answer that told it.
    pub throttle_us: (u64, u64),
}

impl Client {
    /// What a client told, in the protocol's words.
    pub fn of(told: &ClientTold) -> Self {
        let mut client = Self {
            brokers: told
                .brokers
                .iter()
                .map(|(id, latencies)| (*id, latencies.into()))
                .collect(),
            ..Self::default()
        };
        for (count, n) in &told.counts {
            *client.count(*count) = Some(*n);
        }
        client
    }

    /// What it says, but for the mean latency, of which no sum can be made.
    pub fn told(&self) -> ClientTold {
        let mut client = self.clone();
        ClientTold {
            counts: (ClientCount::ALL.into_iter())
                .filter_map(|count| Some((count, (*client.count(count))?)))
                .collect(),
            brokers: self
                .brokers
                .iter()
                .map(|(id, broker)| (*id, (*broker).into()))
                .collect(),
        }
    }

    fn count(&mut self, count: ClientCount) -> &mut Option<u64> {
        match count {
            ClientCount::Batches => &mut self.batches,
            ClientCount::BatchRecords => &mut self.batch_records,
            ClientCount::Requests => &mut self.requests,
            ClientCount::Retries => &mut self.retries,
            ClientCount::Timeouts => &mut self.timeouts,
            ClientCount::TransmitErrors => &mut self.transmit_errors,
            ClientCount::Disconnects => &mut self.disconnects,
            ClientCount::WireBytes => &mut self.wire_bytes,
            ClientCount::RecordBytes => &mut self.record_bytes,
            ClientCount::ThrottleMs => &mut self.throttle_ms,
            ClientCount::Throttled => &mut self.throttled,
            ClientCount::OutOfRange => &mut self.out_of_range,
        }
    }
}

impl From<&BrokerLatencies> for Broker {
    fn from(latencies: &BrokerLatencies) -> Self {
        let pair = |latencies: Latencies| (latencies.sum_us, latencies.count);
        Self {
            queue_us: pair(latencies.queue),
            outbound_us: pair(latencies.outbound),
            round_trip_us: pair(latencies.round_trip),
            throttle_us: pair(latencies.throttle),
        }
    }
}

impl From<Broker> for BrokerLatencies {
    fn from(broker: Broker) -> Self {
        let latencies = |(sum_us, count): (u64, u64)| Latencies { sum_us, count };
        Self {
            queue: latencies(broker.queue_us),
            outbound: latencies(broker.outbound_us),
            round_trip: latencies(broker.round_trip_us),
            throttle: latencies(broker.throttle_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_absent_on_both_sides() {
        assert_eq!(serde_json::to_string(&Client::default()).unwrap(), "{}");
        assert_eq!(Client::default().told(), ClientTold::default());
        let client: Client = serde_json::from_str(r#"{"retries":0,"fetches":3}"#).unwrap();
        assert_eq!(client.told().counts, [(ClientCount::Retries, 0)].into());
        assert_eq!(serde_json::to_string(&client).unwrap(), r#"{"retries":0}"#);
    }

    #[test]
    fn everything_that_is_told_arrives() {
        let latencies = |start| Latencies {
            sum_us: start,
            count: start + 1,
        };
        let broker = BrokerLatencies {
            queue: latencies(10),
            outbound: latencies(20),
            round_trip: latencies(30),
            throttle: latencies(40),
        };
        let told = ClientTold {
            counts: (ClientCount::ALL.into_iter()).zip(1..).collect(),
            brokers: [(7, broker)].into(),
        };
        let line = serde_json::to_string(&Client::of(&told)).unwrap();
        assert!(
            line.contains(
                r#""brokers":{"7":{"queue_us":[10,11],"outbound_us":[20,21],"round_trip_us":[30,31],"throttle_us":[40,41]}}"#
            ),
            "{line}"
        );
        let heard: Client = serde_json::from_str(&line).unwrap();
        assert_eq!(heard.told(), told);
    }

    #[test]
    fn half_a_broker_is_nonsense() {
        for nonsense in [
            r#"{"brokers":{"1":{"queue_us":[10,2]}}}"#,
            r#"{"brokers":{"one":{"queue_us":[1,1],"outbound_us":[1,1],"round_trip_us":[1,1],"throttle_us":[1,1]}}}"#,
            r#"{"timeouts":-1}"#,
        ] {
            assert!(serde_json::from_str::<Client>(nonsense).is_err(), "{nonsense}");
        }
    }
}
