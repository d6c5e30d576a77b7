//! The Markdown of a report's sections as elements, so that the page says the same words.
//!
//! What is markup is decided by the common rules of Markdown, as by other readers of `report.md`. HTML is text
//! here, but for what folds blocks away.

use std::iter::Peekable;
use std::vec::IntoIter;

use pulldown_cmark::{Alignment, Event, Options, Parser, Tag, TagEnd};

use crate::markup::Element;
use crate::plot::{Plot, file};

use super::figure;

/// What a box is called that stands under no heading.
const LABEL: &str = "Table";

const FOLD: &str = "<details><summary>";
const FOLD_LINE: &str = "</summary>";
const FOLD_END: &str = "</details>";

/// An element with all blocks in it, and with the pictures that they name.
pub(super) fn all(element: Element, markdown: &str, plots: &[Plot]) -> Element {
    Reader::new(markdown, plots).inside(element)
}

/// An element with a paragraph's words in it.
pub(super) fn words(element: Element, markdown: &str) -> Element {
    let mut reader = Reader::new(markdown, &[]);
    // The paragraph's beginning: the element takes its place.
    reader.events.next();
    reader.inside(element)
}

/// A box of its own for what may be wider than the page, so that the page is not.
pub(super) fn scrolled(label: &str, inside: Element) -> Element {
    reachable(Element::new("div").set("class", "scroll"), label).with(inside)
}

/// Lines that stand as they were written.
pub(super) fn verbatim(label: &str, code: Element) -> Element {
    reachable(Element::new("pre"), label).with(code)
}

/// What is scrolled by keys has to be reached by them, and to have a name.
fn reachable(element: Element, label: &str) -> Element {
    let label = if label.is_empty() { LABEL } else { label };
    element
        .set("role", "group")
        .set("tabindex", "0")
        .set("aria-label", label)
}

/// Goes through what a parser tells.
struct Reader<'a> {
    events: Peekable<IntoIter<Event<'a>>>,
    plots: &'a [Plot],
    /// The heading that what is read stands under.
    heading: String,
}

impl<'a> Reader<'a> {
    fn new(markdown: &'a str, plots: &'a [Plot]) -> Self {
        // Lines of HTML are told one by one between these two.
        let html = |event: &Event<'_>| matches!(event, Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock));
        let events: Vec<Event<'a>> = Parser::new_ext(markdown, Options::ENABLE_TABLES)
            .filter(|event| !html(event))
            .collect();
        Self {
            events: events.into_iter().peekable(),
            plots,
            heading: String::new(),
        }
    }

    /// An element with what follows in it, up to its end.
    fn inside(&mut self, mut element: Element) -> Element {
        while let Some(event) = self.events.next() {
            element = match event {
                Event::Start(tag) => self.begun(element, tag),
                Event::End(_) => break,
                Event::Html(line) if line.trim_end() == FOLD_END => break,
                Event::Html(line) => match line.trim_end().strip_prefix(FOLD) {
                    Some(line) => {
                        let line = line.strip_suffix(FOLD_LINE).unwrap_or(line);
                        let summary = Element::new("summary").text(line);
                        element.with(self.inside(Element::new("details").with(summary)))
                    }
                    None => element.text(line.as_ref()),
                },
                Event::Code(code) => element.with(Element::new("code").text(code.as_ref())),
                Event::SoftBreak => element.text(" "),
                Event::HardBreak => element.with(Element::new("br")),
                Event::Rule => element.with(Element::new("hr")),
                Event::Text(text)
                | Event::InlineHtml(text)
                | Event::InlineMath(text)
                | Event::DisplayMath(text)
                | Event::FootnoteReference(text) => element.text(text.as_ref()),
                Event::TaskListMarker(_) => element,
            };
        }
        element
    }

    /// An element with one in it that has just begun.
    fn begun(&mut self, element: Element, tag: Tag<'a>) -> Element {
        let name = match tag {
            Tag::Paragraph => return self.paragraph(element),
            Tag::Table(alignments) => {
                let table = self.table(&alignments);
                return element.with(scrolled(&self.heading, table));
            }
            Tag::CodeBlock(_) => {
                let code = self.inside(Element::new("code"));
                return element.with(verbatim(&self.heading, code));
            }
            Tag::Heading { .. } => {
                if let Some(Event::Text(text)) = self.events.peek() {
                    self.heading = text.to_string();
                }
                "h3"
            }
            Tag::List(_) => "ul",
            Tag::Item => "li",
            Tag::Emphasis => "em",
            Tag::Strong => "strong",
            // Nothing else is written by sections.
            _ => "span",
        };
        element.with(self.inside(Element::new(name)))
    }

    /// A paragraph, or the figure for a picture and the paragraph after it, which has the plot's own words.
    fn paragraph(&mut self, element: Element) -> Element {
        let Some(Event::Start(Tag::Image { dest_url, .. })) = self.events.peek() else {
            return element.with(self.inside(Element::new("p")));
        };
        let plot = self.plots.iter().position(|plot| *file(plot) == **dest_url);
        self.inside(Element::new("p"));
        self.events.next();
        self.inside(Element::new("p"));
        // The first plot stands beside the answer.
        let plot = plot.filter(|place| *place > 0);
        element.with_all(plot.map(|place| figure::figure(&self.plots[place])))
    }

    fn table(&mut self, alignments: &[Alignment]) -> Element {
        let mut head = Element::new("thead");
        let mut body = Element::new("tbody");
        while let Some(Event::Start(tag)) = self.events.next() {
            if tag == Tag::TableHead {
                head = head.with(self.row(alignments, || Element::new("th").set("scope", "col")));
            } else {
                body = body.with(self.row(alignments, || Element::new("td")));
            }
        }
        Element::new("table").with(head).with(body)
    }

    fn row(&mut self, alignments: &[Alignment], cell: fn() -> Element) -> Element {
        let mut row = Element::new("tr");
        let mut alignments = alignments.iter();
        while let Some(Event::Start(_)) = self.events.next() {
            let cell = match alignments.next() {
                Some(Alignment::Right) => cell().set("class", "n"),
                Some(Alignment::None | Alignment::Left | Alignment::Center) | None => cell(),
            };
            row = row.with(self.inside(cell));
        }
        row
    }
}

#[cfg(test)]
mod tests;
