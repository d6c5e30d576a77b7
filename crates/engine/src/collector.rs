//! The collector: merges what the load threads hand over into samples and the final report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use tribunal_model::trial::Part;
use tribunal_stats::facts::Instruments;
use tribunal_stats::watched::Watched;
use tribunal_stats::{Activity, AgentReport, ClientSecond, ClientStatistics, ClientTold, Cpu, Sample};

use crate::event::{Ended, Event};
use crate::grid::{Grid, ReportsEnd, SenderEnd, Slice};
use crate::lag::ReportLag;
use crate::producer::{Control, Statistics};
use crate::threads::Shared;

/// From the load threads to the collector, a few a second.
#[derive(Debug)]
pub(crate) enum Message {
    NotStarted {
        epoch: u32,
    },
    /// A sender's slice; everything before the edge `upto` has been handed over. `cpu_ns` is the thread's processor time so far.
    Sent {
        slot: usize,
        slice: Box<Slice>,
        upto: i64,
        cpu_ns: u64,
    },
    /// The same of a report thread.
    Reported {
        slot: usize,
        slice: Box<Slice>,
        upto: i64,
        cpu_ns: u64,
    },
    /// The client's statistics, polled at this instant from t0.
    Statistics {
        slot: usize,
        raw: String,
        at: i64,
    },
    WindowResolved,
    /// What the watch saw.
    Watched(Box<Instruments>),
    SenderEnded {
        slot: usize,
        end: SenderEnd,
    },
    ReportsEnded {
        slot: usize,
        end: Box<ReportsEnd>,
    },
}

/// Owner of everything that the threads have measured so far.
pub(crate) struct Collector<S> {
    shared: Arc<Shared>,
    clients: Vec<Client<S>>,
    /// Samples that not all threads have handed over, by their start.
    open: BTreeMap<i64, Sample>,
    report: AgentReport,
    probe: Box<dyn FnMut() -> Cpu + Send>,
    tell: Box<dyn FnMut(Event) + Send>,
}

/// One producer as the collector sees it.
struct Client<S> {
    producer: u32,
    topic: String,
    control: Arc<dyn Control>,
    statistics: S,
    /// The last statistics before the window, and the first ones after it.
    before: ClientStatistics,
    after: Option<ClientStatistics>,
    /// Up to where the sender and the report thread have handed over.
    handed: [i64; 2],
    cpu: [u64; 2],
    sender: Option<SenderEnd>,
    reports: Option<Box<ReportsEnd>>,
}

/// Statistics may be polled this long after they were made: by so much after t1 they are still those before it.
const POLLED_LATE: i64 = 100_000_000;

const SENDER: usize = 0;
const REPORTS: usize = 1;

