//! What the tests of clients share.

use std::sync::Arc;
use std::time::Duration;

use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::payload::PayloadPool;
use tribunal_engine::producer::{Control, Delivery, Due, ErrorCode, Offered, Polled, Producer, Reports, Statistics};
use tribunal_kafka::admin::Cluster;
use tribunal_kafka::{Client, ClientSpec, KafkaControl, KafkaProducer, KafkaReports, KafkaStatistics, Primed};
use tribunal_kafka::{ResolvedProperties, prime};
use tribunal_model::trial::{Content, Part, RecordShape, Size};

pub(crate) const TOPIC: &str = "trial";
/// How long a test waits for what has to come.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) fn properties(all: &[(&str, &str)]) -> ResolvedProperties {
    all.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn pool(bytes: u32) -> Arc<PayloadPool> {
    let content = Content::Generated { compressibility: 0.5 };
    let shape = RecordShape {
        size: Size::Fixed(bytes),
        content,
        headers: Vec::new(),
    };
    Arc::new(PayloadPool::new(&shape, 1, 10_000, 1000).unwrap())
}

pub(crate) fn open(bootstrap: &str, partitions: i32, all: &[(&str, &str)], headers: &[(&str, &str)]) -> Client {
    made(bootstrap, partitions, all, headers, false)
}

/// One whose records are read back.
pub(crate) fn open_to_read_back(bootstrap: &str, partitions: i32) -> Client {
    made(bootstrap, partitions, &[("linger.ms", "0")], &[], true)
}

fn made(bootstrap: &str, partitions: i32, all: &[(&str, &str)], headers: &[(&str, &str)], read_back: bool) -> Client {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Client::open(ClientSpec {
        bootstrap,
        client_id: "agent-0",
        properties: &properties(all),
        topic: TOPIC,
        partitions,
        pool: pool(100),
        headers: headers.iter().map(own).collect(),
        read_back,
        index: 7,
    })
    .unwrap()
}

pub(crate) fn primed(client: &mut Client) -> Primed {
    let deadline_ns = MonotonicClock.now_ns() + LONG.as_nanos() as i64;
    prime(client, &MonotonicClock, deadline_ns).unwrap()
}

pub(crate) fn cluster(bootstrap: &str) -> Cluster {
    Cluster::connect(bootstrap, &properties(&[]), LONG).unwrap()
}

/// Record number `sequence`, a key on every second one.
pub(crate) fn due(sequence: u64, partition: Option<i32>) -> Due {
    Due {
        intended_ns: sequence as i64 * 1000,
        part: Part::ALL[sequence as usize % 3],
        sequence,
        payload: sequence as u32 % 8,
        key: sequence.is_multiple_of(2).then_some(sequence),
        partition,
    }
}

/// The bytes of key and value of that record.
pub(crate) fn bytes(sequence: u64) -> u32 {
    100 + if sequence.is_multiple_of(2) {
        sequence.to_string().len() as u32
    } else {
        0
    }
}

/// A client's handles and what came out of them.
pub(crate) struct Running {
    pub(crate) producer: KafkaProducer,
    pub(crate) reports: KafkaReports,
    pub(crate) control: Arc<KafkaControl>,
    pub(crate) delivered: Vec<Delivery>,
    pub(crate) rejected: Vec<(usize, ErrorCode)>,
    pub(crate) statistics: KafkaStatistics,
    pub(crate) emissions: u32,
    pub(crate) said: Vec<String>,
}

impl Running {
    pub(crate) fn new(client: Client) -> Self {
        let (producer, reports, control) = client.into_handles();
        Self {
            producer,
            reports,
            control,
            delivered: Vec::new(),
            rejected: Vec::new(),
            statistics: KafkaStatistics::default(),
            emissions: 0,
            said: Vec::new(),
        }
    }

    /// Offers all of them once, from the first on, until the client is full.
    pub(crate) fn offer(&mut self, due: &[Due]) -> Offered {
        let mut all = Offered::default();
        while all.handled < due.len() && !all.full {
            let rest = &due[all.handled..];
            let accepted_ns = rest[0].intended_ns + 2_000_000;
            let mut rejected = Vec::new();
            let offered = self.producer.offer(rest, accepted_ns, &mut rejected);
            assert!(offered.handled > 0 || offered.full, "no progress");
            self.rejected
                .extend(rejected.into_iter().map(|(index, code)| (all.handled + index, code)));
            all = Offered {
                handled: all.handled + offered.handled,
                full: offered.full,
            };
        }
        all
    }

    /// Takes one event.
    pub(crate) fn poll(&mut self, wait: Duration) {
        match self.reports.poll(wait) {
            Polled::Nothing => {}
            Polled::Deliveries => {
                let delivered = &mut self.delivered;
                // One by one, so that a test can look at each record.
                self.reports.take(|delivery| {
                    let bytes = delivery.bytes / u64::from(delivery.records);
                    delivered.extend((0..delivery.records).map(|i| Delivery {
                        records: 1,
                        bytes,
                        offset: if delivery.offset < 0 {
                            -1
                        } else {
                            delivery.offset + i64::from(i)
                        },
                        sequence: delivery.sequence.map(|first| first + u64::from(i)),
                        ..delivery
                    }));
                });
            }
            Polled::Statistics(raw) => {
                assert!(self.statistics.add(&raw), "{raw}");
                self.emissions += 1;
            }
            Polled::Error(code, text) => self.said.push(format!("{}: {text}", code.0)),
            Polled::Log(text) => self.said.push(text),
        }
    }

    /// Takes events until `done`, or fails.
    #[track_caller]
    pub(crate) fn until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        let deadline_ns = MonotonicClock.now_ns() + LONG.as_nanos() as i64;
        while !done(self) {
            assert!(
                MonotonicClock.now_ns() < deadline_ns,
                "waited in vain; {} delivered",
                self.delivered.len()
            );
            self.poll(Duration::from_millis(100));
        }
    }

    #[track_caller]
    pub(crate) fn until_resolved(&mut self) {
        self.until(|running| running.control.in_flight() == 0);
    }
}
