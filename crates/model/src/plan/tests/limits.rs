use super::*;
use crate::limits::{Bounds, Limit};

#[track_caller]
fn check_bounds(text: &str, limit: Limit, warn: f64, void: f64) {
    let limits = plan(&format!("[limits]\n{text}")).limits;
    assert_eq!(limits.get(limit), Bounds { warn, void });
    let others = Limit::ALL.into_iter().filter(|other| *other != limit);
    for other in others {
        assert_eq!(limits.get(other), other.default_bounds());
    }
}

#[test]
fn a_limit_is_where_it_voids_or_says_both() {
    check_bounds("start_skew = \"50ms\"", Limit::StartSkew, 0.005, 0.050);
    check_bounds("start_skew = \"1ms\"", Limit::StartSkew, 0.001, 0.001);
    check_bounds(
        "hiccup = { warn = \"5ms\", void = \"20ms\" }",
        Limit::Hiccup,
        0.005,
        0.020,
    );
    check_bounds("hiccup = { warn = \"50ms\" }", Limit::Hiccup, 0.050, 0.100);
    check_bounds("hiccup = { void = \"10ms\" }", Limit::Hiccup, 0.010, 0.010);
    check_bounds("hiccup.void = \"30ms\"", Limit::Hiccup, 0.020, 0.030);
}

#[test]
fn a_limit_may_be_never() {
    let never = f64::INFINITY;
    check_bounds("clock_bound = \"never\"", Limit::ClockBound, 0.002, never);
    check_bounds(
        "clock_bound = { warn = \"never\", void = \"never\" }",
        Limit::ClockBound,
        never,
        never,
    );
    check_bounds("cpu_pressure = { warn = \"never\" }", Limit::CpuPressure, never, never);
}

#[test]
fn shares_are_numbers_or_per_cent() {
    check_bounds("late_sends = 0.2", Limit::LateSends, 0.01, 0.2);
    check_bounds("late_sends = \"20 %\"", Limit::LateSends, 0.01, 0.2);
    check_bounds("steal = { warn = \"0.5%\", void = 1 }", Limit::Steal, 0.005, 1.0);
    check_bounds("calibration = 1.0", Limit::Calibration, 0.70, 1.0);
}

#[test]
fn wrong_limits_have_their_line() {
    let check =
        |text: &str, message: &str| check(&format!("[limits]\n{text}"), &format!("plan.toml:4: limits.{message}"));
    check(
        "start_skew = { warn = \"20ms\", void = \"5ms\" }",
        "start_skew.warn: 20ms is above void (5ms)",
    );
    check(
        "start_skew = { warn = \"20ms\" }",
        "start_skew.warn: 20ms is above void (10ms, the default; set void too)",
    );
    check(
        "start_skew = { warn = \"never\" }",
        "start_skew.warn: never is above void (10ms, the default; set void too)",
    );
    check(
        "start_skew = {}",
        "start_skew: sets neither warn nor void; the default of void is 10ms",
    );
    check(
        "start_skew = 10",
        "start_skew: 10 has no unit; expected a duration such as \"30s\", \"500ms\" or \"1h30m\"",
    );
    let share = "expected a share such as 0.05 or \"5%\"";
    check("late_sends = 5", &format!("late_sends: {share} from 0 to 1, found 5"));
    check(
        "late_sends = \"500%\"",
        &format!("late_sends: {share} from 0 to 1, found \"500%\""),
    );
    check("late_sends = \"5\"", &format!("late_sends: \"5\" has no unit; {share}"));
    check(
        "late_sends = \"5ms\"",
        &format!("late_sends: \"5ms\" has the unknown unit \"ms\"; {share}"),
    );
    check("late_sends = true", &format!("late_sends: {share}, found true"));
    check("hicup = \"5ms\"", "hicup: unknown key; did you mean \"hiccup\"?");
    check(
        "hiccup = { wam = \"5ms\" }",
        "hiccup.wam: unknown key; expected \"warn\" or \"void\"",
    );
}
