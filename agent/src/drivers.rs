//! Making an attempt's clients in drivers: the processes are started, armed and primed here.

use std::time::Duration;

use tribunal_driver::messages::{self, Arm, Hello, Order, PROTOCOL, Producer, Ready, Said};
use tribunal_driver::{Armed, Driver, Fault, Programs, Spool, shape};
use tribunal_engine::keys::KeyStream;
use tribunal_engine::schedule::{Place, Schedule};
use tribunal_kafka::{Primed, PrimedPartition};
use tribunal_model::client;
use tribunal_model::trial::{Arrivals, Partitioner, Rate, Trial, WhenFull, Windows, nanoseconds};
use tribunal_proto::session::RefusalKind;
use tribunal_stats::facts::{DriverFacts, ProducerFacts, takes_turns};

use crate::prepare::{self, PRIME, Refusal, Work};
use crate::primed::PrimedRecords;

/// How long a driver may take to say what it is.
const HELLO: Duration = Duration::from_secs(10);
/// The one option that is every driver's: `false` leaves latencies out, to see what recording them costs.
const RECORD: &str = "record";
/// Exit codes by which a driver says what is wrong before it is ready.
const CONFIGURATION: i32 = 2;
const UNREACHABLE: i32 = 3;

/// Drivers that are ready to run.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) armed: Vec<Armed>,
    /// What they read from.
    pub(crate) spool: Spool,
    pub(crate) windows: Windows,
    pub(crate) settle: Duration,
}

/// Starts, arms and primes this agent's drivers, all at once.
pub(crate) fn prepare(
    work: &Work<'_>,
    programs: &Programs,
) -> Result<(Prepared, Vec<ProducerFacts>, PrimedRecords), Refusal> {
    let trial = work.trial;
    let refuse = |reason: String| Refusal {
        kind: RefusalKind::Configuration,
        reason,
    };
    let spool = Spool::new().map_err(|error| refuse(format!("no folder for the drivers' files: {error}")))?;
    let orders = orders(work, &spool)?;
    let made: Vec<Result<_, Refusal>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (orders.into_iter())
            .map(|arm| scope.spawn(|| driver(work, programs, arm)))
            .collect();
        let made = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        made.map(|made| made.expect("invariant: making a driver does not panic"))
            .collect()
    });
    let (mut armed, mut facts) = (Vec::new(), Vec::new());
    let mut primed = PrimedRecords::new(trial.audit);
    for made in made {
        let (driver, of_producers) = made?;
        for (fact, its) in of_producers {
            primed.add(&fact.topic, its);
            facts.push(fact);
        }
        armed.push(driver);
    }
    let (windows, settle) = (trial.windows, trial.settle);
    let prepared = Prepared {
        armed,
        spool,
        windows,
        settle,
    };
    Ok((prepared, facts, primed))
}

/// What each process is told, with the files that it reads.
fn orders(work: &Work<'_>, spool: &Spool) -> Result<Vec<Arm>, Refusal> {
    let trial = work.trial;
    let refuse = |reason: String| Refusal {
        kind: RefusalKind::Configuration,
        reason,
    };
    let resolved = prepare::resolved(&work.properties)?;
    let of_plan: Vec<(String, String)> = resolved
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let mut properties = client::map(&trial.client.client, &of_plan).map_err(|error| refuse(error.to_string()))?;
    for (name, value) in prepare::resolved(&trial.client.own)?.iter() {
        properties.retain(|(known, _)| known != name);
        properties.push((name.into(), value.into()));
    }
    let pool = prepare::pool(trial, &resolved)?;
    let file = |error: std::io::Error| refuse(format!("{}: {error}", spool.path().display()));
    let bodies = spool.bodies(&pool).map_err(file)?;
    let shared = Arm {
        bootstrap: work.bootstrap.to_owned(),
        partitions: trial.topic.partitions,
        properties,
        options: (trial.client.options.iter())
            .filter(|(name, _)| name != RECORD)
            .cloned()
            .collect(),
        schedule: asked(trial),
        warm_up_ns: nanoseconds(trial.windows.warm_up),
        measure_ns: nanoseconds(trial.windows.measure),
        drain_ns: nanoseconds(trial.windows.drain),
        settle_ns: nanoseconds(trial.settle),
        bodies: bodies.display().to_string(),
        headers: trial.load.record.headers.clone(),
        partitioner: match trial.load.partitioner {
            Partitioner::Native => "native".to_owned(),
            Partitioner::Assigned => "assigned".to_owned(),
        },
        when_full: match trial.load.when_full {
            WhenFull::Hold => "hold".to_owned(),
            WhenFull::Shed => "shed".to_owned(),
        },
        offsets: trial.audit.keeps_offsets(),
        record: (trial.client.options.iter()).all(|(name, value)| name != RECORD || value != "false"),
        producers: Vec::new(),
    };
    let producer = |index: u32| {
        let place = Place::of(&trial.load, trial.block, index);
        let keys = KeyStream::new(trial.load.keys, place);
        let keys = spool.keys(index, keys, || sends(trial, place)).map_err(file)?;
        Ok(Producer {
            index,
            client_id: format!("{}-{index}", work.agent),
            topic: work.topics[index as usize % work.topics.len().max(1)].clone(),
            first_body: pool.first_body(index, trial.load.producers),
            keys: keys.map(|path| path.display().to_string()),
        })
    };
    let each = trial.client.per_process.max(1) as usize;
    let processes = work.producers.chunks(each).map(|indices| {
        Ok(Arm {
            producers: indices
                .iter()
                .map(|index| producer(*index))
                .collect::<Result<_, Refusal>>()?,
            ..shared.clone()
        })
    });
    processes.collect()
}

