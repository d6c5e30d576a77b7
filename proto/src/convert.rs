//! From domain messages to wire messages and back.
//!
//! `From` where nothing can be wrong with a wire message, `TryFrom` where something can.

mod control;
mod facts;
mod load;
mod session;
mod stats;
mod trial;

use std::convert::Infallible;
use std::time::Duration;

use tribunal_model::ids::{AgentName, Attempt, ExperimentId, TrialId};
use tribunal_model::profile::InvalidProfile;
use tribunal_stats::distribution::InvalidDistribution;
use tribunal_stats::offsets::InvalidOffsets;

/// A wire message that means nothing; fields are named as `Message.field`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A required field is absent.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An enumeration was left at its zero.
    #[error("{0} is unspecified")]
    Unspecified(&'static str),
    /// An enumeration has a value that this build does not know.
    #[error("{field} has the unknown value {number}")]
    Unknown {
        /// The field.
        field: &'static str,
        /// Its value.
        number: i32,
    },
    /// A value breaks its rule.
    #[error("{field} may not be {text:?}")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        text: String,
    },
    /// A list has the same entry twice.
    #[error("{field} has {text:?} twice")]
    Twice {
        /// The field.
        field: &'static str,
        /// The entry's name.
        text: String,
    },
    /// Bytes are no distribution.
    #[error("{field} holds no distribution")]
    Histogram {
        /// The field.
        field: &'static str,
        /// What is wrong with them.
        source: InvalidDistribution,
    },
    /// Bytes are no set of offsets.
    #[error("{field} holds no offsets")]
    Offsets {
        /// The field.
        field: &'static str,
        /// What is wrong with them.
        source: InvalidOffsets,
    },
    /// Segments make no profile.
    #[error("Load.profile is none")]
    Profile(#[from] InvalidProfile),
    /// The peer cannot be understood, and speaks another version of the protocol.
    #[error("agent {name:?} speaks protocol {theirs}; this build speaks {ours}")]
    Protocol {
        /// The agent's name, as it came.
        name: String,
        /// The agent's version.
        theirs: u32,
        /// This build's version.
        ours: u32,
    },
}

impl From<Infallible> for Invalid {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Both directions between a struct and its message, where all fields have the same names and types.
macro_rules! alike {
    ($($name:ident { $($field:ident),+ $(,)? })+) => {
        $(
            impl From<$name> for crate::pb::$name {
                fn from(domain: $name) -> Self {
                    let $name { $($field),+ } = domain;
                    Self { $($field),+ }
                }
            }

            impl From<crate::pb::$name> for $name {
                fn from(raw: crate::pb::$name) -> Self {
                    let crate::pb::$name { $($field),+ } = raw;
                    Self { $($field),+ }
                }
            }
        )+
    };
}

/// Both directions between an enumeration without data and its message's.
macro_rules! choices {
    ($($name:ident { $($variant:ident),+ $(,)? })+) => {
        $(
            impl From<$name> for crate::pb::$name {
                fn from(domain: $name) -> Self {
                    match domain {
                        $($name::$variant => Self::$variant),+
                    }
                }
            }

            impl crate::convert::Choice for $name {
                fn choose(field: &'static str, number: i32) -> Result<Self, crate::Invalid> {
                    match crate::pb::$name::try_from(number) {
                        Ok(crate::pb::$name::Unspecified) => Err(crate::Invalid::Unspecified(field)),
                        $(Ok(crate::pb::$name::$variant) => Ok(Self::$variant),)+
                        Err(_) => Err(crate::Invalid::Unknown { field, number }),
                    }
                }
            }
        )+
    };
}

use {alike, choices};

/// An enumeration without data; on the wire it is a number.
trait Choice: Sized {
    /// The variant that the number in `field` stands for.
    fn choose(field: &'static str, number: i32) -> Result<Self, Invalid>;
}

/// The domain form of a message that has to be there.
fn required<T, U: TryFrom<T>>(field: &'static str, raw: Option<T>) -> Result<U, Invalid>
where
    Invalid: From<U::Error>,
{
    Ok(raw.ok_or(Invalid::Missing(field))?.try_into()?)
}

/// The domain form of a message that may be absent.
fn optional<T, U: TryFrom<T>>(raw: Option<T>) -> Result<Option<U>, Invalid>
where
    Invalid: From<U::Error>,
{
    Ok(raw.map(U::try_from).transpose()?)
}

/// The domain forms of a list.
fn each<T, U: TryFrom<T>>(raw: Vec<T>) -> Result<Vec<U>, Invalid>
where
    Invalid: From<U::Error>,
{
    raw.into_iter().map(|item| Ok(item.try_into()?)).collect()
}

/// A list in another form.
fn all<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}

/// A number that counts from 1: zero is what an absent field reads as.
fn from_one(field: &'static str, number: u32) -> Result<u32, Invalid> {
    if number == 0 {
        Err(Invalid::Missing(field))
    } else {
        Ok(number)
    }
}

fn trial_id(field: &'static str, number: u32) -> Result<TrialId, Invalid> {
    Ok(TrialId(from_one(field, number)?))
}

fn attempt(field: &'static str, number: u32) -> Result<Attempt, Invalid> {
    Ok(Attempt(from_one(field, number)?))
}

fn experiment_id(field: &'static str, text: &str) -> Result<ExperimentId, Invalid> {
    let text = filled(field, text)?;
    text.parse().map_err(|_| Invalid::Value {
        field,
        text: text.to_owned(),
    })
}

fn agent_name(field: &'static str, text: &str) -> Result<AgentName, Invalid> {
    let text = filled(field, text)?;
    AgentName::new(text).map_err(|_| Invalid::Value {
        field,
        text: text.to_owned(),
    })
}

/// A text that may not be empty.
fn filled<'a>(field: &'static str, text: &'a str) -> Result<&'a str, Invalid> {
    if text.is_empty() {
        Err(Invalid::Missing(field))
    } else {
        Ok(text)
    }
}

/// A number with which one can reckon.
fn finite(field: &'static str, number: f64) -> Result<f64, Invalid> {
    if number.is_finite() {
        Ok(number)
    } else {
        Err(Invalid::Value {
            field,
            text: number.to_string(),
        })
    }
}

/// Nanoseconds of a duration; more than 584 years are the greatest value.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
