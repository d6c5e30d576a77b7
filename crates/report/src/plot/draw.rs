//! What all plots are made of: canvas, axes, marks, legend.

use crate::format::micros;
use crate::markup::Element;

use super::scale::Scale;

/// Of text in plots, in the units of a canvas.
const CHARACTER: f64 = 7.1;

/// Colours that there are; what is beyond them begins again with another dash.
const COLOURS: usize = 7;

/// From one row of a legend to the next.
const LEGEND_ROW: f64 = 18.0;

/// A second channel beside colour for lines.
const DASHES: [&str; 4] = ["", "7 3", "2 3", "9 3 2 3"];

/// The part of a canvas that data are drawn in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// The area of plots with an axis of latencies on the left and its name above it.
pub(super) const TALL: Area = Area {
    left: 78.0,
    right: 846.0,
    top: 34.0,
    bottom: 362.0,
};

/// A canvas around [`TALL`] with an axis of latencies in microseconds, which `name` says.
pub(super) fn tall(title: &str, description: &str, up: &Scale, name: &str) -> Element {
    canvas(860.0, TALL.bottom + 42.0, title, description)
        .with(axis_left(TALL, up, 6, |us| micros(us.round() as u64)))
        .with(words(TALL.left - 70.0, 16.0, "start", "name", name))
}

/// A name on the left of a row, at most so wide.
pub(super) fn label(x: f64, y: f64, class: &str, name: &str, most: f64) -> Element {
    words(x, y, "end", class, fitted(name, most)).with(hover(name))
}

/// An empty picture, which says what it shows to those who do not see it, in more words where there are any.
pub(super) fn canvas(width: f64, height: f64, title: &str, description: &str) -> Element {
    Element::new("svg")
        .set("class", "plot")
        .set("viewBox", format!("0 0 {width:.0} {height:.0}"))
        .set("role", "img")
        .with(Element::new("title").text(title))
        .with_all((!description.is_empty()).then(|| Element::new("desc").text(description)))
}

/// Words at a place; `anchor` is `start`, `middle` or `end`.
pub(super) fn words(x: f64, y: f64, anchor: &str, class: &str, text: impl Into<String>) -> Element {
    let element = Element::new("text").at("x", x).at("y", y).set("class", class);
    let element = if anchor == "start" {
        element
    } else {
        element.set("text-anchor", anchor)
    };
    element.text(text)
}

