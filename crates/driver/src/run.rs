//! One attempt whose producers are driven by child processes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tribunal_engine::clock::{Clock, MonotonicClock, sleep_precisely};
use tribunal_engine::event::{Ended, Event};
use tribunal_engine::gate::{Gate, Passed};
use tribunal_engine::live::Live;
use tribunal_engine::parts::Parts;
use tribunal_engine::watch::Watch;
use tribunal_model::trial::{Part, Windows, nanoseconds};
use tribunal_stats::facts::Instruments;
use tribunal_stats::{Activity, Cpu, Sample};

use crate::account::{Account, Heard};
use crate::messages::{Order, Said};
use crate::process::{Driver, Fault, Voice};
use crate::spool::Spool;

/// How long a driver whose load is on may say nothing: it has a sample to tell every second.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often threads look at what they share.
const LOOK: Duration = Duration::from_millis(20);
/// The same of those that wait for what a driver says, which wakes them anyway.
const SILENCE: Duration = Duration::from_millis(100);
/// The stretch that has one look in it at what holds up the host, in nanoseconds. On a virtual machine the watch wakes a
/// processor that would sleep: each millisecond, that takes a quarter of its throughput from a client whose threads hand
/// an interpreter's lock to each other (BENCHMARKS.md); each 10 ms, nothing that could be told.
const WATCH: i64 = 10_000_000;
/// How long drivers have to purge once the attempt is given up.
const PURGE: Duration = Duration::from_millis(500);

/// A driver that is armed and primed.
#[derive(Debug)]
pub struct Armed {
    /// Its process.
    pub driver: Driver,
    /// The producers that it runs: their places in the trial, and their topics.
    pub producers: Vec<(u32, String)>,
    /// Its threads take turns: together they use one processor at most.
    pub turns: bool,
}

/// What the host tells of the processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Processor time since it was told last, by this process and the drivers'.
    pub cpu: Cpu,
    /// For how long the thread that waited most for a processor has done so, where threads take turns and none but the
    /// host makes them wait while they are runnable.
    pub waited_ns: Option<u64>,
}

/// An attempt whose drivers wait for *go* or run. The same calls as [`tribunal_engine::run::Run`] has.
///
/// Dropping it gives the attempt up and ends the processes.
#[derive(Debug)]
pub struct DriverRun {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    live: Vec<(u32, Arc<Live>)>,
    /// What the drivers read from: it lasts until they have ended.
    _spool: Spool,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    gate: Gate,
    parts: Parts,
    voices: Vec<Voice>,
    why: Mutex<Option<String>>,
    given_up: AtomicBool,
    lease_until: AtomicI64,
    /// Drivers that have not parted.
    listening: AtomicUsize,
    clock: MonotonicClock,
}

/// From the threads to the collector.
enum Message {
    NotStarted { epoch: u32 },
    Said(Said),
    Watched(Box<Instruments>),
}

impl Shared {
    fn say(&self, order: &Order) {
        self.voices.iter().for_each(|voice| voice.say(order));
    }

    fn give_up(&self, reason: &str) {
        let mut why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.get_or_insert_with(|| reason.to_owned());
        drop(why);
        self.gate.close();
        if !self.given_up.swap(true, Ordering::AcqRel) {
            self.say(&Order::Stop {
                reason: reason.to_owned(),
            });
        }
    }

    fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    fn check_lease(&self) {
        if self.clock.lease_ns() > self.lease_until.load(Ordering::Acquire) && !self.is_given_up() {
            self.give_up("the lease ended without a renewal from the coordinator");
        }
    }
}

