//! Consumers beside a trial's producers, and what an agent is for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::properties::Properties;
use crate::trial::{Rate, Trial};

/// `[consumers]`: what reads the topics of a trial while its producers write.
///
/// A *group* is a set of members that together receive every record. Its partitions are dealt to the members once, before
/// the producers are made, and nothing is committed: no rebalance can fall into a window, and the cluster keeps no group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumers {
    /// How many groups; each receives every record.
    pub groups: u32,
    /// Members of each group: consumer clients over all agents.
    pub members: u32,
    /// Properties of the consumers' clients, by librdkafka's names.
    pub properties: Properties,
}

/// The share of one group member: one partition of one of the trial's topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat {
    /// The group, from 0.
    pub group: u32,
    /// The member in its group, from 0.
    pub member: u32,
    /// The topic's place among the trial's topics.
    pub topic: u32,
    /// The partition.
    pub partition: i32,
}

impl Consumers {
    /// Consumer clients of all groups.
    pub fn clients(&self) -> u32 {
        self.groups.saturating_mul(self.members)
    }

    /// Deals all partitions of `topics` topics to the members of each group, in turn. Members beyond the partitions get
    /// none.
    pub fn seats(&self, topics: u32, partitions: u32) -> Vec<Seat> {
        let all = move || (0..topics).flat_map(move |topic| (0..partitions).map(move |partition| (topic, partition)));
        let of_group = |group| {
            all().enumerate().map(move |(place, (topic, partition))| Seat {
                group,
                member: (place % self.members.max(1) as usize) as u32,
                topic,
                partition: partition as i32,
            })
        };
        (0..self.groups).flat_map(of_group).collect()
    }
}

/// How many records of the window are wanted whose way is followed from the intended send to the receipt.
const FOLLOWED: f64 = 20_000.0;

impl Trial {
    /// Of how many records of the window one is followed from its intended send to its receipt, as a power of two: what
    /// producers and consumers begin with, so that they pick the same ones without a word. Of a closed loop nothing is
    /// known beforehand, and both begin with all of them.
    pub fn follow_bits(&self) -> u32 {
        let Rate::Paced(rate) = self.load.rate else { return 0 };
        let expected = rate.as_per_second() * self.windows.measure.as_secs_f64();
        let mut bits = 0;
        while expected > FOLLOWED * f64::from(1u32 << bits) && bits < 30 {
            bits += 1;
        }
        bits
    }
}

/// What an agent is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Producers and consumers; consumers only where no other agent is for them.
    #[default]
    Any,
    /// Producers only.
    Producer,
    /// Consumers only.
    Consumer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Any, Self::Producer, Self::Consumer];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No role has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected any, producer or consumer")]
pub struct InvalidRole;

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or(InvalidRole)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_group_has_every_partition_once_whatever_its_members() {
        for members in 1..9 {
            let consumers = Consumers {
                groups: 2,
                members,
                properties: Properties::default(),
            };
            let seats = consumers.seats(2, 3);
            for group in 0..2 {
                let own: Vec<_> = seats.iter().filter(|seat| seat.group == group).collect();
                let places: BTreeSet<_> = own.iter().map(|seat| (seat.topic, seat.partition)).collect();
                assert_eq!((own.len(), places.len()), (6, 6));
                assert!(own.iter().all(|seat| seat.member < members));
            }
        }
    }

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert_eq!("both".parse::<Role>(), Err(InvalidRole));
    }
}
