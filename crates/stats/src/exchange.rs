//! How an agent's clock stands to the coordinator's.
//!
//! Four-timestamp exchanges (RFC 5905, section 8, without its filters): the agent sends t0 of its own clock, the
//! coordinator adds t1 and t2 of its own, the agent notes t3. The offset is ((t1 − t0) + (t2 − t3)) ÷ 2, off by at
//! most half of the round trip (t3 − t0) − (t2 − t1), however the two directions share it. Of many exchanges the one with
//! the least round trip counts. What it says is the offset at its middle, (t0 + t3) ÷ 2: the clocks may drift apart while
//! it goes on, and the bound has room for that.

use crate::facts::ClockFacts;

/// The least number of exchanges of one measurement.
const LEAST: u32 = 32;
/// The most: over a short path they cost nothing.
const MOST: u32 = 64;
/// From here on the least number is enough.
const LONG_NS: i64 = 1_000_000_000;
/// Two clocks drift apart by at most one part in this many: the kernel's steering moves either by at most 500 millionths.
const DRIFT: i64 = 1000;

/// One exchange; instants in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// t0, agent's clock.
    pub sent: i64,
    /// t1, coordinator's clock.
    pub received: i64,
    /// t2, coordinator's clock.
    pub returned: i64,
    /// t3, agent's clock.
    pub arrived: i64,
}

impl Exchange {
    fn round_trip_ns(&self) -> i64 {
        ((self.arrived - self.sent) - (self.returned - self.received)).max(0)
    }

    /// Coordinator's clock − agent's, at the exchange's middle.
    fn offset_ns(&self) -> i64 {
        i64::midpoint(self.received - self.sent, self.returned - self.arrived)
    }

    /// The offset is off by at most this: half of the round trip, what the clocks may have drifted apart between the middle
    /// and either end, and the rounding.
    fn bound_ns(&self) -> i64 {
        self.round_trip_ns() / 2 + (self.arrived - self.sent) / DRIFT + 2
    }
}

/// A measurement in progress: the best of its exchanges so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measurement {
    best: Option<Exchange>,
    began: Option<i64>,
    exchanges: u32,
    complete: bool,
}

impl Measurement {
    /// Takes one exchange.
    pub fn add(&mut self, exchange: Exchange) {
        self.exchanges += 1;
        if self.best.is_none_or(|best| exchange.bound_ns() < best.bound_ns()) {
            self.best = Some(exchange);
        }
        let took = exchange.arrived - *self.began.get_or_insert(exchange.sent);
        self.complete = self.exchanges >= MOST || (self.exchanges >= LEAST && took >= LONG_NS);
    }

    /// Whether it has all its exchanges.
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// What it says.
    pub fn facts(&self) -> Option<ClockFacts> {
        self.best.map(|best| ClockFacts {
            offset_ns: best.offset_ns(),
            bound_ns: best.bound_ns(),
            round_trip_ns: best.round_trip_ns(),
            exchanges: self.exchanges,
            at_ns: i64::midpoint(best.sent, best.arrived),
        })
    }
}

#[cfg(test)]
mod tests;
