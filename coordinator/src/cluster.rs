//! The cluster of an experiment: topics and offsets, real or mock.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tribunal_kafka::admin::{Cluster as Admin, ClusterFacts as Told, Error as AdminError, PartitionState};
use tribunal_kafka::resolve::Error as ResolveError;
use tribunal_model::plan::{Bootstrap, Plan};
use tribunal_model::trial::TopicShape;
use tribunal_report::result::{ClusterFacts, TopicFacts};

use crate::mock::{self, Mock};

/// How long a cluster may take to answer at all.
const CONNECT: Duration = Duration::from_secs(20);
/// How long new topics may take to have all replicas in sync.
const READY: Duration = Duration::from_secs(30);

/// The way to a cluster, held for one experiment.
#[derive(Debug)]
pub(crate) struct Cluster {
    admin: Arc<Admin>,
    mock: Option<Mock>,
    pub(crate) facts: ClusterFacts,
}

/// Why the cluster did not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Mock(#[from] mock::Error),
    #[error(transparent)]
    Properties(#[from] ResolveError),
    #[error("replication {replication} needs {replication} brokers; the cluster has {brokers}")]
    Replication { replication: u32, brokers: usize },
    #[error("the call to the cluster panicked")]
    Panicked,
}

impl Error {
    /// Whether the cluster could not be reached, as against refusing something.
    pub(crate) fn unreachable(&self) -> bool {
        matches!(self, Self::Admin(AdminError::Unreachable { .. }) | Self::Mock(_))
    }
}

/// The replicas in sync and the leaders of a trial's topics at one instant, by topic.
pub(crate) type States = Vec<(String, Vec<PartitionState>)>;

impl Cluster {
    /// Reaches a cluster of the plan, or starts its mock; `name` is its name there, where there are several.
    pub(crate) async fn connect(plan: &Plan, name: Option<&str>, mock_program: &Path) -> Result<Self, Error> {
        let environment = |name: &str| std::env::var(name).ok();
        let planned = plan.cluster_named(name);
        let properties = tribunal_kafka::resolve(&planned.properties, &environment)?;
        let (mock, bootstrap) = match &planned.bootstrap {
            Bootstrap::Mock { round_trip } => {
                let mock = Mock::start(mock_program, *round_trip).await?;
                let bootstrap = mock.bootstrap().to_owned();
                (Some(mock), bootstrap)
            }
            Bootstrap::Servers(servers) => (None, servers.clone()),
        };
        let at = bootstrap.clone();
        let (admin, told) = blocking(move || {
            let admin = Admin::connect(&at, &properties, CONNECT)?;
            let told = admin.metadata()?;
            Ok((admin, told))
        })
        .await?;
        let facts = ClusterFacts {
            name: name.map(str::to_owned),
            bootstrap,
            mock: mock.is_some(),
            ..facts(told)
        };
        Ok(Self {
            admin: Arc::new(admin),
            mock,
            facts,
        })
    }

    /// Whether a trial's topics can be made at all, from metadata alone.
    pub(crate) fn check(&self, shape: &TopicShape) -> Result<(), Error> {
        let brokers = self.facts.brokers.len();
        if shape.replication as usize > brokers {
            return Err(Error::Replication {
                replication: shape.replication,
                brokers,
            });
        }
        Ok(())
    }

    /// Makes a trial's topics and waits until all replicas are in sync; the same assignment for all cells of a block.
    pub(crate) async fn make_topics(
        &mut self,
        names: &[String],
        shape: &TopicShape,
        block: u32,
    ) -> Result<TopicFacts, Error> {
        let (partitions, replication) = (shape.partitions, shape.replication);
        let settings = if let Some(mock) = &mut self.mock {
            for name in names {
                mock.topic(name, partitions, replication).await?;
            }
            Vec::new()
        } else {
            let brokers: Vec<i32> = self.facts.brokers.iter().map(|(id, _, _)| *id).collect();
            let wanted = shape.settings.clone();
            let names = names.to_vec();
            self.ask(move |admin| {
                for (number, name) in names.iter().enumerate() {
                    let rotation = block + number as u32;
                    let assignment =
                        tribunal_kafka::assignment(&brokers, partitions, replication, rotation).unwrap_or_default();
                    admin.create_topic(name, &assignment, &wanted)?;
                }
                for name in &names {
                    admin.await_ready(name, partitions as i32, replication as usize, READY)?;
                }
                names
                    .first()
                    .map_or(Ok(Vec::new()), |name| admin.describe_topic_settings(name))
            })
            .await?
        };
        let settings = settings
            .into_iter()
            .map(|setting| (setting.name, setting.value))
            .collect();
        Ok(TopicFacts {
            names: names.to_vec(),
            partitions,
            replication,
            settings,
        })
    }

    /// Deletes topics; a mock cannot, and nobody waits for it.
    pub(crate) async fn delete_topics(&self, names: &[String]) -> Result<(), Error> {
        if self.mock.is_some() {
            return Ok(());
        }
        let names = names.to_vec();
        self.ask(move |admin| names.iter().try_for_each(|name| admin.delete_topic(name)))
            .await
    }

    /// The cluster's facts, read again.
    pub(crate) async fn look(&self) -> Result<ClusterFacts, Error> {
        let told = self.ask(Admin::metadata).await?;
        let ClusterFacts {
            name, bootstrap, mock, ..
        } = self.facts.clone();
        Ok(ClusterFacts {
            name,
            bootstrap,
            mock,
            ..facts(told)
        })
    }

    /// Replicas in sync and leaders, now.
    pub(crate) async fn states(&self, names: &[String]) -> Result<States, Error> {
        let names = names.to_vec();
        self.ask(move |admin| {
            names
                .into_iter()
                .map(|name| admin.topic_state(&name).map(|state| (name, state)))
                .collect()
        })
        .await
    }

    /// End offsets by topic and partition.
    pub(crate) async fn end_offsets(
        &self,
        names: &[String],
        partitions: u32,
    ) -> Result<Vec<(String, Vec<i64>)>, Error> {
        let names = names.to_vec();
        self.ask(move |admin| {
            let offsets = |name: String| Ok((name.clone(), admin.end_offsets(&name, partitions as i32)?));
            names.into_iter().map(offsets).collect()
        })
        .await
    }

    /// Lets go of the cluster; a mock ends.
    pub(crate) async fn end(self) {
        if let Some(mock) = self.mock {
            mock.end().await;
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Admin) -> Result<T, AdminError> + Send + 'static,
    ) -> Result<T, Error> {
        let admin = self.admin.clone();
        blocking(move || call(&admin)).await
    }
}

/// What metadata says about a cluster.
fn facts(told: Told) -> ClusterFacts {
    let brokers = told.brokers.into_iter();
    ClusterFacts {
        cluster_id: told.cluster_id,
        brokers: brokers.map(|b| (b.id, b.host, b.port as u16)).collect(),
        ..ClusterFacts::default()
    }
}

async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, AdminError> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(call).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::Panicked),
    }
}
