//! Experiments 1 and 2: a stall of the broker shows in the tail as long as it was, until the backlog is gone.

use std::time::Duration;

use tribunal_model::trial::Arrivals;
use tribunal_stats::Distribution;
use tribunal_stub::{Produced, Script, Service, Stub, Truth};

use super::Host;
use super::finding::{Outcome, Said, ms, ns, percent};
use super::load::{Problem, Ran, Running, Spec, finish_all, millis, nanos, stub};
use super::noise::{Noise, Watching};
use super::oracle;

const RATE: f64 = 2000.0;
const STALL: Duration = millis(200);
const SERVICE: Duration = millis(1);
/// Experiment 1's window, and where in it the stall begins.
const LONG: Duration = millis(20_000);
const AT: Duration = millis(8000);
/// Experiment 2's.
const SHORT: Duration = millis(3000);
const EARLY: Duration = millis(1000);
/// Experiment 2: the drain rate, and from where on a record is late.
const DRAIN: f64 = 10_000.0;
const LATE: Duration = millis(5);
/// Beyond the histogram's buckets (METHODOLOGY.md, experiment 1).
const SLACK_NS: f64 = 1e6;
const QUANTILES: [(&str, f64); 2] = [("p99.9", 0.999), ("p99.99", 0.9999)];

/// A quantile as the oracle and as the agent has it.
#[derive(Clone, Copy, Debug)]
struct Quantile {
    name: &'static str,
    truth_ns: i64,
    told_ns: Option<f64>,
    /// What is allowed for the histogram's buckets.
    bucket_ns: f64,
}

/// What experiment 1 measured.
#[derive(Clone, Debug)]
struct Stalled {
    records: u64,
    of: u64,
    quantiles: Vec<Quantile>,
    /// By how much the stub itself was late with the answers that the stall held.
    lateness_ns: i64,
    noise: Noise,
}

fn judge(seen: &Stalled, note: String) -> Said {
    let mut outcome = Outcome::exactly(seen.records > 0 && seen.records == seen.of);
    let (mut expected, mut measured) = (Vec::new(), Vec::new());
    for quantile in &seen.quantiles {
        let tolerance = SLACK_NS + quantile.bucket_ns + seen.lateness_ns as f64;
        let told = quantile.told_ns.unwrap_or(f64::NAN);
        let deviation = (told - quantile.truth_ns as f64).abs();
        outcome = outcome.and(Outcome::of(deviation, tolerance, seen.noise.ns()));
        let truth = ms(quantile.truth_ns as f64);
        expected.push(format!("{} {truth} ± {}", quantile.name, ms(tolerance)));
        measured.push(format!("{} {}", quantile.name, ms(told)));
    }
    outcome = outcome.and(Outcome::exactly(!seen.quantiles.is_empty()));
    Said {
        outcome,
        expected: format!("response {} of {} records", expected.join(", "), seen.of),
        measured: format!("{} of {} records", measured.join(", "), seen.records),
        note,
    }
}

fn quantiles(told: &Distribution, truth: &[i64]) -> Vec<Quantile> {
    let of = |(name, q): (&'static str, f64)| {
        let truth_ns = oracle::exact(truth, q).unwrap_or_default();
        Quantile {
            name,
            truth_ns,
            told_ns: told.quantile(q).map(ns),
            bucket_ns: oracle::off(told, q, truth_ns).map_or(0.0, |(_, bucket)| bucket),
        }
    };
    QUANTILES.into_iter().map(of).collect()
}

/// By how much answers that were due in `[from, from + 50 ms)` left late.
fn lateness(truth: &Truth, from: i64) -> i64 {
    let until = from + 50_000_000;
    let near = |one: &&Produced| one.due_ns.is_some_and(|due| (from..until).contains(&due));
    let late = truth.produced.iter().filter(near).filter_map(Produced::lateness_ns);
    late.max().unwrap_or_default()
}

