//! What people and scripts get to see, as files to be read.

mod advice;
mod analysis;
mod caveats;
mod compared;
mod fixture;
mod formats;
mod pages;
mod pitfalls;
mod plotted;
mod schema;
mod traced;

use tribunal_model::design::{Mode, Purpose};
use tribunal_model::ids::TrialId;
use tribunal_report::analysed::Analysed;
use tribunal_report::brokers::{Spent, spent};
use tribunal_report::caveat::{BoundBy, Caveat};
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::{csv, json, markdown, table};

fn conclusion(report: &ExperimentReport) -> String {
    let text = markdown::render(&Analysed::of(report));
    text.split("## Conclusion\n\n").nth(1).expect("a conclusion").to_owned()
}

#[test]
fn a_report_of_a_cluster_reads_like_this() {
    insta::assert_snapshot!("cluster.md", markdown::render(&Analysed::of(&fixture::on_a_cluster())));
}

#[test]
fn a_report_of_a_mock_reads_like_this() {
    insta::assert_snapshot!("mock.md", markdown::render(&Analysed::of(&fixture::on_a_mock())));
}

#[test]
fn a_report_of_six_blocks_reads_like_this() {
    insta::assert_snapshot!("blocks.md", markdown::render(&Analysed::of(&fixture::in_blocks())));
}

#[test]
fn a_report_of_a_search_reads_like_this() {
    insta::assert_snapshot!("search.md", markdown::render(&Analysed::of(&fixture::in_search())));
}

#[test]
fn what_brokers_say_is_told_beside_why_one_says_nothing() {
    let text = markdown::render(&Analysed::of(&fixture::with_brokers()));
    let section = text
        .split("### Brokers\n\n")
        .nth(1)
        .and_then(|rest| rest.split("\n### ").next());
    insta::assert_snapshot!("brokers.md", section.expect("a section"));
    let without = markdown::render(&Analysed::of(&fixture::on_a_cluster()));
    assert!(!without.contains("### Brokers"), "nobody asked for them");
}

#[test]
fn what_the_cluster_spent_is_told_only_when_all_brokers_told() {
    let report = fixture::with_brokers();
    let all = spent(&report.results[0]);
    assert_eq!(all.cpu_seconds, Some(13.5));
    // 3 × 51.2 MB came for 300,000 records of 1,024 bytes.
    assert_eq!(all.bytes_in_per_byte, Some(0.5));
    let busy = spent(&report.results[1]);
    assert_eq!(busy.cpu_seconds, None, "one did not tell its own");
    assert_eq!(
        (busy.requests_per_mb, busy.bytes_in_per_byte),
        (None, Some(0.5)),
        "work for others"
    );
    for lacking in &report.results[2..] {
        assert_eq!(spent(lacking), Spent::default(), "one told nothing");
    }
}

#[test]
fn client_libraries_are_put_side_by_side() {
    let text = markdown::render(&Analysed::of(&fixture::of_clients()));
    let section = text
        .split("## Producers\n\n")
        .nth(1)
        .and_then(|rest| rest.split("Schedules are made").next());
    insta::assert_snapshot!("clients.md", section.expect("a section"));
    let alone = markdown::render(&Analysed::of(&fixture::on_a_cluster()));
    assert!(!alone.contains("### Client libraries"), "nothing to compare");
}

#[test]
fn a_row_for_each_trial_with_units_in_the_column_names() {
    insta::assert_snapshot!("cluster.csv", csv::render(&fixture::on_a_cluster()));
}

#[test]
fn a_terminal_shows_the_trials_in_a_table() {
    insta::assert_snapshot!(
        "cluster-utf8",
        table::render(&Analysed::of(&fixture::on_a_cluster()), true, None)
    );
    insta::assert_snapshot!(
        "blocks-utf8",
        table::render(&Analysed::of(&fixture::in_blocks()), true, None)
    );
    insta::assert_snapshot!(
        "search-ascii-80",
        table::render(&Analysed::of(&fixture::in_search()), false, Some(80))
    );
    insta::assert_snapshot!(
        "mock-ascii-72",
        table::render(&Analysed::of(&fixture::on_a_mock()), false, Some(72))
    );
}

