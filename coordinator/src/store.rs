//! The store: one folder per experiment.
//!
//! `calibrations.json` holds what agents managed against a null sink. `experiments/ID/` holds `plan.toml` (the plan's text), `journal.jsonl`, `trials/tNNN.json` (a finished trial),
//! `void/tNNN-A.json` (what is left of an attempt that does not count) and `report.{md,json,csv}` and
//! `hgrm/tNNN-TIME.hgrm` (distributions for plotters), rendered from the others.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tribunal_model::design::Purpose;
use tribunal_model::ids::{Attempt, ExperimentId, TrialId};
use tribunal_model::matrix::Matrix;
use tribunal_model::plan::{self, Override, Plan};
use tribunal_model::trial::Part;
use tribunal_proto::control::ExperimentRow;
use tribunal_report::analysed::Analysed;
use tribunal_report::experiment::{ExperimentFacts, ExperimentReport, ExperimentState, VoidAttempt};
use tribunal_report::result::{StoredSample, TrialResult};
use tribunal_report::search::SearchOutcome;
use tribunal_report::{csv, hgrm, html, json, markdown, plot};

use crate::agenda::{self, Done, History};
use crate::calibration::Calibrations;
use crate::journal::{self, Fact, Journal, sync_folder};

/// The folder of an experiment's distributions for plotters.
const HGRM: &str = "hgrm";

/// The folder that holds the experiments' folders.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No experiment, or more than one, goes by this text.
    #[error("{text:?} names {found} experiments of the store {root}; {}", advice(*found))]
    NotOne {
        /// What was given.
        text: String,
        /// How many it names.
        found: usize,
        /// The store.
        root: PathBuf,
    },
    /// A file or folder cannot be read or written.
    #[error("{path} cannot be {act}")]
    File {
        /// The file.
        path: PathBuf,
        /// Read, written, …
        act: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Another coordinator works on this store.
    #[error("store {root} is in use by another coordinator")]
    InUse {
        /// The store.
        root: PathBuf,
    },
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// A stored result cannot be read by this build.
    #[error("{path}: {source}")]
    Result {
        /// The file.
        path: PathBuf,
        /// Why.
        source: json::Error,
    },
    /// The kept calibrations cannot be read by this build.
    #[error("{path} cannot be understood; remove it and run `tribunal calibrate` anew")]
    Calibrations {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The plan of an experiment cannot be read by this build.
    #[error(transparent)]
    Plan(#[from] plan::Error),
    /// Probes are not those that the plan's search asks for.
    #[error("experiment {id}: {reason}")]
    Search {
        /// The experiment.
        id: ExperimentId,
        /// What does not fit.
        reason: String,
    },
    /// A journal does not begin as journals do.
    #[error("{path} does not tell what the experiment is")]
    Headless {
        /// The journal.
        path: PathBuf,
    },
}

fn advice(found: usize) -> &'static str {
    if found == 0 {
        "`tribunal experiments` lists them"
    } else {
        "give a longer part of the id"
    }
}

/// What is left of an attempt that does not count.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct VoidRecord {
    pub(crate) attempt: VoidAttempt,
    pub(crate) samples: Vec<StoredSample>,
}

/// An experiment as its journal tells it.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    pub(crate) facts: ExperimentFacts,
    pub(crate) file: String,
    pub(crate) allow_large: bool,
    pub(crate) finished: BTreeMap<TrialId, bool>,
    /// Attempts made of each trial.
    pub(crate) attempts: BTreeMap<TrialId, u32>,
    pub(crate) void: Vec<VoidAttempt>,
    pub(crate) given_up: Vec<VoidAttempt>,
    /// Topics that were about to be made and are not known to be gone.
    pub(crate) leftover_topics: Vec<String>,
}

