//! Requests as they are read from the wire.

use crate::batch::{Batch, batches};
use crate::codec::{Malformed, Parsed, Reader};

/// An API by its number, and the versions that are announced for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Api {
    pub(crate) key: i16,
    pub(crate) least: i16,
    pub(crate) most: i16,
}

const fn api(key: i16, least: i16, most: i16) -> Api {
    Api { key, least, most }
}

pub(crate) const PRODUCE: Api = api(0, 3, 8);
/// Announced only: librdkafka deduces message format v2 and zstd from it. Who sends one is cut off.
pub(crate) const FETCH: Api = api(1, 4, 11);
pub(crate) const LIST_OFFSETS: Api = api(2, 1, 5);
pub(crate) const METADATA: Api = api(3, 0, 8);
/// librdkafka deduces LZ4 from it.
pub(crate) const FIND_COORDINATOR: Api = api(10, 0, 2);
pub(crate) const API_VERSIONS: Api = api(18, 0, 3);
pub(crate) const CREATE_TOPICS: Api = api(19, 0, 4);
pub(crate) const DELETE_TOPICS: Api = api(20, 0, 3);
pub(crate) const INIT_PRODUCER_ID: Api = api(22, 0, 4);
pub(crate) const DESCRIBE_CONFIGS: Api = api(32, 0, 1);

/// What is announced.
pub(crate) const APIS: [Api; 10] = [
    PRODUCE,
    FETCH,
    LIST_OFFSETS,
    METADATA,
    FIND_COORDINATOR,
    API_VERSIONS,
    CREATE_TOPICS,
    DELETE_TOPICS,
    INIT_PRODUCER_ID,
    DESCRIBE_CONFIGS,
];

/// Why a connection is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("bytes that are no request: {0}")]
    Malformed(#[from] Malformed),
    #[error("API {key} in version {version} is not served")]
    Unsupported { key: i16, version: i16 },
}

/// A request and what its response has to know of it.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    pub(crate) body: Body<'a>,
}

#[derive(Debug)]
pub(crate) enum Body<'a> {
    Produce(Produce<'a>),
    ListOffsets(Vec<OfTopic<'a, (i32, i64)>>),
    /// The topics asked for; `None` for all.
    Metadata(Option<Vec<&'a str>>),
    FindCoordinator {
        transactions: bool,
    },
    /// In a version that is served, or one for which only the versions are told.
    ApiVersions,
    CreateTopics {
        topics: Vec<NewTopic<'a>>,
        validate_only: bool,
    },
    DeleteTopics(Vec<&'a str>),
    InitProducerId(InitProducerId),
    DescribeConfigs(Vec<Resource<'a>>),
}

/// Items of the partitions of a topic.
#[derive(Debug)]
pub(crate) struct OfTopic<'a, T> {
    pub(crate) topic: &'a str,
    pub(crate) partitions: Vec<T>,
}

#[derive(Debug)]
pub(crate) struct Produce<'a> {
    pub(crate) acks: i16,
    pub(crate) topics: Vec<OfTopic<'a, (i32, Vec<Batch>)>>,
}

#[derive(Debug)]
pub(crate) struct NewTopic<'a> {
    pub(crate) name: &'a str,
    pub(crate) partitions: i32,
    pub(crate) replication: i16,
    /// Partition and replicas.
    pub(crate) assignments: Vec<(i32, Vec<i32>)>,
    pub(crate) settings: Vec<(&'a str, Option<&'a str>)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct InitProducerId {
    pub(crate) transactional: bool,
    /// The producer id and epoch that the client has; -1 and -1 for none.
    pub(crate) current: (i64, i16),
}

#[derive(Debug)]
pub(crate) struct Resource<'a> {
    pub(crate) kind: i8,
    pub(crate) name: &'a str,
    /// The settings asked for; `None` for all.
    pub(crate) settings: Option<Vec<&'a str>>,
}

/// Reads a request, its length stripped off.
pub(crate) fn parse(bytes: &[u8]) -> Result<Request<'_>, Refused> {
    let mut reader = Reader::new(bytes);
    let r = &mut reader;
    let key = r.int16()?;
    let version = r.int16()?;
    let correlation = r.int32()?;
    let _client_id = r.nullable_string()?;
    let served = APIS.iter().find(|api| api.key == key);
    let body = match served {
        // A client that knows a later version is told the versions in the earliest response, whatever it said.
        Some(&API_VERSIONS) if !serves(API_VERSIONS, version) => {
            return Ok(Request {
                version,
                correlation,
                body: Body::ApiVersions,
            });
        }
        Some(api) if serves(*api, version) => match *api {
            PRODUCE => Body::Produce(produce(r)?),
            LIST_OFFSETS => Body::ListOffsets(list_offsets(r, version)?),
            METADATA => Body::Metadata(metadata(r, version)?),
            FIND_COORDINATOR => find_coordinator(r, version)?,
            API_VERSIONS => api_versions(r, version)?,
            CREATE_TOPICS => create_topics(r, version)?,
            DELETE_TOPICS => delete_topics(r)?,
            INIT_PRODUCER_ID => Body::InitProducerId(init_producer_id(r, version)?),
            DESCRIBE_CONFIGS => Body::DescribeConfigs(describe_configs(r, version)?),
            _ => return Err(Refused::Unsupported { key, version }),
        },
        _ => return Err(Refused::Unsupported { key, version }),
    };
    reader.finish()?;
    Ok(Request {
        version,
        correlation,
        body,
    })
}

