//! `tribunal compare`: two experiments, or two cells, held against each other.

use std::path::Path;

use tribunal_coordinator::store::Store;
use tribunal_report::compare::{Error, Side, Terms};
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::{html, json, markdown, table};

use crate::arguments::{self, ComparedFormat};
use crate::exit::{Exit, Usage};
use crate::keep::Folder;
use crate::settings::Settings;
use crate::terminal;
use crate::watch::{connect, find};

/// `tribunal compare`.
pub(crate) async fn compare(verb: arguments::Compare, settings: &Settings) -> anyhow::Result<Exit> {
    let ((one, cell_of_one), (other, cell_of_other)) = (split(&verb.baseline), split(&verb.candidate));
    let (one, other) = (load(one, settings).await?, load(other, settings).await?);
    let terms = Terms {
        threshold: verb.threshold,
        despite_differences: verb.despite_differences,
    };
    let (baseline, candidate) = (side(&one, cell_of_one)?, side(&other, cell_of_other)?);
    let compared = match tribunal_report::compare::compare(baseline, candidate, terms) {
        Err(error @ Error::Unlike(_)) => {
            return Err(Usage(format!("{error}; --despite-differences compares them all the same")).into());
        }
        told => told?,
    };
    terminal::out(&match verb.format {
        ComparedFormat::Table => table::render_compared(&compared, terminal::utf8(), terminal::width()),
        ComparedFormat::Markdown => markdown::render_compared(&compared),
        ComparedFormat::Html => html::render_compared(&compared),
        ComparedFormat::Json => json::write_compared(&compared),
    });
    Ok(Exit::of_compared(compared.answer))
}

fn side<'a>(report: &'a ExperimentReport, cell: Option<&str>) -> Result<Side<'a>, Error> {
    match cell {
        Some(cell) => Side::cell(report, cell),
        None => Ok(Side::whole(report)),
    }
}

/// An experiment and the cell of it that a text names; a path that is there has no cell, whatever it looks like.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((experiment, cell)) if !Path::new(text).exists() => (experiment, Some(cell)),
        _ => (text, None),
    }
}

/// Reads an experiment from a file or folder, a coordinator, or the store.
async fn load(text: &str, settings: &Settings) -> anyhow::Result<ExperimentReport> {
    let path = Path::new(text);
    if path.exists() {
        let file = if path.is_dir() {
            path.join("report.json")
        } else {
            path.to_owned()
        };
        let written = std::fs::read_to_string(&file)
            .map_err(|error| Usage(format!("{} cannot be read: {error}", file.display())))?;
        return Ok(json::read_report(&written).map_err(|error| Usage(format!("{}: {error}", file.display())))?);
    }
    if settings.client.coordinator.is_some() {
        let client = connect(settings).await?;
        let id = find(&client, text).await?;
        return Ok(Folder::fetch(&client, id, None).await?.into_report());
    }
    let store = Store::open(&settings.coordinator.store);
    Ok(store.report(store.find(text)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stands_after_the_last_colon_of_what_is_no_path() {
        assert_eq!(split("3f9a01bc"), ("3f9a01bc", None));
        assert_eq!(split("3f9a01bc:4"), ("3f9a01bc", Some("4")));
        assert_eq!(
            split("./no/such/folder:acks=all"),
            ("./no/such/folder", Some("acks=all"))
        );
        let folder = tempfile::Builder::new().prefix("before:").tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert_eq!(split(path), (path, None));
        let cell = format!("{path}:2");
        assert_eq!(split(&cell), (path, Some("2")));
    }
}
