//! Calibrations against the mock cluster in this process.

use tribunal_kafka::Mock;
use tribunal_model::properties::Value;

use super::*;
use crate::fixture;

struct Here(Mock);

impl NullSink for Here {
    fn name(&self) -> String {
        "the same process".to_owned()
    }

    fn bootstrap(&self) -> &str {
        self.0.bootstrap()
    }

    fn create_topic(&mut self, name: &str, partitions: u32, _: u32) -> Result<(), String> {
        self.0
            .create_topic(name, partitions as i32, 1)
            .map_err(|error| error.to_string())
    }
}

/// With windows that a calibration must not take over, and properties of which the sink knows nothing.
fn trial() -> Trial {
    let mut trial = fixture::trial();
    let long = Duration::from_secs(600);
    trial.windows = Windows {
        warm_up: long,
        measure: long,
        drain: long,
    };
    trial.settle = long;
    for (name, value) in [("security.protocol", "ssl"), ("ssl.ca.location", "/nowhere")] {
        trial.properties.set(name, Value::Text(value.to_owned()));
    }
    trial
}

fn name() -> AgentName {
    AgentName::new("a1").unwrap()
}

#[test]
fn a_share_of_a_trial_is_calibrated_by_itself() {
    let mut sink = Here(Mock::start(1, None).unwrap());
    let stop = AtomicBool::new(false);
    // Two of four producers.
    let calibration = against(
        &mut sink,
        host::cores(),
        &trial(),
        &[1, 3],
        &name(),
        &fixture::programs(),
        &stop,
    )
    .unwrap();
    assert!(calibration.ceiling > 1000.0, "{calibration:?}");
    assert!(
        (calibration.paced / calibration.ceiling - SHARE).abs() < 1e-9,
        "{calibration:?}"
    );
    // A busy host may hold the senders up, but what was intended was sent, and no more than that.
    assert!((0.5..=1.1).contains(&calibration.realised), "{calibration:?}");
    assert!((0.0..=1.0).contains(&calibration.late_share), "{calibration:?}");
    assert!(calibration.schedule_delay_p99_ns >= 0, "{calibration:?}");
    assert_eq!(calibration.sink, "the same process");
}

#[test]
fn it_stops_when_it_is_no_longer_wanted() {
    let mut sink = Here(Mock::start(1, None).unwrap());
    let stop = AtomicBool::new(true);
    let began = MonotonicClock.now_ns();
    let error = against(&mut sink, 2, &trial(), &[0], &name(), &fixture::programs(), &stop).unwrap_err();
    assert!(matches!(error, Error::GivenUp(_)), "{error}");
    assert!(MonotonicClock.now_ns() - began < 5_000_000_000);
}

#[test]
fn what_cannot_be_calibrated_says_why() {
    let mut sink = Here(Mock::start(1, None).unwrap());
    let stop = AtomicBool::new(false);
    let error = against(&mut sink, 2, &trial(), &[], &name(), &fixture::programs(), &stop).unwrap_err();
    assert!(matches!(error, Error::NoProducer));
    let mut wrong = trial();
    wrong.properties.set("no.such.property", Value::Text("1".to_owned()));
    let error = against(&mut sink, 2, &wrong, &[0], &name(), &fixture::programs(), &stop).unwrap_err();
    assert!(error.to_string().contains("no.such.property"), "{error}");
}

#[test]
fn sends_are_counted_by_the_instant_of_handling() {
    let sample = |start_s: i64, part: Part, sends: u64| {
        let mut sample = Sample {
            start_ns: start_s * 1_000_000_000,
            ..Sample::default()
        };
        sample.tallies.of(part).send_lag.record_many_ns(0, sends);
        sample
    };
    // The last second of the window does what the warm-up and the window left; some of the window is left over.
    let samples = [
        sample(0, Part::WarmUp, 1),
        sample(1, Part::WarmUp, 10),
        sample(3, Part::Window, 100),
        sample(4, Part::Window, 1000),
    ];
    assert_eq!(sent_within(&samples, &PACED), 110);
}
