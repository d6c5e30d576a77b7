//! What explains rates and latencies: batches, compression, retries, processor time.

use crate::cell_sums::{CellSums, cell_sums};
use crate::experiment::ExperimentReport;
use crate::factors::of_cells;
use crate::format::{count, number};
use crate::markup::Element;
use crate::processor_time::ProcessorTime;

use super::draw::{canvas, hover, label, rectangle, width, words};
use super::latency::cut;
use super::{MOST_ROWS, Plot};

const WIDTH: f64 = 860.0;
const ROW: f64 = 22.0;
const TOP: f64 = 42.0;
const WIDEST_NAME: f64 = 260.0;
/// Of a value in words beside its bar.
const VALUE: f64 = 52.0;

/// A column of bars: its name in two lines, and a cell's value.
type Column = ([&'static str; 2], fn(&CellSums) -> Option<f64>);

const COLUMNS: [Column; 5] = [
    (["records", "per batch"], |cell| cell.records_per_batch),
    (["compression", "ratio"], |cell| cell.compression),
    (["retried", "records"], |cell| cell.retries.map(|n| n as f64)),
    (["CPU s", "per million"], |cell| cell.cpu_per_million),
    (["CPU ms", "per MB"], |cell| cell.cpu_per_megabyte),
];

/// A row of bars for each cell; `None` where no cell has a valid trial.
pub(super) fn plot(report: &ExperimentReport) -> Option<Plot> {
    let all: Vec<CellSums> = cell_sums(report).into_values().collect();
    let cells = &all[..all.len().min(MOST_ROWS)];
    let columns: Vec<&Column> = COLUMNS
        .iter()
        .filter(|(_, value)| cells.iter().any(|cell| value(cell).is_some_and(|value| value > 0.0)))
        .collect();
    if columns.is_empty() {
        return None;
    }
    let title = "What the cells sent and spent".to_owned();
    let description = "Records per batch, compression ratio, retried records and processor time, by cell.";
    let left = cells
        .iter()
        .map(|cell| width(&cell.text))
        .fold(0.0, f64::max)
        .min(WIDEST_NAME)
        + 18.0;
    let each = (WIDTH - left) / columns.len() as f64;
    let mut svg = canvas(WIDTH, TOP + ROW * cells.len() as f64 + 8.0, &title, description);
    for (place, ([above, below], _)) in columns.iter().enumerate() {
        let x = left + each * place as f64;
        svg = svg
            .with(words(x, 16.0, "start", "panel", *above))
            .with(words(x, 31.0, "start", "panel", *below));
    }
    for (line, cell) in cells.iter().enumerate() {
        let y = TOP + ROW * line as f64;
        svg = svg.with(label(left - 10.0, y + 15.0, "label", &cell.text, WIDEST_NAME));
        for (place, (names, value)) in columns.iter().enumerate() {
            let most = cells.iter().filter_map(value).fold(0.0, f64::max);
            let x = left + each * place as f64;
            svg = svg.with(bar(&cell.text, *names, value(cell), most, (x, y, each - VALUE - 10.0)));
        }
    }
    let mut about = "Over the valid trials of each cell together; bars of one column have one scale that begins at nought. The \
                     compression ratio is bytes of records before compression ÷ bytes on the wire, headers included: below 1 \
                     without compression. "
        .to_owned()
        + ProcessorTime::of(&of_cells(report)).about();
    if cells.iter().all(|cell| cell.retries == Some(0)) {
        about += " No record was sent again.";
    }
    about += &cut(cells.len(), all.len()).replace("best", "first");
    Some(Plot {
        name: "costs".to_owned(),
        title,
        about,
        picture: svg,
        choices: Vec::new(),
    })
}

fn bar(cell: &str, names: [&str; 2], value: Option<f64>, most: f64, (x, y, widest): (f64, f64, f64)) -> Element {
    let told = match value {
        Some(value) if value.fract() == 0.0 && value < 1e15 => count(value as u64),
        Some(value) => number(value),
        None => crate::format::ABSENT.to_owned(),
    };
    let long = value.map_or(0.0, |value| if most > 0.0 { value / most * widest } else { 0.0 });
    Element::new("g")
        .with(hover(format!("{cell}: {} {} {told}", names[0], names[1])))
        .with(rectangle("part c0", x, y + 4.0, long, ROW - 8.0))
        .with(words(x + long + 5.0, y + 15.0, "start", "tick", told))
}
