//! What the stub is told to do: how long answers take, and what goes wrong.

use std::time::Duration;

use tribunal_model::seed::{SplitMix64, derive, ln};

use crate::code::Code;

/// The longest time that a draw may give, so that a heavy tail has an end.
const LONGEST: Duration = Duration::from_secs(3600);
/// The streams of random numbers, one for service and one for each rule.
const SERVICE_STREAM: u64 = 0;
const FIRST_RULE_STREAM: u64 = 1;

/// How the stub behaves towards produce requests; all other requests are answered at once and rightly.
///
/// Every draw is a pure function of the seed, the rule and the request's number, so the same script does the same to the
/// same requests, whatever they wait for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// The seed of all draws.
    pub seed: u64,
    /// How long answers take.
    pub service: Service,
    /// What goes wrong, and when; the first rule that applies to a request is the one that counts.
    pub rules: Vec<Rule>,
}

/// How long after its arrival a produce request is answered. Faults take their time like successes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Service {
    /// Always the same delay, however many requests wait.
    Constant(Duration),
    /// An exponential delay of its own for each request.
    Exponential {
        /// The mean delay.
        mean: Duration,
    },
    /// A Pareto delay of its own for each request, at most an hour: P(delay > x) = (least ÷ x)^shape.
    Pareto {
        /// The smallest delay.
        least: Duration,
        /// How thin the tail is; the mean is infinite up to 1, the variance up to 2.
        shape: f64,
    },
    /// One server for the whole stub, in order of arrival, which takes a fixed time per record: the drain rate μ.
    Rate {
        /// Records per second.
        per_second: f64,
    },
    /// One server for the whole stub, in order of arrival, which takes an exponential time per request: M/M/1 when the
    /// requests arrive as a Poisson process.
    Queue {
        /// The mean time per request.
        mean: Duration,
    },
}

impl Default for Service {
    fn default() -> Self {
        Self::Constant(Duration::ZERO)
    }
}

/// A fault and the requests it befalls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Which requests.
    pub when: When,
    /// What happens to them.
    pub fault: Fault,
}

/// Which produce requests a rule is about. They are numbered from 0 by arrival, over all connections, also across
/// changes of the script; retries count like any other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// All.
    Always,
    /// The one with this number.
    Request(u64),
    /// That number and all later ones.
    FromRequest(u64),
    /// Those with a record at or behind that position, counted from 0 over all records that arrived.
    FromRecord(u64),
    /// Those that arrive in `[from_ns, to_ns)`.
    Between {
        /// The first instant.
        from_ns: i64,
        /// The first instant that is too late.
        to_ns: i64,
    },
    /// This share of all, by draw.
    Share(f64),
}

/// What befalls a produce request, with all its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with an error and not appended; without an answer to give (`acks=0`) the connection is closed.
    Error(Code),
    /// It is never answered. Later requests of the connection are, which librdkafka takes and Java's client does not.
    Silence {
        /// Whether its records are appended.
        appended: bool,
    },
    /// The connection is closed when the answer would be due, after those before it. What the client sends behind it is
    /// not read.
    Close {
        /// Whether its records are appended.
        appended: bool,
    },
    /// It is appended twice, except the batches of idempotent producers, whose copies a broker knows.
    Duplicate,
    /// It succeeds, and the answer says that the client was throttled for so long. The stub delays nothing for it.
    Throttle(Duration),
}

/// Why a script cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidScript {
    /// A server without a finite, positive rate.
    #[error("a rate of {0} records per second is not finite and positive")]
    Rate(f64),
    /// A Pareto distribution without a finite, positive shape.
    #[error("a Pareto shape of {0} is not finite and positive")]
    Shape(f64),
    /// A share that is none.
    #[error("a share of {0} is not between 0 and 1")]
    Share(f64),
    /// An error that would be a success.
    #[error("the code 0 is no error")]
    NoError,
}

/// What a service time means for the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cost {
    /// The answer is due so many nanoseconds after the arrival.
    Delay(i64),
    /// The one server is busy for so many nanoseconds.
    Work(f64),
}

impl Script {
    /// Answers after the same delay each, without faults.
    pub fn constant(delay: Duration) -> Self {
        Self {
            service: Service::Constant(delay),
            ..Self::default()
        }
    }

    /// The script with one more rule, behind those it has.
    #[must_use]
    pub fn rule(mut self, when: When, fault: Fault) -> Self {
        self.rules.push(Rule { when, fault });
        self
    }

