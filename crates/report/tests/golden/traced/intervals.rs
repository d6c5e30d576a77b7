//! Every interval of the analysis follows from the stored histograms and counts, by the formulas of METHODOLOGY.md,
//! sections 8 and 9.
//!
//! What is compared with what is read off the stored analysis; what each interval is, is not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tribunal_report::experiment::ExperimentReport;

use super::least_squares::{averaged, fit};
use super::student::{holm, moments, reach, two_sided};
use super::{buckets, mean, ranked, records, reports, stored, value, window};

/// What a family may err.
const ALPHA: f64 = 0.05;

/// Logarithms of a metric by block.
pub(super) type Blocks = BTreeMap<u64, f64>;

/// The same of each cell.
type Cells = BTreeMap<u64, Blocks>;

#[track_caller]
fn close(stored: &Value, expected: f64) {
    let told = stored.as_f64().expect("a number");
    assert!(
        (told - expected).abs() <= 1e-7 * expected.abs().max(1e-3),
        "{told} {expected}"
    );
}

/// How many intervals were recomputed.
#[derive(Default)]
struct Recomputed(usize);

impl Recomputed {
    /// e to a centre and as far to either side as the t interval that errs with the chance `level` reaches.
    #[track_caller]
    fn interval(&mut self, stored: &Value, centre: Option<(f64, f64, u32)>, level: f64) {
        let Some((centre, error, degrees)) = centre else {
            assert!(stored.is_null(), "an interval of less than two values: {stored}");
            return;
        };
        let half = reach(level, degrees) * error;
        assert_eq!(stored["method"]["kind"], "student_t", "of fewer than ten blocks");
        close(&stored["low"], (centre - half).exp());
        close(&stored["high"], (centre + half).exp());
        close(&stored["confidence"], 1.0 - level);
        self.0 += 1;
    }

    /// The ratios of a family, each by its logarithms in blocks; the first of each is what is stored of it, if anything.
    #[track_caller]
    fn family(&mut self, comparisons: &Value, rows: &[(Option<&Value>, Vec<f64>)]) {
        let moments: Vec<_> = rows.iter().map(|(_, logarithms)| moments(logarithms)).collect();
        let p: Vec<f64> = moments.iter().flatten().map(|of| chance(*of)).collect();
        assert_eq!(comparisons.as_u64(), Some(p.len() as u64), "comparisons");
        let mut steps = holm(&p, ALPHA).into_iter();
        for ((stored, logarithms), moments) in rows.iter().zip(moments) {
            let step = moments.and_then(|_| steps.next());
            let Some(stored) = stored else {
                continue;
            };
            let middle = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
            assert_eq!(stored["blocks"].as_u64(), Some(logarithms.len() as u64));
            if !logarithms.is_empty() {
                close(&stored["ratio"], middle.exp());
            }
            self.interval(&stored["interval"], moments, ALPHA);
            self.interval(&stored["deciding"], moments, step.map_or(ALPHA, |(level, _)| level));
            if let Some((_, adjusted)) = step {
                close(&stored["adjusted_p"], adjusted);
            }
        }
    }

    /// The means of a ranking's cells, and each against the first; Holm's method goes over all pairs.
    fn ranking(&mut self, ranking: &Value, cells: &Cells) {
        let rows = ranking["rows"].as_array().expect("rows");
        let place = |row: &Value| row["cell"].as_u64().expect("a cell");
        let means = fit(&cells.values().cloned().collect::<Vec<_>>()).0;
        let means: BTreeMap<u64, f64> = cells.keys().copied().zip(means).collect();
        let rising = !matches!(ranking["metric"].as_str(), Some("delivered_rate" | "socket_write_rate"));
        let in_order = |pair: &[Value]| (means[&place(&pair[0])] < means[&place(&pair[1])]) == rising;
        assert!(rows.windows(2).all(in_order), "{means:?}");
        let mut pairs = Vec::new();
        for (number, better) in rows.iter().enumerate() {
            let own: Vec<f64> = cells[&place(better)].values().copied().collect();
            self.interval(&better["mean"]["interval"], moments(&own), ALPHA);
            for row in &rows[number + 1..] {
                let shown = (number == 0).then_some(&row["to_best"]);
                let sums = sums(cells, &[(place(row), 1.0), (place(better), -1.0)]);
                pairs.push((shown, sums.into_values().collect()));
            }
        }
        self.family(&ranking["comparisons"], &pairs);
    }

