use super::*;

#[test]
fn a_property_may_be_written_in_any_type_quoted_or_not() {
    let text = "[baseline]\nlinger.ms = 0x10\n\"retries\" = \"3\"\nenable.idempotence = true\nacks = 1\n\
                queue.buffering.max.kbytes = 1_024\nssl.key.password = { env = \"KEY\" }";
    let plan = plan(text);
    let all: Vec<String> = plan
        .baseline
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        all,
        [
            "linger.ms=16",
            "retries=3",
            "enable.idempotence=true",
            "acks=1",
            "queue.buffering.max.kbytes=1024",
            "ssl.key.password={ env = \"KEY\" }"
        ]
    );
}

#[test]
fn a_dotted_name_that_ends_in_file_is_no_reference() {
    let plan = plan("[cluster.properties]\nsasl.oauthbearer.assertion.file = \"/a\"");
    let value = plan.cluster.properties.get("sasl.oauthbearer.assertion.file");
    assert_eq!(value, Some(&Value::Text("/a".to_owned())));
}

#[test]
fn two_spellings_of_a_property_are_one() {
    assert!(
        plan("baseline.delivery.timeout.ms = 1")
            .baseline
            .get("message.timeout.ms")
            .is_some()
    );
    check(
        "[baseline]\n\"linger.ms\" = 1\n\"queue.buffering.max.ms\" = 2",
        "plan.toml:5: baseline.linger.ms: is set twice, as queue.buffering.max.ms here and on line 4",
    );
    check(
        "[baseline]\n\"linger.ms\" = 1\nlinger.ms = 2",
        "plan.toml:5: baseline.linger.ms: is set twice, as linger.ms here and on line 4",
    );
}

#[test]
fn properties_that_the_tool_owns_are_refused_with_a_reason() {
    let check = |name: &str, reason: &str| {
        check(
            &format!("baseline.{name} = \"x\""),
            &format!("plan.toml:3: baseline.{name}: {reason}"),
        );
        self::check(
            &format!("factors.{name} = [\"x\"]"),
            &format!("plan.toml:3: factors.{name}: {reason}"),
        );
    };
    check("bootstrap.servers", "is set by [cluster] bootstrap");
    check(
        "client.id",
        "is set by tribunal, so that a broker's log names the agent and the producer",
    );
    check(
        "allow.auto.create.topics",
        "is always false: tribunal makes its topics itself",
    );
    check("statistics.interval.ms", "is always 1000: a sample holds one second");
    check("plugin.library.paths", "is refused: it would load code into the agents");
    check("ssl.engine.location", "is refused: it would load code into the agents");
    check(
        "sasl.kerberos.kinit.cmd",
        "is refused: it would run a command on the agents",
    );
    check("transactional.id", "is not supported by this version: transactions");
}

#[test]
fn a_secret_in_clear_is_refused_and_not_repeated() {
    let message = "is secret and may not stand in a plan; write { env = \"NAME\" } or { file = \"PATH\" }";
    check(
        "[cluster.properties]\n\"sasl.password\" = \"hunter2\"",
        &format!("plan.toml:4: cluster.properties.sasl.password: {message}"),
    );
    check(
        "baseline.ssl.key.pem = \"hunter2\"",
        &format!("plan.toml:3: baseline.ssl.key.pem: {message}"),
    );
    check_set(
        "cluster.properties.sasl.password=hunter2",
        &format!("--set cluster.properties.sasl.password: {message}"),
    );
    for fragment in [
        "[cluster]\nsasl.password = \"hunter2\"",
        "[cluster.properties]\nsasl.password = [\"hunter2\"]",
        "[cluster.properties]\nsasl.password = { pass = \"hunter2\" }",
        "[cluster.properties]\nsasl.password = hunter2",
        "[factors]\n\"sasl.password\" = \"hunter2\"",
        "[factors]\n\"sasl.password\" = [\"hunter2\"]",
    ] {
        let error = parse(&format!("{CLUSTER}{fragment}"), &[]).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    for set in [
        "sasl.password hunter2",
        "sasl.password:hunter2",
        "=hunter2",
        "a..b=hunter2",
    ] {
        let error = Override::parse(set).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn wrong_properties_have_their_line() {
    check(
        "[cluster.properties]\n\"linger.ms\" = 5",
        "plan.toml:4: cluster.properties.linger.ms: is no property of a cluster (security.*, sasl.*, ssl.*, \
         socket.*); write it in [baseline]",
    );
    check(
        "baseline.acks = []",
        "plan.toml:3: baseline.acks: expected one value, found a list",
    );
    check(
        "baseline.acks = { environment = \"A\" }",
        "plan.toml:3: baseline.acks: expected a value, { env = \"NAME\" } or { file = \"PATH\" }",
    );
    check(
        "baseline.\"a b\" = 1",
        "plan.toml:3: baseline.a b: is no name of a property: letters, digits, \".\", \"_\" and \"-\" only",
    );
    check(
        "baseline.acks = \"a\\u0000b\"",
        "plan.toml:3: baseline.acks: holds a NUL character",
    );
}

#[test]
fn the_origin_of_a_property_is_where_its_value_was_written() {
    let text = format!(
        "{CLUSTER}[cluster.properties]\nsecurity.protocol = \"ssl\"\n[baseline]\npreset = \"suggested\"\nacks = \
         1\n[factors]\n\"compression.type\" = [\n  \"none\",\n  \"zst\",\n]\n"
    );
    let plan = parse(&text, &["baseline.retries=5"]).unwrap();
    let check = |property: &str, value: &str, expected: &str| {
        let value = Value::Text(value.to_owned());
        assert_eq!(
            plan.property_error(property, Some(&value), "is refused").to_string(),
            expected
        );
    };
    check(
        "compression.type",
        "zst",
        "plan.toml:11: factors.compression.type: is refused",
    );
    check(
        "compression.type",
        "other",
        "plan.toml:9: factors.compression.type: is refused",
    );
    check("acks", "1", "plan.toml:7: baseline.acks: is refused");
    check(
        "security.protocol",
        "ssl",
        "plan.toml:4: cluster.properties.security.protocol: is refused",
    );
    check("retries", "5", "--set baseline.retries: is refused");
    check(
        "linger.ms",
        "10",
        "plan.toml: preset \"suggested\": linger.ms: is refused",
    );
    assert_eq!(
        plan.error("workload.rate", "is too high").to_string(),
        "plan.toml:2: workload.rate: is too high"
    );
    assert_eq!(plan.error("workload.rate", "").line(), Some(2));
}

#[test]
fn presets_set_what_the_design_says() {
    let check = |preset: Preset, expected: &str| {
        let all = preset.properties();
        let all: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(all.join(" "), expected);
    };
    check(Preset::Default, "");
    check(
        Preset::Throughput,
        "linger.ms=20 batch.size=1000000 compression.type=lz4 acks=1",
    );
    check(Preset::Latency, "linger.ms=0 compression.type=none acks=1");
    check(
        Preset::Durable,
        "acks=all enable.idempotence=true linger.ms=5 compression.type=zstd",
    );
    check(
        Preset::Suggested,
        "linger.ms=10 batch.size=262144 compression.type=zstd acks=all",
    );
}
