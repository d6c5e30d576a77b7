//! What *best* means for an experiment, and what a trial has to reach.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `[objective]`: at most one goal, and conditions that every trial is held against.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Objective {
    /// What is to be as large or as small as possible among the trials that meet the conditions.
    pub goal: Option<Goal>,
    /// What has to hold, in written order.
    pub conditions: Vec<Condition>,
}

/// What is to be as large or as small as possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// As large as possible.
    Maximise(Figure),
    /// As small as possible.
    Minimise(Figure),
}

/// A figure of a trial's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "ObjectiveFigure")
)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Acknowledgements that arrived in the window, records per second.
    DeliveredRate,
    /// Keys and values of those, bytes per second.
    DeliveredBytes,
    /// Delivered over offered rate.
    DeliveredShare,
    /// Percentiles of the response time, seconds.
    ResponseP50,
    /// See [`Self::ResponseP50`].
    ResponseP90,
    /// See [`Self::ResponseP50`].
    ResponseP99,
    /// See [`Self::ResponseP50`].
    ResponseP999,
    /// See [`Self::ResponseP50`].
    ResponseP9999,
    /// Percentiles of the service time, seconds.
    ServiceP50,
    /// See [`Self::ServiceP50`].
    ServiceP99,
    /// See [`Self::ServiceP50`].
    ServiceP999,
    /// Records of the window that failed.
    Failed,
    /// Records of the window that were shed.
    Shed,
    /// Records of the window without a final word at the end: unresolved and unsent.
    Censored,
    /// Records that the client sent again.
    Retries,
    /// Processor time of all that produces per million records delivered, seconds.
    CpuPerMillion,
}

/// In what a figure is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureUnit {
    /// Records per second.
    Rate,
    /// Bytes per second.
    ByteRate,
    /// Seconds.
    Seconds,
    /// A share of one.
    Share,
    /// A count.
    Count,
}

impl Figure {
    /// All figures.
    pub const ALL: [Self; 16] = [
        Self::DeliveredRate,
        Self::DeliveredBytes,
        Self::DeliveredShare,
        Self::ResponseP50,
        Self::ResponseP90,
        Self::ResponseP99,
        Self::ResponseP999,
        Self::ResponseP9999,
        Self::ServiceP50,
        Self::ServiceP99,
        Self::ServiceP999,
        Self::Failed,
        Self::Shed,
        Self::Censored,
        Self::Retries,
        Self::CpuPerMillion,
    ];

    /// The key in plans and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::DeliveredRate => "delivered_rate",
            Self::DeliveredBytes => "delivered_bytes",
            Self::DeliveredShare => "delivered_share",
            Self::ResponseP50 => "response_p50",
            Self::ResponseP90 => "response_p90",
            Self::ResponseP99 => "response_p99",
            Self::ResponseP999 => "response_p999",
            Self::ResponseP9999 => "response_p9999",
            Self::ServiceP50 => "service_p50",
            Self::ServiceP99 => "service_p99",
            Self::ServiceP999 => "service_p999",
            Self::Failed => "failed",
            Self::Shed => "shed",
            Self::Censored => "censored",
            Self::Retries => "retries",
            Self::CpuPerMillion => "cpu_per_million",
        }
    }

    /// Whether it is a percentile of a time that holds the client's linger.
    pub fn holds_linger(self) -> bool {
        self.unit() == FigureUnit::Seconds && self != Self::CpuPerMillion
    }

    /// The figure with this key.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.name() == name)
    }

    /// In what it is counted.
    pub fn unit(self) -> FigureUnit {
        match self {
            Self::DeliveredRate => FigureUnit::Rate,
            Self::DeliveredBytes => FigureUnit::ByteRate,
            Self::DeliveredShare => FigureUnit::Share,
            Self::ResponseP50
            | Self::ResponseP90
            | Self::ResponseP99
            | Self::ResponseP999
            | Self::ResponseP9999
            | Self::ServiceP50
            | Self::ServiceP99
            | Self::ServiceP999
            | Self::CpuPerMillion => FigureUnit::Seconds,
            Self::Failed | Self::Shed | Self::Censored | Self::Retries => FigureUnit::Count,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A figure held against a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Condition {
    /// The figure.
    pub figure: Figure,
    /// How it has to stand to the value.
    pub relation: Relation,
    /// The value, in the figure's unit.
    pub value: f64,
    /// As the plan writes it: `<= 50ms`.
    pub text: String,
}

/// How a figure has to stand to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `==`
    Equal,
}

impl Relation {
    /// Whether `figure` stands so to `value`.
    pub fn holds(self, figure: f64, value: f64) -> bool {
        match self {
            Self::AtMost => figure <= value,
            Self::Below => figure < value,
            Self::AtLeast => figure >= value,
            Self::Above => figure > value,
            Self::Equal => (figure - value).abs() <= f64::EPSILON * value.abs(),
        }
    }

    /// Whether a figure known only to be at least `bound` can be told to stand otherwise: it is too large already.
    pub fn fails_from(self, bound: f64, value: f64) -> bool {
        match self {
            Self::AtMost | Self::Equal => bound > value,
            Self::Below => bound >= value,
            Self::AtLeast | Self::Above => false,
        }
    }
}
