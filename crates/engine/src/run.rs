//! One attempt on one agent: the threads, what they share, and what comes out.
//!
//! Each producer has a sender thread and a report thread; a collector thread merges what they hand over at the edges of
//! the sample grid. Nothing here is async: the load does not depend on the runtime that carries the session.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tribunal_model::design::AuditLevel;
use tribunal_model::trial::{Load, Part, Partitioner, Trial, Windows, nanoseconds};
use tribunal_stats::{Cpu, Follower};

use crate::clock::Clock;
use crate::collector::Collector;
use crate::event::Event;
use crate::gate::Gate;
use crate::keys::KeyStream;
use crate::live::Live;
use crate::parts::Parts;
use crate::payload::PayloadPool;
use crate::producer::{Producer, Reports, Worker};
use crate::recorder::Recorder;
use crate::schedule::{Place, Schedule};
use crate::sender::{Content, Sender, Source};
use crate::threads::{Common, Pair, Shared, report, send};
use crate::watch::watch;

/// Followed records that the producers of one agent keep together: 24 bytes each.
const FOLLOWED: usize = 1 << 17;

/// What a producer sends, where it does not follow from the load and its place.
#[derive(Clone, Debug)]
pub struct Given {
    /// The producer's index in the trial.
    pub index: u32,
    /// Its keys.
    pub keys: KeyStream,
    /// The body of its first record.
    pub first_body: u32,
}

/// What an attempt needs besides its producers.
#[derive(Debug)]
pub struct Setup {
    /// The lengths of its parts.
    pub windows: Windows,
    /// How long t1 may be put off; it is then at the latest until [`Run::open_window`] says when. Zero: never.
    pub settle: Duration,
    /// Whether the offsets of acknowledged records are kept.
    pub audit: AuditLevel,
    /// Of how many records of the window the intended send is kept for consumers, as [`Trial::follow_bits`] says; none
    /// where there are no consumers.
    pub follow: Option<u32>,
    /// What to send.
    pub load: Load,
    /// The block of the trial.
    pub block: u32,
    /// The record bodies, shared by the producers.
    pub pool: Arc<PayloadPool>,
    /// Producers whose keys and bodies do not follow from the load.
    pub given: Vec<Given>,
    /// Processors of this host: senders spin before deadlines only while they are at most half as many.
    pub cores: u32,
}

impl Setup {
    /// What a trial says, on a host of `cores` processors; nothing is given beside.
    pub fn of(trial: &Trial, pool: Arc<PayloadPool>, cores: u32) -> Self {
        Self {
            windows: trial.windows,
            settle: trial.settle,
            audit: trial.audit,
            follow: trial.consumers.as_ref().map(|_| trial.follow_bits()),
            load: trial.load.clone(),
            block: trial.block,
            pool,
            given: Vec::new(),
            cores,
        }
    }
}

/// An attempt whose threads wait at the gate or run.
///
/// Dropping it gives the attempt up and waits for its threads.
#[derive(Debug)]
pub struct Run<C: Clock> {
    shared: Arc<Shared>,
    clock: C,
    threads: Vec<JoinHandle<()>>,
    live: Vec<(u32, Arc<Live>)>,
}

