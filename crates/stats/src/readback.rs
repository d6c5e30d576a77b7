//! Records that consumers read back, held against what their producers were promised.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::offsets::OffsetSet;

/// Runs of sequences that are named; of more, only their number is known.
const NAMED: usize = 20;

/// Who wrote a record, as the record itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A producer, before the trial.
    Primed,
    /// A producer, as its record of this number.
    Scheduled {
        /// Producer index in the trial.
        producer: u32,
        /// The record's number among its producer's records, from 0.
        sequence: u64,
    },
}

/// What was read back in one attempt. A record of the log counts once, however often it was received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// By producer index.
    pub producers: BTreeMap<u32, ReadSequences>,
    /// Primed records.
    pub primed: u64,
    /// Records that no producer of the trial wrote, as far as they say.
    pub foreign: u64,
}

/// What was read back of one producer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSequences {
    /// Which records; [`OffsetSet::repeated`] are those whose sequence was there already.
    pub sequences: OffsetSet,
    /// Records whose sequence was below that of one before them in the same partition, duplicates left out.
    pub reordered: u64,
}

/// What was read back, held against what was acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReadBackCount {
    /// Records of the schedule that were acknowledged.
    pub acknowledged: u64,
    /// Different records of the schedule that were read back.
    pub received: u64,
    /// Acknowledged, and not read back.
    pub unreceived: u64,
    /// Read back, and not acknowledged.
    pub unacknowledged: u64,
    /// Records whose sequence another one in the logs has.
    pub duplicated: u64,
    /// Records whose sequence was below that of one before them in the same partition.
    pub reordered: u64,
    /// Primed records that were read back.
    pub primed: u64,
    /// Records in the logs that no producer of the trial wrote.
    pub foreign: u64,
    /// The first ones that were acknowledged and not read back.
    pub missing: Vec<MissingRun>,
}

/// Consecutive records of a producer that were acknowledged and not read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MissingRun {
    /// Producer index in the trial.
    pub producer: u32,
    /// The first one's sequence.
    pub first: u64,
    /// How many.
    pub records: u64,
}

impl ReadBack {
    /// Adds what another member read of other partitions. A sequence that both have is duplicated.
    pub fn merge(&mut self, other: &Self) {
        for (producer, read) in &other.producers {
            let own = self.producers.entry(*producer).or_default();
            own.sequences.merge(&read.sequences);
            own.reordered += read.reordered;
        }
        self.primed += other.primed;
        self.foreign += other.foreign;
    }

    /// Holds it against the sequences that each producer was acknowledged. Nothing is netted: a record that is missing
    /// stays so, whatever else there is too much of.
    pub fn against(&self, acknowledged: &BTreeMap<u32, OffsetSet>) -> ReadBackCount {
        let mut count = ReadBackCount {
            primed: self.primed,
            foreign: self.foreign,
            ..ReadBackCount::default()
        };
        let (no_promise, nothing) = (OffsetSet::new(), ReadSequences::default());
        let producers: BTreeSet<u32> = self.producers.keys().chain(acknowledged.keys()).copied().collect();
        for producer in producers {
            let promised = acknowledged.get(&producer).unwrap_or(&no_promise);
            let read = self.producers.get(&producer).unwrap_or(&nothing);
            let unreceived = promised.without(&read.sequences);
            count.acknowledged += promised.count();
            count.received += read.sequences.count();
            count.unreceived += unreceived.count();
            count.unacknowledged += read.sequences.without(promised).count();
            count.duplicated += read.sequences.repeated();
            count.reordered += read.reordered;
            let room = NAMED - count.missing.len();
            let run = |(first, records): (i64, u64)| MissingRun {
                producer,
                first: first as u64,
                records,
            };
            count.missing.extend(unreceived.runs().take(room).map(run));
        }
        count
    }
}

