use std::sync::LazyLock;

use proptest::prelude::*;
use tribunal_model::ids::CellId;
use tribunal_model::objective::{Figure, Goal};
use tribunal_model::trial::Level;
use tribunal_report::advice::{Advice, Basis};
use tribunal_report::analysed::Analysed;
use tribunal_report::analysis::{Analysis, Load};
use tribunal_report::answer::{self, Screen};
use tribunal_report::caveat::Caveat;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::result::TrialResult;
use tribunal_report::{json, markdown};

use crate::fixture;

const PLAIN: Screen = Screen {
    utf8: true,
    colour: false,
    width: Some(100),
};

fn advice(report: &ExperimentReport) -> Advice {
    Advice::of(report, &Analysis::of(report))
}

fn render(report: &ExperimentReport, screen: Screen) -> String {
    answer::render(&Analysed::of(report), screen)
}

/// Six blocks in which cells 3 and 4, with a linger, tie.
fn tied() -> ExperimentReport {
    let mut report = fixture::in_blocks();
    report.facts.objective = None;
    let like: Vec<TrialResult> = of(&report, CellId(4));
    for result in report
        .results
        .iter_mut()
        .filter(|r| r.cell == CellId(3) && r.purpose.compared())
    {
        let twin = like.iter().find(|r| r.block == result.block).expect("the same block");
        result.parts.clone_from(&twin.parts);
        result.samples.clone_from(&twin.samples);
        result.rates = twin.rates;
    }
    // Theirs is the least response time.
    for result in report
        .results
        .iter_mut()
        .filter(|r| r.cell.0 < 3 && r.purpose.compared())
    {
        let slow = fixture::trial(1, 0, "0", 9_000_000 + i64::from(result.block) * 100_000);
        result.parts = slow.parts;
        result.samples = slow.samples;
    }
    report
}

/// Six blocks in which cell 4 has the suggested settings and all else the baseline's.
fn suggested() -> ExperimentReport {
    let mut report = fixture::in_blocks();
    for result in report.results.iter_mut().filter(|r| r.cell == CellId(4)) {
        result.levels[0].value = "10".into();
        result.levels.push(Level {
            factor: "preset".into(),
            value: "suggested".into(),
        });
        for (name, value) in &mut result.workload.properties {
            if name == "linger.ms" {
                *value = "10".into();
            }
        }
        result.workload.properties.push(("batch.size".into(), "262144".into()));
    }
    report
}

fn of(report: &ExperimentReport, cell: CellId) -> Vec<TrialResult> {
    let cells = report.results.iter().filter(|r| r.cell == cell && r.purpose.compared());
    cells.cloned().collect()
}

fn section(report: &ExperimentReport) -> String {
    let text = markdown::render(&Analysed::of(report));
    text.split("### Recommended settings\n\n")
        .nth(1)
        .expect("a section")
        .to_owned()
}

#[test]
fn the_best_by_the_goal_is_recommended_with_what_it_gains() {
    let report = fixture::in_blocks();
    insta::assert_snapshot!("advice-goal.md", section(&report));
    insta::assert_snapshot!("advice-goal.txt", render(&report, PLAIN));
}

#[test]
fn of_cells_that_tie_the_simplest_is_recommended() {
    let report = tied();
    let told = advice(&report);
    let [choice] = told.choices.as_slice() else {
        panic!("one load: {told:?}");
    };
    // Both have a linger of the default; one of them compresses.
    assert_eq!((choice.cell, choice.basis), (CellId(3), Basis::Front));
    assert_eq!(choice.worse, 2);
    insta::assert_snapshot!("advice-tied.md", section(&report));
    insta::assert_snapshot!("advice-tied.txt", render(&report, PLAIN));
}

#[test]
fn suggested_settings_are_held_against_the_baseline_and_the_recommended_cell() {
    let report = suggested();
    insta::assert_snapshot!("advice-suggested.md", section(&report));
    insta::assert_snapshot!("advice-suggested.txt", render(&report, PLAIN));
}

