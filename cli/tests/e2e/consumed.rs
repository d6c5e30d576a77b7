//! Consumers read what producers write.

use tribunal_model::design::Purpose;
use tribunal_report::audit::{Level, PartitionAudit, ReadBackAudit};
use tribunal_report::caveat::Caveat;
use tribunal_report::consumed::{ConsumersResult, GroupResult};
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::result::TrialResult;
use tribunal_testkit::kafka::{Options, RealKafka};
use tribunal_testkit::wait;

use crate::support::{Agent, Bench, Coordinator, LOOSE, PATIENCE, alone, kafka, scrape, topics_left};

fn plan(bootstrap: &str, agents: u32, more: &str) -> String {
    format!(
        "[agents]\ncount = {agents}\nwait = \"60s\"\n[cluster]\nbootstrap = \"{bootstrap}\"\n[topic]\npartitions = 6\n\
         [workload]\nrate = \"2k/s\"\nproducers = 2\nrecord = {{ size = \"100B\" }}\n\
         [window]\nwarm_up = \"1s\"\nmeasure = \"5s\"\n[baseline]\nacks = \"all\"\n{more}\n{LOOSE}"
    )
}

/// The trial of the only cell, and not the one without consumers.
#[track_caller]
fn of_the_cell(report: &ExperimentReport) -> &TrialResult {
    let mut results = report.results.iter();
    results
        .find(|result| result.purpose == Purpose::Cell)
        .expect("a trial of the cell")
}

/// An agent on a cluster of its own, whose brokers may come to harm.
///
/// Fields are dropped in this order: nothing is taken from under what still uses it.
struct Apart {
    agent: Agent,
    coordinator: Coordinator,
    bench: Bench,
    kafka: RealKafka,
}

impl Apart {
    /// Nothing where real Kafka is not required.
    fn start() -> Option<Self> {
        let kafka = RealKafka::start_if_required(&Options::default()).expect("real Kafka starts")?;
        let bench = Bench::new();
        let coordinator = Coordinator::start(&bench, 0);
        Some(Self {
            kafka,
            agent: Agent::start(&bench, &coordinator.url, "north"),
            bench,
            coordinator,
        })
    }
}

