//! Two factors against each other.

use tribunal_model::trial::Level;
use tribunal_stats::comparison::Metric;

use crate::analysis::{Analysis, CellFigures, Group, Load, text};
use crate::markdown::{code, escape};
use crate::markup::Element;

use super::draw::{canvas, fitted, hover, rectangle, width, words};
use super::{Plot, at, numbered};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 34.0;
const WIDEST: f64 = 150.0;

/// Levels of a factor that fit.
const MOST_LEVELS: usize = 12;

/// A factor with its levels in the order of the cells.
type Factor<'a> = (&'a str, Vec<&'a str>);

/// A map for each group in which two factors vary.
pub(super) fn plots(analysis: &Analysis) -> Vec<Plot> {
    let maps = analysis.groups.iter().enumerate();
    maps.filter_map(|(place, group)| plot(analysis, group, place)).collect()
}

fn plot(analysis: &Analysis, group: &Group, place: usize) -> Option<Plot> {
    let metric = if group.load == Load::Saturated {
        Metric::DeliveredRate
    } else {
        Metric::ResponseP99
    };
    let mut factors = varying(group);
    // A stable sort: of factors with as many levels, the first written ones.
    factors.sort_by_key(|(_, levels)| std::cmp::Reverse(levels.len()));
    let [across, down, rest @ ..] = factors.as_slice() else {
        return None;
    };
    let baseline = group.cell(group.baseline)?;
    let fixed: Vec<&Level> = baseline
        .levels
        .iter()
        .filter(|level| rest.iter().any(|(name, _)| *name == level.factor))
        .collect();
    let at_place = |column: &str, line: &str| {
        group.cells.iter().find(|cell| {
            has(cell, across.0, column)
                && has(cell, down.0, line)
                && fixed.iter().all(|level| has(cell, &level.factor, &level.value))
        })
    };
    let told = |cell: &CellFigures| Some(cell.figure(metric)?.estimate?.mean);
    let values: Vec<f64> = (across.1.iter())
        .flat_map(|column| down.1.iter().filter_map(|line| told(at_place(column, line)?)))
        .collect();
    if values.len() < 2 || across.1.len() > MOST_LEVELS || down.1.len() > MOST_LEVELS {
        return None;
    }
    let title = format!(
        "Map of {}: {} by {}{}",
        text::metric(metric),
        across.0,
        down.0,
        at(analysis, group)
    );
    let description = format!(
        "{} for each pair of levels of {} and {}.",
        text::metric(metric),
        across.0,
        down.0
    );
    let mut about = format!(
        "Geometric means of the valid trials; a stronger colour is {}.",
        match metric.direction() {
            tribunal_stats::comparison::Direction::LowerIsBetter => "a longer time",
            tribunal_stats::comparison::Direction::HigherIsBetter => "a higher rate",
        }
    );
    if !fixed.is_empty() {
        let levels: Vec<String> = fixed
            .iter()
            .map(|level| code(&format!("{}={}", level.factor, level.value)))
            .collect();
        about += &format!(
            " The other factors are at the baseline's levels: {}.",
            crate::format::list(&levels)
        );
    }
    if group.cells.iter().any(|cell| told(cell).is_none()) {
        about += &escape(" A pair without a figure is marked –; Cells says why.");
    }
    let span = Span::of(&values);
    let left = down
        .1
        .iter()
        .map(|level| width(level))
        .fold(width(down.0), f64::max)
        .min(WIDEST)
        + 20.0;
    let each = ((WIDTH - left - 10.0) / across.1.len() as f64).min(160.0);
    let mut svg = canvas(WIDTH, 58.0 + HEIGHT * down.1.len() as f64, &title, &description)
        .with(words(left, 16.0, "start", "panel", across.0))
        .with(words(left - 10.0, 40.0, "end", "panel", fitted(down.0, WIDEST)));
    for (place, column) in across.1.iter().enumerate() {
        let middle = left + each * (place as f64 + 0.5);
        svg = svg.with(words(middle, 40.0, "middle", "tick", fitted(column, each - 4.0)).with(hover(*column)));
    }
    for (row, line) in down.1.iter().enumerate() {
        let y = 48.0 + HEIGHT * row as f64;
        svg = svg
            .with(words(left - 10.0, y + HEIGHT / 2.0 + 4.0, "end", "tick", fitted(line, WIDEST)).with(hover(*line)));
        for (place, column) in across.1.iter().enumerate() {
            let x = left + each * place as f64;
            svg = svg.with(tile(at_place(column, line), metric, &span, (x, y, each)));
        }
    }
    Some(Plot {
        name: numbered("two-factors", place),
        picture: svg,
        title,
        about,
        choices: Vec::new(),
    })
}

fn has(cell: &CellFigures, factor: &str, value: &str) -> bool {
    cell.levels
        .iter()
        .any(|level| level.factor == factor && level.value == value)
}

/// The factors that vary among the cells.
fn varying(group: &Group) -> Vec<Factor<'_>> {
    let mut factors: Vec<Factor> = Vec::new();
    for level in group.cells.iter().flat_map(|cell| &cell.levels) {
        match factors.iter_mut().find(|(name, _)| *name == level.factor) {
            Some((_, levels)) if levels.contains(&level.value.as_str()) => {}
            Some((_, levels)) => levels.push(&level.value),
            None => factors.push((&level.factor, vec![&level.value])),
        }
    }
    factors.retain(|(_, levels)| levels.len() > 1);
    factors
}

/// From the least to the greatest value, by their logarithms.
#[derive(Debug)]
struct Span(f64, f64);

impl Span {
    fn of(values: &[f64]) -> Self {
        let ends = values.iter().map(|value| value.max(f64::MIN_POSITIVE).ln());
        ends.fold(Self(f64::INFINITY, f64::NEG_INFINITY), |span, value| {
            Self(span.0.min(value), span.1.max(value))
        })
    }

    /// How strong the colour is: weak enough to read what stands on it.
    fn strength(&self, value: f64) -> f64 {
        let share = if self.1 > self.0 {
            (value.max(f64::MIN_POSITIVE).ln() - self.0) / (self.1 - self.0)
        } else {
            0.5
        };
        0.06 + 0.44 * share
    }
}

fn tile(cell: Option<&CellFigures>, metric: Metric, span: &Span, (x, y, each): (f64, f64, f64)) -> Element {
    let figure = cell.and_then(|cell| cell.figure(metric));
    let estimate = figure.and_then(|figure| figure.estimate);
    let told = match (
        figure.and_then(text::figure),
        figure.and_then(|figure| figure.untold.clone()),
    ) {
        (Some(told), _) => told,
        (None, Some(why)) => why,
        (None, None) => "no such cell".to_owned(),
    };
    let name = cell.map_or_else(String::new, |cell| format!("{}: ", cell.text));
    let (class, short) = match &estimate {
        Some(estimate) => ("cell", text::value(metric, estimate.mean)),
        None => ("absent", crate::format::ABSENT.to_owned()),
    };
    let mut square = rectangle(class, x, y, each, HEIGHT);
    if let Some(estimate) = estimate {
        square = square.set("fill-opacity", format!("{:.2}", span.strength(estimate.mean)));
    }
    Element::new("g").with(hover(name + &told)).with(square).with(words(
        x + each / 2.0,
        y + HEIGHT / 2.0 + 4.0,
        "middle",
        "label",
        short,
    ))
}
