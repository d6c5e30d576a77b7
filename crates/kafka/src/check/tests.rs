use super::*;

#[track_caller]
fn check_one(name: &str, value: &str, expected: &str) {
    let said = check_property(name, value).map_or_else(|error| error.to_string(), |()| String::new());
    assert_eq!(said, expected);
}

#[track_caller]
fn check_many(properties: &[(&str, &str)], expected: &str) {
    let properties: Vec<_> = properties
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    for (name, value) in &properties {
        assert_eq!(check_property(name, value), Ok(()));
    }
    let said = check_combination(&properties).map_or_else(|error| error.to_string(), |()| String::new());
    assert_eq!(said, expected);
}

#[test]
fn right_properties_pass_in_every_spelling() {
    for (name, value) in [
        ("linger.ms", "5"),
        ("linger.ms", "0.5"),
        ("queue.buffering.max.ms", "5"),
        ("acks", "all"),
        ("acks", "-1"),
        ("request.required.acks", "1"),
        ("compression.type", "zstd"),
        ("compression.codec", "lz4"),
        ("enable.idempotence", "true"),
        ("batch.size", "262144"),
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.password", "hunter2"),
        ("partitioner", "murmur2_random"),
        ("debug", "broker,topic"),
        ("topic.acks", "1"),
    ] {
        check_one(name, value, "");
    }
}

#[test]
fn an_unknown_name_gets_the_nearest_right_one() {
    check_one(
        "compresion.type",
        "lz4",
        r#"compresion.type = "lz4": no such property; did you mean "compression.type"?"#,
    );
    check_one(
        "linger",
        "5",
        r#"linger = "5": no such property; did you mean "linger.ms"?"#,
    );
    check_one(
        "batchsize",
        "5",
        r#"batchsize = "5": no such property; did you mean "batch.size"?"#,
    );
    check_one("zzz", "5", r#"zzz = "5": no such property"#);
}

#[test]
fn a_wrong_value_gets_what_is_allowed() {
    check_one(
        "acks",
        "maybe",
        r#"acks = "maybe": allowed are whole numbers from -1 to 1000, or all"#,
    );
    check_one(
        "compression.type",
        "zstdd",
        r#"compression.type = "zstdd": allowed are none, gzip, snappy, lz4, zstd; did you mean "zstd"?"#,
    );
    check_one(
        "linger.ms",
        "-1",
        r#"linger.ms = "-1": allowed are numbers from 0 to 900000"#,
    );
    check_one(
        "enable.idempotence",
        "yes",
        r#"enable.idempotence = "yes": allowed are true and false"#,
    );
    check_one(
        "batch.size",
        "",
        r#"batch.size = "": is empty; leave the property out to have its default"#,
    );
}

#[test]
fn a_value_with_a_tail_is_not_cut_short_in_silence() {
    check_one(
        "linger.ms",
        "5s",
        r#"linger.ms = "5s": allowed are numbers from 0 to 900000"#,
    );
    check_one(
        "batch.size",
        "1MB",
        r#"batch.size = "1MB": allowed are whole numbers from 1 to 2147483647"#,
    );
    check_one(
        "retries",
        "4294967297",
        r#"retries = "4294967297": allowed are whole numbers from 0 to 2147483647"#,
    );
}

#[test]
fn what_a_producer_or_this_build_does_not_have_is_said() {
    check_one(
        "group.id",
        "x",
        r#"group.id = "x": is a property of consumers and does nothing in a producer"#,
    );
    check_one(
        "sasl.mechanism",
        "GSSAPI",
        r#"sasl.mechanism = "GSSAPI": this build has no GSSAPI; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"#,
    );
    check_one(
        "sasl.mechanisms",
        "SCRAM-SHA-255",
        r#"sasl.mechanisms = "SCRAM-SHA-255": allowed are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER; did you mean "SCRAM-SHA-256"?"#,
    );
    let oidc = check_property("sasl.oauthbearer.method", "oidc")
        .unwrap_err()
        .to_string();
    assert!(oidc.contains("not") && oidc.contains("this build"), "{oidc}");
}

#[test]
fn impossible_combinations_are_found_without_a_cluster() {
    check_many(
        &[
            ("acks", "all"),
            ("enable.idempotence", "true"),
            ("bootstrap.servers", "127.0.0.1:1"),
        ],
        "",
    );
    check_many(
        &[("acks", "1"), ("enable.idempotence", "true")],
        "acks must be set to all when enable.idempotence is true",
    );
    check_many(
        &[("linger.ms", "1000"), ("message.timeout.ms", "500")],
        "message.timeout.ms must be greater than linger.ms",
    );
    check_many(
        &[
            ("security.protocol", "sasl_plaintext"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
        ],
        "sasl.mechanisms has to be set: this build has no GSSAPI; allowed are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER",
    );
    check_many(&[("security.protocol", "ssl"), ("sasl.mechanisms", "PLAIN")], "");
}

#[test]
fn references_are_not_followed() {
    let mut properties = Properties::default();
    properties.set("security.protocol", Value::Text("sasl_ssl".into()));
    properties.set("sasl.mechanisms", Value::Text("SCRAM-SHA-256".into()));
    properties.set("sasl.username", Value::Env("NOBODY".into()));
    properties.set("sasl.password", Value::File("/nonexistent".into()));
    properties.set("ssl.ca.location", Value::Text("/nonexistent/ca.pem".into()));
    properties.set("ssl.key.pem", Value::Env("KEY".into()));
    assert_eq!(check(&properties), []);
    properties.set("sasl.pasword", Value::Env("P".into()));
    let said: Vec<_> = check(&properties).iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [r#"sasl.pasword = { env = "P" }: no such property; did you mean "sasl.password"?"#]
    );
}
