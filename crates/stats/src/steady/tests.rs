use super::*;

/// `samples` values around `level`, with a ripple of that share of it and the deviation that `shape` adds.
fn series(name: Metric, level: f64, ripple: f64, samples: usize, shape: impl Fn(f64) -> f64) -> Series {
    let noise = [1.0, -1.0, 0.5, -0.5, 0.0, 1.0, -0.5].into_iter().cycle();
    let values = noise
        .take(samples)
        .zip(0u32..)
        .map(|(z, t)| level * (1.0 + ripple * z + shape(f64::from(t))))
        .collect();
    Series { name, values }
}

fn level(name: Metric, samples: usize) -> Series {
    series(name, 1000.0, 0.005, samples, |_| 0.0)
}

#[track_caller]
fn check(series: &[Series], expected: &[&str]) {
    let assessment = assess(series, &Rules::default());
    let sentences: Vec<String> = assessment.findings().iter().map(Finding::to_string).collect();
    assert_eq!(sentences, expected);
    assert_eq!(assessment.is_steady(), expected.is_empty(), "{assessment:?}");
}

#[test]
fn a_level_window_is_steady_and_shows_its_figures() {
    let all = [
        Metric::DeliveredRate,
        Metric::ResponseP50,
        Metric::ResponseP99,
        Metric::InFlight,
    ]
    .map(|m| level(m, 30));
    check(&all, &[]);
    let Assessment::Steady { evidence } = assess(&all, &Rules::default()) else {
        panic!()
    };
    assert_eq!(evidence.len(), 4);
    assert!(
        evidence
            .iter()
            .all(|e| (e.median / 1000.0 - 1.0).abs() < 0.01 && e.trend.is_some()),
        "{evidence:?}"
    );
    let resolutions: Vec<f64> = evidence.iter().map(|e| e.resolution.unwrap()).collect();
    assert_eq!(resolutions, [0.03, 0.03, 0.3, 0.01]);
}

#[test]
fn a_trend_is_named_with_its_metric_and_direction() {
    let ramp = |change: f64| series(Metric::ResponseP50, 1000.0, 0.002, 30, move |t| change * t / 30.0);
    check(&[ramp(0.04)], &["response time p50 rises by 3.9 % over the window."]);
    check(&[ramp(-0.04)], &["response time p50 falls by 4.1 % over the window."]);
    check(&[ramp(0.02)], &[]);
}

#[test]
fn a_shift_is_named_with_its_second() {
    let step = series(Metric::DeliveredRate, 1000.0, 0.002, 60, |t| {
        if t < 40.0 { 0.0 } else { -0.1 }
    });
    let found = assess(&[step], &Rules::default());
    let shift = found
        .findings()
        .iter()
        .find(|f| matches!(f, Finding::Shift { .. }))
        .unwrap();
    assert_eq!(
        shift.to_string(),
        "delivered rate falls by 10.0 % at second 40 of the window and stays there."
    );
}

#[test]
fn a_window_that_begins_too_early_says_how_much() {
    let decay = series(Metric::ResponseP50, 1000.0, 0.002, 60, |t| (-t / 2.0).exp());
    check(
        &[decay],
        &["response time p50 has not settled in the first 15 seconds of the window."],
    );
}

#[test]
fn response_time_p99_is_judged_by_ratios_and_wider_limits() {
    let step = |ratio: f64| {
        let mut step = level(Metric::ResponseP99, 60);
        step.values[30..].iter_mut().for_each(|v| *v *= ratio);
        assess(&[step], &Rules::default())
    };
    assert!(step(1.2).is_steady());
    for (ratio, change) in [(2.0, 1.0), (0.5, -0.5)] {
        let shift = step(ratio).findings().iter().find_map(|f| match f {
            Finding::Shift {
                at_sample: 30,
                relative_shift,
                ..
            } => Some(*relative_shift),
            _ => None,
        });
        assert!((shift.unwrap() - change).abs() < 0.02, "{shift:?}");
    }
}

