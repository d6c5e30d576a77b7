//! A load of real clients against a stub, run alone: the whole way of a trial but for session and coordinator.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use tribunal_engine::clock::Clock;
use tribunal_engine::event::Event;
use tribunal_engine::producer::Worker;
use tribunal_engine::run::Run;
use tribunal_model::ids::AgentName;
use tribunal_model::properties::Value;
use tribunal_model::trial::{
    Arrivals, Load, Part, Partitioner, Rate, RecordRate, Trial, WhenFull, Windows, nanoseconds,
};
use tribunal_stats::{AgentReport, Cpu, Sample, Tally};
use tribunal_stub::{Script, Stub, Topic};

use super::tap::{Pace, Reported, Sent, Skew, TappedClock, Taps};
use crate::alone;
use crate::host;
use crate::prepare::{Prepared, Work, prepare};

/// The topic of every load.
pub(crate) const TOPIC: &str = "selftest";
/// The seed of every load: what is sent when is the same each time.
pub(crate) const SEED: u64 = 42;
/// How far ahead t0 is.
const AHEAD: i64 = 100_000_000;
/// Longer than any load.
const LEASE: Duration = Duration::from_secs(120);
/// A load that says nothing for so long is stuck.
const SILENT: Duration = Duration::from_secs(30);

