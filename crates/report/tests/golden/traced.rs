//! Every figure of a table follows from the counts and histograms that `report.json` holds.
//!
//! What is recomputed here takes the stored JSON and shares no code with the report but the decoding of a histogram.

mod intervals;
mod least_squares;
mod student;

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::Value;
use tribunal_report::analysed::Analysed;
use tribunal_report::analysis::Analysis;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::{csv, json, markdown};
use tribunal_stats::Distribution;
use tribunal_stats::comparison::Metric;

use crate::fixture;

/// A percentile's share, the records that it needs (METHODOLOGY.md, section 8) and its column in the CSV.
const PERCENTILES: [(f64, u64, &str); 4] = [
    (0.5, 8, "p50"),
    (0.99, 563, "p99"),
    (0.999, 5_662, "p999"),
    (0.9999, 56_647, "p9999"),
];

/// Reports whose rates are counts over the window, as a coordinator's are.
fn reports() -> Vec<ExperimentReport> {
    let mut reports = fixture::all().to_vec();
    reports.push(fixture::of_clients());
    for result in reports.iter_mut().flat_map(|report| &mut report.results) {
        let length = result.windows.measure.as_secs_f64();
        if let Some(delivered) = result.rates.delivered {
            result.window.acknowledged = (delivered * length).round() as u64;
            result.rates.delivered = Some(result.window.acknowledged as f64 / length);
        }
        if result.rates.delivered_bytes.is_some() {
            result.window.acknowledged_bytes = result.window.acknowledged * 1024;
            result.rates.delivered_bytes = Some(result.window.acknowledged_bytes as f64 / length);
        }
        if result.workload.rate.is_some() {
            let scheduled = result.measured().map_or(0, |part| part.fates.scheduled);
            result.rates.offered = Some(scheduled as f64 / length);
        }
    }
    reports
}

/// The stored forms: the JSON of each report and the rows of its CSV.
fn stored(report: &ExperimentReport) -> (Value, Vec<BTreeMap<String, String>>) {
    let text = csv::render(report);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize().collect::<Result<_, _>>().expect("a table");
    let json = serde_json::from_str(&json::write_report(&Analysed::of(report))).expect("JSON");
    (json, rows)
}

fn window(result: &Value) -> &Value {
    let parts = result["parts"].as_array().expect("parts");
    parts.iter().find(|part| part["part"] == "window").expect("a window")
}

/// The filled buckets of a stored histogram: highest microsecond and count.
fn buckets(distribution: &Value) -> Vec<(u64, u64)> {
    let text = distribution["hdr"].as_str().expect("text");
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
    Distribution::decode(&bytes, 0).expect("a histogram").buckets()
}

/// The value of that rank; `None` beyond the last.
fn ranked(buckets: &[(u64, u64)], rank: u64) -> Option<u64> {
    let mut below = 0;
    buckets.iter().find_map(|(us, count)| {
        below += count;
        (below >= rank).then_some(*us)
    })
}

fn records(buckets: &[(u64, u64)]) -> u64 {
    buckets.iter().map(|(_, count)| count).sum()
}

fn mean(buckets: &[(u64, u64)]) -> f64 {
    let sum: f64 = buckets.iter().map(|(us, count)| *us as f64 * *count as f64).sum();
    sum / records(buckets) as f64
}

