//! Lines that fit a width.

/// Breaks a line at its blanks, and within words that are wider than a line; what follows the first line is set in by two
/// more than that one was. No line is set in by more than half of a width, which is 6 or more.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let indent = text.chars().take_while(|c| *c == ' ').count().min(width / 2);
    let hanging = " ".repeat(indent + 2);
    let mut lines = vec![" ".repeat(indent)];
    let mut empty = true;
    for word in words(text) {
        let mut rest: Vec<char> = word.chars().collect();
        loop {
            let line = lines.last_mut().map_or(0, |line| line.chars().count());
            let room = width.saturating_sub(line + usize::from(!empty));
            let whole = rest.len() <= room;
            if whole || (empty && room > 0) {
                let taken: String = rest.drain(..rest.len().min(room)).collect();
                if let Some(line) = lines.last_mut() {
                    line.push_str(if empty { "" } else { " " });
                    line.push_str(&taken);
                }
                empty = false;
            }
            if rest.is_empty() {
                break;
            }
            lines.push(hanging.clone());
            empty = true;
        }
    }
    lines
}

/// The words of a text; a per cent sign stays with its number.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut().filter(|_| word.starts_with('%')) {
            Some(number) => number.extend([" ", word]),
            None => words.push(word.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_follows_is_set_in() {
        assert_eq!(wrap("  one two three", 11), ["  one two", "    three"]);
        assert_eq!(wrap("abcdefghijklmn", 8), ["abcdefgh", "  ijklmn"]);
        assert_eq!(wrap("a", 8), ["a"]);
        assert_eq!(wrap("+12.3 [4.0 %, 5 %]", 12), ["+12.3", "  [4.0 %,", "  5 %]"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_and_nothing_is_lost(text in "[a-z ü]{0,200}", width in 8_usize..60) {
            let lines = wrap(&text, width);
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:?}");
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
        }
    }
}
