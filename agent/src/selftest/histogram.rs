//! Experiments 8 and 10: merged percentiles are those of all values, and a percentile is a value that happened.

use tribunal_model::trial::{Arrivals, Part};
use tribunal_stats::{Distribution, Tallies};
use tribunal_stub::{Script, Service};

use super::Host;
use super::finding::{Outcome, Said, ms, ns};
use super::load::{Problem, Ran, Spec, finish_all, millis, stub};
use super::oracle::{exact, off};

/// What two agents recorded, and all that they recorded, value by value.
#[derive(Debug)]
struct Merged {
    total: Distribution,
    /// Sum over the samples of every agent.
    samples: Distribution,
    /// Every response time in nanoseconds, ascending.
    raw: Vec<i64>,
}

fn ranks() -> impl Iterator<Item = f64> {
    (1..1000)
        .map(|permille| f64::from(permille) / 1000.0)
        .chain([0.9999, 1.0])
}

fn judge(seen: &Merged) -> Said {
    let count = seen.total.count() == seen.raw.len() as u64;
    let wrong = ranks().filter(|q| {
        let truth = exact(&seen.raw, *q).unwrap_or_default();
        off(&seen.total, *q, truth).is_none_or(|(off, bucket)| off > bucket)
    });
    let wrong = wrong.count();
    let buckets = seen.total.buckets() == seen.samples.buckets();
    let enough = seen.raw.len() >= 1000;
    let show = |q: f64| {
        let told = seen.total.quantile(q).map_or(f64::NAN, ns);
        let truth = exact(&seen.raw, q).map_or(f64::NAN, |truth| truth as f64);
        format!("{} (true {})", ms(told), ms(truth))
    };
    Said {
        outcome: Outcome::exactly(enough && count && wrong == 0 && buckets),
        expected: format!(
            "{} percentiles of {} values within one bucket, samples sum to the total bucket by bucket",
            ranks().count(),
            seen.raw.len()
        ),
        measured: format!(
            "{wrong} off, of {} values; p50 {}, p99.9 {}; samples {}",
            seen.total.count(),
            show(0.5),
            show(0.999),
            if buckets { "sum up" } else { "do not sum up" }
        ),
        note: "two agents of two producers each, service times with a heavy tail".to_owned(),
    }
}

/// As a coordinator merges what agents send it: decoded from the wire's encoding.
fn merge(parts: impl Iterator<Item = Distribution>) -> Result<Distribution, Problem> {
    let mut merged = Distribution::new();
    for part in parts {
        let read = Distribution::decode(&part.encode(), part.overflow());
        merged.merge(&read.map_err(|_| Problem::Impossible("a distribution cannot be read back"))?);
    }
    Ok(merged)
}

fn merged(all: &[Ran]) -> Result<Merged, Problem> {
    let window = |tallies: &Tallies| tallies.get(Part::Window).map(|tally| tally.response.clone());
    let samples = all.iter().flat_map(|ran| &ran.samples);
    let mut raw: Vec<i64> = all
        .iter()
        .flat_map(|ran| ran.acknowledged().map(|told| told.shown_ns - ran.t0 - told.intended_ns))
        .collect();
    raw.sort_unstable();
    Ok(Merged {
        total: merge(all.iter().filter_map(|ran| window(&ran.report.tallies)))?,
        samples: merge(samples.filter_map(|sample| window(&sample.tallies)))?,
        raw,
    })
}

/// Experiment 8.
pub(super) fn merge_truth(_: &Host) -> Said {
    let measure = || -> Result<Said, Problem> {
        let script = Script {
            service: Service::Pareto {
                least: millis(1),
                shape: 1.5,
            },
            ..Script::default()
        };
        let (one, other) = (stub(1, script.clone())?, stub(1, Script { seed: 7, ..script })?);
        let spec = Spec {
            producers: 2,
            ..Spec::new(Arrivals::Poisson, 2000.0, millis(2500))
        };
        let running = vec![spec.start(&one.bootstrap())?, spec.start(&other.bootstrap())?];
        Ok(judge(&merged(&finish_all(running)?)?))
    };
    measure().unwrap_or_else(|problem| Said::could_not(&problem))
}

