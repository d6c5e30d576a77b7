//! Names of things that travel: experiments, trials, attempts, agents.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One matrix run under one id: a version 7 UUID, so that ids sort by the instant of their making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ExperimentId(Uuid);

impl ExperimentId {
    /// Wraps the UUID that the coordinator made when the plan was accepted.
    pub fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The last eight hexadecimal digits: random ones, short enough for folder names and tables.
    pub fn short(self) -> String {
        let text = self.0.simple().to_string();
        text[24..].to_owned()
    }

    /// Whether `text` is the whole id, or a part of it of at least four characters.
    pub fn matches(self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        text.len() >= 4 && (self.0.simple().to_string().contains(&text) || self.to_string().contains(&text))
    }
}

impl fmt::Display for ExperimentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for ExperimentId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text).map(Self).map_err(|_| InvalidId {
            kind: "experiment id",
            text: text.to_owned(),
        })
    }
}

/// An id or name that does not follow its rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}")]
pub struct InvalidId {
    /// What it should have been.
    pub kind: &'static str,
    /// What was given.
    pub text: String,
}

/// A trial's place in the run order of its experiment, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct TrialId(pub u32);

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{:03}", self.0)
    }
}

/// A cell of the matrix, from 1, in the written order of the factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct CellId(pub u32);

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:03}", self.0)
    }
}

/// One try at running a trial, from 1; void when an agent was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Attempt(pub u32);

/// The name by which an agent is known: 1 to 64 of `A-Z a-z 0-9 . _ -`, starting with a letter or digit.
///
/// The rule keeps the name usable in Kafka's `client.id`, in file names and in metric labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct AgentName(String);

impl AgentName {
    /// The only door.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
        if first && text.len() <= 64 && text.chars().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId {
                kind: "agent name (1 to 64 letters, digits, '.', '_' or '-')",
                text: text.to_owned(),
            })
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AgentName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_name_is_safe_in_client_ids_files_and_labels() {
        for good in ["a", "host-1.example", "A_9"] {
            assert!(AgentName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(AgentName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_experiment_is_found_by_any_part_of_its_id() {
        let id: ExperimentId = "0193e2a4-1111-7abc-8def-0123456789ab".parse().unwrap();
        assert_eq!(id.short(), "456789ab");
        assert!(id.matches("0193e2a4") && id.matches("456789AB") && id.matches(&id.to_string()));
        assert!(!id.matches("89a") && !id.matches("ffff"));
    }
}
