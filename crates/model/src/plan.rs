//! The plan: what a person asks for, from TOML text to values with a meaning.
//!
//! The text becomes a tree of values that know their line ([`Override`]s go over it), and the tree becomes a [`Plan`].
//! Every error is one line that names the place, the key, what is wrong and what to write. Everything has a default
//! except the cluster and the rate. Nothing is read but the text: a plan that takes rates from a file says so
//! ([`Plan::replay_file`]), and who has the file hands them in.

use std::fmt;
use std::time::Duration;

use crate::client::Client;
use crate::consumers::Consumers;
use crate::design::{AuditLevel, Design, SearchPlan};
use crate::ids::AgentName;
use crate::limits::Limits;
use crate::objective::Objective;
use crate::profile::Profile;
use crate::properties::{Properties, Value};
use crate::trial::{Arrivals, Keys, Partitioner, RecordShape, TopicShape, WhenFull, Windows};
use crate::units::OfferedRate;

mod audit;
mod clients;
mod clusters;
mod consumers;
mod design;
mod factors;
mod limits;
mod metrics;
mod objective;
mod overrides;
mod presets;
mod profile;
mod property;
mod reader;
mod replay;
mod sections;
mod tree;
mod workload;

#[cfg(test)]
mod tests;

pub use factors::{Exclusion, Factor, FactorLevel, Setting};
pub use metrics::{InvalidMetricsAddress, MetricsAddress};
pub use overrides::Override;
pub use presets::Preset;
pub use replay::ReplayFile;

/// The only schema of plans that this build reads.
pub const SCHEMA: u64 = 1;

/// A commented plan, complete and readable by [`Plan::parse`]: what `tribunal plan init` prints.
pub const TEMPLATE: &str = include_str!("plan/template.toml");

/// Keys that later versions will have.
const LATER: [&str; 1] = ["topic.existing"];

/// Keys that are looked for in another section than theirs.
const ELSEWHERE: [(&str, &str); 6] = [
    ("window.confirm", "search.confirm"),
    ("window.budget", "design.budget"),
    ("window.canary", "design.canary"),
    ("design.burn_in", "window.burn_in"),
    ("design.repetitions", "window.repetitions"),
    ("search.repetitions", "search.confirmations"),
];

/// What a plan means.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The file's name, for messages.
    pub file: String,
    /// The experiment's title; the file's name without its ending by default.
    pub name: String,
    /// What every random choice is derived from; 1 by default.
    pub seed: u64,
    /// The agents that are wanted.
    pub agents: Agents,
    /// The cluster under load; of several the first.
    pub cluster: Cluster,
    /// Several clusters by name, in written order, for the factor `cluster`; empty where there is one.
    pub clusters: Vec<(String, Cluster)>,
    /// What topic names start with; `tribunal` by default.
    pub prefix: String,
    /// The topics of a trial, where no factor says otherwise: 1 topic of 12 partitions (they divide evenly over 1, 2,
    /// 3, 4 or 6 brokers), 1 replica (so that a single broker will do).
    pub topic: TopicShape,
    /// What to send, where no factor says otherwise.
    pub workload: Workload,
    /// The lengths of a trial's parts: 10 s, 30 s and 15 s by default.
    pub windows: Windows,
    /// How often each cell is run; 1 by default.
    pub repetitions: u32,
    /// How long t1 may be put off until the load is steady; zero, and so a fixed warm-up, by default.
    pub settle: Duration,
    /// How finely records are compared with the broker's offsets; offset by offset by default.
    pub audit: AuditLevel,
    /// Which cells, in which mode, within which budget.
    pub design: Design,
    /// What *best* means and what has to hold.
    pub objective: Option<Objective>,
    /// The search for each cell's capacity, instead of the repetitions of a matrix.
    pub search: Option<SearchPlan>,
    /// What reads the topics while the producers write; nothing by default.
    pub consumers: Option<Consumers>,
    /// Validity limits.
    pub limits: Limits,
    /// The named set of properties that the baseline starts from.
    pub preset: Preset,
    /// The client library, where no factor says otherwise; librdkafka in process by default.
    pub client: Client,
    /// What single client libraries are given beside, in written order.
    pub clients: Vec<(Client, ClientPlan)>,
    /// The properties that the baseline sets itself.
    pub baseline: Properties,
    /// What is varied, in written order.
    pub factors: Vec<Factor>,
    /// Combinations of levels that are left out.
    pub exclude: Vec<Exclusion>,
    /// Notes on the environment for the report, in written order.
    pub environment: Vec<(String, String)>,
    /// Every key that was written and where.
    origins: Vec<(String, Origin)>,
}

