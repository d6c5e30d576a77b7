//! Experiments 20 and 21 of METHODOLOGY.md: how often comparisons err on cells whose truth is known.
//!
//! A matrix is run as the coordinator runs it: every block holds every cell once, in random order. The logarithm of a
//! trial's value is what its cell makes it, plus what the platform does to the block, plus a slow wander of the
//! platform from trial to trial, plus the trial's own noise, which is normal or skewed: one trial in ten is then up to
//! several deviations slower.
//!
//! Experiment 20 with 20,000 matrices and t intervals alone gave better or worse in any of six comparisons in 4.6 to
//! 4.8 % of the matrices over 5, 6 and 10 blocks, in 4.5 and 4.8 % under drift, and in 2.9 to 4.0 % where some trials
//! are slow.
//!
//! `cargo test -p tribunal-stats --test comparison -- --nocapture` prints the tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use normal::normal;
use tribunal_model::ids::CellId;
use tribunal_model::seed::{SplitMix64, derive, ln};
use tribunal_stats::comparison::{
    Contrast, Family, Metric, Needed, Observations, Rules, Verdict, compare, estimate, normal_quantile, rank,
    t_quantile, t_two_sided, wilson,
};

#[path = "draw/normal.rs"]
mod normal;

const SEED: u64 = 20;
const MATRICES: u64 = 2000;
const Z: f64 = 1.96;
const BASELINE: CellId = CellId(1);

/// What a platform does to the logarithms of a matrix, in units of a trial's own noise.
#[derive(Clone, Copy, Debug)]
struct Platform {
    /// Standard deviation from block to block.
    blocks: f64,
    /// Standard deviation of the wander, with a correlation of 0.7 from trial to trial.
    wander: f64,
    /// From the first trial to the last.
    drift: f64,
    /// Whether one trial in ten is slower by an exponential number of deviations.
    skewed: bool,
}

const CALM: Platform = Platform {
    blocks: 1.0,
    wander: 0.5,
    drift: 0.0,
    skewed: false,
};
const DRIFTING: Platform = Platform { drift: 10.0, ..CALM };
const SKEWED: Platform = Platform { skewed: true, ..CALM };

/// One metric of a matrix; `noise` is a trial's, as a share, and each cell's truth is its logarithm.
fn matrix(
    metric: Metric,
    truths: &[f64],
    blocks: u32,
    noise: f64,
    platform: Platform,
    random: &mut SplitMix64,
) -> Observations {
    let mut cells: BTreeMap<CellId, BTreeMap<u32, f64>> = BTreeMap::new();
    let trials = f64::from(blocks) * truths.len() as f64;
    let mut wander = normal(random);
    let mut trial = 0.0;
    for block in 0..blocks {
        let of_block = platform.blocks * normal(random);
        let mut order: Vec<usize> = (0..truths.len()).collect();
        random.shuffle(&mut order);
        for cell in order {
            wander = 0.7 * wander + 0.51_f64.sqrt() * normal(random);
            let slow = if platform.skewed && random.below(10) == 0 {
                -3.0 * ln(random.next_unit())
            } else {
                0.0
            };
            let deviations =
                of_block + platform.wander * wander + platform.drift * trial / trials + slow + normal(random);
            let value = 1000.0 * (truths[cell] + noise * deviations).exp();
            cells.entry(CellId(cell as u32 + 1)).or_default().insert(block, value);
            trial += 1.0;
        }
    }
    Observations { metric, cells }
}

fn differs(contrast: &Contrast) -> bool {
    matches!(contrast.verdict, Verdict::Better | Verdict::Worse)
}

fn share(count: u64, of: u64) -> f64 {
    100.0 * count as f64 / of as f64
}

/// Whether a share of [`MATRICES`] is, beyond doubt, above 5 %.
fn too_often(count: u64) -> bool {
    wilson(count, MATRICES, Z).0 > 0.05
}

/// Of matrices of equal cells, those in which something was found.
#[derive(Clone, Copy, Debug, Default)]
struct Alarms {
    /// Printed intervals, of all comparisons, that exclude 1.
    printed: u64,
    comparisons: u64,
    /// Printed intervals that exclude 1 in any comparison: what a family would err without adjustment.
    any_printed: u64,
    /// Deciding intervals that do.
    any_difference: u64,
    any_verdict: u64,
    any_equivalent: u64,
    any_contested: u64,
    /// Any cell that does not tie with the best one.
    any_ranked: u64,
}

