//! What consumers read back, record by record.

use crate::consumed::ConsumersResult;
use crate::factors::trials;
use crate::format::count;
use crate::result::TrialResult;

use super::cells::{Align, Table};
use super::consumers::cell;

/// The section; nothing where no trial was read back.
pub(super) fn read_back(with: &[(&TrialResult, &ConsumersResult)]) -> String {
    let read = with
        .iter()
        .filter_map(|(result, _)| Some((*result, result.audit.read_back.as_ref()?)));
    let columns = [
        "acknowledged",
        "read back",
        "lost",
        "duplicated",
        "reordered",
        "not acknowledged",
        "primed",
        "foreign",
        "not read",
    ];
    let head = [("trial", Align::Left), ("cell", Align::Left)];
    let mut table = Table::new(head.into_iter().chain(columns.map(|column| (column, Align::Right))));
    let mut missing = String::new();
    for (result, read) in read {
        let figures = &read.count;
        let lost = if read.complete() {
            count(read.lost())
        } else {
            format!("≥ {}", count(read.lost()))
        };
        let trial = trials(&[result.trial]);
        let others = [
            figures.duplicated,
            figures.reordered,
            figures.unacknowledged,
            figures.primed,
            figures.foreign,
            read.unread,
        ];
        let mut row = vec![trial.clone(), cell(result)];
        row.extend([count(figures.acknowledged), count(figures.received), lost]);
        row.extend(others.map(count));
        table.row(row);
        let named = read.missing();
        if read.lost() > 0 && !named.is_empty() {
            missing += &format!("- {trial}: {}\n", named.join("; "));
        }
    }
    let table = table.render();
    if table.is_empty() {
        return table;
    }
    let mut text = "### Read back\n\n".to_owned() + &table;
    text += "The first group looked at every record that it received: which one of which producer it is. *Read back* are different records of \
             the whole schedule, warm-up and cool-down included. *Lost* ones were acknowledged and are in no log; they are \
             netted against nothing. *Duplicated* ones have the sequence of another one; *reordered* ones stand behind a \
             later one of their producer in their partition. *Not acknowledged* ones were written although the client was \
             not told so. Where records in the logs were *not read* in time, they may be some of those that are missing, and \
             only what is beyond them is lost for certain. Primed records are audited by their offsets.\n\n";
    if !missing.is_empty() {
        text += &format!("Acknowledged and not read back, the first by producer and sequence:\n\n{missing}\n");
    }
    text
}
