//! The table as a page of the documentation.

use std::fmt::Write as _;

use super::table::{ROWS, Spelling};

/// The table in Markdown, as docs/clients.md has it.
pub fn markdown() -> String {
    let mut text = String::from(
        "| property of a plan | unit | applies to | confluent-kafka, librdkafka | kafka-python | java | franz-go |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for row in &ROWS {
        let [python, java, go] = [&row.kafka_python, &row.java, &row.franz_go].map(cell);
        let unit = if row.unit.is_empty() { "–" } else { row.unit };
        let _ = writeln!(
            text,
            "| `{}` | {unit} | {} | `{}` | {python} | {java} | {go} |",
            row.name, row.applies, row.name
        );
    }
    text
}

fn cell(spelling: &Spelling) -> String {
    match (spelling.name, spelling.note) {
        (Some(name), None) => format!("`{name}`"),
        (Some(name), Some(note)) => format!("`{name}`: {note}"),
        (None, note) => format!("none: {}", note.unwrap_or_default()),
    }
}
