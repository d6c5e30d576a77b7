//! `--local`: a coordinator and agents on this host, as child processes of this command.
//!
//! A child ends when the pipe to its standard input closes, so none outlives the command, however that ends. Children
//! have a process group of their own: Ctrl-C in a terminal is for the command, which cancels the experiment first.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tribunal_coordinator::client::Client;
use tribunal_tls::Security;

use crate::exit::LocalFailed;
use crate::selftest;
use crate::terminal;

/// A process on this host says within this that it listens, and dials within it.
const START: Duration = Duration::from_secs(20);
/// How long agents have to end once they are told to: they purge and close their clients.
const STOP_AGENT: Duration = Duration::from_secs(10);
/// How long the coordinator has: it saves, and removes the running trial's topics.
const STOP_COORDINATOR: Duration = Duration::from_secs(15);
/// How much of a failed process's log is shown.
const LAST_LINES: usize = 15;

/// A coordinator and its agents.
#[derive(Debug)]
pub(crate) struct Local {
    coordinator: Service,
    agents: Vec<Service>,
    url: String,
    logs: PathBuf,
    /// The certificate of this host's self-test, if there is one.
    certificate: PathBuf,
    /// The agents' folder of drivers.
    drivers: PathBuf,
}

#[derive(Debug)]
struct Service {
    name: String,
    child: Child,
    /// Closing it ends the process.
    lifeline: Option<ChildStdin>,
    log: PathBuf,
}

impl Local {
    /// Starts all processes and waits until the agents are connected.
    ///
    /// Their logs are in `STORE/local/PID` as long as they run, and stay there when one fails.
    pub(crate) async fn start(store: &Path, drivers: &Path, agents: u32) -> anyhow::Result<Self> {
        let logs = store.join("local").join(std::process::id().to_string());
        std::fs::create_dir_all(&logs)
            .map_err(|error| crate::exit::Usage(format!("{} cannot be made: {error}", logs.display())))?;
        sweep(store);
        let mut command = command()?;
        command
            .args([
                "coordinator",
                "--listen",
                "127.0.0.1:0",
                "--http",
                "off",
                "--announce",
                "--store",
            ])
            .arg(store);
        command.stdout(Stdio::piped());
        let mut coordinator = Service::spawn("coordinator", &logs, command)?;
        let Some(address) = timeout(START, coordinator.announced()).await.ok().flatten() else {
            return Err(coordinator.failed("did not start").await);
        };
        let url = format!("http://{address}");
        let mut local = Self {
            coordinator,
            agents: Vec::new(),
            url,
            logs,
            certificate: selftest::path(store),
            drivers: drivers.to_owned(),
        };
        for number in 1..=agents {
            let started = local.start_agent(number);
            if let Err(error) = started {
                local.stop().await;
                return Err(error);
            }
        }
        match local.connected(agents).await {
            Ok(()) => Ok(local),
            Err(error) => {
                local.stop().await;
                Err(error)
            }
        }
    }

    /// Where the coordinator listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn start_agent(&mut self, number: u32) -> anyhow::Result<()> {
        let name = name(number);
        let mut command = command()?;
        command.args([
            "agent",
            "--coordinator",
            &self.url,
            "--name",
            &name,
            "--metrics",
            "127.0.0.1:0",
            "--certificate",
        ]);
        command.arg(&self.certificate).arg("--drivers").arg(&self.drivers);
        command.stdout(Stdio::null());
        self.agents.push(Service::spawn(&name, &self.logs, command)?);
        Ok(())
    }

    /// Waits until all agents are connected, or one process has ended.
    async fn connected(&mut self, agents: u32) -> anyhow::Result<()> {
        let deadline = Instant::now() + START;
        let client = Client::connect(&self.url, &Security::default(), START).await?;
        let mut look = interval(Duration::from_millis(25));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let rows = timeout_at(deadline, client.agents()).await;
            match rows {
                Ok(Ok(rows)) if rows.len() >= agents as usize => return Ok(()),
                Ok(Ok(_)) if Instant::now() < deadline => {}
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok(_)) | Err(_) => {
                    return Err(LocalFailed(format!("not all of {agents} agents connected within {START:?}")).into());
                }
            }
            if let Some(error) = self.ended().await {
                return Err(error);
            }
        }
    }

    /// The error that a process has ended by itself, if one has.
    pub(crate) async fn ended(&mut self) -> Option<anyhow::Error> {
        for service in std::iter::once(&mut self.coordinator).chain(&mut self.agents) {
            if let Ok(Some(status)) = service.child.try_wait() {
                return Some(service.failed(&format!("ended with {status}")).await);
            }
        }
        None
    }

    /// Ends all processes, agents first, and waits for them; what does not end in time is killed.
    pub(crate) async fn stop(self) {
        let failed = self.stop_within(STOP_AGENT, STOP_COORDINATOR).await;
        for line in failed {
            terminal::say(&line);
        }
    }

    /// As [`Self::stop`], in a hurry.
    pub(crate) async fn abandon(self) {
        self.stop_within(Duration::from_secs(1), Duration::from_secs(2)).await;
    }

    async fn stop_within(mut self, agent: Duration, coordinator: Duration) -> Vec<String> {
        for service in &mut self.agents {
            service.lifeline = None;
        }
        let deadline = Instant::now() + agent;
        let mut failed = Vec::new();
        for service in &mut self.agents {
            failed.extend(service.wait(deadline).await);
        }
        self.coordinator.lifeline = None;
        failed.extend(self.coordinator.wait(Instant::now() + coordinator).await);
        if failed.is_empty() {
            // A log that cannot be removed does no harm; `local` itself stays while another command uses it.
            let _ = std::fs::remove_dir_all(&self.logs);
            let _ = self.logs.parent().map(std::fs::remove_dir);
        }
        failed
    }
}

