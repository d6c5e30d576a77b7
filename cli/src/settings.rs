//! Configuration of the programs: default < file < environment < flag, each value with its origin.
//!
//! Values are text in every source and get their meaning here, so that an error can say where the text came from. The
//! plan is no part of this: the environment never changes a plan.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use figment::providers::{Format, Serialized, Toml};
use figment::{Figment, Metadata, Profile, Provider};
use tribunal_model::consumers::Role;
use tribunal_model::ids::AgentName;
use tribunal_telemetry::logs::LogFormat;
use tribunal_tls::{Files, Identity, InvalidIdentity, Plaintext, Security};

use self::error::{explain, origin, told};
use self::sources::{Layer, Raw, defaults, variables};

mod error;
mod sources;
#[cfg(test)]
mod tests;

pub(crate) use self::error::{Error, Origin};
pub(crate) use self::sources::{AgentFlags, ClientFlags, CoordinatorFlags, Flags, LogFlags, TlsFlags};

/// Where a coordinator listens when nothing else is said.
pub(crate) const COORDINATOR: &str = "http://127.0.0.1:7651";

const ENVIRONMENT: &str = "environment";
const FLAG: &str = "flag";
const OFF: &str = "off";

/// Every key, with the flag that sets it.
const KEYS: [(&str, &str); 15] = [
    ("log.format", "--log-format"),
    ("log.level", "--log-level"),
    ("coordinator.listen", "--listen"),
    ("coordinator.http", "--http"),
    ("coordinator.store", "--store"),
    ("agent.coordinator", "--coordinator"),
    ("agent.name", "--name"),
    ("agent.metrics", "--metrics"),
    ("agent.drivers", "--drivers"),
    ("agent.role", "--role"),
    ("client.coordinator", "--coordinator"),
    ("tls.ca", "--tls-ca"),
    ("tls.certificate", "--tls-certificate"),
    ("tls.key", "--tls-key"),
    ("tls.plaintext_network", "--allow-plaintext-network"),
];

/// The configuration with its meaning.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) log: Log,
    pub(crate) coordinator: Coordinator,
    pub(crate) agent: Agent,
    pub(crate) client: Client,
    pub(crate) tls: Tls,
    /// Key, text and origin of every value.
    explained: Vec<(&'static str, String, Origin)>,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

/// Settings of the coordinator.
#[derive(Clone, Debug)]
pub(crate) struct Coordinator {
    pub(crate) listen: SocketAddr,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) store: PathBuf,
}

/// Settings of an agent.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) coordinator: String,
    pub(crate) name: AgentName,
    pub(crate) metrics: Option<SocketAddr>,
    /// The folder of the drivers of client libraries.
    pub(crate) drivers: PathBuf,
    pub(crate) role: Role,
}

/// Settings of verbs that dial a coordinator.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) coordinator: Option<String>,
}

/// Certificates, and where there may be none.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) files: Option<Files>,
    pub(crate) plaintext: Plaintext,
}

impl Tls {
    /// Reads and checks the certificates, where there are any.
    pub(crate) fn security(&self) -> Result<Security, InvalidIdentity> {
        let identity = self.files.clone().map(Identity::load).transpose()?;
        Ok(Security::new(identity, self.plaintext))
    }
}

