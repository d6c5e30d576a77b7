//! Whether the drivers of this host work: each runs a short trial against a cluster.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tribunal_driver::Programs;
use tribunal_model::client::Client;
use tribunal_model::ids::AgentName;
use tribunal_model::properties::{Properties, Value};
use tribunal_model::trial::{Part, Rate, RecordRate, Trial, Windows};
use tribunal_stats::facts::DriverFacts;

use crate::alone;
use crate::calibrate::{self, NullSink};
use crate::host;
use crate::load;
use crate::prepare::Work;

/// Records a second of the check.
const RATE: f64 = 500.0;
/// Partitions of its topic.
const PARTITIONS: u32 = 3;
const WINDOWS: Windows = Windows {
    warm_up: Duration::from_secs(1),
    measure: Duration::from_secs(2),
    drain: Duration::from_secs(5),
};

/// What became of one client's check.
#[derive(Debug)]
pub struct Checked {
    /// What the driver says that it is.
    pub driver: DriverFacts,
    /// Intended sends of the window.
    pub scheduled: u64,
    /// Acknowledged ones.
    pub acknowledged: u64,
    /// Median response time of those.
    pub median: Option<Duration>,
    /// The longest one.
    pub longest: Option<Duration>,
}

/// Runs 500 records/s for three seconds in one client's driver; the error is why it does not work. `properties` are the
/// cluster's.
pub fn check(
    client: &Client,
    sink: &mut dyn NullSink,
    properties: &Properties,
    programs: &Programs,
) -> Result<Checked, String> {
    let topic = format!(
        "tribunal-check-{}-{}",
        client.name().replace(':', "-"),
        std::process::id()
    );
    let trial = trial(client);
    let shape = &trial.topic;
    sink.create_topic(&topic, shape.partitions, shape.replication)?;
    let work = Work {
        agent: &AgentName::new("check").map_err(|error| error.to_string())?,
        trial: &trial,
        producers: &[0],
        bootstrap: sink.bootstrap(),
        properties: properties.overlaid(&trial.properties),
        topics: std::slice::from_ref(&topic),
        cores: host::cores(),
    };
    let mut prepared = load::prepare(&work, programs).map_err(|refusal| refusal.reason)?;
    let facts = std::mem::take(&mut prepared.facts).pop();
    let ran = calibrate::run(prepared, &WINDOWS, &AtomicBool::new(false));
    let (ended, _) = ran.map_err(|error| error.to_string())?;
    let tally = ended.report.tallies.get(Part::Window).cloned().unwrap_or_default();
    Ok(Checked {
        driver: facts
            .and_then(|facts| facts.driver)
            .map(|driver| *driver)
            .unwrap_or_default(),
        scheduled: tally.fates.scheduled,
        acknowledged: tally.fates.acknowledged,
        median: tally.response.quantile(0.5),
        longest: tally.response.max(),
    })
}

/// 500 records a second of 100 bytes, acknowledged by all.
pub(crate) fn trial(client: &Client) -> Trial {
    let mut trial = alone::trial(WINDOWS);
    for (name, value) in [("linger.ms", "0"), ("acks", "all")] {
        trial.properties.set(name, Value::Text(value.to_owned()));
    }
    trial.topic.partitions = PARTITIONS;
    trial.load.rate = RecordRate::per_second(RATE).map_or(Rate::Saturate, Rate::Paced);
    trial.client.client = client.clone();
    trial
}
