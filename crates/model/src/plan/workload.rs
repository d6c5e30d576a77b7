//! `[workload]`: what the producers send.

use super::factors::{Factor, Setting};
use super::reader::{Item, Section};
use super::sections::MOST;
use super::tree::{Entry, Raw};
use super::{Error, Origin, Workload, profile};
use crate::trial::{Arrivals, Content, Keys, Partitioner, RecordShape, Size, WhenFull, Windows};
use crate::units::{self, OfferedRate};

const ARRIVALS: [(&str, Arrivals); 2] = [("uniform", Arrivals::Uniform), ("poisson", Arrivals::Poisson)];
const PARTITIONERS: [(&str, Partitioner); 2] = [("native", Partitioner::Native), ("assigned", Partitioner::Assigned)];
const WHEN_FULL: [(&str, WhenFull); 2] = [("hold", WhenFull::Hold), ("shed", WhenFull::Shed)];

/// The section. A rate that is missing is that of the first level of the factor `rate`, or the profile's mean from t0
/// to t2; where `pacemaker` sets the rates it is a closed loop and means nothing.
pub(super) fn read(
    plan: &Section<'_>,
    factors: &[Factor],
    windows: &Windows,
    pacemaker: Option<&str>,
) -> Result<Workload, Error> {
    let known = [
        "rate",
        "profile",
        "arrivals",
        "producers",
        "record",
        "keys",
        "partitioner",
        "when_full",
        "clients_per_process",
    ];
    let section = plan.section("workload", &known)?;
    let record = record(&section)?;
    let of_factors = |name: &str| factors.iter().find(|factor| factor.name == name);
    let rate_factor = of_factors("rate");
    let profile = section.or("profile", None, |item| {
        check_alone(item, &section, rate_factor, pacemaker)?;
        let profile = profile::read(item)?;
        let Some(mean) = profile.mean(windows.warm_up + windows.measure) else {
            return Err(item.error("offers no record during warm-up and measurement"));
        };
        Ok(Some((profile, OfferedRate::Records(mean))))
    })?;
    let (profile, mean) = profile.map_or((None, None), |(profile, mean)| (Some(profile), Some(mean)));
    let written = section.get("rate").map(|item| item.rate()).transpose()?;
    let first_level = rate_factor.and_then(|factor| match factor.levels.first()?.setting {
        Setting::Rate(rate) => Some(rate),
        _ => None,
    });
    let closed_loop = pacemaker.map(|_| OfferedRate::Saturate);
    let Some(rate) = written.or(mean).or(first_level).or(closed_loop) else {
        let message = "is required; write a rate such as \"50k/s\", \"100MB/s\" or \"saturate\"";
        return Err(Error::at(Origin::File, "workload.rate", message));
    };
    if matches!(record.content, Content::Samples { .. }) {
        let message = "is in bytes, but workload.record.samples have a mean size that only the agents can know; \
                       write records a second";
        if let (OfferedRate::Bytes(_), Some(item)) = (rate, section.get("rate")) {
            return Err(item.error(message));
        }
        for level in rate_factor.iter().flat_map(|factor| &factor.levels) {
            if matches!(level.setting, Setting::Rate(OfferedRate::Bytes(_))) {
                return Err(Error::at(level.origin.clone(), "factors.rate", message));
            }
        }
        for name in ["record.size", "record.compressibility"] {
            if let Some(factor) = of_factors(name) {
                let message = "does not apply to workload.record.samples; remove one of the two";
                return Err(Error::at(factor.origin.clone(), &format!("factors.{name}"), message));
            }
        }
    }
    Ok(Workload {
        rate,
        profile,
        arrivals: section.or("arrivals", Arrivals::Uniform, arrivals)?,
        producers: section.or("producers", 1, |item| item.count(MOST))?,
        record,
        keys: section.or("keys", Keys::None, keys)?,
        partitioner: section.or("partitioner", Partitioner::Native, partitioner)?,
        when_full: section.or("when_full", WhenFull::Hold, when_full)?,
        clients_per_process: section.or("clients_per_process", 1, |item| item.count(MOST))?,
    })
}

/// A profile is the only one that says how fast.
fn check_alone(
    profile: &Item<'_>,
    workload: &Section<'_>,
    rate_factor: Option<&Factor>,
    pacemaker: Option<&str>,
) -> Result<(), Error> {
    if let Some(rate) = workload.get("rate") {
        return Err(rate.error("is set beside workload.profile; keep one of the two"));
    }
    if let Some(factor) = rate_factor {
        let message = "is set beside workload.profile; keep one of the two";
        return Err(Error::at(factor.origin.clone(), "factors.rate", message));
    }
    pacemaker.map_or(Ok(()), |who| {
        Err(profile.error(format!("does not apply: the rates are set by {who}")))
    })
}

pub(super) fn arrivals(item: &Item<'_>) -> Result<Arrivals, Error> {
    item.choice(&ARRIVALS)
}

pub(super) fn partitioner(item: &Item<'_>) -> Result<Partitioner, Error> {
    item.choice(&PARTITIONERS)
}

pub(super) fn when_full(item: &Item<'_>) -> Result<WhenFull, Error> {
    item.choice(&WHEN_FULL)
}

