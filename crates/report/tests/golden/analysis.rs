//! What enters a comparison, and what never does.

use tribunal_model::design::{Mode, Purpose};
use tribunal_model::ids::CellId;
use tribunal_report::analysed::Analysed;
use tribunal_report::analysis::{Analysis, Group, Load};
use tribunal_report::caveat::Caveat;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::json;
use tribunal_report::result::{StoredDistribution, TrialResult};
use tribunal_stats::Cpu;
use tribunal_stats::comparison::{Metric, Verdict};

use crate::fixture;

const BASELINE: CellId = CellId(1);
const OTHER: CellId = CellId(3);

fn of_cell(report: &mut ExperimentReport, cell: CellId) -> Vec<&mut TrialResult> {
    let wanted = |r: &&mut TrialResult| r.cell == cell && r.purpose.compared();
    report.results.iter_mut().filter(wanted).collect()
}

/// The only group's blocks of a cell in a metric; `None` where the cell is not compared.
fn blocks(analysis: &Analysis, metric: Metric, cell: CellId) -> Option<u32> {
    let [group] = analysis.groups.as_slice() else {
        panic!(
            "one load: {:?}",
            analysis.groups.iter().map(|g| &g.load).collect::<Vec<_>>()
        );
    };
    let mut rows = group.comparisons.iter();
    rows.find(|row| (row.metric, row.candidate) == (metric, cell))
        .map(|row| row.contrast.blocks)
}

fn why(group: &Group, metric: Metric, cell: CellId) -> &str {
    let mut left_out = group.left_out.iter();
    left_out
        .find(|left| (left.metric, left.cell) == (metric, cell))
        .map_or("", |left| &left.why)
}

/// Senders, report threads and spinning of every trial: what a driver cannot tell from its client.
fn with_callers(mut report: ExperimentReport) -> ExperimentReport {
    for window in report.results.iter_mut().map(|result| &mut result.window) {
        window.cpu.sender_ns = window.cpu.client_ns * 3;
        window.cpu.recorder_ns = window.cpu.client_ns / 2;
        window.spin_ns = window.cpu.client_ns;
    }
    report
}

#[test]
fn beside_clients_in_drivers_all_that_produces_is_compared_and_not_the_clients_threads() {
    let processor_time = |analysis: &Analysis, metric, cell| {
        let figure = analysis.groups[0].cell(cell).unwrap().figure(metric);
        figure.and_then(|figure| Some(figure.estimate?.mean))
    };
    let alone = Analysis::of(&with_callers(fixture::in_blocks()));
    assert_eq!(processor_time(&alone, Metric::ProducingCpuPerRecord, BASELINE), None);

    let mut driven = with_callers(fixture::in_blocks());
    for result in of_cell(&mut driven, OTHER) {
        result.workload.client = "java".into();
        let process_ns = result.window.producing_ns();
        result.window.cpu = Cpu {
            client_ns: process_ns,
            ..Cpu::default()
        };
        result.window.spin_ns = 0;
    }
    let beside = Analysis::of(&driven);
    assert!(!beside.groups[0].metrics.contains(&Metric::CpuPerRecord));
    // Of 1 + 3 + 0.5 parts one was spun away.
    for cell in [BASELINE, OTHER] {
        let told = processor_time(&beside, Metric::ProducingCpuPerRecord, cell).unwrap();
        let threads = processor_time(&alone, Metric::CpuPerRecord, cell).unwrap();
        assert!((told / threads - 3.5).abs() < 1e-6, "{cell}: {told} and {threads}");
    }
    let ratio = |analysis: &Analysis, metric| {
        let mut rows = analysis.groups[0].comparisons.iter();
        let row = rows.find(|row| (row.metric, row.candidate) == (metric, OTHER)).unwrap();
        row.contrast.ratio.unwrap()
    };
    let [told, expected] = [
        ratio(&beside, Metric::ProducingCpuPerRecord),
        ratio(&alone, Metric::CpuPerRecord),
    ];
    assert!((told / expected - 1.0).abs() < 1e-6, "{told} and {expected}");
}

