//! The sender of one producer: takes what is due from the schedule and offers it to the client.
//!
//! A sender is stepped: [`Sender::step`] does all that is to be done at one instant and says when it wants to be stepped
//! next. The thread around it only sleeps; a test steps it on a clock of its own.

use tribunal_model::trial::{Part, WhenFull, Windows};
use tribunal_stats::facts::FirstSend;
use tribunal_stats::{Fates, Tally};

use crate::grid::{Grid, Slice};
use crate::keys::KeyStream;
use crate::producer::{Due, ErrorCode, Producer};
use crate::schedule::Schedule;

/// Records offered at once. A batch is filled and offered within about 100 µs.
pub(crate) const BATCH: usize = 1000;
/// A send later than this is *late*.
const LATE_NS: i64 = 1_000_000;

/// Where a producer's intended sends come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Open loop.
    Paced(Schedule),
    /// Closed loop: a record is intended when the client can take it.
    Saturate,
}

/// What a sender sends, apart from when.
#[derive(Clone, Debug)]
pub struct Content {
    /// The records' keys.
    pub keys: KeyStream,
    /// Bodies in the payload pool.
    pub bodies: u32,
    /// The body of this producer's first record.
    pub first_body: u32,
    /// Partitions of the topic, where the schedule assigns them.
    pub assigned_partitions: Option<i32>,
}

/// When a sender wants to be stepped next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At this instant from t0.
    At(i64),
    /// When the client has room again.
    Room,
}

/// The load of one producer.
///
/// It owns the schedule, the batch that is due and the producer handle; nothing else touches them. It allocates
/// nothing per record.
#[derive(Debug)]
pub struct Sender<P> {
    producer: P,
    source: Source,
    content: Content,
    windows: Windows,
    when_full: WhenFull,
    grid: Grid,
    batch: Vec<Due>,
    /// Records of `batch` before this one are dealt with.
    position: usize,
    rejected: Vec<(usize, ErrorCode)>,
    drawn: u64,
    /// The body of the next record.
    body: u32,
    /// The latest intended send drawn so far.
    drawn_until: i64,
    blocked: BlockedTime,
    /// The latest offer, if it was refused and the rest was shed.
    refused: Option<i64>,
    slice: Slice,
    /// Fates of the slices that were handed over.
    before: Fates,
    /// Records that the client took, by part.
    sent: [u64; 3],
    dropped: [u64; 2],
    first: Option<FirstSend>,
    ended: bool,
}

impl<P: Producer> Sender<P> {
    /// A sender before its first step.
    pub fn new(producer: P, source: Source, content: Content, windows: Windows, when_full: WhenFull) -> Self {
        let body = content.first_body % content.bodies.max(1);
        Self {
            producer,
            source,
            content,
            windows,
            when_full,
            grid: Grid::new(&windows),
            batch: Vec::with_capacity(BATCH),
            position: 0,
            rejected: Vec::with_capacity(BATCH),
            drawn: 0,
            body,
            drawn_until: -1,
            blocked: BlockedTime::default(),
            refused: None,
            slice: Slice::default(),
            before: Fates::default(),
            sent: [0; 3],
            dropped: [0; 2],
            first: None,
            ended: false,
        }
    }

    /// The window begins at another instant than was thought. False when an intended send at or past it has been drawn
    /// already: then that has been booked to the wrong part, and the attempt must not count.
    #[must_use]
    pub fn open_window(&mut self, windows: Windows) -> bool {
        self.windows = windows;
        self.grid = Grid::new(&windows);
        self.drawn_until < windows.t1_ns()
    }

    /// Sends what is due at `now`.
    pub fn step(&mut self, now: i64) -> Next {
        self.draw(now);
        if self.position == self.batch.len() {
            return Next::At(self.next_intended());
        }
        let offered = self
            .producer
            .offer(&self.batch[self.position..], now, &mut self.rejected);
        self.account(offered.handled, now);
        self.position += offered.handled;
        let sheds = self.when_full == WhenFull::Shed && matches!(self.source, Source::Paced(_));
        if !offered.full {
            self.blocked.end(now);
            self.refused = None;
            return Next::At(now);
        }
        self.slice.activity.queue_full += 1;
        if sheds {
            // Nothing waits, so the client is known to be full only from one refusal to the next: through a pause of the
            // schedule it may have had room, and a late send after it would be ours.
            if let Some(before) = self.refused.replace(now) {
                self.blocked.begin(before);
                self.blocked.end(now);
            }
            self.shed(now);
            return Next::At(self.next_intended().max(now + 1));
        }
        self.blocked.begin(now);
        Next::Room
    }

