//! What a record carries through the client in its opaque slot: everything that its delivery report has to tell.
//!
//! The slot is a pointer, so there are 64 bits: 2 for the part of the trial, 37 for the intended send in units of 512 ns
//! (19 hours), 25 for the send lag in the same units. The lag is a float without sign: 5 bits of exponent, 20 of
//! mantissa, with a hidden leading bit. It is exact below 2²¹ units (1.07 s) and above that rounded down by less than a
//! millionth.

use tribunal_model::trial::Part;

/// Nanoseconds of one unit, as a power of two.
const UNIT_BITS: u32 = 9;
const INTENDED_BITS: u32 = 37;
const MANTISSA_BITS: u32 = 20;
const EXPONENT_BITS: u32 = 5;
const LAG_BITS: u32 = MANTISSA_BITS + EXPONENT_BITS;

/// The number that stands in a record's part for a primed record.
const PRIMED: u64 = 3;

/// A record's opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opaque(pub(crate) u64);

/// What an opaque says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A record that was sent before the trial.
    Primed,
    /// A record of the schedule.
    Scheduled {
        part: Part,
        intended_ns: i64,
        accepted_ns: i64,
    },
}

impl Opaque {
    /// The opaque of a primed record.
    pub(crate) fn primed() -> Self {
        Self(PRIMED << (INTENDED_BITS + LAG_BITS))
    }

    /// Packs a record of the schedule. An instant before t0 becomes t0, and a negative send lag none.
    pub(crate) fn scheduled(part: Part, intended_ns: i64, accepted_ns: i64) -> Self {
        let intended = (intended_ns.max(0) as u64 >> UNIT_BITS).min((1 << INTENDED_BITS) - 1);
        let accepted = accepted_ns.max(0) as u64 >> UNIT_BITS;
        let lag = squeeze(accepted.saturating_sub(intended));
        Self((part.index() as u64) << (INTENDED_BITS + LAG_BITS) | intended << LAG_BITS | lag)
    }

    /// Unpacks it.
    pub(crate) fn meaning(self) -> Meaning {
        let part = self.0 >> (INTENDED_BITS + LAG_BITS);
        if part == PRIMED {
            return Meaning::Primed;
        }
        let intended = self.0 >> LAG_BITS & ((1 << INTENDED_BITS) - 1);
        let accepted = intended + unsqueeze(self.0 & ((1 << LAG_BITS) - 1));
        Meaning::Scheduled {
            part: Part::ALL[part as usize],
            intended_ns: (intended << UNIT_BITS) as i64,
            accepted_ns: (accepted << UNIT_BITS) as i64,
        }
    }
}

/// A number below 2⁵¹ in 25 bits; larger ones become the greatest.
fn squeeze(lag: u64) -> u64 {
    let lag = lag.min((1 << (MANTISSA_BITS + (1 << EXPONENT_BITS) - 1)) - 1);
    let shift = (u64::BITS - lag.leading_zeros()).saturating_sub(MANTISSA_BITS + 1);
    if lag >> MANTISSA_BITS == 0 {
        return lag;
    }
    let mantissa = lag >> shift & ((1 << MANTISSA_BITS) - 1);
    u64::from(shift + 1) << MANTISSA_BITS | mantissa
}

fn unsqueeze(packed: u64) -> u64 {
    let mantissa = packed & ((1 << MANTISSA_BITS) - 1);
    match packed >> MANTISSA_BITS {
        0 => mantissa,
        exponent => (1 << MANTISSA_BITS | mantissa) << (exponent - 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HIGHEST_NS: i64 = (1 << (INTENDED_BITS + UNIT_BITS)) - 1;

    fn check(part: Part, intended_ns: i64, lag_ns: i64) {
        let packed = Opaque::scheduled(part, intended_ns, intended_ns + lag_ns);
        let Meaning::Scheduled {
            part: read,
            intended_ns: intended,
            accepted_ns: accepted,
        } = packed.meaning()
        else {
            panic!("a scheduled record was read as a primed one");
        };
        assert_eq!(read, part);
        assert_eq!(intended, intended_ns / 512 * 512);
        let error = (intended_ns + lag_ns) - accepted;
        assert!(error >= 0, "{error}");
        assert!(error < 512 + lag_ns / 1_000_000, "{error} of {lag_ns}");
    }

    proptest! {
        #[test]
        fn packing_keeps_the_part_and_rounds_instants_as_promised(
            part in 0_usize..3,
            intended_ns in 0..=HIGHEST_NS,
            lag_bits in 0_u32..56,
            lag_noise in any::<i64>(),
        ) {
            check(Part::ALL[part], intended_ns, lag_noise & ((1 << lag_bits) - 1));
        }

        #[test]
        fn squeezing_is_monotonous(a in 0_u64..1 << 51, b in 0_u64..1 << 51) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(squeeze(low) <= squeeze(high));
            prop_assert!(unsqueeze(squeeze(high)) <= high);
        }
    }

    #[test]
    fn edges() {
        for lag in [
            0,
            511,
            512,
            (1 << 29) - 1,
            1 << 29,
            (1 << 30) - 1,
            1 << 30,
            3_600_000_000_000,
        ] {
            check(Part::Window, 0, lag);
            check(Part::CoolDown, HIGHEST_NS, lag);
        }
        assert_eq!(Opaque::primed().meaning(), Meaning::Primed);
        assert!(matches!(
            Opaque::scheduled(Part::WarmUp, -5, -5).meaning(),
            Meaning::Scheduled {
                intended_ns: 0,
                accepted_ns: 0,
                ..
            }
        ));
        // An hour and more of lag still fits; what does not is the greatest value.
        assert_eq!(squeeze(u64::MAX), (1 << LAG_BITS) - 1);
    }
}
