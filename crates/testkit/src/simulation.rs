//! One producer's sender and recorder on a virtual clock.

use tribunal_engine::grid::{Grid, ReportsEnd, Slice};
use tribunal_engine::keys::KeyStream;
use tribunal_engine::producer::{Control, Delivery};
use tribunal_engine::recorder::Recorder;
use tribunal_engine::schedule::Place;
use tribunal_engine::sender::{Content, Next, Sender, Source};
use tribunal_engine::watch::{EVERY, Watch};
use tribunal_model::design::AuditLevel;
use tribunal_model::trial::{Keys, WhenFull, Windows, nanoseconds};
use tribunal_stats::facts::Instruments;
use tribunal_stats::{Activity, Tallies};

use crate::producer::Scripted;

/// What came out of a simulated attempt of one producer.
#[derive(Debug)]
pub struct Outcome {
    /// Fates and latencies.
    pub tallies: Tallies,
    /// The slices that they are the sum of, sender's and recorder's.
    pub slices: Vec<Slice>,
    /// What happened inside `[t1, t2)`.
    pub window: Activity,
    /// The recorder's end.
    pub reports: ReportsEnd,
    /// Records dropped or rejected by t1 and by t2.
    pub dropped: [u64; 2],
    /// The parts by which all this was measured.
    pub windows: Windows,
    /// What the watch saw.
    pub instruments: Instruments,
    /// Each delivery report before the purge, with the instant at which it came.
    pub raw: Vec<(Delivery, i64)>,
}

/// What a test does to a report on its way to the recorder, with the instant at which it comes.
pub type Tamper = Box<dyn FnMut(&mut Delivery, i64)>;

/// A simulated attempt.
pub struct Simulation {
    /// The lengths of its parts, t1 at the latest.
    pub windows: Windows,
    /// An announcement of t1: when it comes, and what it says.
    pub opens: Option<(i64, i64)>,
    /// Where intended sends come from.
    pub source: Source,
    /// What happens to refused records.
    pub when_full: WhenFull,
    /// Spells `[from, to)` in which the sender's thread does not get to run.
    pub stalls: Vec<(i64, i64)>,
    /// Ends the load as soon as the window is resolved.
    pub end_when_resolved: bool,
    /// Ends the load at t2, as it must not be: with this the tail of the window has no company.
    pub stops_at_t2: bool,
    /// A recorder that is told something else than what happened, as it must not be.
    pub tamper: Option<Tamper>,
}

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation")
            .field("windows", &self.windows)
            .finish_non_exhaustive()
    }
}

impl Simulation {
    /// An attempt without any trouble.
    pub fn new(windows: Windows, source: Source) -> Self {
        Self {
            windows,
            opens: None,
            source,
            when_full: WhenFull::Hold,
            stalls: Vec::new(),
            end_when_resolved: true,
            stops_at_t2: false,
            tamper: None,
        }
    }

    /// Runs to the end, without any real time passing.
    pub fn run(mut self, client: &Scripted) -> Outcome {
        let mut windows = self.windows;
        let mut grid = Grid::new(&windows);
        let place = Place {
            seed: 1,
            block: 0,
            index: 0,
            producers: 1,
        };
        let content = Content {
            keys: KeyStream::new(Keys::None, place),
            bodies: 8,
            first_body: 0,
            assigned_partitions: None,
        };
        let mut sender = Sender::new(client.clone(), self.source, content, windows, self.when_full);
        let mut recorder = Recorder::new(windows, 1, AuditLevel::ReadBack);
        let mut watch = Watch::new(EVERY);
        let mut look = None;
        let mut raw = Vec::new();
        let mut slices = Vec::new();
        let (mut edge, mut sender_at) = (grid.edge_after(0), 0);
        let held = |at: i64| {
            self.stalls
                .iter()
                .find(|(from, to)| (*from..*to).contains(&at))
                .map_or(at, |(_, to)| *to)
        };
        let mut waits_for_room = false;
        let mut now = 0;
        while now < windows.deadline_ns() {
            let delivery = client.next_delivery().unwrap_or(i64::MAX);
            let wakes = held(if waits_for_room {
                delivery.max(sender_at)
            } else {
                sender_at
            });
            let opens = self.opens.map_or(i64::MAX, |(at, _)| at);
            let next = delivery.min(wakes).min(edge).min(opens).min(windows.deadline_ns());
            // Between two events nothing changes, so looks in between see what there is now.
            while let at = *look.get_or_insert_with(|| watch.next(windows.t1_ns(), windows.t1_ns() - 1))
                && at < next.min(windows.t2_ns())
            {
                watch.look(at, at, client.in_flight(), sender.sent().iter().sum());
                look = Some(watch.next(windows.t1_ns(), at));
            }
            now = next;
            if let Some((_, t1)) = self.opens.take_if(|(at, _)| *at <= now) {
                windows.warm_up = std::time::Duration::from_nanos(t1 as u64);
                grid = Grid::new(&windows);
                assert!(sender.open_window(windows), "nothing of the window has been drawn");
                recorder.open_window(windows);
                look = None;
            }
            if now >= edge {
                slices.push(sender.cut(now));
                slices.push(recorder.cut(now));
                edge = grid.edge_after(now);
            }
            let mut delivered = false;
            client.deliver(now, |mut d| {
                delivered = true;
                raw.push((d, now));
                if let Some(tamper) = &mut self.tamper {
                    tamper(&mut d, now);
                }
                recorder.record(now, &d);
            });
            if self.stops_at_t2 && now >= windows.t2_ns() {
                break;
            }
            if now >= wakes || (waits_for_room && delivered && held(now) == now) {
                match sender.step(now) {
                    Next::At(at) => (sender_at, waits_for_room) = (at.max(now), false),
                    Next::Room => (sender_at, waits_for_room) = (now + 1, true),
                }
            }
            let resolved = recorder.reported()[1] >= sender.sent()[1] && sender.window_sent(now);
            if self.end_when_resolved && resolved {
                break;
            }
        }
        sender.end(now);
        let last = windows.deadline_ns().max(now + nanoseconds(Windows::LEAST_WAIT));
        while let Some(at) = client.next_delivery().filter(|at| *at < last) {
            now = at.max(now);
            client.deliver(now, |mut d| {
                raw.push((d, now));
                if let Some(tamper) = &mut self.tamper {
                    tamper(&mut d, now);
                }
                recorder.record(now, &d);
            });
        }
        now = now.max(windows.deadline_ns());
        recorder.purge(now);
        client.purge();
        client.deliver(i64::MAX, |d| recorder.record(now, &d));
        let reports = recorder.finish(now, sender.sent());
        slices.push(sender.cut(now));
        slices.push(recorder.cut(now));
        let mut tallies = Tallies::default();
        let mut window = Activity::default();
        for slice in &slices {
            tallies.merge(&slice.tallies);
            if (windows.t1_ns()..windows.t2_ns()).contains(&slice.start_ns) {
                window.add(&slice.activity);
            }
        }
        Outcome {
            tallies,
            slices,
            window,
            reports,
            dropped: sender.dropped(),
            windows,
            instruments: watch.instruments(),
            raw,
        }
    }
}
