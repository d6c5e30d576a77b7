//! What scripted agents say they measured.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tribunal_model::seed::SplitMix64;
use tribunal_model::trial::Part;
use tribunal_stats::{Distribution, Fates, Tallies, Tally};

use super::pb;
use crate::service::Service;

/// Different seconds; an agent goes through them in turn, each agent from another one on.
const SECONDS: u64 = 8;
/// Response time: so much at least, and as much on average on top.
const RESPONSE_LEAST_NS: i64 = 1_000_000;
const RESPONSE_MEAN_NS: f64 = 4_000_000.0;
/// Mean send lag and schedule delay.
const SEND_LAG_NS: f64 = 60_000.0;
const SCHEDULE_DELAY_NS: f64 = 20_000.0;

/// Samples by part.
pub(super) type Counts = [u64; Part::ALL.len()];

/// What all agents of a fleet measure: seconds of as many records each, all acknowledged, with latencies drawn once.
///
/// A second of a thousand records holds some 850 different response times, a minute of them some 3,000: as many as real
/// agents report. What travels is encoded once, so that a host bears many agents.
#[derive(Debug)]
pub(super) struct Script {
    records: u64,
    seconds: Vec<Tally>,
    encoded: Vec<pb::Tally>,
    reports: Mutex<BTreeMap<(u64, Counts), Arc<pb::Tallies>>>,
}

impl Script {
    pub(super) fn new(records: u64) -> Self {
        let seconds: Vec<Tally> = (0..SECONDS).map(|number| second(number, records)).collect();
        Self {
            records,
            encoded: seconds.iter().map(Into::into).collect(),
            seconds,
            reports: Mutex::default(),
        }
    }

    /// Records in each sample.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// The tally of an agent's sample by its place in the series, from 0.
    pub(super) fn sample(&self, agent: u64, place: u64) -> pb::Tally {
        self.encoded[((agent + place) % SECONDS) as usize].clone()
    }

    /// The sum of an agent's samples.
    pub(super) fn report(&self, agent: u64, samples: Counts) -> Arc<pb::Tallies> {
        let from = agent % SECONDS;
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let report = reports
            .entry((from, samples))
            .or_insert_with(|| Arc::new((&self.sum(from, samples)).into()));
        report.clone()
    }

    fn sum(&self, from: u64, samples: Counts) -> Tallies {
        let mut sum = Tallies::default();
        let mut place = from;
        for (part, samples) in Part::ALL.into_iter().zip(samples) {
            for _ in 0..samples {
                sum.of(part).merge(&self.seconds[(place % SECONDS) as usize]);
                place += 1;
            }
        }
        sum
    }
}

/// A second of records.
fn second(number: u64, records: u64) -> Tally {
    let mut random = SplitMix64::new(number);
    let mut tally = Tally {
        fates: Fates {
            scheduled: records,
            acknowledged: records,
            ..Fates::default()
        },
        ..Tally::default()
    };
    let mut draw = |mean| Service::Exponential(mean).draw(&mut random);
    let record = |distribution: &mut Distribution, nanoseconds| distribution.record_ns(nanoseconds);
    for _ in 0..records {
        let delay = draw(SCHEDULE_DELAY_NS);
        let lag = delay + draw(SEND_LAG_NS);
        let service = RESPONSE_LEAST_NS + draw(RESPONSE_MEAN_NS);
        record(&mut tally.schedule_delay, delay);
        record(&mut tally.send_lag, lag);
        record(&mut tally.service, service);
        record(&mut tally.response, lag + service);
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_the_sum_of_its_samples_bucket_by_bucket() {
        let script = Script::new(100);
        let report = Tallies::try_from((*script.report(9, [1, 2, 0])).clone()).unwrap();
        let samples: Vec<Tally> = (0..3).map(|n| script.sample(9, n).try_into().unwrap()).collect();
        assert_eq!(report.get(Part::WarmUp), Some(&samples[0]));
        let mut window = samples[1].clone();
        window.merge(&samples[2]);
        assert_eq!(report.get(Part::Window), Some(&window));
        assert_eq!(report.get(Part::CoolDown), None);
    }

    #[test]
    fn histograms_have_as_many_buckets_as_those_of_real_agents() {
        let script = Script::new(1000);
        let buckets = |tallies: &Tallies| tallies.get(Part::Window).unwrap().response.buckets().len();
        let (second, minute) = (script.sum(0, [0, 1, 0]), script.sum(0, [0, 60, 0]));
        assert!((500..1000).contains(&buckets(&second)), "{}", buckets(&second));
        assert!((1000..4000).contains(&buckets(&minute)), "{}", buckets(&minute));
    }
}
