//! What agents measure.

use tribunal_stats::distribution::InvalidDistribution;
use tribunal_stats::facts::{Calibration, Instruments, RunFacts};
use tribunal_stats::{Activity, AgentReport, ConsumerReport, Followed, OffsetSet, ReadBack, Sample, Tally};

use super::{Missing, activity, check, refused, report, run_facts, sample, value};
use crate::{Invalid, pb};

fn tally() -> pb::Tally {
    pb::Tally {
        fates: Some(pb::Fates::default()),
        response: Some(pb::Distribution::default()),
        service: Some(pb::Distribution::default()),
        send_lag: Some(pb::Distribution::default()),
        schedule_delay: Some(pb::Distribution::default()),
        late_sends: 0,
        failed: Vec::new(),
        censored: Some(pb::Distribution::default()),
    }
}

#[test]
fn measurements_are_whole() {
    check!(tally() => Tally {
        fates = None => Missing("Tally.fates");
        response = None => Missing("Tally.response");
        service = None => Missing("Tally.service");
        send_lag = None => Missing("Tally.send_lag");
        schedule_delay = None => Missing("Tally.schedule_delay");
        censored = None => Missing("Tally.censored");
        failed = vec![pb::FailedLatencies::default()] => Missing("FailedLatencies.latencies");
    });
    check!(activity() => Activity {
        cpu = None => Missing("Activity.cpu");
    });
    check!(sample() => Sample {
        tallies = None => Missing("Sample.tallies");
        activity = None => Missing("Sample.activity");
    });
    check!(report() => AgentReport {
        tallies = None => Missing("AgentReport.tallies");
        window = None => Missing("AgentReport.window");
        backlog = None => Missing("AgentReport.backlog");
        statistics = None => Missing("AgentReport.statistics");
        facts = None => Missing("AgentReport.facts");
    });
    check!(run_facts() => RunFacts {
        clock = None => Missing("RunFacts.clock");
        clock_after = None => Missing("RunFacts.clock_after");
        instruments = None => Missing("RunFacts.instruments");
    });
    check!(pb::Instruments::default() => Instruments {
        in_flight_mean = f64::NAN => value("Instruments.in_flight_mean", "NaN");
        quota_cores = Some(f64::INFINITY) => value("Instruments.quota_cores", "inf");
    });
    check!(pb::Calibration::default() => Calibration {
        ceiling = f64::NAN => value("Calibration.ceiling", "NaN");
        paced = f64::INFINITY => value("Calibration.paced", "inf");
        realised = f64::NAN => value("Calibration.realised", "NaN");
        late_share = f64::NEG_INFINITY => value("Calibration.late_share", "-inf");
    });
}

#[test]
fn counts_that_come_twice_are_refused() {
    let failed = pb::FailedLatencies {
        error: "MSG_TIMED_OUT".into(),
        latencies: Some(pb::Distribution::default()),
    };
    let twice = Invalid::Twice {
        field: "Tally.failed",
        text: "MSG_TIMED_OUT".into(),
    };
    refused::<_, Tally>(
        pb::Tally {
            failed: vec![failed.clone(), failed],
            ..tally()
        },
        twice,
    );
    let count = pb::PartitionCount {
        topic: "orders".into(),
        partition: 3,
        acknowledged: 1,
        perhaps: 0,
    };
    let twice = Invalid::Twice {
        field: "AgentReport.partitions",
        text: "orders 3".into(),
    };
    refused::<_, AgentReport>(
        pb::AgentReport {
            partitions: vec![count.clone(), count],
            ..report()
        },
        twice,
    );
    let offsets = pb::PartitionOffsets {
        topic: "orders".into(),
        partition: 3,
        offsets: OffsetSet::new().encode(),
    };
    let twice = Invalid::Twice {
        field: "AgentReport.offsets",
        text: "orders 3".into(),
    };
    refused::<_, AgentReport>(
        pb::AgentReport {
            offsets: vec![offsets.clone(), offsets],
            ..report()
        },
        twice,
    );
}

