//! Values with intervals, a row for each thing that has them.

use crate::markup::Element;

use super::draw::{
    Area, axis_below, canvas, fitted, hover, interval, label, legend, line, mark, rectangle, width, words,
};
use super::scale::{Kind, Scale};

const WIDTH: f64 = 860.0;
const ROW: f64 = 24.0;
/// Of the names on the left and the words on the right.
const WIDEST_NAME: f64 = 300.0;
const WIDEST_NOTE: f64 = 190.0;

/// A plot of rows.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    /// What the axis tells, with its unit or how to read it.
    pub(super) axis: &'a str,
    pub(super) kind: Kind,
    pub(super) lines: Vec<Row>,
    /// A value that the others are held against, with what lies so near that it does not matter.
    pub(super) against: Option<(f64, f64, f64)>,
    /// What the series are, where there are several.
    pub(super) legend: Vec<(usize, &'a str)>,
}

/// A row.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// What it is about.
    pub(super) name: String,
    /// Its values.
    pub(super) values: Vec<Value>,
    /// What is said of it on the right.
    pub(super) note: String,
    /// Whether it is to be seen first.
    pub(super) strong: bool,
}

/// A value with its interval.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) series: usize,
    pub(super) at: f64,
    pub(super) interval: Option<(f64, f64)>,
    /// It is told and must not be compared.
    pub(super) hollow: bool,
    /// The value in words.
    pub(super) told: String,
}

impl Rows<'_> {
    /// The picture; `tell` says a value of the axis.
    pub(super) fn draw(&self, tell: impl Fn(f64) -> String) -> Element {
        let widest = |of: &dyn Fn(&Row) -> &str, most: f64| {
            let widths = self.lines.iter().map(|row| width(of(row)));
            widths.fold(0.0, f64::max).min(most)
        };
        let top = if self.legend.is_empty() { 8.0 } else { 30.0 };
        let area = Area {
            left: widest(&|row| &row.name, WIDEST_NAME) + 22.0,
            right: WIDTH - widest(&|row| &row.note, WIDEST_NOTE) - 22.0,
            top,
            bottom: top + ROW * self.lines.len() as f64,
        };
        let values = self.lines.iter().flat_map(|row| &row.values);
        let ends = values.flat_map(|value| {
            let (low, high) = value.interval.unwrap_or((value.at, value.at));
            [value.at, low, high]
        });
        let against = self.against.iter().flat_map(|(value, low, high)| [*value, *low, *high]);
        let scale = Scale::holding(self.kind, ends.chain(against), area.left, area.right);
        let mut svg = canvas(WIDTH, area.bottom + 40.0, self.title, self.description);
        if let Some((_, low, high)) = self.against {
            let (from, to) = (scale.place(low), scale.place(high));
            svg = svg.with(rectangle("band", from, area.top, to - from, area.bottom - area.top));
        }
        svg = svg.with(axis_below(area, &scale, 6, self.axis, tell));
        if let Some((value, _, _)) = self.against {
            let x = scale.place(value);
            svg = svg.with(line("against", (x, area.top), (x, area.bottom)));
        }
        if !self.legend.is_empty() {
            svg = svg.with(legend(area.left, 16.0, &self.legend));
        }
        for (place, row) in self.lines.iter().enumerate() {
            svg = svg.with(self.row(row, area, &scale, area.top + ROW * (place as f64 + 0.5)));
        }
        svg
    }

    fn row(&self, row: &Row, area: Area, scale: &Scale, y: f64) -> Element {
        let class = if row.strong { "label strong" } else { "label" };
        let mut group = Element::new("g").with(label(area.left - 10.0, y + 4.0, class, &row.name, WIDEST_NAME));
        let several = self.legend.len().max(1) as f64;
        for value in &row.values {
            // Series of one row lie a little apart, so that none hides another's interval.
            let y = y + (value.series as f64 - (several - 1.0) / 2.0) * 5.0 * f64::from(several > 1.0);
            let mut marks = Element::new("g").with(hover(format!("{}: {}", row.name, value.told)));
            if let Some((low, high)) = value.interval {
                marks = marks.with(interval(value.series, (scale.place(low), y), (scale.place(high), y)));
            }
            group = group.with(marks.with(mark(value.series, value.hollow, scale.place(value.at), y)));
        }
        if row.note.is_empty() {
            return group;
        }
        let note = fitted(&row.note, WIDEST_NOTE);
        group.with(words(area.right + 12.0, y + 4.0, "start", class, note).with(hover(row.note.clone())))
    }
}
