//! The agent's end of the session: the one place of this crate that names the wire.

mod back_off;
mod clock;
mod consumers;
mod obey;
#[cfg(test)]
mod tests;
mod told;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::event::Event;
use tribunal_proto::session::{AgentMessage, AttemptId, CoordinatorMessage, Hello, PROTOCOL};
use tribunal_proto::{MAX_MESSAGE_BYTES, pb};
use tribunal_stats::exchange::Measurement;
use tribunal_stats::facts::ClockFacts;
use tribunal_telemetry::agent::{AgentMetrics, Phase};
use tribunal_telemetry::logs::chain;
use tribunal_tls::Refusal;
use uuid::Uuid;

use crate::attempt::{Held, Stage, Told};
use crate::calibrating::Calibrating;
use crate::consuming::{self, Consuming};
use crate::{Error, Options, host};
use back_off::BackOff;

/// Messages that may wait for the coordinator; samples beyond are dropped, so that a slow coordinator never slows the load.
const OUTBOX: usize = 1024;
/// How long a new connection may take, and how long an idle one may be silent.
const CONNECT: Duration = Duration::from_secs(5);
/// How often the clock is looked at while nothing else is said; also the agent's heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long an agent waits for an abandoned load to stop.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// Owner of everything that outlives one connection.
pub(crate) struct Session<'a> {
    options: &'a Options,
    metrics: &'a AgentMetrics,
    metrics_address: String,
    instance: Uuid,
    held: Option<Held>,
    consuming: Option<Consuming>,
    calibrating: Option<Calibrating>,
    lease: Duration,
    told: mpsc::Receiver<Told>,
    tell: mpsc::Sender<Told>,
    measurement: Measurement,
    /// The last complete measurement.
    clock: Option<ClockFacts>,
    /// Whether the coordinator took this agent in since the last pause.
    welcome: bool,
}

/// How a connection ended.
enum Parted {
    Lost(String),
    Rejected(String),
    Shutdown,
}

impl<'a> Session<'a> {
    pub(crate) fn new(options: &'a Options, metrics: &'a AgentMetrics, metrics_address: String) -> Self {
        let (tell, told) = mpsc::channel(OUTBOX);
        Self {
            options,
            metrics,
            metrics_address,
            instance: Uuid::now_v7(),
            held: None,
            consuming: None,
            calibrating: None,
            lease: Duration::ZERO,
            told,
            tell,
            measurement: Measurement::default(),
            clock: None,
            welcome: false,
        }
    }

