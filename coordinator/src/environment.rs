//! What should not change between the trials of an experiment, and what did.

use std::collections::BTreeMap;

use tribunal_model::ids::AgentName;
use tribunal_report::result::ClusterFacts;
use tribunal_stats::facts::{BuildFacts, HostFacts};

/// The clusters and hosts as they were when the experiment began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    clusters: Vec<ClusterFacts>,
    hosts: BTreeMap<AgentName, (HostFacts, BuildFacts)>,
}

impl Environment {
    /// The environment at the beginning.
    pub(crate) fn new(
        clusters: impl IntoIterator<Item = ClusterFacts>,
        hosts: BTreeMap<AgentName, (HostFacts, BuildFacts)>,
    ) -> Self {
        Self {
            clusters: clusters.into_iter().collect(),
            hosts,
        }
    }

    /// What is different now, one phrase each. A cluster or host that was not there at the beginning is not compared.
    pub(crate) fn changes(
        &self,
        cluster: &ClusterFacts,
        hosts: &BTreeMap<AgentName, (HostFacts, BuildFacts)>,
    ) -> Vec<String> {
        let mut changes = Vec::new();
        if let Some(then) = self.clusters.iter().find(|then| then.name == cluster.name) {
            let of = |name: &Option<String>| name.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
            if then.cluster_id != cluster.cluster_id {
                let id = |facts: &ClusterFacts| facts.cluster_id.clone().unwrap_or_else(|| "unknown".to_owned());
                changes.push(format!("cluster id{}: {} → {}", of(&then.name), id(then), id(cluster)));
            }
            if then.brokers != cluster.brokers {
                let text = |facts: &ClusterFacts| {
                    let brokers = facts.brokers.iter();
                    let brokers: Vec<String> = brokers.map(|(id, host, port)| format!("{id} {host}:{port}")).collect();
                    brokers.join(", ")
                };
                changes.push(format!("brokers{}: {} → {}", of(&then.name), text(then), text(cluster)));
            }
        }
        for (agent, now) in hosts {
            match self.hosts.get(agent) {
                Some(then) if then.0.boot_id != now.0.boot_id => {
                    changes.push(format!("{agent}: its host started anew"));
                }
                Some(then) if then != now => {
                    changes.push(format!("{agent}: its host's facts or its build"));
                }
                _ => {}
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(brokers: &[i32]) -> ClusterFacts {
        ClusterFacts {
            brokers: brokers.iter().map(|id| (*id, "b".to_owned(), 9092)).collect(),
            ..ClusterFacts::default()
        }
    }

    #[test]
    fn a_broker_that_is_gone_and_a_host_that_started_anew_are_told() {
        let agent = AgentName::new("a").unwrap();
        let host = |boot: &str| {
            let facts = HostFacts {
                boot_id: boot.to_owned(),
                ..HostFacts::default()
            };
            BTreeMap::from([(agent.clone(), (facts, BuildFacts::default()))])
        };
        let environment = Environment::new([cluster(&[1, 2])], host("one"));
        assert!(environment.changes(&cluster(&[1, 2]), &host("one")).is_empty());
        let changes = environment.changes(&cluster(&[1]), &host("two"));
        assert_eq!(
            changes,
            ["brokers: 1 b:9092, 2 b:9092 → 1 b:9092", "a: its host started anew"]
        );
    }
}
