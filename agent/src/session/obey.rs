//! What the coordinator says, and what is done about it.

use tribunal_proto::session::{AgentMessage, AttemptId, CoordinatorMessage, RefusalKind};
use tribunal_stats::exchange::Exchange;

use super::{Closed, Outbox, Session};
use crate::attempt::{Held, Stage};
use crate::calibrating::Calibrating;

impl Session<'_> {
    /// Does what the coordinator says.
    pub(super) async fn obey(
        &mut self,
        message: CoordinatorMessage,
        arrived_ns: i64,
        outbox: &Outbox,
    ) -> Result<(), Closed> {
        match message {
            CoordinatorMessage::Welcome => {
                tracing::info!(coordinator = self.options.coordinator, "session open");
                self.metrics.connected(true);
                self.welcome = true;
                self.measure(outbox).await
            }
            CoordinatorMessage::Rejected { .. } => Ok(()),
            CoordinatorMessage::ClockPong {
                sent_ns,
                received_ns,
                returned_ns,
            } => {
                // The coordinator is there, and so is the attempt: it says when consumers have to end.
                if let Some(consuming) = &self.consuming {
                    consuming.renew();
                }
                self.exchange(
                    Exchange {
                        sent: sent_ns,
                        received: received_ns,
                        returned: returned_ns,
                        arrived: arrived_ns,
                    },
                    outbox,
                )
                .await
            }
            CoordinatorMessage::Prepare(prepare) => {
                if let Some(reason) = self.busy(Some(prepare.attempt)) {
                    let kind = RefusalKind::Busy;
                    return outbox
                        .send(AgentMessage::Refused {
                            attempt: prepare.attempt,
                            kind,
                            reason,
                        })
                        .await;
                }
                self.held = Some(Held::prepare(self.options, *prepare, self.tell.clone()));
                Ok(())
            }
            CoordinatorMessage::Arm {
                attempt,
                epoch,
                start_ns,
                lease,
            } => {
                self.lease = lease;
                match self.of(attempt) {
                    Some(held) if held.arm(epoch, start_ns, lease) => {
                        outbox.send(AgentMessage::Armed { attempt, epoch }).await
                    }
                    // Too late or unknown: the coordinator arms again or finds out.
                    _ => Ok(()),
                }
            }
            CoordinatorMessage::Disarm { attempt, epoch } => {
                if let Some(run) = self.of(attempt).and_then(Held::run) {
                    run.disarm(epoch.0);
                }
                Ok(())
            }
            CoordinatorMessage::Go { attempt, epoch } => {
                if let Some(held) = self.of(attempt) {
                    held.go(epoch);
                }
                Ok(())
            }
            CoordinatorMessage::Renew { attempt } => {
                if let Some(run) = self.of(attempt).and_then(Held::run) {
                    run.renew(self.lease);
                }
                Ok(())
            }
            CoordinatorMessage::OpenWindow { attempt, t1_ns } => {
                let run = self.of(attempt).and_then(Held::run);
                let accepted = run.is_some_and(|run| run.open_window(t1_ns));
                outbox
                    .send(AgentMessage::WindowOpens {
                        attempt,
                        t1_ns,
                        accepted,
                    })
                    .await
            }
            CoordinatorMessage::EndLoad { attempt } => {
                if let Some(run) = self.of(attempt).and_then(Held::run) {
                    run.end_load();
                }
                Ok(())
            }
            CoordinatorMessage::Abort { attempt, reason } => {
                if self.stop_consuming(attempt, &reason) && self.of(attempt).is_none() {
                    // They have a word of their own.
                    return Ok(());
                }
                self.abort(attempt, reason, outbox).await
            }
            CoordinatorMessage::PrepareConsumers(prepare) => self.prepare_consumers(&prepare, outbox).await,
            CoordinatorMessage::EndConsumers { attempt, ends, within } => {
                if let Some(consuming) = self.consuming.as_ref().filter(|own| own.id == attempt) {
                    consuming.end(ends, within);
                }
                Ok(())
            }
            CoordinatorMessage::Calibrate { id, trial, producers } => {
                if let Some(reason) = self.busy(None) {
                    let outcome = Err(reason);
                    return outbox.send(AgentMessage::Calibrated { id, outcome }).await;
                }
                let tell = self.tell.clone();
                self.calibrating = Some(Calibrating::begin(id, self.options, *trial, producers, tell));
                Ok(())
            }
        }
    }

    async fn abort(&mut self, attempt: AttemptId, reason: String, outbox: &Outbox) -> Result<(), Closed> {
        // When nothing is held, that is said: the coordinator waits for it.
        if let Some(held) = self.of_mut(attempt) {
            held.span.in_scope(|| tracing::info!(reason, "told to stop"));
            held.give_up(&reason);
            if !matches!(held.stage, Stage::Prepared { .. } | Stage::Ended { .. }) {
                return Ok(());
            }
            self.release();
        }
        outbox.send(AgentMessage::Stopped { attempt, reason }).await
    }

    /// What keeps this agent from anything new; consumers of the same attempt do not.
    pub(super) fn busy(&self, with: Option<AttemptId>) -> Option<String> {
        let held = self.held.as_ref().map(|held| held.id);
        let consuming = self.consuming.as_ref().map(|consuming| consuming.id);
        held.or(consuming.filter(|id| Some(*id) != with))
            .map(|id| format!("busy with trial {} attempt {}", id.trial, id.attempt.0))
            .or_else(|| self.calibrating.as_ref().map(|_| "busy with a calibration".to_owned()))
    }
}