impl DriverRun {
    /// Listens to armed drivers, which wait for *go* and read from `spool`.
    ///
    /// `probe` tells what the processes used; `tell` receives the events, on a thread of its own.
    pub fn start(
        armed: Vec<Armed>,
        spool: Spool,
        windows: Windows,
        settle: Duration,
        probe: impl FnMut() -> Used + Send + 'static,
        tell: impl FnMut(Event) + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            gate: Gate::default(),
            parts: Parts::new(windows, settle),
            voices: armed.iter().map(|armed| armed.driver.voice()).collect(),
            why: Mutex::new(None),
            given_up: AtomicBool::new(false),
            lease_until: AtomicI64::new(i64::MAX),
            listening: AtomicUsize::new(armed.len()),
            clock: MonotonicClock,
        });
        let (outbox, inbox) = channel();
        let producers = armed.iter().flat_map(|armed| &armed.producers);
        let live: Vec<_> = producers.map(|(index, _)| (*index, Arc::<Live>::default())).collect();
        let collector = Collector {
            shared: shared.clone(),
            live: live.iter().cloned().collect(),
            account: Account::new(armed.iter().flat_map(|armed| armed.producers.clone())),
            producers: armed.iter().map(|armed| armed.producers.len()).sum(),
            resolved: 0,
            window: Activity::default(),
            instruments: Instruments::default(),
            waited_ns: None,
            probe: Box::new(probe),
            tell: Box::new(tell),
        };
        let mut threads = Vec::new();
        for (slot, armed) in armed.into_iter().enumerate() {
            let (shared, outbox) = (shared.clone(), outbox.clone());
            threads.push(spawn(&format!("driver-{slot}"), move || {
                if let Err(fault) = listen(&shared, armed, &outbox) {
                    shared.give_up(&fault.to_string());
                }
                shared.listening.fetch_sub(1, Ordering::AcqRel);
            }));
        }
        let ours = shared.clone();
        threads.push(spawn("watch-0", move || watch(&ours, &outbox)));
        threads.push(spawn("collect", move || collector.run(&inbox)));
        Self {
            shared,
            threads,
            live,
            _spool: spool,
        }
    }

    /// Announces t0, an instant of the host's clock, and begins the lease. Whether it was accepted.
    pub fn arm(&self, epoch: u32, t0: i64, lease: Duration) -> bool {
        self.renew(lease);
        self.shared.gate.arm(epoch, t0, self.shared.clock.now_ns())
    }

    /// Forgets an announced instant.
    pub fn disarm(&self, epoch: u32) {
        self.shared.gate.disarm(epoch);
    }

    /// Lets the load begin at the announced instant. Whether it came in time.
    pub fn go(&self, epoch: u32) -> bool {
        let went = self.shared.gate.go(epoch, self.shared.clock.now_ns());
        if let (true, Some(t0_ns)) = (went, self.shared.gate.announced()) {
            self.shared.say(&Order::Go { t0_ns });
        }
        went
    }

    /// Lets the lease run anew from now.
    pub fn renew(&self, lease: Duration) {
        let until = self.shared.clock.lease_ns().saturating_add(nanoseconds(lease));
        self.shared.lease_until.store(until, Ordering::Release);
    }

    /// Opens the window at t1, in nanoseconds from t0. Whether it was accepted.
    pub fn open_window(&self, t1_ns: i64) -> bool {
        let Some(t0) = self.shared.gate.opened() else {
            return false;
        };
        let accepted = self.shared.parts.announce(t1_ns, self.shared.clock.now_ns() - t0);
        if accepted {
            self.shared.say(&Order::Window { t1_ns });
        }
        accepted
    }

    /// Each producer's fates so far, by its index in the trial; they move once a second.
    pub fn live(&self) -> Vec<(u32, Arc<Live>)> {
        self.live.clone()
    }

    /// Which part of the trial it is in; none before t0.
    pub fn part(&self) -> Option<Part> {
        let since = self.shared.clock.now_ns() - self.shared.gate.opened()?;
        Some(self.shared.parts.windows().part(since))
    }

    /// Ends the cool-down.
    pub fn end_load(&self) {
        self.shared.say(&Order::EndLoad {});
    }

    /// Gives the attempt up. The first reason is kept.
    pub fn give_up(&self, reason: &str) {
        self.shared.give_up(reason);
    }
}

impl Drop for DriverRun {
    fn drop(&mut self) {
        self.shared.give_up("the agent dropped the attempt");
        for thread in self.threads.drain(..) {
            // A panic has ended the attempt already.
            let _ = thread.join();
        }
    }
}

/// Listens to one driver until it has reported and parted, or is of no use any more.
fn listen(shared: &Shared, armed: Armed, outbox: &Sender<Message>) -> Result<(), Fault> {
    let Armed {
        mut driver, producers, ..
    } = armed;
    let mut reports = 0;
    let now = || shared.clock.now_ns();
    let mut heard = now();
    let mut end = None;
    loop {
        let said = driver.hear_for(SILENCE)?;
        if shared.is_given_up() {
            // It purges, and what it still says is of no use.
            let end = *end.get_or_insert_with(|| now() + nanoseconds(PURGE));
            if now() >= end {
                return Ok(());
            }
            continue;
        }
        match said {
            Some(said) => {
                heard = now();
                reports += usize::from(matches!(said, Said::Report(_)));
                if matches!(said, Said::Hello(_) | Said::Ready(_)) {
                    return Err(driver.nonsense("the same twice"));
                }
                // The collector lives as long as this thread does.
                let _ = outbox.send(Message::Said(said));
                if reports == producers.len() {
                    return driver.part();
                }
            }
            None if shared.gate.opened().is_none() => heard = now(),
            None if now() - heard > nanoseconds(PATIENCE) => return Err(driver.silent("a sample", PATIENCE)),
            None => {}
        }
    }
}

