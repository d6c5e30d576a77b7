//! What the producers of a trial send.

use tribunal_model::profile::{After, Profile, Segment};
use tribunal_model::trial::{
    Arrivals, Content, Keys, Load, Partitioner, Rate, RecordRate, RecordShape, Size, WhenFull,
};

use super::{Choice, all, choices, finite, optional, required};
use crate::{Invalid, pb};

choices! {
    Arrivals { Uniform, Poisson }
    Partitioner { Native, Assigned }
    WhenFull { Hold, Shed }
    After { Hold, Repeat }
}

impl From<Load> for pb::Load {
    fn from(domain: Load) -> Self {
        let Load {
            rate,
            profile,
            arrivals,
            producers,
            record,
            keys,
            partitioner,
            when_full,
            seed,
        } = domain;
        Self {
            rate: Some(rate.into()),
            arrivals: pb::Arrivals::from(arrivals).into(),
            producers,
            record: Some(record.into()),
            keys: Some(keys.into()),
            partitioner: pb::Partitioner::from(partitioner).into(),
            when_full: pb::WhenFull::from(when_full).into(),
            seed,
            profile: profile.map(Into::into),
        }
    }
}

impl TryFrom<pb::Load> for Load {
    type Error = Invalid;

    fn try_from(raw: pb::Load) -> Result<Self, Invalid> {
        let pb::Load {
            rate,
            arrivals,
            producers,
            record,
            keys,
            partitioner,
            when_full,
            seed,
            profile,
        } = raw;
        Ok(Self {
            rate: required("Load.rate", rate)?,
            profile: optional(profile)?,
            arrivals: Arrivals::choose("Load.arrivals", arrivals)?,
            producers,
            record: required("Load.record", record)?,
            keys: required("Load.keys", keys)?,
            partitioner: Partitioner::choose("Load.partitioner", partitioner)?,
            when_full: WhenFull::choose("Load.when_full", when_full)?,
            seed,
        })
    }
}

impl From<Profile> for pb::Profile {
    fn from(domain: Profile) -> Self {
        Self {
            segments: all(domain.segments().to_vec()),
            after: pb::After::from(domain.after()).into(),
            text: domain.text().to_owned(),
        }
    }
}

impl TryFrom<pb::Profile> for Profile {
    type Error = Invalid;

    fn try_from(raw: pb::Profile) -> Result<Self, Invalid> {
        let pb::Profile { segments, after, text } = raw;
        let after = After::choose("Profile.after", after)?;
        Ok(Self::new(all(segments), after, text)?)
    }
}

impl From<Segment> for pb::profile::Segment {
    fn from(domain: Segment) -> Self {
        let Segment {
            length_ns,
            from_micro,
            to_micro,
        } = domain;
        Self {
            length_ns,
            from_records_per_million_seconds: from_micro,
            to_records_per_million_seconds: to_micro,
        }
    }
}

impl From<pb::profile::Segment> for Segment {
    fn from(raw: pb::profile::Segment) -> Self {
        let pb::profile::Segment {
            length_ns,
            from_records_per_million_seconds: from_micro,
            to_records_per_million_seconds: to_micro,
        } = raw;
        Self {
            length_ns,
            from_micro,
            to_micro,
        }
    }
}

