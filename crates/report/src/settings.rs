//! What a cell is set to, so that cells can be told by what differs between them.

use std::collections::BTreeMap;

use tribunal_model::client::{Client, Distance, distance, is_setting};
use tribunal_model::ids::CellId;

use crate::result::TrialResult;

/// The factor by which cells of `design.preset` are known; the properties say what it is.
pub(crate) const PRESET: &str = "preset";

/// A cell's properties, and its levels of factors that are none, by name.
pub(crate) type Settings<'a> = BTreeMap<&'a str, &'a str>;

/// What the cell of a trial is set to.
pub(crate) fn settings(result: &TrialResult) -> Settings<'_> {
    let levels = result.levels.iter().filter(|level| level.factor != PRESET);
    let levels = levels.map(|level| (level.factor.as_str(), level.value.as_str()));
    let workload = &result.workload;
    let set = workload.properties.iter().chain(&workload.own);
    levels
        .chain(set.map(|(name, value)| (name.as_str(), value.as_str())))
        .collect()
}

/// The settings of each cell among trials.
pub(crate) fn by_cell<'a>(trials: &[&'a TrialResult]) -> BTreeMap<CellId, Settings<'a>> {
    trials.iter().map(|result| (result.cell, settings(result))).collect()
}

/// The names in which two cells differ, in order.
pub(crate) fn differences<'a>(one: &Settings<'a>, other: &Settings<'a>) -> Vec<&'a str> {
    let mut names: Vec<&str> = one.keys().chain(other.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| one.get(name) != other.get(name));
    names
}

/// The client library of a trial.
pub(crate) fn client(result: &TrialResult) -> Client {
    Client::named(&result.workload.client).unwrap_or_default()
}

/// The producer's settings of a trial as the plan has them; connections and secrets are left out.
pub(crate) fn producer(result: &TrialResult) -> Vec<(String, String)> {
    let properties = result.workload.properties.iter();
    properties.filter(|(name, _)| is_setting(name)).cloned().collect()
}

/// How far a trial's producer is from its client's defaults.
pub(crate) fn far(result: &TrialResult) -> Distance {
    let own = result.workload.own.iter().cloned();
    distance(
        &client(result),
        &producer(result).into_iter().chain(own).collect::<Vec<_>>(),
    )
}
