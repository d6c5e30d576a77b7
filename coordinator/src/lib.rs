//! The coordinator: sessions, barrier, experiment state machine, journal, merge, client.
//!
//! It is never on the load path: agents run by themselves between *go* and their final report, and a coordinator that
//! is slow or gone costs a trial, not a number.

mod agenda;
mod attempt;
mod audit;
mod brokers;
mod calibrating;
mod calibration;
pub mod client;
mod clock;
mod cluster;
mod consumed;
mod consumers;
mod control;
mod docket;
mod environment;
mod experiment;
mod fleet;
pub mod journal;
mod merge;
mod mock;
mod progress;
mod result;
pub mod service;
mod session;
mod steady;
mod stopwatch;
pub mod store;
mod trial;
mod verdict;
