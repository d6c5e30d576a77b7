//! What may be said, in sentences that carry their conditions, then what to use and what to look out for.

mod loads;

use std::time::Duration;

use tribunal_model::design::Purpose;
use tribunal_model::ids::{CellId, TrialId};
use tribunal_model::objective::Goal;
use tribunal_model::units::format_duration;
use tribunal_stats::search::Answer;

use crate::analysed::Analysed;
use crate::analysis::{Analysis, GoalRanking, text};
use crate::experiment::ExperimentReport;
use crate::factors::{apart, of_cells, trials};
use crate::format::{count, list, plural, rate};
use crate::objective::value_text;
use crate::result::TrialResult;
use crate::search::SearchOutcome;

use super::cells::{code, escape};
use super::{advice, pitfalls};

/// Shorter windows tell how brokers write to memory: dirty pages go to disk after half a minute and segments do not
/// roll (METHODOLOGY.md, section 10).
const SUSTAINED_CLAIM: Duration = Duration::from_secs(600);

/// The conclusion: facts, advice, pitfalls.
pub(super) fn conclusion(of: &Analysed<'_>) -> String {
    let Analysed { report, analysis, .. } = of;
    let cells = of_cells(report);
    let valid: Vec<&TrialResult> = cells.iter().filter(|r| r.verdict.valid()).copied().collect();
    let mut facts = Vec::new();
    if report.facts.mock {
        facts.push(
            "**A mock broker was measured: nothing here is about Kafka.** That trials are valid says that plan, agents \
             and clients work; their rates and latencies are not ranked."
                .to_owned(),
        );
    }
    facts.push(standing(report, &cells));
    facts.extend(report.searches.iter().map(capacity));
    if valid.is_empty() {
        if report.searches.is_empty() {
            facts.push("No trial is valid: nothing can be concluded.".to_owned());
        }
    } else {
        facts.extend(loads::facts(analysis, &valid));
        facts.extend(analysis.goal.iter().map(|told| by_goal(report, told)));
        facts.extend(unacknowledged(&valid));
        facts.extend(drifted(analysis));
        facts.push(reservation(of));
    }
    if !report.facts.mock {
        facts.extend(page_cache(report));
    }
    format!("- {}\n\n", facts.join("\n- ")) + &advice::advice(of) + &pitfalls::pitfalls(&of.pitfalls)
}

/// How many trials there are, and which of them nothing rests on.
fn standing(report: &ExperimentReport, cells: &[&TrialResult]) -> String {
    let invalid: Vec<TrialId> = report
        .results
        .iter()
        .filter(|r| !r.verdict.valid())
        .map(|r| r.trial)
        .collect();
    let valid = (report.results.len() - invalid.len()) as u64;
    let mut text = format!(
        "{}; {} valid.",
        super::with_result(report),
        match valid {
            1 => "1 is".to_owned(),
            n => format!("{} are", count(n)),
        }
    );
    if !apart(report).is_empty() && !cells.is_empty() {
        text += &format!(
            " Below are the {} of cells; the others are canary, burn-in or capacity trials and are in no comparison.",
            plural(cells.len() as u64, "trial")
        );
    }
    if !invalid.is_empty() {
        text += &format!(" INVALID, and in nothing below: {}.", trials(&invalid));
    }
    if !report.given_up.is_empty() {
        let given_up: Vec<TrialId> = report.given_up.iter().map(|v| v.trial).collect();
        text += &format!(" Given up: {}.", trials(&given_up));
    }
    text
}

/// What a search found.
pub(crate) fn capacity(search: &SearchOutcome) -> String {
    let cell = code(&search.cell_text());
    let cache = if search.page_cache_only {
        " (page cache only)"
    } else {
        ""
    };
    match &search.answer {
        None => format!("The search for the capacity of {cell} is not over."),
        Some(Answer::Capacity {
            confirmed_pass,
            failed: Some(failed),
            ..
        }) => format!(
            "Capacity of {cell}: {} met the objective and {} did not, each confirmed{cache}.",
            rate(*confirmed_pass),
            rate(*failed)
        ),
        Some(Answer::Capacity { confirmed_pass, .. }) => format!(
            "Capacity of {cell}: at least {}, the highest rate allowed{cache}.",
            rate(*confirmed_pass)
        ),
        Some(Answer::GeneratorLimited { above, reason, .. }) => format!(
            "Capacity of {cell}: not known, because no probe at {} was valid: {reason}",
            rate(*above)
        ),
        Some(Answer::NoneMeets { lowest_failed }) => {
            format!(
                "{cell} met the objective at no rate: even {} failed.",
                rate(*lowest_failed)
            )
        }
        Some(Answer::NotFound { reason, .. }) => format!("Capacity of {cell}: not found, {reason}."),
    }
}

