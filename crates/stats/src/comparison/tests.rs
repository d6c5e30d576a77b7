use std::time::Duration;

use proptest::prelude::*;
use tribunal_model::trial::Level;

use super::*;
use crate::distribution::Distribution;

/// Noise of a block and a cell, up to 1 to either side and of mean 0 over seven.
const NOISE: [f64; 7] = [1.0, -1.0, 0.5, -0.5, 0.0, 0.7, -0.7];

/// Cells of these means over blocks that differ by much, with noise as a share.
fn cells(metric: Metric, means: &[f64], blocks: u32, noise: f64) -> Observations {
    let value = |cell: usize, mean: f64, block: u32| {
        let of_block = 1.0 + 0.3 * NOISE[(block as usize * 3) % 7];
        mean * of_block * (noise * NOISE[(block as usize + 2 * cell) % 7]).exp()
    };
    let of = |(cell, mean): (usize, &f64)| {
        let values = (0..blocks).map(|block| (block, value(cell, *mean, block))).collect();
        (CellId(cell as u32 + 1), values)
    };
    Observations {
        metric,
        cells: means.iter().enumerate().map(of).collect(),
    }
}

/// The one candidate's contrast with the one baseline.
fn one(observations: Observations) -> Contrast {
    let family = compare(&[observations], CellId(1), &Rules::default());
    assert_eq!(family.rows.len(), 1);
    family.rows[0].contrast.clone()
}

#[track_caller]
fn check(metric: Metric, ratio: f64, blocks: u32, noise: f64, expected: Verdict) {
    let contrast = one(cells(metric, &[100.0, 100.0 * ratio], blocks, noise));
    assert_eq!(contrast.verdict, expected, "{contrast:#?}");
    assert_eq!(contrast.blocks, blocks);
    assert_eq!(contrast.few_blocks, blocks < 6);
    assert_eq!(
        contrast.needed.is_some(),
        expected == Verdict::Inconclusive && blocks > 1
    );
}

#[test]
fn verdicts_know_the_direction_and_the_margin() {
    check(Metric::DeliveredRate, 1.1, 7, 0.01, Verdict::Better);
    check(Metric::DeliveredRate, 0.9, 7, 0.01, Verdict::Worse);
    check(Metric::ResponseP99, 1.3, 7, 0.01, Verdict::Worse);
    check(Metric::ResponseP99, 0.7, 7, 0.01, Verdict::Better);
    check(Metric::CpuPerRecord, 1.1, 7, 0.01, Verdict::Worse);
    // Certain, and too small to matter.
    check(Metric::ResponseP99, 1.05, 7, 0.001, Verdict::Equivalent);
    check(Metric::DeliveredRate, 1.02, 7, 0.001, Verdict::Equivalent);
    // Certain, perhaps large enough to matter, and more probably not.
    check(Metric::DeliveredRate, 1.025, 7, 0.01, Verdict::Inconclusive);
    check(Metric::DeliveredRate, 1.0, 7, 0.2, Verdict::Inconclusive);
}

#[test]
fn one_block_has_no_interval_and_two_have_a_wide_one() {
    check(Metric::DeliveredRate, 1.5, 1, 0.0, Verdict::Inconclusive);
    let single = one(cells(Metric::DeliveredRate, &[1.0, 1.5], 1, 0.0));
    assert_eq!((single.interval, single.adjusted_p, single.needed), (None, None, None));
    assert!((single.ratio.unwrap() - 1.5).abs() < 1e-9);
    let pair = one(cells(Metric::DeliveredRate, &[1.0, 1.5], 2, 0.1));
    assert!(pair.few_blocks && pair.interval.unwrap().high > 2.5, "{pair:#?}");
    let none = one(cells(Metric::DeliveredRate, &[1.0, 1.5], 0, 0.1));
    assert_eq!((none.blocks, none.ratio), (0, None));
}

#[test]
fn missing_trials_and_values_without_a_logarithm_are_counted() {
    let mut observations = cells(Metric::DeliveredRate, &[100.0, 110.0], 9, 0.001);
    let candidate = observations.cells.get_mut(&CellId(2)).unwrap();
    candidate.remove(&3);
    candidate.insert(4, 0.0);
    candidate.insert(5, f64::NAN);
    observations.cells.get_mut(&CellId(1)).unwrap().remove(&8);
    let contrast = one(observations);
    assert_eq!((contrast.blocks, contrast.unpaired, contrast.left_out), (5, 2, 2));
    assert!((contrast.ratio.unwrap() - 1.1).abs() < 0.002);
}

