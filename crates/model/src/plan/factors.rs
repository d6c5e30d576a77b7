//! What is varied: factors, their levels, and the combinations left out.

use std::fmt;

use super::reader::{Item, Section, nearest, one_of};
use super::sections::MOST;
use super::tree::{Entry, Raw};
use super::{Error, Origin, clients, property, workload};
use crate::client::{self, Client};
use crate::properties::{self, Value};
use crate::trial::{Arrivals, Keys, Partitioner, Size, WhenFull};
use crate::units::{self, OfferedRate};

/// The most replicas that may be asked for.
pub(super) const MOST_REPLICAS: u32 = 1_000;

/// Factors that are no client properties; beside them `topic.SETTING`.
const OURS: [&str; 13] = [
    "client",
    "cluster",
    "topics",
    "partitions",
    "replication",
    "rate",
    "producers",
    "record.size",
    "record.compressibility",
    "keys",
    "partitioner",
    "arrivals",
    "when_full",
];

/// Factors that later versions will have.
const LATER: [&str; 1] = ["topic.existing"];

/// Keys of the plan that are the same for all trials.
const FIXED: [&str; 13] = [
    "clients_per_process",
    "audit",
    "profile",
    "settle",
    "warm_up",
    "measure",
    "drain",
    "repetitions",
    "seed",
    "name",
    "prefix",
    "record",
    "record.samples",
];

/// A varied property with its levels.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    /// The name, for example `linger.ms`.
    pub name: String,
    /// Where it was written.
    pub origin: Origin,
    /// The levels in written order.
    pub levels: Vec<FactorLevel>,
}

impl Factor {
    /// Whether it varies a client property rather than the topic or the workload.
    pub fn is_property(&self) -> bool {
        matches!(
            self.levels.first(),
            Some(FactorLevel {
                setting: Setting::Property(..),
                ..
            })
        )
    }
}

/// One level of a factor.
#[derive(Clone, Debug, PartialEq)]
pub struct FactorLevel {
    /// As written, for example `5`.
    pub text: String,
    /// What it sets.
    pub setting: Setting,
    /// Where it was written.
    pub origin: Origin,
}

/// What a level of a factor sets.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// The client library.
    Client(Client),
    /// The cluster of this name.
    Cluster(String),
    /// The number of topics.
    Topics(u32),
    /// Partitions of each topic.
    Partitions(u32),
    /// Replicas of each partition.
    Replication(u32),
    /// A setting of the topics.
    Topic(String, String),
    /// The rate over all agents.
    Rate(OfferedRate),
    /// The number of producers.
    Producers(u32),
    /// The size of records.
    RecordSize(Size),
    /// How much of a record a codec can remove.
    Compressibility(f64),
    /// Keys.
    Keys(Keys),
    /// Who picks the partition.
    Partitioner(Partitioner),
    /// How arrivals are spread.
    Arrivals(Arrivals),
    /// What happens when the client is full.
    WhenFull(WhenFull),
    /// An option of the client's driver.
    Option(String, String),
    /// A client property.
    Property(String, Value),
}

/// A combination that is left out: cells that have one of the levels of every factor named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Index of a factor, and indices of its levels.
    pub levels: Vec<(usize, Vec<usize>)>,
    /// Where it was written.
    pub origin: Origin,
}

impl Exclusion {
    /// Whether the cell with these level indices is left out.
    pub fn covers(&self, cell: &[usize]) -> bool {
        let named = |(factor, levels): &(usize, Vec<usize>)| cell.get(*factor).is_some_and(|l| levels.contains(l));
        self.levels.iter().all(named)
    }
}

/// Reads `[factors]`.
pub(super) fn read(plan: &Section<'_>) -> Result<Vec<Factor>, Error> {
    let Some(section) = plan.get("factors") else {
        return Ok(Vec::new());
    };
    let mut factors = Vec::new();
    for Entry { key, node, origin } in &section.table()?.entries {
        let item = Item::new(format!("factors.{key}"), node);
        check_name(key, &Error::at(origin.clone(), &item.key, ""))?;
        let Raw::List(_) = &node.value else {
            return Err(item.error(format!(
                "expected a list of levels such as [1, 2], found {}",
                shown(key, &item)
            )));
        };
        let mut levels: Vec<FactorLevel> = Vec::new();
        for item in item.list()? {
            let setting = setting(key, &item)?;
            let text = item.scalar().unwrap_or_else(|| setting.to_string());
            if levels
                .iter()
                .any(|level| level.setting == setting || level.text == text)
            {
                return Err(item.error(format!("the level {} is listed twice", units::quoted(&text))));
            }
            levels.push(FactorLevel {
                text,
                setting,
                origin: item.origin(),
            });
        }
        factors.push(Factor {
            name: key.clone(),
            origin: origin.clone(),
            levels,
        });
    }
    Ok(factors)
}