    /// The change from the first block to the last one, by the line through what blocks have in common.
    fn drift(&mut self, drift: &Value, rows: &[Blocks]) {
        let blocks = fit(rows).1;
        let n = blocks.len() as f64;
        let centre = blocks.keys().sum::<u64>() as f64 / n;
        let square: f64 = blocks.keys().map(|block| (*block as f64 - centre).powi(2)).sum();
        let slope = blocks
            .iter()
            .map(|(block, v)| (*block as f64 - centre) * v)
            .sum::<f64>()
            / square;
        let off: f64 = blocks
            .iter()
            .map(|(block, v)| (v - slope * (*block as f64 - centre)).powi(2))
            .sum();
        let length = (blocks.keys().max().expect("a block") - blocks.keys().min().expect("a block")) as f64;
        let error = length * (off / (n - 2.0) / square).sqrt();
        close(&drift["change_over_all"], (slope * length).exp());
        self.interval(
            &drift["interval"],
            Some((slope * length, error, blocks.len() as u32 - 2)),
            ALPHA,
        );
    }
}

/// Two-sided, for a mean of 0.
fn chance((mean, error, degrees): (f64, f64, u32)) -> f64 {
    if error > 0.0 {
        two_sided(mean / error, degrees)
    } else {
        f64::from(mean == 0.0)
    }
}

/// The sum of cells, with their signs, in the blocks that hold them all.
fn sums(cells: &Cells, signed: &[(u64, f64)]) -> Blocks {
    let numbers: BTreeSet<u64> = cells.values().flat_map(|blocks| blocks.keys().copied()).collect();
    let sum = |block: u64| -> Option<f64> {
        let each = signed
            .iter()
            .map(|(cell, sign)| Some(sign * cells.get(cell)?.get(&block)?));
        each.sum()
    };
    numbers
        .into_iter()
        .filter_map(|block| Some((block, sum(block)?)))
        .collect()
}

/// The valid trials that are stored.
fn valid<'a>(json: &'a Value, report: &ExperimentReport) -> Vec<&'a Value> {
    let all = json["results"].as_array().expect("results").iter().zip(&report.results);
    all.filter(|(_, result)| result.verdict.valid())
        .map(|(stored, _)| stored)
        .collect()
}

/// Those that are observations of their cell, under this load if there is one.
fn under<'a>(valid: &[&'a Value], load: &Value) -> Vec<&'a Value> {
    let under = |result: &&&Value| match load["kind"].as_str() {
        Some("saturated") => result["workload"]["rate"].is_null() && result["purpose"] == "cell",
        Some("share") => result["purpose"]["share"] == load["percent"],
        None => result["purpose"] == "cell",
        Some(_) => {
            let alike = |of: &str| result["workload"][of] == load[of];
            result["purpose"] == "cell" && alike("rate") && alike("profile")
        }
    };
    valid.iter().filter(under).copied().collect()
}

/// A metric of each cell all of whose trials have it.
fn observed(trials: &[&Value], metric: &Value) -> Cells {
    let metric = serde_json::from_value(metric.clone()).expect("a metric");
    let mut cells = Cells::new();
    let mut without = BTreeSet::new();
    for trial in trials {
        let number = |name: &str| trial[name].as_u64().expect("a number");
        if let Some(value) = value(trial, metric) {
            cells
                .entry(number("cell"))
                .or_default()
                .insert(number("block"), value.ln());
        } else {
            without.insert(number("cell"));
        }
    }
    cells.retain(|cell, _| !without.contains(cell));
    cells
}

/// The same without the cells that the group leaves out.
fn entered(group: &Value, trials: &[&Value], metric: &Value) -> Cells {
    let mut cells = observed(trials, metric);
    for left in group["left_out"].as_array().expect("a list") {
        if left["metric"] == *metric {
            cells.remove(&left["cell"].as_u64().expect("a cell"));
        }
    }
    cells
}

