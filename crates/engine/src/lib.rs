//! One trial on one agent: schedule, pacer, parts of the trial, recorder.
//!
//! The client library is behind [`producer::Producer`]; time is behind [`clock::Clock`].

pub mod clock;
mod collector;
pub mod event;
pub mod gate;
pub mod grid;
pub mod keys;
pub mod lag;
pub mod live;
mod pacer;
pub mod parts;
pub mod payload;
pub mod producer;
mod reader;
pub mod receiver;
pub mod recorder;
pub mod run;
pub mod schedule;
pub mod sender;
mod threads;
pub mod watch;
