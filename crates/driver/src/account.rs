//! What a driver's producers counted, as an agent tells it; checked before it counts.

use std::collections::BTreeMap;

use tribunal_engine::grid::Grid;
use tribunal_model::trial::{Part, Windows};
use tribunal_stats::facts::FirstSend;
use tribunal_stats::watched::Watched;
use tribunal_stats::{
    Activity, AgentReport, Backlog, ClientSecond, ClientTold, Distribution, Fates, OffsetSet, PartitionCount, Sample,
    Tallies,
};

use crate::messages::{Counts, Report, Second};

/// The most microseconds that a bucket may stand for.
const HIGHEST_US: u64 = 3_600_000_000;

/// Owner of what producers have told so far.
#[derive(Debug, Default)]
pub struct Account {
    producers: BTreeMap<u32, Told>,
    /// Samples that not all producers have told, by their start.
    open: BTreeMap<i64, Sample>,
    report: AgentReport,
    /// Mean latencies of produce requests, a figure a second of the window and producer, in nanoseconds.
    requests: Vec<i64>,
}

/// What one producer has told.
#[derive(Debug, Default)]
struct Told {
    topic: String,
    /// The end of its last sample, from t0.
    upto: i64,
    /// Its last sample ended between two edges: it was the last of all.
    over: bool,
    reported: bool,
    tallies: Tallies,
    /// What its client has told of itself so far.
    client: ClientTold,
    /// The same of the window.
    window: ClientTold,
}

/// What came of a second that was told.
#[derive(Debug)]
pub struct Heard {
    /// The samples that are whole with it.
    pub whole: Vec<Sample>,
    /// The second by itself.
    pub watched: Watched,
    /// The producer's fates so far.
    pub fates: Fates,
    /// What its client has said of itself so far.
    pub statistics: ClientTold,
}

impl Account {
    /// The producers by their index in the trial, with their topics; nothing told yet.
    pub fn new(producers: impl IntoIterator<Item = (u32, String)>) -> Self {
        let told = |(index, topic)| {
            let told = Told {
                topic,
                ..Told::default()
            };
            (index, told)
        };
        Self {
            producers: producers.into_iter().map(told).collect(),
            ..Self::default()
        }
    }

    /// Takes a second. The error says what makes no sense.
    pub fn second(&mut self, second: &Second, windows: &Windows) -> Result<Heard, String> {
        let told = self.producers.get_mut(&second.producer);
        let told = told.ok_or_else(|| format!("a sample of a producer {}", second.producer))?;
        let (start, end) = (second.start_ns, second.end_ns);
        let edge = Grid::new(windows).edge_after(start);
        if start != told.upto || end <= start || end > edge || told.over {
            let upto = told.upto;
            return Err(format!(
                "a sample from {start} to {end} ns, after {upto} and with an edge at {edge}"
            ));
        }
        told.upto = end;
        told.over = end < edge;
        let sample = sample(second, &told.topic)?;
        told.tallies.merge(&sample.tallies);
        let said = second.client.told();
        told.client.add(&said);
        let latency = second.client.request_latency_us;
        let latency = latency.filter(|us| us.is_finite() && *us >= 0.0);
        let watched = Watched {
            request_latency_us: latency,
            ..Watched::of(second.producer, &sample.tallies, &sample.activity)
        };
        let (fates, so_far) = (told.tallies.fates(), told.client.clone());
        if windows.part(start) == Part::Window {
            self.requests.extend(latency.map(|us| (us * 1000.0) as i64));
            told.window.add(&said);
        }
        let open = self.open.entry(start).or_insert_with(|| Sample {
            start_ns: start,
            end_ns: end,
            ..Sample::default()
        });
        open.end_ns = open.end_ns.max(end);
        open.merge(&sample);
        Ok(Heard {
            whole: self.whole(),
            watched,
            fates,
            statistics: so_far,
        })
    }