/// The interval of a percentile within one trial, by its records and by how alike its seconds are.
fn within(trial: &Value, share: f64) -> Option<(u64, u64)> {
    let recorded = buckets(&window(trial)["response"]);
    let (count, middle) = (records(&recorded) as f64, mean(&recorded));
    let squares = recorded
        .iter()
        .map(|(us, n)| (*us as f64 - middle).powi(2) * *n as f64)
        .sum::<f64>();
    let seconds: Vec<f64> = (trial["samples"].as_array().expect("samples").iter())
        .filter(|sample| sample["part"] == "window")
        .filter_map(|sample| sample["response"]["mean_us"].as_f64())
        .collect();
    let sizes = [1, 2, 4, 8, 16, 32, 64]
        .into_iter()
        .filter(|size| seconds.len() / size >= 8);
    let of_means = sizes.filter_map(|size| {
        let batches = seconds
            .chunks_exact(size)
            .map(|batch| batch.iter().sum::<f64>() / size as f64);
        moments(&batches.collect::<Vec<_>>()).map(|(_, error, _)| error * error)
    });
    let n = of_means
        .reduce(f64::max)
        .map_or(count, |of_mean| squares / count / of_mean)
        .clamp(1.0, count);
    let half = 1.96 * (n * share * (1.0 - share)).sqrt();
    let at = |rank: f64| ranked(&recorded, (rank / n * count).ceil() as u64);
    let (low, high) = ((n * share - half).floor(), (n * share + half).ceil() + 1.0);
    (low >= 1.0 && high <= n).then(|| Some((at(low)?, at(high)?))).flatten()
}

fn list(of: &Value) -> &[Value] {
    of.as_array().expect("a list")
}

fn figures(group: &Value, trials: &[&Value], recomputed: &mut Recomputed) -> usize {
    let mut ranks = 0;
    for cell in list(&group["cells"]) {
        let own: Vec<&Value> = trials
            .iter()
            .filter(|trial| trial["cell"] == cell["cell"])
            .copied()
            .collect();
        for figure in list(&cell["figures"])
            .iter()
            .filter(|figure| !figure["estimate"].is_null())
        {
            let metric = serde_json::from_value(figure["metric"].clone()).expect("a metric");
            let logarithm = |trial: &&Value| value(trial, metric).expect("a value").ln();
            let values: Vec<f64> = own.iter().map(logarithm).collect();
            recomputed.interval(&figure["estimate"]["interval"], moments(&values), ALPHA);
            let share = match figure["metric"].as_str() {
                Some("response_p50") => 0.5,
                Some("response_p99") => 0.99,
                _ => continue,
            };
            let told = &figure["within_trial"];
            let told = told["low_us"].as_u64().zip(told["high_us"].as_u64());
            let expected = if own.len() == 1 && window(own[0])["response"]["censored"] == 0 {
                within(own[0], share)
            } else {
                None
            };
            assert_eq!(told, expected, "{figure}");
            ranks += usize::from(told.is_some());
        }
    }
    ranks
}

/// Every cell that enters against the baseline, in every metric; all groups are one family.
fn comparisons(analysis: &Value, valid: &[&Value], recomputed: &mut Recomputed) {
    let mut family = Vec::new();
    for group in list(&analysis["groups"]) {
        let trials = under(valid, &group["load"]);
        for row in list(&group["comparisons"]) {
            let pair = [(&row["candidate"], 1.0), (&group["baseline"], -1.0)];
            let signed = pair.map(|(cell, sign)| (cell.as_u64().expect("a cell"), sign));
            let sums = sums(&entered(group, &trials, &row["metric"]), &signed);
            family.push((Some(&row["contrast"]), sums.into_values().collect()));
        }
    }
    recomputed.family(&analysis["comparisons"], &family);
}

/// Cells of a group by their levels.
struct Design<'a> {
    cells: Vec<(u64, &'a [Value])>,
}

impl<'a> Design<'a> {
    fn of(group: &'a Value) -> Self {
        let of = |cell: &'a Value| (cell["cell"].as_u64().expect("a cell"), list(&cell["levels"]));
        Self {
            cells: list(&group["cells"]).iter().map(of).collect(),
        }
    }

    /// The cell of these levels with the factors of `turned` at the first cell's levels.
    fn with_first(&self, levels: &[Value], turned: &[&Value]) -> Option<u64> {
        let first = self.cells[0].1;
        let wanted = levels.iter().zip(first).map(|(level, first)| {
            let turned = turned.iter().any(|of| of["factor"] == level["factor"]);
            if turned { first } else { level }
        });
        let wanted: Vec<&Value> = wanted.collect();
        let found = self.cells.iter().find(|(_, of)| of.iter().eq(wanted.iter().copied()));
        found.map(|(cell, _)| *cell)
    }

