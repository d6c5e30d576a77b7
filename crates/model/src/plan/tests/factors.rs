use super::*;

#[test]
fn factors_keep_their_order_and_print_their_levels_as_written() {
    let plan = plan(
        "[factors]\nlinger.ms = [0, 5]\nrate = [\"50k/s\", \"saturate\"]\n\"record.size\" = [\"1KiB\", { uniform = \
         [1, 2] }]\nkeys = [\"none\", { kind = \"zipf\", cardinality = 9 }]\ntopic.retention.ms = [1, 2]\n\
         enable.idempotence = [true, false]\nunheard = [1.50]",
    );
    let printed: Vec<String> = plan
        .factors
        .iter()
        .map(|factor| {
            let levels: Vec<&str> = factor.levels.iter().map(|level| level.text.as_str()).collect();
            format!("{}={}", factor.name, levels.join("|"))
        })
        .collect();
    assert_eq!(
        printed,
        [
            "linger.ms=0|5",
            "rate=50k/s|saturate",
            "record.size=1KiB|uniform 1B to 2B",
            "keys=none|zipf 1 of 9",
            "topic.retention.ms=1|2",
            "enable.idempotence=true|false",
            "unheard=1.50"
        ]
    );
}

#[test]
fn wrong_factors_have_their_line() {
    let check = |factor: &str, message: &str| {
        check(
            &format!("[factors]\n{factor}"),
            &format!("plan.toml:4: factors.{message}"),
        );
    };
    check("acks = []", "acks: the list is empty");
    check("acks = 1", "acks: expected a list of levels such as [1, 2], found 1");
    check("acks = [1, \"all\", \"1\"]", "acks: the level \"1\" is listed twice");
    check(
        "\"record.size\" = [1024, \"1KiB\"]",
        "record.size: the level \"1KiB\" is listed twice",
    );
    check(
        "partitions = [1, \"x\"]",
        "partitions: expected a whole number from 1 to 100000, found \"x\"",
    );
    check(
        "acks = [{ env = \"A\" }]",
        "acks: a level is a value, not a reference; a reference may stand in [baseline]",
    );
    check(
        "\"record.sizes\" = [1]",
        "record.sizes: unknown factor; did you mean \"record.size\"?",
    );
    check(
        "\"workload.rate\" = [1]",
        "workload.rate: unknown factor; did you mean \"rate\"?",
    );
    check(
        "warm_up = [\"1s\"]",
        "warm_up: \"warm_up\" is the same for all trials and can be no factor",
    );
}

#[test]
fn a_property_is_baseline_or_factor_not_both() {
    check(
        "[baseline]\nlinger.ms = 5\n[factors]\n\"linger.ms\" = [0, 5]",
        "plan.toml:4: baseline.linger.ms: is also a factor on line 6; keep one of the two",
    );
    check_text(
        &format!("{CLUSTER}[factors]\nacks = [0, 1]"),
        &["baseline.acks=all"],
        "--set baseline.acks: is also a factor on line 4; keep one of the two",
    );
    // A preset may be varied, and so may the workload and the topic.
    plan("[topic]\npartitions = 12\n[baseline]\npreset = \"durable\"\n[factors]\nlinger.ms = [0]\npartitions = [1]");
}

#[test]
fn an_exclusion_names_factors_and_levels_of_the_plan() {
    let factors = "[factors]\n\"linger.ms\" = [0, 5]\n\"compression.type\" = [\"none\", \"zstd\"]\n";
    let plan = plan(&format!(
        "{factors}[[exclude]]\nlinger.ms = [0, \"5\"]\n[[exclude]]\n\"compression.type\" = \"zstd\""
    ));
    assert_eq!(plan.exclude[0].levels, [(0, vec![0, 1])]);
    assert_eq!(plan.exclude[1].levels, [(1, vec![1])]);
    let check = |exclude: &str, message: &str| {
        check(&format!("{factors}{exclude}"), &format!("plan.toml:{message}"));
    };
    check(
        "[[exclude]]\n\"linger\" = 0",
        "7: exclude.linger: is no factor of this plan; did you mean \"linger.ms\"?",
    );
    check("[[exclude]]\nacks = 0", "7: exclude.acks: is no factor of this plan");
    check(
        "[[exclude]]\n\"compression.type\" = \"zsdt\"",
        "7: exclude.compression.type: \"zsdt\" is no level of the factor; it has none, zstd; did you mean zstd?",
    );
    check(
        "[[exclude]]\n\"linger.ms\" = 7",
        "7: exclude.linger.ms: 7 is no level of the factor; it has 0, 5",
    );
    check(
        "[[exclude]]",
        "6: exclude: names no factor, so it would leave out everything",
    );
    check(
        "[exclude]\n\"linger.ms\" = 0",
        "6: exclude: expected tables, each under its own [[exclude]]",
    );
}
