//! The schedule: the pure sequence of intended sends.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use tribunal_model::profile::Profile;
use tribunal_model::seed::{self, SplitMix64};
use tribunal_model::trial::{Arrivals, Load, Rate, RecordRate};

mod curve;

use curve::{Curve, RECORD};

/// Names the function from (kind, rate or profile, seed, share) to intended sends; agents that differ in it must not be
/// mixed. `docs/schedule.py` is the same function in another language.
pub const FUNCTION: &str = "tribunal-schedule/2";

/// Domain tags that keep the streams of one producer apart; chained behind (seed, block, producer).
pub(crate) const KEYS: u64 = 1;
/// Domain tag of the payload choice.
pub(crate) const PAYLOADS: u64 = 2;

/// One producer's intended sends, in nanoseconds from t0, ascending and without end.
///
/// Uniform: the trial's send number i falls at ⌊i · 10¹⁵ ÷ r⌋ ns, where r is the rate in records per 10⁶ s; producer k of
/// N takes the sends i ≡ k (mod N), so the producers interleave evenly and nothing is rounded twice.
/// Poisson: each producer is a process of its own with rate r ÷ N; a gap is ⌊−ln u · 10¹⁵ · N ÷ r + ½⌋ ns with u from
/// `SplitMix64` seeded by the chain (plan seed, block, producer), and [`seed::ln`] for the logarithm.
///
/// With a profile, time is replaced by *work*: what the profile has asked for since t0, in units of 10⁻¹⁵ record. Send i
/// of the uniform kind falls where the work reaches i records; Poisson gaps are ⌊−ln u · 10¹⁵ · N + ½⌋ units of work, which
/// is a Poisson process in changed time (Çinlar, "Introduction to Stochastic Processes", 1975, section 4.7). What instant
/// belongs to an amount of work is written at `curve`: a pause is jumped over, so that no send falls into it.
///
/// The same bits come out on every platform: nothing but integer arithmetic, IEEE `+ − × ÷` and `sqrt` is used.
#[derive(Clone, Debug)]
pub struct Schedule {
    kind: Kind,
    /// The next intended send.
    at: i64,
}

#[derive(Clone, Debug)]
enum Kind {
    /// ⌊i · 10¹⁵ ÷ r⌋ step by step: a division for each record would cost as much as all the rest of its sending.
    Uniform {
        /// Quotient and remainder of a step's work by the rate.
        gap: (i64, u64),
        /// The remainder so far, below the rate.
        rest: u64,
        micro: u64,
    },
    Poisson {
        mean_gap: f64,
        random: SplitMix64,
    },
    UniformWork {
        next: u128,
        step: u128,
        curve: Curve,
    },
    PoissonWork {
        work: u128,
        mean_gap: f64,
        random: SplitMix64,
        curve: Curve,
    },
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
    /// The place of a producer in a block that sends this load.
    pub fn of(load: &Load, block: u32, index: u32) -> Self {
        Self {
            seed: load.seed,
            block,
            index,
            producers: load.producers,
        }
    }

    /// The seed of one of this producer's random streams.
    pub(crate) fn stream(&self, tag: u64) -> SplitMix64 {
        SplitMix64::new(seed::derive(&[
            self.seed,
            u64::from(self.block),
            u64::from(self.index),
            tag,
        ]))
    }

    /// The stream of its arrivals.
    fn arrivals(&self) -> SplitMix64 {
        SplitMix64::new(seed::derive(&[self.seed, u64::from(self.block), u64::from(self.index)]))
    }
}

impl Schedule {
    /// One producer's schedule of a load; none for a closed loop.
    pub fn of(load: &Load, place: Place) -> Option<Self> {
        match load.rate {
            Rate::Paced(rate) => Some(Self::new(load.arrivals, rate, load.profile.as_ref(), place)),
            Rate::Saturate => None,
        }
    }

    /// The schedule of one producer, for a rate over all producers. With a profile, that says the rate instead.
    pub fn new(arrivals: Arrivals, rate: RecordRate, profile: Option<&Profile>, place: Place) -> Self {
        let producers = place.producers.max(1);
        let (first, step) = (u128::from(place.index), u128::from(producers));
        let (kind, at) = match (arrivals, profile) {
            (Arrivals::Uniform, None) => {
                let divided = |work: u128| {
                    let micro = u128::from(rate.micro());
                    let whole = i64::try_from(work / micro).unwrap_or(i64::MAX);
                    (whole, (work % micro) as u64)
                };
                let (at, rest) = divided(first * RECORD);
                let next = Kind::Uniform {
                    gap: divided(step * RECORD),
                    rest,
                    micro: rate.micro(),
                };
                (next, at)
            }
            (Arrivals::Uniform, Some(profile)) => {
                let mut curve = Curve::new(profile);
                let at = curve.instant(first * RECORD);
                let next = Kind::UniformWork {
                    next: first,
                    step,
                    curve,
                };
                (next, at)
            }
            (Arrivals::Poisson, None) => {
                let mean_gap = 1e15 * f64::from(producers) / rate.micro() as f64;
                let random = place.arrivals();
                (Kind::Poisson { mean_gap, random }, 0)
            }
            (Arrivals::Poisson, Some(profile)) => {
                let work = Kind::PoissonWork {
                    work: 0,
                    mean_gap: 1e15 * f64::from(producers),
                    random: place.arrivals(),
                    curve: Curve::new(profile),
                };
                (work, 0)
            }
        };
        let mut schedule = Self { kind, at };
        if arrivals == Arrivals::Poisson {
            // A process seen from t0 on: the first send comes after the first gap.
            schedule.advance();
        }
        schedule
    }

    /// The next intended send, without taking it.
    pub fn peek(&self) -> i64 {
        self.at
    }

    /// Takes the next intended send.
    pub fn take(&mut self) -> i64 {
        let now = self.at;
        self.advance();
        now
    }

    fn advance(&mut self) {
        match &mut self.kind {
            Kind::Uniform { gap, rest, micro } => {
                *rest += gap.1;
                let carry = *rest >= *micro;
                *rest -= if carry { *micro } else { 0 };
                self.at = self.at.saturating_add(gap.0).saturating_add(i64::from(carry));
            }
            Kind::Poisson { mean_gap, random } => {
                self.at += (-seed::ln(random.next_unit()) * *mean_gap + 0.5) as i64;
            }
            Kind::UniformWork { next, step, curve } => {
                *next += *step;
                self.at = curve.instant(*next * RECORD);
            }
            Kind::PoissonWork {
                work,
                mean_gap,
                random,
                curve,
            } => {
                *work += (-seed::ln(random.next_unit()) * *mean_gap + 0.5) as u128;
                // Two sends within the rounding of the curve must not change places.
                self.at = self.at.max(curve.instant(*work));
            }
        }
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

#[cfg(test)]
mod tests;
