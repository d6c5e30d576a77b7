//! A comparison as Markdown.

use crate::analysis::text::{load, metric};
use crate::compare::{Compared, text};

use super::cells::{Align, Table, code, escape};

/// The answer, the matched cells, what the comparison rests on, and what differs.
pub fn render(compared: &Compared) -> String {
    let (answer, sections) = sections(compared);
    let mut told = format!("# Comparison\n\n{answer}");
    for (heading, body) in sections {
        told += &format!("## {heading}\n\n{body}");
    }
    told.truncate(told.trim_end().len());
    told + "\n"
}

/// The answer, and the sections below it.
pub(crate) fn sections(compared: &Compared) -> (String, [(&'static str, String); 3]) {
    let answer = format!(
        "**{}**\n\n- baseline: {}\n- candidate: {}\n\n",
        escape(&text::answer(compared)),
        escape(&text::asked(&compared.baseline)),
        escape(&text::asked(&compared.candidate)),
    );
    let matched = if compared.pairs.is_empty() {
        "No cell has its like.\n\n".to_owned()
    } else {
        cells(compared).render()
    };
    let method: Vec<String> = text::method(compared).iter().map(|line| escape(line)).collect();
    let sections = [
        ("Cells", matched),
        ("How it was compared", method.join("\n\n") + "\n\n"),
        ("What differs", differing(compared)),
    ];
    (answer, sections)
}

fn differing(compared: &Compared) -> String {
    let differences = compared.differences.iter().map(text::difference);
    let unmatched = compared.unmatched.iter().map(text::unmatched);
    let lines: Vec<String> = differences
        .chain(unmatched)
        .map(|line| format!("- {}\n", escape(&line)))
        .collect();
    if lines.is_empty() {
        "Nothing that is known of the two.\n\n".to_owned()
    } else {
        lines.concat()
    }
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
