//! Experiment 5: real sends have the distribution of the plan.

use tribunal_model::trial::Arrivals;
use tribunal_stub::Script;

use super::Host;
use super::finding::{Outcome, Said, percent};
use super::load::{Problem, Ran, Spec, finish_all, millis, stub};
use super::noise::{Noise, Watching};
use super::oracle::{distance_from_exponential, gaps, lag_one, variation};

/// Sends of each kind.
const GAPS: usize = 2000;
const GAP_RATE: f64 = 200.0;

/// What the gaps between real sends look like.
#[derive(Clone, Copy, Debug)]
struct Spread {
    poisson: usize,
    uniform: usize,
    /// Of Poisson arrivals: Kolmogorov's distance, and the correlation of neighbours.
    distance: f64,
    lag_one: f64,
    /// Of even arrivals: the coefficient of variation.
    variation: f64,
    noise: Noise,
}

/// The 0.1 % point of Kolmogorov's distribution: one host in a thousand would be found wrong by chance. The schedule is
/// the same each time, so that chance is not drawn anew.
const DISTANCE: f64 = 1.949;
/// The same for a correlation: three standard errors.
const LAG: f64 = 3.0;
const EVEN: f64 = 0.02;

fn judge_spread(seen: &Spread) -> Said {
    let n = (seen.poisson as f64).sqrt();
    let (distance, lag) = (DISTANCE / n, LAG / n);
    let gap = 1e9 / GAP_RATE;
    // A send that is late makes one gap longer and the next one shorter: two gaps for each hiccup, the rest of the host's
    // doing at most as long as a hiccup begins.
    let hiccups = 2.0 * seen.noise.total_ns() * seen.noise.ns() / seen.uniform as f64;
    let noisy_variation = hiccups.sqrt() / gap;
    let noisy_share = (2.0 * seen.noise.hiccups as f64 + 1.0) / seen.poisson.max(1) as f64;
    let outcome = Outcome::exactly(seen.poisson + 1 >= GAPS && seen.uniform + 1 >= GAPS)
        .and(Outcome::of(seen.distance, distance, noisy_share))
        .and(Outcome::of(seen.lag_one.abs(), lag, noisy_share))
        .and(Outcome::of(seen.variation, EVEN, noisy_variation));
    Said {
        outcome,
        expected: format!(
            "Poisson: D ≤ {distance:.4}, |lag-1| ≤ {lag:.4}; uniform: CV ≤ {}; {GAPS} sends each",
            percent(EVEN)
        ),
        measured: format!(
            "D {:.4}, lag-1 {:+.4}; CV {}; {} and {} gaps",
            seen.distance,
            seen.lag_one,
            percent(seen.variation),
            seen.poisson,
            seen.uniform
        ),
        note: seen.noise.to_string(),
    }
}

/// Experiment 5.
pub(super) fn distribution(_: &Host) -> Said {
    let measure = || -> Result<Said, Problem> {
        let broker = stub(1, Script::default())?;
        let spec = |arrivals| Spec::new(arrivals, GAP_RATE, millis(10_500));
        let watching = Watching::begin();
        let poisson = spec(Arrivals::Poisson).start(&broker.bootstrap())?;
        let uniform = spec(Arrivals::Uniform).start(&broker.bootstrap())?;
        let ran = finish_all(vec![poisson, uniform])?;
        let [poisson, uniform] = &ran[..] else {
            return Err(Problem::Impossible("two loads have two ends"));
        };
        let hiccup = |ran: &Ran| ran.report.facts.instruments.hiccup_max_ns;
        let noise = watching.end().with_hiccup(hiccup(poisson).max(hiccup(uniform)));
        let gaps_of = |ran: &Ran| {
            let sends = ran.window_sends();
            let instants: Vec<i64> = sends.iter().take(GAPS).map(|sent| sent.at_ns).collect();
            gaps(&instants)
        };
        let (poisson, uniform) = (gaps_of(poisson), gaps_of(uniform));
        Ok(judge_spread(&Spread {
            poisson: poisson.len(),
            uniform: uniform.len(),
            distance: distance_from_exponential(&poisson, 1e9 / GAP_RATE),
            lag_one: lag_one(&poisson),
            variation: variation(&uniform),
            noise,
        }))
    };
    measure().unwrap_or_else(|problem| Said::could_not(&problem))
}

#[cfg(test)]
mod tests {
    use super::super::load::SEED;
    use super::super::oracle;
    use super::*;

    #[test]
    fn arrivals_have_the_distribution_of_the_plan() {
        let spread = |arrivals: Arrivals, other: Arrivals, hiccups| {
            let of = |arrivals| gaps(&oracle::intended(arrivals, GAP_RATE, SEED, 1, 0, 10_500_000_000));
            let (poisson, uniform) = (of(arrivals), of(other));
            let (poisson, uniform) = (&poisson[..GAPS - 1], &uniform[..GAPS - 1]);
            Spread {
                poisson: poisson.len(),
                uniform: uniform.len(),
                distance: distance_from_exponential(poisson, 1e9 / GAP_RATE),
                lag_one: lag_one(poisson),
                variation: variation(uniform),
                noise: Noise {
                    hiccup_ns: 5_000_000,
                    hiccups,
                    ..Noise::default()
                },
            }
        };
        let right = spread(Arrivals::Poisson, Arrivals::Uniform, 0);
        assert_eq!(judge_spread(&right).outcome, Outcome::Holds, "{right:?}");
        // Even gaps where exponential ones were asked for, and the other way round; however noisy.
        for wrong in [
            spread(Arrivals::Uniform, Arrivals::Uniform, 3),
            spread(Arrivals::Poisson, Arrivals::Poisson, 3),
        ] {
            assert_eq!(judge_spread(&wrong).outcome, Outcome::Fails, "{wrong:?}");
        }
        let uneven = Spread {
            variation: 0.03,
            ..spread(Arrivals::Poisson, Arrivals::Uniform, 3)
        };
        assert_eq!(judge_spread(&uneven).outcome, Outcome::TooNoisy);
        let few = Spread { poisson: 100, ..right };
        assert_eq!(judge_spread(&few).outcome, Outcome::Fails);
    }
}
