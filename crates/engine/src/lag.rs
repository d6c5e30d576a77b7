//! How long delivery reports may have waited for the report thread.

use tribunal_stats::Distribution;

/// A poll that took less than this found its reports waiting.
const AT_ONCE: i64 = 20_000;

/// The report thread's own delay, told as an upper bound.
///
/// A delivery report is stamped when the poll that brings it returns. Where the poll had to wait for it, the last report
/// of the batch was done when the batch was: after the handling. Where the poll found it waiting, it may have come at any
/// instant since the poll before, so the time in which the thread was busy is added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportLag {
    distribution: Distribution,
    max_ns: i64,
    /// When the poll before returned, from t0.
    returned: i64,
    /// The batch in hand: when its poll was called and returned, and its reports.
    batch: Option<(i64, i64, u64)>,
}

impl ReportLag {
    /// Notes a poll, called at `called` and returned at `returned`, that brought `reports`; all from t0.
    pub fn polled(&mut self, called: i64, returned: i64, reports: u64) {
        let waited = returned - called >= AT_ONCE;
        let since = if waited { returned } else { self.returned.min(returned) };
        self.returned = returned;
        self.batch = (reports > 0).then_some((since, returned, reports));
    }

    /// Notes at `now` that the batch in hand has been dealt with; it counts when it came inside `[from, to)`.
    pub fn handled(&mut self, now: i64, from: i64, to: i64) {
        if let Some((since, returned, reports)) = self.batch.take()
            && (from..to).contains(&returned)
        {
            self.distribution.record_many_ns(now - since, reports);
            self.max_ns = self.max_ns.max(now - since);
        }
    }

    /// Adds another report thread's.
    pub fn merge(&mut self, other: &Self) {
        self.distribution.merge(&other.distribution);
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// 99th percentile over delivery reports, in nanoseconds.
    pub fn p99_ns(&self) -> i64 {
        let p99 = self.distribution.quantile(0.99).unwrap_or_default();
        (p99.as_nanos() as i64).min(self.max_ns)
    }

    /// The longest, in nanoseconds.
    pub fn max_ns(&self) -> i64 {
        self.max_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_was_waited_for_lags_by_its_handling() {
        let mut lag = ReportLag::default();
        lag.polled(0, 5_000_000, 10);
        lag.handled(5_300_000, 0, i64::MAX);
        assert_eq!(lag.max_ns(), 300_000);
        // The next poll returns at once: its reports may have come right after the one before returned.
        lag.polled(5_300_000, 5_301_000, 990);
        lag.handled(5_401_000, 0, i64::MAX);
        assert_eq!((lag.max_ns(), lag.p99_ns()), (401_000, 401_000));
    }

    #[test]
    fn what_comes_outside_the_window_is_left_out() {
        let mut lag = ReportLag::default();
        lag.polled(0, 1_000, 1);
        lag.handled(9_000_000, 2_000, 10_000);
        lag.polled(9_000_000, 9_000_000, 0);
        lag.handled(99_000_000, 0, i64::MAX);
        assert_eq!((lag.max_ns(), lag.p99_ns()), (0, 0));
    }
}
