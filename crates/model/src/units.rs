//! Quantities as a plan writes them: durations, byte sizes and rates.
//!
//! What is printed here reads back as the same value.

use std::time::Duration;

mod rate;

pub use rate::OfferedRate;
pub(crate) use rate::{format_record_rate, parse_record_rate};

const DURATION: &str = "a duration such as \"30s\", \"500ms\" or \"1h30m\"";
const BYTES: &str = "a size such as \"100B\", \"1KiB\" or \"1MB\"";
const RATE: &str = "a rate such as \"50k/s\", \"100MB/s\" or \"saturate\"";
const RECORD_RATE: &str = "a rate in records such as \"50k/s\"";
const SHARE: &str = "a share such as 0.05 or \"5%\"";

/// Units of time in nanoseconds, longest first. `us` is the one that is printed.
const TIME_UNITS: [(&str, u128); 7] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// Units of size in bytes; of two spellings the first is printed.
const BYTE_UNITS: [(&str, u128); 10] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
];

/// Multiples of records; of two spellings the first is printed.
const RECORD_UNITS: [(&str, u128); 5] = [
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
    ("K", 1_000),
    ("", 1),
];

/// The longest duration that can be written: 366 days, so that sums of a few stay within 64 bits of nanoseconds.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// The greatest size and the greatest rate of bytes that can be written: 10¹⁵.
const MOST_BYTES: u128 = 1_000_000_000_000_000;

/// A quantity that cannot be understood: what was written, what is wrong with it, what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{written} {problem}; expected {expected}")]
pub struct Error {
    /// What was written, in quotes when it was text.
    pub written: String,
    /// What is wrong with it.
    pub problem: Problem,
    /// The kind of quantity that was expected, with examples.
    pub expected: &'static str,
}

/// What is wrong with a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A number stands alone.
    #[error("has no unit")]
    NoUnit,
    /// A number is followed by something that is no unit.
    #[error("has the unknown unit {0:?}")]
    UnknownUnit(String),
    /// A rate does not end in `/s`.
    #[error("has no \"/s\"")]
    NotPerSecond,
    /// There is no number, or one that makes no sense.
    #[error("cannot be read")]
    Malformed,
    /// The number is finer than the unit can be divided.
    #[error("is no whole number of {0}")]
    Fraction(&'static str),
    /// The value is too small or too large.
    #[error("is outside the range of {0}")]
    Outside(&'static str),
}

/// Reads a duration: `30s`, `500ms`, `1h30m`, `1.5s`; units are h, m, s, ms, us and ns, longest first.
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    let error = |problem| Error {
        written: quoted(text),
        problem,
        expected: DURATION,
    };
    let (mut rest, mut sum, mut longest) = (text.trim(), 0_u128, u128::MAX);
    if rest.is_empty() {
        return Err(error(Problem::Malformed));
    }
    while !rest.is_empty() {
        let (number, after) = split_number(rest);
        let number = Decimal::parse(number).ok_or_else(|| error(Problem::Malformed))?;
        let after = after.trim_start();
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let factor = factor(&TIME_UNITS, unit.trim_end()).map_err(error)?;
        if factor >= longest {
            return Err(error(Problem::Malformed));
        }
        sum += number
            .times(factor)
            .ok_or_else(|| error(Problem::Fraction("nanoseconds")))?;
        (rest, longest) = (after, factor);
    }
    if sum > LONGEST.as_nanos() {
        return Err(error(Problem::Outside("0s to 366 days")));
    }
    Ok(Duration::from_nanos(sum as u64))
}

/// Prints a duration as [`parse_duration`] reads it, for example `1h30m`, `1.5s` or `500us`.
pub fn format_duration(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_owned();
    }
    let nanos = duration.as_nanos();
    if nanos < 1_000_000_000 {
        let (unit, factor) = TIME_UNITS[3..]
            .iter()
            .find(|(_, factor)| nanos >= *factor)
            .copied()
            .unwrap_or(("ns", 1));
        return format!("{}{unit}", decimal(nanos, factor));
    }
    let (hours, rest) = (nanos / TIME_UNITS[0].1, nanos % TIME_UNITS[0].1);
    let (minutes, rest) = (rest / TIME_UNITS[1].1, rest % TIME_UNITS[1].1);
    let mut text = String::new();
    for (count, unit) in [(hours, "h"), (minutes, "m")] {
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
        }
    }
    if rest > 0 {
        text.push_str(&decimal(rest, 1_000_000_000));
        text.push('s');
    }
    text
}

