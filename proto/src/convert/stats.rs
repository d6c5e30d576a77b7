//! What agents measure.

mod consumed;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use tribunal_model::trial::Part;
use tribunal_stats::{
    Activity, AgentReport, Backlog, BrokerLatencies, ClientCount, ClientSecond, ClientStatistics, ConsumerSecond, Cpu,
    Distribution, Fates, Followed, Latencies, OffsetSet, PartitionCount, Sample, Tallies, Tally,
};

use super::{Choice, alike, all, choices, optional, required};
use crate::{Invalid, pb};

alike! {
    Fates { scheduled, acknowledged, not_written, possibly_written, unresolved, shed, unsent }
    Cpu { sender_ns, recorder_ns, client_ns, client_busiest_ns, other_ns, host_busy_ns, host_steal_ns }
    ClientSecond { producer, topic, acknowledged, failed, in_flight, queue_full }
    Backlog { at_start, at_end }
    Latencies { sum_us, count }
    ConsumerSecond { group, member, second, records, lag, lag_max }
}

choices! {
    ClientCount {
        Batches, BatchRecords, Requests, Retries, Timeouts, TransmitErrors, Disconnects, WireBytes, RecordBytes, ThrottleMs,
        Throttled, OutOfRange,
    }
}

impl From<ClientStatistics> for pb::ClientStatistics {
    fn from(domain: ClientStatistics) -> Self {
        let ClientStatistics {
            batches,
            batch_records,
            requests,
            retries,
            timeouts,
            transmit_errors,
            disconnects,
            wire_bytes,
            record_bytes,
            throttle_ms,
            throttled,
            out_of_range,
            untold,
            brokers,
        } = domain;
        Self {
            batches,
            batch_records,
            requests,
            retries,
            timeouts,
            transmit_errors,
            disconnects,
            wire_bytes,
            record_bytes,
            throttle_ms,
            throttled,
            out_of_range,
            untold: (untold.into_iter())
                .map(|count| pb::ClientCount::from(count).into())
                .collect(),
            brokers: brokers
                .into_iter()
                .map(|(broker, latencies)| pb::BrokerLatencies {
                    broker,
                    queue: Some(latencies.queue.into()),
                    outbound: Some(latencies.outbound.into()),
                    round_trip: Some(latencies.round_trip.into()),
                    throttle: Some(latencies.throttle.into()),
                })
                .collect(),
        }
    }
}

impl TryFrom<pb::ClientStatistics> for ClientStatistics {
    type Error = Invalid;

    fn try_from(raw: pb::ClientStatistics) -> Result<Self, Invalid> {
        let pb::ClientStatistics {
            batches,
            batch_records,
            requests,
            retries,
            timeouts,
            transmit_errors,
            disconnects,
            wire_bytes,
            record_bytes,
            throttle_ms,
            throttled,
            out_of_range,
            untold,
            brokers: each,
        } = raw;
        let mut brokers = BTreeMap::new();
        for one in each {
            let latencies = BrokerLatencies {
                queue: required("BrokerLatencies.queue", one.queue)?,
                outbound: required("BrokerLatencies.outbound", one.outbound)?,
                round_trip: required("BrokerLatencies.round_trip", one.round_trip)?,
                throttle: required("BrokerLatencies.throttle", one.throttle)?,
            };
            if brokers.insert(one.broker, latencies).is_some() {
                return Err(Invalid::Twice {
                    field: "ClientStatistics.brokers",
                    text: one.broker.to_string(),
                });
            }
        }
        Ok(Self {
            batches,
            batch_records,
            requests,
            retries,
            timeouts,
            transmit_errors,
            disconnects,
            wire_bytes,
            record_bytes,
            throttle_ms,
            throttled,
            out_of_range,
            untold: (untold.into_iter())
                .map(|count| ClientCount::choose("ClientStatistics.untold", count))
                .collect::<Result<_, _>>()?,
            brokers,
        })
    }
}

impl From<&Distribution> for pb::Distribution {
    fn from(domain: &Distribution) -> Self {
        let overflow = domain.overflow();
        let hdr = if domain.count() == overflow {
            Vec::new()
        } else {
            domain.encode()
        };
        Self { hdr, overflow }
    }
}

fn distribution(field: &'static str, raw: Option<pb::Distribution>) -> Result<Distribution, Invalid> {
    let pb::Distribution { hdr, overflow } = raw.ok_or(Invalid::Missing(field))?;
    Distribution::decode(&hdr, overflow).map_err(|source| Invalid::Histogram { field, source })
}

