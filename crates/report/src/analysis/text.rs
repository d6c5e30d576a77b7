//! Figures and ratios with their intervals, as people read them.

use tribunal_stats::comparison::{Contrast, Estimate, Interval, Metric, Needed, Ranked, Verdict};

use super::{CellFigures, Figure, Load};
use crate::format::{DAGGER, count, micros, number, plural, rate, share};

/// Marks an interval that one trial says of itself; [`WITHIN_TRIAL_MEANS`] says what that is.
pub(crate) const WITHIN_TRIAL: &str = " ‡";

/// The legend of [`WITHIN_TRIAL`].
pub(crate) const WITHIN_TRIAL_MEANS: &str = "‡ within this trial only: one trial, and the interval is where its own \
                                             percentile lies by its own records. It says nothing about the next trial; \
                                             only repetitions do.";

/// Ratios beyond this, either way, are told as factors: a change in per cent would mislead.
const FACTOR: f64 = 5.0;

/// Half of an interval, as a share of the mean, from where on it is told by its ends.
const LONG: f64 = 0.3;

/// Upper over lower end from where on an interval says nothing, as of two trials that are far apart.
const USELESS: f64 = 1000.0;

/// A value of a metric.
pub(crate) fn value(metric: Metric, value: f64) -> String {
    match metric {
        Metric::DeliveredRate | Metric::SocketWriteRate => rate(value),
        Metric::ResponseP50 | Metric::ResponseP99 | Metric::ResponseP999 | Metric::ServiceP50 | Metric::ServiceP99 => {
            micros(value.round() as u64)
        }
        Metric::CpuPerRecord | Metric::ProducingCpuPerRecord => format!("{} s", number(value)),
    }
}

/// A metric by its name in tables.
pub(crate) fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::DeliveredRate => "delivered rate",
        Metric::SocketWriteRate => "socket writes",
        Metric::ResponseP50 => "response p50",
        Metric::ResponseP99 => "response p99",
        Metric::ResponseP999 => "response p99.9",
        Metric::ServiceP50 => "service p50",
        Metric::ServiceP99 => "service p99",
        Metric::CpuPerRecord => "client CPU per million records",
        Metric::ProducingCpuPerRecord => "producing CPU per million records",
    }
}

/// A mean with its interval, each end told by `tell`.
pub(crate) fn estimate(estimate: &Estimate, tell: impl Fn(f64) -> String) -> String {
    match &estimate.interval {
        Some(interval) if interval.high / interval.low > USELESS => {
            format!("{} [too wide to tell]", tell(estimate.mean))
        }
        Some(interval) => format!(
            "{} [{}, {}]",
            tell(estimate.mean),
            tell(interval.low),
            tell(interval.high)
        ),
        None => tell(estimate.mean),
    }
}

/// A figure of a cell with its interval, or why there is none.
pub(crate) fn figure(figure: &Figure) -> Option<String> {
    let told = figure.estimate.as_ref()?;
    let tell = |v| value(figure.metric, v);
    let text = match (&told.interval, figure.within_trial) {
        (None, Some(within)) => format!(
            "{} [{}, {}]{WITHIN_TRIAL}",
            tell(told.mean),
            micros(within.low_us),
            micros(within.high_us)
        ),
        _ => estimate(told, tell),
    };
    Some(if figure.one_event { text + DAGGER } else { text })
}

/// A mean with half of its interval as a share of it, the longer half: `4.05 ms ±3.60 %`. An interval that is long is
/// told by its ends: it is far from symmetric.
pub(crate) fn plus_minus(metric: Metric, told: &Estimate) -> String {
    let tell = |v| value(metric, v);
    let Some(interval) = &told.interval else {
        return tell(told.mean);
    };
    let half = (interval.high / told.mean - 1.0).max(1.0 - interval.low / told.mean);
    if half > LONG {
        estimate(told, tell)
    } else {
        format!("{} ±{}", tell(told.mean), share(half))
    }
}

/// A ratio as a change: `+3.20 %`, or as a factor where it is large.
pub(crate) fn change(ratio: f64) -> String {
    if !(1.0 / FACTOR..=FACTOR).contains(&ratio) {
        return if ratio >= 1000.0 {
            "× 1,000 or more".to_owned()
        } else if ratio < 0.001 {
            "× 0.001 or less".to_owned()
        } else {
            format!("× {}", number(ratio))
        };
    }
    let percent = number((ratio - 1.0).abs() * 100.0);
    match ratio {
        _ if percent == "0" => "0 %".to_owned(),
        r if r > 1.0 => format!("+{percent} %"),
        _ => format!("−{percent} %"),
    }
}

