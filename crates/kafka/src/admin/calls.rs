//! librdkafka's requests about topics and offsets, each as one blocking call.
#![expect(unsafe_code, reason = "the border to librdkafka's C interface")]

use std::ffi::{CString, c_char, c_int};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys::bindings as c;
use tribunal_engine::producer::ErrorCode;

use super::{Broker, PartitionState, TopicSetting};
use crate::codes::{error_code, error_text};
use crate::event::Event;
use crate::native::{Handle, Topic, copy, milliseconds};

/// How long a result may come after its request's own time-out.
const GRACE: Duration = Duration::from_secs(1);
/// librdkafka's longest time-out of a request, an hour.
const LONGEST: Duration = Duration::from_secs(3600);

/// Why a request failed.
pub(super) struct Failure {
    pub(super) code: ErrorCode,
    pub(super) text: String,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            text: error_text(code).into(),
        }
    }
}

/// A broker's answer to a metadata request.
pub(super) struct Metadata {
    /// By ascending id.
    pub(super) brokers: Vec<Broker>,
    pub(super) topics: Vec<TopicMetadata>,
}

/// A topic in such an answer.
pub(super) struct TopicMetadata {
    pub(super) name: String,
    pub(super) code: Option<ErrorCode>,
    /// By ascending number.
    pub(super) partitions: Vec<PartitionState>,
}

/// Asks a broker about one topic or all.
pub(super) fn metadata(handle: &Handle, topic: Option<&Topic>, wait: Duration) -> Result<Metadata, ErrorCode> {
    let mut found = ptr::null();
    let (all, only) = topic.map_or((1, ptr::null_mut()), |topic| (0, topic.raw()));
    // SAFETY: client and topic are alive; on success the answer is ours until it is destroyed below. Its arrays are as
    // long as it says. Codes are read as numbers, as a new broker may send one that the bindings do not know.
    unsafe {
        let code = c::rd_kafka_metadata(handle.raw(), all, only, &raw mut found, milliseconds(wait)) as i32;
        if code != 0 {
            return Err(error_code(code));
        }
        let mut brokers: Vec<_> = (0..(*found).broker_cnt as usize)
            .map(|i| (*found).brokers.add(i))
            .map(|broker| Broker {
                id: (*broker).id,
                host: copy((*broker).host),
                port: (*broker).port,
            })
            .collect();
        brokers.sort_unstable_by_key(|broker| broker.id);
        let topics = (0..(*found).topic_cnt as usize)
            .map(|i| topic_metadata((*found).topics.add(i)))
            .collect();
        c::rd_kafka_metadata_destroy(found);
        Ok(Metadata { brokers, topics })
    }
}

/// Copies a topic's metadata; `topic` must be part of a live answer.
unsafe fn topic_metadata(topic: *const c::rd_kafka_metadata_topic) -> TopicMetadata {
    // SAFETY: the caller gives a part of a live answer; arrays are as long as it says.
    unsafe {
        let code = (&raw const (*topic).err).cast::<i32>().read();
        let mut partitions: Vec<_> = (0..(*topic).partition_cnt as usize)
            .map(|i| (*topic).partitions.add(i))
            .map(|partition| PartitionState {
                partition: (*partition).id,
                leader: Some((*partition).leader).filter(|id| *id >= 0),
                replicas: numbers((*partition).replicas, (*partition).replica_cnt),
                isr: numbers((*partition).isrs, (*partition).isr_cnt),
            })
            .collect();
        partitions.sort_unstable_by_key(|partition| partition.partition);
        TopicMetadata {
            name: copy((*topic).topic),
            code: (code != 0).then(|| error_code(code)),
            partitions,
        }
    }
}

/// Copies an array of numbers; `first` must lead to `count` of them, or `count` be 0.
unsafe fn numbers(first: *const i32, count: c_int) -> Vec<i32> {
    // SAFETY: the caller says how many there are.
    unsafe { (0..count as usize).map(|i| *first.add(i)).collect() }
}

/// The cluster's id.
pub(super) fn cluster_id(handle: &Handle, wait: Duration) -> Option<String> {
    // SAFETY: the client is alive; the text is ours to free.
    unsafe {
        let text = c::rd_kafka_clusterid(handle.raw(), milliseconds(wait));
        if text.is_null() {
            return None;
        }
        let id = copy(text);
        c::rd_kafka_mem_free(handle.raw(), text.cast());
        Some(id)
    }
}

