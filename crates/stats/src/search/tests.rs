use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn settings() -> Settings {
    Settings {
        first: 1000.0,
        highest: 64_000.0,
        precision: 0.02,
        confirmations: 3,
        back_off: 0.02,
        most_probes: 60,
        first_window: Duration::from_secs(10),
        longest_window: Duration::from_secs(40),
        confirm_window: Some(Duration::from_secs(600)),
    }
}

const PASS: ProbeVerdict = ProbeVerdict::Pass { delivered: None };
const FAIL: ProbeVerdict = ProbeVerdict::Fail { delivered: None };

fn invalid() -> ProbeVerdict {
    ProbeVerdict::Invalid {
        reason: "pacer".to_owned(),
    }
}

/// Runs a search to its end; `verdict` sees the probe and its number, from 1.
fn run(
    settings: &Settings,
    mut verdict: impl FnMut(&Probe, u32) -> ProbeVerdict,
) -> (Answer, Vec<(Probe, ProbeVerdict)>) {
    let mut search = Search::new(settings.clone());
    let mut history = Vec::new();
    for number in 1..=settings.most_probes + 1 {
        match search.next() {
            Step::Probe(probe) => {
                let verdict = verdict(&probe, number);
                history.push((probe, verdict.clone()));
                search.answer(verdict).unwrap();
            }
            Step::Done(answer) => return (answer, history),
        }
    }
    panic!("no end after {} probes", settings.most_probes)
}

/// A server without noise.
fn knee(capacity: f64) -> impl Fn(&Probe, u32) -> ProbeVerdict {
    move |probe, _| if probe.rate <= capacity { PASS } else { FAIL }
}

/// Probes as `purpose rate/window in s`, with `+`, `-` or `!` for the verdict.
fn story(history: &[(Probe, ProbeVerdict)]) -> String {
    let words = history.iter().map(|(probe, verdict)| {
        let sign = match verdict {
            ProbeVerdict::Pass { .. } => '+',
            ProbeVerdict::Fail { .. } => '-',
            ProbeVerdict::Invalid { .. } => '!',
        };
        format!("{} {}/{}{sign}", probe.purpose, probe.rate, probe.measure.as_secs())
    });
    words.collect::<Vec<_>>().join(", ")
}

#[test]
fn rates_double_then_halve_the_bracket_and_both_ends_are_confirmed() {
    let coarse = Settings {
        precision: 0.1,
        ..settings()
    };
    let (answer, history) = run(&coarse, knee(5000.0));
    assert_eq!(
        story(&history),
        "ramp 1000/10+, ramp 2000/10+, ramp 4000/10+, ramp 8000/10-, re-run 8000/10-, \
         bisect 5656.85/10-, re-run 5656.85/10-, bisect 4756.83/24+, \
         bisect 5187.36/40-, re-run 5187.36/40-, confirm 4756.83/600+, confirm 4756.83/600+, confirm 4756.83/600+, \
         confirm 5187.36/40-, confirm 5187.36/40-, confirm 5187.36/40-, down 4756.83/40+"
    );
    let expected = Answer::Capacity {
        confirmed_pass: 4756.83,
        failed: Some(5187.36),
        confirmations: 3,
        up_down_gap: Some(UpDownGap {
            share: 0.0,
            passed: Some(4756.83),
            failed: None,
        }),
        max_delivered: None,
    };
    assert_eq!(answer, expected);
}

#[test]
fn the_answer_is_as_narrow_as_the_precision() {
    for capacity in [1000.0, 1023.5, 7777.0, 31_999.0, 63_000.0] {
        let (answer, _) = run(&settings(), knee(capacity));
        let Answer::Capacity {
            confirmed_pass,
            failed: Some(failed),
            ..
        } = answer
        else {
            panic!("{answer:?}")
        };
        assert!(confirmed_pass <= capacity && capacity < failed, "{answer:?}");
        assert!(failed / confirmed_pass <= 1.02, "{answer:?}");
    }
}

#[test]
fn a_ceiling_that_passes_has_no_failed_rate() {
    let (answer, history) = run(&settings(), knee(1e9));
    assert!(
        matches!(answer, Answer::Capacity { confirmed_pass, failed: None, up_down_gap: None, .. } if confirmed_pass.total_cmp(&64_000.0).is_eq()),
        "{answer:?}"
    );
    assert_eq!(history.len(), 10);
}

