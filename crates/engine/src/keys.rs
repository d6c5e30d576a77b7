//! The keys of one producer's records.

use std::sync::Arc;

use tribunal_model::seed::SplitMix64;
use tribunal_model::trial::Keys;

use crate::schedule::{KEYS, Place};

/// One producer's keys, one for each record, in order.
#[derive(Clone, Debug)]
pub struct KeyStream {
    kind: Kind,
    random: SplitMix64,
}

#[derive(Clone, Debug)]
enum Kind {
    None,
    Sequence { next: u64, step: u64, cardinality: u64 },
    Uniform { cardinality: u64 },
    Zipf(Zipf),
    Listed { keys: Arc<[u64]>, next: usize },
}

impl KeyStream {
    /// These keys in turn, again and again; none where there is none.
    pub fn listed(keys: impl Into<Arc<[u64]>>) -> Self {
        Self {
            kind: Kind::Listed {
                keys: keys.into(),
                next: 0,
            },
            random: SplitMix64::new(0),
        }
    }

    /// The keys of the producer at `place`.
    pub fn new(keys: Keys, place: Place) -> Self {
        let kind = match keys {
            Keys::None => Kind::None,
            Keys::Sequence { cardinality } => Kind::Sequence {
                next: u64::from(place.index),
                step: u64::from(place.producers.max(1)),
                cardinality,
            },
            Keys::Uniform { cardinality } => Kind::Uniform { cardinality },
            Keys::Zipf { cardinality, exponent } => Kind::Zipf(Zipf::new(cardinality, exponent)),
        };
        Self {
            kind,
            random: place.stream(KEYS),
        }
    }

    /// The next record's key.
    pub fn take(&mut self) -> Option<u64> {
        match &mut self.kind {
            Kind::None => None,
            Kind::Sequence {
                next,
                step,
                cardinality,
            } => {
                let key = *next % (*cardinality).max(1);
                *next = next.wrapping_add(*step);
                Some(key)
            }
            Kind::Uniform { cardinality } => Some(self.random.below((*cardinality).max(1))),
            Kind::Zipf(zipf) => Some(zipf.draw(&mut self.random)),
            Kind::Listed { keys, next } => {
                let key = keys.get(*next).copied();
                *next = (*next + 1) % keys.len().max(1);
                key
            }
        }
    }
}

/// Zipf over `0..n` by rejection-inversion: Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone
/// discrete distributions" (ACM TOMACS 1996). Constant memory, about one try a draw.
#[derive(Clone, Debug)]
struct Zipf {
    n: f64,
    exponent: f64,
    at_first: f64,
    at_last: f64,
    shortcut: f64,
}

impl Zipf {
    fn new(cardinality: u64, exponent: f64) -> Self {
        let n = cardinality.max(1) as f64;
        let mut zipf = Self {
            n,
            exponent,
            at_first: 0.0,
            at_last: 0.0,
            shortcut: 0.0,
        };
        zipf.at_first = zipf.integral(1.5) - 1.0;
        zipf.at_last = zipf.integral(n + 0.5);
        zipf.shortcut = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.weight(2.0));
        zipf
    }

    fn draw(&self, random: &mut SplitMix64) -> u64 {
        loop {
            let u = self.at_last + random.next_unit() * (self.at_first - self.at_last);
            let x = self.inverse(u);
            let k = x.round().clamp(1.0, self.n);
            if k - x <= self.shortcut || u >= self.integral(k + 0.5) - self.weight(k) {
                return k as u64 - 1;
            }
        }
    }

    fn weight(&self, x: f64) -> f64 {
        (-self.exponent * x.ln()).exp()
    }

    /// ∫ x^−s dx, up to a constant: (x^(1−s) − 1) ÷ (1 − s), ln x for s = 1.
    fn integral(&self, x: f64) -> f64 {
        let log = x.ln();
        expm1_over((1.0 - self.exponent) * log) * log
    }

    fn inverse(&self, y: f64) -> f64 {
        let t = (y * (1.0 - self.exponent)).max(-1.0);
        (log1p_over(t) * y).exp()
    }
}

/// (e^x − 1) ÷ x, continued to 1 at 0.
fn expm1_over(x: f64) -> f64 {
    if x.abs() > 1e-8 {
        x.exp_m1() / x
    } else {
        1.0 + x / 2.0 * (1.0 + x / 3.0)
    }
}

/// ln(1 + x) ÷ x, continued to 1 at 0.
fn log1p_over(x: f64) -> f64 {
    if x.abs() > 1e-8 {
        x.ln_1p() / x
    } else {
        1.0 - x * (0.5 - x / 3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(keys: Keys, index: u32) -> KeyStream {
        KeyStream::new(
            keys,
            Place {
                seed: 1,
                block: 0,
                index,
                producers: 2,
            },
        )
    }

    fn counts(keys: Keys, cardinality: usize, draws: usize) -> Vec<f64> {
        let mut stream = stream(keys, 0);
        let mut counts = vec![0.0; cardinality];
        for _ in 0..draws {
            counts[stream.take().unwrap() as usize] += 1.0;
        }
        counts
    }

    #[test]
    fn producers_share_one_sequence_of_keys() {
        let mut first = stream(Keys::Sequence { cardinality: 5 }, 0);
        let mut second = stream(Keys::Sequence { cardinality: 5 }, 1);
        let keys: Vec<u64> = (0..5)
            .flat_map(|_| [first.take().unwrap(), second.take().unwrap()])
            .collect();
        assert_eq!(keys, [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
        assert_eq!(stream(Keys::None, 0).take(), None);
    }

    #[test]
    fn zipf_weights_fall_as_its_exponent_says() {
        for exponent in [0.5, 1.0, 1.5] {
            let counts = counts(
                Keys::Zipf {
                    cardinality: 100,
                    exponent,
                },
                100,
                400_000,
            );
            let norm: f64 = (1..=100).map(|k| f64::from(k).powf(-exponent)).sum();
            for k in [1usize, 2, 5, 20] {
                let expected = 400_000.0 * (k as f64).powf(-exponent) / norm;
                let seen = counts[k - 1];
                assert!(
                    (seen - expected).abs() < 6.0 * expected.sqrt(),
                    "s={exponent} k={k}: {seen} for {expected}"
                );
            }
        }
    }

    #[test]
    fn uniform_keys_are_uniform() {
        let counts = counts(Keys::Uniform { cardinality: 10 }, 10, 100_000);
        assert!(counts.iter().all(|c| (c - 10_000.0).abs() < 600.0), "{counts:?}");
    }
}
