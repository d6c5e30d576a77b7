//! Priming: one acknowledged record per client and partition before the trial, because a client connects to a leader only
//! when it has something for it.

use std::collections::BTreeMap;
use std::time::Duration;

use tribunal_engine::clock::Clock;
use tribunal_engine::producer::Outcome;

use crate::client::{Client, Error};
use crate::codes::{QUEUE_FULL, error_code, error_text};
use crate::event::Kind;
use crate::heard::Heard;
use crate::opaque::Opaque;
use crate::producer::{Outgoing, pointer, send};
use crate::reports::outcome;
use crate::stamp::PRIMED;

/// The most partitions that are primed; of more, these are a sample, evenly spread.
const MOST: i32 = 1000;
/// The longest wait for one event, so that the deadline is seen.
const SLICE: Duration = Duration::from_millis(100);
/// How long a partition whose record failed is left alone before the next try.
const PAUSE_NS: i64 = 100_000_000;

/// What priming wrote, for the audit. Primed records carry no key and no headers but the stamp where records
/// are read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Primed {
    /// Per partition that was tried, ascending.
    pub partitions: Vec<PrimedPartition>,
}

/// What priming wrote to one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrimedPartition {
    /// The partition.
    pub partition: i32,
    /// Records acknowledged; with `acks=0`, records written to a socket, which only end offsets can confirm.
    pub written: u64,
    /// Records that failed and yet may be in the log.
    pub possibly_written: u64,
    /// The offset of each acknowledged record; -1 where it was told none. Empty with `acks=0`.
    pub offsets: Vec<i64>,
}

impl Primed {
    /// Records that are in the log, or with `acks=0` should be.
    pub fn written(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.written).sum()
    }

    /// Records that failed and yet may be in the log.
    pub fn possibly_written(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.possibly_written).sum()
    }
}

/// Where a partition stands.
#[derive(Clone, Default)]
struct Standing {
    written: u64,
    possibly_written: u64,
    offsets: Vec<i64>,
    in_flight: bool,
    not_before_ns: i64,
}

/// Sends one record to each partition and waits for its report; a record that failed is sent again until `deadline_ns` on
/// `clock`. An error that no waiting helps against is not waited for. Events of
/// other kinds that come meanwhile are dropped, apart from the last word on why something failed, which the error names.
pub fn prime(client: &mut Client, clock: &impl Clock, deadline_ns: i64) -> Result<Primed, Error> {
    let tried = client.partitions.min(MOST);
    let spread = |index: i32| (i64::from(index) * i64::from(client.partitions) / i64::from(tried)) as i32;
    let mut standing: BTreeMap<i32, Standing> = (0..tried).map(|i| (spread(i), Standing::default())).collect();
    let mut stamp = client.read_back.then(|| client.stamp(&[]));
    let mut heard = Heard::default();
    let mut missing = standing.len();
    while missing > 0 {
        let now_ns = clock.now_ns();
        if now_ns >= deadline_ns || heard.hopeless {
            let topic = client.topic_name.clone();
            let last = heard.last.unwrap_or_else(|| "none".into());
            return Err(Error::Prime {
                topic,
                missing,
                tried: standing.len(),
                last,
            });
        }
        for (partition, state) in &mut standing {
            let due = state.written == 0 && !state.in_flight && state.not_before_ns <= now_ns;
            if !due {
                continue;
            }
            client.counts.give(1);
            let record = Outgoing {
                partition: *partition,
                body: client.pool.body(0),
                key: &[],
                opaque: pointer(Opaque::primed()),
            };
            let sent = match &mut stamp {
                Some(stamp) => stamp.send(&client.topic, PRIMED, &record),
                None => send(&client.topic, &record),
            };
            match sent {
                Ok(()) => state.in_flight = true,
                Err(code) => {
                    client.counts.take_back(1);
                    state.not_before_ns = now_ns + PAUSE_NS;
                    if code != QUEUE_FULL {
                        heard.note(error_text(error_code(code)));
                    }
                }
            }
        }
        let wait = Duration::from_nanos((deadline_ns - now_ns).max(0) as u64).min(SLICE);
        let Some(mut event) = client.poll(wait) else { continue };
        match event.kind() {
            Kind::Deliveries => {
                let blind = client.blind;
                let reports = event.each_report(false, |report| {
                    let Some(state) = standing.get_mut(&report.partition) else {
                        return;
                    };
                    state.in_flight = false;
                    match outcome(&report, blind) {
                        told @ (Outcome::Acknowledged | Outcome::WrittenBlind) => {
                            missing -= usize::from(state.written == 0);
                            state.written += 1;
                            if told == Outcome::Acknowledged {
                                state.offsets.push(report.offset);
                            }
                        }
                        failed @ (Outcome::NotWritten(code) | Outcome::PossiblyWritten(code)) => {
                            state.possibly_written += u64::from(matches!(failed, Outcome::PossiblyWritten(_)));
                            state.not_before_ns = now_ns + PAUSE_NS;
                            heard.note(error_text(code));
                        }
                    }
                });
                client.counts.report(reports);
            }
            other => heard.hear(other, &client.secrets),
        }
    }
    let partitions = standing.into_iter().map(|(partition, state)| PrimedPartition {
        partition,
        written: state.written,
        possibly_written: state.possibly_written,
        offsets: state.offsets,
    });
    Ok(Primed {
        partitions: partitions.collect(),
    })
}