impl Past {
    /// Replays a journal; `None` when it does not begin with the plan's acceptance.
    fn replay(facts: Vec<Fact>) -> Option<Self> {
        let mut facts = facts.into_iter();
        let Some(Fact::Accepted {
            facts: what,
            file,
            allow_large,
        }) = facts.next()
        else {
            return None;
        };
        let mut past = Self {
            facts: *what,
            file,
            allow_large,
            finished: BTreeMap::new(),
            attempts: BTreeMap::new(),
            void: Vec::new(),
            given_up: Vec::new(),
            leftover_topics: Vec::new(),
        };
        for fact in facts {
            match fact {
                Fact::Accepted { .. } => return None,
                Fact::Began { .. } => past.facts.state = ExperimentState::Running,
                Fact::AttemptBegan { trial, attempt, topics } => {
                    past.attempts.insert(trial, attempt.0);
                    past.leftover_topics.extend(topics);
                }
                Fact::AttemptVoid {
                    trial,
                    attempt,
                    reason,
                    last,
                } => {
                    let void = VoidAttempt { trial, attempt, reason };
                    past.given_up.retain(|given_up| given_up.trial != trial);
                    if last {
                        past.given_up.push(void);
                    } else {
                        past.void.push(void);
                    }
                }
                Fact::TopicsDeleted { topics } => past.leftover_topics.retain(|topic| !topics.contains(topic)),
                Fact::TrialFinished { trial, valid, .. } => {
                    past.given_up.retain(|given_up| given_up.trial != trial);
                    past.finished.insert(trial, valid);
                }
                Fact::State { state, reason } => {
                    past.facts.state = state;
                    past.facts.reason = reason;
                }
            }
        }
        Some(past)
    }
}

impl Store {
    /// Opens the store for reading; the folder may be missing.
    pub fn open(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Makes the store's folder and takes it for this process alone.
    pub(crate) fn take(&self) -> Result<File, Error> {
        let folder = self.root.join("experiments");
        fs::create_dir_all(&folder).map_err(|source| failed(&folder, "made", source))?;
        let path = self.root.join("lock");
        let lock = File::create(&path).map_err(|source| failed(&path, "made", source))?;
        lock.try_lock().map_err(|_| Error::InUse {
            root: self.root.clone(),
        })?;
        Ok(lock)
    }

    /// The experiment's folder.
    pub fn folder(&self, id: ExperimentId) -> PathBuf {
        self.root.join("experiments").join(id.to_string())
    }

    /// Ids of the experiments, oldest first; they sort by the instant of their making.
    pub(crate) fn ids(&self) -> Result<Vec<ExperimentId>, Error> {
        let folder = self.root.join("experiments");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(&folder, "read", source)),
        };
        let mut ids: Vec<ExperimentId> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// The experiments, oldest first; one whose journal cannot be read is told in the log and left out.
    pub fn experiments(&self) -> Result<Vec<ExperimentRow>, Error> {
        let mut rows = Vec::new();
        for id in self.ids()? {
            match self.past(id) {
                Ok(past) => rows.push(ExperimentRow {
                    id,
                    name: past.facts.name,
                    state: past.facts.state.name().to_owned(),
                    began: past.facts.began,
                    finished: past.finished.len() as u32,
                    trials: past.facts.trials,
                    reason: past.facts.reason,
                }),
                Err(error) => tracing::warn!(experiment = %id, %error, "cannot be read"),
            }
        }
        Ok(rows)
    }

    /// The experiment named by an id or a part of it.
    pub fn find(&self, text: &str) -> Result<ExperimentId, Error> {
        let found: Vec<ExperimentId> = self.ids()?.into_iter().filter(|id| id.matches(text)).collect();
        match found[..] {
            [id] => Ok(id),
            _ => Err(Error::NotOne {
                text: text.to_owned(),
                found: found.len(),
                root: self.root.clone(),
            }),
        }
    }

    /// What an experiment's journal tells.
    pub(crate) fn past(&self, id: ExperimentId) -> Result<Past, Error> {
        let path = self.journal_path(id);
        Past::replay(journal::read(&path)?).ok_or(Error::Headless { path })
    }

