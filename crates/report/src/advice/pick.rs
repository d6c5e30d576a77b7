//! The cells to recommend, one for each load.

use tribunal_model::ids::CellId;
use tribunal_model::objective::Goal;
use tribunal_stats::comparison::{Interval, Metric, Ranking, rank};

use super::Basis;
use crate::analysis::{Analysis, GoalRanking, Group, Load, MOST_RANKED, text};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::format::{list, plural};
use crate::objective::{self, Standing};
use crate::result::TrialResult;
use crate::settings;

/// A cell that is recommended, before all is told of it.
#[derive(Debug)]
pub(super) struct Pick<'a> {
    pub(super) load: Option<Load>,
    pub(super) basis: Basis,
    pub(super) cell: CellId,
    /// Where it ran.
    pub(super) group: &'a Group,
    /// What it was chosen from.
    pub(super) ranking: Ranking,
    /// What was not ranked, and why.
    pub(super) unranked: Vec<String>,
}

/// The picks, and what is missing where there is none.
pub(super) fn picks<'a>(report: &ExperimentReport, analysis: &'a Analysis) -> (Vec<Pick<'a>>, Vec<String>) {
    let results = of_cells(report);
    if let Some(why) = &analysis.not_compared {
        return (Vec::new(), vec![format!("{why}: measure a real cluster")]);
    }
    if results.is_empty() {
        let why = if report.searches.is_empty() {
            "no trial of a cell has a result"
        } else {
            "a search finds capacities and compares no settings: run the cells under one load, with repetitions"
        };
        return (Vec::new(), vec![why.to_owned()]);
    }
    if !results.iter().any(|r| r.verdict.valid()) {
        let why = "no trial of a cell is valid: the verdicts say what to change";
        return (Vec::new(), vec![why.to_owned()]);
    }
    if results.iter().all(|r| r.cell == results[0].cell) {
        let why = "there is one cell, and so nothing to choose from: name factors, or a preset in [design]";
        return (Vec::new(), vec![why.to_owned()]);
    }
    let each: Vec<Result<Pick<'a>, String>> = if analysis.goal.is_empty() {
        let paced: Vec<&Group> = analysis.groups.iter().filter(|g| g.load != Load::Saturated).collect();
        if paced.is_empty() {
            let why = "all loads are closed loops, whose response times say nothing of a setting: offer a rate, or name a \
                       goal such as maximise = \"delivered_rate\" in [objective]";
            return (Vec::new(), vec![why.to_owned()]);
        }
        paced
            .into_iter()
            .map(|group| by_front(report, analysis, group))
            .collect()
    } else {
        analysis
            .goal
            .iter()
            .map(|told| by_goal(report, analysis, told))
            .collect()
    };
    let (mut picks, mut missing) = (Vec::new(), Vec::new());
    for pick in each {
        match pick {
            Ok(pick) => picks.push(pick),
            Err(why) => missing.push(why),
        }
    }
    (picks, missing)
}

/// The best by the objective's goal.
fn by_goal<'a>(report: &ExperimentReport, analysis: &'a Analysis, told: &GoalRanking) -> Result<Pick<'a>, String> {
    let at = told
        .load
        .as_ref()
        .map_or_else(String::new, |load| format!("{}: ", text::under(load)));
    let because = |why: &str| format!("{at}{why}");
    if told.meets.is_empty() {
        return Err(because("no cell meets every condition of the objective"));
    }
    let Some(ranking) = &told.ranking else {
        return Err(because(&list(&told.notes)));
    };
    let cell = simplest(report, analysis, ranking).map_err(|why| because(&why))?;
    let ran =
        |group: &&Group| group.cell(cell).is_some() && told.load.as_ref().is_none_or(|load| group.load.same(load));
    let group = analysis.groups.iter().find(ran);
    Ok(Pick {
        load: told.load.clone(),
        basis: Basis::Goal(told.goal),
        cell,
        group: group.ok_or_else(|| because("its load is not known"))?,
        ranking: ranking.clone(),
        unranked: told.notes.clone(),
    })
}