#[test]
fn a_ceiling_that_is_not_confirmed_may_be_the_failed_rate() {
    // Passes on the ramp; a longer window shows what it hides.
    let (answer, history) = run(&settings(), |probe, _| {
        let hidden = probe.purpose == Purpose::Confirm && probe.rate > 63_000.0;
        if hidden { FAIL } else { PASS }
    });
    let story = story(&history);
    assert!(story.contains("confirm 64000/600-, confirm 62720/600+"), "{story}");
    assert!(
        matches!(answer, Answer::Capacity { failed: Some(failed), .. } if failed > 63_000.0),
        "{answer:?}"
    );
}

#[test]
fn below_the_first_rate_the_ramp_goes_down() {
    let (answer, history) = run(&settings(), knee(300.0));
    assert!(
        story(&history)
            .starts_with("ramp 1000/10-, re-run 1000/10-, ramp 500/10-, re-run 500/10-, ramp 250/10+, bisect")
    );
    assert!(matches!(answer, Answer::Capacity { confirmed_pass, .. } if (294.0..=300.0).contains(&confirmed_pass)));

    let overloaded = |probe: &Probe, _| ProbeVerdict::Fail {
        delivered: Some(0.1 * probe.rate),
    };
    let (answer, history) = run(&settings(), overloaded);
    assert_eq!(answer, Answer::NoneMeets { lowest_failed: 15.625 });
    // The last by majority, however clear.
    assert!(story(&history).ends_with("ramp 31.25/10-, ramp 15.625/10-, re-run 15.625/10-"));
}

#[test]
fn one_fail_moves_no_bound_unless_the_cluster_fell_behind() {
    let pause = |probe: &Probe, number| if number == 2 { FAIL } else { knee(5000.0)(probe, number) };
    let (answer, history) = run(&settings(), pause);
    assert!(
        story(&history).starts_with("ramp 1000/10+, ramp 2000/10-, re-run 2000/10+, re-run 2000/10+, ramp 4000/10+"),
        "{}",
        story(&history)
    );
    assert!(matches!(answer, Answer::Capacity { confirmed_pass, .. } if confirmed_pass > 4900.0));

    let (_, history) = run(&settings(), |probe, _| ProbeVerdict::Fail {
        delivered: (probe.rate > 500.0).then_some(0.89 * probe.rate),
    });
    assert!(story(&history).starts_with("ramp 1000/10-, ramp 500/10-, re-run 500/10-"));
}

#[test]
fn a_failed_confirmation_backs_off_and_takes_two_more() {
    let mut once = true;
    let (answer, history) = run(&settings(), |probe, number| {
        let fails = probe.purpose == Purpose::Confirm && std::mem::take(&mut once);
        if fails { FAIL } else { knee(5000.0)(probe, number) }
    });
    let confirmations: Vec<_> = history
        .into_iter()
        .filter(|(probe, _)| probe.purpose == Purpose::Confirm)
        .collect();
    assert_eq!(
        story(&confirmations[..7]),
        "confirm 4967.43/600-, confirm 4868.08/600+, confirm 4868.08/600+, confirm 4868.08/600+, \
         confirm 4868.08/600+, confirm 4868.08/600+, confirm 5021.52/40-"
    );
    assert!(matches!(answer, Answer::Capacity { confirmed_pass, .. } if confirmed_pass < 4868.1));
}

#[test]
fn a_third_invalid_in_a_row_ends_the_search_and_two_do_not() {
    let (answer, history) = run(&settings(), |probe, number| {
        if probe.rate > 4000.0 {
            invalid()
        } else {
            knee(1e9)(probe, number)
        }
    });
    assert!(story(&history).ends_with("ramp 4000/10+, ramp 8000/10!, re-run 8000/10!, re-run 8000/10!"));
    let expected = Answer::GeneratorLimited {
        above: 8000.0,
        last_pass: Some(4000.0),
        reason: "pacer".to_owned(),
    };
    assert_eq!(answer, expected);

    let (with, _) = run(&settings(), |probe, number| {
        if number % 3 == 0 {
            knee(5000.0)(probe, number)
        } else {
            invalid()
        }
    });
    assert!(
        matches!(
            with,
            Answer::NotFound {
                reason: Shortcoming::ProbesUsedUp,
                ..
            }
        ),
        "{with:?}"
    );
    let patient = Settings {
        most_probes: 200,
        ..settings()
    };
    let mut hiccups = |probe: &Probe, number: u32| {
        let hiccup = probe.purpose != Purpose::Down && !number.is_multiple_of(3);
        if hiccup { invalid() } else { knee(5000.0)(probe, number) }
    };
    let (with, _) = run(&patient, &mut hiccups);
    let (without, _) = run(&patient, knee(5000.0));
    assert_eq!(with, without);
}

