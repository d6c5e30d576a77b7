//! Responses as they are written to the wire.

use crate::code::Code;
use crate::codec::Writer;
use crate::requests::{API_VERSIONS, APIS, OfTopic, serves};
use crate::topics::{NODE, State};

/// The cluster's id.
const CLUSTER: &str = "tribunal-stub";
/// "Not asked for", where a client may ask what it is allowed to do.
const NO_OPERATIONS: i32 = i32::MIN;

/// Where clients find the broker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub(crate) port: u16,
}

impl Address {
    pub(crate) const HOST: &'static str = "127.0.0.1";

    fn write(self, w: &mut Writer) {
        w.int32(NODE);
        w.string(Self::HOST);
        w.int32(self.port.into());
    }
}

/// One partition's part of a produce response.
pub(crate) type Placed = (i32, Code, Option<i64>);

pub(crate) fn produce(w: &mut Writer, version: i16, topics: &[OfTopic<'_, Placed>], throttle_ms: i32) {
    w.array(topics.iter(), |w, topic| {
        w.string(topic.topic);
        w.array(topic.partitions.iter(), |w, (partition, code, base_offset)| {
            w.int32(*partition);
            w.int16(code.0);
            w.int64(base_offset.unwrap_or(-1));
            // The timestamps are those of the producer.
            w.int64(-1);
            if version >= 5 {
                w.int64(if *code == Code::NONE { 0 } else { -1 });
            }
            if version >= 8 {
                w.int32(0);
                w.null_string();
            }
        });
    });
    w.int32(throttle_ms);
}

pub(crate) fn list_offsets(w: &mut Writer, version: i16, topics: &[OfTopic<'_, Placed>]) {
    if version >= 2 {
        w.int32(0);
    }
    w.array(topics.iter(), |w, topic| {
        w.string(topic.topic);
        w.array(topic.partitions.iter(), |w, (partition, code, offset)| {
            w.int32(*partition);
            w.int16(code.0);
            w.int64(-1);
            w.int64(offset.unwrap_or(-1));
            if version >= 4 {
                w.int32(0);
            }
        });
    });
}

pub(crate) fn metadata(w: &mut Writer, version: i16, address: Address, topics: &[(&str, Option<&State>)]) {
    if version >= 3 {
        w.int32(0);
    }
    w.array([address].iter(), |w, address| {
        address.write(w);
        if version >= 1 {
            w.null_string();
        }
    });
    if version >= 2 {
        w.string(CLUSTER);
    }
    if version >= 1 {
        w.int32(NODE);
    }
    w.array(topics.iter(), |w, (name, state)| {
        let known = state.map_or(Code::UNKNOWN_TOPIC_OR_PARTITION, |_| Code::NONE);
        w.int16(known.0);
        w.string(name);
        if version >= 1 {
            w.boolean(false);
        }
        let partitions = state.map_or(0, |state| state.partitions.len() as i32);
        w.array(0..partitions as usize, |w, partition| {
            w.int16(0);
            w.int32(partition as i32);
            w.int32(NODE);
            if version >= 7 {
                w.int32(0);
            }
            w.array([NODE].iter(), |w, node| w.int32(*node));
            w.array([NODE].iter(), |w, node| w.int32(*node));
            if version >= 5 {
                w.int32(0);
            }
        });
        if version >= 8 {
            w.int32(NO_OPERATIONS);
        }
    });
    if version >= 8 {
        w.int32(NO_OPERATIONS);
    }
}

/// There is no coordinator, and asking again does not help.
pub(crate) fn find_coordinator(w: &mut Writer, version: i16, transactions: bool) {
    if version >= 1 {
        w.int32(0);
    }
    let code = if transactions {
        Code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    } else {
        Code::GROUP_AUTHORIZATION_FAILED
    };
    w.int16(code.0);
    if version >= 1 {
        w.string("the stub has neither groups nor transactions");
    }
    w.int32(-1);
    w.string("");
    w.int32(-1);
}

/// The one response whose header is never flexible.
pub(crate) fn api_versions(w: &mut Writer, version: i16) {
    if !serves(API_VERSIONS, version) {
        w.int16(Code::UNSUPPORTED_VERSION.0);
        w.array([API_VERSIONS].iter(), |w, api| {
            w.int16(api.key);
            w.int16(api.least);
            w.int16(api.most);
        });
        return;
    }
    w.int16(Code::NONE.0);
    if version >= 3 {
        w.varint(APIS.len() as u32 + 1);
    } else {
        w.int32(APIS.len() as i32);
    }
    for api in APIS {
        w.int16(api.key);
        w.int16(api.least);
        w.int16(api.most);
        if version >= 3 {
            w.no_tags();
        }
    }
    if version >= 1 {
        w.int32(0);
    }
    if version >= 3 {
        w.no_tags();
    }
}

/// For `CreateTopics` from version 1 on, with a message for each topic.
pub(crate) fn create_topics(w: &mut Writer, version: i16, topics: &[(&str, Code)]) {
    if version >= 2 {
        w.int32(0);
    }
    w.array(topics.iter(), |w, (name, code)| {
        w.string(name);
        w.int16(code.0);
        if version >= 1 {
            w.null_string();
        }
    });
}

pub(crate) fn delete_topics(w: &mut Writer, version: i16, topics: &[(&str, Code)]) {
    if version >= 1 {
        w.int32(0);
    }
    w.array(topics.iter(), |w, (name, code)| {
        w.string(name);
        w.int16(code.0);
    });
}

pub(crate) fn init_producer_id(w: &mut Writer, version: i16, code: Code, producer: i64, epoch: i16) {
    if version >= 2 {
        w.no_tags();
    }
    w.int32(0);
    w.int16(code.0);
    w.int64(producer);
    w.int16(epoch);
    if version >= 2 {
        w.no_tags();
    }
}

/// What is said about the settings of a topic or a broker.
#[derive(Debug)]
pub(crate) struct Described<'a> {
    pub(crate) code: Code,
    pub(crate) kind: i8,
    pub(crate) name: &'a str,
    pub(crate) settings: Vec<Setting<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    pub(crate) is_default: bool,
}

/// Where a setting comes from, in the numbers of `DescribeConfigs`.
const SOURCE_TOPIC: i8 = 1;
const SOURCE_DEFAULT: i8 = 5;

pub(crate) fn describe_configs(w: &mut Writer, version: i16, resources: &[Described<'_>]) {
    w.int32(0);
    w.array(resources.iter(), |w, resource| {
        w.int16(resource.code.0);
        w.null_string();
        w.int8(resource.kind);
        w.string(resource.name);
        w.array(resource.settings.iter(), |w, setting| {
            w.string(setting.name);
            w.string(setting.value);
            w.boolean(false);
            if version >= 1 {
                w.int8(if setting.is_default {
                    SOURCE_DEFAULT
                } else {
                    SOURCE_TOPIC
                });
            } else {
                w.boolean(setting.is_default);
            }
            w.boolean(false);
            if version >= 1 {
                w.int32(0);
            }
        });
    });
}