/// What a percentile is: its value, or else the least that it may be.
fn percentile(recorded: &[(u64, u64)], ages: &[(u64, u64)], share: f64, needed: u64) -> (Option<u64>, Option<u64>) {
    let observed = records(recorded) + records(ages);
    let rank = (share * observed as f64).ceil() as u64;
    if observed < needed {
        return (None, None);
    }
    let told = ranked(recorded, rank);
    let mut together: BTreeMap<u64, u64> = BTreeMap::new();
    for (us, count) in recorded.iter().chain(ages) {
        *together.entry(*us).or_default() += count;
    }
    let together: Vec<(u64, u64)> = together.into_iter().collect();
    (told, if told.is_some() { None } else { ranked(&together, rank) })
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

#[test]
fn every_percentile_of_the_csv_is_that_of_the_stored_histogram() {
    let mut seen = BTreeMap::new();
    for report in reports() {
        let (json, rows) = stored(&report);
        for (result, row) in json["results"].as_array().expect("results").iter().zip(&rows) {
            let part = window(result);
            let (response, service, ages) = (
                buckets(&part["response"]),
                buckets(&part["service"]),
                buckets(&part["censored"]),
            );
            for (share, needed, name) in PERCENTILES {
                let (told, at_least) = percentile(&response, &ages, share, needed);
                assert_eq!(row[&format!("response_{name}_us")], text(told), "{name} {row:?}");
                assert_eq!(
                    row[&format!("response_{name}_at_least_us")],
                    text(at_least),
                    "{name} {row:?}"
                );
                *seen.entry((told.is_some(), at_least.is_some())).or_insert(0) += 1;
                if name != "p9999" {
                    let (told, _) = percentile(&service, &[], share, needed);
                    assert_eq!(row[&format!("service_{name}_us")], text(told), "{name} {row:?}");
                }
            }
            for (name, buckets) in [("response", &response), ("service", &service)] {
                let told: f64 = row[&format!("{name}_mean_us")].parse().expect("a mean");
                // A bucket is told by its upper end here, and by its middle there: 0.1 % at most.
                assert!((told / mean(buckets) - 1.0).abs() < 0.001, "{told} {}", mean(buckets));
                let greatest = buckets.last().map(|(us, _)| *us);
                assert_eq!(row[&format!("{name}_max_us")], text(greatest));
            }
            for (column, of, share) in [
                ("send_lag_p50_us", "send_lag", 0.5),
                ("send_lag_p99_us", "send_lag", 0.99),
                ("schedule_delay_p99_us", "schedule_delay", 0.99),
            ] {
                let buckets = buckets(&part[of]);
                let rank = (share * records(&buckets) as f64).ceil() as u64;
                assert_eq!(row[column], text(ranked(&buckets, rank)), "{column}");
            }
        }
    }
    assert!(
        seen[&(true, false)] > 50 && seen[&(false, true)] > 0,
        "values and bounds: {seen:?}"
    );
}

#[test]
fn every_count_and_rate_of_the_csv_is_that_of_the_stored_counts() {
    for report in reports() {
        let (json, rows) = stored(&report);
        for (result, row) in json["results"].as_array().expect("results").iter().zip(&rows) {
            let fates = &window(result)["fates"];
            let fate = |name: &str| fates[name].as_u64().expect("a count");
            for name in [
                "scheduled",
                "acknowledged",
                "not_written",
                "possibly_written",
                "unresolved",
                "shed",
                "unsent",
            ] {
                assert_eq!(row[name], fate(name).to_string(), "{name}");
            }
            // Conservation, from the table alone.
            let told = |name: &str| row[name].parse::<u64>().expect("a count");
            let sent = told("acknowledged") + told("not_written") + told("possibly_written") + told("unresolved");
            assert_eq!(told("scheduled"), sent + told("shed") + told("unsent"));
            assert_eq!(told("acknowledged"), records(&buckets(&window(result)["response"])));
            assert_eq!(told("failed"), told("not_written") + told("possibly_written"));

            let length = row["window_us"].parse::<f64>().expect("a length") / 1e6;
            let over = |count: &Value| count.as_u64().expect("a count") as f64 / length;
            let rate = |name: &str, expected: f64| {
                if !row[name].is_empty() {
                    let told: f64 = row[name].parse().expect("a rate");
                    assert!((told / expected - 1.0).abs() < 1e-12, "{name} {told} {expected}");
                }
            };
            rate("delivered_per_second", over(&result["window"]["acknowledged"]));
            rate(
                "delivered_bytes_per_second",
                over(&result["window"]["acknowledged_bytes"]),
            );
            rate("offered_per_second", over(&fates["scheduled"]));
            let statistics = &result["statistics"];
            for name in [
                "requests",
                "batches",
                "retries",
                "timeouts",
                "wire_bytes",
                "record_bytes",
            ] {
                let untold = statistics["untold"]
                    .as_array()
                    .is_some_and(|all| all.contains(&name.into()));
                let told = if untold {
                    String::new()
                } else {
                    statistics[name].to_string()
                };
                assert_eq!(row[name], told, "{name}");
            }
            let per_batch = statistics["batch_records"].as_f64().zip(statistics["batches"].as_f64());
            let per_batch = per_batch
                .filter(|(_, batches)| *batches > 0.0)
                .map(|(records, batches)| records / batches);
            assert_eq!(row["records_per_batch"], text(per_batch));
        }
    }
}

/// The valid trials of a cell under a load, as they are stored.
fn trials<'a>(json: &'a Value, report: &ExperimentReport, cell: u64, rate: &Value) -> Vec<&'a Value> {
    let valid = |result: &&Value| {
        let known = report
            .results
            .iter()
            .find(|r| u64::from(r.trial.0) == result["trial"].as_u64().unwrap_or(0));
        known.is_some_and(|r| r.verdict.valid() && r.purpose.compared())
    };
    let all = json["results"].as_array().expect("results").iter();
    all.filter(valid)
        .filter(|result| result["cell"].as_u64() == Some(cell) && result["workload"]["rate"] == *rate)
        .collect()
}

