//! Experiment 22 of METHODOLOGY.md: how often a search's answer holds the truth, on servers whose capacity is known.
//!
//! A run is covered when its answer is a capacity whose interval holds the truth: everything else counts against the
//! search, an honest *not found* too. The queue is simulated record by record, so its verdicts have the noise that a
//! quantile of a window has; its capacity is known in closed form. Every run is checked: each rate in the answer was
//! probed and got that verdict.
//!
//! `cargo test -p tribunal-stats --test search -- --nocapture` prints the tables.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use normal::normal;
use tribunal_model::seed::{SplitMix64, derive, ln};
use tribunal_stats::comparison::wilson;
use tribunal_stats::search::{Answer, Probe, ProbeVerdict, Purpose, Search, Settings, Step, UpDownGap};

#[path = "draw/normal.rs"]
mod normal;

const SEED: u64 = 22;
/// Of intervals of 95 %.
const Z: f64 = 1.96;

/// A server under test: what a probe of it shows.
trait Server {
    fn probe(&mut self, probe: &Probe, random: &mut SplitMix64) -> ProbeVerdict;
}

fn verdict(passed: bool, delivered: f64) -> ProbeVerdict {
    let delivered = Some(delivered);
    if passed {
        ProbeVerdict::Pass { delivered }
    } else {
        ProbeVerdict::Fail { delivered }
    }
}

fn exponential(random: &mut SplitMix64) -> f64 {
    -ln(random.next_unit())
}

/// M/M/1 with an objective for response time p99.
///
/// Response times are exponential with rate μ − λ, so p99 = ln 100 ÷ (μ − λ): the capacity is μ − ln 100 ÷ p99.
#[derive(Clone, Copy, Debug)]
struct Queue {
    service_rate: f64,
    capacity: f64,
}

impl Server for Queue {
    /// Lindley's recursion on the response time, from the steady state where there is one.
    fn probe(&mut self, probe: &Probe, random: &mut SplitMix64) -> ProbeVerdict {
        let (arrivals, services) = (1.0 / probe.rate, 1.0 / self.service_rate);
        let slack = self.service_rate - probe.rate;
        let mut response = exponential(random) / slack.max(0.001 * self.service_rate);
        let count = (probe.rate * probe.measure.as_secs_f64()).max(100.0) as usize;
        let mut responses: Vec<f64> = (0..count)
            .map(|_| {
                let waiting = (response - exponential(random) * arrivals).max(0.0);
                response = waiting + exponential(random) * services;
                response
            })
            .collect();
        let objective = ln(100.0) / (self.service_rate - self.capacity);
        let rank = (count * 99).div_ceil(100) - 1;
        let (_, p99, _) = responses.select_nth_unstable_by(rank, f64::total_cmp);
        verdict(*p99 <= objective, probe.rate.min(self.service_rate))
    }
}

/// Delivers everything up to its capacity, which differs from window to window.
#[derive(Clone, Copy, Debug)]
struct Knee {
    capacity: f64,
    /// Standard deviation of the capacity over a window of one second, as a share.
    noise: f64,
}

impl Knee {
    fn now(&self, probe: &Probe, random: &mut SplitMix64) -> f64 {
        self.capacity * (1.0 + self.noise / probe.measure.as_secs_f64().sqrt() * normal(random))
    }
}

impl Server for Knee {
    fn probe(&mut self, probe: &Probe, random: &mut SplitMix64) -> ProbeVerdict {
        let now = self.now(probe, random);
        verdict(probe.rate <= now, probe.rate.min(now))
    }
}

/// Passes by chance near the edge, which is where it passes half of the time; fails now and then anywhere.
#[derive(Clone, Copy, Debug)]
struct Flaky {
    knee: Knee,
    /// Share of probes that a pause fails.
    pauses: f64,
    /// Share of probes that the generator spoils.
    hiccups: f64,
}

impl Server for Flaky {
    fn probe(&mut self, probe: &Probe, random: &mut SplitMix64) -> ProbeVerdict {
        if random.next_unit() <= self.hiccups {
            return invalid();
        }
        let now = self.knee.now(probe, random);
        let paused = random.next_unit() <= self.pauses;
        verdict(probe.rate <= now && !paused, probe.rate.min(now))
    }
}

fn invalid() -> ProbeVerdict {
    ProbeVerdict::Invalid {
        reason: "schedule delay".to_owned(),
    }
}

