//! Properties as a client takes them: references to secrets turned into values, on the host that uses them.

use std::fmt;
use std::path::PathBuf;

use tribunal_model::properties::{Properties, Value, is_secret};

/// The least length at which a secret is looked for in texts.
const LEAST: usize = 4;

/// What stands for a secret wherever one would be shown.
pub const MASKED: &str = "[masked]";

/// Properties with their values, secrets in clear. Never to be stored or sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ResolvedProperties(Vec<(String, String)>);

impl ResolvedProperties {
    /// Name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a property.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// What has to be kept out of every text: secrets, apart from those so short that any text holds them.
    pub(crate) fn secrets(&self) -> Secrets {
        let is_shown = |(name, value): &(&str, &str)| !is_secret(name) || value.len() < LEAST;
        Secrets(
            self.iter()
                .filter(|property| !is_shown(property))
                .map(|(_, value)| value.to_owned())
                .collect(),
        )
    }
}

impl FromIterator<(String, String)> for ResolvedProperties {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl fmt::Debug for ResolvedProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, mask(name, value))))
            .finish()
    }
}

/// What librdkafka marks sensitive beside secrets: a plan may hold these, a result does not show them.
const SENSITIVE: [&str; 3] = [
    "sasl.username",
    "ssl.key.location",
    "sasl.oauthbearer.assertion.private.key.file",
];

/// The value as it may be shown.
pub(crate) fn mask<'a>(name: &str, value: &'a str) -> &'a str {
    let shown = value.is_empty() || !(is_secret(name) || SENSITIVE.contains(&name));
    if shown { value } else { MASKED }
}

/// The secrets of a client, so that no text of librdkafka's carries one out.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// The text without them.
    pub(crate) fn scrub(&self, mut text: String) -> String {
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), MASKED);
            }
        }
        text
    }
}

/// Why a reference has no value on this host. Names the reference and never what it stands for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment variable is not set.
    #[error("{property} = {{ env = \"{variable}\" }}: the variable is not set in the environment of this process")]
    NoVariable {
        /// The property.
        property: String,
        /// The variable.
        variable: String,
    },
    /// The file cannot be read.
    #[error("{property} = {{ file = \"{path}\" }}: the file cannot be read on this host")]
    ReadFile {
        /// The property.
        property: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Replaces each reference by what it stands for on this host. `env` looks up a variable of the environment.
pub fn resolve(properties: &Properties, env: &dyn Fn(&str) -> Option<String>) -> Result<ResolvedProperties, Error> {
    let value = |name: &str, value: &Value| match value {
        Value::Text(text) => Ok(text.clone()),
        Value::Env(variable) => env(variable).ok_or_else(|| Error::NoVariable {
            property: name.into(),
            variable: variable.clone(),
        }),
        Value::File(path) => {
            let error = |source| Error::ReadFile {
                property: name.into(),
                path: path.clone(),
                source,
            };
            let mut text = std::fs::read_to_string(path).map_err(error)?;
            if text.ends_with('\n') {
                text.pop();
                if text.ends_with('\r') {
                    text.pop();
                }
            }
            Ok(text)
        }
    };
    properties
        .iter()
        .map(|(name, raw)| Ok((name.to_owned(), value(name, raw)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn properties(value: Value) -> Properties {
        let mut properties = Properties::default();
        properties.set("linger.ms", Value::Text("5".into()));
        properties.set("sasl.password", value);
        properties
    }

    #[test]
    fn references_become_values_and_the_last_line_end_goes() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"hunter2 \r\n").unwrap();
        let resolved = resolve(&properties(Value::File(file.path().into())), &|_| None).unwrap();
        assert_eq!(resolved.get("sasl.password"), Some("hunter2 "));
        let resolved = resolve(&properties(Value::Env("P".into())), &|name| {
            Some(format!("{name}assword!"))
        })
        .unwrap();
        assert_eq!(resolved.get("sasl.password"), Some("Password!"));
        assert_eq!(
            format!("{resolved:?}"),
            r#"{"linger.ms": "5", "sasl.password": "[masked]"}"#
        );
        assert_eq!(
            resolved.secrets().scrub("login with Password! failed".into()),
            "login with [masked] failed"
        );
    }

    #[test]
    fn a_missing_reference_is_named() {
        let error = resolve(&properties(Value::Env("NOT_THERE".into())), &|_| None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "sasl.password = { env = \"NOT_THERE\" }: the variable is not set in the environment of this process"
        );
        let error = resolve(&properties(Value::File("/nonexistent".into())), &|_| None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "sasl.password = { file = \"/nonexistent\" }: the file cannot be read on this host"
        );
    }
}
