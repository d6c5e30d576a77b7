//! What takes the records of a calibration and does nothing with them.

use std::path::Path;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tribunal_kafka::ResolvedProperties;
use tribunal_kafka::admin::Cluster;
use tribunal_kafka::mock::child::{Error, MockChild};
use tribunal_kafka::mock::line;
use tribunal_stub::{Script, Stub};
use tribunal_telemetry::logs::chain;

/// How long the known broker may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// With fewer processors the sink gets none of its own.
const LEAST_CORES: u32 = 4;

/// A cluster that acknowledges at once and keeps nothing.
pub trait NullSink {
    /// What it is, for a report.
    fn name(&self) -> String;

    /// Where it is.
    fn bootstrap(&self) -> &str;

    /// Makes a topic; why not, where it cannot.
    fn create_topic(&mut self, name: &str, partitions: u32, replication: u32) -> Result<(), String>;
}

/// librdkafka's mock cluster in a process of its own.
///
/// Where the host has four processors or more, the sink has the last of them to itself for as long as this is held: the
/// mock works on one thread. The thread that made it, and all that this thread starts, keep to the others.
#[derive(Debug)]
pub(super) struct Sink {
    child: MockChild,
    _apart: Option<Apart>,
}

impl Sink {
    /// Starts `program mock …`.
    pub(super) fn start(program: &Path) -> Result<Self, Error> {
        let apart = Apart::begin();
        let started = MockChild::start(program, line::BROKERS, Duration::ZERO);
        if let Some(apart) = &apart {
            apart.leave_the_sink();
        }
        Ok(Self {
            child: started?,
            _apart: apart,
        })
    }
}

impl NullSink for Sink {
    fn name(&self) -> String {
        "librdkafka's mock, a process of its own".to_owned()
    }

    fn bootstrap(&self) -> &str {
        self.child.bootstrap()
    }

    fn create_topic(&mut self, name: &str, partitions: u32, replication: u32) -> Result<(), String> {
        let replication = replication.min(line::BROKERS);
        self.child
            .create_topic(name, partitions, replication)
            .map_err(|error| chain(&error))
    }
}

/// The known broker of the self-test, in this process: it speaks with clients for which librdkafka's mock is too old.
#[derive(Debug)]
pub struct Known {
    /// Runs until it is dropped.
    _stub: Stub,
    bootstrap: String,
}

impl Known {
    /// Starts one; the error is why not.
    pub fn start() -> Result<Self, String> {
        let stub = Stub::start(&[], Script::default()).map_err(|error| chain(&error))?;
        Ok(Self {
            bootstrap: stub.bootstrap(),
            _stub: stub,
        })
    }
}

impl NullSink for Known {
    fn name(&self) -> String {
        "the self-test's known broker, in the agent's process".to_owned()
    }

    fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    fn create_topic(&mut self, name: &str, partitions: u32, _: u32) -> Result<(), String> {
        let cluster = Cluster::connect(&self.bootstrap, &ResolvedProperties::default(), ANSWER);
        let made = cluster.and_then(|cluster| cluster.create_topic(name, &vec![vec![1]; partitions as usize], &[]));
        made.map_err(|error| chain(&error))
    }
}

/// The calling thread's processors, one of them set apart. Gives them all back when dropped, on the same thread.
#[derive(Debug)]
struct Apart {
    before: CpuSet,
    rest: CpuSet,
}

impl Apart {
    /// Puts the calling thread on the processor that is set apart, for a child to inherit; where there are enough.
    fn begin() -> Option<Self> {
        let before = sched_getaffinity(None).ok()?;
        let last = (0..CpuSet::MAX_CPU).rev().find(|cpu| before.is_set(*cpu))?;
        if before.count() < LEAST_CORES {
            return None;
        }
        let (mut sink, mut rest) = (CpuSet::new(), before);
        sink.set(last);
        rest.unset(last);
        sched_setaffinity(None, &sink).ok()?;
        Some(Self { before, rest })
    }

    /// Puts the calling thread on the others.
    fn leave_the_sink(&self) {
        if let Err(error) = sched_setaffinity(None, &self.rest) {
            tracing::warn!(%error, "this thread cannot leave the sink's processor");
        }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // What was allowed before is allowed again, unless the host took a processor away.
        let _ = sched_setaffinity(None, &self.before);
    }
}