#[test]
fn json_holds_the_advice_and_the_pitfalls() {
    let report = suggested();
    let text: serde_json::Value = serde_json::from_str(&json::write_report(&Analysed::of(&report))).expect("JSON");
    let back: Advice = serde_json::from_value(text["advice"].clone()).expect("advice");
    assert_eq!(back, advice(&report));
    assert!(text["pitfalls"].is_array());
    let choice = &text["advice"]["choices"][0];
    insta::assert_snapshot!(
        "advice.json",
        serde_json::to_string_pretty(&serde_json::json!({
            "load": choice["load"],
            "basis": choice["basis"],
            "text": choice["text"],
            "set": choice["set"],
            "spellings": choice["spellings"],
            "missing": text["advice"]["missing"],
        }))
        .expect("JSON")
    );
}

#[track_caller]
fn nothing(report: &ExperimentReport, why: &str) {
    let told = advice(report);
    assert!(told.choices.is_empty(), "{told:?}");
    assert!(
        told.missing.iter().any(|missing| missing.contains(why)),
        "{:?}",
        told.missing
    );
    assert!(section(report).contains("Nothing is recommended: "));
    assert!(render(report, PLAIN).contains("Nothing is recommended: "));
}

#[test]
fn nothing_is_recommended_beyond_what_was_measured() {
    let mut mock = fixture::in_blocks();
    mock.facts.mock = true;
    nothing(&mock, "measure a real cluster");

    let mut few = fixture::in_blocks();
    few.results.retain(|r| r.block < 5);
    nothing(&few, "a comparison wants 6: set repetitions in [window] to 6 or more");

    let mut once = fixture::in_blocks();
    once.results.retain(|r| r.block == 0);
    nothing(&once, "looks best on 1 valid trial");

    let mut invalid = fixture::in_blocks();
    for result in &mut invalid.results {
        result.verdict.caveats.push(Caveat::MissingReports { count: 1 });
    }
    nothing(&invalid, "no trial of a cell is valid");

    let mut alone = fixture::in_blocks();
    alone.results.retain(|r| r.cell == CellId(1));
    nothing(&alone, "there is one cell");

    let mut strict = fixture::in_blocks();
    let mut objective = fixture::goal();
    objective.conditions[0].value = 1e-6;
    strict = fixture::held_against(strict, objective);
    nothing(&strict, "no cell meets every condition of the objective");

    let mut closed = fixture::in_blocks();
    closed.facts.objective = None;
    for result in &mut closed.results {
        result.workload.rate = None;
        result.rates.offered = None;
        result.rates.sustained = None;
    }
    nothing(&closed, "all loads are closed loops");

    nothing(&fixture::in_search(), "a search finds capacities");
}

#[test]
fn a_condition_without_a_goal_keeps_cells_out() {
    let mut report = tied();
    let mut objective = fixture::goal();
    objective.goal = None;
    let free = advice(&report).choices[0].cell;
    report = fixture::held_against(report, objective.clone());
    assert_eq!(advice(&report).choices[0].cell, free, "all meet it");
    for result in report.results.iter_mut().filter(|r| r.cell == free) {
        if let Some(outcome) = &mut result.objective {
            outcome.standing = tribunal_report::objective::Standing::Fail;
        }
    }
    assert_ne!(advice(&report).choices[0].cell, free);
}

#[test]
fn each_load_has_a_choice_and_a_dominated_one_is_dropped() {
    let mut report = tied();
    let mut fast = tied();
    for result in &mut fast.results {
        result.cell = CellId(result.cell.0 + 4);
        result.workload.rate = Some(20_000.0);
        result.rates.offered = Some(20_000.0);
        result.rates.delivered = Some(20_000.0);
    }
    report.results.extend(fast.results);
    let loads = |report: &ExperimentReport| -> Vec<f64> {
        let each = advice(report).choices.into_iter().map(|choice| match choice.load {
            Some(Load::Offered { rate, .. }) => rate,
            _ => 0.0,
        });
        each.collect()
    };
    assert_eq!(loads(&report), [10_000.0, 20_000.0]);
    for result in report.results.iter_mut().filter(|r| r.cell.0 > 6) {
        let sooner = fixture::trial(1, 0, "0", 1_000_000 + i64::from(result.block) * 10_000);
        result.parts = sooner.parts;
        result.samples = sooner.samples;
    }
    assert_eq!(loads(&report), [20_000.0], "more of it, and sooner");
    let missing = advice(&report).missing;
    assert!(
        missing[0].contains("at a lower response p99 under a higher load"),
        "{missing:?}"
    );
}

