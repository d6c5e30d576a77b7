//! What agents say about themselves and about one attempt.

use tribunal_stats::facts::{
    BuildFacts, Calibration, CertificateFacts, ClockFacts, DriverFacts, FirstSend, HostFacts, Instruments,
    ProducerFacts, RunFacts,
};

use super::{alike, all, finite, required};
use crate::{Invalid, pb};

alike! {
    HostFacts { hostname, os, kernel, cpu_model, cores, memory_bytes, boot_id }
    BuildFacts { version, librdkafka, schedule, histogram }
    ClockFacts { offset_ns, bound_ns, round_trip_ns, exchanges, at_ns }
    FirstSend { intended_ns, accepted_ns }
    CertificateFacts { date, version, holds, failed, noisy }
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
            driver,
        } = domain;
        Self {
            producer,
            client_id,
            topic,
            primed,
            scheduled,
            schedule_sha256,
            configuration: all(configuration),
            driver: driver.map(|driver| (*driver).into()),
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
            driver,
        } = raw;
        Self {
            producer,
            client_id,
            topic,
            primed,
            scheduled,
            schedule_sha256,
            configuration: all(configuration),
            driver: driver.map(|driver| Box::new(driver.into())),
        }
    }
}

impl From<DriverFacts> for pb::DriverFacts {
    fn from(domain: DriverFacts) -> Self {
        let DriverFacts {
            client,
            version,
            library,
            runtime,
            clock_bound_ns,
            facts,
        } = domain;
        Self {
            client,
            version,
            library,
            runtime,
            clock_bound_ns,
            facts: all(facts),
        }
    }
}

impl From<pb::DriverFacts> for DriverFacts {
    fn from(raw: pb::DriverFacts) -> Self {
        let pb::DriverFacts {
            client,
            version,
            library,
            runtime,
            clock_bound_ns,
            facts,
        } = raw;
        Self {
            client,
            version,
            library,
            runtime,
            clock_bound_ns,
            facts: all(facts),
        }
    }
}

impl From<RunFacts> for pb::RunFacts {
    fn from(domain: RunFacts) -> Self {
        let RunFacts {
            start_error_ns,
            start_ns,
            first_send,
            clock,
            clock_after,
            load_end_ns,
            purged_ns,
            perhaps_written_after_purge,
            missing_reports,
            client_errors,
            sender_wait_ns,
            sender_time_ns,
            instruments,
            request_latency_ns,
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
            start_ns,
            instruments: Some(instruments.into()),
            first_send: first_send.map(Into::into),
            request_latency_ns,
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
            start_ns,
            instruments,
            first_send,
            request_latency_ns,
        } = raw;
        Ok(Self {
            start_error_ns,
            start_ns,
            first_send: first_send.map(Into::into),
            clock: required("RunFacts.clock", clock)?,
            clock_after: required("RunFacts.clock_after", clock_after)?,
            load_end_ns,
            purged_ns,
            perhaps_written_after_purge,
            missing_reports,
            client_errors: all(client_errors),
            sender_wait_ns,
            sender_time_ns,
            instruments: required("RunFacts.instruments", instruments)?,
            request_latency_ns,
        })
    }
}

impl From<Instruments> for pb::Instruments {
    fn from(domain: Instruments) -> Self {
        let Instruments {
            window_ns,
            looks,
            hiccup_max_ns,
            hiccups,
            in_flight_mean,
            in_flight_max,
            accepted,
            report_lag_p99_ns,
            report_lag_max_ns,
            quota_cores,
            cpu_used_ns,
            cgroup_periods,
            cgroup_throttled,
            cgroup_throttled_ns,
            pressure_ns,
        } = domain;
        Self {
            window_ns,
            looks,
            hiccup_max_ns,
            hiccups,
            in_flight_mean,
            in_flight_max,
            accepted,
            report_lag_p99_ns,
            report_lag_max_ns,
            quota_cores,
            cpu_used_ns,
            cgroup_periods,
            cgroup_throttled,
            cgroup_throttled_ns,
            pressure_ns,
        }
    }
}

impl TryFrom<pb::Instruments> for Instruments {
    type Error = Invalid;

    fn try_from(raw: pb::Instruments) -> Result<Self, Invalid> {
        let pb::Instruments {
            window_ns,
            looks,
            hiccup_max_ns,
            hiccups,
            in_flight_mean,
            in_flight_max,
            accepted,
            report_lag_p99_ns,
            report_lag_max_ns,
            quota_cores,
            cpu_used_ns,
            cgroup_periods,
            cgroup_throttled,
            cgroup_throttled_ns,
            pressure_ns,
        } = raw;
        Ok(Self {
            window_ns,
            looks,
            hiccup_max_ns,
            hiccups,
            in_flight_mean: finite("Instruments.in_flight_mean", in_flight_mean)?,
            in_flight_max,
            accepted,
            report_lag_p99_ns,
            report_lag_max_ns,
            quota_cores: quota_cores
                .map(|cores| finite("Instruments.quota_cores", cores))
                .transpose()?,
            cpu_used_ns,
            cgroup_periods,
            cgroup_throttled,
            cgroup_throttled_ns,
            pressure_ns,
        })
    }
}

impl From<Calibration> for pb::Calibration {
    fn from(domain: Calibration) -> Self {
        let Calibration {
            ceiling,
            paced,
            realised,
            schedule_delay_p99_ns,
            late_share,
            sink,
        } = domain;
        Self {
            ceiling,
            paced,
            realised,
            schedule_delay_p99_ns,
            late_share,
            sink,
        }
    }
}

impl TryFrom<pb::Calibration> for Calibration {
    type Error = Invalid;

    fn try_from(raw: pb::Calibration) -> Result<Self, Invalid> {
        let pb::Calibration {
            ceiling,
            paced,
            realised,
            schedule_delay_p99_ns,
            late_share,
            sink,
        } = raw;
        Ok(Self {
            ceiling: finite("Calibration.ceiling", ceiling)?,
            paced: finite("Calibration.paced", paced)?,
            realised: finite("Calibration.realised", realised)?,
            schedule_delay_p99_ns,
            late_share: finite("Calibration.late_share", late_share)?,
            sink,
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