/// Refuses names of what cannot be varied; `blame` knows the place.
fn check_name(name: &str, blame: &Error) -> Result<(), Error> {
    let refuse = |message: String| {
        Err(Error {
            message,
            ..blame.clone()
        })
    };
    if LATER.contains(&name) {
        return refuse("is not supported by this version".to_owned());
    }
    if FIXED.contains(&name) {
        return refuse(format!("{name:?} is the same for all trials and can be no factor"));
    }
    let section = [
        "workload.",
        "record.",
        "window.",
        "limits.",
        "cluster.",
        "agents.",
        "baseline.",
    ];
    if OURS.contains(&name) || !section.iter().any(|prefix| name.starts_with(prefix)) {
        return Ok(());
    }
    let bare = name.split_once('.').map_or(name, |(_, bare)| bare);
    let near = if OURS.contains(&bare) {
        Some(bare)
    } else {
        nearest(name, OURS.into_iter())
    };
    refuse(near.map_or_else(
        || {
            format!(
                "unknown factor; expected {}, topic.SETTING or a client property",
                one_of(&OURS)
            )
        },
        |near| format!("unknown factor; did you mean {near:?}?"),
    ))
}

/// The value for a message, unless it may be secret.
fn shown(name: &str, item: &Item<'_>) -> String {
    if properties::is_secret(name) {
        "something else".to_owned()
    } else {
        item.found()
    }
}

/// What one level of a factor sets.
fn setting(name: &str, item: &Item<'_>) -> Result<Setting, Error> {
    Ok(match name {
        "client" => Setting::Client(client(item)?),
        "cluster" => Setting::Cluster(item.text()?.to_owned()),
        "topics" => Setting::Topics(item.count(MOST)?),
        "partitions" => Setting::Partitions(item.count(MOST)?),
        "replication" => Setting::Replication(item.count(MOST_REPLICAS)?),
        "rate" => Setting::Rate(item.rate()?),
        "producers" => Setting::Producers(item.count(MOST)?),
        "record.size" => Setting::RecordSize(workload::size(item)?),
        "record.compressibility" => Setting::Compressibility(workload::compressibility(item)?),
        "keys" => Setting::Keys(workload::keys(item)?),
        "partitioner" => Setting::Partitioner(workload::partitioner(item)?),
        "arrivals" => Setting::Arrivals(workload::arrivals(item)?),
        "when_full" => Setting::WhenFull(workload::when_full(item)?),
        _ if name.starts_with(clients::OPTION) => {
            let option = name.trim_start_matches(clients::OPTION).to_owned();
            Setting::Option(option, topic_setting(item)?)
        }
        _ => match name.strip_prefix("topic.") {
            Some(setting) if setting != "metadata" && !setting.starts_with("metadata.") => {
                Setting::Topic(setting.to_owned(), topic_setting(item)?)
            }
            _ => match property::value(name, item)? {
                value @ Value::Text(_) => Setting::Property(name.to_owned(), value),
                Value::Env(_) | Value::File(_) => {
                    return Err(item.error("a level is a value, not a reference; a reference may stand in [baseline]"));
                }
            },
        },
    })
}

/// Refuses a key that is also a factor.
pub(super) fn not_varied(key: &str, item: &Item<'_>, factors: &[Factor]) -> Result<(), Error> {
    match factors.iter().find(|factor| factor.name == key) {
        Some(factor) => Err(item.error(format!(
            "is also a factor on {}; keep one of the two",
            factor.origin.place()
        ))),
        None => Ok(()),
    }
}

/// A client library by its name.
pub(super) fn client(item: &Item<'_>) -> Result<Client, Error> {
    let name = item.text()?;
    Client::named(name).ok_or_else(|| item.error(client::expected(name)))
}

/// The value of a topic's setting or of a driver's option as text.
pub(super) fn topic_setting(item: &Item<'_>) -> Result<String, Error> {
    item.scalar()
        .ok_or_else(|| item.error(format!("expected one value, found {}", item.found())))
}

