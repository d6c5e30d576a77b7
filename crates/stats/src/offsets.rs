//! Offsets of one partition, or sequences of one producer, as a set.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// Offsets of one partition: which were told, and how many were told twice. It serves for sequences of one producer too.
///
/// One bit for each offset from the first one seen, in words of 64: a partition's log has no holes worth a cleverer
/// form. Two acknowledgements on one offset mean that one of the records is lost (METHODOLOGY.md, section 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetSet {
    /// The offset of the first bit; a multiple of 64.
    base: u64,
    words: Vec<u64>,
    count: u64,
    /// Acknowledgements of an offset that was there.
    repeated: u64,
    /// Acknowledgements without an offset, for example of a duplicate sequence.
    unknown: u64,
}

/// The widest range of offsets that a set may span: 2³² bits are half a gigabyte.
const WIDEST: u64 = 1 << 32;

/// Bytes that are no offset set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("offsets cannot be decoded: {0}")]
pub struct InvalidOffsets(String);

impl OffsetSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the offset of one acknowledgement; a negative one is unknown.
    pub fn add(&mut self, offset: i64) {
        self.add_run(offset, 1);
    }

    /// Adds the offset of one record. Whether it was not there before; one that is unknown was not.
    pub fn insert(&mut self, offset: i64) -> bool {
        let before = self.count;
        self.add(offset);
        self.count > before
    }

    /// Adds the offsets of `records` acknowledgements, consecutive from this one; with a negative one all are unknown.
    pub fn add_run(&mut self, offset: i64, records: u32) {
        let Ok(mut offset) = u64::try_from(offset) else {
            self.unknown += u64::from(records);
            return;
        };
        let end = offset + u64::from(records);
        while offset < end {
            let word = offset / 64 * 64;
            let upto = end.min(word + 64);
            let bits = u64::MAX >> (64 - (upto - offset)) << (offset - word);
            self.add_bits(word, bits);
            offset = upto;
        }
    }

    /// Adds the offsets of these bits, counted from `word`, a multiple of 64.
    fn add_bits(&mut self, word: u64, bits: u64) {
        let offsets = u64::from(bits.count_ones());
        if self.words.is_empty() {
            self.base = word;
        }
        if word < self.base {
            let missing = (self.base - word) / 64;
            if missing * 64 > WIDEST {
                self.unknown += offsets;
                return;
            }
            self.words.splice(0..0, std::iter::repeat_n(0, missing as usize));
            self.base = word;
        }
        let place = (word - self.base) / 64;
        if place * 64 > WIDEST {
            self.unknown += offsets;
            return;
        }
        let place = place as usize;
        if place >= self.words.len() {
            self.words.resize(place + 1, 0);
        }
        let there = u64::from((self.words[place] & bits).count_ones());
        self.words[place] |= bits;
        self.count += offsets - there;
        self.repeated += there;
    }

    /// Adds another producer's offsets of the same partition.
    pub fn merge(&mut self, other: &Self) {
        for (word, bits) in other.base_words() {
            if bits != 0 {
                self.add_bits(word, bits);
            }
        }
        self.repeated += other.repeated;
        self.unknown += other.unknown;
    }

    /// Runs of consecutive offsets, ascending: the first one and how many.
    pub fn runs(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let set = |bits: u64| (0..64).filter(move |bit| bits >> bit & 1 == 1);
        let offsets = self.base_words();
        let offsets = offsets.flat_map(move |(word, bits)| set(bits).map(move |bit| (word + bit) as i64));
        let mut offsets = offsets.peekable();
        std::iter::from_fn(move || {
            let first = offsets.next()?;
            let mut length = 1;
            while offsets.next_if_eq(&(first + length as i64)).is_some() {
                length += 1;
            }
            Some((first, length))
        })
    }

    /// The offsets that another set does not have, each once.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let there = |word: u64| {
            let place = word.checked_sub(other.base).map(|ahead| (ahead / 64) as usize);
            place.and_then(|place| other.words.get(place)).copied().unwrap_or(0)
        };
        let words: Vec<u64> = self.base_words().map(|(word, bits)| bits & !there(word)).collect();
        Self {
            base: self.base,
            count: words.iter().map(|bits| u64::from(bits.count_ones())).sum(),
            words,
            repeated: 0,
            unknown: 0,
        }
    }

    /// Different offsets.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Acknowledgements of an offset that another one had: each is a lost record.
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Acknowledgements without an offset.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.count + self.repeated + self.unknown == 0
    }

    /// Offsets outside `[start, end)`: acknowledged, and not in the log that the broker shows.
    pub fn outside(&self, start: u64, end: u64) -> u64 {
        let inside: u64 = self
            .base_words()
            .map(|(word, bits)| {
                let bits = if word >= end || word + 64 <= start {
                    0
                } else {
                    let low = if word < start {
                        u64::MAX << (start - word)
                    } else {
                        u64::MAX
                    };
                    let high = if word + 64 > end {
                        u64::MAX >> (64 - (end - word))
                    } else {
                        u64::MAX
                    };
                    bits & low & high
                };
                u64::from(bits.count_ones())
            })
            .sum();
        self.count - inside
    }

    /// The first offset of each word, with its bits.
    fn base_words(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.words
            .iter()
            .enumerate()
            .map(|(place, bits)| (self.base + place as u64 * 64, *bits))
    }

    /// DEFLATE-compressed bytes: base, counters and words as little-endian u64.
    pub fn encode(&self) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let head = [self.base, self.repeated, self.unknown];
        for word in head.iter().chain(&self.words) {
            encoder
                .write_all(&word.to_le_bytes())
                .expect("invariant: writing to memory cannot fail");
        }
        encoder.finish().expect("invariant: writing to memory cannot fail")
    }

    /// The inverse of [`Self::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidOffsets> {
        let mut raw = Vec::new();
        DeflateDecoder::new(bytes)
            .take(WIDEST / 8 + 64)
            .read_to_end(&mut raw)
            .map_err(|error| InvalidOffsets(error.to_string()))?;
        let (words, rest) = raw.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let ([base, repeated, unknown, words @ ..], []) = (words.as_slice(), rest) else {
            return Err(InvalidOffsets(format!("{} bytes", raw.len())));
        };
        if base % 64 != 0 {
            return Err(InvalidOffsets(format!("base {base}")));
        }
        Ok(Self {
            base: *base,
            words: words.to_vec(),
            count: words.iter().map(|bits| u64::from(bits.count_ones())).sum(),
            repeated: *repeated,
            unknown: *unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(offsets: &[i64]) -> OffsetSet {
        let mut set = OffsetSet::new();
        for offset in offsets {
            set.add(*offset);
        }
        set
    }

    #[test]
    fn an_offset_told_twice_is_counted() {
        let set = of(&[5, 6, 5, -1]);
        assert_eq!((set.count(), set.repeated(), set.unknown()), (2, 1, 1));
    }

    #[test]
    fn an_offset_at_or_past_the_end_is_outside() {
        let set = of(&[99, 100, 163, 164, 200]);
        assert_eq!(set.outside(0, 1000), 0);
        assert_eq!(set.outside(100, 164), 3);
        assert_eq!(set.outside(0, 200), 1);
        assert_eq!(set.outside(0, 0), 5);
    }

    #[test]
    fn two_producers_on_one_offset_are_a_repetition() {
        let mut set = of(&[1, 2, 3]);
        set.merge(&of(&[3, 4, 1_000_000]));
        assert_eq!((set.count(), set.repeated()), (5, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_another_set_lacks_and_runs_are_what_trees_would_say(
            one in prop::collection::btree_set(0i64..600, 0..200), other in prop::collection::btree_set(0i64..600, 0..200),
        ) {
            let set = |offsets: &std::collections::BTreeSet<i64>| of(&offsets.iter().copied().collect::<Vec<_>>());
            let difference = set(&one).without(&set(&other));
            prop_assert_eq!(difference.count(), one.difference(&other).count() as u64);
            let listed = difference.runs().flat_map(|(first, length)| first..first + length as i64);
            prop_assert!(listed.eq(one.difference(&other).copied()));
            // Runs do not touch.
            let runs: Vec<_> = difference.runs().collect();
            prop_assert!(runs.windows(2).all(|two| two[0].0 + (two[0].1 as i64) < two[1].0));
        }

        #[test]
        fn a_set_is_what_a_tree_would_hold(
            offsets in prop::collection::vec(0i64..5000, 0..300), from in 0i64..3, start in 0u64..5000, end in 0u64..5000,
        ) {
            let offsets: Vec<i64> = offsets.iter().map(|offset| offset + from * 1_000_000).collect();
            let set = of(&offsets);
            let tree: std::collections::BTreeSet<i64> = offsets.iter().copied().collect();
            prop_assert_eq!(set.count(), tree.len() as u64);
            prop_assert_eq!(set.repeated(), (offsets.len() - tree.len()) as u64);
            let (low, high) = (start.min(end), start.max(end));
            let outside = tree.iter().filter(|o| !(low..high).contains(&(**o as u64))).count();
            prop_assert_eq!(set.outside(low, high), outside as u64);
            prop_assert_eq!(OffsetSet::decode(&set.encode()).unwrap(), set);
        }

        #[test]
        fn consecutive_offsets_are_as_good_as_one_by_one(
            runs in prop::collection::vec((-1i64..3000, 1u32..300), 0..20),
        ) {
            let (mut set, mut singly) = (OffsetSet::new(), OffsetSet::new());
            for (first, records) in runs {
                set.add_run(first, records);
                for i in 0..i64::from(records) {
                    singly.add(if first < 0 { first } else { first + i });
                }
            }
            prop_assert_eq!(set, singly);
        }

        #[test]
        fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = OffsetSet::decode(&bytes);
        }
    }
}