/// The agents that a plan wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agents {
    /// Which or how many.
    pub wanted: Wanted,
    /// How long to wait for them; 30 s by default.
    pub wait: Duration,
}

/// Which agents, or how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// That many, whatever their names.
    Count(u32),
    /// These, in written order.
    Named(Vec<AgentName>),
    /// All that are connected when the experiment starts.
    Connected,
}

/// The cluster under load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Where it is.
    pub bootstrap: Bootstrap,
    /// How to reach it: `security.*`, `sasl.*`, `ssl.*` and their like.
    pub properties: Properties,
    /// Where its brokers' metrics are read over each window; none by default.
    pub metrics: Vec<MetricsAddress>,
}

/// Where the cluster is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bootstrap {
    /// The coordinator starts `tribunal mock`.
    Mock {
        /// Injected round-trip time, in whole milliseconds; none by default.
        round_trip: Duration,
    },
    /// `host:port`, several separated by commas.
    Servers(String),
}

/// What the producers send, where no factor says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// How fast, over all agents. Where the plan gives the rate only as a factor, its first level; with a profile its mean
    /// from t0 to t2; without meaning where a search or two phases set the rates.
    pub rate: OfferedRate,
    /// How the rate changes over a trial; it goes over `rate`.
    pub profile: Option<Profile>,
    /// Uniform by default.
    pub arrivals: Arrivals,
    /// Producer clients over all agents; 1 by default.
    pub producers: u32,
    /// Records; 1 KiB of generated bytes, half of them compressible, by default. With samples the size is
    /// `Size::Fixed(0)` and means nothing.
    pub record: RecordShape,
    /// None by default.
    pub keys: Keys,
    /// Native by default.
    pub partitioner: Partitioner,
    /// Hold by default.
    pub when_full: WhenFull,
    /// Producers that share a process of a driver; 1 by default.
    pub clients_per_process: u32,
}

/// What one client library is given beside the baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientPlan {
    /// Properties by their names in plans, which go over the baseline's.
    pub properties: Properties,
    /// Properties in the client's own spelling.
    pub own: Properties,
    /// Options of its driver.
    pub options: Vec<(String, String)>,
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The plan, but no line of it: what is absent.
    File,
    /// A line of the plan, from 1.
    Line(usize),
    /// `--set` with this key.
    Override(String),
    /// The preset of the baseline.
    Preset(Preset),
}

impl Origin {
    /// The line of the plan, where there is one.
    pub fn line(&self) -> Option<usize> {
        if let Self::Line(line) = self { Some(*line) } else { None }
    }

    /// The place in words, for the middle of a message.
    fn place(&self) -> String {
        match self {
            Self::File => "the plan".to_owned(),
            Self::Line(line) => format!("line {line}"),
            Self::Override(key) => format!("--set {key}"),
            Self::Preset(preset) => format!("preset {:?}", preset.name()),
        }
    }
}

/// What is wrong with a plan: always one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// The plan's file name; empty for an override that cannot be read.
    pub file: String,
    /// Where.
    pub origin: Origin,
    /// The key as a dotted path; empty where the text is not TOML.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Error {
    /// An error that does not know its file yet.
    fn at(origin: Origin, key: &str, message: impl fmt::Display) -> Self {
        Self {
            file: String::new(),
            origin,
            key: key.to_owned(),
            message: message.to_string(),
        }
    }

    /// The line of the plan, where there is one.
    pub fn line(&self) -> Option<usize> {
        self.origin.line()
    }

    /// The error, knowing its file.
    fn in_file(self, file: &str) -> Self {
        Self {
            file: file.to_owned(),
            ..self
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::File => write!(f, "{}: ", self.file)?,
            Origin::Line(line) => write!(f, "{}:{line}: ", self.file)?,
            Origin::Override(key) => write!(f, "--set {}: ", OneLine(key))?,
            Origin::Preset(preset) => write!(f, "{}: preset {:?}: ", self.file, preset.name())?,
        }
        let told = matches!(&self.origin, Origin::Override(key) if *key == self.key);
        if !told && !self.key.is_empty() {
            write!(f, "{}: ", OneLine(&self.key))?;
        }
        write!(f, "{}", OneLine(&self.message))
    }
}

