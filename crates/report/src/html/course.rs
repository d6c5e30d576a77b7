//! Each trial over time.

use crate::experiment::ExperimentReport;
use crate::format::{count, plural};
use crate::markup::Element;
use crate::plot::over_time as picture;
use crate::result::TrialResult;

use super::blocks::scrolled;

/// Trials that are drawn; the samples of all are in `report.json`.
const MOST_TRIALS: usize = 600;

/// Trials that are not folded away.
const OPEN: usize = 6;

/// The heading with a picture of each trial; nothing where no trial has samples.
pub(super) fn over_time(report: &ExperimentReport) -> Vec<Element> {
    let drawn: Vec<Element> = report.results.iter().take(MOST_TRIALS).filter_map(figure).collect();
    if drawn.is_empty() {
        return Vec::new();
    }
    let mut about = "Of each trial by seconds from t0, one-second samples merged over agents: warm-up shaded warm, the measurement \
                     window cool, the cool-down not at all. Response times are p50, p99 and p99.9 from below, each where its \
                     second has records enough. A trial is one observation of its cell: these pictures show what happened in it and \
                     compare nothing."
        .to_owned();
    if report.results.len() > MOST_TRIALS {
        about += &format!(
            " The first {} of {} are drawn; the samples of all are in report.json.",
            count(MOST_TRIALS as u64),
            plural(report.results.len() as u64, "trial")
        );
    }
    let mut elements = vec![Element::new("h3").text("Over time"), Element::new("p").text(about)];
    let number = drawn.len();
    let mut drawn = drawn.into_iter();
    elements.extend(drawn.by_ref().take(OPEN));
    if number > OPEN {
        let line = format!("{} more", plural((number - OPEN) as u64, "trial"));
        elements.push(
            Element::new("details")
                .with(Element::new("summary").text(line))
                .with_all(drawn),
        );
    }
    elements
}

fn figure(result: &TrialResult) -> Option<Element> {
    let picture = picture(result)?;
    let cell = result.cell_text();
    let mut caption = Element::new("figcaption")
        .with(Element::new("strong").text(result.trial.to_string()))
        .text(" ")
        .with(Element::new("code").text(if cell.is_empty() { "baseline".to_owned() } else { cell }));
    if !result.purpose.compared() {
        caption = caption.text(format!(" {}", result.purpose));
    }
    let caption = if result.verdict.valid() {
        caption.text(format!(", valid, bound by {}", result.verdict.bound_by))
    } else {
        caption
            .text(", ")
            .with(Element::new("strong").set("class", "bad").text("INVALID"))
    };
    let label = format!("{} over time", result.trial);
    Some(
        Element::new("figure")
            .set("class", "course")
            .with(caption)
            .with(scrolled(&label, picture)),
    )
}
