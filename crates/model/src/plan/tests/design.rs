use super::*;
use crate::design::{DesignKind, Mode};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_design_depends_on_the_repetitions() {
    let once = plan("").design;
    assert_eq!(
        (once.kind, once.mode, once.budget),
        (DesignKind::Full, Mode::Direct, None)
    );
    assert_eq!(
        (once.canary, once.burn_in, once.settle),
        (false, Duration::ZERO, MINUTE * 3 / 2)
    );
    let often = plan("window = { repetitions = 2, warm_up = \"7s\" }").design;
    assert_eq!((often.canary, often.burn_in), (true, Duration::from_secs(7)));
    let text = "window = { repetitions = 2, burn_in = \"1m\", settle = \"2m\" }\naudit = \"count\"\n[design]\nkind = \
                \"one-at-a-time\"\nmode = \"two-phase\"\nbudget = \"2h\"\ncanary = false\nsettle = \"0s\"";
    let written = plan(text);
    assert_eq!((written.settle, written.audit), (2 * MINUTE, AuditLevel::Count));
    assert_eq!(
        written.design,
        Design {
            kind: DesignKind::OneAtATime,
            mode: Mode::TwoPhase,
            budget: Some(120 * MINUTE),
            canary: false,
            burn_in: MINUTE,
            settle: Duration::ZERO,
            preset: None,
        }
    );
}

#[test]
fn wrong_designs_have_their_line() {
    check(
        "[design]\nkind = \"pairwize\"",
        "plan.toml:4: design.kind: \"pairwize\" is unknown; did you mean \"pairwise\"?",
    );
    check(
        "[design]\nmode = \"2\"",
        "plan.toml:4: design.mode: \"2\" is unknown; expected \"direct\" or \"two-phase\"",
    );
    check(
        "[design]\npreset = \"sugested\"",
        "plan.toml:4: design.preset: \"sugested\" is unknown; did you mean \"suggested\"?",
    );
    check(
        "[design]\nbudget = \"0s\"",
        "plan.toml:4: design.budget: expected a duration above zero",
    );
    check(
        "[design]\ncanary = \"yes\"",
        "plan.toml:4: design.canary: expected true or false, found \"yes\"",
    );
    check(
        "[design]\nburn_in = \"1s\"",
        "plan.toml:4: design.burn_in: unknown key; did you mean \"window.burn_in\"?",
    );
    check(
        "audit = \"offset\"",
        "plan.toml:3: audit: \"offset\" is unknown; did you mean \"offsets\"?",
    );
    check(
        "[design]\nmode = \"two-phase\"\n[factors]\nrate = [\"1k/s\", \"2k/s\"]",
        "plan.toml:6: factors.rate: can be no factor: the rates are set by design.mode = \"two-phase\"",
    );
}

#[test]
fn two_phases_and_searches_need_no_rate() {
    let text = "cluster.bootstrap = \"mock\"\n";
    assert!(parse(&format!("{text}design.mode = \"two-phase\""), &[]).is_ok());
    assert!(parse(&format!("{text}objective.failed = \"== 0\"\n[search]"), &[]).is_ok());
}

const OBJECTIVE: &str = "[objective]\nresponse_p99 = \"<= 50ms\"\n";

#[test]
fn a_search_has_defaults() {
    let search = plan(&format!("{OBJECTIVE}[search]")).search;
    let defaults = SearchPlan {
        first: 1e3,
        highest: 1e7,
        precision: 0.02,
        confirmations: 3,
        back_off: 0.02,
        most_probes: 60,
        confirm: None,
    };
    assert_eq!(search, Some(defaults));
    let written = plan(&format!(
        "{OBJECTIVE}[search]\nfirst = \"500/s\"\nhighest = \"1M/s\"\nprecision = \"5%\"\nconfirmations = 5\n\
         back_off = 0.1\nmost_probes = 12\nconfirm = \"10m\""
    ));
    let expected = SearchPlan {
        first: 500.0,
        highest: 1e6,
        precision: 0.05,
        confirmations: 5,
        back_off: 0.1,
        most_probes: 12,
        confirm: Some(10 * MINUTE),
    };
    assert_eq!(written.search, Some(expected));
    assert_eq!(plan(OBJECTIVE).search, None);
}

#[test]
fn wrong_searches_have_their_line() {
    let meaning = "needs an [objective] with a condition: what would passing mean? Write for example response_p99 = \
                   \"<= 50ms\" there";
    check("[search]", &format!("plan.toml:3: search: {meaning}"));
    check(
        "[search]\n[objective]\nmaximise = \"delivered_rate\"",
        &format!("plan.toml:3: search: {meaning}"),
    );
    let check = |text: &str, message: &str| check(&format!("{OBJECTIVE}{text}"), &format!("plan.toml:{message}"));
    check(
        "[search]\nfirst = \"1MB/s\"",
        "6: search.first: \"1MB/s\" has the unknown unit \"MB\"; expected a rate in records such as \"50k/s\"",
    );
    check(
        "[search]\nfirst = \"0/s\"",
        "6: search.first: expected a rate above zero",
    );
    check(
        "[search]\nfirst = 1000",
        "6: search.first: expected a rate in records such as \"50k/s\", found 1000",
    );
    check(
        "[search]\nfirst = \"2k/s\"\nhighest = \"1k/s\"",
        "6: search.first: is 2k/s, not below search.highest (1k/s)",
    );
    check(
        "[search]\nhighest = \"1k/s\"",
        "6: search.first: is 1k/s, not below search.highest (1k/s)",
    );
    check(
        "[search]\nprecision = 0",
        "6: search.precision: expected a share such as 0.05 or \"5%\" from 0.001 to 0.5, found 0",
    );
    check(
        "[search]\nconfirmations = 0",
        "6: search.confirmations: expected a whole number from 1 to 100000, found 0",
    );
    check(
        "[search]\n[window]\nrepetitions = 6",
        "7: window.repetitions: must be 1 with [search], which repeats what it has to; set search.confirmations",
    );
    check(
        "[search]\n[design]\nbudget = \"1h\"",
        "7: design.budget: does not apply to [search], which has no blocks; set search.most_probes",
    );
    check(
        "[search]\n[design]\ncanary = true",
        "7: design.canary: does not apply to [search], which has no blocks",
    );
    check(
        "[search]\n[window]\nburn_in = \"1s\"",
        "7: window.burn_in: does not apply to [search], which begins with low rates",
    );
    check(
        "[search]\n[design]\nmode = \"two-phase\"",
        "5: search: does not go with design.mode = \"two-phase\"; keep one of the two",
    );
    check(
        "[search]\n[factors]\nrate = [\"1k/s\"]",
        "7: factors.rate: can be no factor: the rates are set by [search]",
    );
    let harmless = "[search]\n[window]\nrepetitions = 1\nburn_in = \"0s\"\n[design]\ncanary = false";
    plan(&format!("{OBJECTIVE}{harmless}"));
}
