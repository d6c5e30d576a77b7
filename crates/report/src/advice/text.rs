//! Advice in sentences. Names that come from plans are told by `quote`, so that a rendering can keep them text.

use tribunal_model::objective::{Figure, Goal};
use tribunal_stats::comparison::Verdict;

use super::{Basis, Bought, Choice, Gain, Suggested};
use crate::analysis::{Load, text};
use crate::format::{count, first, list, micros, plural};
use crate::objective::value_text;

/// Ties that a sentence names.
const NAMED: usize = 4;

/// How a name from a plan is told.
type Quote<'q> = &'q dyn Fn(&str) -> String;

/// The recommended cell.
pub(crate) fn headline(choice: &Choice, quote: Quote<'_>) -> String {
    let at = choice
        .load
        .as_ref()
        .map_or_else(String::new, |load| format!(" {}", under(load, quote)));
    format!("Recommended{at}: {}", quote(&choice.text))
}

/// A load; how its rate changes is told as the plan writes it.
fn under(load: &Load, quote: Quote<'_>) -> String {
    match load {
        Load::Offered {
            rate,
            profile: Some(profile),
        } => format!(
            "at {} offered in the mean ({})",
            crate::format::rate(*rate),
            quote(profile)
        ),
        Load::Offered { profile: None, .. } | Load::Share { .. } | Load::Saturated => text::under(load),
    }
}

/// Why this cell, and how sure that is.
pub(crate) fn chosen(choice: &Choice, quote: Quote<'_>) -> Vec<String> {
    let mut reasons = vec![why(choice, quote)];
    if let Some(best) = &choice.best {
        let ratio = best.contrast.as_ref().and_then(|contrast| {
            let ratio = text::ratio(contrast)?;
            Some(format!(
                " ({} {ratio}, {})",
                figure_name(choice),
                text::judged(contrast)
            ))
        });
        reasons.push(format!(
            "{} looks best and is not shown to be better{}: between ties the simplest is recommended, set nearest to its \
             client's defaults ({}).",
            quote(&best.text),
            ratio.unwrap_or_default(),
            differing(choice),
        ));
    }
    if !choice.ties.is_empty() {
        let names: Vec<String> = choice.ties.iter().map(|tie| quote(&tie.text)).collect();
        let ties = first(&names, NAMED);
        reasons.push(match choice.best {
            Some(_) => {
                format!("Further ties, set further from the client's defaults or on too few valid trials: {ties}.")
            }
            None => format!(
                "Not shown to be worse, and set further from the client's defaults than it ({}) or on too few valid \
                 trials: {ties}.",
                differing(choice)
            ),
        });
    }
    reasons
}

/// Why this cell, how sure that is, and what it gains.
pub(crate) fn reasons(choice: &Choice, quote: Quote<'_>) -> Vec<String> {
    let mut reasons = chosen(choice, quote);
    reasons.push(gained(choice, quote));
    let worse = metrics(&choice.gains, Verdict::Worse);
    if !worse.is_empty() {
        reasons.push(format!(
            "It is shown to be worse than the baseline in {}, by which it was not chosen: where that matters, name it in \
             [objective].",
            list(&worse)
        ));
    }
    reasons.extend(
        choice
            .unranked
            .iter()
            .map(|why| format!("Not in the choice: {}.", quote(why))),
    );
    reasons
}

/// In how many properties the recommended cell's client is not at its defaults.
fn differing(choice: &Choice) -> String {
    match choice.differing {
        0 => "no property differs".to_owned(),
        1 => "1 property differs".to_owned(),
        n => format!("{n} properties differ"),
    }
}

fn figure_name(choice: &Choice) -> &'static str {
    match choice.basis {
        Basis::Goal(goal) => figure_of(goal).name(),
        Basis::Front => "response p99",
    }
}

fn figure_of(goal: Goal) -> Figure {
    let (Goal::Maximise(figure) | Goal::Minimise(figure)) = goal;
    figure
}

fn why(choice: &Choice, quote: Quote<'_>) -> String {
    let (by, told) = match choice.basis {
        Basis::Goal(goal) => (
            quote(&super::pick::goal(goal)),
            text::estimate(&choice.figure, |value| value_text(figure_of(goal), value)),
        ),
        Basis::Front => (
            "response p99 among the cells that sustained the load".to_owned(),
            text::estimate(&choice.figure, |value| micros(value.round() as u64)),
        ),
    };
    let worse = match choice.worse {
        0 => String::new(),
        n => format!("; {} shown to be worse than the best", are(n)),
    };
    format!(
        "By {by}: {told} over {}{worse}.",
        plural(u64::from(choice.figure.n), "valid trial")
    )
}