    pub(crate) fn check(&self) -> Result<(), InvalidScript> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match self.service {
            Service::Rate { per_second } if !positive(per_second) => return Err(InvalidScript::Rate(per_second)),
            Service::Pareto { shape, .. } if !positive(shape) => return Err(InvalidScript::Shape(shape)),
            _ => {}
        }
        for rule in &self.rules {
            match *rule {
                Rule {
                    when: When::Share(share),
                    ..
                } if !(0.0..=1.0).contains(&share) => return Err(InvalidScript::Share(share)),
                Rule {
                    fault: Fault::Error(Code::NONE),
                    ..
                } => return Err(InvalidScript::NoError),
                _ => {}
            }
        }
        Ok(())
    }

    /// What befalls request number `request`, whose records are number `first_record` and `records` − 1 more.
    pub(crate) fn fault(&self, request: u64, first_record: u64, records: u64, arrived_ns: i64) -> Option<Fault> {
        let applies = |(stream, rule): (u64, &Rule)| match rule.when {
            When::Always => true,
            When::Request(number) => request == number,
            When::FromRequest(number) => request >= number,
            When::FromRecord(position) => first_record + records > position,
            When::Between { from_ns, to_ns } => (from_ns..to_ns).contains(&arrived_ns),
            When::Share(share) => self.draw(stream, request) <= share,
        };
        (FIRST_RULE_STREAM..)
            .zip(&self.rules)
            .find(|each| applies(*each))
            .map(|(_, rule)| rule.fault)
    }

    /// What the service of request number `request` with so many records costs.
    pub(crate) fn cost(&self, request: u64, records: u64) -> Cost {
        let exponential = |mean| nanoseconds(mean) * -ln(self.draw(SERVICE_STREAM, request));
        let delay = |nanoseconds: f64| Cost::Delay(nanoseconds.min(LONGEST.as_nanos() as f64) as i64);
        match self.service {
            Service::Constant(length) => delay(nanoseconds(length)),
            Service::Exponential { mean } => delay(exponential(mean)),
            Service::Pareto { least, shape } => {
                let tail = (-ln(self.draw(SERVICE_STREAM, request)) / shape).exp();
                delay(nanoseconds(least) * tail)
            }
            Service::Rate { per_second } => Cost::Work(records as f64 * 1e9 / per_second),
            Service::Queue { mean } => Cost::Work(exponential(mean)),
        }
    }

    /// Uniform in `(0, 1]`.
    fn draw(&self, stream: u64, request: u64) -> f64 {
        SplitMix64::new(derive(&[self.seed, stream, request])).next_unit()
    }
}

fn nanoseconds(length: Duration) -> f64 {
    length.as_nanos() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(service: Service) -> Vec<f64> {
        let script = Script {
            seed: 1,
            service,
            rules: Vec::new(),
        };
        let one = |request| match script.cost(request, 1) {
            Cost::Delay(delay) => delay as f64,
            Cost::Work(work) => work,
        };
        (0..100_000).map(one).collect()
    }

    #[test]
    fn draws_have_their_distribution() {
        let mean = Duration::from_millis(1);
        let exponential = delays(Service::Exponential { mean });
        let average = exponential.iter().sum::<f64>() / 1e5;
        assert!((average / 1e6 - 1.0).abs() < 0.01, "{average}");
        let beyond = exponential.iter().filter(|d| **d > 3e6).count() as f64 / 1e5;
        assert!((beyond / (-3.0f64).exp() - 1.0).abs() < 0.05, "{beyond}");
        let pareto = delays(Service::Pareto {
            least: mean,
            shape: 2.5,
        });
        assert!(pareto.iter().all(|d| *d >= 999_999.0));
        let average = pareto.iter().sum::<f64>() / 1e5;
        assert!((average / (1e6 * 2.5 / 1.5) - 1.0).abs() < 0.02, "{average}");
    }

    #[test]
    fn the_first_rule_that_applies_counts() {
        let error = Fault::Error(Code::NOT_LEADER);
        let silence = Fault::Silence { appended: true };
        let script = Script::default()
            .rule(When::Request(3), error)
            .rule(When::FromRecord(100), silence)
            .rule(When::Share(0.1), Fault::Duplicate);
        assert_eq!(script.fault(3, 200, 1, 0), Some(error));
        assert_eq!(script.fault(4, 90, 11, 0), Some(silence));
        let drawn = (10..10_010).filter(|n| script.fault(*n, 0, 1, 0).is_some()).count();
        assert!((900..1100).contains(&drawn), "{drawn}");
    }

    #[test]
    fn a_script_that_makes_no_sense_is_refused() {
        let rate = |per_second| Script {
            service: Service::Rate { per_second },
            ..Script::default()
        };
        assert_eq!(rate(0.0).check(), Err(InvalidScript::Rate(0.0)));
        assert_eq!(rate(1.0).check(), Ok(()));
        let share = Script::default().rule(When::Share(1.5), Fault::Duplicate);
        assert_eq!(share.check(), Err(InvalidScript::Share(1.5)));
        let success = Script::default().rule(When::Always, Fault::Error(Code::NONE));
        assert_eq!(success.check(), Err(InvalidScript::NoError));
    }
}
