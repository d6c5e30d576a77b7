//! For tests and benches only: scripted producer, scripted fleet, simulation on a virtual clock, launchers of brokers,
//! labs and processes.

pub mod fleet;
pub mod http;
pub mod kafka;
pub mod lab;
pub mod ports;
pub mod process;
pub mod producer;
pub mod prometheus;
pub mod script;
pub mod service;
pub mod simulation;
pub mod wait;
