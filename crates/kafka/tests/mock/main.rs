//! Producer clients against librdkafka's mock cluster, in this process.

#![expect(clippy::unwrap_used, reason = "tests")]

mod admin;
mod allocations;
mod child;
mod consumer;
mod delivery;
mod full;
mod offsets;
mod secrets;
mod setup;
