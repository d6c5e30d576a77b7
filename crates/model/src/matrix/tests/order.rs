use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn per_second(rate: f64) -> Rate {
    Rate::Paced(RecordRate::per_second(rate).unwrap())
}

#[test]
fn wall_time_and_bytes_are_summed_over_trials() {
    let text = "window = { warm_up = \"1s\", measure = \"9s\", drain = \"2s\", repetitions = 2, burn_in = \"0s\" }\n\
                design.canary = false\nworkload.record.size = \"100B\"\n[factors]\nreplication = [1, 3]";
    let matrix = matrix(text);
    assert_eq!(matrix.expected_wall_time(5 * SECOND), 4 * 15 * SECOND);
    assert_eq!(matrix.longest_wall_time(5 * SECOND), 4 * 22 * SECOND);
    // 1,000 records/s x 10 s x 100 B x (1 + 3 replicas) x 2 repetitions.
    assert_eq!(matrix.bytes(), Some(8_000_000));
    assert_eq!(self::matrix("[factors]\nrate = [\"1/s\", \"saturate\"]").bytes(), None);
    assert_eq!(self::matrix("workload.record.samples = [\"a\"]").bytes(), None);
}

#[test]
fn canaries_burn_in_and_settling_take_their_time() {
    let window = "warm_up = \"1s\", measure = \"9s\", drain = \"2s\", repetitions = 2, settle = \"30s\"";
    let matrix = matrix(&format!("window = {{ {window} }}"));
    // Burn-in of 1 s, and in each of two blocks a cell and a canary of 10 s; one second around each.
    assert_eq!(matrix.expected_wall_time(SECOND), (2 + 4 * 11) * SECOND);
    // Each at most 2 s of drain, 5 s of last wait, and 30 s until steady, but for the burn-in.
    assert_eq!(matrix.longest_wall_time(SECOND), (2 + 7 + 4 * (11 + 37)) * SECOND);
}

#[test]
fn the_order_is_the_same_on_every_machine() {
    // Computed apart, in Python, from the description of `SplitMix64`.
    let text = "seed = 1\nwindow.repetitions = 2\n[factors]\nacks = [0, 1, -1]\na.b = [1, 2]";
    assert_eq!(
        runs(&matrix(&format!("{PLAIN}{text}")).trials),
        "5 2 3 1 6 4 2 5 4 1 6 3"
    );
    // Canaries stand among the cells and leave their order alone.
    assert_eq!(
        runs(&matrix(text).trials),
        "burn-in 5 2 3 1 6 4 canary 2 5 canary 4 1 6 3"
    );
}

#[test]
fn every_block_has_a_canary_and_the_experiment_a_burn_in() {
    let matrix = matrix(
        "window.repetitions = 3\n[factors]\nacks = [0, 1]\nrate = [\"8k/s\", \"2k/s\", \"saturate\", \"40k/s\"]",
    );
    let canary = matrix.canary.as_ref().unwrap();
    assert_eq!((canary.id, canary.load.rate), (CellId(1), per_second(500.0)));
    let canaries: Vec<&Trial> = matrix
        .trials
        .iter()
        .filter(|trial| trial.purpose == Purpose::Canary)
        .collect();
    let blocks: Vec<u32> = canaries.iter().map(|trial| trial.block).collect();
    assert_eq!(blocks, [0, 1, 2]);
    assert!(canaries.iter().all(|trial| trial.load.rate == per_second(500.0)));
    assert!(canaries.iter().all(|trial| trial.windows == matrix.cells[0].windows));
    let burn_in = &matrix.trials[0];
    assert_eq!((&burn_in.purpose, burn_in.id), (&Purpose::BurnIn, TrialId(1)));
    assert_eq!((burn_in.cell, burn_in.load.rate), (CellId(1), per_second(40_000.0)));
    assert_eq!(
        (burn_in.windows.warm_up, burn_in.windows.measure),
        (Duration::ZERO, 10 * SECOND)
    );
    assert_eq!(burn_in.windows.drain, matrix.cells[0].windows.drain);
    assert_eq!((matrix.compared(), matrix.trials.len()), (24, 28));
    let of_saturate = self::matrix("window.repetitions = 2\n[factors]\nrate = [\"saturate\"]");
    assert_eq!(of_saturate.canary.unwrap().load.rate, per_second(1000.0));
    assert_eq!(of_saturate.trials[0].load.rate, Rate::Saturate);
    // A single run has neither, unless it is asked for.
    assert_eq!(runs(&self::matrix("").trials), "1");
    let asked = self::matrix("design.canary = true\nwindow.burn_in = \"5s\"");
    assert_eq!(asked.trials.len(), 3);
}

