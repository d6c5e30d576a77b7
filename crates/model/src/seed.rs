//! The one source of randomness: `SplitMix64`, specified so that every language gives the same bits.
//!
//! `SplitMix64` is Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), with the
//! constants of Vigna's public-domain reference.

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A deterministic stream of 64-bit numbers.
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// A stream from its seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number of the stream.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        mix(self.state)
    }

    /// Uniform in `(0, 1]`, a multiple of 2⁻⁵³.
    pub fn next_unit(&mut self) -> f64 {
        ((self.next_u64() >> 11) + 1) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform in `0..bound` by the multiply-shift method; the bias is below `bound` ÷ 2⁶⁴.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Puts the items in a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u64 + 1) as usize;
            items.swap(i, j);
        }
    }
}

fn mix(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A seed chained over words: `s = 0; for w: s = mix((s xor w) + golden gamma)`, that is, each step is the first
/// output of `SplitMix64` seeded with `s xor w`.
pub fn derive(words: &[u64]) -> u64 {
    words
        .iter()
        .fold(0, |seed, word| SplitMix64::new(seed ^ word).next_u64())
}

/// The natural logarithm of a positive, normal double, from `+ − × ÷` alone.
///
/// The argument is split as m · 2^e with m in [√½, √2); then ln m = 2 artanh((m − 1) ÷ (m + 1)) by its odd power
/// series up to the 21st power. The error is a few units in the last place, the same one on every machine, because IEEE 754 fixes each
/// operation. A fused multiply-add would break that: languages that fuse must be told not to.
pub fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7FF) as i64 - 1023;
    let mut m = f64::from_bits((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
    if m > std::f64::consts::SQRT_2 {
        m /= 2.0;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    let mut k = 21.0;
    while k > 0.0 {
        sum = sum * square + 1.0 / k;
        k -= 2.0;
    }
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // The first outputs of Vigna's splitmix64.c for the seed 1234567.
        let mut stream = SplitMix64::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| stream.next_u64()).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn chained_seeds_differ_by_every_word() {
        let all = [
            derive(&[42, 0, 0]),
            derive(&[42, 0, 1]),
            derive(&[42, 1, 0]),
            derive(&[43, 0, 0]),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn the_logarithm_is_the_logarithm() {
        let mut stream = SplitMix64::new(7);
        for _ in 0..100_000 {
            let u = stream.next_unit();
            let (ours, std) = (ln(u), u.ln());
            assert!(
                (ours - std).abs() <= 4.0 * f64::EPSILON * std.abs().max(f64::MIN_POSITIVE),
                "{u}: {ours} {std}"
            );
        }
        assert!(ln(1.0) == 0.0);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        SplitMix64::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
