//! A connection: one thread reads its requests, one writes its answers when they are due.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use crate::clock::{now_ns, wait_precisely};
use crate::codec::Malformed;
use crate::outbox::{Act, Answer, Due, Outbox};
use crate::requests::{Refused, parse};
use crate::server::Shared;

/// The longest request, which is Kafka's `socket.request.max.bytes`.
const LONGEST_REQUEST: usize = 100 * 1024 * 1024;
/// A larger buffer is given back after the request.
const KEPT_BUFFER: usize = 1024 * 1024;
/// Room to read into, and how many bytes of answers that are due at once go into one write.
const CHUNK: usize = 64 * 1024;

/// What the two threads of a connection and the acceptor share.
#[derive(Debug)]
pub(crate) struct Connection {
    number: u64,
    stream: TcpStream,
    outbox: Outbox,
}

/// Why no more requests are read.
enum End {
    Refused(Refused),
    /// The peer has gone, or the stub goes.
    Gone,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<Refused> for End {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// Answers that leave together.
#[derive(Default)]
struct Burst {
    bytes: Vec<u8>,
    /// Those to produce requests, and when each was due.
    produce: Vec<(Answer, i64)>,
    /// The connection is closed behind them.
    closes: bool,
}

impl Connection {
    pub(crate) fn new(number: u64, stream: TcpStream) -> Self {
        Self {
            number,
            stream,
            outbox: Outbox::default(),
        }
    }

    /// Ends both threads, whatever they wait for.
    pub(crate) fn close(&self) {
        self.outbox.close();
        // It may be closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Serves the connection until it ends.
    pub(crate) fn serve(&self, shared: &Shared) {
        thread::scope(|scope| {
            let name = format!("stub-answer-{}", self.number);
            let writer = thread::Builder::new().name(name).spawn_scoped(scope, || {
                self.write_answers(shared);
                self.close();
            });
            let end = writer.map(|_| self.read_requests(shared));
            let mut broker = shared.broker();
            match end {
                Ok(End::Refused(Refused::Malformed(_))) => broker.totals.malformed += 1,
                Ok(End::Refused(Refused::Unsupported { .. })) => broker.totals.unsupported += 1,
                Ok(End::Gone) => {}
                Err(_) => broker.totals.refused += 1,
            }
            shared.changed(broker);
            self.close();
        });
    }

    fn read_requests(&self, shared: &Shared) -> End {
        let mut from = BufReader::with_capacity(CHUNK, &self.stream);
        let mut bytes = Vec::new();
        loop {
            match self.read_request(&mut from, &mut bytes, shared) {
                Ok(true) => {}
                Ok(false) => {
                    // Nothing more is served, but read: closing with bytes unread would reset the connection and could
                    // take answers along that are on their way.
                    let _ = io::copy(&mut from, &mut io::sink());
                    return End::Gone;
                }
                Err(end) => return end,
            }
        }
    }

    /// Reads and serves one request; whether there is to be another.
    fn read_request(&self, from: &mut impl Read, bytes: &mut Vec<u8>, shared: &Shared) -> Result<bool, End> {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let length = i32::from_be_bytes(length);
        let count = usize::try_from(length).ok().filter(|count| *count <= LONGEST_REQUEST);
        let count = count.ok_or(Refused::Malformed(Malformed::Length(length.into())))?;
        bytes.clear();
        bytes.shrink_to(KEPT_BUFFER);
        // No room is taken for what is only claimed.
        if from.take(count as u64).read_to_end(bytes)? < count {
            return Err(End::Gone);
        }
        let arrived_ns = now_ns();
        let request = parse(bytes)?;
        let Some(answer) = shared.handle(&request, self.number, arrived_ns) else {
            return Ok(true);
        };
        let closes = answer.act == Act::Close;
        Ok(self.outbox.push(answer) && !closes)
    }

    fn write_answers(&self, shared: &Shared) {
        wait_precisely();
        // No answer of a connection is due before the one in front of it.
        let mut floor = i64::MIN;
        while let Some((burst, now)) = self.next_burst(&mut floor, shared) {
            note(&burst, Some(now), shared);
            if (&self.stream).write_all(&burst.bytes).is_err() {
                note(&burst, None, shared);
                return;
            }
            if burst.closes {
                return;
            }
        }
    }

    /// Waits for the next answer to be due and takes all that are; `None` at the end.
    fn next_burst(&self, floor: &mut i64, shared: &Shared) -> Option<(Burst, i64)> {
        let mut queue = self.outbox.lock();
        let now = loop {
            if queue.closed {
                return None;
            }
            let Some(head) = queue.answers.front() else {
                queue = self.outbox.wait(queue, None);
                continue;
            };
            let due = shared.due(head.due, *floor);
            let now = now_ns();
            if due > now {
                queue = self.outbox.wait(queue, Some(Duration::from_nanos((due - now) as u64)));
                continue;
            }
            // A stall may have begun between the instant and now: then it holds the answer.
            let release = shared.due(Due::At(now), now);
            if release == now {
                break now;
            }
            *floor = release;
        };
        let mut burst = Burst::default();
        while burst.bytes.len() < CHUNK && !burst.closes {
            let due = queue.answers.front().map(|head| shared.due(head.due, *floor));
            let Some(due) = due.filter(|due| *due <= now) else {
                break;
            };
            let Some(mut answer) = queue.answers.pop_front() else {
                break;
            };
            *floor = due;
            match &mut answer.act {
                Act::Send(bytes) => burst.bytes.append(bytes),
                Act::Close => burst.closes = true,
            }
            if answer.produce && !burst.closes {
                burst.produce.push((answer, due));
            }
        }
        self.outbox.taken(queue);
        Some((burst, now))
    }
}

/// Keeps when answers left, before they do: whoever has got one finds it in the truth. `None` takes it back.
fn note(burst: &Burst, answered_ns: Option<i64>, shared: &Shared) {
    if burst.produce.is_empty() {
        return;
    }
    let mut broker = shared.broker();
    for (answer, due) in &burst.produce {
        broker.answered(answer.entries.clone(), *due, answered_ns);
    }
    shared.changed(broker);
}
