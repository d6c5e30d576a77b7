//! How often comparisons of two experiments err, whose trials share no blocks, on cells whose truth is known.
//!
//! Two experiments are run one after the other: each holds every cell once in each of its blocks. The logarithm of a
//! trial's value is what its cell makes it, plus what the platform does to the block, plus the trial's own noise, which
//! is normal or skewed: one trial in ten is then up to several deviations slower. Between the experiments the platform
//! stays the same, or moves: that movement no interval of theirs can hold, and the last test shows it.
//!
//! `cargo test -p tribunal-stats --test unpaired -- --nocapture` prints the tables.

use std::fmt::Write as _;
use std::io::Write as _;

use normal::normal;
use tribunal_model::seed::{SplitMix64, derive, ln};
use tribunal_stats::comparison::{Metric, Rules, Samples, Unpaired, Verdict, compare_unpaired, wilson};

#[path = "draw/normal.rs"]
mod normal;

const SEED: u64 = 22;
const PAIRS: u64 = 2000;
const Z: f64 = 1.96;
const CELLS: usize = 3;

/// Two experiments.
#[derive(Clone, Copy, Debug)]
struct Experiments {
    /// Blocks of the baseline and of the candidate.
    blocks: (u32, u32),
    /// Whether one trial in ten is slower by an exponential number of deviations.
    skewed: bool,
    /// What the candidate's cells are made to differ by, as a logarithm.
    truth: f64,
    /// By how much the platform moved between the two, as a logarithm.
    moved: f64,
}

/// Of one cell and metric; `noise` is a trial's, as a share, and a block's is as large.
fn experiment(of_blocks: &[f64], noise: f64, skewed: bool, by: f64, random: &mut SplitMix64) -> Vec<f64> {
    let value = |of_block: &f64| {
        let slow = if skewed && random.below(10) == 0 {
            -3.0 * ln(random.next_unit())
        } else {
            0.0
        };
        1000.0 * (by + noise * (of_block + slow + normal(random))).exp()
    };
    of_blocks.iter().map(value).collect()
}

/// Three cells in two metrics: delivered rate with 6 % of noise per trial, p99 with 25 %.
fn compared(of: Experiments, index: u64) -> Vec<Unpaired> {
    let words = [u64::from(of.blocks.0), u64::from(of.blocks.1), u64::from(of.skewed)];
    let mut random = SplitMix64::new(derive(&[SEED, index, words[0], words[1], words[2]]));
    let mut blocks = |count: u32| -> Vec<f64> { (0..count).map(|_| normal(&mut random)).collect() };
    let (of_baseline, of_candidate) = (blocks(of.blocks.0), blocks(of.blocks.1));
    let mut family = Vec::new();
    for (metric, noise) in [(Metric::DeliveredRate, 0.06), (Metric::ResponseP99, 0.25)] {
        for _ in 0..CELLS {
            family.push(Samples {
                metric,
                baseline: experiment(&of_baseline, noise, of.skewed, 0.0, &mut random),
                candidate: experiment(&of_candidate, noise, of.skewed, of.truth + of.moved, &mut random),
            });
        }
    }
    compare_unpaired(&family, &Rules::default())
}

fn share(count: u64, of: u64) -> f64 {
    100.0 * count as f64 / of as f64
}

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// Printed intervals, of all comparisons, that hold the truth.
    held: u64,
    /// Pairs of experiments with a deciding interval that does not.
    any_missed: u64,
    /// Pairs with a printed interval that does not: what a family would err without adjustment.
    any_printed: u64,
    /// Pairs with a better or worse.
    any_verdict: u64,
}

fn tell(of: Experiments) -> Told {
    let mut told = Told::default();
    for index in 0..PAIRS {
        let rows = compared(of, index);
        let truth = of.truth.exp();
        let held = |row: &&Unpaired| row.interval.is_some_and(|i| i.holds(truth));
        let held = rows.iter().filter(held).count() as u64;
        told.held += held;
        told.any_printed += u64::from(held < rows.len() as u64);
        let missed = |row: &Unpaired| row.deciding.is_some_and(|i| !i.holds(truth));
        told.any_missed += u64::from(rows.iter().any(missed));
        let differs = |row: &Unpaired| matches!(row.verdict, Verdict::Better | Verdict::Worse);
        told.any_verdict += u64::from(rows.iter().any(differs));
    }
    told
}

/// Whether a share of [`PAIRS`] is, beyond doubt, above 5 %.
fn too_often(count: u64) -> bool {
    wilson(count, PAIRS, Z).0 > 0.05
}

#[test]
fn equal_experiments_are_seldom_told_apart_and_intervals_hold_the_truth() {
    let mut table = format!(
        "two experiments, the platform the same: {PAIRS} pairs a row, {CELLS} cells in 2 metrics\n\n\
         | platform | blocks | truth | printed interval holds it, % | any printed does not, % | any deciding does not, % | \
         BETTER or WORSE in any, % |\n|---|---:|---:|---:|---:|---:|---:|\n"
    );
    let mut broken = Vec::new();
    let calm = [(3, 3), (6, 6), (4, 10), (10, 10), (12, 20)];
    let skewed = [(6, 6), (4, 10), (10, 10), (12, 20)];
    let rows = calm
        .iter()
        .map(|blocks| (*blocks, false))
        .chain(skewed.iter().map(|blocks| (*blocks, true)));
    for (blocks, skewed) in rows {
        for truth in [0.0, 0.1] {
            let of = Experiments {
                blocks,
                skewed,
                truth,
                moved: 0.0,
            };
            let told = tell(of);
            let comparisons = PAIRS * 2 * CELLS as u64;
            writeln!(
                table,
                "| {} | {} / {} | {:.0} % | {:.1} | {:.1} | {:.1} | {} |",
                if skewed { "skewed" } else { "calm" },
                blocks.0,
                blocks.1,
                100.0 * truth,
                share(told.held, comparisons),
                share(told.any_printed, PAIRS),
                share(told.any_missed, PAIRS),
                if truth > 0.0 {
                    "–".to_owned()
                } else {
                    format!("{:.1}", share(told.any_verdict, PAIRS))
                },
            )
            .expect("a string takes it");
            let alarms = if truth > 0.0 { 0 } else { told.any_verdict };
            let unadjusted_errs = too_often(told.any_printed);
            if 100 * told.held < 93 * comparisons || too_often(told.any_missed) || too_often(alarms) || !unadjusted_errs
            {
                broken.push(format!("{of:?}: {told:?}"));
            }
        }
    }
    publish(&table);
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn what_the_platform_did_between_two_experiments_is_in_no_interval() {
    let told = tell(Experiments {
        blocks: (10, 10),
        skewed: false,
        truth: 0.0,
        moved: 0.15,
    });
    publish(&format!(
        "equal cells on a platform that moved by 15 % between the experiments: BETTER or WORSE in any of six in {:.1} % of \
         {PAIRS} pairs; {:.1} % of printed intervals hold the truth",
        share(told.any_verdict, PAIRS),
        share(told.held, PAIRS * 2 * CELLS as u64)
    ));
    assert!(2 * told.any_verdict > PAIRS, "{told:?}");
}

/// Shows a table with `--nocapture`.
fn publish(table: &str) {
    std::io::stdout()
        .write_all(format!("\n{table}\n").as_bytes())
        .expect("standard output takes it");
}
