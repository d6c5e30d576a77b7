use proptest::prelude::*;

use super::*;
use crate::markdown::{Table, code, escape};

#[track_caller]
fn check(markdown: &str, expected: &str) {
    assert_eq!(
        all(Element::new("main"), markdown, &[]).render(),
        format!("<main>{expected}</main>")
    );
}

#[test]
fn what_sections_write_is_read() {
    check(
        "### Cells\n\nOne *word* is **strong** with `code`.  \nA new\nline.\n\n- one\n  - below\n- two\n",
        "<h3>Cells</h3><p>One <em>word</em> is <strong>strong</strong> with <code>code</code>.<br>A new line.</p>\
         <ul><li>one<ul><li>below</li></ul></li><li>two</li></ul>",
    );
}

#[test]
fn a_table_stands_in_a_box_with_the_name_of_its_heading() {
    check(
        "### Cells\n\n| a   |   b |\n| --- | --: |\n| x \\| y | `1\\|2` |\n\n",
        "<h3>Cells</h3><div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"Cells\"><table><thead><tr>\
         <th scope=\"col\">a</th><th scope=\"col\" class=\"n\">b</th></tr></thead><tbody><tr><td>x | y</td>\
         <td class=\"n\"><code>1|2</code></td></tr></tbody></table></div>",
    );
}

#[test]
fn what_is_folded_away_may_hold_lines_to_paste() {
    check(
        "Before.\n\n<details><summary>All 2 cells</summary>\n\nInside:\n\n```text\nlinger.ms=5\nacks=<all>\n```\n\n</details>\n\n\
         After.\n",
        "<p>Before.</p><details><summary>All 2 cells</summary><p>Inside:</p><pre role=\"group\" tabindex=\"0\" \
         aria-label=\"Table\"><code>linger.ms=5\nacks=&lt;all&gt;\n</code></pre></details><p>After.</p>",
    );
}

#[test]
fn html_is_text() {
    check("A <b>word</b>.\n", "<p>A &lt;b&gt;word&lt;/b&gt;.</p>");
    check("<script>alert(1)</script>\n", "&lt;script&gt;alert(1)&lt;/script&gt;\n");
}

#[test]
fn marks_that_close_nothing_are_text() {
    check("2 * 3 ** 4 ` 5 & 6\n", "<p>2 * 3 ** 4 ` 5 &amp; 6</p>");
}

/// Text without control characters, which both outputs tell as blanks, and without blanks at its ends, which nobody sees.
fn foreign() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[`*_<>&|\\\\\\[\\]~ a-z/!?#+=.)0-9\u{24b6}\u{e9}-]{0,24}",
        Just("<script>alert(1)</script> | `x` **y** \u{202e}\u{5d0}".to_owned()),
    ]
    .prop_map(|text| {
        text.chars()
            .filter(|c| !c.is_control())
            .collect::<String>()
            .trim()
            .to_owned()
    })
    .prop_filter("nothing", |text| !text.is_empty())
}

proptest! {
    #[test]
    fn foreign_text_is_text_wherever_it_stands(name in foreign()) {
        let text = Element::new("li").text(name.clone()).render();
        let quoted = Element::new("li").with(Element::new("code").text(name.clone())).render();
        for (markdown, expected) in [(escape(&name), text), (code(&name), quoted)] {
            prop_assert_eq!(words(Element::new("li"), &markdown).render(), expected.clone());
            let list = all(Element::new("main"), &format!("- {markdown}\n"), &[]).render();
            prop_assert_eq!(list, format!("<main><ul>{expected}</ul></main>"));
            let mut table = Table::of(&["a", "b"]);
            table.row(vec![markdown, "end".to_owned()]);
            let table = all(Element::new("main"), &table.render(), &[]).render();
            let row = format!("<tr>{}<td>end</td></tr></tbody>", expected.replace("li>", "td>"));
            prop_assert!(table.contains(&row), "{} {}", table, row);
        }
    }
}
