//! Delivery reports of one client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tribunal_engine::producer::{Delivery, Outcome, Polled, Reports};

use crate::client::{Client, Counts, spoken};
use crate::codes::error_code;
use crate::event::{DeliveryReport, Event, Status};
use crate::native::Handle;
use crate::opaque::{Meaning, Opaque};
use crate::resolve::Secrets;
use crate::statistics::{KafkaStatistics, with_given};

/// The delivery reports of one client, for its report thread.
pub struct KafkaReports {
    /// The batch of reports that the last poll announced.
    batch: Option<Event>,
    handle: Arc<Handle>,
    counts: Arc<Counts>,
    secrets: Secrets,
    blind: bool,
}

impl KafkaReports {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            batch: None,
            handle: Arc::clone(client.topic.handle()),
            counts: Arc::clone(&client.counts),
            secrets: client.secrets.clone(),
            blind: client.blind,
        }
    }
}

impl Reports for KafkaReports {
    type Statistics = KafkaStatistics;

    /// Waits in whole milliseconds, rounded up.
    fn poll(&mut self, wait: Duration) -> Polled {
        // Reports that nobody took are counted as taken, so that the records in flight stay right.
        self.take(|_| {});
        let mut wait = wait;
        loop {
            let Some(event) = self.handle.poll(wait) else {
                return Polled::Nothing;
            };
            if let Some(polled) = spoken(event.kind(), &self.secrets) {
                return match polled {
                    Polled::Deliveries => {
                        self.batch = Some(event);
                        Polled::Deliveries
                    }
                    Polled::Statistics(raw) => Polled::Statistics(with_given(raw, self.counts.given())),
                    other => other,
                };
            }
            // An event that concerns nobody; whatever else is there by now is taken, without another wait.
            wait = Duration::ZERO;
        }
    }

    fn take(&mut self, mut each: impl FnMut(Delivery)) {
        let Some(mut batch) = self.batch.take() else { return };
        let blind = self.blind;
        let count = batch.each_report(|report| {
            let Meaning::Scheduled {
                part,
                intended_ns,
                accepted_ns,
            } = Opaque(report.opaque).meaning()
            else {
                return;
            };
            let (bytes, partition, offset) = (report.bytes, report.partition, report.offset);
            each(Delivery {
                intended_ns,
                accepted_ns,
                part,
                outcome: outcome(&report, blind),
                bytes,
                partition,
                offset,
            });
        });
        self.counts.report(count);
    }
}

/// What a report means. A report with an error for a record that is certainly in the log would be
/// [`Outcome::PossiblyWritten`]: the audit must not count on it, and an error that an application sees is not hidden.
/// librdkafka 2.12.1 has no way to make one.
pub(crate) fn outcome(report: &DeliveryReport, blind: bool) -> Outcome {
    match (report.code, report.status) {
        (0, _) if blind => Outcome::WrittenBlind,
        (0, _) => Outcome::Acknowledged,
        (code, Status::Not) => Outcome::NotWritten(error_code(code)),
        (code, Status::Possibly | Status::Certainly) => Outcome::PossiblyWritten(error_code(code)),
    }
}

impl fmt::Debug for KafkaReports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaReports")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
