//! The consumers of an attempt on this agent: a thread for each group member, apart from the producers' threads.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::Span;
use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::producer::Polled;
use tribunal_engine::receiver::{MemberEnd, Place, Receiver};
use tribunal_kafka::{ConsumerSpec, KafkaConsumer, ResolvedProperties, resolve};
use tribunal_model::ids::AgentName;
use tribunal_model::trial::nanoseconds;
use tribunal_proto::session::{AttemptId, PrepareConsumers, RefusalKind};
use tribunal_stats::facts::ClockFacts;
use tribunal_stats::{ConsumerReport, Follower};
use tribunal_telemetry::agent::{Consumer, ConsumerFigures};
use tribunal_telemetry::logs::{self, chain};

use crate::attempt::Told;
use crate::host;

/// How often a thread without records looks at what it is told.
const LOOK: i64 = 20_000_000;
/// Followed records that the members of one group keep together: 24 bytes each.
const FOLLOWED: usize = 1 << 17;
/// However often its lease is renewed, no consumer outlives its attempt's longest time by more than this: topics are
/// made, clients primed and clocks measured around it.
const AROUND: Duration = Duration::from_secs(300);

/// What a member's thread says.
#[derive(Debug)]
pub(crate) enum MemberWord {
    /// All its partitions are being fetched.
    Positioned,
    /// It is closed; what it received, or why it gave up.
    Ended(Box<Result<MemberEnd, (RefusalKind, String)>>),
}

/// How far the consumers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Members are being positioned.
    Positioning,
    /// All are; *ready* waits for the clock.
    Positioned,
    /// They receive.
    Receiving,
    /// All are closed; the report waits for the clock.
    Ended,
}

/// Owner of an attempt's consumers on this agent, from their making to their report.
///
/// Dropping it stops the threads and waits for them.
#[derive(Debug)]
pub(crate) struct Consuming {
    pub(crate) id: AttemptId,
    pub(crate) span: Span,
    pub(crate) stage: Stage,
    /// Members that have not got there yet.
    waiting: usize,
    /// Members whose threads still run.
    open: usize,
    report: ConsumerReport,
    failed: Option<(RefusalKind, String)>,
    /// librdkafka's threads of these clients: their processor time is no producer's.
    clients: HashSet<i32>,
    lease: Duration,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the members' threads share.
#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    why: Mutex<Option<String>>,
    lease_until: AtomicI64,
    /// The last instant on the lease's clock, whatever the lease.
    last: i64,
    /// Set once every record has been written.
    ends: OnceLock<Ends>,
}

/// Up to where logs are read.
#[derive(Debug)]
struct Ends {
    /// By topic and partition.
    offsets: BTreeMap<(String, i32), i64>,
    /// The instant of the agent's clock at which they are given up.
    until_ns: i64,
}

/// What is shown of one partition.
#[derive(Debug)]
struct Shown {
    received: AtomicU64,
    bytes: AtomicU64,
    /// Negative while it is unknown.
    lag: AtomicI64,
}

/// One group member.
struct Member {
    group: u32,
    /// Its number in the group.
    number: u32,
    client_id: String,
    places: Vec<Place>,
    shown: Vec<Arc<Shown>>,
    followed: Follower,
    /// Producers of the trial, where this member reads back what they write.
    read_back: Option<u32>,
    /// Coordinator's clock − this agent's, as far as is known.
    offset_ns: i64,
}