/// Four equal cells in two metrics: delivered rate with 6 % of noise per trial and p99 with 25 %, so that margins
/// shelter little.
fn equal_cells(blocks: u32, platform: Platform) -> Alarms {
    let rules = Rules::default();
    let mut alarms = Alarms::default();
    for index in 0..MATRICES {
        let of_platform = platform.drift.to_bits() ^ u64::from(platform.skewed);
        let mut random = SplitMix64::new(derive(&[SEED, index, u64::from(blocks), of_platform]));
        let all = [(Metric::DeliveredRate, 0.06), (Metric::ResponseP99, 0.25)]
            .map(|(metric, noise)| matrix(metric, &[0.0; 4], blocks, noise, platform, &mut random));
        let Family { rows, comparisons, .. } = compare(&all, BASELINE, &rules);
        assert_eq!((rows.len(), comparisons), (6, 6));
        let excludes = |c: &Contrast| c.interval.is_some_and(|i| i.excludes_one());
        alarms.printed += rows.iter().filter(|r| excludes(&r.contrast)).count() as u64;
        alarms.comparisons += rows.len() as u64;
        alarms.any_printed += u64::from(rows.iter().any(|r| excludes(&r.contrast)));
        let any = |is: fn(&Contrast) -> bool| u64::from(rows.iter().any(|row| is(&row.contrast)));
        alarms.any_difference += any(|c| c.deciding.is_some_and(|i| i.excludes_one()));
        alarms.any_verdict += any(differs);
        alarms.any_equivalent += any(|c| c.verdict == Verdict::Equivalent);
        alarms.any_contested += any(|c| c.contested);
        // Ranking takes all pairs; one metric and few blocks are enough to see that it errs no more often.
        if blocks < rules.resampled_from {
            let ranking = rank(&all[0], &rules);
            assert_eq!(ranking.comparisons, 6);
            alarms.any_ranked += u64::from(ranking.rows.iter().any(|row| !row.ties_with_best));
        }
    }
    alarms
}

