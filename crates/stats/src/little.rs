//! Little's law: the records in flight, counted, against the service time, measured.
//!
//! L = λ · W holds for any system that loses nothing, whatever the arrivals and the order of service (J. D. C. Little, "A
//! Proof for the Queuing Formula: L = λW", Operations Research 9, 1961). L comes from counters and W from the instants
//! that records carry, so that instants which are wrong by more than a little break it. Over a window of finite length T
//! the two sides differ by what is in flight at its ends, at most `L_max` · `W_max` ÷ T (Little, "Little's Law as Viewed on
//! Its 50th Anniversary", Operations Research 59, 2011; METHODOLOGY.md, section 7).

/// What is known of one window.
///
/// The service times are those of acknowledged records. Where others were in flight as well (failed, unresolved), their
/// time is in L and not in W, so the law is to be asked only where all but a few records were acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observed {
    /// Mean over the looks of the records in flight.
    pub in_flight_mean: f64,
    /// The most records in flight at a look.
    pub in_flight_max: u64,
    /// Looks, at instants that have nothing to do with the records'.
    pub looks: u64,
    /// Records that the client took between the first look and the last.
    pub accepted: u64,
    /// Nanoseconds between them.
    pub window_ns: u64,
    /// Mean service time in nanoseconds.
    pub mean_service_ns: f64,
    /// Longest service time in nanoseconds.
    pub max_service_ns: f64,
}

/// How the two sides of the law compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Little {
    /// (L − λ · W) ÷ L. Above zero: records were in flight for longer than their service times say.
    pub residual: f64,
    /// What the ends of the window and the resolution of the service times may make of it, as a share of L.
    pub bound: f64,
    /// What the chance of the looks may make of it: three standard errors of the mean of looks at independent records.
    pub noise: f64,
}

impl Little {
    /// The residual that is allowed beyond bound and noise (METHODOLOGY.md, section 7).
    pub const LIMIT: f64 = 0.03;

    /// Whether the instants are right as far as the law can tell.
    pub fn holds(&self) -> bool {
        self.residual.abs() <= Self::LIMIT + self.bound + self.noise
    }

    /// Whether the law can tell much: bound and noise leave less room than the limit.
    pub fn telling(&self) -> bool {
        self.bound + self.noise <= Self::LIMIT
    }
}

/// Service times are kept in whole microseconds rounded down, from instants in steps of 512 ns.
const RESOLUTION_NS: f64 = 1512.0;
/// Looks are a millisecond apart; nearer ones, or ones within a service time, see the same records.
const APART_NS: f64 = 1_000_000.0;

/// Compares the two sides of Little's law; `None` where nothing was seen in flight or nothing was served.
pub fn little(observed: &Observed) -> Option<Little> {
    let Observed {
        in_flight_mean,
        in_flight_max,
        looks,
        accepted,
        window_ns,
        mean_service_ns,
        max_service_ns,
    } = *observed;
    if in_flight_mean <= 0.0 || accepted == 0 || window_ns == 0 || mean_service_ns <= 0.0 {
        return None;
    }
    let window = window_ns as f64;
    let rate = accepted as f64 / window;
    let ends = in_flight_max as f64 * max_service_ns / window;
    // A look sees a count whose variance is its mean, as a Poisson process of independent records has it, and looks
    // within a service time of one another see it but once.
    let independent = (looks as f64).min(window / (2.0 * mean_service_ns + APART_NS)).max(1.0);
    Some(Little {
        residual: (in_flight_mean - rate * mean_service_ns) / in_flight_mean,
        bound: ends / in_flight_mean + rate * RESOLUTION_NS / in_flight_mean,
        noise: 3.0 / (in_flight_mean * independent).sqrt(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10,000/s for 10 s at 20 ms each: 200 in flight.
    const STEADY: Observed = Observed {
        in_flight_mean: 200.0,
        in_flight_max: 230,
        looks: 10_000,
        accepted: 100_000,
        window_ns: 10_000_000_000,
        mean_service_ns: 20e6,
        max_service_ns: 25e6,
    };

    #[test]
    fn both_sides_agree_or_the_instants_are_wrong() {
        let law = little(&STEADY).unwrap();
        assert!(law.holds() && law.telling() && law.residual.abs() < 1e-9, "{law:?}");
        let early = Observed {
            mean_service_ns: 18e6,
            ..STEADY
        };
        let law = little(&early).unwrap();
        assert!(!law.holds() && (law.residual - 0.1).abs() < 1e-9, "{law:?}");
    }

    #[test]
    fn what_cannot_tell_says_so() {
        let stalled = Observed {
            max_service_ns: 2e9,
            in_flight_max: 20_000,
            ..STEADY
        };
        assert!(!little(&stalled).unwrap().telling());
        let idle = Observed {
            in_flight_mean: 0.0,
            ..STEADY
        };
        assert_eq!(little(&idle), None);
        assert_eq!(little(&Observed::default()), None);
    }
}
