//! The topics of the stub.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::code::Code;
use crate::partition::Partition;
use crate::truth::End;

/// The id of the one broker.
pub const NODE: i32 = 1;

/// The most partitions, those of deleted topics included.
const MOST_PARTITIONS: usize = 10_000;
/// The longest name a topic may have.
const LONGEST_NAME: usize = 249;

/// A topic that exists from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: u32,
}

impl Topic {
    /// A topic from its name and number of partitions.
    pub fn new(name: impl Into<String>, partitions: u32) -> Self {
        Self {
            name: name.into(),
            partitions,
        }
    }
}

/// Why a topic cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopic {
    /// The name is empty, longer than 249 bytes, `.` or `..`, or has other characters than letters, digits, `.`, `_`, `-`.
    #[error("the name is none a topic may have")]
    Name,
    /// There is one of that name.
    #[error("there is a topic of that name")]
    Exists,
    /// It has no partition.
    #[error("a topic has at least one partition")]
    Partitions,
    /// More than 10,000 partitions in all.
    #[error("the stub holds at most 10,000 partitions")]
    Full,
}

impl InvalidTopic {
    pub(crate) fn code(self) -> Code {
        match self {
            Self::Name => Code::INVALID_TOPIC,
            Self::Exists => Code::TOPIC_ALREADY_EXISTS,
            Self::Partitions => Code::INVALID_PARTITIONS,
            Self::Full => Code::POLICY_VIOLATION,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Topics {
    all: BTreeMap<Arc<str>, State>,
}

/// A topic as it is now.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) partitions: Vec<Partition>,
    pub(crate) settings: Vec<(String, String)>,
    /// It is kept for the truth only.
    deleted: bool,
}

impl Topics {
    /// Whether a topic could be made.
    pub(crate) fn check(&self, name: &str, partitions: usize) -> Result<(), InvalidTopic> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > LONGEST_NAME || matches!(name, "." | "..") || !name.chars().all(allowed) {
            return Err(InvalidTopic::Name);
        }
        if self.get(name).is_some() {
            return Err(InvalidTopic::Exists);
        }
        if partitions == 0 {
            return Err(InvalidTopic::Partitions);
        }
        let there: usize = self.all.values().map(|topic| topic.partitions.len()).sum();
        if there.saturating_add(partitions) > MOST_PARTITIONS {
            return Err(InvalidTopic::Full);
        }
        Ok(())
    }

    pub(crate) fn create(
        &mut self,
        name: &str,
        partitions: usize,
        settings: Vec<(String, String)>,
    ) -> Result<(), InvalidTopic> {
        self.check(name, partitions)?;
        let state = State {
            partitions: std::iter::repeat_with(Partition::default).take(partitions).collect(),
            settings,
            deleted: false,
        };
        self.all.insert(name.into(), state);
        Ok(())
    }

    /// Whether there was one to delete.
    pub(crate) fn delete(&mut self, name: &str) -> bool {
        let found = self.all.get_mut(name).filter(|topic| !topic.deleted);
        found.map(|topic| topic.deleted = true).is_some()
    }

    /// The topics that are not deleted, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &State)> {
        self.all.iter().filter(|(_, topic)| !topic.deleted)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&State> {
        self.all.get(name).filter(|topic| !topic.deleted)
    }

    pub(crate) fn partition(&mut self, name: &str, partition: i32) -> Option<&mut Partition> {
        let topic = self.all.get_mut(name).filter(|topic| !topic.deleted)?;
        topic.partitions.get_mut(usize::try_from(partition).ok()?)
    }

    /// The name as it is shared, where there is or was such a topic.
    pub(crate) fn shared_name(&self, name: &str) -> Option<Arc<str>> {
        self.all.get_key_value(name).map(|(name, _)| Arc::clone(name))
    }

    /// Where each partition ends, deleted ones included.
    pub(crate) fn ends(&self) -> Vec<End> {
        let mut ends = Vec::new();
        for (name, topic) in &self.all {
            for (number, partition) in (0..).zip(&topic.partitions) {
                ends.push(End {
                    topic: Arc::clone(name),
                    partition: number,
                    end_offset: partition.end,
                    copied: partition.copied,
                    deleted: topic.deleted,
                });
            }
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_topic_stays_in_the_truth_until_its_name_is_used_again() {
        let mut topics = Topics::default();
        topics.create("a", 2, Vec::new()).unwrap();
        topics.partition("a", 1).unwrap().end = 7;
        assert!(topics.delete("a"));
        assert!(!topics.delete("a"));
        assert!(topics.get("a").is_none() && topics.partition("a", 1).is_none());
        assert_eq!(topics.ends()[1].end_offset, 7);
        topics.create("a", 1, Vec::new()).unwrap();
        assert_eq!(topics.ends().len(), 1);
    }

    #[test]
    fn what_cannot_be_a_topic_is_refused() {
        let mut topics = Topics::default();
        for name in ["", ".", "..", "a b", "ä", &"x".repeat(250)] {
            assert_eq!(topics.create(name, 1, Vec::new()), Err(InvalidTopic::Name), "{name}");
        }
        assert_eq!(topics.create("a", 0, Vec::new()), Err(InvalidTopic::Partitions));
        assert_eq!(topics.create("a", 10_001, Vec::new()), Err(InvalidTopic::Full));
        topics.create("a", 10_000, Vec::new()).unwrap();
        assert_eq!(topics.create("a", 1, Vec::new()), Err(InvalidTopic::Exists));
        assert_eq!(topics.create("b", 1, Vec::new()), Err(InvalidTopic::Full));
    }
}
