//! Facts over several trials: the same in all of them, or told per level.

use tribunal_model::design::Purpose;
use tribunal_model::ids::TrialId;

use crate::factors::{factors, level, trials};
use crate::format::ABSENT;
use crate::result::TrialResult;

use super::cells::escape;

/// Values that are told before the rest is only counted.
const SHOWN: usize = 6;

/// The values that a fact takes, each with where it holds; one value holds everywhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spread(Vec<(Option<String>, String)>);

impl Spread {
    /// What `fact` says of each trial. Differences are told by one factor's levels where one explains them, by what the
    /// trials are for where that does, by trials otherwise.
    pub(super) fn of(results: &[&TrialResult], fact: impl Fn(&TrialResult) -> Option<String>) -> Self {
        let told: Vec<(&TrialResult, Option<String>)> = results.iter().map(|r| (*r, fact(r))).collect();
        let mut values: Vec<Option<String>> = Vec::new();
        for (_, value) in &told {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        if values.len() <= 1 {
            return Self(values.into_iter().map(|value| (value, String::new())).collect());
        }
        let explained = factors(results)
            .into_iter()
            .find_map(|(factor, levels)| by_levels(&told, factor, &levels))
            .or_else(|| by_purpose(&told));
        Self(explained.unwrap_or_else(|| {
            let place = |value: &Option<String>| {
                let ids: Vec<TrialId> = told.iter().filter(|(_, v)| v == value).map(|(r, _)| r.trial).collect();
                trials(&ids)
            };
            values.iter().map(|value| (value.clone(), place(value))).collect()
        }))
    }

    /// The values as text, each passed through `style`, with where they hold; `None` when no trial has any.
    pub(super) fn text(&self, style: impl Fn(&str) -> String) -> Option<String> {
        if self.0.iter().all(|(value, _)| value.is_none()) {
            return None;
        }
        let one = |(value, place): &(Option<String>, String)| {
            let value = value.as_deref().map_or_else(|| ABSENT.to_owned(), &style);
            if place.is_empty() {
                value
            } else {
                format!("{value} ({})", escape(place))
            }
        };
        let mut told: Vec<String> = self.0.iter().take(SHOWN).map(one).collect();
        if self.0.len() > SHOWN {
            told.push(format!("and {} more", self.0.len() - SHOWN));
        }
        Some(told.join("; "))
    }
}

/// The value at each purpose, if there are several and all trials of a purpose agree.
fn by_purpose(told: &[(&TrialResult, Option<String>)]) -> Option<Vec<(Option<String>, String)>> {
    let mut grouped: Vec<(&Purpose, Option<String>)> = Vec::new();
    for (result, value) in told {
        match grouped.iter().find(|(purpose, _)| **purpose == result.purpose) {
            Some((_, known)) if known != value => return None,
            Some(_) => {}
            None => grouped.push((&result.purpose, value.clone())),
        }
    }
    (grouped.len() > 1).then(|| {
        grouped
            .into_iter()
            .map(|(purpose, value)| (value, purpose.to_string()))
            .collect()
    })
}

/// The value at each level of a factor, if all trials of a level agree.
fn by_levels(
    told: &[(&TrialResult, Option<String>)],
    factor: &str,
    levels: &[&str],
) -> Option<Vec<(Option<String>, String)>> {
    let mut grouped: Vec<(Option<String>, Vec<&str>)> = Vec::new();
    for wanted in levels {
        let mut values = told
            .iter()
            .filter(|(r, _)| level(r, factor) == Some(wanted))
            .map(|(_, value)| value);
        let first = values.next()?;
        if values.any(|value| value != first) {
            return None;
        }
        match grouped.iter_mut().find(|(value, _)| value == first) {
            Some((_, levels)) => levels.push(wanted),
            None => grouped.push((first.clone(), vec![wanted])),
        }
    }
    let all_told = told.iter().all(|(r, _)| level(r, factor).is_some());
    all_told.then(|| {
        grouped
            .into_iter()
            .map(|(value, levels)| (value, format!("{factor}={}", levels.join(", "))))
            .collect()
    })
}