#[test]
fn a_goal_over_all_loads_names_one_cell() {
    let mut report = fixture::in_blocks();
    let mut objective = fixture::goal();
    objective.goal = Some(Goal::Maximise(Figure::DeliveredRate));
    report = fixture::held_against(report, objective);
    let told = advice(&report);
    assert_eq!(told.choices.len(), 1);
    // Delivered rates are equal: the simplest of all that tie.
    assert_eq!(told.choices[0].cell, CellId(3), "{:?}", told.choices[0]);
}

#[test]
fn colours_mean_something_and_are_not_there_unless_asked_for() {
    let report = fixture::in_blocks();
    let plain = render(&report, PLAIN);
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let coloured = render(&report, Screen { colour: true, ..PLAIN });
    assert!(coloured.contains("\u{1b}[32mRecommended"), "{coloured:?}");
    assert!(
        coloured.contains("\u{1b}[31m23 of 24 trials valid, 1 INVALID"),
        "{coloured:?}"
    );
    let bare = ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[31m", "\u{1b}[0m"]
        .iter()
        .fold(coloured, |text, code| text.replace(code, ""));
    assert_eq!(bare, plain);
    let ascii = render(&report, Screen { utf8: false, ..PLAIN });
    assert!(ascii.is_ascii(), "{ascii}");
    let empty = ExperimentReport {
        results: Vec::new(),
        ..report
    };
    assert_eq!(render(&empty, PLAIN), "");
}

#[test]
fn no_secret_is_among_the_settings_to_paste() {
    let text = section(&fixture::in_blocks());
    assert!(!text.contains("sasl") && !text.contains("KAFKA_PASSWORD"), "{text}");
}

/// Made once: its distributions take long.
static TIED: LazyLock<ExperimentReport> = LazyLock::new(tied);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn hostile_names_are_text_in_every_output(
        value in prop_oneof![
            Just("<script>alert(1)</script>".to_owned()),
            Just("a|b`c``d\"e'f".to_owned()),
            Just("\u{202e}abc\u{1b}[31m\n# x".to_owned()),
            Just("x".repeat(5_000)),
            "\\PC{1,40}",
        ],
        width in 24_u16..200,
    ) {
        let mut report = TIED.clone();
        for result in report.results.iter_mut().filter(|r| r.cell == CellId(3)) {
            result.levels[1].value.clone_from(&value);
            for (name, set) in &mut result.workload.properties {
                if name == "compression.type" {
                    set.clone_from(&value);
                }
            }
        }
        let screen = render(&report, Screen { width: Some(width), ..PLAIN });
        prop_assert!(screen.lines().all(|line| line.chars().count() <= usize::from(width)), "{screen}");
        prop_assert!(screen.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{screen:?}");
        let text = section(&report);
        let outside: String = outside_code(&text);
        prop_assert!(!outside.contains("<script"), "{outside}");
        prop_assert!(text.lines().filter(|line| line.starts_with("# ")).all(|line| !line.starts_with("# x")), "{text}");
        let written = serde_json::to_string(&advice(&report)).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Advice>(&written).expect("advice"), advice(&report));
    }
}

/// Markdown without its code spans and fenced blocks.
fn outside_code(text: &str) -> String {
    let mut outside = String::new();
    let mut fence: Option<String> = None;
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if *open == line => fence = None,
            Some(_) => {}
            None if ticks.len() > 2 => fence = Some(ticks),
            None => outside.extend(line.split('`').step_by(2)),
        }
    }
    outside
}
