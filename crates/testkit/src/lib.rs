//! For tests and benches only: scripted producer, scripted fleet, simulation on a virtual clock, broker launcher.

pub mod fleet;
pub mod kafka;
pub mod ports;
pub mod producer;
pub mod service;
pub mod simulation;
pub mod wait;
