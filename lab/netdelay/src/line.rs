//! The packets that wait, oldest first: when each is let go.

use std::collections::VecDeque;

/// Between which bounds a delay lies; every value between them is as likely as another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) least_ns: i64,
    pub(crate) most_ns: i64,
}

/// What waits, with the instant at which each may go.
///
/// Nothing overtakes: a packet that drew a short delay goes no earlier than the one before it, as on a real line.
#[derive(Debug)]
pub(crate) struct Line<T> {
    spread: Spread,
    waiting: VecDeque<(i64, T)>,
    last_ns: i64,
    random: u64,
}

impl<T> Line<T> {
    pub(crate) fn new(spread: Spread) -> Self {
        Self {
            spread,
            waiting: VecDeque::new(),
            last_ns: i64::MIN,
            random: 0x9E37_79B9_7F4A_7C15,
        }
    }

    pub(crate) fn push(&mut self, now_ns: i64, packet: T) {
        let due_ns = now_ns + self.draw();
        self.last_ns = self.last_ns.max(due_ns);
        self.waiting.push_back((self.last_ns, packet));
    }

    /// The oldest packet, if its time has come.
    pub(crate) fn pop(&mut self, now_ns: i64) -> Option<T> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.waiting.pop_front().map(|(_, packet)| packet)
    }

    /// When the oldest packet may go.
    pub(crate) fn next_ns(&self) -> Option<i64> {
        self.waiting.front().map(|(due_ns, _)| *due_ns)
    }

    /// A delay of the spread, by xorshift64 (Marsaglia 2003): good enough for jitter, and the same in every run.
    fn draw(&mut self) -> i64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let width = (self.spread.most_ns - self.spread.least_ns) as u64 + 1;
        self.spread.least_ns + (self.random % width) as i64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fixed_delay_is_kept_to_the_nanosecond() {
        let mut line = Line::new(Spread {
            least_ns: 10,
            most_ns: 10,
        });
        line.push(100, 'a');
        line.push(105, 'b');
        assert_eq!((line.pop(109), line.next_ns()), (None, Some(110)));
        assert_eq!((line.pop(110), line.next_ns()), (Some('a'), Some(115)));
        assert_eq!((line.pop(114), line.pop(115), line.next_ns()), (None, Some('b'), None));
    }

    proptest! {
        #[test]
        fn all_packets_leave_in_their_order_and_no_earlier_than_the_least_delay(
            gaps in prop::collection::vec(0_i64..50, 1..200),
            least_ns in 0_i64..100,
            width in 0_i64..100,
        ) {
            let most_ns = least_ns + width;
            let mut line = Line::new(Spread { least_ns, most_ns });
            let mut now_ns = 0;
            let arrivals: Vec<i64> = gaps.iter().map(|gap| { now_ns += gap; now_ns }).collect();
            for (number, arrival) in arrivals.iter().enumerate() {
                line.push(*arrival, number);
            }
            for (number, arrival) in arrivals.iter().enumerate() {
                let due_ns = line.next_ns().unwrap();
                // Also for one that waits for the one before it, which came no later.
                prop_assert!((least_ns..=most_ns).contains(&(due_ns - arrival)));
                prop_assert_eq!(line.pop(due_ns - 1), None);
                prop_assert_eq!(line.pop(due_ns), Some(number));
            }
            prop_assert_eq!(line.next_ns(), None);
        }
    }
}
