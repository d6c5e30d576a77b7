//! What was measured, how it is merged, and what may be read off it.
//!
//! Everything here is pure. Quantiles come from merged distributions, never from quantiles.

pub mod comparison;
pub mod consumed;
pub mod distribution;
pub mod exchange;
pub mod facts;
pub mod follow;
pub mod little;
pub mod offsets;
pub mod outcome;
pub mod readback;
pub mod samples;
pub mod search;
pub mod steady;
pub mod tally;
pub mod told;
pub mod watched;

pub use consumed::{ConsumerReport, ConsumerSecond, ReceivedPartition};
pub use distribution::Distribution;
pub use follow::{Followed, Follower, Ways};
pub use offsets::OffsetSet;
pub use outcome::{AgentReport, Backlog, PartitionCount};
pub use readback::{Mark, MissingRun, ReadBack, ReadBackCount, ReadSequences};
pub use samples::{Activity, BrokerLatencies, ClientSecond, ClientStatistics, Cpu, Latencies, Sample};
pub use tally::{Fates, Tallies, Tally};
pub use told::{ClientCount, ClientTold};
