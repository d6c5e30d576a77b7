//! Adding up what the agents of one attempt measured.

use std::collections::BTreeMap;
use std::time::Duration;

use tribunal_model::ids::AgentName;
use tribunal_model::trial::{Part, Windows};
use tribunal_report::result::{StoredDistribution, StoredSample};
use tribunal_stats::facts::RunFacts;
use tribunal_stats::{
    Activity, AgentReport, Backlog, ClientStatistics, Distribution, Followed, OffsetSet, PartitionCount, Sample,
    Tallies,
};

/// Samples that may wait for a slow agent; beyond, the oldest is closed as it is.
const OPEN: usize = 5;

/// The reports so far, added one at a time, so that memory does not grow with agents.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    pub(crate) tallies: Tallies,
    pub(crate) window: Activity,
    pub(crate) backlog: Backlog,
    pub(crate) statistics: ClientStatistics,
    pub(crate) partitions: BTreeMap<(String, i32), PartitionCount>,
    /// Acknowledged offsets, where the trial asks for them.
    pub(crate) offsets: BTreeMap<(String, i32), OffsetSet>,
    /// Sequences of acknowledged records by producer, where they are read back.
    pub(crate) sequences: BTreeMap<u32, OffsetSet>,
    /// Intended sends of followed records, in nanoseconds of the coordinator's clock.
    pub(crate) followed: Followed,
    /// By how much those may be off.
    pub(crate) followed_bound_ns: i64,
    /// What is kept of each agent by itself.
    pub(crate) agents: BTreeMap<AgentName, Kept>,
}

/// What is kept of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) run: RunFacts,
    pub(crate) window: Activity,
    /// 99th percentile of the schedule delay in the window, and the share of late sends.
    pub(crate) schedule_delay_p99: Duration,
    pub(crate) late_share: f64,
    /// Mean and greatest service time of the window's acknowledged records.
    pub(crate) mean_service: Duration,
    pub(crate) max_service: Duration,
    /// Share of the window's intended sends that were not acknowledged.
    pub(crate) unacknowledged_share: f64,
}

impl Merged {
    /// Adds one agent's report.
    pub(crate) fn add(&mut self, agent: &AgentName, mut report: AgentReport) {
        let facts = &report.facts;
        let at = |ns| facts.clock.interpolated(&facts.clock_after, facts.start_ns + ns);
        let followed = std::mem::take(&mut report.followed);
        if followed.count() > 0 {
            let bound = facts.clock.bound_ns.max(facts.clock_after.bound_ns);
            self.followed_bound_ns = self.followed_bound_ns.max(bound);
        }
        let followed = followed.turned(|ns| facts.start_ns + ns + at(ns).0);
        self.followed.merge(followed);
        // A producer runs on one agent.
        self.sequences.append(&mut report.sequences);
        self.tallies.merge(&report.tallies);
        self.window.add(&report.window);
        self.backlog.add(&report.backlog);
        self.statistics.add(&report.statistics);
        for (partition, count) in &report.partitions {
            self.partitions.entry(partition.clone()).or_default().add(count);
        }
        for (partition, offsets) in &report.offsets {
            self.offsets.entry(partition.clone()).or_default().merge(offsets);
        }
        let measured = report.tallies.get(Part::Window);
        let sends = measured.map_or(0, |tally| tally.schedule_delay.count());
        let late = measured.map_or(0, |tally| tally.late_sends);
        let kept = Kept {
            window: report.window,
            schedule_delay_p99: measured
                .and_then(|tally| tally.schedule_delay.quantile(0.99))
                .unwrap_or_default(),
            late_share: if sends == 0 { 0.0 } else { late as f64 / sends as f64 },
            mean_service: measured.and_then(|tally| tally.service.mean()).unwrap_or_default(),
            max_service: measured.and_then(|tally| tally.service.max()).unwrap_or_default(),
            unacknowledged_share: measured.map_or(0.0, |tally| {
                let fates = &tally.fates;
                1.0 - fates.acknowledged as f64 / fates.scheduled.max(1) as f64
            }),
            run: report.facts,
        };
        self.agents.insert(agent.clone(), kept);
    }
}

/// The time series, merged on arrival; a sample that all agents have sent is put into its stored form at once.
#[derive(Debug)]
pub(crate) struct Series {
    agents: u32,
    windows: Windows,
    open: BTreeMap<i64, (Sample, u32)>,
    done: Vec<StoredSample>,
    /// Response times of the window in closed samples, for progress.
    response: Distribution,
    delivered: f64,
}

