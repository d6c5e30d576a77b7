//! The coordinator as a program: its listeners, its store and its tasks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::response::IntoResponse;
use axum::routing::get;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tribunal_proto::control::AgentRow;
use tribunal_telemetry::coordinator::CoordinatorMetrics;
use tribunal_telemetry::http;
use tribunal_tls::{Acceptor, Insecure, Listener, Security, is_loopback};

use crate::control::Control;
use crate::docket::Docket;
use crate::fleet::Fleet;
use crate::session::Sessions;
use crate::store::{self, Store};

/// How often silent connections are asked whether they are alive, and how long they may take to answer.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// How long tasks may take to end after the listeners have closed.
const GRACE: Duration = Duration::from_secs(5);

/// How a coordinator is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where agents and command lines dial in.
    pub listen: SocketAddr,
    /// Where `/metrics` and `/targets` are served, if anywhere.
    pub http: Option<SocketAddr>,
    /// The folder that holds the experiments' folders.
    pub store: PathBuf,
    /// How agents, command lines and scrapers are let in.
    pub security: Security,
    /// The program that is started as `PROGRAM mock …` for plans with `bootstrap = "mock"`: this binary.
    pub mock_program: PathBuf,
}

/// A coordinator whose listeners are bound.
#[derive(Debug)]
pub struct Coordinator {
    listener: TcpListener,
    acceptor: Option<Acceptor>,
    address: SocketAddr,
    http: Option<http::Bound>,
    fleet: Fleet,
    docket: Docket,
    metrics: Arc<CoordinatorMetrics>,
    /// Held as long as the coordinator lives: the store is its alone.
    _lock: std::fs::File,
}

/// Why a coordinator cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address cannot be listened on.
    #[error("{address} cannot be listened on")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// HTTP cannot be served.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The address is for certificates only, and there are none.
    #[error(transparent)]
    Insecure(#[from] Insecure),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The gRPC server failed.
    #[error("the gRPC server failed")]
    Serve(#[source] tonic::transport::Error),
}

/// Lets this process have as many files open as it may: each agent is a connection, and a service is usually given 1,024.
fn allow_files() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, all) {
        tracing::warn!(%error, "the limit of open files stays as it is; it bounds the number of agents");
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl Coordinator {
    /// Binds the listeners and takes the store, interrupted experiments included.
    pub async fn bind(options: Options) -> Result<Self, Error> {
        allow_files();
        // Before anything is opened.
        let acceptor = options.security.grpc(options.listen)?;
        if let Some(address) = options.http {
            options.security.http(address)?;
        }
        let store = Store::open(&options.store);
        let lock = store.take()?;
        let (listener, address) = listen(options.listen).await?;
        let http = match options.http {
            Some(address) => Some(http::bind(address, &options.security).await?),
            None => None,
        };
        let metrics = Arc::new(CoordinatorMetrics::new());
        metrics.build(env!("CARGO_PKG_VERSION"), &tribunal_kafka::versions().librdkafka);
        let fleet = Fleet::new(metrics.clone());
        let docket = Docket::take_over(store, fleet.clone(), options.mock_program, metrics.clone())?;
        Ok(Self {
            listener,
            acceptor,
            address,
            http,
            fleet,
            docket,
            metrics,
            _lock: lock,
        })
    }

    /// Where it listens; the port is the real one when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves HTTP.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(http::Bound::address)
    }

    /// Works until `shutdown` is cancelled; the running experiment is interrupted then, its topics deleted, its reports saved.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let tasks = TaskTracker::new();
        // Sessions live until the running experiment has let go of its agents.
        let listeners = CancellationToken::new();
        let sessions = Sessions::new(self.fleet.clone(), tasks.clone(), listeners.clone());
        let control = Control {
            docket: self.docket.clone(),
            fleet: self.fleet.clone(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        };
        let server = Server::builder()
            .http2_keepalive_interval(Some(KEEP_ALIVE))
            .http2_keepalive_timeout(Some(KEEP_ALIVE))
            .add_service(sessions.into_service())
            .add_service(control.into_service());
        let secured = self.acceptor.is_some();
        let closed = listeners.clone().cancelled_owned();
        let server: Pin<Box<dyn Future<Output = _> + Send>> = match self.acceptor {
            None => {
                let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
                Box::pin(server.serve_with_incoming_shutdown(incoming, closed))
            }
            Some(acceptor) => {
                let (accepted, incoming) = mpsc::channel(1);
                tasks.spawn(pass_on(acceptor.listen(self.listener), accepted, listeners.clone()));
                Box::pin(server.serve_with_incoming_shutdown(ReceiverStream::new(incoming), closed))
            }
        };
        if let Some(bound) = self.http {
            let targets = Router::new().route("/targets", get(targets)).with_state(Targets {
                fleet: self.fleet.clone(),
                secured,
                own: bound.address(),
            });
            let routes = http::metrics(self.metrics.registry()).merge(targets);
            let ended = listeners.clone().cancelled_owned();
            tasks.spawn(async move {
                if let Err(error) = http::serve(bound, routes, ended).await {
                    tracing::error!(%error, "the HTTP server failed");
                }
            });
        }
        let docket = tasks.spawn(self.docket.run(shutdown.clone()));
        tracing::info!(address = %self.address, "coordinator listens");
        let mut server = std::pin::pin!(server);
        let outcome = tokio::select! {
            outcome = &mut server => outcome,
            () = async {
                shutdown.cancelled().await;
                // The docket ends when the running experiment has been brought to its end.
                let _ = docket.await;
            } => {
                listeners.cancel();
                tokio::time::timeout(GRACE, &mut server).await.unwrap_or(Ok(()))
            }
        };
        listeners.cancel();
        tasks.close();
        if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        outcome.map_err(Error::Serve)
    }
}

