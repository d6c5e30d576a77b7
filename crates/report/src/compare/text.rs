//! What a comparison says in words, for every form in which it is shown.

use tribunal_stats::comparison::{Unpaired, Verdict};

use super::{Answer, Asked, Compared, Difference, Judged, Kind, Pair, Regression, Row, Unmatched};
use crate::analysis::text::{change, changes, chosen, doubts, estimate, load, metric, noted, value};
use crate::format::{ABSENT, first, optional, plural};

/// Metrics that the answer names; the others are counted.
const NAMED: usize = 3;

/// A named cell, or the experiment.
pub(crate) fn asked(asked: &Asked) -> String {
    let cell = asked
        .cell
        .as_ref()
        .map_or(String::new(), |cell| format!(", cell {cell}"));
    let (id, name, began) = (asked.experiment, &asked.name, &asked.began);
    format!("{name} ({id}, {}, accepted {began}){cell}", asked.state.name())
}

/// A figure of one side.
pub(crate) fn figure(row: &Row, of_baseline: bool) -> String {
    let told = if of_baseline { &row.baseline } else { &row.candidate };
    optional(told.as_ref(), |told| estimate(told, |v| value(row.metric, v)))
}

/// The ratio as a change with its interval.
pub(crate) fn ratio(row: &Row) -> String {
    let Some(judged) = &row.judged else {
        return ABSENT.to_owned();
    };
    match (judged.ratio, &judged.interval) {
        (Some(ratio), Some(interval)) => format!("{} {}", change(ratio), changes(interval)),
        (Some(ratio), None) => format!("{} (no interval)", change(ratio)),
        (None, _) => ABSENT.to_owned(),
    }
}

/// The verdict with what has to be known of it, or why there is none.
pub(crate) fn judged(row: &Row) -> String {
    let Some(judged) = &row.judged else {
        let why = row.untold.as_deref().unwrap_or("nothing is compared");
        return format!("not compared ({why})");
    };
    let mut notes = Vec::new();
    if judged.interval.is_none() {
        notes.push("too few repetitions for an interval".to_owned());
    } else if judged.verdict == Verdict::Inconclusive && judged.deciding.is_some_and(|i| i.holds(1.0)) {
        notes.push("no difference detectable".to_owned());
    }
    notes.extend(doubts(judged.needed, judged.contested));
    if judged.few && judged.interval.is_some() {
        notes.push("few repetitions".to_owned());
    }
    noted(judged.verdict, &notes)
}

/// Trials behind a ratio: baseline and candidate.
pub(crate) fn observations(judged: Option<&Judged>) -> String {
    optional(judged, |judged| {
        let (baseline, candidate) = judged.observations;
        format!("{baseline} / {candidate}")
    })
}

/// Whether it has become worse.
pub(crate) fn regression(regression: Regression) -> &'static str {
    match regression {
        Regression::Found => "yes",
        Regression::Excluded => "no",
        Regression::Unknown => "not known",
        Regression::NotAsked => ABSENT,
    }
}

/// What differs, in one line, without the last dot; settings are what is compared.
pub(crate) fn difference(difference: &Difference) -> String {
    match difference.kind {
        Kind::Environment => format!("{difference}, which may have made a ratio as well as the settings may"),
        Kind::Setting => format!("{difference}, which is compared"),
        Kind::Note => difference.to_string(),
    }
}

/// A cell without its like, in one line.
pub(crate) fn unmatched(cell: &Unmatched) -> String {
    let side = if cell.of_baseline { "baseline" } else { "candidate" };
    format!("{} ({}) is of the {side} only", cell.cell, load(&cell.load))
}

/// What was compared how, one sentence each.
pub(crate) fn method(compared: &Compared) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = &compared.not_compared {
        lines.push(format!("Nothing is compared: {why}."));
        return lines;
    }
    if compared.paired {
        lines.push(
            "Both are cells of one experiment and compared within its blocks, which frees ratios of what the platform did \
             from block to block."
                .to_owned(),
        );
    } else {
        lines.push(
            "The two were not run in the same blocks, so they are compared unpaired (Welch). What the platform did between \
             the two is in the ratios and in no interval."
                .to_owned(),
        );
        lines.extend(platform(compared));
    }
    if compared.comparisons > 0 {
        lines.push(format!(
            "Changes are the candidate's geometric mean over the baseline's, with intervals of 95 %; {} make one family \
             (Holm), and a verdict reads wider intervals than those that are shown.",
            plural(u64::from(compared.comparisons), "comparison")
        ));
    }
    let margins = &compared.rules.margins;
    lines.push(format!(
        "A regression is a metric that is WORSE by the threshold or more: {} of rates, {} of p50, {} of p99 and p99.9.",
        chosen(margins.rate),
        chosen(margins.median),
        chosen(margins.tail)
    ));
    lines
}

/// What the canaries say.
fn platform(compared: &Compared) -> Vec<String> {
    if compared.canary.is_empty() {
        let why = "Not both have canaries of the same load and settings, so nothing tells whether the platform moved.";
        return vec![why.to_owned()];
    }
    compared
        .canary
        .iter()
        .map(|moved| format!("Canary, {}: {}.", metric(moved.metric), movement(&moved.change)))
        .collect()
}

fn movement(told: &Unpaired) -> String {
    let ratio = optional(told.ratio, change);
    let Some(interval) = &told.interval else {
        return format!("{ratio}, on too few trials to tell whether the platform moved");
    };
    let meaning = match told.verdict {
        Verdict::Equivalent => "the platform moved by less than the threshold",
        Verdict::Better | Verdict::Worse => "the platform moved, and the ratios of latencies hold that too",
        Verdict::Inconclusive => "whether the platform moved cannot be told",
    };
    format!("{ratio} {}: {meaning}", changes(interval))
}

/// The answer, in one sentence, with the metrics that make it.
pub(crate) fn answer(compared: &Compared) -> String {
    let named = |wanted: Regression| -> Vec<String> {
        let rows = compared
            .pairs
            .iter()
            .flat_map(|pair| pair.rows.iter().map(move |row| (pair, row)));
        rows.filter(|(_, row)| row.regression == wanted)
            .map(|(pair, row)| of_pair(compared, pair, row))
            .collect()
    };
    match compared.answer {
        Answer::Regression => format!("Regression: {}.", first(&named(Regression::Found), NAMED)),
        Answer::NoRegression => "No regression: none of the metrics compared is worse by its threshold.".to_owned(),
        Answer::Unknown if compared.pairs.is_empty() => {
            "Not known: no cell of the one has its like, under the same load, in the other.".to_owned()
        }
        Answer::Unknown => match named(Regression::Unknown).as_slice() {
            [] => "Not known: nothing could be compared.".to_owned(),
            open if compared.platform_moved() => format!(
                "Not known: the platform moved, by the canary, which may have made or hidden a change of {}.",
                first(open, NAMED)
            ),
            open => format!(
                "Not known: nothing is shown to be worse, and it cannot be excluded of {}.",
                first(open, NAMED)
            ),
        },
    }
}

fn of_pair(compared: &Compared, pair: &Pair, row: &Row) -> String {
    match compared.pairs.len() {
        1 => metric(row.metric).to_owned(),
        _ => format!("{} of {}", metric(row.metric), pair.text()),
    }
}
