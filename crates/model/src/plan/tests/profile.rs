use super::*;
use crate::profile::{After, Segment};

const HEAD: &str = "cluster.bootstrap = \"b:9092\"\n";

#[track_caller]
fn profile(text: &str) -> Profile {
    let text = format!("{HEAD}workload.profile = {text}");
    parse(&text, &[])
        .unwrap_or_else(|error| panic!("{error}"))
        .workload
        .profile
        .unwrap()
}

fn segment(seconds: u64, from: u64, to: u64) -> Segment {
    Segment::new(Duration::from_secs(seconds), from * 1_000_000, to * 1_000_000)
}

#[track_caller]
fn check_shape(text: &str, after: After, segments: &[Segment], name: &str) {
    let profile = profile(text);
    assert_eq!((profile.after(), profile.segments()), (after, segments));
    assert_eq!(profile.text(), name);
}

#[test]
fn each_kind_has_its_segments() {
    check_shape(
        "{ kind = \"ramp\", from = \"1k/s\", to = \"50k/s\", over = \"30s\" }",
        After::Hold,
        &[segment(30, 1000, 50_000)],
        "ramp 1k/s to 50k/s over 30s",
    );
    check_shape(
        "{ kind = \"steps\", rates = [\"10k/s\", \"0/s\", \"20k/s\"], each = \"10s\" }",
        After::Hold,
        &[
            segment(10, 10_000, 10_000),
            segment(10, 0, 0),
            segment(10, 20_000, 20_000),
        ],
        "steps 10k/s, 0/s, 20k/s of 10s",
    );
    check_shape(
        "{ kind = \"burst\", base = \"10k/s\", peak = \"50k/s\", every = \"10s\", for = \"1s\" }",
        After::Repeat,
        &[segment(9, 10_000, 10_000), segment(1, 50_000, 50_000)],
        "10k/s with bursts of 50k/s for 1s every 10s",
    );
}

#[test]
fn a_wave_is_a_sine_in_32_pieces() {
    let wave = profile("{ kind = \"wave\", low = \"10k/s\", high = \"50k/s\", period = \"61s\" }");
    assert_eq!((wave.after(), wave.segments().len()), (After::Repeat, 32));
    assert_eq!(wave.text(), "wave 10k/s to 50k/s every 1m1s");
    let mut start = 0;
    for (k, segment) in wave.segments().iter().enumerate() {
        let way = f64::midpoint(1.0, (std::f64::consts::TAU * k as f64 / 32.0).sin());
        let expected = 1e6 * (10_000.0 + 40_000.0 * way);
        assert!((segment.from_micro as f64 - expected).abs() < 30.0, "{k}: {segment:?}");
        assert_eq!(segment.to_micro, wave.segments()[(k + 1) % 32].from_micro);
        start += segment.length_ns;
    }
    assert_eq!(start, 61_000_000_000);
    let mean = wave.mean(Duration::from_secs(61)).unwrap().as_per_second();
    assert!((mean - 30_000.0).abs() < 1.0, "{mean}");
    let highest = wave.segments().iter().map(|segment| segment.from_micro).max();
    assert_eq!(highest, Some(50_000_000_000));
}

#[test]
fn a_profile_s_mean_is_the_rate() {
    let text = "window = { warm_up = \"5s\", measure = \"5s\" }\nworkload.profile = { kind = \"ramp\", from = \
                \"0/s\", to = \"10k/s\", over = \"20s\" }";
    let plan = parse(&format!("{HEAD}{text}"), &[]).unwrap();
    assert_eq!(plan.workload.rate.to_string(), "2500/s");
}

