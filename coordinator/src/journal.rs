//! The journal of one experiment: what happened, one line for each fact, on disk before it counts.
//!
//! A line is a JSON object: `at` (wall clock, for people), `fact`, and `crc32` (IEEE, eight hexadecimal digits) over
//! the exact text of `fact`. A line that is torn or damaged ends the journal: what follows it is cut off when the
//! journal is opened for writing, because nothing that was built on a doubtful fact may be believed.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tribunal_model::ids::{Attempt, TrialId};
use tribunal_report::experiment::{ExperimentFacts, ExperimentState};

use crate::clock::{now_ns, wall};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fact {
    /// The plan was taken in; `plan.toml` beside the journal is its text.
    Accepted {
        /// What the experiment is.
        facts: Box<ExperimentFacts>,
        /// The plan's file name, for messages.
        file: String,
        /// Whether more than 10,000 trials are meant.
        allow_large: bool,
    },
    /// The coordinator began to run it, or went on with it.
    Began {
        /// The agents that take part, in the order in which producers are dealt out.
        agents: Vec<String>,
    },
    /// An attempt is about to make its topics.
    AttemptBegan {
        /// The trial.
        trial: TrialId,
        /// The attempt.
        attempt: Attempt,
        /// The topics.
        topics: Vec<String>,
    },
    /// An attempt does not count.
    AttemptVoid {
        /// The trial.
        trial: TrialId,
        /// The attempt.
        attempt: Attempt,
        /// Why.
        reason: String,
        /// Whether no further attempt is made.
        last: bool,
    },
    /// Topics are gone from the cluster.
    TopicsDeleted {
        /// The topics.
        topics: Vec<String>,
    },
    /// A trial's result is on disk.
    TrialFinished {
        /// The trial.
        trial: TrialId,
        /// The attempt that counted.
        attempt: Attempt,
        /// Whether it is valid.
        valid: bool,
    },
    /// How the experiment stands, after a change that no other fact tells.
    State {
        /// The state.
        state: ExperimentState,
        /// Why, in one line.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Line {
    crc32: String,
    at: String,
    fact: Box<RawValue>,
}

/// A journal that is open for writing.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("journal {path} cannot be {act}")]
pub struct Error {
    path: PathBuf,
    act: &'static str,
    source: std::io::Error,
}

impl Journal {
    /// Makes a new journal; its folder must be there.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error {
            path: path.to_owned(),
            act: "made",
            source,
        };
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)
            .map_err(failed)?;
        sync_folder(path).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Opens a journal to go on with it, and reads what it holds; a torn end is cut off.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Fact>), Error> {
        let (facts, good) = scan(path)?;
        let failed = |source| Error {
            path: path.to_owned(),
            act: "opened for writing",
            source,
        };
        let file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        file.set_len(good).map_err(failed)?;
        Ok((
            Self {
                path: path.to_owned(),
                file,
            },
            facts,
        ))
    }

    /// Adds a fact; it is on disk when this returns. How long that took.
    pub(crate) fn add(&mut self, fact: &Fact) -> Result<Duration, Error> {
        let line = write_line(fact);
        let began = now_ns();
        let mut put = || {
            self.file.write_all(line.as_bytes())?;
            self.file.sync_data()
        };
        put().map_err(|source| Error {
            path: self.path.clone(),
            act: "written",
            source,
        })?;
        Ok(Duration::from_nanos((now_ns() - began).max(0) as u64))
    }
}

/// The facts of a journal, without touching it.
pub(crate) fn read(path: &Path) -> Result<Vec<Fact>, Error> {
    scan(path).map(|(facts, _)| facts)
}

fn write_line(fact: &Fact) -> String {
    let text = serde_json::to_string(fact).expect("invariant: a fact has string keys only");
    let crc32 = format!("{:08x}", crc32fast::hash(text.as_bytes()));
    let fact = RawValue::from_string(text).expect("invariant: just written as JSON");
    let line = Line {
        crc32,
        at: wall(),
        fact,
    };
    let mut line = serde_json::to_string(&line).expect("invariant: strings and JSON");
    line.push('\n');
    line
}

fn read_line(line: &str) -> Option<Fact> {
    let line: Line = serde_json::from_str(line.strip_suffix('\n')?).ok()?;
    let crc32 = format!("{:08x}", crc32fast::hash(line.fact.get().as_bytes()));
    if crc32 != line.crc32 {
        return None;
    }
    serde_json::from_str(line.fact.get()).ok()
}

/// The facts up to the first bad line, and the length of what they take.
fn scan(path: &Path) -> Result<(Vec<Fact>, u64), Error> {
    let failed = |source| Error {
        path: path.to_owned(),
        act: "read",
        source,
    };
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let (mut facts, mut good, mut bytes) = (Vec::new(), 0, Vec::new());
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes).map_err(failed)?;
        let fact = std::str::from_utf8(&bytes).ok().and_then(read_line);
        if let Some(fact) = fact {
            facts.push(fact);
        } else {
            if read > 0 {
                tracing::warn!(path = %path.display(), line = facts.len() + 1, "journal ends in a damaged line");
            }
            return Ok((facts, good));
        }
        good += read as u64;
    }
}

/// Makes a new or renamed file's name durable.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Vec<Fact> {
        let (trial, attempt) = (TrialId(3), Attempt(1));
        vec![
            Fact::Began {
                agents: vec!["a".into()],
            },
            Fact::AttemptBegan {
                trial,
                attempt,
                topics: vec!["t".into()],
            },
            Fact::AttemptVoid {
                trial,
                attempt,
                reason: "agent \"a\" was lost\n".into(),
                last: false,
            },
            Fact::TrialFinished {
                trial,
                attempt: Attempt(2),
                valid: true,
            },
        ]
    }

    fn written(folder: &Path) -> PathBuf {
        let path = folder.join("journal.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        for fact in facts() {
            journal.add(&fact).unwrap();
        }
        path
    }

    #[test]
    fn what_was_added_is_read_back_and_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let (mut journal, read_back) = Journal::open(&path).unwrap();
        assert_eq!(read_back, facts());
        let more = Fact::State {
            state: ExperimentState::Complete,
            reason: String::new(),
        };
        journal.add(&more).unwrap();
        assert_eq!(read(&path).unwrap().last(), Some(&more));
    }

    #[test]
    fn a_journal_torn_anywhere_holds_a_prefix_of_its_facts_and_can_be_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (mut journal, read_back) = Journal::open(&path).unwrap();
            assert!(facts().starts_with(&read_back), "cut at {length}");
            let more = Fact::TopicsDeleted { topics: Vec::new() };
            journal.add(&more).unwrap();
            assert_eq!(read(&path).unwrap().len(), read_back.len() + 1, "cut at {length}");
        }
    }

    #[test]
    fn a_flipped_bit_never_yields_a_wrong_fact() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(3) {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            std::fs::write(&path, &damaged).unwrap();
            for (read, fact) in read(&path).unwrap().iter().zip(facts()) {
                assert_eq!(*read, fact, "flipped at {at}");
            }
        }
    }
}
