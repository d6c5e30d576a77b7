//! From readings at instants to what a broker says of the window between two of them.

use tribunal_report::brokers::{BrokerFacts, BrokerWindow, STEPS, StepTime};

use super::told::{Mean, Told};

/// How long an idle thread of a broker waits at most before it books its wait, in seconds: `KafkaRequestHandler` for a
/// request, `Processor` for its connections (Kafka 4.3).
const LONGEST_WAIT: f64 = 0.3;
/// How far a reading may lie from the end of the window that it stands for: half as much again as the time between two.
const NEAR_NS: i64 = 1_500_000_000;
/// Topics of others that are named.
const NAMED: usize = 5;

/// What came of asking a broker at an instant.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// When it was asked and when it had answered, on the coordinator's clock: what it told was true in between.
    pub(super) asked_ns: i64,
    pub(super) answered_ns: i64,
    /// What it told, or why it told nothing.
    pub(super) told: Result<Told, String>,
}

impl Reading {
    fn at_ns(&self) -> i64 {
        self.asked_ns.midpoint(self.answered_ns)
    }

    /// How far from an instant what it told may have been true.
    fn off_ns(&self, instant_ns: i64) -> i64 {
        (self.asked_ns - instant_ns)
            .abs()
            .max((self.answered_ns - instant_ns).abs())
    }
}

/// The trial around a broker's readings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// t1 and t2 on the coordinator's clock.
    pub(super) t1_ns: i64,
    pub(super) t2_ns: i64,
    /// The trial's topics.
    pub(super) topics: &'a [String],
    /// The ids of the cluster's brokers.
    pub(super) brokers: &'a [i32],
}

/// What one broker's readings come to.
pub(super) fn window(address: String, readings: &[Reading], around: &Around<'_>) -> BrokerWindow {
    let broker = readings
        .iter()
        .find_map(|reading| Some(reading.told.as_ref().ok()?.broker));
    let (facts, absent) = match facts(readings, around) {
        Ok(facts) => (Some(facts), None),
        Err(reason) => (None, Some(reason)),
    };
    BrokerWindow {
        address,
        broker,
        facts,
        absent,
    }
}

/// A broker that two addresses tell of is counted once.
pub(super) fn once_each(brokers: &mut [BrokerWindow]) {
    for at in 1..brokers.len() {
        let (before, rest) = brokers.split_at_mut(at);
        let this = &mut rest[0];
        let same = |other: &&BrokerWindow| other.broker == this.broker && other.facts.is_some();
        if this.facts.is_some()
            && let Some(other) = before.iter().find(same)
        {
            this.absent = Some(format!("it tells of {}, as {} does", this.name(), other.address));
            this.facts = None;
        }
    }
}

