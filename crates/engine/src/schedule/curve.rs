//! Which instant belongs to an amount of work.
//!
//! Work is what a profile has asked for since t0, in units of 10⁻¹⁵ record: millionths of a record per second × ns. At the
//! borders of segments it is a sum of [`Segment::work`], an exact integer. The instant of a work w is the latest one by
//! which no more than w has been asked for, in whole nanoseconds rounded down: inside a segment the only such instant, and
//! of a pause its end.
//!
//! Inside a segment of L ns from rate a to rate b that begins with work B, let c = w − B:
//!
//! - a = b: c div a, in integers.
//! - a < b: x, and a > b: L − x, truncated and held to 0..=L−1, where x is counted from the slower end. In IEEE doubles, in
//!   this order and without fused operations: s = min(a, b); d = |a − b|; p = c (a < b) or work of the segment − c (a > b);
//!   q = 2 · p; x = q ÷ (s + sqrt(s · s + (q · d) ÷ L)); x = 0 where p = 0. Integers become doubles by rounding to nearest,
//!   ties to even. Counted from the slower end all terms are positive and nothing cancels: x is off by less than
//!   2⁻⁵⁰ of itself, below 0.1 ns for the longest segment.

use std::sync::Arc;

use tribunal_model::profile::{After, Profile, Segment};

/// The work of one record.
pub(super) const RECORD: u128 = 1_000_000_000_000_000;

/// A profile and the place in it that the last question was about. Questions ascend.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    profile: Arc<Profile>,
    /// Length in nanoseconds and work of all segments.
    whole: (u128, u128),
    /// The present segment; behind the last one, what follows it.
    place: usize,
    /// Where that begins: nanoseconds from t0, work.
    begins: (u128, u128),
}

impl Curve {
    pub(super) fn new(profile: &Profile) -> Self {
        let segments = profile.segments().iter();
        Self {
            whole: segments.fold((0, 0), |(length, work), s| {
                (length + u128::from(s.length_ns), work + s.work())
            }),
            profile: Arc::new(profile.clone()),
            place: 0,
            begins: (0, 0),
        }
    }

    /// The instant of `work`, in nanoseconds from t0; the latest of all for what is never asked for.
    pub(super) fn instant(&mut self, work: u128) -> i64 {
        loop {
            let (start, before) = self.begins;
            let within = work - before;
            let offset = match self.profile.segments().get(self.place) {
                Some(segment) if within < segment.work() => offset(segment, within),
                Some(segment) => {
                    self.begins = (start + u128::from(segment.length_ns), before + segment.work());
                    self.place += 1;
                    continue;
                }
                None => match self.profile.after() {
                    After::Hold => {
                        let held = self.profile.segments().last().map_or(0, |segment| segment.to_micro);
                        within.checked_div(u128::from(held)).unwrap_or(i64::MAX as u128)
                    }
                    After::Repeat => {
                        let (length, each) = self.whole;
                        let Some(rounds) = within.checked_div(each) else {
                            return i64::MAX;
                        };
                        self.begins = (start + rounds * length, before + rounds * each);
                        self.place = 0;
                        continue;
                    }
                },
            };
            return i64::try_from(start + offset).unwrap_or(i64::MAX);
        }
    }
}

/// The offset in a segment at which `within` of its work has been asked for; less than all of it.
fn offset(segment: &Segment, within: u128) -> u128 {
    let Segment {
        length_ns,
        from_micro,
        to_micro,
    } = *segment;
    if from_micro == to_micro {
        return within / u128::from(from_micro);
    }
    let rises = from_micro < to_micro;
    let part = if rises { within } else { segment.work() - within };
    if part == 0 {
        return 0;
    }
    let (slow, steep, length) = (
        from_micro.min(to_micro) as f64,
        from_micro.abs_diff(to_micro) as f64,
        length_ns as f64,
    );
    let twice = 2.0 * part as f64;
    let run = twice / (slow + (slow * slow + twice * steep / length).sqrt());
    let from_start = if rises { run } else { length - run };
    u128::from((from_start as u64).min(length_ns - 1))
}
