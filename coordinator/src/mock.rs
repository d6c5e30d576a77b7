//! librdkafka's mock cluster, as a child process of the coordinator.
//!
//! What the two say to each other is in `tribunal_kafka::mock::line`. The child ends when its standard input closes, so it
//! cannot outlive the coordinator.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tribunal_kafka::mock::line::{self, BROKERS};

/// How long the child may take to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// A running mock cluster.
#[derive(Debug)]
pub(crate) struct Mock {
    bootstrap: String,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// Why there is no mock cluster, or no topic on it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the mock cluster could not be started with {program}")]
    Start { program: PathBuf, source: std::io::Error },
    #[error("the mock cluster ended, or does not answer")]
    Silent,
    #[error("the mock cluster refused: {0}")]
    Refused(String),
}

impl Mock {
    /// Starts `program mock …`.
    pub(crate) async fn start(program: &Path, round_trip: Duration) -> Result<Self, Error> {
        let failed = |source| Error::Start {
            program: program.to_owned(),
            source,
        };
        let mut child = Command::new(program)
            .args(line::arguments(BROKERS, round_trip))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::Silent);
        };
        let mut mock = Self {
            bootstrap: String::new(),
            child,
            input,
            output: BufReader::new(output).lines(),
        };
        let first = mock.line().await?;
        line::greeted(&first)
            .ok_or(Error::Silent)?
            .clone_into(&mut mock.bootstrap);
        Ok(mock)
    }

    /// Where its brokers are.
    pub(crate) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Makes a topic.
    pub(crate) async fn topic(&mut self, name: &str, partitions: u32, replication: u32) -> Result<(), Error> {
        let line = line::topic(name, partitions, replication);
        self.input.write_all(line.as_bytes()).await.map_err(|_| Error::Silent)?;
        line::answered(&self.line().await?).map_err(Error::Refused)
    }

    /// Ends the child.
    pub(crate) async fn end(mut self) {
        drop(self.input);
        if tokio::time::timeout(ANSWER, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    async fn line(&mut self) -> Result<String, Error> {
        match tokio::time::timeout(ANSWER, self.output.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            _ => Err(Error::Silent),
        }
    }
}