fn record(workload: &Section<'_>) -> Result<RecordShape, Error> {
    let section = workload.section("record", &["size", "samples", "compressibility", "headers"])?;
    let mut headers = Vec::new();
    if let Some(table) = section.get("headers") {
        for Entry { key, node, .. } in &table.table()?.entries {
            let item = Item::new(format!("{}.{key}", table.key), node);
            headers.push((key.clone(), item.text()?.to_owned()));
        }
    }
    let Some(samples) = section.get("samples") else {
        let compressibility = section.or("compressibility", 0.5, compressibility)?;
        let size = section.or("size", Size::Fixed(1024), size)?;
        return Ok(RecordShape {
            size,
            content: Content::Generated { compressibility },
            headers,
        });
    };
    for key in ["size", "compressibility"] {
        if let Some(item) = section.get(key) {
            return Err(item.error("does not apply to workload.record.samples; remove one of the two"));
        }
    }
    let mut files = Vec::new();
    for item in samples.list()? {
        match item.text()? {
            "" => return Err(item.error("expected the path of a file on the agents' hosts")),
            path => files.push(path.to_owned()),
        }
    }
    Ok(RecordShape {
        size: Size::Fixed(0),
        content: Content::Samples { files },
        headers,
    })
}

pub(super) fn compressibility(item: &Item<'_>) -> Result<f64, Error> {
    item.number(0.0, true, 0.99)
}

/// A size, or a distribution of sizes.
pub(super) fn size(item: &Item<'_>) -> Result<Size, Error> {
    let Raw::Table(table) = &item.node.value else {
        return Ok(Size::Fixed(item.size()?));
    };
    let section = Section::open(&item.key, table, &["uniform", "log_normal", "weighted"])?;
    let kinds = [
        section.get("uniform"),
        section.get("log_normal"),
        section.get("weighted"),
    ];
    match kinds {
        [Some(bounds), None, None] => {
            let ends = bounds.list()?;
            let [min, max] = ends.as_slice() else {
                return Err(bounds.error("expected two sizes such as [\"100B\", \"1KiB\"]"));
            };
            let (min, max) = (min.size()?, max.size()?);
            if min > max {
                return Err(bounds.error("the least size is above the greatest"));
            }
            Ok(Size::Uniform { min, max })
        }
        [None, Some(shape), None] => {
            let shape_of = shape.section(&["median", "sigma", "max"])?;
            let (Some(median), Some(sigma), Some(max)) =
                (shape_of.get("median"), shape_of.get("sigma"), shape_of.get("max"))
            else {
                return Err(shape.error("expected { median = \"1KiB\", sigma = 1.0, max = \"64KiB\" }"));
            };
            let (median, sigma, max_size) = (median.size()?, sigma.number(0.0, false, 5.0)?, max.size()?);
            if median > max_size {
                return Err(max.error("is below the median"));
            }
            Ok(Size::LogNormal {
                median,
                sigma,
                max: max_size,
            })
        }
        [None, None, Some(pairs)] => {
            let mut weighted: Vec<(u32, f64)> = Vec::new();
            for pair in pairs.list()? {
                let parts = pair.list()?;
                let [size, weight] = parts.as_slice() else {
                    return Err(pair.error("expected size and weight such as [\"100B\", 9]"));
                };
                weighted.push((size.size()?, weight.number(0.0, false, 1e9)?));
            }
            Ok(Size::Weighted(weighted))
        }
        _ => Err(item.error("expected one of uniform, log_normal or weighted, or a size such as \"1KiB\"")),
    }
}

/// `"none"`, or a table with a kind.
pub(super) fn keys(item: &Item<'_>) -> Result<Keys, Error> {
    const KINDS: [(&str, u8); 4] = [("none", 0), ("sequence", 1), ("uniform", 2), ("zipf", 3)];
    // Enough for any key space, small enough for a table of a billion to be refused early.
    const MOST_KEYS: u64 = 1_000_000_000;
    if let Raw::Text(kind) = &item.node.value {
        if item.choice(&KINDS)? == 0 {
            return Ok(Keys::None);
        }
        let kind = units::quoted(kind);
        return Err(item.error(format!(
            "{kind} needs a table: {{ kind = {kind}, cardinality = 100_000 }}"
        )));
    }
    let section = item.section(&["kind", "cardinality", "exponent"])?;
    let example = "{ kind = \"zipf\", cardinality = 100_000, exponent = 1.0 }";
    let Some(kind_item) = section.get("kind") else {
        return Err(item.error(format!("kind is required; write for example {example}")));
    };
    let kind = kind_item.choice(&KINDS)?;
    if let Some(exponent) = section.get("exponent").filter(|_| kind != 3) {
        return Err(exponent.error("applies to kind = \"zipf\" only"));
    }
    if kind == 0 {
        return section.get("cardinality").map_or(Ok(Keys::None), |cardinality| {
            Err(cardinality.error("does not apply to kind = \"none\""))
        });
    }
    let Some(cardinality) = section.get("cardinality") else {
        return Err(item.error(format!("cardinality is required; write for example {example}")));
    };
    let cardinality = cardinality.whole(1, MOST_KEYS)?;
    Ok(match kind {
        1 => Keys::Sequence { cardinality },
        2 => Keys::Uniform { cardinality },
        _ => Keys::Zipf {
            cardinality,
            exponent: section.or("exponent", 1.0, |item| item.number(0.0, false, 10.0))?,
        },
    })
}
