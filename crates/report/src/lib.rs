//! The stored trial result, and what is rendered from it.
//!
//! Everything here is pure: results in, text out.

pub mod advice;
pub mod analysed;
pub mod analysis;
pub mod answer;
pub mod audit;
pub mod brokers;
pub mod caveat;
mod cell_sums;
pub mod check;
pub mod compare;
pub mod consumed;
pub mod csv;
mod effective;
pub mod eligibility;
pub mod experiment;
mod factors;
pub mod format;
pub mod hgrm;
pub mod html;
pub mod json;
pub mod markdown;
mod markup;
pub mod objective;
pub mod pitfall;
pub mod plot;
mod processor_time;
pub mod result;
pub mod search;
mod settings;
pub mod table;
