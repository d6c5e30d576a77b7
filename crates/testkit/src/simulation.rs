//! One producer's sender and recorder on a virtual clock.

use tribunal_engine::grid::{Grid, ReportsEnd, Slice};
use tribunal_engine::keys::KeyStream;
use tribunal_engine::producer::Control;
use tribunal_engine::recorder::Recorder;
use tribunal_engine::schedule::Place;
use tribunal_engine::sender::{Content, Next, Sender, Source};
use tribunal_model::trial::{Keys, WhenFull, Windows};
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
}

/// A simulated attempt.
#[derive(Debug)]
pub struct Simulation {
    /// The lengths of its parts.
    pub windows: Windows,
    /// Where intended sends come from.
    pub source: Source,
    /// What happens to refused records.
    pub when_full: WhenFull,
    /// Spells `[from, to)` in which the sender's thread does not get to run.
    pub stalls: Vec<(i64, i64)>,
    /// Ends the load as soon as the window is resolved.
    pub end_when_resolved: bool,
}

impl Simulation {
    /// Runs to the end, without any real time passing.
    pub fn run(self, client: &Scripted) -> Outcome {
        let grid = Grid::new(&self.windows);
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
        let mut sender = Sender::new(client.clone(), self.source, content, self.windows, self.when_full);
        let mut recorder = Recorder::new(self.windows, 1);
        let mut slices = Vec::new();
        let (mut edge, mut sender_at) = (grid.edge_after(0), 0);
        let deadline = self.windows.deadline_ns();
        let held = |at: i64| {
            self.stalls
                .iter()
                .find(|(from, to)| (*from..*to).contains(&at))
                .map_or(at, |(_, to)| *to)
        };
        let mut waits_for_room = false;
        let mut now = 0;
        while now < deadline {
            let delivery = client.next_delivery().unwrap_or(i64::MAX);
            let wakes = held(if waits_for_room {
                delivery.max(sender_at)
            } else {
                sender_at
            });
            now = delivery.min(wakes).min(edge).min(deadline);
            if now >= edge {
                slices.push(sender.cut(now));
                slices.push(recorder.cut(now));
                edge = grid.edge_after(now);
            }
            let mut delivered = false;
            client.deliver(now, |d| {
                delivered = true;
                recorder.record(now, &d);
            });
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
        while let Some(at) = client
            .next_delivery()
            .filter(|at| *at < deadline.max(now + 5_000_000_000))
        {
            now = at.max(now);
            client.deliver(now, |d| recorder.record(now, &d));
        }
        now = now.max(deadline);
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
            if (self.windows.t1_ns()..self.windows.t2_ns()).contains(&slice.start_ns) {
                window.add(&slice.activity);
            }
        }
        Outcome {
            tallies,
            slices,
            window,
            reports,
            dropped: sender.dropped(),
        }
    }
}