impl<C: Clock> Run<C> {
    /// Starts the threads of an attempt; they wait at the gate.
    ///
    /// The threads log in the caller's span. `probe` tells the processor time used since its last call; `tell` receives the events, on the collector's thread.
    pub fn start<P, R>(
        workers: Vec<Worker<P, R>>,
        setup: &Setup,
        clock: &C,
        probe: impl FnMut() -> Cpu + Send + 'static,
        tell: impl FnMut(Event) + Send + 'static,
    ) -> Self
    where
        P: Producer + 'static,
        R: Reports + 'static,
    {
        let count = workers.len();
        let shared = Arc::new(Shared {
            gate: Gate::default(),
            parts: Parts::new(setup.windows, setup.settle),
            end_load: AtomicBool::new(false),
            give_up: AtomicBool::new(false),
            why: Mutex::new(None),
            lease_until: AtomicI64::new(i64::MAX),
            windows_open: AtomicU32::new(count as u32),
        });
        let (outbox, inbox) = sync_channel(64 + 16 * count);
        let spin = 2 * count as u32 <= setup.cores;
        let latest = shared.parts.windows();
        let controls = workers.iter().map(|w| w.control.clone()).collect();
        let names = workers.iter().map(|w| (w.index, w.topic.clone())).collect();
        let collector =
            Collector::<R::Statistics>::new(shared.clone(), names, controls, Box::new(probe), Box::new(tell));
        let mut threads = Vec::new();
        let mut watched = Vec::new();
        let mut live = Vec::new();
        for (slot, worker) in workers.into_iter().enumerate() {
            let place = Place::of(&setup.load, setup.block, worker.index);
            let source = Schedule::of(&setup.load, place).map_or(Source::Saturate, Source::Paced);
            let given = setup.given.iter().find(|given| given.index == worker.index).cloned();
            let given = given.unwrap_or_else(|| Given {
                index: worker.index,
                keys: KeyStream::new(setup.load.keys, place),
                first_body: setup.pool.first_body(worker.index, place.producers),
            });
            let content = Content {
                keys: given.keys,
                bodies: setup.pool.len(),
                first_body: given.first_body,
                assigned_partitions: (setup.load.partitioner == Partitioner::Assigned).then_some(worker.partitions),
            };
            let sender = Sender::new(worker.producer, source, content, latest, setup.load.when_full);
            let follower = setup.follow.map(|bits| Follower::new(bits, FOLLOWED / count.max(1)));
            let recorder = Recorder::new(latest, worker.partitions, setup.audit).following(follower);
            let pair = Arc::new(Pair::default());
            watched.push((pair.clone(), worker.control.clone()));
            live.push((worker.index, pair.live.clone()));
            let thread = |name: &str| std::thread::Builder::new().name(format!("{name}-{}", worker.index));
            let common = Common {
                shared: shared.clone(),
                pair,
                clock: clock.clone(),
                slot,
                outbox: outbox.clone(),
            };
            let ours = common.clone();
            threads.push(spawn(thread("send"), move || send(&ours, sender, spin)));
            let (reports, control) = (worker.reports, worker.control);
            threads.push(spawn(thread("report"), move || {
                report(&common, reports, recorder, &*control);
            }));
        }
        let common = Common {
            shared: shared.clone(),
            pair: Arc::default(),
            clock: clock.clone(),
            slot: count,
            outbox,
        };
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        threads.push(spawn(thread("watch-0"), move || watch(&common, &watched)));
        threads.push(spawn(thread("collect"), move || collector.run(&inbox)));
        Self {
            shared,
            clock: clock.clone(),
            threads,
            live,
        }
    }

    /// Announces t0, an instant of this agent's clock, and begins the lease. Whether it was accepted.
    pub fn arm(&self, epoch: u32, t0: i64, lease: Duration) -> bool {
        self.renew(lease);
        self.shared.gate.arm(epoch, t0, self.clock.now_ns())
    }

    /// Forgets an announced instant.
    pub fn disarm(&self, epoch: u32) {
        self.shared.gate.disarm(epoch);
    }

    /// Lets the load begin at the announced instant. Whether it came in time.
    pub fn go(&self, epoch: u32) -> bool {
        self.shared.gate.go(epoch, self.clock.now_ns())
    }

    /// Lets the lease run anew from now.
    pub fn renew(&self, lease: Duration) {
        let until = self.clock.lease_ns().saturating_add(nanoseconds(lease));
        self.shared.lease_until.store(until, Ordering::Release);
    }

    /// Opens the window at t1, in nanoseconds from t0. Whether it was accepted: once, while the load is on and t1 may be put
    /// off, for a whole second that is at least 200 ms ahead and neither before the warm-up's end nor after the latest t1.
    pub fn open_window(&self, t1_from_t0_ns: i64) -> bool {
        match self.shared.gate.opened() {
            Some(t0) => self.shared.open_window(t1_from_t0_ns, || self.clock.now_ns() - t0),
            None => false,
        }
    }

    /// Ends the cool-down.
    pub fn end_load(&self) {
        self.shared.end_load.store(true, Ordering::Release);
    }

    /// Gives the attempt up: the load stops, the clients are purged. The first reason is kept.
    pub fn give_up(&self, reason: &str) {
        self.shared.give_up(reason);
    }

    /// Each producer's fates so far, by its index in the trial.
    pub fn live(&self) -> Vec<(u32, Arc<Live>)> {
        self.live.clone()
    }

    /// Which part of the trial it is in; none before t0.
    pub fn part(&self) -> Option<Part> {
        let since = self.clock.now_ns() - self.shared.gate.opened()?;
        Some(self.shared.parts.windows().part(since))
    }

    /// t0 on this agent's clock, once the load has begun.
    pub fn began(&self) -> Option<i64> {
        self.shared.gate.opened()
    }
}

impl<C: Clock> Drop for Run<C> {
    fn drop(&mut self) {
        self.shared.give_up("the agent dropped the attempt");
        for thread in self.threads.drain(..) {
            // A panic has ended the attempt already: the collector says so.
            let _ = thread.join();
        }
    }
}

/// Starts a thread whose log events are in the span of the one that starts it.
fn spawn(builder: std::thread::Builder, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let span = tracing::Span::current();
    builder
        .spawn(move || span.in_scope(body))
        .expect("invariant: an agent that can hold a client can start a thread")
}
