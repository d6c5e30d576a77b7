//! The result of a complete attempt: audit, verdict, and everything that is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use tribunal_kafka::admin::PartitionState;
use tribunal_model::ids::AgentName;
use tribunal_model::properties::Properties;
use tribunal_model::trial::{Content, Partitioner, Rate, Trial, WhenFull, Windows};
use tribunal_proto::session::AttemptId;
use tribunal_report::audit::Audit;
use tribunal_report::brokers::{BrokerWindow, foreign};
use tribunal_report::caveat::Caveat;
use tribunal_report::eligibility::{Mark, Percentile, Rank, episodes};
use tribunal_report::objective;
use tribunal_report::result::{
    AgentFacts, ClusterFacts, PartResult, SCHEMA_VERSION, TopicFacts, TrialResult, WorkloadFacts,
};
use tribunal_stats::facts::{Calibration, ProducerFacts};
use tribunal_tls::is_loopback;

use crate::audit::{Offsets, audit};
use crate::cluster::{self, Cluster, States};
use crate::consumed;
use crate::consumers::Consumed;
use crate::fleet::{Connected, agents_by_host};
use crate::merge::{Merged, Series};
use crate::steady;
use crate::trial::Ground;
use crate::verdict::{Evidence, Judgement, SHORT_WINDOW, judge};

/// What is left of a course that is complete.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) producers: BTreeMap<AgentName, Vec<ProducerFacts>>,
    pub(crate) merged: Merged,
    pub(crate) series: Series,
    pub(crate) states: Vec<States>,
    /// The trial's parts as they were.
    pub(crate) windows: Windows,
    /// How long t1 was put off in vain.
    pub(crate) never_settled: Option<Duration>,
    /// What the brokers say of the window.
    pub(crate) brokers: Vec<BrokerWindow>,
    /// t0.
    pub(crate) start: i64,
    /// What consumers received, where there were any.
    pub(crate) consumed: Option<Consumed>,
}

/// What was known before the load.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) began: String,
    pub(crate) topic: TopicFacts,
    pub(crate) offsets: Offsets,
    pub(crate) ready: States,
    pub(crate) connected: BTreeMap<AgentName, Connected>,
    /// The cluster as it was just before the agents prepared.
    pub(crate) cluster: ClusterFacts,
}

