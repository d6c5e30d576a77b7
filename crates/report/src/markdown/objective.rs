//! Whether trials and cells meet the plan's objective.

use tribunal_model::ids::CellId;
use tribunal_model::objective::Goal;

use crate::analysed::Analysed;
use crate::analysis::{GoalRanking, text};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::format::{count, list, optional};
use crate::objective::{Standing, of_cells as standings, value_text};

use super::cells::{Align, Table, code, escape};

/// The objective in words, and how each cell stands to it.
pub(super) fn objective(of: &Analysed<'_>) -> String {
    let Analysed { report, analysis, .. } = of;
    let Some(objective) = &report.facts.objective else {
        return String::new();
    };
    let goal = match objective.goal {
        Some(Goal::Maximise(figure)) => format!("The largest {}", code(figure.name())),
        Some(Goal::Minimise(figure)) => format!("The smallest {}", code(figure.name())),
        None => "No goal".to_owned(),
    };
    let conditions: Vec<String> = objective
        .conditions
        .iter()
        .map(|condition| code(&format!("{} {}", condition.figure, condition.text)))
        .collect();
    let conditions = if conditions.is_empty() {
        "no condition".to_owned()
    } else {
        list(&conditions)
    };
    let mut text = format!("### Objective\n\n{goal}; conditions: {conditions}.");
    let results = of_cells(report);
    let cells = standings(&results);
    if cells.is_empty() {
        return text + "\n\n";
    }
    text += " A cell FAILs where one of its valid trials does, PASSes where all of them do, and is INVALID where that \
             cannot be told.\n\n";
    let mut table = Table::of(&["cell", "objective", "PASS", "FAIL", "INVALID", "decided by"]);
    for cell in &cells {
        let number = |standing| count(cell.number(standing));
        table.row(vec![
            code(&cell.text),
            match cell.standing {
                Standing::Pass => cell.standing.name().to_owned(),
                Standing::Fail | Standing::Invalid => format!("**{}**", cell.standing.name()),
            },
            number(Standing::Pass),
            number(Standing::Fail),
            number(Standing::Invalid),
            escape(&cell.decided_by),
        ]);
    }
    text += &table.folded("cells");
    for ranking in &analysis.goal {
        text += &by_goal(report, ranking);
    }
    text
}

/// The cells that meet the conditions, by the goal.
fn by_goal(report: &ExperimentReport, told: &GoalRanking) -> String {
    let (Goal::Maximise(figure) | Goal::Minimise(figure)) = told.goal;
    let results = of_cells(report);
    let name = |cell: CellId| {
        let trial = results.iter().find(|r| r.cell == cell);
        trial.map_or_else(|| cell.to_string(), |r| code(&r.cell_text()))
    };
    let at = told
        .load
        .as_ref()
        .map_or_else(String::new, |load| format!(" {}", escape(&text::under(load))));
    let mut text = match &told.ranking {
        None if told.meets.is_empty() => format!("No cell meets every condition{at}.\n\n"),
        None => format!("The cells that meet every condition{at} are not ranked.\n\n"),
        Some(ranking) => {
            let mut table = Table::new([
                ("place", Align::Right),
                ("cell", Align::Left),
                (figure.name(), Align::Right),
                ("against the best [95 %]", Align::Right),
                ("verdict against the best", Align::Left),
            ]);
            for (place, row) in (1u64..).zip(&ranking.rows) {
                table.row(vec![
                    count(place),
                    name(row.cell),
                    text::estimate(&row.mean, |value| value_text(figure, value)),
                    optional(row.to_best.as_ref().and_then(text::ratio), |told| told),
                    text::to_best(row).to_owned(),
                ]);
            }
            format!(
                "Cells that meet every condition{at}, best first by {}:\n\n{}",
                code(figure.name()),
                table.folded("places")
            )
        }
    };
    for note in &told.notes {
        text += &format!("- {}\n", escape(note));
    }
    if !told.notes.is_empty() {
        text.push('\n');
    }
    text
}