impl Series {
    pub(crate) fn new(agents: usize, windows: Windows) -> Self {
        Self {
            agents: agents as u32,
            windows,
            open: BTreeMap::new(),
            done: Vec::new(),
            response: Distribution::new(),
            delivered: 0.0,
        }
    }

    /// Takes one agent's sample. Whether a sample of the series became whole by it.
    pub(crate) fn add(&mut self, mut sample: Sample) -> bool {
        let start = sample.start_ns;
        // Of a thousand agents they are many, and nobody asks.
        sample.clients = Vec::new();
        match self.open.get_mut(&start) {
            Some((merged, agents)) => {
                merged.merge(&sample);
                *agents += 1;
            }
            None => {
                self.open.insert(start, (sample, 1));
            }
        }
        let whole = self.open.get(&start).is_some_and(|(_, agents)| *agents >= self.agents);
        if whole {
            self.close(start);
        } else if self.open.len() > OPEN
            && let Some(oldest) = self.open.keys().next().copied()
        {
            self.close(oldest);
        }
        whole
    }

    fn close(&mut self, start: i64) {
        let Some((sample, agents)) = self.open.remove(&start) else {
            return;
        };
        let mut response = Distribution::new();
        let mut service = Distribution::new();
        for (_, tally) in sample.tallies.iter() {
            response.merge(&tally.response);
            service.merge(&tally.service);
        }
        if let Some(measured) = sample.tallies.get(Part::Window) {
            self.response.merge(&measured.response);
        }
        self.delivered = sample.activity.acknowledged as f64 / sample.seconds().max(1e-9);
        self.done.push(StoredSample {
            start_ns: sample.start_ns,
            end_ns: sample.end_ns,
            part: self.windows.part(sample.start_ns),
            agents,
            fates: sample.tallies.fates(),
            activity: sample.activity,
            response: StoredDistribution::new(&response, 0),
            service: StoredDistribution::new(&service, 0),
        });
    }

    /// The window begins at another instant than was thought.
    pub(crate) fn announced(&mut self, windows: Windows) {
        self.windows = windows;
    }

    /// The latest sample in its stored form.
    pub(crate) fn latest(&self) -> Option<&StoredSample> {
        self.done.last()
    }

    /// Acknowledged records per second in the latest whole sample.
    pub(crate) fn delivered(&self) -> f64 {
        self.delivered
    }

    /// 99th percentile of the response times of the window so far.
    pub(crate) fn response_p99(&self) -> Option<Duration> {
        self.response.quantile(0.99)
    }

    /// The whole series, in time order.
    pub(crate) fn finish(mut self) -> Vec<StoredSample> {
        for start in self.open.keys().copied().collect::<Vec<_>>() {
            self.close(start);
        }
        self.done.sort_by_key(|sample| sample.start_ns);
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(start: i64, latencies_ms: &[i64]) -> Sample {
        let mut sample = Sample {
            start_ns: start,
            end_ns: start + 1_000_000_000,
            ..Sample::default()
        };
        let tally = sample.tallies.of(Part::Window);
        for ms in latencies_ms {
            tally.response.record_ns(ms * 1_000_000);
            tally.fates.scheduled += 1;
            tally.fates.acknowledged += 1;
            sample.activity.acknowledged += 1;
        }
        sample
    }

    fn windows() -> Windows {
        let seconds = Duration::from_secs;
        Windows {
            warm_up: seconds(0),
            measure: seconds(10),
            drain: seconds(5),
        }
    }

    #[test]
    fn seconds_of_all_agents_are_one_sample_and_quantiles_come_from_the_merged_histogram() {
        let mut series = Series::new(2, windows());
        assert!(!series.add(sample(0, &[1; 99])));
        assert!(series.add(sample(0, &[100; 99])));
        assert!((series.delivered() - 198.0).abs() < 1e-9);
        let stored = series.finish();
        assert_eq!((stored.len(), stored[0].agents, stored[0].response.count), (1, 2, 198));
        // The mean of the agents' p99 would be 50 ms.
        assert!((99_000..101_000).contains(&stored[0].response.p99_us.unwrap()));
    }

    #[test]
    fn a_silent_agent_does_not_hold_the_series_up() {
        let mut series = Series::new(2, windows());
        for second in 0..20 {
            series.add(sample(second * 1_000_000_000, &[1]));
        }
        assert!(series.open.len() <= OPEN);
        let stored = series.finish();
        assert_eq!(stored.len(), 20);
        assert!(stored.iter().all(|s| s.agents == 1) && stored.is_sorted_by_key(|s| s.start_ns));
    }
}
