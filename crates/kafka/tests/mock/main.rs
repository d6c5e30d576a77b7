//! Producer clients against librdkafka's mock cluster, in this process.

#![expect(clippy::unwrap_used, reason = "tests")]

mod admin;
mod delivery;
mod full;
mod secrets;
mod setup;
