//! The recorder of one producer: turns delivery reports into fates and latencies.
//!
//! Like the sender it does nothing by itself: the report thread feeds it, and so can a test.

use std::collections::BTreeMap;

use tribunal_model::design::AuditLevel;
use tribunal_model::trial::{Part, Windows};
use tribunal_stats::{Fates, Follower, OffsetSet, PartitionCount};

use crate::grid::{Grid, ReportsEnd, Slice};
use crate::lag::ReportLag;
use crate::producer::{Delivery, Outcome};
use crate::sender::record_failure;

/// What is known of one producer's delivery reports.
///
/// It is owned by the report thread. It allocates nothing per record, but for the growth of the sets of offsets and
/// sequences.
#[derive(Debug)]
pub struct Recorder {
    windows: Windows,
    grid: Grid,
    slice: Slice,
    /// Fates of the slices that were handed over.
    before: Fates,
    /// Reports so far, by part.
    reported: [u64; 3],
    resolved: [u64; 2],
    partitions: Vec<PartitionCount>,
    unassigned: PartitionCount,
    /// One set for each partition, or none.
    offsets: Vec<OffsetSet>,
    /// Sequences of acknowledged records, where they are read back.
    sequences: Option<OffsetSet>,
    /// Intended sends of records of the window that consumers follow too.
    followed: Option<Follower>,
    purged_ns: Option<i64>,
    perhaps_after_purge: u64,
    errors: BTreeMap<(String, String), u64>,
}

/// Different client errors that are kept; more are counted under `(others)`.
const ERRORS_KEPT: usize = 32;

impl Recorder {
    /// A recorder before its first report; `audit` says whether it keeps offsets and sequences of acknowledged records.
    pub fn new(windows: Windows, partitions: i32, audit: AuditLevel) -> Self {
        let partitions = partitions.max(0) as usize;
        let kept = if audit.keeps_offsets() { partitions } else { 0 };
        Self {
            windows,
            grid: Grid::new(&windows),
            slice: Slice::default(),
            before: Fates::default(),
            reported: [0; 3],
            resolved: [0; 2],
            partitions: vec![PartitionCount::default(); partitions],
            unassigned: PartitionCount::default(),
            offsets: vec![OffsetSet::new(); kept],
            sequences: (audit == AuditLevel::ReadBack).then(OffsetSet::new),
            followed: None,
            purged_ns: None,
            perhaps_after_purge: 0,
            errors: BTreeMap::new(),
        }
    }

    /// The same, keeping the intended sends of followed records as well.
    #[must_use]
    pub fn following(mut self, follower: Option<Follower>) -> Self {
        self.followed = follower;
        self
    }

    /// The window begins at another instant than was thought, which is still to come.
    pub fn open_window(&mut self, windows: Windows) {
        self.windows = windows;
        self.grid = Grid::new(&windows);
    }

    /// Records delivery reports that arrived at `now`, from t0.
    pub fn record(&mut self, now: i64, delivery: &Delivery) {
        let records = u64::from(delivery.records);
        self.reported[delivery.part.index()] += records;
        let partition = match self.partitions.get_mut(delivery.partition as usize) {
            Some(partition) if delivery.partition >= 0 => partition,
            _ => &mut self.unassigned,
        };
        let tally = self.slice.tallies.of(delivery.part);
        if let Some(purged) = self.purged_ns {
            // Whatever the client says after the purge came too late; it only bounds the audit's surplus.
            tally.fates.unresolved += records;
            tally.censored.record_many_ns(purged - delivery.intended_ns, records);
            if !matches!(delivery.outcome, Outcome::NotWritten(_)) {
                partition.perhaps += records;
                self.perhaps_after_purge += records;
            }
            return;
        }
        self.resolved[0] += if now < self.windows.t1_ns() { records } else { 0 };
        self.resolved[1] += if now < self.windows.t2_ns() { records } else { 0 };
        let response = now - delivery.intended_ns;
        match delivery.outcome {
            Outcome::Acknowledged => {
                tally.fates.acknowledged += records;
                tally.response.record_many_ns(response, records);
                tally.service.record_many_ns(now - delivery.accepted_ns, records);
                partition.acknowledged += records;
                // A negative partition is no index.
                if let Some(offsets) = self.offsets.get_mut(delivery.partition as usize) {
                    offsets.add_run(delivery.offset, delivery.records);
                }
                if let Some(sequences) = &mut self.sequences {
                    let first = delivery.sequence.map_or(-1, |sequence| sequence as i64);
                    sequences.add_run(first, delivery.records);
                }
                if let Some(followed) = &mut self.followed
                    && delivery.part == Part::Window
                    && delivery.offset >= 0
                    && delivery.partition >= 0
                {
                    let (place, intended) = (delivery.partition as u32, delivery.intended_ns);
                    followed.add_run(place, delivery.offset, delivery.records, intended);
                }
                self.slice.activity.acknowledged += records;
                self.slice.activity.acknowledged_bytes += delivery.bytes;
            }
            Outcome::WrittenBlind => {
                tally.fates.possibly_written += records;
                partition.perhaps += records;
                self.slice.activity.written_blind += records;
            }
            Outcome::NotWritten(code) => {
                tally.fates.not_written += records;
                record_failure(tally, code, response, records);
                self.slice.activity.failed += records;
            }
            Outcome::PossiblyWritten(code) => {
                tally.fates.possibly_written += records;
                record_failure(tally, code, response, records);
                partition.perhaps += records;
                self.slice.activity.failed += records;
            }
        }
    }

