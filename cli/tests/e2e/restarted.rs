//! The coordinator is killed inside a trial and between two, started again, and told to go on.

use std::collections::BTreeMap;

use crate::support::{Agent, Bench, Coordinator, LOOSE, alone, kafka, topics_left};

#[test]
fn a_killed_coordinator_goes_on_after_the_last_finished_trial() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    let mut coordinator = Coordinator::start(&bench, 0);
    let url = coordinator.url.clone();
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let agent = Agent::start(&bench, &url, "a");
    let plan = bench.plan(&format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"{}\"\n[topic]\npartitions = 3\nreplication = 3\n\
         [workload]\nrate = \"500/s\"\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"3s\"\n{LOOSE}[factors]\n\"linger.ms\" = [10, 11, 12, 13]\n",
        kafka.bootstrap()
    ));
    let plan = plan.to_str().unwrap();

    // Inside the second trial.
    let run = bench.start(&["run", plan, "--coordinator", &url]);
    run.until("trial 2 of 4: ");
    agent.until_delivering();
    coordinator.process.kill();
    let run = run.finish();
    assert_eq!(run.code, Some(4), "{:#?}", run.err);
    assert!(
        run.err.iter().any(|line| line.contains("tribunal watch ")),
        "how to attach again: {:#?}",
        run.err
    );

    // Between the third and the fourth: its first fact after the third result is the fourth's beginning.
    let mut coordinator = Coordinator::start(&bench, port);
    let id = only_experiment(&bench, &url, "interrupted");
    let resumed = bench.start(&["resume", &id, "--coordinator", &url]);
    resumed.until("trial 3 of 4: ");
    resumed.until("trial 4 of 4: ");
    coordinator.process.kill();
    assert_eq!(resumed.finish().code, Some(4));

    let _coordinator = Coordinator::start(&bench, port);
    let id = only_experiment(&bench, &url, "interrupted");
    let out = bench.out();
    let resumed = bench
        .start(&["resume", &id, "--coordinator", &url, "--out", out.to_str().unwrap()])
        .finish();
    assert_eq!(resumed.code, Some(0), "{:#?}", resumed.err);
    let report = bench.report();
    let mut cells: BTreeMap<String, u32> = BTreeMap::new();
    for result in &report.results {
        *cells.entry(result.cell_text()).or_default() += 1;
    }
    assert_eq!(cells.len(), 4);
    assert!(cells.values().all(|n| *n == 1), "every cell exactly once: {cells:?}");
    let attempts: Vec<u32> = report.results.iter().map(|result| result.attempt.0).collect();
    assert!(
        attempts[1] == 2,
        "the trial that was running was tried again: {attempts:?}"
    );
    assert_eq!(
        topics_left(kafka),
        Vec::<String>::new(),
        "also of the attempts that were cut off"
    );
}

fn only_experiment(bench: &Bench, url: &str, state: &str) -> String {
    let listed = bench
        .start(&["experiments", "--coordinator", url, "--format", "json"])
        .finish();
    assert_eq!(listed.code, Some(0), "{:#?}", listed.err);
    let rows: serde_json::Value = serde_json::from_str(&listed.out.join("\n")).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["state"], state, "{rows:?}");
    rows[0]["id"].as_str().unwrap().to_owned()
}