#[test]
fn wrong_profiles_have_their_line() {
    let check = |profile: &str, message: &str| {
        let text = format!("{HEAD}workload.profile = {profile}");
        check_text(&text, &[], &format!("plan.toml:2: workload.profile{message}"));
    };
    let ramp = "{ kind = \"ramp\", from = \"1k/s\", to = \"50k/s\", over = \"30s\" }";
    check(
        "{ from = \"1k/s\" }",
        &format!(
            ": kind is required (\"ramp\", \"steps\", \"burst\", \"wave\" or \"replay\"); write for example {ramp}"
        ),
    );
    check(
        "{ kind = \"rampe\" }",
        ".kind: \"rampe\" is unknown; did you mean \"ramp\"?",
    );
    check(
        "{ kind = \"ramp\", from = \"1k/s\", over = \"1s\" }",
        &format!(": to is required; write for example {ramp}"),
    );
    check(
        "{ kind = \"ramp\", form = \"1k/s\" }",
        ".form: unknown key; did you mean \"from\"?",
    );
    check(
        "{ kind = \"ramp\", from = \"1MB/s\", to = \"2MB/s\", over = \"1s\" }",
        ".from: \"1MB/s\" has the unknown unit \"MB\"; expected a rate in records such as \"50k/s\"",
    );
    check(
        "{ kind = \"ramp\", from = \"1k\", to = \"2k/s\", over = \"1s\" }",
        ".from: \"1k\" has no \"/s\"; expected a rate in records such as \"50k/s\"",
    );
    check(
        "{ kind = \"ramp\", from = \"1k/s\", to = \"2k/s\", over = \"0s\" }",
        ".over: expected a duration above zero",
    );
    check(
        "{ kind = \"ramp\", from = \"1k/s\", to = \"0/s\", over = \"1s\" }",
        ": expected a rate above zero at the end of what is held, or anywhere in what is repeated",
    );
    check(
        "{ kind = \"ramp\", from = \"1k/s\", to = \"2k/s\", over = \"25h\" }",
        ": expected segments of at most a day at rates of at most 10^9 records a second",
    );
    check(
        "{ kind = \"burst\", base = \"5k/s\", peak = \"5k/s\", every = \"10s\", for = \"1s\" }",
        ".peak: is not above base",
    );
    check(
        "{ kind = \"burst\", base = \"1k/s\", peak = \"5k/s\", every = \"10s\", for = \"10s\" }",
        ".for: is not shorter than every",
    );
    check(
        "{ kind = \"wave\", low = \"2k/s\", high = \"1k/s\", period = \"10s\" }",
        ".high: is not above low",
    );
    check(
        "{ kind = \"steps\", rates = [], each = \"1s\" }",
        ".rates: the list is empty",
    );
    check(
        "{ kind = \"wave\", low = \"1k/s\", high = \"2k/s\", period = \"31ns\" }",
        ": expected at least one segment, each longer than zero",
    );
    check(
        "{ kind = \"steps\", rates = [\"0/s\", \"1/s\"], each = \"1h\" }",
        ": offers no record during warm-up and measurement",
    );
    check("\"ramp\"", ": expected a table, found \"ramp\"");
}

#[test]
fn a_profile_is_the_only_one_that_says_how_fast() {
    let ramp = "workload.profile = { kind = \"ramp\", from = \"1k/s\", to = \"2k/s\", over = \"1s\" }\n";
    check(
        ramp,
        "plan.toml:2: workload.rate: is set beside workload.profile; keep one of the two",
    );
    let check = |rest: &str, expected: &str| check_text(&format!("{HEAD}{ramp}{rest}"), &[], expected);
    check(
        "[factors]\nrate = [\"1/s\"]",
        "plan.toml:4: factors.rate: is set beside workload.profile; keep one of the two",
    );
    check(
        "design.mode = \"two-phase\"",
        "plan.toml:2: workload.profile: does not apply: the rates are set by design.mode = \"two-phase\"",
    );
    check(
        "objective.failed = \"== 0\"\n[search]",
        "plan.toml:2: workload.profile: does not apply: the rates are set by [search]",
    );
    check(
        "[factors]\nprofile = [1, 2]",
        "plan.toml:4: factors.profile: \"profile\" is the same for all trials and can be no factor",
    );
}
