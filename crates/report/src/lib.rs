//! The stored trial result, and what is rendered from it.
//!
//! Everything here is pure: results in, text out.

pub mod analysis;
pub mod audit;
pub mod brokers;
pub mod caveat;
pub mod check;
pub mod consumed;
pub mod csv;
pub mod eligibility;
pub mod experiment;
mod factors;
pub mod format;
pub mod json;
pub mod markdown;
pub mod objective;
pub mod result;
pub mod search;
pub mod table;
