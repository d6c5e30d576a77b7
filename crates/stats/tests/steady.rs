//! Experiment 19 of METHODOLOGY.md: how often the steady-state rules err on series whose truth is known.
//!
//! Each trial of the experiment has four series. One of delivered rate, response time p50 and p99 has the shape that
//! is asked about, in turn; the others have its noise only. Noise is normal, 1 to 3 % of the level, drawn anew for
//! each trial. For p99 noise and shape are ten times as much, in logarithms. In-flight is half a percent of a
//! second's records, with ten times the noise.
//!
//! A trial whose noise would hide a change is not assessed: that is neither a false alarm nor falsely steady.
//! `cargo test -p tribunal-stats --test steady -- --nocapture` prints the matrix.

use std::fmt::Write as _;
use std::io::Write as _;

use normal::normal;
use tribunal_model::seed::{SplitMix64, derive};
use tribunal_stats::steady::{Assessment, Finding, Metric, Rules, Series, Settling, SettlingSample, assess};

#[path = "draw/normal.rs"]
mod normal;

const SEED: u64 = 19;
const TRIALS: u64 = 1000;
const WAITS: u64 = 400;
/// Seconds, of a wait.
const BOUND: usize = 60;
const RATE: f64 = 10_000.0;
const METRICS: [Metric; 4] = [
    Metric::DeliveredRate,
    Metric::ResponseP50,
    Metric::ResponseP99,
    Metric::InFlight,
];

/// What the level does over the window, as a share of it.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Level,
    /// Changes by this much from the start to the end.
    Ramp(f64),
    /// Moves by this much somewhere in the middle two thirds.
    Step(f64),
    /// Swings by this much to either side, every this many samples.
    Periodic(f64, f64),
    /// One sample is off by this much.
    Spike(f64),
    /// Begins this much off and decays, with a time constant of a tenth of the window.
    Decay(f64),
    /// In-flight grows by this share of all records.
    Backlog(f64),
}

struct Generator {
    random: SplitMix64,
}

impl Generator {
    /// A first-order autoregressive series of variance 1.
    fn noise(&mut self, phi: f64, samples: usize) -> Vec<f64> {
        let mut value = normal(&mut self.random);
        (0..samples)
            .map(|_| {
                let now = value;
                value = phi * value + (1.0 - phi * phi).sqrt() * normal(&mut self.random);
                now
            })
            .collect()
    }

    fn shape(&mut self, shape: Shape, samples: usize) -> Vec<f64> {
        let n = samples as f64;
        let sign = if self.random.below(2) == 0 { 1.0 } else { -1.0 };
        let place = self.random.next_unit();
        let deviation = |t: f64| match shape {
            Shape::Level | Shape::Backlog(_) => 0.0,
            Shape::Ramp(change) => sign * change * ((t + 0.5) / n - 0.5),
            Shape::Step(shift) => sign * shift * f64::from(t >= (n * (1.0 + 4.0 * place) / 6.0).floor()),
            Shape::Periodic(swing, period) => swing * (std::f64::consts::TAU * (t / period + place)).sin(),
            Shape::Spike(height) => sign * height * f64::from(t < place * n && place * n <= t + 1.0),
            Shape::Decay(start) => sign * start * (-10.0 * t / n).exp(),
        };
        (0..samples).map(|t| deviation(t as f64)).collect()
    }

    /// Four series of one trial, of which `victim` has the shape.
    fn trial(&mut self, shape: Shape, phi: f64, samples: usize, victim: Metric) -> Vec<Series> {
        METRICS
            .into_iter()
            .map(|name| {
                let deviation = 0.01 + 0.02 * self.random.next_unit();
                let noise = self.noise(phi, samples).into_iter().map(|z| deviation * z);
                let deviations = self.shape(if name == victim { shape } else { Shape::Level }, samples);
                let relative = noise.zip(deviations).map(|(noise, deviation)| noise + deviation);
                let values = match name {
                    Metric::DeliveredRate => relative.map(|r| RATE * (1.0 + r)).collect(),
                    Metric::ResponseP50 => relative.map(|r| 2400.0 * (1.0 + r)).collect(),
                    Metric::ResponseP99 => relative.map(|r| 9000.0 * (10.0 * r).exp()).collect(),
                    Metric::InFlight => {
                        let grown = (1u32..).map(|second| {
                            if let Shape::Backlog(share) = shape {
                                share * f64::from(second)
                            } else {
                                0.0
                            }
                        });
                        relative
                            .zip(grown)
                            .map(|(r, grown)| RATE * (0.005 * (1.0 + 10.0 * r).max(0.0) + grown))
                            .collect()
                    }
                };
                Series { name, values }
            })
            .collect()
    }
}