/// Reads `[[exclude]]`.
pub(super) fn exclusions(plan: &Section<'_>, factors: &[Factor]) -> Result<Vec<Exclusion>, Error> {
    let Some(section) = plan.get("exclude") else {
        return Ok(Vec::new());
    };
    let Raw::List(_) = &section.node.value else {
        return Err(section.error("expected tables, each under its own [[exclude]]"));
    };
    let tables = section.list()?;
    tables.iter().map(|table| exclusion(table, factors)).collect()
}

fn exclusion(table: &Item<'_>, factors: &[Factor]) -> Result<Exclusion, Error> {
    let entries = &table.table()?.entries;
    if entries.is_empty() {
        return Err(table.error("names no factor, so it would leave out everything"));
    }
    let mut excluded = Vec::new();
    for Entry { key, node, origin } in entries {
        let at = format!("exclude.{key}");
        let Some(index) = factors.iter().position(|factor| factor.name == *key) else {
            let names = factors.iter().map(|factor| factor.name.as_str());
            let message = nearest(key, names).map_or_else(
                || "is no factor of this plan".to_owned(),
                |near| format!("is no factor of this plan; did you mean {near:?}?"),
            );
            return Err(Error::at(origin.clone(), &at, message));
        };
        let item = Item::new(at, node);
        let items = if matches!(node.value, Raw::List(_)) {
            item.list()?
        } else {
            vec![item]
        };
        let levels: Result<Vec<usize>, Error> = items.iter().map(|item| level(&factors[index], item)).collect();
        excluded.push((index, levels?));
    }
    Ok(Exclusion {
        levels: excluded,
        origin: table.origin(),
    })
}

/// The index of the level that is written here.
fn level(factor: &Factor, item: &Item<'_>) -> Result<usize, Error> {
    let written = item.scalar();
    let setting = setting(&factor.name, item).ok();
    let same = |level: &FactorLevel| Some(&level.text) == written.as_ref() || Some(&level.setting) == setting.as_ref();
    factor.levels.iter().position(same).ok_or_else(|| {
        let names: Vec<&str> = factor.levels.iter().map(|level| level.text.as_str()).collect();
        let known = nearest(written.as_deref().unwrap_or_default(), names.iter().copied()).map_or_else(
            || format!("it has {}", names.join(", ")),
            |near| format!("it has {}; did you mean {near}?", names.join(", ")),
        );
        item.error(format!("{} is no level of the factor; {known}", item.found()))
    })
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topics(n) | Self::Partitions(n) | Self::Replication(n) | Self::Producers(n) => write!(f, "{n}"),
            Self::Client(client) => write!(f, "{client}"),
            Self::Cluster(text) | Self::Topic(_, text) | Self::Option(_, text) => f.write_str(text),
            Self::Rate(rate) => write!(f, "{rate}"),
            Self::RecordSize(size) => write!(f, "{size}"),
            Self::Compressibility(share) => write!(f, "{share}"),
            Self::Keys(keys) => write!(f, "{keys}"),
            Self::Partitioner(Partitioner::Native) => f.write_str("native"),
            Self::Partitioner(Partitioner::Assigned) => f.write_str("assigned"),
            Self::Arrivals(Arrivals::Uniform) => f.write_str("uniform"),
            Self::Arrivals(Arrivals::Poisson) => f.write_str("poisson"),
            Self::WhenFull(WhenFull::Hold) => f.write_str("hold"),
            Self::WhenFull(WhenFull::Shed) => f.write_str("shed"),
            Self::Property(_, value) => write!(f, "{value}"),
        }
    }
}

impl fmt::Display for Size {
    /// In one phrase, for example `1KiB` or `uniform 100B to 1KiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |size: &u32| units::format_bytes(u64::from(*size));
        match self {
            Self::Fixed(size) => f.write_str(&bytes(size)),
            Self::Uniform { min, max } => write!(f, "uniform {} to {}", bytes(min), bytes(max)),
            Self::LogNormal { median, sigma, max } => {
                write!(f, "log-normal {} sigma {sigma} to {}", bytes(median), bytes(max))
            }
            Self::Weighted(pairs) => {
                f.write_str("weighted")?;
                pairs
                    .iter()
                    .try_for_each(|(size, weight)| write!(f, " {}:{weight}", bytes(size)))
            }
        }
    }
}

impl fmt::Display for Keys {
    /// In one phrase, for example `none` or `zipf 1 of 100000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Sequence { cardinality } => write!(f, "sequence of {cardinality}"),
            Self::Uniform { cardinality } => write!(f, "uniform of {cardinality}"),
            Self::Zipf { cardinality, exponent } => write!(f, "zipf {exponent} of {cardinality}"),
        }
    }
}
