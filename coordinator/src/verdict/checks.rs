//! What the instruments read, against the plan's limits.

use tribunal_model::ids::AgentName;
use tribunal_model::limits::Limit;
use tribunal_model::trial::{Rate, nanoseconds};
use tribunal_report::check::Check;
use tribunal_stats::Tally;
use tribunal_stats::little::{Observed, little};

use super::{Evidence, takes_turns};
use crate::merge::Kept;

/// Readings of a closed loop that may not void it: its threads are busy by design (METHODOLOGY.md, section 7).
const BUSY_BY_DESIGN: [Limit; 3] = [Limit::RunQueue, Limit::ReportLag, Limit::CpuQuota];

/// Readings of a client that takes turns with its sender that may not void a trial: its application would be as late.
/// What the host does to such a sender is read off its run queue instead.
const OF_THE_CLIENT: [Limit; 2] = [Limit::ScheduleDelayP99, Limit::LateSends];

/// Beyond this share of records without an acknowledgement Little's law says nothing about our instants.
const UNACKNOWLEDGED: f64 = 0.001;

/// Every reading that the trial allows, merged ones first, then by agent.
pub(super) fn checks(evidence: &Evidence<'_>, measured: &Tally) -> Vec<Check> {
    let paced = matches!(evidence.trial.load.rate, Rate::Paced(_));
    let turns = takes_turns(evidence) && evidence.merged.agents.values().all(|kept| kept.run.sender_time_ns > 0);
    let mut checks = Vec::new();
    let mut read = |limit: Limit, agent: Option<&AgentName>, value: f64| {
        let mut check = Check::new(evidence.limits, limit, agent, value);
        if !paced && BUSY_BY_DESIGN.contains(&limit) || turns && OF_THE_CLIENT.contains(&limit) {
            check.void = None;
        }
        checks.push(check);
    };
    if paced {
        let sends = measured.schedule_delay.count().max(1) as f64;
        let p99 = measured.schedule_delay.quantile(0.99).unwrap_or_default();
        read(Limit::ScheduleDelayP99, None, p99.as_secs_f64());
        read(Limit::LateSends, None, measured.late_sends as f64 / sends);
    }
    for (agent, kept) in &evidence.merged.agents {
        for (limit, value) in of_agent(evidence, agent, kept, paced) {
            read(limit, Some(agent), value);
        }
    }
    checks
}

/// The residual of Little's law beyond what the window's ends and the chance of the looks may make of it.
///
/// Not asked where more than a few records were not acknowledged: their time is in flight and in no service time.
fn law(kept: &Kept) -> Option<f64> {
    if kept.unacknowledged_share > UNACKNOWLEDGED {
        return None;
    }
    let seen = &kept.run.instruments;
    let law = little(&Observed {
        in_flight_mean: seen.in_flight_mean,
        in_flight_max: seen.in_flight_max,
        looks: seen.looks,
        accepted: seen.accepted,
        window_ns: seen.window_ns,
        mean_service_ns: kept.mean_service.as_secs_f64() * 1e9,
        max_service_ns: kept.max_service.as_secs_f64() * 1e9,
    })?;
    Some((law.residual.abs() - law.bound - law.noise).max(0.0))
}

fn of_agent(evidence: &Evidence<'_>, agent: &AgentName, kept: &Kept, paced: bool) -> Vec<(Limit, f64)> {
    let seconds = |ns: i64| ns as f64 / 1e9;
    let run = &kept.run;
    let seen = &run.instruments;
    let window_ns = nanoseconds(evidence.trial.windows.measure) as f64;
    let mut readings = vec![
        (Limit::StartSkew, seconds(run.start_skew_ns())),
        (
            Limit::ClockBound,
            seconds(run.clock.bound_ns.max(run.clock_after.bound_ns)),
        ),
    ];
    if paced {
        readings.push((Limit::ScheduleDelayP99, kept.schedule_delay_p99.as_secs_f64()));
        readings.push((Limit::LateSends, kept.late_share));
    }
    if seen.looks > 0 {
        readings.push((Limit::Hiccup, seconds(seen.hiccup_max_ns)));
        readings.push((Limit::ReportLag, seconds(seen.report_lag_p99_ns)));
        readings.extend(law(kept).map(|excess| (Limit::LittlesLaw, excess)));
    }
    if run.sender_time_ns > 0 {
        let share = run.sender_wait_ns as f64 / run.sender_time_ns as f64;
        readings.push((Limit::RunQueue, share));
    }
    if let Some(cores) = seen.quota_cores {
        readings.push((Limit::CpuQuota, seen.cpu_used_ns as f64 / (cores * window_ns).max(1.0)));
    }
    if seen.cgroup_periods > 0 {
        readings.push((Limit::CgroupThrottled, seen.cgroup_throttled_ns as f64 / window_ns));
    }
    let cpu = &kept.window.cpu;
    let steal = cpu.host_steal_ns as f64 / (cpu.host_busy_ns + cpu.host_steal_ns).max(1) as f64;
    readings.push((Limit::Steal, steal));
    if let Some(pressure) = seen.pressure_ns {
        readings.push((Limit::CpuPressure, pressure as f64 / window_ns));
    }
    if let Some(share) = evidence.of_ceiling.get(agent) {
        readings.push((Limit::Calibration, *share));
    }
    readings
}
