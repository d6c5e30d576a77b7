//! The one attempt that an agent may hold.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::Span;
use tribunal_engine::event::Event;
use tribunal_proto::session::{AttemptId, Epoch, Prepare};
use tribunal_stats::AgentReport;
use tribunal_stats::facts::{Calibration, ClockFacts, ProducerFacts};
use tribunal_telemetry::logs;

use crate::consuming::MemberWord;
use crate::host::{self, Edges, Host};
use crate::load::{self, Load, Prepared};
use crate::prepare::{Refusal, Work};
use crate::primed::PrimedRecords;
use crate::{Options, calibrate};

/// What threads of the agent tell the session.
#[derive(Debug)]
pub(crate) enum Told {
    /// Preparing has ended.
    Prepared(AttemptId, Box<Result<Prepared, Refusal>>),
    /// The load says something.
    Run(AttemptId, Event),
    /// A group member says something.
    Consumer(AttemptId, MemberWord),
    /// A calibration has ended.
    Calibrated(u64, Result<Calibration, calibrate::Error>),
}

/// Owner of an attempt from *prepare* to the final report.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: AttemptId,
    /// Every event of the attempt is in it.
    pub(crate) span: Span,
    pub(crate) stage: Stage,
    /// Clock measured once it was prepared.
    pub(crate) clock: Option<ClockFacts>,
}

/// How far a held attempt is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// Clients are being made; given up meanwhile, for this reason.
    Preparing { given_up: Option<String> },
    /// Clients are made; *ready* waits for the clock.
    Prepared { prepared: Box<Prepared> },
    /// The threads wait at the gate or run.
    Running {
        run: Load,
        primed: PrimedRecords,
        host: Arc<Host>,
        edges: Arc<Mutex<Edges>>,
    },
    /// The threads have ended; the report waits for the clock.
    Ended { report: Box<AgentReport> },
}

impl Held {
    /// Begins to prepare.
    pub(crate) fn prepare(options: &Options, order: Prepare, tell: mpsc::Sender<Told>) -> Self {
        let id = order.attempt;
        let span = logs::experiment(id.experiment).in_scope(|| logs::trial(id.trial, id.attempt));
        span.in_scope(|| tracing::info!(producers = order.producers.len(), "preparing"));
        let (agent, drivers, within) = (options.name.clone(), options.drivers.clone(), span.clone());
        let body = move || {
            let work = Work {
                agent: &agent,
                trial: &order.trial,
                producers: &order.producers,
                bootstrap: &order.bootstrap,
                properties: order.cluster_properties.overlaid(&order.trial.properties),
                topics: &order.topics,
                // Each agent of a host decides for itself whether its senders may spin: each reckons with its share.
                cores: host::cores() / order.agents_on_host.max(1),
            };
            let prepared = within.in_scope(|| load::prepare(&work, &drivers));
            // The session outlives its attempts' threads; without it nobody wants to know.
            let _ = tell.blocking_send(Told::Prepared(id, Box::new(prepared)));
        };
        std::thread::Builder::new()
            .name("prepare".into())
            .spawn(body)
            .expect("invariant: an agent that can hold a session can start a thread");
        Self {
            id,
            span,
            stage: Stage::Preparing { given_up: None },
            clock: None,
        }
    }

    /// Starts the threads of a prepared attempt; the producers' facts are what *ready* tells.
    /// `apart` are librdkafka's threads that belong to none of them.
    pub(crate) fn start(&mut self, tell: mpsc::Sender<Told>, apart: HashSet<i32>) -> Option<Vec<ProducerFacts>> {
        let stage = std::mem::replace(&mut self.stage, Stage::Preparing { given_up: None });
        let Stage::Prepared { prepared } = stage else {
            self.stage = stage;
            return None;
        };
        let Prepared { clients, facts, primed } = *prepared;
        let id = self.id;
        let (host, edges) = (Arc::new(Host::new()), Arc::new(Mutex::new(Edges::default())));
        let (the_host, its_edges) = (host.clone(), edges.clone());
        let tell = move |mut event| {
            match &mut event {
                Event::Sample(sample) => lock(&its_edges).note(sample.end_ns, the_host.read()),
                Event::Ended(ended) => lock(&its_edges).tell(&ended.windows, &mut ended.report.facts.instruments),
                Event::NotStarted { .. } | Event::WindowResolved | Event::Watched(_) | Event::Statistics { .. } => {}
            }
            let _ = tell.blocking_send(Told::Run(id, event));
        };
        let run = self.span.in_scope(|| clients.start(apart, tell));
        self.stage = Stage::Running {
            run,
            primed,
            host,
            edges,
        };
        Some(facts)
    }

    /// Announces an instant of the coordinator's clock. Whether it was accepted.
    pub(crate) fn arm(&self, epoch: Epoch, start_ns: i64, lease: Duration) -> bool {
        match (&self.stage, self.clock) {
            (Stage::Running { run, .. }, Some(clock)) => run.arm(epoch.0, start_ns - clock.offset_ns, lease),
            _ => false,
        }
    }

    /// Everybody is armed.
    pub(crate) fn go(&self, epoch: Epoch) {
        if let Stage::Running { run, host, edges, .. } = &self.stage {
            let reading = host.read();
            // Too late: the gate says so itself.
            if run.go(epoch.0) {
                lock(edges).note(0, reading);
            }
        }
    }

    /// The run, while there is one.
    pub(crate) fn run(&self) -> Option<&Load> {
        match &self.stage {
            Stage::Running { run, .. } => Some(run),
            _ => None,
        }
    }

    /// Gives the attempt up, whatever its stage.
    pub(crate) fn give_up(&mut self, reason: &str) {
        match &mut self.stage {
            Stage::Preparing { given_up } => {
                given_up.get_or_insert_with(|| reason.to_owned());
            }
            Stage::Running { run, .. } => run.give_up(reason),
            Stage::Prepared { .. } | Stage::Ended { .. } => {}
        }
    }
}

fn lock(edges: &Mutex<Edges>) -> MutexGuard<'_, Edges> {
    edges.lock().unwrap_or_else(PoisonError::into_inner)
}
