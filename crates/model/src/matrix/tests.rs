use super::*;
use crate::design::Purpose;
use crate::trial::{RecordRate, TopicShape};

mod clients;
mod design;
mod order;
mod preset;
mod warnings;

/// No trials beside those of cells.
const PLAIN: &str = "design.canary = false\nwindow.burn_in = \"0s\"\n";

const BASE: &str = "cluster.bootstrap = \"b:9092\"\nworkload.rate = \"1k/s\"\n";

#[track_caller]
fn plan(fragment: &str) -> Plan {
    Plan::parse("plan.toml", &format!("{BASE}{fragment}"), &[]).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn matrix(fragment: &str) -> Matrix {
    Matrix::resolve(&plan(fragment), false).unwrap_or_else(|error| panic!("{error}"))
}

/// The cells in written order, as levels.
#[track_caller]
fn check(fragment: &str, expected: &str) {
    let cells = matrix(fragment).cells;
    let names = cells.iter().map(|cell| {
        let levels: Vec<&str> = cell.levels.iter().map(|level| level.value.as_str()).collect();
        levels.join("/")
    });
    assert_eq!(names.collect::<Vec<_>>().join(" "), expected);
}

/// Purpose and cell of trials, shortly.
fn runs(trials: &[Trial]) -> String {
    let names = trials.iter().map(|trial| {
        let cell = trial.cell.0;
        match &trial.purpose {
            Purpose::Cell => cell.to_string(),
            Purpose::Canary => "canary".to_owned(),
            Purpose::BurnIn => "burn-in".to_owned(),
            Purpose::Capacity => format!("{cell}:most"),
            Purpose::Share(percent) => format!("{cell}:{percent}"),
            Purpose::Probe(what) => what.clone(),
            Purpose::WithoutConsumers => format!("{cell}:alone"),
        }
    });
    names.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check_error(fragment: &str, allow_large: bool, expected: &str) {
    let error = Matrix::resolve(&plan(fragment), allow_large)
        .map(|matrix| matrix.trials.len())
        .unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn two_factors_make_their_product_and_keep_the_written_order() {
    check(
        "[factors]\nlinger.ms = [0, 5]\nacks = ['1', 'all']",
        "0/1 0/all 5/1 5/all",
    );
}

#[test]
fn a_plan_without_factors_has_one_cell() {
    let matrix = matrix("window.repetitions = 3");
    assert_eq!((matrix.cells.len(), matrix.compared(), matrix.excluded), (1, 3, 0));
    assert!(matrix.cells[0].levels.is_empty());
}

#[test]
fn exclusions_leave_cells_out_and_are_counted() {
    let factors = "[factors]\nlinger.ms = [0, 5, 20]\nacks = [1, 'all']\n";
    let exclude = format!("{factors}[[exclude]]\nlinger.ms = [0, 5]\nacks = 'all'\n[[exclude]]\nlinger.ms = 20");
    check(&exclude, "0/1 5/1");
    assert_eq!(matrix(&exclude).excluded, 4);
    check_error(
        &format!("{factors}[[exclude]]\nacks = [1, 'all']"),
        false,
        "plan.toml:6: exclude: leaves none of the 6 combinations",
    );
}

#[test]
fn a_level_goes_over_the_baseline_and_that_over_the_preset() {
    let cells = matrix(
        "[topic]\nsettings = { retention.ms = 1 }\n[baseline]\npreset = \"suggested\"\nacks = 1\n[factors]\nlinger.ms \
         = [7]\npartitions = [3]\ntopics = [2]\nreplication = [3]\nproducers = [4]\ntopic.retention.ms = [9]\n\
         topic.segment.bytes = [5]\nkeys = [{ kind = \"sequence\", cardinality = 3 }]\nrecord.compressibility = [0]\n\
         when_full = [\"shed\"]\narrivals = [\"poisson\"]\npartitioner = [\"assigned\"]",
    )
    .cells;
    let cell = &cells[0];
    let properties: Vec<String> = cell
        .properties
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        properties,
        ["linger.ms=7", "batch.size=262144", "compression.type=zstd", "acks=1"]
    );
    let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let settings = vec![setting("retention.ms", "9"), setting("segment.bytes", "5")];
    assert_eq!(
        cell.topic,
        TopicShape {
            count: 2,
            partitions: 3,
            replication: 3,
            settings
        }
    );
    assert_eq!(cell.load.producers, 4);
    assert_eq!(cell.load.keys, crate::trial::Keys::Sequence { cardinality: 3 });
    assert_eq!(cell.load.record.content, Content::Generated { compressibility: 0.0 });
    assert_eq!(cell.load.when_full, crate::trial::WhenFull::Shed);
    assert_eq!(cell.load.arrivals, crate::trial::Arrivals::Poisson);
    assert_eq!(cell.load.partitioner, crate::trial::Partitioner::Assigned);
}

#[test]
fn a_rate_in_bytes_becomes_records_by_the_mean_size_of_the_cell() {
    let cells =
        matrix("[factors]\nrate = [\"1MB/s\", \"saturate\"]\nrecord.size = [\"100B\", { uniform = [100, 300] }]");
    let rates: Vec<Rate> = cells.cells.iter().map(|cell| cell.load.rate).collect();
    let paced = |rate| Rate::Paced(RecordRate::per_second(rate).unwrap());
    assert_eq!(rates, [paced(10_000.0), paced(5_000.0), Rate::Saturate, Rate::Saturate]);
    check_error(
        "[factors]\nrate = [\"1B/s\",\n\"1TB/s\"]\nrecord.size = [\"1B\"]",
        false,
        "plan.toml:5: factors.rate: 1TB/s with records of 1B is outside 0.000001 to 10^9 records a second",
    );
}

#[test]
fn too_many_trials_need_a_flag_and_then_have_a_ceiling() {
    let factor = |name: &str, levels: u32| format!("{name} = {:?}\n", (1..=levels).collect::<Vec<_>>());
    let two = format!("[factors]\n{}{}", factor("a.b", 100), factor("c.d", 101));
    check_error(
        &two,
        false,
        "plan.toml:3: factors: 10100 cells x 1 repetitions make 10100 trials; more than 10000 need the flag \
         --allow-large",
    );
    assert_eq!(Matrix::resolve(&plan(&two), true).unwrap().trials.len(), 10_100);
    check_error(
        &format!("window.repetitions = 10\n{two}"),
        true,
        "plan.toml:4: factors: 10100 cells x 10 repetitions make 101000 trials; at most 100000 are possible",
    );
    let many: String = (0..12).map(|i| factor(&format!("f.x{i}"), 100)).collect();
    check_error(
        &format!("[factors]\n{many}"),
        true,
        "plan.toml:3: factors: make 18446744073709551615 combinations; at most 1000000 are possible",
    );
}
