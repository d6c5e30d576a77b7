//! What a plan's text says, before anything is understood: values with the line or the override they come from.

use std::fmt;
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::property;
use super::{Error, Origin};

/// Deeper nesting than any plan has; the TOML parser has a limit of its own.
const DEEPEST: usize = 32;

/// A value as written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Raw,
    pub(super) origin: Origin,
    /// The whole text of an override, for where text is expected and `--set name=42` was given.
    pub(super) verbatim: Option<String>,
}

/// The kinds of value that TOML has; numbers stay text, integers in decimal.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Text(String),
    Integer(String),
    Float(String),
    Boolean(bool),
    Datetime(String),
    List(Vec<Node>),
    Table(Table),
}

/// Keys in written order.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
    /// Written between braces, so that it is one value and no part of a dotted name.
    pub(super) inline: bool,
}

/// One key of a table.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Where the key stands.
    pub(super) origin: Origin,
    pub(super) node: Node,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.node)
    }

    fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries
            .iter_mut()
            .find(|entry| entry.key == key)
            .map(|entry| &mut entry.node)
    }

    /// Sets a key, which keeps its place if it was there.
    fn set(&mut self, key: &str, node: Node) {
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => {
                entry.origin = node.origin.clone();
                entry.node = node;
            }
            None => self.entries.push(Entry {
                key: key.to_owned(),
                origin: node.origin.clone(),
                node,
            }),
        }
    }
}

/// A setting on the command line that goes over what the plan says: `--set KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    path: Vec<String>,
    value: String,
}

