//! Making an attempt's clients: blocking work, done on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::payload::PayloadPool;
use tribunal_engine::producer::Worker;
use tribunal_engine::run::Setup;
use tribunal_engine::schedule::{Place, Schedule};
use tribunal_kafka::{Client, ClientSpec, KafkaProducer, KafkaReports, Primed, ResolvedProperties};
use tribunal_model::design::AuditLevel;
use tribunal_model::ids::AgentName;
use tribunal_model::properties::Properties;
use tribunal_model::seed::derive;
use tribunal_model::trial::{Trial, nanoseconds};
use tribunal_proto::session::RefusalKind;
use tribunal_stats::facts::ProducerFacts;
use tribunal_telemetry::logs::chain;

use crate::primed::PrimedRecords;

/// How long the clients may take to be primed; below the coordinator's limit for *ready*.
pub(crate) const PRIME: Duration = Duration::from_secs(25);
/// How many intended sends go into a schedule's hash at most.
const HASHED: u64 = 1_000_000;
/// librdkafka's own limits of a batch, where the plan sets none.
const BATCH_BYTES: usize = 1_000_000;
const BATCH_RECORDS: usize = 10_000;

/// What is to be prepared.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub(crate) agent: &'a AgentName,
    pub(crate) trial: &'a Trial,
    /// The producers that run here.
    pub(crate) producers: &'a [u32],
    pub(crate) bootstrap: &'a str,
    /// Of the cluster and of the trial.
    pub(crate) properties: Properties,
    pub(crate) topics: &'a [String],
    /// Processors that these producers may reckon with.
    pub(crate) cores: u32,
}

/// An attempt that is ready to run.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) workers: Vec<Worker<KafkaProducer, KafkaReports>>,
    pub(crate) setup: Setup,
    pub(crate) facts: Vec<ProducerFacts>,
    /// What priming left in the logs.
    pub(crate) primed: PrimedRecords,
}

/// Why an attempt cannot be prepared.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: RefusalKind,
    pub(crate) reason: String,
}

impl Refusal {
    fn new(kind: RefusalKind, error: &dyn std::error::Error) -> Self {
        let reason = chain(error);
        Self { kind, reason }
    }
}

/// Makes and primes this agent's clients, all at once.
pub(crate) fn prepare(work: &Work<'_>) -> Result<Prepared, Refusal> {
    let trial = work.trial;
    let properties = resolved(&work.properties)?;
    let pool = Arc::new(pool(trial, &properties)?);
    let made: Vec<Result<_, Refusal>> = std::thread::scope(|scope| {
        let threads: Vec<_> = work
            .producers
            .iter()
            .map(|index| {
                let (pool, properties) = (pool.clone(), &properties);
                let name = Name {
                    index: *index,
                    client_id: format!("{}-{index}", work.agent),
                    topic: work.topics[*index as usize % work.topics.len().max(1)].clone(),
                };
                scope.spawn(move || producer(trial, work.bootstrap, properties, pool, name))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("invariant: making a client does not panic"))
            .collect()
    });
    let (mut workers, mut facts) = (Vec::new(), Vec::new());
    let mut primed = PrimedRecords::new(trial.audit);
    for made in made {
        let (worker, fact, its) = made?;
        primed.add(&worker.topic, its);
        workers.push(worker);
        facts.push(fact);
    }
    Ok(Prepared {
        workers,
        setup: Setup::of(trial, pool, work.cores),
        facts,
        primed,
    })
}

/// Properties with what their references stand for on this host.
pub(crate) fn resolved(properties: &Properties) -> Result<ResolvedProperties, Refusal> {
    let environment = |name: &str| std::env::var(name).ok();
    tribunal_kafka::resolve(properties, &environment).map_err(|error| Refusal::new(RefusalKind::Configuration, &error))
}

/// The record bodies of a trial, for its batches.
pub(crate) fn pool(trial: &Trial, properties: &ResolvedProperties) -> Result<PayloadPool, Refusal> {
    let limit = |name: &str, default| {
        properties
            .get(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let seed = derive(&[trial.load.seed, u64::from(trial.block)]);
    let (bytes, records) = (
        limit("batch.size", BATCH_BYTES),
        limit("batch.num.messages", BATCH_RECORDS),
    );
    PayloadPool::new(&trial.load.record, seed, bytes, records)
        .map_err(|error| Refusal::new(RefusalKind::Configuration, &error))
}

/// A producer's client, what is told of it, and what it primed.
pub(crate) type Made = (Worker<KafkaProducer, KafkaReports>, ProducerFacts, Primed);

/// Which producer, what its client is called, and where it writes to.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) index: u32,
    pub(crate) client_id: String,
    pub(crate) topic: String,
}

/// Makes and primes the client of one producer.
pub(crate) fn producer(
    trial: &Trial,
    bootstrap: &str,
    properties: &ResolvedProperties,
    pool: Arc<PayloadPool>,
    name: Name,
) -> Result<Made, Refusal> {
    let Name {
        index,
        client_id,
        topic,
    } = name;
    let spec = ClientSpec {
        bootstrap,
        client_id: &client_id,
        properties,
        topic: &topic,
        partitions: trial.topic.partitions as i32,
        pool,
        headers: trial.load.record.headers.clone(),
        read_back: trial.audit == AuditLevel::ReadBack,
        index,
    };
    let mut client = Client::open(spec).map_err(|error| Refusal::new(RefusalKind::Configuration, &error))?;
    let clock = MonotonicClock;
    let primed = tribunal_kafka::prime(&mut client, &clock, clock.now_ns() + nanoseconds(PRIME))
        .map_err(|error| Refusal::new(RefusalKind::ClusterUnreachable, &error))?;
    let (scheduled, schedule_sha256) = digest(trial, index).unzip();
    let facts = ProducerFacts {
        producer: index,
        client_id: client_id.clone(),
        topic: topic.clone(),
        primed: by_partition(&primed, trial.topic.partitions),
        scheduled,
        schedule_sha256,
        configuration: (client.effective_configuration().into_iter())
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        driver: None,
    };
    let (producer, reports, control) = client.into_handles();
    let partitions = trial.topic.partitions as i32;
    let worker = Worker {
        index,
        client_id,
        topic,
        partitions,
        producer,
        reports,
        control,
    };
    Ok((worker, facts, primed))
}

/// How many intended sends a producer has before t2, and the hash of the first of them; none for a closed loop.
pub(crate) fn digest(trial: &Trial, index: u32) -> Option<(u64, String)> {
    let schedule = Schedule::of(&trial.load, Place::of(&trial.load, trial.block, index))?;
    // Where t1 may be put off, up to the latest t2: the same for every attempt.
    Some(schedule.digest(trial.windows.t2_ns() + nanoseconds(trial.settle), HASHED))
}

/// Records primed, by partition.
pub(crate) fn by_partition(primed: &Primed, partitions: u32) -> Vec<u64> {
    let mut counts = vec![0; partitions as usize];
    for partition in &primed.partitions {
        if let Some(count) = counts.get_mut(partition.partition as usize) {
            *count = partition.written;
        }
    }
    counts
}
