//! `report.html`, and the pictures beside `report.md`.

use std::path::PathBuf;
use std::time::Instant;

use tribunal_model::ids::CellId;
use tribunal_report::analysed::Analysed;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::{html, markdown, plot};
use tribunal_stats::Latencies;

use crate::{compared, fixture};

/// The page with a line for each element of its frame, so that a difference can be read; style and script are left out.
fn readable(page: &str) -> String {
    let without = |page: &str, from: &str, to: &str| {
        let (before, rest) = page.split_once(from).expect("a beginning");
        let (_, after) = rest.split_once(to).expect("an end");
        format!("{before}{from}…{to}{after}")
    };
    let page = without(&without(page, "<style>", "</style>"), "<script>", "</script>");
    [
        "<section",
        "<p",
        "<h3",
        "<figure",
        "<table",
        "<tr",
        "<li",
        "<details",
        "<g",
        "<text",
        "<path",
        "</section",
    ]
    .into_iter()
    .fold(page, |page, element| page.replace(element, &format!("\n{element}")))
}

#[test]
fn a_page_of_a_cluster_is_made_of_this() {
    insta::assert_snapshot!(
        "cluster.html",
        readable(&html::render(&Analysed::of(&fixture::on_a_cluster())))
    );
}

#[test]
fn pictures_of_six_blocks_are_drawn_like_this() {
    let files = plot::files(&Analysed::of(&fixture::in_blocks()));
    let told: Vec<String> = files
        .iter()
        .map(|(name, svg)| format!("{name}\n{}", svg.split("</style>").nth(1).expect("a picture")))
        .collect();
    insta::assert_snapshot!("blocks.svg", told.join("\n").replace("><", ">\n<"));
}

#[test]
fn a_throttle_stands_beside_the_stack_of_the_mean_and_in_none_of_its_parts() {
    let mean = |report: &ExperimentReport| {
        let mut files = plot::files(&Analysed::of(report)).into_iter();
        let of_mean = files.find(|(_, svg)| svg.contains("Where the mean goes"));
        of_mean.expect("a picture").1
    };
    // What a pointer that rests on a part of a bar is told, and the sums beside the bars.
    let parts = |svg: &str| -> Vec<String> {
        let told = svg
            .split("<title>")
            .skip(2)
            .filter_map(|rest| Some(rest.split_once('<')?.0.to_owned()));
        told.filter(|text| !text.contains("throttle")).collect()
    };
    let with = fixture::with_brokers();
    let mut without = with.clone();
    for broker in without
        .results
        .iter_mut()
        .flat_map(|r| r.statistics.brokers.values_mut())
    {
        broker.throttle = Latencies::default();
    }
    let (throttled, plain) = (mean(&with), mean(&without));
    assert!(parts(&plain).len() > 6, "{plain}");
    assert_eq!(parts(&throttled), parts(&plain));
    assert!(
        throttled.contains("40.0 ms × 24 answers") && throttled.contains("throttle, no part"),
        "{throttled}"
    );
    assert!(!plain.contains("throttle"), "{plain}");
    let reason = "Throttle stands beside the parts and is none of them";
    let (with, without) = (Analysed::of(&with), Analysed::of(&without));
    assert!(markdown::render(&with).contains(reason) && html::render(&with).contains(reason));
    assert!(!html::render(&without).contains(reason));
}

#[test]
fn every_picture_that_a_report_names_is_among_its_files() {
    for report in fixture::all() {
        let analysed = Analysed::of(&report);
        let text = markdown::render(&analysed);
        let named: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("![")?.split_once("](")?.1.strip_suffix(')'))
            .collect();
        let files: Vec<String> = plot::files(&analysed).into_iter().map(|(name, _)| name).collect();
        assert_eq!(named, files);
    }
}

#[test]
fn a_page_asks_for_nothing_and_runs_no_script_but_its_own() {
    let page = html::render(&Analysed::of(&fixture::in_blocks()));
    assert!(page.contains("default-src 'none'"), "{}", &page[..400]);
    for asking in ["src=", "@import", "url(", "<link", "<img", "<iframe"] {
        assert!(!page.contains(asking), "{asking}");
    }
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(!page.contains("://"), "an address");
}