#[test]
fn response_time_p99_that_doubles_changes_by_as_much_as_one_that_halves() {
    let growing = |doublings: f64| {
        let mut growing = level(Metric::ResponseP99, 40);
        let growth = (0..40).map(|t| (doublings * f64::from(t) / 40.0).exp2());
        growing
            .values
            .iter_mut()
            .zip(growth)
            .for_each(|(v, growth)| *v *= growth);
        let found = assess(&[growing], &Rules::default());
        let Some(Finding::Trend { relative_change, .. }) = found.findings().first().copied() else {
            panic!("{found:?}")
        };
        relative_change
    };
    assert!((growing(1.0) - 1.0).abs() < 0.02 && (growing(-1.0) + 0.5).abs() < 0.01);
}

#[test]
fn in_flight_counts_against_the_records_of_the_window() {
    let with = |rate: f64, in_flight: fn(u32) -> f64| {
        let values = (0..30).map(in_flight).collect();
        [
            series(Metric::DeliveredRate, rate, 0.001, 30, |_| 0.0),
            Series {
                name: Metric::InFlight,
                values,
            },
        ]
    };
    // 3 to 5 records at 10 a second, at 1000 a second, and rising.
    check(&with(10.0, |t| f64::from(3 + t * 7 % 3)), &[]);
    check(&with(1000.0, |t| f64::from(3 + t * 7 % 3)), &[]);
    check(&with(1000.0, |t| f64::from(3 + t / 10)), &[]);
    check(&with(10.0, |t| f64::from(t / 4)), &[]);
    // From nothing to 600 records: tenfold, and 2 % of 30,000.
    let growth = "in-flight grows by 600 records over the window, 2.0 % of those delivered.";
    check(&with(1000.0, |t| f64::from(t * 20)), &[growth]);
    let decline = "in-flight shrinks by 600 records over the window, 2.0 % of those delivered.";
    check(&with(1000.0, |t| f64::from(600 - t * 20)), &[decline]);
    check(&with(1000.0, |t| f64::from(t * 9)), &[]);
    // Without a delivered rate, or with none delivered, it cannot be judged.
    check(&with(1000.0, |t| f64::from(t * 20))[1..], &[]);
    check(&with(0.0, |t| f64::from(t * 20)), &[]);
}

#[test]
fn too_few_samples_say_how_many_are_needed() {
    let none = Assessment::NotAssessed {
        samples: 0,
        needed: 20,
        evidence: Vec::new(),
    };
    assert_eq!(assess(&[], &Rules::default()), none);
    let few = Assessment::NotAssessed {
        samples: 19,
        needed: 20,
        evidence: Vec::new(),
    };
    assert_eq!(assess(&[level(Metric::ResponseP50, 19)], &Rules::default()), few);
    check(&[level(Metric::ResponseP50, 20)], &[]);
}

#[test]
fn much_noise_asks_for_more_samples() {
    let noisy = |samples| series(Metric::ResponseP50, 1000.0, 0.1, samples, |_| 0.0);
    let Assessment::NotAssessed {
        samples: 30,
        needed,
        evidence,
    } = assess(&[noisy(30)], &Rules::default())
    else {
        panic!()
    };
    assert!(
        needed > 60 && evidence[0].resolution.unwrap() > 0.075,
        "{needed} {evidence:?}"
    );
    check(&[noisy(needed)], &[]);
}

#[test]
fn one_short_series_hides_no_finding_of_another() {
    let ramp = series(Metric::DeliveredRate, 1000.0, 0.002, 30, |t| -0.01 * t);
    let mut gaps = level(Metric::ResponseP50, 30);
    gaps.values[5..25].fill(f64::NAN);
    assert!(!assess(&[ramp, gaps.clone()], &Rules::default()).findings().is_empty());
    let alone = assess(&[level(Metric::DeliveredRate, 30), gaps], &Rules::default());
    assert!(
        matches!(
            alone,
            Assessment::NotAssessed {
                samples: 10,
                needed: 20,
                ..
            }
        ),
        "{alone:?}"
    );
}

