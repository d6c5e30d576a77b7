//! How it was measured, and the plan.

use crate::experiment::ExperimentReport;
use crate::markup::Element;

use super::blocks::{verbatim, words};

/// The heading of the last section.
pub(super) const HEADING: &str = "How it was measured";

/// One paragraph for those who doubt, with the places where it is proved.
const METHOD: &str = "Each producer followed a schedule of intended sends that does not wait for the broker; response time runs \
    from the intended send to the delivery report, so that a record that had to wait for a slow broker is charged for the wait \
    (`METHODOLOGY.md`, sections 1 and 2). Every scheduled record has a fate, fates sum to the schedule, and acknowledged records \
    are held against the brokers' own offsets (section 3). Percentiles come from merged histograms, never from percentiles, and \
    only where there are records enough (sections 4 and 8). Agents started together within what their clocks allow (section 5); \
    whether the load was steady is tested (section 6). A trial that the harness or its host may have spoilt is INVALID and \
    enters nothing (section 7). Cells are compared within blocks, by the ratio, with Holm's method over all comparisons \
    (section 9). What Tribunal cannot tell is in section 13.";

/// The section.
pub(super) fn section(report: &ExperimentReport) -> Element {
    let version = if report.facts.version.is_empty() {
        "by Tribunal".to_owned()
    } else {
        format!("by Tribunal {}", report.facts.version)
    };
    super::section(HEADING)
        .with(words(Element::new("p"), METHOD))
        .with(Element::new("p").text(format!(
            "Every number is in report.json beside this file, a row for each trial in report.csv. Made {version}."
        )))
}

/// The plan as it was written, where it is known.
pub(super) fn plan(report: &ExperimentReport) -> Vec<Element> {
    let Some(plan) = &report.facts.plan else {
        return Vec::new();
    };
    let code = Element::new("code").text(plan.clone());
    vec![
        Element::new("h3").text("The plan"),
        verbatim("The plan", code).set("id", "plan"),
    ]
}
