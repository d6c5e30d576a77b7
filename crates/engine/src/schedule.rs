//! The schedule: the pure sequence of intended sends.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use tribunal_model::seed::{self, SplitMix64};
use tribunal_model::trial::{Arrivals, RecordRate};

/// Names the function from (kind, rate, seed, share) to intended sends; agents that differ in it must not be mixed.
pub const FUNCTION: &str = "tribunal-schedule/1";

/// Domain tags that keep the streams of one producer apart; chained behind (seed, block, producer).
pub(crate) const KEYS: u64 = 1;
/// Domain tag of the payload choice.
pub(crate) const PAYLOADS: u64 = 2;

/// One producer's intended sends, in nanoseconds from t0, ascending and without end.
///
/// Uniform: the trial's send number i falls at ⌊i · 10¹⁵ ÷ r⌋ ns, where r is the rate in records per 10⁶ s; producer k of N takes the sends
/// i ≡ k (mod N), so the producers interleave evenly and nothing is rounded twice.
/// Poisson: each producer is a process of its own with rate r ÷ N; a gap is ⌊−ln u · 10¹⁵ · N ÷ r + ½⌋ ns with u from
/// `SplitMix64` seeded by the chain (plan seed, block, producer), and [`seed::ln`] for the logarithm.
/// The same bits come out on every platform: nothing but integer arithmetic and IEEE `+ − × ÷` is used.
#[derive(Clone, Debug)]
pub struct Schedule {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Uniform { next: u128, step: u128, micro: u128 },
    Poisson { at: i64, mean_gap: f64, random: SplitMix64 },
}

/// Whose sends: producer `index` of `producers` in block `block` of a plan with seed `seed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The plan's seed.
    pub seed: u64,
    /// The block of the trial.
    pub block: u32,
    /// The producer's index in the trial.
    pub index: u32,
    /// Producers of the trial.
    pub producers: u32,
}

impl Place {
    /// The seed of one of this producer's random streams.
    pub(crate) fn stream(&self, tag: u64) -> SplitMix64 {
        SplitMix64::new(seed::derive(&[
            self.seed,
            u64::from(self.block),
            u64::from(self.index),
            tag,
        ]))
    }
}

impl Schedule {
    /// The schedule of one producer for a rate over all producers.
    pub fn new(arrivals: Arrivals, rate: RecordRate, place: Place) -> Self {
        let producers = place.producers.max(1);
        let kind = match arrivals {
            Arrivals::Uniform => Kind::Uniform {
                next: u128::from(place.index),
                step: u128::from(producers),
                micro: u128::from(rate.micro()),
            },
            Arrivals::Poisson => {
                let seed = seed::derive(&[place.seed, u64::from(place.block), u64::from(place.index)]);
                let mean_gap = 1e15 * f64::from(producers) / rate.micro() as f64;
                let mut schedule = Kind::Poisson {
                    at: 0,
                    mean_gap,
                    random: SplitMix64::new(seed),
                };
                // A process seen from t0 on: the first send comes after the first gap.
                schedule.advance();
                return Self { kind: schedule };
            }
        };
        Self { kind }
    }

    /// The next intended send, without taking it.
    pub fn peek(&self) -> i64 {
        match &self.kind {
            Kind::Uniform { next, micro, .. } => (next * 1_000_000_000_000_000 / micro) as i64,
            Kind::Poisson { at, .. } => *at,
        }
    }

    /// Takes the next intended send.
    pub fn take(&mut self) -> i64 {
        let now = self.peek();
        self.kind.advance();
        now
    }

    /// Number of intended sends before `end_ns`, and the SHA-256 over the first `most` of them as little-endian i64, as
    /// hexadecimal text.
    pub fn digest(mut self, end_ns: i64, most: u64) -> (u64, String) {
        let mut hash = Sha256::new();
        let mut count = 0;
        while self.peek() < end_ns {
            let at = self.take();
            if count < most {
                hash.update(at.to_le_bytes());
            }
            count += 1;
        }
        let mut text = String::new();
        for byte in hash.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        (count, text)
    }
}

