//! Calibrating the agents for a plan's cells: each host does one thing at a time, hosts do theirs side by side.

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tribunal_model::consumers::Role;
use tribunal_model::design::Purpose;
use tribunal_model::ids::{AgentName, TrialId};
use tribunal_model::matrix::{Cell, Matrix};
use tribunal_model::plan::Plan;
use tribunal_model::trial::Trial;
use tribunal_proto::control::{CalibrationRow, CalibrationStep, Ending, Progress};
use tribunal_report::format::plural;
use tribunal_stats::facts::Calibration;

use crate::calibration::{Wanted, wanted};
use crate::clock::wall;
use crate::experiment::agents::Muster;
use crate::experiment::halt::Halt;
use crate::fleet::{CalibrationOutcome, Connected, Fleet};
use crate::progress::Watchers;
use crate::store::Store;

/// About how long one agent takes for one signature, for people who wait.
const EACH_SECONDS: usize = 12;

/// A calibration of the agents that a plan wants, for all its cells.
#[derive(Debug)]
pub(crate) struct Calibrating {
    pub(crate) plan: Plan,
    pub(crate) matrix: Matrix,
    pub(crate) fleet: Fleet,
    pub(crate) store: Store,
    /// Cancelled by the coordinator's shutdown.
    pub(crate) shutdown: CancellationToken,
}

/// One agent's share of a signature, measured; or why it was not.
#[derive(Debug)]
struct Measured {
    host: String,
    wanted: Wanted,
    outcome: CalibrationOutcome,
}

impl Calibrating {
    /// Runs to its end, or until nobody wants to know any more; what was measured by then is kept.
    pub(crate) async fn run(self, tell: mpsc::Sender<CalibrationStep>) {
        let last = match self.measure(&tell).await {
            Ok(()) => CalibrationStep::Done,
            Err(Halt { ending, reason }) => CalibrationStep::Failed { ending, reason },
        };
        // Nobody may want to know.
        let _ = tell.send(last).await;
    }

    async fn measure(&self, tell: &mpsc::Sender<CalibrationStep>) -> Result<(), Halt> {
        let watchers = Watchers::new();
        let muster = Muster {
            plan: &self.plan,
            fleet: &self.fleet,
            watchers: &watchers,
            cancel: &self.shutdown,
        };
        let agents = {
            let (_, mut notes) = watchers.watch();
            let agents = muster.agents();
            tokio::pin!(agents);
            loop {
                tokio::select! {
                    agents = &mut agents => break agents?,
                    Ok(Progress::Note { text }) = notes.recv() => { let _ = tell.send(CalibrationStep::Note(text)).await; }
                    () = tell.closed() => return Err(gone()),
                }
            }
        };
        let connected = self.fleet.agents();
        // What an agent that is for consumers only would manage, nobody asks for.
        let produces = |name: &AgentName| {
            connected
                .get(name)
                .is_none_or(|agent| agent.hello.role != Role::Consumer)
        };
        let agents: Vec<AgentName> = agents.into_iter().filter(produces).collect();
        let work = wanted(&self.plan, &self.cells(), &agents);
        let mut hosts: BTreeMap<String, VecDeque<Wanted>> = BTreeMap::new();
        for wanted in work {
            let host = connected
                .get(&wanted.agent)
                .map(|agent| agent.hello.host.boot_id.clone());
            hosts.entry(host.unwrap_or_default()).or_default().push_back(wanted);
        }
        let longest = hosts.values().map(VecDeque::len).max().unwrap_or(0);
        let note = format!(
            "{} on {}: about {} s",
            plural(hosts.values().map(VecDeque::len).sum::<usize>() as u64, "calibration"),
            plural(hosts.len() as u64, "host"),
            longest * EACH_SECONDS
        );
        let _ = tell.send(CalibrationStep::Note(note)).await;
        let mut running = JoinSet::new();
        for (host, left) in &mut hosts {
            self.begin(host, left, &mut running);
        }
        let mut failed = None;
        while let Some(joined) = running.join_next().await {
            let Measured { host, wanted, outcome } =
                joined.map_err(|error| Halt::new(Ending::Defect, error.to_string()))?;
            match outcome {
                Ok(calibration) => self.keep(&wanted, &connected, calibration, tell).await?,
                Err(reason) => {
                    let reason = format!("{} cannot be calibrated: {reason}", wanted.agent);
                    failed.get_or_insert(Halt::new(Ending::AgentsLost, reason));
                }
            }
            if failed.is_none() && !tell.is_closed() && !self.shutdown.is_cancelled() {
                let left = hosts.get_mut(&host).into_iter();
                left.for_each(|left| self.begin(&host, left, &mut running));
            }
        }
        match failed {
            Some(halt) => Err(halt),
            None if tell.is_closed() || self.shutdown.is_cancelled() => Err(gone()),
            None => Ok(()),
        }
    }

    /// Begins a host's next one: side by side on one host they would measure each other.
    fn begin(&self, host: &str, left: &mut VecDeque<Wanted>, running: &mut JoinSet<Measured>) {
        let Some(wanted) = left.pop_front() else { return };
        let answer = self
            .fleet
            .calibrate(&wanted.agent, wanted.trial.clone(), wanted.producers.clone());
        let host = host.to_owned();
        running.spawn(async move {
            let outcome = answer.await.unwrap_or_else(|_| Err("it was lost".to_owned()));
            Measured { host, wanted, outcome }
        });
    }

    /// A trial of each cell; number and rate do not matter.
    fn cells(&self) -> Vec<Trial> {
        let trial = |cell: &Cell| cell.at(TrialId(1), 0, Purpose::Cell, cell.load.rate);
        self.matrix.cells.iter().map(trial).collect()
    }

    async fn keep(
        &self,
        wanted: &Wanted,
        connected: &BTreeMap<AgentName, Connected>,
        mut calibration: Calibration,
        tell: &mpsc::Sender<CalibrationStep>,
    ) -> Result<(), Halt> {
        let Some(agent) = connected.get(&wanted.agent) else {
            return Ok(());
        };
        if wanted.secured {
            calibration.sink += ", without the plan's security";
        }
        let mut kept = self.store.calibrations()?;
        kept.keep(wanted, agent, calibration.clone(), wall());
        self.store.keep_calibrations(&kept)?;
        let row = CalibrationRow {
            agent: wanted.agent.clone(),
            signature: wanted.signature.clone(),
            calibration,
        };
        let _ = tell.send(CalibrationStep::Row(row)).await;
        Ok(())
    }
}

fn gone() -> Halt {
    Halt::new(Ending::Cancelled, "nobody waits for it any more")
}
