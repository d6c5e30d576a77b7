//! The verbs `coordinator` and `agent`: programs that run until they are told to end.

use std::io::Read;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tribunal_agent::Agent;
use tribunal_coordinator::service::{Coordinator, Options};
use tribunal_stats::facts::CertificateFacts;

use crate::arguments;
use crate::drivers;
use crate::exit::Exit;
use crate::interrupts::Interrupts;
use crate::selftest;
use crate::settings::Settings;
use crate::supervisor::Supervisor;
use crate::terminal;

/// How long a program has to save and end once it is told to.
const SHUTDOWN: Duration = Duration::from_secs(30);

/// `tribunal coordinator`.
pub(crate) async fn coordinator(verb: &arguments::Coordinator, settings: &Settings) -> anyhow::Result<Exit> {
    let interrupts = Interrupts::take()?;
    let mock_program = std::env::current_exe().context("this program does not find itself")?;
    let wanted = &settings.coordinator;
    let options = Options {
        listen: wanted.listen,
        http: wanted.http,
        security: settings.tls.security()?,
        store: wanted.store.clone(),
        mock_program,
    };
    let coordinator = Coordinator::bind(options).await?;
    let (address, http) = (coordinator.address(), coordinator.http_address());
    if verb.announce {
        terminal::out(&format!("listening={address}\n"));
    }
    let http = http.map_or_else(|| "off".to_owned(), |http| http.to_string());
    tracing::info!(listen = %address, http, store = %wanted.store.display(), "coordinator is up");
    let shutdown = CancellationToken::new();
    let work = coordinator.run(shutdown.clone());
    until_told(work, &shutdown, interrupts, verb.child.while_stdin_open).await
}

/// `tribunal agent`.
pub(crate) async fn agent(verb: &arguments::Agent, settings: &Settings) -> anyhow::Result<Exit> {
    let interrupts = Interrupts::take()?;
    let wanted = &settings.agent;
    let options = tribunal_agent::Options {
        coordinator: wanted.coordinator.clone(),
        name: wanted.name.clone(),
        metrics: wanted.metrics,
        security: settings.tls.security()?,
        certificate: certificate(verb, settings),
        drivers: drivers::programs(settings)?,
        role: wanted.role,
    };
    let agent = Agent::bind(options).await?;
    let metrics = agent
        .metrics_address()
        .map_or_else(|| "off".to_owned(), |metrics| metrics.to_string());
    tracing::info!(name = %wanted.name, coordinator = wanted.coordinator, metrics, "agent is up");
    let shutdown = CancellationToken::new();
    let work = agent.run(shutdown.clone());
    until_told(work, &shutdown, interrupts, verb.child.while_stdin_open).await
}

/// The certificate of this host's self-test, as far as it counts for this build on this host.
fn certificate(verb: &arguments::Agent, settings: &Settings) -> Option<CertificateFacts> {
    let path = verb.certificate.clone();
    let path = path.unwrap_or_else(|| selftest::path(&settings.coordinator.store));
    match tribunal_agent::selftest::certificate::load(&path) {
        Ok(certificate) => Some(certificate.facts()),
        Err(error) => {
            tracing::info!("{error}");
            None
        }
    }
}

/// Lets `work` go on until it ends or is told to. Told twice, or too slow, it is left where it is.
async fn until_told<E>(
    work: impl Future<Output = Result<(), E>>,
    shutdown: &CancellationToken,
    mut interrupts: Interrupts,
    while_stdin_open: bool,
) -> anyhow::Result<Exit>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let mut work = pin!(work);
    let mut supervisor = Supervisor::ready();
    tokio::select! {
        ended = &mut work => {
            ended?;
            return Ok(Exit::Done);
        }
        () = supervisor.alive() => {}
        () = interrupts.next() => tracing::info!("told to end by a signal"),
        () = end_of_input(), if while_stdin_open => tracing::info!("told to end: standard input is closed"),
    }
    Supervisor::stopping();
    shutdown.cancel();
    tokio::select! {
        () = supervisor.alive() => {}
        ended = timeout(SHUTDOWN, &mut work) => {
            let Ok(ended) = ended else {
                tracing::error!("did not end within {SHUTDOWN:?}");
                return Ok(Exit::Defect);
            };
            ended?;
        }
        () = interrupts.next() => {
            tracing::warn!("told to end twice: ends at once");
            return Ok(Exit::Cancelled);
        }
    }
    Ok(Exit::Done)
}

/// Ends when standard input does; what comes before is ignored.
async fn end_of_input() {
    let (ended, end) = oneshot::channel::<()>();
    // A read of standard input cannot be given up, so it has a thread, which nobody waits for.
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut bytes = [0; 64];
        while input.read(&mut bytes).is_ok_and(|read| read > 0) {}
        drop(ended);
    });
    // Its sender says nothing: it goes away.
    let _ = end.await;
}
