//! What stands inside a line.

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inline {
    /// Words.
    Text(String),
    /// A name, a value or a command.
    Code(String),
    /// What must be seen.
    Strong(Vec<Inline>),
    /// A word that is being explained.
    Emphasis(Vec<Inline>),
    /// A new line.
    Break,
}

/// Reads a line or several.
pub(crate) fn inlines(text: &str) -> Vec<Inline> {
    let mut found = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (piece, used) = match c {
            '`' => code(rest),
            '*' => emphasis(rest),
            '\\' => {
                let escaped = rest[1..].chars().next();
                words.push(escaped.unwrap_or(c));
                rest = &rest[1 + escaped.map_or(0, char::len_utf8)..];
                continue;
            }
            '&' => {
                let (named, used) = entity(rest);
                words.push(named);
                rest = &rest[used..];
                continue;
            }
            ' ' if rest.starts_with("  \n") => (Some(Inline::Break), 3),
            _ => (None, 0),
        };
        if let Some(piece) = piece {
            if !words.is_empty() {
                found.push(Inline::Text(std::mem::take(&mut words)));
            }
            found.push(piece);
            rest = &rest[used..];
        } else {
            words.push(if c == '\n' { ' ' } else { c });
            rest = &rest[c.len_utf8()..];
        }
    }
    if !words.is_empty() {
        found.push(Inline::Text(words));
    }
    found
}

/// A span of code with its length, where the backticks at the beginning are closed by as many.
fn code(rest: &str) -> (Option<Inline>, usize) {
    let fence = rest.len() - rest.trim_start_matches('`').len();
    let mut place = fence;
    while let Some(next) = rest[place..].find('`') {
        let from = place + next;
        let run = rest[from..].len() - rest[from..].trim_start_matches('`').len();
        if run == fence {
            let inside = rest[fence..from].replace("\\|", "|");
            let inside = match inside.strip_prefix(' ').and_then(|text| text.strip_suffix(' ')) {
                Some(padded) if fence > 1 => padded.to_owned(),
                _ => inside,
            };
            return (Some(Inline::Code(inside)), from + run);
        }
        place = from + run;
    }
    (None, 0)
}

/// Strong words or emphasis, where the asterisks at the beginning are closed.
fn emphasis(rest: &str) -> (Option<Inline>, usize) {
    let mark = if rest.starts_with("**") { "**" } else { "*" };
    let inside = &rest[mark.len()..];
    if inside.starts_with(char::is_whitespace) {
        return (None, 0);
    }
    let Some(length) = closing(inside, mark).filter(|length| *length > 0) else {
        return (None, 0);
    };
    let pieces = inlines(&inside[..length]);
    let piece = if mark == "**" {
        Inline::Strong(pieces)
    } else {
        Inline::Emphasis(pieces)
    };
    (Some(piece), length + 2 * mark.len())
}

/// Where a mark closes, outside code and escapes.
fn closing(inside: &str, mark: &str) -> Option<usize> {
    let mut place = 0;
    while let Some(c) = inside[place..].chars().next() {
        let rest = &inside[place..];
        place += match c {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '`' => match code(rest) {
                (Some(_), used) => used,
                (None, _) => 1,
            },
            '*' if rest.starts_with(mark) && !inside[..place].ends_with(char::is_whitespace) => return Some(place),
            c => c.len_utf8(),
        };
    }
    None
}

/// What stands for a character, with its length.
fn entity(rest: &str) -> (char, usize) {
    for (name, c) in [("&amp;", '&'), ("&lt;", '<')] {
        if rest.starts_with(name) {
            return (c, name.len());
        }
    }
    ('&', 1)
}

/// The words alone.
pub(crate) fn plain(pieces: &[Inline]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Inline::Text(text) | Inline::Code(text) => text.clone(),
            Inline::Strong(inside) | Inline::Emphasis(inside) => plain(inside),
            Inline::Break => " ".to_owned(),
        })
        .collect()
}
