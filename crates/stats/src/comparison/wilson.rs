//! The interval of a share.

/// Wilson's score interval (1927) of a share, `z` standard errors to either side: 1.96 for 95 %.
///
/// Everything is possible when there was nothing to count.
pub fn wilson(successes: u64, n: u64, z: f64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (n as f64, successes as f64 / n as f64);
    let centre = share + z * z / (2.0 * n);
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_textbook() {
        let (low, high) = wilson(15, 50, 1.96);
        assert!(
            (low - 0.191_0).abs() < 1e-4 && (high - 0.437_5).abs() < 1e-4,
            "{low} {high}"
        );
        let (low, high) = wilson(0, 10, 1.96);
        assert!(low <= 0.0 && (high - 0.277_5).abs() < 1e-4, "{high}");
        assert_eq!(wilson(0, 0, 1.96), (0.0, 1.0));
    }
}