#[test]
fn each_cluster_is_burnt_in() {
    let text = "window.repetitions = 2\n[clusters]\nold.bootstrap = \"a:1\"\nnew.bootstrap = \"b:1\"\n\
                [factors]\nacks = [0, 1]\ncluster = [\"new\", \"old\"]";
    let plan = Plan::parse("p", &format!("workload.rate = \"1/s\"\n{text}"), &[]).unwrap();
    let matrix = Matrix::resolve(&plan, false).unwrap();
    let of_cells: Vec<Option<&str>> = matrix.cells.iter().map(|cell| cell.cluster.as_deref()).collect();
    assert_eq!(of_cells, [Some("new"), Some("old"), Some("new"), Some("old")]);
    let burn_in = matrix.trials.iter().filter(|trial| trial.purpose == Purpose::BurnIn);
    let burn_in: Vec<(u32, Option<&str>)> = burn_in.map(|t| (t.id.0, t.cluster.as_deref())).collect();
    assert_eq!(burn_in, [(1, Some("new")), (2, Some("old"))]);
    assert_eq!(matrix.canary.unwrap().cluster.as_deref(), Some("new"));
}

#[test]
fn a_profile_has_its_mean_rate_and_its_canary_none() {
    let text = "cluster.bootstrap = \"mock\"\nwindow = { warm_up = \"10s\", measure = \"10s\", repetitions = 2 }\n\
                workload.profile = { kind = \"ramp\", from = \"0/s\", to = \"4k/s\", over = \"20s\" }";
    let matrix = Matrix::resolve(&Plan::parse("p", text, &[]).unwrap(), false).unwrap();
    let cell = &matrix.cells[0];
    assert_eq!(cell.load.rate, per_second(2000.0));
    assert_eq!(cell.load.profile.as_ref().unwrap().text(), "ramp 0/s to 4k/s over 20s");
    for trial in &matrix.trials {
        let profile = trial.load.profile.is_some();
        assert_eq!(profile, trial.purpose == Purpose::Cell);
    }
    let at = cell.at(TrialId(9), 3, Purpose::Probe("ramp".to_owned()), per_second(7.0));
    assert_eq!((at.id, at.block, at.cell), (TrialId(9), 3, CellId(1)));
    assert_eq!((at.load.rate, at.load.profile), (per_second(7.0), None));
}

#[test]
fn a_budget_keeps_whole_blocks() {
    // A block takes 3 x (40 + 4) s = 132 s with its canary, the burn-in 14 s.
    let text =
        |budget: &str| format!("window.repetitions = 6\ndesign.budget = \"{budget}\"\n[factors]\nlinger.ms = [0, 5]");
    let whole = matrix(&text("1h"));
    assert_eq!((whole.repetitions, &whole.left_out), (6, &None));
    let cut = matrix(&text("9m"));
    assert_eq!((cut.repetitions, cut.trials.len()), (3, 10));
    assert_eq!(cut.trials, whole.trials[..10]);
    assert_eq!(cut.expected_wall_time(OVERHEAD), Duration::from_secs(3 * 132 + 14));
    let left_out = cut.left_out.unwrap();
    assert_eq!((left_out.blocks, left_out.trials), (3, 9));
    assert_eq!(
        left_out.text,
        "a budget of 9m holds 3 of 6 blocks of 2m12s: 9 trials are left out"
    );
    check_error(
        &text("2m"),
        false,
        "plan.toml:4: design.budget: 2m holds no whole block: what comes first takes 14s, one block 2m12s",
    );
}

