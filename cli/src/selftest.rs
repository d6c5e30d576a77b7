//! The verb `selftest`: the experiments of the agent's self-test, and their certificate.

use std::io::{BufReader, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context;
use comfy_table::presets::{ASCII_FULL_CONDENSED, UTF8_FULL_CONDENSED};
use comfy_table::{ContentArrangement, Table};
use tribunal_agent::selftest::certificate::{self, FILE};
use tribunal_agent::selftest::{self, Certificate, Finding, Host, Outcome, Progress, Verdict};
use tribunal_report::format;
use tribunal_telemetry::logs::chain;

use crate::arguments::{self, Format};
use crate::drivers;
use crate::exit::{Exit, Usage};
use crate::listing::{Field, Listing};
use crate::settings::Settings;
use crate::terminal;

/// The hidden verb that this program is started with for experiment 3.
const CHILD: &str = "selftest-child";
/// Where standard output is no terminal, so that a line can still be read.
const WIDTH: u16 = 160;

/// `tribunal selftest`.
pub(crate) async fn selftest(verb: arguments::Selftest, settings: &Settings) -> anyhow::Result<Exit> {
    known(&verb.only)?;
    let host = Host {
        program: std::env::current_exe().context("this program does not find itself")?,
        child: vec![CHILD.into()],
        drivers: drivers::programs(settings)?,
    };
    let (only, quiet) = (verb.only.clone(), verb.quiet);
    let work = move || {
        selftest::run(&host, &only, &mut |progress| {
            if !quiet {
                say(progress);
            }
        })
    };
    // It blocks, and needs no runtime; a signal ends the program, and with it the load.
    let certificate = tokio::task::spawn_blocking(work)
        .await
        .context("the self-test broke off")?;
    keep(&certificate, &verb, settings)?;
    print(&certificate, verb.format)?;
    Ok(exit(&certificate))
}

/// `tribunal selftest-child`.
pub(crate) fn child() -> anyhow::Result<Exit> {
    selftest::child(BufReader::new(stdin()), stdout()).context("the load of the self-test")?;
    Ok(Exit::Done)
}

/// Where the certificate of a store is, for the self-test that keeps it and for the agent that takes it over.
pub(crate) fn path(store: &Path) -> PathBuf {
    store.join(FILE)
}

fn known(only: &[u32]) -> Result<(), Usage> {
    match only
        .iter()
        .find(|number| !selftest::experiments().any(|(known, _)| known == **number))
    {
        None => Ok(()),
        Some(number) => {
            let all: Vec<String> = selftest::experiments()
                .map(|(number, title)| format!("  {number:>2}  {title}"))
                .collect();
            Err(Usage(format!(
                "the self-test has no experiment {number}; there are:\n{}",
                all.join("\n")
            )))
        }
    }
}

fn say(progress: Progress<'_>) {
    match progress {
        Progress::Begins { number, title, seconds } => {
            terminal::say(&format!("{number:>2}  {title}: about {seconds} s …"));
        }
        Progress::Ended(Finding {
            number,
            outcome,
            measured,
            ..
        }) => {
            terminal::say(&format!("{number:>2}  {}: {measured}", outcome.name()));
        }
    }
}

/// A part of the self-test says nothing of the host as a whole: it is kept only where that is asked for.
fn keep(certificate: &Certificate, verb: &arguments::Selftest, settings: &Settings) -> anyhow::Result<()> {
    let place = match &verb.keep {
        Some(file) => file.clone(),
        None if certificate.whole => path(&settings.coordinator.store),
        None => {
            if !verb.quiet {
                terminal::say("only a whole self-test is kept in the store");
            }
            return Ok(());
        }
    };
    certificate::save(certificate, &place).map_err(|error| Usage(chain(&error)))?;
    if !verb.quiet {
        terminal::say(&format!("the certificate is kept in {}", place.display()));
    }
    Ok(())
}

fn exit(certificate: &Certificate) -> Exit {
    match certificate.verdict() {
        Verdict::Holds => Exit::Done,
        Verdict::Fails => Exit::Missed,
        Verdict::Inconclusive => Exit::Invalid,
    }
}

fn print(certificate: &Certificate, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Table => {
            let (utf8, width) = (terminal::utf8(), terminal::width().unwrap_or(WIDTH));
            terminal::out(&text(certificate, utf8, width));
        }
        Format::Json => terminal::out(&certificate.json()),
        Format::Csv => listing(certificate).print(Format::Csv, "")?,
    }
    Ok(())
}