#[test]
fn a_family_says_how_many_it_compared_and_adjusts_by_it() {
    let all = [
        cells(Metric::DeliveredRate, &[100.0, 104.0, 100.0, 150.0], 7, 0.02),
        cells(Metric::ResponseP50, &[100.0, 101.0, 100.0, 150.0], 7, 0.02),
    ];
    let family = compare(&all, CellId(1), &Rules::default());
    assert_eq!((family.comparisons, family.rows.len()), (6, 6));
    let alone = one(cells(Metric::DeliveredRate, &[100.0, 104.0], 7, 0.02));
    let within = &family.rows[0].contrast;
    assert_eq!(within.interval, alone.interval);
    assert_eq!(alone.deciding, alone.interval);
    assert!(within.adjusted_p > alone.adjusted_p);
    for row in &family.rows {
        let (deciding, printed) = (row.contrast.deciding.unwrap(), row.contrast.interval.unwrap());
        assert!(deciding.low <= printed.low && printed.high <= deciding.high, "{row:#?}");
        let significant = row.contrast.adjusted_p.unwrap() <= 0.05;
        assert_eq!(deciding.excludes_one(), significant, "{row:#?}");
    }
}

#[test]
fn a_difference_without_the_check_is_contested() {
    // One block of six goes the other way, by little.
    let ratios = [1.08, 1.1, 1.09, 1.11, 0.999, 1.1];
    let cell = |values: &[f64]| values.iter().zip(0..).map(|(v, block)| (block, *v)).collect();
    let contrast = one(Observations {
        metric: Metric::DeliveredRate,
        cells: BTreeMap::from([(CellId(1), cell(&[1.0; 6])), (CellId(2), cell(&ratios))]),
    });
    assert_eq!(contrast.verdict, Verdict::Better);
    assert!(
        contrast.contested && contrast.sign_flip.unwrap().p > 0.05,
        "{contrast:#?}"
    );
}

#[test]
fn the_needed_blocks_decide() {
    let pilot = one(cells(Metric::DeliveredRate, &[100.0, 101.0], 7, 0.05));
    let Some(Needed::Blocks(needed)) = pilot.needed else {
        panic!("{pilot:#?}")
    };
    assert!((8..60).contains(&needed), "{needed}");
    check(Metric::DeliveredRate, 1.01, needed, 0.05, Verdict::Equivalent);
    let noisy = one(cells(Metric::DeliveredRate, &[100.0, 101.0], 7, 0.5));
    assert_eq!(noisy.needed, Some(Needed::MoreThan(200)));
}

#[test]
fn a_mean_is_geometric_and_says_how_many_it_saw() {
    let told = estimate(&[10.0, 1000.0, -1.0, f64::INFINITY], &Rules::default()).unwrap();
    assert!((told.mean - 100.0).abs() < 1e-9, "{told:?}");
    assert_eq!((told.n, told.left_out), (2, 2));
    assert!(told.interval.unwrap().holds(100.0) && told.cv.unwrap() > 1.0);
    let single = estimate(&[7.0], &Rules::default()).unwrap();
    assert_eq!((single.interval, single.cv), (None, None));
    assert_eq!(estimate(&[0.0], &Rules::default()), None);
}

#[test]
fn drift_is_told_from_the_blocks_and_missing_trials_do_not_make_one() {
    let rules = Rules::default();
    let mut observations = cells(Metric::DeliveredRate, &[100.0, 200.0, 400.0], 10, 0.01);
    let level = drift(&observations, &rules).unwrap();
    assert!(
        !level.notable && level.share_between_blocks.unwrap() > 0.9,
        "{level:#?}"
    );
    for of in observations.cells.values_mut() {
        for (block, value) in of.iter_mut() {
            *value = *value / (1.0 + 0.3 * NOISE[(*block as usize * 3) % 7]) * 1.2_f64.powf(f64::from(*block) / 9.0);
        }
    }
    let drifting = drift(&observations, &rules).unwrap();
    assert!((drifting.change_over_all.unwrap() - 1.2).abs() < 0.02, "{drifting:#?}");
    assert!(drifting.notable && drifting.interval.unwrap().holds(drifting.change_over_all.unwrap()));
    // The fast cell is missing at first, the slow one at last: the means of the blocks alone would double.
    observations
        .cells
        .get_mut(&CellId(3))
        .unwrap()
        .retain(|block, _| *block > 2);
    observations
        .cells
        .get_mut(&CellId(1))
        .unwrap()
        .retain(|block, _| *block < 7);
    let change = drift(&observations, &rules).unwrap().change_over_all.unwrap();
    assert!((change - 1.2).abs() < 0.03, "{change}");
}

