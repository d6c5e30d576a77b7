//! The launcher of real clusters, on real clusters.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tribunal_testkit::kafka::{Error, Options, RealKafka};

const PERFORMANCE: &str = "org.apache.kafka.tools.ProducerPerformance";
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

/// Sends a few records to topic `t` with a Java producer and returns what it said.
fn produce(kafka: &RealKafka, arguments: &[&str]) -> Result<String, Error> {
    let common = [
        PERFORMANCE,
        "--topic",
        "t",
        "--num-records",
        "300",
        "--record-size",
        "1000",
        "--throughput",
        "-1",
    ];
    let output = kafka.tool(&[&common[..], &["--bootstrap-server", kafka.bootstrap()], arguments].concat())?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn make_topic(kafka: &RealKafka, replication: &str) -> Result<(), Error> {
    let place = ["--topic", "t", "--partitions", "3", "--replication-factor", replication];
    kafka
        .tool(&[&[TOPICS, "--bootstrap-server", "{bootstrap}", "--create"], &place[..]].concat())
        .map(drop)
}

fn answers(address: &str) -> bool {
    TcpStream::connect(address).is_ok()
}

#[test]
fn a_broker_can_be_killed_and_started_and_nothing_is_left_after_a_panic() -> Result<(), Error> {
    let Some(kafka) = RealKafka::start_if_required(&Options::default())? else {
        return Ok(());
    };
    let addresses: Vec<String> = kafka.bootstrap().split(',').map(str::to_owned).collect();
    assert_eq!(addresses.len(), 3);
    let folder = kafka
        .broker_log(1)
        .ancestors()
        .nth(2)
        .expect("the log lies in the state folder")
        .to_owned();
    make_topic(&kafka, "3")?;

    kafka.kill(2)?;
    assert!(answers(&addresses[0]) && !answers(&addresses[1]));
    kafka.start_broker(2)?;
    assert!(answers(&addresses[1]));
    kafka.pause(3)?;
    kafka.resume(3)?;
    kafka.limit_producer("slow", 1_000_000)?;
    let said = produce(&kafka, &["--command-property", "acks=all", "client.id=slow"])?;
    assert!(said.contains("300 records sent"), "{said}");

    let panicked = catch_unwind(AssertUnwindSafe(move || {
        let _kafka = kafka;
        panic!("as a failing test does");
    }));
    assert!(panicked.is_err());
    assert!(!addresses.iter().any(|address| answers(address)));
    assert!(!folder.exists());
    Ok(())
}

#[test]
fn a_secure_cluster_lets_in_its_user_and_nobody_else() -> Result<(), Error> {
    let options = Options {
        brokers: 1,
        secure: true,
        ..Options::default()
    };
    let Some(kafka) = RealKafka::start_if_required(&options)? else {
        return Ok(());
    };
    make_topic(&kafka, "1")?;

    let password = kafka.password_file().expect("a secure cluster has a password");
    let mode = password.metadata().map_err(Error::Folder)?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let properties = kafka
        .client_properties()
        .expect("a secure cluster has client properties");
    let said = produce(&kafka, &["--command-config", &properties.to_string_lossy()])?;
    assert!(said.contains("300 records sent"), "{said}");

    let words = fs::read_to_string(&properties).map_err(Error::Folder)?;
    let forged = properties.with_file_name("forged.properties");
    let password = fs::read_to_string(&password).map_err(Error::Folder)?;
    fs::write(&forged, words.replace(&password, "guessed")).map_err(Error::Folder)?;
    let door = [
        TOPICS,
        "--bootstrap-server",
        kafka.bootstrap(),
        "--list",
        "--command-config",
    ];
    kafka.tool(&[&door[..], &[&properties.to_string_lossy()]].concat())?;
    let refused = kafka
        .tool(&[&door[..], &[&forged.to_string_lossy()]].concat())
        .expect_err("a guessed password");
    assert!(refused.to_string().contains("SaslAuthenticationException"), "{refused}");
    assert_eq!(kafka.user(), Some("tribunal"));
    Ok(())
}

#[test]
fn a_cluster_that_cannot_start_says_why_and_leaves_nothing() {
    let options = Options {
        brokers: 1,
        settings: vec![("num.io.threads".to_owned(), "none".to_owned())],
        ..Options::default()
    };
    let error = match RealKafka::start_if_required(&options) {
        Ok(None) => return,
        result => result.expect_err("no broker can have no threads"),
    };
    assert!(error.to_string().contains("num.io.threads"), "{error}");
}