/// Waits for t0, then looks for what holds up the host, and after the lease.
fn watch(shared: &Shared, outbox: &Sender<Message>) {
    sleep_precisely();
    let passed = shared.gate.wait(&shared.clock, |epoch| {
        let _ = outbox.send(Message::NotStarted { epoch });
    });
    let Passed::Open(t0) = passed else { return };
    let mut watch = Watch::new(WATCH);
    loop {
        shared.check_lease();
        let windows = shared.parts.windows();
        let now = shared.clock.now_ns() - t0;
        if shared.is_given_up() || now >= windows.deadline_ns() {
            break;
        }
        if (windows.t1_ns()..windows.t2_ns()).contains(&now) {
            let due = watch.next(windows.t1_ns(), now);
            shared.clock.sleep_until(t0 + due);
            watch.late(shared.clock.now_ns() - t0 - due);
        } else {
            let next = now + nanoseconds(LOOK);
            let edge = if now < windows.t1_ns() {
                windows.t1_ns()
            } else {
                i64::MAX
            };
            shared.clock.sleep_until(t0 + next.min(edge));
        }
    }
    let _ = outbox.send(Message::Watched(Box::new(watch.instruments())));
    // Drivers go on until their drain is over, and the lease with them.
    while shared.listening.load(Ordering::Acquire) > 0 && !shared.is_given_up() {
        shared.check_lease();
        shared.clock.sleep_until(shared.clock.now_ns() + nanoseconds(LOOK));
    }
}

/// Owner of what the drivers have told.
struct Collector {
    shared: Arc<Shared>,
    live: BTreeMap<u32, Arc<Live>>,
    account: Account,
    producers: usize,
    /// Producers whose window is resolved.
    resolved: usize,
    window: Activity,
    instruments: Instruments,
    waited_ns: Option<u64>,
    probe: Box<dyn FnMut() -> Used + Send>,
    tell: Box<dyn FnMut(Event) + Send>,
}

impl Collector {
    /// Runs until all threads have ended.
    fn run(mut self, inbox: &Receiver<Message>) {
        while let Ok(message) = inbox.recv() {
            match message {
                Message::NotStarted { epoch } => (self.tell)(Event::NotStarted { epoch }),
                Message::Watched(instruments) => self.instruments = *instruments,
                Message::Said(said) => {
                    if let Err(problem) = self.take(said) {
                        self.shared.give_up(&problem);
                    }
                }
            }
        }
        let given_up = self.shared.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (left, mut report) = std::mem::take(&mut self.account).finish();
        self.whole(left);
        report.window = self.window;
        report.facts.start_ns = self.shared.gate.opened().unwrap_or_default();
        report.facts.instruments = std::mem::take(&mut self.instruments);
        if let Some(waited) = self.waited_ns {
            report.facts.sender_wait_ns = waited;
            report.facts.sender_time_ns = report.facts.load_end_ns.max(0) as u64;
        }
        let windows = self.shared.parts.windows();
        (self.tell)(Event::Ended(Box::new(Ended {
            report,
            windows,
            given_up,
        })));
    }

    /// Takes what a driver says. The error is why it is of no use.
    fn take(&mut self, said: Said) -> Result<(), String> {
        let whole = match said {
            Said::NotStarted {} => return Err("a driver was told to go when t0 had passed".to_owned()),
            Said::Resolved { .. } => {
                self.resolved += 1;
                if self.resolved == self.producers {
                    (self.tell)(Event::WindowResolved);
                }
                return Ok(());
            }
            Said::Sample(second) => {
                let windows = self.shared.parts.windows();
                self.account.second(&second, &windows).map(|heard| self.watched(heard))
            }
            Said::Report(report) => self.account.report(&report),
            Said::Hello(_) | Said::Ready(_) => return Ok(()),
        };
        let whole = whole.map_err(|problem| format!("a driver counted what does not add up: {problem}"))?;
        self.whole(whole);
        Ok(())
    }

    /// Tells those who watch; the samples that are whole come back.
    fn watched(&mut self, heard: Heard) -> Vec<Sample> {
        let producer = heard.watched.producer;
        if let Some(live) = self.live.get(&producer) {
            live.publish(&heard.fates);
        }
        (self.tell)(Event::Watched(Box::new(heard.watched)));
        let total = Box::new(heard.statistics);
        (self.tell)(Event::Statistics { producer, total });
        heard.whole
    }

    fn whole(&mut self, samples: Vec<Sample>) {
        for mut sample in samples {
            let used = (self.probe)();
            sample.activity.cpu = used.cpu;
            self.waited_ns = used.waited_ns.or(self.waited_ns);
            if self.shared.parts.windows().part(sample.start_ns) == Part::Window {
                self.window.add(&Activity {
                    in_flight: 0,
                    ..sample.activity
                });
            }
            (self.tell)(Event::Sample(Box::new(sample)));
        }
    }
}

/// Starts a thread whose log events are in the span of the one that starts it.
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let span = tracing::Span::current();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || span.in_scope(body))
        .expect("invariant: an agent that can start a process can start a thread")
}
