//! The hidden verb `mock`: a mock cluster for the program that started it.

use std::io::BufRead;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tribunal_kafka::Mock;
use tribunal_kafka::mock::line;

use crate::arguments;
use crate::exit::Exit;
use crate::terminal;

/// `tribunal mock`.
pub(crate) fn mock(verb: &arguments::Mock) -> anyhow::Result<Exit> {
    // Ctrl-C in a terminal reaches the coordinator as well, which still needs the mock to end in order.
    let _interrupt = signal(SignalKind::interrupt()).context("signals cannot be taken over")?;
    let round_trip = Some(Duration::from_millis(verb.round_trip_ms)).filter(|delay| !delay.is_zero());
    let mock = Mock::start(verb.brokers, round_trip)?;
    terminal::out(&line::greeting(mock.bootstrap()));
    for asked in std::io::stdin().lock().lines() {
        let asked = asked.context("standard input cannot be read")?;
        let make = |name: &str, partitions, replication| {
            mock.create_topic(name, partitions, replication)
                .map_err(|error| error.to_string())
        };
        terminal::out(&line::answer(&asked, make));
    }
    Ok(Exit::Done)
}