fn asked(trial: &Trial) -> Option<messages::Schedule> {
    let Rate::Paced(rate) = trial.load.rate else {
        return None;
    };
    Some(messages::Schedule {
        arrivals: match trial.load.arrivals {
            Arrivals::Uniform => "uniform".to_owned(),
            Arrivals::Poisson => "poisson".to_owned(),
        },
        shape: shape(rate, trial.load.profile.as_ref()),
        seed: trial.load.seed,
        block: trial.block,
        producers: trial.load.producers,
    })
}

/// How many records a producer will send at most, as far as that is known.
fn sends(trial: &Trial, place: Place) -> u64 {
    let end = nanoseconds(trial.windows.longest() + trial.settle);
    Schedule::of(&trial.load, place).map_or(u64::MAX, |schedule| schedule.digest(end, 0).0)
}

type Made = (Armed, Vec<(ProducerFacts, Primed)>);

/// Starts one process and waits until its clients are primed.
fn driver(work: &Work<'_>, programs: &Programs, arm: Arm) -> Result<Made, Refusal> {
    let client = &work.trial.client.client;
    let command = programs.command(client).map_err(|missing| Refusal {
        kind: RefusalKind::Configuration,
        reason: missing.to_string(),
    })?;
    let made = || {
        let mut driver = Driver::start(&client.name(), command)?;
        let hello = match driver.hear("hello", HELLO)? {
            Said::Hello(hello) => hello,
            other => return Err(driver.nonsense(format!("{} before hello", other.name()))),
        };
        if hello.protocol != PROTOCOL {
            let theirs = hello.protocol;
            return Err(driver.nonsense(format!("it speaks protocol {theirs}, this agent {PROTOCOL}")));
        }
        let producers = arm.producers.clone();
        driver.voice().say(&Order::Arm(Box::new(arm)));
        let ready = match driver.hear("ready", PRIME)? {
            Said::Ready(ready) => *ready,
            other => return Err(driver.nonsense(format!("{} before ready", other.name()))),
        };
        let facts = facts(work.trial, &hello, &producers, ready).map_err(|problem| driver.nonsense(problem))?;
        let producers = producers
            .into_iter()
            .map(|producer| (producer.index, producer.topic))
            .collect();
        let armed = Armed {
            driver,
            producers,
            turns: takes_turns(&hello.runtime),
        };
        Ok((armed, facts))
    };
    made().map_err(|fault: Fault| Refusal {
        kind: kind(&fault),
        reason: fault.to_string(),
    })
}

/// What a fault before *ready* is about.
fn kind(fault: &Fault) -> RefusalKind {
    match fault {
        Fault::Start { .. } => RefusalKind::Configuration,
        Fault::Ended { code, .. } if *code == Some(CONFIGURATION) => RefusalKind::Configuration,
        Fault::Ended { code, .. } if *code == Some(UNREACHABLE) => RefusalKind::ClusterUnreachable,
        Fault::Ended { .. } | Fault::Silent { .. } | Fault::Nonsense { .. } => RefusalKind::Other,
    }
}

/// What is told of a process's producers; the error is what makes no sense.
fn facts(
    trial: &Trial,
    hello: &Hello,
    producers: &[Producer],
    ready: Ready,
) -> Result<Vec<(ProducerFacts, Primed)>, String> {
    let driver = DriverFacts {
        client: hello.client.clone(),
        version: hello.version.clone(),
        library: hello.library.clone(),
        runtime: hello.runtime.clone(),
        clock_bound_ns: ready.clock_bound_ns,
        facts: hello.facts.clone(),
    };
    if ready.producers.len() != producers.len() {
        return Err(format!(
            "{} producers ready, of {}",
            ready.producers.len(),
            producers.len()
        ));
    }
    let of_producer = |(asked, told): (&Producer, messages::Primed)| {
        if told.index != asked.index {
            return Err(format!("producer {} ready in the place of {}", told.index, asked.index));
        }
        let ours = prepare::digest(trial, asked.index);
        let theirs = told.scheduled.zip(told.schedule_sha256.clone());
        if ours != theirs {
            return Err(format!(
                "another schedule for producer {}: {theirs:?} for {ours:?}",
                asked.index
            ));
        }
        let primed = primed(&told, trial.topic.partitions)?;
        let facts = ProducerFacts {
            producer: asked.index,
            client_id: asked.client_id.clone(),
            topic: asked.topic.clone(),
            primed: prepare::by_partition(&primed, trial.topic.partitions),
            scheduled: told.scheduled,
            schedule_sha256: told.schedule_sha256,
            configuration: (told.configuration.into_iter())
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            driver: Some(Box::new(driver.clone())),
        };
        Ok((facts, primed))
    };
    producers.iter().zip(ready.producers).map(of_producer).collect()
}

/// What a producer primed; the error names a partition that it left out.
fn primed(told: &messages::Primed, partitions: u32) -> Result<Primed, String> {
    let of_partition = |partition: i32| {
        let offsets: Vec<i64> = (told.primed.iter())
            .filter(|(of, _)| *of == partition)
            .map(|(_, offset)| *offset)
            .collect();
        if offsets.is_empty() {
            return Err(format!("producer {} ready without partition {partition}", told.index));
        }
        Ok(PrimedPartition {
            partition,
            written: offsets.len() as u64,
            possibly_written: 0,
            // Under acks=0 nobody says where a record is.
            offsets: offsets.into_iter().filter(|offset| *offset >= 0).collect(),
        })
    };
    let partitions = (0..partitions as i32)
        .map(of_partition)
        .collect::<Result<_, String>>()?;
    Ok(Primed { partitions })
}
