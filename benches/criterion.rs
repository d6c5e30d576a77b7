//! How long the micro benches of all crates measure; each takes this file in by its path.

use std::time::Duration;

use criterion::Criterion;

/// Short measurements: a bench is about nanoseconds, and there are dozens.
pub(crate) fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(50)
        .nresamples(10_000)
        .configure_from_args()
}
