//! Experiment 3: an agent that is stopped shows the stop as its own.
//!
//! The load runs in a child process, which is really stopped and continued (SIGSTOP, SIGCONT), with every thread in it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_model::limits::{Limit, Limits, Severity};
use tribunal_model::trial::Arrivals;
use tribunal_stats::Distribution;
use tribunal_stub::{Produced, Script, Truth};

use super::Host;
use super::finding::{Outcome, Said, ms, ns};
use super::load::{Problem, Spec, millis, nanos, stub};
use super::noise::{Noise, Watching};
use super::oracle;

const RATE: f64 = 1000.0;
const SERVICE: Duration = millis(5);
const STOP: Duration = millis(200);
const WINDOW: Duration = millis(4000);
/// Where in the window the stop begins.
const AT: Duration = millis(1500);
/// How long the child may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Beyond the buckets: what fell due in the stop goes out at once, 200 records in a row.
const SLACK_NS: f64 = 3e6;
/// Records between the client and the broker at the instant of the stop, either way.
const BETWEEN: u64 = 3;
const QUANTILES: [(&str, f64); 2] = [("p99", 0.99), ("p99.9", 0.999)];
/// The child's lines begin so.
const BEGAN: &str = "t0=";
const ENDED: &str = "load=";

fn spec() -> Spec {
    Spec {
        tapped: false,
        ..Spec::new(Arrivals::Uniform, RATE, WINDOW)
    }
}

/// What the child is told.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    bootstrap: String,
}

/// What the child tells of its load.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Told {
    acknowledged: u64,
    scheduled: u64,
    /// Buckets in microseconds, with their counts.
    response: Vec<(u64, u64)>,
    service: Vec<(u64, u64)>,
    schedule_delay_p99_ns: i64,
    late_sends: u64,
    hiccup_max_ns: i64,
}

/// Runs the load of experiment 3, for a parent that stops this process meanwhile: one line of `input` says where, two of
/// `output` say how it went.
pub fn child(mut input: impl BufRead, mut output: impl Write) -> std::io::Result<()> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    let told = |problem: Problem| std::io::Error::other(tribunal_telemetry::logs::chain(&problem));
    let running = spec().start(&order.bootstrap).map_err(told)?;
    writeln!(output, "{BEGAN}{}", running.t0())?;
    output.flush()?;
    let ran = running.finish(|_, _| {}).map_err(told)?.whole().map_err(told)?;
    let measured = ran.measured();
    let told = Told {
        acknowledged: measured.fates.acknowledged,
        scheduled: measured.fates.scheduled,
        response: measured.response.buckets(),
        service: measured.service.buckets(),
        schedule_delay_p99_ns: measured.schedule_delay.quantile(0.99).map_or(0, nanos),
        late_sends: measured.late_sends,
        hiccup_max_ns: ran.report.facts.instruments.hiccup_max_ns,
    };
    writeln!(output, "{ENDED}{}", serde_json::to_string(&told)?)?;
    output.flush()
}

/// A child process; it is killed and waited for when this is dropped, also when it is stopped.
#[derive(Debug)]
struct Stoppable {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Stoppable {
    fn start(host: &Host, order: &Order) -> Result<Self, Problem> {
        let mut child = Command::new(&host.program)
            .args(&host.child)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (say, lines) = sync_channel(4);
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let read = move || {
            for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()) {
                let Ok(line) = line else { return };
                if say.send(line).is_err() {
                    return;
                }
            }
        };
        let mut stoppable = Self {
            child,
            input: input.ok_or(Problem::Child("has no input"))?,
            lines,
        };
        std::thread::Builder::new().name("child-lines".into()).spawn(read)?;
        writeln!(stoppable.input, "{}", serde_json::to_string(order)?)?;
        stoppable.input.flush()?;
        Ok(stoppable)
    }

