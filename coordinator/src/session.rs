//! The coordinator's end of the agents' sessions: with `control` and `client` the only place that names the wire.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument;
use tribunal_model::ids::AgentName;
use tribunal_proto::pb::session_server::SessionServer;
use tribunal_proto::session::{AgentMessage, CoordinatorMessage, Hello, PROTOCOL};
use tribunal_proto::{MAX_MESSAGE_BYTES, pb};
use tribunal_telemetry::logs;

use crate::clock::{now_ns, thread_cpu_ns};
use crate::fleet::{Fleet, Joined};

/// Messages between the session's task and the stream.
const STREAM: usize = 64;
/// Samples and reports that are decoded at once, over all sessions: a decoded report takes ten times the memory of its
/// message, and a thousand of them come in the same second.
const DECODING: usize = 16;

/// The gRPC service that agents attach to.
#[derive(Debug)]
pub(crate) struct Sessions {
    fleet: Fleet,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    decoding: Arc<Semaphore>,
}

impl Sessions {
    pub(crate) fn new(fleet: Fleet, tasks: TaskTracker, shutdown: CancellationToken) -> Self {
        Self {
            fleet,
            tasks,
            shutdown,
            decoding: Arc::new(Semaphore::new(DECODING)),
        }
    }

    /// The service, to be added to a server.
    pub(crate) fn into_service(self) -> SessionServer<Self> {
        SessionServer::new(self)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }
}

#[tonic::async_trait]
impl pb::session_server::Session for Sessions {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<pb::CoordinatorMessage, Status>> + Send>>;

    async fn attach(
        &self,
        request: Request<Streaming<pb::AgentMessage>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let certificate = certificate(&request);
        let from = request.remote_addr().map(|address| address.ip());
        let incoming = request.into_inner();
        let (stream, outgoing) = mpsc::channel(STREAM);
        let session = Session {
            fleet: self.fleet.clone(),
            certificate,
            from,
            stream,
            shutdown: self.shutdown.clone(),
            decoding: self.decoding.clone(),
        };
        self.tasks.spawn(session.run(incoming));
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

/// The certificate of the other end; none in plaintext.
fn certificate<T>(request: &Request<T>) -> Option<Vec<u8>> {
    Some(request.peer_certs()?.first()?.to_vec())
}

/// Where an agent's metrics are found that says that it listens there: one that listens on all addresses is found where it
/// dials from.
fn reachable(listens: &str, from: Option<IpAddr>) -> String {
    match (listens.parse::<SocketAddr>(), from) {
        (Ok(address), Some(from)) if address.ip().is_unspecified() => SocketAddr::new(from, address.port()).to_string(),
        _ => listens.to_owned(),
    }
}

/// One agent's session, from hello to the end of the stream.
struct Session {
    fleet: Fleet,
    certificate: Option<Vec<u8>>,
    /// Where the agent dials from.
    from: Option<IpAddr>,
    stream: mpsc::Sender<Result<pb::CoordinatorMessage, Status>>,
    shutdown: CancellationToken,
    /// Whoever decodes what an agent measured holds a permit until the attempt has it.
    decoding: Arc<Semaphore>,
}

/// Why a session ended.
enum Parted {
    /// The agent's side ended, with these words.
    Lost(String),
    /// This side ended it.
    Ended,
}

impl Session {
    async fn run(self, mut incoming: Streaming<pb::AgentMessage>) {
        let hello = match self.hello(&mut incoming).await {
            Ok(hello) => Hello {
                metrics_address: reachable(&hello.metrics_address, self.from),
                ..hello
            },
            Err(reason) => {
                tracing::warn!(reason, "an agent was refused");
                self.send(CoordinatorMessage::Rejected { reason }).await;
                return;
            }
        };
        let span = logs::agent(&hello.name);
        self.stay(hello, incoming).instrument(span).await;
    }

    async fn stay(&self, hello: Hello, incoming: Streaming<pb::AgentMessage>) {
        let (name, instance) = (hello.name.clone(), hello.instance);
        let joined = self.fleet.join(hello).await;
        tracing::info!("joined");
        self.send(CoordinatorMessage::Welcome).await;
        match self.serve(&name, joined, incoming).await {
            Parted::Lost(reason) => tracing::warn!(reason, "lost"),
            Parted::Ended => tracing::info!("parted"),
        }
        self.fleet.leave(&name, instance).await;
    }

    async fn hello(&self, incoming: &mut Streaming<pb::AgentMessage>) -> Result<Hello, String> {
        let first = tokio::select! {
            () = self.shutdown.cancelled() => return Err("the coordinator is shutting down".into()),
            first = incoming.next() => first,
        };
        let message = match first {
            Some(Ok(message)) => AgentMessage::try_from(message).map_err(|error| error.to_string())?,
            Some(Err(status)) => return Err(status.message().to_owned()),
            None => return Err("it said nothing".into()),
        };
        let AgentMessage::Hello(hello) = message else {
            return Err("its first word was no hello".into());
        };
        if hello.protocol != PROTOCOL {
            let theirs = hello.protocol;
            return Err(format!(
                "agent {} speaks protocol {theirs}, this coordinator {PROTOCOL}",
                hello.name
            ));
        }
        if let Some(certificate) = &self.certificate {
            tribunal_tls::belongs_to(certificate, &hello.name).map_err(|error| error.to_string())?;
        }
        Ok(*hello)
    }

    async fn serve(&self, name: &AgentName, mut joined: Joined, mut incoming: Streaming<pb::AgentMessage>) -> Parted {
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return Parted::Ended,
                () = joined.part.cancelled() => return Parted::Ended,
                order = joined.outgoing.recv() => match order {
                    Some(order) => self.send(order).await,
                    None => return Parted::Ended,
                },
                message = incoming.next() => {
                    let received_ns = now_ns();
                    let message = match message {
                        Some(Ok(message)) => message,
                        Some(Err(status)) => return Parted::Lost(status.message().to_owned()),
                        None => return Parted::Lost("the stream ended".into()),
                    };
                    let permit = if measured(&message) { self.decoding.acquire().await.ok() } else { None };
                    let before = thread_cpu_ns();
                    match AgentMessage::try_from(message) {
                        Ok(message) => self.hear(name, message, received_ns, thread_cpu_ns() - before).await,
                        Err(error) => return Parted::Lost(format!("it sent nonsense: {error}")),
                    }
                    drop(permit);
                }
            }
        }
    }

