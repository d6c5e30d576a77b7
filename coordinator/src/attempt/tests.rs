use proptest::prelude::*;

use super::*;

const MS: i64 = 1_000_000;

fn name(i: usize) -> AgentName {
    AgentName::new(&format!("a{i}")).unwrap()
}

fn windows() -> Windows {
    let second = Duration::from_secs(1);
    Windows {
        warm_up: second,
        measure: second,
        drain: second,
    }
}

fn attempt(agents: usize) -> Attempt {
    Attempt::new((0..agents).map(name), windows(), Duration::ZERO, Timing::default(), 0)
}

fn ready(attempt: &mut Attempt, agents: usize, now: i64) -> Vec<Effect> {
    (0..agents)
        .flat_map(|i| attempt.step(Event::Ready(name(i), Duration::from_millis(2)), now))
        .collect()
}

fn orders(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Order(agent, Order::Arm(epoch, start)) => format!("{agent}:arm{}@{}", epoch.0, start / MS),
            Effect::Order(agent, Order::Disarm(epoch)) => format!("{agent}:disarm{}", epoch.0),
            Effect::Order(agent, Order::Go(epoch)) => format!("{agent}:go{}", epoch.0),
            Effect::Order(agent, Order::Renew) => format!("{agent}:renew"),
            Effect::Order(agent, Order::OpenWindow(t1)) => format!("{agent}:opens@{}", t1 / MS),
            Effect::Order(agent, Order::EndLoad) => format!("{agent}:end"),
            Effect::Order(agent, Order::Abort(_)) => format!("{agent}:abort"),
            Effect::AllReady => "ready".into(),
            Effect::Began(start) => format!("began@{}", start / MS),
            Effect::WindowResolved => "resolved".into(),
            Effect::Announced(windows) => format!("announced@{}", windows.warm_up.as_millis()),
            Effect::Over(ending) => format!("{ending:?}"),
        })
        .collect()
}

fn running(agents: usize) -> Attempt {
    started(attempt(agents), agents)
}

fn started(mut attempt: Attempt, agents: usize) -> Attempt {
    ready(&mut attempt, agents, 0);
    for i in 0..agents {
        attempt.step(Event::Armed(name(i), Epoch(1)), MS);
    }
    assert!(matches!(attempt.phase, Phase::Running { .. }));
    attempt
}

#[test]
fn all_ready_arms_all_armed_goes_all_resolved_ends_all_reported_completes() {
    let mut attempt = attempt(2);
    assert_eq!(
        orders(&ready(&mut attempt, 2, 0)),
        ["ready", "a0:arm1@260", "a1:arm1@260"]
    );
    assert!(attempt.step(Event::Armed(name(0), Epoch(1)), MS).is_empty());
    assert_eq!(
        orders(&attempt.step(Event::Armed(name(1), Epoch(1)), 2 * MS)),
        ["a0:go1", "a1:go1", "began@260"]
    );
    assert_eq!(orders(&attempt.step(Event::Tick, 1002 * MS)), ["a0:renew", "a1:renew"]);
    assert!(attempt.step(Event::WindowResolved(name(0)), 2300 * MS).is_empty());
    let effects = attempt.step(Event::WindowResolved(name(1)), 2400 * MS);
    assert_eq!(orders(&effects), ["resolved", "a0:end", "a1:end"]);
    assert!(attempt.step(Event::Reported(name(1)), 2500 * MS).is_empty());
    assert_eq!(orders(&attempt.step(Event::Reported(name(0)), 2500 * MS)), ["Complete"]);
    assert!(attempt.over());
}

#[test]
fn one_that_is_not_armed_in_time_disarms_all_and_is_armed_again_with_twice_the_margin() {
    let mut attempt = attempt(2);
    ready(&mut attempt, 2, 0);
    attempt.step(Event::Armed(name(0), Epoch(1)), MS);
    let at = attempt.deadline();
    assert_eq!(at, 210 * MS);
    let effects = attempt.step(Event::Tick, at);
    assert_eq!(
        orders(&effects),
        ["a0:disarm1", "a1:disarm1", "a0:arm2@730", "a1:arm2@730"]
    );
    assert!(
        attempt.step(Event::Armed(name(1), Epoch(1)), at + MS).is_empty(),
        "an old epoch does not count"
    );
    attempt.step(Event::Armed(name(0), Epoch(2)), at + MS);
    let effects = attempt.step(Event::Armed(name(1), Epoch(2)), at + MS);
    assert_eq!(orders(&effects), ["a0:go2", "a1:go2", "began@730"]);
}

