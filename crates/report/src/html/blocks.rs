//! Blocks of a document as elements.

use crate::document::{Block, Inline, Item, Table, plain};
use crate::markup::Element;
use crate::plot::{Plot, file};

use super::figure;

/// What a box is called that stands under no heading.
const LABEL: &str = "Table";

/// All blocks, with the pictures that they name.
pub(super) fn all(blocks: &[Block], plots: &[Plot]) -> Vec<Element> {
    let mut heading = String::new();
    let mut elements = Vec::new();
    for block in blocks {
        match block {
            Block::Heading(words) => {
                heading = plain(words);
                elements.push(inline(Element::new("h3"), words));
            }
            Block::Paragraph(words) => elements.push(inline(Element::new("p"), words)),
            Block::List(items) => elements.push(list(items)),
            Block::Table(of) => elements.push(scrolled(&heading, table(of))),
            Block::Fold(words, inside) => {
                let summary = inline(Element::new("summary"), words);
                elements.push(Element::new("details").with(summary).with_all(all(inside, plots)));
            }
            Block::Picture { file: name, about } => {
                let found = plots.iter().enumerate().find(|(_, plot)| file(plot) == *name);
                // The first plot stands beside the answer.
                elements.extend(
                    found
                        .filter(|(place, _)| *place > 0)
                        .map(|(_, plot)| figure::figure(plot, about)),
                );
            }
        }
    }
    elements
}

/// An element with pieces of a line in it.
pub(super) fn inline(mut element: Element, pieces: &[Inline]) -> Element {
    for piece in pieces {
        element = match piece {
            Inline::Text(text) => element.text(text.clone()),
            Inline::Code(text) => element.with(Element::new("code").text(text.clone())),
            Inline::Strong(inside) => element.with(inline(Element::new("strong"), inside)),
            Inline::Emphasis(inside) => element.with(inline(Element::new("em"), inside)),
            Inline::Break => element.with(Element::new("br")),
        };
    }
    element
}

fn list(items: &[Item]) -> Element {
    Element::new("ul").with_all(items.iter().map(|item| {
        let element = inline(Element::new("li"), &item.words);
        if item.below.is_empty() {
            return element;
        }
        let below = item.below.iter().map(|words| inline(Element::new("li"), words));
        element.with(Element::new("ul").with_all(below))
    }))
}

fn table(of: &Table) -> Element {
    let right = |element: Element, right: bool| if right { element.set("class", "n") } else { element };
    let header = of.header.iter().map(|(words, number)| {
        let cell = Element::new("th").set("scope", "col");
        inline(right(cell, *number), words)
    });
    let rows = of.rows.iter().map(|row| {
        let cells = row
            .iter()
            .zip(&of.header)
            .map(|(words, (_, number))| inline(right(Element::new("td"), *number), words));
        Element::new("tr").with_all(cells)
    });
    Element::new("table")
        .with(Element::new("thead").with(Element::new("tr").with_all(header)))
        .with(Element::new("tbody").with_all(rows))
}

/// A box of its own for what may be wider than the page, so that the page is not.
pub(super) fn scrolled(label: &str, inside: Element) -> Element {
    let label = if label.is_empty() { LABEL } else { label };
    Element::new("div")
        .set("class", "scroll")
        .set("role", "group")
        .set("tabindex", "0")
        .set("aria-label", label)
        .with(inside)
}
