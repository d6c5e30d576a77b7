//! How this agent's clock stands to the coordinator's.
//!
//! Four-timestamp exchanges (RFC 5905, section 8, without its filters): the agent sends t0 of its own clock, the
//! coordinator adds t1 and t2 of its own, the agent notes t3. The offset is ((t1 − t0) + (t2 − t3)) ÷ 2, off by at
//! most half of the round trip (t3 − t0) − (t2 − t1), however the two directions share it. Of many exchanges the one with
//! the least round trip counts.

use tribunal_stats::facts::ClockFacts;

/// Exchanges of one measurement.
pub(crate) const EXCHANGES: u32 = 32;

/// One exchange; instants in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// t0, agent's clock.
    pub(crate) sent: i64,
    /// t1, coordinator's clock.
    pub(crate) received: i64,
    /// t2, coordinator's clock.
    pub(crate) returned: i64,
    /// t3, agent's clock.
    pub(crate) arrived: i64,
}

impl Exchange {
    fn round_trip_ns(&self) -> i64 {
        ((self.arrived - self.sent) - (self.returned - self.received)).max(0)
    }

    /// Coordinator's clock − agent's.
    fn offset_ns(&self) -> i64 {
        i64::midpoint(self.received - self.sent, self.returned - self.arrived)
    }
}

/// A measurement in progress: the best of its exchanges so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measurement {
    best: Option<Exchange>,
    exchanges: u32,
}

impl Measurement {
    /// Takes one exchange.
    pub(crate) fn add(&mut self, exchange: Exchange) {
        self.exchanges += 1;
        if self
            .best
            .is_none_or(|best| exchange.round_trip_ns() < best.round_trip_ns())
        {
            self.best = Some(exchange);
        }
    }

    /// Whether it has all its exchanges.
    pub(crate) fn complete(&self) -> bool {
        self.exchanges >= EXCHANGES
    }

    /// What it says.
    pub(crate) fn facts(&self) -> Option<ClockFacts> {
        self.best.map(|best| ClockFacts {
            offset_ns: best.offset_ns(),
            bound_ns: best.round_trip_ns() / 2 + 1,
            round_trip_ns: best.round_trip_ns(),
            exchanges: self.exchanges,
        })
    }
}

#[cfg(test)]
mod tests {
    use tribunal_model::seed::SplitMix64;

    use super::*;

    /// Exchanges with a coordinator that is `offset` ahead, over a path of two independent random delays.
    fn measured(offset: i64, out_ns: u64, back_ns: u64, seed: u64) -> ClockFacts {
        let mut random = SplitMix64::new(seed);
        let mut measurement = Measurement::default();
        let mut now = 1_000_000_000;
        while !measurement.complete() {
            let (out, held, back) = (
                random.below(out_ns + 1),
                random.below(50_000),
                random.below(back_ns + 1),
            );
            let received = now + out as i64;
            let returned = received + held as i64;
            let arrived = returned + back as i64;
            measurement.add(Exchange {
                sent: now,
                received: received + offset,
                returned: returned + offset,
                arrived,
            });
            now = arrived + 1000;
        }
        measurement.facts().unwrap()
    }

    #[test]
    fn the_true_offset_is_always_within_the_bound() {
        for seed in 0..500 {
            for offset in [0, 50_000_000, -500_000_000, 1 << 50] {
                for (out, back) in [(100_000, 100_000), (40_000_000, 1000), (0, 3_000_000)] {
                    let facts = measured(offset, out, back, seed);
                    let error = (facts.offset_ns - offset).abs();
                    assert!(error <= facts.bound_ns, "{offset} {out} {back}: {facts:?}");
                }
            }
        }
    }

    #[test]
    fn a_path_that_is_slow_one_way_is_bounded_and_not_hidden() {
        let mut measurement = Measurement::default();
        measurement.add(Exchange {
            sent: 0,
            received: 40_000_000,
            returned: 40_000_000,
            arrived: 40_000_000,
        });
        let facts = measurement.facts().unwrap();
        assert_eq!(facts.offset_ns, 20_000_000);
        assert!(facts.bound_ns >= 20_000_000);
    }
}
