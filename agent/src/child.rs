//! librdkafka as a driver: this program on the other side of drivers/PROTOCOL.md.

mod teller;

use std::collections::BTreeMap;
use std::io::{BufRead, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tribunal_driver::messages::{self, Arm, Hello, Order, PROTOCOL, Ready, Said};
use tribunal_driver::{parse, read_bodies, read_keys};
use tribunal_engine::clock::MonotonicClock;
use tribunal_engine::event::Event;
use tribunal_engine::keys::KeyStream;
use tribunal_engine::run::{Given, Run, Setup};
use tribunal_kafka::ResolvedProperties;
use tribunal_model::design::AuditLevel;
use tribunal_model::trial::{Arrivals, Partitioner, Rate, Trial, WhenFull, Windows};
use tribunal_proto::session::RefusalKind;
use tribunal_stats::Cpu;

use crate::alone;
use crate::host;
use crate::prepare::{self, Name};
use teller::Teller;

/// Exit codes that the agent knows.
const FAILED: u8 = 1;
const CONFIGURATION: u8 = 2;
const UNREACHABLE: u8 = 3;
/// The driver's load ends with its agent: no lease of its own.
const LEASE: Duration = Duration::from_secs(7 * 86_400);

/// Why it ends: its exit code, and a line for people.
type Failure = (u8, String);

/// What comes in.
enum Heard {
    Order(serde_json::Result<Order>),
    /// Standard input has ended.
    Gone,
    /// A producer's run says something.
    Event(u32, Event),
}

/// Speaks the protocol on standard input and output until it has reported. The exit code, and the line where something
/// failed.
pub fn drive() -> Result<(), Failure> {
    let (tell, inbox) = channel();
    let hear = tell.clone();
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        let orders = lines.map(|line| Heard::Order(serde_json::from_str(&line)));
        for heard in orders.chain([Heard::Gone]) {
            if hear.send(heard).is_err() {
                break;
            }
        }
    });
    say(&Said::Hello(Hello {
        protocol: PROTOCOL,
        client: "librdkafka".to_owned(),
        version: tribunal_kafka::versions().librdkafka,
        library: format!("librdkafka {}", tribunal_kafka::versions().librdkafka),
        runtime: "none".to_owned(),
        facts: facts(),
    }));
    let arm = match inbox.recv() {
        Ok(Heard::Order(Ok(Order::Arm(arm)))) => *arm,
        Ok(Heard::Order(Ok(_))) => return Err((FAILED, "told something else before arm".to_owned())),
        Ok(Heard::Order(Err(error))) => return Err((FAILED, format!("told nonsense: {error}"))),
        Ok(Heard::Gone | Heard::Event(..)) | Err(_) => return Ok(()),
    };
    let runs = prepared(&arm, &tell)?;
    conduct(&runs, &inbox)
}

fn say(said: &Said) {
    let mut line = serde_json::to_vec(said).expect("invariant: messages have keys of text only");
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    // An agent that has gone shows on standard input.
    let _ = out.write_all(&line).and_then(|()| out.flush());
}

