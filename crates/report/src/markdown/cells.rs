//! Markdown tables, and text that stays text inside Markdown.

use crate::format::{ABSENT, count};

/// Rows above which a table is folded away.
const FOLD_ABOVE: usize = 24;
/// Nobody reads a wider column as plain text, and padding is bounded.
const WIDEST: usize = 1000;

/// Whether `<` before this begins a tag or a comment.
fn opens(next: Option<&char>) -> bool {
    next.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
}

/// Text with blanks for what is no character.
fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The place of what would make a list, a heading or a quotation of a text that begins a line.
fn block_mark(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &text[digits..];
    let marks: &[char] = if digits > 0 { &['.', ')'] } else { &['#', '+', '-', '='] };
    let marked = rest
        .strip_prefix(marks)
        .is_some_and(|after| !after.starts_with(char::is_alphanumeric));
    (marked || text.starts_with('>')).then_some(digits)
}

/// Text from elsewhere, so that nothing in it is taken for markup; blanks at its ends are left out.
pub(crate) fn escape(text: &str) -> String {
    let text = on_one_line(text);
    let text = text.trim();
    let block_mark = block_mark(text);
    let mut escaped = String::with_capacity(text.len());
    let characters: Vec<char> = text.chars().collect();
    for (place, c) in characters.iter().enumerate() {
        let inside_word = |p: usize| characters.get(p).is_some_and(char::is_ascii_alphanumeric);
        match c {
            '\\' | '*' | '`' | '[' | ']' | '~' => escaped.extend(['\\', *c]),
            c if Some(place) == block_mark => escaped.extend(['\\', *c]),
            '_' if !(place > 0 && inside_word(place - 1) && inside_word(place + 1)) => escaped.push_str("\\_"),
            '<' if opens(characters.get(place + 1)) => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            c => escaped.push(*c),
        }
    }
    escaped
}

/// A prose sentence of our own whose code spans are kept; what could open a tag or a cell is not.
pub(super) fn prose(text: &str) -> String {
    let parts = text.split('`').map(|part| {
        part.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace(['\n', '\r'], " ")
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Text as a code span.
pub(crate) fn code(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".to_owned();
    }
    let text = on_one_line(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    // A blank at both ends is taken off by readers, unless there is nothing else.
    let blanks = text.starts_with(' ') && text.ends_with(' ') && text.contains(|c| c != ' ');
    let pad = if longest > 0 || blanks { " " } else { "" };
    let fence = "`".repeat(longest + 1);
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text folded away under a line of our own.
pub(super) fn fold(line: &str, body: &str) -> String {
    format!("<details><summary>{line}</summary>\n\n{body}</details>\n\n")
}

/// Markdown that stays in its cell.
fn cell(markdown: impl Into<String>) -> String {
    markdown.into().replace('|', "\\|")
}

/// How a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A table under construction.
#[derive(Debug)]
pub(crate) struct Table {
    header: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(super) fn new<S: Into<String>>(header: impl IntoIterator<Item = (S, Align)>) -> Self {
        Self {
            header: header.into_iter().map(|(name, align)| (cell(name), align)).collect(),
            rows: Vec::new(),
        }
    }

    /// A table of left-aligned columns.
    pub(crate) fn of(header: &[&str]) -> Self {
        Self::new(header.iter().map(|name| (*name, Align::Left)))
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(cell).collect());
    }

    /// The table, folded away under a line when it is long.
    pub(super) fn folded(&self, of_what: &str) -> String {
        if self.rows.len() <= FOLD_ABOVE {
            return self.render();
        }
        fold(
            &format!("All {} {of_what}", count(self.rows.len() as u64)),
            &self.render(),
        )
    }

    /// Drops columns in which every row is absent.
    pub(super) fn without_absent_columns(mut self) -> Self {
        for column in (0..self.header.len()).rev() {
            if self.rows.iter().all(|row| row[column] == ABSENT) {
                self.header.remove(column);
                for row in &mut self.rows {
                    row.remove(column);
                }
            }
        }
        self
    }

    /// The table, padded so that it reads well as plain text too, except beside very long cells; empty without rows.
    pub(crate) fn render(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let width = |text: &str| text.chars().count();
        let widths: Vec<usize> = self
            .header
            .iter()
            .enumerate()
            .map(|(c, (name, _))| {
                self.rows
                    .iter()
                    .map(|row| width(&row[c]))
                    .fold(width(name).max(3), usize::max)
                    .min(WIDEST)
            })
            .collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut text = String::from("|");
            for ((cell, width), (_, align)) in cells.zip(&widths).zip(&self.header) {
                match align {
                    Align::Left => text += &format!(" {cell:<width$} |"),
                    Align::Right => text += &format!(" {cell:>width$} |"),
                }
            }
            text + "\n"
        };
        let mut text = line(&mut self.header.iter().map(|(name, _)| name.as_str()));
        text.push('|');
        for ((_, align), width) in self.header.iter().zip(&widths) {
            match align {
                Align::Left => text += &format!(" {} |", "-".repeat(*width)),
                Align::Right => text += &format!(" {}: |", "-".repeat(*width - 1)),
            }
        }
        text.push('\n');
        for row in &self.rows {
            text += &line(&mut row.iter().map(String::as_str));
        }
        text + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_any_length_can_be_rendered() {
        let long = "x".repeat(100_000);
        let mut table = Table::of(&["short", "long"]);
        table.row(vec!["a".to_owned(), long.clone()]);
        table.row(vec!["b".to_owned(), "c".to_owned()]);
        let text = table.render();
        assert!(text.contains(&long) && text.len() < 110_000, "{}", text.len());
    }

    #[test]
    fn foreign_text_cannot_become_markup() {
        assert_eq!(
            escape("a|b*c<d></d>_e_ MSG_TIMED_OUT\n[x](y) <= 5"),
            "a|b\\*c&lt;d>&lt;/d>\\_e\\_ MSG_TIMED_OUT \\[x\\](y) <= 5"
        );
        assert_eq!(escape(" 1. a"), "1\\. a");
        assert_eq!(escape("\u{1}> a"), "\\> a");
        assert_eq!(["1.5 ms", "-1", "#5"].map(escape), ["1.5 ms", "-1", "#5"]);
        assert_eq!(code("a|b"), "`a|b`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code(" a "), "`  a  `");
    }

    #[test]
    fn columns_without_a_value_are_left_out() {
        let mut table = Table::new([("a", Align::Left), ("b", Align::Left), ("c", Align::Right)]);
        table.row(vec!["1".into(), ABSENT.into(), "2".into()]);
        assert_eq!(
            table.without_absent_columns().render(),
            "| a   |   c |\n| --- | --: |\n| 1   |   2 |\n\n"
        );
    }
}