/// Text with its control characters escaped.
struct OneLine<'t>(&'t str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                write!(f, "{}", c.escape_default())
            } else {
                write!(f, "{c}")
            }
        })
    }
}

impl Plan {
    /// Reads the text of a plan; `file_name` is for messages, `overrides` go over the text in their order.
    pub fn parse(file_name: &str, text: &str, overrides: &[Override]) -> Result<Self, Error> {
        let read = || {
            let mut root = tree::read(text)?;
            for setting in overrides {
                setting.apply(&mut root)?;
            }
            sections::resolve(file_name, &root)
        };
        read().map_err(|error: Error| error.in_file(file_name))
    }

    /// Where the key with this dotted path was written, for example `workload.rate`.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins
            .iter()
            .find(|(known, _)| known == key)
            .map_or(Origin::File, |(_, origin)| origin.clone())
    }

    /// The key and the place of a client property: of the factor level with this value, else of the factor, the
    /// baseline, the cluster's properties or the preset, whichever sets it.
    pub fn origin_of(&self, property: &str, value: Option<&str>) -> (String, Origin) {
        if let Some(factor) = self.factors.iter().find(|factor| factor.name == property) {
            let level = factor.levels.iter().find(|level| Some(level.text.as_str()) == value);
            let origin = level.map_or(&factor.origin, |level| &level.origin);
            return (format!("factors.{property}"), origin.clone());
        }
        let of_clusters = self
            .clusters
            .iter()
            .map(|(name, _)| format!("clusters.{name}.properties"));
        let of_clients = self.clients.iter().map(|(client, _)| format!("client.{client}"));
        let sections = ["baseline", "cluster.properties"].map(str::to_owned);
        for section in sections.into_iter().chain(of_clusters).chain(of_clients) {
            let key = format!("{section}.{property}");
            if let Some((_, origin)) = self.origins.iter().find(|(known, _)| *known == key) {
                return (key, origin.clone());
            }
        }
        let preset = self.preset.properties().get(property).is_some();
        (
            property.to_owned(),
            if preset {
                Origin::Preset(self.preset)
            } else {
                Origin::File
            },
        )
    }

    /// The section of the cluster of this name, for messages: `clusters.NAME`, or `cluster` where there is but one
    /// without a name.
    pub fn cluster_key(&self, name: Option<&str>) -> String {
        let name = name.filter(|name| self.clusters.iter().any(|(known, _)| known == name));
        name.map_or_else(|| "cluster".to_owned(), |name| format!("clusters.{name}"))
    }

    /// The cluster of this name; the only one without a name.
    pub fn cluster_named(&self, name: Option<&str>) -> &Cluster {
        self.clusters
            .iter()
            .find(|(known, _)| Some(known.as_str()) == name)
            .map_or(&self.cluster, |(_, cluster)| cluster)
    }

    /// What a client library is given beside the baseline.
    pub fn given_to(&self, client: &Client) -> Option<&ClientPlan> {
        let given = self.clients.iter().find(|(known, _)| known == client);
        given.map(|(_, given)| given)
    }

    /// The error that a client property, or one value of it, is not accepted.
    pub fn property_error(&self, property: &str, value: Option<&Value>, message: impl fmt::Display) -> Error {
        let (key, origin) = self.origin_of(property, value.and_then(Value::text));
        Error::at(origin, &key, message).in_file(&self.file)
    }

    /// The error that something is wrong with the key of this dotted path.
    pub fn error(&self, key: &str, message: impl fmt::Display) -> Error {
        Error::at(self.origin(key), key, message).in_file(&self.file)
    }

    /// The name in the characters of file names: letters, digits and single hyphens, at most 40.
    pub fn slug(&self) -> String {
        let mut slug = String::new();
        for c in self.name.chars() {
            match c.to_ascii_lowercase() {
                c if c.is_ascii_alphanumeric() => slug.push(c),
                _ if slug.is_empty() || slug.ends_with('-') => {}
                _ => slug.push('-'),
            }
        }
        slug.truncate(40);
        let slug = slug.trim_end_matches('-');
        if slug.is_empty() {
            "experiment".to_owned()
        } else {
            slug.to_owned()
        }
    }
}
