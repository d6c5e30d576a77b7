//! How large the largest message is.

use prost::Message;
use tribunal_model::trial::Part;
use tribunal_stats::{AgentReport, Distribution, OffsetSet, PartitionCount};

use crate::{MAX_MESSAGE_BYTES, pb};

/// `SplitMix64`, so that sizes are the same on every machine.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between 0 and 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The encoded report of an agent with 4 producers, each with a topic of 12 partitions, and two kinds of errors.
fn encoded(mut latencies: impl FnMut(&mut Distribution)) -> usize {
    let mut report = AgentReport::default();
    for part in Part::ALL {
        let tally = report.tallies.of(part);
        for distribution in [
            &mut tally.response,
            &mut tally.service,
            &mut tally.send_lag,
            &mut tally.schedule_delay,
            &mut tally.censored,
        ] {
            latencies(distribution);
        }
        for error in ["MSG_TIMED_OUT", "NOT_ENOUGH_REPLICAS"] {
            latencies(tally.failed.entry(error.into()).or_default());
        }
    }
    let count = PartitionCount {
        acknowledged: 125_000,
        perhaps: 3,
    };
    for (topic, partition) in (0..4).flat_map(|topic| (0..12).map(move |partition| (topic, partition))) {
        report
            .partitions
            .insert((format!("tribunal-01234567-t001-1-{topic}"), partition), count);
    }
    pb::AgentReport::from(report).encoded_len()
}

#[test]
fn an_ordinary_report_is_small() {
    let mut noise = Noise(1);
    let bytes = encoded(|distribution| {
        for _ in 0..100_000 {
            // 2 ms in the median, log-normal with a tail of seconds.
            let normal = (0..12).map(|_| noise.share()).sum::<f64>() - 6.0;
            distribution.record_ns((2e6 * normal.exp()) as i64);
        }
    });
    assert!((70_000..110_000).contains(&bytes), "{bytes}");
}

/// The encoded offsets of a partition with a million records, of which this agent wrote runs of `run` in half of the
/// places.
fn offsets(run: u64) -> usize {
    let mut noise = Noise(3);
    let mut set = OffsetSet::new();
    for start in (0..1_000_000).step_by(run as usize) {
        if noise.share() < 0.5 {
            (start..start + run).for_each(|offset| set.add(offset as i64));
        }
    }
    set.encode().len()
}

#[test]
fn offsets_take_at_most_a_bit_each_and_far_less_in_batches() {
    let (single, batched) = (offsets(1), offsets(500));
    assert!((120_000..130_000).contains(&single), "{single}");
    assert!(batched < 8_000, "{batched}");
}

#[test]
fn a_report_with_every_bucket_filled_fits_many_times() {
    let mut noise = Noise(2);
    let bytes = encoded(|distribution| {
        let mut microseconds = 0u64;
        while microseconds < 3_600_000_000 {
            distribution.record_many_ns((microseconds * 1000) as i64, noise.next() >> 44);
            // Buckets are 1 µs wide up to 2,047 µs, then twice as wide with each power of two.
            microseconds += 1 << microseconds.max(1024).ilog2().saturating_sub(10);
        }
    });
    assert!((1_200_000..1_700_000).contains(&bytes), "{bytes}");
    assert!(bytes * 16 < MAX_MESSAGE_BYTES, "{bytes}");
}