/// Names of the consumer groups that the cluster knows.
fn groups(kafka: &RealKafka) -> Vec<String> {
    let listed = kafka
        .tool(&[
            "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            "--bootstrap-server",
            "{bootstrap}",
            "--list",
        ])
        .expect("groups are listed");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    text.lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Every record of the trial was received by every group, and once.
#[track_caller]
fn all_received(result: &TrialResult, groups: usize) -> &ConsumersResult {
    let consumers = result.consumers.as_ref().expect("consumers");
    assert_eq!(consumers.groups.len(), groups);
    assert!(consumers.errors.is_empty(), "{:?}", consumers.errors);
    let gained: u64 = result.audit.partitions.iter().map(PartitionAudit::gained).sum();
    let acknowledged: u64 = result.audit.partitions.iter().map(|row| row.acknowledged).sum();
    assert_eq!(gained, acknowledged, "the audit has nothing to say");
    for group in &consumers.groups {
        let told = (group.received, group.repeated, group.backwards, group.missing);
        assert_eq!(told, (acknowledged, 0, 0, 0), "{group:?}");
        for (partition, row) in group.partitions.iter().zip(&result.audit.partitions) {
            assert_eq!((&partition.topic, partition.partition), (&row.topic, row.partition));
            assert_eq!((partition.received, partition.written), (row.gained(), row.gained()));
        }
        assert_eq!(group.lag_end(), 0);
        followed(result, group);
    }
    consumers
}

/// End-to-end latency is there, and no record was received before it was in the log.
#[track_caller]
fn followed(result: &TrialResult, group: &GroupResult) {
    let way = group.end_to_end.as_ref().expect("end to end");
    let measured = result.measured().expect("a window");
    let acknowledged = measured.fates.acknowledged;
    assert_eq!((way.joined, way.unjoined), (acknowledged, 0), "{way:?}");
    assert_eq!((way.one_of, way.latency.count), (1, acknowledged));
    assert!(way.least_ns.is_some_and(|least| least + way.bound_ns > 0), "{way:?}");
    // A receipt may come before the acknowledgement, and not before the record's batch was sent. What a consumer waits for
    // is written at the same instant as what the producer waits for, up to a fetch.
    let (way, response) = (way.latency.p50_us.unwrap(), measured.response.p50_us.unwrap());
    assert!(
        way > response / 4,
        "{way} µs from end to end, {response} µs to the acknowledgement"
    );
}

#[test]
fn every_acknowledged_record_is_received_once_and_the_lag_is_gone_at_the_end() {
    let _turn = alone();
    let Some(kafka) = kafka() else { return };
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let _producing = Agent::start(&bench, &coordinator.url, "north");
    let consuming = Agent::start_as(&bench, &coordinator.url, "south", "consumer");
    let more = "[factors]\n\"linger.ms\" = [0, 5]\n[consumers]\ngroups = 2\nmembers = 4\n\
                [consumers.properties]\n\"fetch.wait.max.ms\" = 100";
    let plan = plan(kafka.bootstrap(), 2, more);
    let run = bench.run_on(&coordinator, &plan);
    let shown = || {
        let text = scrape(consuming.metrics);
        let series = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
        let all = [
            "tribunal_consumer_lag_records{",
            "tribunal_consumer_records_total{",
            "tribunal_consumer_bytes_total{",
        ];
        (all.map(series) == [12, 12, 12]).then_some(())
    };
    wait::until(PATIENCE, "lag by partition and group", shown).unwrap();
    assert!(
        !scrape(consuming.metrics).contains("client_id="),
        "no producer runs there"
    );
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);

    let report = bench.report();
    let purposes: Vec<_> = report.results.iter().map(|result| &result.purpose).collect();
    let alone = purposes
        .iter()
        .filter(|purpose| ***purpose == Purpose::WithoutConsumers)
        .count();
    assert_eq!((purposes.len(), alone), (3, 1), "{purposes:?}");
    for result in &report.results {
        let names: Vec<_> = result.agents.iter().map(|agent| agent.name.as_str()).collect();
        assert_eq!(names, ["north"]);
        if result.purpose == Purpose::WithoutConsumers {
            assert_eq!(result.consumers, None);
            continue;
        }
        let consumers = all_received(result, 2);
        let agents: Vec<_> = consumers
            .agents
            .iter()
            .map(|a| (a.name.as_str(), a.beside_producers))
            .collect();
        assert_eq!(agents, [("south", true)]);
        let seconds = &consumers.groups[0].seconds;
        assert!(
            seconds.len() >= 5 && seconds.is_sorted_by_key(|second| second.at_ns),
            "{seconds:?}"
        );
    }
    let text = std::fs::read_to_string(bench.out().join("report.md")).unwrap();
    for told in [
        "## Consumers",
        "### End to end",
        "### Lag",
        "### What they cost the producers",
        "with ÷ without",
    ] {
        assert!(text.contains(told), "{told} is not in\n{text}");
    }
    assert_eq!(groups(kafka), Vec::<String>::new());
    assert_eq!(topics_left(kafka), Vec::<String>::new());
    let gone = || (!scrape(consuming.metrics).contains("tribunal_consumer_")).then_some(());
    wait::until(PATIENCE, "the series to be removed", gone).unwrap();
}

#[test]
fn a_trial_whose_consumers_were_killed_is_void_and_leaves_nothing_behind() {
    let _turn = alone();
    let Some(kafka) = kafka() else { return };
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let producing = Agent::start(&bench, &coordinator.url, "north");
    let mut consuming = Agent::start_as(&bench, &coordinator.url, "south", "consumer");
    let plan = plan(kafka.bootstrap(), 2, "[consumers]\nmembers = 2");
    let run = bench.run_on(&coordinator, &plan);
    producing.until_delivering();
    consuming.process.kill();
    run.until("agent south was lost");
    let _consuming = Agent::start_as(&bench, &coordinator.url, "south", "consumer");
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    assert_eq!((report.results.len(), report.void_attempts.len()), (2, 1));
    assert!(report.void_attempts[0].reason.contains("agent south was lost"));
    let with = of_the_cell(&report);
    assert_eq!(with.attempt.0, 2);
    all_received(with, 1);
    assert_eq!(groups(kafka), Vec::<String>::new());
    assert_eq!(topics_left(kafka), Vec::<String>::new());
}

