//! What one group member reads back: which record of which producer each one is.

use std::collections::HashMap;

use tribunal_stats::{Mark, ReadBack};

/// Owner of what one member has read back so far.
///
/// It keeps one bit for each record up to the highest that it has read of a producer, and one number for each producer in
/// each of its partitions.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Producers of the trial.
    producers: u32,
    read: ReadBack,
    /// One above the highest sequence so far, by the partition's place and the producer.
    next: HashMap<(usize, u32), u64>,
}

impl Reader {
    /// A reader before its first record.
    pub(crate) fn new(producers: u32) -> Self {
        Self {
            producers,
            read: ReadBack::default(),
            next: HashMap::new(),
        }
    }

    /// Takes a record that was not received before. `onward` says that none behind it in its partition was; the order of
    /// others cannot be judged.
    pub(crate) fn record(&mut self, place: usize, onward: bool, mark: Option<Mark>) {
        let (producer, sequence) = match mark {
            Some(Mark::Scheduled { producer, sequence }) if producer < self.producers => (producer, sequence),
            Some(Mark::Primed) => {
                self.read.primed += 1;
                return;
            }
            Some(Mark::Scheduled { .. }) | None => {
                self.read.foreign += 1;
                return;
            }
        };
        let own = self.read.producers.entry(producer).or_default();
        // A sequence that no schedule has comes out negative, and is unknown to the set.
        let new = own.sequences.insert(sequence as i64);
        if !onward {
            return;
        }
        let next = self.next.entry((place, producer)).or_default();
        if sequence >= *next {
            *next = sequence.saturating_add(1);
        } else if new {
            own.reordered += 1;
        }
    }

    /// What was read back in all.
    pub(crate) fn finish(self) -> ReadBack {
        self.read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(producer: u32, sequence: u64) -> Mark {
        Mark::Scheduled { producer, sequence }
    }

    /// Duplicated, reordered and different records of producer 0.
    #[track_caller]
    fn check(sequences: &[u64], expected: (u64, u64, u64)) {
        let mut reader = Reader::new(1);
        for sequence in sequences {
            reader.record(0, true, Some(of(0, *sequence)));
        }
        let read = &reader.finish().producers[&0];
        let told = (read.sequences.repeated(), read.reordered, read.sequences.count());
        assert_eq!(told, expected, "{sequences:?}");
    }

    #[test]
    fn duplicates_and_records_out_of_order_are_told_apart() {
        check(&[0, 1, 2, 5, 9], (0, 0, 5));
        check(&[0, 2, 3, 1], (0, 1, 4));
        // A batch that was retried although it had been written, behind the next one: no record is out of order.
        check(&[0, 1, 2, 3, 0, 1], (2, 0, 4));
        // One that was retried because it had not been.
        check(&[2, 3, 0, 1, 4], (0, 2, 5));
        check(&[7, 3, 3], (1, 1, 2));
    }

    #[test]
    fn order_is_that_of_one_producer_in_one_partition() {
        let mut reader = Reader::new(2);
        for (place, mark) in [(0, of(0, 5)), (1, of(0, 3)), (0, of(1, 2)), (1, of(0, 4))] {
            reader.record(place, true, Some(mark));
        }
        // Received late, after records behind it: nobody can say.
        reader.record(0, false, Some(of(0, 1)));
        let read = reader.finish();
        let told: Vec<_> = read
            .producers
            .values()
            .map(|own| (own.sequences.count(), own.reordered))
            .collect();
        assert_eq!(told, [(4, 0), (1, 0)]);
    }

    #[test]
    fn records_of_nobody_in_the_trial_are_foreign() {
        let mut reader = Reader::new(2);
        reader.record(0, true, None);
        for mark in [of(2, 0), Mark::Primed, of(1, 0), of(1, u64::MAX - 1)] {
            reader.record(0, true, Some(mark));
        }
        let read = reader.finish();
        assert_eq!((read.foreign, read.primed), (2, 1));
        let own = &read.producers[&1].sequences;
        assert_eq!((own.count(), own.unknown()), (1, 1));
    }
}
