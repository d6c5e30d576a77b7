//! Experiment 24: what each client library of this host manages on the same null sink, by the same harness.

use std::sync::atomic::AtomicBool;

use tribunal_model::client::Client;
use tribunal_model::ids::AgentName;
use tribunal_stats::facts::Calibration;

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
        let held = match of_client(&client, host) {
            Ok(calibrations) => {
                told.extend(calibrations.iter().map(|one| line(&client, one)));
                judge(&calibrations)
            }
            Err(problem) => {
                told.push(format!("{client}: {problem}"));
                Outcome::Fails
            }
        };
        outcome = outcome.and(held);
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

fn line(client: &Client, calibration: &Calibration) -> String {
    format!(
        "{client} {:.0}/s at most, {:.2} % of the sends missed at 70 % of it, p99 of their delay {:.2} ms",
        calibration.ceiling,
        missed(calibration).max(0.0) * 100.0,
        calibration.schedule_delay_p99_ns as f64 / 1e6
    )
}

fn missed(calibration: &Calibration) -> f64 {
    1.0 - calibration.realised
}

/// The last calibration decides. What the ceilings differ by is what the host changed by between them, and so may have
/// changed by between a ceiling and the schedule at 70 % of it.
fn judge(calibrations: &[Calibration]) -> Outcome {
    let ceilings = || calibrations.iter().map(|calibration| calibration.ceiling);
    let (lowest, highest) = (ceilings().fold(f64::INFINITY, f64::min), ceilings().fold(0.0, f64::max));
    let last = calibrations.last().map_or(f64::NAN, missed);
    Outcome::of(last, MISSED, NOISE + 1.0 - lowest / highest)
}

/// Calibrates a client, and once more if it missed sends: on a host whose speed changes, 70 % of what a good moment gave
/// may be more than the next one has.
fn of_client(client: &Client, host: &Host) -> Result<Vec<Calibration>, Problem> {
    let mut calibrations = vec![calibration(client, host)?];
    if calibrations.iter().any(|first| missed(first) > MISSED) {
        calibrations.push(calibration(client, host)?);
    }
    Ok(calibrations)
}

fn calibration(client: &Client, host: &Host) -> Result<Calibration, Problem> {
    let mut sink = Known::start().map_err(Problem::Prepare)?;
    let name = AgentName::new("selftest").map_err(|_| Problem::Impossible("there is no such agent"))?;
    let (trial, stop) = (check::trial(client), AtomicBool::new(false));
    let cores = crate::host::cores();
    let calibration = calibrate::against(&mut sink, cores, &trial, &[0], &name, &host.drivers, &stop);
    calibration.map_err(|error| Problem::GivenUp(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibrated(ceiling: f64, realised: f64) -> Calibration {
        Calibration {
            ceiling,
            realised,
            ..Calibration::default()
        }
    }

    #[test]
    fn a_miss_is_excused_by_as_much_as_the_ceiling_moved() {
        assert_eq!(judge(&[calibrated(1e6, 0.999)]), Outcome::Holds);
        assert_eq!(judge(&[calibrated(1e6, 0.8), calibrated(1e6, 0.999)]), Outcome::Holds);
        assert_eq!(
            judge(&[calibrated(1e6, 0.8), calibrated(0.7e6, 0.8)]),
            Outcome::TooNoisy
        );
        assert_eq!(judge(&[calibrated(1e6, 0.8), calibrated(0.99e6, 0.8)]), Outcome::Fails);
        assert_eq!(judge(&[calibrated(0.0, 0.0)]), Outcome::Fails);
    }
}
