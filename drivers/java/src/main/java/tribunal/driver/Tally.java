package tribunal.driver;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What was counted of one part of the trial. */
final class Tally {
    static final int SCHEDULED = Alone.FIRST;
    static final int ACKNOWLEDGED = Alone.FIRST + 1;
    static final int NOT_WRITTEN = Alone.FIRST + 2;
    static final int POSSIBLY_WRITTEN = Alone.FIRST + 3;
    static final int UNRESOLVED = Alone.FIRST + 4;
    static final int SHED = Alone.FIRST + 5;
    static final int UNSENT = Alone.FIRST + 6;
    static final int LATE_SENDS = Alone.FIRST + 7;
    private static final String[] COUNTS = {
        "scheduled", "acknowledged", "not_written", "possibly_written", "unresolved", "shed", "unsent", "late_sends"
    };

    static final int RESPONSE = 0;
    static final int SERVICE = 1;
    static final int SEND_LAG = 2;
    static final int SCHEDULE_DELAY = 3;
    static final int CENSORED = 4;
    private static final String[] LATENCIES = {"response", "service", "send_lag", "schedule_delay", "censored"};

    final long[] counts = Alone.longs(COUNTS.length);
    private final int[][] latencies = new int[LATENCIES.length][];
    private final Map<String, int[]> failed = new TreeMap<>();

    void record(int latency, long nanoseconds) {
        int[] buckets = latencies[latency];
        if (buckets == null) {
            buckets = latencies[latency] = new int[Buckets.NUMBER];
        }
        buckets[Buckets.bucket(nanoseconds)]++;
    }

    void fail(String error, long nanoseconds) {
        failed.computeIfAbsent(error, name -> new int[Buckets.NUMBER])[Buckets.bucket(nanoseconds)]++;
    }

    /** Fates that were said of records so far: by the client, or by the driver that dropped them. */
    long words() {
        return counts[ACKNOWLEDGED] + counts[NOT_WRITTEN] + counts[POSSIBLY_WRITTEN] + counts[SHED];
    }

    void add(Tally other) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] += other.counts[i];
        }
        for (int i = 0; i < latencies.length; i++) {
            if (other.latencies[i] != null) {
                latencies[i] = sum(latencies[i], other.latencies[i]);
            }
        }
        other.failed.forEach((error, buckets) -> failed.merge(error, buckets, Tally::sum));
    }

    private static int[] sum(int[] ours, int[] theirs) {
        if (ours == null) {
            return theirs;
        }
        for (int i = 0; i < ours.length; i++) {
            ours[i] += theirs[i];
        }
        return ours;
    }

    Map<String, Object> told() {
        Map<String, Object> told = new LinkedHashMap<>();
        for (int i = 0; i < COUNTS.length; i++) {
            if (counts[Alone.FIRST + i] != 0) {
                told.put(COUNTS[i], counts[Alone.FIRST + i]);
            }
        }
        for (int i = 0; i < latencies.length; i++) {
            if (latencies[i] != null) {
                told.put(LATENCIES[i], pairs(latencies[i]));
            }
        }
        if (!failed.isEmpty()) {
            Map<String, Object> errors = new LinkedHashMap<>();
            failed.forEach((error, buckets) -> errors.put(error, pairs(buckets)));
            told.put("failed", errors);
        }
        return told;
    }

    static List<int[]> pairs(int[] buckets) {
        List<int[]> pairs = new ArrayList<>();
        for (int i = 0; i < buckets.length; i++) {
            if (buckets[i] != 0) {
                pairs.add(new int[] {i, buckets[i]});
            }
        }
        return pairs;
    }
}
