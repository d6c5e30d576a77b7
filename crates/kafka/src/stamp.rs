//! The stamped path: records with headers, the last of which says who wrote the record and which one it is.
#![expect(unsafe_code, reason = "the load path calls librdkafka's C interface")]

use std::ffi::{CStr, CString};
use std::ptr;
use std::slice;

use rdkafka_sys::bindings as c;
use tribunal_engine::receiver::Mark;

use crate::native::{Topic, read_only};
use crate::producer::Outgoing;

/// The name of the header that identifies a record: producer index (u32) and sequence (u64), both little endian.
const STAMP: &CStr = c"tribunal";
/// The sequence of a primed record.
pub(crate) const PRIMED: u64 = u64::MAX;

/// The headers of one producer's records.
pub(crate) struct Stamp {
    headers: Vec<(CString, String)>,
    index: u32,
    /// Room for the arguments of one record.
    arguments: Vec<c::rd_kafka_vu_t>,
}

impl Stamp {
    /// Headers before the stamp itself; their names must not hold NUL.
    pub(crate) fn new(headers: &[(String, String)], index: u32) -> Self {
        let name = |text: &str| CString::new(text).expect("invariant: opening a client refuses names with NUL");
        let headers: Vec<_> = headers
            .iter()
            .map(|(header, value)| (name(header), value.clone()))
            .collect();
        Self {
            index,
            arguments: Vec::with_capacity(headers.len() + 6),
            headers,
        }
    }

    /// Sends one record with its headers.
    pub(crate) fn send(&mut self, topic: &Topic, sequence: u64, record: &Outgoing<'_>) -> Result<(), i32> {
        use c::rd_kafka_vtype_t as V;
        use c::rd_kafka_vu_s__bindgen_ty_1 as U;
        let memory = |bytes: &[u8]| U {
            mem: c::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
                ptr: read_only(bytes),
                size: bytes.len(),
            },
        };
        let header = |name: &CStr, value: &[u8]| U {
            header: c::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_2 {
                name: name.as_ptr(),
                val: value.as_ptr().cast(),
                size: value.len() as isize,
            },
        };
        let bytes = encode(self.index, sequence);

        let all = &mut self.arguments;
        all.clear();
        let mut add = |vtype, u| all.push(c::rd_kafka_vu_t { vtype, u });
        add(V::RD_KAFKA_VTYPE_RKT, U { rkt: topic.raw() });
        add(V::RD_KAFKA_VTYPE_PARTITION, U { i32_: record.partition });
        add(V::RD_KAFKA_VTYPE_VALUE, memory(record.body));
        add(V::RD_KAFKA_VTYPE_OPAQUE, U { ptr: record.opaque });
        if !record.key.is_empty() {
            add(V::RD_KAFKA_VTYPE_KEY, memory(record.key));
        }
        for (name, value) in &self.headers {
            add(V::RD_KAFKA_VTYPE_HEADER, header(name, value.as_bytes()));
        }
        add(V::RD_KAFKA_VTYPE_HEADER, header(STAMP, &bytes));
        // SAFETY: each argument has the kind that its union holds; the body stays where it is until after the client has
        // been destroyed, because it holds the pool; key and headers are copied by the call. The error object, if any, is
        // ours to destroy.
        unsafe {
            let error = c::rd_kafka_produceva(topic.handle().raw(), all.as_ptr(), all.len());
            if error.is_null() {
                return Ok(());
            }
            let code = c::rd_kafka_error_code(error) as i32;
            c::rd_kafka_error_destroy(error);
            Err(code)
        }
    }
}

/// Who a record says that it is of; nothing where it does not say, or makes no sense.
///
/// A received record's headers are parsed by the call, into memory of librdkafka's; those of a delivery report are still
/// there from the send.
///
/// # Safety
///
/// `message` must be a live message of a consumer or a live delivery report.
pub(crate) unsafe fn read(message: *const c::rd_kafka_message_t) -> Option<Mark> {
    let (mut headers, mut value, mut length) = (ptr::null_mut(), ptr::null(), 0);
    // SAFETY: the caller gives a live message; headers and value belong to it and are read before this returns. A value
    // that is not null is as long as said.
    let bytes = unsafe {
        if c::rd_kafka_message_headers(message, &raw mut headers) as i32 != 0 {
            return None;
        }
        let found = c::rd_kafka_header_get_last(headers, STAMP.as_ptr(), &raw mut value, &raw mut length);
        if found as i32 != 0 || value.is_null() {
            return None;
        }
        slice::from_raw_parts(value.cast::<u8>(), length)
    };
    decode(bytes)
}

fn encode(producer: u32, sequence: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&producer.to_le_bytes());
    bytes[4..].copy_from_slice(&sequence.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Mark> {
    let (producer, sequence) = bytes.split_first_chunk()?;
    let sequence = u64::from_le_bytes(sequence.try_into().ok()?);
    let producer = u32::from_le_bytes(*producer);
    Some(match sequence {
        PRIMED => Mark::Primed,
        sequence => Mark::Scheduled { producer, sequence },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written_and_nothing_else_is() {
        let mark = |producer, sequence| Some(Mark::Scheduled { producer, sequence });
        for (producer, sequence) in [(0, 0), (7, 1 << 40), (u32::MAX, PRIMED - 1)] {
            assert_eq!(decode(&encode(producer, sequence)), mark(producer, sequence));
        }
        assert_eq!(decode(&encode(3, PRIMED)), Some(Mark::Primed));
        for length in [0, 3, 4, 11, 13] {
            assert_eq!(decode(&[1; 13][..length]), None);
        }
    }
}
