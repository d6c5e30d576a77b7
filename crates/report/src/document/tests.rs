use proptest::prelude::*;

use super::*;
use crate::markdown::{code, escape};

fn text(words: &str) -> Inline {
    Inline::Text(words.to_owned())
}

#[test]
fn what_sections_write_is_read() {
    let read = read(
        "### Cells\n\nOne *word* is **strong** with `code`.  \nA new line.\n\n- one\n  - below\n- two\n\n| a   |   b |\n\
         | --- | --: |\n| x \\| y | `1\\|2` |\n\n<details><summary>All 2 cells</summary>\n\nInside.\n\n</details>\n\nAfter.\n",
    );
    let item = |words: &str, below: &[&str]| Item {
        words: vec![text(words)],
        below: below.iter().map(|words| vec![text(words)]).collect(),
    };
    assert_eq!(
        read,
        [
            Block::Heading(vec![text("Cells")]),
            Block::Paragraph(vec![
                text("One "),
                Inline::Emphasis(vec![text("word")]),
                text(" is "),
                Inline::Strong(vec![text("strong")]),
                text(" with "),
                Inline::Code("code".into()),
                text("."),
                Inline::Break,
                text("A new line."),
            ]),
            Block::List(vec![item("one", &["below"]), item("two", &[])]),
            Block::Table(Table {
                header: vec![(vec![text("a")], false), (vec![text("b")], true)],
                rows: vec![vec![vec![text("x | y")], vec![Inline::Code("1|2".into())]]],
            }),
            Block::Fold(vec![text("All 2 cells")], vec![Block::Paragraph(vec![text("Inside.")])]),
            Block::Paragraph(vec![text("After.")]),
        ]
    );
}

#[test]
fn marks_that_close_nothing_are_text() {
    assert_eq!(inlines("2 * 3 ** 4 ` 5 & 6"), [text("2 * 3 ** 4 ` 5 & 6")]);
}

/// Text without control characters, which both outputs tell as blanks.
fn foreign() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[`*_<>&|\\\\\\[\\]~ a-z/!?]{0,24}",
        Just("<script>alert(1)</script> | `x` **y** \u{202e}\u{5d0}".to_owned()),
    ]
    .prop_map(|text| text.chars().filter(|c| !c.is_control()).collect())
}

proptest! {
    #[test]
    fn foreign_text_is_read_back_as_it_was(name in foreign()) {
        prop_assert_eq!(plain(&inlines(&escape(&name))), name);
    }

    #[test]
    fn foreign_code_is_read_back_as_it_was(name in foreign()) {
        prop_assume!(!name.is_empty());
        prop_assert_eq!(inlines(&code(&name)), [Inline::Code(name)]);
    }

    #[test]
    fn foreign_text_stays_in_its_cell(name in foreign()) {
        prop_assume!(!name.is_empty());
        let line = format!("| {} | {} | end |", escape(&name), code(&name));
        let found = cells(&line);
        prop_assert_eq!(found.len(), 3);
        prop_assert_eq!(plain(&inlines(&found[0])), name.trim());
        prop_assert_eq!(inlines(&found[1]), [Inline::Code(name)]);
    }
}
