//! Values under their names, as Prometheus' text format wants them.

use std::collections::BTreeMap;

use prometheus::proto::{self, LabelPair, MetricFamily};
use tribunal_stats::Latencies;
use tribunal_stats::watched::{BOUNDS_US, Coarse};

use crate::catalogue::Metric;

/// What a scrape gets, by metric.
#[derive(Default)]
pub(crate) struct Families(BTreeMap<Metric, MetricFamily>);

impl Families {
    pub(crate) fn counter(&mut self, metric: Metric, labels: Vec<LabelPair>, value: f64) {
        let mut counter = proto::Counter::default();
        counter.set_value(value);
        self.put(metric, labels).set_counter(counter);
    }

    pub(crate) fn gauge(&mut self, metric: Metric, labels: Vec<LabelPair>, value: f64) {
        let mut gauge = proto::Gauge::default();
        gauge.set_value(value);
        self.put(metric, labels).set_gauge(gauge);
    }

    pub(crate) fn histogram(&mut self, metric: Metric, labels: Vec<LabelPair>, latencies: &Coarse) {
        let mut below = 0;
        let bucket = |(bound, count): (&u64, &u64)| {
            below += count;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(seconds(*bound));
            bucket.set_cumulative_count(below);
            bucket
        };
        let buckets = BOUNDS_US.iter().zip(&latencies.counts).map(bucket).collect();
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(latencies.count());
        histogram.set_sample_sum(seconds(latencies.sum_us));
        self.put(metric, labels).set_histogram(histogram);
    }

    pub(crate) fn summary(&mut self, metric: Metric, labels: Vec<LabelPair>, latencies: Latencies) {
        let mut summary = proto::Summary::default();
        summary.set_sample_count(latencies.count);
        summary.set_sample_sum(seconds(latencies.sum_us));
        self.put(metric, labels).set_summary(summary);
    }

    pub(crate) fn into_vec(self) -> Vec<MetricFamily> {
        self.0.into_values().collect()
    }

    fn put(&mut self, metric: Metric, labels: Vec<LabelPair>) -> &mut proto::Metric {
        let family = self.0.entry(metric).or_insert_with(|| {
            let about = metric.about();
            let mut family = MetricFamily::default();
            family.set_name(about.name.to_owned());
            family.set_help(about.help.to_owned());
            family.set_field_type(about.kind);
            family
        });
        debug_assert!(
            labels
                .iter()
                .map(LabelPair::name)
                .eq(metric.about().labels.iter().copied()),
            "{metric:?} has the labels of its catalogue"
        );
        family.mut_metric().push(proto::Metric::from_label(labels));
        family.mut_metric().last_mut().expect("invariant: just pushed")
    }
}

/// The labels of a metric, in the order of the catalogue.
pub(crate) fn labels(metric: Metric, values: &[&str]) -> Vec<LabelPair> {
    let pair = |(name, value): (&&str, &&str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    metric.about().labels.iter().zip(values).map(pair).collect()
}

fn seconds(us: u64) -> f64 {
    // Dividing gives the decimal fraction that a person would write, multiplying does not.
    us as f64 / 1e6
}