#[test]
fn one_agent_on_the_mock_runs_both_sides_and_the_report_says_so() {
    let _turn = alone();
    let bench = Bench::new();
    let run = bench.run_local(&plan("mock", 1, "[consumers]"), 1).finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    assert_eq!(report.results.len(), 2);
    let with = of_the_cell(&report);
    let consumers = all_received(with, 1);
    assert!(consumers.agents.iter().all(|agent| agent.beside_producers));
    let text = std::fs::read_to_string(bench.out().join("report.md")).unwrap();
    assert!(text.contains("consumers shared the host with producers"), "{text}");
}

/// What was read back, whose sums hold whatever happened: a record that the logs gained is a different one of a producer, a
/// duplicate, a primed one or nobody's.
#[track_caller]
fn read_back(result: &TrialResult) -> &ReadBackAudit {
    assert_eq!(
        (&result.audit.level, &*result.workload.path),
        (&Level::ReadBack, "stamped")
    );
    let read = result.audit.read_back.as_ref().expect("records were read back");
    let count = &read.count;
    let acknowledged: u64 = result.parts.iter().map(|part| part.fates.acknowledged).sum();
    assert_eq!(
        count.acknowledged, acknowledged,
        "every acknowledgement is that of a sequence"
    );
    assert_eq!(
        count.received,
        acknowledged - count.unreceived + count.unacknowledged,
        "{read:?}"
    );
    let gained: u64 = result.audit.partitions.iter().map(PartitionAudit::gained).sum();
    assert_eq!((count.looked_at(), read.unread), (gained, 0), "{read:?}");
    assert_eq!(count.foreign, 0, "{read:?}");
    let told = |is: fn(&Caveat) -> bool| result.verdict.caveats.iter().any(is);
    assert_eq!(told(|c| matches!(c, Caveat::ReadBackLost { .. })), read.lost() > 0);
    assert_eq!(told(|c| matches!(c, Caveat::Duplicated { .. })), count.duplicated > 0);
    assert_eq!(told(|c| matches!(c, Caveat::Reordered { .. })), count.reordered > 0);
    read
}

/// Runs a plan whose records are read back without trouble, by 2 producers in 6 partitions.
fn reads_all_back(bootstrap: &str, agents: u32) {
    let bench = Bench::new();
    let plan = plan(bootstrap, agents, "[consumers]\nmembers = 3");
    let run = bench
        .run_local(&format!("audit = \"read-back\"\n{plan}"), agents)
        .finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    assert_eq!(report.results.len(), 2);
    for result in &report.results {
        if result.purpose == Purpose::WithoutConsumers {
            assert_eq!(
                (&result.audit.level, &*result.workload.path),
                (&Level::Offsets, "stamped")
            );
            assert_eq!(result.audit.read_back, None);
            continue;
        }
        all_received(result, 1);
        let read = read_back(result);
        let count = &read.count;
        assert_eq!((count.received, count.primed), (count.acknowledged, 12), "{read:?}");
        let trouble = [read.lost(), count.duplicated, count.reordered, count.unacknowledged];
        assert_eq!(trouble, [0; 4], "{read:?}");
    }
    let text = std::fs::read_to_string(bench.out().join("report.md")).unwrap();
    assert!(text.contains("### Read back"), "{text}");
}

#[test]
fn every_acknowledged_record_is_read_back_as_what_it_is() {
    let _turn = alone();
    reads_all_back("mock", 1);
    let Some(kafka) = kafka() else { return };
    reads_all_back(kafka.bootstrap(), 2);
    assert_eq!(topics_left(kafka), Vec::<String>::new());
}

