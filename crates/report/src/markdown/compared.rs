//! A comparison as Markdown.

use crate::analysis::text::{load, metric};
use crate::compare::{Compared, text};

use super::cells::{Align, Table, code, escape};

/// The answer, the matched cells, what the comparison rests on, and what differs.
pub fn render(compared: &Compared) -> String {
    let mut told = format!(
        "# Comparison\n\n**{}**\n\n- baseline: {}\n- candidate: {}\n\n",
        escape(&text::answer(compared)),
        escape(&text::asked(&compared.baseline)),
        escape(&text::asked(&compared.candidate)),
    );
    told += "## Cells\n\n";
    if compared.pairs.is_empty() {
        told += "No cell has its like.\n\n";
    }
    told += &cells(compared).render();
    told += "## How it was compared\n\n";
    for line in text::method(compared) {
        told += &format!("{}\n\n", escape(&line));
    }
    told += "## What differs\n\n";
    let differences = compared.differences.iter().map(text::difference);
    let unmatched = compared.unmatched.iter().map(text::unmatched);
    let lines: Vec<String> = differences.chain(unmatched).collect();
    if lines.is_empty() {
        told += "Nothing that is known of the two.\n\n";
    }
    for line in lines {
        told += &format!("- {}\n", escape(&line));
    }
    told.truncate(told.trim_end().len());
    told + "\n"
}

fn cells(compared: &Compared) -> Table {
    let mut table = Table::new([
        ("cell", Align::Left),
        ("load", Align::Left),
        ("figure", Align::Left),
        ("baseline [95 %]", Align::Right),
        ("candidate [95 %]", Align::Right),
        ("change [95 %]", Align::Right),
        ("verdict", Align::Left),
        ("trials", Align::Right),
        ("regression", Align::Left),
    ]);
    for pair in &compared.pairs {
        for row in &pair.rows {
            table.row(vec![
                code(&pair.text()),
                escape(&load(&pair.load)),
                metric(row.metric).to_owned(),
                text::figure(row, true),
                text::figure(row, false),
                text::ratio(row),
                escape(&text::judged(row)),
                text::observations(row.judged.as_ref()),
                text::regression(row.regression).to_owned(),
            ]);
        }
    }
    table
}
