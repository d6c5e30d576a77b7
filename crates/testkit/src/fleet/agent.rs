//! One scripted agent's end of its session.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_model::consumers::Role;
use tribunal_model::ids::AgentName;
use tribunal_proto::MAX_MESSAGE_BYTES;
use tribunal_proto::session::{AgentMessage, CoordinatorMessage, Hello, PROTOCOL, RefusalKind};
use tribunal_stats::distribution::LAYOUT;
use tribunal_stats::exchange::{Exchange, Measurement};
use tribunal_stats::facts::{BuildFacts, ClockFacts, HostFacts};
use uuid::Uuid;

use super::load::Load;
use super::pb;
use super::script::Script;

/// Messages that may wait for the coordinator; a real agent's outbox.
const OUTBOX: usize = 1024;
/// How often something is said at least.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How a session ended.
pub(super) enum Ended {
    Lost,
    Rejected(String),
}

#[derive(Debug)]
pub(super) struct Agent {
    number: u64,
    name: AgentName,
    instance: Uuid,
    host: HostFacts,
    script: Arc<Script>,
    measurement: Measurement,
    clock: Option<ClockFacts>,
    load: Option<Load>,
}

/// The stream has closed.
struct Closed;

type Outbox = mpsc::Sender<pb::AgentMessage>;

async fn say(outbox: &Outbox, message: impl Into<pb::AgentMessage>) -> Result<(), Closed> {
    outbox.send(message.into()).await.map_err(|_| Closed)
}

impl Agent {
    pub(super) fn new(number: u64, name: AgentName, host: HostFacts, script: Arc<Script>) -> Self {
        Self {
            number,
            name,
            instance: Uuid::now_v7(),
            host,
            script,
            measurement: Measurement::default(),
            clock: None,
            load: None,
        }
    }

    pub(super) fn name(&self) -> &AgentName {
        &self.name
    }

    fn hello(&self) -> Hello {
        Hello {
            protocol: PROTOCOL,
            name: self.name.clone(),
            instance: self.instance,
            build: BuildFacts {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                librdkafka: "none: scripted".to_owned(),
                schedule: "scripted".to_owned(),
                histogram: LAYOUT.to_owned(),
            },
            host: self.host.clone(),
            metrics_address: String::new(),
            busy_with: None,
            certificate: None,
            lacking: Vec::new(),
            role: Role::Any,
        }
    }

