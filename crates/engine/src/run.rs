//! One attempt on one agent: the threads, what they share, and what comes out.
//!
//! Each producer has a sender thread and a report thread; a collector thread merges what they hand over at the edges of
//! the sample grid. Nothing here is async: the load does not depend on the runtime that carries the session.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use tribunal_model::trial::{Load, Part, Partitioner, Rate, Windows};
use tribunal_stats::{AgentReport, Cpu, Sample};

use crate::clock::{Clock, run_queue_ns, sleep_precisely, thread_cpu_ns};
use crate::collector::{Collector, Message};
use crate::gate::{Gate, Passed};
use crate::grid::{Grid, SenderEnd};
use crate::keys::KeyStream;
use crate::pacer::Pacer;
use crate::payload::PayloadPool;
use crate::producer::{Control, Polled, Producer, Reports, Worker};
use crate::recorder::Recorder;
use crate::schedule::{Place, Schedule};
use crate::sender::{Content, Next, Sender, Source};

/// How often a waiting thread looks at what it shares with others.
const LOOK: i64 = 20_000_000;
/// How long a purge may take to bring the last delivery reports.
const PURGE_WAIT: i64 = 10_000_000_000;
/// How long the report thread waits for the client's last statistics once every record is resolved.
const STATISTICS_WAIT: i64 = 1_200_000_000;

/// Statistics polled this early were made before the load began.
const EARLY: i64 = 100_000_000;

/// What an attempt needs besides its producers.
#[derive(Debug)]
pub struct Setup {
    /// The lengths of its parts.
    pub windows: Windows,
    /// What to send.
    pub load: Load,
    /// The block of the trial.
    pub block: u32,
    /// The record bodies, shared by the producers.
    pub pool: Arc<PayloadPool>,
    /// Processors of this host: senders spin before deadlines only while they are at most half as many.
    pub cores: u32,
}

/// What an attempt tells while it goes on.
#[derive(Debug)]
pub enum Event {
    /// The announced instant of this arming passed without *go*.
    NotStarted {
        /// Which arming.
        epoch: u32,
    },
    /// What was measured between two edges of the sample grid.
    Sample(Box<Sample>),
    /// Every record of the window has its final word.
    WindowResolved,
    /// All threads have ended.
    Ended(Box<Ended>),
}

/// How an attempt ended.
#[derive(Debug)]
pub struct Ended {
    /// What was measured.
    pub report: AgentReport,
    /// Why it was given up, if it was.
    pub given_up: Option<String>,
}

/// An attempt whose threads wait at the gate or run.
///
/// Dropping it gives the attempt up and waits for its threads.
#[derive(Debug)]
pub struct Run<C: Clock> {
    shared: Arc<Shared>,
    clock: C,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads of an attempt share. Atomics are touched once per batch, never per record.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    /// The load is to end: cool-down is over, or the attempt was given up.
    end_load: AtomicBool,
    /// The attempt was given up: purge at once.
    give_up: AtomicBool,
    why: Mutex<Option<String>>,
    /// End of the lease on the lease clock.
    lease_until: AtomicI64,
    /// Producers with records of the window that are not resolved.
    windows_open: AtomicU32,
}