fn listing(certificate: &Certificate) -> Listing {
    let columns = ["number", "title", "expected", "measured", "outcome", "note"];
    let mut listing = Listing::new(columns.map(|column| (column, column)));
    for finding in &certificate.findings {
        listing.push(vec![
            Field::number(u64::from(finding.number)),
            Field::text(&finding.title),
            Field::text(&finding.expected),
            Field::text(&finding.measured),
            Field::text(finding.outcome.name()),
            Field::text(&finding.note),
        ]);
    }
    listing
}

/// The certificate for people.
fn text(certificate: &Certificate, utf8: bool, width: u16) -> String {
    let Certificate {
        host,
        cpu_model,
        cores,
        kernel,
        date,
        version,
        librdkafka,
        took_ms,
        ..
    } = certificate;
    let mut table = Table::new();
    table.load_style(if utf8 {
        UTF8_FULL_CONDENSED
    } else {
        ASCII_FULL_CONDENSED
    });
    table
        .set_width(width)
        .set_content_arrangement(ContentArrangement::Dynamic);
    let cell = |text: &str| if utf8 { text.to_owned() } else { format::ascii(text) };
    table.set_header(["", "experiment", "expected", "measured", "outcome"]);
    for finding in &certificate.findings {
        table.add_row([
            finding.number.to_string(),
            cell(&finding.title),
            cell(&finding.expected),
            cell(&finding.measured),
            finding.outcome.name().to_owned(),
        ]);
    }
    let notes: Vec<String> = certificate
        .findings
        .iter()
        .filter(|finding| !finding.note.is_empty())
        .map(|finding| format!("{}: {}", finding.number, finding.note))
        .collect();
    let count = |outcome| certificate.count(outcome);
    let head = format!(
        "Tribunal {version}, librdkafka {librdkafka}: self-test of {host}, {date}\n{cpu_model}, {cores} cores, Linux {kernel}; {} s\n",
        took_ms / 1000
    );
    let last = format!(
        "{} hold, {} fail, {} too noisy\n",
        count(Outcome::Holds),
        count(Outcome::Fails),
        count(Outcome::TooNoisy)
    );
    let whole = format!("{head}{}\n{}\n{last}", table.trim_fmt(), notes.join("\n"));
    if utf8 { whole } else { format::ascii(&whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(outcomes: &[Outcome]) -> Certificate {
        let finding = |(number, outcome): (u32, &Outcome)| Finding {
            number,
            title: "known stall".to_owned(),
            outcome: *outcome,
            expected: "p99.9 181.0 ms ± 1.3 ms".to_owned(),
            measured: "p99.9 181.4 ms".to_owned(),
            note: "host: quiet".to_owned(),
        };
        Certificate {
            schema_version: 1,
            host: "h1".to_owned(),
            cpu_model: "a processor".to_owned(),
            cores: 2,
            kernel: "6.1".to_owned(),
            date: "2026-11-25T09:40:00Z".to_owned(),
            version: "0.1.0".to_owned(),
            librdkafka: "2.12.1".to_owned(),
            took_ms: 120_000,
            whole: true,
            findings: (1..).zip(outcomes).map(finding).collect(),
        }
    }

    #[test]
    fn the_exit_code_is_that_of_the_design() {
        use Outcome::{Fails, Holds, TooNoisy};
        let code = |outcomes: &[Outcome]| exit(&certificate(outcomes)).code();
        assert_eq!(code(&[Holds, Holds]), 0);
        assert_eq!(code(&[Holds, TooNoisy, Fails]), 1);
        assert_eq!(code(&[Holds, TooNoisy]), 3);
        assert_eq!(code(&[]), 1);
    }

    #[test]
    fn the_certificate_ends_with_the_sum() {
        let certificate = certificate(&[Outcome::Holds, Outcome::TooNoisy]);
        let text = text(&certificate, true, 120);
        assert!(text.ends_with("\n1 hold, 0 fail, 1 too noisy\n"), "{text}");
        assert!(
            text.contains("librdkafka 2.12.1: self-test of h1, 2026-11-25"),
            "{text}"
        );
        assert!(
            text.contains("p99.9 181.0 ms ± 1.3 ms") && text.contains("host too noisy"),
            "{text}"
        );
        assert!(super::text(&certificate, false, 120).is_ascii());
    }

    #[test]
    fn an_experiment_that_is_not_there_is_named_with_those_that_are() {
        known(&[1, 4, 18]).unwrap();
        let refused = known(&[1, 99]).unwrap_err().to_string();
        assert!(
            refused.contains("no experiment 99") && refused.contains("18  Little's law"),
            "{refused}"
        );
    }
}
