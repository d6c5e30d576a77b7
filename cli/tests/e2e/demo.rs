//! README's first command, on librdkafka's mock broker.

use tribunal_report::experiment::ExperimentState;

use crate::support::{Bench, alone};

#[test]
fn the_demo_ends_with_a_report_that_says_a_mock_was_measured() {
    let _turn = alone();
    let bench = Bench::new();
    let out = bench.out();
    let demo = bench.start(&["demo", "--out", out.to_str().unwrap()]).finish();
    assert!(matches!(demo.code, Some(0 | 3)), "{:#?}", demo.err);
    let report = bench.report();
    assert_eq!(
        (report.facts.state, report.results.len()),
        (ExperimentState::Complete, 8)
    );
    for result in &report.results {
        assert_eq!(result.agents.len(), 2);
        assert!(result.parts.iter().all(|part| part.fates.balanced()));
        assert_eq!(
            (result.audit.lost(), result.audit.surplus()),
            (0, 0),
            "{:?}",
            result.audit
        );
    }
    let markdown = std::fs::read_to_string(out.join("report.md")).unwrap();
    assert!(markdown.lines().next().unwrap().contains("mock broker"), "in the title");
    let conclusion = markdown.split("## Conclusion").nth(1).unwrap();
    assert!(conclusion.contains("mock broker"), "in the conclusion");
    assert!(
        demo.out.iter().any(|line| line.contains("mock broker")),
        "under the table"
    );
}
