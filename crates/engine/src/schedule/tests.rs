use std::time::Duration;

use proptest::prelude::*;
use tribunal_model::profile::{After, Segment};

use super::*;

fn rate(per_second: f64) -> RecordRate {
    RecordRate::per_second(per_second).unwrap()
}

fn place(index: u32, producers: u32) -> Place {
    Place {
        seed: 42,
        block: 0,
        index,
        producers,
    }
}

fn sends(arrivals: Arrivals, per_second: f64, place: Place, end_ns: i64) -> Vec<i64> {
    let mut schedule = Schedule::new(arrivals, rate(per_second), None, place);
    std::iter::from_fn(|| (schedule.peek() < end_ns).then(|| schedule.take())).collect()
}

#[test]
fn uniform_shares_interleave_to_the_whole() {
    for per_second in [1.0, 3.0, 2000.0, 77_777.0] {
        let end = 3_000_000_000;
        let mut all: Vec<i64> = (0..3)
            .flat_map(|k| sends(Arrivals::Uniform, per_second, place(k, 3), end))
            .collect();
        all.sort_unstable();
        assert_eq!(all, sends(Arrivals::Uniform, per_second, place(0, 1), end));
        assert_eq!(all.len(), (3.0 * per_second).ceil() as usize, "{per_second}/s");
    }
}

#[test]
fn a_window_of_a_uniform_schedule_holds_rate_times_length() {
    let all = sends(Arrivals::Uniform, 2000.0, place(0, 1), 10_000_000_000);
    assert_eq!(
        all.iter()
            .filter(|t| (2_000_000_000..5_000_000_000).contains(*t))
            .count(),
        6000
    );
}

#[test]
fn poisson_gaps_are_exponential_and_producers_are_independent() {
    let a = sends(Arrivals::Poisson, 4000.0, place(0, 2), 100_000_000_000);
    let b = sends(Arrivals::Poisson, 4000.0, place(1, 2), 100_000_000_000);
    for share in [&a, &b] {
        let n = share.len() as f64;
        assert!((n - 200_000.0).abs() < 5.0 * 200_000f64.sqrt(), "{n}");
        let gaps: Vec<f64> = share.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "coefficient of variation");
    }
    assert_ne!(a[..100], b[..100]);
    // Counts per 10 ms of two independent streams do not correlate.
    let counts = |share: &[i64]| {
        let mut counts = vec![0.0; 10_000];
        for t in share {
            counts[(*t / 10_000_000) as usize] += 1.0;
        }
        counts
    };
    let (x, y) = (counts(&a), counts(&b));
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mx, my) = (mean(&x), mean(&y));
    let covariance: f64 = x.iter().zip(&y).map(|(p, q)| (p - mx) * (q - my)).sum();
    let norm = |v: &[f64], m: f64| v.iter().map(|p| (p - m).powi(2)).sum::<f64>().sqrt();
    let correlation = covariance / (norm(&x, mx) * norm(&y, my));
    assert!(correlation.abs() < 3.0 / 100.0, "{correlation}");
}

#[test]
fn a_block_has_its_own_arrivals_and_the_same_ones_next_month() {
    let at = |block| sends(Arrivals::Poisson, 1000.0, Place { block, ..place(0, 1) }, 1_000_000_000);
    assert_eq!(at(0), at(0));
    assert_ne!(at(0), at(1));
}

/// One line of `docs/schedule-vectors.txt`, which `docs/schedule.py` describes.
struct Vector {
    arrivals: Arrivals,
    rate: RecordRate,
    profile: Option<Profile>,
    place: Place,
    end_ns: i64,
    told: (u64, String),
}

impl Vector {
    fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        let [arrivals, shape, seed, block, index, producers, end, count, hash] = words[..] else {
            panic!("{line}");
        };
        let (kind, text) = shape.split_once(':').unwrap();
        let (rate, profile) = match kind {
            "constant" => (RecordRate::per_million_seconds(text.parse().unwrap()).unwrap(), None),
            _ => (rate(1.0), Some(profile(kind, text))),
        };
        Self {
            arrivals: match arrivals {
                "uniform" => Arrivals::Uniform,
                "poisson" => Arrivals::Poisson,
                other => panic!("{other}"),
            },
            rate,
            profile,
            place: Place {
                seed: seed.parse().unwrap(),
                block: block.parse().unwrap(),
                index: index.parse().unwrap(),
                producers: producers.parse().unwrap(),
            },
            end_ns: end.parse().unwrap(),
            told: (count.parse().unwrap(), hash.to_owned()),
        }
    }
}