    /// One session, from hello to its end.
    pub(super) async fn attach(&mut self, channel: Channel) -> Ended {
        self.load = None;
        let (outbox, outgoing) = mpsc::channel(OUTBOX);
        if say(&outbox, AgentMessage::Hello(Box::new(self.hello()))).await.is_err() {
            return Ended::Lost;
        }
        let mut client = pb::session_client::SessionClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        let Ok(reply) = client.attach(ReceiverStream::new(outgoing)).await else {
            return Ended::Lost;
        };
        let mut incoming = reply.into_inner();
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.load.as_ref().and_then(Load::deadline);
            let said = tokio::select! {
                message = incoming.next() => {
                    let arrived = MonotonicClock.now_ns();
                    let Some(Ok(message)) = message else { return Ended::Lost };
                    match CoordinatorMessage::try_from(message) {
                        Ok(CoordinatorMessage::Rejected { reason }) => return Ended::Rejected(reason),
                        Ok(message) => self.obey(message, arrived, &outbox).await,
                        Err(_) => return Ended::Lost,
                    }
                }
                () = at(due), if due.is_some() => self.step(&outbox).await,
                _ = heartbeat.tick() => self.ping(&outbox).await,
            };
            if said.is_err() {
                return Ended::Lost;
            }
        }
    }

    async fn obey(&mut self, message: CoordinatorMessage, arrived: i64, outbox: &Outbox) -> Result<(), Closed> {
        let (number, script) = (self.number, self.script.clone());
        match message {
            CoordinatorMessage::Welcome => self.measure(outbox).await,
            CoordinatorMessage::Rejected { .. }
            | CoordinatorMessage::Renew { .. }
            | CoordinatorMessage::EndConsumers { .. } => Ok(()),
            CoordinatorMessage::ClockPong {
                sent_ns,
                received_ns,
                returned_ns,
            } => {
                let exchange = Exchange {
                    sent: sent_ns,
                    received: received_ns,
                    returned: returned_ns,
                    arrived,
                };
                self.exchange(exchange, outbox).await
            }
            CoordinatorMessage::Prepare(prepare) => {
                self.load = Some(Load::new(*prepare));
                self.measure(outbox).await
            }
            CoordinatorMessage::Arm {
                attempt,
                epoch,
                start_ns,
                ..
            } => {
                let load = self.load.as_mut().filter(|load| load.id == attempt);
                if load.is_some_and(|load| load.arm(epoch, start_ns, arrived)) {
                    say(outbox, AgentMessage::Armed { attempt, epoch }).await
                } else {
                    Ok(())
                }
            }
            CoordinatorMessage::Disarm { epoch, .. } => {
                self.load.iter_mut().for_each(|load| load.disarm(epoch));
                Ok(())
            }
            CoordinatorMessage::Go { epoch, .. } => {
                self.load.iter_mut().for_each(|load| load.go(epoch));
                Ok(())
            }
            CoordinatorMessage::OpenWindow { attempt, t1_ns } => {
                let load = self.load.as_mut();
                let accepted = load.is_some_and(|load| load.open_window(t1_ns, arrived));
                let answer = AgentMessage::WindowOpens {
                    attempt,
                    t1_ns,
                    accepted,
                };
                say(outbox, answer).await
            }
            CoordinatorMessage::EndLoad { .. } => {
                let load = self.load.as_mut();
                match load.and_then(|load| load.end_load(number, &script, arrived)) {
                    Some(sample) => {
                        say(outbox, sample).await?;
                        self.measure(outbox).await
                    }
                    None => Ok(()),
                }
            }
            CoordinatorMessage::Abort { attempt, reason } => {
                self.load = None;
                say(outbox, AgentMessage::Stopped { attempt, reason }).await
            }
            CoordinatorMessage::PrepareConsumers(prepare) => {
                let (attempt, kind) = (prepare.attempt, RefusalKind::Configuration);
                let reason = "scripted agents run no consumers".to_owned();
                say(outbox, AgentMessage::ConsumersFailed { attempt, kind, reason }).await
            }
            CoordinatorMessage::Calibrate { id, .. } => {
                let outcome = Err("scripted agents cannot be calibrated".to_owned());
                say(outbox, AgentMessage::Calibrated { id, outcome }).await
            }
        }
    }

    /// Does what an instant of the load asks for.
    async fn step(&mut self, outbox: &Outbox) -> Result<(), Closed> {
        let now = MonotonicClock.now_ns();
        let Some(load) = &mut self.load else { return Ok(()) };
        let Some(message) = load.step(self.number, &self.script, now) else {
            return Ok(());
        };
        say(outbox, message).await?;
        load.foresee(self.number, &self.script);
        Ok(())
    }

    async fn ping(&self, outbox: &Outbox) -> Result<(), Closed> {
        let ping = AgentMessage::ClockPing {
            sent_ns: MonotonicClock.now_ns(),
            clock: self.clock,
        };
        say(outbox, ping).await
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
        let (Some(load), Some(clock)) = (&mut self.load, self.clock) else {
            return Ok(());
        };
        if load.has_ended() {
            let report = load.report(self.number, &self.script, clock);
            self.load = None;
            return say(outbox, report).await;
        }
        load.clock = Some(clock);
        let ready = load.ready(self.name.as_str(), clock);
        say(outbox, ready).await
    }
}

/// Ends when the clock shows this instant; never without one.
async fn at(instant: Option<i64>) {
    let Some(instant) = instant else {
        return std::future::pending().await;
    };
    let left = (instant - MonotonicClock.now_ns()).max(0);
    sleep_until(Instant::now() + Duration::from_nanos(left as u64)).await;
}