#[test]
fn plain_tables_are_ascii_and_stay_within_their_width() {
    let text = table::render(&Analysed::of(&fixture::on_a_cluster()), false, Some(80));
    assert!(text.is_ascii(), "{text}");
    let table = text.split("p50, p99 and").next().expect("a table");
    assert!(
        table.lines().count() > 6 && table.lines().all(|line| line.len() <= 80),
        "{text}"
    );
}

#[test]
fn every_report_has_the_same_seven_sections() {
    let empty = ExperimentReport {
        results: Vec::new(),
        ..fixture::on_a_cluster()
    };
    for report in fixture::all().into_iter().chain([empty]) {
        let text = markdown::render(&Analysed::of(&report));
        let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let expected = [
            "Environment",
            "Topic configuration",
            "Workload",
            "Tuning",
            "Producers",
            "Results",
            "Conclusion",
        ];
        assert_eq!(headings, expected);
    }
}

#[test]
fn no_secret_reaches_a_report() {
    let mut report = fixture::on_a_cluster();
    for result in &mut report.results {
        result
            .workload
            .properties
            .push(("ssl.key.password".into(), "hunter2".into()));
        result.agents[0].producers[0]
            .configuration
            .push(("ssl.key.password".into(), "hunter2".into()));
    }
    let text = markdown::render(&Analysed::of(&report));
    assert!(!text.contains("hunter2") && text.contains("KAFKA_PASSWORD"), "{text}");
}

#[test]
fn an_invalid_trial_is_in_no_conclusion() {
    let mut report = fixture::on_a_cluster();
    let best = Caveat::AuditLost { lost: 1 };
    report.results[0].verdict.caveats.push(best);
    let text = conclusion(&report);
    assert!(text.contains("INVALID, and in nothing below: t001, t002."), "{text}");
    assert!(!text.contains("(t001)"), "{text}");
}

#[test]
fn without_a_valid_trial_nothing_is_concluded() {
    let mut report = fixture::on_a_cluster();
    for result in &mut report.results {
        result.verdict.caveats.push(Caveat::MissingReports { count: 3 });
    }
    let text = conclusion(&report);
    assert!(text.contains("No trial is valid: nothing can be concluded."), "{text}");
    assert!(!text.contains("Lowest"), "{text}");
}

#[test]
fn latencies_at_different_loads_are_not_ranked_together() {
    let mut report = fixture::on_a_cluster();
    report.results = (1..=4)
        .map(|n| fixture::trial(n, 0, if n % 2 == 0 { "0" } else { "5" }, i64::from(n) * 1_000_000))
        .collect();
    for result in &mut report.results[2..] {
        result.workload.rate = Some(5_000.0);
        result.rates.offered = Some(5_000.0);
        result.rates.delivered = Some(5_000.0);
    }
    let text = conclusion(&report);
    assert!(text.contains("compared under one load at a time"), "{text}");
    assert!(
        text.contains("compared at 5,000/s offered: 15.0 ms") && text.contains("compared at 10,000/s offered: 5.00 ms"),
        "{text}"
    );
}

#[test]
fn cells_that_delivered_different_rates_are_no_ranking() {
    let mut report = fixture::on_a_cluster();
    report.results = vec![
        fixture::trial(1, 0, "0", 1_000_000),
        fixture::trial(2, 0, "5", 2_000_000),
    ];
    report.results[1].rates.delivered = Some(9_800.0);
    let text = markdown::render(&Analysed::of(&report));
    assert!(
        text.contains("- `linger.ms=5`, response p50 and response p99: it delivered 9,800/s where the first cell"),
        "{text}"
    );
    assert!(!text.contains("Lowest response"), "{text}");
}

#[test]
fn a_closed_loop_is_told_by_its_rate_alone() {
    let mut report = fixture::on_a_mock();
    report.facts.mock = false;
    for result in &mut report.results {
        result.cluster.mock = false;
    }
    let text = conclusion(&report);
    assert!(
        text.contains("Closed loop, highest delivered rate of 1 cell: 812,346/s"),
        "{text}"
    );
    assert!(!text.contains("400 ms"), "{text}");
}

