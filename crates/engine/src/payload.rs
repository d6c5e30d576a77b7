//! The payload pool: record bodies made before the load begins.

use std::path::PathBuf;

use tribunal_model::seed::{SplitMix64, derive, ln};
use tribunal_model::trial::{Content, RecordShape, Size};

/// The most bytes that a pool takes.
const MOST_BYTES: usize = 256 << 20;
/// Records in a pool of small records.
const MANY: usize = 1 << 16;

/// Record bodies, one after the other in one buffer that never moves, so that a client may send them without a copy.
///
/// Records are used in turn. The pool holds more than four batches' worth, so no body repeats within a batch:
/// repetition would flatter codecs with large windows.
#[derive(Debug)]
pub struct PayloadPool {
    bytes: Box<[u8]>,
    ends: Box<[usize]>,
}

impl PayloadPool {
    /// Makes the bodies for batches of at most `batch_bytes` bytes and `batch_records` records.
    pub fn new(shape: &RecordShape, seed: u64, batch_bytes: usize, batch_records: usize) -> Result<Self, Error> {
        let mut random = SplitMix64::new(derive(&[seed, crate::schedule::PAYLOADS]));
        match &shape.content {
            Content::Generated { compressibility } => {
                let wanted = batch_bytes.saturating_mul(4).min(MOST_BYTES);
                let most = batch_records
                    .saturating_mul(4)
                    .clamp(8, MANY.max(batch_records.saturating_mul(4)));
                let mut bytes = Vec::new();
                let mut ends = Vec::new();
                while ends.len() < 8 || (bytes.len() <= wanted && ends.len() <= most) {
                    let length = draw(&shape.size, &mut random) as usize;
                    fill(&mut bytes, length, *compressibility, &mut random);
                    ends.push(bytes.len());
                }
                Ok(Self {
                    bytes: bytes.into(),
                    ends: ends.into(),
                })
            }
            Content::Samples { files } => {
                let mut bytes = Vec::new();
                let mut ends = Vec::new();
                for file in files {
                    let path = PathBuf::from(file);
                    let body = std::fs::read(&path).map_err(|source| Error::Read {
                        path: path.clone(),
                        source,
                    })?;
                    bytes.extend_from_slice(&body);
                    ends.push(bytes.len());
                    if bytes.len() > MOST_BYTES {
                        return Err(Error::TooLarge { path });
                    }
                }
                if ends.is_empty() {
                    return Err(Error::NoSamples);
                }
                Ok(Self {
                    bytes: bytes.into(),
                    ends: ends.into(),
                })
            }
        }
    }

    /// A pool of bodies that somebody else made: all of them one after the other, and the end of each. None where the
    /// ends are not ascending up to the last byte.
    pub fn of(bytes: impl Into<Box<[u8]>>, ends: impl Into<Box<[usize]>>) -> Option<Self> {
        let (bytes, ends) = (bytes.into(), ends.into());
        let whole = ends.is_sorted() && ends.last() == Some(&bytes.len());
        whole.then_some(Self { bytes, ends })
    }

    /// Number of bodies.
    pub fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    /// Never: a pool has at least one body.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The body of a producer's first record: producers begin evenly spread over the pool.
    pub fn first_body(&self, index: u32, producers: u32) -> u32 {
        (u64::from(index) * u64::from(self.len()) / u64::from(producers.max(1))) as u32
    }

    /// The body with this number, which must be below [`Self::len`].
    pub fn body(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }
}

/// Why a payload pool cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A sample file cannot be read on this host.
    #[error("sample file {path} cannot be read on this host")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The samples together are too large.
    #[error("samples exceed 256 MiB at {path}; use fewer or smaller files")]
    TooLarge {
        /// The file that crossed the limit.
        path: PathBuf,
    },
    /// The plan names no sample.
    #[error("no sample file is named")]
    NoSamples,
}