impl From<&Tally> for pb::Tally {
    fn from(domain: &Tally) -> Self {
        let Tally {
            fates,
            response,
            service,
            send_lag,
            schedule_delay,
            late_sends,
            failed,
            censored,
        } = domain;
        Self {
            fates: Some((*fates).into()),
            response: Some(response.into()),
            service: Some(service.into()),
            send_lag: Some(send_lag.into()),
            schedule_delay: Some(schedule_delay.into()),
            late_sends: *late_sends,
            failed: failed
                .iter()
                .map(|(error, latencies)| pb::FailedLatencies {
                    error: error.clone(),
                    latencies: Some(latencies.into()),
                })
                .collect(),
            censored: Some(censored.into()),
        }
    }
}

impl TryFrom<pb::Tally> for Tally {
    type Error = Invalid;

    fn try_from(raw: pb::Tally) -> Result<Self, Invalid> {
        let pb::Tally {
            fates,
            response,
            service,
            send_lag,
            schedule_delay,
            late_sends,
            failed,
            censored,
        } = raw;
        let mut failed_by_error = BTreeMap::new();
        for pb::FailedLatencies { error, latencies } in failed {
            let latencies = distribution("FailedLatencies.latencies", latencies)?;
            if failed_by_error.insert(error.clone(), latencies).is_some() {
                return Err(Invalid::Twice {
                    field: "Tally.failed",
                    text: error,
                });
            }
        }
        Ok(Self {
            fates: required("Tally.fates", fates)?,
            response: distribution("Tally.response", response)?,
            service: distribution("Tally.service", service)?,
            send_lag: distribution("Tally.send_lag", send_lag)?,
            schedule_delay: distribution("Tally.schedule_delay", schedule_delay)?,
            late_sends,
            failed: failed_by_error,
            censored: distribution("Tally.censored", censored)?,
        })
    }
}

impl From<&Tallies> for pb::Tallies {
    fn from(domain: &Tallies) -> Self {
        let mut raw = Self {
            warm_up: None,
            window: None,
            cool_down: None,
        };
        for (part, tally) in domain.iter() {
            let place = match part {
                Part::WarmUp => &mut raw.warm_up,
                Part::Window => &mut raw.window,
                Part::CoolDown => &mut raw.cool_down,
            };
            *place = Some(tally.into());
        }
        raw
    }
}

impl TryFrom<pb::Tallies> for Tallies {
    type Error = Invalid;

    fn try_from(raw: pb::Tallies) -> Result<Self, Invalid> {
        let pb::Tallies {
            warm_up,
            window,
            cool_down,
        } = raw;
        let mut domain = Self::default();
        for (part, tally) in [
            (Part::WarmUp, warm_up),
            (Part::Window, window),
            (Part::CoolDown, cool_down),
        ] {
            if let Some(tally) = tally {
                domain.set(part, tally.try_into()?);
            }
        }
        Ok(domain)
    }
}

impl From<Sample> for pb::Sample {
    fn from(domain: Sample) -> Self {
        let Sample {
            start_ns,
            end_ns,
            tallies,
            activity,
            clients,
        } = domain;
        Self {
            start_ns,
            end_ns,
            tallies: Some((&tallies).into()),
            activity: Some(activity.into()),
            clients: all(clients),
        }
    }
}

impl TryFrom<pb::Sample> for Sample {
    type Error = Invalid;

    fn try_from(raw: pb::Sample) -> Result<Self, Invalid> {
        let pb::Sample {
            start_ns,
            end_ns,
            tallies,
            activity,
            clients,
        } = raw;
        Ok(Self {
            start_ns,
            end_ns,
            tallies: required("Sample.tallies", tallies)?,
            activity: required("Sample.activity", activity)?,
            clients: all(clients),
        })
    }
}

impl From<Activity> for pb::Activity {
    fn from(domain: Activity) -> Self {
        let Activity {
            acknowledged,
            acknowledged_bytes,
            failed,
            written_blind,
            queue_full,
            blocked_ns,
            spin_ns,
            in_flight,
            cpu,
        } = domain;
        Self {
            acknowledged,
            acknowledged_bytes,
            failed,
            written_blind,
            queue_full,
            blocked_ns,
            spin_ns,
            in_flight,
            cpu: Some(cpu.into()),
        }
    }
}

impl TryFrom<pb::Activity> for Activity {
    type Error = Invalid;

