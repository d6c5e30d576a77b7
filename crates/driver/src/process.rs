//! One child process and what is said to it and by it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_model::trial::nanoseconds;

use crate::messages::{Order, Said};

/// The longest line that a driver may say.
const LONGEST: u64 = 16 << 20;
/// Lines of its standard error that are kept.
const KEPT: usize = 20;
/// Of those so many stand in a fault.
const SHOWN: usize = 3;
/// How often it is looked whether a driver has ended, in nanoseconds.
const ENDED: i64 = 5_000_000;
/// How long a driver may take to end after *bye*.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long what a driver that has ended wrote to its standard error may be on its way.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why a driver is of no use any more.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The program cannot be started.
    #[error("driver {name} cannot be started: {source}")]
    Start {
        /// The driver.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ended before its time.
    #[error("driver {name} {how}{last}")]
    Ended {
        /// The driver.
        name: String,
        /// With which code or signal.
        how: String,
        /// The code, where there is one.
        code: Option<i32>,
        /// Its last words.
        last: String,
    },
    /// It said nothing in time.
    #[error("driver {name} did not say {what} within {seconds} s{last}")]
    Silent {
        /// The driver.
        name: String,
        /// What was awaited.
        what: &'static str,
        /// For how long.
        seconds: u64,
        /// Its last words.
        last: String,
    },
    /// It said what is no message, or the wrong one.
    #[error("driver {name} said nonsense: {problem}{last}")]
    Nonsense {
        /// The driver.
        name: String,
        /// What is wrong with it.
        problem: String,
        /// Its last words.
        last: String,
    },
}

/// What a driver is told, by whoever holds this.
#[derive(Clone, Debug)]
pub struct Voice(Arc<Mutex<Option<ChildStdin>>>);

