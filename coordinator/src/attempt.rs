//! One attempt at one trial, as the coordinator sees it: the barrier, the lease, and how it ends.
//!
//! The machine is pure: events and the present instant in, effects out. The shell around it (in `trial`) owns the
//! sessions and performs the effects.

use std::collections::BTreeMap;
use std::time::Duration;

use tribunal_model::ids::AgentName;
use tribunal_model::trial::{Windows, nanoseconds};
use tribunal_proto::session::{Epoch, RefusalKind};

/// How far ahead t1 is announced at least, five times the longest round trip apart.
const ANNOUNCEMENT: Duration = Duration::from_millis(500);
const SECOND: i64 = 1_000_000_000;

/// A trial's parts with t1 at the latest.
pub(crate) fn latest(windows: Windows, settle: Duration) -> Windows {
    Windows {
        warm_up: windows.warm_up + settle,
        ..windows
    }
}

/// Time limits of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// How long agents may take to make and prime their clients.
    pub prepare: Duration,
    /// How long a load may go on without a renewal.
    pub lease: Duration,
    /// How often leases are renewed.
    pub renew: Duration,
    /// The least margin between arming and start; five times the longest round trip is added.
    pub margin: Duration,
    /// How often an attempt is armed before it is void.
    pub armings: u32,
    /// How long agents may take to stop after an abort.
    pub stop: Duration,
    /// How long the final reports may take after everything else.
    pub report: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            prepare: Duration::from_secs(60),
            lease: Duration::from_secs(3),
            renew: Duration::from_secs(1),
            margin: Duration::from_millis(250),
            armings: 5,
            stop: Duration::from_secs(15),
            report: Duration::from_secs(25),
        }
    }
}

/// What happened, as far as the attempt is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// An agent is prepared; its least round trip.
    Ready(AgentName, Duration),
    /// An agent cannot prepare.
    Refused(AgentName, RefusalKind, String),
    /// An agent is armed.
    Armed(AgentName, Epoch),
    /// The announced instant passed on an agent without *go*.
    NotStarted(AgentName, Epoch),
    /// The load has become steady, as far as the samples so far show.
    Steady,
    /// An agent has taken the announced beginning of the window, or it came too late there.
    WindowOpens(AgentName, bool),
    /// An agent's records of the window are resolved.
    WindowResolved(AgentName),
    /// An agent's final report is in.
    Reported(AgentName),
    /// An agent gave the attempt up; its clients are closed.
    Stopped(AgentName, String),
    /// An agent's session ended.
    Lost(AgentName),
    /// What goes on beside the producers cannot go on, for this reason.
    Spoiled(String),
    /// The user cancelled, or the coordinator is shutting down.
    Cancel,
    /// Nothing but time has passed.
    Tick,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Tell an agent.
    Order(AgentName, Order),
    /// All agents are ready.
    AllReady,
    /// *go* was sent; t0 is this instant.
    Began(i64),
    /// The window begins earlier than at the latest: the trial's parts from now on.
    Announced(Windows),
    /// Every record of the window is resolved.
    WindowResolved,
    /// The attempt is over; no agent holds a client of it any more, as far as is known.
    Over(Ending),
}

/// What an agent is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Start at this instant if *go* arrives before it.
    Arm(Epoch, i64),
    /// Forget the announced instant.
    Disarm(Epoch),
    /// Everybody is armed.
    Go(Epoch),
    /// The lease runs anew.
    Renew,
    /// The window opens at this instant, in nanoseconds from t0.
    OpenWindow(i64),
    /// End the cool-down.
    EndLoad,
    /// Give up.
    Abort(String),
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All reports are in.
    Complete,
    /// It does not count, for this reason; it may be tried again.
    Void(String),
    /// An agent cannot prepare it, and trying again would not help.
    Refused(RefusalKind, String),
    /// Cancelled.
    Cancelled,
}

