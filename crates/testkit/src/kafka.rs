//! A real Kafka cluster for integration tests, started and ended by `dev/kafka`.
//!
//! ```no_run
//! use tribunal_testkit::kafka::{Error, Options, RealKafka};
//!
//! fn story() -> Result<(), Error> {
//!     let Some(kafka) = RealKafka::start_if_required(&Options::default())? else { return Ok(()) };
//!     println!("{}", kafka.bootstrap());
//!     kafka.kill(2)
//! }
//! ```

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Output;

use tempfile::TempDir;

use crate::ports;
pub use crate::script::Error;
use crate::script::{Stories, run, script};

/// Whether stories on a real cluster are told.
const STORIES: Stories = Stories {
    variable: "REAL_KAFKA",
    what: "real-cluster stories",
    needs: "Java 17 and Maven",
};

/// Clusters of other processes may take a port between the search for free ones and the start.
const TRIES: u32 = 5;

/// What kind of cluster to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many brokers; they are numbered from 1.
    pub brokers: u16,
    /// Whether clients need TLS and SCRAM-SHA-512.
    pub secure: bool,
    /// Whether brokers tell their metrics over HTTP.
    pub jmx: bool,
    /// The first of `3 * brokers` ports, with `jmx` of `4 * brokers`; free ones are searched for otherwise.
    pub port_base: Option<u16>,
    /// Broker settings beyond those of `dev/kafka`.
    pub settings: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            brokers: 3,
            secure: false,
            jmx: false,
            port_base: None,
            settings: Vec::new(),
        }
    }
}

/// A cluster of real brokers that lasts as long as this value.
///
/// Dropping it ends every process and removes the data. Should the test process die without dropping it, a watcher
/// that the script leaves beside the cluster does the same.
#[derive(Debug)]
pub struct RealKafka {
    bootstrap: String,
    metrics: Vec<String>,
    user: Option<String>,
    brokers: u16,
    state: TempDir,
}

impl RealKafka {
    /// Starts a cluster and returns when an idempotent produce to each of its brokers has succeeded.
    pub fn start(options: &Options) -> Result<Self, Error> {
        let mut tries = if options.port_base.is_some() { 1 } else { TRIES };
        loop {
            tries -= 1;
            match Self::start_once(options) {
                Err(Error::Failed { said, .. }) if 0 < tries && said.contains("is taken; choose others") => {}
                result => return result,
            }
        }
    }

    /// A cluster when `REAL_KAFKA=required`, and otherwise none, which is announced.
    pub fn start_if_required(options: &Options) -> Result<Option<Self>, Error> {
        STORIES.required().then(|| Self::start(options)).transpose()
    }

    fn start_once(options: &Options) -> Result<Self, Error> {
        let base = match options.port_base {
            Some(base) => base,
            None => ports::free((3 + u16::from(options.jmx)) * options.brokers).map_err(Error::Ports)?,
        };
        let mut arguments = vec![
            "--brokers".to_owned(),
            options.brokers.to_string(),
            "--port-base".to_owned(),
            base.to_string(),
            "--owner".to_owned(),
            std::process::id().to_string(),
        ];
        if options.secure {
            arguments.push("--secure".to_owned());
        }
        if options.jmx {
            arguments.push("--jmx".to_owned());
        }
        for (key, value) in &options.settings {
            arguments.extend(["--set".to_owned(), format!("{key}={value}")]);
        }
        let state = tempfile::Builder::new()
            .prefix("tribunal-kafka-")
            .tempdir()
            .map_err(Error::Folder)?;
        // From here on the value exists, so that whatever goes wrong below is cleaned up by its drop.
        let mut kafka = Self {
            bootstrap: String::new(),
            metrics: Vec::new(),
            user: None,
            brokers: options.brokers,
            state,
        };
        let output = kafka.script("up", &arguments)?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = |key: &str| stdout.lines().find_map(|line| line.strip_prefix(key));
        let Some(bootstrap) = told("bootstrap=") else {
            return Err(Error::Failed {
                asked: "dev/kafka up".to_owned(),
                said: stdout,
            });
        };
        bootstrap.clone_into(&mut kafka.bootstrap);
        kafka.metrics = told("metrics=").map_or(Vec::new(), |urls| urls.split(',').map(str::to_owned).collect());
        if options.secure {
            kafka.user = Some(std::fs::read_to_string(kafka.path("user")).map_err(Error::Folder)?);
        }
        Ok(kafka)
    }

