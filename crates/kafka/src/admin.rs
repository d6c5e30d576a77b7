//! Topics and offsets, for the coordinator.
//!
//! Everything here blocks its thread, up to the time-out given. It goes over librdkafka's C interface like the load path:
//! rdkafka's admin client neither lists offsets nor lets its errors be read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tribunal_engine::producer::ErrorCode;

use crate::client::{self, configure};
use crate::codes::error_text;
use crate::heard::Heard;
use crate::native::{Handle, Topic};
use crate::resolve::{ResolvedProperties, Secrets};

mod calls;
mod error;
mod patience;
mod ready;

pub use error::Error;
use error::passes;
use patience::{Deadline, listen};
use ready::unready;

/// The longest single request while a cluster is being reached, so that errors are seen.
const SLICE: Duration = Duration::from_millis(500);

/// A cluster that has answered.
pub struct Cluster {
    handle: Arc<Handle>,
    /// What it takes to connect, for connections to single brokers.
    connection: ResolvedProperties,
    secrets: Secrets,
    timeout: Duration,
    brokers: Vec<Broker>,
}

/// What a cluster says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Its id; `None` for a broker that has none.
    pub cluster_id: Option<String>,
    /// Its brokers, by ascending id.
    pub brokers: Vec<Broker>,
    /// The broker that is the controller, or in `KRaft` mode stands for it.
    pub controller: Option<i32>,
}

/// A broker and its advertised address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// Its host, as advertised.
    pub host: String,
    /// Its port, as advertised.
    pub port: i32,
}

/// One partition as a broker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// Its number.
    pub partition: i32,
    /// Its leader, if it has one.
    pub leader: Option<i32>,
    /// The brokers that hold it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those in sync.
    pub isr: Vec<i32>,
}

/// A topic's setting as it is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSetting {
    /// Its name, for example `min.insync.replicas`.
    pub name: String,
    /// Its value; empty when the broker keeps it to itself.
    pub value: String,
    /// Whether nobody has set it.
    pub is_default: bool,
}

