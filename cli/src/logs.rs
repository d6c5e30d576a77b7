//! Log lines on standard error, as text or JSON, each with its spans.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Sets logging up for the whole process; `filter` is a level, or levels by module.
pub(crate) fn init(format: LogFormat, filter: &str) -> Result<(), ParseError> {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_writer(io::stderr);
    let set = match format {
        LogFormat::Text => lines.with_ansi(colour).try_init(),
        LogFormat::Json => lines.json().with_current_span(false).with_span_list(true).try_init(),
    };
    // Somebody else was first, in a test.
    drop(set);
    Ok(())
}
