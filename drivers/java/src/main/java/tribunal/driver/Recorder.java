package tribunal.driver;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.InvalidRequiredAcksException;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.UnsupportedForMessageFormatException;

/** Turns delivery reports into fates and latencies, in the client's I/O thread. */
final class Recorder {
    /**
     * What a broker refuses for what the record is, in the first attempt as in any later one. All else may come after an attempt
     * that was written and whose answer was lost; the client's TimeoutException does not say whether a batch was ever sent.
     */
    private static final Set<Class<?>> NOT_WRITTEN = Set.of(
            InvalidRequiredAcksException.class, InvalidTimestampException.class, InvalidTopicException.class,
            RecordBatchTooLargeException.class, RecordTooLargeException.class, UnsupportedForMessageFormatException.class);

    private static final long OPEN = Long.MAX_VALUE;

    private final Book book;
    private final Windows windows;
    private final Clock clock;
    private final boolean record;
    private final boolean blind;
    /** By partition; the last one is for records of which the client does not say it. */
    private final long[] acknowledged;
    private final long[] perhaps;
    private final Runs[] offsets;
    private Thread sender;
    private long t0;
    /** Belongs to the thread that sends. */
    private Exception refusal;
    /** When the wait for reports ended, from t0. */
    private volatile long ended = OPEN;

    Recorder(Book book, Windows windows, Clock clock, Messages.Arm arm, boolean blind) {
        this.book = book;
        this.windows = windows;
        this.clock = clock;
        this.record = arm.record();
        this.blind = blind;
        acknowledged = new long[arm.partitions() + 1];
        perhaps = new long[arm.partitions() + 1];
        offsets = new Runs[arm.offsets() ? arm.partitions() : 0];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = new Runs();
        }
    }

    /** To be called before the first record is sent. */
    void begin(Thread sender, long t0) {
        this.sender = sender;
        this.t0 = t0;
    }

    boolean isSender(Thread thread) {
        return thread == sender;
    }

    /** Within send(), by its own thread: it does not take the record. */
    void refused(Exception exception) {
        refusal = exception;
    }

    /** What the call of send() that has just ended refused its record with; null when it took it. */
    Exception takeRefusal() {
        Exception taken = refusal;
        if (taken != null) {
            refusal = null;
        }
        return taken;
    }

    void arrived(Delivery delivery, RecordMetadata metadata, Exception exception) {
        long now = record ? clock.now() - t0 : Long.MIN_VALUE;
        Slice slice = book.enter(now);
        // As it was when the record was sent: until the window is announced all that was intended is warm-up.
        int part = windows.part(delivery.intended);
        Tally tally = slice.part(part);
        book.done(part);
        int partition = metadata.partition();
        int place = partition >= 0 && partition < acknowledged.length - 1 ? partition : acknowledged.length - 1;
        if (ended != OPEN) {
            // Whatever the client says after the wait came too late; it does not say what never left it.
            unresolved(tally, delivery.intended);
            perhaps[place]++;
        } else if (exception == null && blind) {
            tally.counts[Tally.POSSIBLY_WRITTEN]++;
            slice.counts[Slice.WRITTEN_BLIND]++;
            perhaps[place]++;
        } else if (exception == null) {
            tally.counts[Tally.ACKNOWLEDGED]++;
            if (record) {
                tally.record(Tally.RESPONSE, now - delivery.intended);
                tally.record(Tally.SERVICE, now - delivery.accepted);
            }
            slice.counts[Slice.ACKNOWLEDGED_BYTES] +=
                    Math.max(metadata.serializedKeySize(), 0) + metadata.serializedValueSize();
            acknowledged[place]++;
            if (place < offsets.length && metadata.hasOffset()) {
                offsets[place].add(metadata.offset());
            }
        } else {
            boolean notWritten = NOT_WRITTEN.contains(exception.getClass());
            tally.counts[notWritten ? Tally.NOT_WRITTEN : Tally.POSSIBLY_WRITTEN]++;
            perhaps[place] += notWritten ? 0 : 1;
            if (record) {
                tally.fail(exception.getClass().getSimpleName(), now - delivery.intended);
            }
        }
        book.leave();
    }

    private void unresolved(Tally tally, long intended) {
        tally.counts[Tally.UNRESOLVED]++;
        if (record) {
            tally.record(Tally.CENSORED, ended - intended);
        }
    }

    /** From `now` on nothing counts as resolved any more. */
    void end(long now) {
        ended = now;
    }

    /** Partition, acknowledged records, records that may be in the log; `silent` ones more of which nobody knows where. */
    List<long[]> partitions(long silent) {
        List<long[]> told = new ArrayList<>();
        int unknown = acknowledged.length - 1;
        for (int i = 0; i < unknown; i++) {
            told.add(new long[] {i, acknowledged[i], perhaps[i]});
        }
        if (acknowledged[unknown] + perhaps[unknown] + silent > 0) {
            told.add(new long[] {-1, acknowledged[unknown], perhaps[unknown] + silent});
        }
        return told;
    }

    List<List<Object>> offsets() {
        List<List<Object>> told = new ArrayList<>();
        for (int i = 0; i < offsets.length; i++) {
            told.add(List.of(i, offsets[i].told()));
        }
        return told;
    }
}