/// Audits and judges a complete attempt.
pub(crate) async fn result(
    ground: &Ground<'_>,
    cluster: &Cluster,
    trial: &Trial,
    id: AttemptId,
    finished: Finished,
    before: Before,
) -> Result<TrialResult, cluster::Error> {
    let Finished {
        mut producers,
        merged,
        series,
        states,
        windows,
        never_settled,
        brokers,
        start,
        mut consumed,
    } = finished;
    let trial = &Trial {
        windows,
        ..trial.clone()
    };
    let read_back = consumed.as_mut().map(consumed::read_back);
    let consumers = consumed.map(|consumed| consumed::result(trial, consumed, &merged, &before, start));
    let samples = series.finish();
    let steady = steady::assess(trial, &samples);
    let taking = before
        .connected
        .iter()
        .filter(|(agent, _)| producers.contains_key(*agent));
    let hosts = taking.map(|(agent, c)| (agent.clone(), (c.hello.host.clone(), c.hello.build.clone())));
    let all: Vec<&ProducerFacts> = producers.values().flatten().collect();
    let (isr_changes, leader_changes) = changes(&before.ready, &states);
    let shared_hosts = shared_hosts(&before.connected, &producers, cluster);
    let mut evidence = Evidence {
        trial,
        limits: &ground.plan.limits,
        merged: &merged,
        audit: &Audit::default(),
        not_audited: None,
        producers: all,
        shared_hosts: shared_hosts.clone(),
        mock: cluster.facts.mock,
        isr_changes,
        leader_changes,
        of_ceiling: of_ceiling(&ground.calibrations, &producers, trial),
        steady: &steady,
        never_settled,
        environment: {
            let changes = ground.environment.changes(&before.cluster, &hosts.collect());
            changes.into_iter().chain(foreign(&brokers)).collect()
        },
        not_settled: ground.not_settled.clone(),
    };
    let blind = crate::verdict::blind(&evidence);
    let mut audit = match audit(
        cluster,
        &before.offsets,
        trial.topic.partitions,
        &merged.partitions,
        trial.audit.keeps_offsets().then_some(&merged.offsets),
        blind,
    )
    .await
    {
        Ok(audit) => audit,
        Err(error) => {
            evidence.not_audited = Some(error.to_string());
            Audit::default()
        }
    };
    let first_group = consumers.as_ref().and_then(|consumers| consumers.groups.first());
    if let (Some(read), Some(group)) = (read_back, first_group)
        && trial.reads_back()
        && evidence.not_audited.is_none()
    {
        let perhaps = merged.partitions.values().map(|count| count.perhaps).sum();
        audit.add_read_back(read.against(&merged.sequences), group, perhaps);
    }
    evidence.audit = &audit;
    let Judgement { verdict, rates, checks } = judge(&evidence);
    let agents = merged.agents.iter().filter_map(|(name, kept)| {
        let connected = before.connected.get(name)?;
        Some(AgentFacts {
            name: name.clone(),
            build: connected.hello.build.clone(),
            host: connected.hello.host.clone(),
            shared_host: shared_hosts.contains(name),
            // A thousand agents' clients with their configurations are not held twice.
            producers: producers.remove(name).unwrap_or_default(),
            run: kept.run.clone(),
            window: kept.window,
            calibration: ground.calibrations.get(name).cloned(),
            certificate: connected.hello.certificate.clone(),
        })
    });
    let parts = merged
        .tallies
        .iter()
        .map(|(part, tally)| PartResult::new(part, tally))
        .collect();
    let mut result = TrialResult {
        schema_version: SCHEMA_VERSION,
        experiment: id.experiment,
        trial: id.trial,
        cell: trial.cell,
        block: trial.block,
        purpose: trial.purpose.clone(),
        attempt: id.attempt,
        levels: trial.levels.clone(),
        began: before.began,
        workload: workload(trial),
        windows: trial.windows,
        limits: ground.plan.limits,
        cluster: before.cluster,
        topic: before.topic,
        agents: agents.collect(),
        checks,
        steady,
        verdict,
        objective: None,
        rates,
        parts,
        window: merged.window,
        backlog: merged.backlog,
        statistics: merged.statistics.clone(),
        brokers,
        audit,
        samples,
        consumers,
    };
    if trial.windows.measure >= SHORT_WINDOW {
        result.verdict.caveats.extend(few_episodes(&result));
    }
    let objective = ground.plan.objective.as_ref();
    result.objective = objective.map(|objective| objective::assess(objective, &result));
    Ok(result)
}

/// The first percentile of the window that few separate moments made.
fn few_episodes(result: &TrialResult) -> Option<Caveat> {
    [Rank::P99, Rank::P999].into_iter().find_map(|rank| {
        let made_by_one = matches!(
            Percentile::response(result, rank),
            Percentile::Told {
                mark: Mark::OneEvent,
                ..
            }
        );
        made_by_one.then(|| Caveat::FewEpisodes {
            percentile: rank.name().to_owned(),
            episodes: episodes(result, rank) as u64,
        })
    })
}

/// Each calibrated agent's share of the offered rate over what it managed against a null sink.
fn of_ceiling(
    calibrations: &BTreeMap<AgentName, Calibration>,
    producers: &BTreeMap<AgentName, Vec<ProducerFacts>>,
    trial: &Trial,
) -> BTreeMap<AgentName, f64> {
    let Rate::Paced(rate) = trial.load.rate else {
        return BTreeMap::new();
    };
    let each = rate.as_per_second() / f64::from(trial.load.producers.max(1));
    let share = |(agent, calibration): (&AgentName, &Calibration)| {
        let producers = producers.get(agent)?.len() as f64;
        Some((agent.clone(), each * producers / calibration.ceiling.max(1e-9)))
    };
    calibrations.iter().filter_map(share).collect()
}