/// Starts a load and has the stub stall in its window; the stall, from t0.
fn start(spec: &Spec, stub: &Stub, at: Duration) -> Result<(Running, (i64, i64)), Problem> {
    let running = spec.start(&stub.bootstrap())?;
    let begins = running.window().0 + nanos(at);
    let (start, end) = stub.stall(begins, STALL);
    let t0 = running.t0();
    Ok((running, (start - t0, end - t0)))
}

/// Experiment 1.
pub(super) fn known_stall(_: &Host) -> Said {
    let measure = || -> Result<Said, Problem> {
        let (open, closed) = (stub(1, Script::constant(SERVICE))?, stub(1, Script::constant(SERVICE))?);
        let spec = Spec::new(Arrivals::Uniform, RATE, LONG);
        // A loop that has two records out at a time and times its own calls.
        let two = Spec::closed(LONG).with(&[("queue.buffering.max.messages", "2")]);
        let watching = Watching::begin();
        let (exhibit, _) = start(&two, &closed, AT)?;
        let (running, stall) = start(&spec, &open, AT)?;
        let t0 = running.t0();
        let both = finish_all(vec![running, exhibit])?;
        let [ran, lie] = &both[..] else {
            return Err(Problem::Impossible("two loads have two ends"));
        };
        let noise = watching.end().with_hiccup(ran.report.facts.instruments.hiccup_max_ns);
        let seen = stalled(&spec, ran, stall, lateness(&open.truth(), t0 + stall.1), noise);
        let shown = lie.measured().service;
        let at = |q| {
            shown
                .quantile(q)
                .map_or_else(|| "nothing".to_owned(), |told| ms(ns(told)))
        };
        let note = format!(
            "exhibit: a closed loop of 2 beside it, same stall, {} records: p99.9 {}, p99.99 {}; {noise}",
            shown.count(),
            at(0.999),
            at(0.9999)
        );
        Ok(judge(&seen, note))
    };
    measure().unwrap_or_else(|problem| Said::could_not(&problem))
}

fn stalled(spec: &Spec, ran: &Ran, stall: (i64, i64), lateness_ns: i64, noise: Noise) -> Stalled {
    let sends = spec.window();
    let truth = oracle::stalled(&sends, nanos(SERVICE), stall);
    let told = ran.measured().response;
    Stalled {
        records: told.count(),
        of: sends.len() as u64,
        quantiles: quantiles(&told, &truth),
        lateness_ns,
        noise,
    }
}

/// What experiment 2 measured.
#[derive(Clone, Copy, Debug)]
struct Tail {
    records: u64,
    /// Records later than [`LATE`], and as the oracle has them.
    late: u64,
    truth: u64,
    noise: Noise,
}

/// Within what (METHODOLOGY.md, experiment 2).
const TAIL_TOLERANCE: f64 = 0.05;

fn judge_tail(seen: &Tail) -> Said {
    let truth = seen.truth as f64;
    let deviation = (seen.late as f64 - truth).abs();
    // What falls due while something is held up may be late.
    let noise = RATE * seen.noise.total_ns() / 1e9;
    let outcome = Outcome::of(deviation, TAIL_TOLERANCE * truth, noise);
    let (stall, seconds) = (STALL.as_secs_f64(), SHORT.as_secs_f64());
    let formula = (stall + stall * RATE / (DRAIN - RATE)) / seconds;
    Said {
        outcome: outcome.and(Outcome::exactly(seen.records > 0 && seen.truth > 0)),
        expected: format!(
            "{} of {} records later than {} ± 5 % (late at all: {} of the window)",
            seen.truth,
            (RATE * seconds) as u64,
            ms(ns(LATE)),
            percent(formula)
        ),
        measured: format!("{} of {}", seen.late, seen.records),
        note: seen.noise.to_string(),
    }
}

