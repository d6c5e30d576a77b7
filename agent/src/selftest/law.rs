//! Experiment 18: records in flight, counted, are rate times service time, stamped.

use tribunal_model::trial::Arrivals;
use tribunal_stats::little::{Little, Observed, little};
use tribunal_stub::{Script, Service};

use super::Host;
use super::finding::{Outcome, Said, ns, percent};
use super::load::{Problem, Ran, Spec, millis, stub};
use super::noise::{Noise, Watching};

const RATE: f64 = 8000.0;

/// A load as the law sees it.
#[derive(Clone, Copy, Debug)]
struct Seen {
    what: &'static str,
    observed: Observed,
    acknowledged: u64,
    scheduled: u64,
    noise: Noise,
}

/// By what a mis-timed instrument is wrong here: service times that lack a tenth.
const MIS_TIMED: f64 = 0.9;

impl Seen {
    fn of(what: &'static str, ran: &Ran, noise: Noise) -> Self {
        let (measured, instruments) = (ran.measured(), &ran.report.facts.instruments);
        let service = &measured.service;
        Self {
            what,
            observed: Observed {
                in_flight_mean: instruments.in_flight_mean,
                in_flight_max: instruments.in_flight_max,
                looks: instruments.looks,
                accepted: instruments.accepted,
                window_ns: instruments.window_ns,
                mean_service_ns: service.mean().map_or(0.0, ns),
                max_service_ns: service.max().map_or(0.0, ns),
            },
            acknowledged: measured.fates.acknowledged,
            scheduled: measured.fates.scheduled,
            noise: noise.with_hiccup(instruments.hiccup_max_ns),
        }
    }

    /// The share of L that looks missed in hiccups may hide: for their length as many records as were ever in flight.
    fn hidden(&self) -> f64 {
        let window = self.observed.window_ns.max(1) as f64;
        let piled_up = self.observed.in_flight_max as f64 / self.observed.in_flight_mean;
        self.noise.total_ns() / window * piled_up
    }

    /// The same load without what the host held up, as far as the ends of the window go.
    fn undisturbed(&self) -> Observed {
        let (seen, held) = (self.mis_timed(), self.noise.total_ns());
        let piled_up = (held * seen.accepted as f64 / seen.window_ns.max(1) as f64) as u64;
        Observed {
            max_service_ns: (seen.max_service_ns - held).max(seen.mean_service_ns),
            in_flight_max: seen
                .in_flight_max
                .saturating_sub(piled_up)
                .max(seen.in_flight_mean as u64),
            ..seen
        }
    }

    fn outcome(&self) -> Outcome {
        let (Some(law), Some(broken)) = (little(&self.observed), little(&self.mis_timed())) else {
            return Outcome::Fails;
        };
        let allowed = Little::LIMIT + law.bound + law.noise;
        // Where a mis-timed instrument would pass, the law has told nothing.
        let told = if !broken.holds() {
            Outcome::Holds
        } else if little(&self.undisturbed()).is_some_and(|undisturbed| !undisturbed.holds()) {
            Outcome::TooNoisy
        } else {
            Outcome::Fails
        };
        let all = self.scheduled > 0 && self.acknowledged == self.scheduled;
        Outcome::exactly(all)
            .and(told)
            .and(Outcome::of(law.residual.abs(), allowed, self.hidden()))
    }

    fn mis_timed(&self) -> Observed {
        Observed {
            mean_service_ns: self.observed.mean_service_ns * MIS_TIMED,
            ..self.observed
        }
    }
}