/// One row of the matrix: how many trials got which answer.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    steady: u64,
    not_assessed: u64,
    not_steady: u64,
    trend: u64,
    shift: u64,
    warm_up: u64,
    in_flight: u64,
}

fn count(shape: Shape, phi: f64, samples: usize) -> Counts {
    let mut counts = Counts::default();
    for trial in 0..TRIALS {
        let mut generator = Generator {
            random: SplitMix64::new(derive(&[SEED, trial])),
        };
        let series = generator.trial(shape, phi, samples, METRICS[trial as usize % 3]);
        let assessment = assess(&series, &Rules::default());
        match assessment {
            Assessment::Steady { .. } => counts.steady += 1,
            Assessment::NotAssessed { .. } => counts.not_assessed += 1,
            Assessment::NotSteady { .. } => counts.not_steady += 1,
        }
        let found = |rule: fn(&Finding) -> bool| u64::from(assessment.findings().iter().any(rule));
        counts.trend += found(|f| matches!(f, Finding::Trend { .. }));
        counts.shift += found(|f| matches!(f, Finding::Shift { .. }));
        counts.warm_up += found(|f| matches!(f, Finding::WarmUpTooShort { .. }));
        counts.in_flight += found(|f| matches!(f, Finding::Growing { .. } | Finding::Shrinking { .. }));
    }
    counts
}

/// What a row must show.
#[derive(Clone, Copy, Debug)]
enum Pass {
    /// Not steady in fewer than 5 of 100 trials.
    FewAlarms,
    /// Steady in fewer than 1 of 100 trials.
    HardlySteady,
    /// Not steady in more than 95 of 100 trials.
    Alarm,
    /// Published, and nothing is asked.
    Any,
}

impl Pass {
    fn holds(self, counts: Counts) -> bool {
        match self {
            Self::FewAlarms => 20 * counts.not_steady < TRIALS,
            Self::HardlySteady => 100 * counts.steady < TRIALS,
            Self::Alarm => 20 * counts.not_steady > 19 * TRIALS,
            Self::Any => true,
        }
    }
}

/// Shapes, the correlation of neighbours, and what 30 and 60 samples must show; 20, the least, are published beside
/// them.
const CASES: [(&str, Shape, f64, Pass); 27] = [
    ("white noise", Shape::Level, 0.0, Pass::FewAlarms),
    ("AR(1), φ = 0.3", Shape::Level, 0.3, Pass::FewAlarms),
    ("AR(1), φ = 0.6", Shape::Level, 0.6, Pass::FewAlarms),
    ("spike of 60 %", Shape::Spike(0.6), 0.0, Pass::FewAlarms),
    ("spike of 60 %, φ = 0.3", Shape::Spike(0.6), 0.3, Pass::FewAlarms),
    (
        "periodic, ±3 % every 5 s",
        Shape::Periodic(0.03, 5.0),
        0.0,
        Pass::FewAlarms,
    ),
    (
        "periodic, ±5 % every 10 s",
        Shape::Periodic(0.05, 10.0),
        0.0,
        Pass::FewAlarms,
    ),
    ("ramp of 2 %", Shape::Ramp(0.02), 0.0, Pass::Any),
    ("ramp of 3 %", Shape::Ramp(0.03), 0.0, Pass::Any),
    ("ramp of 5 %", Shape::Ramp(0.05), 0.0, Pass::Any),
    ("ramp of 7 %", Shape::Ramp(0.07), 0.0, Pass::Any),
    ("ramp of 10 %", Shape::Ramp(0.1), 0.0, Pass::HardlySteady),
    ("ramp of 15 %", Shape::Ramp(0.15), 0.0, Pass::HardlySteady),
    ("ramp of 20 %", Shape::Ramp(0.2), 0.0, Pass::HardlySteady),
    ("ramp of 30 %", Shape::Ramp(0.3), 0.0, Pass::HardlySteady),
    ("ramp of 10 %, φ = 0.3", Shape::Ramp(0.1), 0.3, Pass::HardlySteady),
    ("ramp of 10 %, φ = 0.6", Shape::Ramp(0.1), 0.6, Pass::HardlySteady),
    ("ramp of 20 %, φ = 0.6", Shape::Ramp(0.2), 0.6, Pass::HardlySteady),
    ("step of 3 %", Shape::Step(0.03), 0.0, Pass::Any),
    ("step of 5 %", Shape::Step(0.05), 0.0, Pass::Any),
    ("step of 10 %", Shape::Step(0.1), 0.0, Pass::Alarm),
    ("step of 20 %", Shape::Step(0.2), 0.0, Pass::Alarm),
    ("step of 10 %, φ = 0.6", Shape::Step(0.1), 0.6, Pass::HardlySteady),
    ("decay from 10 %", Shape::Decay(0.1), 0.0, Pass::Any),
    ("decay from 30 %", Shape::Decay(0.3), 0.0, Pass::Alarm),
    ("in-flight grows by 0.5 %", Shape::Backlog(0.005), 0.3, Pass::FewAlarms),
    ("in-flight grows by 2 %", Shape::Backlog(0.02), 0.3, Pass::Alarm),
];