#[test]
fn every_valid_trial_of_a_cell_is_one_observation() {
    let analysis = Analysis::of(&fixture::in_blocks());
    assert_eq!(analysis.comparisons, 12);
    let group = &analysis.groups[0];
    assert_eq!(
        (group.baseline, group.cells.len(), group.left_out.len()),
        (BASELINE, 4, 0)
    );
    assert_eq!(blocks(&analysis, Metric::ResponseP99, OTHER), Some(6));
    let worse = group
        .comparisons
        .iter()
        .find(|row| row.candidate == OTHER && row.metric == Metric::ResponseP99);
    assert_eq!(worse.unwrap().contrast.verdict, Verdict::Worse);
    let figure = group.cell(OTHER).unwrap().figure(Metric::ResponseP99).unwrap();
    let estimate = figure.estimate.unwrap();
    assert!(
        estimate.n == 6 && estimate.interval.is_some_and(|i| i.holds(estimate.mean)),
        "{figure:?}"
    );
    assert_eq!(figure.within_trial, None);
}

#[test]
fn an_invalid_trial_never_enters() {
    let mut report = fixture::in_blocks();
    let before = Analysis::of(&report);
    let spoilt = of_cell(&mut report, OTHER).remove(2);
    spoilt.rates.delivered = Some(1.0);
    spoilt.verdict.caveats.push(Caveat::AuditLost { lost: 1 });
    let after = Analysis::of(&report);
    assert_eq!(blocks(&before, Metric::DeliveredRate, OTHER), Some(6));
    assert_eq!(blocks(&after, Metric::DeliveredRate, OTHER), Some(5));
    let cell = after.groups[0].cell(OTHER).unwrap();
    let estimate = cell.figure(Metric::DeliveredRate).unwrap().estimate.unwrap();
    assert_eq!((cell.valid, cell.invalid, estimate.n), (5, 1, 5));
    assert!(estimate.mean > 9_000.0, "{estimate:?}");
}

#[test]
fn a_cell_without_a_valid_trial_is_shown_and_in_nothing() {
    let mut report = fixture::in_blocks();
    for result in of_cell(&mut report, BASELINE) {
        result.verdict.caveats.push(Caveat::MissingReports { count: 1 });
    }
    let analysis = Analysis::of(&report);
    let group = &analysis.groups[0];
    // The first cell stays the baseline: another one would answer a question that nobody asked.
    assert_eq!(
        (group.baseline, group.comparisons.len(), analysis.comparisons),
        (BASELINE, 0, 0)
    );
    assert_eq!(why(group, Metric::DeliveredRate, BASELINE), "no valid trial");
    assert!(
        group
            .rankings
            .iter()
            .all(|ranking| ranking.rows.iter().all(|row| row.cell != BASELINE))
    );
}

#[test]
fn canary_burn_in_capacity_and_probes_never_enter() {
    let mut report = fixture::in_blocks();
    let before = Analysis::of(&report);
    for result in &mut report.results {
        match result.purpose {
            Purpose::Canary => result.rates.delivered = Some(1.0 + f64::from(result.block)),
            Purpose::BurnIn => result.purpose = Purpose::Capacity,
            _ => {}
        }
    }
    let mut probe = report.results[0].clone();
    probe.purpose = Purpose::Probe("ramp".into());
    report.results.push(probe);
    let after = Analysis::of(&report);
    assert_eq!(after.groups, before.groups);
    assert_ne!(after.canary, before.canary);
    assert!(Analysis::of(&fixture::in_search()).groups.is_empty());
}

#[test]
fn a_queue_bound_latency_never_enters() {
    let mut report = fixture::in_blocks();
    for result in report.results.iter_mut().filter(|r| r.purpose.compared()) {
        result.workload.rate = None;
        result.rates.offered = None;
        result.rates.sustained = None;
    }
    let analysis = Analysis::of(&report);
    assert_eq!(analysis.groups[0].load, Load::Saturated);
    assert_eq!(blocks(&analysis, Metric::DeliveredRate, OTHER), Some(6));
    assert_eq!(blocks(&analysis, Metric::CpuPerRecord, OTHER), Some(6));
    for metric in [Metric::ResponseP50, Metric::ResponseP99] {
        assert_eq!(blocks(&analysis, metric, OTHER), None);
        assert!(
            analysis.groups[0]
                .rankings
                .iter()
                .all(|ranking| ranking.metric != metric)
        );
    }
}

