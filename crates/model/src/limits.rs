//! Limits of validity: from where on a figure about our own instruments casts doubt on a trial, or voids it.

use std::fmt;
use std::time::Duration;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::format_duration;

/// A figure about the instruments that has limits in a plan's `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// How far from the announced instant an agent may have started, with its clock's bound added.
    StartSkew,
    /// How far an agent's clock may be off against the coordinator's.
    ClockBound,
    /// 99th percentile of the schedule delay: how late our own sender was, the client's refusals apart.
    ScheduleDelayP99,
    /// Share of the sends that our own sender made more than a millisecond late.
    LateSends,
    /// The longest time in the window for which a thread that only sleeps and wakes was not run.
    Hiccup,
    /// Share of the senders' time for which they were runnable and not running.
    RunQueue,
    /// Share of the processor quota of the agent's control group that the agent used.
    CpuQuota,
    /// Share of the window for which the agent's control group was throttled.
    CgroupThrottled,
    /// Share of the host's processor time that the hypervisor took.
    Steal,
    /// Share of the window in which some task of the host waited for a processor (PSI).
    CpuPressure,
    /// 99th percentile of the time for which a delivery report may have waited for our report thread.
    ReportLag,
    /// Residual of Little's law: |L − λW| ÷ L.
    LittlesLaw,
    /// Offered rate as a share of what the agent managed against a null sink. Beyond `void` a cell is refused.
    Calibration,
}

/// In what a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share of one.
    Share,
}

/// From where on a figure is a doubt, and from where on it voids; infinity is never.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Beyond this the trial carries a caveat.
    pub warn: f64,
    /// Beyond this the trial is invalid.
    pub void: f64,
}

/// What a figure is against its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A doubt.
    Warn,
    /// The trial is invalid.
    Void,
}

impl Limit {
    /// All limits, in the order in which they are told.
    pub const ALL: [Self; 13] = [
        Self::StartSkew,
        Self::ClockBound,
        Self::ScheduleDelayP99,
        Self::LateSends,
        Self::Hiccup,
        Self::RunQueue,
        Self::CpuQuota,
        Self::CgroupThrottled,
        Self::Steal,
        Self::CpuPressure,
        Self::ReportLag,
        Self::LittlesLaw,
        Self::Calibration,
    ];