/// A size by its distribution.
fn draw(size: &Size, random: &mut SplitMix64) -> u32 {
    match size {
        Size::Fixed(bytes) => *bytes,
        Size::Uniform { min, max } => min + random.below(u64::from(max - min) + 1) as u32,
        Size::LogNormal { median, sigma, max } => {
            // Box and Muller; only the shape matters here, not the bits.
            let radius = (-2.0 * ln(random.next_unit())).sqrt();
            let normal = radius * (std::f64::consts::TAU * random.next_unit()).cos();
            let drawn = f64::from(*median) * (sigma * normal).exp();
            (drawn.round().max(1.0) as u32).min(*max)
        }
        Size::Weighted(choices) => {
            let total: f64 = choices.iter().map(|(_, weight)| weight).sum();
            let mut left = random.next_unit() * total;
            for (bytes, weight) in choices {
                left -= weight;
                if left <= 0.0 {
                    return *bytes;
                }
            }
            choices.last().map_or(0, |(bytes, _)| *bytes)
        }
    }
}

/// Appends a body of which the share `compressibility` is one repeated byte and the rest noise, mixed in runs of up to 64.
fn fill(bytes: &mut Vec<u8>, length: usize, compressibility: f64, random: &mut SplitMix64) {
    let end = bytes.len() + length;
    while bytes.len() < end {
        let run = (end - bytes.len()).min(64);
        let noise = ((run as f64) * (1.0 - compressibility)).round() as usize;
        for _ in 0..noise.div_ceil(8) {
            bytes.extend_from_slice(&random.next_u64().to_le_bytes());
        }
        let start = bytes.len() - noise.div_ceil(8) * 8;
        bytes.truncate(start + noise);
        bytes.resize(start + run, b'.');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(size: Size, compressibility: f64) -> PayloadPool {
        let shape = RecordShape {
            size,
            content: Content::Generated { compressibility },
            headers: Vec::new(),
        };
        PayloadPool::new(&shape, 1, 1_000_000, 10_000).unwrap()
    }

    #[test]
    fn a_pool_outlasts_four_batches_and_repeats_nothing() {
        let pool = pool(Size::Fixed(100), 0.5);
        assert!(
            pool.len() > 4 * 10_000 || pool.len() as usize * 100 > 4 * 1_000_000,
            "{}",
            pool.len()
        );
        let mut bodies: Vec<&[u8]> = (0..pool.len()).map(|i| pool.body(i)).collect();
        assert!(bodies.iter().all(|body| body.len() == 100));
        bodies.sort_unstable();
        bodies.dedup();
        assert_eq!(bodies.len() as u32, pool.len());
    }

    #[test]
    fn compressibility_is_the_share_of_filler() {
        for share in [0.0, 0.25, 0.5, 0.9] {
            let pool = pool(Size::Fixed(1024), share);
            let filler = (0..100).flat_map(|i| pool.body(i)).filter(|b| **b == b'.').count() as f64 / 102_400.0;
            assert!((filler - share).abs() < 0.03, "{share}: {filler}");
        }
    }

    #[test]
    fn sizes_follow_their_distribution() {
        let sizes = |size| {
            let pool = pool(size, 0.5);
            (0..pool.len()).map(|i| pool.body(i).len()).collect::<Vec<_>>()
        };
        let uniform = sizes(Size::Uniform { min: 10, max: 20 });
        assert_eq!(
            (*uniform.iter().min().unwrap(), *uniform.iter().max().unwrap()),
            (10, 20)
        );
        let mut log_normal = sizes(Size::LogNormal {
            median: 200,
            sigma: 1.0,
            max: 2000,
        });
        log_normal.sort_unstable();
        let median = log_normal[log_normal.len() / 2];
        assert!(
            (180..220).contains(&median) && *log_normal.last().unwrap() == 2000,
            "{median}"
        );
        let weighted = sizes(Size::Weighted(vec![(1, 3.0), (100, 1.0)]));
        let small = weighted.iter().filter(|s| **s == 1).count() as f64 / weighted.len() as f64;
        assert!((small - 0.75).abs() < 0.02, "{small}");
    }

    #[test]
    fn a_missing_sample_is_named() {
        let content = Content::Samples {
            files: vec!["/nonexistent/a".into()],
        };
        let shape = RecordShape {
            size: Size::Fixed(1),
            content,
            headers: Vec::new(),
        };
        let error = PayloadPool::new(&shape, 1, 1, 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "sample file /nonexistent/a cannot be read on this host"
        );
    }
}
