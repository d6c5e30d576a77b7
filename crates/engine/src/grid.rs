//! The sample grid and what threads hand over at its edges.

use std::collections::BTreeMap;

use tribunal_model::trial::Windows;
use tribunal_stats::facts::FirstSend;
use tribunal_stats::{Activity, Follower, OffsetSet, PartitionCount, Tallies};

use crate::lag::ReportLag;

const SECOND: i64 = 1_000_000_000;

/// The edges at which samples end: whole seconds from t0 up to t1, from t1 up to t2 with t2 itself, and from t2 on.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    t1: i64,
    t2: i64,
}

impl Grid {
    /// The grid of a trial.
    pub fn new(windows: &Windows) -> Self {
        Self {
            t1: windows.t1_ns(),
            t2: windows.t2_ns(),
        }
    }

    /// The first edge after `instant`, both from t0.
    pub fn edge_after(&self, instant: i64) -> i64 {
        let (origin, end) = if instant < self.t1 {
            (0, self.t1)
        } else if instant < self.t2 {
            (self.t1, self.t2)
        } else {
            (self.t2, i64::MAX)
        };
        (origin + ((instant - origin).div_euclid(SECOND) + 1) * SECOND).min(end)
    }

    /// The edge at or before `instant`.
    pub fn edge_before(&self, instant: i64) -> i64 {
        let origin = if instant < self.t1 {
            0
        } else if instant < self.t2 {
            self.t1
        } else {
            self.t2
        };
        origin + (instant - origin).div_euclid(SECOND) * SECOND
    }
}

/// What one thread did between two edges.
#[derive(Debug, Default)]
pub struct Slice {
    /// The edge at which it began.
    pub start_ns: i64,
    /// Fates and latencies.
    pub tallies: Tallies,
    /// Everything else; `in_flight` is taken at the end.
    pub activity: Activity,
}

/// What a sender thread says when it has ended, apart from its slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderEnd {
    /// When it began, from t0.
    pub start_error_ns: i64,
    /// The first record that its client took.
    pub first: Option<FirstSend>,
    /// When its load ended, from t0.
    pub load_end_ns: i64,
    /// Records that it had dropped or that were rejected by t1 and by t2.
    pub dropped: [u64; 2],
    /// For how long its thread was runnable and did not run.
    pub run_queue_ns: u64,
}

/// What a report thread says when it has ended, apart from its slices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportsEnd {
    /// Delivery reports that had arrived by t1 and by t2.
    pub resolved: [u64; 2],
    /// By partition.
    pub partitions: BTreeMap<i32, PartitionCount>,
    /// Offsets of acknowledged records by partition, where they were asked for.
    pub offsets: BTreeMap<i32, OffsetSet>,
    /// Sequences of acknowledged records, where they are read back.
    pub sequences: Option<OffsetSet>,
    /// Intended sends of followed records, where there are consumers; a place is a partition.
    pub followed: Option<Follower>,
    /// How long reports may have waited for the report thread in the window.
    pub lag: ReportLag,
    /// When the client was purged, from t0.
    pub purged_ns: Option<i64>,
    /// Unresolved records that may be in the log.
    pub perhaps_after_purge: u64,
    /// Records of which the client never said a word.
    pub missing: u64,
    /// Errors that concern no single record.
    pub errors: Vec<(String, String, u64)>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_ends_of_the_window_are_edges() {
        let windows = Windows {
            warm_up: Duration::from_millis(1500),
            measure: Duration::from_millis(2250),
            drain: Duration::from_secs(1),
        };
        let grid = Grid::new(&windows);
        let mut edges = vec![0];
        while edges.len() < 9 {
            edges.push(grid.edge_after(*edges.last().unwrap()));
        }
        let millis: Vec<i64> = edges.iter().map(|e| e / 1_000_000).collect();
        assert_eq!(millis, [0, 1000, 1500, 2500, 3500, 3750, 4750, 5750, 6750]);
        assert_eq!(grid.edge_before(3_749_999_999), 3_500_000_000);
        assert_eq!(grid.edge_before(3_750_000_000), 3_750_000_000);
        assert_eq!(grid.edge_before(-5), -1_000_000_000);
    }
}
