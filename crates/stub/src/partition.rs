//! A partition: its end, and what it remembers of idempotent producers.

use std::collections::{BTreeMap, VecDeque};

use crate::batch::Batch;
use crate::code::Code;

/// How many batches per producer a broker remembers.
const REMEMBERED: usize = 5;
/// How many producers a partition remembers; the one with the lowest id, which is the oldest, goes first.
const PRODUCERS: usize = 10_000;

/// What became of the records that a request brought for a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Appended.
    Appended,
    /// Appended, and once more by script.
    AppendedTwice,
    /// Not appended: an idempotent producer sent them again, and was told the offset they have.
    AlreadyThere,
    /// Not appended; the code says why.
    Refused(Code),
    /// Not appended by script, and the client was not told.
    Discarded,
}

/// What an append came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) outcome: Outcome,
    pub(crate) base_offset: Option<i64>,
}

#[derive(Debug, Default)]
pub(crate) struct Partition {
    pub(crate) end: i64,
    pub(crate) copied: u64,
    producers: BTreeMap<i64, Producer>,
}

#[derive(Debug, Default)]
struct Producer {
    epoch: i16,
    /// The last batches, the latest at the back.
    batches: VecDeque<Remembered>,
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    first: i32,
    last: i32,
    base_offset: i64,
}

impl Partition {
    /// Appends the batches of one request; the first that is refused ends it.
    pub(crate) fn append(&mut self, batches: &[Batch], twice: bool) -> Appended {
        let mut done = Appended {
            outcome: Outcome::Refused(Code::INVALID_RECORD),
            base_offset: None,
        };
        for batch in batches {
            let one = self.append_one(batch, twice);
            done.outcome = one.outcome;
            done.base_offset = done.base_offset.or(one.base_offset);
            if let Outcome::Refused(_) = one.outcome {
                done.base_offset = None;
                break;
            }
        }
        done
    }

    fn append_one(&mut self, batch: &Batch, twice: bool) -> Appended {
        let refused = |code| Appended {
            outcome: Outcome::Refused(code),
            base_offset: None,
        };
        if !batch.sound {
            return refused(Code::INVALID_RECORD);
        }
        let base_offset = self.end;
        let idempotent = batch.producer >= 0;
        if idempotent {
            match self.follow(batch) {
                Ok(None) => {}
                Ok(Some(base_offset)) => {
                    return Appended {
                        outcome: Outcome::AlreadyThere,
                        base_offset: Some(base_offset),
                    };
                }
                Err(code) => return refused(code),
            }
        }
        self.end += i64::from(batch.records);
        let outcome = if twice && !idempotent {
            self.end += i64::from(batch.records);
            self.copied += u64::from(batch.records);
            Outcome::AppendedTwice
        } else {
            Outcome::Appended
        };
        Appended {
            outcome,
            base_offset: Some(base_offset),
        }
    }

    /// Whether an idempotent producer's batch may be appended; its offset where it is there already.
    fn follow(&mut self, batch: &Batch) -> Result<Option<i64>, Code> {
        if batch.sequence < 0 {
            return Err(Code::INVALID_RECORD);
        }
        let last = plus(batch.sequence, batch.records - 1);
        if self.producers.len() >= PRODUCERS && !self.producers.contains_key(&batch.producer) {
            self.producers.pop_first();
        }
        let producer = self.producers.entry(batch.producer).or_default();
        if let Some(latest) = producer.batches.back().copied() {
            if batch.epoch < producer.epoch {
                return Err(Code::INVALID_PRODUCER_EPOCH);
            }
            if batch.epoch > producer.epoch {
                if batch.sequence != 0 {
                    return Err(Code::OUT_OF_ORDER_SEQUENCE_NUMBER);
                }
                producer.batches.clear();
            } else if batch.sequence != plus(latest.last, 1) {
                let same = |known: &&Remembered| known.first == batch.sequence && known.last == last;
                let known = producer.batches.iter().find(same);
                let oldest = producer.batches.front().map_or(0, |oldest| oldest.first);
                return match known {
                    Some(known) => Ok(Some(known.base_offset)),
                    None if last < oldest => Err(Code::DUPLICATE_SEQUENCE_NUMBER),
                    None => Err(Code::OUT_OF_ORDER_SEQUENCE_NUMBER),
                };
            }
        }
        producer.epoch = batch.epoch;
        if producer.batches.len() == REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(Remembered {
            first: batch.sequence,
            last,
            base_offset: self.end,
        });
        Ok(None)
    }
}

