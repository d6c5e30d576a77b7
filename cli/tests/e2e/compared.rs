//! Repetitions on a real cluster: blocks with a canary, a burn-in, and a report that compares with intervals.

use tribunal_model::design::Purpose;
use tribunal_report::result::TrialResult;

use crate::support::{Bench, LOOSE, alone, kafka, topics_left};

#[test]
fn repetitions_come_in_blocks_with_a_canary_and_the_report_shows_verdicts_and_intervals() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    let plan = format!(
        "name = \"compared\"\n[agents]\ncount = 2\n[cluster]\nbootstrap = \"{}\"\n[topic]\npartitions = 6\nreplication = 3\n\
         [workload]\nrate = \"1000/s\"\nproducers = 2\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"2s\"\nrepetitions = 3\nburn_in = \"1s\"\n[design]\nsettle = \"0s\"\n{LOOSE}\
         [factors]\n\"linger.ms\" = [5, 50]\n",
        kafka.bootstrap()
    );
    let run = bench.run_local(&plan, 2).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    let of = |purpose: &Purpose| report.results.iter().filter(|r| r.purpose == *purpose).count();
    assert_eq!(
        [Purpose::Cell, Purpose::Canary, Purpose::BurnIn].map(|purpose| of(&purpose)),
        [6, 3, 1]
    );
    for block in 0..3 {
        let in_block = |r: &&TrialResult| r.block == block && r.purpose == Purpose::Cell;
        let mut cells: Vec<String> = report
            .results
            .iter()
            .filter(in_block)
            .map(TrialResult::cell_text)
            .collect();
        cells.sort();
        assert_eq!(
            cells,
            ["linger.ms=5", "linger.ms=50"],
            "each cell once in block {block}"
        );
    }
    for result in &report.results {
        assert!(result.verdict.valid(), "{:?}", result.verdict);
        assert!(!result.checks.is_empty(), "the evidence is kept where all is well");
        assert_eq!(
            (result.audit.lost(), result.audit.repeated(), result.audit.outside()),
            (0, 0, 0)
        );
    }
    // What is compared depends on what a busy host let through; each of it has an interval, a margin and a verdict.
    let written = std::fs::read_to_string(bench.out().join("report.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    let group = &written["analysis"]["groups"][0];
    let rows = group["comparisons"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["metric"] == "delivered_rate"), "{group}");
    for row in rows {
        let contrast = &row["contrast"];
        let end = |interval: &str, end: &str| contrast[interval][end].as_f64().unwrap();
        assert!(end("interval", "low") < end("interval", "high"), "{row}");
        assert!(end("deciding", "low") <= end("interval", "low"), "{row}");
        let words = ["better", "worse", "equivalent", "inconclusive"];
        assert!(words.contains(&contrast["verdict"].as_str().unwrap()), "{row}");
        assert_eq!(
            (contrast["blocks"].as_u64(), contrast["few_blocks"].as_bool()),
            (Some(3), Some(true)),
            "{row}"
        );
    }
    let markdown = std::fs::read_to_string(bench.out().join("report.md")).unwrap();
    for text in ["Verdicts", "Against the baseline", "canary", "self-test"] {
        assert!(markdown.contains(text), "{text}");
    }
    assert_eq!(topics_left(kafka), Vec::<String>::new());
}