impl Voice {
    /// Says something; that a driver has ended shows when it is next listened to.
    pub fn say(&self, order: &Order) {
        let mut line = serde_json::to_vec(order).expect("invariant: orders have keys of text only");
        line.push(b'\n');
        let mut input = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = input.as_mut()
            && pipe.write_all(&line).and_then(|()| pipe.flush()).is_err()
        {
            *input = None;
        }
    }

    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A driver's process. Dropping it kills it and waits for its end, so that it leaves nothing behind.
#[derive(Debug)]
pub struct Driver {
    name: String,
    child: Child,
    voice: Voice,
    said: Receiver<Result<Said, String>>,
    last: Arc<Mutex<VecDeque<String>>>,
    /// Keeps the last lines until its standard error ends.
    keeping: JoinHandle<()>,
}

impl Driver {
    /// Starts a driver; `name` is what faults call it.
    pub fn start(name: &str, mut command: Command) -> Result<Self, Fault> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().map_err(|source| Fault::Start {
            name: name.to_owned(),
            source,
        })?;
        let (tell, said) = channel();
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let last = Arc::new(Mutex::new(VecDeque::new()));
        let kept = last.clone();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(out.expect("invariant: it is piped"));
            while let Some(line) = next_line(&mut lines) {
                let told = line.and_then(|line| serde_json::from_slice(&line).map_err(|error| shown(&line, &error)));
                let over = told.is_err();
                if tell.send(told).is_err() || over {
                    break;
                }
            }
        });
        let keeping = std::thread::spawn(move || {
            let lines = BufReader::new(err.expect("invariant: it is piped")).split(b'\n');
            for line in lines.map_while(Result::ok) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() == KEPT {
                    kept.pop_front();
                }
                kept.push_back(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Ok(Self {
            name: name.to_owned(),
            voice: Voice(Arc::new(Mutex::new(child.stdin.take()))),
            child,
            said,
            last,
            keeping,
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What speaks to it.
    pub fn voice(&self) -> Voice {
        self.voice.clone()
    }

    /// Waits for the next message; `what` is what is awaited.
    pub fn hear(&mut self, what: &'static str, at_most: Duration) -> Result<Said, Fault> {
        let said = self.hear_for(at_most)?;
        said.ok_or_else(|| self.silent(what, at_most))
    }

    /// The next message, if there is one within this time.
    pub fn hear_for(&mut self, at_most: Duration) -> Result<Option<Said>, Fault> {
        match self.said.recv_timeout(at_most) {
            Ok(Ok(said)) => Ok(Some(said)),
            Ok(Err(problem)) => Err(self.nonsense(problem)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
        }
    }

    /// It did not say in time what was awaited.
    pub fn silent(&self, what: &'static str, within: Duration) -> Fault {
        Fault::Silent {
            name: self.name.clone(),
            what,
            seconds: within.as_secs(),
            last: self.last_words(),
        }
    }

    /// A message that was not expected, or that does not add up.
    pub fn nonsense(&self, problem: impl Into<String>) -> Fault {
        Fault::Nonsense {
            name: self.name.clone(),
            problem: problem.into(),
            last: self.last_words(),
        }
    }

    /// Says farewell and waits for a good end.
    pub fn part(mut self) -> Result<(), Fault> {
        self.voice.say(&Order::Bye {});
        self.voice.close();
        match self.wait(FAREWELL) {
            Some(status) if status.success() => Ok(()),
            Some(_) => Err(self.ended()),
            None => Err(self.silent("bye", FAREWELL)),
        }
    }

    fn ended(&mut self) -> Fault {
        // Its output has ended; it may need a moment to end itself.
        let status = self.wait(FAREWELL);
        // What it said at the last is on its way. Whatever it has started and left behind may hold the other end for ever.
        until(LAST_WORDS, || self.keeping.is_finished().then_some(()));
        let code = status.and_then(|status| status.code());
        let how = match status {
            None => "closed its standard output and went on".to_owned(),
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("ended with exit code {code}"),
                (None, Some(signal)) => format!("was killed by signal {signal}"),
                (None, None) => "ended".to_owned(),
            },
        };
        Fault::Ended {
            name: self.name.clone(),
            how,
            code,
            last: self.last_words(),
        }
    }

    fn wait(&mut self, at_most: Duration) -> Option<ExitStatus> {
        until(at_most, || self.child.try_wait().ok().flatten())
    }

    fn last_words(&self) -> String {
        let kept = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&str> = kept
            .iter()
            .map(|line| line.trim())
            .filter(|line| !line.is_empty())
            .collect();
        match lines.len() {
            0 => String::new(),
            1 => format!("; its last line: {}", lines[0]),
            count => format!("; its last lines: {}", lines[count.saturating_sub(SHOWN)..].join(" / ")),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.voice.close();
        // With all that it started. It may have ended by itself.
        if let Some(group) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        // Its readers end when nobody holds its output any more; a process that has left the group may, and is not waited for.
    }
}

/// Looks again and again until there is something, or for so long.
fn until<T>(at_most: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = MonotonicClock;
    let end = clock.now_ns() + nanoseconds(at_most);
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        let now = clock.now_ns();
        if now >= end {
            return None;
        }
        clock.sleep_until(now + ENDED);
    }
}

/// The next line; none at the end, an error when it is too long.
fn next_line(lines: &mut impl BufRead) -> Option<Result<Vec<u8>, String>> {
    let mut line = Vec::new();
    match lines.take(LONGEST).read_until(b'\n', &mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) if line.len() as u64 == LONGEST && line.last() != Some(&b'\n') => {
            Some(Err("a line longer than 16 MiB".to_owned()))
        }
        Ok(_) => Some(Ok(line)),
    }
}

/// The beginning of a line that is no message, and why it is none.
fn shown(line: &[u8], error: &serde_json::Error) -> String {
    const CHARACTERS: usize = 60;
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end();
    let short: String = text.chars().take(CHARACTERS).collect();
    let more = if text.chars().count() > CHARACTERS { "…" } else { "" };
    format!("{short:?}{more} ({error})")
}