    /// Notes an error that concerns no single record.
    pub fn error(&mut self, code: &str, text: String) {
        let key = (code.to_owned(), text);
        if self.errors.len() < ERRORS_KEPT || self.errors.contains_key(&key) {
            *self.errors.entry(key).or_default() += 1;
        } else {
            *self.errors.entry((String::new(), "(others)".to_owned())).or_default() += 1;
        }
    }

    /// From `now` on nothing counts as resolved any more.
    pub fn purge(&mut self, now: i64) {
        self.purged_ns.get_or_insert(now);
    }

    /// Hands over what was recorded since the edge before `now`, and begins a new slice.
    pub fn cut(&mut self, now: i64) -> Slice {
        self.before = self.fates();
        let next = Slice {
            start_ns: self.grid.edge_before(now),
            ..Slice::default()
        };
        std::mem::replace(&mut self.slice, next)
    }

    /// Fates so far, of the records that the client took.
    pub fn fates(&self) -> Fates {
        let mut fates = self.before;
        fates.add(&self.slice.tallies.fates());
        fates
    }

    /// Reports so far, by part.
    pub fn reported(&self) -> [u64; 3] {
        self.reported
    }

    /// The end: of `sent` records by part, those without a word of the client are unresolved and *missing*.
    pub fn finish(&mut self, now: i64, sent: [u64; 3]) -> ReportsEnd {
        let mut missing = 0;
        for part in Part::ALL {
            let silent = sent[part.index()].saturating_sub(self.reported[part.index()]);
            if silent > 0 {
                missing += silent;
                let tally = self.slice.tallies.of(part);
                tally.fates.unresolved += silent;
                // Their age is not known; the least that can be said is that they have waited since the part's end.
                let end = match part {
                    Part::WarmUp => self.windows.t1_ns(),
                    Part::Window => self.windows.t2_ns(),
                    Part::CoolDown => now,
                };
                tally.censored.record_many_ns(now - end, silent);
                self.unassigned.perhaps += silent;
                self.perhaps_after_purge += silent;
            }
        }
        let mut partitions: BTreeMap<i32, PartitionCount> = self
            .partitions
            .iter()
            .enumerate()
            .map(|(i, count)| (i as i32, *count))
            .collect();
        if self.unassigned != PartitionCount::default() {
            partitions.insert(-1, self.unassigned);
        }
        ReportsEnd {
            resolved: self.resolved,
            partitions,
            offsets: (0..).zip(std::mem::take(&mut self.offsets)).collect(),
            sequences: self.sequences.take(),
            followed: self.followed.take(),
            lag: ReportLag::default(),
            purged_ns: self.purged_ns,
            perhaps_after_purge: self.perhaps_after_purge,
            missing,
            errors: std::mem::take(&mut self.errors)
                .into_iter()
                .map(|((code, text), n)| (code, text, n))
                .collect(),
        }
    }
}
