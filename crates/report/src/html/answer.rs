//! The first screen: what may be said, how sure it is, and what must be known besides.

mod best;

use crate::analysed::Analysed;
use crate::experiment::ExperimentReport;
use crate::format::count;
use crate::markdown::{self, escape};
use crate::markup::Element;

use super::blocks::words;
use super::figure;

/// Loads and cells that are told here; all of them are below.
const SHOWN: usize = 3;

/// The answer with its evidence.
pub(super) fn section(of: &Analysed<'_>) -> Element {
    let mut section = super::section(super::ANSWER);
    for told in best::answers(of) {
        section = section.with(words(Element::new("p").set("class", "headline"), &told.words));
        if !told.reasons.is_empty() {
            section = section.with(words(Element::new("p"), &told.reasons));
        }
        section = section.with_all(told.gain);
    }
    section = section.with(counts(of.report));
    let doubts = doubts(of);
    if !doubts.is_empty() {
        let items = doubts.iter().map(|doubt| words(Element::new("li"), doubt));
        let list = Element::new("ul").with_all(items);
        section = section.with(
            Element::new("div")
                .set("class", "doubts")
                .with(Element::new("h3").text("To know before using it"))
                .with(list),
        );
    }
    section.with_all(of.plots().first().map(figure::figure))
}

/// Trials by how they ended.
fn counts(report: &ExperimentReport) -> Element {
    let valid = report.results.iter().filter(|r| r.verdict.valid()).count();
    let tile = |number: usize, name: &str, class: &'static str| {
        Element::new("li")
            .set("class", class)
            .with(Element::new("strong").text(count(number as u64)))
            .text(format!(" {name}"))
    };
    let invalid = report.results.len() - valid;
    let mut list = Element::new("ul")
        .set("class", "counts")
        .with(tile(
            valid,
            if valid == 1 {
                "trial is valid"
            } else {
                "trials are valid"
            },
            "good",
        ))
        .with(tile(
            invalid,
            "INVALID, in nothing",
            if invalid > 0 { "bad" } else { "" },
        ));
    if !report.void_attempts.is_empty() {
        let attempts = report.void_attempts.len();
        list = list.with(tile(
            attempts,
            if attempts == 1 { "void attempt" } else { "void attempts" },
            "",
        ));
    }
    if !report.given_up.is_empty() {
        list = list.with(tile(report.given_up.len(), "given up", "bad"));
    }
    list
}

/// What speaks against using the answer as it is.
fn doubts(of: &Analysed<'_>) -> Vec<String> {
    let report = of.report;
    let mut doubts = markdown::doubts(report);
    doubts.extend(invalid(report));
    if report.results.iter().any(|r| r.verdict.valid()) && !report.facts.mock {
        let own = [
            markdown::drifted(&of.analysis),
            report.searches.is_empty().then(|| markdown::reservation(of)),
            markdown::page_cache(report),
        ];
        doubts.extend(own.into_iter().flatten());
    }
    doubts
}

/// Which trials enter nothing, and the first reason for each.
fn invalid(report: &ExperimentReport) -> Option<String> {
    let invalid: Vec<_> = report.results.iter().filter(|r| !r.verdict.valid()).collect();
    let told: Vec<String> = invalid
        .iter()
        .take(SHOWN)
        .filter_map(|r| {
            let reason = r.verdict.caveats.iter().find(|caveat| caveat.invalidates())?;
            Some(format!("{} is INVALID: {}", r.trial, escape(&reason.to_string())))
        })
        .collect();
    let more = match invalid.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" {} more are INVALID; *Verdicts* says why.", count(more as u64)),
    };
    (!told.is_empty()).then(|| told.join(" ") + &more)
}
