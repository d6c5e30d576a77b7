use super::*;

#[test]
fn records_have_a_size_a_distribution_of_sizes_or_samples() {
    let size = |text: &str| plan(&format!("workload.record.size = {text}")).workload.record.size;
    assert_eq!(size("2048"), Size::Fixed(2048));
    assert_eq!(
        size("{ uniform = [\"100B\", \"1KiB\"] }"),
        Size::Uniform { min: 100, max: 1024 }
    );
    assert_eq!(
        size("{ log_normal = { median = \"1KiB\", sigma = 1, max = \"64KiB\" } }"),
        Size::LogNormal {
            median: 1024,
            sigma: 1.0,
            max: 65_536
        }
    );
    assert_eq!(
        size("{ weighted = [[\"100B\", 9], [\"10KiB\", 1]] }"),
        Size::Weighted(vec![(100, 9.0), (10_240, 1.0)])
    );
    let record = plan("workload.record = { samples = [\"a.json\"], headers = { \"trace.id\" = \"x\" } }")
        .workload
        .record;
    assert_eq!(
        record.content,
        Content::Samples {
            files: vec!["a.json".to_owned()]
        }
    );
    assert_eq!(record.headers, [("trace.id".to_owned(), "x".to_owned())]);

    let check = |value: &str, message: &str| {
        check(
            &format!("workload.record = {value}"),
            &format!("plan.toml:3: workload.record{message}"),
        );
    };
    check(
        "{ size = { uniform = [\"1KiB\", \"1B\"] } }",
        ".size.uniform: the least size is above the greatest",
    );
    check(
        "{ size = { uniform = [1] } }",
        ".size.uniform: expected two sizes such as [\"100B\", \"1KiB\"]",
    );
    check(
        "{ size = { weighted = [[1]] } }",
        ".size.weighted: expected size and weight such as [\"100B\", 9]",
    );
    check(
        "{ size = { weighted = [[1, 0]] } }",
        ".size.weighted: expected a number above 0 up to 1000000000, found 0",
    );
    check("{ size = { weighted = [] } }", ".size.weighted: the list is empty");
    check(
        "{ size = { log_normal = { median = 1 } } }",
        ".size.log_normal: expected { median = \"1KiB\", sigma = 1.0, max = \"64KiB\" }",
    );
    check(
        "{ size = { log_normal = { median = 9, sigma = 1.0, max = 8 } } }",
        ".size.log_normal.max: is below the median",
    );
    check(
        "{ size = {} }",
        ".size: expected one of uniform, log_normal or weighted, or a size such as \"1KiB\"",
    );
    check(
        "{ size = 1, samples = [\"a\"] }",
        ".size: does not apply to workload.record.samples; remove one of the two",
    );
    check(
        "{ samples = [\"\"] }",
        ".samples: expected the path of a file on the agents' hosts",
    );
}

#[test]
fn samples_refuse_a_rate_in_bytes_and_sizes_as_factors() {
    let message = "is in bytes, but workload.record.samples have a mean size that only the agents can know; write \
                   records a second";
    let text = "cluster.bootstrap = \"mock\"\nworkload.record.samples = [\"a\"]\n";
    check_text(
        &format!("{text}workload.rate = \"1MB/s\""),
        &[],
        &format!("plan.toml:3: workload.rate: {message}"),
    );
    check_text(
        &format!("{text}[factors]\nrate = [\"1/s\",\n\"1MB/s\"]"),
        &[],
        &format!("plan.toml:5: factors.rate: {message}"),
    );
    check_text(
        &format!("{text}workload.rate = \"1/s\"\n[factors]\n\"record.size\" = [1, 2]"),
        &[],
        "plan.toml:5: factors.record.size: does not apply to workload.record.samples; remove one of the two",
    );
}

#[test]
fn keys_have_a_kind_and_a_cardinality() {
    let keys = |text: &str| plan(&format!("workload.keys = {text}")).workload.keys;
    assert_eq!(keys("\"none\""), Keys::None);
    assert_eq!(keys("{ kind = \"none\" }"), Keys::None);
    assert_eq!(
        keys("{ kind = \"sequence\", cardinality = 10 }"),
        Keys::Sequence { cardinality: 10 }
    );
    assert_eq!(
        keys("{ kind = \"zipf\", cardinality = 10 }"),
        Keys::Zipf {
            cardinality: 10,
            exponent: 1.0
        }
    );
    let check = |value: &str, message: &str| {
        check(
            &format!("workload.keys = {value}"),
            &format!("plan.toml:3: workload.keys{message}"),
        );
    };
    check(
        "\"uniform\"",
        ": \"uniform\" needs a table: { kind = \"uniform\", cardinality = 100_000 }",
    );
    check("\"zipff\"", ": \"zipff\" is unknown; did you mean \"zipf\"?");
    let example = "write for example { kind = \"zipf\", cardinality = 100_000, exponent = 1.0 }";
    check("{}", &format!(": kind is required; {example}"));
    check("{ kind = \"zipf\" }", &format!(": cardinality is required; {example}"));
    check(
        "{ kind = \"uniform\", cardinality = 1, exponent = 1 }",
        ".exponent: applies to kind = \"zipf\" only",
    );
    check(
        "{ kind = \"none\", cardinality = 1 }",
        ".cardinality: does not apply to kind = \"none\"",
    );
    check(
        "{ kind = \"zipf\", cardinality = 0 }",
        ".cardinality: expected a whole number from 1 to 1000000000, found 0",
    );
}