/// Removes the logs of commands that were killed: of processes that are no more.
fn sweep(store: &Path) {
    for entry in std::fs::read_dir(store.join("local")).into_iter().flatten().flatten() {
        let id = entry.file_name();
        let is_id = id.to_string_lossy().parse::<u32>().is_ok();
        if is_id && !Path::new("/proc").join(&id).exists() {
            // It does no harm where it stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The name of a local agent.
pub(crate) fn name(number: u32) -> String {
    format!("local-{number}")
}

fn command() -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("this program does not find itself")?;
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).process_group(0).kill_on_drop(true);
    // Flags say everything that matters; the rest is for programs that people start.
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("TRIBUNAL_")) {
        command.env_remove(name);
    }
    Ok(command)
}

impl Service {
    fn spawn(name: &str, logs: &Path, mut command: Command) -> anyhow::Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        command.arg("--while-stdin-open").stderr(file);
        let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let lifeline = child.stdin.take();
        Ok(Self {
            name: name.to_owned(),
            child,
            lifeline,
            log,
        })
    }

    /// The address in the line `listening=HOST:PORT`.
    async fn announced(&mut self) -> Option<SocketAddr> {
        let mut lines = BufReader::new(self.child.stdout.take()?).lines();
        let line = lines.next_line().await.ok()??;
        line.strip_prefix("listening=")?.parse().ok()
    }

    /// Waits for the process; the line to be told when it has to be killed.
    async fn wait(&mut self, deadline: Instant) -> Option<String> {
        if timeout_at(deadline, self.child.wait()).await.is_ok() {
            return None;
        }
        // Nothing is left to do when even this fails.
        let _ = self.child.kill().await;
        Some(format!(
            "{} did not end in time and was killed; its log is {}",
            self.name,
            self.log.display()
        ))
    }

    /// Ends the process; the error says what it did wrong and shows its last words.
    async fn failed(&mut self, what: &str) -> anyhow::Error {
        self.lifeline = None;
        self.wait(Instant::now() + Duration::from_secs(1)).await;
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n  ");
        let last = if last.is_empty() {
            "it said nothing".to_owned()
        } else {
            format!("it said:\n  {last}")
        };
        LocalFailed(format!("the local {} {what}; {last}", self.name)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(script: &str, logs: &Path) -> Service {
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        Service::spawn("helper", logs, command).unwrap()
    }

    #[tokio::test]
    async fn a_child_announces_itself_and_ends_with_its_pipe() {
        let logs = tempfile::tempdir().unwrap();
        let mut service = service("echo listening=127.0.0.1:9; cat >/dev/null", logs.path());
        assert_eq!(service.announced().await, Some(SocketAddr::from(([127, 0, 0, 1], 9))));
        service.lifeline = None;
        assert_eq!(service.wait(Instant::now() + Duration::from_secs(10)).await, None);
    }

    #[tokio::test]
    async fn the_last_words_of_a_child_that_fails_are_in_the_error() {
        let logs = tempfile::tempdir().unwrap();
        let mut service = service("echo 'error: no store' >&2; exit 2", logs.path());
        assert_eq!(service.announced().await, None);
        let error = service.failed("did not start").await.to_string();
        assert_eq!(error, "the local helper did not start; it said:\n  error: no store");
    }

    #[tokio::test]
    async fn a_child_that_does_not_end_is_killed() {
        let logs = tempfile::tempdir().unwrap();
        let mut service = service("exec sleep 600", logs.path());
        service.lifeline = None;
        let told = service.wait(Instant::now() + Duration::from_millis(50)).await.unwrap();
        assert!(told.contains("was killed"), "{told}");
        assert!(service.child.try_wait().unwrap().is_some());
    }
}
