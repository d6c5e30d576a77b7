//! The brokers' own view of a trial: their metrics, read at both ends of the window and once a second in between.
//!
//! Each address has a task of its own, so that neither a slow broker nor a silent one holds up a barrier or another
//! broker's readings. What cannot be read is absent from the result, with its reason; a trial is never void for it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use tribunal_model::plan::MetricsAddress;
use tribunal_report::brokers::BrokerWindow;
use tribunal_telemetry::logs::chain;

use crate::clock::{now_ns, tokio_instant};

mod exposition;
mod scrape;
mod told;
mod window;

use told::Told;
use window::{Around, Reading};

/// Time between two readings.
const EVERY_NS: i64 = 1_000_000_000;
/// How long before the window readings begin: the first answers of an exporter take many times as long as later ones, and
/// are for nobody (seen: half a second on a host of two cores with three new brokers, later 10 ms).
const AHEAD_NS: i64 = 2 * EVERY_NS;
/// No reading begins so shortly before the window's end that it would still be going on then.
const BEFORE_END_NS: i64 = 250_000_000;
/// How long an answer may take at an end of the window, and before the experiment begins.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Follows the brokers of a trial.
#[derive(Debug)]
pub(crate) struct Watch {
    addresses: Vec<MetricsAddress>,
    tasks: JoinSet<(usize, Vec<Reading>)>,
    ends: watch::Sender<(i64, i64)>,
}

impl Watch {
    /// Reads nothing yet.
    pub(crate) fn new(addresses: &[MetricsAddress]) -> Self {
        Self {
            addresses: addresses.to_vec(),
            tasks: JoinSet::new(),
            ends: watch::Sender::new((i64::MAX, i64::MAX)),
        }
    }

    /// The window is to be `[t1, t2)` on the coordinator's clock; it may be told again as long as t1 lies ahead.
    pub(crate) fn window(&mut self, t1_ns: i64, t2_ns: i64) {
        self.ends.send_replace((t1_ns, t2_ns));
        if self.tasks.is_empty() {
            for (place, address) in self.addresses.iter().cloned().enumerate() {
                let ends = self.ends.subscribe();
                self.tasks.spawn(async move { (place, follow(&address, ends).await) });
            }
        }
    }

    /// What the brokers say of the window, which is over: in the order of their addresses.
    pub(crate) async fn finish(mut self, topics: &[String], brokers: &[i32]) -> Vec<BrokerWindow> {
        let (t1_ns, t2_ns) = *self.ends.borrow();
        let around = Around {
            t1_ns,
            t2_ns,
            topics,
            brokers,
        };
        let mut readings = vec![Vec::new(); self.addresses.len()];
        while let Some(followed) = self.tasks.join_next().await {
            // A task that panicked has read nothing.
            if let Ok((place, read)) = followed {
                readings[place] = read;
            }
        }
        let addresses = self.addresses.iter().map(ToString::to_string);
        let mut told: Vec<BrokerWindow> = addresses
            .zip(readings)
            .map(|(address, readings)| window::window(address, &readings, &around))
            .collect();
        window::once_each(&mut told);
        told
    }
}

/// Why some of the addresses will tell nothing, as far as can be known before any load: one line each.
pub(crate) async fn doubts(addresses: &[MetricsAddress], brokers: &[i32]) -> Vec<String> {
    let mut asked = JoinSet::new();
    for (place, address) in addresses.iter().cloned().enumerate() {
        asked.spawn(async move { (place, read(&address, PATIENCE).await) });
    }
    let mut lines = Vec::new();
    for (place, told) in asked.join_all().await {
        let why = match told {
            Err(why) => why,
            Ok(told) if !brokers.contains(&told.broker) => {
                format!("it tells of broker {}, which is not of this cluster", told.broker)
            }
            Ok(_) => continue,
        };
        let line = format!(
            "no metrics from {}: {why}; the trials go on without this broker's own figures",
            addresses[place]
        );
        lines.push((place, line));
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

/// Reads at t1, each second after it, and at t2; a little before t1 as well, so that the exporter is at its pace by then.
async fn follow(address: &MetricsAddress, mut ends: watch::Receiver<(i64, i64)>) -> Vec<Reading> {
    let mut readings = Vec::new();
    let mut asked = None;
    loop {
        let (t1, t2) = *ends.borrow_and_update();
        let Some(at) = next(asked, now_ns(), t1, t2) else {
            return readings;
        };
        tokio::select! {
            moved = ends.changed() => if moved.is_err() {
                return readings;
            },
            () = sleep_until(tokio_instant(at)) => {
                asked = Some(at);
                let asked_ns = now_ns();
                let told = read(address, patience(at, t1, t2)).await;
                let answered_ns = if told.is_ok() { now_ns() } else { asked_ns };
                readings.push(Reading { asked_ns, answered_ns, told });
            }
        }
    }
}

/// When to ask next: whole seconds from t1, those that are left, but always t1 and t2.
fn next(asked: Option<i64>, now: i64, t1: i64, t2: i64) -> Option<i64> {
    let before = asked.unwrap_or(t1 - AHEAD_NS - 1).max(now);
    let at = t1 + ((before - t1).div_euclid(EVERY_NS) + 1) * EVERY_NS;
    match asked {
        Some(asked) if asked >= t2 => None,
        Some(asked) if asked >= t1 => Some(if at <= t2 - BEFORE_END_NS { at } else { t2 }),
        _ => Some(at.min(t1)),
    }
}

/// How long to wait for what is asked at an instant: never into an end of the window.
fn patience(at: i64, t1: i64, t2: i64) -> Duration {
    if at == t2 {
        return PATIENCE;
    }
    let most = if at == t1 { PATIENCE.as_nanos() as i64 } else { EVERY_NS };
    let end = if at < t1 { t1 } else { t2 };
    Duration::from_nanos((end - at).clamp(0, most) as u64)
}

async fn read(address: &MetricsAddress, patience: Duration) -> Result<Told, String> {
    let text = scrape::scrape(address, &told::NAMES, patience)
        .await
        .map_err(|error| chain(&error))?;
    Told::read(&text).map_err(|error| chain(&error))
}

#[cfg(test)]
mod tests;
