//! The border between the load path and a client library.
//!
//! One producer client has three handles: the [`Producer`] belongs to its sender thread, the [`Reports`] to its report
//! thread, and any number of threads share the [`Control`]. All instants are nanoseconds from t0.

use std::sync::Arc;
use std::time::Duration;

use tribunal_model::trial::Part;
pub use tribunal_stats::{BrokerLatencies, ClientStatistics, Latencies};

/// A record that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its intended send.
    pub intended_ns: i64,
    /// The part of the trial that its intended send falls in.
    pub part: Part,
    /// Its number among this producer's records, from 0.
    pub sequence: u64,
    /// Which record of the payload pool it carries.
    pub payload: u32,
    /// Its key, written as decimal digits; `None` for no key.
    pub key: Option<u64>,
    /// The partition, where the schedule assigns it.
    pub partition: Option<i32>,
}

/// What the client did with a batch of due records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Records taken or rejected, always a prefix of the batch.
    pub handled: usize,
    /// Whether the client refused the record after those because it was full.
    pub full: bool,
}

/// A client's error, by its short name, for example `MSG_TIMED_OUT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub &'static str);

/// One producer client, as its sender thread sees it.
pub trait Producer: Send {
    /// Offers records, in order, at the instant `accepted_ns`. The client takes a prefix of them; none, when full.
    ///
    /// A record that the client can never take (too large, no such partition) is handled too: it goes to `rejected`
    /// with its index in `due`, and gets no delivery report.
    fn offer(&mut self, due: &[Due], accepted_ns: i64, rejected: &mut Vec<(usize, ErrorCode)>) -> Offered;
}

/// What became of a sent record, or of several alike: offered together, of one fate, in one partition, at consecutive
/// offsets. A client that is offered a thousand records at a time reports them by the hundred, and what is the same for
/// all of them is looked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// How many records.
    pub records: u32,
    /// Its intended send, rounded down to 512 ns.
    pub intended_ns: i64,
    /// The instant at which the client took it, rounded down to 512 ns, or to a millionth of the send lag where that is more.
    pub accepted_ns: i64,
    /// The part of the trial that its intended send falls in, exactly.
    pub part: Part,
    /// Its fate.
    pub outcome: Outcome,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// The partition that it was for; -1 when the client had not chosen one.
    pub partition: i32,
    /// The first one's offset in that partition, where they were acknowledged and told one; else -1.
    pub offset: i64,
    /// The first one's [`Due::sequence`], where they were acknowledged and records are read back; the others count up.
    pub sequence: Option<u64>,
}

/// The client's final word on a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The broker acknowledged it.
    Acknowledged,
    /// `acks=0`: written to a socket, nothing else is known.
    WrittenBlind,
    /// Certainly not in the log.
    NotWritten(ErrorCode),
    /// Perhaps in the log.
    PossiblyWritten(ErrorCode),
}

/// What a client had to say.
#[derive(Debug)]
pub enum Polled {
    /// Nothing within the wait.
    Nothing,
    /// Delivery reports, to be taken with [`Reports::take`].
    Deliveries,
    /// The client's own statistics, raw; they are parsed away from the report thread.
    Statistics(String),
    /// An error that concerns no single record, for example `ALL_BROKERS_DOWN`.
    Error(ErrorCode, String),
    /// A line of the client's log, at warning level or above.
    Log(String),
}

/// The delivery reports of one producer client, as its report thread sees them.
pub trait Reports: Send {
    /// Makes sense of [`Polled::Statistics`], away from the report thread.
    type Statistics: Statistics;

    /// Waits for the next word of the client, at most `wait`.
    fn poll(&mut self, wait: Duration) -> Polled;

    /// Hands over the reports of the batch that the last [`Self::poll`] announced, records alike together.
    fn take(&mut self, each: impl FnMut(Delivery));
}

/// One client's own statistics, summed up.
///
/// Some figures of a client count from its making on, others only since its last word; so each
/// [`Polled::Statistics`] has to be added exactly once, in order.
pub trait Statistics: Default + Send + 'static {
    /// Takes in one word of the client; false when it makes no sense.
    fn add(&mut self, raw: &str) -> bool;

    /// The counters so far.
    fn total(&self) -> ClientStatistics;
}

/// What any thread may ask of a client.
pub trait Control: Send + Sync {
    /// Drops all records of the queue and those in flight; each still gets its delivery report.
    fn purge(&self);

    /// Records in the client, queued or on the wire, reports not yet taken included.
    fn in_flight(&self) -> u64;
}

/// One producer of a trial, made and primed, ready to be run.
pub struct Worker<P, R> {
    /// Producer index in the trial.
    pub index: u32,
    /// The client's `client.id`.
    pub client_id: String,
    /// The topic that it writes to.
    pub topic: String,
    /// Number of partitions of that topic.
    pub partitions: i32,
    /// For the sender thread.
    pub producer: P,
    /// For the report thread.
    pub reports: R,
    /// For everybody.
    pub control: Arc<dyn Control>,
}

impl<P, R> std::fmt::Debug for Worker<P, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("client_id", &self.client_id)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}
