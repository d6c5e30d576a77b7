//! How long the fleet and this coordinator took over the steps of an attempt: for the log, and for nobody's verdict.

use crate::clock::now_ns;

/// Times one attempt by the coordinator's clock.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    agents: usize,
    prepare_sent: i64,
    arm_sent: i64,
    end_load_sent: i64,
    samples: Handled,
    reports: Handled,
}

/// Messages of one kind, with the processor time that they took to be decoded and merged.
#[derive(Clone, Copy, Debug, Default)]
struct Handled {
    count: u64,
    took_ns: i64,
}

/// Kinds of messages whose handling is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measured {
    Sample,
    Report,
}

impl Stopwatch {
    /// *prepare* is about to be sent.
    pub(crate) fn new(agents: usize) -> Self {
        let now = now_ns();
        Self {
            agents,
            prepare_sent: now,
            arm_sent: now,
            end_load_sent: now,
            samples: Handled::default(),
            reports: Handled::default(),
        }
    }

    /// The last *ready* is in; *arm* is about to be sent.
    pub(crate) fn ready(&mut self) {
        self.arm_sent = now_ns();
        let prepare_ms = ms(self.arm_sent - self.prepare_sent);
        tracing::info!(agents = self.agents, prepare_ms, "all agents are ready");
    }

    /// The last *armed* is in, after so many armings.
    pub(crate) fn armed(&self, start: i64) {
        let now = now_ns();
        let (arm_ms, left_ms) = (ms(now - self.arm_sent), ms(start - now));
        tracing::info!(agents = self.agents, arm_ms, left_ms, "all agents are armed");
    }

    /// Every record of the window is resolved.
    pub(crate) fn resolved(&mut self) {
        self.end_load_sent = now_ns();
    }

    /// A message was merged; decoding and merging it took so much processor time, in nanoseconds.
    pub(crate) fn handled(&mut self, what: Measured, took_ns: i64) {
        let handled = match what {
            Measured::Sample => &mut self.samples,
            Measured::Report => &mut self.reports,
        };
        handled.count += 1;
        handled.took_ns += took_ns;
    }

    /// The last report is in.
    pub(crate) fn over(&self) {
        tracing::info!(
            agents = self.agents,
            samples = self.samples.count,
            samples_ms = ms(self.samples.took_ns),
            reports = self.reports.count,
            merge_ms = ms(self.reports.took_ns),
            reported_ms = ms(now_ns() - self.end_load_sent),
            "all reports are merged"
        );
    }
}

fn ms(nanoseconds: i64) -> f64 {
    (nanoseconds / 1000) as f64 / 1000.0
}
