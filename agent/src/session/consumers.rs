//! The consumers of an attempt, as the session carries them.

use tribunal_proto::session::{AgentMessage, AttemptId, PrepareConsumers, RefusalKind};

use super::{Closed, Outbox, Session};
use crate::consuming::{Consuming, MemberWord, Stage};

impl Session<'_> {
    /// Makes consumers; they say by themselves when they are positioned.
    pub(super) async fn prepare_consumers(&mut self, order: &PrepareConsumers, outbox: &Outbox) -> Result<(), Closed> {
        let attempt = order.attempt;
        let made = if let Some(reason) = self.busy(None) {
            Err((RefusalKind::Busy, reason))
        } else {
            let offset_ns = self.clock.map_or(0, |clock| clock.offset_ns);
            Consuming::prepare(&self.options.name, order, offset_ns, &self.tell)
        };
        match made {
            Ok((consuming, shown)) => {
                self.metrics.begin_consumers(shown);
                self.consuming = Some(consuming);
                Ok(())
            }
            Err((kind, reason)) => {
                outbox
                    .send(AgentMessage::ConsumersFailed { attempt, kind, reason })
                    .await
            }
        }
    }

    /// Passes on what a group member says.
    pub(super) async fn consumer_says(
        &mut self,
        attempt: AttemptId,
        word: MemberWord,
        outbox: &Outbox,
    ) -> Result<(), Closed> {
        let Some(consuming) = self.consuming.as_mut().filter(|own| own.id == attempt) else {
            return Ok(());
        };
        if !consuming.hear(word) {
            return Ok(());
        }
        if consuming.failed() {
            return self.report_consumers(outbox).await;
        }
        self.measure(outbox).await
    }

    /// The clock has been measured: lets *ready*, or the report, go out.
    pub(super) async fn consumers_measured(&mut self, outbox: &Outbox) -> Result<(), Closed> {
        let clock = self.clock.unwrap_or_default();
        let Some(consuming) = &mut self.consuming else {
            return Ok(());
        };
        match consuming.stage {
            Stage::Positioned => {
                consuming.began(clock);
                let attempt = consuming.id;
                outbox.send(AgentMessage::ConsumersReady { attempt }).await
            }
            Stage::Ended => self.report_consumers(outbox).await,
            Stage::Positioning | Stage::Receiving => Ok(()),
        }
    }

    /// Says what the consumers received, or why they cannot go on, once they are closed.
    async fn report_consumers(&mut self, outbox: &Outbox) -> Result<(), Closed> {
        let ended = self.consuming.take_if(|consuming| consuming.stage == Stage::Ended);
        let Some(consuming) = ended else { return Ok(()) };
        let (attempt, span) = (consuming.id, consuming.span.clone());
        let finished = consuming.finish(self.clock.unwrap_or_default());
        self.consumed();
        let message = match finished {
            Ok(report) => {
                span.in_scope(|| tracing::info!("reporting what consumers received"));
                let report = Box::new(report);
                AgentMessage::ConsumersReport { attempt, report }
            }
            Err((kind, reason)) => {
                span.in_scope(|| tracing::warn!(reason, "consumers gave up"));
                AgentMessage::ConsumersFailed { attempt, kind, reason }
            }
        };
        outbox.send(message).await
    }

    /// Stops the consumers of an attempt; they say when they are closed. Whether there are any.
    pub(super) fn stop_consuming(&self, attempt: AttemptId, reason: &str) -> bool {
        let own = self.consuming.as_ref().filter(|own| own.id == attempt);
        if let Some(consuming) = own {
            consuming.stop(reason);
        }
        own.is_some()
    }
}
