//! Arbitrary domain messages.

pub(super) mod control;
mod facts;
pub(super) mod session;
mod stats;
mod trial;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tribunal_model::ids::{AgentName, Attempt, ExperimentId, TrialId};
use uuid::Uuid;

use crate::session::{AttemptId, Epoch};

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
}

fn name() -> impl Strategy<Value = String> {
    "\\PC{1,12}"
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), 0..4)
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((text(), text()), 0..4)
}

fn duration() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

fn number() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn experiment_id() -> impl Strategy<Value = ExperimentId> {
    uuid().prop_map(ExperimentId::new)
}

fn trial_id() -> impl Strategy<Value = TrialId> {
    (1..=u32::MAX).prop_map(TrialId)
}

fn attempt_number() -> impl Strategy<Value = Attempt> {
    (1..=u32::MAX).prop_map(Attempt)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    (1..=u32::MAX).prop_map(Epoch)
}

fn attempt_id() -> impl Strategy<Value = AttemptId> {
    (experiment_id(), trial_id(), attempt_number()).prop_map(|(experiment, trial, attempt)| AttemptId {
        experiment,
        trial,
        attempt,
    })
}

fn agent_name() -> impl Strategy<Value = AgentName> {
    "[A-Za-z0-9][A-Za-z0-9._-]{0,63}".prop_map(|text| AgentName::new(&text).unwrap())
}
