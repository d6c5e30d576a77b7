//! One combination of levels, and the trials that are made of it.

use std::time::Duration;

use super::mean_size;
use crate::client::{self, ClientUse};
use crate::consumers::Consumers;
use crate::design::{AuditLevel, Mode, Purpose};
use crate::ids::{CellId, TrialId};
use crate::plan::{Error, Plan, Setting};
use crate::properties::{Properties, Value};
use crate::trial::{Content, Level, Load, Rate, RecordRate, TopicShape, Trial, Windows};
use crate::units::OfferedRate;

/// One combination of levels, fully resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Its place in the written order of what is left after exclusions.
    pub id: CellId,
    /// One level of each factor, in written order.
    pub levels: Vec<Level>,
    /// The topics.
    pub topic: TopicShape,
    /// What to send. The rate is the first one of a search, and a closed loop in a two-phase experiment.
    pub load: Load,
    /// When.
    pub windows: Windows,
    /// How long t1 may be put off until the load is steady.
    pub settle: Duration,
    /// How finely records are compared with the broker's offsets.
    pub audit: AuditLevel,
    /// The cluster by its name in the plan, where there are several.
    pub cluster: Option<String>,
    /// Preset, then baseline, then the client's, then factors.
    pub properties: Properties,
    /// The client library.
    pub client: ClientUse,
    /// What reads the topics meanwhile, where anything does.
    pub consumers: Option<Consumers>,
}

impl Cell {
    /// The mean size of a record's value in bytes; `None` where sizes come from files that only agents have.
    ///
    /// Keys and headers are not counted. A log-normal size counts with its cut: the mean is that of what is sent.
    pub fn mean_size(&self) -> Option<f64> {
        mean_size(&self.load)
    }

    /// A trial of this cell at another rate, constant from t0 on.
    pub fn at(&self, id: TrialId, block: u32, purpose: Purpose, rate: Rate) -> Trial {
        let mut trial = self.trial(id, block, purpose);
        trial.load.rate = rate;
        trial.load.profile = None;
        trial
    }

    /// A trial of this cell as it is.
    pub(super) fn trial(&self, id: TrialId, block: u32, purpose: Purpose) -> Trial {
        Trial {
            id,
            block,
            cell: self.id,
            purpose,
            cluster: self.cluster.clone(),
            levels: self.levels.clone(),
            topic: self.topic.clone(),
            load: self.load.clone(),
            windows: self.windows,
            settle: self.settle,
            audit: self.audit,
            properties: self.properties.clone(),
            client: self.client.clone(),
            consumers: self.consumers.clone(),
        }
    }

    /// The text of a property.
    pub(super) fn text(&self, property: &str) -> Option<&str> {
        self.properties.get(property).and_then(Value::text)
    }

    /// What is set for a property, in whichever spelling.
    pub(super) fn set_for(&self, property: &str) -> Option<&Value> {
        let own = client::spelled(&self.client.client, property).and_then(|name| self.client.own.get(name));
        own.or_else(|| self.properties.get(property))
    }

    /// The value of a property that the client goes by, as a plan would write it: what is set, or else the client's default.
    /// `None` where that is not known.
    pub(super) fn in_effect(&self, property: &str) -> Option<String> {
        let client = &self.client.client;
        match self.set_for(property) {
            Some(value) => Some(client::read_back(client, property, value.text()?)),
            None => client::default_of(client, property).map(str::to_owned),
        }
    }

    /// Names and values of the cell's and its cluster's properties, references as they are written.
    pub fn pairs(&self, plan: &Plan) -> Vec<(String, String)> {
        let cluster = plan.cluster_named(self.cluster.as_deref());
        let properties = cluster.properties.overlaid(&self.properties);
        (properties.iter())
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .collect()
    }

