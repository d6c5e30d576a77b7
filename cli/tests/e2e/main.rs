//! Built binaries, real processes, and a real Apache Kafka where a story says so.
//!
//! Stories on a real cluster run when `REAL_KAFKA=required` is set; without it they are left out, and say so past the
//! test harness's capture. They assert facts (fates, files, exit codes), never absolute speed: every timing limit that a
//! story is not about is loosened.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

mod against;
mod bad_input;
mod brokers;
mod calibrated;
mod certified;
mod clients;
mod compared;
mod consumed;
mod demo;
mod designed;
mod disturbed;
mod driven;
mod fleet;
mod interrupted;
mod lost_agents;
mod matrix;
mod overload;
mod queued;
mod restarted;
mod searched;
mod secured;
mod self_tested;
mod settled;
mod supervised;
mod support;
mod unreachable;
mod watched;
