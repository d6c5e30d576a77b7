//! Where drivers are on this host, and how each is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use tribunal_model::client::Client;

use crate::sources::{Environment, stamp};

/// The file that says from which sources an environment was made.
pub(crate) const STAMP: &str = "made-from";

/// The drivers of a folder: environments that `tribunal drivers install` made, and executables of other drivers.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
    /// The program that drives librdkafka as a child: this one.
    own: PathBuf,
}

/// A driver that cannot be started on this host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// Its environment was never made.
    #[error("the driver of {client} is not installed on this host; run `tribunal drivers install {environment}`")]
    NotInstalled {
        /// The client.
        client: String,
        /// What is to be made.
        environment: &'static str,
    },
    /// Its environment was made by another version.
    #[error(
        "the driver of {client} on this host is of another version of tribunal; run \
         `tribunal drivers install {environment}`"
    )]
    Outdated {
        /// The client.
        client: String,
        /// What is to be made.
        environment: &'static str,
    },
    /// There is no such executable.
    #[error("there is no driver {name:?} on this host; expected an executable file {path}")]
    NoExecutable {
        /// Its name.
        name: String,
        /// Where it would be.
        path: PathBuf,
    },
}

impl Programs {
    /// The drivers of `folder`; `own` is the program that drives librdkafka as a child, with the argument `driver`.
    pub fn new(folder: impl Into<PathBuf>, own: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            own: own.into(),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Client libraries of which there is no driver here, and why.
    pub fn lacking(&self) -> Vec<(String, String)> {
        let why = |client: &Client| self.command(client).err().map(|missing| missing.to_string());
        let clients = Client::KNOWN.iter();
        clients
            .filter_map(|client| Some((client.name(), why(client)?)))
            .collect()
    }

    /// How the driver of a client is started; librdkafka in process has none, and is driven as a child here.
    pub fn command(&self, client: &Client) -> Result<Command, Missing> {
        let environment = match client {
            Client::Librdkafka | Client::LibrdkafkaChild => {
                let mut command = Command::new(&self.own);
                command.arg("driver");
                return Ok(command);
            }
            Client::Custom(name) => {
                let path = self.folder.join(name);
                return if path.is_file() {
                    Ok(Command::new(path))
                } else {
                    let name = name.clone();
                    Err(Missing::NoExecutable { name, path })
                };
            }
            Client::ConfluentKafka | Client::KafkaPython => Environment::Python,
            Client::Java => Environment::Java,
            Client::FranzGo => Environment::Go,
        };
        let folder = self.folder.join(environment.name());
        let made = std::fs::read_to_string(folder.join(STAMP)).ok();
        let client_name = || client.name();
        match made {
            None => Err(Missing::NotInstalled {
                client: client_name(),
                environment: environment.name(),
            }),
            Some(made) if made.trim() != stamp(environment) => Err(Missing::Outdated {
                client: client_name(),
                environment: environment.name(),
            }),
            Some(_) => {
                let mut command = environment.command(&folder);
                if environment == Environment::Python {
                    command.arg(client.name());
                }
                Ok(command)
            }
        }
    }
}
