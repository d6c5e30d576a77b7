//! What agents say about themselves.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tribunal_stats::facts::{
    BuildFacts, Calibration, CertificateFacts, ClockFacts, DriverFacts, FirstSend, HostFacts, Instruments,
    ProducerFacts, RunFacts,
};

use super::{number, pairs, text, texts};

prop_compose! {
    pub(super) fn host_facts()(
        [hostname, os, kernel, cpu_model, boot_id] in prop::array::uniform5(text()), cores: u32, memory_bytes: u64,
    ) -> HostFacts {
        HostFacts { hostname, os, kernel, cpu_model, cores, memory_bytes, boot_id }
    }
}

prop_compose! {
    pub(super) fn build_facts()([version, librdkafka, schedule, histogram] in prop::array::uniform4(text())) -> BuildFacts {
        BuildFacts { version, librdkafka, schedule, histogram }
    }
}

prop_compose! {
    pub(super) fn clock_facts()(
        [offset_ns, bound_ns, round_trip_ns, at_ns] in any::<[i64; 4]>(), exchanges: u32,
    ) -> ClockFacts {
        ClockFacts { offset_ns, bound_ns, round_trip_ns, exchanges, at_ns }
    }
}

prop_compose! {
    fn driver_facts()(
        [client, version, library, runtime] in prop::array::uniform4(text()), clock_bound_ns: i64, facts in pairs(),
    ) -> DriverFacts {
        DriverFacts { client, version, library, runtime, clock_bound_ns, facts }
    }
}

prop_compose! {
    pub(super) fn producer_facts()(
        producer: u32,
        client_id in text(),
        topic in text(),
        primed in vec(any::<u64>(), 0..6),
        scheduled: Option<u64>,
        schedule_sha256 in option::of(text()),
        configuration in pairs(),
        driver in option::of(driver_facts().prop_map(Box::new)),
    ) -> ProducerFacts {
        let configuration = configuration.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        ProducerFacts { producer, client_id, topic, primed, scheduled, schedule_sha256, configuration, driver }
    }
}

prop_compose! {
    pub(super) fn run_facts()(
        [start_error_ns, start_ns] in any::<[i64; 2]>(),
        first_send: Option<[i64; 2]>,
        clock in clock_facts(),
        clock_after in clock_facts(),
        load_end_ns: i64,
        purged_ns: Option<i64>,
        client_errors in vec((text(), text(), any::<u64>()), 0..3),
        [perhaps_written_after_purge, missing_reports, sender_wait_ns, sender_time_ns] in any::<[u64; 4]>(),
        instruments in instruments(),
        request_latency_ns: Option<i64>,
    ) -> RunFacts {
        RunFacts {
            start_error_ns,
            start_ns,
            first_send: first_send.map(|[intended_ns, accepted_ns]| FirstSend { intended_ns, accepted_ns }),
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
        }
    }
}

prop_compose! {
    fn instruments()(
        [window_ns, looks, hiccups, in_flight_max, accepted] in any::<[u64; 5]>(),
        [cpu_used_ns, cgroup_periods, cgroup_throttled, cgroup_throttled_ns] in any::<[u64; 4]>(),
        [hiccup_max_ns, report_lag_p99_ns, report_lag_max_ns] in any::<[i64; 3]>(),
        in_flight_mean in number(),
        quota_cores in option::of(number()),
        pressure_ns: Option<u64>,
    ) -> Instruments {
        Instruments {
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

prop_compose! {
    pub(super) fn calibration()(
        [ceiling, paced, realised, late_share] in prop::array::uniform4(number()),
        schedule_delay_p99_ns: i64,
        sink in text(),
    ) -> Calibration {
        Calibration { ceiling, paced, realised, schedule_delay_p99_ns, late_share, sink }
    }
}

prop_compose! {
    pub(super) fn certificate()(
        [date, version] in prop::array::uniform2(text()), holds: u32, failed in texts(), noisy in texts(),
    ) -> CertificateFacts {
        CertificateFacts { date, version, holds, failed, noisy }
    }
}
