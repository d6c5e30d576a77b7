//! `hgrm/tNNN-TIME.hgrm`: a trial's distribution by percentile, as `HdrHistogram`'s plotter and its relatives read it.
//!
//! The format is that of `AbstractHistogram.outputPercentileDistribution`: value, percentile as a share, records up to
//! that value, 1 ÷ (1 − share); five steps for each halving of what is left; lines that begin with `#` are skipped by the
//! plotters. They put the rows of several files side by side by their number, so all files have the same steps, in order,
//! and a file may only be shorter.
//!
//! A plotter shows no doubt, so the rows end where doubt begins: at the last percentile that has the records that it
//! needs (METHODOLOGY.md, section 8) and does not lie among records without a final word. These count as records above
//! all others. The row of 100 % is never written. A trial that is invalid, or a closed loop, whose times are queue ÷ rate,
//! has no file at all.

#![expect(
    clippy::format_push_string,
    reason = "reads better than write!, whose error cannot happen in memory"
)]

use std::iter::successors;

use tribunal_stats::Distribution;
use tribunal_stats::distribution::InvalidDistribution;

use crate::eligibility::{needed, queue_bound};
use crate::result::{StoredDistribution, TrialResult};

/// Steps for each halving of what is left up to 100 %, as the plotter's own files have them.
const STEPS: u32 = 5;

/// Halvings after which nobody has the records.
const MOST_HALVINGS: usize = 30;

/// A file of an experiment's folder `hgrm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, for example `t003-response.hgrm`.
    pub name: String,
    /// Its text; times are in milliseconds.
    pub text: String,
}

/// The window's response and service time of a trial.
///
/// None of a trial that is invalid or a closed loop; a time of which no percentile may be told has no file.
///
/// # Errors
///
/// When a stored distribution cannot be read.
pub fn files(result: &TrialResult) -> Result<Vec<File>, InvalidDistribution> {
    let Some(part) = result.measured() else {
        return Ok(Vec::new());
    };
    if queue_bound(result) || !result.verdict.valid() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    let times = [
        ("response", &part.response, part.response.censored),
        // What was never accepted has no service time; what was, and had no final word, has one beyond all others.
        ("service", &part.service, part.fates.unresolved),
    ];
    for (time, stored, censored) in times {
        let text = render(result, time, stored, censored)?;
        files.extend(text.map(|text| File {
            name: format!("{}-{time}.hgrm", result.trial),
            text,
        }));
    }
    Ok(files)
}

fn render(
    result: &TrialResult,
    time: &str,
    stored: &StoredDistribution,
    censored: u64,
) -> Result<Option<String>, InvalidDistribution> {
    let distribution = stored.distribution()?;
    let rows = rows(&distribution, censored);
    let Some(last) = rows.last() else {
        return Ok(None);
    };
    let observed = distribution.count() + censored;
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    for row in &rows {
        text += &format!(
            "{:12.3} {:2.12} {:10} {:14.2}\n",
            row.value_us as f64 / 1e3,
            row.share,
            row.records,
            1.0 / (1.0 - row.share)
        );
    }
    let moments = Moments::of(&distribution);
    let max = distribution.max().map_or(0.0, |max| max.as_secs_f64() * 1e3);
    text += &format!(
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]\n#[Max     = {max:12.3}, Total count    = {observed:12}]\n\
         #[Buckets = {BUCKETS:12}, SubBuckets     = {SUB_BUCKETS:12}]\n",
        moments.mean_ms, moments.deviation_ms
    );
    text += &comments(result, time, last.share, censored + distribution.overflow());
    Ok(Some(text))
}