#[test]
fn cells_at_different_loads_never_meet() {
    let mut report = fixture::in_blocks();
    for cell in [CellId(3), CellId(4)] {
        for result in of_cell(&mut report, cell) {
            result.workload.rate = Some(5_000.0);
            result.rates.offered = Some(5_000.0);
            result.rates.delivered = Some(5_000.0);
        }
    }
    let analysis = Analysis::of(&report);
    let told: Vec<_> = analysis
        .groups
        .iter()
        .map(|group| (group.baseline, group.comparisons.iter().map(|row| row.candidate).max()))
        .collect();
    assert_eq!(
        told,
        [(CellId(3), Some(CellId(4))), (CellId(1), Some(CellId(2)))],
        "by rate, each with its own baseline"
    );
    // One family over both: two cells of four metrics each.
    assert_eq!(analysis.comparisons, 8);
}

#[test]
fn a_latency_needs_the_same_load_delivered() {
    let mut report = fixture::in_blocks();
    of_cell(&mut report, OTHER)[0].rates.sustained = Some(false);
    for result in of_cell(&mut report, CellId(4)) {
        result.rates.delivered = Some(9_800.0);
    }
    let analysis = Analysis::of(&report);
    let group = &analysis.groups[0];
    assert!(why(group, Metric::ResponseP99, OTHER).ends_with("did not sustain the rate"));
    assert!(why(group, Metric::ResponseP50, CellId(4)).ends_with("not the same load"));
    assert_eq!(blocks(&analysis, Metric::ResponseP99, OTHER), None);
    assert_eq!(blocks(&analysis, Metric::DeliveredRate, OTHER), Some(6));
}

#[test]
fn a_percentile_of_one_event_or_a_lower_bound_speaks_for_no_cell() {
    let mut report = fixture::in_blocks();
    for sample in &mut of_cell(&mut report, OTHER)[1].samples[5..] {
        sample.response = StoredDistribution::default();
    }
    let censored = &mut of_cell(&mut report, CellId(4))[0].parts[0].response;
    (censored.p99_us, censored.censored) = (None, 9_000);
    let analysis = Analysis::of(&report);
    let group = &analysis.groups[0];
    assert!(why(group, Metric::ResponseP99, OTHER).contains("one event"));
    assert!(why(group, Metric::ResponseP99, CellId(4)).contains("among records without a final word"));
    assert_eq!(blocks(&analysis, Metric::ResponseP50, OTHER), Some(6));
    // The mean over the trials that have a number would be a number of lucky trials.
    let untold = group.cell(CellId(4)).unwrap().figure(Metric::ResponseP99).unwrap();
    assert!(untold.estimate.is_none() && untold.untold.is_some(), "{untold:?}");
}

#[test]
fn a_cell_without_acknowledgements_is_told_by_its_socket_writes() {
    let mut report = fixture::in_blocks();
    for result in of_cell(&mut report, OTHER) {
        result.rates.socket_writes = result.rates.delivered.take();
        result.rates.sustained = None;
        result.window.acknowledged = 0;
        result.parts[0].response = StoredDistribution::default();
    }
    let analysis = Analysis::of(&report);
    let group = &analysis.groups[0];
    for metric in [Metric::DeliveredRate, Metric::ResponseP50, Metric::ResponseP99] {
        assert!(why(group, metric, OTHER).ends_with("nothing is acknowledged with acks=0"));
    }
    let written = group.cell(OTHER).unwrap().figure(Metric::SocketWriteRate).unwrap();
    assert_eq!(written.estimate.unwrap().n, 6);
    assert_eq!(blocks(&analysis, Metric::DeliveredRate, OTHER), None);
}