#[test]
fn hysteresis_shows_as_a_gap_and_one_fail_does_not() {
    // Once overloaded it passes at 4500 at most, unless it settles first.
    let (answer, history) = run(&settings(), |probe, number| {
        let capacity = if probe.purpose == Purpose::Down { 4500.0 } else { 5000.0 };
        knee(capacity)(probe, number)
    });
    let ending = "down 4967.43/40-, re-run 5021.52/40-, down 4967.43/40-, down 4868.08/40-, down 4768.73/40-, \
                  down 4570.04/40-, down 4172.64/40+";
    assert!(story(&history).ends_with(ending), "{}", story(&history));
    let Answer::Capacity {
        up_down_gap: Some(gap), ..
    } = answer
    else {
        panic!("{answer:?}")
    };
    assert!((gap.share - 0.16).abs() < 1e-4, "{gap:?}");
    assert_eq!((gap.passed, gap.failed), (Some(4172.64), Some(4570.04)));

    let mut once = true;
    let (answer, history) = run(&settings(), |probe, number| {
        let fails = probe.purpose == Purpose::Down && std::mem::take(&mut once);
        if fails { FAIL } else { knee(5000.0)(probe, number) }
    });
    let ending = "down 4967.43/40-, re-run 5021.52/40-, down 4967.43/40+, re-run 5021.52/40-, down 4967.43/40+";
    assert!(story(&history).ends_with(ending), "{}", story(&history));
    assert!(
        matches!(
            answer,
            Answer::Capacity {
                up_down_gap: Some(UpDownGap { share: 0.0, .. }),
                ..
            }
        ),
        "{answer:?}"
    );

    let (answer, _) = run(&settings(), |probe, number| {
        if probe.purpose == Purpose::Down {
            FAIL
        } else {
            knee(5000.0)(probe, number)
        }
    });
    assert!(
        matches!(answer, Answer::Capacity { up_down_gap: Some(UpDownGap { passed: None, share, .. }), .. } if share > 0.49),
        "{answer:?}"
    );
}

#[test]
fn the_way_down_never_takes_a_confirmed_capacity_away() {
    let whole = run(&settings(), knee(5000.0)).1.len() as u32;
    let short = Settings {
        most_probes: whole - 1,
        ..settings()
    };
    let (cut, _) = run(&short, knee(5000.0));
    let (spoilt, _) = run(&settings(), |probe, number| {
        if probe.purpose == Purpose::Down {
            invalid()
        } else {
            knee(5000.0)(probe, number)
        }
    });
    assert_eq!(cut, spoilt);
    assert!(
        matches!(
            cut,
            Answer::Capacity {
                failed: Some(_),
                up_down_gap: None,
                ..
            }
        ),
        "{cut:?}"
    );

    let shorter = Settings {
        most_probes: whole - 2,
        ..settings()
    };
    let (answer, _) = run(&shorter, knee(5000.0));
    assert!(
        matches!(answer, Answer::NotFound { passed: Some(passed), failed: Some(failed), .. } if passed < failed),
        "{answer:?}"
    );
}

#[test]
fn the_second_knee_is_the_highest_delivered_rate() {
    let (answer, _) = run(&settings(), |probe, _| {
        let delivered = Some(if probe.rate > 9000.0 {
            f64::NAN
        } else {
            probe.rate.min(6000.0)
        });
        if probe.rate <= 5000.0 {
            ProbeVerdict::Pass { delivered }
        } else {
            ProbeVerdict::Fail { delivered }
        }
    });
    assert!(
        matches!(answer, Answer::Capacity { max_delivered: Some(max), .. } if max.total_cmp(&6000.0).is_eq()),
        "{answer:?}"
    );
}

