//! All client libraries on a real cluster: the same schedule, the same audit, and a report that says what was not equal.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use tribunal_driver::account;
use tribunal_model::design::Purpose;
use tribunal_model::trial::Part;
use tribunal_report::experiment::ExperimentReport;
use tribunal_report::result::TrialResult;
use tribunal_stats::Distribution;

use tribunal_testkit::kafka::RealKafka;
use tribunal_testkit::wait;

use crate::support::{Agent, Bench, Coordinator, LOOSE, PATIENCE, Process, alone, kafka, topics_left};

/// Where the drivers of these stories are: made once, and kept beside the build.
static CACHE: LazyLock<PathBuf> = LazyLock::new(|| {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let bench = Bench::new();
    let mut command = bench.command(&["drivers", "install"]);
    command.env("XDG_CACHE_HOME", &cache);
    let installed = Process::start(command).finish();
    assert_eq!(installed.code, Some(0), "{:#?}", installed.err);
    cache
});

/// A command of a bench that finds the drivers.
fn with_drivers(bench: &Bench, arguments: &[&str]) -> Command {
    let mut command = bench.command(arguments);
    command.env("XDG_CACHE_HOME", &*CACHE);
    command
}

const CLIENTS: [&str; 6] = [
    "librdkafka",
    "librdkafka-child",
    "confluent-kafka",
    "kafka-python",
    "java",
    "franz-go",
];

#[track_caller]
fn by_client<'a>(results: &'a [TrialResult], client: &str) -> &'a TrialResult {
    let of_client = |result: &&TrialResult| result.levels.iter().any(|level| level.value == client);
    results
        .iter()
        .filter(|result| result.purpose == Purpose::Cell)
        .find(of_client)
        .unwrap_or_else(|| panic!("no trial of {client}"))
}

#[test]
fn every_client_keeps_the_schedule_and_loses_nothing() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    // On two processors a cluster that has just started is slow, and idempotent librdkafka spins while five requests of a
    // connection are in flight, which keeps it slow: so a load before the first trial, few requests, and a warm-up that is
    // long enough to leave nothing for the window.
    let plan = bench.plan(&format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"{}\"\n[topic]\npartitions = 6\nreplication = 3\n[workload]\n\
         rate = \"2000/s\"\nproducers = 2\nrecord = {{ size = \"200B\" }}\nkeys = {{ kind = \"uniform\", cardinality = \
         1000 }}\n[window]\nwarm_up = \"8s\"\nmeasure = \"5s\"\nburn_in = \"15s\"\n[design]\ncanary = false\n{LOOSE}\
         [baseline]\nacks = \"all\"\nenable.idempotence = true\nlinger.ms = 50\n[factors]\nclient = {CLIENTS:?}\n",
        kafka.bootstrap()
    ));
    let report = run_here(&bench, &plan);
    for client in CLIENTS {
        let result = by_client(&report.results, client);
        assert!(result.verdict.valid(), "{client}: {:?}", result.verdict);
        let fates = result.part(Part::Window).unwrap().fates;
        assert_eq!(
            (fates.scheduled, fates.acknowledged),
            (10_000, 10_000),
            "{client}: {fates:?}"
        );
        assert_eq!(result.rates.sustained, Some(true), "{client}: {:?}", result.rates);
        assert_eq!(
            (result.audit.lost(), result.audit.surplus()),
            (0, 0),
            "{client}: {:?}",
            result.audit
        );
        // KAFKA's own edge: what is on its way at the window's ends.
        let service = result.part(Part::Window).unwrap().service.p99_us.unwrap() as f64 / 1e6;
        let allowed = 0.01 * 10_000.0 + 2000.0 * (0.005 + service);
        let missing = 10_000.0 - result.rates.delivered.unwrap() * 5.0;
        assert!(
            missing.abs() <= allowed,
            "{client}: {missing} records from offered, {allowed} allowed"
        );
        let producer = &result.agents[0].producers[0];
        let named = producer.driver.as_ref().map(|driver| driver.client.as_str());
        let expected = match client {
            "librdkafka" => None,
            "librdkafka-child" => Some("librdkafka"),
            other => Some(other),
        };
        assert_eq!(named, expected);
        // The same intended sends for all.
        let first = &by_client(&report.results, "librdkafka").agents[0].producers[0];
        assert_eq!(producer.schedule_sha256, first.schedule_sha256, "{client}");
        assert!(!producer.configuration.is_empty(), "{client}");
        // librdkafka says where the mean goes, wherever it runs; in microseconds.
        let brokers = &result.statistics.brokers;
        if ["librdkafka", "librdkafka-child", "confluent-kafka"].contains(&client) {
            assert_eq!(brokers.len(), 3, "{client}: {:?}", result.statistics);
            for latencies in brokers.values() {
                let (queue, round_trip) = (latencies.queue.mean_us(), latencies.round_trip.mean_us());
                assert!(
                    queue.is_some_and(|us| (1e3..5e6).contains(&us)),
                    "{client}: {latencies:?}"
                );
                assert!(
                    round_trip.is_some_and(|us| (1.0..5e6).contains(&us)),
                    "{client}: {latencies:?}"
                );
            }
        } else {
            assert!(brokers.is_empty(), "{client}: {brokers:?}");
        }
    }
    assert_eq!(topics_left(kafka), Vec::<String>::new());
}

