//! The agent: a session to the coordinator, one trial at a time, metrics.

mod alone;
mod attempt;
pub mod calibrate;
mod calibrating;
pub mod check;
mod child;
mod consuming;
pub mod doctor;
mod drivers;
#[cfg(test)]
mod fixture;
mod host;
mod load;
mod prepare;
mod primed;
pub mod selftest;
mod session;

use std::net::SocketAddr;

pub use child::drive;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tribunal_driver::Programs;
use tribunal_model::consumers::Role;
use tribunal_model::ids::AgentName;
use tribunal_stats::distribution;
use tribunal_stats::facts::{BuildFacts, CertificateFacts};
use tribunal_telemetry::agent::AgentMetrics;
use tribunal_telemetry::{http, logs};
use tribunal_tls::{Insecure, Security};

use crate::session::Session;

/// How an agent is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The coordinator's address, `http://HOST:PORT` or `https://HOST:PORT`.
    pub coordinator: String,
    /// The agent's name.
    pub name: AgentName,
    /// Where `/metrics` is served, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// How the coordinator is dialled, and scrapers are let in.
    pub security: Security,
    /// The last self-test on this host, if there was one.
    pub certificate: Option<CertificateFacts>,
    /// Where the drivers of other client libraries are.
    pub drivers: Programs,
    /// What it is for.
    pub role: Role,
}

/// An agent whose metrics listener is bound.
#[derive(Debug)]
pub struct Agent {
    options: Options,
    metrics: Option<http::Bound>,
}

/// Why an agent cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] http::Error),
    /// The coordinator's address is none.
    #[error("{url:?} is no coordinator address; expected http://HOST:PORT or https://HOST:PORT")]
    Address {
        /// What was given.
        url: String,
    },
    /// The coordinator may not be dialled like this.
    #[error(transparent)]
    Insecure(#[from] Insecure),
    /// The coordinator will not have this agent.
    #[error("the coordinator refused this agent: {reason}")]
    Rejected {
        /// Why.
        reason: String,
    },
}

impl Agent {
    /// Binds the metrics listener.
    pub async fn bind(options: Options) -> Result<Self, Error> {
        // Before anything is bound.
        options.security.dial(&options.coordinator)?;
        let metrics = match options.metrics {
            Some(address) => Some(http::bind(address, &options.security).await?),
            None => None,
        };
        Ok(Self { options, metrics })
    }

    /// Where it serves metrics; the port is the real one when 0 was asked for.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(http::Bound::address)
    }

    /// Keeps a session to the coordinator, reconnecting, until `shutdown` is cancelled or it is refused.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let build = build();
        let metrics = AgentMetrics::new(&self.options.name, &build);
        let tasks = TaskTracker::new();
        let ended = CancellationToken::new();
        let address = self
            .metrics_address()
            .map(|address| address.to_string())
            .unwrap_or_default();
        if let Some(bound) = self.metrics {
            let (routes, ended) = (http::metrics(metrics.registry()), ended.clone().cancelled_owned());
            tasks.spawn(async move {
                if let Err(error) = http::serve(bound, routes, ended).await {
                    tracing::error!(%error, "the metrics server failed");
                }
            });
        }
        let span = logs::agent(&self.options.name);
        let session = Session::new(&self.options, &metrics, address);
        let run = tracing::Instrument::instrument(session.run(shutdown), span).await;
        ended.cancel();
        tasks.close();
        tasks.wait().await;
        run
    }
}

/// What this build measures with.
pub(crate) fn build() -> BuildFacts {
    BuildFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        librdkafka: tribunal_kafka::versions().librdkafka,
        schedule: tribunal_engine::schedule::FUNCTION.to_owned(),
        histogram: distribution::LAYOUT.to_owned(),
    }
}