#[test]
fn the_canary_tells_drift_alone() {
    let rules = Rules::default();
    let series: Vec<(u32, f64)> = (0..8)
        .map(|block| (block, 50.0 * 0.99_f64.powi(block as i32)))
        .collect();
    let falling = drift_of_series(&series, 0.03, &rules).unwrap();
    assert!(falling.notable && (falling.change_over_all.unwrap() - 0.99_f64.powi(7)).abs() < 1e-9);
    assert_eq!(falling.share_between_blocks, None);
    let single = drift_of_series(&series[..1], 0.03, &rules).unwrap();
    assert_eq!(
        (single.change_over_all, single.interval, single.notable),
        (None, None, false)
    );
    assert_eq!(drift_of_series(&[], 0.03, &rules), None);
}

#[test]
fn cells_near_the_best_tie_with_it() {
    let ranking = rank(
        &cells(Metric::ResponseP50, &[130.0, 100.0, 101.0, 220.0], 7, 0.01),
        &Rules::default(),
    );
    let order: Vec<u32> = ranking.rows.iter().map(|row| row.cell.0).collect();
    assert_eq!(order, [2, 3, 1, 4]);
    let ties: Vec<bool> = ranking.rows.iter().map(|row| row.ties_with_best).collect();
    assert_eq!(ties, [true, true, false, false]);
    assert_eq!(ranking.comparisons, 6);
    assert!(ranking.rows[0].to_best.is_none());
    let ratio = ranking.rows[3].to_best.as_ref().unwrap().ratio.unwrap();
    assert!((ratio - 2.2).abs() < 0.05, "{ratio}");
}

fn levels(of: &[&[&str]]) -> BTreeMap<CellId, Vec<Level>> {
    let level = |(factor, value): (usize, &&str)| Level {
        factor: format!("f{factor}"),
        value: (*value).to_owned(),
    };
    let cell = |(index, values): (usize, &&[&str])| {
        let levels = values.iter().enumerate().map(level).collect();
        (CellId(index as u32 + 1), levels)
    };
    of.iter().enumerate().map(cell).collect()
}

#[test]
fn main_effects_are_means_over_matched_cells() {
    // The first factor makes 1.2, the second 0.8, and both together 1.5 times more.
    let full = levels(&[&["a", "x"], &["a", "y"], &["b", "x"], &["b", "y"]]);
    let observations = cells(Metric::DeliveredRate, &[100.0, 80.0, 120.0, 144.0], 7, 0.001);
    let effects = main_effects(&observations, &full, &Rules::default());
    assert_eq!(effects.comparisons, 2);
    let told: Vec<(&str, &str, u32, f64)> = effects
        .rows
        .iter()
        .map(|e| {
            let ratio = e.contrast.as_ref().unwrap().ratio.unwrap();
            (e.level.value.as_str(), e.against.as_str(), e.matched, ratio)
        })
        .collect();
    let expected = [
        ("b", "a", 2, (1.2 * 1.8_f64).sqrt()),
        ("y", "x", 2, (0.8 * 1.2_f64).sqrt()),
    ];
    for (told, expected) in told.iter().zip(expected) {
        assert_eq!((told.0, told.1, told.2), (expected.0, expected.1, expected.2));
        assert!((told.3 / expected.3 - 1.0).abs() < 0.002, "{told:?} {expected:?}");
    }
    let interactions = interactions(&observations, &full, &Rules::default());
    assert_eq!((interactions.comparisons, interactions.rows.len()), (1, 1));
    let ratio = interactions.rows[0].contrast.ratio.unwrap();
    assert!((ratio - 1.5).abs() < 0.01, "{ratio}");
}

#[test]
fn a_subset_has_the_effects_that_its_matched_cells_show() {
    // One at a time for the first two factors; the third never varies alone.
    let some = levels(&[&["a", "x", "1"], &["b", "x", "1"], &["a", "y", "1"], &["b", "y", "2"]]);
    let observations = cells(Metric::ResponseP50, &[100.0, 150.0, 80.0, 100.0], 6, 0.001);
    let effects = main_effects(&observations, &some, &Rules::default());
    let matched: Vec<u32> = effects.rows.iter().map(|e| e.matched).collect();
    assert_eq!((matched, effects.comparisons), (vec![1, 1, 0], 2));
    assert_eq!(effects.rows[2].contrast, None);
    assert_eq!(effects.rows[0].contrast.as_ref().unwrap().verdict, Verdict::Worse);
    assert!(interactions(&observations, &some, &Rules::default()).rows.is_empty());
}

