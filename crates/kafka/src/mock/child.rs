//! A mock cluster in a child process, for programs that wait for it on a thread.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::line;

/// How long the child may take to answer, and to end.
const ANSWER: Duration = Duration::from_secs(10);

/// A mock cluster in a process of its own. It ends when this is dropped, or when this process ends.
#[derive(Debug)]
pub struct MockChild {
    bootstrap: String,
    child: Child,
    /// Closed to end the child.
    input: Option<ChildStdin>,
    /// Lines of its standard output; closed when it has ended.
    output: Receiver<String>,
}

/// Why there is no mock cluster, or no topic on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program does not start.
    #[error("the mock cluster could not be started with {program}")]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The child says nothing, or nonsense.
    #[error("the mock cluster ended, or does not answer")]
    Silent,
    /// The child makes no such topic.
    #[error("the mock cluster refused: {0}")]
    Refused(String),
}

impl MockChild {
    /// Starts `program mock …`; the child runs on the processors that the calling thread may use.
    pub fn start(program: &Path, brokers: u32, round_trip: Duration) -> Result<Self, Error> {
        let mut child = Command::new(program)
            .args(line::arguments(brokers, round_trip))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| Error::Start {
                program: program.to_owned(),
                source,
            })?;
        let (say, output) = sync_channel(1);
        let (input, lines) = (child.stdin.take(), child.stdout.take());
        let read = move || {
            for line in lines.into_iter().flat_map(|lines| BufReader::new(lines).lines()) {
                let Ok(line) = line else { return };
                if say.send(line).is_err() {
                    return;
                }
            }
        };
        let mut mock = Self {
            bootstrap: String::new(),
            child,
            input,
            output,
        };
        std::thread::Builder::new()
            .name("mock-lines".into())
            .spawn(read)
            .map_err(|source| Error::Start {
                program: program.to_owned(),
                source,
            })?;
        let first = mock.line()?;
        line::greeted(&first)
            .ok_or(Error::Silent)?
            .clone_into(&mut mock.bootstrap);
        Ok(mock)
    }

    /// Where its brokers are.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Makes a topic.
    pub fn create_topic(&mut self, name: &str, partitions: u32, replication: u32) -> Result<(), Error> {
        let line = line::topic(name, partitions, replication);
        let input = self.input.as_mut().ok_or(Error::Silent)?;
        input.write_all(line.as_bytes()).map_err(|_| Error::Silent)?;
        line::answered(&self.line()?).map_err(Error::Refused)
    }

    fn line(&self) -> Result<String, Error> {
        self.output.recv_timeout(ANSWER).map_err(|_| Error::Silent)
    }
}

impl Drop for MockChild {
    fn drop(&mut self) {
        self.input = None;
        // Its output closes when it ends.
        if self.output.recv_timeout(ANSWER) != Err(RecvTimeoutError::Disconnected) {
            // It is stuck, or says what nobody asked for. It may have ended of itself meanwhile.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