    /// Ends the load at `now`: what the client has not taken of the window, or of what was due, is unsent.
    pub fn end(&mut self, now: i64) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.blocked.end(now);
        let left = self.batch.split_off(self.position.min(self.batch.len()));
        if matches!(self.source, Source::Paced(_)) {
            for due in left {
                self.unsent(due.intended_ns, due.part, now);
            }
        }
        let until = now.max(self.windows.t2_ns());
        if let Source::Paced(mut schedule) = std::mem::replace(&mut self.source, Source::Saturate) {
            while schedule.peek() < until {
                let intended = schedule.take();
                let part = self.windows.part(intended);
                self.slice.tallies.of(part).fates.scheduled += 1;
                self.unsent(intended, part, now);
            }
        }
    }

    /// Hands over what was done since the edge before `now`, and begins a new slice.
    pub fn cut(&mut self, now: i64) -> Slice {
        self.slice.activity.blocked_ns += self.blocked.take(now) as u64;
        self.before = self.fates();
        let next = Slice {
            start_ns: self.grid.edge_before(now),
            ..Slice::default()
        };
        std::mem::replace(&mut self.slice, next)
    }

    /// Adds time spent spinning to the present slice.
    pub fn spun(&mut self, nanoseconds: u64) {
        self.slice.activity.spin_ns += nanoseconds;
    }

    /// Whether every intended send of the window has been dealt with at `now`.
    pub fn window_sent(&self, now: i64) -> bool {
        let t2 = self.windows.t2_ns();
        let batch_done = self.batch[self.position.min(self.batch.len())..]
            .first()
            .is_none_or(|d| d.intended_ns >= t2);
        let source_done = match &self.source {
            Source::Paced(schedule) => schedule.peek() >= t2,
            Source::Saturate => now >= t2,
        };
        now >= t2 && batch_done && source_done
    }

    /// Fates so far, as far as a sender knows them: those of records that the client did not take.
    pub fn fates(&self) -> Fates {
        let mut fates = self.before;
        fates.add(&self.slice.tallies.fates());
        fates
    }

    /// Records that the client took, by part.
    pub fn sent(&self) -> [u64; 3] {
        self.sent
    }

    /// Records dropped or rejected by t1 and by t2.
    pub fn dropped(&self) -> [u64; 2] {
        self.dropped
    }

    /// The first record that the client took.
    pub fn first(&self) -> Option<FirstSend> {
        self.first
    }

    /// The producer, to be kept until its reports are in.
    pub fn into_producer(self) -> P {
        self.producer
    }

    fn next_intended(&self) -> i64 {
        match &self.source {
            Source::Paced(schedule) => schedule.peek(),
            Source::Saturate => 0,
        }
    }

    fn draw(&mut self, now: i64) {
        if self.position < self.batch.len() {
            if matches!(self.source, Source::Saturate) {
                // Closed loop: what was refused was not intended before there is room.
                let part = self.windows.part(now);
                for due in &mut self.batch[self.position..] {
                    (due.intended_ns, due.part) = (now, part);
                }
                self.drawn_until = now;
            }
            return;
        }
        self.batch.clear();
        self.position = 0;
        while self.batch.len() < BATCH {
            let intended_ns = match &mut self.source {
                Source::Paced(schedule) if schedule.peek() <= now => schedule.take(),
                Source::Paced(_) => break,
                Source::Saturate => now,
            };
            let sequence = self.drawn;
            self.drawn += 1;
            let payload = self.body;
            self.body = if payload + 1 == self.content.bodies {
                0
            } else {
                payload + 1
            };
            self.batch.push(Due {
                intended_ns,
                part: self.windows.part(intended_ns),
                sequence,
                payload,
                key: self.content.keys.take(),
                partition: self
                    .content
                    .assigned_partitions
                    .map(|n| (sequence % n.max(1) as u64) as i32),
            });
        }
        self.drawn_until = self.batch.last().map_or(self.drawn_until, |due| due.intended_ns);
        if matches!(self.source, Source::Paced(_)) {
            for (part, scheduled) in runs(&self.batch) {
                self.slice.tallies.of(part).fates.scheduled += scheduled;
            }
        }
    }

    /// Books the first `handled` records of what was offered: taken, but for the rejected ones.
    fn account(&mut self, handled: usize, now: i64) {
        let offered = &self.batch[self.position..self.position + handled];
        if self.first.is_none() && self.rejected.len() < handled {
            let taken = |index: &usize| !self.rejected.iter().any(|(rejected, _)| rejected == index);
            self.first = (0..handled).find(taken).map(|index| FirstSend {
                intended_ns: offered[index].intended_ns,
                accepted_ns: now,
            });
        }
        for (part, count) in runs(offered) {
            self.sent[part.index()] += count;
            if matches!(self.source, Source::Saturate) {
                let tally = self.slice.tallies.of(part);
                tally.fates.scheduled += count;
                tally.send_lag.record_many_ns(0, count);
                tally.schedule_delay.record_many_ns(0, count);
            }
        }
        if matches!(self.source, Source::Paced(_)) {
            for run in offered.chunk_by(|a, b| a.part == b.part) {
                let tally = self.slice.tallies.of(run[0].part);
                for due in run {
                    let lag = now - due.intended_ns;
                    let delay = lag - self.blocked.since(due.intended_ns, now);
                    tally.send_lag.record_ns(lag);
                    tally.schedule_delay.record_ns(delay);
                    tally.late_sends += u64::from(delay > LATE_NS);
                }
            }
        }
        for (index, code) in self.rejected.drain(..) {
            let due = self.batch[self.position + index];
            self.sent[due.part.index()] -= 1;
            count_dropped(&mut self.dropped, &self.windows, now, 1);
            let tally = self.slice.tallies.of(due.part);
            tally.fates.not_written += 1;
            record_failure(tally, code, now - due.intended_ns, 1);
        }
    }

    fn shed(&mut self, now: i64) {
        for (part, count) in runs(&self.batch[self.position..]) {
            self.slice.tallies.of(part).fates.shed += count;
            count_dropped(&mut self.dropped, &self.windows, now, count);
        }
        self.position = self.batch.len();
    }

    fn unsent(&mut self, intended_ns: i64, part: Part, now: i64) {
        let tally = self.slice.tallies.of(part);
        tally.fates.unsent += 1;
        tally.censored.record_ns(now - intended_ns);
    }
}

