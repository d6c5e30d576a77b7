//! The two threads of one producer, and what an attempt's threads share.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering, fence};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use tribunal_model::trial::{Part, Windows, nanoseconds};

use crate::clock::{Clock, run_queue_ns, sleep_precisely, thread_cpu_ns};
use crate::collector::Message;
use crate::gate::{Gate, Passed};
use crate::grid::{Grid, ReportsEnd, SenderEnd};
use crate::lag::ReportLag;
use crate::live::Live;
use crate::pacer::Pacer;
use crate::parts::Parts;
use crate::producer::{Control, Polled, Producer, Reports};
use crate::recorder::Recorder;
use crate::sender::{BATCH, Next, Sender};

/// How often a waiting thread looks at what it shares with others.
const LOOK: i64 = 20_000_000;
/// How long a purge may take to bring the last delivery reports.
const PURGE_WAIT: i64 = 10_000_000_000;
/// How long the report thread waits for the client's last statistics once every record is resolved.
const STATISTICS_WAIT: i64 = 1_200_000_000;
/// What the threads of an attempt share. Atomics are touched once per batch, never per record.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) parts: Parts,
    /// The load is to end: cool-down is over, or the attempt was given up.
    pub(crate) end_load: AtomicBool,
    /// The attempt was given up: purge at once.
    pub(crate) give_up: AtomicBool,
    pub(crate) why: Mutex<Option<String>>,
    /// End of the lease on the lease clock.
    pub(crate) lease_until: AtomicI64,
    /// Producers with records of the window that are not resolved.
    pub(crate) windows_open: AtomicU32,
}

impl Shared {
    /// Why the attempt was given up, if it was.
    pub(crate) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn give_up(&self, reason: &str) {
        self.why
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| reason.to_owned());
        self.give_up.store(true, Ordering::Release);
        self.end_load.store(true, Ordering::Release);
        self.gate.close();
    }

    /// Whether the load is to end.
    pub(crate) fn ending(&self) -> bool {
        self.end_load.load(Ordering::Acquire)
    }

    /// Announces t1 at `now`, both from t0. Whether it was accepted.
    pub(crate) fn open_window(&self, t1: i64, now: impl Fn() -> i64) -> bool {
        if !self.parts.announce(t1, now()) {
            return false;
        }
        if now() < t1 {
            return true;
        }
        // Held up between looking at the clock and announcing: a load thread may have gone past t1 without knowing.
        self.give_up("the announced beginning of the window had passed when it was announced");
        false
    }

    /// Checked by both load threads, so that no load outlives the lease, whatever the session is doing.
    fn check_lease(&self, clock: &impl Clock) {
        if clock.lease_ns() > self.lease_until.load(Ordering::Acquire) && !self.give_up.load(Ordering::Acquire) {
            self.give_up("the lease ended without a renewal from the coordinator");
        }
    }
}

/// What the two threads of one producer share.
#[derive(Debug, Default)]
pub(crate) struct Pair {
    /// Records that the client took, by part.
    sent: [AtomicU64; 3],
    /// Reports so far, by part.
    reported: [AtomicU64; 3],
    /// The sender has ended: `sent` is final.
    sender_ended: AtomicBool,
    /// When it did, from t0.
    load_end: AtomicI64,
    /// The sender waits until there have been so many reports; 0 when it does not wait.
    room_at: AtomicU64,
    sender: OnceLock<Thread>,
    /// For those who watch.
    pub(crate) live: Arc<Live>,
}

/// What both threads of a producer hold.
#[derive(Clone, Debug)]
pub(crate) struct Common<C> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pair: Arc<Pair>,
    pub(crate) clock: C,
    pub(crate) slot: usize,
    pub(crate) outbox: SyncSender<Message>,
}

impl<C: Clock> Common<C> {
    /// The collector ends only after all senders of its channel, so it cannot be gone while a thread still speaks.
    pub(crate) fn tell(&self, message: Message) {
        let _ = self.outbox.send(message);
    }

