//! What is in effect in the live clients of a trial, by the names of plans.

use tribunal_model::client::{Client, reported};

use crate::result::TrialResult;

/// The value of a property that all live clients of a trial report, as a plan would write it; `None` where they tell none
/// or differ.
pub(crate) fn effective(result: &TrialResult, name: &str) -> Option<String> {
    let client = Client::named(&result.workload.client)?;
    let producers = result.agents.iter().flat_map(|agent| &agent.producers);
    let mut values = producers.map(|producer| reported(&client, &producer.configuration, name));
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}

/// The same as a number.
pub(crate) fn number(result: &TrialResult, name: &str) -> Option<f64> {
    effective(result, name)?.parse().ok()
}
