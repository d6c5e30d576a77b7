use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

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

#[track_caller]
fn check_error(fragment: &str, allow_large: bool, expected: &str) {
    let error = Matrix::resolve(&plan(fragment), allow_large)
        .map(|matrix| matrix.trials.len())
        .unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[track_caller]
fn check_warnings(fragment: &str, expected: &[&str]) {
    let plan = plan(fragment);
    let warnings = Matrix::resolve(&plan, false).unwrap().warnings(&plan);
    let starts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(starts.len(), expected.len(), "{starts:#?}");
    for (warning, start) in starts.iter().zip(expected) {
        assert!(warning.starts_with(start), "{warning}");
    }
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
    assert_eq!((matrix.cells.len(), matrix.trials.len(), matrix.excluded), (1, 3, 0));
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

#[test]
fn wall_time_and_bytes_are_summed_over_trials() {
    let text = "window = { warm_up = \"1s\", measure = \"9s\", drain = \"2s\", repetitions = 2 }\n\
                workload.record.size = \"100B\"\n[factors]\nreplication = [1, 3]";
    let matrix = matrix(text);
    assert_eq!(
        matrix.expected_wall_time(Duration::from_secs(5)),
        Duration::from_secs(4 * 15)
    );
    assert_eq!(
        matrix.longest_wall_time(Duration::from_secs(5)),
        Duration::from_secs(4 * 22)
    );
    // 1,000 records/s x 10 s x 100 B x (1 + 3 replicas) x 2 repetitions.
    assert_eq!(matrix.bytes(), Some(8_000_000));
    assert_eq!(self::matrix("[factors]\nrate = [\"1/s\", \"saturate\"]").bytes(), None);
    assert_eq!(self::matrix("workload.record.samples = [\"a\"]").bytes(), None);
}

#[test]
fn warnings_tell_what_to_think_about() {
    check_warnings("[topic]\nreplication = 3", &[]);
    let fragment = |text: &str| format!("topic.replication = 3\n{text}");
    let check = |text: &str, expected: &[&str]| check_warnings(&fragment(text), expected);
    check(
        "[factors]\nacks = [1, 'all']",
        &["window.repetitions is 1: below 6 no difference"],
    );
    check(
        "window.measure = \"5s\"",
        &["window.measure is 5s: in a short window p99"],
    );
    check(
        "baseline.message.timeout.ms = 30000",
        &["message.timeout.ms is 30s, but records are awaited for 15s only"],
    );
    check(
        "baseline.message.timeout.ms = 0",
        &["message.timeout.ms is 0: a record that never gets through"],
    );
    check("baseline.message.timeout.ms = 15000", &[]);
    check(
        "baseline.linger.ms = 20000",
        &["linger.ms is 20s, longer than window.drain (15s)"],
    );
    check(
        "topic.partitions = 1\nworkload.producers = 4",
        &["4 producers share 1 partition"],
    );
    check(
        "agents.count = 3\nworkload.producers = 2",
        &["2 producers for 3 agents"],
    );
    check(
        "baseline.batch.size = 131072",
        &["batch.size 131072 is below librdkafka's default of 1000000"],
    );
    check(
        "workload.record.size = \"2MiB\"",
        &["records of up to 2MiB are larger than message.max.bytes (1000000)"],
    );
    check(
        "topic.settings.min.insync.replicas = 4",
        &["min.insync.replicas is 4 with topic.replication 3"],
    );
    check_warnings("", &["acks=all with topic.replication 1"]);
    check_warnings("baseline.acks = 1", &[]);
    check_warnings(
        "baseline.acks = 1\nfactors.rate = [\"saturate\"]",
        &["rate \"saturate\": latencies are"],
    );
}

#[test]
fn the_order_is_the_same_on_every_machine() {
    // Computed apart, in Python, from the description of `SplitMix64`.
    let order: Vec<u32> = matrix("seed = 1\nwindow.repetitions = 2\n[factors]\nacks = [0, 1, -1]\na.b = [1, 2]")
        .trials
        .iter()
        .map(|trial| trial.cell.0)
        .collect();
    assert_eq!(order, [5, 2, 3, 1, 6, 4, 2, 5, 4, 1, 6, 3]);
}

proptest! {
    #[test]
    fn every_cell_is_run_exactly_once_per_block(
        counts in proptest::collection::vec(1_usize..5, 0..4),
        repetitions in 1_u32..5,
        seed in 0_u64..1_000_000,
    ) {
        let factors: String = counts.iter().enumerate().fold(String::new(), |text, (i, count)| {
            text + &format!("f.x{i} = {:?}\n", (0..*count).collect::<Vec<_>>())
        });
        let text = format!("seed = {seed}\nwindow.repetitions = {repetitions}\n[factors]\n{factors}");
        let matrix = matrix(&text);
        prop_assert_eq!(&matrix, &self::matrix(&text));
        prop_assert_eq!(matrix.cells.len(), counts.iter().product::<usize>());
        let distinct: BTreeSet<_> = matrix.cells.iter().map(|cell| cell.levels.clone()).collect();
        prop_assert_eq!(distinct.len(), matrix.cells.len());
        for (block, trials) in matrix.trials.chunks(matrix.cells.len()).enumerate() {
            let cells: BTreeSet<u32> = trials.iter().map(|trial| trial.cell.0).collect();
            prop_assert_eq!(cells, (1..=matrix.cells.len() as u32).collect::<BTreeSet<_>>());
            prop_assert!(trials.iter().all(|trial| trial.block as usize == block));
        }
        let ids: Vec<u32> = matrix.trials.iter().map(|trial| trial.id.0).collect();
        prop_assert_eq!(ids, (1..=matrix.trials.len() as u32).collect::<Vec<_>>());
    }
}
