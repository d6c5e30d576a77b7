//! Rows of data as a table for people, JSON or CSV for programs.

use anyhow::Context;
use comfy_table::presets::{ASCII_FULL_CONDENSED, UTF8_FULL_CONDENSED};
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::{Map, Value};

use crate::arguments::Format;
use crate::terminal;

/// One value, for people and for programs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    text: String,
    value: Value,
}

impl Field {
    /// A value that is shown otherwise than it is stored.
    pub(crate) fn new(text: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            text: text.into(),
            value: value.into(),
        }
    }

    /// Text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            value: text.clone().into(),
            text,
        }
    }

    /// A number.
    pub(crate) fn number(number: u64) -> Self {
        Self::new(tribunal_report::format::count(number), number)
    }

    /// Nothing to tell.
    pub(crate) fn absent() -> Self {
        Self::new(tribunal_report::format::ABSENT, Value::Null)
    }

    fn plain(&self) -> String {
        match &self.value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }
}

/// Rows under columns, each of which has a name for programs and a title for people.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    columns: Vec<(String, String)>,
    rows: Vec<Vec<Field>>,
}

impl Listing {
    /// No rows yet.
    pub(crate) fn new<N: Into<String>, T: Into<String>>(columns: impl IntoIterator<Item = (N, T)>) -> Self {
        let columns = columns
            .into_iter()
            .map(|(name, title)| (name.into(), title.into()))
            .collect();
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row with a field for each column.
    pub(crate) fn push(&mut self, row: Vec<Field>) {
        debug_assert_eq!(row.len(), self.columns.len(), "fields of a row");
        self.rows.push(row);
    }

    /// Prints it on standard output; `nothing` is what people read when there is no row.
    pub(crate) fn print(&self, format: Format, nothing: &str) -> anyhow::Result<()> {
        let text = match format {
            Format::Table if self.rows.is_empty() => format!("{nothing}\n"),
            Format::Table => self.table(terminal::utf8(), terminal::width()),
            Format::Json => pretty(&self.json()),
            Format::Csv => self.csv()?,
        };
        terminal::out(&text);
        Ok(())
    }

    /// For people.
    pub(crate) fn table(&self, utf8: bool, width: Option<u16>) -> String {
        let plain = |text: &str| {
            if utf8 {
                text.to_owned()
            } else {
                tribunal_report::format::ascii(text)
            }
        };
        let mut table = Table::new();
        table.load_style(if utf8 {
            UTF8_FULL_CONDENSED
        } else {
            ASCII_FULL_CONDENSED
        });
        if let Some(width) = width {
            table
                .set_width(width)
                .set_content_arrangement(ContentArrangement::Dynamic);
        }
        table.set_header(self.columns.iter().map(|(_, title)| plain(title)));
        for row in &self.rows {
            table.add_row(row.iter().map(|field| plain(&field.text)));
        }
        for column in table.column_iter_mut() {
            let index = column.index;
            if self
                .rows
                .iter()
                .any(|row| row.get(index).is_some_and(|field| field.value.is_number()))
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.trim_fmt() + "\n"
    }

    /// A list of objects.
    pub(crate) fn json(&self) -> Value {
        let object = |row: &Vec<Field>| {
            let pairs = self.columns.iter().zip(row);
            Value::Object(
                pairs
                    .map(|((name, _), field)| (name.clone(), field.value.clone()))
                    .collect::<Map<_, _>>(),
            )
        };
        self.rows.iter().map(object).collect()
    }

    fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer
            .write_record(self.columns.iter().map(|(name, _)| name))
            .context("writing CSV")?;
        for row in &self.rows {
            writer
                .write_record(row.iter().map(Field::plain))
                .context("writing CSV")?;
        }
        Ok(String::from_utf8(writer.into_inner().context("writing CSV")?)?)
    }
}

/// JSON for a file or a pipe.
pub(crate) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        let mut listing = Listing::new([("name", "name"), ("bound_ns", "± bound"), ("cores", "cores")]);
        listing.push(vec![
            Field::text("a,b"),
            Field::new("45 µs", 45_000),
            Field::number(1_200),
        ]);
        listing.push(vec![Field::text("c"), Field::absent(), Field::number(2)]);
        listing
    }

    #[test]
    fn programs_get_numbers_and_people_get_units() {
        let json = listing().json();
        assert_eq!(json[0]["bound_ns"], 45_000);
        assert_eq!(json[1]["bound_ns"], Value::Null);
        assert_eq!(
            listing().csv().unwrap(),
            "name,bound_ns,cores\n\"a,b\",45000,1200\nc,,2\n"
        );
        let table = listing().table(true, None);
        assert!(table.contains("45 µs") && table.contains("1,200"), "{table}");
    }

    #[test]
    fn a_terminal_without_utf8_gets_ascii() {
        assert!(listing().table(false, Some(60)).is_ascii());
    }
}