/// Experiment 10 (gatling#4715).
pub(super) fn percentile(_: &Host) -> Said {
    judge_percentile(|distribution| distribution.quantile(0.95).map_or(f64::NAN, ns))
}

fn judge_percentile(p95: impl Fn(&Distribution) -> f64) -> Said {
    const TRUTH: f64 = 1.502e9;
    let told: Vec<f64> = (0..10)
        .map(|turn| {
            let mut values: Vec<i64> = (0..96).map(|i| (i % 8) * 1_000_000).collect();
            values.extend([TRUTH as i64; 6]);
            // Another order each time, and merged from two.
            values.rotate_left(turn * 7);
            let mut parts = [Distribution::new(), Distribution::new()];
            for (i, value) in values.iter().enumerate() {
                parts[i % 2].record_ns(*value);
            }
            let [mut all, rest] = parts;
            all.merge(&rest);
            p95(&all)
        })
        .collect();
    let right = |told: &f64| (told / TRUTH - 1.0).abs() <= 0.001;
    let same = told.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits());
    Said {
        outcome: Outcome::exactly(told.iter().all(right) && same),
        expected: "p95 of 96 values at 0 to 7 ms and 6 at 1502 ms: 1502.0 ms ± 0.1 %, ten times the same".to_owned(),
        measured: told.first().map_or_else(|| "nothing".to_owned(), |told| ms(*told)),
        note: "a t-digest once printed 1072 ms, a value that never happened (gatling#4715)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(change: impl Fn(i64) -> i64) -> Merged {
        let raw: Vec<i64> = (0..5000).map(|i| 300_000 + i * i * 20).collect();
        let mut merged = Distribution::new();
        for value in &raw {
            merged.record_ns(change(*value));
        }
        Merged {
            samples: merged.clone(),
            total: merged,
            raw,
        }
    }

    #[test]
    fn merged_percentiles_are_those_of_all_values() {
        assert_eq!(judge(&seen(|value| value)).outcome, Outcome::Holds);
        // Broken: half a percent off, a clamp, a sample that got lost, no values at all.
        assert_eq!(judge(&seen(|value| value + value / 200)).outcome, Outcome::Fails);
        assert_eq!(judge(&seen(|value| value.min(60_000_000))).outcome, Outcome::Fails);
        let lost = Merged {
            samples: Distribution::new(),
            ..seen(|value| value)
        };
        assert_eq!(judge(&lost).outcome, Outcome::Fails);
        let nothing = Merged {
            total: Distribution::new(),
            samples: Distribution::new(),
            raw: Vec::new(),
        };
        assert_eq!(judge(&nothing).outcome, Outcome::Fails);
    }

    #[test]
    fn averaged_percentiles_are_found_out() {
        let mut all = seen(|value| value);
        let (fast, slow) = all.raw.split_at(3000);
        let of = |values: &[i64]| {
            let mut told = Distribution::new();
            for value in values {
                told.record_ns(*value);
            }
            told
        };
        let (fast, slow) = (of(fast), of(slow));
        let mut averaged = Distribution::new();
        for rank in 0..all.raw.len() {
            let q = (rank as f64 + 0.5) / all.raw.len() as f64;
            let mean = fast.quantile(q).unwrap() / 2 + slow.quantile(q).unwrap() / 2;
            averaged.record_ns(mean.as_nanos() as i64);
        }
        all.samples = averaged.clone();
        all.total = averaged;
        assert_eq!(judge(&all).outcome, Outcome::Fails);
    }

    #[test]
    fn a_percentile_that_never_happened_is_found_out() {
        let host = super::super::generator::tests::host();
        assert_eq!(percentile(&host).outcome, Outcome::Holds);
        assert_eq!(judge_percentile(|_| 1.072e9).outcome, Outcome::Fails);
        assert_eq!(judge_percentile(|_| f64::NAN).outcome, Outcome::Fails);
    }
}