/// Prints a row for each number of blocks, and asks that none of its shares be beyond doubt above 5 %.
#[track_caller]
fn assert_few_alarms(name: &str, platform: Platform, all: &[u32]) {
    let mut table = format!(
        "A/A, {name}: {MATRICES} matrices a row, 3 candidates against a baseline in 2 metrics\n\n\
         | blocks | printed interval excludes 1, % of comparisons | in any, % | deciding interval excludes 1 in any, % | \
         better or worse in any, % | Wilson low, % | contested, % | equivalent in any, % | \
         below the best in any, % |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    let mut broken = Vec::new();
    for blocks in all {
        let alarms = equal_cells(*blocks, platform);
        let ranked = (*blocks < Rules::default().resampled_from).then(|| share(alarms.any_ranked, MATRICES));
        writeln!(
            table,
            "| {blocks} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {} |",
            share(alarms.printed, alarms.comparisons),
            share(alarms.any_printed, MATRICES),
            share(alarms.any_difference, MATRICES),
            share(alarms.any_verdict, MATRICES),
            100.0 * wilson(alarms.any_verdict, MATRICES, Z).0,
            share(alarms.any_contested, MATRICES),
            share(alarms.any_equivalent, MATRICES),
            ranked.map_or("–".to_owned(), |share| format!("{share:.1}")),
        )
        .expect("a string takes it");
        // Comparisons of one matrix share its baseline, so the matrices are what was drawn independently.
        let per_matrix = alarms.printed * MATRICES / alarms.comparisons;
        let counts = [alarms.any_difference, alarms.any_verdict, alarms.any_ranked, per_matrix];
        // Without Holm's method the test must fail, or it would prove nothing.
        if counts.into_iter().any(too_often) || !too_often(alarms.any_printed) {
            broken.push(format!("{name}, {blocks} blocks: {alarms:?}"));
        }
    }
    publish(&table);
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn equal_cells_are_seldom_told_apart() {
    assert_few_alarms("calm", CALM, &[3, 6, 9, 10, 12]);
}

#[test]
fn equal_cells_are_seldom_told_apart_under_drift() {
    assert_few_alarms("drifting", DRIFTING, &[6, 10, 12]);
}

#[test]
fn equal_cells_are_seldom_told_apart_when_some_trials_are_slow() {
    assert_few_alarms("skewed", SKEWED, &[3, 6, 10, 12]);
}

/// What matrices say about a candidate whose delivered rate is known to be lower.
#[derive(Clone, Debug, Default)]
struct Found {
    better: u64,
    worse: u64,
    equivalent: u64,
    /// Printed intervals that hold the truth.
    covered: u64,
    /// Mean width of those, in per cent.
    width: f64,
    /// Predicted blocks of the inconclusive ones, one above the limit where they are more; sorted.
    needed: Vec<u32>,
}

fn known_effect(effect: f64, blocks: u32, platform: Platform) -> Found {
    let rules = Rules::default();
    let mut told = Found::default();
    let truth = -f64::ln_1p(effect);
    for index in 0..MATRICES {
        let mut random = SplitMix64::new(derive(&[SEED, 1, index, u64::from(blocks)]));
        let metric = Metric::DeliveredRate;
        let of = matrix(metric, &[0.0, truth, 0.0], blocks, 0.02, platform, &mut random);
        let family = compare(&[of], BASELINE, &rules);
        let found = &family.rows[0].contrast;
        let interval = found.interval.expect("three blocks have one");
        told.covered += u64::from(interval.holds(truth.exp()));
        told.width += 100.0 * (interval.high - interval.low) / MATRICES as f64;
        match found.verdict {
            Verdict::Better => told.better += 1,
            Verdict::Worse => told.worse += 1,
            Verdict::Equivalent => told.equivalent += 1,
            Verdict::Inconclusive => told.needed.push(match found.needed.expect("the spread is known") {
                Needed::Blocks(n) => n,
                Needed::MoreThan(n) => n + 1,
            }),
        }
    }
    told.needed.sort_unstable();
    told
}

#[test]
fn known_effects_are_found_and_lie_in_their_intervals() {
    let mut table = format!(
        "{MATRICES} matrices a row, 2 candidates against a baseline, delivered rate, 2 % of noise per trial\n\n\
         | platform | slower by | blocks | better, % | worse, % | equivalent, % | interval holds the truth, % | \
         width, % | median of blocks needed |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    let mut broken = Vec::new();
    let rows = [
        ("calm", CALM, 0.0, &[3, 6, 9, 12, 20][..]),
        ("calm", CALM, 0.03, &[3, 6, 9, 12]),
        ("calm", CALM, 0.05, &[3, 6, 9, 12, 20]),
        ("calm", CALM, 0.1, &[3, 6, 9, 12, 20]),
        ("skewed", SKEWED, 0.05, &[6, 9, 12, 20]),
    ];
    for (name, platform, effect, all) in rows {
        for blocks in all {
            let found = known_effect(effect, *blocks, platform);
            let needed = found.needed.get(found.needed.len() / 2);
            writeln!(
                table,
                "| {name} | {:.0} % | {blocks} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {} |",
                100.0 * effect,
                share(found.better, MATRICES),
                share(found.worse, MATRICES),
                share(found.equivalent, MATRICES),
                share(found.covered, MATRICES),
                found.width,
                needed.map_or("–".to_owned(), u32::to_string),
            )
            .unwrap();
            let mut ask = |is: bool, what: &str| {
                if !is {
                    broken.push(format!("{what}: {name}, {effect} over {blocks} blocks, {found:?}"));
                }
            };
            let calm = name == "calm";
            ask(100 * found.covered >= 93 * MATRICES, "coverage");
            ask(effect <= 0.0 || 200 * found.better <= MATRICES, "the wrong direction");
            // At the margin and beyond it, equivalent is false; one side of 5 % may err.
            let false_equivalent = wilson(found.equivalent, MATRICES, Z).0;
            ask(effect <= 0.0 || false_equivalent <= 0.025, "false equivalence");
            let power = found.worse as f64 / MATRICES as f64;
            ask(effect < 0.1 || *blocks < 6 || power > 0.9, "power for 10 %");
            ask(!calm || effect < 0.05 || *blocks < 6 || power > 0.7, "power for 5 %");
        }
    }
    publish(&table);
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Two-sided p for the means of two groups (Welch), the degrees of freedom rounded down.
fn welch(a: &[f64], b: &[f64]) -> f64 {
    let moments = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, variance / n, n - 1.0)
    };
    let ((mean_a, a, df_a), (mean_b, b, df_b)) = (moments(a), moments(b));
    let degrees = (a + b).powi(2) / (a * a / df_a + b * b / df_b);
    t_two_sided((mean_a - mean_b) / (a + b).sqrt(), degrees as u32)
}

/// 60 windows of one run, correlated by 0.6, and a run's own level with half a deviation.
fn windows(random: &mut SplitMix64) -> Vec<f64> {
    let level = 0.5 * normal(random);
    let mut window = normal(random) / 0.8;
    (0..60)
        .map(|_| {
            window = 0.6 * window + normal(random);
            level + window
        })
        .collect()
}

#[test]
fn windows_are_not_samples() {
    let (mut by_window, mut by_trial) = (0, 0);
    for index in 0..MATRICES {
        let mut random = SplitMix64::new(derive(&[SEED, 2, index]));
        by_window += u64::from(welch(&windows(&mut random), &windows(&mut random)) < 0.05);
        let mut mean = || windows(&mut random).iter().sum::<f64>() / 60.0;
        let trials: BTreeMap<CellId, BTreeMap<u32, f64>> = (1..=2)
            .map(|cell| {
                (
                    CellId(cell),
                    (0..5).map(|block| (block, (0.1 * mean()).exp())).collect(),
                )
            })
            .collect();
        let of = Observations {
            metric: Metric::DeliveredRate,
            cells: trials,
        };
        let contrast = &compare(&[of], BASELINE, &Rules::default()).rows[0].contrast;
        by_trial += u64::from(contrast.deciding.expect("five blocks").excludes_one());
    }
    publish(&format!(
        "equal runs told apart: {:.1} % by 60 windows of one run each, {:.1} % by one number of five trials each",
        share(by_window, MATRICES),
        share(by_trial, MATRICES)
    ));
    assert!(
        (0.4..0.8).contains(&(by_window as f64 / MATRICES as f64)),
        "{by_window}"
    );
    assert!(!too_often(by_trial), "{by_trial}");
}

#[test]
fn without_blocks_and_pairs_drift_is_taken_for_a_difference() {
    let (mut one_after_the_other, mut unpaired, mut paired) = (0, 0, 0);
    let (mut unpaired_power, mut paired_power) = (0, 0);
    let platform = Platform { drift: 10.0, ..CALM };
    for index in 0..MATRICES {
        let mut random = SplitMix64::new(derive(&[SEED, 3, index]));
        // All six of the one cell, then all six of the other, under the same drift.
        let series: Vec<f64> = (0..12)
            .map(|t| f64::from(t) * 10.0 / 12.0 + normal(&mut random))
            .collect();
        one_after_the_other += u64::from(welch(&series[..6], &series[6..]) < 0.05);
        for (slower, by_unpaired, by_pairs) in [
            (0.0, &mut unpaired, &mut paired),
            (0.05, &mut unpaired_power, &mut paired_power),
        ] {
            let of = matrix(Metric::DeliveredRate, &[0.0, -slower], 6, 0.02, platform, &mut random);
            let logarithms = |cell: u32| -> Vec<f64> { of.cells[&CellId(cell)].values().map(|v| v.ln()).collect() };
            *by_unpaired += u64::from(welch(&logarithms(1), &logarithms(2)) < 0.05);
            let contrast = &compare(&[of], BASELINE, &Rules::default()).rows[0].contrast;
            *by_pairs += u64::from(contrast.deciding.expect("six blocks").excludes_one());
        }
    }
    publish(&format!(
        "under drift, equal cells told apart: {:.1} % AAAAAABBBBBB, {:.1} % in blocks unpaired, {:.1} % paired; \
         5 % slower found: {:.1} % unpaired, {:.1} % paired",
        share(one_after_the_other, MATRICES),
        share(unpaired, MATRICES),
        share(paired, MATRICES),
        share(unpaired_power, MATRICES),
        share(paired_power, MATRICES),
    ));
    assert!(2 * one_after_the_other > MATRICES, "{one_after_the_other}");
    assert!(!too_often(paired), "{paired}");
    assert!(2 * unpaired_power < paired_power, "{unpaired_power} {paired_power}");
}

#[test]
fn quantiles_are_those_of_the_tables() {
    for (degrees, t) in [(4, 2.776_445), (5, 2.570_582), (9, 2.262_157), (19, 2.093_024)] {
        assert!((t_quantile(0.975, degrees) - t).abs() < 1e-6, "{degrees}");
    }
    assert!((normal_quantile(0.975) - 1.959_964).abs() < 1e-6);
}

#[test]
fn the_interval_of_a_mean_holds_the_truth() {
    let mut held = [0; 2];
    for index in 0..MATRICES {
        let mut random = SplitMix64::new(derive(&[SEED, 4, index]));
        for (held, blocks) in held.iter_mut().zip([5, 12]) {
            let values: Vec<f64> = (0..blocks).map(|_| 40.0 * (0.05 * normal(&mut random)).exp()).collect();
            let interval = estimate(&values, &Rules::default()).unwrap().interval.unwrap();
            *held += u64::from(interval.holds(40.0));
        }
    }
    publish(&format!(
        "intervals of a mean that hold the truth: {:.1} % of 5 blocks, {:.1} % of 12",
        share(held[0], MATRICES),
        share(held[1], MATRICES)
    ));
    assert!(held.iter().all(|held| 100 * held >= 93 * MATRICES), "{held:?}");
}

/// Shows a table with `--nocapture`.
fn publish(table: &str) {
    std::io::stdout()
        .write_all(format!("\n{table}\n").as_bytes())
        .expect("standard output takes it");
}
