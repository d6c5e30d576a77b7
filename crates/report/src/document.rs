//! The Markdown that the sections of a report are written in, as a tree: so that HTML says it in the same words.
//!
//! Only what [`crate::markdown`] writes is read: headings, paragraphs, lists of two levels, tables, what is folded away,
//! and in lines code, strong, emphasis and escapes. Anything else is text.

mod inline;

pub(crate) use inline::{Inline, inlines, plain};

/// A piece of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// A heading below the section's own.
    Heading(Vec<Inline>),
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A list.
    List(Vec<Item>),
    /// A table.
    Table(Table),
    /// Blocks behind a line that opens them.
    Fold(Vec<Inline>, Vec<Block>),
    /// The picture in a file beside the report, with its title and what is said of it.
    Picture {
        /// The file.
        file: String,
        /// What is said of it.
        about: Vec<Inline>,
    },
}

/// An entry of a list, with the entries below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its words.
    pub(crate) words: Vec<Inline>,
    /// What stands below it.
    pub(crate) below: Vec<Vec<Inline>>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Names of the columns, and whether their cells are numbers, which stand on the right.
    pub(crate) header: Vec<(Vec<Inline>, bool)>,
    /// Cells by row.
    pub(crate) rows: Vec<Vec<Vec<Inline>>>,
}

const FOLD: &str = "<details><summary>";
const FOLD_LINE: &str = "</summary>";
const FOLD_END: &str = "</details>";

/// Reads a section's body.
pub(crate) fn read(markdown: &str) -> Vec<Block> {
    let mut lines = markdown.lines().peekable();
    blocks(&mut lines)
}

/// Reads blocks up to the end, or to the end of what is folded away.
fn blocks<'a>(lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Vec<Block> {
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        if line == FOLD_END {
            break;
        }
        let mut more = |starts: fn(&str) -> bool| {
            let mut text = vec![line];
            text.extend(std::iter::from_fn(|| lines.next_if(|line| starts(line))));
            text
        };
        blocks.push(if let Some(heading) = line.strip_prefix("### ") {
            Block::Heading(inlines(heading))
        } else if let Some(rest) = line.strip_prefix(FOLD) {
            let words = inlines(rest.strip_suffix(FOLD_LINE).unwrap_or(rest));
            Block::Fold(words, self::blocks(lines))
        } else if let Some((_, file)) = line.strip_prefix("![").and_then(|rest| rest.split_once("](")) {
            let file = file.trim_end_matches(')').to_owned();
            lines.next_if(|line| line.is_empty());
            let about = lines.next_if(|line| continues(line)).map_or_else(Vec::new, inlines);
            Block::Picture { file, about }
        } else if line.starts_with('|') {
            table(&more(|line| line.starts_with('|')))
        } else if line.starts_with("- ") {
            list(&more(|line| line.starts_with("- ") || line.starts_with("  - ")))
        } else {
            Block::Paragraph(inlines(&more(continues).join("\n")))
        });
    }
    blocks
}

/// Whether a line goes on with the paragraph before it.
fn continues(line: &str) -> bool {
    !line.trim().is_empty()
        && !["|", "- ", "### ", FOLD, FOLD_END]
            .iter()
            .any(|start| line.starts_with(start))
}

fn list(lines: &[&str]) -> Block {
    let mut items: Vec<Item> = Vec::new();
    for line in lines {
        match (line.strip_prefix("  - "), items.last_mut()) {
            (Some(words), Some(last)) => last.below.push(inlines(words)),
            _ => items.push(Item {
                words: inlines(line.trim_start().trim_start_matches("- ")),
                below: Vec::new(),
            }),
        }
    }
    Block::List(items)
}

fn table(lines: &[&str]) -> Block {
    let right = |mark: &String| mark.ends_with(':');
    let marks: Vec<String> = lines.get(1).map_or_else(Vec::new, |line| cells(line));
    let names = cells(lines[0]);
    let aligned = marks.iter().map(right).chain(std::iter::repeat(false));
    Block::Table(Table {
        header: names.iter().map(|name| inlines(name)).zip(aligned).collect(),
        rows: lines
            .iter()
            .skip(2)
            .map(|line| cells(line).iter().map(|cell| inlines(cell)).collect())
            .collect(),
    })
}

/// The cells of a table's line, their escapes kept.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut characters = line.trim_start_matches('|').chars().peekable();
    let mut code = 0;
    while let Some(c) = characters.next() {
        let last = cells.last_mut().expect("invariant: one at least");
        match c {
            '`' => {
                let mut run = 1;
                while characters.next_if_eq(&'`').is_some() {
                    run += 1;
                }
                last.extend(std::iter::repeat_n('`', run));
                code = match code {
                    0 => run,
                    open if open == run => 0,
                    open => open,
                };
            }
            // Inside code only a bar is escaped, so that a backslash before anything else is one.
            '\\' if code == 0 || characters.peek() == Some(&'|') => {
                last.push(c);
                last.extend(characters.next());
            }
            '|' => cells.push(String::new()),
            c => last.push(c),
        }
    }
    cells.pop();
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests;