impl From<Rate> for pb::Rate {
    fn from(domain: Rate) -> Self {
        use pb::rate::{Kind, Saturate};
        let kind = match domain {
            Rate::Paced(rate) => Kind::PacedRecordsPerMillionSeconds(rate.micro()),
            Rate::Saturate => Kind::Saturate(Saturate {}),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<pb::Rate> for Rate {
    type Error = Invalid;

    fn try_from(raw: pb::Rate) -> Result<Self, Invalid> {
        use pb::rate::{Kind, Saturate};
        let pb::Rate { kind } = raw;
        match kind.ok_or(Invalid::Missing("Rate.kind"))? {
            Kind::PacedRecordsPerMillionSeconds(records) => RecordRate::per_million_seconds(records)
                .map(Self::Paced)
                .ok_or_else(|| Invalid::Value {
                    field: "Rate.paced_records_per_million_seconds",
                    text: records.to_string(),
                }),
            Kind::Saturate(Saturate {}) => Ok(Self::Saturate),
        }
    }
}

impl From<RecordShape> for pb::RecordShape {
    fn from(domain: RecordShape) -> Self {
        let RecordShape { size, content, headers } = domain;
        Self {
            size: Some(size.into()),
            content: Some(content.into()),
            headers: all(headers),
        }
    }
}

impl TryFrom<pb::RecordShape> for RecordShape {
    type Error = Invalid;

    fn try_from(raw: pb::RecordShape) -> Result<Self, Invalid> {
        let pb::RecordShape { size, content, headers } = raw;
        Ok(Self {
            size: required("RecordShape.size", size)?,
            content: required("RecordShape.content", content)?,
            headers: all(headers),
        })
    }
}

impl From<Size> for pb::Size {
    fn from(domain: Size) -> Self {
        use pb::size::{Kind, LogNormal, Uniform, Weighted, WeightedSize};
        let kind = match domain {
            Size::Fixed(bytes) => Kind::FixedBytes(bytes),
            Size::Uniform { min, max } => Kind::Uniform(Uniform {
                min_bytes: min,
                max_bytes: max,
            }),
            Size::LogNormal { median, sigma, max } => Kind::LogNormal(LogNormal {
                median_bytes: median,
                sigma,
                max_bytes: max,
            }),
            Size::Weighted(sizes) => Kind::Weighted(Weighted {
                sizes: sizes
                    .into_iter()
                    .map(|(size_bytes, weight)| WeightedSize { size_bytes, weight })
                    .collect(),
            }),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<pb::Size> for Size {
    type Error = Invalid;

    fn try_from(raw: pb::Size) -> Result<Self, Invalid> {
        use pb::size::{Kind, LogNormal, Uniform, Weighted, WeightedSize};
        let pb::Size { kind } = raw;
        Ok(match kind.ok_or(Invalid::Missing("Size.kind"))? {
            Kind::FixedBytes(bytes) => Self::Fixed(bytes),
            Kind::Uniform(Uniform {
                min_bytes: min,
                max_bytes: max,
            }) => Self::Uniform { min, max },
            Kind::LogNormal(LogNormal {
                median_bytes: median,
                sigma,
                max_bytes: max,
            }) => Self::LogNormal {
                median,
                sigma: finite("LogNormal.sigma", sigma)?,
                max,
            },
            Kind::Weighted(Weighted { sizes }) => Self::Weighted(
                sizes
                    .into_iter()
                    .map(|WeightedSize { size_bytes, weight }| Ok((size_bytes, finite("WeightedSize.weight", weight)?)))
                    .collect::<Result<_, Invalid>>()?,
            ),
        })
    }
}

impl From<Content> for pb::Content {
    fn from(domain: Content) -> Self {
        use pb::content::{Generated, Kind, Samples};
        let kind = match domain {
            Content::Generated { compressibility } => Kind::Generated(Generated { compressibility }),
            Content::Samples { files } => Kind::Samples(Samples { files }),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<pb::Content> for Content {
    type Error = Invalid;

    fn try_from(raw: pb::Content) -> Result<Self, Invalid> {
        use pb::content::{Generated, Kind, Samples};
        let pb::Content { kind } = raw;
        Ok(match kind.ok_or(Invalid::Missing("Content.kind"))? {
            Kind::Generated(Generated { compressibility }) => Self::Generated {
                compressibility: finite("Generated.compressibility", compressibility)?,
            },
            Kind::Samples(Samples { files }) => Self::Samples { files },
        })
    }
}

impl From<Keys> for pb::Keys {
    fn from(domain: Keys) -> Self {
        use pb::keys::{Keyless, Kind, Sequence, Uniform, Zipf};
        let kind = match domain {
            Keys::None => Kind::Keyless(Keyless {}),
            Keys::Sequence { cardinality } => Kind::Sequence(Sequence { cardinality }),
            Keys::Uniform { cardinality } => Kind::Uniform(Uniform { cardinality }),
            Keys::Zipf { cardinality, exponent } => Kind::Zipf(Zipf { cardinality, exponent }),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<pb::Keys> for Keys {
    type Error = Invalid;

    fn try_from(raw: pb::Keys) -> Result<Self, Invalid> {
        use pb::keys::{Keyless, Kind, Sequence, Uniform, Zipf};
        let pb::Keys { kind } = raw;
        Ok(match kind.ok_or(Invalid::Missing("Keys.kind"))? {
            Kind::Keyless(Keyless {}) => Self::None,
            Kind::Sequence(Sequence { cardinality }) => Self::Sequence { cardinality },
            Kind::Uniform(Uniform { cardinality }) => Self::Uniform { cardinality },
            Kind::Zipf(Zipf { cardinality, exponent }) => Self::Zipf {
                cardinality,
                exponent: finite("Zipf.exponent", exponent)?,
            },
        })
    }
}
