//! Log lines, as text or JSON, each with the spans that it was written in.

use std::fmt;
use std::io::{self, IsTerminal};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tribunal_model::ids::{AgentName, Attempt, ExperimentId, TrialId};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, the fields of the spans beside those of the event.
    Json,
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries say what their cause says already.
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is neither a level nor levels by module.
    #[error(
        "log filter {filter:?} cannot be understood; expected a level, or levels such as \"info,tribunal_agent=debug\""
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
}

/// Sets logging up for the whole process, to standard error. `filter` is a level, or levels by module.
///
/// Text is coloured on a terminal, unless `NO_COLOR` is set to anything. Whoever comes second, as in tests, changes
/// nothing.
pub fn init(format: LogFormat, filter: &str) -> Result<(), Error> {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // Fails only when somebody else was first.
    drop(subscriber(format, filter, colour, io::stderr)?.try_init());
    Ok(())
}

/// What [`init`] installs, writing elsewhere.
fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    colour: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, Error>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let parsed = EnvFilter::try_new(filter);
    let parsed = parsed.map_err(|source| Error::Filter {
        filter: filter.to_owned(),
        source,
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(parsed).with_writer(writer);
    Ok(match format {
        LogFormat::Text => Box::new(lines.with_ansi(colour).finish()),
        LogFormat::Json => Box::new(
            lines
                .with_ansi(false)
                .fmt_fields(JsonFields::new())
                .event_format(Flat)
                .finish(),
        ),
    })
}

/// The span of everything that belongs to one experiment.
///
/// Spans are of the highest level, so that no filter takes them from an event that it lets through.
pub fn experiment(id: ExperimentId) -> Span {
    tracing::error_span!("experiment", experiment = %id)
}

/// The span of everything that belongs to one attempt at a trial.
pub fn trial(trial: TrialId, attempt: Attempt) -> Span {
    tracing::error_span!("trial", trial = %trial, attempt = attempt.0)
}

/// The span of everything that belongs to one agent.
pub fn agent(name: &AgentName) -> Span {
    tracing::error_span!("agent", agent = %name)
}

/// One JSON object a line: time, level, target, the spans' fields from the outermost in, the event's fields.
///
/// A span's field is named `SPAN.FIELD`, or `SPAN` alone when it has the span's name; nothing is nested, so that
/// `jq 'select(.trial == "t001")'` finds all that was logged in a trial.
#[derive(Debug)]
struct Flat;

impl<S, N> FormatEvent<S, N> for Flat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Map::new();
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let metadata = event.metadata();
        line.insert("timestamp".into(), time.into());
        line.insert("level".into(), metadata.level().as_str().into());
        line.insert("target".into(), metadata.target().into());
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            let extensions = span.extensions();
            // The fields of a span are kept as the text of a JSON object.
            let fields = extensions
                .get::<FormattedFields<N>>()
                .map_or("{}", |fields| fields.as_str());
            let Ok(Value::Object(fields)) = serde_json::from_str(fields) else {
                continue;
            };
            for (field, value) in fields {
                let key = if field == span.name() {
                    field
                } else {
                    format!("{}.{field}", span.name())
                };
                line.insert(key, value);
            }
        }
        event.record(&mut Fields(&mut line));
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Collects an event's fields.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of one warning within an experiment, a trial and an agent.
    fn logged(format: LogFormat, filter: &str, colour: bool) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, filter, colour, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let id: ExperimentId = "0193e2a4-1111-7abc-8def-0123456789ab".parse().unwrap();
            experiment(id).in_scope(|| {
                trial(TrialId(3), Attempt(2)).in_scope(|| {
                    let name = AgentName::new("load-1").unwrap();
                    agent(&name).in_scope(|| tracing::warn!(records = 7, share = 0.5, code = ?"E", "late \"sends\""));
                });
            });
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_tells_the_spans_of_an_event_and_no_colour_codes_unless_asked_for() {
        let text = logged(LogFormat::Text, "info", false);
        let spans = "experiment{experiment=0193e2a4-1111-7abc-8def-0123456789ab}:trial{trial=t003 attempt=2}:\
                     agent{agent=load-1}: ";
        assert!(
            text.contains(spans) && text.contains(" WARN ") && text.contains("late \"sends\" records=7"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(logged(LogFormat::Text, "info", true).contains('\u{1b}'));
    }

    #[test]
    fn json_has_the_fields_of_spans_and_event_side_by_side() {
        let text = logged(LogFormat::Json, "info", true);
        let mut line: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let time = line.remove("timestamp").unwrap();
        assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
        let expected = serde_json::json!({
            "level": "WARN",
            "target": "tribunal_telemetry::logs::tests",
            "experiment": "0193e2a4-1111-7abc-8def-0123456789ab",
            "trial": "t003",
            "trial.attempt": 2,
            "agent": "load-1",
            "message": "late \"sends\"",
            "records": 7,
            "share": 0.5,
            "code": "\"E\"",
        });
        assert_eq!(Value::Object(line), expected);
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_filter_that_lets_an_event_through_lets_its_spans_through() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert!(logged(format, "warn", false).contains("t003"));
            assert!(logged(format, "error", false).is_empty());
            assert!(logged(format, "error,tribunal_telemetry=debug", false).contains("load-1"));
        }
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_an_error_that_says_what_would() {
        let error = init(LogFormat::Text, "tribunal=loud").unwrap_err();
        assert!(
            error.to_string().contains("\"tribunal=loud\"") && error.to_string().contains("info"),
            "{error}"
        );
    }
}
