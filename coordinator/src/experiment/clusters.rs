//! The clusters of an experiment, the topics that finished trials leave on them, and when they have settled.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;
use tribunal_model::plan::Plan;

use crate::cluster::{Cluster, Error};

/// How long after a topic's deletion brokers unlink its files: Kafka's default of `file.delete.delay.ms`.
const UNLINK: Duration = Duration::from_secs(60);
/// Bytes of finished trials, replicas counted, that may lie on a cluster before their topics are deleted within a block.
const DISK: u64 = 16 << 30;

/// Connections to the plan's clusters, each with what is to be cleaned up there.
#[derive(Debug)]
pub(super) struct Clusters {
    clusters: Vec<Ground>,
}

#[derive(Debug)]
struct Ground {
    name: Option<String>,
    cluster: Cluster,
    /// Topics of trials that are over.
    spent: Vec<String>,
    spent_bytes: u64,
    /// When topics were deleted last.
    deleted: Option<Instant>,
}

impl Clusters {
    /// Reaches every cluster that the plan names.
    pub(super) async fn connect(plan: &Plan, mock_program: &Path) -> Result<Self, Error> {
        let mut names: Vec<Option<String>> = plan.clusters.iter().map(|(name, _)| Some(name.clone())).collect();
        if names.is_empty() {
            names.push(None);
        }
        let mut clusters = Vec::new();
        for name in names {
            clusters.push(Ground {
                cluster: Cluster::connect(plan, name.as_deref(), mock_program).await?,
                name,
                spent: Vec::new(),
                spent_bytes: 0,
                deleted: None,
            });
        }
        Ok(Self { clusters })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Cluster> {
        self.clusters.iter().map(|ground| &ground.cluster)
    }

    /// The cluster of a trial.
    pub(super) fn of(&mut self, name: Option<&str>) -> &mut Cluster {
        let place = self.place(name);
        &mut self.clusters[place].cluster
    }

    /// Every name is the plan's, so it is there; a plan without names has one cluster.
    fn place(&self, name: Option<&str>) -> usize {
        let found = self.clusters.iter().position(|ground| ground.name.as_deref() == name);
        found.unwrap_or(0)
    }

    /// Leaves a trial's topics, with the bytes that they hold, to be deleted later.
    pub(super) fn spend(&mut self, name: Option<&str>, topics: Vec<String>, bytes: u64) {
        let place = self.place(name);
        let ground = &mut self.clusters[place];
        ground.spent.extend(topics);
        ground.spent_bytes += bytes;
    }

    /// Whether more lies on a cluster than should before the block is over.
    pub(super) fn full(&self) -> bool {
        self.clusters.iter().any(|ground| ground.spent_bytes > DISK)
    }

    /// Deletes what finished trials left. What is gone, and what is not, with the reason.
    pub(super) async fn clean(&mut self) -> (Vec<String>, Vec<(Vec<String>, Error)>) {
        let (mut gone, mut left) = (Vec::new(), Vec::new());
        for ground in &mut self.clusters {
            let topics = std::mem::take(&mut ground.spent);
            if topics.is_empty() {
                continue;
            }
            match ground.cluster.delete_topics(&topics).await {
                Ok(()) => {
                    ground.spent_bytes = 0;
                    if !ground.cluster.facts.mock {
                        ground.deleted = Some(Instant::now());
                    }
                    gone.extend(topics);
                }
                Err(error) => left.push((topics, error)),
            }
        }
        (gone, left)
    }

    /// Deletes topics of earlier attempts, wherever they are.
    pub(super) async fn delete_everywhere(&mut self, topics: &[String]) -> Result<(), Error> {
        for ground in &mut self.clusters {
            ground.cluster.delete_topics(topics).await?;
            if !ground.cluster.facts.mock {
                ground.deleted = Some(Instant::now());
            }
        }
        Ok(())
    }

    /// When the files of all deleted topics will be gone; `None` when they are.
    pub(super) fn settled_at(&self) -> Option<Instant> {
        let latest = self.clusters.iter().filter_map(|ground| ground.deleted).max()?;
        let gone = latest + UNLINK;
        (gone > Instant::now()).then_some(gone)
    }

    /// Why the clusters have not settled; `None` when they have.
    pub(super) fn unsettled(&self) -> Option<String> {
        let left = self.settled_at()?.saturating_duration_since(Instant::now());
        let seconds = left.as_secs();
        Some(format!(
            "brokers may unlink the files of deleted topics for another {seconds} s"
        ))
    }

    /// Lets go of the clusters; a mock ends.
    pub(super) async fn end(self) {
        for ground in self.clusters {
            ground.cluster.end().await;
        }
    }
}
