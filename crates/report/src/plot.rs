//! Plots: from what the analysis says to SVG, drawn here.
//!
//! What may not be told is not drawn: percentiles that need more records, latencies of a closed loop, figures of cells that
//! did not keep up, anything of an invalid trial but its own course over time.

#![expect(
    clippy::format_push_string,
    reason = "reads better than write!, whose error cannot happen in memory"
)]

mod costs;
mod draw;
mod effects;
mod heat;
mod latency;
mod mean;
mod percentiles;
mod rows;
mod scale;
mod series;
mod tradeoff;

use crate::analysed::Analysed;
use crate::analysis::{Analysis, Group, Load};
use crate::experiment::ExperimentReport;
use crate::markup::Element;

pub(crate) use percentiles::Choice;
pub(crate) use series::over_time;

/// Rows of a plot before the rest is left to tables.
const MOST_ROWS: usize = 40;

/// Colours for both themes, where a page has not set them.
pub(crate) const COLOURS: &str = include_str!("plot/colours.css");

/// How the parts of plots look, by those colours.
pub(crate) const STYLE: &str = include_str!("plot/plot.css");

/// A picture with what must be said of it.
#[derive(Debug)]
pub(crate) struct Plot {
    /// Of its file.
    pub(crate) name: String,
    /// A heading.
    pub(crate) title: String,
    /// What it shows, what it leaves out and why, in the Markdown of sections.
    pub(crate) about: String,
    /// The picture.
    pub(crate) picture: Element,
    /// The curves that can be chosen; none where all are shown.
    pub(crate) choices: Vec<Choice>,
}

impl Plot {
    /// Its title and what must be said of it, in the Markdown of sections.
    pub(crate) fn words(&self) -> String {
        format!("**{}.** {}", crate::markdown::escape(&self.title), self.about)
    }
}

/// Draws the plots of an experiment; outputs take them from [`Analysed::plots`].
pub(crate) fn plots(report: &ExperimentReport, analysis: &Analysis) -> Vec<Plot> {
    let paced = || analysis.groups.iter().filter(|group| group.load != Load::Saturated);
    let mut plots = Vec::new();
    if paced().count() > 1 {
        plots.extend(tradeoff::plot(analysis));
    }
    plots.extend(
        paced()
            .enumerate()
            .filter_map(|(place, group)| latency::paced(analysis, group, place)),
    );
    if paced().count() == 1 {
        plots.extend(tradeoff::plot(analysis));
    }
    let saturated = analysis.groups.iter().filter(|group| group.load == Load::Saturated);
    plots.extend(saturated.filter_map(latency::saturated));
    plots.extend(
        paced()
            .enumerate()
            .filter_map(|(place, group)| percentiles::plot(report, group, place)),
    );
    plots.extend(effects::plots(analysis));
    plots.extend(heat::plots(analysis));
    plots.extend(mean::plot(report));
    plots.extend(costs::plot(report));
    plots
}

/// The files of the plots that stand beside `report.md`: their names and contents.
pub fn files(of: &Analysed<'_>) -> Vec<(String, String)> {
    of.plots()
        .iter()
        .map(|plot| (file(plot), standalone(plot.picture.clone())))
        .collect()
}

/// The name of a plot's file.
pub(crate) fn file(plot: &Plot) -> String {
    format!("report-{}.svg", plot.name)
}

/// The pictures as Markdown, each with what must be said of it.
pub(crate) fn pictures(plots: &[Plot]) -> String {
    if plots.is_empty() {
        return String::new();
    }
    let mut text = "### Plots\n\n".to_owned();
    for plot in plots {
        let alternative = crate::markdown::escape(&plot.title);
        text += &format!("![{alternative}]({})\n\n{}\n\n", file(plot), plot.words());
    }
    text
}

/// A picture that brings its colours along.
fn standalone(picture: Element) -> String {
    let style = Element::new("style").ours(COLOURS).ours(STYLE);
    let background = Element::new("rect")
        .set("width", "100%")
        .set("height", "100%")
        .set("fill", "var(--page)");
    let alone = picture.set("xmlns", "http://www.w3.org/2000/svg");
    alone.first([style, background]).render() + "\n"
}

/// The name of a plot of which there may be one for each load.
fn numbered(name: &str, place: usize) -> String {
    match place {
        0 => name.to_owned(),
        place => format!("{name}-{}", place + 1),
    }
}

/// A group's load as it ends a title, where there are several.
fn at(analysis: &Analysis, group: &Group) -> String {
    if analysis.groups.len() > 1 {
        format!(", {}", crate::analysis::text::under(&group.load))
    } else {
        String::new()
    }
}