    /// The cells that have all of these levels, each with its sum over the cells that have some of them at the first ones.
    fn contrasts(&self, cells: &Cells, levels: &[&Value]) -> Vec<f64> {
        let have = self
            .cells
            .iter()
            .filter(|(_, of)| levels.iter().all(|level| of.contains(level)));
        let rows: Vec<Blocks> = have
            .filter_map(|(cell, of)| {
                let mut signed = vec![(*cell, 1.0)];
                for level in levels {
                    signed.push((self.with_first(of, &[*level])?, -1.0));
                }
                if levels.len() == 2 {
                    signed.push((self.with_first(of, levels)?, 1.0));
                }
                Some(sums(cells, &signed)).filter(|blocks| !blocks.is_empty())
            })
            .collect();
        averaged(&rows)
    }
}

fn effects(group: &Value, trials: &[&Value], recomputed: &mut Recomputed) {
    let design = Design::of(group);
    for of in list(&group["effects"]) {
        let cells = entered(group, trials, &of["main"]["metric"]);
        let main = list(&of["main"]["rows"]).iter();
        let main = main.map(|row| (Some(&row["contrast"]), design.contrasts(&cells, &[&row["level"]])));
        recomputed.family(&of["main"]["comparisons"], &main.collect::<Vec<_>>());
        let pairs = list(&of["interactions"]["rows"]).iter();
        let pairs = pairs.map(|row| {
            let levels = [&row["first"], &row["second"]];
            (Some(&row["contrast"]), design.contrasts(&cells, &levels))
        });
        recomputed.family(&of["interactions"]["comparisons"], &pairs.collect::<Vec<_>>());
    }
}

/// All that is an interval somewhere in a value.
fn intervals(value: &Value) -> usize {
    match value {
        Value::Object(object) if object.contains_key("confidence") && object.contains_key("low") => 1,
        Value::Object(object) => object.values().map(intervals).sum(),
        Value::Array(list) => list.iter().map(intervals).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Seconds that are not all alike, so that a trial holds fewer independent records than records.
fn uneven(mut report: ExperimentReport) -> ExperimentReport {
    for result in &mut report.results {
        for (second, sample) in (1u64..).zip(&mut result.samples) {
            let off = (second * 7919 % 101) as f64 / 2e4;
            sample.response.mean_us = sample.response.mean_us.map(|us| us * (1.0 + off));
        }
    }
    report
}

#[test]
fn every_interval_of_the_analysis_is_that_of_the_stored_histograms() {
    let (mut all, mut ranks) = (0, 0);
    for report in reports().into_iter().map(uneven) {
        let (json, _) = stored(&report);
        let (analysis, valid) = (&json["analysis"], valid(&json, &report));
        let mut recomputed = Recomputed::default();
        for group in list(&analysis["groups"]) {
            let trials = under(&valid, &group["load"]);
            ranks += figures(group, &trials, &mut recomputed);
            effects(group, &trials, &mut recomputed);
            for ranking in list(&group["rankings"]) {
                recomputed.ranking(ranking, &entered(group, &trials, &ranking["metric"]));
            }
            for of in list(&group["drift"]) {
                let cells = entered(group, &trials, &of["metric"]);
                recomputed.drift(&of["drift"], &cells.into_values().collect::<Vec<_>>());
            }
        }
        comparisons(analysis, &valid, &mut recomputed);
        for goal in list(&analysis["goal"]).iter().filter(|goal| !goal["ranking"].is_null()) {
            assert_eq!(
                goal["goal"]["maximise"], "delivered_rate",
                "whose unit is that of its metric"
            );
            let trials = under(&valid, &goal["load"]);
            let mut cells = observed(&trials, &goal["ranking"]["metric"]);
            cells.retain(|cell, _| list(&goal["meets"]).contains(&Value::from(*cell)));
            recomputed.ranking(&goal["ranking"], &cells);
        }
        let canaries: Vec<&Value> = valid.iter().filter(|r| r["purpose"] == "canary").copied().collect();
        for of in list(&analysis["canary"]) {
            let cells = observed(&canaries, &of["metric"]);
            recomputed.drift(&of["drift"], &cells.into_values().collect::<Vec<_>>());
        }
        assert_eq!(recomputed.0, intervals(analysis), "every interval, and each once");
        all += recomputed.0;
    }
    assert!(all > 100 && ranks > 2, "{all} {ranks}");
}