#[test]
fn records_that_were_sent_again_to_a_broker_that_hung_are_accounted_for_one_by_one() {
    let _turn = alone();
    let Some(apart) = Apart::start() else { return };
    // Requests time out while the broker hangs, are sent again, and may be written twice.
    let more = "\"enable.idempotence\" = false\n\"socket.timeout.ms\" = 1000\n[consumers]\nmembers = 2";
    let plan = plan(apart.kafka.bootstrap(), 1, more).replace("acks = \"all\"", "acks = \"1\"");
    let plan = format!("audit = \"read-back\"\n{plan}");
    let run = apart.bench.run_on(&apart.coordinator, &plan);
    apart.agent.until_delivering();
    apart.kafka.pause(2).unwrap();
    wait::spell(std::time::Duration::from_millis(2_500));
    apart.kafka.resume(2).unwrap();
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = apart.bench.report();
    let with = of_the_cell(&report);
    let read = read_back(with);
    assert_eq!(read.lost(), 0, "a broker that hangs loses nothing: {read:?}");
    assert!(
        with.statistics.timeouts > 0,
        "requests timed out: {:?}",
        with.statistics
    );
}

/// Leader and follower of a partition that the trial writes to, by what the cluster says.
fn leader_and_follower(kafka: &RealKafka) -> (u16, u16) {
    let topics = "org.apache.kafka.tools.TopicCommand";
    let described = kafka.tool(&[topics, "--bootstrap-server", "{bootstrap}", "--describe"]);
    let text = String::from_utf8(described.expect("topics are described").stdout).unwrap();
    let told = |line: &str, what: &str| -> Option<Vec<u16>> {
        let (_, rest) = line.split_once(what)?;
        let ids = rest.split_whitespace().next()?.split(',');
        ids.map(|id| id.parse().ok()).collect()
    };
    let pair = |line: &str| {
        let leader = *told(line, "Leader: ")?.first()?;
        let replicas = told(line, "Replicas: ")?;
        Some((leader, replicas.into_iter().find(|replica| *replica != leader)?))
    };
    text.lines().find_map(pair).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn what_a_leader_acknowledged_alone_is_lost_with_it_and_the_report_says_which_records() {
    let _turn = alone();
    let Some(apart) = Apart::start() else { return };
    let plan = plan(
        apart.kafka.bootstrap(),
        1,
        "\"message.timeout.ms\" = 30000\n[consumers]\nmembers = 2",
    )
    .replace("acks = \"all\"", "acks = \"1\"")
    .replace("partitions = 6", "partitions = 6\nreplication = 2")
    .replace("measure = \"5s\"", "measure = \"20s\"\ndrain = \"40s\"");
    let run = apart
        .bench
        .run_on(&apart.coordinator, &format!("audit = \"read-back\"\n{plan}"));
    apart.agent.until_delivering();
    let (leader, follower) = leader_and_follower(&apart.kafka);
    // The follower is in sync still, and copies nothing: it is elected when the leader is gone.
    apart.kafka.pause(follower).unwrap();
    wait::spell(std::time::Duration::from_secs(3));
    apart.kafka.kill(leader).unwrap();
    apart.kafka.resume(follower).unwrap();
    let run = run.finish();
    let report = apart.bench.report();
    assert!(!report.results.is_empty(), "{:#?}", run.err);
    let struck = of_the_cell(&report);
    let read = read_back(struck);
    assert!(read.lost() > 0, "acknowledged by one broker, which is gone: {read:?}");
    // Offsets see less: a log that lost records and gained others is short by the difference alone.
    assert!(
        read.lost() >= struck.audit.lost(),
        "{read:?}, {:?}",
        struck.audit.partitions
    );
    let text = std::fs::read_to_string(apart.bench.out().join("report.md")).unwrap();
    assert!(
        text.contains("Acknowledged and not read back, the first by producer and sequence"),
        "{text}"
    );
}

#[test]
fn a_plan_with_consumers_is_refused_where_all_agents_are_for_producers() {
    let _turn = alone();
    let bench = Bench::new();
    let coordinator = Coordinator::start(&bench, 0);
    let _north = Agent::start_as(&bench, &coordinator.url, "north", "producer");
    let plan = plan("mock", 1, "[consumers]");
    let run = bench.run_on(&coordinator, &plan).finish();
    assert_eq!(run.code, Some(2), "{:#?}", run.err);
    assert!(run.error().contains("--role consumer or any"), "{}", run.error());
}
