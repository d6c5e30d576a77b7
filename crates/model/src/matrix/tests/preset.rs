use super::*;

const SUGGESTED: &str = "design.preset = \"suggested\"\n";

#[track_caller]
fn texts(fragment: &str) -> Vec<String> {
    let cells = matrix(fragment).cells;
    assert!(cells.iter().zip(1..).all(|(cell, id)| cell.id == CellId(id)));
    cells.iter().map(|cell| cell_text(&cell.levels)).collect()
}

#[test]
fn a_preset_is_the_first_cell_with_its_properties_over_it() {
    let text = format!("{SUGGESTED}baseline.acks = 1\n[factors]\nlinger.ms = [0, 5]\npartitions = [3, 6]");
    let matrix = matrix(&text);
    let cell = matrix.cells.last().unwrap();
    assert_eq!(cell_text(&cell.levels), "linger.ms=10 partitions=3 preset=suggested");
    let set: Vec<String> = (cell.properties.iter())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        set,
        ["acks=all", "linger.ms=10", "batch.size=262144", "compression.type=zstd"]
    );
    assert_eq!(
        (cell.topic.partitions, matrix.cells.len(), matrix.trials.len()),
        (3, 5, 5)
    );
    assert_eq!(texts(SUGGESTED), ["baseline", "preset=suggested"]);
}

#[test]
fn a_preset_is_run_at_each_rate_and_never_twice() {
    let rates = format!("{SUGGESTED}[factors]\nlinger.ms = [0, 5]\nrate = [\"1k/s\", \"2k/s\"]");
    assert_eq!(
        texts(&rates)[4..],
        [
            "linger.ms=10 rate=1k/s preset=suggested",
            "linger.ms=10 rate=2k/s preset=suggested"
        ]
    );
    let there = format!(
        "{SUGGESTED}baseline.compression.type = \"zstd\"\nbaseline.batch.size = 262144\nbaseline.acks = \"all\"\n\
         [factors]\nlinger.ms = [0, 10]"
    );
    assert_eq!(texts(&there), ["linger.ms=0", "linger.ms=10"]);
}

#[test]
fn a_preset_that_cannot_be_compared_has_its_line() {
    check_error(
        "[baseline]\npreset = \"suggested\"\n[design]\npreset = \"suggested\"",
        false,
        "plan.toml:6: design.preset: \"suggested\" is what the first cell has already: name another one",
    );
    check_error(
        "[baseline]\nenable.idempotence = true\n[design]\npreset = \"throughput\"",
        false,
        "plan.toml:6: design.preset: acks=1 rules out enable.idempotence=true",
    );
    let text = format!("{BASE}[design]\npreset = \"default\"");
    let error = Plan::parse("plan.toml", &text, &[]).unwrap_err().to_string();
    assert!(
        error.starts_with("plan.toml:4: design.preset: \"default\" is unknown"),
        "{error}"
    );
}
