//! Where values come from: the built-in defaults, the environment, the flags. A file is figment's own business.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Map};
use figment::{Metadata, Profile, Provider};
use serde::{Deserialize, Serialize};
use tribunal_model::consumers::Role;

use super::error::nearest;
use super::{COORDINATOR, Error, KEYS, Origin, variable};

const PREFIX: &str = "TRIBUNAL_";

/// What was written, the defaults included. An empty text is a value that is not set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) log: RawLog,
    pub(super) coordinator: RawCoordinator,
    pub(super) agent: RawAgent,
    pub(super) client: RawClient,
    pub(super) tls: RawTls,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    pub(super) format: String,
    pub(super) level: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCoordinator {
    pub(super) listen: String,
    pub(super) http: String,
    pub(super) store: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAgent {
    pub(super) coordinator: String,
    pub(super) name: String,
    pub(super) metrics: String,
    pub(super) drivers: String,
    pub(super) role: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClient {
    pub(super) coordinator: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    pub(super) ca: String,
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) plaintext_network: String,
}

/// The flags that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Flags {
    pub(crate) log: LogFlags,
    pub(crate) coordinator: CoordinatorFlags,
    pub(crate) agent: AgentFlags,
    pub(crate) client: ClientFlags,
    pub(crate) tls: TlsFlags,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drivers: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
}

/// Flags of verbs that dial a coordinator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ClientFlags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coordinator: Option<String>,
}

/// Flags of the coordinator, of agents, and of verbs that dial a coordinator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TlsFlags {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plaintext_network: Option<String>,
}

/// One of the layers above the defaults; all values are text.
pub(super) struct Layer {
    pub(super) metadata: Metadata,
    pub(super) values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

pub(super) fn defaults(environment: &BTreeMap<String, String>) -> Raw {
    let folder = |name: &str| {
        environment
            .get(name)
            .filter(|path| Path::new(path).is_absolute())
            .map(PathBuf::from)
    };
    let state = folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")));
    let store = state.map_or_else(|| PathBuf::from("tribunal-store"), |state| state.join("tribunal"));
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    let drivers = cache.map_or_else(
        || PathBuf::from("tribunal-drivers"),
        |cache| cache.join("tribunal/drivers"),
    );
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
            drivers: drivers.to_string_lossy().into_owned(),
            role: Role::default().to_string(),
        },
        client: RawClient {
            coordinator: String::new(),
        },
        tls: RawTls {
            ca: String::new(),
            certificate: String::new(),
            key: String::new(),
            plaintext_network: "refuse".into(),
        },
    }
}

/// The host's name in the characters of agents' names.
pub(super) fn legal_name(host: &str) -> String {
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
pub(super) fn variables(environment: &BTreeMap<String, String>) -> Result<Dict, Error> {
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
