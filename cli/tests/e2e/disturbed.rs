//! The harness itself is held up: the trial must not be believed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tribunal_model::limits::Limit;
use tribunal_model::trial::Part;
use tribunal_report::caveat::{BoundBy, Caveat};
use tribunal_report::result::TrialResult;

use crate::support::{Agent, Bench, Coordinator, LOOSE, alone};

/// Every limit is loose but those on lines that begin with one of `kept`.
fn loose_but(kept: &[&str]) -> String {
    let keeps = |line: &&str| !kept.iter().any(|kept| line.starts_with(kept));
    LOOSE.lines().filter(keeps).collect::<Vec<_>>().join("\n") + "\n"
}

fn plan(rate: &str, measure: &str, limits: &str) -> String {
    format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"mock\"\n[topic]\npartitions = 3\n[workload]\nrate = \"{rate}\"\n\
         record = {{ size = \"100B\" }}\n[window]\nwarm_up = \"100ms\"\nmeasure = \"{measure}\"\n{limits}"
    )
}

/// The reading of a limit on an agent.
fn reading(result: &TrialResult, limit: Limit) -> f64 {
    let of_limit = result.checks.iter().filter(|check| check.limit == limit);
    of_limit.map(|check| check.value).fold(f64::NAN, f64::max)
}

#[test]
fn an_agent_that_was_stopped_for_a_while_has_no_valid_trial() {
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let agent = Agent::start(&bench, &coordinator.url, "a");
    let run = bench.run_on(&coordinator, &plan("500/s", "6s", &loose_but(&["hiccup"])));
    // Its first whole second has been told: the window is open.
    agent.until_delivering();
    agent.process.pause(Duration::from_millis(400));
    let run = run.finish();
    assert_eq!(run.code, Some(3), "{:#?}", run.err);
    let result = &bench.report().results[0];
    assert_eq!(
        (result.verdict.valid(), result.verdict.bound_by),
        (false, BoundBy::Harness)
    );
    assert!(reading(result, Limit::Hiccup) >= 0.35, "{:?}", result.checks);
    let window = result.part(Part::Window).unwrap();
    // Response time runs from the intended send, so the spell is in it in full, and no intended send is missing.
    assert!(
        window.response.max_us.unwrap() >= 350_000,
        "{:?}",
        window.response.max_us
    );
    assert_eq!(window.fates.scheduled, 3000);
    assert!(
        window.schedule_delay.max_us.unwrap() >= 300_000,
        "{:?}",
        window.schedule_delay.max_us
    );
}

/// A control group that may use a share of one processor; removed when dropped.
struct Quota(PathBuf);

impl Quota {
    /// One for this process, where the host lets control groups be made; else nothing, and a line that says so.
    fn of(process: u32, per_cent: u32) -> Option<Self> {
        let group = Path::new("/sys/fs/cgroup/cpu").join(format!("tribunal-story-{process}"));
        let quota = Self(group.clone());
        let made = std::fs::create_dir(&group)
            .and_then(|()| std::fs::write(group.join("cpu.cfs_period_us"), "100000"))
            .and_then(|()| std::fs::write(group.join("cpu.cfs_quota_us"), format!("{}", per_cent * 1000)))
            .and_then(|()| std::fs::write(group.join("cgroup.procs"), process.to_string()));
        match made {
            Ok(()) => Some(quota),
            Err(error) => {
                let line = format!("SKIP: no control group can be made here ({error}): the quota story is left out\n");
                let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
                None
            }
        }
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn an_agent_without_processor_time_is_the_bound_and_its_trial_says_nothing_of_the_broker() {
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let agent = Agent::start(&bench, &coordinator.url, "a");
    let limits = loose_but(&["cpu_quota", "cgroup_throttled", "schedule_delay"]);
    let Some(quota) = Quota::of(agent.process.id(), 10) else {
        return;
    };
    let run = bench.run_on(&coordinator, &plan("100k/s", "3s", &limits)).finish();
    assert_eq!(run.code, Some(3), "{:#?}", run.err);
    let result = &bench.report().results[0];
    let verdict = &result.verdict;
    assert!(!verdict.valid(), "{verdict:?}");
    assert!(
        matches!(verdict.bound_by, BoundBy::Host | BoundBy::Harness),
        "{verdict:?}"
    );
    assert!(
        verdict
            .caveats
            .iter()
            .any(|caveat| matches!(caveat, Caveat::Beyond(check) if check.limit == Limit::CgroupThrottled))
    );
    drop(agent);
    drop(quota);
}