impl Override {
    /// Reads `workload.rate=50k/s`.
    ///
    /// The key is a dotted path; below `baseline.`, `cluster.properties.`, `topic.settings.`, `factors.` and
    /// `environment.` the rest of the key is one name, dots and all. The value is read as TOML where it is TOML, else
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
        flatten_sets(root)
    }

    /// The value as TOML, else as text.
    fn node(&self, origin: &Origin) -> Node {
        let braced = |at: usize| self.value[at..].starts_with('{');
        let mut node = match DeValue::parse(&self.value) {
            Ok(value) => convert(value.get_ref(), true, &|_| origin.clone(), &braced, 0).ok(),
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

/// Tables whose keys are names with dots in them.
const SETS: [&str; 5] = [
    "cluster.properties.",
    "topic.settings.",
    "baseline.",
    "factors.",
    "environment.",
];

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
    if let Some(set) = SETS.iter().find(|set| key.starts_with(**set)) {
        let mut path: Vec<String> = set.trim_end_matches('.').split('.').map(str::to_owned).collect();
        let name = unquoted(&key[set.len()..])?;
        path.push(if *set == "environment." {
            name
        } else {
            property::canonical(&name).to_owned()
        });
        return Some(path);
    }
    let parts: Option<Vec<String>> = key.split('.').map(|part| unquoted(part.trim())).collect();
    parts.filter(|parts| parts.len() <= DEEPEST)
}

/// Reads the text of a plan.
pub(super) fn read(text: &str) -> Result<Table, Error> {
    let starts: Vec<usize> = std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect();
    let line = |at: usize| Origin::Line(starts.partition_point(|start| *start <= at).max(1));
    let (document, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    if let Some(error) = errors.first() {
        let at = error.span().map_or(Origin::File, |span| line(span.start));
        let message: String = error
            .message()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        return Err(Error::at(at, "", format!("not TOML: {message}")));
    }
    let braced = |at: usize| text[at..].starts_with('{');
    let mut root = table(document.get_ref(), false, &line, &braced, 0)?;
    flatten_sets(&mut root)?;
    Ok(root)
}

/// Flattens every table whose keys are names with dots in them; doing it twice changes nothing.
fn flatten_sets(root: &mut Table) -> Result<(), Error> {
    for set in SETS.map(|set| set.trim_end_matches('.')) {
        let (parent, last) = set
            .split_once('.')
            .map_or((None, set), |(parent, last)| (Some(parent), last));
        let table = match parent {
            None => Some(&mut *root),
            Some(parent) => match root.get_mut(parent).map(|node| &mut node.value) {
                Some(Raw::Table(table)) => Some(table),
                _ => None,
            },
        };
        if let Some(node) = table.and_then(|table| table.get_mut(last)) {
            flatten_node(node, set)?;
        }
    }
    if let Some(Node {
        value: Raw::List(items),
        ..
    }) = root.get_mut("exclude")
    {
        for item in items {
            flatten_node(item, "exclude")?;
        }
    }
    Ok(())
}

/// Makes `linger.ms = 5`, which TOML reads as a table in a table, the one name that was meant.
fn flatten_node(node: &mut Node, path: &str) -> Result<(), Error> {
    let Raw::Table(table) = &mut node.value else {
        return Ok(());
    };
    let mut flat: Vec<Entry> = Vec::new();
    let entries = std::mem::take(&mut table.entries);
    flatten(entries, "", path, &mut flat)?;
    table.entries = flat;
    Ok(())
}

fn flatten(entries: Vec<Entry>, prefix: &str, path: &str, flat: &mut Vec<Entry>) -> Result<(), Error> {
    for mut entry in entries {
        let key = format!("{prefix}{}", entry.key);
        match entry.node.value {
            Raw::Table(Table { entries, inline: false }) if !entries.is_empty() => {
                flatten(entries, &format!("{key}."), path, flat)?;
            }
            _ => {
                let canonical = if path == "environment" {
                    &key
                } else {
                    property::canonical(&key)
                };
                if let Some(first) = flat.iter().find(|first| first.key == canonical) {
                    let message = format!("is set twice, as {key} here and on {}", first.origin.place());
                    return Err(Error::at(entry.origin, &format!("{path}.{canonical}"), message));
                }
                canonical.clone_into(&mut entry.key);
                flat.push(entry);
            }
        }
    }
    Ok(())
}

fn table(
    table: &DeTable<'_>,
    inline: bool,
    origin: &dyn Fn(usize) -> Origin,
    braced: &dyn Fn(usize) -> bool,
    depth: usize,
) -> Result<Table, Error> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let inline = braced(value.span().start);
        // The place of a table is its key; that of anything else is the value's, which may stand on a later line.
        let place = if value.get_ref().is_table() {
            key.span().start
        } else {
            value.span().start
        };
        let mut node = convert(value.get_ref(), inline, origin, braced, depth + 1)?;
        node.origin = origin(place);
        entries.push(Entry {
            key: key.get_ref().to_string(),
            origin: origin(key.span().start),
            node,
        });
    }
    Ok(Table { entries, inline })
}

fn convert(
    value: &DeValue<'_>,
    inline: bool,
    origin: &dyn Fn(usize) -> Origin,
    braced: &dyn Fn(usize) -> bool,
    depth: usize,
) -> Result<Node, Error> {
    if depth > DEEPEST {
        return Err(Error::at(origin(0), "", "nested too deeply"));
    }
    let value = match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(integer) => {
            let decimal = i128::from_str_radix(integer.as_str(), integer.radix());
            Raw::Integer(decimal.map_or_else(|_| integer.as_str().to_owned(), |number| number.to_string()))
        }
        DeValue::Float(float) => Raw::Float(float.as_str().to_owned()),
        DeValue::Boolean(value) => Raw::Boolean(*value),
        DeValue::Datetime(datetime) => Raw::Datetime(datetime.to_string()),
        DeValue::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                let at = item.span().start;
                let mut node = convert(item.get_ref(), braced(at), origin, braced, depth + 1)?;
                node.origin = origin(at);
                list.push(node);
            }
            Raw::List(list)
        }
        DeValue::Table(inner) => Raw::Table(table(inner, inline, origin, braced, depth)?),
    };
    Ok(Node {
        value,
        origin: origin(0),
        verbatim: None,
    })
}