/// Reads a size in bytes: `100B`, `1KiB` (2¹⁰), `1MB` (10⁶); a number alone counts bytes.
pub fn parse_bytes(text: &str) -> Result<u64, Error> {
    let error = |problem| Error {
        written: quoted(text),
        problem,
        expected: BYTES,
    };
    let (number, unit) = split_number(text.trim());
    let number = Decimal::parse(number).ok_or_else(|| error(Problem::Malformed))?;
    let factor = match unit.trim_start() {
        "" => 1,
        unit => factor(&BYTE_UNITS, unit).map_err(error)?,
    };
    let bytes = number.times(factor).ok_or_else(|| error(Problem::Fraction("bytes")))?;
    if bytes > MOST_BYTES {
        return Err(error(Problem::Outside("0 to 10^15 bytes")));
    }
    Ok(bytes as u64)
}

/// Prints a size as [`parse_bytes`] reads it, in the unit that needs the fewest digits, for example `1KiB` or `1MB`.
pub fn format_bytes(bytes: u64) -> String {
    multiple(u128::from(bytes), &BYTE_UNITS)
}

/// Reads a share in per cent, `5%` or `2.5 %`, as a share of one.
pub fn parse_percent(text: &str) -> Result<f64, Error> {
    let error = |problem| Error {
        written: quoted(text),
        problem,
        expected: SHARE,
    };
    let (number, unit) = split_number(text.trim());
    let number = Decimal::parse(number).ok_or_else(|| error(Problem::Malformed))?;
    match unit.trim_start() {
        // The digits with the point two places further left, so that "5%" is the same double as 0.05.
        "%" => format!("{}e-{}", number.mantissa, number.scale + 2)
            .parse()
            .map_err(|_| error(Problem::Malformed)),
        "" => Err(error(Problem::NoUnit)),
        unit => Err(error(Problem::UnknownUnit(unit.to_owned()))),
    }
}

/// The error for a number where a duration with its unit was expected.
pub(crate) fn duration_without_unit(written: &str) -> Error {
    Error {
        written: written.to_owned(),
        problem: Problem::NoUnit,
        expected: DURATION,
    }
}

/// What a duration, a size, a rate, a rate in records and a share look like, for messages.
pub(crate) const EXPECTED: [&str; 5] = [DURATION, BYTES, RATE, RECORD_RATE, SHARE];

/// Text in quotes on one line, cut when it is long.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    let cut: String = text.chars().take(LONGEST).collect();
    format!("{:?}", cut + "…")
}

/// A number with a decimal point: `mantissa` ÷ 10^`scale`.
#[derive(Clone, Copy)]
struct Decimal {
    mantissa: u128,
    scale: u32,
}

impl Decimal {
    /// Digits with at most one point between them; underscores may stand between digits as in TOML.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let clean = |part: &str| {
            let digits = part.replace('_', "");
            let legal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            (legal && !part.starts_with('_') && !part.ends_with('_')).then_some(digits)
        };
        let (whole, fraction) = (clean(whole)?, clean(fraction)?);
        let fraction = fraction.trim_end_matches('0');
        // 18 digits and 9 places leave room to multiply by the greatest unit in 128 bits.
        if whole.trim_start_matches('0').len() > 18 || fraction.len() > 9 {
            return None;
        }
        let mantissa = format!("{whole}{fraction}").parse().ok()?;
        Some(Self {
            mantissa,
            scale: fraction.len() as u32,
        })
    }

    /// The product, where it is whole.
    fn times(self, factor: u128) -> Option<u128> {
        let (product, divisor) = (self.mantissa.checked_mul(factor)?, 10_u128.pow(self.scale));
        (product % divisor == 0).then_some(product / divisor)
    }
}

/// The leading number of a text and what follows it.
fn split_number(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    text.split_at(end)
}

fn factor(units: &[(&str, u128)], unit: &str) -> Result<u128, Problem> {
    if unit.is_empty() {
        return Err(Problem::NoUnit);
    }
    let known = units.iter().find(|(name, _)| *name == unit);
    known
        .map(|(_, factor)| *factor)
        .ok_or_else(|| Problem::UnknownUnit(unit.to_owned()))
}

/// `value` ÷ `unit` without loss, `unit` being a power of ten.
fn decimal(value: u128, unit: u128) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0width$}").trim_end_matches('0'))
}

/// A whole number in the greatest unit that divides it, by the fewest digits.
fn multiple(value: u128, units: &[(&str, u128)]) -> String {
    let fits = units
        .iter()
        .filter(|(_, factor)| value >= *factor && value.is_multiple_of(*factor));
    let shortest = fits
        .map(|(name, factor)| (value / factor, name))
        .min_by_key(|(count, _)| *count);
    let smallest = units.last().map_or("", |(name, _)| name);
    shortest.map_or_else(
        || format!("{value}{smallest}"),
        |(count, name)| format!("{count}{name}"),
    )
}

#[cfg(test)]
mod tests;