/// The controller's broker id.
pub(super) fn controller(handle: &Handle, wait: Duration) -> Option<i32> {
    // SAFETY: the client is alive.
    Some(unsafe { c::rd_kafka_controllerid(handle.raw(), milliseconds(wait)) }).filter(|id| *id >= 0)
}

/// The high watermark of each partition.
pub(super) fn end_offsets(
    handle: &Handle,
    topic: &str,
    partitions: i32,
    wait: Duration,
) -> Result<Vec<i64>, ErrorCode> {
    /// As a time stamp it stands for the end of the log.
    const END: i64 = -1;
    let name = CString::new(topic).map_err(|_| ErrorCode("INVALID_ARG"))?;
    if partitions <= 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the client is alive; the list is ours, holds as many elements as were added, in that order, and is
    // destroyed below.
    unsafe {
        let list = c::rd_kafka_topic_partition_list_new(partitions);
        for partition in 0..partitions {
            (*c::rd_kafka_topic_partition_list_add(list, name.as_ptr(), partition)).offset = END;
        }
        let code = c::rd_kafka_offsets_for_times(handle.raw(), list, milliseconds(wait)) as i32;
        let mut found = vec![END; partitions as usize];
        let mut worst = code;
        for i in 0..(*list).cnt as usize {
            let element = (*list).elems.add(i);
            let code = (&raw const (*element).err).cast::<i32>().read();
            worst = if worst == 0 { code } else { worst };
            if let Some(place) = found.get_mut((*element).partition as usize) {
                *place = (*element).offset;
            }
        }
        c::rd_kafka_topic_partition_list_destroy(list);
        match worst {
            // Without an error and without an offset, the leader did not answer for this partition.
            0 if found.iter().any(|offset| *offset < 0) => Err(ErrorCode("OFFSET_NOT_AVAILABLE")),
            0 => Ok(found),
            code => Err(error_code(code)),
        }
    }
}

/// Makes a topic and waits until the controller has it.
pub(super) fn create_topic(
    handle: &Arc<Handle>,
    name: &str,
    assignment: &[Vec<i32>],
    settings: &[(String, String)],
    wait: Duration,
) -> Result<(), Failure> {
    let mut text = [0; 512];
    let name = c_string(name)?;
    // SAFETY: the new topic is ours and destroyed below; all strings end with NUL and are copied, as are the broker ids.
    unsafe {
        let new = c::rd_kafka_NewTopic_new(
            name.as_ptr(),
            assignment.len() as c_int,
            // Stands for "as assigned".
            -1,
            text.as_mut_ptr(),
            text.len(),
        );
        if new.is_null() {
            return Err(Failure {
                code: ErrorCode("INVALID_ARG"),
                text: copy(text.as_ptr()),
            });
        }
        let mut code = 0;
        for (partition, replicas) in assignment.iter().enumerate() {
            let mut ids = replicas.clone();
            let (room, size) = (text.as_mut_ptr(), text.len());
            let set = c::rd_kafka_NewTopic_set_replica_assignment;
            code = if code == 0 {
                set(new, partition as i32, ids.as_mut_ptr(), ids.len(), room, size) as i32
            } else {
                code
            };
        }
        let strings = settings
            .iter()
            .map(|(name, value)| Ok((c_string(name)?, c_string(value)?)));
        let sent = strings.collect::<Result<Vec<_>, Failure>>().and_then(|strings| {
            for (name, value) in &strings {
                if code == 0 {
                    code = c::rd_kafka_NewTopic_set_config(new, name.as_ptr(), value.as_ptr()) as i32;
                }
            }
            if code != 0 {
                return Err(error_code(code).into());
            }
            request(handle, wait, |options, queue| {
                c::rd_kafka_CreateTopics(handle.raw(), [new].as_mut_ptr(), 1, options, queue);
            })
        });
        c::rd_kafka_NewTopic_destroy(new);
        let event = sent?;
        let mut count = 0;
        let result = c::rd_kafka_event_CreateTopics_result(event.raw());
        topic_result(c::rd_kafka_CreateTopics_result_topics(result, &raw mut count), count)
    }
}

/// Deletes a topic.
pub(super) fn delete_topic(handle: &Arc<Handle>, name: &str, wait: Duration) -> Result<(), Failure> {
    let name = c_string(name)?;
    // SAFETY: the object is ours and destroyed below.
    unsafe {
        let delete = c::rd_kafka_DeleteTopic_new(name.as_ptr());
        let sent = request(handle, wait, |options, queue| {
            c::rd_kafka_DeleteTopics(handle.raw(), [delete].as_mut_ptr(), 1, options, queue);
        });
        c::rd_kafka_DeleteTopic_destroy(delete);
        let event = sent?;
        let mut count = 0;
        let result = c::rd_kafka_event_DeleteTopics_result(event.raw());
        topic_result(c::rd_kafka_DeleteTopics_result_topics(result, &raw mut count), count)
    }
}