#[test]
fn two_phases_begin_with_capacities_and_compare_at_shares_of_the_slowest() {
    let text = "seed = 3\nwindow.repetitions = 2\ndesign.mode = \"two-phase\"\n[factors]\nlinger.ms = [0, 5]";
    let matrix = matrix(text);
    assert_eq!(runs(&matrix.trials[..1]), "burn-in");
    let first: BTreeSet<String> = runs(&matrix.trials[1..]).split(' ').map(str::to_owned).collect();
    assert_eq!(first, BTreeSet::from(["1:most".to_owned(), "2:most".to_owned()]));
    assert!(
        matrix.trials[1..]
            .iter()
            .all(|trial| trial.block == 0 && trial.load.rate == Rate::Saturate)
    );
    assert_eq!((matrix.to_come(), matrix.compared()), (14, 12));
    assert_eq!(matrix.bytes(), None);
    let shares = matrix.share_trials(TrialId(4), 40_000.0);
    assert_eq!(
        shares.iter().map(|trial| trial.id.0).collect::<Vec<_>>(),
        (4..18).collect::<Vec<_>>()
    );
    for block in [1, 2] {
        let of_block: Vec<Trial> = shares.iter().filter(|trial| trial.block == block).cloned().collect();
        let names: BTreeSet<String> = runs(&of_block).split(' ').map(str::to_owned).collect();
        let all = ["1:25", "1:50", "1:75", "2:25", "2:50", "2:75", "canary"];
        assert_eq!((names, of_block.len()), (all.map(str::to_owned).into(), 7));
    }
    for trial in &shares {
        let expected = match trial.purpose {
            Purpose::Share(percent) => 400.0 * f64::from(percent),
            _ => 2500.0,
        };
        assert_eq!(trial.load.rate, per_second(expected));
    }
    assert_eq!(matrix.share_trials(TrialId(4), 40_000.0), shares);
    assert!(matrix.share_trials(TrialId(4), 0.0).is_empty());
    assert!(matrix.share_trials(TrialId(4), f64::NAN).is_empty());
    // Burn-in and capacities take 14 s + 2 x 44 s, a block 7 x 44 s.
    let cut = self::matrix(&format!("design.budget = \"7m\"\n{text}"));
    assert_eq!(
        (cut.repetitions, cut.share_trials(TrialId(4), 1e3).len(), cut.to_come()),
        (1, 7, 7)
    );
    assert_eq!(cut.expected_wall_time(OVERHEAD), Duration::from_secs(14 + 9 * 44));
}

#[test]
fn a_search_has_cells_and_no_trials_yet() {
    let text = "search = {}\nobjective.failed = \"== 0\"\n[factors]\nlinger.ms = [0, 5]";
    let matrix = matrix(text);
    assert_eq!((matrix.cells.len(), matrix.trials.len(), matrix.compared()), (2, 0, 0));
    assert_eq!(matrix.cells[0].load.rate, per_second(1000.0));
    assert_eq!((matrix.canary.as_ref(), matrix.bytes()), (None, None));
    // 60 probes and 3 confirmations for each of two cells at most; 7 + 6 are likely, with one to end the ramp.
    let [probes, confirmations] = matrix.later.as_slice() else {
        panic!("{:?}", matrix.later)
    };
    assert_eq!((probes.expected, probes.most), (26, 120));
    assert_eq!((confirmations.expected, confirmations.most), (6, 6));
    assert_eq!(matrix.expected_wall_time(OVERHEAD), Duration::from_secs(32 * 44));
}