/// Experiment 2.
pub(super) fn recovery(_: &Host) -> Said {
    let measure = || -> Result<Said, Problem> {
        let script = Script {
            service: Service::Rate { per_second: DRAIN },
            ..Script::default()
        };
        let stub = stub(1, script)?;
        let spec = Spec::new(Arrivals::Uniform, RATE, SHORT);
        let watching = Watching::begin();
        let (running, stall) = start(&spec, &stub, EARLY)?;
        let ran = running.finish(|_, _| {})?.whole()?;
        let noise = watching.end().with_hiccup(ran.report.facts.instruments.hiccup_max_ns);
        let truth = oracle::queued(&spec.window(), 1e9 / DRAIN, stall);
        let told = ran.measured().response;
        Ok(judge_tail(&Tail {
            records: told.count(),
            late: told.count_above(LATE),
            truth: truth.iter().filter(|wait| **wait > nanos(LATE)).count() as u64,
            noise,
        }))
    };
    measure().unwrap_or_else(|problem| Said::could_not(&problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A distribution of the oracle's own response times for 20 s, each off by so much.
    fn seen(change: impl Fn(i64) -> i64, noise_ns: i64) -> Stalled {
        let sends = oracle::intended(Arrivals::Uniform, RATE, 42, 1, 0, nanos(LONG));
        let truth = oracle::stalled(&sends, 1_000_000, (8_000_000_000, 8_200_000_000));
        let mut told = Distribution::new();
        for response in &truth {
            told.record_ns(change(*response));
        }
        Stalled {
            records: told.count(),
            of: sends.len() as u64,
            quantiles: quantiles(&told, &truth),
            lateness_ns: 100_000,
            noise: Noise {
                hiccup_ns: noise_ns,
                ..Noise::default()
            },
        }
    }

    #[track_caller]
    fn check(seen: &Stalled, outcome: Outcome) {
        assert_eq!(judge(seen, String::new()).outcome, outcome, "{seen:?}");
    }

    #[test]
    fn the_tail_is_as_long_as_the_stall_or_the_instrument_is_broken() {
        check(&seen(|response| response + 400_000, 0), Outcome::Holds);
        check(&seen(|response| response + 5_000_000, 0), Outcome::Fails);
        check(&seen(|response| response + 5_000_000, 6_000_000), Outcome::TooNoisy);
        // The broken instrument: intended sends re-based to the accepted ones, so that the stall goes unseen.
        let rebased = |response: i64| response.min(1_500_000);
        check(&seen(rebased, 6_000_000), Outcome::Fails);
        assert!(judge(&seen(rebased, 0), String::new()).measured.contains("p99.9 1.5"));
    }

    #[test]
    fn a_stall_that_nothing_was_measured_of_does_not_pass() {
        let nothing = Stalled {
            records: 0,
            of: 0,
            quantiles: Vec::new(),
            lateness_ns: 0,
            noise: Noise::default(),
        };
        check(&nothing, Outcome::Fails);
        let some = seen(|response| response, 0);
        check(
            &Stalled {
                records: some.of - 1,
                ..some
            },
            Outcome::Fails,
        );
    }

    #[test]
    fn the_backlog_lasts_as_long_as_it_must() {
        let check = |late, hiccup_ns, outcome| {
            let noise = Noise {
                hiccup_ns,
                ..Noise::default()
            };
            let tail = Tail {
                records: 6000,
                late,
                truth: 487,
                noise,
            };
            assert_eq!(judge_tail(&tail).outcome, outcome, "{late}");
        };
        check(490, 0, Outcome::Holds);
        check(400, 0, Outcome::Fails);
        check(520, 0, Outcome::Fails);
        check(520, 10_000_000, Outcome::TooNoisy);
        let nothing = Tail {
            records: 0,
            late: 0,
            truth: 0,
            noise: Noise::default(),
        };
        assert_eq!(judge_tail(&nothing).outcome, Outcome::Fails);
    }
}
