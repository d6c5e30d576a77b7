//! Which cell to use; where none is recommended which one is best, and whether that is more than chance; and what it gains over
//! the baseline.

use tribunal_model::ids::CellId;
use tribunal_model::objective::Goal;
use tribunal_stats::comparison::{Metric, Ranked};

use crate::advice::{Choice, text as advised};
use crate::analysed::Analysed;
use crate::analysis::{Analysis, CellFigures, GoalRanking, Group, Load, text};
use crate::factors::of_cells;
use crate::format::{ABSENT, count, optional};
use crate::markdown::{self, code, escape};
use crate::markup::Element;
use crate::objective::value_text;

use super::super::blocks::scrolled;
use super::SHOWN;

/// What is said, with a table of what it gains.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) words: String,
    /// Why, and how sure that is.
    pub(super) reasons: String,
    pub(super) gain: Option<Element>,
}

/// What may be said, load by load.
pub(super) fn answers(of: &Analysed<'_>) -> Vec<Told> {
    let Analysed {
        report,
        analysis,
        advice,
        ..
    } = of;
    let words = |words: &str| Told {
        words: words.to_owned(),
        ..Told::default()
    };
    let any_valid = report.results.iter().any(|r| r.verdict.valid());
    if report.facts.mock {
        return vec![words("A mock broker was measured: nothing here is about Kafka.")];
    }
    if report.results.is_empty() {
        return vec![words("No trial has a result.")];
    }
    if !any_valid && report.searches.is_empty() {
        return vec![words("No trial is valid: nothing can be concluded.")];
    }
    if !report.searches.is_empty() {
        return report
            .searches
            .iter()
            .map(|search| words(&markdown::capacity(search)))
            .collect();
    }
    let mut told: Vec<Told> = if !advice.choices.is_empty() {
        advice
            .choices
            .iter()
            .map(|choice| recommended(analysis, choice))
            .collect()
    } else if analysis.goal.is_empty() {
        analysis
            .groups
            .iter()
            .filter_map(|group| by_metric(analysis, group))
            .collect()
    } else {
        by_goal(of)
    };
    told.truncate(SHOWN);
    told.extend(
        advice
            .missing
            .iter()
            .take(SHOWN)
            .map(|why| words(&format!("Nothing is recommended: {}.", escape(why)))),
    );
    if told.is_empty() {
        return vec![words(
            "Nothing may be said of which setting is better; *Results* says why.",
        )];
    }
    told
}

/// A recommended cell.
fn recommended(analysis: &Analysis, choice: &Choice) -> Told {
    let group = analysis.group(choice.load.as_ref());
    let gain = group.and_then(|group| gain(analysis, group, choice.cell));
    let mut reasons = advised::chosen(choice, &code);
    if gain.is_none() {
        reasons.push(advised::gained(choice, &code));
    }
    Told {
        words: format!("**{}**", advised::headline(choice, &code)),
        reasons: reasons.join(" "),
        gain,
    }
}

/// The best cell of those that meet the objective.
fn by_goal(of: &Analysed<'_>) -> Vec<Told> {
    let analysis = &of.analysis;
    let results = of_cells(of.report);
    let name = |cell: CellId| {
        let trial = results.iter().find(|r| r.cell == cell);
        trial.map_or_else(|| cell.to_string(), |r| r.cell_text())
    };
    let one = |told: &GoalRanking| {
        let (Goal::Maximise(figure) | Goal::Minimise(figure)) = told.goal;
        let most = match told.goal {
            Goal::Maximise(_) => "largest",
            Goal::Minimise(_) => "smallest",
        };
        let at = told
            .load
            .as_ref()
            .map_or_else(String::new, |load| format!(" {}", escape(&text::under(load))));
        let Some((ranking, best)) = told
            .ranking
            .as_ref()
            .and_then(|ranking| Some((ranking, ranking.rows.first()?)))
        else {
            let all = told.meets.len() + told.others.len();
            return Told {
                words: match told.meets.len() {
                    0 => format!(
                        "None of {} cells meets every condition of the objective{at}.",
                        count(all as u64)
                    ),
                    n => format!(
                        "{} of {} cells meet the objective{at}; they cannot be ranked by its goal.",
                        n,
                        count(all as u64)
                    ),
                },
                ..Told::default()
            };
        };
        let reached = format!(
            "{} of the cells that meet the objective{at}: {}",
            code(figure.name()),
            text::estimate(&best.mean, |value| value_text(figure, value))
        );
        let group = analysis.group(told.load.as_ref());
        Told {
            words: order(
                &ranking.rows,
                &name,
                &format!("the {most} mean {reached}"),
                group.map(|group| group.baseline),
            ),
            gain: group.and_then(|group| gain(analysis, group, best.cell)),
            ..Told::default()
        }
    };
    analysis.goal.iter().map(one).collect()
}

