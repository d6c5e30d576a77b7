//! For tests only: scripted producer, simulation on a virtual clock, broker launcher.

pub mod kafka;
pub mod ports;
pub mod producer;
pub mod service;
pub mod simulation;
pub mod wait;