/// An interval of a ratio.
pub(crate) fn changes(interval: &Interval) -> String {
    format!("[{}, {}]", change(interval.low), change(interval.high))
}

/// A ratio with the interval that is printed.
pub(crate) fn ratio(contrast: &Contrast) -> Option<String> {
    let told = change(contrast.ratio?);
    Some(match &contrast.interval {
        Some(interval) => format!("{told} {}", changes(interval)),
        None => told,
    })
}

/// A verdict's word.
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "BETTER",
        Verdict::Worse => "WORSE",
        Verdict::Equivalent => "EQUIVALENT",
        Verdict::Inconclusive => "INCONCLUSIVE",
    }
}

/// A share that somebody chose, without the digits that a measured one has.
pub(crate) fn chosen(of_one: f64) -> String {
    let percent = of_one * 100.0;
    if (percent - percent.round()).abs() < 1e-9 {
        format!("{percent:.0} %")
    } else {
        share(of_one)
    }
}

/// A verdict with what has to be known of it.
pub(crate) fn judged(contrast: &Contrast) -> String {
    let mut notes = doubts(contrast.needed, contrast.contested);
    if contrast.few_blocks {
        notes.push("few blocks".to_owned());
    }
    noted(contrast.verdict, &notes)
}

/// What would decide, and what does not support a verdict.
pub(crate) fn doubts(needed: Option<Needed>, contested: bool) -> Vec<String> {
    let needed = needed.map(|needed| match needed {
        Needed::Blocks(blocks) => format!("would take {} in all", plural(u64::from(blocks), "block")),
        Needed::MoreThan(blocks) => format!("would take more than {} blocks", count(u64::from(blocks))),
    });
    let contested = contested.then(|| "contested: the sign-flip check does not support it".to_owned());
    needed.into_iter().chain(contested).collect()
}

/// A verdict's word with notes behind it.
pub(crate) fn noted(of: Verdict, notes: &[String]) -> String {
    let word = verdict(of);
    if notes.is_empty() {
        word.to_owned()
    } else {
        format!("{word} ({})", notes.join("; "))
    }
}

/// How a cell of a ranking stands to the best one.
pub(crate) fn to_best(row: &Ranked) -> &'static str {
    match &row.to_best {
        None => "best",
        Some(contrast) => match contrast.verdict {
            Verdict::Worse => "WORSE",
            Verdict::Equivalent => "EQUIVALENT: a tie",
            Verdict::Inconclusive | Verdict::Better => "INCONCLUSIVE: a tie",
        },
    }
}

/// A load in words, to be read after "compared".
pub(crate) fn under(of: &Load) -> String {
    match of {
        Load::Saturated => "in a closed loop".to_owned(),
        paced => format!("at {}", load(paced)),
    }
}

/// A load in words.
pub(crate) fn load(load: &Load) -> String {
    match load {
        Load::Offered { rate: offered, profile } => match profile {
            Some(profile) => format!("{} offered in the mean ({profile})", rate(*offered)),
            None => format!("{} offered", rate(*offered)),
        },
        Load::Share { percent, rate: offered } => {
            format!(
                "{percent} % of the slowest cell's capacity ({} offered)",
                rate(*offered)
            )
        }
        Load::Saturated => "closed loop".to_owned(),
    }
}

/// Trials of a cell: `5 of 6 valid`, or their number where all are.
pub(crate) fn trials(cell: &CellFigures) -> String {
    match cell.invalid {
        0 => count(u64::from(cell.valid)),
        invalid => format!("{} of {} valid", cell.valid, cell.valid + invalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_a_change_until_it_is_large() {
        let check = |ratio, expected| assert_eq!(change(ratio), expected);
        check(1.0, "0 %");
        check(1.000_001, "0 %");
        check(1.032, "+3.20 %");
        check(0.877, "−12.3 %");
        check(5.5, "× 5.50");
        check(0.1, "× 0.100");
        check(1e9, "× 1,000 or more");
        check(1e-9, "× 0.001 or less");
    }
}