fn facts(readings: &[Reading], around: &Around<'_>) -> Result<BrokerFacts, String> {
    let first = edge(readings, around.t1_ns, "start")?;
    let last = edge(readings, around.t2_ns, "end")?;
    let ((from, a), (to, b)) = (told(readings, first)?, told(readings, last)?);
    let seconds = (to - from) as f64 / 1e9;
    if seconds < (around.t2_ns - around.t1_ns) as f64 / 2e9 {
        return Err("too few readings within the window".to_owned());
    }
    if !around.brokers.contains(&a.broker) {
        return Err(format!("it tells of broker {}, which is not of this cluster", a.broker));
    }
    let within = &readings[first..=last];
    let good: Vec<&Told> = within.iter().filter_map(|reading| reading.told.as_ref().ok()).collect();
    // A new process counts from zero again, and a difference over it would be no difference.
    let same = |told: &&Told| told.broker == a.broker && told.started.to_bits() == a.started.to_bits();
    if !good.iter().all(same) {
        return Err("the broker was started anew within the window".to_owned());
    }
    let fell = || "its totals fell within the window".to_owned();
    let rise = |a: f64, b: f64| rise(a, b).ok_or_else(fell);
    let max = |of: fn(&Told) -> Option<f64>| {
        let told = good.iter().filter_map(|told| of(told));
        told.reduce(f64::max).map(|most| most as u64)
    };
    let both = |of: fn(&Told) -> Option<f64>| Some((of(a)?, of(b)?)).filter(|(a, b)| a <= b).map(|(a, b)| b - a);
    let off = readings[first]
        .off_ns(around.t1_ns)
        .max(readings[last].off_ns(around.t2_ns));
    let off_seconds = off as f64 / 1e9;
    let idle = |seconds_idle: f64| {
        let share = seconds_idle / seconds;
        // The time between the two readings is known as well as either of them, and a wait is booked when it is over.
        let most = 1.0 + (2.0 * off_seconds + LONGEST_WAIT) / seconds;
        (0.0..=most).contains(&share).then_some(share.min(1.0))
    };
    let foreign = foreign(a, b, around.topics);
    let network: Option<Vec<f64>> = b
        .network_idle
        .iter()
        .map(|(thread, after)| idle(after - a.network_idle.get(thread)?))
        .collect();
    let network = network.filter(|threads| !threads.is_empty());
    Ok(BrokerFacts {
        version: b.version.clone(),
        seconds,
        off_seconds,
        readings: within.len() as u32,
        missed: (within.len() - good.len()) as u32,
        cpu_seconds: both(|told| told.cpu_seconds),
        bytes_in: rise(a.bytes_in, b.bytes_in)?,
        foreign_bytes_in: foreign.iter().map(|(_, bytes)| bytes).sum(),
        foreign_topics: foreign.into_iter().take(NAMED).collect(),
        records_in: rise(a.records_in, b.records_in)?,
        bytes_rejected: both(|told| told.bytes_rejected).map(whole),
        produce_requests: rise(a.produce_requests, b.produce_requests)?,
        produce_failures: both(|told| told.produce_failures).map(whole),
        produce_time: steps(a, b),
        handler_idle: both(|told| told.handler_idle).and_then(idle),
        network_idle: network
            .as_ref()
            .map(|threads| threads.iter().sum::<f64>() / threads.len() as f64),
        network_idle_least: network.and_then(|threads| threads.into_iter().reduce(f64::min)),
        under_replicated_max: max(|told| told.under_replicated),
        under_min_isr_max: max(|told| told.under_min_isr),
        offline_max: max(|told| told.offline),
        request_queue_max: max(|told| told.request_queue),
        purgatory_max: max(|told| told.purgatory),
        log_flushes: both(|told| told.log_flush.map(|flush| flush.count)).map(whole),
        log_flush_seconds: both(|told| told.log_flush.map(Mean::sum)),
        gc_collections: both(|told| told.gc_collections).map(whole),
        gc_seconds: both(|told| told.gc_seconds),
    })
}

/// The place of the reading that stands for one end of the window: of those that succeeded the nearest.
fn edge(readings: &[Reading], at_ns: i64, which: &str) -> Result<usize, String> {
    let off = |reading: &Reading| reading.off_ns(at_ns);
    let mut near: Vec<usize> = (0..readings.len())
        .filter(|place| off(&readings[*place]) <= NEAR_NS)
        .collect();
    near.sort_by_key(|place| (readings[*place].told.is_err(), off(&readings[*place])));
    match near.first().map(|place| (*place, &readings[*place].told)) {
        Some((place, Ok(_))) => Ok(place),
        Some((_, Err(why))) => Err(format!("at the window's {which}: {why}")),
        None => Err(format!("it was not read at the window's {which}")),
    }
}

fn told(readings: &[Reading], place: usize) -> Result<(i64, &Told), String> {
    let reading = &readings[place];
    let told = reading.told.as_ref();
    told.map(|told| (reading.at_ns(), told)).map_err(Clone::clone)
}

/// How much a total has grown; `None` where it fell.
fn rise(a: f64, b: f64) -> Option<u64> {
    (a <= b).then(|| whole(b - a))
}

fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// The mean of each step over the window: the difference of two sums over that of two counts.
fn steps(a: &Told, b: &Told) -> Vec<StepTime> {
    let step = |name: &&str| {
        let after = b.steps.get(*name)?;
        let before = a.steps.get(*name).copied().unwrap_or_default();
        let requests = rise(before.count, after.count).filter(|requests| *requests > 0)?;
        Some(StepTime {
            step: (*name).to_owned(),
            requests,
            // Count and sum are not read in one instant: of a step that takes no time the difference may be below zero.
            mean_seconds: (after.sum() - before.sum()).max(0.0) / requests as f64,
        })
    };
    STEPS.iter().filter_map(step).collect()
}

/// Topics that are not the trial's with the bytes for them, the largest first; a topic that is not told of has had none.
///
/// Each topic is told by a total of its own. The broker's total less the trial's topics would be no measure: the two are not
/// read in one instant.
fn foreign(a: &Told, b: &Told, ours: &[String]) -> Vec<(String, u64)> {
    let grown = |(topic, after): (&String, &f64)| {
        let grown = rise(a.topics.get(topic).copied().unwrap_or_default(), *after)?;
        (grown > 0 && !ours.contains(topic)).then(|| (topic.clone(), grown))
    };
    let mut topics: Vec<(String, u64)> = b.topics.iter().filter_map(grown).collect();
    topics.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    topics
}

#[cfg(test)]
mod tests;