#[test]
fn the_confusion_matrix_keeps_the_pass_rules() {
    let mut table = format!("{TRIALS} trials a row; rules by which, of those not steady\n\n");
    table += "| series | samples | steady | not assessed | not steady | trend | shift | warm-up | in-flight |\n";
    table += "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
    let mut broken = Vec::new();
    for (name, shape, phi, pass) in CASES {
        for samples in [20, 30, 60] {
            let counts = count(shape, phi, samples);
            let Counts {
                steady,
                not_assessed,
                not_steady,
                trend,
                shift,
                warm_up,
                in_flight,
            } = counts;
            let verdicts = format!("{steady} | {not_assessed} | {not_steady}");
            writeln!(
                table,
                "| {name} | {samples} | {verdicts} | {trend} | {shift} | {warm_up} | {in_flight} |"
            )
            .unwrap();
            if samples >= 30 && !pass.holds(counts) {
                broken.push(format!("{name}, {samples} samples: {pass:?}, {counts:?}"));
            }
        }
    }
    publish(&table);
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Seconds until settled, sorted, of the waits that end within [`BOUND`]; response time p50 has the shape.
fn settle(shape: impl Fn(f64) -> f64, phi: f64) -> Vec<usize> {
    let mut waits: Vec<usize> = (0..WAITS)
        .filter_map(|trial| {
            let mut generator = Generator {
                random: SplitMix64::new(derive(&[SEED, 2, trial])),
            };
            let mut series = generator.trial(Shape::Level, phi, BOUND, Metric::ResponseP50);
            for (value, t) in series[1].values.iter_mut().zip(0u32..) {
                *value *= 1.0 + shape(f64::from(t));
            }
            let mut settling = Settling::new(Rules::default());
            (0..BOUND).find(|t| {
                settling.push(SettlingSample {
                    delivered_rate: series[0].values[*t],
                    response_p50: series[1].values[*t],
                    response_p99: series[2].values[*t],
                    in_flight: series[3].values[*t],
                });
                settling.settled()
            })
        })
        .map(|t| t + 1)
        .collect();
    waits.sort_unstable();
    waits
}

#[test]
fn settling_waits_for_the_end_of_the_warm_up() {
    let mut table = format!("{WAITS} waits a row, of at most {BOUND} s\n\n");
    table += "| response time p50 | settled | least wait, s | median wait, s |\n|---|---:|---:|---:|\n";
    let mut row = |name: &str, waits: Vec<usize>| {
        let second = |index: usize| waits.get(index).map_or("–".to_owned(), usize::to_string);
        writeln!(
            table,
            "| {name} | {} | {} | {} |",
            waits.len(),
            second(0),
            second(waits.len() / 2)
        )
        .unwrap();
        waits
    };
    let level = row("level", settle(|_| 0.0, 0.0));
    let kept = row("level, φ = 0.3", settle(|_| 0.0, 0.3));
    row("level, φ = 0.6", settle(|_| 0.0, 0.6));
    let quick = row(
        "from double to level, time constant 3 s",
        settle(|t| (-t / 3.0).exp(), 0.0),
    );
    let slow = row(
        "from double to level, time constant 10 s",
        settle(|t| (-t / 10.0).exp(), 0.0),
    );
    row(
        "grows by 5 % in 20 s, for ever",
        settle(|t| 1.05_f64.powf(t / 20.0) - 1.0, 0.0),
    );
    let endless = row(
        "grows by 10 % in 20 s, for ever",
        settle(|t| 1.1_f64.powf(t / 20.0) - 1.0, 0.0),
    );
    publish(&table);
    assert!(level.len() as u64 == WAITS && level[level.len() / 2] <= 30, "{level:?}");
    assert!(10 * kept.len() as u64 > 7 * WAITS, "{}", kept.len());
    // What is left of the decay when the last 20 s begin: after 20 s of 3 s each 0.1 %, at 30 s of 10 s each 5 %.
    assert!(20 * quick.len() as u64 > 19 * WAITS && quick[0] >= 25, "{quick:?}");
    assert!(slow[0] >= 40, "{slow:?}");
    assert!(100 * (endless.len() as u64) < WAITS, "{endless:?}");
}

/// Shows a table with `--nocapture`.
fn publish(table: &str) {
    std::io::stdout()
        .write_all(format!("\n{table}\n").as_bytes())
        .expect("standard output takes it");
}
