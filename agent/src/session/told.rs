//! What the agent's own threads say, and what the coordinator is told of it.

use tribunal_engine::event::Event;
use tribunal_proto::session::{AgentMessage, AttemptId, Epoch};
use tribunal_telemetry::logs::chain;

use super::{Closed, Outbox, Session};
use crate::attempt::{Stage, Told};

impl Session<'_> {
    /// Passes on what the attempt's threads say.
    pub(super) async fn take(&mut self, told: Told, outbox: &Outbox) -> Result<(), Closed> {
        match told {
            Told::Prepared(attempt, prepared) => {
                let Some(held) = self.of_mut(attempt) else {
                    return Ok(());
                };
                let given_up = match &held.stage {
                    Stage::Preparing { given_up } => given_up.clone(),
                    _ => None,
                };
                match (*prepared, given_up) {
                    (Err(refusal), None) => {
                        self.release();
                        let (kind, reason) = (refusal.kind, refusal.reason);
                        outbox.send(AgentMessage::Refused { attempt, kind, reason }).await
                    }
                    (prepared, Some(reason)) => {
                        drop(prepared);
                        self.release();
                        outbox.send(AgentMessage::Stopped { attempt, reason }).await
                    }
                    (Ok(prepared), None) => {
                        held.stage = Stage::Prepared {
                            prepared: Box::new(prepared),
                        };
                        // Now, and not while clients were being made: t0 is near, and the host is quiet.
                        self.measure(outbox).await
                    }
                }
            }
            Told::Consumer(attempt, word) => self.consumer_says(attempt, word, outbox).await,
            Told::Run(attempt, event) => self.load_says(attempt, event, outbox).await,
            Told::Calibrated(id, outcome) => {
                let wanted = self
                    .calibrating
                    .take()
                    .is_some_and(|calibrating| calibrating.wanted(id));
                let outcome = outcome.map_err(|error| chain(&error));
                if !wanted {
                    // Whoever asked has gone.
                    return Ok(());
                }
                outbox.send(AgentMessage::Calibrated { id, outcome }).await
            }
        }
    }

    async fn load_says(&mut self, attempt: AttemptId, event: Event, outbox: &Outbox) -> Result<(), Closed> {
        match event {
            Event::NotStarted { epoch } => {
                let epoch = Epoch(epoch);
                outbox.send(AgentMessage::NotStarted { attempt, epoch }).await
            }
            Event::WindowResolved => outbox.send(AgentMessage::WindowResolved { attempt }).await,
            Event::Sample(sample) => {
                self.metrics.sample(&sample);
                // Totals do not depend on samples, so a coordinator that is behind loses some of these and no number.
                if !outbox.offer(AgentMessage::Sample { attempt, sample }) {
                    tracing::warn!(
                        dropped = self.metrics.dropped_sample(),
                        "the coordinator is behind; a sample was dropped"
                    );
                }
                Ok(())
            }
            Event::Watched(watched) => {
                self.metrics.watched(&watched);
                Ok(())
            }
            Event::Statistics { producer, total } => {
                self.metrics.statistics(producer, total);
                Ok(())
            }
            Event::Ended(ended) => {
                let Some(held) = self.of_mut(attempt) else {
                    return Ok(());
                };
                let stage = std::mem::replace(&mut held.stage, Stage::Preparing { given_up: None });
                let Stage::Running { run, primed, .. } = stage else {
                    return Ok(());
                };
                drop(run);
                if let Some(reason) = ended.given_up {
                    self.release();
                    return outbox.send(AgentMessage::Stopped { attempt, reason }).await;
                }
                held.stage = Stage::Ended {
                    report: Box::new(primed.within(ended.report)),
                };
                self.measure(outbox).await
            }
        }
    }
}
