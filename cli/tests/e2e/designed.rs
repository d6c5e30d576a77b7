//! Designs that results decide, several clusters, and budgets, on librdkafka's mock broker.

use tribunal_model::design::Purpose;

use crate::support::{Bench, LOOSE, alone, kafka, topics_left};

#[test]
fn two_phases_find_the_slowest_capacity_and_compare_all_cells_at_shares_of_it() {
    let _turn = alone();
    let bench = Bench::new();
    // A round trip with one batch of ten records in flight at a time: a capacity that no host changes much.
    let plan = format!(
        "[cluster]\nbootstrap = \"mock\"\nmock_round_trip = \"50ms\"\n[topic]\npartitions = 1\n\
         [workload]\nrate = \"saturate\"\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"2s\"\ndrain = \"5s\"\n[design]\nmode = \"two-phase\"\n{LOOSE}\
         [baseline]\n\"max.in.flight\" = 1\n\"linger.ms\" = 0\n\"queue.buffering.max.messages\" = 100\n\
         [factors]\n\"batch.num.messages\" = [10, 40]\n"
    );
    let run = bench.run_local(&plan, 1).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    let capacities: Vec<f64> = report
        .results
        .iter()
        .filter(|result| result.purpose == Purpose::Capacity)
        .map(|result| result.rates.delivered.unwrap())
        .collect();
    assert_eq!(capacities.len(), 2);
    let slowest = capacities.iter().copied().fold(f64::INFINITY, f64::min);
    for percent in [25, 50, 75] {
        let at: Vec<f64> = report
            .results
            .iter()
            .filter(|result| result.purpose == Purpose::Share(percent))
            .map(|result| result.workload.rate.unwrap())
            .collect();
        assert_eq!(at.len(), 2, "{percent} %");
        let expected = slowest * f64::from(percent) / 100.0;
        assert!(
            at.iter().all(|rate| (rate / expected - 1.0).abs() < 1e-6),
            "{at:?}, {expected}"
        );
    }
}

#[test]
fn cells_on_two_clusters_run_on_their_own() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    let plan = format!(
        "[clusters.old]\nbootstrap = \"{}\"\n[clusters.new]\nbootstrap = \"mock\"\n\
         [workload]\nrate = \"200/s\"\nrecord = {{ size = \"100B\" }}\n[topic]\npartitions = 3\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"1s\"\n{LOOSE}[factors]\ncluster = [\"old\", \"new\"]\n",
        kafka.bootstrap()
    );
    let run = bench.run_local(&plan, 1).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    let cluster = |name: &str| {
        let on = report
            .results
            .iter()
            .find(|result| result.cluster.name.as_deref() == Some(name));
        on.map(|result| (result.cluster.mock, result.cluster.bootstrap.clone()))
            .unwrap()
    };
    assert_eq!(cluster("old"), (false, kafka.bootstrap().to_owned()));
    assert!(cluster("new").0 && cluster("new").1 != cluster("old").1);
    assert_eq!(topics_left(kafka), Vec::<String>::new());
}

#[test]
fn what_a_budget_leaves_out_is_told_before_and_after() {
    let _turn = alone();
    let bench = Bench::new();
    let plan = format!(
        "[cluster]\nbootstrap = \"mock\"\n[workload]\nrate = \"200/s\"\nrecord = {{ size = \"100B\" }}\n\
         [topic]\npartitions = 3\n[window]\nwarm_up = \"1s\"\nmeasure = \"1s\"\nrepetitions = 50\n\
         [design]\nbudget = \"25s\"\nburn_in = \"0s\"\ncanary = false\nsettle = \"0s\"\n{LOOSE}"
    )
    .replace("burn_in = \"0s\"\n", "");
    let plan = plan.replace("repetitions = 50\n", "repetitions = 50\nburn_in = \"0s\"\n");
    let path = bench.plan(&plan);
    let checked = bench.start(&["plan", "check", path.to_str().unwrap()]).finish();
    assert_eq!(checked.code, Some(0), "{:#?}", checked.err);
    assert!(
        checked
            .out
            .iter()
            .any(|line| line.contains("a budget of 25s holds 4 of 50 blocks")),
        "{:#?}",
        checked.out
    );
    let run = bench.run_local(&plan, 1).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    assert_eq!(report.results.len(), 4);
    assert!(report.facts.left_out.unwrap().contains("46 trials are left out"));
}