#[test]
fn a_percentile_has_an_interval_from_563_records() {
    let of = |n: u64| {
        let mut distribution = Distribution::new();
        (1..=n).for_each(|i| distribution.record_ns(i as i64 * 1_000_000));
        distribution
    };
    for (q, least) in [(0.99, 563), (0.999, 5662)] {
        assert_eq!(percentile_interval(&of(least - 1), q, None), None);
        assert!(percentile_interval(&of(least), q, None).is_some());
    }
    let (low, high) = percentile_interval(&of(1000), 0.5, None).unwrap();
    // 500 ± 1.96 √250 are ranks 469 and 531, and one more.
    assert!(
        (low.as_secs_f64() - 0.469).abs() < 0.001 && (high.as_secs_f64() - 0.532).abs() < 0.001,
        "{low:?} {high:?}"
    );
    let (wide_low, wide_high) = percentile_interval(&of(1000), 0.5, Some(100.0)).unwrap();
    assert!(wide_low + Duration::from_millis(60) < low && wide_high > high + Duration::from_millis(60));
    assert_eq!(percentile_interval(&of(1000), 0.99, Some(100.0)), None);
    assert_eq!(percentile_interval(&Distribution::new(), 0.5, None), None);
}

#[test]
fn records_that_share_a_fate_count_for_fewer() {
    let mut random = tribunal_model::seed::SplitMix64::new(5);
    let mut told = |shared: f64| {
        let mut distribution = Distribution::new();
        let means: Vec<f64> = (0..64)
            .map(|_| {
                let second = shared * random.next_unit();
                let values: Vec<f64> = (0..200).map(|_| 1000.0 * (1.0 + second + random.next_unit())).collect();
                for us in &values {
                    distribution.record_ns((us * 1000.0) as i64);
                }
                values.iter().sum::<f64>() / 200.0
            })
            .collect();
        effective_samples(&means, &distribution).unwrap()
    };
    let (alone, together) = (told(0.0), told(1.0));
    assert!(alone > 4000.0, "{alone}");
    assert!((60.0..200.0).contains(&together), "{together}");
    assert_eq!(effective_samples(&[1.0; 7], &Distribution::new()), None);
}

fn flipped(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Better => Verdict::Worse,
        Verdict::Worse => Verdict::Better,
        same => same,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn swapping_turns_the_answer_round_and_scaling_changes_nothing(
        values in prop::collection::vec((1.0f64..1.5, 1.0f64..1.5), 2..13),
        effect in 0.7f64..1.4,
        scale in 1e-6f64..1e6,
    ) {
        let cell = |of: &dyn Fn(&(f64, f64)) -> f64| -> BTreeMap<u32, f64> {
            values.iter().zip(0..).map(|(v, block)| (block, of(v))).collect()
        };
        let pair = |first: BTreeMap<u32, f64>, second| one(Observations {
            metric: Metric::ResponseP50,
            cells: BTreeMap::from([(CellId(1), first), (CellId(2), second)]),
        });
        let baseline: BTreeMap<u32, f64> = cell(&|v| v.0);
        let candidate: BTreeMap<u32, f64> = cell(&|v| effect * v.1);
        let straight = pair(baseline.clone(), candidate.clone());
        let swapped = pair(candidate, baseline);
        let scaled = pair(cell(&|v| scale * v.0), cell(&|v| scale * effect * v.1));

        let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-6;
        let (ratio, interval) = (straight.ratio.unwrap(), straight.interval.unwrap());
        prop_assert!(close(ratio * swapped.ratio.unwrap(), 1.0));
        prop_assert!(close(ratio, scaled.ratio.unwrap()));
        let (other, same) = (swapped.interval.unwrap(), scaled.interval.unwrap());
        prop_assert!(close(interval.low * other.high, 1.0) && close(interval.high * other.low, 1.0));
        prop_assert!(close(interval.low, same.low) && close(interval.high, same.high));
        prop_assert!(interval.holds(ratio));
        prop_assert_eq!(straight.verdict, flipped(swapped.verdict));
        prop_assert_eq!(straight.verdict, scaled.verdict);
        prop_assert_eq!(straight.needed, scaled.needed);
        prop_assert_eq!(straight.sign_flip, swapped.sign_flip);
    }

    #[test]
    fn no_values_make_a_figure_that_is_none(
        values in prop::collection::vec((prop::num::f64::ANY, prop::num::f64::ANY), 0..14),
    ) {
        let cell = |of: &dyn Fn(&(f64, f64)) -> f64| -> BTreeMap<u32, f64> {
            values.iter().zip(0..).map(|(v, block)| (block, of(v))).collect()
        };
        let observations = Observations {
            metric: Metric::DeliveredRate,
            cells: BTreeMap::from([(CellId(1), cell(&|v| v.0)), (CellId(2), cell(&|v| v.1))]),
        };
        let contrast = one(observations.clone());
        prop_assert_eq!((contrast.blocks + contrast.left_out) as usize, values.len());
        for interval in [contrast.interval, contrast.deciding].into_iter().flatten() {
            prop_assert!(interval.low.is_finite() && interval.high.is_finite() && interval.low <= interval.high);
        }
        prop_assert!(contrast.ratio.is_none_or(|ratio| ratio.is_finite() && ratio > 0.0));
        rank(&observations, &Rules::default());
        drift(&observations, &Rules::default());
    }
}
