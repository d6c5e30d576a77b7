//! librdkafka's and Kafka's error codes.
#![expect(unsafe_code, reason = "the border to librdkafka's C interface")]

use std::ffi::{CStr, c_char};
use std::ptr;
use std::sync::OnceLock;

use rdkafka_sys::bindings as c;
use tribunal_engine::producer::ErrorCode;

/// The code of a refusal because the client is full.
pub(crate) const QUEUE_FULL: i32 = c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL as i32;
/// The code of a record that is larger than `message.max.bytes`.
pub(crate) const TOO_LARGE: i32 = c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE as i32;
/// The code of a partition that the topic does not have.
pub(crate) const UNKNOWN_PARTITION: i32 = c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION as i32;

/// librdkafka's short name of an error, without the underscore by which it marks its own errors.
pub(crate) fn error_code(code: i32) -> ErrorCode {
    static NAMES: OnceLock<Vec<(i32, &'static str)>> = OnceLock::new();
    let names = NAMES.get_or_init(|| descriptions().into_iter().map(|(code, name, _)| (code, name)).collect());
    // A broker newer than librdkafka may send codes that it has no name for.
    let known = names.binary_search_by_key(&code, |(known, _)| *known);
    ErrorCode(known.map_or("UNLISTED_ERROR", |at| names[at].1))
}

/// librdkafka's sentence about an error.
pub(crate) fn error_text(code: ErrorCode) -> &'static str {
    static TEXTS: OnceLock<Vec<(&'static str, &'static str)>> = OnceLock::new();
    let texts = TEXTS.get_or_init(|| descriptions().into_iter().map(|(_, name, text)| (name, text)).collect());
    texts
        .iter()
        .find(|(name, _)| *name == code.0)
        .map_or(code.0, |(_, text)| *text)
}

/// Code, name and sentence of all errors that librdkafka knows, by ascending code.
fn descriptions() -> Vec<(i32, &'static str, &'static str)> {
    let mut table = ptr::null();
    let mut count = 0;
    // SAFETY: the table and its strings are constants of librdkafka; gaps have null for a name. Codes are read as
    // numbers, as gaps need not hold a code of the enumeration.
    unsafe {
        c::rd_kafka_get_err_descs(&raw mut table, &raw mut count);
        let constant = |text: *const c_char| CStr::from_ptr(text).to_str().unwrap_or("UNREADABLE");
        let mut all: Vec<_> = (0..count)
            .map(|index| table.add(index))
            .filter(|entry| !(**entry).name.is_null() && !(**entry).desc.is_null())
            .map(|entry| {
                let code = (&raw const (*entry).code).cast::<i32>().read();
                (
                    code,
                    constant((*entry).name).trim_start_matches('_'),
                    constant((*entry).desc),
                )
            })
            .collect();
        all.sort_unstable_by_key(|(code, _, _)| *code);
        all
    }
}

/// The error of the last call of this thread that reports by it.
pub(crate) fn last_error() -> ErrorCode {
    // SAFETY: reads a variable of this thread.
    error_code(unsafe { c::rd_kafka_last_error() } as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_stay_unique_without_the_underscore() {
        let mut names: Vec<_> = descriptions().into_iter().map(|(_, name, _)| name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        assert_eq!(error_code(QUEUE_FULL).0, "QUEUE_FULL");
        assert_eq!(error_code(TOO_LARGE).0, "MSG_SIZE_TOO_LARGE");
        assert_eq!(error_code(-192).0, "MSG_TIMED_OUT");
        assert_eq!(error_code(32_000).0, "UNLISTED_ERROR");
        assert_eq!(error_text(ErrorCode("MSG_TIMED_OUT")), "Local: Message timed out");
    }
}
