//! Settings on the command line that go over a plan.

use std::fmt;
use std::str::FromStr;

use toml::de::DeValue;

use super::tree::{self, DEEPEST, Node, Raw, SETS, Table};
use super::{Error, Origin, property};

/// A setting on the command line that goes over what the plan says: `--set KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    path: Vec<String>,
    value: String,
}

impl Override {
    /// Reads `workload.rate=50k/s`.
    ///
    /// The key is a dotted path; below `baseline.`, `cluster.properties.`, `clusters.NAME.properties.`,
    /// `topic.settings.`, `consumers.properties.`, `factors.` and `environment.` the rest of the key is one name, dots and all. The value is read as TOML where it is TOML, else
    /// it is text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = |message: &str| Error::at(Origin::Override(head(text)), "", message);
        let (key, value) = split(text).ok_or_else(|| bad("expected KEY=VALUE such as workload.rate=50k/s"))?;
        let path = path(key.trim()).ok_or_else(|| bad("expected a key such as workload.rate before the \"=\""))?;
        Ok(Self {
            path,
            value: value.trim().to_owned(),
        })
    }

    /// The dotted key, for example `baseline.linger.ms`.
    pub fn key(&self) -> String {
        self.path.join(".")
    }

    /// The value as given.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Puts the value into the tree.
    pub(super) fn apply(&self, root: &mut Table) -> Result<(), Error> {
        let origin = Origin::Override(self.key());
        let node = self.node(&origin);
        let Some((last, parents)) = self.path.split_last() else {
            return Ok(());
        };
        let mut table = &mut *root;
        for (depth, key) in parents.iter().enumerate() {
            if table.get(key).is_none() {
                let empty = Raw::Table(Table::default());
                table.set(
                    key,
                    Node {
                        value: empty,
                        origin: origin.clone(),
                        verbatim: None,
                    },
                );
            }
            let Some(Node {
                value: Raw::Table(inner),
                ..
            }) = table.get_mut(key)
            else {
                let parent = self.path[..=depth].join(".");
                let message = format!("{parent} is no table; set {parent} as a whole");
                return Err(Error::at(origin, &self.key(), message));
            };
            table = inner;
        }
        table.set(last, node);
        tree::flatten_sets(root)
    }

    /// The value as TOML, else as text.
    fn node(&self, origin: &Origin) -> Node {
        let braced = |at: usize| self.value[at..].starts_with('{');
        let mut node = match DeValue::parse(&self.value) {
            Ok(value) => tree::convert(value.get_ref(), true, &|_| origin.clone(), &braced, 0).ok(),
            Err(_) => None,
        }
        .unwrap_or_else(|| Node {
            value: Raw::Text(self.value.clone()),
            origin: origin.clone(),
            verbatim: None,
        });
        if !matches!(node.value, Raw::Text(_) | Raw::List(_) | Raw::Table(_)) {
            node.verbatim = Some(self.value.clone());
        }
        node
    }
}

impl FromStr for Override {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key(), self.value)
    }
}

/// At most the key of an override that cannot be read, so that no secret value is repeated.
fn head(text: &str) -> String {
    let key = text.split(['=', ' ', ':']).next().unwrap_or_default();
    key.chars().take(40).flat_map(char::escape_debug).collect()
}

/// Key and value around the first equals sign outside quotes.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '=') => return Some((&text[..at], &text[at + 1..])),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

/// The parts of a dotted key.
fn path(key: &str) -> Option<Vec<String>> {
    let unquoted = |name: &str| {
        let inner = ['"', '\''].iter().find_map(|q| name.strip_prefix(*q)?.strip_suffix(*q));
        let inner = inner.unwrap_or(name);
        let legal = !inner.is_empty() && !inner.contains(['"', '\'']) && !inner.chars().any(char::is_control);
        legal.then(|| inner.to_owned())
    };
    if let Some((mut path, name)) = SETS.iter().find_map(|set| below(key, set)) {
        let name = unquoted(name)?;
        path.push(if path == ["environment"] {
            name
        } else {
            property::canonical(&name).to_owned()
        });
        return Some(path);
    }
    let parts: Option<Vec<String>> = key.split('.').map(|part| unquoted(part.trim())).collect();
    parts.filter(|parts| parts.len() <= DEEPEST)
}

/// A key below one of the tables whose keys are names with dots in them: the table's path, and the name.
fn below<'k>(key: &'k str, set: &[&str]) -> Option<(Vec<String>, &'k str)> {
    let (mut path, mut rest) = (Vec::new(), key);
    for part in set {
        let (head, tail) = rest.split_once('.')?;
        let name = |c: char| !c.is_control() && !matches!(c, '"' | '\'');
        let any = *part == "*" && !head.is_empty() && head.chars().all(name);
        if *part != head && !any {
            return None;
        }
        path.push(head.to_owned());
        rest = tail;
    }
    Some((path, rest))
}
