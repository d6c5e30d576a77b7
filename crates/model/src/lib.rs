//! What an experiment is: plan, matrix, trial, windows, rates and ids.
//!
//! Everything here is pure: text in, values out; no file, clock or network is touched.

pub mod client;
pub mod consumers;
pub mod design;
pub mod ids;
pub mod limits;
pub mod matrix;
pub mod objective;
pub mod pitfall;
pub mod plan;
pub mod profile;
pub mod properties;
pub mod seed;
pub mod trial;
pub mod units;
