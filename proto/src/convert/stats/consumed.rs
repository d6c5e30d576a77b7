//! What consumers received, and what producers and consumers follow.

use std::collections::BTreeMap;

use tribunal_stats::{ConsumerReport, Followed, ReadBack, ReadSequences, ReceivedPartition};

use super::{once, only, set};
use crate::convert::{all, optional, required};
use crate::{Invalid, pb};

impl From<Followed> for pb::Followed {
    fn from(domain: Followed) -> Self {
        let Followed { bits, instants } = domain;
        let partition = |((topic, partition), instants): ((String, i32), Vec<(i64, i64)>)| {
            let (offsets, instants) = instants.into_iter().unzip();
            pb::FollowedPartition {
                topic,
                partition,
                offsets,
                instants,
            }
        };
        Self {
            bits,
            partitions: instants.into_iter().map(partition).collect(),
        }
    }
}

impl TryFrom<pb::Followed> for Followed {
    type Error = Invalid;

    fn try_from(raw: pb::Followed) -> Result<Self, Invalid> {
        let pb::Followed { bits, partitions } = raw;
        let mut all = BTreeMap::new();
        for pb::FollowedPartition {
            topic,
            partition,
            offsets,
            instants,
        } in partitions
        {
            if offsets.len() != instants.len() {
                return Err(Invalid::Value {
                    field: "FollowedPartition.instants",
                    text: format!("{} of {} records", instants.len(), offsets.len()),
                });
            }
            let own = offsets.into_iter().zip(instants).collect();
            once("Followed.partitions", &mut all, (topic, partition), own)?;
        }
        Ok(Self { bits, instants: all })
    }
}

impl From<ConsumerReport> for pb::ConsumerReport {
    fn from(domain: ConsumerReport) -> Self {
        let ConsumerReport {
            partitions,
            seconds,
            followed,
            read_back,
            errors,
            clock,
            clock_after,
        } = domain;
        let partition = |((group, topic, partition), received): ((u32, String, i32), ReceivedPartition)| {
            let ReceivedPartition {
                offsets,
                backwards,
                bytes,
                lag_max,
                lag_end,
            } = received;
            pb::ReceivedPartition {
                group,
                topic,
                partition,
                offsets: offsets.encode(),
                backwards,
                bytes,
                lag_max,
                lag_end,
            }
        };
        Self {
            partitions: partitions.into_iter().map(partition).collect(),
            seconds: all(seconds),
            followed: followed
                .into_iter()
                .map(|(group, followed)| pb::GroupFollowed {
                    group,
                    followed: Some(followed.into()),
                })
                .collect(),
            errors: all(errors),
            clock: Some(clock.into()),
            clock_after: Some(clock_after.into()),
            read_back: read_back.map(Into::into),
        }
    }
}

impl TryFrom<pb::ConsumerReport> for ConsumerReport {
    type Error = Invalid;

    fn try_from(raw: pb::ConsumerReport) -> Result<Self, Invalid> {
        let pb::ConsumerReport {
            partitions,
            seconds,
            followed,
            errors,
            clock,
            clock_after,
            read_back,
        } = raw;
        let mut received = BTreeMap::new();
        for pb::ReceivedPartition {
            group,
            topic,
            partition,
            offsets,
            backwards,
            bytes,
            lag_max,
            lag_end,
        } in partitions
        {
            let own = ReceivedPartition {
                offsets: set("ReceivedPartition.offsets", &offsets)?,
                backwards,
                bytes,
                lag_max,
                lag_end,
            };
            let text = format!("{group} {topic} {partition}");
            only(
                "ConsumerReport.partitions",
                &mut received,
                (group, topic, partition),
                own,
                text,
            )?;
        }
        let mut by_group = BTreeMap::new();
        for pb::GroupFollowed { group, followed } in followed {
            let own = required("GroupFollowed.followed", followed)?;
            only("ConsumerReport.followed", &mut by_group, group, own, group.to_string())?;
        }
        Ok(Self {
            partitions: received,
            seconds: all(seconds),
            followed: by_group,
            read_back: optional(read_back)?,
            errors: all(errors),
            clock: required("ConsumerReport.clock", clock)?,
            clock_after: required("ConsumerReport.clock_after", clock_after)?,
        })
    }
}

impl From<ReadBack> for pb::ReadBack {
    fn from(domain: ReadBack) -> Self {
        let ReadBack {
            producers,
            primed,
            foreign,
        } = domain;
        let read = |(producer, read): (u32, ReadSequences)| {
            let ReadSequences { sequences, reordered } = read;
            pb::ReadSequences {
                producer,
                sequences: sequences.encode(),
                reordered,
            }
        };
        Self {
            producers: producers.into_iter().map(read).collect(),
            primed,
            foreign,
        }
    }
}

impl TryFrom<pb::ReadBack> for ReadBack {
    type Error = Invalid;

    fn try_from(raw: pb::ReadBack) -> Result<Self, Invalid> {
        let pb::ReadBack {
            producers,
            primed,
            foreign,
        } = raw;
        let mut all = BTreeMap::new();
        for pb::ReadSequences {
            producer,
            sequences,
            reordered,
        } in producers
        {
            let own = ReadSequences {
                sequences: set("ReadSequences.sequences", &sequences)?,
                reordered,
            };
            only("ReadBack.producers", &mut all, producer, own, producer.to_string())?;
        }
        Ok(Self {
            producers: all,
            primed,
            foreign,
        })
    }
}