pub(crate) fn serves(api: Api, version: i16) -> bool {
    (api.least..=api.most).contains(&version)
}

fn of_topic<'a, T>(r: &mut Reader<'a>, item: impl FnMut(&mut Reader<'a>) -> Parsed<T>) -> Parsed<OfTopic<'a, T>> {
    Ok(OfTopic {
        topic: r.string()?,
        partitions: r.array(item)?,
    })
}

fn produce<'a>(r: &mut Reader<'a>) -> Parsed<Produce<'a>> {
    let _transactional_id = r.nullable_string()?;
    let acks = r.int16()?;
    let _timeout_ms = r.int32()?;
    let topics = r.array(|r| {
        of_topic(r, |r| {
            let partition = r.int32()?;
            Ok((partition, batches(r.nullable_bytes()?.unwrap_or_default())?))
        })
    })?;
    Ok(Produce { acks, topics })
}

fn list_offsets<'a>(r: &mut Reader<'a>, version: i16) -> Parsed<Vec<OfTopic<'a, (i32, i64)>>> {
    let _replica = r.int32()?;
    if version >= 2 {
        let _isolation = r.int8()?;
    }
    r.array(|r| {
        of_topic(r, |r| {
            let partition = r.int32()?;
            if version >= 4 {
                let _leader_epoch = r.int32()?;
            }
            Ok((partition, r.int64()?))
        })
    })
}

fn metadata<'a>(r: &mut Reader<'a>, version: i16) -> Parsed<Option<Vec<&'a str>>> {
    let topics = r.nullable_array(Reader::string)?;
    if version >= 4 {
        let _auto_create = r.boolean()?;
    }
    if version >= 8 {
        let _cluster_operations = r.boolean()?;
        let _topic_operations = r.boolean()?;
    }
    // The first version has no null: there the empty list asks for all.
    Ok(topics.filter(|names| version > 0 || !names.is_empty()))
}

fn find_coordinator<'a>(r: &mut Reader<'a>, version: i16) -> Parsed<Body<'a>> {
    let _key = r.string()?;
    let kind = if version >= 1 { r.int8()? } else { 0 };
    Ok(Body::FindCoordinator {
        transactions: kind == 1,
    })
}

fn api_versions<'a>(r: &mut Reader<'a>, version: i16) -> Parsed<Body<'a>> {
    if version >= 3 {
        r.tags()?;
        let _software_name = r.compact_nullable_string()?;
        let _software_version = r.compact_nullable_string()?;
        r.tags()?;
    }
    Ok(Body::ApiVersions)
}

fn create_topics<'a>(r: &mut Reader<'a>, version: i16) -> Parsed<Body<'a>> {
    let topics = r.array(|r| {
        Ok(NewTopic {
            name: r.string()?,
            partitions: r.int32()?,
            replication: r.int16()?,
            assignments: r.array(|r| Ok((r.int32()?, r.array(Reader::int32)?)))?,
            settings: r.array(|r| Ok((r.string()?, r.nullable_string()?)))?,
        })
    })?;
    let _timeout_ms = r.int32()?;
    let validate_only = version >= 1 && r.boolean()?;
    Ok(Body::CreateTopics { topics, validate_only })
}

fn delete_topics<'a>(r: &mut Reader<'a>) -> Parsed<Body<'a>> {
    let names = r.array(Reader::string)?;
    let _timeout_ms = r.int32()?;
    Ok(Body::DeleteTopics(names))
}

fn init_producer_id(r: &mut Reader<'_>, version: i16) -> Parsed<InitProducerId> {
    let flexible = version >= 2;
    if flexible {
        r.tags()?;
    }
    let id = if flexible {
        r.compact_nullable_string()?
    } else {
        r.nullable_string()?
    };
    let _timeout_ms = r.int32()?;
    let current = if version >= 3 {
        (r.int64()?, r.int16()?)
    } else {
        (-1, -1)
    };
    if flexible {
        r.tags()?;
    }
    Ok(InitProducerId {
        transactional: id.is_some(),
        current,
    })
}

fn describe_configs<'a>(r: &mut Reader<'a>, version: i16) -> Parsed<Vec<Resource<'a>>> {
    let resources = r.array(|r| {
        Ok(Resource {
            kind: r.int8()?,
            name: r.string()?,
            settings: r.nullable_array(Reader::string)?,
        })
    })?;
    if version >= 1 {
        let _synonyms = r.boolean()?;
    }
    Ok(resources)
}
