//! The verb `calibrate`.

use std::time::Duration;

use tokio_stream::StreamExt;
use tribunal_coordinator::client::Client;
use tribunal_coordinator::client::messages::{CalibrationRow, CalibrationStep};
use tribunal_report::format;
use tribunal_tls::Security;

use crate::arguments;
use crate::exit::{Exit, Told};
use crate::interrupts::Interrupts;
use crate::listing::{Field, Listing};
use crate::local::Local;
use crate::plan::Checked;
use crate::progress::View;
use crate::run::enough_agents;
use crate::settings::Settings;
use crate::watch::{self, CONNECT};

/// The cells of a calibration without a plan.
const COMMON: &str = include_str!("calibrate.toml");

/// `tribunal calibrate`.
pub(crate) async fn calibrate(verb: arguments::Calibrate, settings: &Settings) -> anyhow::Result<Exit> {
    let checked = match &verb.plan {
        Some(path) => Checked::read(path, &verb.set, verb.allow_large)?,
        None => Checked::new("calibrate.toml", COMMON.to_owned(), &verb.set, verb.allow_large)?,
    };
    let mut interrupts = Interrupts::take()?;
    let view = View::new(verb.quiet);
    let rows = match verb.local {
        None => {
            let measuring = async {
                let client = watch::connect(settings).await?;
                measure(&client, &checked, &view).await
            };
            interrupts.or_interrupted(measuring).await
        }
        Some(agents) => {
            enough_agents(&checked.plan, agents)?;
            let store = &settings.coordinator.store;
            view.say(&format!("the calibrations are kept in {}", store.display()));
            let local = interrupts
                .or_interrupted(Local::start(store, &settings.agent.drivers, agents))
                .await?;
            let measuring = async {
                let client = Client::connect(local.url(), &Security::default(), CONNECT).await?;
                measure(&client, &checked, &view).await
            };
            let measured = interrupts.or_interrupted(measuring).await;
            local.stop().await;
            measured
        }
    }?;
    listing(&rows).print(verb.format, "No agent runs a producer of this plan.")?;
    Ok(Exit::Done)
}

/// Follows a calibration to its end.
async fn measure(client: &Client, checked: &Checked, view: &View) -> anyhow::Result<Vec<CalibrationRow>> {
    let mut steps = client.calibrate(checked.submission()).await?;
    let mut rows = Vec::new();
    while let Some(step) = steps.next().await {
        match step? {
            CalibrationStep::Note(text) => view.say(&text),
            CalibrationStep::Row(row) => {
                let ceiling = format::rate(row.calibration.ceiling);
                view.say(&format!("{}, {}: {ceiling}", row.agent, row.signature));
                rows.push(row);
            }
            CalibrationStep::Failed { ending, reason } => return Err(Told { ending, reason }.into()),
            CalibrationStep::Done => return Ok(rows),
        }
    }
    let reason = "it ended without a word".to_owned();
    Err(tribunal_coordinator::client::Error::Lost { reason }.into())
}

fn listing(rows: &[CalibrationRow]) -> Listing {
    let mut listing = Listing::new([
        ("agent", "agent"),
        ("signature", "cells"),
        ("ceiling", "ceiling"),
        ("paced", "pacer at"),
        ("realised", "realised"),
        ("schedule_delay_p99_ns", "schedule delay p99"),
        ("late_share", "late > 1 ms"),
        ("sink", "null sink"),
    ]);
    for row in rows {
        let found = &row.calibration;
        let delay = Duration::from_nanos(found.schedule_delay_p99_ns.max(0) as u64);
        listing.push(vec![
            Field::text(row.agent.as_str()),
            Field::text(&row.signature),
            Field::new(format::rate(found.ceiling), found.ceiling),
            Field::new(format::rate(found.paced), found.paced),
            Field::new(format!("{:.2} %", found.realised * 100.0), found.realised),
            Field::new(format::micros(delay.as_micros() as u64), found.schedule_delay_p99_ns),
            Field::new(format!("{:.2} %", found.late_share * 100.0), found.late_share),
            Field::text(&found.sink),
        ]);
    }
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_cells_are_a_plan() {
        let checked = Checked::new("calibrate.toml", COMMON.to_owned(), &[], false).unwrap();
        assert_eq!(checked.matrix.cells.len(), 4);
    }
}