/// A generator that cannot offer more than its limit.
struct Limited {
    knee: Knee,
    limit: f64,
}

impl Server for Limited {
    fn probe(&mut self, probe: &Probe, random: &mut SplitMix64) -> ProbeVerdict {
        if probe.rate > self.limit {
            return invalid();
        }
        self.knee.probe(probe, random)
    }
}

/// Slow after an overload, until it has time to settle or meets a load that the slow server bears.
struct Hysteresis {
    knee: Knee,
    /// Capacity while slow, as a share.
    slow: f64,
    overloaded: bool,
}

impl Server for Hysteresis {
    fn probe(&mut self, probe: &Probe, random: &mut SplitMix64) -> ProbeVerdict {
        let overloaded = self.overloaded && probe.purpose == Purpose::Down;
        let share = if overloaded { self.slow } else { 1.0 };
        let now = share * self.knee.now(probe, random);
        self.overloaded = probe.rate > now;
        verdict(!self.overloaded, probe.rate.min(now))
    }
}

fn settings(first_window: f64, longest_window: f64) -> Settings {
    Settings {
        first: 100.0,
        highest: 200_000.0,
        precision: 0.02,
        confirmations: 3,
        back_off: 0.02,
        most_probes: 60,
        first_window: Duration::from_secs_f64(first_window),
        longest_window: Duration::from_secs_f64(longest_window),
        confirm_window: None,
    }
    .checked()
    .expect("valid settings")
}

type History = Vec<(Probe, ProbeVerdict)>;

fn run(settings: &Settings, server: &mut impl Server, random: &mut SplitMix64) -> (Answer, History) {
    let mut search = Search::new(settings.clone());
    let mut history = History::new();
    loop {
        match search.next() {
            Step::Probe(probe) => {
                let verdict = server.probe(&probe, random);
                history.push((probe, verdict.clone()));
                search.answer(verdict).expect("the search asked for it");
            }
            Step::Done(answer) => {
                assert_probed(&answer, &history);
                let replayed = Search::replay(settings.clone(), &history).expect("its own history");
                assert_eq!(replayed, search);
                return (answer, history);
            }
        }
    }
}

/// Each rate in the answer was probed and got the verdict that it stands for, as often as the answer says.
#[track_caller]
fn assert_probed(answer: &Answer, history: &History) {
    let count = |rate: f64, purpose: Option<Purpose>, is: fn(&ProbeVerdict) -> bool| {
        let of_rate = history
            .iter()
            .filter(|(probe, _)| probe.rate.to_bits() == rate.to_bits());
        of_rate
            .filter(|(probe, verdict)| purpose.is_none_or(|p| p == probe.purpose) && is(verdict))
            .count() as u32
    };
    let pass = |verdict: &ProbeVerdict| matches!(verdict, ProbeVerdict::Pass { .. });
    let fail = |verdict: &ProbeVerdict| matches!(verdict, ProbeVerdict::Fail { .. });
    let invalid = |verdict: &ProbeVerdict| matches!(verdict, ProbeVerdict::Invalid { .. });
    let context = || format!("{answer:?} of {history:#?}");
    match answer {
        Answer::Capacity {
            confirmed_pass,
            failed,
            confirmations,
            up_down_gap,
            ..
        } => {
            let confirm = Some(Purpose::Confirm);
            assert!(count(*confirmed_pass, confirm, pass) >= *confirmations, "{}", context());
            assert_eq!(count(*confirmed_pass, confirm, fail), 0, "{}", context());
            if let Some(failed) = failed {
                assert!(count(*failed, confirm, fail) >= *confirmations, "{}", context());
                assert!(confirmed_pass < failed, "{}", context());
            }
            if let Some(gap) = up_down_gap {
                let down = Some(Purpose::Down);
                assert!(gap.passed.is_none_or(|r| count(r, down, pass) > 0), "{}", context());
                assert!(gap.failed.is_none_or(|r| count(r, down, fail) > 0), "{}", context());
            }
        }
        Answer::GeneratorLimited { above, last_pass, .. } => {
            assert!(count(*above, None, invalid) >= 3, "{}", context());
            assert!(
                last_pass.is_none_or(|r| r < *above && count(r, None, pass) > 0),
                "{}",
                context()
            );
        }
        Answer::NoneMeets { lowest_failed } => {
            assert!(count(*lowest_failed, None, fail) >= 2, "{}", context());
        }
        Answer::NotFound { passed, failed, .. } => {
            assert!(passed.is_none_or(|r| count(r, None, pass) > 0), "{}", context());
            assert!(failed.is_none_or(|r| count(r, None, fail) > 0), "{}", context());
        }
    }
}

