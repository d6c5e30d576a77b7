use super::*;
use crate::design::AuditLevel;
use crate::matrix::Matrix;
use crate::plan::Wanted;
use crate::trial::cell_text;

#[track_caller]
fn example(name: &str, text: &str) -> (Plan, Matrix) {
    let plan = Plan::parse(name, text, &[]).unwrap_or_else(|error| panic!("{error}"));
    let matrix = Matrix::resolve(&plan, false).unwrap_or_else(|error| panic!("{error}"));
    (plan, matrix)
}

macro_rules! example {
    ($name:literal) => {
        example($name, include_str!(concat!("../../../../../examples/", $name)))
    };
}

#[test]
fn the_examples_say_what_they_promise() {
    let (plan, matrix) = example!("linger.toml");
    assert_eq!((plan.factors.len(), plan.repetitions), (1, 6));
    assert!(
        matrix.canary.is_some() && matrix.warnings(&plan).is_empty(),
        "{:?}",
        matrix.warnings(&plan)
    );
    let (plan, matrix) = example!("consumers.toml");
    let consumers = plan
        .consumers
        .as_ref()
        .map(|consumers| (consumers.groups, consumers.members));
    assert_eq!(consumers, Some((1, 4)));
    let alone = matrix.trials.iter().filter(|trial| trial.consumers.is_none()).count();
    assert!(
        alone == 1 && matrix.warnings(&plan).is_empty(),
        "{:?}",
        matrix.warnings(&plan)
    );
    let (plan, matrix) = example!("read-back.toml");
    assert_eq!((plan.audit, matrix.cells.len()), (AuditLevel::ReadBack, 1));
    assert!(matrix.warnings(&plan).is_empty(), "{:?}", matrix.warnings(&plan));
    let (plan, matrix) = example!("search.toml");
    assert!(
        plan.search.is_some() && matrix.warnings(&plan).is_empty(),
        "{:?}",
        matrix.warnings(&plan)
    );
    let (plan, matrix) = example!("two-phase.toml");
    assert!(
        matrix.to_come() > 0 && matrix.warnings(&plan).is_empty(),
        "{:?}",
        matrix.warnings(&plan)
    );
    let (plan, matrix) = example!("burst.toml");
    assert!(
        matrix.cells[0].load.profile.is_some() && matrix.warnings(&plan).is_empty(),
        "{:?}",
        matrix.warnings(&plan)
    );
    let (plan, matrix) = example!("lab.toml");
    assert_eq!((&plan.agents.wanted, matrix.cells.len()), (&Wanted::Count(2), 8));
    let (_, matrix) = example!("clients.toml");
    assert_eq!((matrix.cells.len(), matrix.dropped.len()), (10, 0));
    let (_, matrix) = example!("pitfalls/forgotten-poll.toml");
    assert_eq!(matrix.cells.len(), 2);
    for (cells, matrix) in [
        (3, example!("pitfalls/one-partition.toml").1),
        (4, example!("pitfalls/long-linger.toml").1),
        (4, example!("pitfalls/acks-all-one-broker.toml").1),
    ] {
        assert_eq!(matrix.cells.len(), cells);
    }
    let (plan, matrix) = example!("suggested.toml");
    let preset = matrix.cells.last().map(|cell| cell_text(&cell.levels));
    assert_eq!((plan.repetitions, matrix.cells.len()), (6, 5));
    assert_eq!(
        preset.as_deref(),
        Some("linger.ms=10 compression.type=zstd preset=suggested")
    );
    let (plan, matrix) = example!("two-clusters.toml");
    assert_eq!((plan.clusters.len(), matrix.cells.len()), (2, 2));
    assert!(matrix.warnings(&plan).is_empty(), "{:?}", matrix.warnings(&plan));
}
