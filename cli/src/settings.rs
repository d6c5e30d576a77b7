//! Configuration of the programs: default < file < environment < flag, each value with its origin.
//!
//! Values are text in every source and get their meaning here, so that an error can say where the text came from. The
//! plan is no part of this: the environment never changes a plan.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use crate::logs::LogFormat;
use figment::error::{Actual, Kind};
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map};
use figment::{Figment, Metadata, Profile, Provider};
use serde::{Deserialize, Serialize};
use tribunal_model::ids::AgentName;

#[cfg(test)]
mod tests;

/// Where a coordinator listens when nothing else is said.
pub(crate) const COORDINATOR: &str = "http://127.0.0.1:7651";

const PREFIX: &str = "TRIBUNAL_";
const ENVIRONMENT: &str = "environment";
const FLAG: &str = "flag";
const OFF: &str = "off";

/// Every key, with the flag that sets it.
const KEYS: [(&str, &str); 9] = [
    ("log.format", "--log-format"),
    ("log.level", "--log-level"),
    ("coordinator.listen", "--listen"),
    ("coordinator.http", "--http"),
    ("coordinator.store", "--store"),
    ("agent.coordinator", "--coordinator"),
    ("agent.name", "--name"),
    ("agent.metrics", "--metrics"),
    ("client.coordinator", "--coordinator"),
];

/// What was written, the defaults included. An empty text is a value that is not set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    log: RawLog,
    coordinator: RawCoordinator,
    agent: RawAgent,
    client: RawClient,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLog {
    format: String,
    level: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCoordinator {
    listen: String,
    http: String,
    store: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAgent {
    coordinator: String,
    name: String,
    metrics: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClient {
    coordinator: String,
}

/// The flags that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Flags {
    pub(crate) log: LogFlags,
    pub(crate) coordinator: CoordinatorFlags,
    pub(crate) agent: AgentFlags,
    pub(crate) client: ClientFlags,
}

/// Flags of every verb.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LogFlags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<String>,
}

/// Flags of the coordinator, and of verbs that read its store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct CoordinatorFlags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) store: Option<String>,
}

/// Flags of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AgentFlags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coordinator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<String>,
}

/// Flags of verbs that dial a coordinator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ClientFlags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coordinator: Option<String>,
}

/// The configuration with its meaning.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) log: Log,
    pub(crate) coordinator: Coordinator,
    pub(crate) agent: Agent,
    pub(crate) client: Client,
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
}

