//! Experiment 4: what was asked for is what was sent, to the record and in time.
//!
//! Near the ceiling the sender competes with the client, the report thread and the stub for the host's processors. There a
//! rate that is not kept is the host's limit if the sender had no time left, by its own calls and by the kernel's account of
//! its waits; such a rate is told and not judged, but for those up to half of the ceiling.

use tribunal_model::trial::Arrivals;
use tribunal_stub::Script;

use super::Host;
use super::finding::{Outcome, Said, percent};
use super::load::{Problem, Ran, SEED, Spec, finish_all, millis, stub};
use super::noise::{Noise, Watching};
use super::oracle;

/// Experiment 4: |realised ÷ intended − 1| (METHODOLOGY.md, section 12).
const TOLERANCE: f64 = 0.001;
/// Shares of the ceiling, and whether the host must be able to do so much.
const SHARES: [(f64, Arrivals, bool); 4] = [
    (0.25, Arrivals::Uniform, true),
    (0.5, Arrivals::Poisson, true),
    (0.7, Arrivals::Uniform, false),
    (0.95, Arrivals::Uniform, false),
];
/// A sender with less of its time left than this is at the host's limit.
const LEFT: f64 = 0.1;
/// One with less than this is near it: what held it up may have moved the rate.
const NEAR: f64 = 0.5;
/// Near the ceiling records go in batches.
const BATCHED: [(&str, &str); 1] = [("linger.ms", "5")];

/// What was realised of one rate.
#[derive(Clone, Debug)]
struct Realised {
    what: String,
    /// Intended sends of the window, by the schedule alone, and by a formula where there is one.
    intended: u64,
    formula: Option<u64>,
    /// As the agent counts them.
    scheduled: u64,
    /// Of those, really offered to the client, and acknowledged.
    sent: u64,
    acknowledged: u64,
    /// Realised ÷ intended − 1.
    error: f64,
    /// Share of the load's time that the sender had left beyond the client's calls, refusals and waits for a processor.
    left: f64,
    /// Refusals and waits: not the pacer's doing (METHODOLOGY.md, section 1).
    held_ns: f64,
    /// Whether the rate is judged at the host's limit, too.
    must: bool,
    window_ns: i64,
    noise: Noise,
}

impl Realised {
    fn of(spec: &Spec, ran: &Ran, must: bool, noise: Noise) -> Self {
        let rate = spec.rate.unwrap_or_default();
        let fates = ran.measured().fates;
        let whole = spec
            .rate
            .filter(|rate| spec.arrivals == Arrivals::Uniform && rate.fract() == 0.0);
        let (t1, t2) = (spec.windows.t1_ns(), spec.windows.t2_ns());
        let pace = ran.paces.first().copied().unwrap_or_default();
        let facts = &ran.report.facts;
        let blocked: u64 = ran.samples.iter().map(|sample| sample.activity.blocked_ns).sum();
        let held_ns = (blocked + facts.sender_wait_ns) as f64;
        let arrivals = match spec.arrivals {
            Arrivals::Uniform => "uniform",
            Arrivals::Poisson => "Poisson",
        };
        Self {
            what: format!("{rate:.0}/s {arrivals}"),
            intended: oracle::counted(spec.arrivals, rate, SEED, (t1, t2)),
            formula: whole.map(|rate| oracle::evenly(rate as u64, t1, t2)),
            scheduled: fates.scheduled,
            sent: pace.sends,
            acknowledged: fates.acknowledged,
            error: pace.error(),
            // A wait within a call counts twice: then nothing is left all the same.
            left: (1.0 - (held_ns + pace.calls_ns as f64) / facts.sender_time_ns.max(1) as f64).max(0.0),
            held_ns,
            must,
            window_ns: t2 - t1,
            noise: noise.with_hiccup(facts.instruments.hiccup_max_ns),
        }
    }

    fn exact(&self) -> bool {
        let counts = [self.scheduled, self.sent, self.acknowledged];
        let formula = self.formula.is_none_or(|formula| formula == self.intended);
        self.intended > 1 && formula && counts.iter().all(|count| *count == self.intended)
    }

    fn outcome(&self) -> Outcome {
        // What holds the sender up near either end tilts the line by half as much again.
        let held = if self.left < NEAR { self.held_ns } else { 0.0 };
        let noise = 1.5 * (self.noise.ns() + held) / self.window_ns as f64;
        let rate = match Outcome::of(self.error.abs(), TOLERANCE, noise) {
            Outcome::Fails if self.left < LEFT => Outcome::TooNoisy,
            other => other,
        };
        let rate = if rate == Outcome::TooNoisy && !self.must {
            Outcome::Holds
        } else {
            rate
        };
        Outcome::exactly(self.exact()).and(rate)
    }

    fn kept(&self) -> bool {
        self.error.abs() <= TOLERANCE
    }

    fn shown(&self) -> String {
        let left = if self.kept() {
            String::new()
        } else {
            format!(" (the sender had {:.0} % of its time left)", self.left * 100.0)
        };
        let Self {
            intended,
            scheduled,
            sent,
            acknowledged,
            ..
        } = self;
        let counts = if self.exact() {
            format!("{intended} sends")
        } else {
            format!("intended {intended}, scheduled {scheduled}, sent {sent}, acknowledged {acknowledged}")
        };
        format!("{} {:+.4} %{left}, {counts}", self.what, self.error * 100.0)
    }
}

/// Records acknowledged by the agents' account, priming included, and those that the broker appended.
type Books = (u64, u64);

