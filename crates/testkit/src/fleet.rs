//! A fleet of scripted agents: they speak the protocol of real ones over gRPC, and send nothing to any cluster.
//!
//! They keep the barrier, the clock's exchanges, the sample grid and the report as an agent does, so that a coordinator can
//! be tried with far more agents than a host bears. What they say they measured was drawn once, and counts no record
//! that any cluster holds: an audit misses all of them. They belong on the coordinator's host, and are named as what they
//! are: `scripted-NNNN`, of a build that is scripted.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use tribunal_model::ids::AgentName;
use tribunal_proto::pb;
use tribunal_stats::facts::HostFacts;

mod agent;
mod load;
mod script;

use agent::{Agent, Ended};
use script::Script;

/// As real agents: how long a new connection may take, and how often it is asked whether it lives.
const CONNECT: Duration = Duration::from_secs(5);
const ALIVE: Duration = Duration::from_secs(1);
/// The pause before the next try to connect.
const PAUSE: Duration = Duration::from_millis(200);

/// How a fleet is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// `http://HOST:PORT` of the coordinator.
    pub coordinator: String,
    /// How many agents.
    pub agents: u32,
    /// The records that each agent acknowledges in each sample.
    pub records: u64,
}

/// Why an agent of the fleet gave up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none.
    #[error("{url} is no address")]
    Address {
        /// As given.
        url: String,
    },
    /// The coordinator will not have it.
    #[error("agent {agent} was rejected: {reason}")]
    Rejected {
        /// Which.
        agent: AgentName,
        /// Why.
        reason: String,
    },
}

/// The name of the agent by its number, from 1.
pub fn name(number: u32) -> AgentName {
    AgentName::new(&format!("scripted-{number:04}")).expect("invariant: letters, digits and a hyphen")
}

/// Lets the agents dial in, again and again as real ones do, until `shutdown`.
pub async fn run(options: Options, shutdown: CancellationToken) -> Result<(), Error> {
    let script = Arc::new(Script::new(options.records));
    let host = host();
    let url = &options.coordinator;
    let endpoint = Endpoint::from_shared(url.clone())
        .map_err(|_| Error::Address { url: url.clone() })?
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(ALIVE)
        .keep_alive_timeout(CONNECT)
        .keep_alive_while_idle(true);
    let mut agents = JoinSet::new();
    for number in 1..=options.agents {
        let agent = Agent::new(u64::from(number), name(number), host.clone(), script.clone());
        agents.spawn(stay(agent, endpoint.clone(), shutdown.clone()));
    }
    while let Some(ended) = agents.join_next().await {
        ended.unwrap_or(Ok(()))?;
    }
    Ok(())
}

/// One agent, session after session.
async fn stay(mut agent: Agent, endpoint: Endpoint, shutdown: CancellationToken) -> Result<(), Error> {
    loop {
        let session = async {
            // A coordinator that cannot be reached is tried again.
            if let Ok(channel) = endpoint.connect().await
                && let Ended::Rejected(reason) = agent.attach(channel).await
            {
                let agent = agent.name().clone();
                return Err(Error::Rejected { agent, reason });
            }
            tokio::time::sleep(PAUSE).await;
            Ok(())
        };
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            ended = session => ended?,
        }
    }
}

fn host() -> HostFacts {
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    HostFacts {
        hostname: "scripted".to_owned(),
        cores: 1,
        boot_id: boot_id.trim().to_owned(),
        ..HostFacts::default()
    }
}