impl Consuming {
    /// Makes the members; each says when it is positioned.
    pub(crate) fn prepare(
        agent: &AgentName,
        order: &PrepareConsumers,
        offset_ns: i64,
        tell: &mpsc::Sender<Told>,
    ) -> Result<(Self, Vec<Consumer>), (RefusalKind, String)> {
        let id = order.attempt;
        let wrong = |reason: String| (RefusalKind::Configuration, reason);
        let Some(consumers) = &order.trial.consumers else {
            return Err(wrong("the trial has no consumers".to_owned()));
        };
        let properties = order.cluster_properties.overlaid(&consumers.properties);
        let env = |name: &str| std::env::var(name).ok();
        let properties = Arc::new(resolve(&properties, &env).map_err(|error| wrong(chain(&error)))?);
        let room = FOLLOWED / consumers.members.max(1) as usize;
        let bits = order.trial.follow_bits();
        let reads_back = order.trial.reads_back().then_some(order.trial.load.producers);
        let mut members: BTreeMap<(u32, u32), Member> = BTreeMap::new();
        let mut watched = Vec::new();
        for (seat, offset) in &order.seats {
            let (group, member) = (seat.group, seat.member);
            let own = members.entry((group, member)).or_insert_with(|| Member {
                group,
                number: member,
                client_id: format!("{agent}-consumer-{group}-{member}"),
                places: Vec::new(),
                shown: Vec::new(),
                followed: Follower::new(bits, room),
                // One group has every record.
                read_back: reads_back.filter(|_| group == 0),
                offset_ns,
            });
            let topic = order.topics[seat.topic as usize].clone();
            let shown = Arc::new(Shown {
                received: AtomicU64::new(0),
                bytes: AtomicU64::new(0),
                lag: AtomicI64::new(-1),
            });
            watched.push(consumer(group, &topic, seat.partition, &shown));
            own.shown.push(shown);
            own.places.push(Place {
                topic,
                partition: seat.partition,
                offset: *offset,
            });
        }
        let span = logs::experiment(id.experiment).in_scope(|| logs::trial(id.trial, id.attempt));
        span.in_scope(|| tracing::info!(members = members.len(), "making consumers"));
        let clock = MonotonicClock;
        let longest = order.trial.windows.longest() + order.trial.settle + AROUND;
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            why: Mutex::new(None),
            lease_until: AtomicI64::new(clock.lease_ns().saturating_add(nanoseconds(order.lease))),
            last: clock.lease_ns().saturating_add(nanoseconds(longest)),
            ends: OnceLock::new(),
        });
        let open = members.len();
        let threads = members.into_values().map(|member| {
            let (shared, tell, properties) = (shared.clone(), tell.clone(), properties.clone());
            let (bootstrap, within) = (order.bootstrap.clone(), span.clone());
            let name = format!("consume-{}-{}", member.group, member.number);
            let body = move || {
                let tell = |word| {
                    let _ = tell.blocking_send(Told::Consumer(id, word));
                };
                let end =
                    within.in_scope(|| member.run(&bootstrap, &properties, &shared, || tell(MemberWord::Positioned)));
                tell(MemberWord::Ended(Box::new(end)));
            };
            std::thread::Builder::new()
                .name(name)
                .spawn(body)
                .expect("invariant: an agent that can hold a session can start a thread")
        });
        let consuming = Self {
            id,
            stage: Stage::Positioning,
            waiting: open,
            open,
            report: ConsumerReport::default(),
            failed: None,
            clients: HashSet::new(),
            lease: order.lease,
            threads: threads.collect(),
            shared,
            span,
        };
        Ok((consuming, watched))
    }

    /// Takes a word of a member; the stage may change by it. Whether it did.
    pub(crate) fn hear(&mut self, word: MemberWord) -> bool {
        let before = self.stage;
        match word {
            MemberWord::Positioned => {
                self.waiting -= 1;
                if self.waiting == 0 && self.stage == Stage::Positioning {
                    self.stage = Stage::Positioned;
                    // Producers are made afterwards, so these are all that there are.
                    self.clients = host::clients();
                }
            }
            MemberWord::Ended(end) => {
                self.open -= 1;
                match *end {
                    Ok(end) => self.add(end),
                    Err((kind, reason)) => {
                        // One that has failed fails the attempt; the others have nothing to wait for.
                        self.shared.stop(&reason);
                        self.failed.get_or_insert((kind, reason));
                    }
                }
                if self.open == 0 {
                    self.stage = Stage::Ended;
                }
            }
        }
        self.stage != before
    }

    fn add(&mut self, end: MemberEnd) {
        let report = &mut self.report;
        report.partitions.extend(end.partitions);
        report.seconds.extend(end.seconds);
        let (group, followed) = end.followed;
        report.followed.entry(group).or_default().merge(followed);
        if let Some(read) = end.read_back {
            report.read_back.get_or_insert_default().merge(&read);
        }
        for (code, text, times) in end.errors {
            let known = report.errors.iter_mut().find(|(c, t, _)| *c == code && *t == text);
            match known {
                Some((_, _, n)) => *n += times,
                None => report.errors.push((code, text, times)),
            }
        }
    }

    /// The clock as measured at the beginning.
    pub(crate) fn began(&mut self, clock: ClockFacts) {
        self.report.clock = clock;
        self.stage = Stage::Receiving;
    }

    /// The report, or why there is none.
    pub(crate) fn finish(mut self, clock: ClockFacts) -> Result<ConsumerReport, (RefusalKind, String)> {
        self.report.clock_after = clock;
        match self.failed.take() {
            Some(failed) => Err(failed),
            None => Ok(std::mem::take(&mut self.report)),
        }
    }

    /// librdkafka's threads of these clients.
    pub(crate) fn clients(&self) -> HashSet<i32> {
        self.clients.clone()
    }

    /// Whether it failed.
    pub(crate) fn failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Lets the lease run anew from now.
    pub(crate) fn renew(&self) {
        let until = MonotonicClock.lease_ns().saturating_add(nanoseconds(self.lease));
        self.shared.lease_until.store(until, Ordering::Release);
    }

    /// Every record has been written: receives up to the ends, as long as is allowed.
    pub(crate) fn end(&self, ends: Vec<(String, i32, i64)>, within: Duration) {
        let until_ns = MonotonicClock.now_ns().saturating_add(nanoseconds(within));
        let offsets = ends
            .into_iter()
            .map(|(topic, partition, offset)| ((topic, partition), offset))
            .collect();
        // Said twice, the first word counts.
        let _ = self.shared.ends.set(Ends { offsets, until_ns });
    }

    /// Gives the consumers up; their threads end soon.
    pub(crate) fn stop(&self, reason: &str) {
        self.shared.stop(reason);
    }
}