    /// Takes a producer's report. The error says what does not add up.
    pub fn report(&mut self, told: &Report) -> Result<Vec<Sample>, String> {
        let of = self.producers.get_mut(&told.producer);
        let of = of.ok_or_else(|| format!("a report of a producer {}", told.producer))?;
        if of.reported {
            return Err(format!("a second report of producer {}", told.producer));
        }
        of.reported = true;
        let fates = balanced(&of.tallies)?;
        let (mut in_logs, mut perhaps) = (0, 0);
        for (partition, acknowledged, may_be) in &told.partitions {
            let count = PartitionCount {
                acknowledged: *acknowledged,
                perhaps: *may_be,
            };
            let key = (of.topic.clone(), *partition);
            self.report.partitions.entry(key).or_default().add(&count);
            in_logs += acknowledged;
            perhaps += may_be;
        }
        if in_logs != fates.acknowledged {
            let all = fates.acknowledged;
            return Err(format!(
                "{in_logs} acknowledged records by partition and {all} by part of the trial"
            ));
        }
        if perhaps > fates.possibly_written + fates.unresolved {
            return Err(format!(
                "{perhaps} records that may be in the log, more than there are without a sure fate"
            ));
        }
        for (partition, runs) in &told.offsets {
            let set = self.report.offsets.entry((of.topic.clone(), *partition)).or_default();
            set.merge(&offsets(runs)?);
        }
        self.report.backlog.add(&Backlog {
            at_start: told.backlog.0,
            at_end: told.backlog.1,
        });
        let facts = &mut self.report.facts;
        facts.load_end_ns = facts.load_end_ns.max(told.load_end_ns);
        facts.start_error_ns = facts.start_error_ns.max(told.start_error_ns);
        let first = told.first_send.map(|(intended_ns, accepted_ns)| FirstSend {
            intended_ns,
            accepted_ns,
        });
        let firsts = [facts.first_send, first];
        facts.first_send = firsts.into_iter().flatten().min_by_key(|first| first.accepted_ns);
        facts.missing_reports += told.missing;
        of.window = told.client.told().or(std::mem::take(&mut of.window));
        facts.client_errors.extend(told.errors.iter().cloned());
        Ok(self.whole())
    }

    /// The samples that are left, and what they all come to.
    pub fn finish(mut self) -> (Vec<Sample>, AgentReport) {
        for told in self.producers.values_mut() {
            told.reported = true;
        }
        let left = self.whole();
        for told in self.producers.values() {
            self.report.tallies.merge(&told.tallies);
            self.report.statistics.add(&told.window.statistics());
        }
        self.requests.sort_unstable();
        self.report.facts.request_latency_ns = self.requests.get(self.requests.len() / 2).copied();
        (left, self.report)
    }

    fn whole(&mut self) -> Vec<Sample> {
        let waiting = self.producers.values().filter(|told| !told.reported);
        let upto = waiting.map(|told| told.upto).min().unwrap_or(i64::MAX);
        let mut whole = Vec::new();
        while let Some(first) = self.open.first_entry()
            && first.get().end_ns <= upto
        {
            whole.push(first.remove());
        }
        whole
    }
}