#[test]
fn hostile_names_are_text() {
    let hostile = "<script>alert(1)</script>\"'|`*\u{202e}\u{5d0}&amp;";
    let mut report = fixture::in_blocks();
    report.facts.name = hostile.into();
    report.facts.plan = Some(hostile.into());
    report.facts.notes = vec![(hostile.into(), hostile.into())];
    for result in &mut report.results {
        for level in &mut result.levels {
            level.factor += hostile;
            level.value += hostile;
        }
        result.workload.properties.push((hostile.into(), hostile.into()));
    }
    let analysed = Analysed::of(&report);
    let page = html::render(&analysed);
    assert_eq!(page.matches("<script").count(), 1, "the page's own");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'|`*\u{202e}\u{5d0}&amp;amp;"));
    for (name, svg) in plot::files(&analysed) {
        assert!(!svg.contains("<script"), "{name}");
    }
}

/// As many cells as anybody would run, each once, under one load.
fn of_cells(number: u32) -> ExperimentReport {
    let mut report = fixture::in_blocks();
    let result = report.results.remove(1);
    report.results = (0..number)
        .map(|place| {
            let mut result = result.clone();
            result.purpose = tribunal_model::design::Purpose::Cell;
            result.block = 0;
            result.trial.0 = place + 1;
            result.cell = CellId(place + 1);
            result.levels[0].value = (place / 20).to_string();
            result.levels[1].value = (place % 20).to_string();
            // Nothing real is as even as the fixture's seconds.
            for (second, sample) in (1u64..).zip(&mut result.samples) {
                let noise = second * 7919 % 1013 + u64::from(place);
                sample.activity.acknowledged -= noise;
                sample.activity.in_flight = noise;
                sample.response.p50_us = Some(2_000 + noise);
                sample.response.p99_us = Some(9_000 + 5 * noise);
                sample.response.p999_us = Some(30_000 + 17 * noise);
            }
            result
        })
        .collect();
    report
}

#[test]
fn five_hundred_cells_stay_under_five_megabytes() {
    let page = html::render(&Analysed::of(&of_cells(500)));
    assert!(page.len() < 5_000_000, "{}", page.len());
    assert!(
        page.contains("linger.ms=24 compression.type=19"),
        "the last one is there"
    );
}

#[test]
fn an_invalid_trial_has_its_reason_on_the_page() {
    let page = html::render(&Analysed::of(&fixture::on_a_cluster()));
    assert!(page.contains("t002 INVALID: "), "in its cell's row");
}

#[test]
fn a_mock_is_compared_on_no_page() {
    let page = html::render(&Analysed::of(&fixture::on_a_mock()));
    assert!(page.contains("A mock broker was measured: nothing here is about Kafka."));
    assert!(!page.contains("Pareto front, by the means"));
}

/// What the test in a browser opens; how many milliseconds each took to render is for `benches/report`.
#[test]
#[expect(clippy::disallowed_methods, reason = "for people to read: nothing waits for it")]
fn pages_are_written_for_a_browser() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report-pages");
    std::fs::create_dir_all(&folder).unwrap();
    let mut hostile = fixture::in_blocks();
    hostile.facts.name = "<script>document.title='hostile'</script> \u{202e}name | `x` **y**".into();
    hostile.facts.plan = Some("name = \"<img src=x onerror=alert(1)>\"\n".into());
    for result in &mut hostile.results {
        result.levels[0].value += "<b onclick=alert(1)>\u{5d0}";
    }
    let pages = [
        ("cluster", fixture::on_a_cluster()),
        ("mock", fixture::on_a_mock()),
        ("blocks", fixture::in_blocks()),
        ("search", fixture::in_search()),
        ("brokers", fixture::with_brokers()),
        ("consumers", fixture::consumed::with_consumers()),
        ("clients", fixture::of_clients()),
        ("hostile", hostile),
        ("cells", of_cells(500)),
    ];
    let mut took = Vec::new();
    for (name, report) in pages {
        let began = Instant::now();
        let page = html::render(&Analysed::of(&report));
        took.push(format!("{name} {:.1}\n", began.elapsed().as_secs_f64() * 1e3));
        std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
    std::fs::write(folder.join("rendered-ms"), took.concat()).unwrap();
    let compared = html::render_compared(&compared::regressed());
    std::fs::write(folder.join("compared.html"), compared).unwrap();
}
