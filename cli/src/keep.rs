//! Copies of experiments' folders: fetched beside their place, shown, then renamed into it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;
use tribunal_coordinator::client::Client;
use tribunal_coordinator::store::Store;
use tribunal_model::ids::ExperimentId;
use tribunal_model::plan::{Override, Plan};
use tribunal_report::analysed::Analysed;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::{answer, csv, json, table};

use crate::arguments::Format;
use crate::exit::Usage;
use crate::terminal;

/// An experiment's folder in a hidden folder that goes away unless it is kept.
#[derive(Debug)]
pub(crate) struct Folder {
    place: TempDir,
    path: PathBuf,
    report: ExperimentReport,
}

impl Folder {
    /// Fetches an experiment's folder from a coordinator; it will be kept below or beside `near`.
    pub(crate) async fn fetch(client: &Client, id: ExperimentId, near: Option<&Path>) -> anyhow::Result<Self> {
        let place = place(near)?;
        let store = Store::open(place.path());
        let path = store.folder(id);
        client.folder(&id.to_string(), &path).await?;
        let report = store.report(id)?;
        Ok(Self { place, path, report })
    }

    /// Copies an experiment's folder from a store of this host; its reports are made anew, as the version that ran it may have
    /// known fewer.
    pub(crate) fn of_store(store: &Store, id: ExperimentId, near: Option<&Path>) -> anyhow::Result<Self> {
        let place = place(near)?;
        let copied = Store::open(place.path());
        let (from, path) = (store.folder(id), copied.folder(id));
        copy(&from, &path).with_context(|| format!("{} cannot be copied", from.display()))?;
        let report = copied.render(id)?;
        Ok(Self { place, path, report })
    }

    /// What is known of the experiment.
    pub(crate) fn report(&self) -> &ExperimentReport {
        &self.report
    }

    /// The same, when the folder has served.
    pub(crate) fn into_report(self) -> ExperimentReport {
        self.report
    }

    /// The page to look at in a kept folder.
    pub(crate) fn page(kept: &Path) -> String {
        format!("report: {}", kept.join("report.html").display())
    }

    /// Moves the folder to `out`, or to `./tribunal-NAME-ID`; nothing is overwritten.
    pub(crate) fn keep(self, out: Option<&Path>) -> anyhow::Result<PathBuf> {
        let out = match out {
            Some(out) => {
                must_be_free(out)?;
                out.to_owned()
            }
            None => self.free_name(),
        };
        std::fs::rename(&self.path, &out)
            .map_err(|error| Usage(format!("the results cannot be moved to {}: {error}", out.display())))?;
        self.place.close().context("a temporary folder cannot be removed")?;
        Ok(out)
    }

    fn free_name(&self) -> PathBuf {
        let name = PathBuf::from(format!("tribunal-{}-{}", self.slug(), self.report.facts.id.short()));
        let later = (2..).map(|number| PathBuf::from(format!("{}-{number}", name.display())));
        let mut names = std::iter::once(name.clone()).chain(later);
        names.find(|name| must_be_free(name).is_ok()).unwrap_or(name)
    }

    /// The plan's name in the characters of file names.
    fn slug(&self) -> String {
        let overrides: Vec<Override> = self
            .report
            .facts
            .overrides
            .iter()
            .filter_map(|text| Override::parse(text).ok())
            .collect();
        let text = std::fs::read_to_string(self.path.join("plan.toml")).unwrap_or_default();
        let plan = Plan::parse("plan.toml", &text, &overrides).or_else(|_| Plan::parse("plan.toml", &text, &[]));
        plan.map_or_else(|_| "experiment".to_owned(), |plan| plan.slug())
    }
}

/// That nothing is where results are to go.
pub(crate) fn must_be_free(out: &Path) -> Result<(), Usage> {
    match out.symlink_metadata() {
        Ok(_) => Err(Usage(format!(
            "{} exists already, and nothing is overwritten; give another --out",
            out.display()
        ))),
        Err(_) => Ok(()),
    }
}

/// The folder in which `out` is or will be, which is made when it is missing.
pub(crate) fn parent(out: Option<&Path>) -> anyhow::Result<PathBuf> {
    let parent = out
        .and_then(Path::parent)
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.map_or_else(|| PathBuf::from("."), Path::to_owned);
    std::fs::create_dir_all(&parent).map_err(|error| Usage(format!("{} cannot be made: {error}", parent.display())))?;
    Ok(parent)
}

/// Beside the place to be, so that a rename is all it takes; in the system's place where nothing is to be kept.
fn place(near: Option<&Path>) -> anyhow::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(".tribunal-");
    let made = match near {
        Some(near) => builder.tempdir_in(near),
        None => builder.tempdir(),
    };
    let shown = near.map_or_else(std::env::temp_dir, Path::to_owned);
    Ok(made.map_err(|error| Usage(format!("{} cannot be written: {error}", shown.display())))?)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Prints the results on standard output; after a table the answer in one screen.
pub(crate) fn print(report: &ExperimentReport, format: Format) {
    terminal::out(&match format {
        Format::Table => {
            let analysed = Analysed::of(report);
            let table = table::render(&analysed, terminal::utf8(), terminal::width());
            let answer = answer::render(&analysed, terminal::screen());
            if answer.is_empty() {
                table
            } else {
                format!("{table}\n{answer}")
            }
        }
        Format::Json => json::write_report(&Analysed::of(report)),
        Format::Csv => csv::render(report),
    });
}