    /// Where clients connect: `HOST:PORT,…`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Where each broker tells its metrics, in their order; nothing without `jmx`.
    pub fn metrics(&self) -> &[String] {
        &self.metrics
    }

    /// How many brokers there are; they are numbered from 1.
    pub fn brokers(&self) -> u16 {
        self.brokers
    }

    /// The certificate of the authority that signed the brokers' certificate, in a secure cluster.
    pub fn ca_pem(&self) -> Option<PathBuf> {
        self.user.as_ref().map(|_| self.path("ca.pem"))
    }

    /// The user that clients of a secure cluster log in as.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The file, without a line feed and with mode 600, that holds the password of [`Self::user`].
    pub fn password_file(&self) -> Option<PathBuf> {
        self.user.as_ref().map(|_| self.path("password"))
    }

    /// The properties with which Kafka's own Java clients connect to a secure cluster.
    pub fn client_properties(&self) -> Option<PathBuf> {
        self.user.as_ref().map(|_| self.path("client.properties"))
    }

    /// What broker `b` logged so far.
    pub fn broker_log(&self, b: u16) -> PathBuf {
        self.path(&format!("broker-{b}/broker.log"))
    }

    /// Ends broker `b` at once, as a power cut would.
    pub fn kill(&self, b: u16) -> Result<(), Error> {
        self.script("kill", &[b.to_string()]).map(drop)
    }

    /// Starts a killed broker on its old data, and returns when it is in sync with every leader again.
    pub fn start_broker(&self, b: u16) -> Result<(), Error> {
        self.script("start", &[b.to_string()]).map(drop)
    }

    /// Stops broker `b` in its tracks; its connections stay open.
    pub fn pause(&self, b: u16) -> Result<(), Error> {
        self.script("pause", &[b.to_string()]).map(drop)
    }

    /// Lets a paused broker go on.
    pub fn resume(&self, b: u16) -> Result<(), Error> {
        self.script("resume", &[b.to_string()]).map(drop)
    }

    /// Runs a tool of Kafka: its class, then its arguments, in which `{bootstrap}` stands for an address of the cluster
    /// that needs no login. A tool that exits with another code than 0 is an error.
    pub fn tool(&self, words: &[&str]) -> Result<Output, Error> {
        self.script("tool", words)
    }

    /// Limits what all producers with this `client.id` together may send to each broker.
    pub fn limit_producer(&self, client_id: &str, bytes_per_second: u64) -> Result<(), Error> {
        let quota = format!("producer_byte_rate={bytes_per_second}");
        self.tool(&[
            "kafka.admin.ConfigCommand",
            "--bootstrap-server",
            "{bootstrap}",
            "--alter",
            "--entity-type",
            "clients",
            "--entity-name",
            client_id,
            "--add-config",
            &quota,
        ])
        .map(drop)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.state.path().join(name)
    }

    /// Runs a verb of `dev/kafka` on this cluster.
    fn script<S: AsRef<OsStr>>(&self, verb: &str, arguments: &[S]) -> Result<Output, Error> {
        let mut words = vec![OsStr::new(verb), OsStr::new("--dir"), self.state.path().as_os_str()];
        words.extend(arguments.iter().map(AsRef::as_ref));
        run(script("dev/kafka").args(words))
    }
}

impl Drop for RealKafka {
    fn drop(&mut self) {
        if let Err(error) = self.script::<&str>("down", &[]) {
            let _ = io::stderr().write_all(format!("\na cluster was left behind: {error}\n").as_bytes());
        }
    }
}