impl<S: Statistics> Collector<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        names: Vec<(u32, String)>,
        controls: Vec<Arc<dyn Control>>,
        probe: Box<dyn FnMut() -> Cpu + Send>,
        tell: Box<dyn FnMut(Event) + Send>,
    ) -> Self {
        let clients = names
            .into_iter()
            .zip(controls)
            .map(|((producer, topic), control)| Client {
                producer,
                topic,
                control,
                statistics: S::default(),
                before: ClientStatistics::default(),
                after: None,
                handed: [0; 2],
                cpu: [0; 2],
                sender: None,
                reports: None,
            })
            .collect();
        Self {
            shared,
            clients,
            open: BTreeMap::new(),
            report: AgentReport::default(),
            probe,
            tell,
        }
    }

    /// Runs until all threads have ended.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        while let Ok(message) = inbox.recv() {
            self.take(message);
        }
        self.close_samples(i64::MAX);
        let panicked = self
            .clients
            .iter()
            .any(|client| client.sender.is_none() || client.reports.is_none());
        let given_up = self
            .shared
            .why()
            .or_else(|| panicked.then(|| "a load thread panicked".to_owned()));
        let report = self.finish();
        let windows = self.shared.parts.windows();
        (self.tell)(Event::Ended(Box::new(Ended {
            report,
            windows,
            given_up,
        })));
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::NotStarted { epoch } => (self.tell)(Event::NotStarted { epoch }),
            Message::WindowResolved => (self.tell)(Event::WindowResolved),
            Message::Watched(instruments) => self.report.facts.instruments = *instruments,
            Message::Sent {
                slot,
                slice,
                upto,
                cpu_ns,
            } => self.slice(slot, SENDER, &slice, upto, cpu_ns),
            Message::Reported {
                slot,
                slice,
                upto,
                cpu_ns,
            } => self.slice(slot, REPORTS, &slice, upto, cpu_ns),
            Message::Statistics { slot, raw, at } => {
                let windows = self.shared.parts.windows();
                let client = &mut self.clients[slot];
                if !client.statistics.add(&raw) {
                    tracing::warn!(producer = client.producer, "the client's statistics make no sense");
                    return;
                }
                let total = client.statistics.total();
                if at - POLLED_LATE < windows.t1_ns() {
                    client.before = total.clone();
                } else if at >= windows.t2_ns() && client.after.is_none() {
                    client.after = Some(total.clone());
                }
                let (producer, total) = (client.producer, Box::new(ClientTold::from(total)));
                (self.tell)(Event::Statistics { producer, total });
            }
            Message::SenderEnded { slot, end } => {
                self.clients[slot].sender = Some(end);
                self.hand(slot, SENDER, i64::MAX);
            }
            Message::ReportsEnded { slot, end } => {
                self.clients[slot].reports = Some(end);
                self.hand(slot, REPORTS, i64::MAX);
            }
        }
    }

    fn slice(&mut self, slot: usize, which: usize, slice: &Slice, upto: i64, cpu_ns: u64) {
        // A thread that was past an announced t1 knew of it, and its message brings that knowledge here.
        let grid = Grid::new(&self.shared.parts.windows());
        let client = &mut self.clients[slot];
        let watched = Watched::of(client.producer, &slice.tallies, &slice.activity);
        (self.tell)(Event::Watched(Box::new(watched)));
        let used = cpu_ns - std::mem::replace(&mut client.cpu[which], cpu_ns);
        let start = slice.start_ns;
        let sample = self.open.entry(start).or_insert_with(|| Sample {
            start_ns: start,
            end_ns: grid.edge_after(start),
            ..Sample::default()
        });
        sample.tallies.merge(&slice.tallies);
        let mut activity = slice.activity;
        if which == SENDER {
            activity.cpu.sender_ns = used;
        } else {
            activity.cpu.recorder_ns = used;
        }
        sample.activity.add(&activity);
        let second = if let Some(second) = sample.clients.iter_mut().find(|c| c.producer == client.producer) {
            second
        } else {
            let named = ClientSecond {
                producer: client.producer,
                topic: client.topic.clone(),
                ..Default::default()
            };
            sample.clients.push(named);
            sample.clients.last_mut().expect("invariant: just pushed")
        };
        second.acknowledged += slice.activity.acknowledged;
        second.failed += slice.activity.failed;
        second.queue_full += slice.activity.queue_full;
        self.hand(slot, which, upto);
    }

    /// Notes that a thread has handed over everything before `upto`, and tells the samples that are whole.
    fn hand(&mut self, slot: usize, which: usize, upto: i64) {
        let handed = &mut self.clients[slot].handed[which];
        *handed = (*handed).max(upto);
        let upto = self.clients.iter().flat_map(|c| c.handed).min().unwrap_or(i64::MAX);
        self.close_samples(upto);
    }

    fn close_samples(&mut self, upto: i64) {
        while let Some(entry) = self.open.first_entry()
            && (upto == i64::MAX || entry.get().end_ns <= upto)
        {
            let mut sample = entry.remove();
            for second in &mut sample.clients {
                let client = self.clients.iter().find(|c| c.producer == second.producer);
                second.in_flight = client.map_or(0, |c| c.control.in_flight());
                sample.activity.in_flight += second.in_flight;
            }
            let ours = sample.activity.cpu;
            let probed = (self.probe)();
            sample.activity.cpu = Cpu {
                sender_ns: ours.sender_ns,
                recorder_ns: ours.recorder_ns,
                ..probed
            };
            self.report.tallies.merge(&sample.tallies);
            if self.shared.parts.windows().part(sample.start_ns) == Part::Window {
                self.report.window.add(&Activity {
                    in_flight: 0,
                    ..sample.activity
                });
            }
            (self.tell)(Event::Sample(Box::new(sample)));
        }
    }

    fn finish(&mut self) -> AgentReport {
        let mut report = std::mem::take(&mut self.report);
        let scheduled = |part| report.tallies.get(part).map_or(0, |tally| tally.fates.scheduled);
        let before_t1 = scheduled(Part::WarmUp);
        let before_t2 = before_t1 + scheduled(Part::Window);
        report.facts.start_ns = self.shared.gate.opened().unwrap_or_default();
        let mut lag = ReportLag::default();
        let mut settled = [0; 2];
        for client in &mut self.clients {
            let until = client.after.take().unwrap_or_else(|| client.statistics.total());
            report.statistics.add(&until.since(&client.before));
            if let Some(end) = client.sender {
                report.facts.start_error_ns = report.facts.start_error_ns.max(end.start_error_ns);
                let firsts = [report.facts.first_send, end.first];
                report.facts.first_send = firsts.into_iter().flatten().min_by_key(|first| first.accepted_ns);
                report.facts.load_end_ns = report.facts.load_end_ns.max(end.load_end_ns);
                report.facts.sender_wait_ns += end.run_queue_ns;
                report.facts.sender_time_ns += end.load_end_ns.max(0) as u64;
                settled[0] += end.dropped[0];
                settled[1] += end.dropped[1];
            }
            if let Some(end) = client.reports.take() {
                settled[0] += end.resolved[0];
                settled[1] += end.resolved[1];
                for (partition, count) in end.partitions {
                    report
                        .partitions
                        .entry((client.topic.clone(), partition))
                        .or_default()
                        .add(&count);
                }
                for (partition, offsets) in end.offsets {
                    if !offsets.is_empty() {
                        let all = report.offsets.entry((client.topic.clone(), partition)).or_default();
                        all.merge(&offsets);
                    }
                }
                report
                    .sequences
                    .extend(end.sequences.map(|sequences| (client.producer, sequences)));
                if let Some(followed) = end.followed {
                    let name = |partition: u32| (client.topic.clone(), partition as i32);
                    report.followed.merge(followed.finish(name));
                }
                lag.merge(&end.lag);
                report.facts.purged_ns = report.facts.purged_ns.max(end.purged_ns);
                report.facts.perhaps_written_after_purge += end.perhaps_after_purge;
                report.facts.missing_reports += end.missing;
                for (code, text, times) in end.errors {
                    let known = report
                        .facts
                        .client_errors
                        .iter_mut()
                        .find(|(c, t, _)| *c == code && *t == text);
                    match known {
                        Some((_, _, n)) => *n += times,
                        None => report.facts.client_errors.push((code, text, times)),
                    }
                }
            }
        }
        report.facts.instruments.report_lag_p99_ns = lag.p99_ns();
        report.facts.instruments.report_lag_max_ns = lag.max_ns();
        report.backlog.at_start = before_t1.saturating_sub(settled[0]);
        report.backlog.at_end = before_t2.saturating_sub(settled[1]);
        report
    }
}
