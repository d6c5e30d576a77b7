use super::*;

const HEAD: &str = "schema = 1\n[cluster]\nbootstrap = \"b1:9092\"\n[workload]\nrate = \"1k/s\"\n";

fn read(rest: &str) -> anyhow::Result<Checked> {
    Checked::new("plan.toml", format!("{HEAD}{rest}"), &[], false)
}

#[track_caller]
fn refused(rest: &str, expected: &[&str]) {
    let error = read(rest).unwrap_err();
    assert_eq!(Exit::of_error(&error), Exit::Usage);
    let text = error.to_string();
    for part in expected {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn a_wrong_property_is_told_with_line_allowed_values_and_the_nearest_spelling() {
    refused(
        "[baseline]\n\"compresion.type\" = \"zstd\"",
        &[
            "plan.toml:7: baseline.compresion.type: no such property",
            "did you mean \"compression.type\"?",
        ],
    );
    refused(
        "[baseline]\nacks = \"maybe\"",
        &["plan.toml:7: baseline.acks: \"maybe\": allowed are", "all"],
    );
    refused(
        "[factors]\n\"linger.ms\" = [0, 5]\n\"compression.type\" = [\"none\", \"zstdd\"]",
        &[
            "plan.toml:8: factors.compression.type: \"zstdd\": allowed are none, gzip",
            "did you mean \"zstd\"?",
        ],
    );
    refused(
        "[cluster.properties]\n\"security.protocol\" = \"tsl\"",
        &["plan.toml:7: cluster.properties.security.protocol"],
    );
}

#[test]
fn properties_that_do_not_go_together_are_told_with_the_cell() {
    refused(
        "[baseline]\n\"enable.idempotence\" = true\n[factors]\nacks = [\"all\", \"1\"]",
        &["plan.toml:", "acks", "(cell acks=1)"],
    );
}

#[test]
fn a_reference_needs_no_value_here() {
    let text = "[cluster.properties]\n\"security.protocol\" = \"sasl_ssl\"\n\"sasl.mechanisms\" = \"PLAIN\"\n\
                \"sasl.username\" = \"kim\"\n\"sasl.password\" = { env = \"NO_SUCH_VARIABLE\" }\n";
    read(text).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_is_wrong_usage() {
    let error = Checked::read(Path::new("/no/such/plan.toml"), &[], false).unwrap_err();
    assert_eq!(Exit::of_error(&error), Exit::Usage);
    assert!(error.to_string().starts_with("/no/such/plan.toml: "), "{error}");
}

#[test]
fn a_checked_plan_tells_trials_time_and_bytes() {
    let checked = read(
        "record = { size = \"1KiB\" }\n[topic]\nreplication = 3\n[window]\nwarm_up = \"5s\"\nmeasure = \"5s\"\n\
         repetitions = 2\n[factors]\n\"linger.ms\" = [0, 5]\nproducers = [1, 2]",
    )
    .unwrap();
    let text = summary(&checked);
    assert!(
        text.contains("plan: 4 cells, 2 repetitions = 8 trials, 2 for the canary, 1 burn-in\n"),
        "{text}"
    );
    // 8 trials x 1,000/s x 10 s x 1 KiB, twice a quarter of one for the canary, 5 s of burn-in; and three times that.
    assert!(
        text.contains("bytes: 87.9 MiB of record values, 264 MiB with replication"),
        "{text}"
    );
    let table = cells(&checked).json();
    assert_eq!(table.as_array().map(Vec::len), Some(4));
    assert_eq!(table[3]["linger.ms"], "5");
    assert_eq!(table[3]["producers"], "2");
    assert_eq!(table[0]["replication"], 3);
    let json = json(&checked, &checked.warnings());
    assert_eq!(json["trials"], 11);
    assert_eq!(json["replicated_bytes"], 276_480_000);
    assert!(json["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty()));
}

#[test]
fn cells_stand_under_their_columns_a_preset_beside_the_factors() {
    let checked =
        read("[baseline]\nacks = \"all\"\n[factors]\nlinger.ms = [5, 20]\n[design]\npreset = \"suggested\"").unwrap();
    let rows = cells(&checked).json();
    let told = |row: usize| {
        (
            rows[row]["linger.ms"].clone(),
            rows[row]["preset"].clone(),
            rows[row]["rate"].clone(),
        )
    };
    assert_eq!(told(1), (json!("20"), json!(null), json!(1000.0)));
    assert_eq!(told(2), (json!("10"), json!("suggested"), json!(1000.0)));
}

#[test]
fn a_submission_carries_the_overrides_as_they_read_back() {
    let overrides = [Override::parse("baseline.linger.ms=5").unwrap()];
    let checked = Checked::new("plan.toml", HEAD.to_owned(), &overrides, false).unwrap();
    let submission = checked.submission();
    assert_eq!(submission.overrides, ["baseline.linger.ms=5"]);
    let again: Vec<Override> = submission
        .overrides
        .iter()
        .map(|text| Override::parse(text).unwrap())
        .collect();
    assert_eq!(again, overrides);
}

#[test]
fn the_template_can_be_checked_and_warns_of_nothing_wrong() {
    Checked::new("plan.toml", TEMPLATE.to_owned(), &[], false).unwrap();
}

#[test]
fn the_examples_can_be_checked() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let entries = ["", "compose"].map(|within| std::fs::read_dir(folder.join(within)).unwrap());
    let plans: Vec<_> = (entries.into_iter().flatten())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    assert!(!plans.is_empty());
    for plan in plans {
        let checked = Checked::read(&plan, &[], false).unwrap();
        let trials = checked.matrix.trials.len() as u64 + checked.matrix.to_come();
        assert!(trials > 1, "{}", plan.display());
    }
}
