use super::*;

#[test]
fn overrides_go_over_the_text() {
    let text = format!("{CLUSTER}[workload.record]\nsize = \"1KiB\"\n[baseline]\nlinger.ms = 5\n[factors]\nacks = [1]");
    let plan = parse(
        &text,
        &[
            "workload.rate=50k/s",
            "workload.record.size={ uniform = [1, 2] }",
            "cluster.bootstrap=mock",
            "name=42",
            "baseline.\"linger.ms\"=7",
            "baseline.retries=3",
            "factors.acks=[0, 1]",
            "factors.compression.type=[\"none\", \"lz4\"]",
            "window.repetitions=6",
            "window.repetitions=7",
            "topic.settings.retention.ms=1000",
            "environment.rack.a=left",
            "cluster.properties.sasl.password={ file = \"/p\" }",
        ],
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plan.workload.rate.to_string(), "50k/s");
    assert_eq!(plan.workload.record.size, Size::Uniform { min: 1, max: 2 });
    assert_eq!(
        plan.cluster.bootstrap,
        Bootstrap::Mock {
            round_trip: Duration::ZERO
        }
    );
    assert_eq!((plan.name.as_str(), plan.repetitions), ("42", 7));
    assert_eq!(plan.baseline.get("linger.ms"), Some(&Value::Text("7".to_owned())));
    assert_eq!(plan.baseline.iter().count(), 2);
    let factors: Vec<(&str, usize)> = plan.factors.iter().map(|f| (f.name.as_str(), f.levels.len())).collect();
    assert_eq!(factors, [("acks", 2), ("compression.type", 2)]);
    assert_eq!(plan.topic.settings, [("retention.ms".to_owned(), "1000".to_owned())]);
    assert_eq!(plan.environment, [("rack.a".to_owned(), "left".to_owned())]);
    assert_eq!(
        plan.cluster.properties.get("sasl.password"),
        Some(&Value::File("/p".into()))
    );
    assert_eq!(
        Override::parse("baseline.'linger.ms' = 5").unwrap().to_string(),
        "baseline.linger.ms=5"
    );
}

#[test]
fn an_error_in_an_override_names_it() {
    check_set(
        "workload.rate=50k",
        "--set workload.rate: \"50k\" has no unit; expected a rate such as \"50k/s\", \"100MB/s\" or \"saturate\"",
    );
    check_set(
        "workload.rats=1",
        "--set workload.rats: unknown key; did you mean \"rate\"?",
    );
    check_set(
        "workload.record={ sizes = 1 }",
        "--set workload.record: workload.record.sizes: unknown key; did you mean \"size\"?",
    );
    check_set(
        "workload.rate.unit=1",
        "--set workload.rate.unit: workload.rate is no table; set workload.rate as a whole",
    );
    check_set(
        "workload.rate",
        "--set workload.rate: expected KEY=VALUE such as workload.rate=50k/s",
    );
    check_set("=1", "--set : expected a key such as workload.rate before the \"=\"");
    check_set(
        "factors.acks=1",
        "--set factors.acks: expected a list of levels such as [1, 2], found 1",
    );
}