#[test]
fn an_agent_that_never_arms_voids_the_attempt_after_five_tries() {
    let mut attempt = attempt(2);
    ready(&mut attempt, 2, 0);
    let mut disarms = 0;
    while !matches!(attempt.phase, Phase::Stopping { .. }) {
        let now = attempt.deadline();
        attempt.step(Event::Armed(name(0), attempt.epoch), now - 1);
        disarms += orders(&attempt.step(Event::Tick, now))
            .iter()
            .filter(|o| o.starts_with("a0:disarm"))
            .count();
    }
    assert_eq!(disarms, 5);
    attempt.step(Event::Stopped(name(0), String::new()), attempt.deadline() - 1);
    let effects = attempt.step(Event::Tick, attempt.deadline());
    assert_eq!(orders(&effects), ["Void(\"not armed in time, 5 tries: a1\")"]);
}

#[test]
fn a_lost_agent_voids_the_attempt_and_the_others_are_stopped_first() {
    let mut attempt = running(2);
    assert_eq!(orders(&attempt.step(Event::Lost(name(0)), 500 * MS)), ["a1:abort"]);
    let effects = attempt.step(Event::Stopped(name(1), "aborted".into()), 600 * MS);
    assert_eq!(orders(&effects), ["Void(\"agent a0 was lost\")"]);
}

#[test]
fn what_spoils_an_attempt_beside_its_producers_voids_it_and_stops_them_first() {
    let mut attempt = running(2);
    attempt.step(Event::Reported(name(0)), 2500 * MS);
    let spoiled = Event::Spoiled("agent c was lost".into());
    assert_eq!(orders(&attempt.step(spoiled, 2600 * MS)), ["a1:abort"]);
    let stopped = attempt.step(Event::Stopped(name(1), "told to".into()), 2700 * MS);
    assert_eq!(orders(&stopped), ["Void(\"agent c was lost\")"]);
}

#[test]
fn an_agent_lost_after_its_report_is_no_loss() {
    let mut attempt = running(2);
    attempt.step(Event::Reported(name(0)), 2500 * MS);
    assert!(attempt.step(Event::Lost(name(0)), 2600 * MS).is_empty());
    assert_eq!(
        orders(&attempt.step(Event::Reported(name(1)), 2700 * MS)),
        ["resolved", "Complete"]
    );
}

#[test]
fn go_that_reached_only_some_voids_the_attempt() {
    let mut attempt = running(2);
    assert_eq!(
        orders(&attempt.step(Event::NotStarted(name(1), Epoch(1)), 300 * MS)),
        ["a0:abort", "a1:abort"]
    );
}

#[test]
fn a_refusal_names_its_agent_and_stops_the_rest() {
    let mut attempt = attempt(2);
    let refused = Event::Refused(name(1), RefusalKind::ClusterUnreachable, "no broker".into());
    assert_eq!(orders(&attempt.step(refused, MS)), ["a0:abort"]);
    let effects = attempt.step(Event::Stopped(name(0), String::new()), 2 * MS);
    assert_eq!(
        orders(&effects),
        ["Refused(ClusterUnreachable, \"agent a1: no broker\")"]
    );
}

#[test]
fn a_cancellation_beats_a_void_and_waits_for_the_agents_to_close() {
    let mut attempt = running(2);
    attempt.step(Event::Stopped(name(0), "lease".into()), 500 * MS);
    assert!(attempt.step(Event::Cancel, 510 * MS).is_empty());
    assert_eq!(
        orders(&attempt.step(Event::Stopped(name(1), String::new()), 600 * MS)),
        ["Cancelled"]
    );
}

#[test]
fn missing_reports_end_the_attempt_at_its_last_instant() {
    let mut attempt = running(1);
    let mut now = 0;
    while !attempt.over() {
        now = attempt.deadline();
        assert!(now < 120_000 * MS, "stuck");
        attempt.step(Event::Tick, now);
    }
    assert!(now >= 260 * MS + nanoseconds(windows().longest()));
}

