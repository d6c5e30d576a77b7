//! The agents of an experiment: waiting for them, and whether they may be mixed.

use std::collections::BTreeMap;

use tokio::time::{Instant, timeout_at};
use tribunal_model::ids::AgentName;
use tribunal_model::plan::{Bootstrap, Wanted};
use tribunal_proto::control::Ending;
use tribunal_report::format;

use tokio_util::sync::CancellationToken;
use tribunal_model::plan::Plan;

use super::halt::Halt;
use crate::fleet::Fleet;
use crate::progress::Watchers;

/// Gathers the agents that a plan wants.
#[derive(Debug)]
pub(crate) struct Muster<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    pub(crate) watchers: &'a Watchers,
    /// Ends the wait.
    pub(crate) cancel: &'a CancellationToken,
}

impl Muster<'_> {
    /// The agents that take part, in name order; waits for them as long as the plan says.
    pub(crate) async fn agents(&self) -> Result<Vec<AgentName>, Halt> {
        let wanted = &self.plan.agents.wanted;
        let chosen = |connected: Vec<AgentName>| match wanted {
            Wanted::Count(count) => (connected.len() >= *count as usize)
                .then(|| connected.into_iter().take(*count as usize).collect::<Vec<_>>()),
            Wanted::Named(names) => names.iter().all(|name| connected.binary_search(name).is_ok()).then(|| {
                let mut names = names.clone();
                names.sort();
                names
            }),
            Wanted::Connected => (!connected.is_empty()).then_some(connected),
        };
        let words = match wanted {
            Wanted::Count(count) => format!("{count} agents"),
            Wanted::Named(names) => listed(names),
            Wanted::Connected => "an agent".to_owned(),
        };
        let agents = self.wait_for(chosen, &words).await?;
        self.same_builds(&agents)?;
        Ok(agents)
    }

    /// Waits until all agents of the experiment are connected again.
    pub(crate) async fn back_again(&self, agents: &[AgentName]) -> Result<(), Halt> {
        let all = |connected: Vec<AgentName>| {
            let there = |agent| connected.binary_search(agent).is_ok();
            agents.iter().all(there).then_some(())
        };
        self.wait_for(all, &listed(agents)).await?;
        self.same_builds(agents)
    }

    async fn wait_for<T>(&self, enough: impl Fn(Vec<AgentName>) -> Option<T>, words: &str) -> Result<T, Halt> {
        let until = Instant::now() + self.plan.agents.wait;
        let mut joins = self.fleet.joins();
        let mut said = false;
        loop {
            joins.mark_unchanged();
            let connected = self.fleet.names();
            let names = listed(&connected);
            if let Some(found) = enough(connected) {
                return Ok(found);
            }
            if !std::mem::replace(&mut said, true) {
                self.watchers.note(format!("waiting for {words}; connected: {names}"));
            }
            tokio::select! {
                () = self.cancel.cancelled() => return Err(Halt::new(Ending::Cancelled, "cancelled")),
                changed = timeout_at(until, joins.changed()) => if changed.is_err() {
                    let waited = self.plan.agents.wait;
                    let reason = format!("waited {waited:?} for {words}; connected: {names}");
                    return Err(Halt::new(Ending::AgentsLost, reason));
                }
            }
        }
    }

    /// Agents whose builds differ in anything that makes a number are not mixed; a mock is not for other hosts.
    fn same_builds(&self, agents: &[AgentName]) -> Result<(), Halt> {
        let connected = self.fleet.agents();
        let taking: BTreeMap<_, _> = agents.iter().filter_map(|name| connected.get_key_value(name)).collect();
        let mut builds = taking.iter().map(|(name, agent)| (name, &agent.hello.build));
        if let Some((first, build)) = builds.next() {
            if let Some((other, theirs)) = builds.find(|(_, theirs)| !build.measures_like(theirs)) {
                let reason = format!(
                    "agents {first} and {other} are of different builds ({build}; {theirs}); install the same on both"
                );
                return Err(Halt::new(Ending::Refused, reason));
            }
            if build.version != env!("CARGO_PKG_VERSION") {
                let (theirs, ours) = (&build.version, env!("CARGO_PKG_VERSION"));
                let reason =
                    format!("agent {first} is tribunal {theirs}, the coordinator {ours}; install the same on both");
                return Err(Halt::new(Ending::Refused, reason));
            }
        }
        let clusters = self.plan.clusters.iter().map(|(_, cluster)| cluster);
        let mut clusters = clusters.chain([&self.plan.cluster]);
        if clusters.any(|cluster| matches!(cluster.bootstrap, Bootstrap::Mock { .. })) {
            let ours = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
            if let Some((name, _)) = taking.iter().find(|(_, agent)| agent.hello.host.boot_id != ours.trim()) {
                let reason = format!("agent {name} is on another host, where the coordinator's mock cannot be reached");
                return Err(Halt::new(Ending::Refused, reason));
            }
        }
        Ok(())
    }
}

/// Names for people; of many the first ones, and how many there are.
fn listed(names: &[AgentName]) -> String {
    const SHOWN: usize = 20;
    let names: Vec<&str> = names.iter().map(AgentName::as_str).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > SHOWN => format::first(&names, SHOWN),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_about_a_thousand_agents_names_the_first_ones() {
        let names =
            |count| -> Vec<AgentName> { (0..count).map(|n| AgentName::new(&format!("a{n}")).unwrap()).collect() };
        assert_eq!(listed(&names(0)), "none");
        assert_eq!(listed(&names(2)), "a0, a1");
        assert!(listed(&names(20)).ends_with("a18, a19"));
        assert!(listed(&names(1000)).ends_with("a18, a19 and 980 more"));
    }
}