impl Settings {
    /// Reads all sources.
    pub(crate) fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: Flags,
    ) -> Result<Self, Error> {
        let environment: BTreeMap<String, String> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .collect();
        let mut figment = Figment::from(Serialized::from(defaults(&environment), Profile::Default));
        if let Some(path) = file {
            // Read here, so that a missing file is an error with its cause.
            std::fs::read_to_string(path).map_err(|source| Error::Read {
                path: path.to_owned(),
                source,
            })?;
            figment = figment.merge(Toml::file_exact(path));
        }
        figment = figment.merge(Layer {
            metadata: Metadata::named(ENVIRONMENT),
            values: variables(&environment)?,
        });
        let flags = Serialized::from(flags, Profile::Default).data().unwrap_or_default();
        let mut values = flags.into_values().next().unwrap_or_default();
        // A section without flags must not go over anything.
        values.retain(|_, section| section.as_dict().is_some_and(|flags| !flags.is_empty()));
        figment = figment.merge(Layer {
            metadata: Metadata::named(FLAG),
            values,
        });
        for section in ["log", "coordinator", "agent", "client", "tls"] {
            let value = figment.find_value(section).map_err(|error| explain(&error, file))?;
            if value.as_dict().is_none() {
                return Err(Error::Value {
                    origin: origin(figment.get_metadata(value.tag()), section),
                    key: section.to_owned(),
                    expected: "a section".to_owned(),
                    found: told(&value.to_actual()),
                });
            }
        }
        let raw: Raw = figment.extract().map_err(|error| explain(&error, file))?;
        Self::resolve(&raw, &figment)
    }

    fn resolve(raw: &Raw, figment: &Figment) -> Result<Self, Error> {
        let texts = [
            &raw.log.format,
            &raw.log.level,
            &raw.coordinator.listen,
            &raw.coordinator.http,
            &raw.coordinator.store,
            &raw.agent.coordinator,
            &raw.agent.name,
            &raw.agent.metrics,
            &raw.agent.drivers,
            &raw.agent.role,
            &raw.client.coordinator,
            &raw.tls.ca,
            &raw.tls.certificate,
            &raw.tls.key,
            &raw.tls.plaintext_network,
        ];
        let explained: Vec<_> = KEYS
            .iter()
            .zip(texts)
            .map(|((key, _), text)| (*key, text.clone(), origin(figment.find_metadata(key), key)))
            .collect();
        let meant = Meant(&explained);
        let format = meant.value("log.format", "text or json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        })?;
        let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        let name = "1 to 64 letters, digits, \".\", \"_\" or \"-\", the first a letter or digit";
        Ok(Self {
            log: Log {
                format,
                level: raw.log.level.clone(),
            },
            coordinator: Coordinator {
                listen: meant.value("coordinator.listen", ADDRESS, address)?,
                http: meant.unless("coordinator.http", OFF, ADDRESS_OR_OFF, address)?,
                store: meant.value("coordinator.store", "a folder", path)?,
            },
            agent: Agent {
                coordinator: meant.value("agent.coordinator", URL, url)?,
                name: meant.value("agent.name", name, |text| AgentName::new(text).ok())?,
                metrics: meant.unless("agent.metrics", OFF, ADDRESS_OR_OFF, address)?,
                drivers: meant.value("agent.drivers", "a folder", path)?,
                role: meant.value("agent.role", "any, producer or consumer", |text| text.parse().ok())?,
            },
            client: Client {
                coordinator: meant.unless("client.coordinator", "", URL, url)?,
            },
            tls: Tls {
                files: meant.files()?,
                plaintext: meant.value("tls.plaintext_network", "refuse or allow", |text| match text {
                    "refuse" => Some(Plaintext::Loopback),
                    "allow" => Some(Plaintext::Network),
                    _ => None,
                })?,
            },
            explained,
        })
    }

    /// The coordinator to dial when a verb needs one.
    pub(crate) fn dial(&self) -> &str {
        self.client.coordinator.as_deref().unwrap_or(COORDINATOR)
    }

    /// Every value with its origin, as a configuration file.
    pub(crate) fn explained(&self) -> String {
        let (mut lines, mut section) = (Vec::new(), "");
        for (key, value, origin) in &self.explained {
            let (of, name) = key.split_once('.').unwrap_or(("", key));
            if of != section {
                if !section.is_empty() {
                    lines.push(String::new());
                }
                lines.push(format!("[{of}]"));
                section = of;
            }
            let line = if value.is_empty() {
                format!("# {name} is not set")
            } else {
                // JSON's text is TOML's.
                format!("{name} = {}", serde_json::Value::from(value.as_str()))
            };
            lines.push(format!("{line:<48}  # {origin}"));
        }
        lines.join("\n") + "\n"
    }
}

const ADDRESS: &str = "an address such as \"127.0.0.1:7651\"";
const ADDRESS_OR_OFF: &str = "an address such as \"127.0.0.1:7652\", or \"off\"";
const URL: &str = "a coordinator's address such as \"http://127.0.0.1:7651\"";

struct Meant<'e>(&'e [(&'static str, String, Origin)]);

impl Meant<'_> {
    /// As [`Self::value`], or nothing where the text is `nothing`.
    fn unless<T>(
        &self,
        key: &str,
        nothing: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let absent = self.0.iter().any(|(known, text, _)| *known == key && text == nothing);
        if absent {
            Ok(None)
        } else {
            self.value(key, expected, read).map(Some)
        }
    }

    /// All three files of TLS, or none.
    fn files(&self) -> Result<Option<Files>, Error> {
        let file = |key| self.unless(key, "", "a file", |text| Some(PathBuf::from(text)));
        let [ca, certificate, key] = [file("tls.ca")?, file("tls.certificate")?, file("tls.key")?];
        if let (Some(ca), Some(certificate), Some(key)) = (&ca, &certificate, &key) {
            let (ca, certificate, key) = (ca.clone(), certificate.clone(), key.clone());
            return Ok(Some(Files { ca, certificate, key }));
        }
        let named = [("tls.ca", ca), ("tls.certificate", certificate), ("tls.key", key)];
        let Some((set, _)) = named.iter().find(|(_, file)| file.is_some()) else {
            return Ok(None);
        };
        let known = self.0.iter().find(|(known, ..)| known == set);
        Err(Error::Partial {
            origin: known.map_or(Origin::Default, |(.., origin)| origin.clone()),
            set,
            missing: named
                .iter()
                .filter(|(_, file)| file.is_none())
                .map(|(key, _)| *key)
                .collect(),
        })
    }

    fn value<T>(&self, key: &str, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        let (_, text, origin) = self
            .0
            .iter()
            .find(|(known, ..)| *known == key)
            .expect("invariant: KEYS has every key");
        read(text).ok_or_else(|| Error::Value {
            origin: origin.clone(),
            key: key.to_owned(),
            expected: expected.to_owned(),
            found: format!("{text:?}"),
        })
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| text.to_socket_addrs().ok()?.next())
}

fn url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let rest = rest.trim_end_matches('/');
    let (host, port) = rest.rsplit_once(':')?;
    let legal = matches!(scheme, "http" | "https")
        && !host.is_empty()
        && port.parse::<u16>().is_ok()
        && !rest.contains(['/', ' ', '?', '#']);
    legal.then(|| format!("{scheme}://{rest}"))
}

/// The environment variable of a key.
fn variable(key: &str) -> String {
    format!("TRIBUNAL_{}", key.replace('.', "__").to_uppercase())
}