/// A producer's sample. The error says what makes no sense.
fn sample(second: &Second, topic: &str) -> Result<Sample, String> {
    let mut tallies = Tallies::default();
    let (mut acknowledged, mut failed) = (0, 0);
    for (name, counted) in &second.parts {
        let part = Part::ALL.into_iter().find(|part| part.name() == name);
        let part = part.ok_or_else(|| format!("a part of the trial called {name:?}"))?;
        let tally = tallies.of(part);
        tally.fates = Fates {
            scheduled: counted.scheduled,
            acknowledged: counted.acknowledged,
            not_written: counted.not_written,
            possibly_written: counted.possibly_written,
            unresolved: counted.unresolved,
            shed: counted.shed,
            unsent: counted.unsent,
        };
        tally.late_sends = counted.late_sends;
        for (distribution, counts) in [
            (&mut tally.response, &counted.response),
            (&mut tally.service, &counted.service),
            (&mut tally.send_lag, &counted.send_lag),
            (&mut tally.schedule_delay, &counted.schedule_delay),
            (&mut tally.censored, &counted.censored),
        ] {
            record(distribution, counts)?;
        }
        for (error, counts) in &counted.failed {
            record(tally.failed.entry(error.clone()).or_default(), counts)?;
        }
        acknowledged += counted.acknowledged;
        failed += counted.not_written + counted.possibly_written;
    }
    failed = failed.saturating_sub(second.written_blind);
    Ok(Sample {
        start_ns: second.start_ns,
        end_ns: second.end_ns,
        tallies,
        activity: Activity {
            acknowledged,
            acknowledged_bytes: second.acknowledged_bytes,
            failed,
            written_blind: second.written_blind,
            queue_full: second.queue_full,
            blocked_ns: second.blocked_ns,
            in_flight: second.in_flight,
            ..Activity::default()
        },
        clients: vec![ClientSecond {
            producer: second.producer,
            topic: topic.to_owned(),
            acknowledged,
            failed,
            in_flight: second.in_flight,
            queue_full: second.queue_full,
        }],
    })
}

/// The fates of all parts, where each part's are as many as its records and as its response times.
fn balanced(tallies: &Tallies) -> Result<Fates, String> {
    for (part, tally) in tallies.iter() {
        let fates = &tally.fates;
        if !fates.balanced() {
            let (sum, scheduled) = (fates.sent() + fates.shed + fates.unsent, fates.scheduled);
            return Err(format!("{sum} fates for {scheduled} records of the {}", part.name()));
        }
        let responses = tally.response.count();
        if responses != 0 && responses != fates.acknowledged {
            let (acknowledged, part) = (fates.acknowledged, part.name());
            return Err(format!(
                "{responses} response times for {acknowledged} acknowledged records of the {part}"
            ));
        }
    }
    Ok(tallies.fates())
}

fn offsets(runs: &[(i64, u64)]) -> Result<OffsetSet, String> {
    let mut set = OffsetSet::new();
    for (first, length) in runs {
        let records = u32::try_from(*length).map_err(|_| format!("a run of {length} offsets"))?;
        set.add_run(*first, records);
    }
    Ok(set)
}

fn record(distribution: &mut Distribution, counts: &Counts) -> Result<(), String> {
    for (bucket, count) in counts {
        let microseconds = lowest(*bucket).ok_or_else(|| format!("a bucket {bucket}, which there is not"))?;
        distribution.record_many_ns(microseconds as i64 * 1000, *count);
    }
    Ok(())
}

/// The least whole microseconds of a bucket of drivers/PROTOCOL.md; what is beyond all buckets for bucket 0.
fn lowest(bucket: u32) -> Option<u64> {
    let bucket = u64::from(bucket);
    if bucket == 0 {
        return Some(2 * HIGHEST_US);
    }
    let shift = (bucket / 1024).saturating_sub(1);
    if shift > 40 {
        return None;
    }
    let microseconds = (bucket - 1024 * shift) << shift;
    (1..=HIGHEST_US).contains(&microseconds).then_some(microseconds)
}

/// A distribution as a driver tells it.
pub fn counts(distribution: &Distribution) -> Counts {
    let mut counts = BTreeMap::new();
    for (microseconds, count) in distribution.buckets() {
        *counts.entry(bucket(microseconds)).or_default() += count;
    }
    if distribution.overflow() > 0 {
        counts.insert(0, distribution.overflow());
    }
    counts.into_iter().collect()
}

/// The bucket of whole microseconds, as drivers/PROTOCOL.md puts it.
fn bucket(microseconds: u64) -> u32 {
    if microseconds < 2048 {
        return microseconds.max(1) as u32;
    }
    let shift = u64::from(microseconds.ilog2()) - 10;
    (1024 * shift + (microseconds >> shift)) as u32
}

#[cfg(test)]
mod tests;
