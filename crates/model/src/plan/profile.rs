//! `workload.profile`: how the rate changes over a trial.

use std::time::Duration;

use super::reader::{Item, Section, one_of};
use super::replay;
use super::{Error, Origin};
use crate::profile::{After, Profile, Segment};
use crate::units::{format_duration, format_record_rate};

const KINDS: [(&str, Kind); 5] = [
    ("ramp", Kind::Ramp),
    ("steps", Kind::Steps),
    ("burst", Kind::Burst),
    ("wave", Kind::Wave),
    ("replay", Kind::Replay),
];

#[derive(Clone, Copy)]
enum Kind {
    Ramp,
    Steps,
    Burst,
    Wave,
    Replay,
}

/// What a kind needs.
impl Kind {
    fn example(self) -> &'static str {
        match self {
            Self::Ramp => "{ kind = \"ramp\", from = \"1k/s\", to = \"50k/s\", over = \"30s\" }",
            Self::Steps => "{ kind = \"steps\", rates = [\"10k/s\", \"20k/s\"], each = \"10s\" }",
            Self::Burst => "{ kind = \"burst\", base = \"10k/s\", peak = \"50k/s\", every = \"10s\", for = \"1s\" }",
            Self::Wave => "{ kind = \"wave\", low = \"10k/s\", high = \"50k/s\", period = \"60s\" }",
            Self::Replay => "{ kind = \"replay\", points = [[\"0s\", \"10k/s\"], [\"10s\", \"12k/s\"]] }",
        }
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Ramp => &["kind", "from", "to", "over"],
            Self::Steps => &["kind", "rates", "each"],
            Self::Burst => &["kind", "base", "peak", "every", "for"],
            Self::Wave => &["kind", "low", "high", "period"],
            Self::Replay => &["kind", "points", "file", "between"],
        }
    }
}

/// The rate of a wave at the beginning of each of its pieces, in thousand-millionths of the way from low to high: (1 +
/// sin(2πk ÷ 32)) ÷ 2, rounded. Fixed, so that no library's sine decides about a schedule.
const WAVE: [u64; 32] = [
    500_000_000,
    597_545_161,
    691_341_716,
    777_785_117,
    853_553_391,
    915_734_806,
    961_939_766,
    990_392_640,
    1_000_000_000,
    990_392_640,
    961_939_766,
    915_734_806,
    853_553_391,
    777_785_117,
    691_341_716,
    597_545_161,
    500_000_000,
    402_454_839,
    308_658_284,
    222_214_883,
    146_446_609,
    84_265_194,
    38_060_234,
    9_607_360,
    0,
    9_607_360,
    38_060_234,
    84_265_194,
    146_446_609,
    222_214_883,
    308_658_284,
    402_454_839,
];

/// A table with a kind.
pub(super) fn read(item: &Item<'_>) -> Result<Profile, Error> {
    let table = item.table()?;
    let Some(kind) = table.get("kind") else {
        let names = one_of(&KINDS.map(|(name, _)| name));
        let example = Kind::Ramp.example();
        return Err(item.error(format!("kind is required ({names}); write for example {example}")));
    };
    let kind = Item::new(format!("{}.kind", item.key), kind).choice(&KINDS)?;
    let shape = Shape {
        section: item.section(kind.keys())?,
        origin: item.origin(),
        key: &item.key,
        kind,
    };
    let (segments, after, text) = match kind {
        Kind::Ramp => shape.ramp()?,
        Kind::Steps => shape.steps()?,
        Kind::Burst => shape.burst()?,
        Kind::Wave => shape.wave()?,
        Kind::Replay => replay::read(&shape.section, item)?,
    };
    Profile::new(segments, after, text).map_err(|error| item.error(error))
}

/// What a profile is made of: segments, what follows them, and words for people.
pub(super) type Pieces = (Vec<Segment>, After, String);

/// A profile's table, its kind known.
struct Shape<'a, 'k> {
    section: Section<'a>,
    origin: Origin,
    key: &'k str,
    kind: Kind,
}

impl<'a> Shape<'a, '_> {
    fn need<T>(&self, key: &str, read: impl FnOnce(&Item<'a>) -> Result<T, Error>) -> Result<T, Error> {
        let Some(item) = self.section.get(key) else {
            let message = format!("{key} is required; write for example {}", self.kind.example());
            return Err(Error::at(self.origin.clone(), self.key, message));
        };
        read(&item)
    }

    fn rate(&self, key: &str) -> Result<u64, Error> {
        self.need(key, Item::record_rate)
    }

    fn length(&self, key: &str) -> Result<Duration, Error> {
        self.need(key, |item| {
            let length = item.duration()?;
            if length.is_zero() {
                return Err(item.error("expected a duration above zero"));
            }
            Ok(length)
        })
    }

    /// Two rates of which the second is the higher one.
    fn rates(&self, low: &str, high: &str) -> Result<(u64, u64), Error> {
        let (least, most) = (self.rate(low)?, self.rate(high)?);
        if least < most {
            return Ok((least, most));
        }
        self.need(high, |item| Err(item.error(format!("is not above {low}"))))
    }

    fn ramp(&self) -> Result<Pieces, Error> {
        let (from, to, over) = (self.rate("from")?, self.rate("to")?, self.length("over")?);
        let text = format!(
            "ramp {} to {} over {}",
            format_record_rate(from),
            format_record_rate(to),
            format_duration(over)
        );
        Ok((vec![Segment::new(over, from, to)], After::Hold, text))
    }

    fn steps(&self) -> Result<Pieces, Error> {
        let rates: Vec<u64> = self.need("rates", |item| item.list()?.iter().map(Item::record_rate).collect())?;
        let each = self.length("each")?;
        let names: Vec<String> = rates.iter().map(|rate| format_record_rate(*rate)).collect();
        let text = format!("steps {} of {}", names.join(", "), format_duration(each));
        let segments = rates.iter().map(|rate| Segment::new(each, *rate, *rate)).collect();
        Ok((segments, After::Hold, text))
    }

    fn burst(&self) -> Result<Pieces, Error> {
        let (base, peak) = self.rates("base", "peak")?;
        let (every, length) = (self.length("every")?, self.length("for")?);
        if length >= every {
            return self.need("for", |item| Err(item.error("is not shorter than every")));
        }
        let text = format!(
            "{} with bursts of {} for {} every {}",
            format_record_rate(base),
            format_record_rate(peak),
            format_duration(length),
            format_duration(every)
        );
        let segments = vec![
            Segment::new(every.saturating_sub(length), base, base),
            Segment::new(length, peak, peak),
        ];
        Ok((segments, After::Repeat, text))
    }

    /// Begins half-way and rises.
    fn wave(&self) -> Result<Pieces, Error> {
        let (low, high) = self.rates("low", "high")?;
        let period = self.length("period")?;
        let pieces = WAVE.len();
        // The pieces' ends are rounded, not their lengths, so that they fill the period to the nanosecond.
        let end = |piece: usize| Duration::from_nanos((period.as_nanos() * piece as u128 / pieces as u128) as u64);
        let rate = |piece: usize| {
            let way = u128::from(WAVE[piece % pieces]) * u128::from(high - low) / 1_000_000_000;
            low + way as u64
        };
        let segments = (0..pieces).map(|piece| {
            let length = end(piece + 1).saturating_sub(end(piece));
            Segment::new(length, rate(piece), rate(piece + 1))
        });
        let text = format!(
            "wave {} to {} every {}",
            format_record_rate(low),
            format_record_rate(high),
            format_duration(period)
        );
        Ok((segments.collect(), After::Repeat, text))
    }
}
