//! The agent's end of the session: the one place of this crate that names the wire.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::event::Event;
use tribunal_proto::session::{AgentMessage, AttemptId, CoordinatorMessage, Hello, PROTOCOL, RefusalKind};
use tribunal_proto::{MAX_MESSAGE_BYTES, pb};
use tribunal_stats::facts::ClockFacts;
use tribunal_telemetry::metrics::{AgentMetrics, Second};
use uuid::Uuid;

use crate::attempt::{Held, Stage, Told, with_primed};
use crate::clock::{Exchange, Measurement};
use crate::{Error, Options, host, shown};

/// Messages that may wait for the coordinator; samples beyond are dropped, so that a slow coordinator never slows the load.
const OUTBOX: usize = 1024;
/// How long a new connection may take, and how long an idle one may be silent.
const CONNECT: Duration = Duration::from_secs(5);
/// How often the clock is looked at while nothing else is said; also the agent's heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// The pause before the next try to connect.
const PAUSE: Duration = Duration::from_millis(500);
/// How long an agent waits for an abandoned load to stop.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// Owner of everything that outlives one connection.
pub(crate) struct Session<'a> {
    options: &'a Options,
    metrics: &'a AgentMetrics,
    metrics_address: String,
    instance: Uuid,
    held: Option<Held>,
    lease: Duration,
    told: mpsc::Receiver<Told>,
    tell: mpsc::Sender<Told>,
    measurement: Measurement,
    /// The last complete measurement.
    clock: Option<ClockFacts>,
    dropped_samples: u64,
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
            lease: Duration::ZERO,
            told,
            tell,
            measurement: Measurement::default(),
            clock: None,
            dropped_samples: 0,
        }
    }

    /// Connects, again and again, until `shutdown` or until the coordinator will not have this agent.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), Error> {
        let url = &self.options.coordinator;
        let endpoint = Endpoint::from_shared(url.clone())
            .map_err(|_| Error::Address { url: url.clone() })?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(HEARTBEAT)
            .keep_alive_timeout(CONNECT)
            .keep_alive_while_idle(true);
        let mut said = String::new();
        loop {
            let parted = tokio::select! {
                () = shutdown.cancelled() => Parted::Shutdown,
                connected = endpoint.connect() => match connected {
                    Ok(channel) => self.attach(channel, &shutdown).await,
                    Err(error) => Parted::Lost(shown(&error)),
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
                        tracing::warn!(coordinator = url, reason, "no session; trying again");
                        said = reason;
                    }
                    let again = Instant::now() + PAUSE;
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
    }

    /// Takes what an abandoned attempt still says, until it has ended or for `at_most`.
    async fn settle(&mut self, at_most: Duration) {
        let until = Instant::now() + at_most;
        while let Some(held) = &self.held {
            if matches!(held.stage, Stage::Prepared { .. } | Stage::Ended { .. }) {
                self.release();
                return;
            }
            let told = tokio::select! {
                biased;
                told = self.told.recv() => told,
                () = sleep_until(until) => return,
            };
            if let Some(Told::Prepared(..) | Told::Run(_, Event::Ended(_))) = told {
                self.release();
            }
        }
    }

    /// Lets go of the held attempt; its clients are closed when this returns.
    fn release(&mut self) {
        self.held = None;
        self.metrics.retire();
    }

    fn hello(&self) -> Hello {
        Hello {
            protocol: PROTOCOL,
            name: self.options.name.clone(),
            instance: self.instance,
            build: crate::build(),
            host: host::facts(),
            metrics_address: self.metrics_address.clone(),
            busy_with: self.held.as_ref().map(|held| held.id),
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
            if sent.is_err() {
                return Parted::Lost("the stream closed".into());
            }
        }
    }

    async fn ping(&self, outbox: &Outbox) -> Result<(), Closed> {
        outbox
            .send(AgentMessage::ClockPing {
                sent_ns: MonotonicClock.now_ns(),
                clock: self.clock,
            })
            .await
    }

    /// Does what the coordinator says.
    async fn obey(&mut self, message: CoordinatorMessage, arrived_ns: i64, outbox: &Outbox) -> Result<(), Closed> {
        match message {
            CoordinatorMessage::Welcome => {
                tracing::info!(coordinator = self.options.coordinator, "session open");
                self.metrics.connected(true);
                self.measure(outbox).await
            }
            CoordinatorMessage::Rejected { .. } => Ok(()),
            CoordinatorMessage::ClockPong {
                sent_ns,
                received_ns,
                returned_ns,
            } => {
                self.exchange(
                    Exchange {
                        sent: sent_ns,
                        received: received_ns,
                        returned: returned_ns,
                        arrived: arrived_ns,
                    },
                    outbox,
                )
                .await
            }
            CoordinatorMessage::Prepare(prepare) => {
                if let Some(held) = &self.held {
                    let reason = format!("busy with trial {} attempt {}", held.id.trial, held.id.attempt.0);
                    let kind = RefusalKind::Busy;
                    return outbox
                        .send(AgentMessage::Refused {
                            attempt: prepare.attempt,
                            kind,
                            reason,
                        })
                        .await;
                }
                self.held = Some(Held::prepare(&self.options.name, *prepare, self.tell.clone()));
                self.measure(outbox).await
            }
            CoordinatorMessage::Arm {
                attempt,
                epoch,
                start_ns,
                lease,
            } => {
                self.lease = lease;
                match self.of(attempt) {
                    Some(held) if held.arm(epoch, start_ns, lease) => {
                        outbox.send(AgentMessage::Armed { attempt, epoch }).await
                    }
                    // Too late or unknown: the coordinator arms again or finds out.
                    _ => Ok(()),
                }
            }
            CoordinatorMessage::Disarm { attempt, epoch } => {
                if let Some(run) = self.of(attempt).and_then(Held::run) {
                    run.disarm(epoch.0);
                }
                Ok(())
            }
            CoordinatorMessage::Go { attempt, epoch } => {
                if let Some(run) = self.of(attempt).and_then(Held::run) {
                    // Too late: the gate says so itself.
                    let _ = run.go(epoch.0);
                }
                Ok(())
            }
            CoordinatorMessage::Renew { attempt } => {
                if let Some(run) = self.of(attempt).and_then(Held::run) {
                    run.renew(self.lease);
                }
                Ok(())
            }
            CoordinatorMessage::EndLoad { attempt } => {
                if let Some(run) = self.of(attempt).and_then(Held::run) {
                    run.end_load();
                }
                Ok(())
            }
            CoordinatorMessage::Abort { attempt, reason } => {
                match self.of_mut(attempt) {
                    Some(held) => {
                        held.span.in_scope(|| tracing::info!(reason, "told to stop"));
                        held.give_up(&reason);
                    }
                    // Nothing is held: say so, the coordinator waits for it.
                    None => return outbox.send(AgentMessage::Stopped { attempt, reason }).await,
                }
                if matches!(
                    self.held.as_ref().map(|held| &held.stage),
                    Some(Stage::Prepared { .. } | Stage::Ended { .. })
                ) {
                    self.release();
                    return outbox.send(AgentMessage::Stopped { attempt, reason }).await;
                }
                Ok(())
            }
        }
    }

    fn of(&self, attempt: AttemptId) -> Option<&Held> {
        self.held.as_ref().filter(|held| held.id == attempt)
    }

    fn of_mut(&mut self, attempt: AttemptId) -> Option<&mut Held> {
        self.held.as_mut().filter(|held| held.id == attempt)
    }

    /// Passes on what the attempt's threads say.
    async fn take(&mut self, told: Told, outbox: &Outbox) -> Result<(), Closed> {
        match told {
            Told::Prepared(attempt, prepared) => {
                let Some(held) = self.of_mut(attempt) else {
                    return Ok(());
                };
                let given_up = match &held.stage {
                    Stage::Preparing { given_up } => given_up.clone(),
                    _ => None,
                };
                match (*prepared, given_up) {
                    (Err(refusal), None) => {
                        self.release();
                        let (kind, reason) = (refusal.kind, refusal.reason);
                        outbox.send(AgentMessage::Refused { attempt, kind, reason }).await
                    }
                    (prepared, Some(reason)) => {
                        drop(prepared);
                        self.release();
                        outbox.send(AgentMessage::Stopped { attempt, reason }).await
                    }
                    (Ok(prepared), None) => {
                        held.stage = Stage::Prepared {
                            prepared: Box::new(prepared),
                        };
                        self.ready(outbox).await
                    }
                }
            }
            Told::Run(attempt, event) => self.load_says(attempt, event, outbox).await,
        }
    }

    async fn load_says(&mut self, attempt: AttemptId, event: Event, outbox: &Outbox) -> Result<(), Closed> {
        match event {
            Event::NotStarted { epoch } => {
                let epoch = tribunal_proto::session::Epoch(epoch);
                outbox.send(AgentMessage::NotStarted { attempt, epoch }).await
            }
            Event::WindowResolved => outbox.send(AgentMessage::WindowResolved { attempt }).await,
            Event::Sample(sample) => {
                let seconds = sample.seconds();
                for client in &sample.clients {
                    let client_id = format!("{}-{}", self.options.name, client.producer);
                    self.metrics.observe(
                        &client.topic,
                        &client_id,
                        Second {
                            acknowledged: client.acknowledged,
                            failed: client.failed,
                            in_flight: client.in_flight,
                            queue_full: client.queue_full,
                        },
                        seconds,
                    );
                }
                // Totals do not depend on samples, so a coordinator that is behind loses some of these and no number.
                if !outbox.offer(AgentMessage::Sample { attempt, sample }) {
                    self.dropped_samples += 1;
                    tracing::warn!(
                        dropped = self.dropped_samples,
                        "the coordinator is behind; a sample was dropped"
                    );
                }
                Ok(())
            }
            Event::Ended(ended) => {
                let Some(held) = self.of_mut(attempt) else {
                    return Ok(());
                };
                let stage = std::mem::replace(&mut held.stage, Stage::Preparing { given_up: None });
                let Stage::Running { run, primed, .. } = stage else {
                    return Ok(());
                };
                drop(run);
                if let Some(reason) = ended.given_up {
                    self.release();
                    return outbox.send(AgentMessage::Stopped { attempt, reason }).await;
                }
                held.stage = Stage::Ended {
                    report: Box::new(with_primed(ended.report, &primed)),
                };
                self.measure(outbox).await
            }
        }
    }

    /// Begins a measurement of the clock; its end lets *ready* or the report go out.
    async fn measure(&mut self, outbox: &Outbox) -> Result<(), Closed> {
        self.measurement = Measurement::default();
        self.ping(outbox).await
    }

    async fn exchange(&mut self, exchange: Exchange, outbox: &Outbox) -> Result<(), Closed> {
        if self.measurement.complete() {
            // A heartbeat's answer.
            return Ok(());
        }
        self.measurement.add(exchange);
        if !self.measurement.complete() {
            return self.ping(outbox).await;
        }
        self.clock = self.measurement.facts();
        let clock = self.clock;
        if let Some(held) = &mut self.held {
            match &mut held.stage {
                Stage::Preparing { .. } | Stage::Prepared { .. } => held.clock = clock,
                Stage::Ended { .. } => return self.report(outbox).await,
                Stage::Running { .. } => {}
            }
        }
        self.ready(outbox).await
    }

    /// Says *ready* once both the clients and the clock are.
    async fn ready(&mut self, outbox: &Outbox) -> Result<(), Closed> {
        let tell = self.tell.clone();
        let Some(held) = &mut self.held else { return Ok(()) };
        let (attempt, Some(clock)) = (held.id, held.clock) else {
            return Ok(());
        };
        match held.start(tell) {
            Some(producers) => {
                outbox
                    .send(AgentMessage::Ready {
                        attempt,
                        producers,
                        clock,
                    })
                    .await
            }
            None => Ok(()),
        }
    }

    async fn report(&mut self, outbox: &Outbox) -> Result<(), Closed> {
        let Some(Held {
            id: attempt,
            span,
            stage: Stage::Ended { mut report },
            clock,
        }) = self.held.take()
        else {
            return Ok(());
        };
        report.facts.clock = clock.unwrap_or_default();
        report.facts.clock_after = self.clock.unwrap_or_default();
        self.release();
        span.in_scope(|| tracing::info!("reporting"));
        outbox.send(AgentMessage::Report { attempt, report }).await
    }
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