/// A topic's settings.
pub(super) fn describe_topic(handle: &Arc<Handle>, name: &str, wait: Duration) -> Result<Vec<TopicSetting>, Failure> {
    let name = c_string(name)?;
    // SAFETY: the object is ours and destroyed below; what the result holds is copied while the event lives.
    unsafe {
        let resource =
            c::rd_kafka_ConfigResource_new(c::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, name.as_ptr());
        let sent = request(handle, wait, |options, queue| {
            c::rd_kafka_DescribeConfigs(handle.raw(), [resource].as_mut_ptr(), 1, options, queue);
        });
        c::rd_kafka_ConfigResource_destroy(resource);
        let event = sent?;
        let result = c::rd_kafka_event_DescribeConfigs_result(event.raw());
        let mut count = 0;
        let resources = c::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
        if count == 0 {
            return Err(ErrorCode("BAD_MSG").into());
        }
        let resource = *resources;
        let code = c::rd_kafka_ConfigResource_error(resource) as i32;
        if code != 0 {
            return Err(failure(code, c::rd_kafka_ConfigResource_error_string(resource)));
        }
        let entries = c::rd_kafka_ConfigResource_configs(resource, &raw mut count);
        Ok((0..count)
            .map(|i| *entries.add(i))
            .map(|entry| TopicSetting {
                name: copy(c::rd_kafka_ConfigEntry_name(entry)),
                value: copy(c::rd_kafka_ConfigEntry_value(entry)),
                is_default: c::rd_kafka_ConfigEntry_is_default(entry) == 1,
            })
            .collect())
    }
}

/// Sends a request by `send` and waits for its result.
fn request(
    handle: &Arc<Handle>,
    wait: Duration,
    send: impl FnOnce(*const c::rd_kafka_AdminOptions_t, *mut c::rd_kafka_queue_t),
) -> Result<Event, Failure> {
    let wait = wait.min(LONGEST);
    let mut text = [0; 512];
    // SAFETY: the client is alive; options and queue are ours and destroyed below. A result that comes after the queue has
    // been destroyed is dropped by librdkafka. Time-outs that a request does not have are refused, which is no harm.
    unsafe {
        let options = c::rd_kafka_AdminOptions_new(handle.raw(), c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_ANY);
        let queue = c::rd_kafka_queue_new(handle.raw());
        let (room, size) = (text.as_mut_ptr(), text.len());
        let _ = c::rd_kafka_AdminOptions_set_request_timeout(options, milliseconds(wait), room, size);
        let _ = c::rd_kafka_AdminOptions_set_operation_timeout(options, milliseconds(wait), room, size);
        send(options, queue);
        let event = Event::poll(handle, queue, wait + GRACE);
        c::rd_kafka_queue_destroy(queue);
        c::rd_kafka_AdminOptions_destroy(options);
        let event = event.ok_or_else(|| Failure::from(ErrorCode("TIMED_OUT")))?;
        match c::rd_kafka_event_error(event.raw()) as i32 {
            0 => Ok(event),
            code => Err(failure(code, c::rd_kafka_event_error_string(event.raw()))),
        }
    }
}

/// The result for the one topic that was asked about; `topics` must lead to `count` results of a live event.
unsafe fn topic_result(topics: *mut *const c::rd_kafka_topic_result_t, count: usize) -> Result<(), Failure> {
    if count == 0 {
        return Err(ErrorCode("BAD_MSG").into());
    }
    // SAFETY: the caller gives results of a live event, of which there is at least one.
    unsafe {
        match c::rd_kafka_topic_result_error(*topics) as i32 {
            0 => Ok(()),
            code => Err(failure(code, c::rd_kafka_topic_result_error_string(*topics))),
        }
    }
}

/// A failure with the broker's words, if it had some; `text` must be null or end with NUL.
unsafe fn failure(code: i32, text: *const c_char) -> Failure {
    let code = error_code(code);
    // SAFETY: as the caller says.
    let text = unsafe { copy(text) };
    Failure {
        code,
        text: if text.is_empty() { error_text(code).into() } else { text },
    }
}

fn c_string(text: &str) -> Result<CString, Failure> {
    CString::new(text).map_err(|_| ErrorCode("INVALID_ARG").into())
}
