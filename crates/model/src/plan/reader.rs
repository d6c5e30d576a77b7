//! Takes values out of what was written: one place for types, bounds, units and "did you mean".

use std::fmt;
use std::time::Duration;

use super::tree::{Entry, Node, Raw, Table};
use super::{Error, Origin};
use crate::units::{self, OfferedRate};

/// The largest record that may be asked for; librdkafka's `message.max.bytes` ends there.
const LARGEST_RECORD: u64 = 1_000_000_000;

/// One value and the key it stands under.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    pub(super) key: String,
    pub(super) node: &'a Node,
}

impl<'a> Item<'a> {
    pub(super) fn new(key: impl Into<String>, node: &'a Node) -> Self {
        Self { key: key.into(), node }
    }

    pub(super) fn origin(&self) -> Origin {
        self.node.origin.clone()
    }

    pub(super) fn error(&self, message: impl fmt::Display) -> Error {
        Error::at(self.origin(), &self.key, message)
    }

    /// The value as one phrase for a message.
    pub(super) fn found(&self) -> String {
        match &self.node.value {
            Raw::Text(text) => units::quoted(text),
            Raw::Integer(text) | Raw::Float(text) | Raw::Datetime(text) => text.clone(),
            Raw::Boolean(value) => value.to_string(),
            Raw::List(_) => "a list".to_owned(),
            Raw::Table(_) => "a table".to_owned(),
        }
    }

    fn expected(&self, what: impl fmt::Display) -> Error {
        self.error(format!("expected {what}, found {}", self.found()))
    }

    /// Text; an override's number is text as given where text is expected.
    pub(super) fn text(&self) -> Result<&'a str, Error> {
        match (&self.node.value, &self.node.verbatim) {
            (Raw::Text(text), _) => Ok(text),
            (_, Some(verbatim)) => Ok(verbatim),
            _ => Err(self.expected("text in quotes")),
        }
    }

    /// Text, number or truth value as text; `None` for anything else.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.node.value {
            Raw::Text(text) | Raw::Integer(text) | Raw::Float(text) | Raw::Datetime(text) => Some(text.clone()),
            Raw::Boolean(value) => Some(value.to_string()),
            Raw::List(_) | Raw::Table(_) => None,
        }
    }

    pub(super) fn whole(&self, least: u64, most: u64) -> Result<u64, Error> {
        let number = match &self.node.value {
            Raw::Integer(text) => text.parse::<u64>().ok(),
            _ => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.expected(format!("a whole number from {least} to {most}")))
    }

    pub(super) fn count(&self, most: u32) -> Result<u32, Error> {
        self.whole(1, u64::from(most)).map(|number| number as u32)
    }

    /// A number above `above` (or from it, when `inclusive`) up to `most`.
    pub(super) fn number(&self, least: f64, inclusive: bool, most: f64) -> Result<f64, Error> {
        let number = match &self.node.value {
            Raw::Integer(text) | Raw::Float(text) => text.parse::<f64>().ok(),
            _ => None,
        };
        let from = if inclusive { "from" } else { "above" };
        number
            .filter(|number| (*number > least || (inclusive && *number >= least)) && *number <= most)
            .ok_or_else(|| self.expected(format!("a number {from} {least} up to {most}")))
    }

    pub(super) fn duration(&self) -> Result<Duration, Error> {
        match &self.node.value {
            Raw::Text(text) => units::parse_duration(text).map_err(|error| self.error(error)),
            Raw::Integer(text) | Raw::Float(text) => Err(self.error(units::duration_without_unit(text))),
            _ => Err(self.expected(units::EXPECTED[0])),
        }
    }

    /// The size of a record, from 1 byte to 1 GB.
    pub(super) fn size(&self) -> Result<u32, Error> {
        let (Raw::Text(text) | Raw::Integer(text)) = &self.node.value else {
            return Err(self.expected(units::EXPECTED[1]));
        };
        let bytes = units::parse_bytes(text).map_err(|error| self.error(error))?;
        if (1..=LARGEST_RECORD).contains(&bytes) {
            Ok(bytes as u32)
        } else {
            Err(self.expected("a record's size from 1B to 1GB"))
        }
    }

    pub(super) fn rate(&self) -> Result<OfferedRate, Error> {
        match &self.node.value {
            Raw::Text(text) => text.parse().map_err(|error| self.error(error)),
            Raw::Integer(text) | Raw::Float(text) => Err(self.error(OfferedRate::without_unit(text))),
            _ => Err(self.expected(units::EXPECTED[2])),
        }
    }

    /// A rate in records, which may be zero: millionths of a record per second.
    pub(super) fn record_rate(&self) -> Result<u64, Error> {
        match &self.node.value {
            Raw::Text(text) => units::parse_record_rate(text).map_err(|error| self.error(error)),
            _ => Err(self.expected(units::EXPECTED[3])),
        }
    }

    /// A share of one from `least` up to `most`: a number, or per cent in quotes.
    pub(super) fn share(&self, least: f64, most: f64) -> Result<f64, Error> {
        let share = match &self.node.value {
            Raw::Text(text) => units::parse_percent(text).map_err(|error| self.error(error))?,
            Raw::Integer(text) | Raw::Float(text) => text.parse().unwrap_or(f64::NAN),
            _ => return Err(self.expected(units::EXPECTED[4])),
        };
        if (least..=most).contains(&share) {
            Ok(share)
        } else {
            Err(self.expected(format!("{} from {least} to {most}", units::EXPECTED[4])))
        }
    }

    pub(super) fn truth(&self) -> Result<bool, Error> {
        match self.node.value {
            Raw::Boolean(value) => Ok(value),
            _ => Err(self.expected("true or false")),
        }
    }

    pub(super) fn list(&self) -> Result<Vec<Item<'a>>, Error> {
        match &self.node.value {
            Raw::List(items) if items.is_empty() => Err(self.error("the list is empty")),
            Raw::List(items) => Ok(items.iter().map(|node| Item::new(self.key.clone(), node)).collect()),
            _ => Err(self.expected("a list")),
        }
    }

    pub(super) fn table(&self) -> Result<&'a Table, Error> {
        match &self.node.value {
            Raw::Table(table) => Ok(table),
            _ => Err(self.expected("a table")),
        }
    }

    /// The keys of a table, none of which may be unknown.
    pub(super) fn section(&self, known: &[&str]) -> Result<Section<'a>, Error> {
        Section::open(&self.key, self.table()?, known)
    }

    /// One word of a few.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Error> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let Raw::Text(text) = &self.node.value else {
            return Err(self.expected(one_of(&names)));
        };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| name == text) {
            return Ok(*choice);
        }
        let known = nearest(text, names.iter().copied()).map_or_else(
            || format!("expected {}", one_of(&names)),
            |near| format!("did you mean {near:?}?"),
        );
        Err(self.error(format!("{} is unknown; {known}", units::quoted(text))))
    }
}

