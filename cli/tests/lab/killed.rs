//! Processes and hosts that end in the middle of a trial, and systemd that starts them again.

use crate::site::{ANY_CLOCK, plan, site, until};

const WORKLOAD: &str = "rate = \"200/s\"\nproducers = 2";

#[test]
fn an_agent_that_was_killed_is_started_again_and_the_trial_is_run_again() {
    let Some(site) = site() else { return };
    let restarts = || {
        let shown = site.sh(
            "h3",
            &["systemctl", "show", "tribunal-agent", "-p", "NRestarts", "--value"],
        );
        shown.trim().parse::<u32>().unwrap()
    };
    let before = restarts();
    let window = "warm_up = \"1s\"\nmeasure = \"5s\"\ndrain = \"5s\"";
    let run = site.run("killed", &plan(2, WORKLOAD, window, ANY_CLOCK));
    site.until_delivering("h3");
    site.sh("h3", &["systemctl", "kill", "--signal=KILL", "tribunal-agent"]);
    run.until("agent h3 was lost");
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = site.report("killed");
    assert_eq!((report.results.len(), report.void_attempts.len()), (1, 1));
    assert_eq!(report.results[0].attempt.0, 2);
    assert!(report.void_attempts[0].reason.contains("agent h3 was lost"));
    assert_eq!(restarts(), before + 1);
}

#[test]
fn an_experiment_goes_on_after_the_coordinators_host_was_started_again() {
    let Some(site) = site() else { return };
    let window = "warm_up = \"1s\"\nmeasure = \"2s\"\ndrain = \"5s\"";
    let more = format!("{ANY_CLOCK}[factors]\n\"linger.ms\" = [10, 11, 12]\n");
    let run = site.run("rebooted", &plan(2, WORKLOAD, window, &more));
    run.until("trial 2 of 3: ");
    site.until_delivering("h2");
    site.lab.run(&["reboot", "h1", "--hard"]).unwrap();
    let run = run.finish();
    assert_eq!(run.code, Some(4), "{:#?}", run.err);
    let interrupted = || site.experiments().into_iter().find(|row| row["state"] == "interrupted");
    until("the coordinator to be back", || interrupted().is_some());
    let id = interrupted().unwrap()["id"].as_str().unwrap().to_owned();
    let out = site.path("rebooted");
    let resumed = site.operator(&["resume", &id, "--out", out.to_str().unwrap()]).finish();
    assert_eq!(resumed.code, Some(0), "{:#?}", resumed.err);
    let report = site.report("rebooted");
    let mut cells: Vec<String> = report
        .results
        .iter()
        .map(tribunal_report::result::TrialResult::cell_text)
        .collect();
    cells.sort();
    assert_eq!(cells, ["linger.ms=10", "linger.ms=11", "linger.ms=12"]);
    assert_eq!(
        report.results[1].attempt.0, 2,
        "the trial that was running was run again"
    );
}