/// What a trial was asked to send, in words.
fn workload(trial: &Trial) -> WorkloadFacts {
    let load = &trial.load;
    let record = match &load.record.content {
        Content::Generated { compressibility } => format!("{}, compressibility {compressibility}", load.record.size),
        Content::Samples { files } => format!("samples from {} files", files.len()),
    };
    WorkloadFacts {
        settle: trial.settle,
        rate: match load.rate {
            Rate::Paced(rate) => Some(rate.as_per_second()),
            Rate::Saturate => None,
        },
        profile: load.profile.as_ref().map(|profile| profile.text().to_owned()),
        arrivals: load.arrivals,
        producers: load.producers,
        record,
        keys: load.keys.to_string(),
        partitioner: match load.partitioner {
            Partitioner::Native => "native".to_owned(),
            Partitioner::Assigned => "assigned".to_owned(),
        },
        when_full: match load.when_full {
            WhenFull::Hold => "hold".to_owned(),
            WhenFull::Shed => "shed".to_owned(),
        },
        path: if trial.stamped() { "stamped" } else { "bare" }.to_owned(),
        seed: load.seed,
        properties: shown(&trial.properties),
        client: trial.client.client.name(),
        own: {
            let options = trial.client.options.iter();
            let options = options.map(|(name, value)| (format!("driver.{name}"), value.clone()));
            shown(&trial.client.own).into_iter().chain(options).collect()
        },
    }
}

fn shown(properties: &Properties) -> Vec<(String, String)> {
    properties
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect()
}

/// Partitions whose replicas in sync, and whose leaders, were not at t1 or t2 what they were when the topic was ready.
fn changes(ready: &States, later: &[States]) -> (Vec<String>, Vec<String>) {
    let (mut isr, mut leaders) = (Vec::new(), Vec::new());
    let text = |brokers: &[i32]| brokers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let sorted = |state: &PartitionState| {
        let mut brokers = state.isr.clone();
        brokers.sort_unstable();
        brokers
    };
    for (topic, partitions) in later.iter().flatten() {
        let Some((_, first)) = ready.iter().find(|(name, _)| name == topic) else {
            continue;
        };
        for (then, now) in first.iter().zip(partitions) {
            let name = format!("{topic}/{}", then.partition);
            if sorted(then) != sorted(now) {
                isr.push(format!("{name}: {} → {}", text(&sorted(then)), text(&sorted(now))));
            }
            if then.leader != now.leader {
                let id = |leader: Option<i32>| leader.map_or("none".to_owned(), |id| id.to_string());
                leaders.push(format!("{name}: {} → {}", id(then.leader), id(now.leader)));
            }
        }
    }
    isr.dedup();
    leaders.dedup();
    (isr, leaders)
}

/// Agents that share their host with a broker or with another agent of the attempt.
fn shared_hosts(
    connected: &BTreeMap<AgentName, Connected>,
    producers: &BTreeMap<AgentName, Vec<ProducerFacts>>,
    cluster: &Cluster,
) -> Vec<AgentName> {
    let agents_on = agents_by_host(producers.keys().filter_map(|agent| connected.get(agent)));
    let shares = |agent: &&AgentName| {
        let Some(own) = connected.get(*agent).map(|c| &c.hello.host) else {
            return false;
        };
        let with_agent = agents_on[own.boot_id.as_str()] > 1;
        let loopback = |name: &str| name == "localhost" || name.parse().is_ok_and(is_loopback);
        let with_broker = cluster
            .facts
            .brokers
            .iter()
            .any(|(_, name, _)| loopback(name) || *name == own.hostname);
        with_agent || with_broker
    };
    producers.keys().filter(shares).cloned().collect()
}