/// Warm-up of 1 s, and up to 10 s more until the load is steady; t0 is at 260 ms.
fn settling() -> Attempt {
    let settle = Duration::from_secs(10);
    started(
        Attempt::new((0..2).map(name), windows(), settle, Timing::default(), 0),
        2,
    )
}

#[test]
fn a_steady_load_opens_the_window_at_a_whole_second_that_all_hear_of_in_time() {
    let mut attempt = settling();
    // 3.0 s from t0, and 510 ms for everybody to hear of it.
    let effects = attempt.step(Event::Steady, 3260 * MS);
    assert_eq!(orders(&effects), ["a0:opens@4000", "a1:opens@4000", "announced@4000"]);
    assert!(attempt.step(Event::Steady, 3300 * MS).is_empty(), "once is enough");
    assert!(attempt.step(Event::WindowOpens(name(0), true), 3300 * MS).is_empty());
    let effects = attempt.step(Event::WindowOpens(name(1), false), 4300 * MS);
    assert_eq!(orders(&effects), ["a0:abort", "a1:abort"]);
}

#[test]
fn a_load_that_is_steady_early_has_its_whole_warm_up_and_one_that_is_so_too_late_its_latest_window() {
    let mut early = settling();
    assert_eq!(
        orders(&early.step(Event::Steady, 300 * MS)).last().unwrap(),
        "announced@1000"
    );
    let mut late = settling();
    assert!(late.step(Event::Steady, (260 + 10_600) * MS).is_empty());
    let mut fixed = running(2);
    assert!(fixed.step(Event::Steady, 300 * MS).is_empty());
}

fn events(agents: usize) -> impl Strategy<Value = Event> {
    let agent = (0..agents).prop_map(name);
    let epoch = (0u32..7).prop_map(Epoch);
    prop_oneof![
        4 => agent.clone().prop_map(|a| Event::Ready(a, Duration::from_millis(1))),
        4 => (agent.clone(), epoch.clone()).prop_map(|(a, e)| Event::Armed(a, e)),
        1 => (agent.clone(), epoch).prop_map(|(a, e)| Event::NotStarted(a, e)),
        1 => Just(Event::Steady),
        1 => (agent.clone(), any::<bool>()).prop_map(|(a, accepted)| Event::WindowOpens(a, accepted)),
        3 => agent.clone().prop_map(Event::WindowResolved),
        2 => agent.clone().prop_map(Event::Reported),
        1 => agent.clone().prop_map(|a| Event::Stopped(a, "x".into())),
        1 => agent.clone().prop_map(Event::Lost),
        1 => agent.prop_map(|a| Event::Refused(a, RefusalKind::Other, "x".into())),
        1 => Just(Event::Cancel),
        3 => Just(Event::Tick),
    ]
}

impl Attempt {
    fn over(&self) -> bool {
        self.phase == Phase::Over
    }
}

proptest! {
    #[test]
    fn no_order_of_events_leaves_an_attempt_stuck_or_starts_it_twice(
        steps in prop::collection::vec((events(3), 0i64..400), 0..60),
        settle in 0u64..20,
    ) {
        let settle = Duration::from_secs(settle);
        let mut attempt = Attempt::new((0..3).map(name), windows(), settle, Timing::default(), 0);
        let (mut now, mut goes, mut overs, mut announced) = (0, Vec::new(), 0, 0);
        let mut watch = |effects: Vec<Effect>| {
            for effect in effects {
                match effect {
                    Effect::Order(_, Order::Go(epoch)) => goes.push(epoch),
                    Effect::Over(_) => overs += 1,
                    Effect::Announced(_) => announced += 1,
                    _ => {}
                }
            }
        };
        for (event, after) in steps {
            now += after * MS;
            watch(attempt.step(event, now));
        }
        let mut turns = 0;
        while !attempt.over() {
            now = now.max(attempt.deadline());
            watch(attempt.step(Event::Tick, now));
            turns += 1;
            prop_assert!(turns < 1000, "stuck in {:?}", attempt.phase);
        }
        goes.dedup();
        prop_assert!(goes.len() <= 1, "{goes:?}");
        prop_assert_eq!(overs, 1);
        prop_assert!(announced <= 1);
    }
}
