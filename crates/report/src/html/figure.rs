//! Plots with what is said of them, and switches for their curves that need no script.

use crate::markup::Element;
use crate::plot::{Choice, Plot};

use super::blocks::{scrolled, words};

/// A plot with its switches and its words.
pub(super) fn figure(plot: &Plot) -> Element {
    let figure = Element::new("figure")
        .set("id", format!("plot-{}", plot.name))
        .with(words(Element::new("figcaption"), &plot.words()))
        .with(scrolled(&plot.title, plot.picture.clone()));
    if plot.choices.len() > 1 {
        figure.with(choices(&plot.choices))
    } else {
        figure
    }
}

fn choices(choices: &[Choice]) -> Element {
    let entries = choices.iter().map(|choice| {
        let mut input = Element::new("input")
            .set("type", "checkbox")
            .set("id", choice.class.clone());
        if choice.shown {
            input = input.set("checked", "");
        }
        let swatch = Element::new("span")
            .set("class", format!("swatch {}", choice.colour))
            .set("aria-hidden", "true");
        Element::new("label")
            .with(input)
            .with(swatch)
            .with(Element::new("bdi").text(choice.name.clone()))
    });
    Element::new("fieldset")
        .set("class", "choices")
        .with(Element::new("legend").text("Cells shown"))
        .with_all(entries)
}

/// The rules by which a switch hides its curve; classes are letters, digits and hyphens.
pub(super) fn switches(plots: &[Plot]) -> String {
    let mut rules = String::new();
    for choice in plots.iter().flat_map(|plot| &plot.choices) {
        rules += &format!("figure:has(#{0}:not(:checked)) .{0}{{display:none}}", choice.class);
    }
    rules
}
