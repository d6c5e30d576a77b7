//! A 2×2×2 matrix on three real brokers, one coordinator process and two agent processes.

use tribunal_model::trial::Part;
use tribunal_report::audit::Level;
use tribunal_report::experiment::ExperimentState;
use tribunal_report::result::TrialResult;

use crate::support::{Agent, Bench, Coordinator, LOOSE, alone, kafka, topics_left};

#[test]
fn a_matrix_on_a_real_cluster_is_valid_sustained_and_loses_nothing() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let _agents = ["a", "b"].map(|name| Agent::start(&bench, &coordinator.url, name));
    let plan = bench.plan(&format!(
        "name = \"story\"\n[agents]\ncount = 2\n[cluster]\nbootstrap = \"{}\"\n[topic]\npartitions = 6\nreplication = 3\n\
         [workload]\nrate = \"2000/s\"\nproducers = 2\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"2s\"\nmeasure = \"3s\"\ndrain = \"15s\"\n{LOOSE}\
         [factors]\n\"linger.ms\" = [10, 40]\n\"compression.type\" = [\"none\", \"lz4\"]\nacks = [\"1\", \"all\"]\n",
        kafka.bootstrap()
    ));
    let out = bench.out();
    let run = bench.start(&[
        "run",
        plan.to_str().unwrap(),
        "--coordinator",
        &coordinator.url,
        "--out",
        out.to_str().unwrap(),
        "--format",
        "csv",
    ]);
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    assert_eq!(
        run.out.len(),
        1 + 8,
        "a heading and a row for each trial: {:#?}",
        run.out
    );

    let report = bench.report();
    assert_eq!(
        (report.facts.state, report.results.len()),
        (ExperimentState::Complete, 8)
    );
    let mut cells: Vec<String> = report.results.iter().map(TrialResult::cell_text).collect();
    cells.sort();
    cells.dedup();
    assert_eq!(cells.len(), 8, "each cell once");
    let mut hashes = Vec::new();
    for result in &report.results {
        let cell = result.cell_text();
        assert!(result.verdict.valid(), "{cell}: {:?}", result.verdict);
        assert_eq!(
            result.rates.sustained,
            Some(true),
            "{cell}: {:?} {:?}",
            result.rates,
            result.backlog
        );
        assert_eq!(result.audit.level, Level::Offsets);
        assert_eq!((result.audit.lost(), result.audit.surplus()), (0, 0), "{cell}");
        assert_eq!((result.audit.repeated(), result.audit.outside()), (0, 0), "{cell}");
        let window = result.part(Part::Window).unwrap();
        assert_eq!(
            (window.fates.scheduled, window.fates.acknowledged),
            (6000, 6000),
            "{cell}: {:?}",
            window.fates
        );
        assert_eq!((window.response.count, window.service.count), (6000, 6000));
        for part in &result.parts {
            assert!(part.fates.balanced(), "{cell}: {part:?}");
        }
        let delivered = result.rates.delivered.unwrap();
        let latency = 0.040 + window.service.p99_us.unwrap() as f64 / 1e6;
        let allowance = 0.01 * 2000.0 + 2000.0 * latency / 3.0;
        assert!(
            (delivered - 2000.0).abs() <= allowance,
            "{cell}: {delivered}/s, allowed {allowance}"
        );
        // Every sample is merged from both agents, and together they are the total.
        let acknowledged: u64 = result.samples.iter().map(|sample| sample.fates.acknowledged).sum();
        let all: u64 = result.parts.iter().map(|part| part.fates.acknowledged).sum();
        assert_eq!(acknowledged, all, "{cell}");
        let acks = result.agents[0].producers[0]
            .configuration
            .iter()
            .find(|(name, _)| &**name == "acks")
            .unwrap();
        assert_eq!(
            &*acks.1 == "1",
            cell.contains("acks=1"),
            "the live client's own word: {acks:?}"
        );
        assert!(
            result
                .topic
                .settings
                .iter()
                .any(|(name, _)| name == "min.insync.replicas"),
            "settings are read back"
        );
        hashes.push(
            result
                .agents
                .iter()
                .flat_map(|a| a.producers.clone())
                .map(|p| p.schedule_sha256)
                .collect::<Vec<_>>(),
        );
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 1, "all cells of a block replay the same schedule");
    let markdown = std::fs::read_to_string(out.join("report.md")).unwrap();
    for section in [
        "Environment",
        "Topic configuration",
        "Workload",
        "Tuning",
        "Producers",
        "Results",
        "Conclusion",
    ] {
        assert!(markdown.contains(&format!("\n## {section}\n")), "{section}");
    }
    assert_eq!(topics_left(kafka), Vec::<String>::new());
}

#[test]
fn more_replicas_than_brokers_is_found_before_anything_is_made() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    let plan = format!(
        "[cluster]\nbootstrap = \"{}\"\n[topic]\nreplication = 4\n[workload]\nrate = \"100/s\"\n",
        kafka.bootstrap()
    );
    let run = bench.run_local(&plan, 1).finish();
    assert_eq!(run.code, Some(2), "{:#?}", run.err);
    assert!(
        run.error().contains("replication 4 needs 4 brokers; the cluster has 3"),
        "{}",
        run.error()
    );
    assert_eq!(topics_left(kafka), Vec::<String>::new());
}