/// The keys of a table that may hold only known ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Section<'a> {
    path: String,
    table: Option<&'a Table>,
}

impl<'a> Section<'a> {
    pub(super) fn open(path: &str, table: &'a Table, known: &[&str]) -> Result<Self, Error> {
        let section = Self {
            path: path.to_owned(),
            table: Some(table),
        };
        for Entry { key, origin, .. } in &table.entries {
            if known.contains(&key.as_str()) {
                continue;
            }
            let full = section.key(key);
            if super::LATER.contains(&full.as_str()) {
                return Err(Error::at(origin.clone(), &full, "is not supported by this version"));
            }
            if let Some((_, right)) = super::ELSEWHERE.iter().find(|(wrong, _)| *wrong == full) {
                let message = format!("unknown key; did you mean {right:?}?");
                return Err(Error::at(origin.clone(), &full, message));
            }
            let message = nearest(key, known.iter().copied()).map_or_else(
                || format!("unknown key; expected {}", one_of(known)),
                |near| format!("unknown key; did you mean {near:?}?"),
            );
            return Err(Error::at(origin.clone(), &full, message));
        }
        Ok(section)
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Item<'a>> {
        self.table?.get(key).map(|node| Item::new(self.key(key), node))
    }

    /// The table under a key; an absent one has no keys.
    pub(super) fn section(&self, key: &str, known: &[&str]) -> Result<Self, Error> {
        self.get(key).map_or_else(
            || {
                Ok(Self {
                    path: self.key(key),
                    table: None,
                })
            },
            |item| item.section(known),
        )
    }

    /// What `read` makes of the value, or the default where the key is absent.
    pub(super) fn or<T>(
        &self,
        key: &str,
        default: T,
        read: impl FnOnce(&Item<'a>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.get(key).map_or(Ok(default), |item| read(&item))
    }
}

/// The most similar of a few names, if it is similar enough to have been meant.
pub(super) fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if text.len() > 100 {
        return None;
    }
    let near = names
        .map(|name| (strsim::damerau_levenshtein(text, name), name))
        .min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, name)| *distance <= name.chars().count() / 3)
        .map(|(_, name)| name)
}

/// `"a", "b" or "c"`.
pub(super) fn one_of(names: &[&str]) -> String {
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => format!("{last:?}"),
        Some((last, rest)) => {
            let rest: Vec<String> = rest.iter().map(|name| format!("{name:?}")).collect();
            format!("{} or {last:?}", rest.join(", "))
        }
    }
}
