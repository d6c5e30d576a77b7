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
    read_back: bool,
}

impl KafkaReports {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            batch: None,
            handle: Arc::clone(client.topic.handle()),
            counts: Arc::clone(&client.counts),
            secrets: client.secrets.clone(),
            blind: client.blind,
            read_back: client.read_back,
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
        let mut alike: Option<Alike> = None;
        let count = batch.each_report(self.read_back, |report| {
            if let Some(alike) = &mut alike {
                if alike.take(&report) {
                    return;
                }
                alike.delivery(blind).map(&mut each);
            }
            alike = Some(Alike::new(report));
        });
        alike.and_then(|alike| alike.delivery(blind)).map(each);
        self.counts.report(count);
    }
}

/// Reports in a row that differ in nothing but their offset and their sequence, which count up.
struct Alike {
    first: DeliveryReport,
    records: u32,
    bytes: u64,
}

impl Alike {
    fn new(first: DeliveryReport) -> Self {
        Self {
            bytes: u64::from(first.bytes),
            records: 1,
            first,
        }
    }

    /// Whether the next report is alike; it is counted then.
    fn take(&mut self, next: &DeliveryReport) -> bool {
        let first = &self.first;
        let expected = if first.offset < 0 {
            -1
        } else {
            first.offset + i64::from(self.records)
        };
        let sequence = first.sequence.map(|sequence| sequence + u64::from(self.records));
        let alike = next.opaque == first.opaque
            && next.offset == expected
            && next.sequence == sequence
            && next.partition == first.partition
            && next.code == first.code
            && next.status == first.status;
        if alike {
            self.records += 1;
            self.bytes += u64::from(next.bytes);
        }
        alike
    }

    /// What they mean; nothing for records that were sent before the trial.
    fn delivery(&self, blind: bool) -> Option<Delivery> {
        let Meaning::Scheduled {
            part,
            intended_ns,
            accepted_ns,
        } = Opaque(self.first.opaque).meaning()
        else {
            return None;
        };
        Some(Delivery {
            records: self.records,
            intended_ns,
            accepted_ns,
            part,
            outcome: outcome(&self.first, blind),
            bytes: self.bytes,
            partition: self.first.partition,
            offset: self.first.offset,
            sequence: self.first.sequence,
        })
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
