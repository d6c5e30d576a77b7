//! Producer clients of other libraries as child processes: drivers/PROTOCOL.md.
//!
//! [`Driver`] owns one child and speaks with it, [`DriverRun`] conducts one attempt of several, [`account`] makes what they
//! counted into what an agent tells.

pub mod account;
pub mod install;
pub mod messages;
mod process;
mod programs;
mod run;
mod schedule;
mod sources;
mod spool;

pub use process::{Driver, Fault, Voice};
pub use programs::{Missing, Programs};
pub use run::{Armed, DriverRun, Used};
pub use schedule::{parse, shape};
pub use sources::Environment;
pub use spool::{Spool, read_bodies, read_keys};