#[test]
fn the_geometric_mean_of_the_trials_stands_for_a_cell() {
    let mut report = fixture::on_a_cluster();
    report.facts.repetitions = 6;
    report.results = (0..12)
        .map(|n| {
            fixture::trial(
                n + 1,
                n / 2,
                if n % 2 == 0 { "0" } else { "5" },
                1_000_000 * i64::from(n + 1),
            )
        })
        .collect();
    let text = conclusion(&report);
    assert!(
        text.contains("23.4 ms [9.25 ms, 59.1 ms] with `linger.ms=0` (geometric mean of 6 trials)"),
        "{text}"
    );
    assert!(text.contains("Intervals are of 95 % over repetitions"), "{text}");
}

#[test]
fn a_cell_is_not_ranked_by_its_lucky_trial() {
    let mut report = fixture::on_a_cluster();
    report.results[1].verdict.caveats.clear();
    let text = conclusion(&report);
    assert!(
        text.contains("one cell only is told: 24.5 ms [1.87 ms, 322 ms] with `linger.ms=5`"),
        "{text}"
    );
    assert!(text.contains("Not in that order: `linger.ms=0`"), "{text}");
}

#[test]
fn a_rate_that_the_plan_changes_is_told_and_not_called_unsteady() {
    let mut report = fixture::on_a_mock();
    for result in &mut report.results {
        result.workload.profile = Some("ramp 1k/s to 20k/s over 30s".into());
    }
    let text = markdown::render(&Analysed::of(&report));
    assert!(text.contains("not assessed: the plan changes the rate"), "{text}");
    assert!(text.contains("| ramp 1k/s to 20k/s over 30s"), "{text}");
}

#[test]
fn two_phases_are_told_with_the_capacity_that_sets_the_rates() {
    let mut report = fixture::in_blocks();
    report.facts.mode = Mode::TwoPhase;
    for result in &mut report.results {
        match result.purpose {
            Purpose::BurnIn => {
                result.purpose = Purpose::Capacity;
                result.workload.rate = None;
                result.rates.delivered = Some(40_000.0);
            }
            Purpose::Cell => result.purpose = Purpose::Share(25),
            _ => {}
        }
    }
    let text = markdown::render(&Analysed::of(&report));
    for told in [
        "Slowest capacity: 40,000/s with `linger.ms=5 compression.type=zstd` (t001, bound by offered).",
        "1 capacity trial and 6 canary trials: never ranked, never compared.",
        "At 25 % of the slowest cell's capacity (10,000/s offered), 23 of 23 valid trials sustained it.",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn a_caveat_of_all_trials_is_told_once() {
    let text = markdown::render(&Analysed::of(&fixture::on_a_cluster()));
    assert_eq!(
        text.matches("Judged by limits of validity looser than the default")
            .count(),
        1,
        "{text}"
    );
}

#[test]
fn hosts_shared_and_names_with_markup_are_told_safely_in_the_title() {
    let mut report = fixture::on_a_mock();
    report.facts.name = "a <b> *c*".into();
    report.results[0].verdict.bound_by = BoundBy::Client;
    report.results[0].trial = TrialId(1);
    let text = markdown::render(&Analysed::of(&report));
    assert!(
        text.starts_with("# a &lt;b> \\*c\\* (mock broker)\n\n**Hosts are shared: load-1 and load-2 "),
        "{text}"
    );
}

#[test]
fn consumers_have_a_section_of_their_own_where_there_were_any() {
    let report = fixture::in_blocks();
    assert!(!markdown::render(&Analysed::of(&report)).contains("## Consumers"));
    let report = fixture::consumed::with_consumers();
    let text = markdown::render(&Analysed::of(&report));
    let from = text.find("## Consumers").expect("the section");
    let section = &text[from..text.find("## Results").expect("the next one")];
    insta::assert_snapshot!("consumers.md", section);
    assert!(
        json::read_report(&json::write_report(&Analysed::of(&report))).is_ok_and(|read| read.results == report.results)
    );
}