    async fn hear(&self, name: &AgentName, message: AgentMessage, received_ns: i64, decoded_ns: i64) {
        let attempt = match &message {
            AgentMessage::Hello(_) => return,
            AgentMessage::ClockPing { sent_ns, clock } => {
                if let Some(clock) = clock {
                    self.fleet.clock(name, *clock);
                }
                let returned_ns = now_ns();
                return self
                    .send(CoordinatorMessage::ClockPong {
                        sent_ns: *sent_ns,
                        received_ns,
                        returned_ns,
                    })
                    .await;
            }
            AgentMessage::Calibrated { id, outcome } => {
                return self.fleet.calibrated(name, *id, outcome.clone());
            }
            AgentMessage::Ready { attempt, .. }
            | AgentMessage::Refused { attempt, .. }
            | AgentMessage::Armed { attempt, .. }
            | AgentMessage::NotStarted { attempt, .. }
            | AgentMessage::Sample { attempt, .. }
            | AgentMessage::WindowOpens { attempt, .. }
            | AgentMessage::WindowResolved { attempt }
            | AgentMessage::Report { attempt, .. }
            | AgentMessage::Stopped { attempt, .. }
            | AgentMessage::ConsumersReady { attempt }
            | AgentMessage::ConsumersReport { attempt, .. }
            | AgentMessage::ConsumersFailed { attempt, .. } => *attempt,
        };
        self.fleet.said(name, attempt, message, decoded_ns).await;
    }

    /// A closed stream shows in the next read.
    async fn send(&self, message: CoordinatorMessage) {
        let _ = self.stream.send(Ok(message.into())).await;
    }
}

/// Whether a message holds distributions.
fn measured(message: &pb::AgentMessage) -> bool {
    use pb::agent_message::Body;
    matches!(
        message.body,
        Some(Body::Sample(_) | Body::Report(_) | Body::ConsumersReport(_))
    )
}