impl ReadBackCount {
    /// Records of the logs that were looked at.
    pub fn looked_at(&self) -> u64 {
        self.received + self.duplicated + self.primed + self.foreign
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(sequences: impl IntoIterator<Item = i64>) -> OffsetSet {
        let mut set = OffsetSet::new();
        for sequence in sequences {
            set.add(sequence);
        }
        set
    }

    fn read(producer: u32, sequences: impl IntoIterator<Item = i64>) -> ReadBack {
        let own = ReadSequences {
            sequences: set(sequences),
            reordered: 0,
        };
        ReadBack {
            producers: BTreeMap::from([(producer, own)]),
            ..ReadBack::default()
        }
    }

    #[test]
    fn all_is_well_where_what_was_acknowledged_was_read() {
        let mut back = read(0, 0..100);
        back.merge(&read(1, 0..50));
        back.primed = 3;
        let count = back.against(&BTreeMap::from([(0, set(0..100)), (1, set(0..50))]));
        let well = ReadBackCount {
            acknowledged: 150,
            received: 150,
            primed: 3,
            ..ReadBackCount::default()
        };
        assert_eq!((count.looked_at(), count), (153, well));
    }

    #[test]
    fn a_loss_a_duplicate_and_a_record_that_nobody_promised_do_not_cancel() {
        // Of producer 0 records 10, 11 and 40 are gone, 5 is there twice, and 100 was never acknowledged.
        let mut back = read(0, (0..101).filter(|sequence| ![10, 11, 40].contains(sequence)));
        back.merge(&read(0, [5]));
        back.foreign = 2;
        let count = back.against(&BTreeMap::from([(0, set(0..100)), (7, set([3]))]));
        assert_eq!(
            (count.unreceived, count.duplicated, count.unacknowledged, count.foreign),
            (4, 1, 1, 2)
        );
        let missing: Vec<_> = count
            .missing
            .iter()
            .map(|run| (run.producer, run.first, run.records))
            .collect();
        assert_eq!(missing, [(0, 10, 2), (0, 40, 1), (7, 3, 1)]);
        assert_eq!(count.looked_at(), 98 + 1 + 2);
    }

    #[test]
    fn of_many_that_are_missing_the_first_are_named() {
        let count = ReadBack::default().against(&BTreeMap::from([(0, set((0..1000).step_by(2)))]));
        assert_eq!(
            (count.unreceived, count.missing.len(), count.missing[NAMED - 1].first),
            (500, NAMED, 38)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// However the partitions are dealt to members, what they read together is what one would have read alone.
        #[test]
        fn members_together_read_what_one_would_read_alone(
            records in prop::collection::vec((0u32..3, 0i64..500, 0usize..4), 0..300),
            acknowledged in prop::collection::vec((0u32..4, 0i64..500), 0..300),
        ) {
            let mut members = vec![ReadBack::default(); 4];
            let mut alone = ReadBack::default();
            for (producer, sequence, member) in &records {
                for back in [&mut members[*member], &mut alone] {
                    back.producers.entry(*producer).or_default().sequences.add(*sequence);
                }
            }
            let mut promised: BTreeMap<u32, OffsetSet> = BTreeMap::new();
            for (producer, sequence) in &acknowledged {
                promised.entry(*producer).or_default().add(*sequence);
            }
            let mut together = ReadBack::default();
            for member in members.iter().rev() {
                together.merge(member);
            }
            let count = together.against(&promised);
            prop_assert_eq!(&count, &alone.against(&promised));
            let there: BTreeSet<_> = records.iter().map(|(producer, sequence, _)| (*producer, *sequence)).collect();
            let wanted: BTreeSet<_> = acknowledged.iter().copied().collect();
            prop_assert_eq!(count.received, there.len() as u64);
            prop_assert_eq!(count.duplicated, (records.len() - there.len()) as u64);
            prop_assert_eq!(count.unreceived, wanted.difference(&there).count() as u64);
            prop_assert_eq!(count.unacknowledged, there.difference(&wanted).count() as u64);
        }
    }
}
