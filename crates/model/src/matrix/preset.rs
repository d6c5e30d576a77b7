//! The cells of `design.preset`: a named set of properties, measured beside the plan's own cells.

use super::Cell;
use crate::client;
use crate::ids::CellId;
use crate::plan::{Error, Plan};
use crate::properties::Properties;
use crate::trial::Level;

/// The factor by which these cells are known.
const FACTOR: &str = "preset";

/// Adds the first cell with the preset's properties over its own, at each level of the factor `rate` that it has. A cell
/// that is there already is not made twice.
pub(super) fn add(plan: &Plan, cells: &mut Vec<Cell>) -> Result<(), Error> {
    let (Some(preset), Some(first)) = (plan.design.preset, cells.first().cloned()) else {
        return Ok(());
    };
    let error = |message: String| plan.error("design.preset", message);
    let properties = preset.properties();
    if same(&first, &over(&first, &properties)) {
        let message = format!(
            "{:?} is what the first cell has already: name another one",
            preset.name()
        );
        return Err(error(message));
    }
    let bases: Vec<Cell> = cells
        .iter()
        .filter(|cell| but_for_rate(cell, &first))
        .cloned()
        .collect();
    for base in bases {
        let mut cell = over(&base, &properties);
        if cells.iter().any(|known| same(known, &cell)) {
            continue;
        }
        runnable(plan, &cell, &properties).map_err(error)?;
        cell.levels.push(Level {
            factor: FACTOR.to_owned(),
            value: preset.name().to_owned(),
        });
        cell.id = CellId(cells.len() as u32 + 1);
        cells.push(cell);
    }
    Ok(())
}

/// A cell with properties over its own; its levels say so.
fn over(base: &Cell, properties: &Properties) -> Cell {
    let mut cell = base.clone();
    cell.properties = base.properties.overlaid(properties);
    for level in &mut cell.levels {
        if let Some(value) = properties.get(&level.factor) {
            level.value = value.to_string();
        }
    }
    cell
}

/// Whether two cells differ in nothing but their rate.
fn but_for_rate(one: &Cell, other: &Cell) -> bool {
    let levels = |cell: &Cell| -> Vec<Level> {
        let others = cell.levels.iter().filter(|level| level.factor != "rate");
        others.cloned().collect()
    };
    levels(one) == levels(other)
}

/// Whether two cells are run alike; the order in which properties were set means nothing.
fn same(one: &Cell, other: &Cell) -> bool {
    let bare = |cell: &Cell| Cell {
        id: CellId(0),
        levels: Vec::new(),
        properties: Properties::default(),
        ..cell.clone()
    };
    let within = |one: &Cell, other: &Cell| {
        let mut set = one.properties.iter();
        set.all(|(name, value)| other.properties.get(name) == Some(value))
    };
    bare(one) == bare(other) && within(one, other) && within(other, one)
}

/// Whether the client of a cell can be given the preset, and nothing goes over it.
fn runnable(plan: &Plan, cell: &Cell, preset: &Properties) -> Result<(), String> {
    let (client, pairs) = (&cell.client.client, cell.pairs(plan));
    client::map(client, &pairs).map_err(|unmapped| unmapped.to_string())?;
    if let Some(reason) = client::refusal(client, &pairs) {
        return Err(reason);
    }
    let set: Vec<(String, String)> = (preset.iter())
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect();
    let mapped = client::map(client, &set).map_err(|unmapped| unmapped.to_string())?;
    let own = mapped.iter().find(|(name, _)| cell.client.own.get(name).is_some());
    own.map_or(Ok(()), |(name, _)| {
        Err(format!(
            "sets {name}, which [client.{client}] sets in the client's own spelling: that would go over it"
        ))
    })
}
