//! Limits of validity: what may be tightened or loosened in a plan's `[limits]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Beyond these a trial is invalid, because the harness or the host was what it measured.
///
/// A limit looser than the default is printed under a report's title.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How far apart agents may have started, with the clocks' bounds added.
    pub start_skew: Duration,
    /// 99th percentile of the schedule delay: how late our own sender was, the client's refusals apart.
    pub schedule_delay_p99: Duration,
    /// Share of the sends that our own sender made more than a millisecond late.
    pub late_sends: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start_skew: Duration::from_millis(10),
            schedule_delay_p99: Duration::from_millis(5),
            late_sends: 0.05,
        }
    }
}

impl Limits {
    /// The limits that are looser than the default, as `name value (default value)`.
    pub fn loosened(&self) -> Vec<String> {
        let default = Self::default();
        let mut loosened = Vec::new();
        let mut duration = |name: &str, ours: Duration, theirs: Duration| {
            if ours > theirs {
                loosened.push(format!("{name} {ours:?} (default {theirs:?})"));
            }
        };
        duration("start_skew", self.start_skew, default.start_skew);
        duration(
            "schedule_delay_p99",
            self.schedule_delay_p99,
            default.schedule_delay_p99,
        );
        if self.late_sends > default.late_sends {
            loosened.push(format!(
                "late_sends {} (default {})",
                self.late_sends, default.late_sends
            ));
        }
        loosened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_looser_limits_are_told() {
        assert!(Limits::default().loosened().is_empty());
        let tighter = Limits {
            start_skew: Duration::from_millis(1),
            ..Limits::default()
        };
        assert!(tighter.loosened().is_empty());
        let looser = Limits {
            start_skew: Duration::from_millis(50),
            ..Limits::default()
        };
        assert_eq!(looser.loosened(), ["start_skew 50ms (default 10ms)"]);
    }
}