/// Without a goal: the lowest p99 of a load, or the highest rate of closed loops.
fn by_metric(analysis: &Analysis, group: &Group) -> Option<Told> {
    let (metric, most) = if group.load == Load::Saturated {
        (Metric::DeliveredRate, "highest")
    } else {
        (Metric::ResponseP99, "lowest")
    };
    let at = escape(&text::under(&group.load));
    let name = |cell: CellId| {
        group
            .cell(cell)
            .map_or_else(|| cell.to_string(), |told| told.text.clone())
    };
    let Some((ranking, best)) = group
        .rankings
        .iter()
        .find(|ranking| ranking.metric == metric)
        .and_then(|ranking| Some((ranking, ranking.rows.first()?)))
    else {
        let told = group
            .cells
            .iter()
            .find_map(|cell| Some((cell, text::figure(cell.figure(metric)?)?)));
        return told.map(|(cell, figure)| Told {
            words: format!(
                "{} {at}: {} {figure}. Nothing is ranked.",
                code(&cell.text),
                text::metric(metric)
            ),
            ..Told::default()
        });
    };
    let reached = format!(
        "{most} mean {} {at}: {}",
        text::metric(metric),
        text::estimate(&best.mean, |value| text::value(metric, value))
    );
    Some(Told {
        words: order(&ranking.rows, &name, &format!("the {reached}"), Some(group.baseline)),
        gain: gain(analysis, group, best.cell),
        ..Told::default()
    })
}

/// The best of a ranking, and whether that is more than chance.
fn order(rows: &[Ranked], name: &dyn Fn(CellId) -> String, reached: &str, baseline: Option<CellId>) -> String {
    let Some((best, rest)) = rows.split_first() else {
        return String::new();
    };
    let (ties, worse): (Vec<&Ranked>, Vec<&Ranked>) = rest.iter().partition(|row| row.ties_with_best);
    let best_name = code(&name(best.cell));
    if rest.is_empty() {
        return format!("**{best_name}** is the only cell of which this may be told: {reached}.");
    }
    let mut words = format!("**{best_name}** has {reached}.");
    let names: Vec<String> = ties.iter().map(|row| code(&name(row.cell))).collect();
    words += &match (ties.len(), worse.len()) {
        (0, _) => " Every other cell is shown to be worse.".to_owned(),
        (1, _) => format!(" {} ties with it: no difference is shown.", names[0]),
        (_, 0) => " No other cell is shown to be worse.".to_owned(),
        _ => format!(
            " {} tie with it: no difference is shown.",
            crate::format::first(&names, SHOWN)
        ),
    };
    if Some(best.cell) == baseline {
        words += " It is the baseline.";
    } else if ties.iter().any(|row| Some(row.cell) == baseline) {
        words += " **The baseline is among those that tie: nothing here shows that leaving it pays.**";
    }
    words
}

/// The best cell beside the baseline, metric by metric.
fn gain(analysis: &Analysis, group: &Group, best: CellId) -> Option<Element> {
    let (baseline, chosen) = (group.cell(group.baseline)?, group.cell(best)?);
    let rows: Vec<Element> = group
        .comparisons
        .iter()
        .filter(|row| row.candidate == best)
        .map(|row| {
            let told = |cell: &CellFigures| {
                let figure = cell.figure(row.metric).and_then(|figure| figure.estimate);
                optional(figure, |estimate| text::value(row.metric, estimate.mean))
            };
            let number = |text: String| Element::new("td").set("class", "n").text(text);
            Element::new("tr")
                .with(Element::new("th").set("scope", "row").text(text::metric(row.metric)))
                .with(number(told(baseline)))
                .with(number(told(chosen)))
                .with(number(text::ratio(&row.contrast).unwrap_or_else(|| ABSENT.to_owned())))
                .with(Element::new("td").text(if analysis.comparisons > 0 {
                    text::judged(&row.contrast)
                } else {
                    ABSENT.to_owned()
                }))
        })
        .collect();
    if best == group.baseline || rows.is_empty() {
        return None;
    }
    let header = ["", "baseline", "this cell", "change [95 %]", "verdict"]
        .into_iter()
        .enumerate()
        .map(|(place, name)| {
            let cell = Element::new(if place == 0 { "td" } else { "th" });
            let cell = if place == 0 { cell } else { cell.set("scope", "col") };
            if (1..4).contains(&place) {
                cell.set("class", "n").text(name)
            } else {
                cell.text(name)
            }
        });
    let caption = Element::new("caption")
        .with(Element::new("code").text(chosen.text.clone()))
        .text(" against the baseline ")
        .with(Element::new("code").text(baseline.text.clone()))
        .text("; the change is within blocks that hold both");
    let table = Element::new("table")
        .with(caption)
        .with(Element::new("thead").with(Element::new("tr").with_all(header)))
        .with(Element::new("tbody").with_all(rows));
    Some(scrolled("Against the baseline", table))
}
