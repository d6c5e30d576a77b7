//! What agents managed against a null sink, kept in the store by cell signature.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tribunal_model::ids::AgentName;
use tribunal_model::limits::{Limit, Limits};
use tribunal_model::plan::Plan;
use tribunal_model::trial::{Content, Rate, Share, Trial};
use tribunal_report::format::plural;
use tribunal_stats::facts::{Calibration, HostFacts};

use crate::fleet::Connected;

/// One calibration with what it holds for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) agent: AgentName,
    /// Host name, processor model and count: another machine under an old name is not calibrated.
    pub(crate) host: String,
    pub(crate) version: String,
    pub(crate) signature: String,
    /// RFC 3339.
    pub(crate) date: String,
    pub(crate) calibration: Calibration,
}

/// All calibrations of a store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calibrations {
    records: Vec<Record>,
}

/// One agent's share of the cells of one signature: what is calibrated together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) agent: AgentName,
    pub(crate) signature: String,
    /// The first trial of the signature.
    pub(crate) trial: Trial,
    pub(crate) producers: Vec<u32>,
    /// Whether the cluster is reached by anything but plain text, of which a null sink knows nothing.
    pub(crate) secured: bool,
}

/// What makes cells alike for the harness: client, codec, record size, security, producers on the agent, and the stamped
/// path where records take it (METHODOLOGY.md, section 11).
pub(crate) fn signature(plan: &Plan, trial: &Trial, producers: usize) -> String {
    let cluster = &plan.cluster_named(trial.cluster.as_deref()).properties;
    let text = |name: &str| {
        let value = trial.properties.get(name).or_else(|| cluster.get(name));
        value.and_then(|value| value.text()).map(str::to_owned)
    };
    let codec = text("compression.type").or_else(|| text("compression.codec"));
    let size = match &trial.load.record.content {
        Content::Generated { .. } => trial.load.record.size.to_string(),
        Content::Samples { files } => format!("samples from {} files", files.len()),
    };
    format!(
        "{}, {}, {size}, {}, {}{}",
        trial.client.client,
        codec.unwrap_or_else(|| "none".to_owned()),
        security(plan, trial),
        plural(producers as u64, "producer"),
        if trial.stamped() { ", stamped" } else { "" },
    )
}

fn security(plan: &Plan, trial: &Trial) -> String {
    let cluster = &plan.cluster_named(trial.cluster.as_deref()).properties;
    let name = "security.protocol";
    let value = trial.properties.get(name).or_else(|| cluster.get(name));
    let protocol = value.and_then(|value| value.text());
    protocol.unwrap_or("plaintext").to_lowercase()
}

/// What has to be measured for these trials on these agents, each signature once on each agent.
pub(crate) fn wanted(plan: &Plan, trials: &[Trial], agents: &[AgentName]) -> Vec<Wanted> {
    let mut seen = BTreeSet::new();
    let mut wanted = Vec::new();
    for trial in trials {
        for (agent, share) in agents.iter().zip(Share::deal(trial.load.producers, agents.len())) {
            if share.producers.is_empty() {
                continue;
            }
            let signature = signature(plan, trial, share.producers.len());
            if seen.insert((agent.clone(), signature.clone())) {
                wanted.push(Wanted {
                    agent: agent.clone(),
                    signature,
                    trial: trial.clone(),
                    producers: share.producers,
                    secured: security(plan, trial) != "plaintext",
                });
            }
        }
    }
    wanted
}

fn host(facts: &HostFacts) -> String {
    format!("{}, {} x {}", facts.hostname, facts.cores, facts.cpu_model)
}

impl Calibrations {
    /// Keeps a calibration in the place of an older one for the same.
    pub(crate) fn keep(&mut self, wanted: &Wanted, agent: &Connected, calibration: Calibration, date: String) {
        let record = Record {
            agent: wanted.agent.clone(),
            host: host(&agent.hello.host),
            version: agent.hello.build.version.clone(),
            signature: wanted.signature.clone(),
            date,
            calibration,
        };
        self.records
            .retain(|known| (&known.agent, &known.signature) != (&record.agent, &record.signature));
        self.records.push(record);
    }

    /// What each agent managed for such a trial; agents without a calibration on this host by this version are left out.
    pub(crate) fn of(
        &self,
        plan: &Plan,
        trial: &Trial,
        agents: &[AgentName],
        connected: &BTreeMap<AgentName, Connected>,
    ) -> BTreeMap<AgentName, Calibration> {
        let shares = Share::deal(trial.load.producers, agents.len());
        let each = agents.iter().zip(shares).filter_map(|(agent, share)| {
            let hello = &connected.get(agent)?.hello;
            let signature = signature(plan, trial, share.producers.len());
            let (host, version) = (host(&hello.host), &hello.build.version);
            let record = self.records.iter().find(|record| {
                record.agent == *agent
                    && record.signature == signature
                    && record.host == host
                    && record.version == *version
            })?;
            Some((agent.clone(), record.calibration.clone()))
        });
        each.collect()
    }
}

/// How a paced trial stands to the calibrations: the agents whose share of the rate is beyond the plan's limit to warn,
/// and beyond the one to refuse, in words.
pub(crate) fn beyond(
    limits: &Limits,
    trial: &Trial,
    agents: &[AgentName],
    calibrations: &BTreeMap<AgentName, Calibration>,
) -> (Vec<String>, Vec<String>) {
    let Rate::Paced(rate) = trial.load.rate else {
        return (Vec::new(), Vec::new());
    };
    let bounds = limits.get(Limit::Calibration);
    let each = rate.as_per_second() / f64::from(trial.load.producers.max(1));
    let (mut warned, mut refused) = (Vec::new(), Vec::new());
    for (agent, share) in agents.iter().zip(Share::deal(trial.load.producers, agents.len())) {
        let Some(calibration) = calibrations.get(agent) else {
            continue;
        };
        let of_ceiling = each * share.producers.len() as f64 / calibration.ceiling.max(1e-9);
        let text = format!(
            "{} of what {agent} managed against a null sink ({:.0}/s)",
            Limit::Calibration.show(of_ceiling),
            calibration.ceiling
        );
        if of_ceiling > bounds.void {
            refused.push(text);
        } else if of_ceiling > bounds.warn {
            warned.push(text);
        }
    }
    (warned, refused)
}

#[cfg(test)]
mod tests;