/// The best cells by the objective's goal.
fn by_goal(report: &ExperimentReport, told: &GoalRanking) -> String {
    let (Goal::Maximise(figure) | Goal::Minimise(figure)) = told.goal;
    let results = of_cells(report);
    let name = |cell: CellId| {
        let trial = results.iter().find(|r| r.cell == cell);
        trial.map_or_else(|| cell.to_string(), |r| r.cell_text())
    };
    let at = told
        .load
        .as_ref()
        .map_or_else(String::new, |load| format!(" {}", escape(&text::under(load))));
    let all = told.meets.len() + told.others.len();
    let mut text = format!(
        "{} of {} meet every condition of the objective{at}.",
        count(told.meets.len() as u64),
        plural(all as u64, "cell")
    );
    if let Some(ranking) = &told.ranking
        && let [best, rest @ ..] = ranking.rows.as_slice()
    {
        text += &format!(
            " Best by {}: {} with {}",
            code(figure.name()),
            text::estimate(&best.mean, |value| value_text(figure, value)),
            code(&name(best.cell))
        );
        let ties: Vec<String> = rest
            .iter()
            .filter(|row| row.ties_with_best)
            .map(|row| name(row.cell))
            .collect();
        text += &match ties.len() {
            0 if rest.is_empty() => ".".to_owned(),
            0 => ", and every other is shown to be worse.".to_owned(),
            _ => format!("; not shown to be worse: {}.", few(&ties)),
        };
    }
    text
}

/// The first cells of a list that may be long.
fn few(cells: &[String]) -> String {
    const SHOWN: usize = 4;
    let told: Vec<String> = cells.iter().take(SHOWN).map(|text| code(text)).collect();
    match cells.len() {
        0..=SHOWN => list(&told),
        n => format!("{} and {} more", told.join(", "), n - SHOWN),
    }
}

/// Trials with `acks=0`.
fn unacknowledged(valid: &[&TrialResult]) -> Option<String> {
    let ids: Vec<TrialId> = valid
        .iter()
        .filter(|r| r.rates.delivered.is_none())
        .map(|r| r.trial)
        .collect();
    (!ids.is_empty()).then(|| {
        format!(
            "Nothing is acknowledged with `acks=0`, so {} can be compared with no other trial.",
            trials(&ids)
        )
    })
}

/// Whether the platform was the same throughout.
pub(crate) fn drifted(analysis: &Analysis) -> Option<String> {
    let series = || {
        let of_cells = analysis.groups.iter().flat_map(|group| &group.drift);
        analysis.canary.iter().chain(of_cells)
    };
    let mut notable: Vec<&str> = series()
        .filter(|told| told.drift.notable)
        .map(|told| text::metric(told.metric))
        .collect();
    notable.dedup();
    (!notable.is_empty()).then(|| {
        format!(
            "**The platform drifted from the first block to the last, in {}**: comparisons within blocks are free of it, \
             the cells' own figures are not.",
            list(&notable)
        )
    })
}

/// What the number of repetitions lets nobody claim.
pub(crate) fn reservation(of: &Analysed<'_>) -> String {
    let Analysed { report, analysis, .. } = of;
    let wanted = analysis.rules.wanted_blocks;
    let fewest = analysis
        .groups
        .iter()
        .flat_map(|group| &group.cells)
        .map(|cell| cell.valid)
        .min()
        .unwrap_or(0);
    let ran = match report.facts.repetitions {
        0 | 1 => "Each cell ran once".to_owned(),
        n => format!("Each cell was to run {n} times (fewest valid trials of a cell: {fewest})"),
    };
    match fewest {
        0 | 1 => format!(
            "{ran}: with one valid trial there is no interval over repetitions, and no difference can be told from chance.\
             {}",
            if analysis.not_compared.is_some() {
                ""
            } else {
                " Orders above say what was seen, not which setting is better."
            }
        ),
        n if n < wanted => format!(
            "{ran}: a comparison wants {wanted}. With fewer, verdicts rest on logarithms being normally distributed, and a \
             small difference is not to be found."
        ),
        _ => format!(
            "{ran}. Intervals are of 95 % over repetitions: they tell of this platform in these hours, not of another one."
        ),
    }
}

/// Windows that never reach the disks.
pub(crate) fn page_cache(report: &ExperimentReport) -> Option<String> {
    let valid = report
        .results
        .iter()
        .filter(|r| r.verdict.valid() && !matches!(r.purpose, Purpose::Canary | Purpose::BurnIn));
    let window = valid.map(|r| r.windows.measure).max()?;
    (window < SUSTAINED_CLAIM).then(|| {
        format!(
            "Windows of {} measure brokers that write to their page cache: no lasting capacity is claimed.",
            format_duration(window)
        )
    })
}
