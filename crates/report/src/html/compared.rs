//! A comparison as a page of its own, in the words of its Markdown.

use crate::compare::Compared;
use crate::markdown;
use crate::markup::Element;

use super::{ANSWER, blocks, head, header, navigation, section, whole};

const TITLE: &str = "Comparison";

/// The comparison as HTML: first the answer, then what it rests on.
pub fn render(compared: &Compared) -> String {
    let (answer, sections) = markdown::compared_sections(compared);
    let section = |heading: &str, body: &str| blocks::all(section(heading), body, &[]);
    let main = Element::new("main")
        .set("id", "main")
        .with(section(ANSWER, &answer))
        .with_all(sections.iter().map(|(heading, body)| section(heading, body)));
    let headings = sections.iter().map(|(heading, _)| *heading);
    whole(
        head(TITLE, ""),
        header(TITLE, ""),
        navigation([ANSWER].into_iter().chain(headings)),
        main,
    )
}