/// The sequence number so many records further on; after the largest comes 0.
fn plus(sequence: i32, records: u32) -> i32 {
    ((i64::from(sequence) + i64::from(records)) % (i64::from(i32::MAX) + 1)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(producer: i64, epoch: i16, sequence: i32, records: u32) -> Batch {
        Batch {
            bytes: 61,
            records,
            sound: true,
            producer,
            epoch,
            sequence,
        }
    }

    #[track_caller]
    fn check(partition: &mut Partition, batch: Batch, outcome: Outcome, base_offset: Option<i64>) {
        assert_eq!(partition.append(&[batch], false), Appended { outcome, base_offset });
    }

    #[test]
    fn offsets_are_gapless() {
        let mut partition = Partition::default();
        check(&mut partition, batch(-1, -1, -1, 10), Outcome::Appended, Some(0));
        check(&mut partition, batch(-1, -1, -1, 5), Outcome::Appended, Some(10));
        let twice = partition.append(&[batch(-1, -1, -1, 2), batch(-1, -1, -1, 3)], true);
        assert_eq!(
            twice,
            Appended {
                outcome: Outcome::AppendedTwice,
                base_offset: Some(15)
            }
        );
        assert_eq!((partition.end, partition.copied), (25, 5));
    }

    #[test]
    fn an_idempotent_batch_sent_again_keeps_its_offset() {
        let mut partition = Partition::default();
        for n in 0..7 {
            check(
                &mut partition,
                batch(9, 0, n * 10, 10),
                Outcome::Appended,
                Some(i64::from(n) * 10),
            );
        }
        check(&mut partition, batch(9, 0, 40, 10), Outcome::AlreadyThere, Some(40));
        let refused = Outcome::Refused;
        check(
            &mut partition,
            batch(9, 0, 0, 10),
            refused(Code::DUPLICATE_SEQUENCE_NUMBER),
            None,
        );
        check(
            &mut partition,
            batch(9, 0, 80, 10),
            refused(Code::OUT_OF_ORDER_SEQUENCE_NUMBER),
            None,
        );
        check(
            &mut partition,
            batch(9, 1, 70, 10),
            refused(Code::OUT_OF_ORDER_SEQUENCE_NUMBER),
            None,
        );
        check(&mut partition, batch(9, 1, 0, 10), Outcome::Appended, Some(70));
        check(
            &mut partition,
            batch(9, 0, 70, 10),
            refused(Code::INVALID_PRODUCER_EPOCH),
            None,
        );
        assert_eq!(partition.end, 80);
    }

    #[test]
    fn sequence_numbers_wrap() {
        assert_eq!(plus(i32::MAX, 1), 0);
        assert_eq!(plus(i32::MAX - 1, 3), 1);
        let mut partition = Partition::default();
        check(&mut partition, batch(1, 0, i32::MAX - 4, 5), Outcome::Appended, Some(0));
        check(&mut partition, batch(1, 0, 0, 5), Outcome::Appended, Some(5));
    }

    #[test]
    fn what_is_unsound_is_refused() {
        let mut partition = Partition::default();
        let unsound = Batch {
            sound: false,
            ..batch(-1, -1, -1, 3)
        };
        check(&mut partition, unsound, Outcome::Refused(Code::INVALID_RECORD), None);
        assert_eq!(
            partition.append(&[], false).outcome,
            Outcome::Refused(Code::INVALID_RECORD)
        );
        assert_eq!(partition.end, 0);
    }
}
