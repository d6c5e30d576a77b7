//! From values to places, and the values that are worth a line.

use crate::markup::coordinate;

/// Nothing that is measured is larger, so that no axis has more values than can be read.
const MOST: f64 = 1e18;

/// A scale of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// How values are spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Evenly.
    Linear,
    /// By their logarithm; they are above zero.
    Log,
    /// Shares of 1 by how near they are to it: 90 %, 99 % and 99.9 % are as far apart from each other.
    Nines,
}

impl Scale {
    /// A scale that holds the values, from place `from` to place `to`, a little wider than they are.
    ///
    /// A single value, or none, gets a scale around it. A linear scale of values that are not below zero stays above it.
    pub(super) fn holding(kind: Kind, values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Self {
        let usable = |value: &f64| match kind {
            Kind::Linear | Kind::Nines => value.abs() < MOST,
            Kind::Log => (1.0 / MOST..MOST).contains(value),
        };
        let (low, high) = values
            .into_iter()
            .filter(usable)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high) = if low > high { (1.0, 1.0) } else { (low, high) };
        let (low, high) = match kind {
            Kind::Linear => {
                let spare = if high > low {
                    (high - low) * 0.06
                } else {
                    (high.abs() * 0.1).max(1.0)
                };
                let under = low - spare;
                (if low >= 0.0 { under.max(0.0) } else { under }, high + spare)
            }
            Kind::Log => {
                let spare = (high / low).powf(0.06).max(1.1);
                (low / spare, high * spare)
            }
            Kind::Nines => (low, high),
        };
        Self {
            kind,
            low,
            high,
            from,
            to,
        }
    }

    /// The same, down to zero.
    pub(super) fn from_zero(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Self {
        Self::holding(Kind::Linear, values.into_iter().chain([0.0]), from, to)
    }

    /// An even scale with exactly these ends.
    pub(super) fn between(low: f64, high: f64, from: f64, to: f64) -> Self {
        Self {
            kind: Kind::Linear,
            low,
            high,
            from,
            to,
        }
    }

    /// The same scale whose ends are at least so far apart: `share` is of the middle.
    pub(super) fn at_least(mut self, share: f64) -> Self {
        let (middle, half) = (f64::midpoint(self.low, self.high), (self.high - self.low) / 2.0);
        let half = half.max(middle.abs() * share / 2.0);
        (self.low, self.high) = (middle - half, middle + half);
        self
    }

    fn units(&self, value: f64) -> f64 {
        match self.kind {
            Kind::Linear => value,
            Kind::Log => value.max(f64::MIN_POSITIVE).log10(),
            Kind::Nines => -(1.0 - value).max(1e-9).log10(),
        }
    }

    /// The place of a value; of one beyond the scale its end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let (low, high) = (self.units(self.low), self.units(self.high));
        let share = if high > low {
            (self.units(value) - low) / (high - low)
        } else {
            0.5
        };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round values within the scale, ascending, about `wanted` of them.
    pub(super) fn ticks(&self, wanted: usize) -> Vec<f64> {
        let within = |value: &f64| self.low <= *value && *value <= self.high;
        match self.kind {
            Kind::Linear => linear_ticks(self.low, self.high, wanted),
            Kind::Log => {
                let decades = (self.high / self.low).log10();
                if decades < 0.7 {
                    return linear_ticks(self.low, self.high, wanted);
                }
                let steps: &[f64] = match decades {
                    d if d < 1.7 => &[1.0, 2.0, 5.0],
                    d if d < 3.7 => &[1.0, 3.0],
                    _ => &[1.0],
                };
                let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
                (first..=last)
                    .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)))
                    .filter(within)
                    .collect()
            }
            Kind::Nines => [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999]
                .into_iter()
                .filter(within)
                .collect(),
        }
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let rough = (high - low) / wanted.max(1) as f64;
    if !(rough.is_finite() && rough > 0.0) {
        return vec![low];
    }
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let first = (low / step).ceil();
    let count = ((high / step).floor() - first).max(0.0) as usize + 1;
    (0..count).map(|place| (first + place as f64) * step).collect()
}

/// A path through points, to a tenth. Each point is told by its distance from the one before, which is shorter; distances are
/// taken between rounded places, so that errors do not add up.
pub(super) fn path(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let tenths = |value: f64| (value * 10.0).round();
    let mut text = String::new();
    let mut last: Option<(f64, f64)> = None;
    for (x, y) in points {
        let (x, y) = (tenths(x), tenths(y));
        let (start, (dx, dy)) = match last {
            None => ("M", (x, y)),
            Some((from_x, from_y)) => (if text.contains('l') { " " } else { "l" }, (x - from_x, y - from_y)),
        };
        text.push_str(start);
        text.push_str(&coordinate(dx / 10.0));
        text.push(' ');
        text.push_str(&coordinate(dy / 10.0));
        last = Some((x, y));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        let ticks = |kind, values: &[f64]| Scale::holding(kind, values.iter().copied(), 0.0, 100.0).ticks(5);
        assert_eq!(ticks(Kind::Linear, &[0.0, 97.0]), [0.0, 50.0, 100.0]);
        assert_eq!(
            ticks(Kind::Log, &[1.0, 900.0]),
            [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]
        );
        assert_eq!(ticks(Kind::Nines, &[0.0, 0.9995]), [0.0, 0.5, 0.9, 0.99, 0.999]);
    }

    #[test]
    fn nines_are_as_far_apart_from_each_other() {
        let scale = Scale::holding(Kind::Nines, [0.0, 0.999], 0.0, 300.0);
        let places = [0.0, 0.9, 0.99, 0.999].map(|share| scale.place(share).round() as i32);
        assert_eq!(places, [0, 100, 200, 300]);
    }

    #[test]
    fn rounding_does_not_add_up_along_a_path() {
        let points = (0..4).map(|place| (f64::from(place) * 0.35, 1.0));
        assert_eq!(path(points), "M0 1l0.4 0 0.3 0 0.3 0");
    }

    proptest! {
        #[test]
        fn a_value_lies_within_its_scale_in_its_order(
            values in prop::collection::vec(1e-3f64..1e9, 1..20),
            log in any::<bool>(),
        ) {
            let kind = if log { Kind::Log } else { Kind::Linear };
            let scale = Scale::holding(kind, values.iter().copied(), 10.0, 210.0);
            for one in &values {
                let place = scale.place(*one);
                prop_assert!((10.0..=210.0).contains(&place));
                for other in values.iter().filter(|other| *other > one) {
                    prop_assert!(scale.place(*other) >= place);
                }
            }
            let ticks = scale.ticks(5);
            prop_assert!(ticks.len() <= 14, "{:?}", ticks);
            prop_assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]));
        }

        #[test]
        fn nothing_breaks_a_scale(values in prop::collection::vec(any::<f64>(), 0..6), log in any::<bool>()) {
            let kind = if log { Kind::Log } else { Kind::Linear };
            let scale = Scale::holding(kind, values.iter().copied(), 0.0, 1.0);
            prop_assert!(scale.ticks(5).len() < 100);
            for value in values {
                prop_assert!(value.is_nan() || (0.0..=1.0).contains(&scale.place(value)));
            }
        }
    }
}
