//! Client properties and how secrets among them are referred to.

use std::fmt;
use std::path::PathBuf;

/// Client and producer properties in the order in which they were first set.
///
/// A property set again keeps its place and takes the later value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties(Vec<(String, Value)>);

impl Properties {
    /// Sets a property, replacing an earlier value.
    pub fn set(&mut self, name: impl Into<String>, value: Value) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// The value of a property.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// These, then `others` over them.
    #[must_use]
    pub fn overlaid(&self, others: &Self) -> Self {
        let mut all = self.clone();
        for (name, value) in &others.0 {
            all.set(name.clone(), value.clone());
        }
        all
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A property's value: text, or where the host that uses it finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The value itself.
    Text(String),
    /// The value of an environment variable of the process that uses it.
    Env(String),
    /// The content of a file on the host that uses it, without its last line end.
    File(PathBuf),
}

impl Value {
    /// The text, where the value is no reference.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Env(_) | Self::File(_) => None,
        }
    }
}

impl fmt::Display for Value {
    /// The text, or the reference; never what a reference stands for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Env(name) => write!(f, "{{ env = \"{name}\" }}"),
            Self::File(path) => write!(f, "{{ file = \"{}\" }}", path.display()),
        }
    }
}

/// Properties whose values are secret, so that a plan may only refer to them and a result never shows them.
///
/// librdkafka marks these sensitive in its `CONFIGURATION.md`; `*.pem` properties hold key material inline.
pub fn is_secret(name: &str) -> bool {
    const SECRET: [&str; 9] = [
        "sasl.password",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "ssl.key.password",
        "ssl.keystore.password",
        "ssl.truststore.password",
        "sasl.jaas.config",
        "sasl.oauthbearer.assertion.private.key.pem",
    ];
    const ENDINGS: [&str; 3] = ["pem", "password", "secret"];
    SECRET.contains(&name)
        || name
            .rsplit_once(['.', '_'])
            .is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_value_takes_the_earlier_ones_place() {
        let mut properties = Properties::default();
        properties.set("acks", Value::Text("1".into()));
        properties.set("linger.ms", Value::Text("5".into()));
        properties.set("acks", Value::Text("all".into()));
        let all: Vec<_> = properties.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(all, ["acks=all", "linger.ms=5"]);
    }

    #[test]
    fn key_material_and_passwords_are_secret() {
        for name in [
            "sasl.password",
            "ssl.key.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["acks", "sasl.username", "ssl.ca.location"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
