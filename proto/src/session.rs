//! What agents and the coordinator say to each other over the session stream.
//!
//! All instants are nanoseconds of the coordinator's `CLOCK_MONOTONIC`, unless a name says `from t0`.

use std::time::Duration;

use tribunal_model::consumers::{Role, Seat};
use tribunal_model::ids::{AgentName, Attempt, ExperimentId, TrialId};
use tribunal_model::properties::Properties;
use tribunal_model::trial::Trial;
use tribunal_stats::facts::{BuildFacts, Calibration, CertificateFacts, ClockFacts, HostFacts, ProducerFacts};
use tribunal_stats::{AgentReport, ConsumerReport, Sample};
use uuid::Uuid;

/// The version of this protocol; peers with another one are refused by name.
pub const PROTOCOL: u32 = 4;

/// Names one try at one trial; every number that leaves an agent carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// The experiment.
    pub experiment: ExperimentId,
    /// The trial.
    pub trial: TrialId,
    /// The attempt.
    pub attempt: Attempt,
}

/// How often an attempt was armed, from 1; a higher one replaces a lower one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// From an agent to the coordinator.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentMessage {
    /// The first message of a session.
    Hello(Box<Hello>),
    /// One half of a clock exchange: the agent's own clock when it was sent. Also the agent's heartbeat.
    ClockPing {
        /// Agent's monotonic nanoseconds.
        sent_ns: i64,
        /// What the agent makes of its clock so far.
        clock: Option<ClockFacts>,
    },
    /// Prepared: clients made and primed, payload pool built.
    Ready {
        /// The attempt.
        attempt: AttemptId,
        /// The agent's producers.
        producers: Vec<ProducerFacts>,
        /// The clock as measured for this attempt.
        clock: ClockFacts,
    },
    /// Cannot prepare.
    Refused {
        /// The attempt.
        attempt: AttemptId,
        /// What kind of trouble.
        kind: RefusalKind,
        /// Why, in one line.
        reason: String,
    },
    /// Will start at the announced instant if *go* arrives before it.
    Armed {
        /// The attempt.
        attempt: AttemptId,
        /// Which arming.
        epoch: Epoch,
    },
    /// The announced instant passed without *go*: nothing was started.
    NotStarted {
        /// The attempt.
        attempt: AttemptId,
        /// Which arming.
        epoch: Epoch,
    },
    /// What was measured between two edges of the sample grid.
    Sample {
        /// The attempt.
        attempt: AttemptId,
        /// The sample.
        sample: Box<Sample>,
    },
    /// The answer to [`CoordinatorMessage::OpenWindow`].
    WindowOpens {
        /// The attempt.
        attempt: AttemptId,
        /// t1 as announced, in nanoseconds from t0.
        t1_ns: i64,
        /// Whether it came in time: the window opens then.
        accepted: bool,
    },
    /// Every record of the window has its final word on this agent; the load goes on.
    WindowResolved {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The final report; the clients are closed.
    Report {
        /// The attempt.
        attempt: AttemptId,
        /// What was measured.
        report: Box<AgentReport>,
    },
    /// The attempt was given up before its end; the clients are closed.
    Stopped {
        /// The attempt.
        attempt: AttemptId,
        /// Why, in one line.
        reason: String,
    },
    /// All consumers of this agent have their partitions and are positioned.
    ConsumersReady {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The consumers' final report; they are closed.
    ConsumersReport {
        /// The attempt.
        attempt: AttemptId,
        /// What they received.
        report: Box<ConsumerReport>,
    },
    /// There are no consumers of the attempt on this agent, or no longer.
    ConsumersFailed {
        /// The attempt.
        attempt: AttemptId,
        /// What kind of trouble.
        kind: RefusalKind,
        /// Why, in one line.
        reason: String,
    },
    /// The answer to [`CoordinatorMessage::Calibrate`].
    Calibrated {
        /// Names the request.
        id: u64,
        /// What was measured, or why nothing was, in one line.
        outcome: Result<Calibration, String>,
    },
}

/// Who an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// [`PROTOCOL`] of the agent's build.
    pub protocol: u32,
    /// Its name; a new instance of a name replaces the old one.
    pub name: AgentName,
    /// This process.
    pub instance: Uuid,
    /// Its build.
    pub build: BuildFacts,
    /// Its host.
    pub host: HostFacts,
    /// Where Prometheus should scrape it, as `host:port`; empty when it serves no metrics.
    pub metrics_address: String,
    /// An attempt whose clients this process still holds open, if any.
    pub busy_with: Option<AttemptId>,
    /// The last self-test on its host, if there was one.
    pub certificate: Option<CertificateFacts>,
    /// Client libraries by name of which it has no driver, and why.
    pub lacking: Vec<(String, String)>,
    /// What it is for.
    pub role: Role,
}

