//! What agents say about themselves and about one attempt.

use tribunal_stats::facts::{BuildFacts, ClockFacts, HostFacts, ProducerFacts, RunFacts};

use super::{alike, all, required};
use crate::{Invalid, pb};

alike! {
    HostFacts { hostname, os, kernel, cpu_model, cores, memory_bytes, boot_id }
    BuildFacts { version, librdkafka, schedule, histogram }
    ClockFacts { offset_ns, bound_ns, round_trip_ns, exchanges }
}

impl From<ProducerFacts> for pb::ProducerFacts {
    fn from(domain: ProducerFacts) -> Self {
        let ProducerFacts {
            producer,
            client_id,
            topic,
            primed,
            scheduled,
            schedule_sha256,
            configuration,
        } = domain;
        Self {
            producer,
            client_id,
            topic,
            primed,
            scheduled,
            schedule_sha256,
            configuration: all(configuration),
        }
    }
}

impl From<pb::ProducerFacts> for ProducerFacts {
    fn from(raw: pb::ProducerFacts) -> Self {
        let pb::ProducerFacts {
            producer,
            client_id,
            topic,
            primed,
            scheduled,
            schedule_sha256,
            configuration,
        } = raw;
        Self {
            producer,
            client_id,
            topic,
            primed,
            scheduled,
            schedule_sha256,
            configuration: all(configuration),
        }
    }
}

impl From<RunFacts> for pb::RunFacts {
    fn from(domain: RunFacts) -> Self {
        let RunFacts {
            start_error_ns,
            clock,
            clock_after,
            load_end_ns,
            purged_ns,
            perhaps_written_after_purge,
            missing_reports,
            client_errors,
            sender_wait_ns,
            sender_time_ns,
        } = domain;
        Self {
            start_error_ns,
            clock: Some(clock.into()),
            clock_after: Some(clock_after.into()),
            load_end_ns,
            purged_ns,
            perhaps_written_after_purge,
            missing_reports,
            client_errors: all(client_errors),
            sender_wait_ns,
            sender_time_ns,
        }
    }
}

impl TryFrom<pb::RunFacts> for RunFacts {
    type Error = Invalid;

    fn try_from(raw: pb::RunFacts) -> Result<Self, Invalid> {
        let pb::RunFacts {
            start_error_ns,
            clock,
            clock_after,
            load_end_ns,
            purged_ns,
            perhaps_written_after_purge,
            missing_reports,
            client_errors,
            sender_wait_ns,
            sender_time_ns,
        } = raw;
        Ok(Self {
            start_error_ns,
            clock: required("RunFacts.clock", clock)?,
            clock_after: required("RunFacts.clock_after", clock_after)?,
            load_end_ns,
            purged_ns,
            perhaps_written_after_purge,
            missing_reports,
            client_errors: all(client_errors),
            sender_wait_ns,
            sender_time_ns,
        })
    }
}

impl From<(String, String, u64)> for pb::ClientError {
    fn from((name, text, count): (String, String, u64)) -> Self {
        Self { name, text, count }
    }
}

impl From<pb::ClientError> for (String, String, u64) {
    fn from(raw: pb::ClientError) -> Self {
        let pb::ClientError { name, text, count } = raw;
        (name, text, count)
    }
}
