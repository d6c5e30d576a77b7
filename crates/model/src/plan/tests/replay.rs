use super::*;
use crate::profile::{After, Segment};

const HEAD: &str = "cluster.bootstrap = \"b:9092\"\n";
const FILE: &str = "cluster.bootstrap = \"b:9092\"\n[workload]\nprofile = { kind = \"replay\", file = \"rates.csv\" }";

fn segment(millis: u64, from: u64, to: u64) -> Segment {
    Segment::new(Duration::from_millis(millis), from * 1_000_000, to * 1_000_000)
}

#[track_caller]
fn replay(text: &str) -> Profile {
    let text = format!("{HEAD}workload.profile = {text}");
    parse(&text, &[])
        .unwrap_or_else(|error| panic!("{error}"))
        .workload
        .profile
        .unwrap()
}

#[test]
fn points_are_steps_or_joined_by_lines() {
    let points = "points = [[\"0s\", \"10k/s\"], [\"10s\", \"12k/s\"], [\"15s\", \"0/s\"], [\"20s\", \"5k/s\"]]";
    let steps = replay(&format!("{{ kind = \"replay\", {points} }}"));
    assert_eq!(
        steps.segments(),
        [
            segment(10_000, 10_000, 10_000),
            segment(5_000, 12_000, 12_000),
            segment(5_000, 0, 0),
            segment(1_000, 5_000, 5_000)
        ]
    );
    assert_eq!(
        (steps.after(), steps.text()),
        (After::Hold, "replay of points: 4 steps over 20s, up to 12k/s")
    );
    let lines = replay(&format!("{{ kind = \"replay\", between = \"linear\", {points} }}"));
    assert_eq!(
        lines.segments(),
        [
            segment(10_000, 10_000, 12_000),
            segment(5_000, 12_000, 0),
            segment(5_000, 0, 5_000),
            segment(1_000, 5_000, 5_000)
        ]
    );
    assert_eq!(
        lines.text(),
        "replay of points: 4 points joined by lines over 20s, up to 12k/s"
    );
}

#[test]
fn wrong_points_have_their_line() {
    let check = |profile: &str, message: &str| {
        let text = format!("{HEAD}workload.profile = {{ kind = \"replay\", {profile} }}");
        check_text(&text, &[], &format!("plan.toml:{message}"));
    };
    check(
        "points = [[\"1s\", \"1/s\"]]",
        "2: workload.profile.points: the first time has to be \"0s\"",
    );
    check(
        "points = [[\"0s\", \"1/s\"],\n[\"2s\", \"1/s\"],\n[\"2s\", \"1/s\"]]",
        "4: workload.profile.points: \"2s\" is not after 2s, the time before it",
    );
    check(
        "points = [\"0s\", \"1/s\"]",
        "2: workload.profile.points: expected time and rate such as [\"10s\", \"12k/s\"]",
    );
    check(
        "points = [[\"0s\", \"0/s\"]]",
        "2: workload.profile: expected a rate above zero at the end of what is held, or anywhere in what is repeated",
    );
    check(
        "between = \"steps\"",
        "2: workload.profile: points or file is required; write for example points = [[\"0s\", \"10k/s\"], [\"10s\", \
         \"12k/s\"]]",
    );
    check(
        "file = \"a.csv\", points = [[\"0s\", \"1/s\"]]",
        "2: workload.profile.file: is set beside workload.profile.points; keep one of the two",
    );
    check(
        "between = \"curves\"",
        "2: workload.profile.between: \"curves\" is unknown; expected \"steps\" or \"linear\"",
    );
    let many = "[\"0s\",\"1/s\"],".repeat(10_001);
    check(
        &format!("points = [{many}]"),
        "2: workload.profile.points: has 10001 points; at most 10000 are possible; thin them out",
    );
}

