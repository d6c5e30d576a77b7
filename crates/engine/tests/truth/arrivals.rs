//! When records are sent, as the client sees it.

use tribunal_engine::schedule::Place;
use tribunal_engine::sender::Source;
use tribunal_model::trial::Arrivals;

use crate::{
    ALONE, BOTH, MS, SECOND, acknowledged_after, assert_conserved, intended, measured, paced, schedule, simulation,
    windows,
};

/// Experiment 4: what was asked for is what was sent, to the record, at every rate.
#[test]
fn the_realised_rate_is_the_one_that_was_asked_for() {
    for arrivals in BOTH {
        for (per_second, seconds) in [
            (10.0, 100),
            (137.3, 20),
            (1000.0, 10),
            (20_000.0, 4),
            (100_000.0, 2),
            (400_000.0, 1),
        ] {
            let windows = windows(1, seconds, 5);
            let outcome = simulation(windows, paced(arrivals, per_second)).run(&acknowledged_after(|_| MS / 10));
            assert_conserved(&outcome);
            let fates = measured(&outcome).fates;
            let all = intended(arrivals, per_second, ALONE, windows.t2_ns());
            let asked = all.iter().filter(|at| **at >= windows.t1_ns()).count() as u64;
            assert_eq!(
                (fates.scheduled, fates.acknowledged),
                (asked, asked),
                "{arrivals:?} {per_second}"
            );
            let offered = per_second * seconds as f64;
            if arrivals == Arrivals::Uniform {
                assert!((asked as f64 - offered).abs() <= 1.0, "{asked} of {offered}");
                let delivered = outcome.window.acknowledged as f64;
                assert!((delivered / offered - 1.0).abs() < 0.001, "{delivered} of {offered}");
            } else {
                assert!(
                    (asked as f64 - offered).abs() < 5.0 * offered.sqrt(),
                    "{asked} of {offered}"
                );
            }
        }
    }
}

/// Gaps between realised sends.
fn gaps(arrivals: Arrivals) -> Vec<f64> {
    let outcome = simulation(windows(1, 30, 5), paced(arrivals, 1000.0)).run(&acknowledged_after(|_| 0));
    let sent: Vec<i64> = outcome.raw.iter().map(|(delivery, _)| delivery.accepted_ns).collect();
    sent.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Pearson's correlation.
fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    let covariance: f64 = x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum();
    let norm = |values: &[f64], m: f64| values.iter().map(|v| (v - m).powi(2)).sum::<f64>().sqrt();
    covariance / (norm(x, mx) * norm(y, my))
}

fn variation(values: &[f64]) -> f64 {
    let m = mean(values);
    (values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / values.len() as f64).sqrt() / m
}

/// Kolmogorov's distance from the exponential distribution with this mean.
fn distance_from_exponential(values: &[f64], mean: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distances = sorted.iter().enumerate().map(|(i, value)| {
        let theory = 1.0 - (-value / mean).exp();
        (theory - i as f64 / n).abs().max(((i + 1) as f64 / n - theory).abs())
    });
    distances.fold(0.0, f64::max)
}

/// Experiment 5: Poisson gaps are exponential and do not remember, uniform ones are even; and the test tells them apart.
#[test]
fn arrivals_have_the_distribution_that_the_plan_says() {
    let (poisson, uniform) = (gaps(Arrivals::Poisson), gaps(Arrivals::Uniform));
    let n = 2000;
    let d = distance_from_exponential(&poisson[..n], 1e6);
    // The 5 % point of Kolmogorov's distribution.
    let critical = 1.358 / (n as f64).sqrt();
    let lag = correlation(&poisson[1..], &poisson[..poisson.len() - 1]);
    println!(
        "Poisson: D {d:.4} (critical {critical:.4}), CV {:.3}, lag-1 {lag:.4}; uniform: CV {:.6}",
        variation(&poisson),
        variation(&uniform)
    );
    assert!(d < critical && (variation(&poisson) - 1.0).abs() < 0.03);
    assert!(lag.abs() < 3.0 / (poisson.len() as f64).sqrt());
    assert!(variation(&uniform) < 0.02);
    assert!(distance_from_exponential(&uniform[..n], 1e6) > 10.0 * critical);
}

/// Records per 10 ms of one producer of two.
fn counts(place: Place) -> Vec<f64> {
    let source = Source::Paced(schedule(Arrivals::Poisson, 4000.0, place));
    let outcome = simulation(windows(1, 50, 5), source).run(&acknowledged_after(|_| 0));
    let mut counts = vec![0.0; 5000];
    for (delivery, _) in &outcome.raw {
        if let Some(count) = counts.get_mut((delivery.accepted_ns / (10 * MS)) as usize) {
            *count += 1.0;
        }
    }
    counts
}

/// Experiment 6: producers do not send together; and broken: with one seed for all they do.
#[test]
fn producers_are_independent_and_one_seed_for_all_is_found_out() {
    let of = |index, seed| Place {
        seed,
        index,
        producers: 2,
        block: 0,
    };
    let limit = 3.0 / 5000f64.sqrt();
    let first = counts(of(0, 42));
    let told = correlation(&first, &counts(of(1, 42)));
    println!("correlation of two producers: {told:.4}, limit {limit:.4}");
    assert!(told.abs() < limit);
    assert!(
        correlation(&first, &counts(of(0, 43))).abs() < limit,
        "another plan's seed"
    );
    assert!(
        correlation(&first, &counts(of(0, 42))) > limit,
        "the broken variant: the same stream twice"
    );
}

/// Experiment 4 under a profile: each second holds its own share, through the pauses too.
#[test]
fn a_profile_is_realised_second_by_second() {
    use tribunal_engine::schedule::Schedule;
    use tribunal_model::profile::{After, Profile, Segment};
    use tribunal_model::trial::RecordRate;
    let segments = vec![
        Segment {
            length_ns: 3 * SECOND as u64,
            from_micro: 0,
            to_micro: 6_000_000_000,
        },
        Segment {
            length_ns: SECOND as u64,
            from_micro: 0,
            to_micro: 0,
        },
    ];
    let profile = Profile::new(segments, After::Repeat, "saw").unwrap();
    let mean = RecordRate::per_second(2250.0).unwrap();
    let source = Source::Paced(Schedule::new(Arrivals::Uniform, mean, Some(&profile), ALONE));
    let outcome = simulation(windows(4, 8, 5), source).run(&acknowledged_after(|_| MS));
    assert_conserved(&outcome);
    assert_eq!(measured(&outcome).fates.acknowledged, 18_000);
    assert_eq!(measured(&outcome).schedule_delay.max(), Some(std::time::Duration::ZERO));
    let sent = |second: i64| {
        let of_second = |at: i64| (second * SECOND..(second + 1) * SECOND).contains(&at);
        outcome.raw.iter().filter(|(d, _)| of_second(d.accepted_ns)).count()
    };
    let seconds: Vec<usize> = (0..12).map(sent).collect();
    assert_eq!(seconds, [1000, 3000, 5000, 0].repeat(3));
}