/// Records failed records in the distribution of their error.
pub(crate) fn record_failure(tally: &mut Tally, code: ErrorCode, response_ns: i64, records: u64) {
    if let Some(distribution) = tally.failed.get_mut(code.0) {
        distribution.record_many_ns(response_ns, records);
    } else {
        tally
            .failed
            .entry(code.0.to_owned())
            .or_default()
            .record_many_ns(response_ns, records);
    }
}

fn count_dropped(dropped: &mut [u64; 2], windows: &Windows, now: i64, count: u64) {
    dropped[0] += if now < windows.t1_ns() { count } else { 0 };
    dropped[1] += if now < windows.t2_ns() { count } else { 0 };
}

/// Parts of a batch with the number of its records in each; intended sends ascend, so parts do.
fn runs(batch: &[Due]) -> impl Iterator<Item = (Part, u64)> + '_ {
    batch
        .chunk_by(|a, b| a.part == b.part)
        .map(|run| (run[0].part, run.len() as u64))
}

/// The time in which the client was refusing records, so that it can be told apart from our own lateness.
///
/// Intended sends are asked for in ascending order, which keeps every question cheap: spells that ended before the
/// oldest intended send still open are forgotten.
#[derive(Debug, Default)]
struct BlockedTime {
    /// Finished spells: begin, end, and the blocked time of all finished spells up to its end.
    spells: std::collections::VecDeque<(i64, i64, i64)>,
    began: Option<i64>,
    total: i64,
    /// Up to where the total has been handed over.
    told: i64,
}

impl BlockedTime {
    fn begin(&mut self, now: i64) {
        self.began.get_or_insert(now);
    }

    fn end(&mut self, now: i64) {
        if let Some(began) = self.began.take() {
            self.total += now - began;
            match self.spells.back_mut() {
                Some((_, end, up_to_end)) if *end == began => (*end, *up_to_end) = (now, self.total),
                _ => self.spells.push_back((began, now, self.total)),
            }
        }
    }

    /// Blocked time within `[from, now]`; `from` never falls from one call to the next.
    fn since(&mut self, from: i64, now: i64) -> i64 {
        while self.spells.front().is_some_and(|(_, end, _)| *end <= from) {
            self.spells.pop_front();
        }
        let finished = match self.spells.front() {
            Some((began, end, up_to_end)) => self.total - up_to_end + end - from.max(*began),
            None => 0,
        };
        finished + self.began.map_or(0, |began| now - from.max(began))
    }

    /// Blocked time not yet handed over.
    fn take(&mut self, now: i64) -> i64 {
        let so_far = self.total + self.began.map_or(0, |began| now - began);
        so_far - std::mem::replace(&mut self.told, so_far)
    }
}

#[cfg(test)]
mod tests;
