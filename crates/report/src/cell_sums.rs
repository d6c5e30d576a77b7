//! What the valid trials of a cell sent and spent together, beside the figures that are compared.

use std::collections::BTreeMap;

use tribunal_model::ids::CellId;
use tribunal_stats::ClientCount;

use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::processor_time::ProcessorTime;
use crate::result::TrialResult;

/// Sums over the valid trials of a cell: means of them weigh each trial by what it sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CellSums {
    /// Levels in words.
    pub(crate) text: String,
    /// Records for each batch.
    pub(crate) records_per_batch: Option<f64>,
    /// Bytes of records before compression ÷ bytes on the wire.
    pub(crate) compression: Option<f64>,
    /// Records sent again, where every client tells it.
    pub(crate) retries: Option<u64>,
    /// Processor time, whose [`ProcessorTime`] says, in seconds for each million records.
    pub(crate) cpu_per_million: Option<f64>,
    /// The same, in milliseconds for each MB of keys and values.
    pub(crate) cpu_per_megabyte: Option<f64>,
}

/// The sums of every cell that has a valid trial, in written order.
pub(crate) fn cell_sums(report: &ExperimentReport) -> BTreeMap<CellId, CellSums> {
    let results = of_cells(report);
    let time = ProcessorTime::of(&results);
    let mut by_cell: BTreeMap<CellId, Vec<&TrialResult>> = BTreeMap::new();
    for result in results.into_iter().filter(|r| r.verdict.valid()) {
        by_cell.entry(result.cell).or_default().push(result);
    }
    by_cell
        .into_iter()
        .map(|(cell, trials)| (cell, sums(&trials, time)))
        .collect()
}

fn sums(trials: &[&TrialResult], time: ProcessorTime) -> CellSums {
    let sum = |of: &dyn Fn(&TrialResult) -> u64| trials.iter().map(|r| of(r)).sum::<u64>();
    let ratio = |over: u64, under: u64| (over > 0 && under > 0).then(|| over as f64 / under as f64);
    let cpu_ns = sum(&|r| time.used_ns(r));
    CellSums {
        text: trials.first().map_or_else(String::new, |r| r.cell_text()),
        records_per_batch: ratio(sum(&|r| r.statistics.batch_records), sum(&|r| r.statistics.batches)),
        compression: ratio(sum(&|r| r.statistics.record_bytes), sum(&|r| r.statistics.wire_bytes)),
        retries: trials.iter().map(|r| r.statistics.told(ClientCount::Retries)).sum(),
        cpu_per_million: ratio(cpu_ns, sum(&|r| r.window.acknowledged + r.window.written_blind)).map(|ns| ns / 1e3),
        cpu_per_megabyte: ratio(cpu_ns, sum(&|r| r.window.acknowledged_bytes)),
    }
}
