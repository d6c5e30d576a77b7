//! The clock's exchanges, and what waits for them: *ready* and the report.

use std::sync::Arc;

use tribunal_engine::clock::{Clock, MonotonicClock};
use tribunal_engine::live::Live;
use tribunal_proto::session::AgentMessage;
use tribunal_stats::exchange::{Exchange, Measurement};
use tribunal_stats::facts::ProducerFacts;
use tribunal_telemetry::agent::Producer;

use super::{Closed, Outbox, Session};
use crate::attempt::{Held, Stage};
use crate::consuming::Consuming;
use crate::load::Load;

impl Session<'_> {
    pub(super) async fn ping(&self, outbox: &Outbox) -> Result<(), Closed> {
        outbox
            .send(AgentMessage::ClockPing {
                sent_ns: MonotonicClock.now_ns(),
                clock: self.clock,
            })
            .await
    }

    /// Begins a measurement of the clock; its end lets *ready* or the report go out.
    pub(super) async fn measure(&mut self, outbox: &Outbox) -> Result<(), Closed> {
        self.measurement = Measurement::default();
        self.ping(outbox).await
    }

    pub(super) async fn exchange(&mut self, exchange: Exchange, outbox: &Outbox) -> Result<(), Closed> {
        if self.measurement.complete() {
            // A heartbeat's answer.
            return Ok(());
        }
        self.measurement.add(exchange);
        if !self.measurement.complete() {
            return self.ping(outbox).await;
        }
        self.clock = self.measurement.facts();
        self.metrics.clock(self.clock);
        let clock = self.clock;
        self.consumers_measured(outbox).await?;
        let Some(held) = &mut self.held else { return Ok(()) };
        match &held.stage {
            Stage::Prepared { .. } => held.clock = clock,
            Stage::Ended { .. } => return self.report(outbox).await,
            Stage::Preparing { .. } | Stage::Running { .. } => return Ok(()),
        }
        self.ready(outbox).await
    }

    /// Lets the threads of a prepared attempt wait for t0, and says so.
    async fn ready(&mut self, outbox: &Outbox) -> Result<(), Closed> {
        let tell = self.tell.clone();
        let apart = self.consuming.as_ref().map(Consuming::clients).unwrap_or_default();
        let Some(held) = &mut self.held else { return Ok(()) };
        let (attempt, Some(clock)) = (held.id, held.clock) else {
            return Ok(());
        };
        let Some(producers) = held.start(tell, apart) else {
            return Ok(());
        };
        if let Some(run) = held.run() {
            let producers = watch(&producers, run);
            self.metrics.begin(producers);
        }
        let ready = AgentMessage::Ready {
            attempt,
            producers,
            clock,
        };
        outbox.send(ready).await
    }

    async fn report(&mut self, outbox: &Outbox) -> Result<(), Closed> {
        let Some(Held {
            id: attempt,
            span,
            stage: Stage::Ended { mut report },
            clock,
        }) = self.held.take()
        else {
            return Ok(());
        };
        report.facts.clock = clock.unwrap_or_default();
        report.facts.clock_after = self.clock.unwrap_or_default();
        self.release();
        span.in_scope(|| tracing::info!("reporting"));
        outbox.send(AgentMessage::Report { attempt, report }).await
    }
}

/// The producers of a load, as metrics show them.
fn watch(facts: &[ProducerFacts], run: &Load) -> Vec<Producer> {
    let named = |(index, live): (u32, Arc<Live>)| {
        let facts = facts.iter().find(|facts| facts.producer == index)?;
        Some(Producer {
            index,
            topic: facts.topic.clone(),
            client_id: facts.client_id.clone(),
            fates: Box::new(move || live.fates()),
        })
    };
    run.live().into_iter().filter_map(named).collect()
}