    /// The plan with one level of each factor over it.
    pub(super) fn resolve(plan: &Plan, id: CellId, chosen: &[usize]) -> Result<Self, Error> {
        let workload = &plan.workload;
        let mut offered = workload.rate;
        let mut rate_key = plan.error("workload.rate", "");
        let only_cluster = plan.clusters.first().map(|(name, _)| name.clone());
        let mut cell = Self {
            id,
            levels: Vec::with_capacity(chosen.len()),
            topic: plan.topic.clone(),
            load: Load {
                rate: Rate::Saturate,
                profile: workload.profile.clone(),
                arrivals: workload.arrivals,
                producers: workload.producers,
                record: workload.record.clone(),
                keys: workload.keys,
                partitioner: workload.partitioner,
                when_full: workload.when_full,
                seed: plan.seed,
            },
            windows: plan.windows,
            settle: plan.settle,
            audit: plan.audit,
            cluster: only_cluster,
            properties: plan.preset.properties().overlaid(&plan.baseline),
            client: ClientUse {
                client: plan.client.clone(),
                per_process: workload.clients_per_process,
                ..ClientUse::default()
            },
            consumers: plan.consumers.clone(),
        };
        for (factor, level) in plan.factors.iter().zip(chosen) {
            let Some(level) = factor.levels.get(*level) else {
                continue;
            };
            cell.levels.push(Level {
                factor: factor.name.clone(),
                value: level.text.clone(),
            });
            if let Setting::Rate(rate) = level.setting {
                offered = rate;
                "factors.rate".clone_into(&mut rate_key.key);
                rate_key.origin = level.origin.clone();
            }
            cell.set(&level.setting);
        }
        if let Some(given) = plan.given_to(&cell.client.client) {
            // No property is both a client's and a factor.
            cell.properties = cell.properties.overlaid(&given.properties);
            cell.client.own = given.own.clone();
            let varied = std::mem::take(&mut cell.client.options);
            let others = given
                .options
                .iter()
                .filter(|(name, _)| varied.iter().all(|(known, _)| known != name));
            cell.client.options = others.cloned().chain(varied.iter().cloned()).collect();
        }
        cell.load.rate = match (&plan.search, plan.design.mode) {
            (Some(search), _) => RecordRate::per_second(search.first).map_or(Rate::Saturate, Rate::Paced),
            (None, Mode::TwoPhase) => Rate::Saturate,
            (None, Mode::Direct) => cell.rate(offered).ok_or_else(|| {
                let size = &cell.load.record.size;
                let message = format!("{offered} with records of {size} is outside 0.000001 to 10^9 records a second");
                Error { message, ..rate_key }
            })?,
        };
        Ok(cell)
    }

    /// Puts a level of a factor over what is there; the rate is left to [`Self::resolve`].
    fn set(&mut self, setting: &Setting) {
        let (topic, load) = (&mut self.topic, &mut self.load);
        match setting {
            Setting::Client(client) => self.client.client = client.clone(),
            Setting::Cluster(name) => self.cluster = Some(name.clone()),
            Setting::Topics(count) => topic.count = *count,
            Setting::Partitions(count) => topic.partitions = *count,
            Setting::Replication(count) => topic.replication = *count,
            Setting::Topic(name, value) => match topic.settings.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => old.clone_from(value),
                None => topic.settings.push((name.clone(), value.clone())),
            },
            Setting::Rate(_) => {}
            Setting::Producers(count) => load.producers = *count,
            Setting::RecordSize(size) => load.record.size = size.clone(),
            Setting::Compressibility(compressibility) => {
                load.record.content = Content::Generated {
                    compressibility: *compressibility,
                };
            }
            Setting::Keys(keys) => load.keys = *keys,
            Setting::Partitioner(partitioner) => load.partitioner = *partitioner,
            Setting::Arrivals(arrivals) => load.arrivals = *arrivals,
            Setting::WhenFull(when_full) => load.when_full = *when_full,
            Setting::Option(name, value) => self.client.options.push((name.clone(), value.clone())),
            Setting::Property(name, value) => self.properties.set(name.clone(), value.clone()),
        }
    }

    /// An offered rate in records, bytes by the mean size of the cell's records; `None` outside a rate's range.
    fn rate(&self, offered: OfferedRate) -> Option<Rate> {
        match offered {
            OfferedRate::Saturate => Some(Rate::Saturate),
            OfferedRate::Records(rate) => Some(Rate::Paced(rate)),
            OfferedRate::Bytes(bytes) => {
                RecordRate::per_second(bytes.get() as f64 / self.mean_size()?).map(Rate::Paced)
            }
        }
    }
}