/// The report of a plan that an agent of its own runs with the drivers, every trial of which has a result.
fn run_here(bench: &Bench, plan: &Path) -> ExperimentReport {
    let (store, out) = (bench.store(), bench.out());
    let arguments = [
        "run",
        plan.to_str().unwrap(),
        "--local",
        "1",
        "--store",
        store.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let run = Process::start(with_drivers(bench, &arguments)).finish_within(2 * PATIENCE);
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    assert_eq!(report.void_attempts.len(), 0, "{:#?}", report.void_attempts);
    report
}

#[test]
fn without_acknowledgements_every_client_says_that_its_records_may_be_written() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    let bench = Bench::new();
    let plan = bench.plan(&format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"{}\"\n[topic]\npartitions = 3\n[workload]\nrate = \"500/s\"\n\
         record = {{ size = \"100B\" }}\n[window]\nwarm_up = \"2s\"\nmeasure = \"2s\"\nburn_in = \"0s\"\n[design]\n\
         canary = false\n{LOOSE}[baseline]\nacks = 0\nenable.idempotence = false\n[factors]\nclient = {CLIENTS:?}\n",
        kafka.bootstrap()
    ));
    let report = run_here(&bench, &plan);
    for client in CLIENTS {
        let result = by_client(&report.results, client);
        let part = result.part(Part::Window).unwrap();
        assert_eq!(
            (
                part.fates.scheduled,
                part.fates.possibly_written,
                part.fates.acknowledged
            ),
            (1000, 1000, 0),
            "{client}: {:?}",
            part.fates
        );
        assert!(part.response.p50_us.is_none(), "{client}: {:?}", part.response.p50_us);
        assert!(result.rates.delivered.is_none(), "{client}: {:?}", result.rates);
        let written = result.rates.socket_writes.unwrap();
        assert!((400.0..=600.0).contains(&written), "{client}: {written}");
        assert_eq!(result.audit.lost(), 0, "{client}: {:?}", result.audit);
    }
}

/// The broker that is the active controller.
fn controller(kafka: &RealKafka) -> u16 {
    let status = kafka
        .tool(&[
            "org.apache.kafka.tools.MetadataQuorumCommand",
            "--bootstrap-server",
            "{bootstrap}",
            "describe",
            "--status",
        ])
        .unwrap();
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    let id = text.lines().find_map(|line| line.strip_prefix("LeaderId:"));
    id.unwrap_or_else(|| panic!("{text}")).trim().parse().unwrap()
}

/// How long the broker is paused in the window of each trial.
const PAUSE: Duration = Duration::from_secs(1);

#[test]
fn response_times_agree_with_what_each_client_says_and_show_a_paused_broker_in_full() {
    let Some(kafka) = kafka() else { return };
    let _turn = alone();
    // The one partition of a first block is led by the first broker, which may not be the active controller meanwhile.
    if controller(kafka) == 1 {
        kafka.kill(1).unwrap();
        kafka.start_broker(1).unwrap();
    }
    let bench = Bench::new();
    let clients = &CLIENTS[2..];
    let plan = bench.plan(&format!(
        "[agents]\ncount = 1\n[cluster]\nbootstrap = \"{}\"\n[topic]\npartitions = 1\nreplication = 1\n[workload]\n\
         rate = \"500/s\"\nrecord = {{ size = \"100B\" }}\n[window]\nwarm_up = \"1s\"\nmeasure = \"6s\"\nburn_in = \
         \"0s\"\n[design]\ncanary = false\n{LOOSE}[baseline]\nacks = \"1\"\nlinger.ms = 0\n[factors]\nclient = \
         {clients:?}\n",
        kafka.bootstrap(),
    ));
    let coordinator = Coordinator::start(&bench, 0);
    let agent = Agent::start_with(&bench, &coordinator.url, "a", &CACHE);
    let out = bench.out();
    let run = Process::start(with_drivers(
        &bench,
        &[
            "run",
            plan.to_str().unwrap(),
            "--coordinator",
            &coordinator.url,
            "--out",
            out.to_str().unwrap(),
        ],
    ));
    for trial in 1..=clients.len() {
        // The warm-up's second has been told: the window is open.
        agent.until_delivering();
        kafka.pause(1).unwrap();
        wait::spell(PAUSE);
        kafka.resume(1).unwrap();
        run.until_count(", bound by ", trial);
    }
    let run = run.finish();
    assert_eq!(run.code, Some(0), "{:#?}", run.err);
    let report = bench.report();
    for client in clients {
        let result = by_client(&report.results, client);
        let response = &result.part(Part::Window).unwrap().response;
        let own = result.agents[0].run.request_latency_ns.unwrap() as f64 / 1e6;
        let median = response.p50_us.unwrap() as f64 / 1e3;
        let bounds = own / 2.0 - 2.0..=own * 2.0 + 2.0;
        assert!(
            bounds.contains(&median),
            "{client}: median {median} ms, its requests {own} ms"
        );
        // What was intended in the pause waited for its end, each record for as long as was left of it.
        let distribution = response.distribution().unwrap();
        let above = |ms: u64| distribution.count_above(Duration::from_millis(ms));
        let told = format!("{client}: {} above 0.1 s, {} above 0.5 s", above(100), above(500));
        assert!((360..=630).contains(&above(100)), "{told}");
        assert!((160..=400).contains(&above(500)), "{told}");
        assert!(
            response.max_us.unwrap() >= 900_000,
            "{told}, the longest {:?}",
            response.max_us
        );
        let window = result.part(Part::Window).unwrap().fates;
        assert_eq!((window.scheduled, window.acknowledged), (3000, 3000), "{client}");
    }
}

