//! `[design]` and `[search]`: how the experiment goes through its matrix.

use std::time::Duration;

use super::factors::Factor;
use super::reader::{Item, Section};
use super::sections::{MOST, Timing};
use super::{Error, Origin, Preset};
use crate::design::{Design, DesignKind, Mode, SearchPlan};
use crate::objective::Objective;
use crate::trial::RecordRate;
use crate::units::format_record_rate;

const KINDS: [(&str, DesignKind); 3] = [
    ("full", DesignKind::Full),
    ("one-at-a-time", DesignKind::OneAtATime),
    ("pairwise", DesignKind::Pairwise),
];
const MODES: [(&str, Mode); 2] = [("direct", Mode::Direct), ("two-phase", Mode::TwoPhase)];

/// Who sets the rates where it is not the plan, for messages.
const TWO_PHASE: &str = "design.mode = \"two-phase\"";
const SEARCH: &str = "[search]";

/// Precision and back-off beyond this are no search.
const COARSEST: f64 = 0.5;

/// Precision and back-off below this could not be told from noise by any number of probes.
const FINEST: f64 = 0.001;

/// `[design]`, and what `[window]` says of burn-in.
pub(super) fn read(plan: &Section<'_>, timing: &Timing) -> Result<Design, Error> {
    let section = plan.section("design", &["kind", "mode", "budget", "canary", "settle", "preset"])?;
    let repeated = timing.repetitions > 1;
    let burn_in = if repeated {
        timing.windows.warm_up
    } else {
        Duration::ZERO
    };
    Ok(Design {
        kind: section.or("kind", DesignKind::Full, |item| item.choice(&KINDS))?,
        mode: section.or("mode", Mode::Direct, |item| item.choice(&MODES))?,
        budget: section.or("budget", None, |item| above_zero(item).map(Some))?,
        canary: section.or("canary", repeated, Item::truth)?,
        burn_in: timing.burn_in.unwrap_or(burn_in),
        settle: section.or("settle", Duration::from_secs(90), Item::duration)?,
        preset: section.or("preset", None, |item| preset(item).map(Some))?,
    })
}

/// A preset to compare with; the default one sets nothing and so makes no other cell.
fn preset(item: &Item<'_>) -> Result<Preset, Error> {
    let known: Vec<(&str, Preset)> = Preset::ALL
        .into_iter()
        .filter(|preset| *preset != Preset::Default)
        .map(|preset| (preset.name(), preset))
        .collect();
    item.choice(&known)
}

/// `[search]`; it needs an objective, and nothing else may repeat trials or set rates.
pub(super) fn search(
    plan: &Section<'_>,
    design: &Design,
    objective: Option<&Objective>,
) -> Result<Option<SearchPlan>, Error> {
    let Some(search) = plan.get("search") else {
        return Ok(None);
    };
    let known = [
        "first",
        "highest",
        "precision",
        "confirmations",
        "back_off",
        "most_probes",
        "confirm",
    ];
    let section = search.section(&known)?;
    if objective.is_none_or(|objective| objective.conditions.is_empty()) {
        let message = "needs an [objective] with a condition: what would passing mean? Write for example \
                       response_p99 = \"<= 50ms\" there";
        return Err(search.error(message));
    }
    if design.mode == Mode::TwoPhase {
        return Err(search.error("does not go with design.mode = \"two-phase\"; keep one of the two"));
    }
    not_with_search(plan)?;
    let rate = |key: &str, default: f64| {
        section.or(key, default, |item| {
            let micro = item.record_rate()?;
            let rate = RecordRate::per_million_seconds(micro);
            let rate = rate.ok_or_else(|| item.error("expected a rate above zero"))?;
            Ok(rate.as_per_second())
        })
    };
    let (first, highest) = (rate("first", 1e3)?, rate("highest", 1e7)?);
    if first >= highest {
        let ends = [first, highest].map(|rate| format_record_rate((rate * 1e6).round() as u64));
        let message = format!("is {}, not below search.highest ({})", ends[0], ends[1]);
        let at = section.get("first").or(section.get("highest"));
        return Err(Error::at(
            at.map_or(Origin::File, |item| item.origin()),
            "search.first",
            message,
        ));
    }
    Ok(Some(SearchPlan {
        first,
        highest,
        precision: section.or("precision", 0.02, |item| item.share(FINEST, COARSEST))?,
        confirmations: section.or("confirmations", 3, |item| item.count(MOST))?,
        back_off: section.or("back_off", 0.02, |item| item.share(FINEST, COARSEST))?,
        most_probes: section.or("most_probes", 60, |item| item.count(MOST))?,
        confirm: section.or("confirm", None, |item| above_zero(item).map(Some))?,
    }))
}

/// What a search cannot do, or does in its own way.
fn not_with_search(plan: &Section<'_>) -> Result<(), Error> {
    let keys = [
        (
            "window",
            "repetitions",
            "must be 1 with [search], which repeats what it has to; set search.confirmations",
        ),
        (
            "window",
            "burn_in",
            "does not apply to [search], which begins with low rates",
        ),
        (
            "design",
            "budget",
            "does not apply to [search], which has no blocks; set search.most_probes",
        ),
        ("design", "canary", "does not apply to [search], which has no blocks"),
    ];
    for (section, key, message) in keys {
        let Some(item) = plan.get(section).and_then(|section| {
            let node = section.table().ok()?.get(key)?;
            Some(Item::new(format!("{section}.{key}", section = section.key), node))
        }) else {
            continue;
        };
        let harmless = match key {
            "repetitions" => item.count(MOST)? == 1,
            "burn_in" => item.duration()?.is_zero(),
            "canary" => !item.truth()?,
            _ => false,
        };
        if !harmless {
            return Err(item.error(message));
        }
    }
    Ok(())
}

/// Who sets the rates of trials: then the plan may name none where they would be varied.
pub(super) fn pacemaker(
    design: &Design,
    search: Option<&SearchPlan>,
    factors: &[Factor],
) -> Result<Option<&'static str>, Error> {
    let who = match (search, design.mode) {
        (Some(_), _) => SEARCH,
        (None, Mode::TwoPhase) => TWO_PHASE,
        (None, Mode::Direct) => return Ok(None),
    };
    if let Some(factor) = factors.iter().find(|factor| factor.name == "rate") {
        let message = format!("can be no factor: the rates are set by {who}");
        return Err(Error::at(factor.origin.clone(), "factors.rate", message));
    }
    Ok(Some(who))
}

fn above_zero(item: &Item<'_>) -> Result<Duration, Error> {
    let duration = item.duration()?;
    if duration.is_zero() {
        return Err(item.error("expected a duration above zero"));
    }
    Ok(duration)
}
