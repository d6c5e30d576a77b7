//! Hosts with systemd and networks of their own on this machine, made and ended by `lab/lab`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::script::{Error, Stories, repository, run, script};

/// Whether stories on hosts of a lab are told.
const STORIES: Stories = Stories {
    variable: "REAL_LAB",
    what: "stories on several hosts",
    needs: "root on Linux with network namespaces, what `lab/lab need` lists, Java 17 and Maven",
};

/// By how much the monotonic clock of each host is ahead of that of the host before it, in nanoseconds.
const SHIFT_NS: i64 = 100_000 * 1_000_000_000;

/// A lab that lasts as long as this value, or at most as long as this process.
///
/// The monotonic clocks of its hosts are all different, by amounts that are known exactly: [`Lab::shift_ns`].
#[derive(Debug)]
pub struct Lab {
    name: String,
}

impl Lab {
    /// The name of a lab that is not up yet, when `REAL_LAB=required`, and otherwise none, which is announced.
    ///
    /// `kind` tells the labs of one process apart. Whoever starts it by other means than [`Lab::start`] gives
    /// `up` the environment of [`Lab::name_in`], and this process as its owner.
    pub fn new_if_required(kind: &str) -> Option<Self> {
        STORIES.required().then(|| Self::named(kind))
    }

    /// Another lab, of `hosts` hosts, h1 and on, all of which answer; for stories that are told already.
    pub fn start(kind: &str, hosts: u16) -> Result<Self, Error> {
        let lab = Self::named(kind);
        let (hosts, owner) = (hosts.to_string(), std::process::id().to_string());
        lab.run(&["up", &hosts, "--owner", &owner])?;
        Ok(lab)
    }

    fn named(kind: &str) -> Self {
        Self {
            name: format!("{kind}-{}", std::process::id()),
        }
    }

    /// Gives a command the environment by which `lab/lab` knows this lab.
    pub fn name_in(&self, command: &mut Command) {
        command.env("LAB", &self.name).env("TIMENS", "1").env_remove("NET");
    }

    /// A verb of `lab/lab` with what belongs to it; see `lab/lab help`.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = script("lab/lab");
        command.args(words);
        self.name_in(&mut command);
        command
    }

    /// Runs such a verb to its end.
    pub fn run(&self, words: &[&str]) -> Result<Output, Error> {
        run(&mut self.command(words))
    }

    /// The folder of its state, which goes with it.
    pub fn state(&self) -> PathBuf {
        repository(".lab").join(&self.name)
    }

    /// The monotonic clock of host `number` minus that of this machine, in nanoseconds; the hub, which is 0, has the
    /// machine's.
    pub fn shift_ns(number: u16) -> i64 {
        i64::from(number) * SHIFT_NS
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Err(error) = self.run(&["down"]) {
            let _ = io::stderr().write_all(format!("\na lab was left behind: {error}\n").as_bytes());
        }
    }
}
