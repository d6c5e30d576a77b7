//! The hidden verb `mock`: a mock cluster for the coordinator that started it.
//!
//! It says `bootstrap=HOST:PORT,…` on standard output, then answers `topic NAME PARTITIONS REPLICATION` on standard
//! input with `ok NAME` or `error NAME TEXT`, and ends with its input.

use std::io::BufRead;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tribunal_kafka::Mock;

use crate::arguments;
use crate::exit::Exit;
use crate::terminal;

/// `tribunal mock`.
pub(crate) fn mock(verb: &arguments::Mock) -> anyhow::Result<Exit> {
    // Ctrl-C in a terminal reaches the coordinator as well, which still needs the mock to end in order.
    let _interrupt = signal(SignalKind::interrupt()).context("signals cannot be taken over")?;
    let round_trip = Some(Duration::from_millis(verb.round_trip_ms)).filter(|delay| !delay.is_zero());
    let mock = Mock::start(verb.brokers, round_trip)?;
    terminal::out(&format!("bootstrap={}\n", mock.bootstrap()));
    for line in std::io::stdin().lock().lines() {
        let line = line.context("standard input cannot be read")?;
        let make = |name: &str, partitions, replication| {
            mock.create_topic(name, partitions, replication)
                .map_err(|error| error.to_string())
        };
        terminal::out(&answer(&line, make));
    }
    Ok(Exit::Done)
}

fn answer(line: &str, make: impl FnOnce(&str, i32, i32) -> Result<(), String>) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (name, answer) = match words.as_slice() {
        ["topic", name, partitions, replication] => match (partitions.parse(), replication.parse()) {
            (Ok(partitions), Ok(replication)) => (*name, make(name, partitions, replication)),
            _ => (*name, Err("partitions and replication are whole numbers".to_owned())),
        },
        _ => ("-", Err("expected: topic NAME PARTITIONS REPLICATION".to_owned())),
    };
    match answer {
        Ok(()) => format!("ok {name}\n"),
        Err(text) => format!(
            "error {name} {}\n",
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_one_line_as_its_answer() {
        let make = |name: &str, partitions, replication| {
            assert_eq!((partitions, replication), (12, 3));
            if name == "taken" {
                Err("is\nthere".to_owned())
            } else {
                Ok(())
            }
        };
        let check = |line, expected: &str| assert_eq!(answer(line, make), expected);
        check("topic a-b 12 3", "ok a-b\n");
        check("topic taken 12 3", "error taken is there\n");
        check("topic a x 3", "error a partitions and replication are whole numbers\n");
        check("whatever", "error - expected: topic NAME PARTITIONS REPLICATION\n");
    }
}