#[test]
fn shares_of_a_capacity_are_groups_of_one_family() {
    let mut report = fixture::in_blocks();
    report.facts.mode = Mode::TwoPhase;
    let cells: Vec<TrialResult> = report
        .results
        .iter()
        .filter(|r| r.purpose.compared())
        .cloned()
        .collect();
    report.results.clear();
    for (percent, rate) in [(25, 10_000.0), (50, 20_000.0), (75, 30_000.0)] {
        report.results.extend(cells.iter().cloned().map(|mut result| {
            result.purpose = Purpose::Share(percent);
            result.workload.rate = Some(rate);
            result
        }));
    }
    let analysis = Analysis::of(&report);
    let loads: Vec<&Load> = analysis.groups.iter().map(|group| &group.load).collect();
    assert!(
        matches!(
            loads.as_slice(),
            [
                Load::Share { percent: 25, .. },
                Load::Share { percent: 50, .. },
                Load::Share { percent: 75, .. }
            ]
        ),
        "{loads:?}"
    );
    assert_eq!(analysis.comparisons, 36);
    assert!(analysis.groups.iter().all(|group| group.comparisons.len() == 12));
    // A cell at three loads is not three repetitions of one.
    assert_eq!(analysis.goal.len(), 3);
}

#[test]
fn of_a_mock_estimates_are_told_and_nothing_else() {
    let mut report = fixture::in_blocks();
    report.facts.mock = true;
    let analysis = Analysis::of(&report);
    assert!(analysis.not_compared.is_some() && analysis.comparisons == 0);
    assert!(analysis.goal.is_empty() && analysis.canary.is_empty());
    for group in &analysis.groups {
        assert!(group.comparisons.is_empty() && group.rankings.is_empty());
        assert!(group.effects.is_empty() && group.drift.is_empty());
        let rate = group.cells[0].figure(Metric::DeliveredRate);
        assert!(rate.is_some_and(|figure| figure.estimate.is_some()));
    }
}

#[test]
fn one_trial_tells_of_itself_only() {
    let mut report = fixture::in_blocks();
    report.results.retain(|r| r.purpose.compared() && r.block == 0);
    report.facts.repetitions = 1;
    let analysis = Analysis::of(&report);
    assert_eq!(analysis.comparisons, 0);
    let figure = analysis.groups[0]
        .cell(BASELINE)
        .unwrap()
        .figure(Metric::ResponseP50)
        .unwrap();
    let within = figure.within_trial.unwrap();
    let mean = figure.estimate.unwrap().mean as u64;
    assert!(figure.estimate.unwrap().interval.is_none() && (within.low_us..=within.high_us).contains(&mean));
    let text = tribunal_report::markdown::render(&Analysed::of(&report));
    assert!(text.contains("within this trial only"), "{text}");
    assert!(text.contains("no verdict is given"), "{text}");
    for word in ["BETTER", "WORSE", "EQUIVALENT", "### Ranking", "### Factors"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[test]
fn the_cells_that_meet_the_objective_are_ranked_by_its_goal() {
    let mut report = fixture::in_blocks();
    let mut objective = fixture::goal();
    objective.conditions[0].value = 0.015;
    report = fixture::held_against(report, objective);
    let analysis = Analysis::of(&report);
    let [goal] = analysis.goal.as_slice() else {
        panic!("one goal: {:?}", analysis.goal);
    };
    assert_eq!(goal.meets, [CellId(1), CellId(2)]);
    assert_eq!(goal.others, [CellId(3), CellId(4)]);
    let ranked: Vec<CellId> = goal.ranking.as_ref().unwrap().rows.iter().map(|row| row.cell).collect();
    assert_eq!(ranked.len(), 2);
}

#[test]
fn a_report_in_json_holds_its_analysis() {
    let report = fixture::in_blocks();
    let text: serde_json::Value = serde_json::from_str(&json::write_report(&Analysed::of(&report))).unwrap();
    let back: Analysis = serde_json::from_value(text["analysis"].clone()).unwrap();
    assert_eq!(back, Analysis::of(&report));
}