/// ```text
/// Preparing ──all ready──▶ Arming ──all armed, go──▶ Running ──all reported──▶ Over(Complete)
///     │                     │  ▲                        │
///     │                     └──┘ too late: disarm, arm again with twice the margin
///     └──── refused, lost, cancelled, late ─────────────┴──▶ Stopping ──all closed──▶ Over(…)
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Preparing { deadline: i64 },
    Arming { start: i64 },
    Running { start: i64, renew: i64, resolved: bool },
    Stopping { ending: Ending, deadline: i64 },
    Over,
}

/// How far an agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Preparing,
    Ready,
    Armed(Epoch),
    Resolved,
    /// Its clients are closed: it has reported, refused, stopped or is gone.
    Closed,
}

/// Owner of an attempt's state.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    agents: BTreeMap<AgentName, Stand>,
    phase: Phase,
    epoch: Epoch,
    longest_round_trip: Duration,
    /// With t1 at the latest until it has been announced.
    windows: Windows,
    /// The earliest t1, where it may still be announced.
    earliest: Option<Duration>,
    timing: Timing,
}

impl Attempt {
    /// An attempt whose agents have just been told to prepare. With a `settle` above zero t1 may come that much later
    /// than the warm-up's end: at the latest then, or when [`Event::Steady`] says so.
    pub(crate) fn new(
        agents: impl IntoIterator<Item = AgentName>,
        windows: Windows,
        settle: Duration,
        timing: Timing,
        now: i64,
    ) -> Self {
        let earliest = (!settle.is_zero()).then_some(windows.warm_up);
        let windows = latest(windows, settle);
        Self {
            agents: agents.into_iter().map(|name| (name, Stand::Preparing)).collect(),
            phase: Phase::Preparing {
                deadline: now + nanoseconds(timing.prepare),
            },
            epoch: Epoch(0),
            longest_round_trip: Duration::ZERO,
            windows,
            earliest,
            timing,
        }
    }

    /// The next instant at which [`Event::Tick`] is wanted.
    pub(crate) fn deadline(&self) -> i64 {
        match self.phase {
            Phase::Preparing { deadline } | Phase::Stopping { deadline, .. } => deadline,
            Phase::Arming { start } => start - self.guard(),
            Phase::Running { start, renew, .. } => renew.min(self.last_instant(start)),
            Phase::Over => i64::MAX,
        }
    }