/// Without a goal: the least response p99 among the cells that sustained the load and meet the conditions, if there are any.
fn by_front<'a>(report: &ExperimentReport, analysis: &'a Analysis, group: &'a Group) -> Result<Pick<'a>, String> {
    let because = |why: &str| format!("{}: {why}", text::under(&group.load));
    let results: Vec<&TrialResult> = of_cells(report).into_iter().filter(|r| group.holds(r)).collect();
    let standings = objective::of_cells(&results);
    let misses = |cell: CellId| {
        let standing = standings.iter().find(|told| told.cell == cell);
        standing.is_some_and(|told| told.standing != Standing::Pass)
    };
    let metric = Metric::ResponseP99;
    let mut told = group.observations(report, metric);
    told.cells.retain(|cell, _| !misses(*cell));
    let left_out = group.left_out.iter().filter(|left| left.metric == metric);
    let name = |cell: CellId| {
        group
            .cell(cell)
            .map_or_else(|| cell.to_string(), |told| told.text.clone())
    };
    let unranked: Vec<String> = left_out
        .map(|left| format!("{} is not ranked: {}", name(left.cell), left.why))
        .collect();
    match told.cells.len() {
        0 => Err(because(
            "no cell sustained the load with a response p99 that may be compared, and met the conditions, if there are any",
        )),
        1..=MOST_RANKED => {
            let ranking = rank(&told, &analysis.rules);
            let cell = simplest(report, analysis, &ranking).map_err(|why| because(&why))?;
            Ok(Pick {
                load: Some(group.load.clone()),
                basis: Basis::Front,
                cell,
                group,
                ranking,
                unranked,
            })
        }
        n => Err(because(&format!("{n} cells are not ranked: at most {MOST_RANKED} are"))),
    }
}

/// The simplest of the cells that tie with the best one and have as many valid trials as a comparison wants: the fewest
/// properties that are not the client's default, then the nearest to it, then the fewest other levels that are not the
/// first cell's, then written order.
fn simplest(report: &ExperimentReport, analysis: &Analysis, ranking: &Ranking) -> Result<CellId, String> {
    let wanted = analysis.rules.wanted_blocks;
    let [best, ..] = ranking.rows.as_slice() else {
        return Err("no cell can be ranked".to_owned());
    };
    let results = of_cells(report);
    let trial = |cell: CellId| results.iter().find(|r| r.cell == cell).copied();
    if best.mean.n < wanted {
        let text = trial(best.cell).map_or_else(String::new, TrialResult::cell_text);
        return Err(format!(
            "{text} looks best on {}, and a comparison wants {wanted}: set repetitions in [window] to {wanted} or more",
            plural(u64::from(best.mean.n), "valid trial")
        ));
    }
    let first = results
        .iter()
        .min_by_key(|r| r.cell)
        .map(|r| settings::settings(r))
        .unwrap_or_default();
    let key = |cell: CellId| {
        let trial = trial(cell)?;
        let far = settings::far(trial);
        let others = settings::differences(&settings::settings(trial), &first).len();
        Some((far.properties, far.values, others, cell))
    };
    let enough = ranking
        .rows
        .iter()
        .filter(|row| row.ties_with_best && row.mean.n >= wanted);
    let keys = enough.filter_map(|row| key(row.cell));
    let least = keys.min_by(|a, b| {
        (a.0.cmp(&b.0))
            .then(a.1.total_cmp(&b.1))
            .then((a.2, a.3).cmp(&(b.2, b.3)))
    });
    Ok(least.map_or(best.cell, |(.., cell)| cell))
}

/// Drops what another load's pick is shown to beat in both: more records delivered, at a lower response p99. What was
/// dropped is told.
pub(super) fn front(picks: Vec<Pick<'_>>) -> (Vec<Pick<'_>>, Vec<String>) {
    let ends = |pick: &Pick<'_>, metric| -> Option<Interval> {
        pick.group.cell(pick.cell)?.figure(metric)?.estimate?.interval
    };
    let beats = |one: &Pick<'_>, other: &Pick<'_>| {
        let rates = ends(one, Metric::DeliveredRate).zip(ends(other, Metric::DeliveredRate));
        let times = ends(one, Metric::ResponseP99).zip(ends(other, Metric::ResponseP99));
        let (more, sooner) = (
            rates.is_some_and(|(a, b)| a.low > b.high),
            times.is_some_and(|(a, b)| a.high < b.low),
        );
        one.basis == Basis::Front && more && sooner
    };
    let dominated: Vec<bool> = picks
        .iter()
        .map(|pick| picks.iter().any(|one| beats(one, pick)))
        .collect();
    let (mut kept, mut told) = (Vec::new(), Vec::new());
    for (pick, dominated) in picks.into_iter().zip(dominated) {
        if dominated {
            let at = text::under(&pick.group.load);
            told.push(format!(
                "{at}: more is delivered at a lower response p99 under a higher load"
            ));
        } else {
            kept.push(pick);
        }
    }
    (kept, told)
}

/// What a goal is about, in words.
pub(super) fn goal(goal: Goal) -> String {
    match goal {
        Goal::Maximise(figure) => format!("maximise {figure}"),
        Goal::Minimise(figure) => format!("minimise {figure}"),
    }
}