#[test]
fn settings_out_of_range_are_named() {
    let check = |change: fn(&mut Settings), expected: Option<&str>| {
        let mut changed = settings();
        change(&mut changed);
        let found = changed.checked().err().map(|error| error.to_string());
        assert_eq!(found.as_deref(), expected);
    };
    check(|_| (), None);
    check(|s| s.highest = s.first, None);
    check(
        |s| s.first = f64::NAN,
        Some("the first rate is NaN/s, which is not above zero"),
    );
    check(
        |s| s.first = 0.0,
        Some("the first rate is 0/s, which is not above zero"),
    );
    check(
        |s| s.highest = 999.0,
        Some("the highest rate, 999/s, is below the first, 1000/s"),
    );
    check(
        |s| s.precision = 0.0005,
        Some("a precision of 0.0005 is not within 0.001 to 0.5"),
    );
    check(
        |s| s.back_off = 0.6,
        Some("a back-off of 0.6 is not within 0.001 to 0.5"),
    );
    check(|s| s.confirmations = 0, Some("there must be a confirmation"));
    check(|s| s.most_probes = 0, Some("there must be a probe"));
    check(
        |s| s.first_window = Duration::ZERO,
        Some("a probe's window must have a length"),
    );
    check(
        |s| s.confirm_window = Some(Duration::ZERO),
        Some("a probe's window must have a length"),
    );
    check(
        |s| s.longest_window = Duration::from_secs(9),
        Some("the longest window, 9s, is shorter than the first, 10s"),
    );
}

#[test]
fn a_history_of_another_search_is_refused() {
    let (_, history) = run(&settings(), knee(5000.0));
    let other = Settings {
        precision: 0.05,
        ..settings()
    };
    assert!(matches!(Search::replay(other, &history), Err(Error::Differs { .. })));

    let mut changed = history.clone();
    changed[1].0.rate = 2000.5;
    let error = Search::replay(settings(), &changed).unwrap_err().to_string();
    assert_eq!(
        error,
        "probe 2 was ramp at 2000.5/s for 10s where the search asks for ramp at 2000/s for 10s"
    );

    let mut longer = history.clone();
    longer.push(longer[0].clone());
    let error = Search::replay(settings(), &longer).unwrap_err();
    assert_eq!(
        error,
        Error::Over {
            probes: history.len() as u32
        }
    );

    let mut search = Search::replay(settings(), &history).unwrap();
    let before = search.clone();
    assert!(search.answer(PASS).is_err());
    assert_eq!(search, before);
}

#[test]
fn rates_have_six_digits() {
    let check = |rate: f64, expected: &str| assert_eq!(round(rate).to_string(), expected);
    check(123_456.49, "123456");
    check(1_234_567.0, "1234570");
    check(4_756.828_46, "4756.83");
    check(0.012_345_678, "0.0123457");
    check(99_999.96, "100000");
}

#[test]
fn the_curve_has_all_valid_probes_by_rate() {
    let (_, history) = run(&settings(), |probe, number| {
        if number == 3 {
            invalid()
        } else {
            knee(5000.0)(probe, number)
        }
    });
    let left_out = 2;
    let points = curve(
        history
            .iter()
            .cloned()
            .zip(0..)
            .map(|((probe, verdict), n)| (probe, verdict, n)),
    );
    assert_eq!(points.len(), history.len() - left_out);
    assert!(points.is_sorted_by(|a, b| a.rate < b.rate || (a.rate <= b.rate && a.figures < b.figures)));
    assert!(points.iter().all(|point| point.passed == (point.rate <= 5000.0)));
}