proptest! {
    #[test]
    fn every_cell_is_run_exactly_once_per_block(
        counts in proptest::collection::vec(1_usize..5, 0..4),
        repetitions in 1_u32..5,
        seed in 0_u64..1_000_000,
        canary in proptest::bool::ANY,
    ) {
        let factors: String = counts.iter().enumerate().fold(String::new(), |text, (i, count)| {
            text + &format!("f.x{i} = {:?}\n", (0..*count).collect::<Vec<_>>())
        });
        let text = format!(
            "seed = {seed}\nwindow.burn_in = \"0s\"\nwindow.repetitions = {repetitions}\ndesign.canary = {canary}\n\
             [factors]\n{factors}"
        );
        let matrix = matrix(&text);
        prop_assert_eq!(&matrix, &self::matrix(&text));
        prop_assert_eq!(matrix.cells.len(), counts.iter().product::<usize>());
        let distinct: BTreeSet<_> = matrix.cells.iter().map(|cell| cell.levels.clone()).collect();
        prop_assert_eq!(distinct.len(), matrix.cells.len());
        for (block, trials) in matrix.trials.chunks(matrix.cells.len() + usize::from(canary)).enumerate() {
            let of_cells = trials.iter().filter(|trial| trial.purpose == Purpose::Cell);
            let cells: Vec<u32> = of_cells.map(|trial| trial.cell.0).collect();
            prop_assert_eq!(cells.len(), matrix.cells.len());
            prop_assert_eq!(
                cells.into_iter().collect::<BTreeSet<_>>(),
                (1..=matrix.cells.len() as u32).collect::<BTreeSet<_>>()
            );
            prop_assert!(trials.iter().all(|trial| trial.block as usize == block));
        }
        let ids: Vec<u32> = matrix.trials.iter().map(|trial| trial.id.0).collect();
        prop_assert_eq!(ids, (1..=matrix.trials.len() as u32).collect::<Vec<_>>());
    }
}

#[test]
fn the_first_cell_runs_once_without_consumers_straight_after_its_first_trial_with_them() {
    let factors = "factors.acks = [\"1\", \"all\"]\n";
    let matrix = matrix(&format!(
        "{PLAIN}window.repetitions = 3\n{factors}[consumers]\nmembers = 2"
    ));
    let ids: Vec<u32> = matrix.trials.iter().map(|trial| trial.id.0).collect();
    assert_eq!(ids, (1..=7).collect::<Vec<_>>());
    let alone: Vec<usize> = (0..7).filter(|i| matrix.trials[*i].consumers.is_none()).collect();
    let [alone] = alone[..] else { panic!("{alone:?}") };
    let (twin, with) = (&matrix.trials[alone], &matrix.trials[alone - 1]);
    assert_eq!(
        (&twin.purpose, &with.purpose),
        (&Purpose::WithoutConsumers, &Purpose::Cell)
    );
    assert_eq!((twin.block, twin.cell.0, with.cell.0), (0, 1, 1));
    assert_eq!(
        Trial {
            id: twin.id,
            purpose: twin.purpose.clone(),
            consumers: None,
            ..with.clone()
        },
        *twin
    );
    assert_eq!(matrix.compared(), 6);
}

#[test]
fn followed_records_are_some_twenty_thousand_of_a_paced_window() {
    let trial = |rate: Rate| Trial {
        load: Load {
            rate,
            ..matrix(PLAIN).trials[0].load.clone()
        },
        ..matrix(PLAIN).trials[0].clone()
    };
    let paced = |rate| Rate::Paced(RecordRate::per_second(rate).unwrap());
    assert_eq!(trial(Rate::Saturate).follow_bits(), 0);
    assert_eq!(trial(paced(600.0)).follow_bits(), 0);
    assert_eq!(trial(paced(1_000_000.0)).follow_bits(), 11);
}
