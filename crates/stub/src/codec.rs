//! Kafka's primitive types, read from and written to bytes.

/// What was wrong with bytes that should have been a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("it ends in the middle of a field")]
    Short,
    #[error("{left} bytes are left over")]
    Long { left: usize },
    #[error("a length or a count is {0}")]
    Length(i64),
    #[error("a variable-length number is longer than 32 bits")]
    Varint,
    #[error("a string is not UTF-8")]
    Utf8,
    #[error("a required field is null")]
    Null,
    #[error("a record batch has the magic byte {0}, not 2")]
    Magic(i8),
}

pub(crate) type Parsed<T> = Result<T, Malformed>;

/// Reads a request from its first byte to its last.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// Ends the reading; that something is left over is an error.
    pub(crate) fn finish(self) -> Parsed<()> {
        match self.left.len() {
            0 => Ok(()),
            left => Err(Malformed::Long { left }),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Parsed<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(count).ok_or(Malformed::Short)?;
        self.left = left;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let (taken, left) = self.left.split_first_chunk().ok_or(Malformed::Short)?;
        self.left = left;
        Ok(*taken)
    }

    pub(crate) fn int8(&mut self) -> Parsed<i8> {
        self.fixed().map(i8::from_be_bytes)
    }

    pub(crate) fn int16(&mut self) -> Parsed<i16> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub(crate) fn int32(&mut self) -> Parsed<i32> {
        self.fixed().map(i32::from_be_bytes)
    }

    pub(crate) fn int64(&mut self) -> Parsed<i64> {
        self.fixed().map(i64::from_be_bytes)
    }

    pub(crate) fn boolean(&mut self) -> Parsed<bool> {
        self.int8().map(|byte| byte != 0)
    }

    /// An unsigned number of 7 bits a byte, the lowest first.
    pub(crate) fn varint(&mut self) -> Parsed<u32> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let [byte] = self.fixed()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| Malformed::Varint);
            }
        }
        Err(Malformed::Varint)
    }

    pub(crate) fn nullable_string(&mut self) -> Parsed<Option<&'a str>> {
        let length = self.int16()?;
        self.text(i64::from(length))
    }

    pub(crate) fn string(&mut self) -> Parsed<&'a str> {
        self.nullable_string()?.ok_or(Malformed::Null)
    }

    /// A string of the flexible versions: its length plus one as a varint, 0 for null.
    pub(crate) fn compact_nullable_string(&mut self) -> Parsed<Option<&'a str>> {
        let length = i64::from(self.varint()?) - 1;
        self.text(length)
    }

    fn text(&mut self, length: i64) -> Parsed<Option<&'a str>> {
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| Malformed::Length(length))?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map(Some).map_err(|_| Malformed::Utf8)
    }

    pub(crate) fn nullable_bytes(&mut self) -> Parsed<Option<&'a [u8]>> {
        match self.int32()? {
            -1 => Ok(None),
            length => {
                let count = usize::try_from(length).map_err(|_| Malformed::Length(length.into()))?;
                self.take(count).map(Some)
            }
        }
    }

    /// The items of an array, `None` for a null one. Room is taken for what is there, whatever count is claimed.
    pub(crate) fn nullable_array<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Option<Vec<T>>> {
        let count = match self.int32()? {
            -1 => return Ok(None),
            count => usize::try_from(count).map_err(|_| Malformed::Length(count.into()))?,
        };
        if self.left.len() < count {
            return Err(Malformed::Short);
        }
        let mut items = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(Some(items))
    }

    pub(crate) fn array<T>(&mut self, item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.nullable_array(item)?.ok_or(Malformed::Null)
    }

    /// Skips the tagged fields of the flexible versions.
    pub(crate) fn tags(&mut self) -> Parsed<()> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()?;
            self.take(length as usize)?;
        }
        Ok(())
    }
}

/// Writes a response, its length in front.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins a response to the request with that correlation id.
    pub(crate) fn new(correlation: i32) -> Self {
        let mut writer = Self {
            bytes: Vec::with_capacity(128),
        };
        writer.int32(0);
        writer.int32(correlation);
        writer
    }

    /// The response as it goes onto the wire.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let length = (self.bytes.len() - 4) as i32;
        self.bytes[..4].copy_from_slice(&length.to_be_bytes());
        self.bytes
    }

    pub(crate) fn int8(&mut self, value: i8) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn int16(&mut self, value: i16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn int32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn int64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.int8(i8::from(value));
    }

    pub(crate) fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// A string; what is beyond the 32,767 bytes of the format, which no name here reaches, is cut off.
    pub(crate) fn string(&mut self, value: &str) {
        let bytes = &value.as_bytes()[..value.len().min(i16::MAX as usize)];
        self.int16(bytes.len() as i16);
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn null_string(&mut self) {
        self.int16(-1);
    }

    pub(crate) fn array<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut item: impl FnMut(&mut Self, T)) {
        self.int32(items.len() as i32);
        for each in items {
            item(self, each);
        }
    }

    /// No tagged fields.
    pub(crate) fn no_tags(&mut self) {
        self.bytes.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let mut writer = Writer::new(7);
        writer.boolean(true);
        writer.int64(-5);
        writer.string("häuser");
        writer.null_string();
        writer.array([1, 2, 300].iter(), |w, n| w.varint(*n));
        writer.no_tags();
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.int32().unwrap() as usize, bytes.len() - 4);
        assert_eq!(reader.int32(), Ok(7));
        assert_eq!(reader.boolean(), Ok(true));
        assert_eq!(reader.int64(), Ok(-5));
        assert_eq!(reader.string(), Ok("häuser"));
        assert_eq!(reader.nullable_string(), Ok(None));
        assert_eq!(reader.array(Reader::varint), Ok(vec![1, 2, 300]));
        assert_eq!(reader.tags(), Ok(()));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn bad_bytes_are_told_apart() {
        assert_eq!(Reader::new(&[0]).int16(), Err(Malformed::Short));
        assert_eq!(
            Reader::new(&[0x7F, 0xFF, 0xFF, 0xFF]).array(Reader::int8),
            Err(Malformed::Short)
        );
        assert_eq!(Reader::new(&[0xFF, 0xFE]).nullable_string(), Err(Malformed::Length(-2)));
        assert_eq!(Reader::new(&[0, 1, 0xFF]).string(), Err(Malformed::Utf8));
        assert_eq!(Reader::new(&[0xFF; 6]).varint(), Err(Malformed::Varint));
        assert_eq!(Reader::new(&[0xFF, 0xFF]).string(), Err(Malformed::Null));
        assert_eq!(Reader::new(&[1]).finish(), Err(Malformed::Long { left: 1 }));
    }
}