    /// The key in `[limits]` and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::StartSkew => "start_skew",
            Self::ClockBound => "clock_bound",
            Self::ScheduleDelayP99 => "schedule_delay_p99",
            Self::LateSends => "late_sends",
            Self::Hiccup => "hiccup",
            Self::RunQueue => "run_queue",
            Self::CpuQuota => "cpu_quota",
            Self::CgroupThrottled => "cgroup_throttled",
            Self::Steal => "steal",
            Self::CpuPressure => "cpu_pressure",
            Self::ReportLag => "report_lag",
            Self::LittlesLaw => "littles_law",
            Self::Calibration => "calibration",
        }
    }

    /// The limit with this key.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }

    /// In what it is counted.
    pub fn unit(self) -> Unit {
        match self {
            Self::StartSkew | Self::ClockBound | Self::ScheduleDelayP99 | Self::Hiccup | Self::ReportLag => {
                Unit::Seconds
            }
            Self::LateSends
            | Self::RunQueue
            | Self::CpuQuota
            | Self::CgroupThrottled
            | Self::Steal
            | Self::CpuPressure
            | Self::LittlesLaw
            | Self::Calibration => Unit::Share,
        }
    }

    /// Where a plan says nothing. Sources: METHODOLOGY.md, section 7.
    pub fn default_bounds(self) -> Bounds {
        let (warn, void) = match self {
            Self::StartSkew => (0.005, 0.010),
            Self::ClockBound => (0.002, 0.010),
            Self::ScheduleDelayP99 => (0.001, 0.005),
            Self::LateSends => (0.01, 0.05),
            // Seconds for the one, shares for the others.
            Self::Hiccup | Self::RunQueue | Self::Steal => (0.02, 0.10),
            Self::CpuQuota => (0.70, 0.95),
            Self::CgroupThrottled | Self::ReportLag => (0.001, 0.01),
            Self::CpuPressure => (0.20, f64::INFINITY),
            Self::LittlesLaw => (0.03, 0.10),
            Self::Calibration => (0.70, f64::INFINITY),
        };
        Bounds { warn, void }
    }

    /// A value of this limit for people: `10ms`, `5 %`.
    pub fn show(self, value: f64) -> String {
        if value.is_infinite() {
            return "never".to_owned();
        }
        match self.unit() {
            Unit::Seconds => format_duration(Duration::from_nanos(three_digits(value * 1e9))),
            Unit::Share => {
                let percent = value * 100.0;
                let digits = usize::from(percent < 10.0 && percent.fract() > 0.005) * 2;
                format!("{percent:.digits$} %")
            }
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// To three digits: a reading is no more exact than that, and a limit seldom has more.
fn three_digits(nanoseconds: f64) -> u64 {
    let unit = 10f64.powi((nanoseconds.max(1.0).log10().floor() as i32 - 2).max(0));
    ((nanoseconds / unit).round() * unit) as u64
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// All limits of a plan.
///
/// A limit looser than the default is printed under a report's title. Stored as a map from name to `warn` and `void`;
/// an absent bound is never, an absent limit the default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits([Bounds; Limit::ALL.len()]);

impl Default for Limits {
    fn default() -> Self {
        Self(Limit::ALL.map(Limit::default_bounds))
    }
}

impl Limits {
    /// The bounds of a limit.
    pub fn get(&self, limit: Limit) -> Bounds {
        self.0[limit.index()]
    }

    /// Puts other bounds in the place of a limit's.
    pub fn set(&mut self, limit: Limit, bounds: Bounds) {
        self.0[limit.index()] = bounds;
    }

    /// What a figure is against its limit; `None` when it is within.
    pub fn severity(&self, limit: Limit, value: f64) -> Option<Severity> {
        let bounds = self.get(limit);
        if value > bounds.void {
            Some(Severity::Void)
        } else if value > bounds.warn {
            Some(Severity::Warn)
        } else {
            None
        }
    }

    /// The limits that are looser than the default, as `name value (default value)`.
    pub fn loosened(&self) -> Vec<String> {
        let mut loosened = Vec::new();
        for limit in Limit::ALL {
            let (ours, default) = (self.get(limit), limit.default_bounds());
            if ours.void > default.void {
                let (ours, default) = (limit.show(ours.void), limit.show(default.void));
                loosened.push(format!("{limit} {ours} (default {default})"));
            } else if ours.warn > default.warn {
                let (ours, default) = (limit.show(ours.warn), limit.show(default.warn));
                loosened.push(format!("{limit} warns from {ours} (default {default})"));
            }
        }
        loosened
    }
}

/// The stored form of one limit.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Stored {
    warn: Option<f64>,
    void: Option<f64>,
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Limit::ALL.len()))?;
        let finite = |value: f64| value.is_finite().then_some(value);
        for limit in Limit::ALL {
            let Bounds { warn, void } = self.get(limit);
            let (warn, void) = (finite(warn), finite(void));
            map.serialize_entry(limit.name(), &Stored { warn, void })?;
        }
        map.end()
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Limits {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limits".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The limits of validity by their names in plans.",
            "type": "object",
            "propertyNames": { "enum": Limit::ALL.map(Limit::name) },
            "additionalProperties": generator.subschema_for::<Stored>(),
        })
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Limits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("limits by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Limits, A::Error> {
                let mut limits = Limits::default();
                while let Some(name) = map.next_key::<String>()? {
                    let stored: Stored = map.next_value()?;
                    let Some(limit) = Limit::named(&name) else {
                        return Err(serde::de::Error::custom(format!("unknown limit {name:?}")));
                    };
                    let never = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
                    let (warn, void) = (never(stored.warn), never(stored.void));
                    limits.set(limit, Bounds { warn, void });
                }
                Ok(limits)
            }
        }

        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(limit: Limit, warn: f64, void: f64) -> Limits {
        let mut limits = Limits::default();
        limits.set(limit, Bounds { warn, void });
        limits
    }

    #[test]
    fn the_index_of_a_limit_is_its_place() {
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit.index(), place);
            assert_eq!(Limit::named(limit.name()), Some(limit));
        }
    }

    #[test]
    fn a_value_is_told_to_three_digits() {
        assert_eq!(Limit::Hiccup.show(0.070_882_821), "70.9ms");
        assert_eq!(Limit::Hiccup.show(0.010), "10ms");
        assert_eq!(Limit::ReportLag.show(0.000_000_012), "12ns");
        assert_eq!(Limit::Hiccup.show(0.0), "0s");
        assert_eq!(Limit::Steal.show(0.023), "2.30 %");
    }

    #[test]
    fn only_looser_limits_are_told() {
        assert!(Limits::default().loosened().is_empty());
        assert!(with(Limit::StartSkew, 0.001, 0.001).loosened().is_empty());
        let looser = with(Limit::StartSkew, 0.005, 0.050);
        assert_eq!(looser.loosened(), ["start_skew 50ms (default 10ms)"]);
        let silent = with(Limit::Steal, f64::INFINITY, 0.10);
        assert_eq!(silent.loosened(), ["steal warns from never (default 2 %)"]);
    }

    #[test]
    fn a_figure_is_within_warned_of_or_void() {
        let limits = Limits::default();
        assert_eq!(limits.severity(Limit::Hiccup, 0.020), None);
        assert_eq!(limits.severity(Limit::Hiccup, 0.021), Some(Severity::Warn));
        assert_eq!(limits.severity(Limit::Hiccup, 0.101), Some(Severity::Void));
        assert_eq!(limits.severity(Limit::CpuPressure, 1.0), Some(Severity::Warn));
    }
}
