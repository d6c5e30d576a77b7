//! What can be wrong with the configuration, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use figment::Metadata;
use figment::error::{Actual, Kind};

use super::{ENVIRONMENT, FLAG, KEYS, variable};

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
    /// Some of the files of TLS, and not all.
    #[error("{origin}: {set} needs {} as well", missing.join(" and "))]
    Partial {
        /// Where the one that is set comes from.
        origin: Origin,
        /// It.
        set: &'static str,
        /// Those that are not.
        missing: Vec<&'static str>,
    },
}

pub(super) fn origin(metadata: Option<&Metadata>, key: &str) -> Origin {
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
pub(super) fn explain(error: &figment::Error, file: Option<&Path>) -> Error {
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
        Kind::InvalidType(found, _) => Error::Value {
            origin,
            key: path,
            expected: "text in quotes".to_owned(),
            found: told(found),
        },
        kind => Error::Syntax {
            path: file.map(Path::to_owned).unwrap_or_default(),
            problem: kind.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
        },
    }
}

pub(super) fn told(found: &Actual) -> String {
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
pub(super) fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let near = names
        .map(|name| (strsim::damerau_levenshtein(text, name), name))
        .min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .map(|(_, name)| name)
}