/// A straight line.
pub(super) fn line(class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> Element {
    Element::new("line")
        .set("class", class)
        .at("x1", x1)
        .at("y1", y1)
        .at("x2", x2)
        .at("y2", y2)
}

/// A rectangle.
pub(super) fn rectangle(class: &str, x: f64, y: f64, width: f64, height: f64) -> Element {
    Element::new("rect")
        .set("class", class)
        .at("x", x)
        .at("y", y)
        .at("width", width.max(0.0))
        .at("height", height.max(0.0))
}

/// Words that show when a pointer rests on what they belong to.
pub(super) fn hover(text: impl Into<String>) -> Element {
    Element::new("title").text(text)
}

/// The horizontal axis with its lines, values and name.
pub(super) fn axis_below(
    area: Area,
    scale: &Scale,
    wanted: usize,
    name: &str,
    tell: impl Fn(f64) -> String,
) -> Element {
    let mut group = Element::new("g").set("class", "below");
    for tick in scale.ticks(wanted) {
        let x = scale.place(tick);
        group = group.with(line("grid", (x, area.top), (x, area.bottom))).with(words(
            x,
            area.bottom + 15.0,
            "start",
            "tick",
            tell(tick),
        ));
    }
    group
        .with(line("base", (area.left, area.bottom), (area.right, area.bottom)))
        .with(words(
            f64::midpoint(area.left, area.right),
            area.bottom + 32.0,
            "start",
            "name",
            name,
        ))
}

/// The vertical axis with its lines and values; there is room for its name above it only.
pub(super) fn axis_left(area: Area, scale: &Scale, wanted: usize, tell: impl Fn(f64) -> String) -> Element {
    let mut group = Element::new("g").set("class", "left");
    for tick in scale.ticks(wanted) {
        let y = scale.place(tick);
        group = group.with(line("grid", (area.left, y), (area.right, y))).with(words(
            area.left - 6.0,
            y + 4.0,
            "start",
            "tick",
            tell(tick),
        ));
    }
    group
}

/// The class of a colour.
pub(super) fn colour(series: usize) -> String {
    format!("c{}", series % COLOURS)
}

/// A line through points in the colour and dash of its series.
pub(super) fn curve(series: usize, class: &str, path: String) -> Element {
    let element = Element::new("path")
        .set("class", format!("{class} {}", colour(series)))
        .set("d", path);
    match DASHES[series / COLOURS % DASHES.len()] {
        "" => element,
        dash => element.set("stroke-dasharray", dash),
    }
}

/// A mark in the colour and shape of its series.
pub(super) fn mark(series: usize, hollow: bool, x: f64, y: f64) -> Element {
    let points = |points: &[(f64, f64)]| {
        let at: Vec<(f64, f64)> = points.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        Element::new("path").set("d", super::scale::path(at) + "Z")
    };
    let shape = match series % 5 {
        0 => Element::new("circle").at("cx", x).at("cy", y).set("r", "4.5"),
        1 => points(&[(-4.0, -4.0), (4.0, -4.0), (4.0, 4.0), (-4.0, 4.0)]),
        2 => points(&[(0.0, -5.5), (5.0, 4.0), (-5.0, 4.0)]),
        3 => points(&[(0.0, -6.0), (6.0, 0.0), (0.0, 6.0), (-6.0, 0.0)]),
        _ => points(&[(0.0, 5.5), (5.0, -4.0), (-5.0, -4.0)]),
    };
    let kind = if hollow { "mark hollow" } else { "mark" };
    shape.set("class", format!("{kind} {}", colour(series)))
}

/// A bar for an interval with its ends, lying or standing.
pub(super) fn interval(series: usize, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> Element {
    let (dx, dy) = if (y1 - y2).abs() < 0.05 { (0.0, 3.0) } else { (3.0, 0.0) };
    let path = [
        super::scale::path([(x1, y1), (x2, y2)]),
        super::scale::path([(x1 - dx, y1 - dy), (x1 + dx, y1 + dy)]),
        super::scale::path([(x2 - dx, y2 - dy), (x2 + dx, y2 + dy)]),
    ];
    Element::new("path")
        .set("class", format!("interval {}", colour(series)))
        .set("d", path.concat())
}

/// Entries of a legend from a place on, each with its mark.
pub(super) fn legend(x: f64, y: f64, entries: &[(usize, &str)]) -> Element {
    let mut group = Element::new("g").set("class", "legend");
    let mut at = x;
    for (series, text) in entries {
        group = group
            .with(mark(*series, false, at + 5.0, y - 4.0))
            .with(words(at + 15.0, y, "start", "tick", *text));
        at += entry(text);
    }
    group
}

/// A legend in as many rows as its entries need up to the right, and the height of those after the first.
pub(super) fn legend_in_rows(x: f64, y: f64, right: f64, entries: &[(usize, &str)]) -> (Element, f64) {
    let mut rows: Vec<Vec<(usize, &str)>> = Vec::new();
    let mut at = right;
    for one in entries {
        if at + entry(one.1) > right {
            rows.push(Vec::new());
            at = x;
        }
        at += entry(one.1);
        rows.last_mut().expect("invariant: one at least").push(*one);
    }
    let below = |row: usize| row as f64 * LEGEND_ROW;
    let drawn = rows.iter().enumerate().map(|(row, of)| legend(x, y + below(row), of));
    (Element::new("g").with_all(drawn), below(rows.len().saturating_sub(1)))
}

/// What an entry of a legend takes with its mark and the space behind it.
fn entry(text: &str) -> f64 {
    34.0 + width(text)
}

/// How wide a text is, about.
pub(super) fn width(text: &str) -> f64 {
    text.chars().count() as f64 * CHARACTER
}

/// A text that is at most so wide; what is left out is an ellipsis in the middle, because names differ at their ends.
pub(super) fn fitted(text: &str, most: f64) -> String {
    let characters: Vec<char> = text.chars().collect();
    let fit = (most / CHARACTER) as usize;
    if characters.len() <= fit {
        return text.to_owned();
    }
    let (head, tail) = (
        fit.saturating_sub(1) / 2,
        fit.saturating_sub(1) - fit.saturating_sub(1) / 2,
    );
    let ends = [&characters[..head], &['…'], &characters[characters.len() - tail..]];
    ends.concat().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legend_goes_on_in_the_next_row() {
        let entries = [(0, "first"), (1, "second"), (2, "third")];
        let rows = |right| {
            let (drawn, more) = legend_in_rows(0.0, 16.0, right, &entries);
            (drawn.render().matches("class=\"legend\"").count(), more)
        };
        assert_eq!(rows(1_000.0), (1, 0.0));
        assert_eq!(rows(160.0), (2, LEGEND_ROW));
        assert_eq!(rows(10.0), (3, 2.0 * LEGEND_ROW), "one at least in each");
    }

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(fitted("abcdefghij", 7.0 * CHARACTER), "abc…hij");
        assert_eq!(fitted("abc", 7.0 * CHARACTER), "abc");
    }
}
