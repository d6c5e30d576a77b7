//! Processes of the binary under test, and the clusters that stories share.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::json;
use tribunal_testkit::kafka::{Options, RealKafka};
pub(crate) use tribunal_testkit::process::{Finished, PATIENCE, Process};
use tribunal_testkit::{http, wait};

/// Limits that no noisy machine breaks, for stories that are not about them.
pub(crate) const LOOSE: &str = "[limits]\nstart_skew = \"never\"\nclock_bound = \"never\"\n\
    schedule_delay_p99 = \"never\"\nlate_sends = \"never\"\nhiccup = \"never\"\nrun_queue = \"never\"\n\
    cpu_quota = \"never\"\ncgroup_throttled = \"never\"\nsteal = \"never\"\nreport_lag = \"never\"\n\
    littles_law = \"never\"\n";

/// Stories use processors and clusters one after the other, so that they do not measure each other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The three brokers that plain stories share; they end with this process. `None` when real stories are left out.
pub(crate) fn kafka() -> Option<&'static RealKafka> {
    static KAFKA: LazyLock<Option<RealKafka>> =
        LazyLock::new(|| RealKafka::start_if_required(&Options::default()).expect("real Kafka starts"));
    KAFKA.as_ref()
}

/// Three brokers of a story's own that tell their metrics; they are slower to be warm.
pub(crate) fn kafka_with_metrics() -> Option<RealKafka> {
    let options = Options {
        jmx: true,
        ..Options::default()
    };
    RealKafka::start_if_required(&options).expect("real Kafka starts")
}

/// Names of the topics that Tribunal has made and not deleted.
pub(crate) fn topics_left(kafka: &RealKafka) -> Vec<String> {
    let listed = kafka
        .tool(&[
            "org.apache.kafka.tools.TopicCommand",
            "--bootstrap-server",
            "{bootstrap}",
            "--list",
        ])
        .expect("topics are listed");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    text.lines()
        .filter(|name| name.starts_with("tribunal-"))
        .map(str::to_owned)
        .collect()
}

/// A folder for one story's store, plans and output.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn plan(&self, text: &str) -> PathBuf {
        let path = self.path().join("plan.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    /// The binary under test, with nothing of the caller's environment that it would read.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tribunal"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_CACHE_HOME", self.path().join("cache"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TRIBUNAL_")) {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Process {
        Process::start(self.command(arguments))
    }

    /// What runs a plan with a coordinator and agents of its own.
    pub(crate) fn local(&self, plan: &str, agents: u32) -> Command {
        let plan = self.plan(plan);
        let (store, out) = (self.store(), self.out());
        self.command(&[
            "run",
            plan.to_str().unwrap(),
            "--local",
            &agents.to_string(),
            "--store",
            store.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ])
    }

    /// Runs a plan with a coordinator and agents of its own.
    pub(crate) fn run_local(&self, plan: &str, agents: u32) -> Process {
        Process::start(self.local(plan, agents))
    }

    /// Has a coordinator run a plan.
    pub(crate) fn run_on(&self, coordinator: &Coordinator, plan: &str) -> Process {
        let (plan, out) = (self.plan(plan), self.out());
        let (plan, out) = (plan.to_str().unwrap(), out.to_str().unwrap());
        self.start(&["run", plan, "--coordinator", &coordinator.url, "--out", out])
    }

    /// The report that a run left in its output folder.
    pub(crate) fn report(&self) -> ExperimentReport {
        let text = std::fs::read_to_string(self.out().join("report.json")).expect("a report was written");
        json::read_report(&text).expect("the report can be read")
    }
}

/// A coordinator of a story.
pub(crate) struct Coordinator {
    pub(crate) process: Process,
    /// Where it is dialled, without the scheme.
    pub(crate) place: String,
    pub(crate) url: String,
}

impl Coordinator {
    /// Starts one on a port of its own, or again on `port`.
    pub(crate) fn start(bench: &Bench, port: u16) -> Self {
        Self::start_with(bench, port, &[])
    }

    /// The same with further flags.
    pub(crate) fn start_with(bench: &Bench, port: u16, flags: &[String]) -> Self {
        let store = bench.store();
        let listen = format!("127.0.0.1:{port}");
        let mut command = bench.command(&["coordinator", "--listen", &listen, "--announce", "--store"]);
        command.arg(&store).args(flags);
        if !flags.iter().any(|flag| flag == "--http") {
            command.args(["--http", "off"]);
        }
        let process = Process::start(command);
        let line = process.until("listening=");
        let place = line.strip_prefix("listening=").unwrap().to_owned();
        let url = format!("http://{place}");
        Self { process, place, url }
    }
}

/// An agent of a story, with the port of its metrics.
pub(crate) struct Agent {
    pub(crate) process: Process,
    pub(crate) metrics: u16,
}

impl Agent {
    pub(crate) fn start(bench: &Bench, url: &str, name: &str) -> Self {
        Self::start_with(bench, url, name, &bench.path().join("cache"))
    }

    /// The same with the drivers of this cache.
    pub(crate) fn start_with(bench: &Bench, url: &str, name: &str, cache: &Path) -> Self {
        Self::start_for(bench, url, name, cache, "any")
    }

    /// The same for this role.
    pub(crate) fn start_as(bench: &Bench, url: &str, name: &str, role: &str) -> Self {
        Self::start_for(bench, url, name, &bench.path().join("cache"), role)
    }

    fn start_for(bench: &Bench, url: &str, name: &str, cache: &Path, role: &str) -> Self {
        let metrics = tribunal_testkit::ports::free(1).unwrap();
        let address = format!("127.0.0.1:{metrics}");
        let mut command = bench.command(&["agent", "--coordinator", url, "--name", name, "--metrics", &address]);
        command.args(["--role", role]);
        command.env("XDG_CACHE_HOME", cache);
        let process = Process::start(command);
        Self { process, metrics }
    }

    /// Waits until its producers deliver.
    #[track_caller]
    pub(crate) fn until_delivering(&self) {
        let delivering = || {
            scrape(self.metrics)
                .lines()
                .any(|line| line.starts_with("kafka_producer_message_rate{") && !line.ends_with(" 0"))
        };
        wait::until(PATIENCE, "the agent to deliver", || delivering().then_some(())).unwrap();
    }
}

/// What a metrics endpoint answers; nothing when nobody does.
pub(crate) fn scrape(port: u16) -> String {
    http::get(port, "/metrics").unwrap_or_default()
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files
}