/// Properties that say how to connect, rather than how to produce.
fn is_connection(name: &str) -> bool {
    const PREFIXES: [&str; 13] = [
        "security.",
        "sasl.",
        "ssl.",
        "https.",
        "enable.ssl.",
        "enable.sasl.",
        "socket.",
        "broker.",
        "client.dns.lookup",
        "reconnect.",
        "api.version.",
        "connections.",
        "metadata.recovery.",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn open(bootstrap: &str, connection: &ResolvedProperties) -> Result<Arc<Handle>, client::Error> {
    let over = [
        ("bootstrap.servers", bootstrap),
        ("client.id", "tribunal-coordinator"),
        ("allow.auto.create.topics", "false"),
        // End offsets are high watermarks, not last stable offsets.
        ("isolation.level", "read_uncommitted"),
    ];
    let (conf, tokens) = configure(connection, &over)?;
    let create = |message| client::Error::Create {
        message: connection.secrets().scrub(message),
    };
    Ok(Arc::new(Handle::producer(conf, None, tokens).map_err(create)?))
}

impl Cluster {
    /// Reaches a cluster within `timeout`, which each later request gets as well. Only what concerns connections is
    /// taken of the properties. An error that no waiting helps against, such as a wrong password, is not waited for.
    pub fn connect(bootstrap: &str, properties: &ResolvedProperties, timeout: Duration) -> Result<Self, Error> {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let connection: ResolvedProperties = properties
            .iter()
            .filter(|(name, _)| is_connection(name))
            .map(own)
            .collect();
        let secrets = properties.secrets();
        let handle = open(bootstrap, &connection)?;
        let deadline = Deadline::after(timeout);
        let mut heard = Heard::default();
        loop {
            let answer = calls::metadata(&handle, None, deadline.left().min(SLICE));
            listen(&mut heard, &handle, &secrets);
            match answer {
                Ok(found) => {
                    let brokers = found.brokers;
                    return Ok(Self {
                        handle,
                        connection,
                        secrets,
                        timeout,
                        brokers,
                    });
                }
                Err(code) if heard.hopeless || deadline.left().is_zero() => {
                    let reason = heard.last.unwrap_or_else(|| error_text(code).to_owned());
                    return Err(Error::Unreachable {
                        bootstrap: bootstrap.into(),
                        waited: deadline.waited(),
                        reason,
                    });
                }
                Err(_) => {
                    deadline.pause();
                }
            }
        }
    }

    /// What the cluster says about itself now.
    pub fn metadata(&self) -> Result<ClusterFacts, Error> {
        let found = self.retry("describe cluster", "", |left| {
            Ok(calls::metadata(&self.handle, None, left)?)
        })?;
        Ok(ClusterFacts {
            cluster_id: calls::cluster_id(&self.handle, self.timeout),
            controller: calls::controller(&self.handle, self.timeout),
            brokers: found.brokers,
        })
    }

    /// Names of the topics that begin with `prefix`, sorted.
    pub fn list_topics(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let found = self.retry("list topics", prefix, |left| {
            Ok(calls::metadata(&self.handle, None, left)?)
        })?;
        let mut names: Vec<_> = found.topics.into_iter().map(|topic| topic.name).collect();
        names.retain(|name| name.starts_with(prefix));
        names.sort_unstable();
        Ok(names)
    }

    /// Makes a topic whose partition p has the replicas `assignment[p]`, the preferred leader first.
    pub fn create_topic(
        &self,
        name: &str,
        assignment: &[Vec<i32>],
        settings: &[(String, String)],
    ) -> Result<(), Error> {
        let made = calls::create_topic(&self.handle, name, assignment, settings, self.timeout);
        made.map_err(|failure| self.refused("create topic", name, failure))
    }

    /// Deletes a topic. That there is none is no error.
    pub fn delete_topic(&self, name: &str) -> Result<(), Error> {
        match calls::delete_topic(&self.handle, name, self.timeout) {
            Err(failure) if failure.code.0 != "UNKNOWN_TOPIC_OR_PART" => {
                Err(self.refused("delete topic", name, failure))
            }
            _ => Ok(()),
        }
    }

    /// A topic's settings as they are in effect, defaults included, sorted by name.
    pub fn describe_topic_settings(&self, name: &str) -> Result<Vec<TopicSetting>, Error> {
        let found = self.retry("describe topic", name, |left| {
            calls::describe_topic(&self.handle, name, left)
        });
        found.map(|mut settings| {
            settings.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            settings
        })
    }

    /// A topic's partitions, ascending, as one broker sees them; no partition when that broker knows no such topic.
    pub fn topic_state(&self, name: &str) -> Result<Vec<PartitionState>, Error> {
        let topic = self.topic(name)?;
        self.retry("describe topic", name, |left| {
            Ok(topic_state(&self.handle, &topic, left)?)
        })
    }

    /// The high watermark of each partition, by number: `offsets[p]`, for partitions `0..partitions`.
    pub fn end_offsets(&self, name: &str, partitions: i32) -> Result<Vec<i64>, Error> {
        let topic = self.topic(name)?;
        self.retry("read end offsets of topic", name, |left| {
            let answer = calls::end_offsets(&self.handle, name, partitions, left);
            if answer.is_err() {
                // librdkafka looks a leader up in its cache, which may be from before the topic was whole, and does not
                // refresh it by itself; asking for the topic does.
                let _ = topic_state(&self.handle, &topic, left.min(SLICE));
            }
            Ok(answer?)
        })
    }

    /// Waits until a topic can be written to on equal terms: every partition has its preferred leader, all replicas are in
    /// sync, and each broker of the cluster knows it so.
    pub fn await_ready(&self, name: &str, partitions: i32, replication: usize, timeout: Duration) -> Result<(), Error> {
        let deadline = Deadline::after(timeout);
        let not_ready = |problem| Error::NotReady {
            topic: name.into(),
            waited: deadline.waited(),
            problem,
        };
        let mut ask: Vec<(String, Option<Arc<Handle>>)> = vec![("the cluster".into(), Some(Arc::clone(&self.handle)))];
        ask.extend(
            self.brokers
                .iter()
                .map(|broker| (format!("{}:{}", broker.host, broker.port), None)),
        );
        for (at, handle) in &mut ask {
            // A client that knows one broker only asks that one first.
            let handle = match handle {
                Some(handle) => Arc::clone(handle),
                None => open(at, &self.connection)?,
            };
            let topic = topic(&handle, name)?;
            loop {
                let problem = match topic_state(&handle, &topic, deadline.left().min(SLICE)) {
                    Ok(state) => unready(&state, partitions, replication),
                    Err(code) if !passes(code) => {
                        let failure = calls::Failure {
                            code,
                            text: error_text(code).into(),
                        };
                        return Err(self.refused("describe topic", name, failure));
                    }
                    Err(code) => Some(error_text(code).to_owned()),
                };
                match problem {
                    None => break,
                    Some(problem) if !deadline.pause() => return Err(not_ready(format!("{at}: {problem}"))),
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }

    fn topic(&self, name: &str) -> Result<Topic, Error> {
        topic(&self.handle, name)
    }

    /// Tries again while the error may pass and there is time.
    fn retry<T>(
        &self,
        act: &'static str,
        topic: &str,
        mut ask: impl FnMut(Duration) -> Result<T, calls::Failure>,
    ) -> Result<T, Error> {
        let deadline = Deadline::after(self.timeout);
        loop {
            match ask(deadline.left()) {
                Ok(found) => return Ok(found),
                Err(failure) if passes(failure.code) && deadline.pause() => {}
                Err(failure) => return Err(self.refused(act, topic, failure)),
            }
        }
    }

    fn refused(&self, act: &'static str, topic: &str, failure: calls::Failure) -> Error {
        Error::Refused {
            act,
            topic: topic.into(),
            code: failure.code,
            text: self.secrets.scrub(failure.text),
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("brokers", &self.brokers)
            .finish_non_exhaustive()
    }
}

fn topic(handle: &Arc<Handle>, name: &str) -> Result<Topic, Error> {
    Topic::new(handle, name).map_err(|code| {
        client::Error::Topic {
            topic: name.into(),
            code,
        }
        .into()
    })
}

fn topic_state(handle: &Arc<Handle>, topic: &Topic, wait: Duration) -> Result<Vec<PartitionState>, ErrorCode> {
    let found = calls::metadata(handle, Some(topic), wait)?;
    let Some(found) = found.topics.into_iter().next() else {
        return Ok(Vec::new());
    };
    match found.code {
        Some(code) if code.0 != "UNKNOWN_TOPIC_OR_PART" => Err(code),
        _ => Ok(found.partitions),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_properties_are_taken() {
        for name in [
            "security.protocol",
            "sasl.password",
            "ssl.ca.location",
            "broker.address.family",
        ] {
            assert!(is_connection(name), "{name}");
        }
        for name in [
            "linger.ms",
            "acks",
            "transactional.id",
            "enable.idempotence",
            "statistics.interval.ms",
        ] {
            assert!(!is_connection(name), "{name}");
        }
    }
}