#[test]
fn gaps_do_not_move_the_second_of_a_shift() {
    let mut step = series(
        Metric::ResponseP50,
        1000.0,
        0.002,
        60,
        |t| if t < 40.0 { 0.0 } else { 0.1 },
    );
    for gap in [3, 17, 18, 50] {
        step.values[gap] = f64::NAN;
    }
    let found = assess(&[step], &Rules::default());
    assert!(
        found
            .findings()
            .iter()
            .any(|f| matches!(f, Finding::Shift { at_sample: 40, .. })),
        "{found:?}"
    );
}

#[test]
fn a_day_is_condensed_and_judged_in_seconds() {
    let day = 86_400;
    let rate = series(Metric::DeliveredRate, 100.0, 0.01, day, |t| {
        if t < 50_400.0 { 0.0 } else { 0.1 }
    });
    let in_flight = Series {
        name: Metric::InFlight,
        values: (0..day).map(|t| 2.0 * t as f64).collect(),
    };
    let found = assess(&[rate, in_flight], &Rules::default());
    let shift = found.findings().iter().find_map(|f| match f {
        Finding::Shift { at_sample, .. } => Some(*at_sample),
        _ => None,
    });
    assert_eq!(shift, Some(50_400));
    let Some(Finding::Growing { records, .. }) = found.findings().last() else {
        panic!("{found:?}")
    };
    assert!((records / (2.0 * day as f64) - 1.0).abs() < 0.01, "{records}");
}

#[test]
fn a_metric_without_a_level_is_not_called_steady() {
    let mut mostly_nothing = level(Metric::DeliveredRate, 30);
    for burst in 0..20 {
        mostly_nothing.values[(burst * 7) % 30] = 0.0;
    }
    let found = assess(&[mostly_nothing], &Rules::default());
    assert!(
        matches!(
            found,
            Assessment::NotAssessed {
                samples: 30,
                needed: 60,
                ..
            }
        ),
        "{found:?}"
    );
}

#[test]
fn settling_waits_longer_for_noise_and_gaps() {
    let wait = |p50: fn(usize) -> f64| {
        let mut settling = Settling::new(Rules::default());
        (1..200).find(|second| {
            settling.push(SettlingSample {
                delivered_rate: 1000.0,
                response_p50: p50(*second),
                response_p99: 9.0,
                in_flight: 5.0,
            });
            settling.settled()
        })
    };
    assert_eq!(wait(|_| 3.0), Some(20));
    assert_eq!(wait(|second| if second == 10 { f64::NAN } else { 3.0 }), Some(21));
    let noisy = wait(|second| 3.0 + 0.2 * [1.0, -1.0, 0.5, -0.5, 0.0, 1.0, -0.5][second % 7]);
    assert!(noisy.is_some_and(|second| second > 20), "{noisy:?}");
}

#[test]
fn settling_sees_the_last_seconds_only() {
    let mut settling = Settling::new(Rules::default());
    let mut ripple = [1.0, -1.0, 0.5, -0.5, 0.0, 1.0, -0.5].into_iter().cycle();
    let mut push = |rate: f64, p50: f64| {
        let z = 1.0 + 0.002 * ripple.next().unwrap();
        let (delivered_rate, response_p50) = (rate * z, p50 * z);
        settling.push(SettlingSample {
            delivered_rate,
            response_p50,
            response_p99: 9.0 * z,
            in_flight: 50.0 * z,
        });
        settling.settled()
    };
    assert!((0..19).all(|_| !push(1000.0, 3.0)));
    assert!(push(1000.0, 3.0));
    // A shift counts once it has lasted, until the old level is out of sight.
    let after: Vec<bool> = (0..20).map(|_| push(1000.0, 4.0)).collect();
    assert!(after[4..15].iter().all(|settled| !settled) && after[19], "{after:?}");
    assert!(
        (0..20)
            .map(|t| push(1000.0 * (1.0 - 0.02 * f64::from(t)), 4.0))
            .skip(10)
            .all(|settled| !settled)
    );
}
