//! Experiment 16: when the lease ends, the load does, whatever is queued in the client.

use std::time::Duration;

use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_model::trial::Arrivals;
use tribunal_stub::Script;

use super::Host;
use super::finding::{Outcome, Said, ms, ns};
use super::load::{Problem, Spec, millis, nanos, stub};
use super::noise::{Noise, Watching};

/// A produce request may arrive so long after the lease (METHODOLOGY.md, experiments 14 and 16).
const BOUND: Duration = millis(500);
const LEASE: Duration = millis(1500);
/// How long the broker is watched after the load.
const AFTER: Duration = millis(1500);
/// Records in the client when the lease ends: librdkafka's default is 100,000 at most.
const QUEUED: u64 = 90_000;

#[derive(Clone, Copy, Debug)]
struct Stopped {
    /// Whether the load says that it was given up because of the lease.
    because_of_lease: bool,
    /// Records dropped unsent or unresolved by the purge.
    dropped: u64,
    /// Requests that had come.
    requests: u64,
    /// The last one's arrival, from the end of the lease.
    last_ns: Option<i64>,
    noise: Noise,
}

fn judge(seen: &Stopped) -> Said {
    let last = seen.last_ns.map_or(f64::NAN, |last| last as f64);
    // The load was on until the lease ended: a request is due every 50 ms.
    let was_on = Outcome::of(-last, 200e6, seen.noise.ns());
    let outcome = Outcome::exactly(seen.because_of_lease && seen.requests > 0 && seen.dropped >= QUEUED)
        .and(was_on)
        .and(Outcome::of(last, ns(BOUND), seen.noise.ns()));
    Said {
        outcome,
        expected: format!(
            "no produce request later than {} after the lease, with at least {QUEUED} records queued",
            ms(ns(BOUND))
        ),
        measured: format!(
            "the last of {} requests {} after it; {} records dropped",
            seen.requests,
            ms(last),
            seen.dropped
        ),
        note: format!("watched for {} after the load; {}", ms(ns(AFTER)), seen.noise),
    }
}

/// Experiment 16.
pub(super) fn stop_means_stop(_: &Host) -> Said {
    let measure = || -> Result<Said, Problem> {
        // 100 records each 50 ms go out; the rest waits in the client.
        let broker = stub(1, Script::constant(millis(50)))?;
        let spec = Spec {
            lease: LEASE,
            tapped: false,
            ..Spec::new(Arrivals::Uniform, 150_000.0, millis(10_000))
        };
        let spec = spec.with(&[
            ("max.in.flight.requests.per.connection", "1"),
            ("batch.num.messages", "100"),
        ]);
        let watching = Watching::begin();
        let running = spec.start(&broker.bootstrap())?;
        let lease_end = MonotonicClock.now_ns() + nanos(LEASE);
        let ran = running.finish(|_, _| {})?;
        MonotonicClock.sleep_until(MonotonicClock.now_ns() + nanos(AFTER));
        let noise = watching.end();
        let totals = broker.totals();
        let fates = ran.report.tallies.fates();
        Ok(judge(&Stopped {
            because_of_lease: ran.given_up.is_some_and(|reason| reason.contains("lease")),
            dropped: fates.unresolved,
            requests: totals.produce_requests,
            last_ns: totals.last_arrival_ns.map(|last| last - lease_end),
            noise,
        }))
    };
    measure().unwrap_or_else(|problem| Said::could_not(&problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_goes_on_is_found_out() {
        let right = Stopped {
            because_of_lease: true,
            dropped: 99_800,
            requests: 30,
            last_ns: Some(10_000_000),
            noise: Noise::default(),
        };
        let check = |one: Stopped, outcome| assert_eq!(judge(&one).outcome, outcome, "{one:?}");
        check(right, Outcome::Holds);
        // Without the purge requests go on until the queue is empty.
        let on = Stopped {
            last_ns: Some(2_000_000_000),
            ..right
        };
        check(on, Outcome::Fails);
        let slow = Noise {
            hiccup_ns: 300_000_000,
            ..Noise::default()
        };
        let late = Stopped {
            last_ns: Some(700_000_000),
            noise: slow,
            ..right
        };
        check(late, Outcome::TooNoisy);
        check(Stopped { noise: slow, ..on }, Outcome::Fails);
        // Vacuous: nothing was queued, nothing came, or it had ended before.
        check(Stopped { dropped: 10, ..right }, Outcome::Fails);
        check(
            Stopped {
                last_ns: None,
                requests: 0,
                ..right
            },
            Outcome::Fails,
        );
        check(
            Stopped {
                last_ns: Some(-900_000_000),
                ..right
            },
            Outcome::Fails,
        );
    }
}
