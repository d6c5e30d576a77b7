//! The properties that this build of librdkafka knows, from its own mouth.
#![expect(unsafe_code, reason = "librdkafka prints its table of properties to a C stream only")]

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use rdkafka_sys::bindings as c;

/// One property, or another spelling of one.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether only consumers have it.
    pub(crate) consumer: bool,
    /// Whether only producers have it.
    pub(crate) producer: bool,
}

/// What values a property takes.
#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    Text,
    Truth,
    Integer {
        least: i64,
        most: i64,
    },
    Float {
        least: f64,
        most: f64,
    },
    OneOf(Vec<String>),
    /// Any of them, separated by commas.
    Flags(Vec<String>),
}

/// All properties that can be set as text, in librdkafka's order.
pub(crate) fn all() -> &'static [Entry] {
    static ALL: OnceLock<Vec<Entry>> = OnceLock::new();
    ALL.get_or_init(|| table().lines().filter_map(entry).collect())
}

/// The property of this name, or other spelling.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    all().iter().find(|entry| entry.name == name)
}

/// Reads a line of the table: name | C/P | range | default | importance | description.
fn entry(line: &str) -> Option<Entry> {
    let mut cells = line.splitn(6, " | ").map(str::trim);
    let (name, side, range) = (cells.next()?, cells.next()?, cells.next()?);
    let description = cells.nth(2)?;
    let kind = description.rsplit_once("*Type: ")?.1.trim_end_matches('*');
    let words = || {
        range
            .split(", ")
            .map(str::to_owned)
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
    };
    let kind = match kind {
        "boolean" => Kind::Truth,
        "integer" => {
            let (least, most) = range.split_once(" .. ")?;
            Kind::Integer {
                least: least.parse().ok()?,
                most: most.parse().ok()?,
            }
        }
        "float" => {
            let (least, most) = range.split_once(" .. ")?;
            Kind::Float {
                least: least.parse().ok()?,
                most: most.parse().ok()?,
            }
        }
        "enum value" => Kind::OneOf(words()),
        "CSV flags" => Kind::Flags(words()),
        "string" if !range.is_empty() => Kind::OneOf(words()),
        "string" | "pattern list" => Kind::Text,
        // Call-backs and other things that are no text.
        _ => return None,
    };
    Some(Entry {
        name: name.to_owned(),
        kind,
        consumer: side == "C",
        producer: side == "P",
    })
}

// The C library's, which librdkafka is linked with: a stream that writes to memory.
unsafe extern "C" {
    fn open_memstream(text: *mut *mut c_char, length: *mut usize) -> *mut c_void;
    fn fclose(stream: *mut c_void) -> c_int;
    fn free(memory: *mut c_void);
}

/// librdkafka's table of properties.
fn table() -> String {
    let (mut text, mut length) = (ptr::null_mut(), 0);
    // SAFETY: the stream is opened and closed here; after closing, the text is as long as said and ours to free.
    unsafe {
        let stream = open_memstream(&raw mut text, &raw mut length);
        if stream.is_null() {
            return String::new();
        }
        c::rd_kafka_conf_properties_show(stream.cast());
        fclose(stream);
        let table = String::from_utf8_lossy(std::slice::from_raw_parts(text.cast::<u8>(), length)).into_owned();
        free(text.cast());
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_understood() {
        let table = table();
        let lines = table
            .lines()
            .filter(|line| line.contains(" | ") && !line.starts_with("Property "));
        let unread: Vec<_> = lines
            .filter(|line| entry(line).is_none() && !line.ends_with("*Type: see dedicated API*"))
            .collect();
        assert_eq!(unread, Vec::<&str>::new());
        assert!(all().len() > 150, "{}", all().len());
        assert_eq!(
            find("linger.ms").unwrap().kind,
            Kind::Float {
                least: 0.0,
                most: 900_000.0
            }
        );
        assert_eq!(find("acks").unwrap().kind, Kind::Integer { least: -1, most: 1000 });
        assert_eq!(find("enable.idempotence").unwrap().kind, Kind::Truth);
        assert_eq!(
            find("compression.type").unwrap().kind,
            Kind::OneOf(["none", "gzip", "snappy", "lz4", "zstd"].map(String::from).into())
        );
        assert!(find("group.id").unwrap().consumer && !find("batch.size").unwrap().consumer);
        assert!(find("dr_cb").is_none());
    }
}
