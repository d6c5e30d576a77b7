package tribunal.driver;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.stats.Avg;

/**
 * What the client counts of itself, from one reading to the next.
 *
 * Its averages are over a rolling window, but the sums and counts behind them are there to be read: only one of the window's
 * samples grows at a time, and a new one begins every metrics.sample.window.ms. So the means here are those of this second.
 */
final class Figures {
    /** With samples shorter than this, more than one could begin between two readings. */
    private static final long LEAST_SAMPLE_MS = 2000;
    /** The part of a batch that is never compressed and not in the client's compression rate. */
    private static final int BATCH_OVERHEAD = 61;

    private final boolean readable;
    private final Growth latency;
    private final Growth records;
    private final Growth bytes;
    private final Growth compression;
    private final Metric retries;
    private double retriesBefore;

    Figures(Client client) {
        readable = client.property(ProducerConfig.METRICS_SAMPLE_WINDOW_MS_CONFIG) >= LEAST_SAMPLE_MS;
        latency = new Growth(client.metric("request-latency-avg"));
        records = new Growth(client.metric("records-per-request-avg"));
        bytes = new Growth(client.metric("batch-size-avg"));
        compression = new Growth(client.metric("compression-rate-avg"));
        retries = client.metric("record-retry-total");
    }

    /** What grew since the last reading. */
    Map<String, Object> read() {
        Map<String, Object> told = new LinkedHashMap<>();
        double retriesNow = (double) retries.metricValue();
        told.put("retries", Math.round(retriesNow - retriesBefore));
        retriesBefore = retriesNow;
        if (!readable) {
            return told;
        }
        latency.read();
        records.read();
        bytes.read();
        compression.read();
        if (latency.count > 0) {
            told.put("request_latency_us", latency.sum / latency.count * 1000);
        }
        told.put("requests", records.count);
        told.put("batches", bytes.count);
        told.put("batch_records", Math.round(records.sum));
        told.put("wire_bytes", Math.round(bytes.sum));
        if (compression.sum > 0) {
            told.put("record_bytes", Math.round((bytes.sum - BATCH_OVERHEAD * bytes.count) * compression.count / compression.sum));
        }
        return told;
    }

    /** By how much the sum and the count behind an average grew. Only a kind of average may name the samples' type. */
    private static final class Growth extends Avg {
        private final KafkaMetric metric;
        private final Avg average;
        private Sample last;
        private double lastSum;
        private long lastCount;
        double sum;
        long count;

        Growth(Metric metric) {
            this.metric = (KafkaMetric) metric;
            this.average = (Avg) this.metric.measurable();
        }

        void read() {
            // Takes the lock under which it is recorded, so that what was recorded before is seen.
            metric.metricValue();
            sum = 0;
            count = 0;
            Sample current = average.current(System.currentTimeMillis());
            if (last != null && last != current) {
                grow(last);
                lastSum = 0;
                lastCount = 0;
            }
            last = current;
            grow(current);
        }

        private void grow(Sample sample) {
            // A sample that nothing was added to for long is emptied.
            boolean emptied = sample.eventCount < lastCount;
            sum += sample.value - (emptied ? 0 : lastSum);
            count += sample.eventCount - (emptied ? 0 : lastCount);
            lastSum = sample.value;
            lastCount = sample.eventCount;
        }
    }
}
