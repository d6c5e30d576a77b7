//! What really was, on the one clock that all hosts of a lab have beneath their own.

use tribunal_report::result::{AgentFacts, TrialResult};
use tribunal_testkit::lab::Lab;

/// How an agent started, on the machine's monotonic clock, beside what it told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) host: u16,
    /// First accepted send − its intended send − t0, in nanoseconds, all on the machine's clock.
    pub(crate) truly_ns: i64,
    /// The start skew that the report tells.
    pub(crate) told_ns: i64,
    /// The bound of the agent's clock at the start.
    pub(crate) bound_ns: i64,
    /// Where its first record was intended, on the machine's clock.
    pub(crate) intended_ns: i64,
}

/// The starts of a trial's agents, hosts of a lab that are named as such; the coordinator is on host `coordinator`. Fails
/// when a stated bound does not hold the truth.
#[track_caller]
pub(crate) fn starts(result: &TrialResult, coordinator: u16) -> Vec<Start> {
    let agents = result.agents.iter();
    let starts: Vec<Start> = agents.map(|agent| start(agent, coordinator)).collect();
    let announced: Vec<i64> = result.agents.iter().map(announced).collect();
    assert!(
        announced.iter().all(|t0| *t0 == announced[0]),
        "{}: one instant is announced to all: {announced:?}",
        result.trial
    );
    for start in &starts {
        assert!(start.truly_ns.abs() <= start.told_ns, "{}: {start:?}", result.trial);
    }
    for (one, other) in starts.iter().zip(starts.iter().skip(1)) {
        let apart = (one.truly_ns - other.truly_ns).abs();
        assert!(
            apart <= one.told_ns + other.told_ns,
            "{}: {one:?} {other:?}",
            result.trial
        );
    }
    starts
}

/// t0 on the coordinator's clock, as the agent converted it.
fn announced(agent: &AgentFacts) -> i64 {
    agent.run.start_ns + agent.run.clock.offset_ns
}

#[track_caller]
fn start(agent: &AgentFacts, coordinator: u16) -> Start {
    let name = agent.name.as_str();
    let host = name
        .strip_prefix('h')
        .and_then(|number| number.parse().ok())
        .expect("a host's name");
    let run = &agent.run;
    let offset_ns = Lab::shift_ns(coordinator) - Lab::shift_ns(host);
    for clock in [run.clock, run.clock_after] {
        let error = (clock.offset_ns - offset_ns).abs();
        assert!(error <= clock.bound_ns, "{name}: off by {error} ns: {clock:?}");
    }
    let first = run.first_send.expect("something was sent");
    let t0 = announced(agent) - Lab::shift_ns(coordinator);
    let intended_ns = run.start_ns + first.intended_ns - Lab::shift_ns(host);
    Start {
        host,
        truly_ns: intended_ns - first.intended_ns + first.lag_ns() - t0,
        told_ns: run.start_skew_ns(),
        bound_ns: run.clock.bound_ns.max(run.clock_after.bound_ns),
        intended_ns: t0 + first.intended_ns,
    }
}
