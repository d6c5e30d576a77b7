//! Rates as a plan writes them.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use super::{
    BYTE_UNITS, Decimal, Error, MOST_BYTES, Problem, RATE, RECORD_RATE, RECORD_UNITS, decimal, factor, format_bytes,
    multiple, quoted, split_number,
};
use crate::trial::RecordRate;

/// How fast records are offered over all agents, as the plan says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferedRate {
    /// Records per second.
    Records(RecordRate),
    /// Bytes of record values per second; becomes records by the mean size of the cell.
    Bytes(NonZeroU64),
    /// Closed loop: as fast as the client takes them.
    Saturate,
}

impl OfferedRate {
    /// The error for a number without a unit, which a rate may not be.
    pub fn without_unit(written: &str) -> Error {
        Error {
            written: written.to_owned(),
            problem: Problem::NoUnit,
            expected: RATE,
        }
    }
}

impl FromStr for OfferedRate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let error = |problem| Error {
            written: quoted(text),
            problem,
            expected: RATE,
        };
        let trimmed = text.trim();
        if trimmed == "saturate" {
            return Ok(Self::Saturate);
        }
        let (number, unit) = split_number(trimmed);
        let number = Decimal::parse(number).ok_or_else(|| error(Problem::Malformed))?;
        let per_second = unit.trim().strip_suffix("/s").map(str::trim_end);
        let unit = per_second.unwrap_or(unit.trim());
        if let Some((_, multiple)) = RECORD_UNITS.iter().find(|(name, _)| *name == unit) {
            per_second.ok_or_else(|| error(Problem::NoUnit))?;
            return micro(number, *multiple)
                .map_err(&error)?
                .and_then(RecordRate::per_million_seconds)
                .map(Self::Records)
                .ok_or_else(|| error(Problem::Outside("0.000001 to 10^9 records a second")));
        }
        let factor = factor(&BYTE_UNITS, unit).map_err(error)?;
        per_second.ok_or_else(|| error(Problem::NotPerSecond))?;
        let bytes = number.times(factor).ok_or_else(|| error(Problem::Fraction("bytes")))?;
        (bytes <= MOST_BYTES)
            .then(|| NonZeroU64::new(bytes as u64))
            .flatten()
            .map(Self::Bytes)
            .ok_or_else(|| error(Problem::Outside("1 to 10^15 bytes a second")))
    }
}

/// Reads a rate in records, which may be zero: millionths of a record per second.
pub(crate) fn parse_record_rate(text: &str) -> Result<u64, Error> {
    let error = |problem| Error {
        written: quoted(text),
        problem,
        expected: RECORD_RATE,
    };
    let (number, unit) = split_number(text.trim());
    let number = Decimal::parse(number).ok_or_else(|| error(Problem::Malformed))?;
    let unit = unit.trim();
    let (unit, per_second) = unit
        .strip_suffix("/s")
        .map_or((unit, false), |unit| (unit.trim_end(), true));
    let multiple = factor(&RECORD_UNITS, unit).or_else(|problem| if unit.is_empty() { Ok(1) } else { Err(problem) });
    let multiple = multiple.map_err(&error)?;
    if !per_second {
        return Err(error(Problem::NotPerSecond));
    }
    micro(number, multiple)
        .map_err(&error)?
        .filter(|micro| *micro as f64 <= RecordRate::HIGHEST * 1e6)
        .ok_or_else(|| error(Problem::Outside("0 to 10^9 records a second")))
}

/// Prints a rate in records that may be zero, in millionths per second.
pub(crate) fn format_record_rate(micro: u64) -> String {
    RecordRate::per_million_seconds(micro)
        .map_or_else(|| "0/s".to_owned(), |rate| OfferedRate::Records(rate).to_string())
}

/// Millionths of a record; `None` where they do not fit.
fn micro(number: Decimal, multiple: u128) -> Result<Option<u64>, Problem> {
    let micro = number.times(multiple * 1_000_000);
    let micro = micro.ok_or(Problem::Fraction("millionths of a record"))?;
    Ok(u64::try_from(micro).ok())
}

impl fmt::Display for OfferedRate {
    /// As it reads back, for example `50k/s`, `3MiB/s` or `saturate`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(rate) if rate.micro() % 1_000_000 == 0 => {
                write!(f, "{}/s", multiple(u128::from(rate.micro() / 1_000_000), &RECORD_UNITS))
            }
            Self::Records(rate) => write!(f, "{}/s", decimal(u128::from(rate.micro()), 1_000_000)),
            Self::Bytes(bytes) => write!(f, "{}/s", format_bytes(bytes.get())),
            Self::Saturate => f.write_str("saturate"),
        }
    }
}
