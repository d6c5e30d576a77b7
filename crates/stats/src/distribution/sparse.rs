//! The counters of a distribution that came from elsewhere: only the buckets that hold something.
//!
//! A second of an agent fills a few hundred of the 23,552 buckets. A coordinator reads thousands of such distributions a
//! second and does nothing with most but add them to another one.

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

use super::{DIGITS, HIGHEST_US, InvalidDistribution};

/// How the two layers of the HDR V2 format begin: DEFLATE-compressed, and what was compressed.
const COMPRESSED: u32 = 0x1c84_9314;
const PLAIN: u32 = 0x1c84_9313;
/// Bytes of the inner header.
const HEADER: usize = 40;
/// Values below this have a bucket each; above, every doubling has half as many buckets.
const SUB_BUCKETS: u32 = 2048;
/// Buckets up to [`HIGHEST_US`]: 2048 and 21 doublings.
pub(super) const BUCKETS: u32 = SUB_BUCKETS / 2 * 23;
/// The most bytes of one number.
const WIDEST: usize = 9;

/// Buckets with their counts, ascending; no count is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sparse {
    buckets: Vec<(u32, u64)>,
    total: u64,
}

/// The values that a bucket stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) lowest: u64,
    width: u64,
}

impl Bucket {
    pub(super) fn new(index: u32) -> Self {
        let half = SUB_BUCKETS / 2;
        let doublings = (index / half).saturating_sub(1);
        let within = index - doublings * half;
        Self {
            lowest: u64::from(within) << doublings,
            width: 1 << doublings,
        }
    }

    pub(super) fn highest(self) -> u64 {
        self.lowest + self.width - 1
    }

    fn middle(self) -> u64 {
        self.lowest + self.width / 2
    }
}

impl Sparse {
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Buckets with their counts, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Bucket, u64)> {
        self.buckets.iter().map(|(index, count)| (Bucket::new(*index), *count))
    }

    /// The highest value of the bucket that holds the record of this rank, from 1.
    pub(super) fn value_at_rank(&self, rank: u64) -> u64 {
        let mut below = 0;
        let reached = |count: u64| {
            below += count;
            below >= rank
        };
        self.bucket_where(reached).map_or(0, Bucket::highest)
    }

    fn bucket_where(&self, mut reached: impl FnMut(u64) -> bool) -> Option<Bucket> {
        self.iter().find(|(_, count)| reached(*count)).map(|(bucket, _)| bucket)
    }

    pub(super) fn max(&self) -> u64 {
        self.buckets
            .last()
            .map_or(0, |(index, _)| Bucket::new(*index).highest())
    }

    /// The mean of the buckets' middles, summed up as the histogram does it.
    pub(super) fn mean(&self) -> f64 {
        let share = |(bucket, count): (Bucket, u64)| bucket.middle() as f64 * count as f64 / self.total as f64;
        self.iter().map(share).fold(0.0, |sum, share| sum + share)
    }

    /// Reads the HDR V2 format, DEFLATE-compressed.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, InvalidDistribution> {
        let wrong = |what: &str| InvalidDistribution::Encoding(what.to_owned());
        let mut outer = Fields(bytes);
        if outer.u32() != Some(COMPRESSED) {
            return Err(wrong("it does not begin like one"));
        }
        let length = outer.u32().ok_or_else(|| wrong("it is too short"))? as usize;
        let deflated = outer.0.get(..length).ok_or_else(|| wrong("it is cut off"))?;
        INFLATED.with_borrow_mut(|inflated| Self::plain(inflated.of(deflated)?))
    }

    /// Reads the HDR V2 format.
    fn plain(bytes: &[u8]) -> Result<Self, InvalidDistribution> {
        let wrong = |what: &str| InvalidDistribution::Encoding(what.to_owned());
        let mut fields = Fields(bytes);
        if fields.u32() != Some(PLAIN) {
            return Err(wrong("what was compressed does not begin like one"));
        }
        let mut header = || {
            let (length, offset, digits) = (fields.u32()?, fields.u32()?, fields.u32()?);
            Some((length, offset, digits, fields.u64()?, fields.u64()?, fields.u64()?))
        };
        let (length, offset, digits, low, high, ratio) = header().ok_or_else(|| wrong("its header is cut off"))?;
        #[expect(clippy::float_cmp, reason = "one is written, and nothing else is understood")]
        let shifted = offset != 0 || f64::from_bits(ratio) != 1.0;
        if shifted {
            return Err(wrong("its values are shifted or scaled"));
        }
        if (low, high, digits) != (1, HIGHEST_US, u32::from(DIGITS)) {
            let digits = u8::try_from(digits).unwrap_or(u8::MAX);
            return Err(InvalidDistribution::Bounds { low, high, digits });
        }
        if fields.0.len() != length as usize {
            return Err(wrong("its length is another than it says"));
        }
        Self::counters(&mut fields).ok_or_else(|| wrong("its counters do not fit"))
    }

    /// Counts from the first bucket on; a negative number stands for so many empty buckets.
    fn counters(fields: &mut Fields<'_>) -> Option<Self> {
        let mut counters = Self {
            // A number is a byte or two for most buckets.
            buckets: Vec::with_capacity(fields.0.len()),
            total: 0,
        };
        let mut index = 0;
        while !fields.0.is_empty() {
            let number = fields.signed()?;
            if number < 0 {
                index = u32::try_from(number.unsigned_abs()).ok()?.checked_add(index)?;
            } else {
                if number > 0 {
                    counters.buckets.push((index, number as u64));
                    counters.total = counters.total.checked_add(number as u64)?;
                }
                index += 1;
            }
            if index > BUCKETS {
                return None;
            }
        }
        counters.buckets.shrink_to_fit();
        Some(counters)
    }
}

thread_local! {
    static INFLATED: RefCell<Inflated> = RefCell::new(Inflated {
        state: Decompress::new(true),
        // The longest there can be: counters of nine bytes in every bucket.
        bytes: vec![0; HEADER + BUCKETS as usize * WIDEST],
    });
}

/// A decompressor that is used again: making one takes longer than most distributions take.
struct Inflated {
    state: Decompress,
    bytes: Vec<u8>,
}

impl Inflated {
    fn of(&mut self, deflated: &[u8]) -> Result<&[u8], InvalidDistribution> {
        self.state.reset(true);
        // What does not fit into the room that there is stays behind, and is too long.
        match self
            .state
            .decompress(deflated, &mut self.bytes, FlushDecompress::Finish)
        {
            Ok(Status::StreamEnd) => Ok(&self.bytes[..self.state.total_out() as usize]),
            Ok(_) => Err(InvalidDistribution::Encoding("it is cut off or too long".to_owned())),
            Err(error) => Err(InvalidDistribution::Encoding(error.to_string())),
        }
    }
}

/// Bytes that are still to be read.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*bytes))
    }

    /// Seven bits a byte, the least first, the ninth byte whole; zigzag, so that small negative numbers are short.
    fn signed(&mut self) -> Option<i64> {
        let mut value = 0;
        for place in 0..WIDEST {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            if place + 1 == WIDEST {
                value |= u64::from(*byte) << (7 * place);
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                break;
            }
        }
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}