    /// The rest of the next line that begins so; other lines are the program's own.
    fn line(&self, begins: &str) -> Result<String, Problem> {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.map_err(|_| Problem::Child("ended, or says nothing"))?;
            if let Some((_, rest)) = line.split_once(begins) {
                return Ok(rest.to_owned());
            }
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), Problem> {
        kill_process(Pid::from_child(&self.child), signal).map_err(|error| Problem::Io(error.into()))
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        // It may have ended of itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What experiment 3 measured.
#[derive(Clone, Debug)]
struct Stopped {
    told: Told,
    /// Intended sends of the window, from t0.
    intended: Vec<i64>,
    /// The stop, from t0.
    stop: (i64, i64),
    /// Records that were at the broker at its beginning: arrived, not answered.
    at_broker: u64,
    lateness_ns: i64,
    noise: Noise,
}

fn judge(seen: &Stopped) -> Said {
    let told = &seen.told;
    let truth = oracle::stopped(&seen.intended, nanos(SERVICE), seen.stop);
    let (response, service) = (read(&told.response), read(&told.service));
    let all = seen.intended.len() as u64;
    let mut outcome =
        Outcome::exactly(all > 0 && [told.scheduled, told.acknowledged, response.count(), service.count()] == [all; 4]);
    let (mut expected, mut measured) = (Vec::new(), Vec::new());
    for (name, q) in QUANTILES {
        let truth = oracle::exact(&truth, q).unwrap_or_default();
        let (deviation, bucket) = oracle::off(&response, q, truth).unwrap_or((f64::NAN, 0.0));
        let tolerance = SLACK_NS + bucket + seen.lateness_ns as f64;
        outcome = outcome.and(Outcome::of(deviation, tolerance, seen.noise.ns()));
        expected.push(format!("{name} {} ± {}", ms(truth as f64), ms(tolerance)));
        measured.push(format!(
            "{name} {}",
            response.quantile(q).map_or("nothing".to_owned(), |told| ms(ns(told)))
        ));
    }
    let length = seen.stop.1 - seen.stop.0;
    // In service: what was in flight, and nothing else.
    let long = service.count_above(Duration::from_nanos(length.max(0) as u64 / 2));
    let noisy = (seen.noise.ns() / 1e9 * RATE).round();
    let off = long.abs_diff(seen.at_broker);
    outcome = outcome.and(Outcome::of(off as f64, BETWEEN as f64, noisy));
    // The hiccup thread saw all of it but its own millisecond of sleep.
    let hiccup = told.hiccup_max_ns as f64;
    outcome = outcome.and(Outcome::of((hiccup - length as f64).abs(), SLACK_NS, seen.noise.ns()));
    let void = |limit, ns: i64| Limits::default().severity(limit, ns as f64 / 1e9) == Some(Severity::Void);
    let voids = [
        (Limit::Hiccup, void(Limit::Hiccup, told.hiccup_max_ns)),
        (
            Limit::ScheduleDelayP99,
            void(Limit::ScheduleDelayP99, told.schedule_delay_p99_ns),
        ),
    ];
    outcome = outcome.and(Outcome::exactly(voids.iter().all(|(_, void)| *void)));
    let names: Vec<&str> = voids
        .iter()
        .filter(|(_, void)| *void)
        .map(|(limit, _)| limit.name())
        .collect();
    Said {
        outcome,
        expected: format!(
            "response {}; {} ± {BETWEEN} records long in service; hiccup {} ± {}; void by hiccup and schedule_delay_p99",
            expected.join(", "),
            seen.at_broker,
            ms(length as f64),
            ms(SLACK_NS)
        ),
        measured: format!(
            "{}; {long} records; hiccup {}; void by {}",
            measured.join(", "),
            ms(hiccup),
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(" and ")
            }
        ),
        note: format!(
            "{all} records, {} sent more than 1 ms late, schedule delay p99 {}; {}",
            told.late_sends,
            ms(told.schedule_delay_p99_ns as f64),
            seen.noise
        ),
    }
}

fn read(buckets: &[(u64, u64)]) -> Distribution {
    let mut read = Distribution::new();
    for (microseconds, count) in buckets {
        read.record_many_ns((*microseconds).saturating_mul(1000) as i64, *count);
    }
    read
}

/// Records that had arrived at an instant and were not answered.
fn at_broker(truth: &Truth, instant: i64) -> u64 {
    let there = |one: &&Produced| one.arrived_ns <= instant && one.answered_ns.is_none_or(|left| left > instant);
    truth
        .produced
        .iter()
        .filter(there)
        .map(|one| u64::from(one.records))
        .sum()
}

/// Experiment 3.
pub(super) fn generator_stall(host: &Host) -> Said {
    let measure = || -> Result<Said, Problem> {
        let broker = stub(1, Script::constant(SERVICE))?;
        let bootstrap = broker.bootstrap();
        let watching = Watching::begin();
        let child = Stoppable::start(host, &Order { bootstrap })?;
        let t0 = child.line(BEGAN)?;
        let t0: i64 = t0.trim().parse().map_err(|_| Problem::Child("says no instant"))?;
        let spec = spec();
        MonotonicClock.sleep_until(t0 + spec.windows.t1_ns() + nanos(AT));
        child.signal(Signal::STOP)?;
        let begin = MonotonicClock.now_ns();
        MonotonicClock.sleep_until(begin + nanos(STOP));
        let end = MonotonicClock.now_ns();
        child.signal(Signal::CONT)?;
        let told = serde_json::from_str(&child.line(ENDED)?)?;
        let noise = watching.end();
        drop(child);
        let truth = broker.truth();
        // What went out after the stop, and what it held up.
        let after = |one: &&Produced| one.due_ns.is_some_and(|due| due >= begin && due < end + nanos(STOP));
        let late = truth
            .produced
            .iter()
            .filter(after)
            .filter_map(Produced::lateness_ns)
            .max();
        Ok(judge(&Stopped {
            told,
            intended: spec.window(),
            stop: (begin - t0, end - t0),
            at_broker: at_broker(&truth, begin),
            lateness_ns: late.unwrap_or_default(),
            noise,
        }))
    };
    measure().unwrap_or_else(|problem| Said::could_not(&problem))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    /// Set for the child of a test.
    const CHILD: &str = "SELFTEST_CHILD";

    /// For experiment 3 among the tests: this program with these arguments runs [`the_child`] alone.
    pub(crate) fn host() -> Host {
        let test = "selftest::generator::tests::the_child";
        let program = std::env::current_exe().unwrap();
        let command = format!("{CHILD}=1 exec \"$0\" --exact {test} --nocapture");
        Host {
            program: "/bin/sh".into(),
            child: vec!["-c".into(), command.into(), program.into()],
            drivers: crate::fixture::programs(),
        }
    }

    /// No test by itself: with an order on standard input it is the child of experiment 3.
    #[test]
    fn the_child() {
        // Run like any other test, by name or not, it has no order to wait for.
        if std::env::var_os(CHILD).is_some() {
            child(std::io::stdin().lock(), std::io::stdout()).unwrap();
        }
    }

    fn seen(change: impl Fn(&mut Told), noise: Noise) -> Stopped {
        let intended = oracle::intended(Arrivals::Uniform, RATE, 42, 1, 500 * MS, 4500 * MS);
        let stop = (2000 * MS, 2200 * MS);
        let mut response = Distribution::new();
        for truth in oracle::stopped(&intended, 5 * MS, stop) {
            response.record_ns(truth + 300_000);
        }
        let mut service = Distribution::new();
        service.record_many_ns(5_300_000, 3995);
        service.record_many_ns(203 * MS, 5);
        let mut told = Told {
            acknowledged: 4000,
            scheduled: 4000,
            response: response.buckets(),
            service: service.buckets(),
            schedule_delay_p99_ns: 160 * MS,
            late_sends: 199,
            hiccup_max_ns: 199 * MS,
        };
        change(&mut told);
        Stopped {
            told,
            intended,
            stop,
            at_broker: 5,
            lateness_ns: 0,
            noise,
        }
    }

    #[track_caller]
    fn check(change: impl Fn(&mut Told), outcome: Outcome) {
        let said = judge(&seen(change, Noise::default()));
        assert_eq!(said.outcome, outcome, "{said:?}");
    }

    #[test]
    fn a_stop_shows_as_the_agents_own_or_the_instrument_is_broken() {
        check(|_| {}, Outcome::Holds);
        // Broken: intended sends re-based, so that the stop is in service and not in response; the stop in neither; a
        // watch that sleeps through it; lateness that voids nothing; records lost.
        check(|told| told.response.clone_from(&told.service), Outcome::Fails);
        check(|told| told.service.clone_from(&told.response), Outcome::Fails);
        check(|told| told.hiccup_max_ns = MS, Outcome::Fails);
        check(|told| told.schedule_delay_p99_ns = 0, Outcome::Fails);
        check(|told| told.acknowledged -= 1, Outcome::Fails);
        check(|told| *told = Told::default(), Outcome::Fails);
        let held_up = Noise {
            hiccup_ns: 30 * MS,
            ..Noise::default()
        };
        let late = |told: &mut Told| told.hiccup_max_ns += 20 * MS;
        assert_eq!(judge(&seen(late, held_up)).outcome, Outcome::TooNoisy);
    }
}