/// Every rate in the answer was probed with the verdict that it stands for.
fn assert_probed(answer: &Answer, history: &[(Probe, ProbeVerdict)]) -> Result<(), TestCaseError> {
    let count = |rate: f64, is: fn(&ProbeVerdict) -> bool| {
        let of_rate = history.iter().filter(|(probe, _)| probe.rate.total_cmp(&rate).is_eq());
        of_rate.filter(|(_, verdict)| is(verdict)).count() as u32
    };
    let passes = |rate: f64| count(rate, |verdict| matches!(verdict, ProbeVerdict::Pass { .. }));
    let fails = |rate: f64| count(rate, |verdict| matches!(verdict, ProbeVerdict::Fail { .. }));
    let invalid = |rate: f64| count(rate, |verdict| matches!(verdict, ProbeVerdict::Invalid { .. }));
    match answer {
        Answer::Capacity {
            confirmed_pass,
            failed,
            confirmations,
            up_down_gap,
            ..
        } => {
            prop_assert!(passes(*confirmed_pass) >= *confirmations);
            prop_assert!(failed.is_none_or(|rate| fails(rate) >= *confirmations && rate > *confirmed_pass));
            if let Some(gap) = up_down_gap {
                prop_assert!(gap.passed.is_none_or(|rate| passes(rate) > 0));
                prop_assert!(gap.failed.is_none_or(|rate| fails(rate) > 0));
                prop_assert!((0.0..1.0).contains(&gap.share));
            }
        }
        Answer::GeneratorLimited { above, last_pass, .. } => {
            prop_assert!(invalid(*above) > INVALID_RERUNS);
            prop_assert!(last_pass.is_none_or(|rate| passes(rate) > 0 && rate < *above));
        }
        Answer::NoneMeets { lowest_failed } => prop_assert!(fails(*lowest_failed) >= MAJORITY),
        Answer::NotFound { passed, failed, .. } => {
            prop_assert!(passed.is_none_or(|rate| passes(rate) > 0));
            prop_assert!(failed.is_none_or(|rate| fails(rate) > 0));
        }
    }
    Ok(())
}

prop_compose! {
    fn any_settings()(
        first in 0.01_f64..1e6,
        range in 1.0_f64..1e4,
        precision in 0.001_f64..0.5,
        confirmations in 1_u32..6,
        back_off in 0.001_f64..0.5,
        most_probes in 1_u32..80,
        windows in (1_u64..100, 1_u64..10),
        confirm in proptest::option::of(1_u64..1000),
    ) -> Settings {
        Settings {
            first,
            highest: first * range,
            precision,
            confirmations,
            back_off,
            most_probes,
            first_window: Duration::from_secs(windows.0),
            longest_window: Duration::from_secs(windows.0 * windows.1),
            confirm_window: confirm.map(Duration::from_secs),
        }
    }
}

fn any_verdict() -> impl Strategy<Value = (u8, Option<f64>)> {
    (0_u8..20, proptest::option::of(0.0_f64..1e7))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_verdicts_end_within_the_budget_on_probed_rates(
        settings in any_settings(),
        capacity in 0.0_f64..1e7,
        noise in 0_u8..20,
        verdicts in proptest::collection::vec(any_verdict(), 80),
    ) {
        let settings = settings.checked().unwrap();
        let mut search = Search::new(settings.clone());
        let mut history = Vec::new();
        let answer = loop {
            let Step::Probe(probe) = search.next() else {
                let Step::Done(answer) = search.next() else { unreachable!() };
                break answer;
            };
            prop_assert!((history.len() as u32) < settings.most_probes);
            prop_assert!(settings.lowest() <= probe.rate && probe.rate <= settings.highest);
            prop_assert!(probe.purpose == Purpose::Confirm || settings.first_window <= probe.measure);
            let (kind, delivered) = verdicts[history.len()];
            // Mostly as the capacity says, or else anything.
            let verdict = match kind {
                0 => invalid(),
                kind if kind < noise && kind % 2 == 0 => ProbeVerdict::Pass { delivered },
                kind if kind < noise => ProbeVerdict::Fail { delivered },
                _ if probe.rate <= capacity => ProbeVerdict::Pass { delivered },
                _ => ProbeVerdict::Fail { delivered },
            };
            history.push((probe, verdict.clone()));
            search.answer(verdict).unwrap();
            let replayed = Search::replay(settings.clone(), &history).unwrap();
            prop_assert_eq!(&replayed, &search);
        };
        assert_probed(&answer, &history)?;
        if noise == 0 && let Answer::Capacity { confirmed_pass, failed, .. } = answer {
            prop_assert!(confirmed_pass <= capacity && failed.is_none_or(|failed| capacity < failed));
        }
    }
}
