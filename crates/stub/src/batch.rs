//! The headers of record batches, message format v2.

use crate::codec::{Malformed, Parsed, Reader};

/// What a batch's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Its size with the header.
    pub(crate) bytes: u32,
    pub(crate) records: u32,
    /// Whether the count of records and the delta of the last offset agree, and there is a record at all.
    pub(crate) sound: bool,
    /// -1 where the producer is not idempotent.
    pub(crate) producer: i64,
    pub(crate) epoch: i16,
    pub(crate) sequence: i32,
}

/// Base offset and length, which the length does not count.
const BEFORE_LENGTH: u32 = 12;

/// The batches that follow one another in a partition's records.
pub(crate) fn batches(bytes: &[u8]) -> Parsed<Vec<Batch>> {
    let mut reader = Reader::new(bytes);
    let mut found = Vec::with_capacity(1);
    while !reader.is_empty() {
        found.push(batch(&mut reader)?);
    }
    Ok(found)
}

fn batch(reader: &mut Reader<'_>) -> Parsed<Batch> {
    let _base_offset = reader.int64()?;
    let length = reader.int32()?;
    let count = usize::try_from(length).map_err(|_| Malformed::Length(length.into()))?;
    let mut header = Reader::new(reader.take(count)?);
    let _leader_epoch = header.int32()?;
    let magic = header.int8()?;
    if magic != 2 {
        return Err(Malformed::Magic(magic));
    }
    let _crc = header.int32()?;
    let _attributes = header.int16()?;
    let last_offset_delta = header.int32()?;
    let _base_timestamp = header.int64()?;
    let _max_timestamp = header.int64()?;
    let producer = header.int64()?;
    let epoch = header.int16()?;
    let sequence = header.int32()?;
    let claimed = header.int32()?;
    let records = u32::try_from(claimed).map_err(|_| Malformed::Length(claimed.into()))?;
    Ok(Batch {
        bytes: count as u32 + BEFORE_LENGTH,
        records,
        sound: records > 0 && i64::from(records) == i64::from(last_offset_delta) + 1,
        producer,
        epoch,
        sequence,
    })
}