#[test]
fn every_figure_of_a_cell_is_the_geometric_mean_of_its_trials() {
    let mut figures = 0;
    for report in reports() {
        let (json, _) = stored(&report);
        let markdown = markdown::render(&Analysed::of(&report));
        for group in &Analysis::of(&report).groups {
            for cell in &group.cells {
                let load = report
                    .results
                    .iter()
                    .find(|r| r.cell == cell.cell && r.purpose.compared());
                let rate = serde_json::to_value(load.expect("a trial").workload.rate).expect("JSON");
                let trials = trials(&json, &report, u64::from(cell.cell.0), &rate);
                assert_eq!(trials.len(), cell.valid as usize);
                for figure in &cell.figures {
                    let of = |result: &&Value| value(result, figure.metric);
                    let values: Option<Vec<f64>> = trials.iter().map(of).collect();
                    let (Some(values), Some(told)) = (values, figure.estimate) else {
                        continue;
                    };
                    let logarithms: f64 = values.iter().map(|v| v.ln()).sum();
                    let expected = (logarithms / values.len() as f64).exp();
                    assert!((told.mean / expected - 1.0).abs() < 1e-9, "{figure:?} {expected}");
                    assert_eq!(told.n as usize, values.len());
                    figures += 1;
                }
                assert!(markdown.contains(&format!("| `{}`", cell.text)), "{}", cell.text);
            }
        }
    }
    assert!(figures > 20, "{figures}");
}

/// A metric of one stored trial.
fn value(result: &Value, metric: Metric) -> Option<f64> {
    let part = window(result);
    let told = |share, needed| {
        let (told, _) = percentile(&buckets(&part["response"]), &buckets(&part["censored"]), share, needed);
        told.map(|us| us as f64)
    };
    let acknowledged = result["window"]["acknowledged"].as_f64()?;
    let seconds_per_million = |used_ns: u64| (used_ns > 0).then(|| used_ns as f64 / 1e9 / (acknowledged / 1e6));
    match metric {
        Metric::DeliveredRate => {
            let length = &result["windows"]["measure"];
            Some(acknowledged / (length["secs"].as_f64()? + length["nanos"].as_f64()? / 1e9))
        }
        Metric::ResponseP50 => told(0.5, 8),
        Metric::ResponseP99 => told(0.99, 563),
        Metric::ResponseP999 => told(0.999, 5_662),
        Metric::CpuPerRecord => seconds_per_million(result["window"]["cpu"]["client_ns"].as_u64()?),
        Metric::ProducingCpuPerRecord => {
            let of = |name: &str| result["window"]["cpu"][name].as_u64();
            let sending_ns = of("sender_ns")?.saturating_sub(result["window"]["spin_ns"].as_u64()?);
            seconds_per_million(of("client_ns")? + of("recorder_ns")? + sending_ns)
        }
        Metric::SocketWriteRate | Metric::ServiceP50 | Metric::ServiceP99 => None,
    }
}

#[test]
fn a_text_that_a_spreadsheet_would_calculate_is_no_formula() {
    let mut report = fixture::on_a_cluster();
    let values = ["=1+1", "-1", "@SUM(A1)", "+cmd|' /C calc'!A0"];
    for (result, value) in report.results.iter_mut().zip(values) {
        result.levels[0].value = value.into();
    }
    let (_, rows) = stored(&report);
    let levels: Vec<&str> = rows.iter().map(|row| row["factor.linger.ms"].as_str()).collect();
    assert_eq!(
        levels,
        ["'=1+1", "-1", "'@SUM(A1)", "'+cmd|' /C calc'!A0"],
        "a number stays one"
    );
    for row in &rows {
        assert!(row.values().all(|cell| !cell.starts_with(['=', '+', '@'])), "{row:?}");
    }
}