impl Drop for Consuming {
    fn drop(&mut self) {
        self.shared.stop("the agent dropped the consumers");
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn stop(&self, reason: &str) {
        let mut why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.get_or_insert_with(|| reason.to_owned());
        self.stop.store(true, Ordering::Release);
    }

    /// Why a member has to give up.
    fn stopped(&self) -> Option<String> {
        let now = MonotonicClock.lease_ns();
        if now > self.lease_until.load(Ordering::Acquire).min(self.last) {
            self.stop("the lease ended without a word from the coordinator");
        }
        if !self.stop.load(Ordering::Acquire) {
            return None;
        }
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Member {
    /// Receives until the logs' ends are reached, or it has to give up.
    fn run(
        self,
        bootstrap: &str,
        properties: &ResolvedProperties,
        shared: &Shared,
        positioned: impl FnOnce(),
    ) -> Result<MemberEnd, (RefusalKind, String)> {
        let clock = MonotonicClock;
        let seats: Vec<_> = self
            .places
            .iter()
            .map(|place| (place.topic.clone(), place.partition, place.offset))
            .collect();
        let spec = ConsumerSpec {
            bootstrap,
            client_id: &self.client_id,
            properties,
            seats: &seats,
            read_back: self.read_back.is_some(),
        };
        let mut consumer = KafkaConsumer::open(&spec).map_err(|error| (RefusalKind::Configuration, chain(&error)))?;
        let count = self.places.len();
        let mut receiver = Receiver::new(
            self.group,
            self.number,
            self.places,
            self.followed,
            self.offset_ns,
            clock.now_ns(),
        );
        if let Some(producers) = self.read_back {
            receiver = receiver.reading_back(producers);
        }
        let mut positioned = Some(positioned);
        let mut broken: Vec<&'static str> = Vec::new();
        loop {
            let now = clock.now_ns();
            if let Some(reason) = shared.stopped() {
                return Err((RefusalKind::Other, reason));
            }
            if now >= receiver.next_look() {
                receiver.look(now, |place| consumer.log_end(place));
                for (place, shown) in self.shown.iter().enumerate() {
                    let lag = consumer.log_end(place).map(|end| receiver.lag(place, end) as i64);
                    shown.lag.store(lag.unwrap_or(-1), Ordering::Relaxed);
                }
                while let Some(polled) = consumer.said() {
                    match polled {
                        Polled::Error(code, text) => receiver.error(code.0, text),
                        Polled::Log(line) => tracing::warn!(consumer = self.client_id, "{line}"),
                        Polled::Nothing | Polled::Deliveries | Polled::Statistics(_) => {}
                    }
                }
            }
            if positioned.is_some()
                && (0..count).all(|place| consumer.log_end(place).is_some())
                && let Some(positioned) = positioned.take()
            {
                positioned();
            }
            if let Some(ends) = shared.ends.get()
                && (receiver.through(&ends.offsets) || now >= ends.until_ns)
            {
                drop(consumer);
                return Ok(receiver.finish(&ends.offsets));
            }
            let wait = (receiver.next_look() - now).clamp(0, LOOK) as u64;
            let mut at = None;
            consumer.poll(
                Duration::from_nanos(wait),
                |record| {
                    // One instant for a batch that was there as a whole.
                    let at = *at.get_or_insert_with(|| clock.now_ns());
                    receiver.record(at, record.seat, record.offset, record.bytes, record.mark);
                    let shown = &self.shown[record.seat];
                    shown.received.fetch_add(1, Ordering::Relaxed);
                    shown.bytes.fetch_add(record.bytes, Ordering::Relaxed);
                },
                |code| broken.push(code.0),
            );
            for code in broken.drain(..) {
                receiver.error(code, "of a partition".to_owned());
            }
        }
    }
}

/// A partition as metrics show it.
fn consumer(group: u32, topic: &str, partition: i32, shown: &Arc<Shown>) -> Consumer {
    let shown = shown.clone();
    Consumer {
        group,
        topic: topic.to_owned(),
        partition,
        figures: Box::new(move || ConsumerFigures {
            received: shown.received.load(Ordering::Relaxed),
            bytes: shown.bytes.load(Ordering::Relaxed),
            lag: u64::try_from(shown.lag.load(Ordering::Relaxed)).ok(),
        }),
    }
}