fn are(number: u32) -> String {
    match number {
        1 => "1 other cell is".to_owned(),
        n => format!("{} other cells are", count(u64::from(n))),
    }
}

/// What the recommended cell gains over the baseline.
pub(crate) fn gained(choice: &Choice, quote: Quote<'_>) -> String {
    if choice.is_baseline {
        return "It is the baseline: nothing that was tried is shown to be better.".to_owned();
    }
    format!(
        "Against the baseline {}: {}.",
        quote(&choice.baseline),
        gains(&choice.gains)
    )
}

/// Metrics with their ratios, intervals and verdicts.
fn gains(gains: &[Gain]) -> String {
    let told: Vec<String> = gains
        .iter()
        .filter(|gain| gain.contrast.interval.is_some())
        .filter_map(|gain| {
            let ratio = text::ratio(&gain.contrast)?;
            Some(format!(
                "{} {ratio} {}",
                text::metric(gain.metric),
                text::judged(&gain.contrast)
            ))
        })
        .collect();
    if told.is_empty() {
        "nothing can be compared within blocks".to_owned()
    } else {
        told.join("; ")
    }
}

/// What one setting did alone.
pub(crate) fn alone(bought: &Bought) -> String {
    match bought.against {
        None => "not measured by itself: no cell differs from the recommended one in it alone".to_owned(),
        Some(_) => gains(&bought.gains),
    }
}

/// What was measured and what is but another spelling of it.
pub(crate) fn measured_with(choice: &Choice, quote: Quote<'_>) -> String {
    let beside: Vec<String> = choice
        .beside
        .iter()
        .map(|(factor, level)| quote(&format!("{factor}={level}")))
        .collect();
    let beside = if beside.is_empty() {
        String::new()
    } else {
        format!(" Beside client properties the cell has {}.", list(&beside))
    };
    format!(
        "Measured with {}; nothing is known of other client libraries, for which the same settings are only spelt.{beside}",
        quote(&choice.client)
    )
}

/// Whether suggested settings held.
pub(crate) fn held(told: &Suggested, quote: Quote<'_>) -> Vec<String> {
    let cell = quote(&told.text);
    let at = under(&told.load, quote);
    let mut lines = vec![if told.is_baseline {
        format!("The baseline {cell} is itself within what is often suggested, {at}.")
    } else {
        format!(
            "Suggested settings, {cell}, {at}: {} than the baseline {} ({}).",
            word(&told.gains),
            quote(&told.baseline),
            gains(&told.gains)
        )
    }];
    if let Some(recommended) = &told.recommended {
        lines.push(format!(
            "The recommended cell {} is {} than the suggested one ({}).",
            quote(recommended),
            word(&told.recommended_gains),
            gains(&told.recommended_gains)
        ));
    }
    if let Some((client, default, batch)) = &told.smaller_batch {
        lines.push(format!(
            "A batch.size of {} is smaller than {}'s default of {}: the suggestion raises it only for clients whose default is \
             smaller, such as Java's of 16,384.",
            count(*batch),
            client,
            count(*default)
        ));
    }
    lines
}

/// The metrics with this verdict.
fn metrics(gains: &[Gain], verdict: Verdict) -> Vec<&'static str> {
    let found = gains.iter().filter(|gain| gain.contrast.verdict == verdict);
    found.map(|gain| text::metric(gain.metric)).collect()
}

/// What comparisons come to in one phrase that is followed by "than".
fn word(gains: &[Gain]) -> String {
    match (metrics(gains, Verdict::Better), metrics(gains, Verdict::Worse)) {
        (better, worse) if better.is_empty() && worse.is_empty() => {
            "no difference is detectable; neither better nor worse".to_owned()
        }
        (better, worse) if worse.is_empty() => format!("better in {}", list(&better)),
        (better, worse) if better.is_empty() => format!("worse in {}", list(&worse)),
        (better, worse) => format!("better in {} and worse in {}", list(&better), list(&worse)),
    }
}
