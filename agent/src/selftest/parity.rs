//! Experiment 24: what each client library of this host manages on the same null sink, by the same harness.

use std::sync::atomic::AtomicBool;

use tribunal_model::client::Client;
use tribunal_model::ids::AgentName;

use super::Host;
use super::finding::{Outcome, Said};
use super::load::Problem;
use crate::calibrate::{self, Known};
use crate::check;

/// Sends that may be missing at 70 % of a client's own ceiling.
const MISSED: f64 = 0.01;
/// What the host may add to that, where it does other things as well.
const NOISE: f64 = 0.05;

/// Experiment 24.
pub(super) fn parity(host: &Host) -> Said {
    let lacking = host.drivers.lacking();
    let has = |client: &Client| lacking.iter().all(|(name, _)| *name != client.name());
    let (mut outcome, mut told) = (Outcome::Holds, Vec::new());
    for client in Client::KNOWN.into_iter().filter(has) {
        let (held, line) = match of_client(&client, host) {
            Ok(calibration) => (
                Outcome::of(1.0 - calibration.realised, MISSED, NOISE),
                format!(
                    "{client} {:.0}/s at most, {:.2} % of the sends missed at 70 % of it, p99 of their delay {:.2} ms",
                    calibration.ceiling,
                    (1.0 - calibration.realised).max(0.0) * 100.0,
                    calibration.schedule_delay_p99_ns as f64 / 1e6
                ),
            ),
            Err(problem) => (Outcome::Fails, format!("{client}: {problem}")),
        };
        outcome = outcome.and(held);
        told.push(line);
    }
    let missing: Vec<&str> = lacking.iter().map(|(client, _)| client.as_str()).collect();
    Said {
        outcome,
        expected: "each client's driver keeps 99 % of the schedule at 70 % of what it can do".to_owned(),
        measured: told.join("; "),
        note: if missing.is_empty() {
            String::new()
        } else {
            format!("not on this host: {}", missing.join(", "))
        },
    }
}

fn of_client(client: &Client, host: &Host) -> Result<tribunal_stats::facts::Calibration, Problem> {
    let mut sink = Known::start().map_err(Problem::Prepare)?;
    let name = AgentName::new("selftest").map_err(|_| Problem::Impossible("there is no such agent"))?;
    let (trial, stop) = (check::trial(client), AtomicBool::new(false));
    let cores = crate::host::cores();
    let calibration = calibrate::against(&mut sink, cores, &trial, &[0], &name, &host.drivers, &stop);
    calibration.map_err(|error| Problem::GivenUp(error.to_string()))
}