/// What librdkafka's users know it by.
fn facts() -> Vec<(String, String)> {
    [
        ("send", "rd_kafka_produce_batch into the client's queue"),
        ("delivery", "delivery reports from a queue that a thread polls"),
        ("when full", "refuses the record: ERR__QUEUE_FULL"),
        ("codecs", "none gzip snappy lz4 zstd"),
        ("idempotence", "off unless asked for"),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .to_vec()
}

/// Makes and primes the clients, says *ready*, and starts a run for each.
fn prepared(arm: &Arm, tell: &Sender<Heard>) -> Result<BTreeMap<u32, Run<MonotonicClock>>, Failure> {
    let nonsense = |what: &str| (FAILED, format!("told nonsense: {what}"));
    if let Some((name, _)) = arm.options.first() {
        return Err((CONFIGURATION, format!("librdkafka-child has no option driver.{name}")));
    }
    let trial = trial(arm).ok_or_else(|| nonsense("the schedule or the ways of sending"))?;
    let properties: ResolvedProperties = arm.properties.iter().cloned().collect();
    let unreadable = |path: &str, error: std::io::Error| (FAILED, format!("{path}: {error}"));
    let pool = read_bodies(Path::new(&arm.bodies)).map_err(|error| unreadable(&arm.bodies, error))?;
    let pool = Arc::new(pool.ok_or_else(|| nonsense("the payload pool"))?);
    let made: Vec<_> = std::thread::scope(|scope| {
        let (trial, properties) = (&trial, &properties);
        let threads: Vec<_> = (arm.producers.iter())
            .map(|producer| {
                let name = Name {
                    index: producer.index,
                    client_id: producer.client_id.clone(),
                    topic: producer.topic.clone(),
                };
                let pool = pool.clone();
                scope.spawn(move || prepare::producer(trial, &arm.bootstrap, properties, pool, name))
            })
            .collect();
        let made = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        made.map(|made| made.expect("invariant: making a client does not panic"))
            .collect()
    });
    let (mut ready, mut workers) = (Ready::default(), Vec::new());
    for made in made {
        let (worker, facts, primed) = made.map_err(|refusal| match refusal.kind {
            RefusalKind::ClusterUnreachable => (UNREACHABLE, refusal.reason),
            _ => (CONFIGURATION, refusal.reason),
        })?;
        let of_partition = |partition: &tribunal_kafka::PrimedPartition| {
            let known = partition.offsets.len() as u64;
            let blind = std::iter::repeat_n(-1, partition.written.saturating_sub(known) as usize);
            let offsets = partition.offsets.iter().copied().chain(blind);
            offsets.map(|offset| (partition.partition, offset)).collect::<Vec<_>>()
        };
        ready.producers.push(messages::Primed {
            index: facts.producer,
            primed: primed.partitions.iter().flat_map(of_partition).collect(),
            scheduled: facts.scheduled,
            schedule_sha256: facts.schedule_sha256,
            configuration: (facts.configuration.iter())
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
        });
        workers.push(worker);
    }
    let mut given = Vec::new();
    for producer in &arm.producers {
        let keys = match &producer.keys {
            Some(path) => read_keys(Path::new(path)).map_err(|error| unreadable(path, error))?,
            None => KeyStream::listed([]),
        };
        given.push(Given {
            index: producer.index,
            keys,
            first_body: producer.first_body % pool.len(),
        });
    }
    let mut setup = Setup::of(&trial, pool, host::cores());
    setup.given = given;
    let runs = workers.into_iter().map(|worker| {
        let (index, tell) = (worker.index, tell.clone());
        let tell = move |event| {
            // Whoever conducts listens to the end.
            let _ = tell.send(Heard::Event(index, event));
        };
        (
            index,
            Run::start(vec![worker], &setup, &MonotonicClock, Cpu::default, tell),
        )
    });
    let runs = runs.collect();
    say(&Said::Ready(Box::new(ready)));
    Ok(runs)
}

/// The trial that *arm* describes; nothing where it says what there is not.
fn trial(arm: &Arm) -> Option<Trial> {
    let schedule = arm.schedule.as_ref();
    let (rate, profile) = match schedule {
        Some(schedule) => {
            let (rate, profile) = parse(&schedule.shape)?;
            (Rate::Paced(rate), profile)
        }
        None => (Rate::Saturate, None),
    };
    let nanoseconds = |ns: i64| u64::try_from(ns).map(Duration::from_nanos).ok();
    let mut trial = alone::trial(Windows {
        warm_up: nanoseconds(arm.warm_up_ns)?,
        measure: nanoseconds(arm.measure_ns)?,
        drain: nanoseconds(arm.drain_ns)?,
    });
    trial.settle = nanoseconds(arm.settle_ns)?;
    trial.topic.partitions = arm.partitions;
    if arm.offsets {
        trial.audit = AuditLevel::Offsets;
    }
    let load = &mut trial.load;
    (load.rate, load.profile) = (rate, profile);
    load.record.headers.clone_from(&arm.headers);
    load.partitioner = match arm.partitioner.as_str() {
        "native" => Partitioner::Native,
        "assigned" => Partitioner::Assigned,
        _ => return None,
    };
    load.when_full = match arm.when_full.as_str() {
        "hold" => WhenFull::Hold,
        "shed" => WhenFull::Shed,
        _ => return None,
    };
    if let Some(schedule) = schedule {
        load.arrivals = match schedule.arrivals.as_str() {
            "uniform" => Arrivals::Uniform,
            "poisson" => Arrivals::Poisson,
            _ => return None,
        };
        (load.seed, load.producers) = (schedule.seed, schedule.producers);
        trial.block = schedule.block;
    }
    Some(trial)
}

/// Passes orders on and tells what the runs say, until the agent has parted or gone.
fn conduct(runs: &BTreeMap<u32, Run<MonotonicClock>>, inbox: &Receiver<Heard>) -> Result<(), Failure> {
    let all = |tell: &dyn Fn(&Run<MonotonicClock>)| runs.values().for_each(tell);
    let (mut reports, mut gone) = (0, false);
    let mut tellers: BTreeMap<u32, Teller> = BTreeMap::new();
    while !(gone && reports == runs.len()) {
        let Ok(heard) = inbox.recv() else { break };
        match heard {
            Heard::Event(producer, event) => {
                let teller = tellers.entry(producer).or_insert_with(|| Teller::new(producer));
                let Some(said) = teller.words(event) else { continue };
                reports += usize::from(matches!(said, Said::Report(_)));
                say(&said);
            }
            Heard::Gone => {
                gone = true;
                all(&|run| run.give_up("the agent has gone"));
            }
            Heard::Order(Err(error)) => return Err((FAILED, format!("told nonsense: {error}"))),
            Heard::Order(Ok(order)) => match order {
                Order::Go { t0_ns } => {
                    if !runs.values().all(|run| run.arm(1, t0_ns, LEASE) && run.go(1)) {
                        say(&Said::NotStarted {});
                    }
                }
                Order::Window { t1_ns } => all(&|run| {
                    run.open_window(t1_ns);
                }),
                Order::EndLoad {} => all(&Run::end_load),
                Order::Stop { reason } => all(&|run| run.give_up(&reason)),
                Order::Bye {} => break,
                Order::Arm(_) => return Err((FAILED, "told to arm twice".to_owned())),
            },
        }
    }
    Ok(())
}