/// Why an experiment could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the stub does not start")]
    Stub(#[from] tribunal_stub::Error),
    #[error("the stub cannot follow its script")]
    Script(#[from] tribunal_stub::InvalidScript),
    #[error("no clients: {0}")]
    Prepare(String),
    #[error("the load was given up: {0}")]
    GivenUp(String),
    #[error("{0}")]
    Impossible(&'static str),
    #[error("the child process {0}")]
    Child(&'static str),
    #[error("the child process cannot be used")]
    Io(#[from] std::io::Error),
    #[error("the child process says what makes no sense")]
    Json(#[from] serde_json::Error),
}

/// What to send, and how.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// Records per second over all producers; a closed loop without.
    pub(crate) rate: Option<f64>,
    pub(crate) arrivals: Arrivals,
    pub(crate) producers: u32,
    pub(crate) partitions: u32,
    pub(crate) windows: Windows,
    pub(crate) when_full: WhenFull,
    pub(crate) properties: Vec<(&'static str, &'static str)>,
    pub(crate) lease: Duration,
    pub(crate) skew: Skew,
    /// Whether each record is written down.
    pub(crate) tapped: bool,
}

impl Spec {
    /// One producer that sends each record by itself; half a second of warm-up.
    pub(crate) fn new(arrivals: Arrivals, rate: f64, measure: Duration) -> Self {
        Self {
            rate: Some(rate),
            arrivals,
            producers: 1,
            partitions: 1,
            windows: Windows {
                warm_up: Duration::from_millis(500),
                measure,
                drain: Duration::from_secs(5),
            },
            when_full: WhenFull::Hold,
            properties: vec![("linger.ms", "0"), ("acks", "all")],
            lease: LEASE,
            skew: Skew::default(),
            tapped: true,
        }
    }

    /// A closed loop.
    pub(crate) fn closed(measure: Duration) -> Self {
        Self {
            rate: None,
            tapped: false,
            ..Self::new(Arrivals::Uniform, 1.0, measure)
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, properties: &[(&'static str, &'static str)]) -> Self {
        self.properties.extend_from_slice(properties);
        self
    }

    /// Intended sends of the window, from t0.
    pub(crate) fn window(&self) -> Vec<i64> {
        let (t1, t2) = (self.windows.t1_ns(), self.windows.t2_ns());
        self.rate.map_or_else(Vec::new, |rate| {
            super::oracle::intended(self.arrivals, rate, SEED, self.producers, t1, t2)
        })
    }

    fn trial(&self) -> Result<Trial, Problem> {
        let rate = match self.rate {
            Some(rate) => {
                Rate::Paced(RecordRate::per_second(rate).ok_or(Problem::Impossible("there is no such rate"))?)
            }
            None => Rate::Saturate,
        };
        let mut trial = alone::trial(self.windows);
        for (name, value) in &self.properties {
            trial.properties.set(*name, Value::Text((*value).to_owned()));
        }
        trial.topic.partitions = self.partitions;
        trial.load = Load {
            rate,
            arrivals: self.arrivals,
            producers: self.producers,
            partitioner: Partitioner::Assigned,
            when_full: self.when_full,
            seed: SEED,
            ..trial.load
        };
        Ok(trial)
    }

    /// Makes the clients and starts their threads; t0 is a tenth of a second ahead.
    pub(crate) fn start(&self, bootstrap: &str) -> Result<Running, Problem> {
        let run = self.prepared(bootstrap)?;
        let t0 = run.clock().now_ns() + AHEAD;
        run.begin(t0)
    }

    /// Makes the clients and starts their threads, which wait.
    pub(crate) fn prepared(&self, bootstrap: &str) -> Result<Waiting, Problem> {
        let trial = self.trial()?;
        let name = AgentName::new("selftest").map_err(|_| Problem::Impossible("there is no such agent"))?;
        let producers: Vec<u32> = (0..self.producers).collect();
        let work = Work {
            agent: &name,
            trial: &trial,
            producers: &producers,
            bootstrap,
            properties: trial.properties.clone(),
            topics: &[TOPIC.to_owned()],
            cores: host::cores(),
        };
        let Prepared {
            workers, setup, primed, ..
        } = prepare(&work).map_err(|refusal| Problem::Prepare(refusal.reason))?;
        let seconds = self.windows.longest().as_secs_f64();
        let share = self.rate.unwrap_or_default() / f64::from(self.producers.max(1));
        let room = if self.tapped {
            (share * seconds * 1.1) as usize + 1000
        } else {
            0
        };
        let taps = Taps::default();
        let workers = workers.into_iter().map(|worker| Worker {
            index: worker.index,
            client_id: worker.client_id,
            topic: worker.topic,
            partitions: worker.partitions,
            producer: taps.producer(worker.producer, room),
            reports: taps.reports(worker.reports, room),
            control: worker.control,
        });
        let (tell, told) = sync_channel(64);
        let tell = move |event| {
            // Whoever listens does so to the end, or has given the load up.
            let _ = tell.send(event);
        };
        let clock = TappedClock(self.skew);
        let run = Run::start(workers.collect(), &setup, &clock, Cpu::default, tell);
        Ok(Waiting {
            run,
            told,
            taps,
            primed,
            clock,
            windows: self.windows,
            lease: self.lease,
        })
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, bootstrap: &str) -> Result<Ran, Problem> {
        self.start(bootstrap)?.finish(|_, _| {})
    }
}

/// A load whose threads wait for their t0.
#[derive(Debug)]
pub(crate) struct Waiting {
    run: Run<TappedClock>,
    told: Receiver<Event>,
    taps: Taps,
    primed: crate::primed::PrimedRecords,
    clock: TappedClock,
    windows: Windows,
    lease: Duration,
}

impl Waiting {
    /// The load's clock.
    pub(crate) fn clock(&self) -> TappedClock {
        self.clock
    }

    /// Announces t0, an instant of the load's own clock.
    pub(crate) fn begin(self, t0: i64) -> Result<Running, Problem> {
        if !(self.run.arm(1, t0, self.lease) && self.run.go(1)) {
            return Err(Problem::GivenUp("it came too late for its own start".to_owned()));
        }
        Ok(Running { load: self, t0 })
    }
}

/// A load that is on, or is about to be.
#[derive(Debug)]
pub(crate) struct Running {
    load: Waiting,
    t0: i64,
}

impl Running {
    /// t0 on the load's own clock.
    pub(crate) fn t0(&self) -> i64 {
        self.t0
    }

    /// t1 and t2 on the load's own clock.
    pub(crate) fn window(&self) -> (i64, i64) {
        let windows = self.load.windows;
        (self.t0 + windows.t1_ns(), self.t0 + windows.t2_ns())
    }

    /// Waits for its end; `each` sees every sample as it comes, with t0.
    pub(crate) fn finish(self, mut each: impl FnMut(&Sample, i64)) -> Result<Ran, Problem> {
        let Waiting {
            run,
            told,
            taps,
            primed,
            windows,
            ..
        } = self.load;
        let mut samples = Vec::new();
        let ended = loop {
            match told.recv_timeout(SILENT) {
                Ok(Event::Sample(sample)) => {
                    each(&sample, self.t0);
                    samples.push(*sample);
                }
                Ok(Event::WindowResolved) => run.end_load(),
                Ok(Event::Ended(ended)) => break ended,
                Ok(Event::NotStarted { .. }) => run.give_up("it came too late for its own start"),
                Ok(Event::Watched(_) | Event::Statistics { .. }) => {}
                Err(RecvTimeoutError::Timeout) => return Err(Problem::GivenUp("it says nothing".to_owned())),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Problem::GivenUp("its threads ended without a word".to_owned()));
                }
            }
        };
        // Its threads have told the taps once they are joined.
        drop(run);
        Ok(Ran {
            report: primed.within(ended.report),
            given_up: ended.given_up,
            samples,
            sent: taps.sent(),
            paces: taps.paces(),
            reported: taps.reported(),
            t0: self.t0,
            windows,
        })
    }
}

/// Waits for the ends of loads that go on side by side, each of which must not be given up; each is listened to on a thread
/// of its own, so that none goes on longer than it must.
pub(crate) fn finish_all(running: Vec<Running>) -> Result<Vec<Ran>, Problem> {
    std::thread::scope(|scope| {
        let finish = |load: Running| scope.spawn(move || load.finish(|_, _| {}).and_then(Ran::whole));
        let threads: Vec<_> = running.into_iter().map(finish).collect();
        let joined = threads.into_iter().map(|thread| {
            let died = |_| Err(Problem::GivenUp("its listener died".to_owned()));
            thread.join().unwrap_or_else(died)
        });
        joined.collect()
    })
}

/// A load that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What the agent would report, primed records among the partitions' counts.
    pub(crate) report: AgentReport,
    pub(crate) given_up: Option<String>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) sent: Vec<Sent>,
    /// Of the window's sends, one of each producer.
    pub(crate) paces: Vec<Pace>,
    pub(crate) reported: Vec<Reported>,
    /// On its own clock.
    pub(crate) t0: i64,
    pub(crate) windows: Windows,
}

impl Ran {
    /// The load was not given up.
    pub(crate) fn whole(self) -> Result<Self, Problem> {
        match self.given_up {
            None => Ok(self),
            Some(reason) => Err(Problem::GivenUp(reason)),
        }
    }

    /// What was recorded of the window; empty where nothing was.
    pub(crate) fn measured(&self) -> Tally {
        self.report.tallies.get(Part::Window).cloned().unwrap_or_default()
    }

    /// What was written down of the window's acknowledged records.
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = &Reported> {
        let of_window = |told: &&Reported| told.part == Part::Window && told.acknowledged;
        self.reported.iter().filter(of_window)
    }

    /// Real sends of the window, by the instant at which they were intended.
    pub(crate) fn window_sends(&self) -> Vec<Sent> {
        let part = |sent: &&Sent| self.windows.part(sent.intended_ns) == Part::Window;
        let mut sends: Vec<Sent> = self.sent.iter().filter(part).copied().collect();
        sends.sort_unstable_by_key(|sent| sent.intended_ns);
        sends
    }
}

/// A stub with the topic of the loads.
pub(crate) fn stub(partitions: u32, script: Script) -> Result<Stub, Problem> {
    Ok(Stub::start(&[Topic::new(TOPIC, partitions)], script)?)
}

/// Whole seconds and milliseconds.
pub(crate) const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// As an offset.
pub(crate) fn nanos(duration: Duration) -> i64 {
    nanoseconds(duration)
}
