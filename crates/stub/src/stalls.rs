//! The intervals in which nothing leaves the stub, and the time in which it works.

/// Half-open intervals, ascending, apart from one another.
///
/// *Work time* is the time that has passed outside of them: it stands still during a stall. An amount of work is planned
/// in work time, so that a stall added later still moves what is not done yet.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    spans: Vec<(i64, i64)>,
}

impl Stalls {
    /// Adds `[start, end)`; `start` must not lie in the past, or work time would jump.
    pub(crate) fn add(&mut self, mut start: i64, mut end: i64) {
        if start >= end {
            return;
        }
        let (joined, apart): (Vec<_>, Vec<_>) = self.spans.iter().partition(|(s, e)| *s <= end && start <= *e);
        for (s, e) in joined {
            start = start.min(s);
            end = end.max(e);
        }
        self.spans = apart;
        self.spans.push((start, end));
        self.spans.sort_unstable();
    }

    /// The first instant at or after `instant` at which an answer may leave.
    pub(crate) fn release(&self, instant: i64) -> i64 {
        let held = self.spans.iter().find(|(start, end)| (*start..*end).contains(&instant));
        held.map_or(instant, |(_, end)| *end)
    }

    /// The work time at an instant.
    pub(crate) fn work_time(&self, instant: i64) -> i64 {
        let stalled: i64 = self
            .spans
            .iter()
            .map(|(start, end)| (instant.min(*end) - start).max(0))
            .sum();
        instant - stalled
    }

    /// The instant at which work time reaches `work`; the end of the stall where that is within one.
    pub(crate) fn instant(&self, work: i64) -> i64 {
        let after = |instant: i64, (start, end): &(i64, i64)| {
            if instant >= *start {
                instant.saturating_add(end - start)
            } else {
                instant
            }
        };
        self.spans.iter().fold(work, after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stall_holds_what_falls_into_it() {
        let mut stalls = Stalls::default();
        stalls.add(100, 200);
        assert_eq!([99, 100, 199, 200].map(|t| stalls.release(t)), [99, 200, 200, 200]);
        assert_eq!(
            [99, 100, 150, 200, 210].map(|t| stalls.work_time(t)),
            [99, 100, 100, 100, 110]
        );
        assert_eq!([99, 100, 110].map(|w| stalls.instant(w)), [99, 200, 210]);
    }

    #[test]
    fn stalls_that_touch_are_one() {
        let mut stalls = Stalls::default();
        for (start, end) in [(100, 200), (300, 400), (200, 300), (50, 60), (500, 500)] {
            stalls.add(start, end);
        }
        assert_eq!(stalls.spans, [(50, 60), (100, 400)]);
    }

    proptest! {
        #[test]
        fn work_time_and_instants_are_inverse(
            spans in prop::collection::vec((0i64..1000, 0i64..100), 0..8),
            instant in 0i64..2000,
        ) {
            let mut stalls = Stalls::default();
            for (start, length) in spans {
                stalls.add(start, start + length);
            }
            prop_assert_eq!(stalls.instant(stalls.work_time(instant)), stalls.release(instant));
        }
    }
}