/// What many runs on one kind of server came to.
#[derive(Debug, Default)]
struct Row {
    runs: u32,
    covered: u32,
    /// The confirmed PASS lies above the truth.
    above: u32,
    /// The confirmed FAIL lies below the truth.
    below: u32,
    /// No capacity was found.
    none: u32,
    widths: Vec<f64>,
    probes: Vec<usize>,
    /// Gaps of the way down that are not nought.
    gaps: u32,
}

impl Row {
    fn add(&mut self, answer: &Answer, truth: f64, history: &History) {
        self.runs += 1;
        self.probes.push(history.len());
        let Answer::Capacity {
            confirmed_pass,
            failed,
            up_down_gap,
            ..
        } = answer
        else {
            self.none += 1;
            return;
        };
        let failed = failed.unwrap_or(f64::INFINITY);
        self.above += u32::from(*confirmed_pass > truth);
        self.below += u32::from(failed < truth);
        self.covered += u32::from(*confirmed_pass <= truth && truth <= failed);
        self.widths.push(failed / confirmed_pass - 1.0);
        self.gaps += u32::from(up_down_gap.is_some_and(|gap: UpDownGap| gap.share > 0.0));
    }

    fn line(&mut self, name: &str) -> String {
        self.widths.sort_by(f64::total_cmp);
        self.probes.sort_unstable();
        let (low, high) = wilson(self.covered.into(), self.runs.into(), Z);
        let at = |share: f64, length: usize| ((length as f64 * share) as usize).min(length.max(1) - 1);
        let width = |share: f64| {
            self.widths
                .get(at(share, self.widths.len()))
                .map_or(f64::NAN, |w| 100.0 * w)
        };
        let probes = |share: f64| self.probes[at(share, self.probes.len())];
        format!(
            "| {name} | {} | {:.1} % | {:.1}–{:.1} % | {} | {} | {} | {:.1} % | {:.1} % | {} | {} | {} |\n",
            self.runs,
            100.0 * f64::from(self.covered) / f64::from(self.runs),
            100.0 * low,
            100.0 * high,
            self.above,
            self.below,
            self.none,
            width(0.5),
            width(0.95),
            probes(0.5),
            probes(1.0),
            self.gaps,
        )
    }
}

const HEADER: &str = "| server | runs | covered | Wilson 95 % | PASS above truth | FAIL below truth | no capacity | \
                      median width | 95th | median probes | most | gaps |\n\
                      |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n";

/// A capacity anywhere between two doublings of the ramp.
fn capacity(random: &mut SplitMix64, octave: f64) -> f64 {
    octave * (random.next_unit() * std::f64::consts::LN_2).exp()
}

fn rows<S: Server>(runs: u64, row: u64, settings: &Settings, make: impl Fn(&mut SplitMix64) -> (S, f64)) -> Row {
    let mut result = Row::default();
    for seed in 0..runs {
        let mut random = SplitMix64::new(derive(&[SEED, row, seed]));
        let (mut server, truth) = make(&mut random);
        let (answer, history) = run(settings, &mut server, &mut random);
        result.add(&answer, truth, &history);
    }
    result
}

/// Searches on M/M/1 queues whose capacity is this share of their service rate.
fn queue(row: u64, utilisation: f64, longest: f64) -> Row {
    rows(100, row, &settings(longest / 4.0, longest), |random| {
        let capacity = capacity(random, 1600.0);
        let service_rate = capacity / utilisation;
        (Queue { service_rate, capacity }, capacity)
    })
}

/// A window has to be long for the queue that it looks at: a busy one forgets slowly, and the p99 of a short look at it
/// is more often too low than too high. So the answer may lie above the truth, and no rule of a search can mend that.
///
/// An M/M/1 queue forgets in 1 ÷ (μ · (1 − √ρ)²) (J. W. Cohen, *The Single Server Queue*, 1969); windows of a hundred
/// times that hold the truth in the rows of the next test, and some ten times that do not.
#[test]
fn windows_have_to_be_long_for_the_queue() {
    let forgets = |utilisation: f64| {
        let service_rate = 1600.0 / utilisation;
        1.0 / (service_rate * (1.0 - utilisation.sqrt()).powi(2))
    };
    let (long, short) = (queue(3, 0.9, 32.0), queue(42, 0.9, 2.0));
    assert!(32.0 / forgets(0.9) > 100.0 && 2.0 / forgets(0.9) < 20.0);
    assert!(long.covered > short.covered + 5, "{long:?} {short:?}");
    assert!(short.above > short.below, "{short:?}");
}

