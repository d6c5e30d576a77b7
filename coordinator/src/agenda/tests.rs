use proptest::prelude::*;

use tribunal_stats::search::Answer;

use super::*;

fn resolved(rest: &str) -> (Plan, Matrix) {
    let text = format!(
        "schema = 1\n[cluster]\nbootstrap = \"b:9092\"\n[workload]\nrate = \"1000/s\"\n[window]\nmeasure = \"10s\"\n{rest}"
    );
    let plan = Plan::parse("plan.toml", &text, &[]).unwrap();
    let matrix = Matrix::resolve(&plan, false).unwrap();
    (plan, matrix)
}

/// A valid result of a trial that delivered what was offered, or this.
fn done(trial: &Trial, delivered: f64, standing: Standing) -> Done {
    Done {
        cell: trial.cell,
        purpose: trial.purpose.clone(),
        valid: standing != Standing::Invalid,
        offered: match trial.load.rate {
            Rate::Paced(rate) => Some(rate.as_per_second()),
            Rate::Saturate => None,
        },
        delivered: Some(delivered),
        standing,
        reason: "a reason".to_owned(),
    }
}

/// Runs an experiment to its end; `result` gives each trial's.
fn run(plan: &Plan, matrix: &Matrix, result: impl Fn(&Trial) -> Done) -> (Vec<Trial>, History, Option<String>) {
    let (mut trials, mut history) = (Vec::new(), History::new());
    for _ in 0..1000 {
        match next(plan, matrix, &history).unwrap() {
            Next::Trial(trial) => {
                assert!(history.insert(trial.id, result(&trial)).is_none(), "{} twice", trial.id);
                trials.push(*trial);
            }
            Next::Over(word) => return (trials, history, word),
        }
    }
    panic!("no end");
}

#[test]
fn a_matrix_is_run_in_its_order_and_gone_on_with_where_it_stopped() {
    let (plan, matrix) = resolved("repetitions = 3\n[factors]\nlinger.ms = [0, 5]\n");
    let (trials, history, word) = run(&plan, &matrix, |trial| done(trial, 1.0, Standing::Pass));
    assert_eq!((trials.as_slice(), word), (matrix.trials.as_slice(), None));
    let half: History = history.into_iter().take(4).collect();
    let Next::Trial(fifth) = next(&plan, &matrix, &half).unwrap() else {
        panic!("it is over")
    };
    assert_eq!(*fifth, matrix.trials[4]);
}

const TWO_PHASE: &str = "repetitions = 2\n[design]\nmode = \"two-phase\"\n[factors]\nlinger.ms = [0, 5]\n";

#[test]
fn two_phases_compare_at_shares_of_the_slowest_valid_capacity() {
    let (plan, matrix) = resolved(TWO_PHASE);
    let capacity = |trial: &Trial| done(trial, 1000.0 * f64::from(trial.cell.0), Standing::Pass);
    let (trials, history, word) = run(&plan, &matrix, capacity);
    assert_eq!(word, None);
    assert_eq!(slowest(&history), Some((CellId(1), 1000.0)));
    let at = |percent: u32| {
        let wanted = move |trial: &&Trial| trial.purpose == Purpose::Share(percent);
        let rates: Vec<Rate> = trials.iter().filter(wanted).map(|trial| trial.load.rate).collect();
        assert_eq!(rates.len(), 4, "two cells in two blocks");
        rates[0]
    };
    for (percent, rate) in [(25, 250.0), (50, 500.0), (75, 750.0)] {
        assert_eq!(at(percent), Rate::Paced(RecordRate::per_second(rate).unwrap()));
    }
    // The first cell's capacity trial is invalid: it is no capacity.
    let invalid = |trial: &Trial| match trial.cell {
        CellId(1) => done(trial, 10.0, Standing::Invalid),
        _ => capacity(trial),
    };
    let (_, history, _) = run(&plan, &matrix, invalid);
    assert_eq!(slowest(&history), Some((CellId(2), 2000.0)));
}

#[test]
fn two_phases_without_a_capacity_end_with_a_word() {
    let (plan, matrix) = resolved(TWO_PHASE);
    let (trials, _, word) = run(&plan, &matrix, |trial| done(trial, 1.0, Standing::Invalid));
    assert!(
        trials
            .iter()
            .all(|trial| matches!(trial.purpose, Purpose::Capacity | Purpose::BurnIn))
    );
    assert!(word.unwrap().contains("no cell's capacity could be told"));
}

const SEARCH: &str = "[objective]\nfailed = \"== 0\"\n[search]\nfirst = \"1000/s\"\n[factors]\nlinger.ms = [0, 5]\n";

/// Up to its capacity a cell passes: 5,000/s the first, 9,000/s the second.
fn server(trial: &Trial) -> Done {
    let capacity = if trial.cell == CellId(1) { 5000.0 } else { 9000.0 };
    let Rate::Paced(rate) = trial.load.rate else {
        panic!("a probe is paced")
    };
    let passes = rate.as_per_second() <= capacity;
    done(
        trial,
        rate.as_per_second().min(capacity),
        if passes { Standing::Pass } else { Standing::Fail },
    )
}

#[test]
fn each_cell_is_searched_in_turn_and_its_answer_holds_its_capacity() {
    let (plan, matrix) = resolved(SEARCH);
    let (trials, history, word) = run(&plan, &matrix, server);
    assert_eq!(word, None);
    assert!(trials.is_sorted_by_key(|trial| trial.cell), "one cell after the other");
    let found = searches(&plan, &matrix, &history).unwrap();
    for (outcome, capacity) in found.iter().zip([5000.0, 9000.0]) {
        let Some(Answer::Capacity {
            confirmed_pass, failed, ..
        }) = outcome.answer
        else {
            panic!("{outcome:?}")
        };
        assert!(
            confirmed_pass <= capacity && failed.is_some_and(|failed| capacity < failed),
            "{outcome:?}"
        );
        assert!(outcome.page_cache_only);
    }
}

#[test]
fn a_probe_that_the_search_does_not_ask_for_is_told_by_its_trial() {
    let (plan, matrix) = resolved(SEARCH);
    let (_, mut history, _) = run(&plan, &matrix, server);
    let third = history.values_mut().nth(2).unwrap();
    third.offered = third.offered.map(|rate| rate + 1.0);
    let error = searches(&plan, &matrix, &history).unwrap_err();
    assert_eq!(error, "trial t003 is no probe that this search asks for");
}

proptest! {
    #[test]
    fn a_search_that_is_stopped_anywhere_goes_on_as_if_it_had_not_been(stop in 0usize..60) {
        let (plan, matrix) = resolved(SEARCH);
        let (trials, history, _) = run(&plan, &matrix, server);
        let stop = stop.min(trials.len());
        let before: History = history.into_iter().take(stop).collect();
        let again = next(&plan, &matrix, &before).unwrap();
        let expected = trials.get(stop).map_or(Next::Over(None), |trial| Next::Trial(Box::new(trial.clone())));
        prop_assert_eq!(again, expected);
    }
}
