//! Readings of the instruments against their limits: the evidence of a verdict, also where all is well.

use serde::{Deserialize, Serialize};
use tribunal_model::ids::AgentName;
use tribunal_model::limits::{Limit, Limits, Severity};

/// One reading against its limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// What was read.
    pub limit: Limit,
    /// On which agent; `None` for the merged trial.
    pub agent: Option<AgentName>,
    /// The reading: seconds, or a share of one.
    pub value: f64,
    /// Beyond this it is a doubt; `None` is never.
    pub warn: Option<f64>,
    /// Beyond this the trial is invalid; `None` is never.
    pub void: Option<f64>,
}

impl Check {
    /// A reading against the plan's limits.
    pub fn new(limits: &Limits, limit: Limit, agent: Option<&AgentName>, value: f64) -> Self {
        let bounds = limits.get(limit);
        let finite = |bound: f64| bound.is_finite().then_some(bound);
        Self {
            limit,
            agent: agent.cloned(),
            value,
            warn: finite(bounds.warn),
            void: finite(bounds.void),
        }
    }

    /// How it stands to its limits; `None` is within.
    pub fn severity(&self) -> Option<Severity> {
        if self.void.is_some_and(|void| self.value > void) {
            Some(Severity::Void)
        } else if self.warn.is_some_and(|warn| self.value > warn) {
            Some(Severity::Warn)
        } else {
            None
        }
    }

    /// The reading for people, with the limit that it is beyond, or else the one that it is nearest to.
    pub fn text(&self) -> String {
        let show = |value: f64| self.limit.show(value);
        let warn = self.warn.filter(|_| self.severity() != Some(Severity::Void));
        let limit = match (warn, self.void) {
            (Some(warn), _) => format!("doubt above {}", show(warn)),
            (None, Some(void)) => format!("invalid above {}", show(void)),
            (None, None) => "no limit".to_owned(),
        };
        format!("{} ({limit})", show(self.value))
    }
}

/// What a reading beyond its limit means, and what to try.
pub(crate) fn meaning(limit: Limit) -> (&'static str, &'static str) {
    match limit {
        Limit::StartSkew => (
            "agents did not start together",
            "Look at the agent's clock offset and load, then repeat the trial.",
        ),
        Limit::ClockBound => (
            "an agent's clock is known only roughly",
            "Look at the network between agent and coordinator.",
        ),
        Limit::ScheduleDelayP99 => (
            "Tribunal's own sender was late (schedule delay, p99)",
            "Use more agents or fewer producers on each host, or lower the rate.",
        ),
        Limit::LateSends => (
            "Tribunal's own sender made this share of its sends more than 1 ms late",
            "Use more agents or fewer producers on each host, or lower the rate.",
        ),
        Limit::Hiccup => (
            "the agent's host stood still for its threads",
            "Look for other work on the host, swapping, or a paused virtual machine.",
        ),
        Limit::RunQueue => (
            "sender threads were ready to run and waited for a processor",
            "Use more agents or fewer producers on each host, or keep other work off it.",
        ),
        Limit::CpuQuota => (
            "the agent used this share of its processor quota",
            "Raise the container's quota, or use more agents.",
        ),
        Limit::CgroupThrottled => (
            "the agent's control group was throttled for this share of the window",
            "Raise the container's quota, or use more agents.",
        ),
        Limit::Steal => (
            "the hypervisor took processor time from the agent's host",
            "Use a host that is not shared, or compare repetitions before believing rare latencies.",
        ),
        Limit::CpuPressure => (
            "tasks of the agent's host waited for a processor for this share of the window",
            "Keep other work off the host.",
        ),
        Limit::ReportLag => (
            "delivery reports may have waited for Tribunal's own thread (p99)",
            "Use more producers or agents, so that each has fewer reports to take.",
        ),
        Limit::LittlesLaw => (
            "records in flight, rate and service time do not agree (Little's law)",
            "Keep the result file: an instrument, or the host's clock, is wrong.",
        ),
        Limit::Calibration => (
            "the offered rate is this share of what the agent managed against a null sink",
            "Use more agents, or calibrate again if the hosts have changed.",
        ),
    }
}
