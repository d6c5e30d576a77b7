//! `report.html`: one file that asks no network for anything, for every theme, width and reader.
//!
//! Its words are those of `report.md`, read as a tree of blocks. What needs a hand is done by HTML and CSS alone; the
//! script only adds sorting, filtering, copying and the choice of a theme.

#![expect(
    clippy::format_push_string,
    reason = "reads better than write!, whose error cannot happen in memory"
)]

mod answer;
mod blocks;
mod cells;
mod compared;
mod course;
mod figure;
mod method;

use crate::analysed::Analysed;
use crate::markdown;
use crate::markup::Element;
use crate::plot;

pub use compared::render as render_compared;

const PAGE_STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// The first section of every page.
const ANSWER: &str = "The answer";

/// The digest of the script, so that no other one is run, whatever got into the page.
const SCRIPT_DIGEST: &str = include_str!("html/page.js.sha256");

/// The report as HTML: first the answer, then the sections of `report.md`.
pub fn render(of: &Analysed<'_>) -> String {
    let report = of.report;
    let sections = markdown::sections(of);
    let mut main = Element::new("main").set("id", "main").with(answer::section(of));
    for (heading, body) in &sections {
        main = main.with(filled(of, heading, body));
    }
    let main = main.with(method::section(report));
    let headings = sections.iter().map(|(heading, _)| *heading);
    let headings = [ANSWER].into_iter().chain(headings).chain([method::HEADING]);
    let title = markdown::title(report);
    whole(
        head(&title, &figure::switches(of.plots())),
        header(&title, &markdown::about(report)),
        navigation(headings),
        main,
    )
}

/// A page from its parts.
fn whole(head: Element, header: Element, navigation: Element, main: Element) -> String {
    let body = Element::new("body")
        .with(
            Element::new("a")
                .set("class", "skip")
                .set("href", "#main")
                .text("Skip to the answer"),
        )
        .with(header)
        .with(navigation)
        .with(main)
        .with(Element::new("script").ours(SCRIPT));
    let html = Element::new("html").set("lang", "en").with(head).with(body);
    format!("<!doctype html>\n{}\n", html.render())
}

/// What a page is called, how it looks, and what it may do; `switches` are rules of style.
fn head(title: &str, switches: &str) -> Element {
    let meta = |name, content: &str| Element::new("meta").set("name", name).set("content", content);
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        SCRIPT_DIGEST.trim()
    );
    Element::new("head")
        .with(Element::new("meta").set("charset", "utf-8"))
        .with(
            Element::new("meta")
                .set("http-equiv", "Content-Security-Policy")
                .set("content", policy),
        )
        .with(meta("viewport", "width=device-width, initial-scale=1"))
        .with(meta("generator", "Tribunal"))
        .with(Element::new("title").text(title))
        .with(
            Element::new("style")
                .ours(plot::COLOURS)
                .ours(PAGE_STYLE)
                .ours(plot::STYLE)
                .text(switches),
        )
}

/// What stands above all sections.
fn header(title: &str, about: &str) -> Element {
    let theme = Element::new("button")
        .set("type", "button")
        .set("id", "theme")
        .set("hidden", "hidden")
        .text("Theme: as the system");
    let header = Element::new("header")
        .with(Element::new("p").set("class", "brand").text("Tribunal"))
        .with(theme)
        .with(Element::new("h1").text(title));
    blocks::all(header, about, &[])
}

/// A section of `report.md` with what the page has besides.
fn filled(of: &Analysed<'_>, heading: &'static str, body: &str) -> Element {
    let mut section = section(heading);
    if heading == "Results" {
        section = section.with_all(cells::table(of));
    }
    let section = blocks::all(section, body, of.plots());
    match heading {
        "Results" => section.with_all(course::over_time(of.report)),
        "Workload" => section.with_all(method::plan(of.report)),
        _ => section,
    }
}

/// A section with its heading.
fn section(heading: &str) -> Element {
    let id = anchor(heading);
    Element::new("section")
        .set("aria-labelledby", id.clone())
        .with(Element::new("h2").set("id", id).text(heading))
}

/// The name of a heading in links: of our own words only.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

fn navigation<'a>(headings: impl Iterator<Item = &'a str>) -> Element {
    let links = headings.map(|heading| {
        let link = Element::new("a")
            .set("href", format!("#{}", anchor(heading)))
            .text(heading);
        Element::new("li").with(link)
    });
    Element::new("nav")
        .set("aria-label", "Sections")
        .with(Element::new("ul").with_all(links))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_the_script_that_there_is() {
        assert_eq!(
            SCRIPT_DIGEST.trim(),
            STANDARD.encode(Sha256::digest(SCRIPT)),
            "html/page.js was changed: its digest belongs into html/page.js.sha256"
        );
    }
}