/// What a driver of ours is started with besides its protocol: a word that the tests of this repository use.
fn asked(client: &str, words: &[&str], input: &str) -> String {
    let folder = CACHE.join("tribunal/drivers");
    let mut command = match client {
        "confluent-kafka" | "kafka-python" => {
            let mut command = python();
            command.args(["-m", "tribunal_driver", client]);
            command
        }
        "java" => {
            let mut command = Command::new("java");
            command
                .arg("-jar")
                .arg(folder.join("java/sources/target/tribunal-driver-java.jar"));
            command
        }
        _ => Command::new(folder.join("go/tribunal-driver")),
    };
    command.args(words);
    answer(&mut command, input)
}

/// Python with all that its drivers need.
fn python() -> Command {
    let folder = CACHE.join("tribunal/drivers/python");
    let mut command = Command::new(folder.join("venv/bin/python3"));
    command.env("PYTHONPATH", folder.join("sources"));
    command
}

/// What a program makes of its standard input.
fn answer(command: &mut Command, input: &str) -> String {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_pythons_drivers_do_in_c_is_what_python_would_do() {
    if kafka().is_none() {
        return;
    }
    let _turn = alone();
    let tests = include_str!("../../../drivers/python/tests/native.py");
    answer(python().arg("-"), tests);
}

/// One driver of each language.
const LANGUAGES: [&str; 3] = ["confluent-kafka", "java", "franz-go"];

#[test]
fn every_language_draws_the_published_schedules() {
    if kafka().is_none() {
        return;
    }
    let _turn = alone();
    let vectors = include_str!("../../../docs/schedule-vectors.txt");
    for line in vectors
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (arguments, expected) = words.split_at(words.len() - 2);
        let arguments: Vec<&str> = ["schedule"].into_iter().chain(arguments.iter().copied()).collect();
        for client in LANGUAGES {
            assert_eq!(
                asked(client, &arguments, "").trim(),
                expected.join(" "),
                "{client}: {line}"
            );
        }
    }
}

#[test]
fn every_language_counts_into_the_same_buckets() {
    if kafka().is_none() {
        return;
    }
    let _turn = alone();
    // Every power of two with its neighbours, whole microseconds, the hour, and a spread of others.
    let powers = (0..44).flat_map(|power| [-1, 0, 1].map(|by| (1_i64 << power) + by));
    let edges = (0..40).flat_map(|power| [-1, 0, 1].map(|by| (1000_i64 << power) + by));
    let hour = 3_600_000_000_000;
    let mut latencies: Vec<i64> = powers
        .chain(edges)
        .chain([0, hour, hour + 999, hour + 1000, 5 * hour])
        .collect();
    let mut spread = 1_234_567_i64;
    while latencies.len() < 20_000 {
        spread = (spread * 48_271) % 2_147_483_647;
        latencies.push(spread * 1700);
    }
    let mut ours = Distribution::new();
    for latency in &latencies {
        ours.record_ns(*latency);
    }
    let expected: Vec<String> = (account::counts(&ours).into_iter())
        .map(|(bucket, count)| format!("{bucket} {count}"))
        .collect();
    let input: Vec<String> = latencies.iter().map(ToString::to_string).collect();
    for client in LANGUAGES {
        let told = asked(client, &["buckets"], &input.join("\n"));
        let told: Vec<&str> = told.lines().collect();
        assert_eq!(told.len(), expected.len(), "{client}");
        assert_eq!(told, expected, "{client}");
    }
}
