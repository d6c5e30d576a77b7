//! What passed the link of a host, as tcpdump recorded it.

use std::path::{Path, PathBuf};

use rustix::time::{ClockId, clock_gettime};
use tribunal_testkit::lab::Lab;
use tribunal_testkit::process::Process;

/// The first of Kafka's ports in a lab, and how many may be Kafka's.
const PORTS: std::ops::Range<u16> = 9092..9110;
const SECOND: i64 = 1_000_000_000;

/// A record that is being made.
#[derive(Debug)]
pub(crate) struct Capture {
    process: Process,
    path: PathBuf,
}

/// A request to a broker that carries records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Produce {
    /// When its first packet passed, on the machine's wall clock, in nanoseconds.
    pub(crate) at_ns: i64,
    /// The client that sent it.
    pub(crate) client: String,
}

impl Capture {
    /// Records from now on what passes the link of `host`.
    pub(crate) fn start(lab: &Lab, host: &str, path: PathBuf) -> Self {
        let process = Process::start(lab.command(&["pcap", host, path.to_str().unwrap()]));
        process.until("listening on");
        Self { process, path }
    }

    /// Ends it and gives the requests with records, in the order in which they passed.
    pub(crate) fn finish(self) -> Vec<Produce> {
        self.process.interrupt();
        let finished = self.process.finish();
        assert_eq!(finished.code, Some(0), "{:#?}", finished.err);
        read(&self.path)
    }
}

/// The machine's monotonic clock, in nanoseconds.
pub(crate) fn now_ns() -> i64 {
    read_ns(ClockId::Monotonic)
}

/// By how much its wall clock is ahead of that.
pub(crate) fn wall_ahead_ns() -> i64 {
    read_ns(ClockId::Realtime) - now_ns()
}

fn read_ns(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec * SECOND + now.tv_nsec
}

/// Reads a file of the classic format with microseconds and Ethernet frames.
fn read(path: &Path) -> Vec<Produce> {
    let bytes = std::fs::read(path).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(20)), (0xa1b2_c3d4, 1), "a capture of Ethernet frames");
    let (mut at, mut found) = (24, Vec::new());
    while at + 16 <= bytes.len() {
        let stamp = i64::from(word(at)) * SECOND + i64::from(word(at + 4)) * 1000;
        let length = word(at + 8) as usize;
        let Some(frame) = bytes.get(at + 16..at + 16 + length) else {
            break;
        };
        if let Some(client) = produce(frame) {
            found.push(Produce { at_ns: stamp, client });
        }
        at += 16 + length;
    }
    found
}

/// The client id of a produce request, where a frame begins one.
///
/// IPv4 (RFC 791), TCP (RFC 9293), and the header of Kafka's requests: length, API key (0 is Produce), API version,
/// correlation id, client id.
fn produce(frame: &[u8]) -> Option<String> {
    let half = |bytes: &[u8], at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    if half(frame, 12)? != 0x0800 {
        return None;
    }
    let packet = frame.get(14..)?;
    if *packet.get(9)? != 6 {
        return None;
    }
    let segment = packet.get(usize::from(packet[0] & 15) * 4..)?;
    if !PORTS.contains(&half(segment, 2)?) {
        return None;
    }
    let request = segment.get(usize::from(segment.get(12)? >> 4) * 4..)?;
    let (key, version, length) = (half(request, 4)?, half(request, 6)?, half(request, 12)?);
    if key != 0 || !(3..20).contains(&version) {
        return None;
    }
    let client = request.get(14..14 + usize::from(length))?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    (!client.is_empty() && client.iter().all(plain)).then(|| String::from_utf8_lossy(client).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(key: u8) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([8, 0]);
        let mut packet = vec![0; 20];
        (packet[0], packet[9]) = (0x45, 6);
        let mut segment = vec![0; 20];
        (segment[2], segment[3], segment[12]) = (0x23, 0x84, 0x50);
        let request = [0, 0, 0, 99, 0, key, 0, 7, 0, 0, 0, 1, 0, 4];
        [&frame[..], &packet, &segment, &request, b"h2-0", &[0; 81]].concat()
    }

    #[test]
    fn only_produce_requests_are_seen() {
        assert_eq!(produce(&frame(0)).as_deref(), Some("h2-0"));
        assert_eq!(produce(&frame(3)), None, "a request for metadata");
        assert_eq!(produce(&frame(0)[..50]), None, "cut off");
        let mut elsewhere = frame(0);
        elsewhere[37] = 0;
        assert_eq!(produce(&elsewhere), None, "to another port");
    }
}