impl Kind {
    fn advance(&mut self) {
        match self {
            Self::Uniform { next, step, .. } => *next += *step,
            Self::Poisson { at, mean_gap, random } => {
                *at += (-seed::ln(random.next_unit()) * *mean_gap + 0.5) as i64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: f64) -> RecordRate {
        RecordRate::per_second(per_second).unwrap()
    }

    fn place(index: u32, producers: u32) -> Place {
        Place {
            seed: 42,
            block: 0,
            index,
            producers,
        }
    }

    fn sends(arrivals: Arrivals, per_second: f64, place: Place, end_ns: i64) -> Vec<i64> {
        let mut schedule = Schedule::new(arrivals, rate(per_second), place);
        std::iter::from_fn(|| (schedule.peek() < end_ns).then(|| schedule.take())).collect()
    }

    #[test]
    fn uniform_shares_interleave_to_the_whole() {
        for per_second in [1.0, 3.0, 2000.0, 77_777.0] {
            let end = 3_000_000_000;
            let mut all: Vec<i64> = (0..3)
                .flat_map(|k| sends(Arrivals::Uniform, per_second, place(k, 3), end))
                .collect();
            all.sort_unstable();
            assert_eq!(all, sends(Arrivals::Uniform, per_second, place(0, 1), end));
            assert_eq!(all.len(), (3.0 * per_second).ceil() as usize, "{per_second}/s");
        }
    }

    #[test]
    fn a_window_of_a_uniform_schedule_holds_rate_times_length() {
        let all = sends(Arrivals::Uniform, 2000.0, place(0, 1), 10_000_000_000);
        assert_eq!(
            all.iter()
                .filter(|t| (2_000_000_000..5_000_000_000).contains(*t))
                .count(),
            6000
        );
    }

    #[test]
    fn poisson_gaps_are_exponential_and_producers_are_independent() {
        let a = sends(Arrivals::Poisson, 4000.0, place(0, 2), 100_000_000_000);
        let b = sends(Arrivals::Poisson, 4000.0, place(1, 2), 100_000_000_000);
        for share in [&a, &b] {
            let n = share.len() as f64;
            assert!((n - 200_000.0).abs() < 5.0 * 200_000f64.sqrt(), "{n}");
            let gaps: Vec<f64> = share.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
            assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "coefficient of variation");
        }
        assert_ne!(a[..100], b[..100]);
        // Counts per 10 ms of two independent streams do not correlate.
        let counts = |share: &[i64]| {
            let mut counts = vec![0.0; 10_000];
            for t in share {
                counts[(*t / 10_000_000) as usize] += 1.0;
            }
            counts
        };
        let (x, y) = (counts(&a), counts(&b));
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (mx, my) = (mean(&x), mean(&y));
        let covariance: f64 = x.iter().zip(&y).map(|(p, q)| (p - mx) * (q - my)).sum();
        let norm = |v: &[f64], m: f64| v.iter().map(|p| (p - m).powi(2)).sum::<f64>().sqrt();
        let correlation = covariance / (norm(&x, mx) * norm(&y, my));
        assert!(correlation.abs() < 3.0 / 100.0, "{correlation}");
    }

    #[test]
    fn the_bits_are_the_published_ones() {
        // Test vectors for other languages: count before 1 s and SHA-256, for 1,000/s, seed 42, block 0.
        let digest = |arrivals, place| {
            let (count, hash) = Schedule::new(arrivals, rate(1000.0), place).digest(1_000_000_000, 1_000_000);
            format!("{count} {hash}")
        };
        assert_eq!(digest(Arrivals::Uniform, place(0, 1)), VECTORS[0]);
        assert_eq!(digest(Arrivals::Uniform, place(1, 3)), VECTORS[1]);
        assert_eq!(digest(Arrivals::Poisson, place(0, 1)), VECTORS[2]);
        assert_eq!(digest(Arrivals::Poisson, place(1, 3)), VECTORS[3]);
        let first = sends(Arrivals::Poisson, 1000.0, place(0, 1), 1_000_000_000);
        assert_eq!(first[..4], FIRST_POISSON);
    }

    const VECTORS: [&str; 4] = [
        "1000 00ff2ae3126c0e0b5dd292581655d8ed9f7c1624664e716ded2e449982bfcf3c",
        "333 d1c238383bed2baec276f0efe489b3816ceb466bec3d6793d6ebd0689fadaafe",
        "980 04df76f2a5a51568a7cecde532510fe64d4c8bbfbe4d88b57619e89cb339f49f",
        "309 2a9ab6cfaa36338c91f896cd9d4addbaeaee850e2e8ff5547f1b268de8b46885",
    ];
    const FIRST_POISSON: [i64; 4] = [280_523, 1_087_488, 2_500_274, 2_827_075];

    #[test]
    fn a_block_has_its_own_arrivals_and_the_same_ones_next_month() {
        let at = |block| sends(Arrivals::Poisson, 1000.0, Place { block, ..place(0, 1) }, 1_000_000_000);
        assert_eq!(at(0), at(0));
        assert_ne!(at(0), at(1));
    }
}
