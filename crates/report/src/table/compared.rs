//! A comparison for a terminal.

use super::{Rows, draw};
use crate::analysis::text::{load, metric, under};
use crate::compare::{Compared, text};
use crate::format::ascii;

/// One row for each metric of each matched cell, then the answer and what it rests on.
///
/// Without `utf8` only ASCII is used; with a `width` in characters, cells are wrapped to stay within it where they can.
pub fn render(compared: &Compared, utf8: bool, width: Option<u16>) -> String {
    let lines = |lines: Vec<String>| -> String {
        let plain = |line: String| if utf8 { line } else { ascii(&line) };
        lines.into_iter().map(|line| plain(line) + "\n").collect()
    };
    let mut told = lines(vec![
        format!("baseline:  {}", text::asked(&compared.baseline)),
        format!("candidate: {}", text::asked(&compared.candidate)),
    ]);
    if !compared.pairs.is_empty() {
        let (rows, numeric) = rows(compared);
        told.push('\n');
        told += &draw(rows, &numeric, utf8, width);
    }
    let mut below = vec![text::answer(compared)];
    below.extend(one_load(compared).map(|at| format!("All {at}.")));
    below.extend(text::method(compared));
    below.extend(
        compared
            .differences
            .iter()
            .map(|of| format!("Differs: {}.", text::difference(of))),
    );
    below.extend(
        compared
            .unmatched
            .iter()
            .map(|of| format!("No like: {}.", text::unmatched(of))),
    );
    told + &lines(below)
}

/// The load in words, where there is but one.
fn one_load(compared: &Compared) -> Option<String> {
    let first = compared.pairs.first()?;
    let one = compared.pairs.iter().all(|pair| pair.load.same(&first.load));
    one.then(|| under(&first.load))
}

fn rows(compared: &Compared) -> Rows {
    let several = one_load(compared).is_none();
    let mut header = vec!["cell"];
    if several {
        header.push("load");
    }
    header.extend([
        "figure",
        "baseline",
        "candidate",
        "change [95 %]",
        "verdict",
        "trials",
        "regression",
    ]);
    let first = header.len() - 6;
    let mut rows = vec![header.into_iter().map(ToOwned::to_owned).collect()];
    for pair in &compared.pairs {
        for row in &pair.rows {
            let mut cells = vec![pair.text()];
            if several {
                cells.push(load(&pair.load));
            }
            cells.extend([
                metric(row.metric).to_owned(),
                text::figure(row, true),
                text::figure(row, false),
                text::ratio(row),
                text::judged(row),
                text::observations(row.judged.as_ref()),
                text::regression(row.regression).to_owned(),
            ]);
            rows.push(cells);
        }
    }
    (rows, first..first + 3)
}
