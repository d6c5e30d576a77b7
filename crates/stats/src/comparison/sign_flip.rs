//! The check that asks nothing of a distribution.

use serde::{Deserialize, Serialize};
use tribunal_model::seed::{SplitMix64, derive};

/// Pairs up to which every flip is looked at: 16,384 of them.
const MOST_EXACT: usize = 14;
/// Flips that are drawn for more pairs.
const DRAWN: u32 = 1 << MOST_EXACT;

/// How often the mean log-ratio would be as far from 0 if candidate and baseline had been swapped by chance in each
/// block (Fisher's sign-flip test, two-sided).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignFlip {
    /// Share of the flips that are as far or further, the observed one among them.
    pub p: f64,
    /// Flips that were looked at.
    pub flips: u32,
    /// Whether those were all.
    pub exact: bool,
}

impl SignFlip {
    /// The least p that so many pairs can give: 2 of 2ⁿ flips.
    pub fn least(pairs: u32) -> f64 {
        0.5_f64.powi(pairs as i32 - 1)
    }
}

/// Looks at all flips of up to 14 log-ratios, else at 16,384 drawn ones; `None` without a log-ratio.
pub fn sign_flip(log_ratios: &[f64], seed: u64) -> Option<SignFlip> {
    if log_ratios.is_empty() {
        return None;
    }
    // Flips whose sums differ in the last place only are equal.
    let most: f64 = log_ratios.iter().map(|v| v.abs()).sum();
    let reached = log_ratios.iter().sum::<f64>().abs() - 1e-9 * most;
    let n = log_ratios.len();
    if n <= MOST_EXACT {
        let flips = 1u32 << n;
        let mut sum: f64 = log_ratios.iter().sum();
        let mut signs = vec![1.0; n];
        let mut far = 0;
        for flip in 1..=flips {
            far += u32::from(sum.abs() >= reached);
            // Gray's code: each flip turns one sign, and the last one would turn the first again.
            let turned = flip.trailing_zeros() as usize % n;
            sum -= 2.0 * signs[turned] * log_ratios[turned];
            signs[turned] = -signs[turned];
        }
        return Some(SignFlip {
            p: f64::from(far) / f64::from(flips),
            flips,
            exact: true,
        });
    }
    // The sum of eight log-ratios for each way to flip them, so that a drawn byte flips eight at once.
    let sums: Vec<Vec<f64>> = log_ratios
        .chunks(8)
        .map(|eight| {
            let sign = |flips: u32, place: usize| if flips >> place & 1 == 0 { 1.0 } else { -1.0 };
            let sum = |flips| eight.iter().enumerate().map(|(place, v)| sign(flips, place) * v).sum();
            (0..256).map(sum).collect()
        })
        .collect();
    let mut random = SplitMix64::new(derive(&[seed, n as u64, 1]));
    let mut far = 1;
    for _ in 1..DRAWN {
        let words = sums.chunks(8).map(|eight| (eight, random.next_u64().to_le_bytes()));
        let sum: f64 = words
            .flat_map(|(eight, bytes)| eight.iter().zip(bytes))
            .map(|(of, byte)| of[usize::from(byte)])
            .sum();
        far += u32::from(sum.abs() >= reached);
    }
    Some(SignFlip {
        p: f64::from(far) / f64::from(DRAWN),
        flips: DRAWN,
        exact: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(log_ratios: &[f64]) -> f64 {
        sign_flip(log_ratios, 0).unwrap().p
    }

    #[test]
    fn five_pairs_cannot_go_below_a_sixteenth_and_six_can() {
        for n in 1..=16u32 {
            let same: Vec<f64> = (0..n).map(|i| 0.05 + 0.001 * f64::from(i)).collect();
            let told = sign_flip(&same, 0).unwrap();
            assert_eq!(told.exact, n <= 14);
            let least = SignFlip::least(n);
            assert!((told.p - least).abs() < 3.0 / 16384.0, "{n}: {} {least}", told.p);
        }
        assert!((p(&[0.1, 0.2, 0.1, 0.3, 0.2]) - 0.0625).abs() < 1e-12);
        assert!((p(&[0.1, 0.2, 0.1, 0.3, 0.2, 0.2]) - 0.031_25).abs() < 1e-12);
    }

    #[test]
    fn no_difference_is_no_evidence() {
        assert!(p(&[0.0; 6]) >= 1.0);
        assert!(p(&[0.1, -0.1, 0.2, -0.2]) >= 1.0);
        // Of the 8 flips of 1, 2, −0.5 those with sums ±2.5 and ±3.5 are as far.
        assert!((p(&[1.0, 2.0, -0.5]) - 0.5).abs() < 1e-12);
        assert_eq!(sign_flip(&[], 0), None);
    }
}
