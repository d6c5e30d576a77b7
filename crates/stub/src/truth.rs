//! What really happened, as only the broker can know it.

use std::ops::Range;
use std::sync::Arc;

use crate::partition::Outcome;

/// Entries per piece of the journal; pieces are never moved, so that no append waits for a large copy.
const PIECE: usize = 4096;

/// What the stub knows at one moment.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Where each partition ends, by topic and number.
    pub ends: Vec<End>,
    /// What arrived, in this order: one entry for each partition of each produce request, up to the cap.
    pub produced: Vec<Produced>,
    /// The sums, which go on beyond the cap.
    pub totals: Totals,
}

impl Truth {
    /// The end offset of a partition, if it is or was there.
    pub fn end_offset(&self, topic: &str, partition: i32) -> Option<i64> {
        let found = |end: &&End| &*end.topic == topic && end.partition == partition;
        self.ends.iter().find(found).map(|end| end.end_offset)
    }
}

/// The end of a partition's log, which begins at offset 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
    /// The offset that the next record would get: all that was appended, copies included.
    pub end_offset: i64,
    /// How many records of those are copies made by [`Fault::Duplicate`](crate::Fault::Duplicate).
    pub copied: u64,
    /// Whether the topic has been deleted.
    pub deleted: bool,
}

/// The records that one produce request brought for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Produced {
    /// The request's number, from 0.
    pub request: u64,
    /// The connection's number, from 0.
    pub connection: u64,
    /// The topic as the client named it.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
    /// How many records.
    pub records: u32,
    /// The size of their batches on the wire.
    pub bytes: u32,
    /// When the last byte of the request had been read.
    pub arrived_ns: i64,
    /// When the answer was to leave, by script, stalls and the order of the connection. Known once it has left.
    pub due_ns: Option<i64>,
    /// When the answer left; absent as long as it has not, and forever with `acks=0`, silence and a closed connection.
    pub answered_ns: Option<i64>,
    /// The offset of the first record, where there is one.
    pub base_offset: Option<i64>,
    /// What became of them.
    pub outcome: Outcome,
}

impl Produced {
    /// From arrival to answer.
    pub fn service_ns(&self) -> Option<i64> {
        self.answered_ns.map(|answered| answered - self.arrived_ns)
    }

    /// By how much the answer left later than it was to; the precision of the stub.
    pub fn lateness_ns(&self) -> Option<i64> {
        Some(self.answered_ns? - self.due_ns?)
    }
}

/// Sums over everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections accepted.
    pub connections: u64,
    /// Produce requests that arrived, whatever became of them.
    pub produce_requests: u64,
    /// Records in them.
    pub records_arrived: u64,
    /// Records appended, copies included.
    pub records_appended: u64,
    /// Produce requests whose answer has left.
    pub answered: u64,
    /// When the last produce request arrived.
    pub last_arrival_ns: Option<i64>,
    /// Entries that no longer fitted into [`Truth::produced`].
    pub not_kept: u64,
    /// Connections cut off because of bytes that are no request.
    pub malformed: u64,
    /// Connections cut off because of an API or version that the stub does not serve.
    pub unsupported: u64,
    /// Connections refused, because there were too many or no thread could be started for them.
    pub refused: u64,
}

/// The entries so far.
#[derive(Debug)]
pub(crate) struct Journal {
    pieces: Vec<Vec<Produced>>,
    capacity: usize,
}

impl Journal {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            pieces: Vec::new(),
            capacity,
        }
    }

    pub(crate) fn len(&self) -> usize {
        let full = self.pieces.len().saturating_sub(1) * PIECE;
        full + self.pieces.last().map_or(0, Vec::len)
    }

    /// Whether there was room.
    pub(crate) fn push(&mut self, entry: Produced) -> bool {
        if self.len() >= self.capacity {
            return false;
        }
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(entry),
            _ => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(entry);
                self.pieces.push(piece);
            }
        }
        true
    }

    /// Notes of the entries of a request when their answer was due and when it left; `None` takes it back.
    pub(crate) fn answered(&mut self, entries: Range<usize>, due_ns: i64, answered_ns: Option<i64>) {
        for index in entries {
            let entry = self
                .pieces
                .get_mut(index / PIECE)
                .and_then(|piece| piece.get_mut(index % PIECE));
            if let Some(entry) = entry {
                entry.due_ns = answered_ns.map(|_| due_ns);
                entry.answered_ns = answered_ns;
            }
        }
    }

    pub(crate) fn entries(&self) -> Vec<Produced> {
        self.pieces.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_keeps_what_fits() {
        let entry = |request| Produced {
            request,
            connection: 0,
            topic: "t".into(),
            partition: 0,
            records: 1,
            bytes: 70,
            arrived_ns: request as i64,
            due_ns: None,
            answered_ns: None,
            base_offset: None,
            outcome: Outcome::Discarded,
        };
        let mut journal = Journal::new(10_000);
        let kept = (0..10_100).filter(|n| journal.push(entry(*n))).count();
        assert_eq!((kept, journal.len()), (10_000, 10_000));
        journal.answered(4095..4097, 5, Some(6));
        journal.answered(4096..4097, 5, None);
        let entries = journal.entries();
        assert_eq!(entries[4095].lateness_ns(), Some(1));
        assert_eq!(entries[4096].answered_ns, None);
        assert_eq!(entries[9999].request, 9999);
    }
}