/// Hands connections to the gRPC server until that ends.
async fn pass_on(
    mut listener: Listener,
    accepted: mpsc::Sender<std::io::Result<TlsStream<TcpStream>>>,
    end: CancellationToken,
) {
    loop {
        let (stream, _) = tokio::select! {
            () = end.cancelled() => return,
            next = listener.accept() => next,
        };
        if accepted.send(Ok(stream)).await.is_err() {
            return;
        }
    }
}

/// What metrics are found with.
#[derive(Clone)]
struct Targets {
    fleet: Fleet,
    /// Whether everybody has certificates, and so wants them from scrapers on other hosts.
    secured: bool,
    /// Where this is answered.
    own: SocketAddr,
}

/// Where Prometheus finds the agents and this coordinator: its HTTP service discovery format.
async fn targets(State(targets): State<Targets>, asked: HeaderMap) -> impl IntoResponse {
    let group = |target: &str, listens: SocketAddr, labels: &[(&str, &str)]| {
        let mut all: BTreeMap<&str, &str> = labels.iter().copied().collect();
        if targets.secured && !is_loopback(listens.ip()) {
            all.insert("__scheme__", "https");
        }
        serde_json::json!({ "targets": [target], "labels": all })
    };
    // By the name that whoever asks has for this coordinator.
    let name = asked.get(HOST).and_then(|host| host.to_str().ok());
    let own = name.map(|name| group(name, targets.own, &[("job", "tribunal-coordinator")]));
    let agent = |row: &AgentRow| {
        let listens = row.metrics_address.parse().ok()?;
        let labels = [("job", "tribunal-agent"), ("agent", row.name.as_str())];
        Some(group(&row.metrics_address, listens, &labels))
    };
    let rows = targets.fleet.rows();
    let groups: Vec<serde_json::Value> = own.into_iter().chain(rows.iter().filter_map(agent)).collect();
    (
        [(CONTENT_TYPE, "application/json")],
        serde_json::Value::Array(groups).to_string(),
    )
}