    pub(crate) fn pass_gate(&self) -> Option<i64> {
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

/// A thread's own view of the trial's parts.
struct View {
    windows: Windows,
    grid: Grid,
    announced: bool,
}

impl View {
    fn new(shared: &Shared) -> Self {
        let announced = shared.parts.announced().is_some();
        let windows = shared.parts.windows();
        Self {
            windows,
            grid: Grid::new(&windows),
            announced,
        }
    }

    /// Looks whether the window's beginning has been announced; true once. To be called after the clock has been read and
    /// before anything is booked.
    fn announced(&mut self, shared: &Shared) -> bool {
        let news = !self.announced && shared.parts.announced().is_some();
        if news {
            *self = Self::new(shared);
        }
        news
    }
}

/// The sender thread: from the gate to the end of the load.
pub(crate) fn send<P: Producer, C: Clock>(common: &Common<C>, mut sender: Sender<P>, spin: bool) {
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
        let (mut view, pacer) = (View::new(shared), Pacer::new(spin));
        let waited = run_queue_ns();
        end.start_error_ns = clock.now_ns() - t0;
        let mut edge = view.grid.edge_after(0);
        let mut window_open = true;
        loop {
            let now = clock.now_ns() - t0;
            shared.check_lease(clock);
            if view.announced(shared) && !sender.open_window(view.windows) {
                shared.give_up("an intended send of the window was drawn before the window was announced");
            }
            if shared.ending() || now >= view.windows.deadline_ns() {
                break;
            }
            if now >= edge {
                let slice = sender.cut(now);
                edge = view.grid.edge_after(now);
                let (upto, cpu_ns) = (view.grid.edge_before(now), thread_cpu_ns());
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
            pair.live.sender.publish(&sender.fates());
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
        end.first = sender.first();
        end.run_queue_ns = run_queue_ns().saturating_sub(waited);
        pair.live.sender.publish(&sender.fates());
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

/// The report thread: from the gate to the last delivery report, or to the end of waiting for it.
pub(crate) fn report<R: Reports, C: Clock>(
    common: &Common<C>,
    mut reports: R,
    mut recorder: Recorder,
    control: &dyn Control,
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
            end: Box::new(recorder.finish(0, [0; 3])),
        });
        return;
    };
    let mut view = View::new(shared);
    let mut edge = view.grid.edge_after(0);
    let mut lag = ReportLag::default();
    let mut purged_at = None;
    let mut resolved_at = None;
    loop {
        let before = clock.now_ns() - t0;
        lag.handled(before, view.windows.t1_ns(), view.windows.t2_ns());
        let polled = reports.poll(Duration::from_nanos((edge - before).clamp(0, LOOK) as u64));
        let now = clock.now_ns() - t0;
        if view.announced(shared) {
            recorder.open_window(view.windows);
        }
        if now >= edge {
            let slice = recorder.cut(now);
            edge = view.grid.edge_after(now);
            let (upto, cpu_ns) = (view.grid.edge_before(now), thread_cpu_ns());
            common.tell(Message::Reported {
                slot: *slot,
                slice: Box::new(slice),
                upto,
                cpu_ns,
            });
        }
        let (mut statistics, mut taken) = (false, 0);
        match polled {
            Polled::Nothing => {}
            Polled::Deliveries => {
                reports.take(|delivery| {
                    taken += u64::from(delivery.records);
                    recorder.record(now, &delivery);
                });
                for (shared, reported) in pair.reported.iter().zip(recorder.reported()) {
                    shared.store(reported, Ordering::Release);
                }
                pair.live.reports.publish(&recorder.fates());
                pair.make_room();
            }
            Polled::Statistics(raw) => {
                statistics = true;
                common.tell(Message::Statistics {
                    slot: *slot,
                    raw,
                    at: now,
                });
            }
            Polled::Error(code, text) => recorder.error(code.0, text),
            Polled::Log(line) => tracing::warn!(client = slot, "{line}"),
        }
        lag.polled(before, now, taken);
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
        let least = nanoseconds(Windows::LEAST_WAIT);
        let wait_until = view.windows.deadline_ns().max(load_end + least);
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
    let sent = pair.sent.each_ref().map(|sent| sent.load(Ordering::Acquire));
    let end = Box::new(ReportsEnd {
        lag,
        ..recorder.finish(now, sent)
    });
    pair.live.reports.publish(&recorder.fates());
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
    /// Records that the client took so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.sent.iter().map(|sent| sent.load(Ordering::Relaxed)).sum()
    }

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

    /// Parks until the client has room for a batch, or for a sixteenth of what it holds if that is less: `seen` reports had
    /// come when it was full. Looks again from time to time all the same.
    fn wait_for_room(&self, seen: u64) {
        let held = self.accepted().saturating_sub(seen);
        let room_at = seen + (held / 16).clamp(1, BATCH as u64);
        self.room_at.store(room_at, Ordering::SeqCst);
        if self.reported_total() < room_at {
            std::thread::park_timeout(Duration::from_nanos(LOOK as u64));
        }
        self.room_at.store(0, Ordering::SeqCst);
    }

    fn make_room(&self) {
        // Either this sees that the sender waits, or the sender sees the reports.
        fence(Ordering::SeqCst);
        let room_at = self.room_at.load(Ordering::SeqCst);
        if room_at != 0
            && room_at <= self.reported_total()
            && self.room_at.swap(0, Ordering::SeqCst) != 0
            && let Some(sender) = self.sender.get()
        {
            sender.unpark();
        }
    }
}
