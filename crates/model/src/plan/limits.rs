//! `[limits]`: from where on a figure about our own instruments is a doubt, and from where on it voids.

use super::Error;
use super::reader::{Item, Section};
use super::tree::Raw;
use crate::limits::{Bounds, Limit, Limits, Unit};

pub(super) fn read(plan: &Section<'_>) -> Result<Limits, Error> {
    let section = plan.section("limits", &Limit::ALL.map(Limit::name))?;
    let mut limits = Limits::default();
    for limit in Limit::ALL {
        if let Some(item) = section.get(limit.name()) {
            limits.set(limit, bounds(limit, &item)?);
        }
    }
    Ok(limits)
}

/// Where `void` alone is given, from the default of `warn` on there is a doubt, but never later than it voids.
fn bounds(limit: Limit, item: &Item<'_>) -> Result<Bounds, Error> {
    let default = limit.default_bounds();
    let within = |void: f64| Bounds {
        warn: default.warn.min(void),
        void,
    };
    let Raw::Table(table) = &item.node.value else {
        return Ok(within(value(limit, item)?));
    };
    let section = item.section(&["warn", "void"])?;
    if table.entries.is_empty() {
        let example = limit.show(default.void);
        return Err(item.error(format!("sets neither warn nor void; the default of void is {example}")));
    }
    let void = section.get("void").map(|item| value(limit, &item)).transpose()?;
    let Some(warn_item) = section.get("warn") else {
        return Ok(within(void.unwrap_or(default.void)));
    };
    let warn = value(limit, &warn_item)?;
    let (void, of) = void.map_or((default.void, ", the default; set void too"), |void| (void, ""));
    if warn > void {
        let (warn, void) = (limit.show(warn), limit.show(void));
        return Err(warn_item.error(format!("{warn} is above void ({void}{of})")));
    }
    Ok(Bounds { warn, void })
}

fn value(limit: Limit, item: &Item<'_>) -> Result<f64, Error> {
    if matches!(&item.node.value, Raw::Text(text) if text == "never") {
        return Ok(f64::INFINITY);
    }
    match limit.unit() {
        Unit::Seconds => item.duration().map(|limit| limit.as_secs_f64()),
        Unit::Share => item.share(0.0, 1.0),
    }
}