    /// Takes one event.
    pub(crate) fn step(&mut self, event: Event, now: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Ready(agent, round_trip) => {
                if self.advance(&agent, Stand::Preparing, Stand::Ready) {
                    self.longest_round_trip = self.longest_round_trip.max(round_trip);
                    if matches!(self.phase, Phase::Preparing { .. }) && self.all(|stand| stand == Stand::Ready) {
                        effects.push(Effect::AllReady);
                        self.arm(now, &mut effects);
                    }
                }
            }
            Event::Refused(agent, kind, reason) => {
                self.close(&agent);
                self.stop(
                    Ending::Refused(kind, format!("agent {agent}: {reason}")),
                    now,
                    &mut effects,
                );
            }
            Event::Armed(agent, epoch) => {
                if epoch == self.epoch && self.advance(&agent, Stand::Ready, Stand::Armed(epoch)) {
                    self.try_go(now, &mut effects);
                }
            }
            Event::NotStarted(agent, epoch) => {
                // Before *go* this only says that a disarm came late; after it, some have started and some have not.
                if epoch == self.epoch && matches!(self.phase, Phase::Running { .. }) {
                    let reason = format!("go reached agent {agent} too late for its start");
                    self.stop(Ending::Void(reason), now, &mut effects);
                }
            }
            Event::Steady => self.announce(now, &mut effects),
            Event::WindowOpens(agent, accepted) => {
                // Some would measure from then on and this one later: nothing could be merged.
                if !accepted {
                    let reason = format!("the announced window reached agent {agent} too late");
                    self.stop(Ending::Void(reason), now, &mut effects);
                }
            }
            Event::WindowResolved(agent) => {
                if self.advance(&agent, Stand::Armed(self.epoch), Stand::Resolved) {
                    self.try_end_load(&mut effects);
                }
            }
            Event::Reported(agent) => {
                self.close(&agent);
                if let Phase::Running { .. } = self.phase {
                    // An agent reports at the drain deadline whether or not its window was resolved.
                    self.try_end_load(&mut effects);
                    if self.all(|stand| stand == Stand::Closed) {
                        self.phase = Phase::Over;
                        effects.push(Effect::Over(Ending::Complete));
                    }
                }
            }
            Event::Stopped(agent, reason) => {
                self.close(&agent);
                self.stop(
                    Ending::Void(format!("agent {agent} gave up: {reason}")),
                    now,
                    &mut effects,
                );
            }
            Event::Lost(agent) => {
                let closed = self.agents.get(&agent) == Some(&Stand::Closed);
                self.close(&agent);
                // One that had already reported is no loss for this attempt.
                if !closed {
                    self.stop(Ending::Void(format!("agent {agent} was lost")), now, &mut effects);
                }
            }
            Event::Spoiled(reason) => self.stop(Ending::Void(reason), now, &mut effects),
            Event::Cancel => self.stop(Ending::Cancelled, now, &mut effects),
            Event::Tick => self.tick(now, &mut effects),
        }
        if let Phase::Stopping { ending, .. } = &self.phase
            && self.all(|stand| stand == Stand::Closed)
        {
            effects.push(Effect::Over(ending.clone()));
            self.phase = Phase::Over;
        }
        effects
    }

    fn tick(&mut self, now: i64, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Preparing { deadline } if now >= deadline => {
                let reason = format!(
                    "not ready within {:?}: {}",
                    self.timing.prepare,
                    self.names(Stand::Preparing)
                );
                self.stop(Ending::Void(reason), now, effects);
            }
            Phase::Arming { start } if now >= start - self.guard() => {
                let epoch = self.epoch;
                let late = self.names(Stand::Ready);
                self.order_all(&Order::Disarm(epoch), effects);
                for stand in self.agents.values_mut() {
                    if let Stand::Armed(_) = stand {
                        *stand = Stand::Ready;
                    }
                }
                if epoch.0 >= self.timing.armings {
                    let reason = format!("not armed in time, {} tries: {late}", epoch.0);
                    self.stop(Ending::Void(reason), now, effects);
                } else {
                    self.arm(now, effects);
                }
            }
            Phase::Running { start, renew, resolved } => {
                if now >= self.last_instant(start) {
                    let late: Vec<_> = self.open().map(ToString::to_string).collect();
                    let reason = format!("no final report in time from {}", late.join(", "));
                    self.stop(Ending::Void(reason), now, effects);
                } else if now >= renew {
                    self.order_all(&Order::Renew, effects);
                    self.phase = Phase::Running {
                        start,
                        renew: now + nanoseconds(self.timing.renew),
                        resolved,
                    };
                }
            }
            Phase::Stopping { deadline, .. } if now >= deadline => {
                // Their leases end by themselves.
                for stand in self.agents.values_mut() {
                    *stand = Stand::Closed;
                }
            }
            _ => {}
        }
    }

    /// An instant of a margin ahead, twice as far with each arming.
    fn arm(&mut self, now: i64, effects: &mut Vec<Effect>) {
        let margin = nanoseconds(5 * self.longest_round_trip + self.timing.margin) << self.epoch.0.min(16);
        self.epoch = Epoch(self.epoch.0 + 1);
        let start = now + margin;
        self.phase = Phase::Arming { start };
        self.order_all(&Order::Arm(self.epoch, start), effects);
    }

    fn try_go(&mut self, now: i64, effects: &mut Vec<Effect>) {
        if let Phase::Arming { start } = self.phase
            && now < start - self.guard()
            && self.all(|stand| stand == Stand::Armed(self.epoch))
        {
            self.phase = Phase::Running {
                start,
                renew: now + nanoseconds(self.timing.renew),
                resolved: false,
            };
            self.order_all(&Order::Go(self.epoch), effects);
            effects.push(Effect::Began(start));
        }
    }

    /// Announces t1: the first whole second from t0 that all agents hear of in time.
    fn announce(&mut self, now: i64, effects: &mut Vec<Effect>) {
        let Phase::Running { start, .. } = self.phase else {
            return;
        };
        let Some(earliest) = self.earliest else {
            return;
        };
        let margin = nanoseconds(5 * self.longest_round_trip + ANNOUNCEMENT);
        let soonest = (now + margin - start).max(nanoseconds(earliest));
        let t1 = (soonest + SECOND - 1) / SECOND * SECOND;
        if t1 >= self.windows.t1_ns() {
            return;
        }
        self.earliest = None;
        self.windows.warm_up = Duration::from_nanos(t1 as u64);
        self.order_all(&Order::OpenWindow(t1), effects);
        effects.push(Effect::Announced(self.windows));
    }

    fn try_end_load(&mut self, effects: &mut Vec<Effect>) {
        if let Phase::Running { resolved, .. } = &mut self.phase
            && !*resolved
            && self
                .agents
                .values()
                .all(|stand| matches!(stand, Stand::Resolved | Stand::Closed))
        {
            *resolved = true;
            effects.push(Effect::WindowResolved);
            self.order_all(&Order::EndLoad, effects);
        }
    }

    /// The time that *go* needs to reach everybody: one round trip, at least a fifth of the least margin.
    fn guard(&self) -> i64 {
        nanoseconds(self.longest_round_trip.max(self.timing.margin / 5))
    }

    fn last_instant(&self, start: i64) -> i64 {
        start + nanoseconds(self.windows.longest() + self.timing.report)
    }

    /// The first reason to stop is the one that counts, except that a cancellation beats a void.
    fn stop(&mut self, ending: Ending, now: i64, effects: &mut Vec<Effect>) {
        match &mut self.phase {
            Phase::Over => {}
            Phase::Stopping { ending: first, .. } => {
                if ending == Ending::Cancelled {
                    *first = ending;
                }
            }
            phase => {
                let reason = match &ending {
                    Ending::Void(reason) | Ending::Refused(_, reason) => reason.clone(),
                    Ending::Cancelled => "cancelled".to_owned(),
                    Ending::Complete => String::new(),
                };
                *phase = Phase::Stopping {
                    ending,
                    deadline: now + nanoseconds(self.timing.stop),
                };
                self.order_all(&Order::Abort(reason), effects);
            }
        }
    }

    fn order_all(&self, order: &Order, effects: &mut Vec<Effect>) {
        effects.extend(self.open().map(|agent| Effect::Order(agent.clone(), order.clone())));
    }

    fn open(&self) -> impl Iterator<Item = &AgentName> {
        self.agents
            .iter()
            .filter(|(_, stand)| **stand != Stand::Closed)
            .map(|(agent, _)| agent)
    }

    fn all(&self, is: impl Fn(Stand) -> bool) -> bool {
        self.agents.values().all(|stand| is(*stand))
    }

    fn advance(&mut self, agent: &AgentName, from: Stand, to: Stand) -> bool {
        match self.agents.get_mut(agent) {
            Some(stand) if *stand == from => {
                *stand = to;
                true
            }
            _ => false,
        }
    }

    fn close(&mut self, agent: &AgentName) {
        if let Some(stand) = self.agents.get_mut(agent) {
            *stand = Stand::Closed;
        }
    }

    fn names(&self, at: Stand) -> String {
        let names: Vec<_> = self
            .agents
            .iter()
            .filter(|(_, stand)| **stand == at)
            .map(|(agent, _)| agent.to_string())
            .collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    }
}

#[cfg(test)]
mod tests;