/// What the two threads of one producer share.
#[derive(Debug, Default)]
struct Pair {
    /// Records that the client took, by part.
    sent: [AtomicU64; 3],
    /// Reports so far, by part.
    reported: [AtomicU64; 3],
    /// The sender has ended: `sent` is final.
    sender_ended: AtomicBool,
    /// When it did, from t0.
    load_end: AtomicI64,
    /// The sender waits for room in the client.
    wants_room: AtomicBool,
    sender: OnceLock<Thread>,
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
            end_load: AtomicBool::new(false),
            give_up: AtomicBool::new(false),
            why: Mutex::new(None),
            lease_until: AtomicI64::new(i64::MAX),
            windows_open: AtomicU32::new(count as u32),
        });
        let (outbox, inbox) = sync_channel(64 + 16 * count);
        let spin = 2 * count as u32 <= setup.cores;
        let controls = workers.iter().map(|w| w.control.clone()).collect();
        let names = workers.iter().map(|w| (w.index, w.topic.clone())).collect();
        let collector =
            Collector::<R::Statistics>::new(setup.windows, names, controls, Box::new(probe), Box::new(tell));
        let mut threads = Vec::new();
        for (slot, worker) in workers.into_iter().enumerate() {
            let place = Place {
                seed: setup.load.seed,
                block: setup.block,
                index: worker.index,
                producers: setup.load.producers,
            };
            let source = match setup.load.rate {
                Rate::Paced(rate) => Source::Paced(Schedule::new(setup.load.arrivals, rate, place)),
                Rate::Saturate => Source::Saturate,
            };
            let content = Content {
                keys: KeyStream::new(setup.load.keys, place),
                bodies: setup.pool.len(),
                first_body: (u64::from(worker.index) * u64::from(setup.pool.len()) / u64::from(place.producers.max(1)))
                    as u32,
                assigned_partitions: (setup.load.partitioner == Partitioner::Assigned).then_some(worker.partitions),
            };
            let sender = Sender::new(worker.producer, source, content, setup.windows, setup.load.when_full);
            let recorder = Recorder::new(setup.windows, worker.partitions);
            let pair = Arc::new(Pair::default());
            let thread = |name: &str| std::thread::Builder::new().name(format!("{name}-{}", worker.index));
            let common = Common {
                shared: shared.clone(),
                pair,
                clock: clock.clone(),
                slot,
                outbox: outbox.clone(),
            };
            let (ours, windows) = (common.clone(), setup.windows);
            threads.push(spawn(thread("send"), move || send(&ours, sender, windows, spin)));
            let (reports, control) = (worker.reports, worker.control);
            threads.push(spawn(thread("report"), move || {
                report(&common, reports, recorder, &*control, windows);
            }));
        }
        drop(outbox);
        let ours = shared.clone();
        let collect = move || {
            collector.run(&inbox, || {
                ours.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
            });
        };
        threads.push(spawn(std::thread::Builder::new().name("collect".into()), collect));
        Self {
            shared,
            clock: clock.clone(),
            threads,
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
        let until = self
            .clock
            .lease_ns()
            .saturating_add(tribunal_model::trial::nanoseconds(lease));
        self.shared.lease_until.store(until, Ordering::Release);
    }

    /// Ends the cool-down.
    pub fn end_load(&self) {
        self.shared.end_load.store(true, Ordering::Release);
    }

    /// Gives the attempt up: the load stops, the clients are purged. The first reason is kept.
    pub fn give_up(&self, reason: &str) {
        self.shared.give_up(reason);
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

impl Shared {
    fn give_up(&self, reason: &str) {
        self.why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| reason.to_owned());
        self.give_up.store(true, Ordering::Release);
        self.end_load.store(true, Ordering::Release);
        self.gate.close();
    }

    /// Checked by both load threads, so that no load outlives the lease, whatever the session is doing.
    fn check_lease(&self, clock: &impl Clock) {
        if clock.lease_ns() > self.lease_until.load(Ordering::Acquire) && !self.give_up.load(Ordering::Acquire) {
            self.give_up("the lease ended without a renewal from the coordinator");
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

/// What both threads of a producer hold.
#[derive(Clone)]
struct Common<C> {
    shared: Arc<Shared>,
    pair: Arc<Pair>,
    clock: C,
    slot: usize,
    outbox: SyncSender<Message>,
}

impl<C: Clock> Common<C> {
    /// The collector ends only after all senders of its channel, so it cannot be gone while a thread still speaks.
    fn tell(&self, message: Message) {
        let _ = self.outbox.send(message);
    }

    fn pass_gate(&self) -> Option<i64> {
        match self
            .shared
            .gate
            .wait(&self.clock, |epoch| self.tell(Message::NotStarted { epoch }))
        {
            Passed::Open(t0) => Some(t0),
            Passed::Closed => None,
        }
    }
}

fn send<P: Producer, C: Clock>(common: &Common<C>, mut sender: Sender<P>, windows: Windows, spin: bool) {
    let Common {
        shared,
        pair,
        clock,
        slot,
        ..
    } = common;
    let _ = pair.sender.set(std::thread::current());
    sleep_precisely();
    let mut end = SenderEnd::default();
    if let Some(t0) = common.pass_gate() {
        let (grid, pacer) = (Grid::new(&windows), Pacer::new(spin));
        let waited = run_queue_ns();
        end.start_error_ns = clock.now_ns() - t0;
        let mut edge = grid.edge_after(0);
        let mut window_open = true;
        loop {
            let now = clock.now_ns() - t0;
            shared.check_lease(clock);
            if shared.end_load.load(Ordering::Acquire) || now >= windows.deadline_ns() {
                break;
            }
            if now >= edge {
                let slice = sender.cut(now);
                edge = grid.edge_after(now);
                let (upto, cpu_ns) = (grid.edge_before(now), thread_cpu_ns());
                common.tell(Message::Sent {
                    slot: *slot,
                    slice: Box::new(slice),
                    upto,
                    cpu_ns,
                });
            }
            let seen = pair.reported_total();
            let next = sender.step(now);
            for (shared, sent) in pair.sent.iter().zip(sender.sent()) {
                shared.store(sent, Ordering::Release);
            }
            if window_open && sender.window_sent(now) && pair.resolved(Part::Window) {
                window_open = false;
                if shared.windows_open.fetch_sub(1, Ordering::AcqRel) == 1 {
                    common.tell(Message::WindowResolved);
                }
            }
            match next {
                Next::At(instant) => {
                    let until = instant.min(edge).min(now + LOOK);
                    sender.spun(pacer.wait(clock, t0, until, instant));
                }
                Next::Room => pair.wait_for_room(seen),
            }
        }
        end.load_end_ns = clock.now_ns() - t0;
        sender.end(end.load_end_ns);
        end.dropped = sender.dropped();
        end.run_queue_ns = run_queue_ns().saturating_sub(waited);
        let slice = sender.cut(end.load_end_ns);
        let cpu_ns = thread_cpu_ns();
        common.tell(Message::Sent {
            slot: *slot,
            slice: Box::new(slice),
            upto: i64::MAX,
            cpu_ns,
        });
    }
    pair.load_end.store(end.load_end_ns, Ordering::Release);
    pair.sender_ended.store(true, Ordering::Release);
    common.tell(Message::SenderEnded { slot: *slot, end });
}

fn report<R: Reports, C: Clock>(
    common: &Common<C>,
    mut reports: R,
    mut recorder: Recorder,
    control: &dyn Control,
    windows: Windows,
) {
    let Common {
        shared,
        pair,
        clock,
        slot,
        ..
    } = common;
    let Some(t0) = common.pass_gate() else {
        common.tell(Message::ReportsEnded {
            slot: *slot,
            end: recorder.finish(0, [0; 3]),
        });
        return;
    };
    let grid = Grid::new(&windows);
    let mut edge = grid.edge_after(0);
    let mut purged_at = None;
    let mut resolved_at = None;
    loop {
        let before = clock.now_ns() - t0;
        let polled = reports.poll(Duration::from_nanos((edge - before).clamp(0, LOOK) as u64));
        let now = clock.now_ns() - t0;
        if now >= edge {
            let slice = recorder.cut(now);
            edge = grid.edge_after(now);
            let (upto, cpu_ns) = (grid.edge_before(now), thread_cpu_ns());
            common.tell(Message::Reported {
                slot: *slot,
                slice: Box::new(slice),
                upto,
                cpu_ns,
            });
        }
        let mut statistics = false;
        match polled {
            Polled::Nothing => {}
            Polled::Deliveries => {
                reports.take(|delivery| recorder.record(now, &delivery));
                for (shared, reported) in pair.reported.iter().zip(recorder.reported()) {
                    shared.store(reported, Ordering::Release);
                }
                pair.make_room();
            }
            Polled::Statistics(raw) => {
                statistics = true;
                common.tell(Message::Statistics {
                    slot: *slot,
                    raw,
                    early: now < EARLY,
                });
            }
            Polled::Error(code, text) => recorder.error(code.0, text),
            Polled::Log(line) => tracing::warn!(client = slot, "{line}"),
        }
        shared.check_lease(clock);
        if !pair.sender_ended.load(Ordering::Acquire) {
            continue;
        }
        let given_up = shared.give_up.load(Ordering::Acquire);
        if Part::ALL.into_iter().all(|part| pair.resolved(part)) {
            let since = *resolved_at.get_or_insert(now);
            if statistics || given_up || purged_at.is_some() || now - since > STATISTICS_WAIT {
                break;
            }
            continue;
        }
        let load_end = pair.load_end.load(Ordering::Acquire);
        let least = tribunal_model::trial::nanoseconds(Windows::LEAST_WAIT);
        let wait_until = windows.deadline_ns().max(load_end + least);
        match purged_at {
            None if given_up || now >= wait_until => {
                recorder.purge(now);
                control.purge();
                purged_at = Some(now);
            }
            Some(at) if now - at > PURGE_WAIT => break,
            // Records that were on their way from one of the client's queues to the next escape a purge.
            Some(_) => control.purge(),
            None => {}
        }
    }
    let now = clock.now_ns() - t0;
    let end = recorder.finish(now, pair.sent.each_ref().map(|sent| sent.load(Ordering::Acquire)));
    let slice = recorder.cut(now);
    let cpu_ns = thread_cpu_ns();
    common.tell(Message::Reported {
        slot: *slot,
        slice: Box::new(slice),
        upto: i64::MAX,
        cpu_ns,
    });
    common.tell(Message::ReportsEnded { slot: *slot, end });
}

impl Pair {
    fn reported_total(&self) -> u64 {
        self.reported
            .iter()
            .map(|reported| reported.load(Ordering::Acquire))
            .sum()
    }

    /// Whether every sent record of a part has its report.
    fn resolved(&self, part: Part) -> bool {
        self.reported[part.index()].load(Ordering::Acquire) >= self.sent[part.index()].load(Ordering::Acquire)
    }

    /// Parks until a delivery report has come after `seen` of them; looks again from time to time all the same.
    fn wait_for_room(&self, seen: u64) {
        self.wants_room.store(true, Ordering::SeqCst);
        if self.reported_total() == seen {
            std::thread::park_timeout(Duration::from_nanos(LOOK as u64));
        }
        self.wants_room.store(false, Ordering::SeqCst);
    }

    fn make_room(&self) {
        if self.wants_room.swap(false, Ordering::SeqCst)
            && let Some(sender) = self.sender.get()
        {
            sender.unpark();
        }
    }
}