    /// Connects, again and again, until `shutdown` or until the coordinator will not have this agent.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let url = &self.options.coordinator;
        let endpoint = Endpoint::from_shared(tribunal_tls::uri(url))
            .map_err(|_| Error::Address { url: url.clone() })?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(HEARTBEAT)
            .keep_alive_timeout(CONNECT)
            .keep_alive_while_idle(true);
        let connector = self.options.security.dial(url)?;
        let connect = || async {
            match connector.clone() {
                Some(connector) => endpoint.connect_with_connector(connector).await,
                None => endpoint.connect().await,
            }
        };
        let (mut said, mut back_off) = (String::new(), BackOff::new());
        loop {
            let parted = tokio::select! {
                () = shutdown.cancelled() => Parted::Shutdown,
                connected = connect() => match connected {
                    Ok(channel) => self.attach(channel, &shutdown).await,
                    Err(error) => Parted::Lost(why(&error)),
                },
            };
            self.metrics.connected(false);
            match parted {
                Parted::Lost(reason) => {
                    // The load may not outlive its session by more than its lease; there is nobody to report to.
                    self.abandon("the session to the coordinator was lost");
                    // A new session begins with empty hands.
                    self.settle(SHUTDOWN).await;
                    if said != reason {
                        let plain = connector.is_none() && tribunal_tls::wants_tls(url).await;
                        let hint = plain.then(|| Refusal::WantsTls.to_string());
                        tracing::warn!(coordinator = url, reason, hint, "no session; trying again");
                        said = reason;
                    }
                    if std::mem::take(&mut self.welcome) {
                        back_off.reset();
                    }
                    let again = Instant::now() + back_off.pause();
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = sleep_until(again) => {}
                    }
                }
                Parted::Rejected(reason) => {
                    self.abandon("the coordinator refused this agent");
                    self.settle(SHUTDOWN).await;
                    return Err(Error::Rejected { reason });
                }
                Parted::Shutdown => {
                    self.abandon("the agent is shutting down");
                    self.settle(SHUTDOWN).await;
                    return Ok(());
                }
            }
        }
    }

    fn abandon(&mut self, reason: &str) {
        if let Some(held) = &mut self.held {
            held.give_up(reason);
        }
        if let Some(consuming) = &self.consuming {
            consuming.stop(reason);
        }
        if let Some(calibrating) = &self.calibrating {
            calibrating.stop();
        }
    }

    /// Takes what an abandoned attempt or calibration still says, until it has ended or for `at_most`.
    async fn settle(&mut self, at_most: Duration) {
        let until = Instant::now() + at_most;
        while self.held.is_some() || self.consuming.is_some() || self.calibrating.is_some() {
            // Their threads have ended: nothing more is said.
            if self
                .consuming
                .as_ref()
                .is_some_and(|own| own.stage == consuming::Stage::Ended)
            {
                self.consumed();
                continue;
            }
            let stage = self.held.as_ref().map(|held| &held.stage);
            if matches!(stage, Some(Stage::Prepared { .. } | Stage::Ended { .. })) {
                self.release();
                continue;
            }
            let told = tokio::select! {
                biased;
                told = self.told.recv() => told,
                () = sleep_until(until) => return,
            };
            match told {
                Some(Told::Prepared(..) | Told::Run(_, Event::Ended(_))) => self.release(),
                Some(Told::Calibrated(..)) => self.calibrating = None,
                Some(Told::Consumer(attempt, word)) => {
                    if let Some(consuming) = self.consuming.as_mut().filter(|own| own.id == attempt) {
                        consuming.hear(word);
                        if consuming.stage == consuming::Stage::Ended {
                            self.consumed();
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Lets go of the held attempt; its clients are closed when this returns.
    fn release(&mut self) {
        self.held = None;
        self.metrics.retire();
        self.show();
    }

    /// Lets go of the consumers.
    fn consumed(&mut self) {
        self.consuming = None;
        self.metrics.retire_consumers();
        self.show();
    }

    /// Shows what this agent does.
    fn show(&self) {
        let Some(held) = &self.held else {
            if let Some(consuming) = &self.consuming {
                let of = (consuming.id.experiment, consuming.id.trial);
                return self.metrics.phase(Phase::Consuming, Some(of));
            }
            let calibrating = self.calibrating.is_some();
            let phase = if calibrating { Phase::Calibrating } else { Phase::Idle };
            return self.metrics.phase(phase, None);
        };
        let phase = match &held.stage {
            Stage::Preparing { .. } | Stage::Prepared { .. } => Phase::Preparing,
            Stage::Running { run, .. } => run.part().map_or(Phase::Armed, Phase::Running),
            Stage::Ended { .. } => Phase::Reporting,
        };
        self.metrics.phase(phase, Some((held.id.experiment, held.id.trial)));
    }

    fn hello(&self) -> Hello {
        Hello {
            protocol: PROTOCOL,
            name: self.options.name.clone(),
            instance: self.instance,
            build: crate::build(),
            host: host::facts(),
            metrics_address: self.metrics_address.clone(),
            busy_with: self
                .held
                .as_ref()
                .map(|held| held.id)
                .or(self.consuming.as_ref().map(|consuming| consuming.id)),
            certificate: self.options.certificate.clone(),
            lacking: self.options.drivers.lacking(),
            role: self.options.role,
        }
    }

    async fn attach(&mut self, channel: Channel, shutdown: &CancellationToken) -> Parted {
        let (outbox, outgoing) = mpsc::channel::<pb::AgentMessage>(OUTBOX);
        let outbox = Outbox(outbox);
        if outbox.send(AgentMessage::Hello(Box::new(self.hello()))).await.is_err() {
            return Parted::Lost("the stream closed".into());
        }
        let mut client = pb::session_client::SessionClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let mut incoming = match client.attach(ReceiverStream::new(outgoing)).await {
            Ok(reply) => reply.into_inner(),
            Err(status) => return Parted::Lost(status.message().to_owned()),
        };
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let sent = tokio::select! {
                () = shutdown.cancelled() => return Parted::Shutdown,
                _ = heartbeat.tick() => self.ping(&outbox).await,
                told = self.told.recv() => match told {
                    Some(told) => self.take(told, &outbox).await,
                    None => return Parted::Lost("the agent's own channel closed".into()),
                },
                message = incoming.next() => match message {
                    Some(Ok(message)) => {
                        let arrived_ns = MonotonicClock.now_ns();
                        match CoordinatorMessage::try_from(message) {
                            Ok(CoordinatorMessage::Rejected { reason }) => return Parted::Rejected(reason),
                            Ok(message) => self.obey(message, arrived_ns, &outbox).await,
                            Err(error) => return Parted::Lost(format!("the coordinator sent nonsense: {error}")),
                        }
                    }
                    Some(Err(status)) => return Parted::Lost(status.message().to_owned()),
                    None => return Parted::Lost("the coordinator ended the session".into()),
                },
            };
            self.show();
            if sent.is_err() {
                return Parted::Lost("the stream closed".into());
            }
        }
    }

    fn of(&self, attempt: AttemptId) -> Option<&Held> {
        self.held.as_ref().filter(|held| held.id == attempt)
    }

    fn of_mut(&mut self, attempt: AttemptId) -> Option<&mut Held> {
        self.held.as_mut().filter(|held| held.id == attempt)
    }
}

/// Why there is no connection.
fn why(error: &tonic::transport::Error) -> String {
    tribunal_tls::refusal(error).map_or_else(|| chain(error), |refusal| refusal.to_string())
}

/// The way to the coordinator.
struct Outbox(mpsc::Sender<pb::AgentMessage>);

/// The stream has closed.
struct Closed;

impl Outbox {
    async fn send(&self, message: AgentMessage) -> Result<(), Closed> {
        self.0.send(message.into()).await.map_err(|_| Closed)
    }

    /// Whether there was room.
    fn offer(&self, message: AgentMessage) -> bool {
        // The last places are kept for what must get through.
        self.0.capacity() > OUTBOX / 4 && self.0.try_send(message.into()).is_ok()
    }
}