fn judge(all: &[Realised], (acknowledged, appended): Books, note: &str) -> Said {
    let agree = acknowledged > 0 && acknowledged == appended;
    let outcomes = all.iter().map(Realised::outcome);
    let kept = all.iter().filter(|one| one.kept());
    let worst = kept.clone().map(|one| one.error.abs()).fold(0.0, f64::max);
    let (kept, of) = (kept.count(), all.len());
    let wrong = all.iter().filter(|one| !one.exact()).count();
    let shown: Vec<String> = all.iter().map(Realised::shown).collect();
    Said {
        outcome: outcomes.fold(Outcome::exactly(!all.is_empty() && agree), Outcome::and),
        expected: format!(
            "realised ÷ intended − 1 within ± {} at each of {of} rates that leaves the sender time; all counts exact, the \
             broker's too",
            percent(TOLERANCE)
        ),
        measured: format!(
            "at most {} off at {kept} of {of} rates; {wrong} counts off, the broker's {} off",
            percent(worst),
            appended.abs_diff(acknowledged)
        ),
        note: format!("{}; {note}", shown.join("; ")),
    }
}

/// Experiment 4.
pub(super) fn realised(_: &Host) -> Said {
    let measure = || -> Result<Said, Problem> {
        let broker = stub(1, Script::default())?;
        let low = [
            (10.0, Arrivals::Uniform),
            (1000.0, Arrivals::Uniform),
            (1000.0, Arrivals::Poisson),
        ];
        let spec = |(rate, arrivals), measure| Spec {
            tapped: false,
            ..Spec::new(arrivals, rate, millis(measure))
        };
        let watching = Watching::begin();
        let specs = low.map(|one| spec(one, 3000));
        let running: Result<Vec<_>, _> = specs.iter().map(|spec| spec.start(&broker.bootstrap())).collect();
        let (ran, noise) = (finish_all(running?)?, watching.end());
        let mut all: Vec<Realised> = specs
            .iter()
            .zip(&ran)
            .map(|(spec, ran)| Realised::of(spec, ran, true, noise))
            .collect();
        let books = |ran: &Ran| {
            ran.report
                .partitions
                .values()
                .map(|partition| partition.acknowledged)
                .sum::<u64>()
        };
        let mut acknowledged: u64 = ran.iter().map(books).sum();
        let closed = Spec::closed(millis(1000))
            .with(&BATCHED)
            .run(&broker.bootstrap())?
            .whole()?;
        acknowledged += books(&closed);
        let ceiling = closed.report.window.acknowledged as f64;
        if ceiling < 2000.0 {
            return Err(Problem::Impossible("next to nothing is delivered in a closed loop"));
        }
        for (share, arrivals, must) in SHARES {
            let spec = spec(((share * ceiling).floor(), arrivals), 1200).with(&BATCHED);
            let watching = Watching::begin();
            let ran = spec.run(&broker.bootstrap())?.whole()?;
            all.push(Realised::of(&spec, &ran, must, watching.end()));
            acknowledged += books(&ran);
        }
        let noise = all.iter().map(|one| one.noise).max_by(|a, b| a.ns().total_cmp(&b.ns()));
        let books = (acknowledged, broker.totals().records_appended);
        Ok(judge(
            &all,
            books,
            &format!("ceiling {ceiling:.0}/s; {}", noise.unwrap_or_default()),
        ))
    };
    measure().unwrap_or_else(|problem| Said::could_not(&problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(error: f64, sent: u64, noise_ns: i64) -> Realised {
        Realised {
            what: "1000/s uniform".to_owned(),
            intended: 3000,
            formula: Some(3000),
            scheduled: 3000,
            sent,
            acknowledged: 3000,
            error,
            left: 0.9,
            held_ns: 0.0,
            must: true,
            window_ns: 3_000_000_000,
            noise: Noise {
                hiccup_ns: noise_ns,
                ..Noise::default()
            },
        }
    }

    #[test]
    fn the_rate_is_the_one_that_was_asked_for_to_the_record() {
        let check = |one: Realised, outcome| assert_eq!(judge(&[one], (9, 9), "").outcome, outcome);
        check(one(-0.0005, 3000, 0), Outcome::Holds);
        check(one(-0.0030, 3000, 0), Outcome::Fails);
        check(one(-0.0030, 3000, 9_000_000), Outcome::TooNoisy);
        // At the host's limit a rate is told and not judged, but for those that every host must keep.
        let limit = Realised {
            left: 0.05,
            must: false,
            ..one(0.3, 3000, 0)
        };
        check(limit.clone(), Outcome::Holds);
        check(
            Realised {
                must: true,
                ..limit.clone()
            },
            Outcome::TooNoisy,
        );
        check(
            Realised {
                sent: 2999,
                ..limit.clone()
            },
            Outcome::Fails,
        );
        check(Realised { left: 0.6, ..limit }, Outcome::Fails);
        // A count is never excused.
        check(one(0.0, 2999, 900_000_000), Outcome::Fails);
        let formula = Realised {
            formula: Some(3001),
            ..one(0.0, 3000, 0)
        };
        check(formula, Outcome::Fails);
        let nothing = Realised {
            intended: 0,
            formula: None,
            scheduled: 0,
            acknowledged: 0,
            ..one(f64::NAN, 0, 0)
        };
        check(nothing, Outcome::Fails);
        assert_eq!(judge(&[], (9, 9), "").outcome, Outcome::Fails);
        // The broker appended another number.
        assert_eq!(judge(&[one(0.0, 3000, 0)], (9, 8), "").outcome, Outcome::Fails);
    }
}
