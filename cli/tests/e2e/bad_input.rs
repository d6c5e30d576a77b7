//! Bad input: one clear line with file and line, exit code 2, nothing touched.

use crate::support::Bench;

const HEAD: &str = "[cluster]\nbootstrap = \"127.0.0.1:9\"\n[workload]\n";

#[track_caller]
fn check(plan: &str, line: usize, said: &str) {
    let bench = Bench::new();
    let path = bench.plan(plan);
    let run = bench.start(&["run", path.to_str().unwrap(), "--local", "1"]).finish();
    assert_eq!(run.code, Some(2), "{:#?}", run.err);
    let at = format!("plan.toml:{line}: ");
    assert!(
        run.error().contains(&at) && run.error().contains(said),
        "{}\nshould hold {at} and {said}",
        run.error()
    );
    assert_eq!(run.out, Vec::<String>::new());
    assert!(!bench.path().join("state").exists(), "nothing was started");
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_right_one() {
    check(
        &format!("{HEAD}rate = \"1k/s\"\nproducer = 2\n"),
        5,
        "did you mean \"producers\"",
    );
}

#[test]
fn a_misspelt_property_is_named_with_the_nearest_right_one() {
    let plan = format!("{HEAD}rate = \"1k/s\"\n[baseline]\n\"compresion.type\" = \"zstd\"\n");
    check(&plan, 6, "compression.type");
}

#[test]
fn a_wrong_property_value_is_answered_with_the_allowed_ones() {
    let plan = format!("{HEAD}rate = \"1k/s\"\n[factors]\nacks = [\"1\", \"maybe\"]\n");
    check(&plan, 6, "all");
    let plan = format!("{HEAD}rate = \"1k/s\"\n[factors]\n\"compression.type\" = [\"none\", \"zstdd\"]\n");
    check(&plan, 6, "zstd");
}

#[test]
fn a_rate_without_unit_or_of_zero_is_refused() {
    check(&format!("{HEAD}rate = \"50k\"\n"), 4, "50k/s");
    check(&format!("{HEAD}rate = \"0/s\"\n"), 4, "rate");
}

#[test]
fn an_empty_factor_is_refused() {
    check(
        &format!("{HEAD}rate = \"1k/s\"\n[factors]\n\"linger.ms\" = []\n"),
        6,
        "linger.ms",
    );
}

#[test]
fn a_plan_of_a_newer_schema_is_refused() {
    check(&format!("schema = 2\n{HEAD}rate = \"1k/s\"\n"), 1, "newer");
}

#[test]
fn a_password_in_a_plan_is_refused_without_repeating_it() {
    let plan = format!("{HEAD}rate = \"1k/s\"\n[cluster.properties]\n\"sasl.password\" = \"hunter2hunter2\"\n");
    check(&plan, 6, "env");
    let bench = Bench::new();
    let path = bench.plan(&plan);
    let run = bench.start(&["run", path.to_str().unwrap(), "--local", "1"]).finish();
    assert!(!run.err.iter().any(|line| line.contains("hunter2")), "{:#?}", run.err);
}

#[test]
fn a_matrix_of_more_than_ten_thousand_trials_wants_a_flag() {
    let levels: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    let levels = levels.join(", ");
    let plan = format!(
        "{HEAD}rate = \"1k/s\"\n[factors]\n\"linger.ms\" = [{levels}]\npartitions = [{}]\n",
        {
            let counts: Vec<String> = (1..101).map(|n| n.to_string()).collect();
            counts.join(", ")
        }
    );
    let bench = Bench::new();
    let path = bench.plan(&plan);
    let run = bench.start(&["plan", "check", path.to_str().unwrap()]).finish();
    assert_eq!(run.code, Some(2), "{:#?}", run.err);
    assert!(
        run.error().contains("--allow-large") && run.error().contains("10100"),
        "{}",
        run.error()
    );
}

#[test]
fn a_plan_that_cannot_be_read_is_named() {
    let bench = Bench::new();
    let run = bench.start(&["plan", "check", "nowhere.toml"]).finish();
    assert_eq!(run.code, Some(2), "{:#?}", run.err);
    assert!(run.error().contains("nowhere.toml"), "{}", run.error());
}

#[test]
fn wrong_usage_is_exit_code_two() {
    let bench = Bench::new();
    assert_eq!(bench.start(&["run"]).finish().code, Some(2));
    assert_eq!(bench.start(&["frobnicate"]).finish().code, Some(2));
}

#[test]
fn the_example_plan_checks_out() {
    let bench = Bench::new();
    let init = bench.start(&["plan", "init"]).finish();
    assert_eq!(init.code, Some(0));
    let path = bench.plan(&init.out.join("\n"));
    let check = bench.start(&["plan", "check", path.to_str().unwrap()]).finish();
    assert_eq!(check.code, Some(0), "{:#?}", check.err);
    assert!(check.out.iter().any(|line| line.contains("trials")), "{:#?}", check.out);
}
