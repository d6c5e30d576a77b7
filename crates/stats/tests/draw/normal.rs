//! Normal noise for simulations.

use tribunal_model::seed::{SplitMix64, ln};

/// Marsaglia's polar method, by the logarithm that is the same on every machine.
pub(crate) fn normal(random: &mut SplitMix64) -> f64 {
    loop {
        let (u, v) = (2.0 * random.next_unit() - 1.0, 2.0 * random.next_unit() - 1.0);
        let square = u * u + v * v;
        if square < 1.0 && square > 0.0 {
            return u * (-2.0 * ln(square) / square).sqrt();
        }
    }
}
