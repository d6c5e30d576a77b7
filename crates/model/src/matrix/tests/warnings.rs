use super::*;

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
        &[
            "window.measure is 5s: in a short window p99",
            "window.measure is 5s: whether the load was steady is judged on windows of 20s",
        ],
    );
    check(
        "window.measure = \"15s\"",
        &["window.measure is 15s: whether the load was steady"],
    );
    check(
        "window = { settle = \"60s\", warm_up = \"0s\" }",
        &["window.settle with a warm-up of 0"],
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
        &["4 producers and 3 brokers share 1 partition: one broker and one log take everything"],
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
fn a_linger_that_nobody_set_is_held_against_the_objective_where_it_is_known() {
    let check = |baseline: &str, objective: &str, expected: &[&str]| {
        let acks = "baseline.acks = \"all\"\nwindow.repetitions = 6\ntopic.replication = 3";
        check_warnings(&format!("{acks}\n{baseline}\n[objective]\n{objective}"), expected);
    };
    let beyond =
        ["linger.ms is 5 by default and the objective wants response_p99 <= 5ms: a record that begins a batch"];
    check("", "response_p99 = \"<= 5ms\"", &beyond);
    check("", "response_p99 = \"<= 6ms\"", &[]);
    check("", "delivered_rate = \">= 1/s\"", &[]);
    check("baseline.linger.ms = 4", "response_p99 = \"<= 5ms\"", &[]);
    check(
        "baseline.linger.ms = 5",
        "response_p99 = \"<= 5ms\"",
        &["linger.ms is 5 and the objective wants response_p99 <= 5ms"],
    );
    let of = |client: &str| format!("baseline.client = \"{client}\"");
    check(
        &of("java"),
        "service_p50 = \"< 5ms\"",
        &["linger.ms is 5 by default and the objective wants service_p50 < 5ms"],
    );
    check(
        &of("franz-go"),
        "response_p99 = \"<= 9ms\"",
        &["linger.ms is 10 by default"],
    );
    check(&of("kafka-python"), "response_p99 = \"<= 1ms\"", &[]);
    // In the client's own spelling, and of a client of which nothing is known.
    check(
        &format!("{}\nclient.kafka-python.linger_ms = 20", of("kafka-python")),
        "response_p99 = \"<= 15ms\"",
        &["linger.ms is 20 and the objective wants response_p99 <= 15ms"],
    );
    check(&of("driver:mine"), "response_p99 = \"<= 1ms\"", &[]);
}

#[test]
fn what_the_brokers_default_is_of_replicas_in_sync_is_not_guessed() {
    check_warnings("topic.replication = 3\nbaseline.acks = \"all\"", &[]);
    check_warnings(
        "topic.replication = 3\ntopic.settings.min.insync.replicas = 1\nbaseline.acks = \"all\"",
        &["acks=all with min.insync.replicas 1 of 3 replicas"],
    );
}

#[test]
fn a_budget_that_leaves_too_few_repetitions_is_told_as_such() {
    let text = "window.repetitions = 6\nbaseline.acks = 1\n[factors]\nlinger.ms = [0, 5]";
    check_warnings(text, &[]);
    check_warnings(
        &format!("design.budget = \"10m\"\n{text}"),
        &["design.budget holds 4 repetitions: below 6 no difference"],
    );
}

#[test]
fn quantiles_of_the_objective_want_records() {
    // 1,000/s for 30 s.
    let text = "baseline.acks = 1\n[objective]\nresponse_p99 = \"<= 1s\"\nresponse_p999 = \"<= 1s\"\n";
    check_warnings(text, &[]);
    check_warnings(
        &format!("{text}minimise = \"response_p9999\""),
        &["objective: response_p9999 needs 56647 records in a window, and a cell offers 30000: the objective cannot"],
    );
    check_warnings(
        &format!("{text}service_p999 = \"<= 9ms\"\n[factors]\nrate = [\"1k/s\", \"10/s\"]"),
        &[
            "window.repetitions is 1",
            "objective: response_p99 needs 563 records in a window, and a cell offers 300",
            "objective: response_p999 needs 5662 records in a window, and a cell offers 300",
            "objective: service_p999 needs 5662 records",
        ],
    );
}

#[test]
fn searches_and_two_phases_have_warnings_of_their_own() {
    let search = "baseline.acks = 1\nobjective.response_p99 = \"<= 50ms\"\n[search]\nfirst = \"10/s\"\n";
    check_warnings(
        search,
        &[
            "objective: response_p99 needs 563 records in a window, and a cell offers 300",
            "workload.rate is not used: the rates are set by [search]",
            "search.confirm is not set: half a minute measures",
        ],
    );
    let two_phase = "baseline.acks = 1\ndesign.mode = \"two-phase\"\n[factors]\nlinger.ms = [0, 5]";
    check_warnings(
        two_phase,
        &[
            "window.repetitions is 1",
            "workload.rate is not used: the rates are set by design.mode = \"two-phase\"",
        ],
    );
}

#[test]
fn a_profile_is_seen_whole_or_said_not_to_be() {
    let check = |profile: &str, expected: &[&str]| {
        let text = format!("cluster.bootstrap = \"mock\"\nworkload.profile = {profile}");
        let plan = Plan::parse("p", &text, &[]).unwrap_or_else(|error| panic!("{error}"));
        let warnings = Matrix::resolve(&plan, false).unwrap().warnings(&plan);
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings, expected);
    };
    let ramp = |over: &str| format!("{{ kind = \"ramp\", from = \"1/s\", to = \"9/s\", over = \"{over}\" }}");
    check(&ramp("40s"), &[]);
    check(
        &ramp("41s"),
        &["workload.profile changes for 41s, but warm-up and window take 40s: trials see a part of it"],
    );
    let steps = "{ kind = \"steps\", rates = [\"1/s\", \"2/s\", \"3/s\"], each = \"20s\" }";
    check(steps, &[]);
    let wave = |period: &str| format!("{{ kind = \"wave\", low = \"1/s\", high = \"9/s\", period = \"{period}\" }}");
    check(&wave("30s"), &[]);
    check(
        &wave("31s"),
        &["workload.profile has a cycle of 31s, but window.measure is 30s: trials see a part of it"],
    );
}
