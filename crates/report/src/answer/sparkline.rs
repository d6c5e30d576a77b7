//! The delivered rate of each cell over the window, in blocks of eight heights.

use std::collections::BTreeMap;

use tribunal_model::ids::CellId;
use tribunal_model::trial::Part;

use crate::format::{count, rate};
use crate::result::TrialResult;

const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Cells that are shown; a report has all.
const SHOWN: usize = 12;

/// A cell's name and the delivered rate of its seconds.
type Series = (String, Vec<f64>);

/// A heading that names the scale, and a line for each cell: the mean over its valid trials in each second of the window.
/// All lines have one scale that begins at zero. Cells without acknowledgements have none.
pub(super) fn lines(results: &[&TrialResult], width: usize) -> Option<(String, Vec<String>)> {
    let all = series(results);
    let most = all.iter().flat_map(|(_, seconds)| seconds).copied().fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let names = all
        .iter()
        .take(SHOWN)
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    // Names take what the bars leave: cells often differ in the last letters alone.
    let bars = all.iter().map(|(_, seconds)| seconds.len()).max().unwrap_or(0);
    let column = names.min(width.saturating_sub(1 + bars.min(width / 2)));
    let mut lines = Vec::new();
    for (name, seconds) in all.iter().take(SHOWN) {
        let room = width.saturating_sub(column + 1).max(1);
        let bars: String = fitted(seconds, room)
            .into_iter()
            .map(|value| bar(value, most))
            .collect();
        lines.push(format!("{:<column$} {bars}", cut(name, column)));
    }
    if let Some(more) = all.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("and {} more cells", count(more as u64)));
    }
    let heading = format!("Delivered rate over the window, 0 to {}:", rate(most));
    Some((heading, lines))
}

fn series(results: &[&TrialResult]) -> Vec<Series> {
    let mut cells: BTreeMap<(CellId, Option<u64>), Vec<&TrialResult>> = BTreeMap::new();
    for result in results
        .iter()
        .filter(|r| r.verdict.valid() && r.rates.delivered.is_some())
    {
        let key = (result.cell, result.workload.rate.map(f64::to_bits));
        cells.entry(key).or_default().push(result);
    }
    let told = cells
        .into_values()
        .filter_map(|trials| Some((trials.first()?.cell_text(), means(&trials))));
    told.filter(|(_, seconds)| !seconds.is_empty()).collect()
}

/// The mean over trials of the rate in each sample of the window.
fn means(trials: &[&TrialResult]) -> Vec<f64> {
    let each: Vec<Vec<f64>> = trials.iter().map(|result| delivered(result)).collect();
    let longest = each.iter().map(Vec::len).max().unwrap_or(0);
    let at = |place: usize| {
        let values: Vec<f64> = each.iter().filter_map(|seconds| seconds.get(place).copied()).collect();
        mean(&values)
    };
    (0..longest).map(at).collect()
}

fn delivered(result: &TrialResult) -> Vec<f64> {
    let window = result.samples.iter().filter(|sample| sample.part == Part::Window);
    let rates = window.map(|sample| {
        let length = (sample.end_ns - sample.start_ns) as f64 / 1e9;
        sample.activity.acknowledged as f64 / length
    });
    rates.filter(|rate| rate.is_finite()).collect()
}

fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len() as f64
}

/// Means of as many neighbours as it takes to fit.
fn fitted(seconds: &[f64], room: usize) -> Vec<f64> {
    let each = seconds.len().div_ceil(room).max(1);
    seconds.chunks(each).map(mean).collect()
}

fn bar(value: f64, most: f64) -> char {
    let step = (value / most * HEIGHTS.len() as f64).ceil() as usize;
    HEIGHTS[step.clamp(1, HEIGHTS.len()) - 1]
}

/// The beginning of a name that is too long.
fn cut(name: &str, width: usize) -> String {
    if name.chars().count() <= width {
        return name.to_owned();
    }
    let mut cut: String = name.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_share_of_the_most() {
        let bars: String = [0.0, 1.0, 50.0, 99.0, 100.0]
            .map(|value| bar(value, 100.0))
            .iter()
            .collect();
        assert_eq!(bars, "▁▁▄██");
        assert_eq!(fitted(&[1.0, 3.0, 5.0, 7.0, 9.0], 3), [2.0, 6.0, 9.0]);
        assert_eq!(cut("linger.ms=5", 6), "linge…");
    }
}