/// Settings of verbs that dial a coordinator.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) coordinator: Option<String>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Built in.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// This environment variable.
    Environment(String),
    /// This flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The configuration file cannot be read.
    #[error("configuration file {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration file is not TOML.
    #[error("configuration file {path} is not TOML: {problem}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What and where.
        problem: String,
    },
    /// A key that nobody reads.
    #[error("{origin}: {key} is unknown; {hint}")]
    Unknown {
        /// Where it is.
        origin: Origin,
        /// The key.
        key: String,
        /// What was perhaps meant.
        hint: String,
    },
    /// A value that is not of the right kind.
    #[error("{origin}: {key}: expected {expected}, found {found}")]
    Value {
        /// Where it is.
        origin: Origin,
        /// The key.
        key: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

/// One of the layers above the defaults; all values are text.
struct Layer {
    metadata: Metadata,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
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
        let values = flags.into_values().next().unwrap_or_default();
        figment = figment.merge(Layer {
            metadata: Metadata::named(FLAG),
            values,
        });
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
            &raw.client.coordinator,
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
                http: meant.value("coordinator.http", ADDRESS_OR_OFF, address_or_off)?,
                store: meant.value("coordinator.store", "a folder", path)?,
            },
            agent: Agent {
                coordinator: meant.value("agent.coordinator", URL, url)?,
                name: meant.value("agent.name", name, |text| AgentName::new(text).ok())?,
                metrics: meant.value("agent.metrics", ADDRESS_OR_OFF, address_or_off)?,
            },
            client: Client {
                coordinator: meant.value("client.coordinator", URL, |text| {
                    if text.is_empty() {
                        Some(None)
                    } else {
                        url(text).map(Some)
                    }
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
        let (mut text, mut section) = (String::new(), "");
        for (key, value, origin) in &self.explained {
            let (of, name) = key.split_once('.').unwrap_or(("", key));
            if of != section {
                let gap = if section.is_empty() { "" } else { "\n" };
                text += &format!("{gap}[{of}]\n");
                section = of;
            }
            let line = if value.is_empty() {
                format!("# {name} is not set")
            } else {
                // JSON's text is TOML's.
                format!("{name} = {}", serde_json::Value::from(value.as_str()))
            };
            text += &format!("{line:<48}  # {origin}\n");
        }
        text
    }
}

const ADDRESS: &str = "an address such as \"127.0.0.1:7651\"";
const ADDRESS_OR_OFF: &str = "an address such as \"127.0.0.1:7652\", or \"off\"";
const URL: &str = "a coordinator's address such as \"http://127.0.0.1:7651\"";

struct Meant<'e>(&'e [(&'static str, String, Origin)]);

impl Meant<'_> {
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

fn address_or_off(text: &str) -> Option<Option<SocketAddr>> {
    if text == OFF {
        Some(None)
    } else {
        address(text).map(Some)
    }
}

fn url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("http://")?.trim_end_matches('/');
    let (host, port) = rest.rsplit_once(':')?;
    let legal = !host.is_empty() && port.parse::<u16>().is_ok() && !rest.contains(['/', ' ', '?', '#']);
    legal.then(|| format!("http://{rest}"))
}

fn defaults(environment: &BTreeMap<String, String>) -> Raw {
    let folder = |name: &str| {
        environment
            .get(name)
            .filter(|path| Path::new(path).is_absolute())
            .map(PathBuf::from)
    };
    let state = folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")));
    let store = state.map_or_else(|| PathBuf::from("tribunal-store"), |state| state.join("tribunal"));
    Raw {
        log: RawLog {
            format: "text".into(),
            level: "info".into(),
        },
        coordinator: RawCoordinator {
            listen: "127.0.0.1:7651".into(),
            http: "127.0.0.1:7652".into(),
            store: store.to_string_lossy().into_owned(),
        },
        agent: RawAgent {
            coordinator: COORDINATOR.into(),
            name: legal_name(&std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default()),
            metrics: "127.0.0.1:7653".into(),
        },
        client: RawClient {
            coordinator: String::new(),
        },
    }
}

/// The host's name in the characters of agents' names.
fn legal_name(host: &str) -> String {
    let legal = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
            c
        } else {
            '-'
        }
    };
    let name: String = host.trim().chars().map(legal).take(64).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() {
        "agent".to_owned()
    } else {
        name.to_owned()
    }
}

/// `TRIBUNAL_SECTION__KEY` as a tree.
///
/// Names without the double underscore are nobody's: Kubernetes sets `TRIBUNAL_PORT` and its like in every pod when a
/// service is called tribunal. One that would be ours but for the second underscore is an error all the same.
fn variables(environment: &BTreeMap<String, String>) -> Result<Dict, Error> {
    let mut tree: BTreeMap<String, Dict> = BTreeMap::new();
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let unknown = |key: String, hint: String| Error::Unknown {
            origin: Origin::Environment(name.clone()),
            key,
            hint,
        };
        let Some((section, key)) = rest.split_once("__") else {
            let meant = KEYS
                .iter()
                .find(|(key, _)| key.replace('.', "_").eq_ignore_ascii_case(rest));
            if let Some((key, _)) = meant {
                return Err(unknown(rest.to_lowercase(), format!("did you mean {}?", variable(key))));
            }
            continue;
        };
        let key_of_ours = format!("{section}.{key}").to_lowercase();
        if !KEYS.iter().any(|(known, _)| *known == key_of_ours) {
            let hint = nearest(&key_of_ours, KEYS.iter().map(|(key, _)| *key)).map_or_else(
                || "`tribunal --print-config` shows all settings".to_owned(),
                |near| format!("did you mean {}?", variable(near)),
            );
            return Err(unknown(key_of_ours, hint));
        }
        tree.entry(section.to_lowercase())
            .or_default()
            .insert(key.to_lowercase(), value.as_str().into());
    }
    Ok(tree
        .into_iter()
        .map(|(section, values)| (section, values.into()))
        .collect())
}

/// The environment variable of a key.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

fn origin(metadata: Option<&Metadata>, key: &str) -> Origin {
    let Some(metadata) = metadata else {
        return Origin::Default;
    };
    if let Some(path) = metadata.source.as_ref().and_then(|source| source.file_path()) {
        return Origin::File(path.to_owned());
    }
    match metadata.name.as_ref() {
        ENVIRONMENT => Origin::Environment(variable(key)),
        FLAG => Origin::Flag(
            KEYS.iter()
                .find(|(known, _)| *known == key)
                .map_or("", |(_, flag)| flag),
        ),
        _ => Origin::Default,
    }
}

/// The first of figment's errors, in our words.
fn explain(error: &figment::Error, file: Option<&Path>) -> Error {
    let path = error.path.join(".");
    let origin = origin(error.metadata.as_ref(), &path);
    match &error.kind {
        Kind::UnknownField(name, known) => {
            // figment's path ends at the table or at the key, depending on the depth.
            let key = if error.path.last() == Some(name) {
                path
            } else {
                [path.as_str(), name]
                    .iter()
                    .filter(|part| !part.is_empty())
                    .copied()
                    .collect::<Vec<_>>()
                    .join(".")
            };
            let hint = nearest(name, known.iter().copied()).map_or_else(
                || format!("expected one of {}", known.join(", ")),
                |near| format!("did you mean {near:?}?"),
            );
            Error::Unknown { origin, key, hint }
        }
        Kind::InvalidType(found, _) => {
            let section = !path.contains('.');
            let expected = if section { "a section" } else { "text in quotes" };
            Error::Value {
                origin,
                key: path,
                expected: expected.to_owned(),
                found: told(found),
            }
        }
        kind => Error::Syntax {
            path: file.map(Path::to_owned).unwrap_or_default(),
            problem: kind.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
        },
    }
}

fn told(found: &Actual) -> String {
    match found {
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Str(value) => format!("{value:?}"),
        Actual::Map => "a table".to_owned(),
        Actual::Seq => "a list".to_owned(),
        other => other.to_string(),
    }
}

/// The most similar of a few names, if it is similar enough to have been meant.
fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let near = names
        .map(|name| (strsim::damerau_levenshtein(text, name), name))
        .min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .map(|(_, name)| name)
}