#[test]
fn a_file_becomes_points_before_the_plan_travels() {
    check_text(
        FILE,
        &[],
        "plan.toml:3: workload.profile.file: is read by the command line only; here the rates have to stand in the \
         plan: points = [[\"0s\", \"10k/s\"], ...]",
    );
    let mut asked = Vec::new();
    let csv = "\u{feff}seconds,records_per_second\r\n1700000000,1000\r\n\r\n1700000000.5, 2500.25\n1700000010,0\n\
               1700000011,1e4\n";
    let mut read = |file: &ReplayFile| {
        asked.push(file.clone());
        Ok(csv.to_owned())
    };
    let (plan, overrides) = Plan::parse_with("plan.toml", FILE, &[], &mut read).unwrap();
    let file = ReplayFile {
        path: "rates.csv".to_owned(),
        origin: Origin::Line(3),
    };
    assert_eq!(asked, [file]);
    let profile = plan.workload.profile.as_ref().unwrap();
    assert_eq!(profile.text(), "replay of \"rates.csv\": 4 steps over 11s, up to 10k/s");
    assert_eq!(profile.segments()[1].from_micro, 2_500_250_000);
    assert_eq!(
        overrides.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["workload.profile.points=[[\"0s\",\"1k/s\"],[\"500ms\",\"2500.25/s\"],[\"10s\",\"0/s\"],[\"11s\",\"10k/s\"]]"]
    );
    // What travels is enough, also after having been text.
    let again: Vec<Override> = overrides.iter().map(|set| set.to_string().parse().unwrap()).collect();
    assert_eq!(Plan::parse("plan.toml", FILE, &again).unwrap(), plan);
    assert_eq!(Plan::replay_file("plan.toml", FILE, &again).unwrap(), None);
    let none = Plan::parse_with("plan.toml", CLUSTER, &[], &mut |_| Err("not asked".to_owned())).unwrap();
    assert_eq!((none.0.workload.profile, none.1), (None, Vec::new()));
}

#[test]
fn a_file_may_be_named_on_the_command_line() {
    let set =
        Override::parse("workload.profile={ kind = \"replay\", file = \"b.csv\", between = \"linear\" }").unwrap();
    let file = Plan::replay_file("plan.toml", HEAD, &[set]).unwrap().unwrap();
    assert_eq!(file.path, "b.csv");
    assert_eq!(file.origin, Origin::Override("workload.profile".to_owned()));
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    let error = |read: Result<&str, &str>| {
        let mut read = |_: &ReplayFile| read.map(str::to_owned).map_err(str::to_owned);
        Plan::parse_with("plan.toml", FILE, &[], &mut read)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error(Err("no such file")),
        "plan.toml:3: workload.profile.file: \"rates.csv\" cannot be read: no such file"
    );
    let csv = |text: &str| error(Ok(text));
    assert_eq!(
        csv("seconds,rate\n0,1\n1,x\n"),
        "rates.csv:3: expected seconds and records a second such as 10,12000, found \"1,x\""
    );
    assert_eq!(
        csv("a,b\nc,d"),
        "rates.csv:2: expected seconds and records a second such as 10,12000, found \"c,d\""
    );
    assert_eq!(
        csv("0,1,2"),
        "rates.csv:1: expected seconds and records a second such as 10,12000, found \"0,1,2\""
    );
    assert_eq!(csv("0,1,x"), "rates.csv:1: expected two columns, found 3");
    assert_eq!(
        csv("0,-1"),
        "rates.csv:1: -1 is no rate from 0 to 10^9 records a second"
    );
    assert_eq!(
        csv("0,nan"),
        "rates.csv:1: NaN is no rate from 0 to 10^9 records a second"
    );
    assert_eq!(csv("5,1\n5,2"), "rates.csv:2: 5 is not after the time before it");
    assert_eq!(csv("5,1\n4,2"), "rates.csv:2: 4 is no time after the first one");
    assert_eq!(
        csv("\n"),
        "rates.csv: holds no rates; expected lines of seconds,records_per_second"
    );
    let many: Vec<String> = (0..10_001).map(|i| format!("{i},1")).collect();
    assert_eq!(
        csv(&many.join("\n")),
        "rates.csv:10001: is point 10001; at most 10000 are possible"
    );
    assert_eq!(
        csv("0,1\n1,0"),
        "plan.toml:3: workload.profile: expected a rate above zero at the end of what is held, or anywhere in what is \
         repeated"
    );
}