fn profile(kind: &str, text: &str) -> Profile {
    let segment = |text: &str| {
        let numbers: Vec<u64> = text.split(':').map(|number| number.parse().unwrap()).collect();
        Segment {
            length_ns: numbers[0],
            from_micro: numbers[1],
            to_micro: numbers[2],
        }
    };
    let after = match kind {
        "hold" => After::Hold,
        "repeat" => After::Repeat,
        other => panic!("{other}"),
    };
    Profile::new(text.split(',').map(segment).collect(), after, text).unwrap()
}

/// Experiment 7: the first million intended sends, and more, are those that another language's implementation gives.
#[test]
fn the_bits_are_the_published_ones() {
    let vectors = include_str!("../../../../docs/schedule-vectors.txt");
    let mut compared = 0;
    for line in vectors
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let vector = Vector::parse(line);
        let schedule = Schedule::new(vector.arrivals, vector.rate, vector.profile.as_ref(), vector.place);
        assert_eq!(schedule.digest(vector.end_ns, 1_000_000), vector.told, "{line}");
        compared += 1;
    }
    assert!(compared > 20);
    let first = sends(Arrivals::Poisson, 1000.0, place(0, 1), 1_000_000_000);
    assert_eq!(first[..4], [280_523, 1_087_488, 2_500_274, 2_827_075]);
}

fn profiled(arrivals: Arrivals, profile: &Profile, place: Place, end_ns: i64) -> Vec<i64> {
    let mut schedule = Schedule::new(arrivals, rate(1.0), Some(profile), place);
    std::iter::from_fn(|| (schedule.peek() < end_ns).then(|| schedule.take())).collect()
}

/// Twice the work before `end_ns`, exactly.
fn twice_the_work(profile: &Profile, end_ns: i64) -> u128 {
    let (mut left, mut work) = (end_ns as u128, 0);
    loop {
        for segment in profile.segments() {
            let length = u128::from(segment.length_ns);
            if left < length {
                let (from, to) = (i128::from(segment.from_micro), i128::from(segment.to_micro));
                let (o, l) = (left as i128, length as i128);
                return work + (2 * from * o + (to - from) * o * o / l) as u128;
            }
            work += 2 * segment.work();
            left -= length;
        }
        if profile.after() == After::Hold {
            let held = profile.segments().last().map_or(0, |segment| segment.to_micro);
            return work + 2 * u128::from(held) * left;
        }
    }
}

#[test]
fn a_flat_profile_is_the_constant_rate() {
    let flat = |kind| profile(kind, "700000001:2000000000:2000000000,13:2000000000:2000000000");
    let end = 5_000_000_000;
    for kind in ["hold", "repeat"] {
        assert_eq!(
            profiled(Arrivals::Uniform, &flat(kind), place(1, 3), end),
            sends(Arrivals::Uniform, 2000.0, place(1, 3), end)
        );
    }
}

#[test]
fn no_send_falls_into_a_pause_and_each_burst_holds_its_work() {
    let bursts = profile("repeat", "200000000:5000000000:5000000000,800000000:0:0");
    for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
        let all = profiled(arrivals, &bursts, place(0, 1), 10_000_000_000);
        assert!(all.iter().all(|at| at % 1_000_000_000 < 200_000_000), "{arrivals:?}");
        if arrivals == Arrivals::Uniform {
            assert_eq!(all.len(), 10_000);
            assert_eq!((all[0], all[999], all[1000]), (0, 199_800_000, 1_000_000_000));
        }
    }
}

