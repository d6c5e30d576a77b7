//! What the run of one producer says, in the words of drivers/PROTOCOL.md.

use std::collections::BTreeMap;

use tribunal_driver::account::counts;
use tribunal_driver::messages::{self, Client, Said};
use tribunal_engine::event::Event;
use tribunal_stats::{AgentReport, ClientTold, Sample, Tallies};

/// Owner of what one producer's client has told of itself.
///
/// librdkafka's statistics come once a second by a clock of their own; a sample holds what they have grown by since the
/// sample before, the report what they grew by over the window.
#[derive(Debug)]
pub(super) struct Teller {
    producer: u32,
    /// What the client has told so far; none before its first word.
    total: Option<Box<ClientTold>>,
    /// What samples have held of it.
    passed_on: ClientTold,
}

impl Teller {
    /// Of a producer by its place in the trial; nothing told yet.
    pub(super) fn new(producer: u32) -> Self {
        Self {
            producer,
            total: None,
            passed_on: ClientTold::default(),
        }
    }

    /// An event of the producer's run in the protocol's words; none for what the agent makes of samples itself.
    pub(super) fn words(&mut self, event: Event) -> Option<Said> {
        let producer = self.producer;
        match event {
            Event::NotStarted { .. } => Some(Said::NotStarted {}),
            Event::WindowResolved => Some(Said::Resolved { producer }),
            Event::Watched(_) => None,
            Event::Statistics { total, .. } => {
                self.total = Some(total);
                None
            }
            Event::Sample(sample) => Some(Said::Sample(Box::new(second(producer, &sample, self.grown())))),
            Event::Ended(ended) => {
                let client = self.whole(&ended.report);
                Some(Said::Report(Box::new(report(producer, &ended.report, client))))
            }
        }
    }

    /// What the client has told since the last sample; nothing where it has said nothing new.
    fn grown(&mut self) -> Client {
        let Some(total) = self.total.as_deref().filter(|total| **total != self.passed_on) else {
            return Client::default();
        };
        let grown = total.since(&self.passed_on);
        self.passed_on = total.clone();
        Client::of(&grown)
    }

    /// What the client told of the window; nothing where it never said a word.
    fn whole(&self, report: &AgentReport) -> Client {
        if self.total.is_none() {
            return Client::default();
        }
        Client::of(&ClientTold::from(report.statistics.clone()))
    }
}

fn second(producer: u32, sample: &Sample, client: Client) -> messages::Second {
    messages::Second {
        producer,
        start_ns: sample.start_ns,
        end_ns: sample.end_ns,
        parts: parts(&sample.tallies),
        acknowledged_bytes: sample.activity.acknowledged_bytes,
        queue_full: sample.activity.queue_full,
        blocked_ns: sample.activity.blocked_ns,
        in_flight: sample.activity.in_flight,
        written_blind: sample.activity.written_blind,
        client,
    }
}

fn parts(tallies: &Tallies) -> BTreeMap<String, messages::Part> {
    let part = |tally: &tribunal_stats::Tally| messages::Part {
        scheduled: tally.fates.scheduled,
        acknowledged: tally.fates.acknowledged,
        not_written: tally.fates.not_written,
        possibly_written: tally.fates.possibly_written,
        unresolved: tally.fates.unresolved,
        shed: tally.fates.shed,
        unsent: tally.fates.unsent,
        late_sends: tally.late_sends,
        response: counts(&tally.response),
        service: counts(&tally.service),
        send_lag: counts(&tally.send_lag),
        schedule_delay: counts(&tally.schedule_delay),
        censored: counts(&tally.censored),
        failed: (tally.failed.iter())
            .map(|(error, distribution)| (error.clone(), counts(distribution)))
            .collect(),
    };
    let parts = tallies.iter().map(|(of, tally)| (of.name().to_owned(), part(tally)));
    parts.collect()
}

fn report(producer: u32, report: &AgentReport, client: Client) -> messages::Report {
    let facts = &report.facts;
    messages::Report {
        producer,
        load_end_ns: facts.load_end_ns,
        start_error_ns: facts.start_error_ns,
        first_send: facts.first_send.map(|first| (first.intended_ns, first.accepted_ns)),
        backlog: (report.backlog.at_start, report.backlog.at_end),
        partitions: (report.partitions.iter())
            .map(|((_, partition), count)| (*partition, count.acknowledged, count.perhaps))
            .collect(),
        offsets: (report.offsets.iter())
            .map(|((_, partition), offsets)| (*partition, offsets.runs().collect()))
            .collect(),
        missing: facts.missing_reports,
        errors: facts.client_errors.clone(),
        client,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tribunal_engine::event::Ended;
    use tribunal_model::trial::Windows;
    use tribunal_stats::{BrokerLatencies, ClientCount, ClientStatistics, Latencies};

    use super::*;

    fn statistics(requests: u64) -> ClientStatistics {
        let latencies = BrokerLatencies {
            round_trip: Latencies {
                sum_us: 1000 * requests,
                count: requests,
            },
            ..BrokerLatencies::default()
        };
        ClientStatistics {
            requests,
            brokers: [(1, latencies)].into(),
            ..ClientStatistics::default()
        }
    }

    fn told(requests: u64) -> Event {
        Event::Statistics {
            producer: 3,
            total: Box::new(ClientTold::from(statistics(requests))),
        }
    }

    #[track_caller]
    fn sampled(teller: &mut Teller) -> ClientTold {
        match teller.words(Event::Sample(Box::default())) {
            Some(Said::Sample(second)) => {
                assert_eq!(second.producer, 3);
                second.client.told()
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn reported(teller: &mut Teller, statistics: ClientStatistics) -> ClientTold {
        let report = AgentReport {
            statistics,
            ..AgentReport::default()
        };
        let ended = Ended {
            report,
            windows: Windows {
                warm_up: Duration::ZERO,
                measure: Duration::from_secs(1),
                drain: Duration::ZERO,
            },
            given_up: None,
        };
        match teller.words(Event::Ended(Box::new(ended))) {
            Some(Said::Report(report)) => report.client.told(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn samples_hold_what_statistics_have_grown_by_and_nothing_where_none_came() {
        let mut teller = Teller::new(3);
        assert_eq!(sampled(&mut teller), ClientTold::default());
        for requests in [10, 12] {
            assert!(teller.words(told(requests)).is_none());
        }
        let first = sampled(&mut teller);
        assert_eq!(first, ClientTold::from(statistics(12)));
        assert_eq!(
            first.counts[&ClientCount::Retries],
            0,
            "a zero that was counted is told"
        );
        assert_eq!(sampled(&mut teller), ClientTold::default());
        assert!(teller.words(told(20)).is_none());
        assert_eq!(sampled(&mut teller), ClientTold::from(statistics(8)));
    }

    #[test]
    fn a_report_holds_the_windows_statistics_if_the_client_ever_said_any() {
        let mut teller = Teller::new(3);
        let unsaid = reported(&mut teller, ClientStatistics::default());
        assert_eq!(unsaid, ClientTold::default());
        assert!(teller.words(told(20)).is_none());
        let said = reported(&mut teller, statistics(5));
        assert_eq!(said, ClientTold::from(statistics(5)));
    }
}