fn judge(all: &[Seen]) -> Said {
    let outcome = all
        .iter()
        .map(Seen::outcome)
        .fold(Outcome::exactly(!all.is_empty()), Outcome::and);
    let law = |observed: &Observed, show: fn(Little) -> String| little(observed).map_or("nothing".to_owned(), show);
    let each = |show: &dyn Fn(&Seen) -> String| all.iter().map(show).collect::<Vec<_>>().join("; ");
    let allowed = |law: Little| {
        let bound = percent(law.bound + law.noise);
        format!("{} + {bound}", percent(Little::LIMIT))
    };
    let noise = all
        .iter()
        .map(|seen| seen.noise)
        .max_by(|a, b| a.ns().total_cmp(&b.ns()));
    Said {
        outcome,
        expected: format!(
            "|L − λW| ÷ L of at most the limit + the stated bound: {}; mis-timed by 10 %: beyond it",
            each(&|seen| format!("{} {}", seen.what, law(&seen.observed, allowed)))
        ),
        measured: each(&|seen| {
            let residual = |law: Little| format!("{:+.3} %", law.residual * 100.0);
            let told = law(&seen.observed, residual);
            let broken = law(&seen.mis_timed(), residual);
            format!(
                "{} {told}, mis-timed {broken} (L {:.1}, {} looks)",
                seen.what, seen.observed.in_flight_mean, seen.observed.looks
            )
        }),
        note: noise.unwrap_or_default().to_string(),
    }
}

/// Experiment 18.
pub(super) fn littles_law(_: &Host) -> Said {
    let services = [
        ("constant", Service::Constant(millis(5))),
        ("exponential", Service::Exponential { mean: millis(3) }),
        (
            "Pareto",
            Service::Pareto {
                least: millis(4),
                shape: 4.5,
            },
        ),
    ];
    let measure = || -> Result<Said, Problem> {
        let mut all = Vec::new();
        for (what, service) in services {
            let script = Script {
                service,
                ..Script::default()
            };
            let stub = stub(1, script)?;
            let spec = Spec {
                tapped: false,
                // A broker answers in order on each connection: with several, one slow answer holds up few.
                producers: 4,
                ..Spec::new(Arrivals::Poisson, RATE, millis(4000))
            };
            let watching = Watching::begin();
            let ran = spec.run(&stub.bootstrap())?.whole()?;
            all.push(Seen::of(what, &ran, watching.end()));
        }
        Ok(judge(&all))
    };
    measure().unwrap_or_else(|problem| Said::could_not(&problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(factor: f64, noise: Noise) -> Seen {
        Seen {
            what: "constant",
            observed: Observed {
                in_flight_mean: 42.0,
                in_flight_max: 60,
                looks: 4000,
                accepted: 32_000,
                window_ns: 4_000_000_000,
                mean_service_ns: 5.25e6 * factor,
                max_service_ns: 9e6,
            },
            acknowledged: 32_000,
            scheduled: 32_000,
            noise,
        }
    }

    #[test]
    fn the_law_holds_or_the_instants_are_wrong() {
        assert_eq!(judge(&[seen(1.0, Noise::default())]).outcome, Outcome::Holds);
        assert_eq!(judge(&[seen(1.02, Noise::default())]).outcome, Outcome::Holds);
        // The broken instruments: a tenth too short, a fifth too long.
        assert_eq!(judge(&[seen(0.9, Noise::default())]).outcome, Outcome::Fails);
        assert_eq!(judge(&[seen(1.2, Noise::default())]).outcome, Outcome::Fails);
        let held_up = Noise {
            hiccup_ns: 400_000_000,
            hiccups: 1,
            ..Noise::default()
        };
        assert_eq!(judge(&[seen(0.9, held_up)]).outcome, Outcome::TooNoisy);
        assert_eq!(judge(&[seen(0.5, held_up)]).outcome, Outcome::Fails);
    }

    #[test]
    fn a_law_that_cannot_tell_does_not_pass() {
        let mut few = seen(1.0, Noise::default());
        few.observed.looks = 40;
        few.observed.window_ns = 40_000_000;
        few.observed.accepted = 320;
        assert_eq!(judge(&[few]).outcome, Outcome::Fails);
        let mut lost = seen(1.0, Noise::default());
        lost.acknowledged -= 1;
        assert_eq!(judge(&[lost]).outcome, Outcome::Fails);
        let mut nothing = seen(1.0, Noise::default());
        nothing.observed = Observed::default();
        assert_eq!(judge(&[nothing]).outcome, Outcome::Fails);
        assert_eq!(judge(&[]).outcome, Outcome::Fails);
    }
}
