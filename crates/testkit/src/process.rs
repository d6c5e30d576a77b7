//! Processes of a story, and what they say.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::wait;

/// Nothing that a story awaits takes longer than this on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A process of a story, all of whose lines are kept; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    said: Arc<Said>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Said {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    out: Vec<String>,
    err: Vec<String>,
}

/// How a process ended, and all that it said.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Lines of its standard output.
    pub out: Vec<String>,
    /// Lines of its standard error.
    pub err: Vec<String>,
}

impl Finished {
    /// The one line that says what went wrong.
    pub fn error(&self) -> &str {
        let errors: Vec<&String> = self.err.iter().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "one clear line: {:#?}", self.err);
        errors[0]
    }
}

impl Process {
    /// Starts it, without standard input.
    pub fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let said = Arc::new(Said::default());
        let out = listen(child.stdout.take().unwrap(), said.clone(), |state, line| {
            state.out.push(line);
        });
        let err = listen(child.stderr.take().unwrap(), said.clone(), |state, line| {
            state.err.push(line);
        });
        Self {
            child,
            said,
            readers: vec![out, err],
        }
    }

    /// Waits for a line on standard error, or standard output, that holds `text`.
    #[track_caller]
    pub fn until(&self, text: &str) -> String {
        self.until_count(text, 1)
    }

    /// Waits for the n-th such line.
    #[track_caller]
    pub fn until_count(&self, text: &str, n: usize) -> String {
        let state = self.said.state.lock().unwrap();
        let found = |state: &State| {
            state
                .out
                .iter()
                .chain(&state.err)
                .filter(|line| line.contains(text))
                .nth(n - 1)
                .cloned()
        };
        let (state, waited) = self
            .said
            .changed
            .wait_timeout_while(state, PATIENCE, |state| found(state).is_none())
            .unwrap();
        assert!(
            !waited.timed_out(),
            "no {text:?} within {PATIENCE:?} in {:#?} {:#?}",
            state.out,
            state.err
        );
        found(&state).unwrap()
    }

    /// SIGKILL: it gets no chance to say anything.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What Ctrl-C sends.
    pub fn interrupt(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    }

    /// What a supervisor sends to end it.
    pub fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Stops it, as a hypervisor would, and lets it go on after `pause`.
    pub fn pause(&self, pause: Duration) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::STOP).unwrap();
        // The spell itself is what the story is about.
        wait::spell(pause);
        rustix::process::kill_process(id, rustix::process::Signal::CONT).unwrap();
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(self) -> Finished {
        self.finish_within(PATIENCE)
    }

    /// Waits for its end for this long at most.
    #[track_caller]
    pub fn finish_within(mut self, patience: Duration) -> Finished {
        let child = &mut self.child;
        let status = wait::until(patience, "the process to end", || child.try_wait().unwrap());
        let status = match status {
            Ok(status) => status,
            Err(timed_out) => {
                let state = self.said.state.lock().unwrap();
                panic!("{timed_out}: {:#?} {:#?}", state.out, state.err);
            }
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let mut state = self.said.state.lock().unwrap();
        let (out, err) = (std::mem::take(&mut state.out), std::mem::take(&mut state.err));
        Finished {
            code: status.code(),
            out,
            err,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(
    stream: impl Read + Send + 'static,
    said: Arc<Said>,
    put: impl Fn(&mut State, String) + Send + 'static,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            put(&mut said.state.lock().unwrap(), line);
            said.changed.notify_all();
        }
    })
}