/// What a plotter does not show and a reader has to know. Only our own words: no text of a plan.
fn comments(result: &TrialResult, time: &str, told: f64, above: u64) -> String {
    let mut text = format!("# {time} time of the window of {}, in milliseconds\n", result.trial);
    text += &format!(
        "# rows end at {:.5} %: beyond, there are too few records, or records without a final word\n",
        told * 100.0
    );
    if above > 0 {
        text += &format!(
            "# {above} records without a final word, or slower than an hour, count as slower than all others; mean, \
             deviation and maximum are without them\n"
        );
    }
    if result.rates.sustained == Some(false) {
        text += "# the rate was not sustained: these times grew with the window\n";
    }
    if result.cluster.mock {
        text += "# a mock broker was measured: nothing here is about Kafka\n";
    }
    text
}

/// How the histograms are laid out (1 µs to 1 h, three digits), in the plotter's words.
const BUCKETS: u32 = 22;
const SUB_BUCKETS: u32 = 2048;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    value_us: u64,
    /// The percentile as a share.
    share: f64,
    /// Records at or below the value.
    records: u64,
}

/// The rows that may be told, `censored` records counted as above all others.
fn rows(distribution: &Distribution, censored: u64) -> Vec<Row> {
    let observed = distribution.count() + censored;
    let mut buckets = distribution.buckets().into_iter().peekable();
    let mut records = 0;
    shares()
        .take_while(|share| *share <= 0.0 || needed(*share) <= observed)
        .map_while(|share| {
            let value_us = distribution.quantile_censored(share, censored)?.as_micros() as u64;
            while let Some((_, count)) = buckets.next_if(|(highest, _)| *highest <= value_us) {
                records += count;
            }
            Some(Row {
                value_us,
                share,
                records,
            })
        })
        .collect()
}

/// The percentiles of the rows, as shares below 1: steps of a tenth up to a half, of a twentieth up to three quarters, …
fn shares() -> impl Iterator<Item = f64> {
    let halvings = successors(Some(1.0), |left: &f64| Some(left / 2.0)).take(MOST_HALVINGS);
    halvings.flat_map(|left| (0..STEPS).map(move |step| 1.0 - left + left / 2.0 * f64::from(step) / f64::from(STEPS)))
}

/// Mean and spread of the recorded times below an hour, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moments {
    mean_ms: f64,
    deviation_ms: f64,
}

impl Moments {
    fn of(distribution: &Distribution) -> Self {
        let mean_us = distribution.mean().map_or(0.0, |mean| mean.as_secs_f64() * 1e6);
        let buckets = distribution.buckets();
        let records: u64 = buckets.iter().map(|(_, count)| count).sum();
        let squares: f64 = buckets
            .iter()
            .map(|(us, count)| (*us as f64 - mean_us).powi(2) * *count as f64)
            .sum();
        Self {
            mean_ms: mean_us / 1e3,
            deviation_ms: (squares / records.max(1) as f64).sqrt() / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_those_of_the_plotter() {
        let told: Vec<String> = shares().take(17).map(|share| format!("{share:.6}")).collect();
        assert_eq!(
            told.join(" "),
            "0.000000 0.100000 0.200000 0.300000 0.400000 0.500000 0.550000 0.600000 0.650000 0.700000 0.750000 0.775000 \
             0.800000 0.825000 0.850000 0.875000 0.887500"
        );
    }

    #[test]
    fn rows_end_before_doubt_begins() {
        let mut distribution = Distribution::new();
        (1..=10_000).for_each(|us| distribution.record_ns(us * 1000));
        let last = |censored| rows(&distribution, censored).last().copied().unwrap();
        let alone = last(0);
        assert!(
            needed(alone.share) <= 10_000 && (0.999..0.9995).contains(&alone.share),
            "{alone:?}"
        );
        // The slowest hundred of 10,100 have no final word.
        let censored = last(100);
        assert!((0.98..0.9901).contains(&censored.share), "{censored:?}");
        for row in rows(&distribution, 100) {
            let rank = (row.share * 10_100.0).ceil().max(1.0) as u64;
            assert!(row.records >= rank && row.records <= 10_000, "{row:?}");
        }
        assert_eq!(rows(&Distribution::new(), 0), []);
    }
}