/// Kinds of refusal, by who has to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The cluster cannot be reached from this agent.
    ClusterUnreachable,
    /// A property, secret or sample file is wrong on this agent.
    Configuration,
    /// The agent is busy with another attempt.
    Busy,
    /// Anything else.
    Other,
}

/// From the coordinator to an agent.
#[derive(Clone, Debug, PartialEq)]
pub enum CoordinatorMessage {
    /// The agent may stay.
    Welcome,
    /// The agent may not stay, for this reason.
    Rejected {
        /// Why, in one line.
        reason: String,
    },
    /// The other half of a clock exchange.
    ClockPong {
        /// The agent's own stamp, returned.
        sent_ns: i64,
        /// Coordinator's clock when the ping arrived.
        received_ns: i64,
        /// Coordinator's clock when the pong left.
        returned_ns: i64,
    },
    /// Make clients and payloads.
    Prepare(Box<Prepare>),
    /// Start at `start_ns` if *go* arrives before it; stop by yourself when the lease ends.
    Arm {
        /// The attempt.
        attempt: AttemptId,
        /// Which arming.
        epoch: Epoch,
        /// t0.
        start_ns: i64,
        /// How long the load may go on without a renewal.
        lease: Duration,
    },
    /// Forget the announced instant, stay prepared.
    Disarm {
        /// The attempt.
        attempt: AttemptId,
        /// Which arming.
        epoch: Epoch,
    },
    /// Everybody is armed.
    Go {
        /// The attempt.
        attempt: AttemptId,
        /// Which arming.
        epoch: Epoch,
    },
    /// The lease runs anew from the arrival of this message.
    Renew {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The window begins at t1, unless this comes too late; announced a margin ahead.
    OpenWindow {
        /// The attempt.
        attempt: AttemptId,
        /// t1, in nanoseconds from t0.
        t1_ns: i64,
    },
    /// Every record of the window is resolved on all agents: end the cool-down.
    EndLoad {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Give the attempt up: stop, purge, close.
    Abort {
        /// The attempt.
        attempt: AttemptId,
        /// Why, in one line.
        reason: String,
    },
    /// Make consumers.
    PrepareConsumers(Box<PrepareConsumers>),
    /// Every record has been written: receive up to these ends, then report.
    EndConsumers {
        /// The attempt.
        attempt: AttemptId,
        /// Topic, partition and the offset after the last record.
        ends: Vec<(String, i32, i64)>,
        /// How long this may take.
        within: Duration,
    },
    /// Find out what the agent manages against a null sink on its host.
    Calibrate {
        /// Names the request.
        id: u64,
        /// The trial whose cell it is for.
        trial: Box<Trial>,
        /// The indices of the producers that this agent runs.
        producers: Vec<u32>,
    },
}

/// An agent's share of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepare {
    /// The attempt.
    pub attempt: AttemptId,
    /// The trial.
    pub trial: Trial,
    /// The indices of the producers that this agent runs.
    pub producers: Vec<u32>,
    /// `host:port` of brokers to begin with.
    pub bootstrap: String,
    /// The cluster's properties; secrets are references, resolved by the agent.
    pub cluster_properties: Properties,
    /// The topics, ready.
    pub topics: Vec<String>,
    /// Agents of the attempt on this agent's host, itself included; at least 1.
    pub agents_on_host: u32,
}

/// An agent's share of an attempt's consumers.
#[derive(Clone, Debug, PartialEq)]
pub struct PrepareConsumers {
    /// The attempt.
    pub attempt: AttemptId,
    /// The trial; it has consumers.
    pub trial: Trial,
    /// `host:port` of brokers to begin with.
    pub bootstrap: String,
    /// The cluster's properties; secrets are references, resolved by the agent.
    pub cluster_properties: Properties,
    /// The topics, ready.
    pub topics: Vec<String>,
    /// What the members on this agent read, and the offset that each begins at: the log's end before the producers were
    /// made.
    pub seats: Vec<(Seat, i64)>,
    /// How long they may go on without a renewal.
    pub lease: Duration,
}