/// Experiments 4 and 5 under a profile: in changed time a Poisson process is one of rate 1.
#[test]
fn poisson_arrivals_of_a_ramp_are_exponential_in_its_work() {
    let ramp = profile("hold", "50000000000:100000000:3900000000");
    let all = profiled(Arrivals::Poisson, &ramp, place(0, 1), 50_000_000_000);
    let work: Vec<f64> = all.iter().map(|at| twice_the_work(&ramp, *at) as f64 / 2e15).collect();
    let gaps: Vec<f64> = work.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let n = gaps.len() as f64;
    assert!((n - 100_000.0).abs() < 5.0 * 100_000f64.sqrt(), "{n}");
    let mean = gaps.iter().sum::<f64>() / n;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / n;
    assert!((mean - 1.0).abs() < 0.02 && (variance.sqrt() / mean - 1.0).abs() < 0.02);
    // Each tenth of the ramp holds its own share.
    for tenth in 0..10 {
        let edge = |i: i64| i * 5_000_000_000;
        let expected = (twice_the_work(&ramp, edge(tenth + 1)) - twice_the_work(&ramp, edge(tenth))) as f64 / 2e15;
        let held = all
            .iter()
            .filter(|at| (edge(tenth)..edge(tenth + 1)).contains(*at))
            .count() as f64;
        assert!(
            (held - expected).abs() < 5.0 * expected.sqrt(),
            "{tenth}: {held} of {expected}"
        );
    }
}

#[test]
fn a_round_with_less_than_a_record_is_not_walked_through() {
    // 10^-15 record a nanosecond, and one nanosecond a round: a record every 10^15 rounds.
    let slow = profile("repeat", "1:1:1,1:0:0");
    let mut schedule = Schedule::new(Arrivals::Uniform, rate(1.0), Some(&slow), place(0, 1));
    assert_eq!((schedule.take(), schedule.take()), (0, 2_000_000_000_000_000));
}

fn profiles() -> impl Strategy<Value = Profile> {
    let rates = prop_oneof![Just(0), 1_000_000u64..5_000_000_000];
    let segment =
        (1u64..900_000_000, rates.clone(), rates, any::<bool>()).prop_map(|(length_ns, a, b, flat)| Segment {
            length_ns,
            from_micro: a,
            to_micro: if flat { a } else { b },
        });
    (prop::collection::vec(segment, 1..6), any::<bool>()).prop_filter_map("it offers something", |(segments, hold)| {
        Profile::new(segments, if hold { After::Hold } else { After::Repeat }, "").ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn profiled_shares_interleave_to_the_whole(profile in profiles(), producers in 1u32..6) {
        let end = 3_000_000_000;
        let mut all: Vec<i64> = (0..producers)
            .flat_map(|k| profiled(Arrivals::Uniform, &profile, place(k, producers), end))
            .collect();
        all.sort_unstable();
        prop_assert_eq!(all, profiled(Arrivals::Uniform, &profile, place(0, 1), end));
    }

    #[test]
    fn any_stretch_holds_its_work(profile in profiles(), a in 0i64..3_000_000_000, b in 0i64..3_000_000_000) {
        let (from, to) = (a.min(b), a.max(b));
        let all = profiled(Arrivals::Uniform, &profile, place(0, 1), to);
        prop_assert!(all.is_sorted(), "ascending");
        let held = all.iter().filter(|at| **at >= from).count() as f64;
        let work = (twice_the_work(&profile, to) - twice_the_work(&profile, from)) as f64 / 2e15;
        prop_assert!((held - work).abs() <= 1.000_01, "{} of {}", held, work);
    }

    #[test]
    fn a_send_falls_where_the_work_reaches_it(profile in profiles()) {
        for (i, at) in profiled(Arrivals::Uniform, &profile, place(0, 1), 3_000_000_000).into_iter().enumerate() {
            // A nanosecond of rounding down, half a unit at each border.
            let slack = 2 * 64;
            let target = 2 * RECORD * i as u128;
            prop_assert!(twice_the_work(&profile, at) <= target + slack, "{} at {}", i, at);
            prop_assert!(target <= twice_the_work(&profile, at + 1) + slack, "{} at {}", i, at);
        }
    }

    #[test]
    fn poisson_sends_ascend(profile in profiles(), seed in any::<u64>()) {
        let place = Place { seed, ..place(0, 1) };
        let all = profiled(Arrivals::Poisson, &profile, place, 2_000_000_000);
        prop_assert!(all.is_sorted());
        let mean = profile.mean(Duration::from_secs(2)).map_or(0.0, |rate| rate.micro() as f64 / 1e6);
        prop_assert!((all.len() as f64 - 2.0 * mean).abs() < 6.0 * (2.0 * mean).sqrt() + 6.0, "{} of {}", all.len(), 2.0 * mean);
    }
}
