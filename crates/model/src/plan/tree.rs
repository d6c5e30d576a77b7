//! What a plan's text says, before anything is understood: values with the line or the override they come from.

use toml::de::{DeTable, DeValue};

use super::property;
use super::{Error, Origin};

/// Deeper nesting than any plan has; the TOML parser has a limit of its own.
pub(super) const DEEPEST: usize = 32;

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

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries
            .iter_mut()
            .find(|entry| entry.key == key)
            .map(|entry| &mut entry.node)
    }

    /// Sets a key, which keeps its place if it was there.
    pub(super) fn set(&mut self, key: &str, node: Node) {
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

/// Tables whose keys are names with dots in them; `*` is any one name.
pub(super) const SETS: [&[&str]; 8] = [
    &["client", "*"],
    &["cluster", "properties"],
    &["clusters", "*", "properties"],
    &["topic", "settings"],
    &["baseline"],
    &["factors"],
    &["environment"],
    &["consumers", "properties"],
];

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
pub(super) fn flatten_sets(root: &mut Table) -> Result<(), Error> {
    for set in SETS {
        flatten_set(root, set, "")?;
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

/// Flattens the tables below this one that a path of [`SETS`] leads to.
fn flatten_set(table: &mut Table, set: &[&str], path: &str) -> Result<(), Error> {
    let Some((first, rest)) = set.split_first() else {
        return Ok(());
    };
    for Entry { key, node, .. } in &mut table.entries {
        if *first != "*" && first != key {
            continue;
        }
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match &mut node.value {
            _ if rest.is_empty() => flatten_node(node, &path)?,
            Raw::Table(inner) => flatten_set(inner, rest, &path)?,
            _ => {}
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

pub(super) fn convert(
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