#[test]
fn a_generator_that_is_the_bound_ends_the_search_below_it() {
    let slow = settings(10.0, 40.0);
    for seed in 0..100 {
        let mut random = SplitMix64::new(derive(&[SEED, 50, seed]));
        let capacity = capacity(&mut random, 51_200.0);
        let limit = capacity * 0.6;
        let knee = Knee { capacity, noise: 0.02 };
        let (answer, _) = run(&slow, &mut Limited { knee, limit }, &mut random);
        let Answer::GeneratorLimited { above, last_pass, .. } = answer else {
            panic!("{answer:?}");
        };
        assert!(
            above > limit && last_pass.is_some_and(|rate| rate <= limit),
            "{answer:?}"
        );
    }
}

#[test]
fn a_server_that_meets_nothing_is_told_so() {
    let slow = settings(10.0, 40.0);
    let mut random = SplitMix64::new(SEED);
    let knee = Knee {
        capacity: slow.lowest() / 2.0,
        noise: 0.0,
    };
    let (answer, _) = run(&slow, &mut { knee }, &mut random);
    assert!(matches!(answer, Answer::NoneMeets { .. }), "{answer:?}");
}

#[test]
fn the_answer_holds_the_truth() {
    let mut table = HEADER.to_owned();
    for (number, (utilisation, longest)) in [(0.8, 4.0), (0.9, 8.0), (0.9, 2.0)].into_iter().enumerate() {
        let mut row = queue(40 + number as u64, utilisation, longest);
        table += &row.line(&format!("too short: M/M/1, p99, edge at {utilisation}, {longest} s"));
        // What these windows lack is told by the next test.
        assert!(row.covered < row.runs, "{row:?}");
    }
    let mut all = Row::default();
    let mut broken = Vec::new();
    let mut take = |name: &str, mut row: Row| {
        table += &row.line(name);
        all.runs += row.runs;
        all.covered += row.covered;
        if 20 * row.covered < 19 * row.runs {
            broken.push(format!("{name}: {} of {}", row.covered, row.runs));
        }
    };
    for (number, (utilisation, longest)) in [(0.5, 4.0), (0.5, 16.0), (0.8, 16.0), (0.9, 32.0)]
        .into_iter()
        .enumerate()
    {
        let row = queue(number as u64, utilisation, longest);
        take(&format!("M/M/1, p99, edge at {utilisation}, {longest} s"), row);
    }
    let slow = settings(10.0, 40.0);
    for (number, noise) in [0.0, 0.01, 0.03, 0.1, 0.2].into_iter().enumerate() {
        let row = rows(400, 10 + number as u64, &slow, |random| {
            let capacity = capacity(random, 51_200.0);
            (Knee { capacity, noise }, capacity)
        });
        take(&format!("hard knee, {} % per √s", 100.0 * noise), row);
    }
    for (number, (pauses, hiccups)) in [(0.02, 0.0), (0.0, 0.05), (0.02, 0.05)].into_iter().enumerate() {
        let row = rows(400, 20 + number as u64, &slow, |random| {
            let capacity = capacity(random, 51_200.0);
            let knee = Knee { capacity, noise: 0.05 };
            (Flaky { knee, pauses, hiccups }, capacity)
        });
        take(
            &format!("flaky edge, {} % pauses, {} % INVALID", 100.0 * pauses, 100.0 * hiccups),
            row,
        );
    }
    let row = rows(400, 30, &slow, |random| {
        let capacity = capacity(random, 51_200.0);
        let knee = Knee { capacity, noise: 0.02 };
        (
            Hysteresis {
                knee,
                slow: 0.8,
                overloaded: false,
            },
            capacity,
        )
    });
    take("hysteresis, 20 %", row);
    let (low, high) = wilson(all.covered.into(), all.runs.into(), Z);
    writeln!(
        table,
        "\nAll: {} of {}, {:.3} to {:.3}",
        all.covered, all.runs, low, high
    )
    .unwrap();
    publish(&table);
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Shows a table with `--nocapture`.
fn publish(table: &str) {
    std::io::stdout()
        .write_all(format!("\n{table}\n").as_bytes())
        .expect("standard output takes it");
}