    /// Everything that is known of an experiment, read from its folder.
    pub fn report(&self, id: ExperimentId) -> Result<ExperimentReport, Error> {
        let past = self.past(id)?;
        let results: Vec<TrialResult> = past
            .finished
            .keys()
            .map(|trial| self.result(id, *trial))
            .collect::<Result<_, _>>()?;
        Ok(ExperimentReport {
            searches: self.searches(id, &past, &results)?,
            facts: ExperimentFacts {
                plan: Some(self.plan(id)?),
                ..past.facts
            },
            results,
            void_attempts: past.void,
            given_up: past.given_up,
        })
    }

    /// The plan with its matrix, as accepted.
    pub(crate) fn resolved(&self, id: ExperimentId, past: &Past) -> Result<(Plan, Matrix), Error> {
        let text = self.plan(id)?;
        Ok(resolve(&past.file, &text, &past.facts.overrides, past.allow_large)?)
    }

    /// The capacity searches of an experiment, as far as its results bring them.
    fn searches(&self, id: ExperimentId, past: &Past, results: &[TrialResult]) -> Result<Vec<SearchOutcome>, Error> {
        let probed = |result: &TrialResult| matches!(result.purpose, Purpose::Probe(_));
        if !results.iter().any(probed) {
            return Ok(Vec::new());
        }
        let (plan, matrix) = self.resolved(id, past)?;
        let history = results.iter().map(|result| (result.trial, Done::of(result))).collect();
        agenda::searches(&plan, &matrix, &history).map_err(|reason| Error::Search { id, reason })
    }

    /// What the results so far decide about the trials to come.
    pub(crate) fn history(&self, id: ExperimentId, past: &Past) -> Result<History, Error> {
        let done = |trial: &TrialId| Ok((*trial, Done::of(&self.result(id, *trial)?)));
        past.finished.keys().map(done).collect()
    }

    fn result(&self, id: ExperimentId, trial: TrialId) -> Result<TrialResult, Error> {
        let path = self.result_path(id, trial);
        let text = fs::read_to_string(&path).map_err(|source| failed(&path, "read", source))?;
        json::read_trial(&text).map_err(|source| Error::Result { path, source })
    }