#[track_caller]
fn no_set<W, D: TryFrom<W, Error = Invalid>>(raw: W, expected: &str) {
    let error = D::try_from(raw).map(drop).unwrap_err();
    let Invalid::Offsets { field, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(field, expected);
}

#[test]
fn bytes_that_are_no_offsets_or_sequences_are_refused() {
    let bytes = vec![1, 2, 3];
    let offsets = pb::AgentReport {
        offsets: vec![pb::PartitionOffsets {
            offsets: bytes.clone(),
            ..pb::PartitionOffsets::default()
        }],
        ..report()
    };
    no_set::<_, AgentReport>(offsets, "PartitionOffsets.offsets");
    let sequences = pb::AgentReport {
        sequences: vec![pb::ProducerSequences {
            producer: 1,
            sequences: bytes.clone(),
        }],
        ..report()
    };
    no_set::<_, AgentReport>(sequences, "ProducerSequences.sequences");
    let read = pb::ReadBack {
        producers: vec![pb::ReadSequences {
            sequences: bytes,
            ..pb::ReadSequences::default()
        }],
        ..pb::ReadBack::default()
    };
    no_set::<_, ReadBack>(read, "ReadSequences.sequences");
}

#[test]
fn a_producer_is_told_of_once() {
    let twice = |field| Invalid::Twice {
        field,
        text: "3".into(),
    };
    let acknowledged = pb::ProducerSequences {
        producer: 3,
        sequences: OffsetSet::new().encode(),
    };
    let report = pb::AgentReport {
        sequences: vec![acknowledged.clone(), acknowledged],
        ..report()
    };
    refused::<_, AgentReport>(report, twice("AgentReport.sequences"));
    let read = pb::ReadSequences {
        producer: 3,
        sequences: OffsetSet::new().encode(),
        reordered: 0,
    };
    let read = pb::ReadBack {
        producers: vec![read.clone(), read],
        ..pb::ReadBack::default()
    };
    refused::<_, ReadBack>(read, twice("ReadBack.producers"));
}

#[test]
fn bytes_that_are_no_distribution_are_refused() {
    let hdr = vec![1, 2, 3];
    let raw = pb::Tally {
        service: Some(pb::Distribution { hdr, overflow: 0 }),
        ..tally()
    };
    let error = Tally::try_from(raw).unwrap_err();
    let Invalid::Histogram {
        field,
        source: InvalidDistribution::Encoding(_),
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(field, "Tally.service");
}

#[test]
fn what_consumers_received_is_whole() {
    let clock = Some(pb::ClockFacts::default());
    let partition = pb::ReceivedPartition {
        group: 1,
        topic: "t".into(),
        partition: 2,
        offsets: OffsetSet::new().encode(),
        ..pb::ReceivedPartition::default()
    };
    let followed = pb::GroupFollowed {
        group: 1,
        followed: Some(pb::Followed::default()),
    };
    let nameless = pb::GroupFollowed {
        group: 1,
        followed: None,
    };
    let good = pb::ConsumerReport {
        partitions: vec![partition.clone()],
        followed: vec![followed.clone()],
        clock,
        clock_after: clock,
        ..pb::ConsumerReport::default()
    };
    let twice = |field, text: &str| Invalid::Twice {
        field,
        text: text.into(),
    };
    check!(good => ConsumerReport {
        clock = None => Missing("ConsumerReport.clock");
        clock_after = None => Missing("ConsumerReport.clock_after");
        followed = vec![nameless] => Missing("GroupFollowed.followed");
        followed = vec![followed.clone(), followed] => twice("ConsumerReport.followed", "1");
        partitions = vec![partition.clone(), partition] => twice("ConsumerReport.partitions", "1 t 2");
    });
    let uneven = pb::FollowedPartition {
        offsets: vec![1, 2],
        instants: vec![5],
        ..pb::FollowedPartition::default()
    };
    let uneven = pb::Followed {
        bits: 0,
        partitions: vec![uneven],
    };
    refused::<_, Followed>(uneven, value("FollowedPartition.instants", "1 of 2 records"));
}
