//! The load of an attempt: clients in this process, or drivers.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tribunal_driver::{Armed, DriverRun, Programs, Used};
use tribunal_engine::clock::MonotonicClock;
use tribunal_engine::event::Event;
use tribunal_engine::live::Live;
use tribunal_engine::producer::Worker;
use tribunal_engine::run::{Run, Setup};
use tribunal_kafka::{KafkaProducer, KafkaReports};
use tribunal_model::trial::Part;
use tribunal_stats::facts::ProducerFacts;

use crate::drivers;
use crate::host::{Probe, Process};
use crate::prepare::{self, Refusal, Work};
use crate::primed::PrimedRecords;

/// A load that is ready to run.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) clients: Clients,
    pub(crate) facts: Vec<ProducerFacts>,
    /// What priming left in the logs.
    pub(crate) primed: PrimedRecords,
}

/// Clients that are made and primed.
#[derive(Debug)]
pub(crate) enum Clients {
    Own(Vec<Worker<KafkaProducer, KafkaReports>>, Box<Setup>),
    Driven(Box<drivers::Prepared>),
}

/// A load that waits for *go* or runs.
#[derive(Debug)]
pub(crate) enum Load {
    Own(Run<MonotonicClock>),
    Driven(DriverRun),
}

/// Makes and primes an attempt's clients.
pub(crate) fn prepare(work: &Work<'_>, programs: &Programs) -> Result<Prepared, Refusal> {
    if work.trial.client.client.in_process() {
        let prepare::Prepared {
            workers,
            setup,
            facts,
            primed,
        } = prepare::prepare(work)?;
        let clients = Clients::Own(workers, Box::new(setup));
        return Ok(Prepared { clients, facts, primed });
    }
    let (prepared, facts, primed) = drivers::prepare(work, programs)?;
    Ok(Prepared {
        clients: Clients::Driven(Box::new(prepared)),
        facts,
        primed,
    })
}

impl Clients {
    /// Starts the threads, which wait. `tell` receives the events; `apart` are librdkafka's threads that belong to none of
    /// these clients.
    pub(crate) fn start(self, apart: HashSet<i32>, tell: impl FnMut(Event) + Send + 'static) -> Load {
        match self {
            Clients::Own(workers, setup) => {
                let mut probe = Probe::new().without(apart);
                Load::Own(Run::start(workers, &setup, &MonotonicClock, move || probe.tell(), tell))
            }
            Clients::Driven(prepared) => {
                let drivers::Prepared {
                    armed,
                    spool,
                    windows,
                    settle,
                } = *prepared;
                let process = |armed: &Armed| Process {
                    pid: armed.driver.pid(),
                    turns: armed.turns,
                };
                let mut probe = Probe::of(armed.iter().map(process).collect()).without(apart);
                Load::Driven(DriverRun::start(
                    armed,
                    spool,
                    windows,
                    settle,
                    move || Used {
                        cpu: probe.tell(),
                        waited_ns: probe.waited_ns(),
                    },
                    tell,
                ))
            }
        }
    }
}

impl Load {
    /// Announces t0, an instant of this agent's clock, and begins the lease. Whether it was accepted.
    pub(crate) fn arm(&self, epoch: u32, t0: i64, lease: Duration) -> bool {
        match self {
            Self::Own(run) => run.arm(epoch, t0, lease),
            Self::Driven(run) => run.arm(epoch, t0, lease),
        }
    }

    /// Forgets an announced instant.
    pub(crate) fn disarm(&self, epoch: u32) {
        match self {
            Self::Own(run) => run.disarm(epoch),
            Self::Driven(run) => run.disarm(epoch),
        }
    }

    /// Lets the load begin at the announced instant. Whether it came in time.
    pub(crate) fn go(&self, epoch: u32) -> bool {
        match self {
            Self::Own(run) => run.go(epoch),
            Self::Driven(run) => run.go(epoch),
        }
    }

    /// Lets the lease run anew from now.
    pub(crate) fn renew(&self, lease: Duration) {
        match self {
            Self::Own(run) => run.renew(lease),
            Self::Driven(run) => run.renew(lease),
        }
    }

    /// Opens the window at t1, in nanoseconds from t0. Whether it was accepted.
    pub(crate) fn open_window(&self, t1_ns: i64) -> bool {
        match self {
            Self::Own(run) => run.open_window(t1_ns),
            Self::Driven(run) => run.open_window(t1_ns),
        }
    }

    /// Each producer's fates so far, by its index in the trial.
    pub(crate) fn live(&self) -> Vec<(u32, Arc<Live>)> {
        match self {
            Self::Own(run) => run.live(),
            Self::Driven(run) => run.live(),
        }
    }

    /// Which part of the trial it is in; none before t0.
    pub(crate) fn part(&self) -> Option<Part> {
        match self {
            Self::Own(run) => run.part(),
            Self::Driven(run) => run.part(),
        }
    }

    /// Ends the cool-down.
    pub(crate) fn end_load(&self) {
        match self {
            Self::Own(run) => run.end_load(),
            Self::Driven(run) => run.end_load(),
        }
    }

    /// Gives the attempt up. The first reason is kept.
    pub(crate) fn give_up(&self, reason: &str) {
        match self {
            Self::Own(run) => run.give_up(reason),
            Self::Driven(run) => run.give_up(reason),
        }
    }
}
