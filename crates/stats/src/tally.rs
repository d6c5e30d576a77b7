//! Fates of records and the latencies that go with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tribunal_model::trial::Part;

use crate::distribution::Distribution;

/// What became of the records that the schedule asked for.
///
/// `scheduled = sent + shed + unsent`, where `sent = acknowledged + not_written + possibly_written + unresolved`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fates {
    /// Intended sends.
    pub scheduled: u64,
    /// Sent, and acknowledged by the broker.
    pub acknowledged: u64,
    /// Sent, and certainly not in the log.
    pub not_written: u64,
    /// Sent, and perhaps in the log. With `acks=0` a success is this, without an error code.
    pub possibly_written: u64,
    /// Sent, and without a delivery report when the client was purged.
    pub unresolved: u64,
    /// Dropped because the client was full and the plan says so.
    pub shed: u64,
    /// Not taken by the client before the drain deadline.
    pub unsent: u64,
}

impl Fates {
    /// Records that the client took.
    pub fn sent(&self) -> u64 {
        self.acknowledged + self.not_written + self.possibly_written + self.unresolved
    }

    /// Records that got a delivery report.
    pub fn resolved(&self) -> u64 {
        self.acknowledged + self.not_written + self.possibly_written
    }

    /// Whether the fates sum to the schedule.
    pub fn balanced(&self) -> bool {
        self.scheduled == self.sent() + self.shed + self.unsent
    }

    /// Adds the other's counts to these.
    pub fn add(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.acknowledged += other.acknowledged;
        self.not_written += other.not_written;
        self.possibly_written += other.possibly_written;
        self.unresolved += other.unresolved;
        self.shed += other.shed;
        self.unsent += other.unsent;
    }
}

/// Fates and latencies of the records whose intended sends fall in one part of a trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Fates by count.
    pub fates: Fates,
    /// Intended send to delivery report, of acknowledged records.
    pub response: Distribution,
    /// Accepted send to delivery report, of acknowledged records.
    pub service: Distribution,
    /// Accepted − intended send, of all sent records.
    pub send_lag: Distribution,
    /// Send lag without the time in which the client refused records: our own lateness.
    pub schedule_delay: Distribution,
    /// Sends whose schedule delay was above a millisecond.
    pub late_sends: u64,
    /// Response time of failed records, by the client's error name.
    pub failed: BTreeMap<String, Distribution>,
    /// Age at the end of unresolved and unsent records: lower bounds of their response times.
    pub censored: Distribution,
}

impl Tally {
    /// Records that failed: not written, or possibly written with an error.
    pub fn failed(&self) -> u64 {
        self.failed.values().map(Distribution::count).sum()
    }

    /// Adds the other's counters to these.
    pub fn merge(&mut self, other: &Self) {
        self.fates.add(&other.fates);
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.send_lag.merge(&other.send_lag);
        self.schedule_delay.merge(&other.schedule_delay);
        self.late_sends += other.late_sends;
        for (code, distribution) in &other.failed {
            self.failed.entry(code.clone()).or_default().merge(distribution);
        }
        self.censored.merge(&other.censored);
    }

    /// Latencies beyond what a distribution can hold.
    pub fn overflow(&self) -> u64 {
        let failed: u64 = self.failed.values().map(Distribution::overflow).sum();
        self.response.overflow()
            + self.service.overflow()
            + self.send_lag.overflow()
            + self.schedule_delay.overflow()
            + self.censored.overflow()
            + failed
    }
}

/// One tally for each part of a trial that anything happened in.
///
/// Parts without records take no memory: a tally is about a megabyte.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tallies([Option<Box<Tally>>; 3]);

impl Tallies {
    /// The tally of a part, if anything happened in it.
    pub fn get(&self, part: Part) -> Option<&Tally> {
        self.0[part.index()].as_deref()
    }

    /// The tally of a part, made when missing.
    pub fn of(&mut self, part: Part) -> &mut Tally {
        self.0[part.index()].get_or_insert_default()
    }

    /// Replaces the tally of a part.
    pub fn set(&mut self, part: Part, tally: Tally) {
        self.0[part.index()] = Some(Box::new(tally));
    }

    /// Parts with their tallies, in time order.
    pub fn iter(&self) -> impl Iterator<Item = (Part, &Tally)> {
        Part::ALL
            .into_iter()
            .filter_map(|part| self.get(part).map(|tally| (part, tally)))
    }

    /// Adds the other's counters to these.
    pub fn merge(&mut self, other: &Self) {
        for (part, tally) in other.iter() {
            self.of(part).merge(tally);
        }
    }

    /// Fates over all parts.
    pub fn fates(&self) -> Fates {
        let mut sum = Fates::default();
        for (_, tally) in self.iter() {
            sum.add(&tally.fates);
        }
        sum
    }

    /// The parts whose fates do not sum to their schedule; empty when all is well.
    pub fn unbalanced(&self) -> Vec<Part> {
        self.iter()
            .filter(|(_, tally)| !tally.fates.balanced())
            .map(|(part, _)| part)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fates_sum_to_the_schedule() {
        let fates = Fates {
            scheduled: 21,
            acknowledged: 1,
            not_written: 2,
            possibly_written: 3,
            unresolved: 4,
            shed: 5,
            unsent: 6,
        };
        assert!(fates.balanced());
        assert_eq!((fates.sent(), fates.resolved()), (10, 6));
        assert!(!Fates { scheduled: 22, ..fates }.balanced());
    }

    #[test]
    fn tallies_name_the_part_that_does_not_balance() {
        let mut tallies = Tallies::default();
        tallies.of(Part::Window).fates = Fates {
            scheduled: 1,
            ..Fates::default()
        };
        tallies.of(Part::CoolDown).fates = Fates {
            scheduled: 1,
            shed: 1,
            ..Fates::default()
        };
        assert_eq!(tallies.unbalanced(), [Part::Window]);
        assert!(tallies.get(Part::WarmUp).is_none());
    }

    #[test]
    fn failures_are_kept_by_code_and_out_of_response() {
        let mut a = Tally::default();
        a.failed.entry("MSG_TIMED_OUT".into()).or_default().record_ns(5_000_000);
        let mut b = Tally::default();
        b.failed.entry("MSG_TIMED_OUT".into()).or_default().record_ns(6_000_000);
        a.merge(&b);
        assert_eq!(a.failed(), 2);
        assert!(a.response.is_empty());
    }
}
