//! Records that are followed from their intended send to their receipt, picked alike by producers and consumers.

use std::collections::{BTreeMap, HashMap};

use crate::distribution::Distribution;

/// Instants of some records by partition and offset.
///
/// Which records is a rule that both ends know: those whose offset, mixed, ends in so many zero bits. Mixed, because every
/// 2ⁿth offset would be the same place in every batch where batches are alike. When there is no more room, the rule grows
/// by a bit and half of what was kept goes: so an end that saw more than was expected keeps fewer, and those that both ends
/// kept can be joined whatever each of them had to drop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Zero bits that a mixed offset has to end in.
    pub bits: u32,
    /// Offset and instant, in nanoseconds of a clock that the owner knows.
    pub instants: BTreeMap<(String, i32), Vec<(i64, i64)>>,
}

/// Whether the record at this offset is followed.
fn follows(offset: i64, bits: u32) -> bool {
    let mut mixed = (offset as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).trailing_zeros() >= bits
}

impl Followed {
    /// Adds another end's of the same side, under the stricter rule of the two.
    pub fn merge(&mut self, other: Self) {
        self.bits = self.bits.max(other.bits);
        for (partition, instants) in other.instants {
            self.instants.entry(partition).or_default().extend(instants);
        }
        let bits = self.bits;
        for instants in self.instants.values_mut() {
            instants.retain(|(offset, _)| follows(*offset, bits));
        }
    }

    /// How many records.
    pub fn count(&self) -> u64 {
        self.instants.values().map(|instants| instants.len() as u64).sum()
    }

    /// The same with every instant turned by `turn`.
    #[must_use]
    pub fn turned(mut self, turn: impl Fn(i64) -> i64) -> Self {
        for (_, at) in self.instants.values_mut().flatten() {
            *at = turn(*at);
        }
        self
    }
}

/// Fills a [`Followed`] on a load thread: partitions by number, room for so many records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    bits: u32,
    room: usize,
    all: Vec<(u32, i64, i64)>,
}

impl Follower {
    /// One that begins with a rule of `bits` bits and keeps at most `room` records.
    pub fn new(bits: u32, room: usize) -> Self {
        Self {
            bits,
            room: room.max(1),
            all: Vec::new(),
        }
    }

    /// Adds `records` records at consecutive offsets and one instant, of the partition that the owner calls `place`.
    pub fn add_run(&mut self, place: u32, first: i64, records: u32, at_ns: i64) {
        for offset in first..first + i64::from(records) {
            if follows(offset, self.bits) {
                self.all.push((place, offset, at_ns));
                while self.all.len() > self.room {
                    self.bits += 1;
                    let bits = self.bits;
                    self.all.retain(|(_, offset, _)| follows(*offset, bits));
                }
            }
        }
    }

    /// What was kept, with the names of the partitions.
    pub fn finish(self, name: impl Fn(u32) -> (String, i32)) -> Followed {
        let mut instants: BTreeMap<(String, i32), Vec<(i64, i64)>> = BTreeMap::new();
        let mut by_place: BTreeMap<u32, Vec<(i64, i64)>> = BTreeMap::new();
        for (place, offset, at) in self.all {
            by_place.entry(place).or_default().push((offset, at));
        }
        for (place, own) in by_place {
            instants.entry(name(place)).or_default().extend(own);
        }
        Followed {
            bits: self.bits,
            instants,
        }
    }
}

/// What took the records that both ends followed from intended send to receipt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ways {
    /// Receipt − intended send. A negative one counts as 0 here, and in [`Self::negative`].
    pub latencies: Distribution,
    /// Records that both ends followed.
    pub joined: u64,
    /// Records that one end followed, under the stricter of both rules, and the other did not see.
    pub unjoined: u64,
    /// Records received before they were meant to be sent: the clocks' error.
    pub negative: u64,
    /// The least difference in nanoseconds, negative ones included.
    pub least_ns: Option<i64>,
}

impl Ways {
    /// Joins intended sends and receipts, both in nanoseconds of one clock. Of a record that was received several times
    /// the first receipt counts.
    ///
    /// Intended sends are those of the window alone: so receipts of other records are no loss, and only intended sends
    /// without a receipt are *unjoined*.
    pub fn of(sent: &Followed, received: &Followed) -> Self {
        let bits = sent.bits.max(received.bits);
        let mut ways = Self::default();
        for (partition, intended) in &sent.instants {
            let mut receipts: HashMap<i64, i64> = HashMap::new();
            for (offset, at) in received.instants.get(partition).into_iter().flatten() {
                let first = receipts.entry(*offset).or_insert(*at);
                *first = (*first).min(*at);
            }
            for (offset, intended) in intended.iter().filter(|(offset, _)| follows(*offset, bits)) {
                let Some(receipt) = receipts.get(offset) else {
                    ways.unjoined += 1;
                    continue;
                };
                let way = receipt - intended;
                ways.joined += 1;
                ways.negative += u64::from(way < 0);
                ways.least_ns = Some(ways.least_ns.map_or(way, |least| least.min(way)));
                ways.latencies.record_ns(way);
            }
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(place: i32, offsets: std::ops::Range<i64>, room: usize, at: impl Fn(i64) -> i64) -> Followed {
        let mut follower = Follower::new(0, room);
        for offset in offsets {
            follower.add_run(0, offset, 1, at(offset));
        }
        follower.finish(|_| ("t".to_owned(), place))
    }

    #[test]
    fn ends_with_unequal_room_keep_records_that_can_be_joined() {
        let sent = of(0, 0..100_000, 1_000, |offset| offset);
        let received = of(0, 0..100_000, 300, |offset| offset + 2_000_000);
        assert!(sent.bits < received.bits && (500..=1_000).contains(&sent.count()));
        let ways = Ways::of(&sent, &received);
        assert_eq!((ways.joined, ways.unjoined, ways.negative), (received.count(), 0, 0));
        assert_eq!(ways.least_ns, Some(2_000_000));
        assert_eq!(ways.latencies.count(), ways.joined);
    }

    #[test]
    fn what_is_kept_has_no_period() {
        let kept = of(0, 0..64_000, 1_000, |offset| offset);
        let mut places = [0; 64];
        for (offset, _) in &kept.instants[&("t".to_owned(), 0)] {
            places[(*offset % 64) as usize] += 1;
        }
        assert!(places.iter().filter(|count| **count > 0).count() > 55, "{places:?}");
    }

    #[test]
    fn a_receipt_before_its_send_is_kept_and_counted_and_a_missing_one_is_told() {
        let sent = of(3, 10..14, 100, |offset| offset * 1_000);
        let received = of(3, 10..13, 100, |offset| offset * 1_000 - 500 * (offset % 2));
        let ways = Ways::of(&sent, &received);
        assert_eq!((ways.joined, ways.unjoined, ways.negative), (3, 1, 1));
        assert_eq!(ways.least_ns, Some(-500));
        // Another partition's offsets are no receipts.
        assert_eq!(Ways::of(&sent, &of(4, 10..14, 100, |offset| offset)).unjoined, 4);
    }

    #[test]
    fn two_members_are_merged_under_the_stricter_rule() {
        let mut all = of(0, 0..10_000, 10_000, |offset| offset);
        all.merge(of(0, 10_000..20_000, 1_000, |offset| offset));
        assert!(all.bits > 0 && all.count() < 3_000);
        assert_eq!(all.clone().turned(|at| at + 1).instants.len(), all.instants.len());
    }
}