    /// What agents managed against a null sink; nothing where nothing was kept.
    pub(crate) fn calibrations(&self) -> Result<Calibrations, Error> {
        let path = self.calibrations_path();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Calibrations::default()),
            Err(source) => return Err(failed(&path, "read", source)),
        };
        serde_json::from_str(&text).map_err(|source| Error::Calibrations { path, source })
    }

    /// Keeps them.
    pub(crate) fn keep_calibrations(&self, calibrations: &Calibrations) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(calibrations).expect("invariant: string keys only");
        save(&self.calibrations_path(), text.as_bytes())
    }

    /// The plan's text.
    pub(crate) fn plan(&self, id: ExperimentId) -> Result<String, Error> {
        let path = self.folder(id).join("plan.toml");
        fs::read_to_string(&path).map_err(|source| failed(&path, "read", source))
    }

    /// Makes a new experiment's folder with its plan and a journal that begins with its acceptance.
    pub(crate) fn create(&self, plan: &str, accepted: &Fact, id: ExperimentId) -> Result<(), Error> {
        let folder = self.folder(id);
        for sub in ["trials", "void"] {
            let path = folder.join(sub);
            fs::create_dir_all(&path).map_err(|source| failed(&path, "made", source))?;
        }
        save(&folder.join("plan.toml"), plan.as_bytes())?;
        Journal::create(&self.journal_path(id))?.add(accepted)?;
        Ok(())
    }

    /// Opens an experiment's journal to go on with it.
    pub(crate) fn journal(&self, id: ExperimentId) -> Result<Journal, Error> {
        Ok(Journal::open(&self.journal_path(id))?.0)
    }

    /// Keeps a trial's result; it is on disk when this returns.
    pub(crate) fn keep(&self, result: &TrialResult) -> Result<(), Error> {
        let path = self.result_path(result.experiment, result.trial);
        save_with(&path, |file| json::write_trial_to(result, file))
    }

    /// Keeps what is left of a void attempt.
    pub(crate) fn keep_void(&self, id: ExperimentId, record: &VoidRecord) -> Result<(), Error> {
        let (trial, Attempt(attempt)) = (record.attempt.trial, record.attempt.attempt);
        let text = serde_json::to_string_pretty(record).expect("invariant: string keys only");
        save(
            &self.folder(id).join("void").join(format!("{trial}-{attempt}.json")),
            text.as_bytes(),
        )
    }

    /// Renders the reports into the experiment's folder.
    pub fn render(&self, id: ExperimentId) -> Result<ExperimentReport, Error> {
        let report = self.report(id)?;
        let analysed = Analysed::of(&report);
        let folder = self.folder(id);
        save(&folder.join("report.html"), html::render(&analysed).as_bytes())?;
        save(&folder.join("report.md"), markdown::render(&analysed).as_bytes())?;
        for (name, picture) in plot::files(&analysed) {
            save(&folder.join(name), picture.as_bytes())?;
        }
        save_with(&folder.join("report.json"), |file| {
            json::write_report_to(&analysed, file)
        })?;
        save(&folder.join("report.csv"), csv::render(&report).as_bytes())?;
        self.plot(id, &report)?;
        Ok(report)
    }

    /// Writes the distributions of trials for plotters.
    fn plot(&self, id: ExperimentId, report: &ExperimentReport) -> Result<(), Error> {
        let folder = self.folder(id).join(HGRM);
        fs::create_dir_all(&folder).map_err(|source| failed(&folder, "made", source))?;
        for result in &report.results {
            let files = hgrm::files(result).map_err(|source| Error::Result {
                path: self.result_path(id, result.trial),
                source: json::Error::Distribution {
                    trial: result.trial,
                    part: Part::Window.name(),
                    source,
                },
            })?;
            for file in files {
                let path = folder.join(file.name);
                // Not synced one by one: there may be thousands, and the trials' results have all that is in them.
                fs::write(&path, file.text).map_err(|source| failed(&path, "written", source))?;
            }
        }
        Ok(())
    }

    /// Paths of the files of an experiment's folder, relative to it, sorted.
    pub(crate) fn files(&self, id: ExperimentId) -> Result<Vec<PathBuf>, Error> {
        let folder = self.folder(id);
        let mut files = Vec::new();
        for sub in ["", "trials", "void", HGRM] {
            let path = folder.join(sub);
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                // Not there until the reports are rendered.
                Err(error) if sub == HGRM && error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(failed(&path, "read", source)),
            };
            for entry in entries.flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                    files.push(Path::new(sub).join(entry.file_name()));
                }
            }
        }
        files.sort();
        Ok(files)
    }

    fn calibrations_path(&self) -> PathBuf {
        self.root.join("calibrations.json")
    }

    fn journal_path(&self, id: ExperimentId) -> PathBuf {
        self.folder(id).join("journal.jsonl")
    }

    fn result_path(&self, id: ExperimentId, trial: TrialId) -> PathBuf {
        self.folder(id).join("trials").join(format!("{trial}.json"))
    }
}

/// A plan's text with its overrides, resolved.
pub(crate) fn resolve(
    file: &str,
    text: &str,
    overrides: &[String],
    allow_large: bool,
) -> Result<(Plan, Matrix), plan::Error> {
    let overrides: Vec<Override> = overrides
        .iter()
        .map(|text| Override::parse(text))
        .collect::<Result<_, _>>()?;
    let plan = Plan::parse(file, text, &overrides)?;
    let matrix = Matrix::resolve(&plan, allow_large)?;
    Ok((plan, matrix))
}

fn failed(path: &Path, act: &'static str, source: std::io::Error) -> Error {
    Error::File {
        path: path.to_owned(),
        act,
        source,
    }
}

/// Writes a file so that it is either the old one or the whole new one, and on disk.
fn save(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    save_with(path, |file| file.write_all(bytes))
}

/// The same of what is written piece by piece.
fn save_with(path: &Path, write_to: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let write = || {
        let mut file = BufWriter::new(File::create(&beside)?);
        write_to(&mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs::rename(&beside, path)?;
        sync_folder(path)
    };
    write().map_err(|source| failed(path, "written", source))
}