    fn try_from(raw: pb::Activity) -> Result<Self, Invalid> {
        let pb::Activity {
            acknowledged,
            acknowledged_bytes,
            failed,
            written_blind,
            queue_full,
            blocked_ns,
            spin_ns,
            in_flight,
            cpu,
        } = raw;
        Ok(Self {
            acknowledged,
            acknowledged_bytes,
            failed,
            written_blind,
            queue_full,
            blocked_ns,
            spin_ns,
            in_flight,
            cpu: required("Activity.cpu", cpu)?,
        })
    }
}

impl From<AgentReport> for pb::AgentReport {
    fn from(domain: AgentReport) -> Self {
        let AgentReport {
            tallies,
            window,
            backlog,
            statistics,
            partitions,
            offsets,
            sequences,
            followed,
            facts,
        } = domain;
        Self {
            tallies: Some((&tallies).into()),
            window: Some(window.into()),
            backlog: Some(backlog.into()),
            statistics: Some(statistics.into()),
            partitions: partitions
                .into_iter()
                .map(
                    |((topic, partition), PartitionCount { acknowledged, perhaps })| pb::PartitionCount {
                        topic,
                        partition,
                        acknowledged,
                        perhaps,
                    },
                )
                .collect(),
            facts: Some(facts.into()),
            offsets: offsets
                .into_iter()
                .map(|((topic, partition), offsets)| pb::PartitionOffsets {
                    topic,
                    partition,
                    offsets: offsets.encode(),
                })
                .collect(),
            followed: (followed != Followed::default()).then(|| followed.into()),
            sequences: sequences
                .into_iter()
                .map(|(producer, sequences)| pb::ProducerSequences {
                    producer,
                    sequences: sequences.encode(),
                })
                .collect(),
        }
    }
}

impl TryFrom<pb::AgentReport> for AgentReport {
    type Error = Invalid;

    fn try_from(raw: pb::AgentReport) -> Result<Self, Invalid> {
        let pb::AgentReport {
            tallies,
            window,
            backlog,
            statistics,
            partitions,
            facts,
            offsets,
            followed,
            sequences,
        } = raw;
        let mut counts = BTreeMap::new();
        for pb::PartitionCount {
            topic,
            partition,
            acknowledged,
            perhaps,
        } in partitions
        {
            let count = PartitionCount { acknowledged, perhaps };
            once("AgentReport.partitions", &mut counts, (topic, partition), count)?;
        }
        let mut sets = BTreeMap::new();
        for pb::PartitionOffsets {
            topic,
            partition,
            offsets,
        } in offsets
        {
            let set = set("PartitionOffsets.offsets", &offsets)?;
            once("AgentReport.offsets", &mut sets, (topic, partition), set)?;
        }
        let mut acknowledged = BTreeMap::new();
        for pb::ProducerSequences { producer, sequences } in sequences {
            let own = set("ProducerSequences.sequences", &sequences)?;
            only(
                "AgentReport.sequences",
                &mut acknowledged,
                producer,
                own,
                producer.to_string(),
            )?;
        }
        Ok(Self {
            tallies: required("AgentReport.tallies", tallies)?,
            window: required("AgentReport.window", window)?,
            backlog: required("AgentReport.backlog", backlog)?,
            statistics: required("AgentReport.statistics", statistics)?,
            partitions: counts,
            offsets: sets,
            sequences: acknowledged,
            followed: optional(followed)?.unwrap_or_default(),
            facts: required("AgentReport.facts", facts)?,
        })
    }
}

fn set(field: &'static str, bytes: &[u8]) -> Result<OffsetSet, Invalid> {
    OffsetSet::decode(bytes).map_err(|source| Invalid::Offsets { field, source })
}

/// Adds what a report says of a partition, which it may say once.
fn once<T>(
    field: &'static str,
    all: &mut BTreeMap<(String, i32), T>,
    partition: (String, i32),
    value: T,
) -> Result<(), Invalid> {
    let text = format!("{} {}", partition.0, partition.1);
    only(field, all, partition, value, text)
}

/// Adds the value of a key that may occur once; `text` names it.
fn only<K: Ord, T>(
    field: &'static str,
    all: &mut BTreeMap<K, T>,
    key: K,
    value: T,
    text: String,
) -> Result<(), Invalid> {
    match all.entry(key) {
        Entry::Occupied(_) => Err(Invalid::Twice { field, text }),
        Entry::Vacant(place) => {
            place.insert(value);
            Ok(())
        }
    }
}
