//! What was measured, how it is merged, and what may be read off it.
//!
//! Everything here is pure. Quantiles come from merged distributions, never from quantiles.

pub mod distribution;
pub mod facts;
pub mod outcome;
pub mod samples;
pub mod tally;

pub use distribution::Distribution;
pub use outcome::{AgentReport, Backlog, PartitionCount};
pub use samples::{Activity, ClientSecond, ClientStatistics, Cpu, Sample};
pub use tally::{Fates, Tallies, Tally};
